package provenance

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// A naiveState is a state map whose tree is built from scratch for each
// question, as state.md STA-1 defines it.
type naiveState map[string][]byte

type naiveLeaf struct{ kh, vh Hash }

func (s naiveState) leaves() []naiveLeaf {
	var out []naiveLeaf
	for k, v := range s {
		out = append(out, naiveLeaf{sha256.Sum256([]byte(k)), sha256.Sum256(v)})
	}
	return out
}

func naiveBit(h Hash, i int) byte { return h[i/8] >> (7 - i%8) & 1 }

// split shares leaves out by a bit.
func split(leaves []naiveLeaf, bit int) (sides [2][]naiveLeaf) {
	for _, l := range leaves {
		b := naiveBit(l.kh, bit)
		sides[b] = append(sides[b], l)
	}
	return sides
}

func naiveStateRoot(leaves []naiveLeaf, depth int) Hash {
	switch len(leaves) {
	case 0:
		return Hash{}
	case 1:
		return sha256.Sum256(slices.Concat([]byte{0}, leaves[0].kh[:], leaves[0].vh[:]))
	}
	sides := split(leaves, depth)
	left, right := naiveStateRoot(sides[0], depth+1), naiveStateRoot(sides[1], depth+1)
	return sha256.Sum256(slices.Concat([]byte{1}, left[:], right[:]))
}

func (s naiveState) root() Hash { return naiveStateRoot(s.leaves(), 0) }

// prove walks down to where the key stands or would stand.
func (s naiveState) prove(key string) *StateProof {
	kh := Hash(sha256.Sum256([]byte(key)))
	p := &StateProof{}
	leaves := s.leaves()
	for depth := 0; len(leaves) > 1; depth++ {
		sides := split(leaves, depth)
		b := naiveBit(kh, depth)
		p.Siblings = append(p.Siblings, naiveStateRoot(sides[1-b], depth+1))
		leaves = sides[b]
	}
	if len(leaves) == 1 {
		p.Leaf = &StateLeaf{KeyHash: leaves[0].kh, ValueHash: leaves[0].vh}
	}
	return p
}

func sampleState(n int) naiveState {
	s := naiveState{}
	for i := range n {
		s[fmt.Sprintf("key %d", i)] = fmt.Appendf(nil, "value %d", i)
	}
	return s
}

func TestStateProofsOfRandomStates(t *testing.T) {
	keyGen := rapid.StringMatching(`[a-f]{1,2}`)
	sawEmpty, sawOther := false, false
	rapid.Check(t, func(t *rapid.T) {
		s := naiveState(rapid.MapOfN(keyGen, bytesGen(0, 3), 0, 12).Draw(t, "state"))
		root := s.root()
		key := keyGen.Draw(t, "key")
		p := must1(ParseStateProof(s.prove(key).Encode()))
		value, there := s[key]
		present, absent := p.Present(root, key, value), p.Absent(root, key)
		if (present == nil) != there || (absent == nil) == there {
			t.Fatalf("%q is there: %t; presence: %v, absence: %v", key, there, present, absent)
		}
		sawEmpty = sawEmpty || !there && p.Leaf == nil
		sawOther = sawOther || !there && p.Leaf != nil
		if there {
			if err := p.Present(root, key, append([]byte{0}, value...)); CodeOf(err) != CodeStateProof {
				t.Fatalf("another value: %v", err)
			}
		}
		for _, other := range []naiveState{without(s, key), with(s, "zz", nil), with(s, key, []byte("new"))} {
			if r := other.root(); r != root && (p.Present(r, key, value) == nil || p.Absent(r, key) == nil) {
				t.Fatalf("the proof holds in another state")
			}
		}
	})
	if !sawEmpty || !sawOther {
		t.Errorf("absence by an empty subtree: %t, by another leaf: %t", sawEmpty, sawOther)
	}
}

func without(s naiveState, key string) naiveState {
	out := maps.Clone(s)
	delete(out, key)
	return out
}

func with(s naiveState, key string, value []byte) naiveState {
	out := maps.Clone(s)
	out[key] = value
	return out
}

