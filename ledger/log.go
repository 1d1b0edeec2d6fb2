package ledger

import (
	"fmt"
	"maps"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
	"tokentrail/provenance"
)

// maxLogSize bounds the sizes that come from outside: tlog's arithmetic does not
// come back from the greatest.
const maxLogSize = 1 << 48

// logEdge is the log as far as appending to it needs it: the roots of the
// perfect subtrees along the right edge, by tlog's stored hash index. All of
// the log (SPEC(LOG-1)) follows from it and the next leaf.
type logEdge struct {
	size   int64
	hashes map[int64]tlog.Hash
}

// ReadHashes makes a logEdge a tlog.HashReader.
func (e *logEdge) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		h, ok := e.hashes[x]
		if !ok {
			return nil, fmt.Errorf("the log's edge at size %d has no stored hash %d", e.size, x)
		}
		out[i] = h
	}
	return out, nil
}

// append adds a leaf and returns the hashes to be stored with the entry, the
// leaf's first.
func (e *logEdge) append(leaf provenance.Hash) ([]tlog.Hash, error) {
	hashes, err := tlog.StoredHashesForRecordHash(e.size, tlog.Hash(leaf), e)
	if err != nil {
		return nil, err
	}
	// The leaf and the subtrees that it completes are one subtree now, the last
	// hash; the left halves leave the edge.
	top := len(hashes) - 1
	for level := range top {
		delete(e.hashes, tlog.StoredHashIndex(level, e.size>>level-1))
	}
	e.hashes[tlog.StoredHashIndex(0, e.size)+int64(top)] = hashes[top]
	e.size++
	return hashes, nil
}

// root returns the log's root.
func (e *logEdge) root() (provenance.Hash, error) {
	h, err := tlog.TreeHash(e.size, e)
	return provenance.Hash(h), err
}

func (e *logEdge) clone() *logEdge { return &logEdge{e.size, maps.Clone(e.hashes)} }

// peakIndexes returns the stored hash indexes of the roots of the perfect
// subtrees that make up the log at size, from the left.
func peakIndexes(size int64) []int64 {
	var out []int64
	for level := bits.Len64(uint64(size)) - 1; level >= 0; level-- {
		if n := size >> level; n&1 == 1 {
			out = append(out, tlog.StoredHashIndex(level, n-1))
		}
	}
	return out
}

// peaks returns the edge's hashes from the left.
func (e *logEdge) peaks() []provenance.Hash {
	out := []provenance.Hash{}
	for _, x := range peakIndexes(e.size) {
		out = append(out, provenance.Hash(e.hashes[x]))
	}
	return out
}

// edgeOf is the edge with these peaks, which must be as many as size asks for.
func edgeOf(size int64, peaks []provenance.Hash) (*logEdge, error) {
	if size < 0 || size > maxLogSize {
		return nil, fmt.Errorf("a log of size %d, wanted 0 to %d", size, int64(maxLogSize))
	}
	indexes := peakIndexes(size)
	if len(indexes) != len(peaks) {
		return nil, fmt.Errorf("an edge of %d hashes, a log of size %d has %d", len(peaks), size, len(indexes))
	}
	e := &logEdge{size, map[int64]tlog.Hash{}}
	for i, x := range indexes {
		e.hashes[x] = tlog.Hash(peaks[i])
	}
	return e, nil
}

// newEdge is the edge of the empty log.
func newEdge() *logEdge { return &logEdge{hashes: map[int64]tlog.Hash{}} }

// loadEdge reads the edge of the log at size out of r, and the root there.
func loadEdge(size int64, r tlog.HashReader) (*logEdge, provenance.Hash, error) {
	e := &logEdge{size, map[int64]tlog.Hash{}}
	// The hashes that make the root are exactly the edge.
	root, err := tlog.TreeHash(size, tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		hashes, err := r.ReadHashes(indexes)
		for i, h := range hashes {
			e.hashes[indexes[i]] = h
		}
		return hashes, err
	}))
	return e, provenance.Hash(root), err
}

// ReadHashes makes the store a tlog.HashReader over the rows "h", and where those
// are not here yet over the frontier's edge, which is all that proofs about
// entries behind it need.
func (s *store) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	past := s.history.Load() // before the rows: what it has is there
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		level, entry := completedBy(x)
		if past.lacks(entry) {
			h, ok := past.frontier.hashes[x]
			if !ok {
				return nil, past.notHere("the hashes of entry %d", entry)
			}
			out[i] = h
			continue
		}
		row, err := s.hashRow(entry)
		if err != nil {
			return nil, err
		}
		if out[i], err = hashOfRow(row, level, entry); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// completedBy returns the level of a stored hash and the entry that completed
// it: hash n of level l was completed by entry (n+1)·2^l - 1 and is the l-th of
// its row.
func completedBy(stored int64) (level int, entry int64) {
	level, n := tlog.SplitStoredHashIndex(stored)
	return level, (n+1)<<level - 1
}

func hashOfRow(row []byte, level int, entry int64) (tlog.Hash, error) {
	if level >= len(row)/tlog.HashSize {
		return tlog.Hash{}, damaged("log hashes", fmt.Sprintf("index %d", entry), "there are %d, number %d is wanted", len(row)/tlog.HashSize, level)
	}
	return tlog.Hash(row[level*tlog.HashSize:]), nil
}

// hashRow returns the hashes stored with the entry at index.
func (s *store) hashRow(index int64) ([]byte, error) {
	row, err := s.get(indexKey(prefixHashes, index))
	if err == nil && row == nil {
		err = damaged("log hashes", fmt.Sprintf("index %d", index), "they are missing")
	}
	return row, err
}

// encodeHashRow joins the hashes of an entry.
func encodeHashRow(hashes []tlog.Hash) []byte {
	b := make([]byte, 0, (len(hashes)+1)*tlog.HashSize) // and the seal
	for _, h := range hashes {
		b = append(b, h[:]...)
	}
	return b
}

func proofPath(hashes []tlog.Hash) []provenance.Hash {
	out := make([]provenance.Hash, len(hashes))
	for i, h := range hashes {
		out[i] = provenance.Hash(h)
	}
	return out
}
