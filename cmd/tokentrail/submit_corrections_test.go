package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tokentrail/provenance"
)

// variant writes a file with the correction that correct has written, changed,
// once or more often.
func (c *correcting) variant(name string, times int, change func(r *provenance.Record)) string {
	c.t.Helper()
	raw, err := os.ReadFile(c.out)
	if err != nil {
		c.t.Fatal(err)
	}
	r, err := provenance.ParseRecord(raw)
	if err != nil {
		c.t.Fatal(err)
	}
	var file []byte
	for i := range times {
		r.Time += int64(i)
		change(r)
		if raw, err = r.Encode(); err != nil {
			c.t.Fatal(err)
		}
		file = append(file, raw...)
	}
	path := filepath.Join(c.dir, name)
	if err := os.WriteFile(path, file, 0o600); err != nil {
		c.t.Fatal(err)
	}
	return path
}

// What the ledger would take and every audit would find is not signed.
// SPEC(CLI-13)
func TestSubmitChecksCorrections(t *testing.T) {
	c := newCorrecting(t)
	for name, w := range map[string]struct {
		args   []string
		times  int
		change func(r *provenance.Record)
		words  string
	}{
		"unknown":   {[]string{"--reverse"}, 1, func(r *provenance.Record) { r.Correction.Record[3] ^= 1 }, "the node knows no such record"},
		"entry":     {[]string{"--reverse"}, 1, func(r *provenance.Record) { r.Correction.Entry = 7 }, "it is in entry 0, not in 7"},
		"cell":      {[]string{"--reverse"}, 1, func(r *provenance.Record) { r.Correction.Cell.Model = "other" }, "does not count where it says"},
		"less":      {[]string{"--reverse"}, 1, func(r *provenance.Record) { r.Correction.Deltas.Input++ }, "to reverse it is to take back 1 record, 1,000 input"},
		"twice":     {[]string{"--reverse"}, 2, func(*provenance.Record) {}, "record 2 is a correction that would not hold"},
		"too much":  {[]string{"--amend", "input=-600"}, 2, func(*provenance.Record) {}, "input: it counts as 400, 600 cannot be taken"},
		"amends it": {[]string{"--amend", "input=-1"}, 1, func(r *provenance.Record) { r.Correction.Deltas.Reasoning = 9 }, "reasoning 9 would be more than output"},
	} {
		t.Run(name, func(t *testing.T) {
			c.corrected("acme/use-0", w.args...)
			file := c.variant(strings.ReplaceAll(name, " ", "-")+".records", w.times, w.change)
			c.failed(c.testProvider.args(c.l, file), exitAgainst, "is a correction that would not hold", w.words, "nothing of the file was signed")
		})
	}
	// What was made before another correction came holds no longer.
	c.corrected("acme/use-0", "--reverse")
	again := c.variant("again.records", 1, func(r *provenance.Record) { r.Time++ })
	c.committed()
	c.failed(c.testProvider.args(c.l, again), exitAgainst, "it was reversed by record")
	c.succeeded(c.testProvider.args(c.l, c.out)) // was submitted: it is not looked at again
}

// A record is corrected by its own issuer.
func TestSubmitOthersCorrection(t *testing.T) {
	c := newCorrecting(t)
	correction, _ := c.corrected("acme/use-0", "--reverse")
	a := &app{stderr: &strings.Builder{}, env: func(string) string { return "" }}
	ledger, err := a.openLedger(t.Context(), c.l.server.URL, "")
	if err != nil {
		t.Fatal(err)
	}
	s := &submitter{flags: &submitFlags{issuer: "globex"}, ledger: ledger}
	err = s.checkCorrection(t.Context(), plannedCorrection{1, correction}, map[provenance.Hash]*correctable{}, nil)
	if err == nil || !strings.Contains(err.Error(), "a record of acme, which alone can correct it, not globex") {
		t.Error(err)
	}
}

// An input of which nothing could be signed was not submitted: another stream
// takes it.
func TestRefusedInputIsNotNoted(t *testing.T) {
	c := newCorrecting(t)
	c.corrected("acme/use-0", "--reverse")
	file := c.variant("one.records", 1, func(*provenance.Record) {})
	c.l.rules = 1
	c.failed(c.testProvider.args(c.l, file), exitAgainst, "one.records: record 1: the ledger's rules (version 1) do not know the kind correction (7), which came with version 2",
		"nothing of the file was signed")
	c.l.rules = 2
	c.succeeded(c.testProvider.args(c.l, file, "--stream", "another"))
}

// Of a file with a kind that the ledger's rules do not know nothing is signed,
// however far behind it stands.
func TestSubmitUnderOldRules(t *testing.T) {
	c := newCorrecting(t)
	file, _ := c.testProvider.records("old", 4, func(i int, r *provenance.Record) {
		if i == 3 {
			*r = provenance.Record{Kind: provenance.DatasetMade, Time: r.Time, Dataset: &provenance.Dataset{
				Name: "web", Digest: provenance.Digest{Algorithm: -16, Value: make([]byte, 32)}, Sources: []provenance.Source{{Kind: 1}},
			}}
		}
	})
	c.l.rules = 1
	args := c.testProvider.args(c.l, file, "--batch", "1", "--stream", "old")
	c.failed(args, exitAgainst, "record 4: the ledger's rules (version 1) do not know the kind dataset (5)")
	signed := func() int {
		entries, err := filepath.Glob(filepath.Join(c.dir, "state", "journal", "*", "acme", "old", "0*"))
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	if n := signed(); n != 0 {
		t.Errorf("%d statements were signed", n)
	}
	c.l.rules = 2
	c.succeeded(args)
	if n := signed(); n != 4 {
		t.Errorf("%d statements were signed, wanted 4", n)
	}
}
