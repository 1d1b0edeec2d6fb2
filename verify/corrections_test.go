package verify_test

import (
	"slices"
	"testing"

	"tokentrail/provenance"
	"tokentrail/verify"
)

// corrected is a ledger of two entries of acme and one of beta, and of one more
// by whom, with corrections made by build of acme's first record.
func corrected(whom string, build func(l *ledger, id provenance.Hash, raw []byte) []*provenance.Correction) func(t testing.TB) *ledger {
	return func(t testing.TB) *ledger {
		l := newLedger(t)
		records := l.records(3, "US", "CN")
		l.commit(l.batch("acme", "us", records))
		l.commit(l.batch("beta", "eu", l.records(2, "DE", "US")))
		var made [][]byte
		for i, c := range build(l, provenance.RecordID("acme", "us", 0, 0, records[0]), records[0]) {
			b, err := (&provenance.Record{Kind: provenance.Corrected, Time: 1700244946680 + int64(i), Correction: c}).Encode()
			check(t, err)
			made = append(made, b)
		}
		l.commit(l.batch(whom, "corrections", made))
		l.commit(l.batch("acme", "us", l.records(1, "US", "CN")))
		l.commit()
		return l
	}
}

// reversal is the one that is right.
func reversal(t testing.TB, id provenance.Hash, raw []byte) *provenance.Correction {
	c, err := provenance.Reverse(id, 0, raw, 1, "")
	check(t, err)
	return c
}

func amendment(t testing.TB, id provenance.Hash, raw []byte, deltas provenance.Sums) *provenance.Correction {
	c, err := provenance.Amend(id, 0, raw, deltas, 2, "")
	check(t, err)
	return c
}

func TestCorrectionsThatMatchHold(t *testing.T) {
	l := corrected("acme", func(l *ledger, id provenance.Hash, raw []byte) []*provenance.Correction {
		more := amendment(l.t, id, raw, provenance.Sums{Input: 10, Output: -7})
		back := reversal(l.t, id, raw)
		back.Deltas.Input -= 10
		back.Deltas.Output = 0
		return []*provenance.Correction{more, back}
	})(t)
	r := l.audit()
	if r.Verdict != verify.Holds {
		t.Fatal(text(r))
	}
	for _, s := range r.Steps {
		if s.Name == "corrections" && s.Checked != 2 {
			t.Errorf("%d corrections were checked, there are 2", s.Checked)
		}
	}
	if k := r.Totals.Kinds["transfer"]; k.Records.String() != "5" || k.Input.String() != "504" {
		t.Errorf("totals of transfers: %s records, %s input", k.Records, k.Input)
	}
}

// amendedRelay is a ledger with a relay, which counts no tokens, and an amendment
// that gives it some.
func amendedRelay(t testing.TB) *ledger {
	l := newLedger(t)
	r, err := provenance.ParseRecord(l.records(1, "US", "CN")[0])
	check(t, err)
	r.Hop, r.Parents = &provenance.Hop{Role: provenance.Gateway, Relay: new(true)}, []provenance.Parent{{Issuer: "beta", Ref: []byte("r")}}
	raw, err := r.Encode()
	check(t, err)
	l.commit(l.batch("acme", "us", [][]byte{raw}))
	l.commit(l.batch("beta", "eu", l.records(1, "DE", "US")))
	c := amendment(t, provenance.RecordID("acme", "us", 0, 0, raw), raw, provenance.Sums{Output: 7})
	l.commit(l.batch("acme", "corrections", [][]byte{l.correctionRecord(c)}))
	l.commit()
	return l
}

// correctedAct is a ledger with a reversal that names an act as the record's entry, and
// one behind it that holds.
func correctedAct(t testing.TB) *ledger {
	l := governed(t)
	records := l.records(2, "US", "CN")
	l.commit(l.batch("acme", "us", records))
	l.commit(l.act(l.admit("gamma")), l.batch("beta", "eu", l.records(1, "DE", "US")))
	wrong := reversal(t, provenance.RecordID("acme", "us", 0, 0, records[0]), records[0])
	wrong.Entry = 1
	right := reversal(t, provenance.RecordID("acme", "us", 0, 1, records[1]), records[1])
	l.commit(l.batch("acme", "corrections", [][]byte{l.correctionRecord(wrong), l.correctionRecord(right)}))
	l.commit()
	return l
}

