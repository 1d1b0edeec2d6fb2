package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
	"tokentrail/provenance"
)

// An Entry is a statement, act or equivocation that the ledger has accepted. It
// is stored: keys must never be changed.
type Entry struct {
	Index      int64           `cbor:"-"`
	Height     int64           `cbor:"1,keyasint"` // of the block that carried it
	ID         provenance.Hash `cbor:"2,keyasint"` // of the statement, act or equivocation
	FrameBytes int64           `cbor:"3,keyasint"` // size of the records' frame, or what stands in its place (EQV-2)
	FrameHash  provenance.Hash `cbor:"4,keyasint"` // its SHA-256
	Statement  []byte          `cbor:"5,keyasint"` // the log leaf's data, a statement mostly
}

// Kind returns what the entry is.
func (e *Entry) Kind() provenance.LeafKind {
	kind, _ := provenance.LeafKindOf(e.Statement)
	return kind
}

// HasRecords reports whether the entry is a statement, or something damaged that
// is to be read as one, and so found out.
func (e *Entry) HasRecords() bool {
	kind := e.Kind()
	return kind != provenance.LeafAct && kind != provenance.LeafEquivocation
}

// LeafHash returns the entry's leaf hash in the log (SPEC(LOG-1)).
func (e *Entry) LeafHash() provenance.Hash { return provenance.LeafHash(e.Statement) }

func (e *Entry) encode() []byte { return encodeStored(e) }

func decodeEntry(index int64, b []byte) (*Entry, error) {
	e := &Entry{Index: index}
	if err := decodeStored(b, e); err != nil {
		return nil, err
	}
	if e.FrameBytes < 0 || e.FrameBytes > provenance.MaxFrameBytes {
		return nil, fmt.Errorf("a frame of %d bytes", e.FrameBytes)
	}
	return e, nil
}

// pointersTo returns the keys of the pointers that lead to the entry with this
// leaf: by its id, and a statement by its place in the stream too.
func pointersTo(leaf []byte) ([][]byte, error) {
	if kind, _ := provenance.LeafKindOf(leaf); kind == provenance.LeafStatement {
		s, err := provenance.ParseStatement(leaf)
		if err != nil {
			return nil, err
		}
		return statementPointers(s), nil
	}
	id, err := provenance.EntryID(leaf)
	if err != nil {
		return nil, err
	}
	return [][]byte{idKey(id)}, nil
}

func statementPointers(s *provenance.UnverifiedStatement) [][]byte {
	h := s.Header()
	return [][]byte{idKey(s.ID()), sequenceKey(h.Issuer, h.Stream, h.Sequence)}
}

// pointers is pointersTo for the entry that an admitted submission becomes.
func (c *Checked) pointers() [][]byte {
	if c.sub != nil {
		return statementPointers(c.sub.Statement)
	}
	return [][]byte{idKey(c.id)}
}

// entryOps returns all operations that store an entry with its frame and the
// pointers to it.
func entryOps(e *Entry, pointers [][]byte, frame []byte, hashes []tlog.Hash) []storeOp {
	index := binary.BigEndian.AppendUint64(nil, uint64(e.Index))
	ops := []storeOp{
		sealed(indexKey(prefixEntry, e.Index), e.encode()),
		sealed(indexKey(prefixHashes, e.Index), encodeHashRow(hashes)),
	}
	for _, key := range pointers {
		ops = append(ops, storeOp{key, index})
	}
	for i, rest := 0, frame; len(rest) > 0; i++ {
		n := min(len(rest), frameChunk)
		ops = append(ops, storeOp{frameKey(e.Index, i), rest[:n:n]})
		rest = rest[n:]
	}
	return ops
}

// readEntry returns the entry at index, which must be there. Its statement is
// checked against the leaf hash that the log's proofs are made of.
func (s *store) readEntry(index int64) (*Entry, error) {
	where := fmt.Sprintf("index %d", index)
	b, err := s.get(indexKey(prefixEntry, index))
	if err != nil {
		return nil, err
	}
	if b == nil {
		return nil, damaged("entry", where, "it is missing")
	}
	e, err := decodeEntry(index, b)
	if err != nil {
		return nil, damaged("entry", where, "%v", err)
	}
	row, err := s.hashRow(index)
	if err != nil {
		return nil, err
	}
	if leaf := e.LeafHash(); !bytes.HasPrefix(row, leaf[:]) {
		return nil, damaged("entry", where, "the statement's hash %s is not the log's leaf", leaf)
	}
	return e, nil
}

// readFrame returns the records' frame of an entry, checked against its hash.
func (s *store) readFrame(e *Entry) ([]byte, error) {
	where := fmt.Sprintf("index %d", e.Index)
	frame := make([]byte, 0, e.FrameBytes)
	for i := 0; int64(len(frame)) < e.FrameBytes; i++ {
		chunk, err := s.getRaw(frameKey(e.Index, i))
		if err != nil {
			return nil, err
		}
		if len(chunk) == 0 {
			return nil, damaged("frame", where, "chunk %d is missing", i)
		}
		frame = append(frame, chunk...)
	}
	if sum := provenance.Hash(sha256.Sum256(frame)); sum != e.FrameHash {
		return nil, damaged("frame", where, "%d bytes have the SHA-256 %s, written were %d with %s", len(frame), sum, e.FrameBytes, e.FrameHash)
	}
	return frame, nil
}

// follow reads the pointer under key: the index of an entry below size, or
// ErrNotFound. One that leads beyond is of a block that was never committed.
func (s *store) follow(key []byte, size int64) (int64, error) {
	b, err := s.getRaw(key)
	if err != nil {
		return 0, err
	}
	if b == nil {
		return 0, ErrNotFound
	}
	if len(b) != 8 {
		return 0, damaged("pointer", fmt.Sprintf("%q", key), "%d bytes, wanted 8", len(b))
	}
	index := int64(binary.BigEndian.Uint64(b))
	if index < 0 || index >= size {
		return 0, ErrNotFound
	}
	return index, nil
}
