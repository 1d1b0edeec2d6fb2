package main

import "fmt"

// submission is the array of SUB-1.
func submission(statement, frame []byte) []byte { return enc(list{1, statement, frame}) }

// submissionOf signs a batch under the first key and frames its records.
func submissionOf(b batch) []byte {
	return submission(b.statement(edKey).bytes(), single(b.sequenceBytes()).bytes())
}

// with returns the submission of header h, whatever it says, over the records
// as given.
func forged(b batch, h group, sequence []byte) []byte {
	e := seal(edKey, protectedHeader(algEdDSA, edKey.kid(), b.issuer, b.stream), enc(h))
	return submission(e.bytes(), single(sequence).bytes())
}

// submissionSuite: the whole: SUB-1 to SUB-5, BAT-1 to BAT-6, under a given key.
func submissionSuite() *suite {
	s := newSuite("submission", "One submission, verified whole: statement under a given key, frame, records, and that the header follows from them. Rules: statement.md.")
	b := threeKinds()
	ok := func(name, rule, comment string, b batch, bytes []byte) {
		e := b.expect()
		e.RecordIDs = b.ids()
		s.good(name, rule, comment, bytes, e).Given = &values{Key: edKey.text()}
	}
	ok("three-kinds", "SUB-1", "one record of each kind over two hours", b, submissionOf(b))
	one := batch{issuer: "acme", stream: "main", records: []group{production()}}
	ok("one-record", "BAT-1", "one record: the root is its leaf hash", one, submissionOf(one))
	all := batch{issuer: "acme", stream: "main", sequence: 5, previous: fill(0x55, 32), records: []group{complete(), transfer(), complete()}}
	ok("complete", "BAT-5", "records with every field; two of them share a cell", all, submissionOf(all))
	checked := single(b.sequenceBytes())
	checked.checksum = checksum(b.sequenceBytes())
	ok("other-frame", "SUB-5", "the same records in another frame, with a checksum: the frame is not signed", b, submission(b.statement(edKey).bytes(), checked.bytes()))
	for n := 2; n <= 9; n++ {
		many := batch{issuer: "acme", stream: "main"}
		for range n {
			many.records = append(many.records, production())
		}
		ok(fmt.Sprintf("equal-records-%d", n), "BAT-1", fmt.Sprintf("%d equal records: each has an id of its own", n), many, submissionOf(many))
	}
	es := b.statement(esKey).bytes()
	e := b.expect()
	e.RecordIDs = b.ids()
	s.good("es256", "SUB-1", "signed with ES256", submission(es, single(b.sequenceBytes()).bytes()), e).Given = &values{Key: esKey.text()}
	submissionFull(s)
	submissionShape(s, b)
	submissionParts(s, b)
	submissionRecords(s, b)
	submissionTotals(s, b)
	return s
}

func refuseSub(s *suite, name, rule, comment string, bytes []byte, code string, path ...string) {
	s.bad(name, rule, comment, bytes, code, path...).Given = &values{Key: edKey.text()}
}

// submissionFull: 4,096 records, and 512 cells and one more.
func submissionFull(s *suite) {
	full := batch{issuer: "acme", stream: "main"}
	for range 4096 {
		full.records = append(full.records, production())
	}
	e := full.expect()
	v := s.good("4096-records", "ENC-14", "4,096 equal records", submissionOf(full), e)
	v.Given = &values{Key: edKey.text()}
	over := full
	over.records = append(append([]group(nil), full.records...), production())
	refuseSub(s, "4097-records", "SUB-4", "4,097 records under a header that says 4,096",
		forged(full, full.header(), over.sequenceBytes()), "count")
	wideBatch := func(n int) batch {
		out := batch{issuer: "acme", stream: "main"}
		for i := range n {
			out.records = append(out.records, production().set(int64(eventTime+i*3_600_000), 2))
		}
		return out
	}
	cells := wideBatch(512)
	v = s.good("512-cells", "BAT-5", "512 records in 512 hours: as many cells", submissionOf(cells), nil)
	v.Given = &values{Key: edKey.text()}
	more := wideBatch(513)
	h := more.header()
	h = h.set(h[10].(list)[:512], 10)
	refuseSub(s, "513-cells", "BAT-5", "513 records in 513 hours would need 513 cells; the header has the first 512",
		forged(more, h, more.sequenceBytes()), "cells")
}

