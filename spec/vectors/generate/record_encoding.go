package main

import (
	"fmt"
	"strings"
)

// with returns the least transfer as an ordered map in which the value of the
// extension key 1024 is b, as it stands.
func withExtension(b []byte) []byte { return enc(transfer().set(raw(b), 1024)) }

// recordEncodingHeads: ENC-1 and ENC-2, each width at each place.
func recordEncodingHeads(s *suite) {
	in := func(name, comment string, b []byte, code, rule string, path ...string) {
		s.bad(name, rule, comment, b, code, path...)
	}
	duration := func(b []byte) []byte { return enc(transfer().set(raw(b), 3)) }
	nm, rule := "non-minimal", "ENC-1"
	in("non-minimal-value-8", "duration 23 in two bytes", duration(wide(mUint, 23, 1)), nm, rule, "duration")
	in("non-minimal-value-16", "duration 255 in three bytes", duration(wide(mUint, 255, 2)), nm, rule, "duration")
	in("non-minimal-value-32", "duration 65,535 in five bytes", duration(wide(mUint, 65535, 4)), nm, rule, "duration")
	in("non-minimal-value-64", "duration 2^32-1 in nine bytes", duration(wide(mUint, 1<<32-1, 8)), nm, rule, "duration")
	in("non-minimal-value-zero-64", "duration 0 in nine bytes", duration(wide(mUint, 0, 8)), nm, rule, "duration")
	for _, w := range []struct {
		width int
		arg   uint64
	}{{1, 23}, {2, 255}, {4, 65535}, {8, 1<<32 - 1}} {
		in(fmt.Sprintf("non-minimal-negative-%d", 8*w.width), fmt.Sprintf("under key 1024, -1-%d in %d bytes", w.arg, 1+w.width),
			withExtension(wide(mNeg, w.arg, w.width)), nm, rule)
	}
	body := enc(transfer())[1:]
	in("non-minimal-map-length", "the record's own map length, 7, in two bytes", cat(wide(mMap, 7, 1), body), nm, rule)
	in("non-minimal-map-length-64", "the record's own map length, 7, in nine bytes", cat(wide(mMap, 7, 8), body), nm, rule)
	in("non-minimal-inner-map-length", "the length of usage, 2, in two bytes",
		enc(transfer().set(raw(cat(wide(mMap, 2, 1), enc(group{1: 1200, 2: 310})[1:])), 8)), nm, rule, "usage")
	rec := transfer()
	in("non-minimal-key-8", "the key 1 in two bytes",
		cat(head(mMap, 7), wide(mUint, 1, 1), enc(rec)[2:]), nm, rule)
	in("non-minimal-key-16", "the extension key 64 in three bytes",
		cat(head(mMap, 8), body, wide(mUint, 64, 2), []byte{0}), nm, rule)
	in("non-minimal-key-64", "the extension key 1024 in nine bytes",
		cat(head(mMap, 8), body, wide(mUint, 1024, 8), []byte{0}), nm, rule)
	in("non-minimal-inner-key", "the key 1 of usage in two bytes",
		enc(rec.set(raw(cat(head(mMap, 2), wide(mUint, 1, 1), enc(5), enc(2), enc(6))), 8)), nm, rule)
	in("non-minimal-text-length", "the length of model.name, 11, in two bytes",
		enc(rec.set(raw(cat(wide(mText, 11, 1), []byte("llama-2-70b"))), 7, 1)), nm, rule, "model.name")
	in("non-minimal-text-length-16", "the length of model.name, 11, in three bytes",
		enc(rec.set(raw(cat(wide(mText, 11, 2), []byte("llama-2-70b"))), 7, 1)), nm, rule, "model.name")
	in("non-minimal-bytes-length", "the length of ref, 4, in two bytes",
		enc(rec.set(raw(cat(wide(mBytes, 4, 1), fill(1, 4))), 4)), nm, rule, "ref")
	in("non-minimal-bytes-length-32", "the length of ref, 4, in five bytes",
		enc(rec.set(raw(cat(wide(mBytes, 4, 4), fill(1, 4))), 4)), nm, rule, "ref")
	in("non-minimal-array-length", "the length of parents, 1, in two bytes",
		enc(rec.set(raw(cat(wide(mArray, 1, 1), enc(fill(1, 32)))), 5)), nm, rule, "parents")
	in("non-minimal-under-extension", "inside an array under key 1024, 0 in two bytes",
		withExtension(cat(head(mArray, 1), wide(mUint, 0, 1))), nm, rule)

	rule = "ENC-2"
	in("indefinite-bytes", "ref as one chunk of an indefinite byte string",
		enc(rec.set(raw(cat([]byte{0x5f}, enc(fill(1, 4)), []byte{0xff})), 4)), "indefinite", rule, "ref")
	in("indefinite-text", "model.name as one chunk of an indefinite text",
		enc(rec.set(raw(cat([]byte{0x7f}, enc("llama"), []byte{0xff})), 7, 1)), "indefinite", rule, "model.name")
	in("indefinite-array", "parents as an indefinite array",
		enc(rec.set(raw(cat([]byte{0x9f}, enc(fill(1, 32)), []byte{0xff})), 5)), "indefinite", rule, "parents")
	in("indefinite-map", "the record as an indefinite map", cat([]byte{0xbf}, body, []byte{0xff}), "indefinite", rule, "")
	in("indefinite-inner-map", "usage as an indefinite map",
		enc(rec.set(raw(cat([]byte{0xbf}, enc(group{1: 1, 2: 2})[1:], []byte{0xff})), 8)), "indefinite", rule, "usage")
	in("indefinite-under-extension", "an empty indefinite array under key 1024",
		withExtension([]byte{0x9f, 0xff}), "indefinite", rule)
}

