package provenance

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// HashSize is the size of every hash of the format, SHA-256, in bytes.
const HashSize = 32

// A Hash is a SHA-256 hash.
type Hash [HashSize]byte

// String returns the hash in lower-case hex.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalCBOR encodes a hash as a byte string.
func (h Hash) MarshalCBOR() ([]byte, error) { return AppendBytes(nil, h[:]), nil }

// UnmarshalCBOR decodes a byte string of 32 bytes.
func (h *Hash) UnmarshalCBOR(b []byte) error {
	var s []byte
	if err := unmarshal(b, &s); err != nil {
		return err
	}
	if len(s) != HashSize {
		return fail(CodeValue, "", "a hash of %d bytes, wanted %d", len(s), HashSize)
	}
	copy(h[:], s)
	return nil
}

// MarshalText returns lower-case hex, for JSON.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads hex.
func (h *Hash) UnmarshalText(b []byte) error {
	if hex.DecodedLen(len(b)) != HashSize {
		return fmt.Errorf("%q is not 64 hex digits", b)
	}
	_, err := hex.Decode(h[:], b)
	return err
}

// maxTreeSize is the size of the greatest tree whose paths are looked at. Sizes
// come from outside, and tlog does not come back from greater ones: it doubles
// an int64 until it reaches the size.
const maxTreeSize = 1 << 62

// LeafHash is the leaf hash of RFC 9162 section 2.1.1: SHA-256(0x00 ‖ data).
func LeafHash(data []byte) Hash { return Hash(tlog.RecordHash(data)) }

// leafPrefix is what a leaf is hashed behind.
const leafPrefix = 0x00

// hashOfLeaf is LeafHash of data that stands behind its prefix already.
func hashOfLeaf(prefixed []byte) Hash { return sha256.Sum256(prefixed) }

// A Tree computes RFC 9162 roots and paths over leaf hashes held in memory.
// The zero Tree is empty.
type Tree struct {
	stored []tlog.Hash // by tlog's stored hash index
	size   int64
}

// Append adds a leaf by its hash. In tlog's order a node stands behind all below
// it: the last node of its height before the subtree that ends the list is its
// left neighbour.
func (t *Tree) Append(leaf Hash) {
	t.stored = append(t.stored, tlog.Hash(leaf))
	for n, below := t.size, 1; n&1 == 1; n, below = n>>1, 2*below+1 {
		last := len(t.stored) - 1
		t.stored = append(t.stored, tlog.Hash(nodeHash((*Hash)(&t.stored[last-below]), (*Hash)(&t.stored[last]))))
	}
	t.size++
}

// grow makes room for n leaves.
func (t *Tree) grow(n int) { t.stored = slices.Grow(t.stored, 2*n) }

// nodeHash is the node hash of RFC 9162 section 2.1.1.
func nodeHash(left, right *Hash) Hash {
	var b [1 + 2*HashSize]byte
	b[0] = 0x01
	copy(b[1:], left[:])
	copy(b[1+HashSize:], right[:])
	return sha256.Sum256(b[:])
}

// Root returns the tree's root; that of the empty tree is SHA-256 of nothing.
func (t *Tree) Root() Hash {
	if t.size == 0 {
		return sha256.Sum256(nil)
	}
	root, err := tlog.TreeHash(t.size, t)
	if err != nil {
		panic(err) // memory does not fail
	}
	return Hash(root)
}

// Path returns the inclusion path of the leaf at index.
func (t *Tree) Path(index int64) ([]Hash, error) {
	path, err := tlog.ProveRecord(t.size, index, t)
	if err != nil {
		return nil, fmt.Errorf("no leaf %d in a tree of %d: %w", index, t.size, err)
	}
	return hashes(path), nil
}

// ReadHashes implements tlog.HashReader.
func (t *Tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		out[i] = t.stored[index]
	}
	return out, nil
}

// VerifyInclusion checks that the leaf stands at index in the tree of the given
// size and root (RFC 9162 section 2.1.3.2). The error's code is "path".
func VerifyInclusion(root Hash, size, index int64, leaf Hash, path []Hash) error {
	if index < 0 || size <= index || size > maxTreeSize {
		return fail(CodePath, "", "no leaf %d in a tree of size %d", index, size)
	}
	if err := tlog.CheckRecord(tlogHashes(path), size, tlog.Hash(root), index, tlog.Hash(leaf)); err != nil {
		return fail(CodePath, "", "the path of %d hashes does not lead from leaf %d to the root %s of size %d", len(path), index, root, size)
	}
	return nil
}

// VerifyConsistency checks that the newer tree begins with the older one
// (RFC 9162 section 2.1.4.2). The error's code is "path".
func VerifyConsistency(older int64, olderRoot Hash, newer int64, newerRoot Hash, path []Hash) error {
	wrong := fail(CodePath, "", "the tree of size %d and root %s is not shown to begin with that of size %d and root %s", newer, newerRoot, older, olderRoot)
	empty := Hash(sha256.Sum256(nil))
	switch {
	case older < 0 || newer < older || newer > maxTreeSize:
		return wrong
	case older == 0 && olderRoot != empty:
		return wrong
	case older == newer && olderRoot != newerRoot:
		return wrong
	case older == 0 || older == newer:
		// SPEC(PRF-1): there is nothing to show.
		if len(path) > 0 {
			return wrong
		}
		return nil
	}
	if tlog.CheckTree(tlogHashes(path), newer, tlog.Hash(newerRoot), older, tlog.Hash(olderRoot)) != nil {
		return wrong
	}
	return nil
}

func hashes(in []tlog.Hash) []Hash {
	out := make([]Hash, len(in))
	for i := range in {
		out[i] = Hash(in[i])
	}
	return out
}

func tlogHashes(in []Hash) []tlog.Hash {
	out := make([]tlog.Hash, len(in))
	for i := range in {
		out[i] = tlog.Hash(in[i])
	}
	return out
}

// hash32 wants a byte string of 32 bytes.
func hash32(c *cursor) error { return bytesOf(HashSize, HashSize)(c) }

// hashPath wants an array of at most so many hashes; one of more proves nothing,
// which is what code says.
func hashPath(most int, code Code) check {
	return func(c *cursor) error {
		if err := arity(c, 0, most, code); err != nil {
			return err
		}
		return c.each(func(int) error { return hash32(c) })
	}
}