// submissionShape: SUB-1.
func submissionShape(s *suite, b batch) {
	statement, records := b.statement(edKey).bytes(), single(b.sequenceBytes()).bytes()
	whole := submission(statement, records)
	bad := func(name, comment string, bytes []byte, code string) {
		refuseSub(s, name, "SUB-1", comment, bytes, code)
	}
	for _, t := range []int64{0, 2, 3, 1 << 40, -1} {
		bad("type-"+num64(t), "a submission of type "+num64(t), enc(list{t, statement, records}), "version")
	}
	bad("type-text", "the type is a text", enc(list{"1", statement, records}), "envelope")
	bad("two-elements", "an array of two", enc(list{1, statement}), "envelope")
	bad("four-elements", "an array of four", enc(list{1, statement, records, 0}), "envelope")
	bad("map", "a map", enc(group{0: 1, 1: statement, 2: records}), "envelope")
	bad("tagged", "the array is tagged", cat([]byte{0xd8, 60}, whole), "envelope")
	bad("statement-inline", "the statement is embedded, not wrapped in a byte string", enc(list{1, raw(statement), records}), "envelope")
	bad("statement-text", "the statement is a text", enc(list{1, "statement", records}), "envelope")
	bad("records-null", "records is null", enc(list{1, statement, raw{0xf6}}), "envelope")
	bad("records-array", "records is an array", enc(list{1, statement, list{}}), "envelope")
	bad("trailing", "a zero byte behind it", cat(whole, []byte{0}), "envelope")
	bad("truncated", "the last byte is missing", whole[:len(whole)-1], "envelope")
	bad("array-wide", "the array's length in two bytes", cat(wide(mArray, 3, 1), whole[1:]), "envelope")
	bad("array-indefinite", "an indefinite array", cat([]byte{0x9f}, whole[1:], []byte{0xff}), "envelope")
	bad("type-wide", "the type in two bytes", cat([]byte{0x83, 0x18, 1}, whole[2:]), "envelope")
	bad("statement-wide", "the statement's length in five bytes", cat([]byte{0x83, 1}, wide(mBytes, uint64(len(statement)), 4), statement, enc(records)), "envelope")
	bad("records-wide", "the frame's length in five bytes", cat([]byte{0x83, 1}, enc(statement), wide(mBytes, uint64(len(records)), 4), records), "envelope")
	bad("records-indefinite", "the frame as an indefinite byte string", cat([]byte{0x83, 1}, enc(statement), []byte{0x5f}, enc(records), []byte{0xff}), "envelope")
	bad("empty", "no byte at all", []byte{}, "envelope")
}

// submissionParts: errors of the statement and of the frame come through.
func submissionParts(s *suite, b batch) {
	e := b.statement(edKey)
	records := single(b.sequenceBytes())
	e.signature = cat([]byte{e.signature[0] ^ 1}, e.signature[1:])
	refuseSub(s, "bad-signature", "STM-6", "a bit of the signature is flipped", submission(e.bytes(), records.bytes()), "signature")
	e = b.statement(edKey)
	e.unprotected = group{4: []byte("1")}
	refuseSub(s, "injected-unprotected", "STM-2", "a kid in the unprotected header", submission(e.bytes(), records.bytes()), "unprotected")
	refuseSub(s, "statement-untagged", "STM-1", "the statement has no tag", submission(b.statement(edKey).array(), records.bytes()), "envelope")
	refuseSub(s, "statement-65536", "ENC-14", "a statement of 65,536 bytes", submission(padded(65536), records.bytes()), "size")
	refuseSub(s, "other-key", "STM-7", "signed by another key", submission(b.statement(edOther).bytes(), records.bytes()), "kid")
	st := b.statement(edKey).bytes()
	refuseSub(s, "frame-bare", "SUB-2", "the records without a frame", submission(st, b.sequenceBytes()), "frame")
	refuseSub(s, "frame-trailing", "SUB-2", "a byte behind the frame", submission(st, cat(records.bytes(), []byte{0})), "frame")
	refuseSub(s, "frame-two", "SUB-2", "a frame for each record", submission(st, cat(single(enc(b.records[0])).bytes(), single(cat(enc(b.records[1]), enc(b.records[2]))).bytes())), "frame")
	refuseSub(s, "frame-1-MiB-and-one", "ENC-14", "a frame of 1,048,577 bytes", submission(st, frameOf(1<<20+1).bytes()), "size")
	low := records
	low.size--
	refuseSub(s, "frame-size-low", "SUB-3", "the frame states one byte less than it holds", submission(st, low.bytes()), "expand")
	refuseSub(s, "frame-bomb", "SUB-3", "a bomb: 1 byte is stated, 8 MiB of zeros follow", submission(st, bomb(1, 8<<20).bytes()), "expand")
}

