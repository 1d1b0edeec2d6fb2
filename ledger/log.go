package ledger

import (
	"fmt"
	"maps"

	"golang.org/x/mod/sumdb/tlog"
	"tokentrail/provenance"
)

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

// ReadHashes makes the store a tlog.HashReader over the rows "h". Hash n of
// level l was completed by entry (n+1)·2^l - 1 and is the l-th of its row.
func (s *store) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		level, n := tlog.SplitStoredHashIndex(x)
		row, err := s.hashRow((n+1)<<level - 1)
		if err != nil {
			return nil, err
		}
		if level >= len(row)/tlog.HashSize {
			return nil, damaged("log hashes", fmt.Sprintf("index %d", (n+1)<<level-1), "there are %d, number %d is wanted", len(row)/tlog.HashSize, level)
		}
		out[i] = tlog.Hash(row[level*tlog.HashSize:])
	}
	return out, nil
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
