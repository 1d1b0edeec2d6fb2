package main

import (
	"fmt"
	"math"
	"strings"
)

// recordKinds: REC-1 and REC-2.
func recordKinds(s *suite) {
	for _, k := range []int64{0, -1, 4, 5, 6, 7, 8, 63, 1<<63 - 1} {
		s.bad("kind-"+fmt.Sprint(k), "REC-1", fmt.Sprintf("kind %d is not known to rule version 1", k), enc(transfer().set(k, 1)), "unknown-kind", "kind")
	}
	s.bad("kind-text", "", "the kind is a text", enc(transfer().set("transfer", 1)), "type", "kind")
	s.bad("empty-map", "REC-2", "a record without any field: no kind", enc(group{}), "missing-field")
	least := map[string]group{"production": production(), "transfer": transfer(), "consumption": consumption()}
	for _, kind := range []string{"production", "transfer", "consumption"} {
		rec := least[kind]
		for _, k := range rec.keys() {
			s.bad("missing-"+kind+"-"+topNames[k], "REC-2", "a "+kind+" without "+topNames[k], enc(rec.del(k)), "missing-field", topNames[k])
		}
	}
	for _, kind := range []string{"production", "consumption"} {
		s.bad("forbidden-"+kind+"-side", "REC-2", "a "+kind+" with a side", enc(least[kind].set(0, 11)), "forbidden-field", "side")
		s.bad("forbidden-"+kind+"-basis", "REC-2", "a "+kind+" with a legal basis", enc(least[kind].set(list{group{1: "eu:45"}}, 12)), "forbidden-field", "basis")
	}
	for side := range int64(3) {
		rec := transfer().set(side, 11)
		s.good(fmt.Sprintf("side-%d", side), "REC-3", fmt.Sprintf("a transfer with side %d", side), enc(rec), recordExpect(rec))
	}
	s.bad("side-3", "", "side 3", enc(transfer().set(3, 11)), "value", "side")
	s.bad("side-negative", "", "side -1", enc(transfer().set(-1, 11)), "value", "side")
	s.bad("not-a-map-array", "", "the record is an array", enc(list{1, 2}), "type", "")
	s.bad("not-a-map-integer", "", "the record is an integer", enc(1), "type", "")
	s.bad("not-a-map-bytes", "", "the record is wrapped in a byte string", enc(enc(transfer())), "type", "")
	wrong := map[int64]any{2: "2023-11-16T18:15:46Z", 3: "2150", 4: "ref", 5: group{}, 6: list{}, 7: "llama-2-70b",
		8: list{1, 2}, 9: "US", 10: "US", 11: "exporter", 12: "eu:45", 13: 1, 14: fill(1, 32), 15: 12, 17: 3}
	for _, k := range transferOrder {
		s.bad("type-"+topNames[k], "", topNames[k]+" is of another CBOR type", enc(transfer().set(wrong[k], k)), "type", topNames[k])
	}
}

var transferOrder = []int64{2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17}

// recordFields: each field of each group, just inside and just outside.
func recordFields(s *suite) {
	for _, g := range groupSpecs() {
		for _, f := range g.fields {
			if f.must {
				path := append(append([]int64(nil), g.path...), f.key)
				s.bad(slug(g, f)+"-missing", "", g.name+" without "+f.name, enc(withGroup(g, -1, nil).del(path...)), "missing-field", g.name+"."+f.name)
			}
			if g.name == "using" {
				continue // the same table as serving
			}
			if g.name == "label" && f.name == "explicit" {
				s.bad(slug(g, f)+"-type", "", "label.explicit is true, not a map", enc(withGroup(g, f.key, true)), "type", "label.explicit")
				continue
			}
			fieldVectors(s, g, f, withGroup)
		}
	}
}

func slug(g groupSpec, f fieldSpec) string {
	return strings.NewReplacer("[0]", "", ".", "-").Replace(g.name) + "-" + f.name
}

