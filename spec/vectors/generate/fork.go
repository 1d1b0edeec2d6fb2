package main

import "fmt"

const forkVersion = "tokentrail/fork/v1"

// forkParts is fork evidence with every part, of what only has to look like light
// blocks.
func forkParts() list {
	return list{
		forkVersion, []byte(`{"chain_id":"vectors-1"}`), []byte("an anchor"), list{[]byte("a change"), []byte("another")},
		list{[]byte("a light block"), keptPreimage(1), list{[]byte("its own change")}},
		list{[]byte("a light block of another history"), enc(list{1, 9, fill(4, 32), fill(5, 32)}), list{[]byte("another change")}},
		list{fill(6, 32), fill(7, 32), fill(8, 32)},
	}
}

// forkFields are the parts by path; lists as their CBOR.
func forkFields(parts list) map[string]string {
	out := map[string]string{
		"genesis": fieldText(parts[1]), "anchor": fieldText(parts[2]), "changes": fieldText(parts[3]), "part": fieldText(parts[6]),
	}
	for i := range 2 {
		for j, name := range []string{"light-block", "preimage", "changes"} {
			out[fmt.Sprintf("sides[%d].%s", i, name)] = fieldText(parts[4+i].(list)[j])
		}
	}
	return out
}

// fieldText is a value in fields: an integer in decimal, all else in hex, arrays as CBOR.
func fieldText(v any) string {
	switch v := v.(type) {
	case []byte:
		return hexOf(v)
	case int, int64:
		return fmt.Sprint(v)
	}
	return hexOf(enc(v))
}

// forkSuite: VER-33, VER-34.
func forkSuite() *suite {
	s := newSuite("fork", "Fork evidence: its form and its ceilings; light blocks and preimages are opaque here, and nothing is proven. Rules: verify.md VER-33, VER-34.")
	whole := forkParts()
	ok := func(name, rule, comment string, parts list) {
		var fields map[string]string
		if len(enc(parts)) < 4096 {
			fields = forkFields(parts)
		}
		s.good(name, rule, comment, enc(parts), &values{Fields: fields})
	}
	ok("whole", "VER-33", "every part is there", whole)
	ok("least", "VER-33", "two light blocks and the genesis document alone", list{
		forkVersion, whole[1], []byte{}, list{}, list{[]byte{1}, []byte{}, list{}}, list{[]byte{2}, []byte{}, list{}}, list{},
	})
	ok("part-root", "VER-33", "a part of a root and no path", whole.with(list{fill(6, 32)}, 6))
	ok("one-side-changes", "VER-33", "changes of the second side alone", whole.with(list{}, 4, 2))
	ok("no-common-changes", "VER-33", "no change on the way to both", whole.with(list{}, 3))
	ok("same-later", "VER-33", "the sides' own changes part, and go on alike", whole.with(list{[]byte("one"), []byte("alike")}, 4, 2).with(list{[]byte("two"), []byte("alike")}, 5, 2))
	ok("genesis-8388608", "VER-34", "a genesis document of 8,388,608 bytes", whole.with(fill(1, 8<<20), 1))
	ok("preimage-128", "VER-34", "a preimage of 128 bytes", whole.with(fill(1, 128), 4, 1))
	ok("path-64", "VER-34", "a path of 64 hashes behind the root", whole.with(many(65, fill(6, 32)), 6))
	ok("changes-10000", "VER-34", "10,000 changes on each way, 9,999 of them the same", whole.with(many(9999, []byte{1}), 3))
	forkEnvelope(s, whole)
	forkSides(s, whole)
	bad := func(name, rule, comment string, v any, path ...int64) {
		s.bad(name, rule, comment, enc(whole.with(v, path...)), "damaged")
	}
	for i, name := range []string{"", "genesis", "anchor", "changes", "first-side", "second-side", "part"} {
		if name != "" {
			bad(name+"-nil", "VER-33", name+" is nil", raw{0xf6}, int64(i))
		}
	}
	bad("genesis-empty", "VER-34", "a genesis document of no bytes", []byte{}, 1)
	bad("genesis-text", "VER-33", "the genesis document as a text", `{"chain_id":"vectors-1"}`, 1)
	bad("genesis-8388609", "VER-34", "a genesis document of 8,388,609 bytes", fill(1, 8<<20+1), 1)
	bad("anchor-16777217", "VER-34", "an anchor of 16,777,217 bytes", fill(1, 16<<20+1), 2)
	bad("anchor-wide", "VER-34", "the anchor's length in two bytes", raw(cat(wide(mBytes, 1, 1), []byte{1})), 2)
	bad("change-empty", "VER-34", "a change of no bytes", list{[]byte{}}, 3)
	bad("change-inline", "VER-33", "a change that is a text", list{"a change"}, 3)
	bad("changes-10001", "VER-34", "10,001 changes on both ways", many(10001, []byte{1}), 3)
	bad("changes-together-10001", "VER-34", "10,000 changes on both ways, and one more of each side", many(10000, []byte{1}), 3)
	bad("part-root-31", "VER-33", "a root of 31 bytes", list{fill(6, 31)}, 6)
	bad("part-path-33", "VER-33", "a hash of 33 bytes in the path", list{fill(6, 32), fill(7, 33)}, 6)
	bad("part-text", "VER-33", "a root as a text", list{string(fill('a', 32))}, 6)
	bad("path-65", "VER-34", "a path of 65 hashes behind the root", many(66, fill(6, 32)), 6)
	return s
}

