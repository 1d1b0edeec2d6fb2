package ledger

import (
	"errors"
	"slices"
	"testing"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"tokentrail/provenance"
)

// TestLogProofs holds every proof at every size below 100, read back from disk,
// against another implementation of RFC 6962.
func TestLogProofs(t *testing.T) {
	const most = 99
	l := newLedger(t)
	w := newWriter(t, "acme", "log")
	roots := [][]byte{rfc6962.DefaultHasher.EmptyRoot()}
	var leaves [][]byte
	oracle := (&compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}).NewEmptyRange(0)
	for n := 1; n <= most; n++ {
		c := w.next(1)
		run(t, l, []*Checked{c})
		leaves = append(leaves, rfc6962.DefaultHasher.HashLeaf(c.sub.Statement.Raw()))
		if err := oracle.Append(leaves[n-1], nil); err != nil {
			t.Fatal(err)
		}
		root, err := oracle.GetRootHash(nil)
		if err != nil {
			t.Fatal(err)
		}
		if head := l.Snapshot().Head(); string(head.LogRoot[:]) != string(root) {
			t.Fatalf("size %d: root %s, wanted %x", n, head.LogRoot, root)
		}
		roots = append(roots, root)
	}
	s := l.Snapshot()
	for size := uint64(0); size <= most; size++ {
		if root, err := s.LogRoot(int64(size)); err != nil || string(root[:]) != string(roots[size]) {
			t.Fatalf("root at %d is %s, wanted %x: %v", size, root, roots[size], err)
		}
		for index := range size {
			p, err := s.Inclusion(int64(index), int64(size))
			if err != nil {
				t.Fatal(err)
			}
			if err := proof.VerifyInclusion(rfc6962.DefaultHasher, index, size, leaves[index], bytesOf(p.Path), roots[size]); err != nil {
				t.Fatalf("inclusion of %d in %d: %v", index, size, err)
			}
		}
		for older := range size + 1 {
			p, err := s.Consistency(int64(older), int64(size))
			if err != nil {
				t.Fatal(err)
			}
			if older == 0 && len(p.Path) == 0 {
				continue // SPEC(PRF-1); the oracle has no opinion on size 0
			}
			if err := proof.VerifyConsistency(rfc6962.DefaultHasher, older, size, bytesOf(p.Path), roots[older], roots[size]); err != nil {
				t.Fatalf("consistency of %d and %d: %v", older, size, err)
			}
		}
	}
}

func bytesOf(path []provenance.Hash) [][]byte {
	out := make([][]byte, len(path))
	for i := range path {
		out[i] = path[i][:]
	}
	return out
}

func TestProofsOutside(t *testing.T) {
	l := newLedger(t)
	run(t, l, newWriter(t, "acme", "s").many(3, 1))
	s := l.Snapshot()
	var errs []error
	for _, x := range [][2]int64{{-1, 2}, {2, 2}, {0, 4}, {3, 3}, {0, -1}} {
		_, err := s.Inclusion(x[0], x[1])
		errs = append(errs, err)
	}
	for _, x := range [][2]int64{{-1, 2}, {3, 2}, {0, 4}, {4, 4}} {
		_, err := s.Consistency(x[0], x[1])
		errs = append(errs, err)
	}
	_, err := s.Entry(3)
	errs = append(errs, err)
	_, err = s.Entry(-1)
	errs = append(errs, err)
	_, err = s.LogRoot(4)
	errs = append(errs, err)
	_, err = s.IndexOf(provenance.Hash{1})
	errs = append(errs, err)
	_, err = s.IndexOfSequence("acme", "s", 3)
	errs = append(errs, err)
	if i := slices.IndexFunc(errs, func(err error) bool { return !errors.Is(err, ErrNotFound) }); i >= 0 {
		t.Fatalf("case %d: %v", i, errs[i])
	}
}
