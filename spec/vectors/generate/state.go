package main

import (
	"encoding/hex"
	"fmt"
	"sort"
	"strings"
)

// A stateMap is the state map by its keys.
type stateMap map[string][]byte

type stateLeaf struct{ kh, vh []byte }

func bit(h []byte, i int) int { return int(h[i/8]>>(7-i%8)) & 1 }

func (m stateMap) leaves() []stateLeaf {
	var out []stateLeaf
	for k, v := range m {
		out = append(out, stateLeaf{hash([]byte(k)), hash(v)})
	}
	sort.Slice(out, func(i, j int) bool { return string(out[i].kh) < string(out[j].kh) })
	return out
}

func stateLeafHash(l stateLeaf) []byte { return hash([]byte{0}, l.kh, l.vh) }

// stateRoot is STA-1, by its recursion over the leaves whose hashes share the
// first depth bits.
func stateRoot(leaves []stateLeaf, depth int) []byte {
	switch len(leaves) {
	case 0:
		return fill(0, 32)
	case 1:
		return stateLeafHash(leaves[0])
	}
	left, right := stateSplit(leaves, depth)
	return hash([]byte{1}, stateRoot(left, depth+1), stateRoot(right, depth+1))
}

func stateSplit(leaves []stateLeaf, depth int) (left, right []stateLeaf) {
	n := sort.Search(len(leaves), func(i int) bool { return bit(leaves[i].kh, depth) == 1 })
	return leaves[:n], leaves[n:]
}

func (m stateMap) root() []byte { return stateRoot(m.leaves(), 0) }

// prove is the state proof of STA-2 for a key, there or not: the leaf that
// stands in its place and the siblings from the root down.
func (m stateMap) prove(key string) (leaf list, siblings list) {
	kh := hash([]byte(key))
	leaves := m.leaves()
	leaf, siblings = list{}, list{}
	for depth := 0; len(leaves) > 1; depth++ {
		left, right := stateSplit(leaves, depth)
		if bit(kh, depth) == 0 {
			siblings, leaves = append(siblings, stateRoot(right, depth+1)), left
		} else {
			siblings, leaves = append(siblings, stateRoot(left, depth+1)), right
		}
	}
	if len(leaves) == 1 {
		leaf = list{leaves[0].kh, leaves[0].vh}
	}
	return leaf, siblings
}

// genesisState is a state map as a ledger has it after two entries.
func genesisState() stateMap {
	m := stateMap{
		"rules":  enc(group{1: 1}),
		"policy": enc(group{}),
		"provider/acme": enc(group{1: "acme", 2: "Acme Inference", 3: list{"US", "DE"},
			4: list{group{1: algEdDSA, 2: enc(edKey.coseKey()), 3: 0}}, 5: 1}),
		"provider/globex": enc(group{1: "globex", 2: "Globex 推理", 3: list{"CN"},
			4: list{group{1: algES256, 2: enc(esKey.coseKey()), 3: 0, 4: 100}}, 5: 2}),
		"stream/acme/main": enc(group{1: 1, 2: statementID(enc(threeKinds().header())), 3: 1, 4: 1}),
	}
	for i := range 4 {
		key := edSigner(fmt.Sprint("validator ", i)).x
		m["validator/"+hexOf(hash(key)[:20])] = enc(group{1: "ed25519", 2: key, 3: 10})
	}
	return m
}

func (m stateMap) entries() []entry {
	out := []entry{}
	for k, v := range m {
		out = append(out, entry{k, hexOf(v)})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Key < out[j].Key })
	return out
}

// neighbour finds a key whose hash shares at least n bits with that of key, and
// not n+1.
func neighbour(key string, n int) string {
	kh := hash([]byte(key))
	for i := 0; ; i++ {
		k := fmt.Sprintf("provider/n%d", i)
		h := hash([]byte(k))
		same := 0
		for same < 256 && bit(h, same) == bit(kh, same) {
			same++
		}
		if same == n {
			return k
		}
	}
}