// fieldVectors writes the vectors of one field by its form; with makes a record
// in which the group has v under a key.
func fieldVectors(s *suite, g groupSpec, f fieldSpec, with func(g groupSpec, key int64, v any) group) {
	at, path := slug(g, f), g.name+"."+f.name
	bad := func(suffix, rule, what string, v any, code ...string) {
		s.bad(at+"-"+suffix, rule, path+" "+what, enc(with(g, f.key, v)), code[0], path)
	}
	good := func(suffix, rule, what string, v any, _ ...string) {
		rec := with(g, f.key, v)
		s.good(at+"-"+suffix, rule, path+" "+what, enc(rec), recordExpect(rec))
	}
	switch f.form {
	case fInt:
		bad("type", "", "is a text", "1", "type")
		if f.lo == math.MinInt64 {
			bad("below", "ENC-9", "is -2^63-1", raw(wide(mNeg, 1<<63, 8)), "integer-range")
			good("least", "", "is -2^63", f.lo)
		} else {
			bad("below", "", fmt.Sprintf("is %d", f.lo-1), f.lo-1, "value")
		}
		if f.hi == math.MaxInt64 {
			bad("above", "ENC-9", "is 2^63", raw(wide(mUint, 1<<63, 8)), "integer-range")
		} else {
			bad("above", "", fmt.Sprintf("is %d", f.hi+1), f.hi+1, "value")
		}
		good("greatest", "", fmt.Sprintf("is %d", f.hi), f.hi)
	case fAmount:
		bad("type", "", "is a text", "1", "type")
		bad("negative", "ENC-34", "is -1", -1, "value")
		if g.name != "usage" || f.key <= 2 {
			good("greatest", "ENC-34", "is 2^63-1", f.hi)
		}
	case fTime:
		bad("type", "", "is a text", "2026-01-01", "type")
		bad("negative", "ENC-33", "is -1", -1, "value")
		bad("year-10000", "ENC-33", "is one past the end of the year 9999", int64(maxTime+1), "value")
		good("year-9999", "ENC-33", "is the end of the year 9999", int64(maxTime))
		good("zero", "ENC-33", "is 0", 0)
	case fIdent:
		bad("type", "", "is a byte string", []byte("a"), "type")
		bad("too-long", "ENC-30", fmt.Sprintf("has %d characters", f.hi+1), strings.Repeat("a", int(f.hi)+1), "identifier")
		bad("space", "ENC-30", "holds a space", "a b", "identifier")
		good("longest", "ENC-30", fmt.Sprintf("has %d characters", f.hi), strings.Repeat("~", int(f.hi)))
		if f.must || f.key == 4 {
			bad("empty", "ENC-30", "is empty", "", "identifier")
			bad("non-ascii", "ENC-30", "holds é", "modèle", "identifier")
			bad("del", "ENC-30", "holds DEL", "a\x7f", "identifier")
			bad("newline", "ENC-30", "ends in a newline", "a\n", "identifier")
			bad("nul", "ENC-30", "holds NUL", "a\x00b", "identifier")
		}
	case fText:
		bad("type", "", "is a byte string", []byte("a"), "type")
		bad("empty", "ENC-32", "is empty", "", "value")
		bad("too-long", "ENC-32", "has 129 bytes", strings.Repeat("é", 64)+"a", "value")
		good("longest", "ENC-32", "has 128 bytes", strings.Repeat("é", 64))
	case fBytes:
		bad("type", "", "is a text", strings.Repeat("a", int(f.lo)), "type")
		bad("short", "", fmt.Sprintf("has %d bytes", f.lo-1), fill(1, int(f.lo)-1), "value")
		bad("long", "", fmt.Sprintf("has %d bytes", f.hi+1), fill(1, int(f.hi)+1), "value")
		if g.name == "links" {
			bad("zero", "", "is all zero", fill(0, int(f.lo)), "value")
		}
	case fCountry:
		bad("type", "", "is an integer", 840, "type")
		for _, v := range wrongCountries {
			bad(v[0], "ENC-35", "is \""+v[1]+"\"", v[1], "value")
		}
		good("unknown", "ENC-35", "is \"ZZ\"", "ZZ")
	case fBool:
		bad("type", "", "is 1", 1, "type")
		good("false", "", "is false", false)
	case fDigest:
		bad("type", "", "is a byte string", fill(0xd1, 32), "type")
		bad("algorithm", "ENC-36", "has algorithm -44 (SHA-512)", list{-44, fill(0xd1, 32)}, "value")
		bad("short", "ENC-36", "has 31 bytes", list{-16, fill(0xd1, 31)}, "value")
		bad("long", "ENC-36", "has 33 bytes", list{-16, fill(0xd1, 33)}, "value")
		bad("arity", "ENC-36", "is an array of one", list{-16}, "value")
	case fDecimal:
		scaledVectors(bad, good, "REC-16", math.MinInt64, -18, 18)
	case fScaled:
		scaledVectors(bad, good, "ENC-34", 0, 0, 40)
	}
}

