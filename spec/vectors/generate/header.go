package main

import (
	"strconv"
	"strings"
)

// headerSuite: the batch header by itself.
func headerSuite() *suite {
	s := newSuite("header", "One batch header (the payload of a statement), without its records. Rules: encoding.md, statement.md.")
	b := threeKinds()
	h := b.header()
	second := b
	second.sequence, second.previous = 1, fill(0x77, 32)
	s.good("three-kinds", "BAT-3", "one record of each kind over two hours, sequence 0", enc(h), b.expect())
	s.good("second", "BAT-7", "sequence 1 with a previous", enc(second.header()), second.expect())
	last := second
	last.sequence = 1<<63 - 1
	s.good("sequence-greatest", "BAT-7", "sequence 2^63-1", enc(last.header()), last.expect())
	for _, k := range []int64{64, 1023, 1024, 65535} {
		e := b.expect()
		ext := enc(h.set("kept", k))
		e.StatementID = hexOf(statementID(ext))
		s.good("extension-"+num64(k), "ENC-20", "key "+num64(k)+" is kept and hashed", ext, e)
	}
	headerEncoding(s, h)
	headerFields(s, b)
	headerStrings(s, b)
	headerCells(s, b)
	return s
}

var headerNames = map[int64]string{1: "version", 2: "issuer", 3: "stream", 4: "sequence", 5: "previous",
	6: "count", 7: "root", 8: "period", 9: "strings", 10: "totals"}

func headerEncoding(s *suite, h group) {
	b := enc(h)
	bad := func(name, rule, comment string, in []byte, code string, path ...string) {
		s.bad(name, rule, comment, in, code, path...)
	}
	bad("non-minimal-sequence", "ENC-1", "sequence 0 in two bytes", enc(h.set(raw(wide(mUint, 0, 1)), 4)), "non-minimal", "sequence")
	bad("non-minimal-map-length", "ENC-1", "the map's length in two bytes", cat(wide(mMap, 9, 1), b[1:]), "non-minimal")
	bad("non-minimal-issuer", "ENC-1", "the length of issuer in two bytes", enc(h.set(raw(cat(wide(mText, 4, 1), []byte("acme"))), 2)), "non-minimal", "issuer")
	bad("non-minimal-cell", "ENC-1", "the side of a cell in two bytes", enc(h.set(raw(wide(mUint, 0, 1)), 10, 0, 2)), "non-minimal")
	bad("non-minimal-cells-length", "ENC-1", "the length of totals in three bytes", enc(h.set(raw(cat(wide(mArray, 3, 2), enc(h[10])[1:])), 10)), "non-minimal", "totals")
	bad("indefinite-map", "ENC-2", "the header as an indefinite map", cat([]byte{0xbf}, b[1:], []byte{0xff}), "indefinite")
	bad("indefinite-strings", "ENC-2", "strings as an indefinite array", enc(h.set(raw(cat([]byte{0x9f}, enc(h[9])[1:], []byte{0xff})), 9)), "indefinite", "strings")
	bad("unsorted", "ENC-3", "version stands behind issuer", pairs(2, h[2], 1, h[1], 3, h[3], 4, h[4], 6, h[6], 7, h[7], 8, h[8], 9, h[9], 10, h[10]), "unsorted-keys")
	bad("duplicate", "ENC-4", "stream stands twice", pairs(1, h[1], 2, h[2], 3, h[3], 3, h[3], 4, h[4], 6, h[6], 7, h[7], 8, h[8], 9, h[9], 10, h[10]), "duplicate-key")
	bad("float", "ENC-5", "sequence 0.0", enc(h.set(raw{0xf9, 0, 0}, 4)), "float", "sequence")
	bad("tag", "ENC-6", "the header tagged 18", cat([]byte{0xd2}, b), "tag")
	bad("null-previous", "ENC-7", "previous null at sequence 0", enc(h.set(raw{0xf6}, 5)), "simple", "previous")
	bad("utf8-strings", "ENC-8", "a string of the table is not UTF-8", enc(h.set(list{"", "CN", "DE", "US", "ZZ", "llama-2-70b", "qwen\xff"}, 9)), "utf8")
	bad("integer-range", "ENC-9", "sequence 2^63", enc(h.set(raw(wide(mUint, 1<<63, 8)), 4)), "integer-range", "sequence")
	bad("integer-range-sum", "ENC-9", "a sum of 2^63", enc(h.set(raw(wide(mUint, 1<<63, 8)), 10, 0, 11)), "integer-range")
	bad("key-type", "ENC-10", "a text as a key", append(cat(head(mMap, 10), b[1:]), enc(pairs("x", 1))[1:]...), "key-type")
	bad("depth", "ENC-11", "an extension nests eight arrays", enc(h.set(raw(cat(fill(0x81, 7), []byte{0x80})), 64)), "depth")
	bad("trailing", "ENC-12", "a zero byte behind the header", cat(b, []byte{0}), "trailing-bytes")
	bad("truncated", "ENC-13", "the last byte is missing", b[:len(b)-1], "truncated")
	bad("truncated-cells", "ENC-13", "totals announces 2^32-1 cells", enc(h.set(raw(wide(mArray, 1<<32-1, 4)), 10)), "truncated", "totals")
	bad("malformed", "ENC-15", "an extension has additional information 28", enc(h.set(raw{0x1c}, 64)), "malformed")
	for _, k := range []int64{0, 11, 63} {
		bad("critical-"+num64(k), "ENC-20", "key "+num64(k)+" in the header", enc(h.set(0, k)), "unknown-critical")
	}
	bad("critical-negative", "ENC-20", "key -1 in the header", enc(h.set(0, -1)), "unknown-critical")
	bad("critical-above", "ENC-20", "key 65,536 in the header", enc(h.set(0, 65536)), "unknown-critical")
}