// stateRootSuite: STA-1.
func stateRootSuite() *suite {
	s := newSuite("state_root", "The root of a state map. Given: its entries. Rule: state.md STA-1.")
	add := func(name, comment string, m stateMap) {
		s.good(name, "STA-1", comment, nil, &values{StateRoot: hexOf(m.root())}).Given = &values{State: m.entries()}
	}
	add("empty", "no entry: 32 zero bytes", stateMap{})
	add("one", "one entry: the root is its leaf", stateMap{"rules": enc(group{1: 1})})
	add("two", "two entries", stateMap{"rules": enc(group{1: 1}), "policy": enc(group{})})
	add("whole", "nine entries, as a ledger has them", genesisState())
	for _, n := range []int{0, 1, 7, 8, 9, 15} {
		add(fmt.Sprintf("shared-%d", n), fmt.Sprintf("two entries whose keys' hashes share %d bits", n), stateMap{"rules": enc(group{1: 1}), neighbour("rules", n): []byte{0xa0}})
	}
	many := stateMap{}
	for i := range 300 {
		many[fmt.Sprintf("stream/acme/s%d", i)] = enc(i)
	}
	add("300", "300 entries", many)
	return s
}

// stateProofSuite: STA-2.
func stateProofSuite() *suite {
	s := newSuite("state_proof", "A proof of presence (given: a value) or absence (given: none) under a key of the state map, held against a root. Rule: state.md STA-2.")
	m := genesisState()
	m[neighbour("rules", 9)] = []byte{0xa0}
	root := m.root()
	given := func(key string, value []byte, present bool) *values {
		v := &values{StateRoot: hexOf(root), Root: hexOf(root), StateKey: key}
		if present {
			h := hexOf(value)
			v.Value = &h
		}
		return v
	}
	whole := func(key string) list {
		leaf, siblings := m.prove(key)
		return list{leaf, siblings}
	}
	for _, e := range m.entries() {
		name := strings.ReplaceAll(e.Key, "/", "-")
		s.good("present-"+name, "STA-2", "what stands under "+e.Key, enc(whole(e.Key)), nil).Given = given(e.Key, m[e.Key], true)
	}
	var otherLeaf, emptyLeaf string
	for i := 0; i < 400 && (otherLeaf == "" || emptyLeaf == ""); i++ {
		key := fmt.Sprintf("provider/absent%d", i)
		leaf, _ := m.prove(key)
		if len(leaf) == 0 && emptyLeaf == "" {
			emptyLeaf = key
		}
		if len(leaf) == 2 && otherLeaf == "" {
			otherLeaf = key
		}
	}
	s.good("absent-other-leaf", "STA-2", "nothing under the key: another key's leaf stands in its place", enc(whole(otherLeaf)), nil).Given = given(otherLeaf, nil, false)
	s.good("absent-empty", "STA-2", "nothing under the key: an empty subtree stands in its place", enc(whole(emptyLeaf)), nil).Given = given(emptyLeaf, nil, false)
	empty := &values{Root: hexOf(fill(0, 32)), StateRoot: hexOf(fill(0, 32)), StateKey: "rules"}
	s.good("absent-empty-map", "STA-2", "nothing in an empty map", enc(list{list{}, list{}}), nil).Given = empty
	one := stateMap{"rules": enc(group{1: 1})}
	s.good("absent-one", "STA-2", "nothing under another key of a map of one entry", enc(list{list{one.leaves()[0].kh, one.leaves()[0].vh}, list{}}), nil).Given =
		&values{Root: hexOf(one.root()), StateRoot: hexOf(one.root()), StateKey: "policy"}
	stateProofPresence(s, m, given, whole)
	stateProofAbsence(s, m, given, whole, otherLeaf, emptyLeaf)
	g := given("rules", m["rules"], true)
	badForms(s, whole("rules"), g)
	form := func(name, comment string, p list, code string) { s.bad(name, "", comment, enc(p), code).Given = g }
	w := whole("rules")
	form("arity-1", "no siblings", list{w[0]}, "value")
	form("arity-3", "a third element", list{w[0], w[1], 0}, "value")
	form("leaf-one", "a leaf of one hash", list{list{hash([]byte("rules"))}, w[1]}, "value")
	form("leaf-three", "a leaf of three hashes", list{append(append(list(nil), w[0].(list)...), fill(0, 32)), w[1]}, "value")
	form("leaf-hash-31", "a leaf whose key hash has 31 bytes", list{list{fill(1, 31), fill(1, 32)}, w[1]}, "value")
	form("leaf-null", "the leaf is the integer 0", list{0, w[1]}, "type")
	return s
}

