package verify_test

import (
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
		{name: "the record itself left", place: first + ".correction.deltas", build: corrected("acme", one(func(c *provenance.Correction) { c.Deltas.Records = 0 }))},
		{name: "the least integer", place: first + ".correction.deltas", build: corrected("acme", one(func(c *provenance.Correction) { c.Deltas.Energy = -1 << 63 }))},
		{name: "reversed twice", place: "entries[2].records[1]", build: corrected("acme", func(l *ledger, id provenance.Hash, raw []byte) []*provenance.Correction {
			again := reversal(l.t, id, raw)
			again.Deltas = provenance.Sums{}
			return []*provenance.Correction{reversal(l.t, id, raw), again}
		})},
		{name: "amended below zero in two steps", place: "entries[2].records[1].correction.deltas", build: corrected("acme", func(l *ledger, id provenance.Hash, raw []byte) []*provenance.Correction {
			return []*provenance.Correction{amendment(l.t, id, raw, provenance.Sums{Input: -60}), amendment(l.t, id, raw, provenance.Sums{Input: -60})}
		})},
	}
	for i := range lies {
		lies[i].want = verify.CodeCorrection
	}
	return lies
}
