package main

import (
	"fmt"
	"strings"
)

const bundleVersion = "tokentrail/bundle/v1"

// bundleOf is a bundle with every part: the sample statement, with what only has
// to look like the rest.
func bundleOf() group {
	b := threeKinds()
	statement := b.statement(edKey).bytes()
	m := genesisState()
	leaf, siblings := m.prove("rules")
	return group{
		1: []byte(`{"chain_id":"vectors-1"}`), 2: statement, 3: receiptOf(statement, hexOf(statementID(enc(b.header())))).bytes(),
		4: []byte("a frame, opaque here"), 5: list{fill(1, 40), fill(2, 41)}, 6: list{[]byte("a light block"), []byte("another")},
		7: list{
			list{list{1, 7, fill(3, 32), m.root()}, []byte{}, "rules", m["rules"], list{leaf, siblings}},
			list{list{1, 9, fill(4, 32), m.root()}, []byte("a light block"), "provider/nobody", []byte{}, list{list{}, list{fill(5, 32)}}},
		},
		8: list{list{fill(6, 50), list{7, 5, hashList(numbered(3))}}},
	}
}

func bundleBytes(parts any) []byte { return enc(list{bundleVersion, parts}) }

// bundleFields are the parts of a bundle by path, in hex; integers in decimal.
func bundleFields(g group) map[string]string {
	out := map[string]string{}
	for key, name := range map[int64]string{1: "genesis", 2: "entry", 3: "receipt", 4: "records"} {
		if part, there := g[key]; there {
			out[name] = hexOf(part.([]byte))
		}
	}
	each := func(key int64, f func(i int, v any)) {
		items, _ := g[key].(list)
		for i, v := range items {
			f(i, v)
		}
	}
	each(5, func(i int, v any) { out[fmt.Sprintf("record-proofs[%d]", i)] = hexOf(v.([]byte)) })
	each(6, func(i int, v any) { out[fmt.Sprintf("headers[%d]", i)] = hexOf(v.([]byte)) })
	each(7, func(i int, v any) {
		for j, name := range []string{"preimage", "light-block", "key", "value", "proof"} {
			at := fmt.Sprintf("states[%d].%s", i, name)
			switch x := v.(list)[j].(type) {
			case []byte:
				out[at] = hexOf(x)
			case string:
				out[at] = x
			default:
				out[at] = hexOf(enc(x))
			}
		}
	})
	for key, name := range map[int64]string{8: "acts", 11: "before"} {
		each(key, func(i int, v any) {
			out[fmt.Sprintf("%s[%d].act", name, i)] = hexOf(v.(list)[0].([]byte))
			out[fmt.Sprintf("%s[%d].inclusion", name, i)] = hexOf(enc(v.(list)[1]))
		})
	}
	if block, there := g[10].(list); there {
		out["block.light-block"], out["block.inclusion"] = hexOf(block[0].([]byte)), hexOf(enc(block[1]))
	}
	return out
}

// bundleSuite: BND-1, BND-2.
func bundleSuite() *suite {
	s := newSuite("bundle", "A bundle: its form and its ceilings; what is in the parts is not looked at. Rules: bundle.md BND-1, BND-2.")
	whole := bundleOf()
	ok := func(name, rule, comment string, g group) {
		s.good(name, rule, comment, bundleBytes(g), &values{Fields: bundleFields(g)})
	}
	ok("whole", "BND-1", "every part is there", whole)
	least := group{1: whole[1], 2: whole[2], 3: whole[3]}
	ok("least", "BND-1", "genesis document, entry and receipt alone", least)
	for i, name := range []string{"records", "record-proofs", "headers", "states", "acts"} {
		ok("without-"+name, "BND-1", "without "+name, whole.del(int64(4+i)))
	}
	s.good("genesis-8388608", "BND-2", "a genesis document of 8,388,608 bytes", bundleBytes(least.set(fill(1, 8<<20), 1)), nil)
	s.good("entry-65535", "BND-2", "an entry of 65,535 bytes", bundleBytes(least.set(fill(1, 65535), 2)), nil)
	s.good("record-proofs-4096", "BND-2", "4,096 record proofs", bundleBytes(least.set(many(4096, []byte{1}), 5)), nil)
	s.good("headers-10000", "BND-2", "10,000 headers", bundleBytes(least.set(many(10000, []byte{1}), 6)), nil)
	later := whole.set(list{[]byte("a light block"), list{3, 1, hashList(numbered(2))}}, 10).
		set(list{list{fill(7, 50), list{7, 2, hashList(numbered(3))}}, list{fill(8, 51), list{7, 3, hashList(numbered(3))}}}, 11)
	ok("later", "BND-1", "every part, those that came later too", later)
	ok("block", "BND-1", "the entry's block alone with what must be there", least.set(later[10], 10))
	ok("before", "BND-1", "acts before the entry alone with what must be there", least.set(later[11], 11))
	s.good("before-4096", "BND-2", "4,096 acts before the entry", bundleBytes(least.set(many(4096, list{[]byte{1}, list{1, 0, list{}}}), 11)), nil)
	bundleLater(s, later)
	bundleEnvelope(s, whole)
	bundleMap(s, whole, least)
	bundleCeilings(s, least)
	bundleStates(s, whole)
	return s
}

