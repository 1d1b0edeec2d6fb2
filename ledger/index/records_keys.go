package index

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"tokentrail/ledger"
	"tokentrail/provenance"
)

// recordKeySize is the size of every key but progressKey, in bytes.
const recordKeySize = 1 + nameSize + 5 + 2

// nameSize is how much of a name's hash stands in a key. Two names may share it:
// whoever follows a key reads the record.
const nameSize = 8

// A recordKey says that a record has a name: family ‖ first bytes of the name ‖
// entry (5 bytes) ‖ record (2 bytes), big-endian, so that keys of one name are in
// the order of the log. There is no value. It is stored: bump recordFormat where
// it changes.
type recordKey [recordKeySize]byte

// Families of keys, by what names the record.
const (
	familyProgress   byte = iota // not of records
	familyID                     // its id
	familyRef                    // its issuer's ref
	familyContent                // the value of a content commitment
	familyParent                 // what it names as a parent
	familyCorrection             // its issuer and the record that it corrects
)

// maxEntries is the number of entries that keys can tell apart.
const maxEntries = 1 << 40

func progressKey() []byte { return []byte{familyProgress} }

func newRecordKey(family byte, name provenance.Hash, entry int64, record int) (k recordKey) {
	k[0] = family
	copy(k[1:], name[:nameSize])
	var at [8]byte
	binary.BigEndian.PutUint64(at[:], uint64(entry))
	copy(k[1+nameSize:], at[3:])
	binary.BigEndian.PutUint16(k[recordKeySize-2:], uint16(record))
	return k
}

// place returns the record that a key leads to.
func (k recordKey) place() (entry int64, record int) {
	var at [8]byte
	copy(at[3:], k[1+nameSize:])
	return int64(binary.BigEndian.Uint64(at[:])), int(binary.BigEndian.Uint16(k[recordKeySize-2:]))
}

// refName is the name of an issuer's ref. An issuer has no zero byte.
func refName(issuer string, ref []byte) provenance.Hash {
	b := append(make([]byte, 0, 128), issuer...)
	return sha256.Sum256(append(append(b, 0), ref...))
}

// correctionName is the name of the record that an issuer corrects. The issuer is
// in it, so that what others say of the record has other keys.
func correctionName(issuer string, corrected provenance.Hash) provenance.Hash {
	return refName(issuer, corrected[:])
}

// chosenName is the name of what an issuer writes down as it likes: hashed, or
// one could choose values that share the first bytes with another's.
func chosenName(value provenance.Hash) provenance.Hash { return sha256.Sum256(value[:]) }

// queryName returns what a query's keys begin with.
func queryName(q provenance.RecordQuery) (family byte, name provenance.Hash) {
	switch {
	case q.Content != nil:
		return familyContent, chosenName(*q.Content)
	case q.Corrects:
		return familyCorrection, correctionName(q.Issuer, *q.ID)
	case q.Parent && q.ID != nil:
		return familyParent, chosenName(*q.ID)
	case q.Parent:
		return familyParent, refName(q.Issuer, q.Ref)
	case q.ID != nil:
		return familyID, *q.ID
	}
	return familyRef, refName(q.Issuer, q.Ref)
}

// appendEntryKeys adds the keys of all records of an entry.
func appendEntryKeys(keys []recordKey, log RecordReader, e *ledger.Entry) ([]recordKey, error) {
	if e.Index >= maxEntries {
		return nil, fmt.Errorf("the index has room for %d entries", int64(maxEntries))
	}
	if !e.HasRecords() {
		return keys, nil // it has no records
	}
	h, records, err := openEntry(log, e)
	if err != nil {
		return nil, err
	}
	for i, record := range records {
		id := provenance.RecordID(h.Issuer, h.Stream, h.Sequence, i, record)
		refs, err := provenance.ReferencesOf(record)
		if err != nil {
			return nil, fmt.Errorf("record %d: %w", i, err)
		}
		add := func(family byte, name provenance.Hash) {
			keys = append(keys, newRecordKey(family, name, e.Index, i))
		}
		add(familyID, id)
		if refs.Ref != nil {
			add(familyRef, refName(h.Issuer, refs.Ref))
		}
		for _, value := range refs.Contents {
			add(familyContent, chosenName(value))
		}
		for _, p := range refs.Parents {
			if p.ID != nil {
				add(familyParent, chosenName(provenance.Hash(p.ID)))
			} else {
				add(familyParent, refName(p.Issuer, p.Ref))
			}
		}
		if refs.Corrects != nil {
			add(familyCorrection, correctionName(h.Issuer, *refs.Corrects))
		}
	}
	return keys, nil
}

// openEntry returns the header and the encoded records of an entry.
func openEntry(log RecordReader, e *ledger.Entry) (*provenance.BatchHeader, [][]byte, error) {
	s, err := provenance.ParseStatement(e.Statement)
	if err != nil {
		return nil, nil, err
	}
	frame, err := log.EntryFrame(e)
	if err != nil {
		return nil, nil, err
	}
	// Policy may have been other when the entry was accepted.
	records, err := provenance.ExpandRecords(frame, s.Header().Count, provenance.FormatLimits())
	return s.Header(), records, err
}

// recordFormat is the version of what is stored. Version 1 had corrections among
// the children of what they correct.
const recordFormat = 2

// progress says how far an index is, and of which log. It is stored as format (1
// byte) ‖ size (8 bytes, big-endian) ‖ last ‖ origin.
type progress struct {
	origin string
	size   int64           // entries all of whose keys are stored
	last   provenance.Hash // statement id of the last of them; zero for none
}

func (p progress) encode() []byte {
	b := binary.BigEndian.AppendUint64([]byte{recordFormat}, uint64(p.size))
	return append(append(b, p.last[:]...), p.origin...)
}

// decodeProgress reads what encode wrote for the log of an origin.
func decodeProgress(b []byte, origin string) (p progress, err error) {
	const fixed = 1 + 8 + provenance.HashSize
	switch {
	case len(b) < fixed:
		return p, unfit("it is of another version")
	case b[0] != recordFormat:
		return p, unfit("it is of another version, %d", b[0])
	case string(b[fixed:]) != origin:
		return p, unfit("it is of the log %.200q, not of %s", b[fixed:], origin)
	}
	p = progress{origin: origin, size: int64(binary.BigEndian.Uint64(b[1:])), last: provenance.Hash(b[9:fixed])}
	if p.size < 0 || p.size > maxEntries {
		return p, unfit("it is said to have %d entries", p.size)
	}
	return p, nil
}

// fits wants the index to be of a part of the log.
func (p progress) fits(log RecordReader) error {
	head := log.Head()
	switch {
	case p.size == 0:
		return nil
	case p.size > head.Size:
		return unfit("it has %d entries, the log %d", p.size, head.Size)
	}
	e, err := log.Entry(p.size - 1)
	if err != nil {
		return fmt.Errorf("entry %d: %w", p.size-1, err)
	}
	if e.ID != p.last {
		return unfit("its entry %d is statement %s, the log's is %s", p.size-1, p.last, e.ID)
	}
	return nil
}