// TestCorrectedActSpeaksAgainstTheProvider alone: the ledger rightly kept it.
func TestCorrectedActSpeaksAgainstTheProvider(t *testing.T) {
	l := correctedAct(t)
	o := l.options()
	o.NoticeProviders = true
	r := l.auditWith(o)
	if s := step(r, "corrections"); r.Verdict != verify.Holds || r.Against.Ledger != 0 || r.Against.By["acme"] != 1 || s.Checked != 2 {
		t.Error(text(r))
	}
}

// correctionLies are corrections that do not match what they correct.
func correctionLies() []lie {
	const first = "entries[2].records[0]"
	one := func(change func(c *provenance.Correction)) func(l *ledger, id provenance.Hash, raw []byte) []*provenance.Correction {
		return func(l *ledger, id provenance.Hash, raw []byte) []*provenance.Correction {
			c := reversal(l.t, id, raw)
			change(c)
			return []*provenance.Correction{c}
		}
	}
	amended := func(deltas provenance.Sums) func(l *ledger, id provenance.Hash, raw []byte) []*provenance.Correction {
		return func(l *ledger, id provenance.Hash, raw []byte) []*provenance.Correction {
			return []*provenance.Correction{amendment(l.t, id, raw, deltas)}
		}
	}
	lies := []lie{
		{name: "a reversal by another provider", place: first, build: corrected("beta", one(func(*provenance.Correction) {}))},
		{name: "a record that is not there", place: first, build: corrected("acme", one(func(c *provenance.Correction) { c.Record[3] ^= 1 }))},
		{name: "another entry than the record's", place: first, build: corrected("acme", one(func(c *provenance.Correction) { c.Entry = 1 }))},
		{name: "an entry to come", place: first, build: corrected("acme", one(func(c *provenance.Correction) { c.Entry = 3 }))},
		{name: "its own entry", place: first, build: corrected("acme", one(func(c *provenance.Correction) { c.Entry = 2 }))},
		{name: "an entry beyond the log", place: first, build: corrected("acme", one(func(c *provenance.Correction) { c.Entry = 1 << 40 }))},
		{name: "another place", place: first + ".correction.cell", build: corrected("acme", one(func(c *provenance.Correction) { c.Cell.Using = "DE" }))},
		{name: "another hour", place: first + ".correction.cell", build: corrected("acme", one(func(c *provenance.Correction) { c.Cell.Hour-- }))},
		{name: "more than there is", place: first + ".correction.deltas", build: corrected("acme", one(func(c *provenance.Correction) { c.Deltas.Output-- }))},
		{name: "less than there is", place: first + ".correction.deltas", build: corrected("acme", one(func(c *provenance.Correction) { c.Deltas.Input++ }))},
		{name: "the record itself left", place: first + ".correction.deltas", build: corrected("acme", one(func(c *provenance.Correction) { c.Deltas = provenance.Sums{} }))},
		{name: "the least integer", place: first + ".correction.deltas", build: corrected("acme", one(func(c *provenance.Correction) { c.Deltas.Input = -1 << 63 }))},
		{name: "reversed twice", place: "entries[2].records[1]", build: corrected("acme", func(l *ledger, id provenance.Hash, raw []byte) []*provenance.Correction {
			again := reversal(l.t, id, raw)
			again.Deltas = provenance.Sums{}
			return []*provenance.Correction{reversal(l.t, id, raw), again}
		})},
		{name: "amended below zero in two steps", place: "entries[2].records[1].correction.deltas", build: corrected("acme", func(l *ledger, id provenance.Hash, raw []byte) []*provenance.Correction {
			return []*provenance.Correction{amendment(l.t, id, raw, provenance.Sums{Input: -60}), amendment(l.t, id, raw, provenance.Sums{Input: -60})}
		})},
		{name: "parts amended beyond the whole", place: first + ".correction.deltas", build: corrected("acme", amended(provenance.Sums{CacheRead: 60, CacheWrite: 60}))},
		{name: "reasoning amended beyond the output", place: first + ".correction.deltas", build: corrected("acme", amended(provenance.Sums{Reasoning: 8}))},
		{name: "an act in the place of the record's entry", place: "entries[3].records[0]", build: correctedAct},
		{name: "tokens of a relay", place: first + ".correction.deltas", build: amendedRelay},
	}
	for i := range lies {
		lies[i].want = verify.CodeCorrection
	}
	return lies
}

