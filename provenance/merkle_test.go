package provenance

import (
	"crypto/sha256"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/tlog"
)

// naiveRoot is the Merkle Tree Hash as RFC 9162 section 2.1.1 defines it.
func naiveRoot(leaves []Hash) Hash {
	switch len(leaves) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return leaves[0]
	}
	k := 1
	for k*2 < len(leaves) {
		k *= 2
	}
	left, right := naiveRoot(leaves[:k]), naiveRoot(leaves[k:])
	return sha256.Sum256(slices.Concat([]byte{1}, left[:], right[:]))
}

func testLeaves(n int) []Hash {
	leaves := make([]Hash, n)
	for i := range leaves {
		leaves[i] = LeafHash(fmt.Appendf(nil, "leaf %d", i))
	}
	return leaves
}

func treeOf(leaves []Hash) *Tree {
	t := &Tree{}
	for _, l := range leaves {
		t.Append(l)
	}
	return t
}

func rawPath(path []Hash) [][]byte {
	out := make([][]byte, len(path))
	for i := range path {
		out[i] = path[i][:]
	}
	return out
}

const allSizes = 130

func TestLeafHashIsThatOfAnotherLibrary(t *testing.T) {
	for _, s := range []string{"", "a", "tokentrail"} {
		if got := LeafHash([]byte(s)); string(got[:]) != string(rfc6962.DefaultHasher.HashLeaf([]byte(s))) {
			t.Errorf("LeafHash(%q) = %s", s, got)
		}
	}
}

func TestTreeAgreesWithAnotherLibraryForEverySize(t *testing.T) {
	leaves := testLeaves(allSizes)
	tree := &Tree{}
	for size := 0; size <= allSizes; size++ {
		root := tree.Root()
		if want := naiveRoot(leaves[:size]); root != want {
			t.Fatalf("root of %d leaves is %s, wanted %s", size, root, want)
		}
		for i := range size {
			path, err := tree.Path(int64(i))
			if err != nil {
				t.Fatal(err)
			}
			if err := proof.VerifyInclusion(rfc6962.DefaultHasher, uint64(i), uint64(size), leaves[i][:], rawPath(path), root[:]); err != nil {
				t.Errorf("leaf %d of %d: the other library refuses our path: %v", i, size, err)
			}
			if err := VerifyInclusion(root, int64(size), int64(i), leaves[i], path); err != nil {
				t.Errorf("leaf %d of %d: %v", i, size, err)
			}
		}
		if _, err := tree.Path(int64(size)); err == nil {
			t.Errorf("a path for leaf %d of %d", size, size)
		}
		if size < allSizes {
			tree.Append(leaves[size])
		}
	}
	if _, err := tree.Path(-1); err == nil {
		t.Error("a path for leaf -1")
	}
}

func TestConsistencyAgreesWithAnotherLibraryForAllSizes(t *testing.T) {
	leaves := testLeaves(allSizes)
	tree := treeOf(leaves)
	roots := make([]Hash, allSizes+1)
	for n := range roots {
		roots[n] = naiveRoot(leaves[:n])
	}
	for newer := 1; newer <= allSizes; newer++ {
		for older := 1; older <= newer; older++ {
			path := consistencyPath(t, tree, older, newer)
			if err := proof.VerifyConsistency(rfc6962.DefaultHasher, uint64(older), uint64(newer), rawPath(path), roots[older][:], roots[newer][:]); err != nil {
				t.Fatalf("%d to %d: the other library: %v", older, newer, err)
			}
			if err := VerifyConsistency(int64(older), roots[older], int64(newer), roots[newer], path); err != nil {
				t.Errorf("%d to %d: %v", older, newer, err)
			}
		}
	}
}

func consistencyPath(t *testing.T, tree *Tree, older, newer int) []Hash {
	t.Helper()
	if older == newer {
		return nil
	}
	p, err := tlog.ProveTree(int64(newer), int64(older), tree)
	if err != nil {
		t.Fatal(err)
	}
	return hashes(p)
}