// recordEncodingMaps: ENC-3, ENC-4, ENC-10, ENC-20.
func recordEncodingMaps(s *suite) {
	r := transfer()
	kv := func(keys ...int64) []any {
		var out []any
		for _, k := range keys {
			out = append(out, k, r[k])
		}
		return out
	}
	s.bad("unsorted-top", "ENC-3", "key 2 stands before key 1", pairs(kv(2, 1, 7, 8, 9, 10, 11)...), "unsorted-keys")
	s.bad("unsorted-top-last", "ENC-3", "key 11 stands before key 10", pairs(kv(1, 2, 7, 8, 9, 11, 10)...), "unsorted-keys")
	s.bad("unsorted-inner", "ENC-3", "in usage, output stands before input", enc(r.set(pairs(2, 310, 1, 1200), 8)), "unsorted-keys")
	s.bad("unsorted-extensions", "ENC-3", "key 1024 stands before key 64", pairs(append(kv(1, 2, 7, 8, 9, 10, 11), 1024, 0, 64, 0)...), "unsorted-keys")
	s.bad("unsorted-extension-first", "ENC-3", "key 64 stands before key 11", pairs(append(kv(1, 2, 7, 8, 9, 10), 64, 0, 11, 1)...), "unsorted-keys")
	s.bad("unsorted-under-extension", "ENC-3", "in a map under key 1024, key 256 stands before key 24", withExtension(pairs(256, 0, 24, 0)), "unsorted-keys")
	s.bad("duplicate-top", "ENC-4", "key 2, time, stands twice with one value", pairs(kv(1, 2, 2, 7, 8, 9, 10, 11)...), "duplicate-key")
	s.bad("duplicate-top-values", "ENC-4", "key 11, side, stands twice with two values", pairs(append(kv(1, 2, 7, 8, 9, 10, 11), 11, 2)...), "duplicate-key")
	s.bad("duplicate-inner", "ENC-4", "in usage, input stands twice", enc(r.set(pairs(1, 1200, 1, 1200, 2, 310), 8)), "duplicate-key")
	s.bad("duplicate-extension", "ENC-4", "key 64 stands twice", pairs(append(kv(1, 2, 7, 8, 9, 10, 11), 64, 0, 64, 1)...), "duplicate-key")
	s.bad("duplicate-under-extension", "ENC-4", "in a map under key 1024, key 0 stands twice", withExtension(pairs(0, 0, 0, 0)), "duplicate-key")

	last := func(key, v any) []byte { return pairs(append(kv(1, 2, 7, 8, 9, 10, 11), key, v)...) }
	s.bad("key-text", "ENC-10", "a text as a key of the record", last("note", 1), "key-type")
	s.bad("key-bytes", "ENC-10", "a byte string as a key of the record", last([]byte{1}, 1), "key-type")
	s.bad("key-array", "ENC-10", "an empty array as a key of the record", last(list{}, 1), "key-type")
	s.bad("key-bool", "ENC-10", "true as a key of the record", last(true, 1), "key-type")
	s.bad("key-text-inner", "ENC-10", "a text as a key of usage", enc(r.set(pairs(1, 1, 2, 2, "total", 3), 8)), "key-type")
	s.bad("key-text-under-extension", "ENC-10", "a text as a key of a map under key 1024", withExtension(pairs("a", 1)), "key-type")

	s.bad("critical-negative", "ENC-20", "key -1 in the record", last(-1, 0), "unknown-critical")
	s.bad("critical-above", "ENC-20", "key 65,536 in the record", last(65536, 0), "unknown-critical")
	s.bad("critical-above-32", "ENC-20", "key 2^32 in the record", last(int64(1)<<32, 0), "unknown-critical")
	s.bad("critical-above-64", "ENC-20", "key 2^63-1 in the record", last(int64(1<<63-1), 0), "unknown-critical")
	s.bad("critical-zero", "ENC-20", "key 0 in the record", pairs(append([]any{0, 0}, kv(1, 2, 7, 8, 9, 10, 11)...)...), "unknown-critical")
	for _, k := range []int64{19, 63} {
		s.bad(fmt.Sprintf("critical-%d", k), "ENC-20", fmt.Sprintf("key %d in the record", k), last(k, 0), "unknown-critical")
	}
	for _, k := range []int64{16, 18} {
		s.bad(fmt.Sprintf("reserved-%d", k), "REC-2", fmt.Sprintf("the reserved key %d", k), enc(r.set(0, k)), "unknown-critical")
	}
	s.bad("critical-negative-under-extension", "ENC-20", "key -1 in a map under key 1024", withExtension(pairs(-1, 0)), "unknown-critical")
	s.bad("critical-above-under-extension", "ENC-20", "key 65,536 in a map under key 1024", withExtension(pairs(65536, 0)), "unknown-critical")
	for _, k := range []int64{64, 1023, 1024, 65535} {
		s.good(fmt.Sprintf("extension-%d", k), "ENC-20", fmt.Sprintf("key %d is kept and hashed", k), enc(r.set("kept", k)), recordExpect(r))
	}
	s.good("extension-nested", "ENC-20", "in a map under key 64 the keys 0 and 63 are kept too",
		enc(r.set(group{0: 1, 63: list{true, false, -5, fill(1, 3), "é"}}, 64)), recordExpect(r))
	for _, g := range groupSpecs() {
		if g.name == "using" {
			continue
		}
		top := g.fields[len(g.fields)-1].key + 1
		name := strings.NewReplacer("[0]", "", ".", "-").Replace(g.name)
		s.bad("critical-"+name, "ENC-20", fmt.Sprintf("%s has the unassigned key %d", g.name, top), enc(withGroup(g, top, 0)), "unknown-critical")
		s.bad("critical-63-"+name, "ENC-20", fmt.Sprintf("%s has the unassigned key 63", g.name), enc(withGroup(g, 63, 0)), "unknown-critical")
		for _, k := range []int64{64, 65535} {
			rec := withGroup(g, k, "kept")
			s.good(fmt.Sprintf("extension-%d-%s", k, name), "ENC-20", fmt.Sprintf("%s has the extension key %d, which is kept", g.name, k), enc(rec), recordExpect(rec))
		}
	}
}