// submissionRecords: SUB-4.
func submissionRecords(s *suite, b batch) {
	h := b.header()
	parts := [][]byte{enc(b.records[0]), enc(b.records[1]), enc(b.records[2])}
	bad := func(name, rule, comment, code string, path string, sequence ...[]byte) {
		p := []string{path}
		if path == "-" {
			p = nil
		}
		refuseSub(s, name, rule, comment, forged(b, h, cat(sequence...)), code, p...)
	}
	bad("records-fewer", "SUB-4", "two records, the header says three", "count", "-", parts[0], parts[1])
	bad("records-more", "SUB-4", "four records, the header says three", "count", "-", parts[0], parts[1], parts[2], parts[2])
	with := func(i int, rec []byte) []byte {
		out := [][]byte{parts[0], parts[1], parts[2]}
		out[i] = rec
		return cat(out...)
	}
	t, c := b.records[1], b.records[2]
	bad("record-truncated", "ENC-13", "the last record ends one byte early", "truncated", "-", with(2, parts[2][:len(parts[2])-1]))
	bad("record-missing-input", "SUB-4", "the second record has no usage.input", "missing-field", "records[1].usage.input", with(1, enc(t.del(8, 1))))
	bad("record-negative-input", "ENC-34", "the input of the second record is -1", "value", "records[1].usage.input", with(1, enc(t.set(-1, 8, 1))))
	bad("record-usage-parts", "REC-5", "the reasoning of the third record exceeds its output", "usage-parts", "-", with(2, enc(c.set(8, 8, 5))))
	bad("record-unknown-kind", "REC-1", "the first record is of kind 4", "unknown-kind", "records[0].kind", with(0, enc(production().set(4, 1))))
	bad("record-forbidden-side", "REC-2", "the third record, a consumption, has a side", "forbidden-field", "records[2].side", with(2, enc(c.set(0, 11))))
	bad("record-critical", "ENC-20", "the second record has key 19", "unknown-critical", "-", with(1, enc(t.set(0, 19))))
	bad("record-float", "ENC-5", "the duration of the second record is a float", "float", "records[1].duration", with(1, enc(t.set(raw{0xf9, 0x3c, 0}, 3))))
	bad("record-indefinite", "ENC-2", "the second record is an indefinite map", "indefinite", "-", with(1, cat([]byte{0xbf}, parts[1][1:], []byte{0xff})))
	bad("record-integer", "", "the second record is an integer", "type", "records[1]", with(1, []byte{0}))
	bad("record-wrapped", "", "the second record is wrapped in a byte string", "type", "records[1]", with(1, enc(parts[1])))
	large := enc(t.set(fill(0, 4000), 1024))
	large = enc(t.set(fill(0, 4000+4097-len(large)), 1024))
	bad("record-4097", "ENC-14", "the second record has 4,097 bytes", "size", "records[1]", with(1, large))
	one := batch{issuer: "acme", stream: "main", records: b.records[:1]}
	refuseSub(s, "record-in-array", "SUB-4", "the one record in an array, not a sequence",
		forged(one, one.header(), cat(head(mArray, 1), parts[0])), "type", "records[0]")
}