// scaledVectors are those of a field [mantissa, exponent of ten].
func scaledVectors(bad, good func(suffix, rule, what string, v any, code ...string), rule string, least, lowest, highest int64) {
	const greatest = int64(math.MaxInt64)
	bad("type", "", "is an integer", 1, "type")
	bad("type-mantissa", "", "has a text as its mantissa", list{"1", 0}, "type")
	bad("type-exponent", "", "has a text as its exponent", list{1, "0"}, "type")
	bad("float", "ENC-5", "is the float 1.0", raw{0xf9, 0x3c, 0}, "float")
	bad("float-mantissa", "ENC-5", "has the float 1.0 as its mantissa", list{raw{0xf9, 0x3c, 0}, 0}, "float")
	bad("tag-4", "ENC-6", "is a decimal fraction under tag 4", raw(cat([]byte{0xc4}, enc(list{lowest, 1}))), "tag")
	bad("bignum", "ENC-6", "has a bignum as its mantissa", list{raw(cat([]byte{0xc2}, enc([]byte{1}))), 0}, "tag")
	bad("arity-1", rule, "is an array of one", list{1}, "value")
	bad("arity-3", rule, "is an array of three", list{1, 0, 0}, "value")
	bad("mantissa-above", "ENC-9", "has the mantissa 2^63", list{raw(wide(mUint, 1<<63, 8)), 0}, "integer-range")
	if least == math.MinInt64 {
		bad("mantissa-below", "ENC-9", "has the mantissa -2^63-1", list{raw(wide(mNeg, 1<<63, 8)), 0}, "integer-range")
	} else {
		bad("mantissa-below", rule, fmt.Sprintf("has the mantissa %d", least-1), list{least - 1, 0}, "value")
	}
	bad("exponent-below", rule, fmt.Sprintf("has the exponent %d", lowest-1), list{1, lowest - 1}, "value")
	bad("exponent-above", rule, fmt.Sprintf("has the exponent %d", highest+1), list{1, highest + 1}, "value")
	good("greatest", rule, fmt.Sprintf("is 2^63-1 times ten to the %d", highest), list{greatest, highest})
	good("least", rule, fmt.Sprintf("has the mantissa %d and the exponent %d", least, lowest), list{least, lowest})
	good("zeros", rule, "is zero with an exponent", list{0, highest})
}

var wrongCountries = [][2]string{{"lower", "us"}, {"alpha-3", "USA"}, {"one-letter", "U"}, {"empty", ""}, {"digit", "U1"}, {"newline", "U\n"}}

