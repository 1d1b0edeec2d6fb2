package ledger

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"strings"

	"tokentrail/provenance"
)

// stateTree is the state map (SPEC(STA-1)): a compact sparse Merkle tree over
// the hashes of the keys. It is immutable: update returns another tree that
// shares every subtree that did not change, so a reader keeps its root for as
// long as it likes while the writer goes on. The zero value is the empty tree.
//
// The tree's shape and hashes follow from its content alone, never from the
// order in which it was built.
type stateTree struct {
	root *stateNode // nil: empty
}

// stateNode is a leaf (leaf != nil) or an inner node with at least two leaves
// below it. It never changes once it is linked.
type stateNode struct {
	hash        provenance.Hash
	left, right *stateNode
	leaf        *stateLeaf
}

type stateLeaf struct {
	keyHash   provenance.Hash // of key
	valueHash provenance.Hash // of value
	key       string
	value     []byte
}

// stateChange sets key to value, or removes it where value is nil.
type stateChange struct {
	key   string
	value []byte
}

// bit returns the bit of h at depth, from its most significant one.
func bit(h *provenance.Hash, depth int) byte {
	return h[depth/8] >> (7 - depth%8) & 1
}

// leafNode hashes a leaf: SPEC(STA-1), "a subtree with one leaf is that leaf".
func leafNode(l *stateLeaf) *stateNode {
	var b [1 + 2*provenance.HashSize]byte
	copy(b[1:], l.keyHash[:])
	copy(b[1+provenance.HashSize:], l.valueHash[:])
	return &stateNode{hash: sha256.Sum256(b[:]), leaf: l}
}

// innerNode joins two subtrees. One leaf alone is not pushed down: SPEC(STA-1),
// it stands "at whatever depth".
func innerNode(left, right *stateNode) *stateNode {
	switch {
	case left == nil && (right == nil || right.leaf != nil):
		return right
	case right == nil && left.leaf != nil:
		return left
	}
	var b [1 + 2*provenance.HashSize]byte
	b[0] = 1
	lh, rh := left.hashOf(), right.hashOf()
	copy(b[1:], lh[:])
	copy(b[1+provenance.HashSize:], rh[:])
	return &stateNode{hash: sha256.Sum256(b[:]), left: left, right: right}
}

// hashOf returns the node's hash; SPEC(STA-1): an empty subtree is 32 zero bytes.
func (n *stateNode) hashOf() provenance.Hash {
	if n == nil {
		return provenance.Hash{}
	}
	return n.hash
}

// rootHash returns the state root.
func (t stateTree) rootHash() provenance.Hash { return t.root.hashOf() }

// find returns the leaf at which the path of kh ends, nil for an empty subtree.
// It may be another key's. With visit it tells the siblings from the root down.
func (t stateTree) find(kh *provenance.Hash, visit func(sibling *stateNode)) *stateLeaf {
	n := t.root
	for depth := 0; n != nil; depth++ {
		if n.leaf != nil {
			return n.leaf
		}
		next, sibling := n.left, n.right
		if bit(kh, depth) == 1 {
			next, sibling = sibling, next
		}
		if visit != nil {
			visit(sibling)
		}
		n = next
	}
	return nil
}

// get returns the value of key. The caller does not change it.
func (t stateTree) get(key string) ([]byte, bool) {
	kh := provenance.Hash(sha256.Sum256([]byte(key)))
	if l := t.find(&kh, nil); l != nil && l.keyHash == kh {
		return l.value, true
	}
	return nil, false
}

// update returns the tree with changes applied; each key may stand there once,
// in any order. Only the paths that changed are hashed, each once. Values are
// kept, not copied.
func (t stateTree) update(changes []stateChange) stateTree {
	ops := make([]*stateLeaf, len(changes)) // one without a value removes
	for i, c := range changes {
		l := &stateLeaf{keyHash: sha256.Sum256([]byte(c.key)), key: c.key, value: c.value}
		if c.value != nil {
			l.valueHash = sha256.Sum256(c.value)
		}
		ops[i] = l
	}
	slices.SortFunc(ops, func(a, b *stateLeaf) int {
		return bytes.Compare(a.keyHash[:], b.keyHash[:])
	})
	return stateTree{root: updateNode(t.root, 0, ops)}
}

// updateNode applies ops, which are sorted and all below n, at depth.
func updateNode(n *stateNode, depth int, ops []*stateLeaf) *stateNode {
	if len(ops) == 0 {
		return n
	}
	if n == nil || n.leaf != nil {
		ops = withLeaf(n, ops)
		switch len(ops) {
		case 0:
			return nil
		case 1:
			return leafNode(ops[0])
		}
		return updateChildren(nil, nil, depth, ops)
	}
	return updateChildren(n.left, n.right, depth, ops)
}

func updateChildren(left, right *stateNode, depth int, ops []*stateLeaf) *stateNode {
	cut, _ := slices.BinarySearchFunc(ops, byte(1), func(o *stateLeaf, one byte) int {
		return int(bit(&o.keyHash, depth)) - int(one)
	})
	return innerNode(updateNode(left, depth+1, ops[:cut]), updateNode(right, depth+1, ops[cut:]))
}

// withLeaf leaves what an empty subtree or a leaf holds after ops, as
// settings only: removals are done with, and the leaf joins unless it is set or
// removed itself.
func withLeaf(n *stateNode, ops []*stateLeaf) []*stateLeaf {
	out := make([]*stateLeaf, 0, len(ops)+1)
	for _, o := range ops {
		if n != nil {
			switch c := bytes.Compare(n.leaf.keyHash[:], o.keyHash[:]); {
			case c < 0:
				out = append(out, n.leaf)
				n = nil
			case c == 0:
				n = nil
			}
		}
		if o.value != nil {
			out = append(out, o)
		}
	}
	if n != nil {
		out = append(out, n.leaf)
	}
	return out
}

// each visits all leaves in ascending order of their keys' hashes.
func (t stateTree) each(visit func(*stateLeaf)) { t.root.each(visit) }

func (n *stateNode) each(visit func(*stateLeaf)) {
	switch {
	case n == nil:
	case n.leaf != nil:
		visit(n.leaf)
	default:
		n.left.each(visit)
		n.right.each(visit)
	}
}

// withPrefix returns the leaves whose keys begin with prefix, in ascending
// order of the keys. It looks at every leaf of the tree.
func (t stateTree) withPrefix(prefix string) []*stateLeaf {
	var out []*stateLeaf
	t.each(func(l *stateLeaf) {
		if strings.HasPrefix(l.key, prefix) {
			out = append(out, l)
		}
	})
	slices.SortFunc(out, func(a, b *stateLeaf) int { return strings.Compare(a.key, b.key) })
	return out
}