func TestForgedStateProofs(t *testing.T) {
	s := sampleState(20)
	root := s.root()
	const key = "key 7"
	value := s[key]
	good := s.prove(key)
	n := len(good.Siblings)
	kh := Hash(sha256.Sum256([]byte(key)))
	clone := func(change func(p *StateProof)) *StateProof {
		p := &StateProof{Leaf: new(*good.Leaf), Siblings: slices.Clone(good.Siblings)}
		change(p)
		return p
	}
	forged := map[string]*StateProof{
		"no leaf":             clone(func(p *StateProof) { p.Leaf = nil }),
		"a sibling less":      clone(func(p *StateProof) { p.Siblings = p.Siblings[1:] }),
		"the last one less":   clone(func(p *StateProof) { p.Siblings = p.Siblings[:n-1] }),
		"an empty one more":   clone(func(p *StateProof) { p.Siblings = append(p.Siblings, Hash{}) }),
		"an empty one before": clone(func(p *StateProof) { p.Siblings = append([]Hash{{}}, p.Siblings...) }),
		"upside down":         clone(func(p *StateProof) { slices.Reverse(p.Siblings) }),
		"257 siblings":        clone(func(p *StateProof) { p.Siblings = make([]Hash, 257) }),
		"an inner node as a leaf": clone(func(p *StateProof) {
			// The leaf's two halves are a node's two children: the tags 0x00 and 0x01 keep them apart.
			p.Leaf = &StateLeaf{KeyHash: p.Leaf.Hash(), ValueHash: p.Siblings[n-1]}
			p.Siblings = p.Siblings[:n-1]
		}),
		"another key's": s.prove("key 8"),
	}
	for name, p := range forged {
		if p.Present(root, key, value) == nil {
			t.Errorf("%s: shows the presence", name)
		}
		if p.Absent(root, key) == nil {
			t.Errorf("%s: shows the absence of a key that is there", name)
		}
	}
	// Another leaf that is not in the way: it shares no prefix with the key.
	far := clone(func(p *StateProof) { p.Leaf.KeyHash[0] ^= 0x80 })
	if err := far.Absent(root, key); CodeOf(err) != CodeStateProof {
		t.Errorf("a leaf elsewhere: %v", err)
	}
	if !samePrefix(kh, kh, 256) || samePrefix(kh, far.Leaf.KeyHash, 1) {
		t.Error("samePrefix")
	}
}

func TestStateProofOfTheEmptyState(t *testing.T) {
	p := &StateProof{}
	if err := p.Absent(Hash{}, "rules"); err != nil {
		t.Error(err)
	}
	wantCode(t, p.Present(Hash{}, "rules", nil), CodeStateProof)
	if b := p.Encode(); !bytes.Equal(b, unhex("828080")) {
		t.Errorf("%x", b)
	}
	if p := must1(ParseStateProof(unhex("828080"))); p.Leaf != nil || len(p.Siblings) != 0 {
		t.Errorf("%+v", p)
	}
}

func TestMalformedProofs(t *testing.T) {
	hash := "5820" + fmt.Sprintf("%064x", 1)
	tests := []struct {
		name, b string
		parse   func([]byte) error
		code    Code
	}{
		{"state leaf of one", "8281" + hash + "80", parseWith(ParseStateProof), CodeValue},
		{"state leaf of three", "8283" + hash + hash + hash + "80", parseWith(ParseStateProof), CodeValue},
		{"state siblings of 31 bytes", "828081581f" + fmt.Sprintf("%062x", 0), parseWith(ParseStateProof), CodeValue},
		{"state without siblings", "8180", parseWith(ParseStateProof), CodeValue},
		{"inclusion of two", "820000", parseWith(ParseInclusion), CodeValue},
		{"inclusion of negative size", "83200080", parseWith(ParseInclusion), CodeValue},
		{"consistency, a text", "8360" + "0080", parseWith(ParseConsistency), CodeType},
		{"preimage of version 2", "840200" + hash + hash, parseWith(ParsePreimage), CodeVersion},
		{"record proof of three", "83a00001", parseWith(ParseRecordProof), CodeValue},
		{"record proof of index 4096", "84a019100001" + "80", parseWith(ParseRecordProof), CodeValue},
		{"record proof of count 0", "84a0000080", parseWith(ParseRecordProof), CodeValue},
		{"nothing", "", parseWith(ParseStateProof), CodeTruncated},
	}
	for _, tt := range tests {
		if err := tt.parse(unhex(tt.b)); CodeOf(err) != tt.code {
			t.Errorf("%s: %v, wanted %s", tt.name, err, tt.code)
		}
	}
}

func parseWith[T any](f func([]byte) (T, error)) func([]byte) error {
	return func(b []byte) error { _, err := f(b); return err }
}

func TestTheDeepestRecordIsProvable(t *testing.T) {
	base := must1(sampleRecord(0).Encode())
	// Key 64 with seven arrays within each other: with the map they are eight.
	b := append([]byte{base[0] + 1}, base[1:]...)
	b = append(append(b, 0x18, 64), unhex("8181818181818100")...)
	if _, err := ParseRecord(b); err != nil {
		t.Fatal(err)
	}
	h := must1(NewBatch("acme", "s", 0, nil, [][]byte{b}))
	p, err := ParseRecordProof((&RecordProof{Record: b, Index: 0, Count: 1}).Encode())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Verify(h); err != nil {
		t.Error(err)
	}
}
