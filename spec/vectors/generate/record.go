package main

import "encoding/hex"

// The records that the vectors start from.

// eventTime is 2023-11-16T18:15:46.680Z.
const eventTime = 1700158546680

// exampleHex is the literal example of record.md.
const exampleHex = "a5" +
	"0101" +
	"021b0000018bd958a2f8" +
	"07a2016b6c6c616d612d322d373062" +
	"0701" +
	"08a201190176" + "02182c" +
	"09a201625553" + "0401"

// production is the literal example: US, 374 in, 44 out.
func production() group {
	return group{
		1: 1, 2: eventTime,
		7: group{1: "llama-2-70b", 7: 1},
		8: group{1: 374, 2: 44},
		9: group{1: "US", 4: 1},
	}
}

// transfer is the least transfer: CN to US, seen by the exporter.
func transfer() group {
	return group{
		1: 2, 2: eventTime + 1000,
		7:  group{1: "qwen-2.5-72b", 7: 2},
		8:  group{1: 1200, 2: 310},
		9:  group{1: "CN", 4: 2},
		10: group{1: "US", 4: 1},
		11: 1,
	}
}

// consumption is the least consumption: used in DE, serving place unknown.
func consumption() group {
	return group{1: 3, 2: eventTime + 2000, 8: group{1: 50, 2: 7}, 10: group{1: "DE", 4: 3}}
}

// complete is a transfer with every field of every group.
func complete() group {
	rec := group{
		1: 2, 2: eventTime, 3: 2150, 4: fill(0xaf, 16),
		5:  list{fill(0x11, 32), list{"acme", fill(0x22, 8)}},
		11: 2,
		12: list{group{}, group{1: "us:none"}},
		14: list{group{}, group{1: 2, 2: -16, 3: fill(0xc1, 32)}},
	}
	for _, g := range groupSpecs() {
		rec = rec.set(g.full(), g.path...)
	}
	rec = rec.set(group{1: 4000, 2: 900, 3: 3000, 4: 1000, 5: 900, 6: 1, 7: 2}, 8)
	return rec.set(groupSpecs()[7].full(), 13, 14)
}

// withGroup is the least transfer that holds the group with only its must
// fields, where v replaces the value at key.
func withGroup(g groupSpec, key int64, v any) group {
	rec := transfer()
	switch g.path[0] {
	case 12, 14:
		rec = rec.set(list{g.least()}, g.path[0])
	case 13:
		rec = rec.set(group{1: 1}, 13)
		if len(g.path) == 2 {
			rec = rec.set(g.least(), 13, 14)
		}
	default:
		rec = rec.set(g.least(), g.path[0])
	}
	if key >= 0 {
		rec = rec.set(v, append(append([]int64(nil), g.path...), key)...)
	}
	return rec
}

// recordExpect is what a positive record vector states.
func recordExpect(rec group) *values { return &values{Fields: fieldsOf(rec)} }

func recordSuite() *suite {
	s := newSuite("record", "One record under rule version 1. Input: the record's bytes. Rules: encoding.md, record.md. What was accepted is so under every later version; version 2: record_v2.json.")
	literal, err := hex.DecodeString(exampleHex)
	must(err, "literal example")
	if string(literal) != string(enc(production())) {
		panic("the literal example of record.md is not what the writer gives")
	}
	ok := func(name, rule, comment string, rec group) {
		s.good(name, rule, comment, enc(rec), recordExpect(rec))
	}
	ok("literal-example", "ENC-1", "the literal example of record.md, 47 bytes", production())
	ok("transfer-least", "REC-2", "a transfer with only what it must have", transfer())
	ok("consumption-least", "REC-2", "a consumption with only what it must have", consumption())
	ok("transfer-complete", "REC-2", "a transfer with every field of every group", complete())
	ok("production-using", "REC-2", "a production may name the using place", production().set(group{1: "DE", 4: 3}, 10))
	ok("consumption-model-serving", "REC-2", "a consumption may name model and serving place",
		consumption().set(group{1: "llama-2-70b", 7: 1}, 7).set(group{1: "ZZ", 4: 1}, 9))
	recordEncodingHeads(s)
	recordEncodingMaps(s)
	recordEncodingItems(s)
	recordEncodingEnds(s)
	recordKinds(s)
	recordFields(s)
	wideRecords(s)
	recordSpecials(s)
	keysOfV2(s)
	return s
}