func num64(k int64) string { return strconv.FormatInt(k, 10) }

func headerFields(s *suite, b batch) {
	h := b.header()
	second := b
	second.sequence, second.previous = 1, fill(0x77, 32)
	h2 := second.header()
	bad := func(name, rule, comment string, g group, code string, path ...string) {
		s.bad(name, rule, comment, enc(g), code, path...)
	}
	for _, k := range h.keys() {
		bad("missing-"+headerNames[k], "", "a header without "+headerNames[k], h.del(k), "missing-field", headerNames[k])
	}
	wrong := map[int64]any{1: "1", 2: 7, 3: fill('a', 4), 4: "0", 5: strings.Repeat("a", 32), 6: "3", 7: strings.Repeat("a", 32), 8: 0, 9: "US", 10: group{}}
	for k := int64(1); k <= 10; k++ {
		bad("type-"+headerNames[k], "", headerNames[k]+" is of another CBOR type", h2.set(wrong[k], k), "type", headerNames[k])
	}
	s.bad("not-a-map", "", "the header is an array", enc(list{}), "type")
	for _, v := range []int64{0, 2, -1, 1 << 40} {
		bad("version-"+num64(v), "", "version "+num64(v), h.set(v, 1), "version", "version")
	}
	for _, v := range [][2]string{{"upper", "Acme"}, {"empty", ""}, {"dot-first", ".a"}, {"slash", "a/b"}, {"space", "a b"}, {"non-ascii", "é"}, {"long", strings.Repeat("a", 65)}, {"newline", "acme\n"}} {
		bad("issuer-"+v[0], "ENC-31", "issuer \""+v[1]+"\"", h.set(v[1], 2), "identifier", "issuer")
		bad("stream-"+v[0], "ENC-31", "stream \""+v[1]+"\"", h.set(v[1], 3), "identifier", "stream")
	}
	bad("sequence-negative", "", "sequence -1", h2.set(-1, 4), "value", "sequence")
	bad("previous-at-0", "", "sequence 0 with a previous", h.set(fill(0x77, 32), 5), "chain", "previous")
	bad("previous-zero-at-0", "", "sequence 0 with a previous of zero bytes", h.set(fill(0, 32), 5), "chain", "previous")
	bad("previous-missing", "", "sequence 1 without a previous", h2.del(5), "chain", "previous")
	bad("previous-31", "", "a previous of 31 bytes", h2.set(fill(1, 31), 5), "value", "previous")
	bad("previous-33", "", "a previous of 33 bytes", h2.set(fill(1, 33), 5), "value", "previous")
	for _, v := range []int64{0, -1, 4097} {
		bad("count-"+num64(v), "", "count "+num64(v), h.set(v, 6), "count", "count")
	}
	bad("root-31", "", "a root of 31 bytes", h.set(fill(1, 31), 7), "value", "root")
	bad("root-33", "", "a root of 33 bytes", h.set(fill(1, 33), 7), "value", "root")
	first, last := b.period()
	bad("period-reversed", "", "the last time stands before the first", h.set(list{last, first}, 8), "period", "period")
	bad("period-negative", "ENC-33", "the first time is -1", h.set(list{-1, last}, 8), "value")
	bad("period-year-10000", "ENC-33", "the last time is past the year 9999", h.set(list{first, int64(maxTime + 1)}, 8), "value")
}

func headerStrings(s *suite, b batch) {
	h := b.header()
	bad := func(name, comment string, table list) {
		s.bad("strings-"+name, "BAT-2", comment, enc(h.set(table, 9)), "strings")
	}
	bad("unsorted", "the first two strings are swapped", list{"CN", "", "DE", "US", "ZZ", "llama-2-70b", "qwen-2.5-72b"})
	bad("unsorted-last", "the last two strings are swapped", list{"", "CN", "DE", "US", "ZZ", "qwen-2.5-72b", "llama-2-70b"})
	bad("twice", "DE stands twice, US not at all", list{"", "CN", "DE", "DE", "ZZ", "llama-2-70b", "qwen-2.5-72b"})
	bad("unused", "the last string is used by no cell", list{"", "CN", "DE", "US", "ZZ", "llama-2-70b", "qwen-2.5-72b", "zz"})
	s.bad("strings-256", "BAT-2", "a string of 256 bytes", enc(h.set(list{"", "CN", "DE", "US", "ZZ", "llama-2-70b", strings.Repeat("q", 256)}, 9)), "strings")
	s.bad("strings-type", "", "a string of the table is a byte string", enc(h.set(list{"", "CN", "DE", "US", "ZZ", "llama-2-70b", []byte("qwen")}, 9)), "type")
	long := b
	long.records = []group{production().set(strings.Repeat("m", 128), 7, 1)}
	s.good("strings-long-model", "BAT-2", "a model's name of 128 characters in the table", enc(long.header()), long.expect())
	basis := b
	basis.records = []group{transfer().set(list{
		group{1: strings.Repeat("a", 48)}, group{1: strings.Repeat("b", 48)},
		group{1: strings.Repeat("c", 48)}, group{1: strings.Repeat("d", 48)}}, 12)}
	s.good("strings-long-basis", "BAT-3", "four bases of 48 characters, joined by plus signs: 195 bytes", enc(basis.header()), basis.expect())
}