func many(n int, v any) list {
	out := list{}
	for range n {
		out = append(out, v)
	}
	return out
}

func bundleEnvelope(s *suite, g group) {
	bad := func(name, comment string, b []byte, code string) { s.bad(name, "BND-1", comment, b, code) }
	b := bundleBytes(g)
	bad("empty", "no byte at all", []byte{}, "envelope")
	bad("one", "the text alone", enc(list{bundleVersion}), "envelope")
	bad("three", "a third element", enc(list{bundleVersion, g, 0}), "envelope")
	bad("map-alone", "the map alone", enc(g), "envelope")
	bad("tagged", "a tag in front", cat([]byte{0xd8, 60}, b), "envelope")
	bad("array-wide", "the array's length in two bytes", cat(wide(mArray, 2, 1), b[1:]), "envelope")
	bad("array-indefinite", "an indefinite array", cat([]byte{0x9f}, b[1:], []byte{0xff}), "envelope")
	bad("version-bytes", "the version as a byte string", enc(list{[]byte(bundleVersion), g}), "envelope")
	bad("version-2", "another version", enc(list{"tokentrail/bundle/v2", g}), "version")
	bad("version-longer", "another version that begins as this one", enc(list{bundleVersion + "1", g}), "version")
	bad("other", "another text", enc(list{"tokentrail/bundles", g}), "envelope")
	bad("version-upper", "the version in upper case", enc(list{strings.ToUpper(bundleVersion), g}), "envelope")
	bad("trailing", "a zero byte behind it", cat(b, []byte{0}), "trailing-bytes")
	bad("truncated", "the last byte is missing", b[:len(b)-1], "truncated")
}

func bundleMap(s *suite, whole, least group) {
	bad := func(name, rule, comment string, parts any, code string, path ...string) {
		s.bad(name, rule, comment, bundleBytes(parts), code, path...)
	}
	bad("list", "", "a list in place of the map", list{whole[1], whole[2], whole[3]}, "type", "")
	for i, name := range []string{"genesis", "entry", "receipt"} {
		key := int64(1 + i)
		bad("no-"+name, "", "without "+name, whole.del(key), "missing-field", name)
		bad(name+"-text", "", name+" as a text", least.set("x", key), "type", name)
		bad(name+"-empty", "BND-2", name+" of no bytes", least.set([]byte{}, key), "value", name)
	}
	bad("key-0", "BND-1", "key 0", whole.set(1, 0), "unknown-critical")
	bad("key-9", "BND-1", "key 9", whole.set(1, 9), "unknown-critical")
	bad("key-64", "BND-1", "a key above the core range", whole.set(1, 64), "unknown-critical")
	bad("key-negative", "BND-1", "a negative key", whole.set(1, -1), "unknown-critical")
	bad("unsorted", "ENC-3", "the first two keys in the other order", pairs(2, whole[2], 1, whole[1], 3, whole[3]), "unsorted-keys")
	bad("twice", "ENC-4", "the entry twice", pairs(1, whole[1], 2, whole[2], 2, whole[2], 3, whole[3]), "duplicate-key")
	bad("map-wide", "ENC-1", "the map's length in two bytes", raw(cat(wide(mMap, 3, 1), enc(least)[1:])), "non-minimal")
	bad("entry-wide", "ENC-1", "the entry's length in five bytes", least.set(raw(cat(wide(mBytes, uint64(len(whole[2].([]byte))), 4), whole[2].([]byte))), 2), "non-minimal")
	bad("records-empty", "BND-2", "records of no bytes", least.set([]byte{}, 4), "value", "records")
	bad("record-proof-inline", "", "a record proof that is embedded, not wrapped in a byte string", least.set(list{list{1}}, 5), "type", "record-proofs[0]")
	bad("header-inline", "", "a light block as a text", least.set(list{"x"}, 6), "type", "headers[0]")
}