// recordSpecials: what has a form of its own, and REC-4 to REC-7.
func recordSpecials(s *suite) {
	t := transfer()
	bad := func(name, rule, comment string, rec group, code string, path ...string) {
		s.bad(name, rule, comment, enc(rec), code, path...)
	}
	good := func(name, rule, comment string, rec group) {
		s.good(name, rule, comment, enc(rec), recordExpect(rec))
	}
	bad("time-negative", "ENC-33", "the time is -1", t.set(-1, 2), "value", "time")
	bad("time-year-10000", "ENC-33", "the time is one past the end of the year 9999", t.set(int64(maxTime+1), 2), "value", "time")
	good("time-zero", "ENC-33", "the time is 0", t.set(0, 2))
	good("time-year-9999", "ENC-33", "the time is the last one there is", t.set(int64(maxTime), 2))
	bad("duration-negative", "ENC-34", "the duration is -1", t.set(-1, 3), "value", "duration")
	good("duration-greatest", "ENC-34", "the duration is 2^63-1", t.set(int64(1<<63-1), 3))
	bad("ref-empty", "", "an empty ref", t.set([]byte{}, 4), "value", "ref")
	bad("ref-33", "", "a ref of 33 bytes", t.set(fill(1, 33), 4), "value", "ref")
	good("ref-32", "", "a ref of 32 bytes", t.set(fill(1, 32), 4))
	good("ref-1", "", "a ref of one byte", t.set(fill(0, 1), 4))
	parentVectors(bad, good, t)

	usage := func(name, comment string, u group) {
		bad(name, "REC-5", comment, t.set(u, 8), "usage-parts")
	}
	usage("usage-parts-read", "cache read exceeds input", group{1: 10, 2: 10, 3: 11})
	usage("usage-parts-write", "cache write exceeds input", group{1: 10, 2: 10, 4: 11})
	usage("usage-parts-sum", "cache read and write together exceed input", group{1: 10, 2: 10, 3: 6, 4: 5})
	usage("usage-parts-overflow", "cache read + cache write is beyond int64",
		group{1: 10, 2: 10, 3: int64(1<<63 - 1), 4: int64(1<<63 - 1)})
	usage("usage-parts-reasoning", "reasoning exceeds output", group{1: 10, 2: 10, 5: 11})
	good("usage-parts-equal", "REC-5", "the parts are all of it", t.set(group{1: 10, 2: 10, 3: 6, 4: 4, 5: 10}, 8))
	good("usage-zero", "REC-5", "no tokens at all", t.set(group{1: 0, 2: 0, 3: 0, 4: 0, 5: 0}, 8))

	for _, v := range [][2]string{{"lower", "us-va"}, {"long", "US-VAXX"}, {"empty-part", "US-"}, {"no-hyphen", "USVA"}, {"part-lower", "US-va"}, {"newline", "US-V\n"}} {
		bad("subdivision-"+v[0], "", "serving.subdivision is \""+v[1]+"\"", t.set("US", 9, 1).set(v[1], 9, 2), "value", "serving.subdivision")
	}
	bad("subdivision-other-country", "REC-6", "serving is in CN, its subdivision is US-VA", t.set("US-VA", 9, 2), "value", "serving.subdivision")
	bad("subdivision-other-country-using", "REC-6", "using is in US, its subdivision is DE-BE", t.set("DE-BE", 10, 2), "value", "using.subdivision")
	good("subdivision-own", "REC-6", "serving is in CN, its subdivision CN-31", t.set("CN-31", 9, 2))

	basis := func(codes ...string) group {
		var l list
		for _, c := range codes {
			l = append(l, group{1: c})
		}
		return t.set(l, 12)
	}
	for _, v := range [][2]string{{"empty", ""}, {"upper", "EU:45"}, {"space", "eu 45"}, {"plus", "eu+45"}, {"underscore", "eu_45"}, {"long", strings.Repeat("a", 49)}, {"newline", "eu:45\n"}} {
		bad("basis-code-"+v[0], "", "basis[0].code is \""+v[1]+"\"", basis(v[1]), "value", "basis[0].code")
	}
	bad("basis-code-type", "", "basis[0].code is an integer", t.set(list{group{1: 45}}, 12), "type", "basis[0].code")
	good("basis-code-48", "", "a basis code of 48 characters", basis(strings.Repeat("z", 48)))
	bad("basis-empty", "", "no basis in the array", t.set(list{}, 12), "value", "basis")
	bad("basis-five", "", "five bases", basis("a", "b", "c", "d", "e"), "value", "basis")
	good("basis-four", "REC-7", "four bases in ascending order; '-' sorts before '.' and ':'", basis("a", "a-b", "a.b", "a:b"))
	bad("basis-order", "REC-7", "cn:standard-contract stands behind eu:45", basis("eu:45", "cn:standard-contract"), "basis-order")
	bad("basis-order-prefix", "REC-7", "the shorter code stands behind the longer that begins with it", basis("eu:45-1", "eu:45"), "basis-order")
	bad("basis-order-digit", "REC-7", "':' sorts behind the digits", basis("eu:45", "eu1"), "basis-order")
	bad("basis-order-last", "REC-7", "the third stands before the second", basis("a", "c", "b"), "basis-order")
	bad("basis-twice", "REC-7", "one basis twice", basis("eu:45", "eu:45"), "basis-order")

	content := func(n int) list {
		var l list
		for i := range n {
			l = append(l, group{1: 1 + i%2, 2: 5, 3: fill(byte(i), 32)})
		}
		return l
	}
	bad("content-empty", "", "no commitment in the array", t.set(list{}, 14), "value", "content")
	bad("content-nine", "", "nine commitments", t.set(content(9), 14), "value", "content")
	good("content-eight", "", "eight commitments", t.set(content(8), 14))
	for _, alg := range []int64{0, 4, 6, -15, -17, -43} {
		bad(fmt.Sprintf("content-algorithm-%d", alg), "", fmt.Sprintf("content[0].algorithm is %d", alg),
			t.set(content(1), 14).set(alg, 14, 0, 2), "value", "content[0].algorithm")
	}
	bad("content-second-role", "", "the role of the second commitment is 3", t.set(content(2), 14).set(3, 14, 1, 1), "value", "content[1].role")
	for _, v := range [][2]string{{"lower", "usd"}, {"short", "US"}, {"long", "USDT"}, {"empty", ""}, {"digit", "US1"}} {
		bad("currency-"+v[0], "", "price.currency is \""+v[1]+"\"", t.set(group{1: v[1]}, 17), "value", "price.currency")
	}
}

