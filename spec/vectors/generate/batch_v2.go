package main

import "math"

// batchV2Suite: BAT-8, headers of records of rule version 2.
func batchV2Suite() *suite {
	s := newSuite("batch_v2", "A batch header against its records under rule version 2: relays, corrections and the kinds 4 to 7. Input: the header; given: the CBOR sequence of the records.")
	ok := func(name, comment string, records ...group) {
		b := v2Batch(records)
		e := b.expect()
		e.RecordIDs = b.ids()
		s.good(name, "BAT-8", comment, enc(b.header()), e).Given = &values{Records: partsOf(b.sequenceBytes())}
	}
	// bad takes the header of other addends than those of the records.
	bad := func(name, rule, comment, code string, change func([]addend) []addend, records ...group) {
		b := v2Batch(records)
		table, cells := totalsOf(change(b.adds()))
		h := b.header().set(textList(table), 9).set(cellList(cells), 10)
		s.bad(name, rule, comment, enc(h), code).Given = &values{Records: partsOf(b.sequenceBytes())}
	}
	kindsInBatches(ok)
	relaysInBatches(ok, bad)
	correctionsInBatches(s, ok, bad)
	overflowsOfCorrections(ok, bad)
	return s
}

func v2Batch(records []group) batch {
	return batch{issuer: "acme", stream: "main", records: records}
}

type (
	goodBatch = func(name, comment string, records ...group)
	badBatch  = func(name, rule, comment, code string, change func([]addend) []addend, records ...group)
)

func kindsInBatches(ok goodBatch) {
	energy := group{1: 900, 2: 1, 3: 4}
	all := leastByKind()
	ok("seven-kinds", "one record of each kind", all...)
	ok("model", "a model without energy", modelMade())
	ok("model-energy", "a model with the energy of its training", modelMade().set(energy, 15))
	ok("dataset", "a dataset: no model, so the empty string", datasetMade())
	ok("dataset-energy", "a dataset with energy; its tokens before and after cleaning are not usage", datasetMade().set(energy, 15).set(2000, 24, 6).set(1500, 24, 7))
	ok("evaluation-energy", "an evaluation with energy", evaluated().set(energy, 15))
	ok("trained-place", "the place of training is not the serving place", modelMade().set(group{1: 1, 8: group{1: "US", 4: 1}}, 23))
	ok("complete", "a record of each kind with every field", completeV2()["production"], completeV2()["transfer"],
		completeV2()["model"], completeV2()["dataset"], completeV2()["evaluation"], completeV2()["correction"])
	t := transfer()
	ok("one-cell", "accelerators, compute, crossing, a hop that is no relay and the new fields of energy are not part of the key",
		t.set(energy, 15), t.set(energy.set(1120, 4).set(5, 10), 15).set(anyValue(16), 16).set(anyValue(20), 20), t.set(energy, 15).set(anyValue(21), 21),
		t.set(energy, 15).set(group{1: 2, 2: false}, 22))
}

func relaysInBatches(ok goodBatch, bad badBatch) {
	relayed := func(r group) group { return r.set(group{1: 2, 2: true}, 22).set(list{fill(0x11, 32)}, 5) }
	energy := group{1: 40, 2: 2, 3: 1}
	t, c := transfer(), consumption()
	relay := relayed(t)
	warm := relayed(t.set(energy, 15))
	ok("relay-alone", "a relay without energy: its cell is there and adds up to nothing", relay)
	ok("relay-energy", "a relay that drew energy: energy, and neither records nor tokens", warm)
	ok("relay-beside", "a transfer and a relay of it in one cell: one record", t, relay)
	ok("relay-consumption", "a consumption and a relay of it", c, relayed(c))
	ok("relay-parts", "cache and reasoning of a relay are not counted either",
		relayed(t.set(group{1: 1200, 2: 310, 3: 200, 4: 100, 5: 10}, 8)), t.set(group{1: 1200, 2: 310, 3: 200, 4: 100, 5: 10}, 8))
	counted := func(i int) func([]addend) []addend {
		return func(a []addend) []addend { a[0].sums[i]++; return a }
	}
	bad("relay-counted", "BAT-8", "a relay is counted as a record", "totals", counted(0), relay)
	bad("relay-input", "BAT-8", "a token of a relay's input is counted", "totals", counted(1), relay)
	bad("relay-output", "BAT-8", "a token of a relay's output is counted", "totals", counted(2), relay)
	bad("relay-no-energy", "BAT-8", "the energy of a relay is not counted", "totals", func(a []addend) []addend {
		a[0].sums[6] = 0
		return a
	}, warm)
	bad("relay-no-cell", "BAT-8", "the cell of a relay, which adds up to nothing, is left out", "totals", func(a []addend) []addend { return a[1:] }, relay, c)
	bad("relay-as-plain", "BAT-8", "a relay beside the transfer is counted whole", "totals", func(a []addend) []addend {
		a[1].sums = a[0].sums
		return a
	}, t, relay)
}