// correctionRecord makes a record of a correction.
func (l *ledger) correctionRecord(c *provenance.Correction) []byte {
	b, err := (&provenance.Record{Kind: provenance.Corrected, Time: 1700244946680, Correction: c}).Encode()
	check(l.t, err)
	return b
}

// correctionFindings are the places of the findings about corrections.
func correctionFindings(r *verify.Report) (places []string) {
	for _, f := range r.Findings() {
		if f.Code == verify.CodeCorrection {
			places = append(places, f.Place)
		}
	}
	return places
}

// TestCorrectionsBehindOneOfAnEntryToCome: one that names an entry before it was
// there hides none of those that name it afterwards.
func TestCorrectionsBehindOneOfAnEntryToCome(t *testing.T) {
	l := newLedger(t)
	records := l.records(2, "US", "CN")
	l.commit(l.batch("beta", "eu", l.records(1, "DE", "US")))
	early := reversal(t, provenance.RecordID("acme", "us", 0, 0, records[0]), records[0])
	early.Entry = 2
	l.commit(l.batch("beta", "corrections", [][]byte{l.correctionRecord(early)}))
	l.commit(l.batch("acme", "us", records))
	l.commit(l.batch("beta", "corrections", [][]byte{l.correctionRecord(early)})) // not its issuer
	right := *early
	l.commit(l.batch("acme", "corrections", [][]byte{l.correctionRecord(&right)}))
	l.commit()
	r := l.audit()
	if got := correctionFindings(r); !slices.Equal(got, []string{"entries[1].records[0]", "entries[3].records[0]"}) {
		t.Errorf("%v\n%s", got, text(r))
	}
}

// TestCorrectedRecordsThatTheNodeSwaps: a node that gives other records of the
// corrected entry is the one that is found, not the provider.
func TestCorrectedRecordsThatTheNodeSwaps(t *testing.T) {
	l := corrected("acme", func(l *ledger, id provenance.Hash, raw []byte) []*provenance.Correction {
		return []*provenance.Correction{reversal(l.t, id, raw)}
	})(t)
	e := l.entries[0]
	other := frameOf(t, "acme", l.records(3, "US", "DE"))
	l.answer = func(path string, b []byte) []byte {
		if path != "/v1/entries?from=0&limit=1" {
			return b
		}
		b = appendHead([]byte{0x83}, 0, e.Index)
		return appendBytes(appendBytes(b, e.Statement), other)
	}
	r := l.audit()
	if places := correctionFindings(r); len(places) != 0 {
		t.Errorf("the provider is found guilty: %v", places)
	}
	if !slices.ContainsFunc(r.Findings(), func(f *verify.Finding) bool { return f.Code == verify.CodeRoot && f.Place == "entries[0].records" }) {
		t.Error(text(r))
	}
}

// TestMoreCorrectionsThanAreRemembered: those that are remembered are checked, and
// the step is not passed.
func TestMoreCorrectionsThanAreRemembered(t *testing.T) {
	l := newStory(t).ledger
	records := l.records(1, "US", "CN")
	l.commit(l.batch("acme", "us", records))
	c := amendment(t, provenance.RecordID("acme", "us", 0, 0, records[0]), records[0], provenance.Sums{Output: 1})
	many := slices.Repeat([][]byte{l.correctionRecord(c)}, provenance.MaxRecords)
	for range 25 {
		l.commit(l.batch("acme", "corrections", many))
	}
	l.commit()
	o := l.options()
	o.LookUps = -1 // the double would read all of them for each name
	r := l.auditWith(o)
	if r.Verdict != verify.Unchecked || !tells(r, "102400 corrections, of which only the first 100000") {
		t.Error(text(r))
	}
}