func bundleCeilings(s *suite, g group) {
	bad := func(name, comment string, parts group, code, path string) {
		s.bad(name, "BND-2", comment, bundleBytes(parts), code, path)
	}
	bad("genesis-8388609", "a genesis document of 8,388,609 bytes", g.set(fill(1, 8<<20+1), 1), "size", "genesis")
	bad("entry-65536", "an entry of 65,536 bytes", g.set(fill(1, 65536), 2), "size", "entry")
	bad("records-1048577", "records of 1,048,577 bytes", g.set(fill(1, 1<<20+1), 4), "size", "records")
	bad("record-proof-8193", "a record proof of 8,193 bytes", g.set(list{fill(1, 8193)}, 5), "size", "record-proofs[0]")
	bad("record-proof-empty", "a record proof of no bytes", g.set(list{[]byte{}}, 5), "value", "record-proofs[0]")
	bad("record-proofs-none", "no record proofs", g.set(list{}, 5), "value", "record-proofs")
	bad("record-proofs-4097", "4,097 record proofs", g.set(many(4097, []byte{1}), 5), "value", "record-proofs")
	bad("headers-none", "no headers", g.set(list{}, 6), "value", "headers")
	bad("headers-10001", "10,001 headers", g.set(many(10001, []byte{1}), 6), "value", "headers")
	bad("header-empty", "a light block of no bytes", g.set(list{[]byte{}}, 6), "value", "headers[0]")
	bad("states-none", "no states", g.set(list{}, 7), "value", "states")
	bad("states-65", "65 states", g.set(many(65, bundleOf()[7].(list)[1]), 7), "value", "states")
	bad("acts-none", "no acts", g.set(list{}, 8), "value", "acts")
	bad("acts-65", "65 acts", g.set(many(65, bundleOf()[8].(list)[0]), 8), "value", "acts")
}

// bundleLater: the parts that came later.
func bundleLater(s *suite, g group) {
	bad := func(name, rule, comment string, g group, code, path string) {
		s.bad(name, rule, comment, bundleBytes(g), code, path)
	}
	bad("key-12", "BND-1", "key 12", g.set(1, 12), "unknown-critical", "")
	bad("block-list", "", "a list of blocks", g.set(list{g[10]}, 10), "value", "block")
	bad("block-empty", "BND-2", "a block of no bytes", g.set([]byte{}, 10, 0), "value", "block[0]")
	bad("block-text", "", "a light block as a text", g.set("x", 10, 0), "type", "block[0]")
	bad("block-16777217", "BND-2", "a light block of 16,777,217 bytes", g.set(fill(1, 16<<20+1), 10, 0), "size", "block[0]")
	bad("block-path-129", "PRF-1", "a path of 129 hashes in a block", g.set(list{7, 5, many(129, fill(0, 32))}, 10, 1), "path", "block[1][2]")
	bad("before-none", "BND-2", "no acts before the entry", g.set(list{}, 11), "value", "before")
	bad("before-4097", "BND-2", "4,097 acts before the entry", g.set(many(4097, list{[]byte{1}, list{1, 0, list{}}}), 11), "value", "before")
	bad("before-3", "", "an act before of three elements", g.set(append(append(list{}, g[11].(list)[0].(list)...), 0), 11, 0), "value", "before[0]")
	bad("before-empty", "BND-2", "an act before of no bytes", g.set([]byte{}, 11, 0, 0), "value", "before[0][0]")
	bad("before-65536", "BND-2", "an act before of 65,536 bytes", g.set(fill(1, 65536), 11, 0, 0), "size", "before[0][0]")
}

func bundleStates(s *suite, g group) {
	bad := func(name, rule, comment string, at int64, v any, code, path string) {
		s.bad(name, rule, comment, bundleBytes(g.set(v, 7, 0, at)), code, path)
	}
	root := genesisState().root()
	bad("preimage-version", "STA-4", "a preimage of version 2", 0, list{2, 7, root, root}, "version", "states[0][0][0]")
	bad("preimage-bytes", "", "a preimage in a byte string", 0, enc(list{1, 7, root, root}), "type", "states[0][0]")
	bad("light-block-text", "", "a light block as a text", 1, "x", "type", "states[0][1]")
	bad("state-key-empty", "BND-2", "an empty key", 2, "", "value", "states[0][2]")
	bad("state-key-201", "BND-2", "a key of 201 bytes", 2, string(fill('a', 201)), "size", "states[0][2]")
	bad("state-key-bytes", "", "a key as a byte string", 2, []byte("rules"), "type", "states[0][2]")
	bad("value-65537", "BND-2", "a value of 65,537 bytes", 3, fill(1, 65537), "size", "states[0][3]")
	bad("value-nil", "ENC-7", "a value that is nil", 3, raw{0xf6}, "simple", "states[0][3]")
	bad("proof-257", "STA-2", "a state proof of 257 siblings", 4, list{list{}, many(257, fill(0, 32))}, "state-proof", "states[0][4][1]")
	bad("proof-leaf-1", "STA-2", "a state proof whose leaf has one hash", 4, list{list{fill(0, 32)}, list{}}, "value", "states[0][4][0]")
	s.bad("state-4", "", "a state of four elements", bundleBytes(g.set(g[7].(list)[0].(list)[:4], 7, 0)), "value", "states[0]")
	s.bad("act-3", "", "an act of three elements", bundleBytes(g.set(append(append(list{}, g[8].(list)[0].(list)...), 0), 8, 0)), "value", "acts[0]")
	s.bad("act-empty", "BND-2", "an act of no bytes", bundleBytes(g.set([]byte{}, 8, 0, 0)), "value", "acts[0][0]")
	s.bad("act-65536", "BND-2", "an act of 65,536 bytes", bundleBytes(g.set(fill(1, 65536), 8, 0, 0)), "size", "acts[0][0]")
	s.bad("inclusion-path", "PRF-1", "an inclusion of 129 hashes", bundleBytes(g.set(list{7, 5, many(129, fill(0, 32))}, 8, 0, 1)), "path", "acts[0][1][2]")
}

