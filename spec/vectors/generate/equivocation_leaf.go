package main

// equivocationLeafSuite: EQV-2, an entry's leaf beside its evidence.
func equivocationLeafSuite() *suite {
	s := newSuite("equivocation_leaf", "The leaf of an equivocation, beside what stands in the place of its records. Rule: ledger.md EQV-2.")
	x := threeKinds()
	e := equivocate(x, edKey, x.otherwise(), edKey)
	leaf := list{"tokentrail/equivocation/v1", "acme", "main", 0, list{e.idA, e.idB}, list{hash(e.a), hash(e.b)}}
	evidence := enc(list{e.a, e.b})
	given := func() *values { return &values{Evidence: hexOf(evidence)} }
	good := s.good("first", "EQV-2", "two statements with sequence 0", enc(leaf), &values{Issuer: "acme", Stream: "main", Sequence: num(0),
		EntryID: hexOf(equivocationID(enc(leaf))), LeafHash: hexOf(leafHash(enc(leaf)))})
	good.Given = given()
	bad := func(name, rule, comment string, b []byte, code string) {
		s.bad(name, rule, comment, b, code).Given = given()
	}
	with := func(v any, path ...int64) []byte { return enc(put(leaf, v, path)) }
	b := enc(leaf)
	bad("empty", "ENC-13", "no byte at all", []byte{}, "truncated")
	bad("truncated", "ENC-13", "the last byte is missing", b[:len(b)-1], "truncated")
	bad("trailing", "ENC-12", "a byte behind it", cat(b, []byte{0}), "trailing-bytes")
	bad("wide", "ENC-1", "the array's length in two bytes", cat(wide(mArray, 6, 1), b[1:]), "non-minimal")
	bad("sequence-wide", "ENC-1", "the sequence in two bytes", with(raw(wide(mUint, 0, 1)), 3), "non-minimal")
	bad("map", "ENC-37", "a map", enc(group{}), "type")
	bad("domain", "EQV-2", "another first text", with("tokentrail/equivocation/v2", 0), "version")
	bad("five", "EQV-2", "no hashes", enc(leaf[:5]), "value")
	bad("seven", "EQV-2", "a seventh element", enc(append(append(list(nil), leaf...), 0)), "value")
	bad("issuer-upper", "ENC-31", "the issuer in upper case", with("Acme", 1), "identifier")
	bad("stream-number", "ENC-37", "the stream is a number", with(1, 2), "type")
	bad("sequence-negative", "ENC-34", "sequence -1", with(-1, 3), "value")
	bad("ids-one", "EQV-2", "one id", with(list{e.idA}, 4), "value")
	bad("id-31", "ENC-38", "an id of 31 bytes", with(e.idA[:31], 4, 0), "value")
	bad("hash-33", "ENC-38", "a hash of 33 bytes", with(cat(e.idA, []byte{0}), 5, 1), "value")
	bad("hash-text", "ENC-37", "a hash in hex", with(hexOf(e.idA), 5, 1), "type")
	for _, v := range []struct {
		name, comment string
		leaf          []byte
	}{
		{"issuer", "another issuer", with("globex", 1)}, {"stream", "another stream", with("eu-1", 2)}, {"sequence", "another sequence", with(1, 3)},
		{"id-a", "a bit of the first id is flipped", with(flipBit(e.idA, 255), 4, 0)}, {"id-b", "a bit of the second id is flipped", with(flipBit(e.idB, 255), 4, 1)},
		{"hash-a", "a bit of the first hash is flipped", with(flipBit(hash(e.a), 255), 5, 0)}, {"hash-b", "a bit of the second hash is flipped", with(flipBit(hash(e.b), 255), 5, 1)},
	} {
		bad("other-"+v.name, "EQV-2", v.comment+": it is not what the evidence gives", v.leaf, "binding")
	}
	bad("ids-swapped", "EQV-1", "ids and hashes are swapped", enc(put(put(leaf, list{e.idB, e.idA}, []int64{4}), list{hash(e.b), hash(e.a)}, []int64{5})), "value")
	return s
}