// submissionTotals: BAT-1 to BAT-6, in headers that are sound by themselves.
func submissionTotals(s *suite, b batch) {
	h := b.header()
	seq := b.sequenceBytes()
	bad := func(name, rule, comment string, h group, code string) {
		refuseSub(s, name, rule, comment, forged(b, h, seq), code)
	}
	leaves := b.leaves()
	bad("root-flipped", "BAT-1", "a bit of the root is flipped", h.set(flipBit(b.root(), 0), 7), "root")
	bad("root-zero", "BAT-1", "the root is zero", h.set(fill(0, 32), 7), "root")
	bad("root-reversed", "BAT-1", "the root of the leaves in reverse", h.set(treeHash([][]byte{leaves[2], leaves[1], leaves[0]}), 7), "root")
	bad("root-promoted", "BAT-1", "a root in which the last leaf is doubled (as Bitcoin does)", h.set(nodeHash(nodeHash(leaves[0], leaves[1]), nodeHash(leaves[2], leaves[2])), 7), "root")
	bad("root-left-heavy", "BAT-1", "a root that splits one and two, not two and one", h.set(nodeHash(leaves[0], nodeHash(leaves[1], leaves[2])), 7), "root")
	var bare [][]byte
	for _, r := range b.records {
		bare = append(bare, leafHash(enc(r)))
	}
	bad("root-bare-records", "REC-10", "a root over the records, not over their leaves", h.set(treeHash(bare), 7), "root")
	other := b
	other.stream = "eu-1"
	bad("root-other-stream", "REC-10", "the root of the same records in another stream", h.set(other.root(), 7), "root")
	next := b
	next.sequence = 1
	bad("root-other-sequence", "REC-10", "the root of the same records in the next statement", h.set(next.root(), 7), "root")
	first, last := b.period()
	for _, p := range []struct {
		name, comment string
		first, last   int64
	}{
		{"first-early", "the period begins one millisecond early", first - 1, last},
		{"first-late", "the period begins one millisecond late", first + 1, last},
		{"last-early", "the period ends one millisecond early", first, last - 1},
		{"last-late", "the period ends one millisecond late", first, last + 1},
		{"hours", "the period is rounded to hours", first / 3_600_000 * 3_600_000, last/3_600_000*3_600_000 + 3_600_000},
	} {
		bad("period-"+p.name, "BAT-6", p.comment, h.set(list{p.first, p.last}, 8), "period")
	}
	table, cells := b.totals()
	bad("count-low", "SUB-4", "the header says two records, three are there", h.set(2, 6), "count")
	bad("count-high", "SUB-4", "the header says four records, three are there", h.set(4, 6), "count")
	names := []string{"hour", "kind", "side", "serving", "using", "model", "label", "basis", "boundary", "method",
		"records", "input", "output", "cache-read", "cache-write", "reasoning", "energy"}
	for place, name := range names {
		if place >= 3 && place <= 5 || place == 7 {
			continue // strings: below
		}
		at := 1 // the last cell of the first hour
		if place == 0 {
			at = 2
		}
		bad("totals-"+name, "BAT-5", "the "+name+" of a cell is one too high", h.set(cells[at][place]+1, 10, int64(at), int64(place)), "totals")
	}
	bad("totals-input-low", "BAT-5", "the input of a cell is one too low", h.set(cells[0][11]-1, 10, 0, 11), "totals")
	moved := h.set(cells[0][11]-1, 10, 0, 11).set(cells[1][11]+1, 10, 1, 11)
	bad("totals-moved", "BAT-5", "one input token is moved to another cell: the sum is right", moved, "totals")
	renamed := append([]string(nil), table...)
	for i, t := range renamed {
		if t == "DE" {
			renamed[i] = "FR"
		}
	}
	bad("totals-country", "BAT-5", "the string table says FR where the record says DE", h.set(textList(renamed), 9), "totals")
	bad("totals-cell-missing", "BAT-5", "the cell of the third record is missing, with the strings that only it used", dropLast(b), "totals")
	overflowVectors(s)
}

func flipBit(b []byte, i int) []byte {
	out := cat(b)
	out[i/8] ^= 0x80 >> (i % 8)
	return out
}

// dropLast is the header of all records with the totals of all but the last.
func dropLast(b batch) group {
	less := b
	less.records = b.records[:2]
	l := less.header()
	return b.header().set(l[9], 9).set(l[10], 10)
}

// overflowVectors: sums at the edge of int64.
func overflowVectors(s *suite) {
	const most = int64(1<<63 - 1)
	usage := func(key, value int64) group {
		u := group{1: 0, 2: 0}
		switch key {
		case 3, 4:
			u[1] = value
		case 5:
			u[2] = value
		}
		u[key] = value
		return production().set(u, 8)
	}
	names := map[int64]string{1: "input", 2: "output"}
	for key := int64(1); key <= 2; key++ {
		b := batch{issuer: "acme", stream: "main", records: []group{usage(key, most), usage(key, 1)}}
		refuseSub(s, "overflow-"+names[key], "BAT-5", "the sum of "+names[key]+" is 2^63", forged(b, b.header(), b.sequenceBytes()), "overflow")
	}
	energy := production().set(group{1: most, 2: 1, 3: 1}, 15)
	b := batch{issuer: "acme", stream: "main", records: []group{energy, energy}}
	refuseSub(s, "overflow-energy", "BAT-5", "the sum of energy is 2^64-2", forged(b, b.header(), b.sequenceBytes()), "overflow")
	edge := batch{issuer: "acme", stream: "main", records: []group{usage(1, most-1), usage(1, 1), usage(2, most)}}
	e := edge.expect()
	e.RecordIDs = edge.ids()
	s.good("sums-greatest", "BAT-5", "sums of exactly 2^63-1", submissionOf(edge), e).Given = &values{Key: edKey.text()}
}