// recordEncodingItems: ENC-5 to ENC-9, ENC-15.
func recordEncodingItems(s *suite) {
	r := transfer()
	duration := func(name, rule, comment string, b []byte, code string) {
		s.bad(name, rule, comment, enc(r.set(raw(b), 3)), code, "duration")
	}
	duration("float-16", "ENC-5", "duration 1.0 as half precision", []byte{0xf9, 0x3c, 0}, "float")
	duration("float-32", "ENC-5", "duration 1.0 as single precision", []byte{0xfa, 0x3f, 0x80, 0, 0}, "float")
	duration("float-64", "ENC-5", "duration 1.0 as double precision", []byte{0xfb, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0}, "float")
	s.bad("float-nan-extension", "ENC-5", "NaN under key 1024", withExtension([]byte{0xf9, 0x7e, 0}), "float")
	s.bad("float-64-extension", "ENC-5", "0.1 under key 1024", withExtension([]byte{0xfb, 0x3f, 0xb9, 0x99, 0x99, 0x99, 0x99, 0x99, 0x9a}), "float")
	s.bad("tag-time", "ENC-6", "the time tagged 1 (epoch)", enc(r.set(raw(cat([]byte{0xc1}, enc(eventTime))), 2)), "tag", "time")
	duration("tag-bignum", "ENC-6", "duration 1 as a bignum", cat([]byte{0xc2}, enc([]byte{1})), "tag")
	duration("tag-negative-bignum", "ENC-6", "duration as a negative bignum", cat([]byte{0xc3}, enc([]byte{1})), "tag")
	s.bad("tag-self-described", "ENC-6", "the record tagged 55799", cat([]byte{0xd9, 0xd9, 0xf7}, enc(r)), "tag", "")
	s.bad("tag-18-record", "ENC-6", "the record tagged 18: only a COSE_Sign1 begins so", cat([]byte{0xd2}, enc(r)), "tag", "")
	s.bad("tag-18-extension", "ENC-6", "tag 18 under key 1024", withExtension([]byte{0xd2, 0x80}), "tag")
	s.bad("tag-24-extension", "ENC-6", "embedded CBOR (tag 24) under key 1024", withExtension([]byte{0xd8, 0x18, 0x41, 0x00}), "tag")
	duration("simple-null", "ENC-7", "duration null", []byte{0xf6}, "simple")
	duration("simple-undefined", "ENC-7", "duration undefined", []byte{0xf7}, "simple")
	s.bad("simple-null-extension", "ENC-7", "null under key 1024", withExtension([]byte{0xf6}), "simple")
	s.bad("simple-undefined-extension", "ENC-7", "undefined under key 1024", withExtension([]byte{0xf7}), "simple")
	s.bad("simple-0", "ENC-7", "simple value 0 under key 1024", withExtension([]byte{0xe0}), "simple")
	s.bad("simple-19", "ENC-7", "simple value 19 under key 1024", withExtension([]byte{0xf3}), "simple")
	s.bad("simple-32", "ENC-7", "simple value 32 under key 1024", withExtension([]byte{0xf8, 32}), "simple")
	s.bad("simple-255", "ENC-7", "simple value 255 under key 1024", withExtension([]byte{0xf8, 255}), "simple")
	s.bad("simple-null-bool", "ENC-7", "label.editorial null", enc(r.set(group{1: 1, 13: raw{0xf6}}, 13)), "simple", "label.editorial")

	for _, u := range []struct{ name, comment, bytes string }{
		{"overlong-2", "an overlong NUL in two bytes", "\xc0\x80"},
		{"overlong-3", "an overlong slash in three bytes", "\xe0\x80\xaf"},
		{"overlong-4", "an overlong euro sign in four bytes", "\xf0\x82\x82\xac"},
		{"surrogate", "a lone surrogate, U+D800", "\xed\xa0\x80"},
		{"surrogate-pair", "a pair of surrogates (CESU-8)", "\xed\xa0\xbd\xed\xb8\x80"},
		{"truncated", "the first of two bytes only", "a\xc3"},
		{"truncated-4", "three of four bytes", "\xf0\x9f\x98"},
		{"continuation", "a lone continuation byte", "\x80"},
		{"above-10ffff", "a code point above U+10FFFF", "\xf4\x90\x80\x80"},
		{"fe", "the byte 0xFE", "\xfe"},
	} {
		s.bad("utf8-"+u.name, "ENC-8", "label.producer holds "+u.comment, enc(r.set(group{1: 1, 4: u.bytes}, 13)), "utf8", "label.producer")
	}
	s.bad("utf8-extension", "ENC-8", "a text of the byte 0xFF under key 1024", withExtension(enc("\xff")), "utf8")
	notNFC := r.set(group{1: 1, 4: "e\u0301"}, 13)
	s.good("utf8-not-nfc", "ENC-8", "label.producer is not in NFC: admitted, a finding of verify", enc(notNFC), recordExpect(notNFC))
	nul := r.set(group{1: 1, 4: "\x00\U0010FFFF"}, 13)
	s.good("utf8-bounds", "ENC-8", "label.producer is U+0000 U+10FFFF", enc(nul), recordExpect(nul))

	duration("integer-2-63", "ENC-9", "duration 2^63", wide(mUint, 1<<63, 8), "integer-range")
	duration("integer-2-64-1", "ENC-9", "duration 2^64-1", wide(mUint, 1<<64-1, 8), "integer-range")
	duration("integer-below", "ENC-9", "duration -2^63-1", wide(mNeg, 1<<63, 8), "integer-range")
	s.bad("integer-2-63-extension", "ENC-9", "2^63 under key 1024", withExtension(wide(mUint, 1<<63, 8)), "integer-range")
	s.bad("integer-below-extension", "ENC-9", "-2^63-1 under key 1024", withExtension(wide(mNeg, 1<<63, 8)), "integer-range")
	s.bad("integer-least-64-extension", "ENC-9", "-2^64 under key 1024", withExtension(wide(mNeg, 1<<64-1, 8)), "integer-range")
	s.good("integer-bounds-extension", "ENC-9", "2^63-1 and -2^63 under key 1024",
		withExtension(enc(list{int64(1<<63 - 1), int64(-1 << 63)})), recordExpect(r))
	for info := byte(28); info <= 30; info++ {
		for major := byte(0); major < 8; major++ {
			s.bad(fmt.Sprintf("malformed-%d-%d", major, info), "ENC-15",
				fmt.Sprintf("under key 1024, a head of major type %d with additional information %d", major, info),
				withExtension([]byte{major<<5 | info}), "malformed")
		}
	}
}

