package main

import "crypto/sha256"

// hash is SHA-256 over the parts, joined.
func hash(parts ...[]byte) []byte {
	h := sha256.Sum256(cat(parts...))
	return h[:]
}

func leafHash(data []byte) []byte { return hash([]byte{0}, data) }

func nodeHash(left, right []byte) []byte { return hash([]byte{1}, left, right) }

// treeHash is the Merkle Tree Hash of RFC 9162 section 2.1.1, by its
// recursion, over leaf hashes.
func treeHash(leaves [][]byte) []byte {
	switch len(leaves) {
	case 0:
		return hash()
	case 1:
		return leaves[0]
	}
	k := split(len(leaves))
	return nodeHash(treeHash(leaves[:k]), treeHash(leaves[k:]))
}

// split is the largest power of two below n.
func split(n int) int {
	k := 1
	for k*2 < n {
		k *= 2
	}
	return k
}

// inclusionPath is PATH(m, D[n]) of RFC 9162 section 2.1.3.1.
func inclusionPath(m int, leaves [][]byte) [][]byte {
	n := len(leaves)
	if n == 1 {
		return nil
	}
	k := split(n)
	if m < k {
		return append(inclusionPath(m, leaves[:k]), treeHash(leaves[k:]))
	}
	return append(inclusionPath(m-k, leaves[k:]), treeHash(leaves[:k]))
}

// consistencyPath is PROOF(m, D[n]) of RFC 9162 section 2.1.4.1, and empty
// where m is 0 or n.
func consistencyPath(m int, leaves [][]byte) [][]byte {
	if m == 0 || m == len(leaves) {
		return nil
	}
	return subProof(m, leaves, true)
}

func subProof(m int, leaves [][]byte, whole bool) [][]byte {
	n := len(leaves)
	if m == n {
		if whole {
			return nil
		}
		return [][]byte{treeHash(leaves)}
	}
	k := split(n)
	if m <= k {
		return append(subProof(m, leaves[:k], whole), treeHash(leaves[k:]))
	}
	return append(subProof(m-k, leaves[k:], false), treeHash(leaves[:k]))
}

// hashList is a list of byte strings for a CBOR array.
func hashList(hashes [][]byte) list {
	out := list{}
	for _, h := range hashes {
		out = append(out, h)
	}
	return out
}

// numbered gives n leaf hashes; the data of leaf i is the byte i.
func numbered(n int) [][]byte {
	var out [][]byte
	for i := range n {
		out = append(out, leafHash([]byte{byte(i)}))
	}
	return out
}