func parentVectors(bad func(string, string, string, group, string, ...string), good func(string, string, string, group), t group) {
	parents := func(n int) list {
		var l list
		for i := range n {
			l = append(l, fill(byte(i), 32))
		}
		return l
	}
	ref := func(issuer any, ref []byte) list { return list{issuer, ref} }
	bad("parents-empty", "", "no parent in the array", t.set(list{}, 5), "value", "parents")
	bad("parents-17", "", "17 parents", t.set(parents(17), 5), "value", "parents")
	good("parents-16", "", "16 parents", t.set(parents(16), 5))
	good("parents-unordered", "REC-4", "parents stand in any order", t.set(list{fill(9, 32), ref("b", fill(1, 1)), fill(1, 32), ref("a", fill(1, 1))}, 5))
	good("parents-same-ref-other-issuer", "REC-4", "one ref under two issuers is two parents", t.set(list{ref("a", fill(1, 4)), ref("b", fill(1, 4))}, 5))
	bad("parents-twice", "REC-4", "one record id twice", t.set(list{fill(1, 32), fill(2, 32), fill(1, 32)}, 5), "duplicate-parent")
	bad("parents-ref-twice", "REC-4", "one (issuer, ref) twice", t.set(list{ref("a", fill(1, 4)), ref("a", fill(1, 4))}, 5), "duplicate-parent")
	bad("parent-id-31", "", "a record id of 31 bytes", t.set(list{fill(1, 31)}, 5), "value", "parents[0]")
	bad("parent-id-33", "", "a record id of 33 bytes, the second parent", t.set(list{fill(1, 32), fill(2, 33)}, 5), "value", "parents[1]")
	bad("parent-text", "", "a parent that is a text", t.set(list{"acme"}, 5), "type", "parents[0]")
	bad("parent-ref-empty", "", "an empty ref", t.set(list{ref("acme", nil)}, 5), "value")
	bad("parent-ref-33", "", "a ref of 33 bytes", t.set(list{ref("acme", fill(1, 33))}, 5), "value")
	bad("parent-arity", "", "a parent of three elements", t.set(list{list{"acme", fill(1, 4), 0}}, 5), "value", "parents[0]")
	bad("parent-arity-1", "", "a parent that is an array of one", t.set(list{list{"acme"}}, 5), "value", "parents[0]")
	for _, v := range [][2]string{{"upper", "Acme"}, {"dot-first", ".acme"}, {"hyphen-first", "-acme"}, {"underscore-first", "_acme"},
		{"empty", ""}, {"slash", "acme/eu"}, {"space", "acme eu"}, {"long", strings.Repeat("a", 65)}, {"non-ascii", "acmé"}, {"newline", "acme\n"}} {
		bad("parent-issuer-"+v[0], "ENC-31", "the issuer of a parent is \""+v[1]+"\"", t.set(list{ref(v[1], fill(1, 4))}, 5), "identifier")
	}
	good("parent-issuer-64", "ENC-31", "an issuer of 64 characters", t.set(list{ref("0"+strings.Repeat("-", 63), fill(1, 4))}, 5))
}

// wideRecords are records with so many kept keys that the map's head takes one,
// two or three bytes: what a kind must and must not have holds all the same.
func wideRecords(s *suite) {
	for _, c := range []struct {
		kind            string
		least, lacking  group
		missing         string
		wrong           group
		code, forbidden string
	}{
		{"production", production(), production().del(9), "serving", production().set(0, 11), "forbidden-field", "side"},
		{"transfer", transfer(), transfer().del(11), "side", transfer().del(10), "missing-field", "using"},
		{"consumption", consumption(), consumption().del(10), "using", consumption().set(0, 11), "forbidden-field", "side"},
	} {
		for _, n := range []int{23, 24, 255, 256, 257, 258, 259, 300} {
			name, words := fmt.Sprintf("wide-%s-%d", c.kind, n), fmt.Sprintf("%s with %d keys", c.kind, n)
			rec := widened(c.least, n)
			s.good(name, "ENC-20", "a "+words, enc(rec), recordExpect(rec))
			s.bad(name+"-lacking", "REC-2", words+", without "+c.missing, enc(widened(c.lacking, n)), "missing-field", c.missing)
			s.bad(name+"-wrong", "REC-2", words+", with or without "+c.forbidden, enc(widened(c.wrong, n)), c.code, c.forbidden)
		}
	}
}

// widened is a group with kept keys up to n keys in all.
func widened(g group, n int) group {
	out := group{}
	for k, v := range g {
		out[k] = v
	}
	for k := int64(1024); len(out) < n; k++ {
		out[k] = 0
	}
	return out
}
