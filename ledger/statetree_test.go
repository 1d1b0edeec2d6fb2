package ledger

import (
	"crypto/sha256"
	"fmt"
	"testing"

	"pgregory.net/rapid"
	"tokentrail/provenance"
)

// naiveRoot is SPEC(STA-1) as it reads: a recursion over a set of keys.
func naiveRoot(state map[string][]byte) provenance.Hash {
	var leaves [][2]provenance.Hash
	for k, v := range state {
		leaves = append(leaves, [2]provenance.Hash{sha256.Sum256([]byte(k)), sha256.Sum256(v)})
	}
	return naiveNode(leaves, 0)
}

func naiveNode(leaves [][2]provenance.Hash, depth int) provenance.Hash {
	switch len(leaves) {
	case 0:
		return provenance.Hash{}
	case 1:
		return sha256.Sum256(append(append([]byte{0}, leaves[0][0][:]...), leaves[0][1][:]...))
	}
	var side [2][][2]provenance.Hash
	for _, l := range leaves {
		b := provenance.Bit(l[0], depth)
		side[b] = append(side[b], l)
	}
	left, right := naiveNode(side[0], depth+1), naiveNode(side[1], depth+1)
	return sha256.Sum256(append(append([]byte{1}, left[:]...), right[:]...))
}

func TestStateTree(t *testing.T) {
	key := rapid.Custom(func(t *rapid.T) string { return fmt.Sprint("key/", rapid.IntRange(0, 60).Draw(t, "key")) })
	rapid.Check(t, func(t *rapid.T) {
		var tree stateTree
		state := map[string][]byte{}
		type version struct {
			tree stateTree
			root provenance.Hash
		}
		var versions []version
		for range rapid.IntRange(1, 12).Draw(t, "blocks") {
			keys := rapid.SliceOfNDistinct(key, 0, 20, rapid.ID[string]).Draw(t, "keys")
			var changes []stateChange
			for _, k := range keys {
				if rapid.IntRange(0, 3).Draw(t, "what") == 0 {
					delete(state, k)
					changes = append(changes, stateChange{key: k})
					continue
				}
				v := rapid.SliceOfN(rapid.Byte(), 1, 4).Draw(t, "value")
				state[k] = v
				changes = append(changes, stateChange{k, v})
			}
			tree = tree.update(changes)
			checkTree(t, tree, state)
			versions = append(versions, version{tree, tree.rootHash()})
		}
		var bulk []stateChange
		for k, v := range state {
			bulk = append(bulk, stateChange{k, v})
		}
		if (stateTree{}).update(bulk).rootHash() != tree.rootHash() {
			t.Fatal("the tree depends on the order in which it was built")
		}
		for i, v := range versions {
			if rehash(v.tree.root) != v.root {
				t.Fatalf("version %d changed afterwards", i)
			}
		}
	})
}

func checkTree(t *rapid.T, tree stateTree, state map[string][]byte) {
	if want := naiveRoot(state); tree.rootHash() != want {
		t.Fatalf("root %s, wanted %s", tree.rootHash(), want)
	}
	for i := range 62 {
		k := fmt.Sprint("key/", i)
		value, ok := tree.get(k)
		want, wanted := state[k]
		if ok != wanted || string(value) != string(want) {
			t.Fatalf("%s is %x %t, wanted %x %t", k, value, ok, want, wanted)
		}
		p, err := provenance.ParseStateProof(tree.prove(k).Encode())
		if err != nil {
			t.Fatal(err)
		}
		present, absent := p.Present(tree.rootHash(), k, want), p.Absent(tree.rootHash(), k)
		if (present == nil) != wanted || (absent == nil) == wanted {
			t.Fatalf("%s there: %t; presence: %v, absence: %v", k, wanted, present, absent)
		}
	}
	if n := len(tree.withPrefix("key/")); n != len(state) {
		t.Fatalf("%d leaves, wanted %d", n, len(state))
	}
}

// rehash computes a subtree's hash from its leaves up.
func rehash(n *stateNode) provenance.Hash {
	switch {
	case n == nil:
		return provenance.Hash{}
	case n.leaf != nil:
		return leafNode(&stateLeaf{keyHash: n.leaf.keyHash, valueHash: sha256.Sum256(n.leaf.value)}).hash
	}
	left, right := rehash(n.left), rehash(n.right)
	return sha256.Sum256(append(append([]byte{1}, left[:]...), right[:]...))
}

func BenchmarkStateTreeUpdate(b *testing.B) {
	var changes []stateChange
	for i := range 100_000 {
		changes = append(changes, stateChange{fmt.Sprint("stream/acme/", i), []byte{1}})
	}
	tree := stateTree{}.update(changes)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		tree.update([]stateChange{{fmt.Sprint("stream/acme/", i%100_000), []byte{2}}})
	}
}