func stateProofPresence(s *suite, m stateMap, given func(string, []byte, bool) *values, whole func(string) list) {
	const key = "rules"
	w := whole(key)
	leaf, siblings := w[0].(list), w[1].(list)
	bad := func(name, comment string, p list) {
		s.bad("present-"+name, "STA-2", comment, enc(p), "state-proof").Given = given(key, m[key], true)
	}
	for i := range siblings {
		bad(fmt.Sprintf("sibling-%d-flipped", i), fmt.Sprintf("a bit of sibling %d is flipped", i), list{leaf, put(siblings, flipBit(siblings[i].([]byte), 9*i), []int64{int64(i)})})
	}
	bad("key-hash-flipped", "a bit of the leaf's key hash is flipped", list{list{flipBit(leaf[0].([]byte), 255), leaf[1]}, siblings})
	bad("value-hash-flipped", "a bit of the leaf's value hash is flipped", list{list{leaf[0], flipBit(leaf[1].([]byte), 0)}, siblings})
	bad("leaf-swapped", "the hashes of the leaf are swapped", list{list{leaf[1], leaf[0]}, siblings})
	bad("leaf-empty", "no leaf", list{list{}, siblings})
	bad("sibling-missing", "the last sibling is missing", list{leaf, siblings[:len(siblings)-1]})
	bad("sibling-first-missing", "the first sibling is missing", list{leaf, siblings[1:]})
	bad("sibling-more", "an empty sibling more: a leaf alone in its subtree stands at its root", list{leaf, append(append(list(nil), siblings...), fill(0, 32))})
	bad("siblings-none", "no sibling", list{leaf, list{}})
	reversed := list{}
	for i := range siblings {
		reversed = append(reversed, siblings[len(siblings)-1-i])
	}
	bad("siblings-reversed", "the siblings go from the leaf up", list{leaf, reversed})
	many := list{}
	for range 256 {
		many = append(many, fill(0, 32))
	}
	bad("siblings-256", "256 empty siblings, as many as there may be", list{leaf, many})
	s.bad("present-siblings-257", "STA-2", "257 empty siblings: one more than a hash has bits", enc(list{leaf, append(many, fill(0, 32))}), "state-proof").Given = given(key, m[key], true)
	s.bad("present-other-value", "STA-2", "held against another value", enc(w), "state-proof").Given = given(key, enc(group{1: 2}), true)
	s.bad("present-empty-value", "STA-2", "held against an empty value", enc(w), "state-proof").Given = given(key, []byte{}, true)
	s.bad("present-other-key", "STA-2", "the proof of policy, held against rules with the value of policy", enc(whole("policy")), "state-proof").Given = given(key, m["policy"], true)
	g := given(key, m[key], true)
	g.Root = hexOf(flipBit(m.root(), 77))
	s.bad("present-other-root", "STA-2", "held against a root with a bit flipped", enc(w), "state-proof").Given = g
}