// recordEncodingEnds: ENC-11 to ENC-14.
func recordEncodingEnds(s *suite) {
	r := transfer()
	arrays := func(n int) []byte { return cat(fill(0x81, n-1), []byte{0x80}) }
	maps := func(n int) []byte {
		out := []byte{0xa0}
		for range n - 1 {
			out = cat([]byte{0xa1, 0x00}, out)
		}
		return out
	}
	s.good("depth-8-arrays", "ENC-11", "seven arrays in the record: depth 8", withExtension(arrays(7)), recordExpect(r))
	s.good("depth-8-maps", "ENC-11", "seven maps in the record: depth 8", withExtension(maps(7)), recordExpect(r))
	s.good("depth-8-scalar", "ENC-11", "a scalar at the bottom adds no depth", withExtension(cat(fill(0x81, 7), []byte{0})), recordExpect(r))
	s.bad("depth-9-arrays", "ENC-11", "eight arrays in the record: depth 9", withExtension(arrays(8)), "depth")
	s.bad("depth-9-maps", "ENC-11", "eight maps in the record: depth 9", withExtension(maps(8)), "depth")
	s.bad("depth-9-mixed", "ENC-11", "a map in seven arrays in the record: depth 9", withExtension(cat(fill(0x81, 7), []byte{0xa0})), "depth")
	s.bad("depth-9-group", "ENC-11", "eight arrays and groups: an extension of label.explicit nests six deep",
		enc(r.set(group{1: 1, 14: group{1: true, 64: raw(arrays(6))}}, 13)), "depth")
	s.bad("depth-bomb", "ENC-11", "2,000 arrays, each in the one before", withExtension(arrays(2000)), "depth")

	b := enc(r)
	s.bad("trailing-zero", "ENC-12", "a zero byte behind the record", cat(b, []byte{0}), "trailing-bytes")
	s.bad("trailing-record", "ENC-12", "the record stands twice", cat(b, b), "trailing-bytes")
	s.bad("trailing-break", "ENC-12", "a break behind the record", cat(b, []byte{0xff}), "trailing-bytes")
	s.bad("truncated-empty", "ENC-13", "no byte at all", []byte{}, "truncated")
	s.bad("truncated-last", "ENC-13", "the last byte is missing", b[:len(b)-1], "truncated")
	s.bad("truncated-half", "ENC-13", "the second half is missing", b[:len(b)/2], "truncated")
	s.bad("truncated-key-without-value", "ENC-13", "an eighth pair ends behind its key", cat(head(mMap, 8), b[1:], enc(1024)), "truncated")
	s.bad("truncated-head", "ENC-13", "the head of the value under key 1024 is cut", cat(head(mMap, 8), b[1:], enc(1024), []byte{0x19, 1}), "truncated")
	s.bad("truncated-map-length", "ENC-13", "a map of eight pairs, of which seven are there", cat(head(mMap, 8), b[1:]), "truncated")
	tail := func(name, comment string, v []byte) {
		s.bad(name, "ENC-13", comment, cat(head(mMap, 8), b[1:], enc(1024), v), "truncated")
	}
	tail("truncated-bytes", "a byte string of 4 bytes, of which 3 are there", []byte{0x44, 1, 2, 3})
	tail("truncated-text", "a text of 4 bytes, of which 3 are there", []byte{0x64, 'a', 'b', 'c'})
	tail("truncated-array", "an array of 3 elements, of which 2 are there", []byte{0x83, 1, 2})
	tail("truncated-array-2-32", "an array of 2^32-1 elements, none there", wide(mArray, 1<<32-1, 4))
	tail("truncated-map-2-32", "a map of 2^32-1 pairs, none there", wide(mMap, 1<<32-1, 4))
	tail("truncated-bytes-2-32", "a byte string of 2^32-1 bytes, none there", wide(mBytes, 1<<32-1, 4))
	tail("truncated-text-2-63", "a text of 2^63-1 bytes, none there", wide(mText, 1<<63-1, 8))
	tail("truncated-array-2-63", "an array of 2^63-1 elements, none there", wide(mArray, 1<<63-1, 8))
	tail("truncated-map-2-62", "a map of 2^62 pairs: twice as many elements, none there", wide(mMap, 1<<62, 8))

	pad := func(total int) []byte {
		n := total - len(enc(r.set(fill(0, 3000), 1024))) + 3000
		return enc(r.set(fill(0, n), 1024))
	}
	if len(pad(4096)) != 4096 || len(pad(4097)) != 4097 {
		panic("padding")
	}
	s.good("size-4096", "ENC-14", "a record of 4,096 bytes", pad(4096), recordExpect(r))
	s.bad("size-4097", "ENC-14", "a record of 4,097 bytes", pad(4097), "size")
	s.bad("size-65536", "ENC-14", "a record of 65,536 bytes", pad(65536), "size")
}
