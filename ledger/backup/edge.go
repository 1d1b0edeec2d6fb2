package backup

import (
	"crypto/sha256"
	"fmt"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"

	"tokentrail/provenance"
)

// An edge is the log as far as appending to it needs it: the roots of the perfect
// subtrees that it is made of, the greatest first. The zero edge is the empty log.
type edge struct {
	size  int64
	roots []provenance.Hash
}

// append adds a leaf by its hash. completed, if not nil, is told each subtree that
// the leaf completes, beginning with itself: number n of those of 2^level leaves.
func (e *edge) append(leaf provenance.Hash, completed func(level int, n int64, root provenance.Hash)) {
	root := leaf
	for level, n := 0, e.size; ; level, n = level+1, n>>1 {
		if completed != nil {
			completed(level, n, root)
		}
		if n&1 == 0 {
			break
		}
		last := len(e.roots) - 1
		root = provenance.Hash(tlog.NodeHash(tlog.Hash(e.roots[last]), tlog.Hash(root)))
		e.roots = e.roots[:last]
	}
	e.roots = append(e.roots, root)
	e.size++
}

// root returns the log's root (SPEC(LOG-1)).
func (e *edge) root() provenance.Hash {
	if e.size == 0 {
		return sha256.Sum256(nil)
	}
	last := len(e.roots) - 1
	root := e.roots[last]
	for i := last - 1; i >= 0; i-- {
		root = provenance.Hash(tlog.NodeHash(tlog.Hash(e.roots[i]), tlog.Hash(root)))
	}
	return root
}

func (e *edge) clone() *edge {
	return &edge{e.size, append([]provenance.Hash(nil), e.roots...)}
}

// check wants as many roots as a log of this size is made of.
func (e *edge) check() error {
	if want := bits.OnesCount64(uint64(e.size)); e.size < 0 || len(e.roots) != want {
		return fmt.Errorf("a log of %d entries has %d subtrees, there are %d", e.size, want, len(e.roots))
	}
	return nil
}

func (e *edge) equal(o *edge) bool { return e.size == o.size && e.root() == o.root() }

func appendHashes(b []byte, hashes []provenance.Hash) []byte {
	b = provenance.AppendArray(b, len(hashes))
	for _, h := range hashes {
		b = provenance.AppendBytes(b, h[:])
	}
	return b
}

// pageLevel is the level from which on Proofs keeps all subtrees: the log can be
// proven from each multiple of 16 entries, and a log of ten million entries takes
// 40 MB.
const pageLevel = 4

// pageEntries is what a page of entries that can be proven is a multiple of.
const pageEntries = 1 << pageLevel

// Proofs prove how a log of one size grew, and that single entries stand in it.
// It is built while the log's leaves pass by, and not changed afterwards.
type Proofs struct {
	log   edge
	kept  [][]tlog.Hash       // by level above pageLevel
	small map[int64]tlog.Hash // below pageLevel, by tlog's stored hash index
	block []int64             // the keys of small that are of the block of pageEntries being filled
	want  map[int64]bool      // blocks whose small subtrees are kept
}

// newProofs keeps what proves the entries at the indexes wanted, beside what
// proves consistency.
func newProofs(wanted []int64) *Proofs {
	p := &Proofs{small: map[int64]tlog.Hash{}, want: map[int64]bool{}}
	for _, index := range wanted {
		p.want[index/pageEntries] = true
	}
	return p
}

func (p *Proofs) append(leaf provenance.Hash) {
	block := p.log.size / pageEntries
	p.log.append(leaf, func(level int, n int64, root provenance.Hash) {
		if level < pageLevel {
			key := tlog.StoredHashIndex(level, n)
			p.small[key] = tlog.Hash(root)
			p.block = append(p.block, key)
			return
		}
		for len(p.kept) <= level-pageLevel {
			p.kept = append(p.kept, nil)
		}
		p.kept[level-pageLevel] = append(p.kept[level-pageLevel], tlog.Hash(root))
	})
	// Of a block that is full its root is enough.
	if p.log.size%pageEntries == 0 {
		if !p.want[block] {
			for _, key := range p.block {
				delete(p.small, key)
			}
		}
		p.block = p.block[:0]
	}
}

// ReadHashes makes Proofs a tlog.HashReader.
func (p *Proofs) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		level, n := tlog.SplitStoredHashIndex(x)
		h, ok := p.small[x]
		if at := level - pageLevel; at >= 0 && at < len(p.kept) && n < int64(len(p.kept[at])) {
			h, ok = p.kept[at][n], true
		}
		if !ok {
			return nil, fmt.Errorf("the subtree %d of level %d is not kept", n, level)
		}
		out[i] = h
	}
	return out, nil
}

// Consistency proves that the log grew out of its first size entries, a multiple
// of 16 or all of them.
func (p *Proofs) Consistency(size int64) (*provenance.Consistency, error) {
	c := &provenance.Consistency{Older: size, Newer: p.log.size}
	if size == 0 || size == p.log.size {
		return c, nil
	}
	path, err := tlog.ProveTree(p.log.size, size, p)
	if err != nil {
		return nil, fmt.Errorf("consistency of the sizes %d and %d: %w", size, p.log.size, err)
	}
	c.Path = fromTlog(path)
	return c, nil
}

// Inclusion proves that one of the entries asked for stands in the log.
func (p *Proofs) Inclusion(index int64) (*provenance.Inclusion, error) {
	path, err := tlog.ProveRecord(p.log.size, index, p)
	if err != nil {
		return nil, fmt.Errorf("inclusion of entry %d in the log of size %d: %w", index, p.log.size, err)
	}
	return &provenance.Inclusion{Size: p.log.size, Index: index, Path: fromTlog(path)}, nil
}

func fromTlog(path []tlog.Hash) []provenance.Hash {
	out := make([]provenance.Hash, len(path))
	for i, h := range path {
		out[i] = provenance.Hash(h)
	}
	return out
}
