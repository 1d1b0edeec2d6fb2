package main

import (
	"testing"

	"tokentrail/provenance"
)

// stuck says whether the ledger commits what it takes.
func (c *correcting) stuck(is bool) {
	c.l.mu.Lock()
	defer c.l.mu.Unlock()
	c.l.stuck = is
}

// interrupted submits a file to a ledger that takes it and commits nothing: what
// is signed stays in the journal without a receipt.
func (c *correcting) interrupted(args []string) {
	c.t.Helper()
	c.stuck(true)
	c.failed(append(args, "--patience", "300ms"), exitCouldNot)
	c.stuck(false)
}

// A run that goes on counts the corrections that runs before have signed, also
// where the ledger does not have them yet. SPEC(CLI-13)
func TestSubmitGoesOnBehindACorrection(t *testing.T) {
	c := newCorrecting(t)
	c.corrected("acme/use-0", "--amend", "input=-600")
	records := 0
	file := c.variant("both.records", 2, func(r *provenance.Record) {
		if records++; records == 2 {
			r.Correction.Action, r.Correction.Deltas = provenance.Reverses, provenance.Sums{Records: -1, Input: -400, Output: -3, Energy: -50}
		}
	})
	args := c.testProvider.args(c.l, file, "--batch", "1", "--window", "1")
	c.interrupted(args)
	doc := c.succeeded(args)
	if doc["resent"] != 1.0 || doc["statements"] != 2.0 {
		t.Errorf("%v", doc)
	}
	c.failed(c.args("acme/use-0", "--reverse"), exitAgainst, "it was reversed by record")
}

// The same where they are of another file; once the ledger has them, they count
// once, though there is no receipt.
func TestSubmitCountsSignedCorrections(t *testing.T) {
	c := newCorrecting(t)
	c.corrected("acme/use-0", "--amend", "input=-400")
	first := c.variant("first.records", 1, func(*provenance.Record) {})
	again := func(name string, input int64) []string {
		return c.testProvider.args(c.l, c.variant(name, 1, func(r *provenance.Record) { r.Time++; r.Correction.Deltas.Input = input }))
	}
	c.interrupted(c.testProvider.args(c.l, first))
	tooMuch := again("again.records", -601)
	c.failed(tooMuch, exitAgainst, "input: it counts as 600, 601 cannot be taken")
	c.l.mu.Lock()
	for name, s := range c.l.streams {
		c.l.settle(name, s)
	}
	c.l.mu.Unlock()
	c.failed(tooMuch, exitAgainst, "input: it counts as 600, 601 cannot be taken")
	doc := c.succeeded(again("rest.records", -600))
	if doc["resent"] != 1.0 || doc["statements"] != 2.0 {
		t.Errorf("%v", doc)
	}
}

// A reversal that is signed leaves nothing to correct.
func TestSubmitBehindASignedReversal(t *testing.T) {
	c := newCorrecting(t)
	c.corrected("acme/use-0", "--reverse")
	first := c.variant("first.records", 1, func(*provenance.Record) {})
	again := c.variant("again.records", 1, func(r *provenance.Record) { r.Time++ })
	c.interrupted(c.testProvider.args(c.l, first))
	c.failed(c.testProvider.args(c.l, again), exitAgainst, "it was reversed by record", "in sequence 1, which has no receipt yet")
}

// People are told that there are too many corrections, and not before there are.
func TestSubmitTellsOfUncheckedCorrections(t *testing.T) {
	told := ""
	s := &submitter{in: &input{name: "many.records"}, ledger: &nodes{notice: func(text string) { told += text }}}
	look := func(number int64) {
		s.in.look(&provenance.Record{Correction: &provenance.Correction{}}, number)
	}
	for i := range int64(maxPlanned) {
		look(i + 1)
	}
	if err := s.checkCorrections(t.Context(), maxPlanned); err != nil || told != "" {
		t.Error(err, told)
	}
	look(maxPlanned + 1)
	if err := s.checkCorrections(t.Context(), maxPlanned); err != nil || told != "only the first 10,000 corrections of many.records are held against the ledger" {
		t.Error(err, told)
	}
}