func headerCells(s *suite, b batch) {
	h := b.header()
	cells := h[10].(list)
	bad := func(name, rule, comment string, g group, code string) {
		s.bad("cells-"+name, rule, comment, enc(g), code)
	}
	bad("none", "", "no cell", h.set(list{}, 10).set(list{}, 9), "cells")
	bad("513", "", "513 cells", wideHeader(513), "cells")
	s.good("cells-512", "BAT-4", "512 cells", enc(wideHeader(512)), nil)
	bad("unsorted", "BAT-4", "the first two cells are swapped", h.set(list{cells[1], cells[0], cells[2]}, 10), "cells")
	bad("unsorted-last", "BAT-4", "the last two cells are swapped", h.set(list{cells[0], cells[2], cells[1]}, 10), "cells")
	bad("twice", "BAT-4", "the second cell stands twice", h.set(list{cells[0], cells[1], cells[1], cells[2]}, 10), "cells")
	split := append(list(nil), cells[0].(list)...)
	split[10] = 2
	bad("key-twice", "BAT-4", "two cells have one key and different sums", h.set(list{cells[0], split, cells[1], cells[2]}, 10), "cells")
	bad("key-twice-method", "BAT-4", "two cells differ in the energy method alone and stand in descending order",
		h.set(list{put(cells[0], 2, []int64{9}), put(cells[0], 1, []int64{9}), cells[1], cells[2]}, 10), "cells")
	s.bad("cells-type", "", "a cell is a map", enc(h.set(group{}, 10, 0)), "type")
	s.bad("cells-text", "", "a place of a cell is a text", enc(h.set("US", 10, 0, 3)), "type")
	negative := h
	for _, place := range []int64{10, 11, 12, 13, 14, 15, 16} {
		negative = negative.set(-5, 10, 0, place)
	}
	s.good("cells-signed", "BAT-3", "sums are signed: a header by itself may have negative ones", enc(negative), nil)
	greatest := h
	for _, place := range []int64{10, 11, 12, 13, 14, 15, 16} {
		greatest = greatest.set(int64(1<<63-1), 10, 0, place)
	}
	s.good("cells-greatest", "BAT-3", "sums of 2^63-1", enc(greatest), nil)
	headerRanges(s, h)
}

// wideHeader has n cells, one an hour.
func wideHeader(n int) group {
	b := batch{issuer: "acme", stream: "main", records: []group{production()}}
	h := b.header()
	var cells list
	for i := range n {
		cells = append(cells, put(h[10].(list)[0], i, []int64{0}))
	}
	return h.set(cells, 10).set(n, 6)
}

// headerRanges: the first and the last value that each place of a cell may have,
// and those beyond. They are the same under all rule versions.
func headerRanges(s *suite, h group) {
	for _, p := range []struct {
		place    int64
		name     string
		least    int64
		greatest int64
	}{{0, "hour", 0, 1<<63 - 1}, {1, "kind", 1, 7}, {2, "side", 0, 2}, {6, "label", 0, 4}, {8, "boundary", 0, 4}, {9, "method", 0, 3}} {
		one := func(v int64) []byte {
			cell := append(list(nil), h[10].(list)[2].(list)...)
			cell[3], cell[4], cell[5], cell[7] = 2, 1, 0, 0
			cell[p.place] = v
			return enc(h.set(list{cell}, 10).set(list{"", "DE", "ZZ"}, 9))
		}
		s.bad("cells-"+p.name+"-below", "BAT-3", "a cell of "+p.name+" "+num64(p.least-1), one(p.least-1), "cells")
		s.good("cells-"+p.name+"-greatest", "BAT-3", "a cell of "+p.name+" "+num64(p.greatest), one(p.greatest), nil)
		if p.greatest < 1<<62 {
			s.bad("cells-"+p.name+"-above", "BAT-3", "a cell of "+p.name+" "+num64(p.greatest+1), one(p.greatest+1), "cells")
		}
	}
	s.bad("cells-16-places", "BAT-3", "a cell of 16 places", enc(h.set(h[10].(list)[2].(list)[:16], 10, 2)), "cells")
	s.bad("cells-18-places", "BAT-3", "a cell of 18 places", enc(h.set(append(append(list(nil), h[10].(list)[2].(list)...), 0), 10, 2)), "cells")
}