func correctionsInBatches(s *suite, ok goodBatch, bad badBatch) {
	const lastHour = int64(maxTime / 3_600_000)
	c := corrected()
	amends := c.set(2, 19, 3).set(list{0, 5, -4, 0, 0, 0, 0}, 19, 7)
	ok("correction", "a reversal: two cells, one with sums below zero", c)
	ok("correction-amends", "an amendment up and down", amends)
	ok("correction-hour-before", "the corrected hour is the first of the epoch, outside the period", of(0, 0))
	ok("correction-hour-after", "the corrected hour is the last of the year 9999", of(0, lastHour))
	ok("correction-and-record", "a production and its reversal: the cell adds up to nothing and is there", production(), c)
	ok("correction-and-others", "a reversal beside two other records of the cell", production(), c, production().set(int64(eventTime+1), 2))
	ok("correction-twice", "two amendments of one cell and one of another", amends, amends, amends.set("other", 19, 6, 5))
	ok("correction-relay", "a reversal of a relay that drew no energy: nothing is added to its cell, which is there",
		ofKind(2, 3, "CN", 4, "US", 2, 1, 7, "cn:standard-contract+eu:45").set(list{0, 0, 0, 0, 0, 0, 0}, 19, 7))
	ok("correction-strings", "strings that only the corrected cell uses", ofKind(2, 3, "AD", 4, "ZW", 5, "~", 7, "a+b"))
	ok("correction-energy", "a reversal of a model's energy", ofKind(4, 8, 4, 9, 1).set(list{-1, 0, 0, 0, 0, 0, -900}, 19, 7))
	ok("correction-hours", "two corrections in two hours of their own, of one cell", c, c.set(int64(eventTime+3_600_000), 2))

	// Of a correction alone, the first addend is its own, the second its deltas.
	bad("deltas-left-out", "BAT-8", "the cell that is corrected is left out", "totals", func(a []addend) []addend { return a[:1] }, c)
	bad("deltas-left-out-beside", "BAT-8", "the deltas are left out of a cell that another record has", "totals", func(a []addend) []addend { return a[:2] }, production(), c)
	bad("own-cell-left-out", "BAT-8", "the correction's own cell, of kind 7, is left out", "totals", func(a []addend) []addend { return a[1:] }, c)
	change := func(f func(own, deltas *addend)) func([]addend) []addend {
		return func(a []addend) []addend { f(&a[0], &a[1]); return a }
	}
	bad("own-cell-not-counted", "BAT-8", "the correction is not counted as a record", "totals", change(func(own, _ *addend) { own.sums[0] = 0 }), c)
	bad("own-cell-model", "BAT-8", "the correction's own cell has the model of the corrected one", "totals", change(func(own, deltas *addend) { own.key.model = deltas.key.model }), c)
	bad("own-cell-serving", "BAT-8", "the correction's own cell has the serving place of the corrected one", "totals", change(func(own, deltas *addend) { own.key.serving = deltas.key.serving }), c)
	bad("own-cell-deltas", "BAT-8", "the deltas are added to the correction's own cell", "totals", change(func(own, deltas *addend) {
		own.sums[1], own.sums[2] = deltas.sums[1], deltas.sums[2]
	}), c)
	bad("own-hour", "BAT-8", "the correction counts in the hour that it corrects", "totals", change(func(own, deltas *addend) { own.key.hour = deltas.key.hour }), of(0, 0))
	bad("deltas-hour", "BAT-8", "the deltas are added in the hour of the correction", "totals", change(func(own, deltas *addend) { deltas.key.hour = own.key.hour }), of(0, 0))
	bad("deltas-kind", "BAT-8", "the deltas are added in a cell of kind 7", "totals", change(func(_, deltas *addend) { deltas.key.kind = 7 }), c)
	bad("deltas-sign", "BAT-8", "the deltas are taken off, not added", "totals", change(func(_, deltas *addend) {
		for i := range deltas.sums {
			deltas.sums[i] = -deltas.sums[i]
		}
	}), c)
	bad("deltas-no-record", "BAT-8", "the record is not taken back, only its tokens", "totals", change(func(_, deltas *addend) { deltas.sums[0] = 0 }), c)
	bad("zero-cell-left-out", "BAT-8", "the cell that adds up to nothing is left out", "totals", func(a []addend) []addend { return a[1:2] }, production(), c)

	b := v2Batch([]group{of(0, 0)})
	_, last := b.period()
	s.bad("period-corrected", "BAT-6", "the period begins with the corrected hour", enc(b.header().set(list{0, last}, 8)), "period").Given = &values{Records: partsOf(b.sequenceBytes())}
	b = v2Batch([]group{production(), c})
	s.bad("count-corrected", "BAT-6", "a production and its reversal are counted as no records but the correction", enc(b.header().set(1, 6)), "count").Given = &values{Records: partsOf(b.sequenceBytes())}
}

