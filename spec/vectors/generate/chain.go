package main

// batchSuite: a header against its records, without signature and frame.
func batchSuite() *suite {
	s := newSuite("batch", "A batch header against its records: count, root, period, strings and totals follow. Input: the header; given: the CBOR sequence of the records.")
	ok := func(name, comment string, b batch) {
		e := b.expect()
		e.RecordIDs = b.ids()
		s.good(name, "BAT-6", comment, enc(b.header()), e).Given = &values{Records: partsOf(b.sequenceBytes())}
	}
	bad := func(name, rule, comment string, b batch, h group, code string) {
		s.bad(name, rule, comment, enc(h), code).Given = &values{Records: partsOf(b.sequenceBytes())}
	}
	b := threeKinds()
	ok("three-kinds", "one record of each kind over two hours", b)
	ok("one", "one record", batch{issuer: "acme", stream: "main", records: []group{production()}})
	hours := batch{issuer: "acme", stream: "main", records: []group{
		production().set(int64(3_599_999), 2), production().set(int64(3_600_000), 2), production().set(0, 2)}}
	ok("hours", "the last millisecond of an hour, the first of the next, and the epoch; times need not ascend", hours)
	t := transfer()
	variants := batch{issuer: "acme", stream: "main", records: []group{
		t, t.set(0, 11), t.set(2, 11), t.set("ZZ", 9, 1), t.set("ZZ", 10, 1), t.set("other", 7, 1),
		t.set(group{1: 1}, 13), t.set(group{1: 4}, 13), t.set(list{group{1: "cn:standard-contract"}, group{1: "eu:45"}}, 12),
		t.set(group{1: 9, 2: 1, 3: 1}, 15), t.set(group{1: 9, 2: 2, 3: 1}, 15), t.set(group{1: 9, 2: 1, 3: 2}, 15),
	}}
	ok("each-key", "records that differ from the first in one part of the cell's key each", variants)
	same := batch{issuer: "acme", stream: "main", records: []group{
		t, t.set("US-VA", 10, 2), t.set("2024-01-01", 7, 2), t.set(77, 3), t.set(fill(1, 4), 4), t.set(3, 9, 4),
		t.set(group{1: 1200, 2: 310, 3: 200, 4: 100, 5: 10}, 8),
	}}
	ok("one-cell", "records that differ only in what is not part of the key: one cell", same)
	ok("bytewise", "strings sort bytewise: upper case before lower, a prefix first", batch{issuer: "acme", stream: "main", records: []group{
		t.set("a", 7, 1), t.set("B", 7, 1), t.set("ab", 7, 1), t.set("~", 7, 1), t.set("CNX", 7, 1), t.set("Z", 7, 1)}})

	bad("root", "BAT-1", "a bit of the root is flipped", b, b.header().set(flipBit(b.root(), 255), 7), "root")
	first, last := b.period()
	bad("period", "BAT-6", "the period ends late", b, b.header().set(list{first, last + 1}, 8), "period")
	bad("count", "BAT-6", "the count is one too high", b, b.header().set(4, 6), "count")
	bad("totals", "BAT-5", "the records of a cell are one too many", b, b.header().set(2, 10, 0, 10), "totals")
	merged := batch{issuer: b.issuer, stream: b.stream, records: []group{t, t.set(2, 11)}}
	h := merged.header()
	c := h[10].(list)[0].(list)
	sum := append(list(nil), c...)
	sum[10], sum[11], sum[12] = 2, 2400, 620
	bad("sides-merged", "BAT-4", "the records of exporter and importer are summed in one cell", merged, h.set(list{sum}, 10), "totals")
	local := batch{issuer: b.issuer, stream: b.stream, records: []group{production()}}
	h = local.header()
	bad("hour-local", "BAT-3", "the hour is that of UTC+8", local, h.set(int64(eventTime/3_600_000+8), 10, 0, 0), "totals")
	return s
}

// chainSuite: BAT-7. Items: the payloads of a stream in order.
func chainSuite() *suite {
	s := newSuite("chain", "The payloads (batch headers) of one stream, in order from its beginning. Items: their bytes in hex. Rule: statement.md BAT-7.")
	type link struct {
		sequence int64
		previous []byte
		stream   string
	}
	payloads := func(links ...link) [][]byte {
		var out [][]byte
		for _, l := range links {
			b := threeKinds()
			b.sequence, b.previous = l.sequence, l.previous
			if l.stream != "" {
				b.stream = l.stream
			}
			out = append(out, enc(b.header()))
		}
		return out
	}
	id := func(links ...link) []byte {
		p := payloads(links...)
		return statementID(p[len(p)-1])
	}
	l0 := link{sequence: 0}
	l1 := link{sequence: 1, previous: id(l0)}
	l2 := link{sequence: 2, previous: id(l1)}
	hexes := func(ps [][]byte) (out []string) {
		for _, p := range ps {
			out = append(out, hexOf(p))
		}
		return out
	}
	s.good("one", "BAT-7", "the first statement alone", nil, &values{StatementID: hexOf(id(l0))}).Items = hexes(payloads(l0))
	s.good("three", "BAT-7", "three statements; expected: the id of the last", nil, &values{StatementID: hexOf(id(l2))}).Items = hexes(payloads(l0, l1, l2))
	bad := func(name, comment string, links ...link) {
		s.bad(name, "BAT-7", comment, nil, "chain").Items = hexes(payloads(links...))
	}
	bad("begins-at-1", "the stream begins with sequence 1", l1)
	bad("gap", "sequence 1 is missing; previous names the one before that", l0, link{sequence: 2, previous: id(l0)})
	bad("repeated", "sequence 1 stands twice; the second names the first", l0, l1, link{sequence: 1, previous: id(l1)})
	bad("swapped", "the second and third are swapped", l0, l2, l1)
	bad("previous-flipped", "a bit of previous is flipped", l0, link{sequence: 1, previous: flipBit(id(l0), 7)})
	bad("previous-zero", "previous is zero", l0, link{sequence: 1, previous: fill(0, 32)})
	bad("previous-grandparent", "previous of the third names the first", l0, l1, link{sequence: 2, previous: id(l0)})
	bad("previous-bare-hash", "previous is SHA-256 of the payload without the domain", l0, link{sequence: 1, previous: hash(payloads(l0)[0])})
	bad("previous-leaf-hash", "previous is the log leaf hash of the payload", l0, link{sequence: 1, previous: leafHash(payloads(l0)[0])})
	bad("restarted", "a second statement with sequence 0", l0, l0)
	return s
}