func forkEnvelope(s *suite, whole list) {
	b := enc(whole)
	bad := func(name, comment string, b []byte, code string) { s.bad(name, "VER-34", comment, b, code) }
	bad("empty", "no byte at all", []byte{}, "damaged")
	bad("version-alone", "the version alone", enc(list{forkVersion}), "damaged")
	bad("version-2", "another version", enc(whole.with("tokentrail/fork/v2", 0)), "newer")
	bad("version-10", "another version that begins as this one", enc(whole.with("tokentrail/fork/v10", 0)), "newer")
	bad("version-2-alone", "another version, in an array of another length", enc(list{"tokentrail/fork/v2"}), "newer")
	bad("version-bytes", "the version as a byte string", enc(whole.with([]byte(forkVersion), 0)), "damaged")
	bad("other", "another text", enc(whole.with("tokentrail/forks", 0)), "damaged")
	bad("kept", "what a kept head begins with", enc(whole.with(keptVersion, 0)), "damaged")
	bad("six", "an array of six: no part", enc(whole[:6]), "damaged")
	bad("eight", "an array of eight", enc(append(append(list{}, whole...), 0)), "damaged")
	bad("tagged", "a tag in front", cat([]byte{0xd8, 60}, b), "damaged")
	bad("array-wide", "the array's length in two bytes", cat(wide(mArray, 7, 1), b[1:]), "damaged")
	bad("array-indefinite", "an indefinite array", cat([]byte{0x9f}, b[1:], []byte{0xff}), "damaged")
	bad("trailing", "a zero byte behind it", cat(b, []byte{0}), "damaged")
	bad("truncated", "the last byte is missing", b[:len(b)-1], "damaged")
	large := enc(whole.with(many(4, fill(1, 16<<20)), 3))
	bad("bytes-67108865", "67,108,865 bytes", large[:64<<20+1], "damaged")
}

func forkSides(s *suite, whole list) {
	bad := func(name, rule, comment string, parts list) { s.bad(name, rule, comment, enc(parts), "damaged") }
	block := whole[4].(list)[0]
	bad("same-block", "VER-33", "both sides are one light block", whole.with(block, 5, 0))
	bad("same-first-change", "VER-33", "the sides' own changes begin with the same", whole.with(whole[4].(list)[2], 5, 2))
	for i, name := range []string{"first", "second"} {
		at := int64(4 + i)
		side := whole[4+i].(list)
		bad(name+"-side-2", "VER-33", "a side of two", whole.with(side[:2], at))
		bad(name+"-side-4", "VER-33", "a side of four", whole.with(append(append(list{}, side...), list{}), at))
		bad(name+"-block-empty", "VER-34", "a side's light block of no bytes", whole.with([]byte{}, at, 0))
		bad(name+"-block-text", "VER-33", "a side's light block as a text", whole.with("a light block", at, 0))
		bad(name+"-block-16777217", "VER-34", "a side's light block of 16,777,217 bytes", whole.with(fill(1, 16<<20+1), at, 0))
		bad(name+"-preimage-129", "VER-34", "a side's preimage of 129 bytes", whole.with(fill(1, 129), at, 1))
		bad(name+"-preimage-inline", "VER-33", "a side's preimage that is embedded, not wrapped in a byte string", whole.with(list{1, 7, fill(3, 32), fill(4, 32)}, at, 1))
		bad(name+"-change-empty", "VER-34", "a side's own change of no bytes", whole.with(list{[]byte{}}, at, 2))
		bad(name+"-changes-10001", "VER-34", "9,999 changes of a side's own behind two", whole.with(cat2(side[2].(list), many(9998, []byte{1})), at, 2))
	}
}

// cat2 joins two lists.
func cat2(a, b list) list { return append(append(list{}, a...), b...) }