// overflowsOfCorrections: BAT-5. It is the sum that must not go beyond int64;
// what it passes on the way depends on the order, and is nothing.
func overflowsOfCorrections(ok goodBatch, bad badBatch) {
	const least, most = int64(math.MinInt64), int64(math.MaxInt64)
	amend := func(input int64) group { return corrected().set(2, 19, 3).set(list{0, input, 0, 0, 0, 0, 0}, 19, 7) }
	same := func(a []addend) []addend { return a }
	ok("least", "a sum of -2^63", amend(least))
	ok("greatest", "a sum of 2^63-1", amend(most))
	ok("least-and-greatest", "2^63-1 and -2^63 add up to -1", amend(most), amend(least))
	ok("least-of-two", "-2^63+1 and -1 add up to -2^63", amend(least+1), amend(-1))
	ok("within-on-the-way", "2^63-1, -1 and 1: the sum is never beyond int64", amend(most), amend(-1), amend(1))
	ok("beyond-on-the-way", "2^63-1, 1 and -1: the sum is 2^63-1, though after two records it would be 2^63", amend(most), amend(1), amend(-1))
	ok("below-on-the-way", "-2^63, -1 and 1: the sum is -2^63, though after two records it would be below", amend(least), amend(-1), amend(1))
	bad("overflow-above", "BAT-5", "2^63-1 and 1", "overflow", same, amend(most), amend(1))
	bad("overflow-below", "BAT-5", "-2^63 and -1", "overflow", same, amend(least), amend(-1))
	bad("overflow-least-twice", "BAT-5", "-2^63 twice: wrapped around it is 0", "overflow", same, amend(least), amend(least))
	bad("overflow-with-record", "BAT-5", "an amendment by 2^63-1 of a cell that has a record", "overflow", same, production(), amend(most))
	bad("overflow-energy", "BAT-5", "energy of -2^63 and -1", "overflow", same,
		of(8, 4, 9, 3).set(2, 19, 3).set(list{0, 0, 0, 0, 0, 0, least}, 19, 7), of(8, 4, 9, 3).set(2, 19, 3).set(list{0, 0, 0, 0, 0, 0, -1}, 19, 7))
}