const (
	labelReceipts = 394
	labelParts    = -65538
)

// transparentSuite: BND-16.
func transparentSuite() *suite {
	s := newSuite("transparent", "A SCITT transparent statement: the statement in it, its receipts and the parts of a bundle. Rule: bundle.md BND-16.")
	g := bundleOf()
	e := threeKinds().statement(edKey)
	parts := g.del(1).del(2).del(3)
	with := func(unprotected any) []byte {
		e := e
		e.unprotected = unprotected
		return e.bytes()
	}
	ok := func(name, comment string, unprotected group, inside group, receipts ...any) {
		fields := bundleFields(inside)
		fields["statement"] = hexOf(e.bytes())
		for i, r := range receipts {
			fields[fmt.Sprintf("receipts[%d]", i)] = hexOf(r.([]byte))
		}
		s.good(name, "BND-16", comment, with(unprotected), &values{Fields: fields})
	}
	ok("receipt", "one receipt, as SCITT has it", group{labelReceipts: list{g[3]}}, group{}, g[3])
	ok("receipts-16", "16 receipts", group{labelReceipts: many(16, g[3])}, group{}, many(16, g[3])...)
	ok("parts", "with the parts of a bundle", group{labelReceipts: list{g[3]}, labelParts: enc(parts)}, parts, g[3])
	bad := func(name, comment string, unprotected any, code string) {
		s.bad(name, "BND-16", comment, with(unprotected), code)
	}
	bad("unprotected-empty", "a statement alone: no receipt", group{}, "unprotected")
	bad("no-receipts", "the parts alone", group{labelParts: enc(parts)}, "unprotected")
	bad("other-label", "a label more", group{labelReceipts: list{g[3]}, labelParts: enc(parts), -65539: 1}, "unprotected")
	bad("other-label-instead", "another label in the place of the parts", group{labelReceipts: list{g[3]}, -65539: enc(parts)}, "unprotected")
	bad("anchor-label", "the label of receipts' anchors", group{labelReceipts: list{g[3]}, labelAnchor: enc(parts)}, "unprotected")
	bad("order", "the labels in the other order", pairs(labelParts, enc(parts), labelReceipts, list{g[3]}), "unprotected")
	bad("receipts-none", "no receipts in their list", group{labelReceipts: list{}}, "value")
	bad("receipts-17", "17 receipts", group{labelReceipts: many(17, g[3])}, "value")
	bad("receipt-empty", "a receipt of no bytes", group{labelReceipts: list{[]byte{}}}, "value")
	bad("receipt-inline", "the receipt embedded, not wrapped in a byte string", group{labelReceipts: list{list{}}}, "type")
	bad("receipt-alone", "the receipt without a list", group{labelReceipts: g[3]}, "type")
	bad("parts-inline", "the parts embedded, not wrapped in a byte string", group{labelReceipts: list{g[3]}, labelParts: parts}, "type")
	bad("parts-genesis", "a genesis document among the parts", group{labelReceipts: list{g[3]}, labelParts: enc(parts.set(g[1], 1))}, "unknown-critical")
	bad("parts-trailing", "a zero byte behind the parts", group{labelReceipts: list{g[3]}, labelParts: cat(enc(parts), []byte{0})}, "trailing-bytes")
	s.bad("untagged", "BND-16", "no tag", with(group{labelReceipts: list{g[3]}})[1:], "envelope")
	s.bad("trailing", "BND-16", "a zero byte behind it", cat(with(group{labelReceipts: list{g[3]}}), []byte{0}), "envelope")
	nobody := e
	nobody.unprotected, nobody.signature = group{labelReceipts: list{g[3]}}, fill(1, 63)
	s.bad("signature-63", "STM-6", "the statement's signature has 63 bytes", nobody.bytes(), "signature")
	return s
}