func stateProofAbsence(s *suite, m stateMap, given func(string, []byte, bool) *values, whole func(string) list, otherLeaf, emptyLeaf string) {
	bad := func(name, comment, key string, p list) {
		s.bad("absent-"+name, "STA-2", comment, enc(p), "state-proof").Given = given(key, nil, false)
	}
	bad("claimed-present", "the key is there: its own proof shown as one of absence", "rules", whole("rules"))
	w := whole("rules")
	bad("claimed-empty", "the key is there: its leaf left out", "rules", list{list{}, w[1]})
	siblings := w[1].(list)
	bad("claimed-short", "the key is there: an inner node left out as empty", "rules", list{list{}, siblings[:len(siblings)-1]})
	bad("other-proof", "the key is there: the proof of another key, whose hash does not share the prefix", "rules", whole("policy"))
	near := neighbour("rules", 9)
	nearProof := whole(near)
	bad("neighbour-proof", "the key is there: the proof of a key whose hash shares nine bits of the ten", "rules", nearProof)
	a := whole(otherLeaf)
	leaf, sib := a[0].(list), a[1].(list)
	bad("value-flipped", "a bit of the other leaf's value hash is flipped", otherLeaf, list{list{leaf[0], flipBit(leaf[1].([]byte), 3)}, sib})
	bad("key-flipped", "the last bit of the other leaf's key hash is flipped", otherLeaf, list{list{flipBit(leaf[0].([]byte), 255), leaf[1]}, sib})
	bad("sibling-flipped", "a bit of the first sibling is flipped", otherLeaf, list{leaf, put(sib, flipBit(sib[0].([]byte), 3), []int64{0})})
	bad("sibling-missing", "the last sibling is missing", otherLeaf, list{leaf, sib[:len(sib)-1]})
	bad("leaf-left-out", "another key's leaf stands there and is left out", otherLeaf, list{list{}, sib})
	e := whole(emptyLeaf)
	esib := e[1].(list)
	bad("empty-sibling-missing", "the last sibling of an empty subtree is missing", emptyLeaf, list{list{}, esib[:len(esib)-1]})
	bad("empty-sibling-flipped", "a bit of the last sibling is flipped", emptyLeaf, list{list{}, put(esib, flipBit(esib[len(esib)-1].([]byte), 5), []int64{int64(len(esib) - 1)})})
	bad("empty-filled", "an empty subtree stands there, another key's leaf is shown", emptyLeaf, list{leaf, esib})
}

// apphashSuite: STA-4.
func apphashSuite() *suite {
	s := newSuite("apphash", "The app hash's preimage and the app hash. Rule: state.md STA-4.")
	domain := []byte("tokentrail/app/v1\x00")
	add := func(name, comment string, size int64, logRoot, stateRoot []byte) {
		b := enc(list{1, size, logRoot, stateRoot})
		s.good(name, "STA-4", comment, b, &values{LogSize: num(size), LogRoot: hexOf(logRoot), StateRoot: hexOf(stateRoot), AppHash: hexOf(hash(domain, b))})
	}
	empty, state := hash(), genesisState().root()
	add("genesis", "an empty log and a state map", 0, empty, state)
	add("all-empty", "an empty log and an empty state map", 0, empty, fill(0, 32))
	add("seven", "a log of seven leaves", 7, treeHash(numbered(7)), state)
	add("size-2-32", "a log of 2^32 leaves", 1<<32, fill(0xab, 32), state)
	add("size-greatest", "a log of 2^63-1 leaves", 1<<63-1, fill(0xab, 32), state)
	root := treeHash(numbered(7))
	bad := func(name, rule, comment string, b []byte, code string) { s.bad(name, rule, comment, b, code) }
	good := enc(list{1, 7, root, state})
	bad("version-0", "STA-4", "version 0", enc(list{0, 7, root, state}), "version")
	bad("version-2", "STA-4", "version 2", enc(list{2, 7, root, state}), "version")
	bad("size-negative", "ENC-34", "a log size of -1", enc(list{1, -1, root, state}), "value")
	bad("size-2-63", "ENC-9", "a log size of 2^63", enc(list{1, raw(wide(mUint, 1<<63, 8)), root, state}), "integer-range")
	bad("size-wide", "ENC-1", "the log size in two bytes", enc(list{1, raw(wide(mUint, 7, 1)), root, state}), "non-minimal")
	bad("root-31", "", "a log root of 31 bytes", enc(list{1, 7, root[:31], state}), "value")
	bad("state-33", "", "a state root of 33 bytes", enc(list{1, 7, root, cat(state, []byte{0})}), "value")
	bad("root-text", "", "a log root in hex", enc(list{1, 7, hexOf(root), state}), "type")
	bad("arity-3", "", "no state root", enc(list{1, 7, root}), "value")
	bad("arity-5", "", "a fifth element", enc(list{1, 7, root, state, 0}), "value")
	bad("map", "", "a map", enc(group{0: 1, 1: 7, 2: root, 3: state}), "type")
	bad("trailing", "ENC-12", "a zero byte behind it", cat(good, []byte{0}), "trailing-bytes")
	bad("truncated", "ENC-13", "the last byte is missing", good[:len(good)-1], "truncated")
	bad("indefinite", "ENC-2", "an indefinite array", cat([]byte{0x9f}, good[1:], []byte{0xff}), "indefinite")
	return s
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	must(err, "hex")
	return b
}
