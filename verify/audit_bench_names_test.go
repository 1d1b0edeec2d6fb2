//go:build unix

package verify_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"net/url"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"sort"
	"testing"

	"tokentrail/provenance"
)

// A nameIndex finds records of a long log by name. It stands in a file, so that the
// memory that is measured is the auditor's.
type nameIndex struct {
	items [][nameItem]byte // until they are written
	file  *os.File
	count int
}

// nameItem is the size of an item: the first bytes of a name's hash, entry, record.
const nameItem = 16

func nameItemOf(q provenance.RecordQuery, entry, record int) (item [nameItem]byte) {
	name, value := q.Param()
	hash := sha256.Sum256([]byte(name + "=" + value))
	copy(item[:8], hash[:])
	binary.BigEndian.PutUint32(item[8:], uint32(entry))
	binary.BigEndian.PutUint32(item[12:], uint32(record))
	return item
}

// add takes the records of an entry.
func (x *nameIndex) add(t testing.TB, entry int, h *provenance.BatchHeader, records [][]byte) {
	for i, raw := range records {
		refs, err := provenance.ReferencesOf(raw)
		check(t, err)
		x.items = append(x.items, nameItemOf(provenance.ByID(provenance.RecordID(h.Issuer, h.Stream, h.Sequence, i, raw)), entry, i),
			nameItemOf(provenance.ByRef(h.Issuer, refs.Ref), entry, i))
		for _, value := range refs.Contents {
			x.items = append(x.items, nameItemOf(provenance.ByContent(value), entry, i))
		}
	}
}

// write sorts the index into its file, and gives its memory back.
func (x *nameIndex) write(t testing.TB) {
	slices.SortFunc(x.items, func(a, b [nameItem]byte) int { return bytes.Compare(a[:], b[:]) })
	var err error
	x.file, err = os.Create(filepath.Join(t.TempDir(), "names"))
	check(t, err)
	t.Cleanup(func() { _ = x.file.Close() })
	for part := range slices.Chunk(x.items, 4096) {
		_, err := x.file.Write(slices.Concat(bytesOf(part)...))
		check(t, err)
	}
	x.count, x.items = len(x.items), nil
	debug.FreeOSMemory()
}

func bytesOf(items [][nameItem]byte) (all [][]byte) {
	for i := range items {
		all = append(all, items[i][:])
	}
	return all
}

// find returns the places of all records with a name: entry and record.
func (x *nameIndex) find(t testing.TB, q provenance.RecordQuery) (places [][2]int64) {
	want := nameItemOf(q, 0, 0)
	item := func(i int) (b [nameItem]byte) {
		_, err := x.file.ReadAt(b[:], int64(i)*nameItem)
		check(t, err)
		return b
	}
	for i := sort.Search(x.count, func(i int) bool { b := item(i); return bytes.Compare(b[:], want[:]) >= 0 }); i < x.count; i++ {
		b := item(i)
		if !bytes.Equal(b[:8], want[:8]) {
			break
		}
		places = append(places, [2]int64{int64(binary.BigEndian.Uint32(b[8:])), int64(binary.BigEndian.Uint32(b[12:]))})
	}
	return places
}

// Records answers a look-up. No name of the long log has more records than a page.
func (l *longLog) Records(ctx context.Context, q provenance.RecordQuery, _, _ int) (*provenance.RecordsAnswer, error) {
	a := &provenance.RecordsAnswer{Size: l.head().Size}
	for _, at := range l.names.find(l.t, q) {
		raw, err := l.RecordProof(ctx, at[0], at[1])
		if err != nil {
			return nil, err
		}
		proof, err := provenance.ParseRecordProof(raw)
		if err != nil {
			return nil, err
		}
		a.Hits = append(a.Hits, provenance.RecordHit{Entry: at[0], Statement: l.entries[at[0]].Statement, Proof: proof})
	}
	return a, nil
}

// lookUp is Records of a request's parameters.
func (l *longLog) lookUp(ctx context.Context, values url.Values) []byte {
	for _, name := range []string{"id", "ref", "content"} {
		if q, err := provenance.ParseRecordQuery(name, values.Get(name)); err == nil {
			a, err := l.Records(ctx, q, 0, 0)
			check(l.t, err)
			return a.Encode()
		}
	}
	return nil
}
