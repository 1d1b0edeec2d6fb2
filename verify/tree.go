package verify

import (
	"crypto/sha256"
	"math/bits"

	"tokentrail/provenance"
)

// A frontier is an RFC 9162 tree of which only the roots of its complete
// subtrees are kept, largest first: memory is logarithmic in its size.
type frontier struct {
	size  int64
	roots []provenance.Hash
	// chunks are the roots of the first, second, … chunkSize leaves, so that
	// entries that are read again are known for the same ones.
	chunks []provenance.Hash
}

// chunkSize is a power of two: 32 bytes are kept for so many leaves.
const (
	chunkLevel = 10
	chunkSize  = 1 << chunkLevel
)

// add appends a leaf by its hash.
func (f *frontier) add(leaf provenance.Hash) {
	f.roots = append(f.roots, leaf)
	// Each trailing 1 bit of the old size is a complete subtree to merge with.
	for n, level := f.size, 1; n&1 == 1; n, level = n>>1, level+1 {
		last := len(f.roots) - 1
		f.roots[last-1] = logNode(f.roots[last-1], f.roots[last])
		f.roots = f.roots[:last]
		if level == chunkLevel {
			f.chunks = append(f.chunks, f.roots[last-1])
		}
	}
	f.size++
}

// chunk returns the root of a chunk's leaves, of the last one those there are.
func (f *frontier) chunk(i int64) provenance.Hash {
	if i < int64(len(f.chunks)) {
		return f.chunks[i]
	}
	inside := bits.OnesCount64(uint64(f.size % chunkSize))
	return fold(f.roots[len(f.roots)-inside:])
}

// root returns the tree's root (SPEC(LOG-1)).
func (f *frontier) root() provenance.Hash {
	return fold(f.roots)
}

// fold returns the root above complete subtrees, largest first.
func fold(roots []provenance.Hash) provenance.Hash {
	if len(roots) == 0 {
		return sha256.Sum256(nil)
	}
	h := roots[len(roots)-1]
	for i := len(roots) - 2; i >= 0; i-- {
		h = logNode(roots[i], h)
	}
	return h
}

// logNode is the node hash of RFC 9162 section 2.1.1.
func logNode(left, right provenance.Hash) provenance.Hash {
	b := make([]byte, 0, 1+2*provenance.HashSize)
	b = append(append(append(b, 0x01), left[:]...), right[:]...)
	return sha256.Sum256(b)
}

// A stateMap is the state map as replayed by the audit: the compact sparse
// Merkle tree of SPEC(STA-1), with every node's hash at hand, so that a change
// costs the path to one leaf.
type stateMap struct {
	top    *stateNode
	values map[string][]byte
}

// A stateNode is a leaf or an inner node; nil is the empty subtree.
type stateNode struct {
	hash        provenance.Hash
	leaf        *provenance.StateLeaf // nil for an inner node
	left, right *stateNode
}

func newStateMap(values map[string][]byte) *stateMap {
	m := &stateMap{values: map[string][]byte{}}
	for key, value := range values {
		m.set(key, value)
	}
	return m
}

func (m *stateMap) set(key string, value []byte) {
	m.values[key] = value
	leaf := &provenance.StateLeaf{KeyHash: sha256.Sum256([]byte(key)), ValueHash: sha256.Sum256(value)}
	m.top = m.top.put(leaf, 0)
}

// remove takes a key out of the map.
func (m *stateMap) remove(key string) {
	delete(m.values, key)
	m.top = m.top.without(sha256.Sum256([]byte(key)), 0)
}

func (m *stateMap) root() provenance.Hash { return m.top.sum() }

func (n *stateNode) sum() provenance.Hash {
	if n == nil {
		return provenance.Hash{}
	}
	return n.hash
}

// put returns the subtree at the depth with the leaf in it.
func (n *stateNode) put(leaf *provenance.StateLeaf, depth int) *stateNode {
	if n == nil || n.leaf != nil && n.leaf.KeyHash == leaf.KeyHash {
		return &stateNode{hash: leaf.Hash(), leaf: leaf}
	}
	if n.leaf != nil { // two leaves from here on: the old one moves down
		n = (&stateNode{}).with(n, provenance.Bit(n.leaf.KeyHash, depth))
	}
	bit := provenance.Bit(leaf.KeyHash, depth)
	child := n.left
	if bit == 1 {
		child = n.right
	}
	return n.with(child.put(leaf, depth+1), bit)
}

// without returns the subtree at the depth without the leaf of a key. A subtree
// that one leaf is left of is that leaf. SPEC(STA-1)
func (n *stateNode) without(key provenance.Hash, depth int) *stateNode {
	switch {
	case n == nil || n.leaf != nil && n.leaf.KeyHash == key:
		return nil
	case n.leaf != nil:
		return n
	}
	bit := provenance.Bit(key, depth)
	child, other := n.left, n.right
	if bit == 1 {
		child, other = other, child
	}
	child = child.without(key, depth+1)
	switch {
	case child == nil && (other == nil || other.leaf != nil):
		return other
	case other == nil && child.leaf != nil:
		return child
	}
	return n.with(child, bit)
}

// with puts a child in its place.
func (n *stateNode) with(child *stateNode, bit int) *stateNode {
	if bit == 0 {
		n.left = child
	} else {
		n.right = child
	}
	n.hash = provenance.StateNode(n.left.sum(), n.right.sum())
	return n
}