func TestWrongInclusionIsRefused(t *testing.T) {
	for size := 1; size <= 20; size++ {
		leaves := testLeaves(size)
		tree := treeOf(leaves)
		root := tree.Root()
		for i := range size {
			path := must1(tree.Path(int64(i)))
			refuse := func(what string, root Hash, size, index int64, leaf Hash, path []Hash) {
				t.Helper()
				if err := VerifyInclusion(root, size, index, leaf, path); CodeOf(err) != CodePath {
					t.Errorf("leaf %d of %d, %s: error %v, wanted the code path", i, len(leaves), what, err)
				}
			}
			n, at, leaf := int64(size), int64(i), leaves[i]
			for other := int64(-1); other <= n; other++ {
				if other != at {
					refuse(fmt.Sprintf("as leaf %d", other), root, n, other, leaf, path)
				}
			}
			refuse("extra hash", root, n, at, leaf, append(slices.Clone(path), Hash{}))
			refuse("extra hash before", root, n, at, leaf, append([]Hash{{}}, path...))
			refuse("another leaf", root, n, at, hashOf("x"), path)
			refuse("another root", hashOf("x"), n, at, leaf, path)
			for j := range path {
				refuse("missing hash", root, n, at, leaf, slices.Delete(slices.Clone(path), j, j+1))
				flipped := slices.Clone(path)
				flipped[j][31] ^= 1
				refuse("flipped hash", root, n, at, leaf, flipped)
			}
		}
	}
}

func TestWrongConsistencyIsRefused(t *testing.T) {
	leaves := testLeaves(20)
	tree := treeOf(leaves)
	for newer := 1; newer <= 20; newer++ {
		for older := 1; older <= newer; older++ {
			a, b := naiveRoot(leaves[:older]), naiveRoot(leaves[:newer])
			path := consistencyPath(t, tree, older, newer)
			refuse := func(what string, older int64, a Hash, newer int64, b Hash, path []Hash) {
				t.Helper()
				if err := VerifyConsistency(older, a, newer, b, path); CodeOf(err) != CodePath {
					t.Errorf("%d to %d, %s: error %v, wanted the code path", older, newer, what, err)
				}
			}
			m, n := int64(older), int64(newer)
			refuse("another old root", m, hashOf("x"), n, b, path)
			refuse("another new root", m, a, n, hashOf("x"), path)
			refuse("extra hash", m, a, n, b, append(slices.Clone(path), Hash{}))
			if older < newer {
				refuse("sizes exchanged", n, b, m, a, path)
			}
			for j := range path {
				refuse("missing hash", m, a, n, b, slices.Delete(slices.Clone(path), j, j+1))
				flipped := slices.Clone(path)
				flipped[j][0] ^= 0x80
				refuse("flipped hash", m, a, n, b, flipped)
			}
		}
	}
}

func TestConsistencyWithTheEmptyTree(t *testing.T) {
	empty, some := Hash(sha256.Sum256(nil)), hashOf("some")
	tests := []struct {
		name         string
		older, newer int64
		a, b         Hash
		path         []Hash
		ok           bool
	}{
		{"both empty", 0, 0, empty, empty, nil, true},
		{"empty to some", 0, 5, empty, some, nil, true},
		{"both empty, with another new root", 0, 0, empty, some, nil, false},
		{"both empty, with another old root", 0, 0, some, some, nil, false},
		{"empty with another root", 0, 5, some, some, nil, false},
		{"empty with a path", 0, 5, empty, some, []Hash{some}, false},
		{"equal with a path", 5, 5, some, some, []Hash{some}, false},
		{"equal", 5, 5, some, some, nil, true},
		{"negative", -1, 5, some, some, nil, false},
		{"shrunk", 5, 0, some, empty, nil, false},
	}
	for _, tt := range tests {
		if err := VerifyConsistency(tt.older, tt.a, tt.newer, tt.b, tt.path); (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestTreesOfImpossibleSizeAreRefusedAtOnce(t *testing.T) {
	path := slices.Repeat([]Hash{hashOf("x")}, maxPathHashes)
	for _, size := range []int64{1 << 61, 1<<62 - 1, 1 << 62, 1<<62 + 1, math.MaxInt64} {
		withinTime(t, func() {
			wantCode(t, VerifyInclusion(Hash{}, size, 0, Hash{}, path), CodePath)
			wantCode(t, VerifyInclusion(Hash{}, size, size-1, Hash{}, path), CodePath)
			wantCode(t, VerifyConsistency(1, Hash{}, size, Hash{}, path), CodePath)
			wantCode(t, VerifyConsistency(size-1, Hash{}, size, Hash{}, path), CodePath)
		})
	}
}
