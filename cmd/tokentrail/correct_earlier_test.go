package main

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"tokentrail/provenance"
)

// write commits corrections of use-0 by an issuer, past the client: a ledger takes
// any.
func (c *correcting) write(issuer, stream string, corrections ...*provenance.Correction) {
	c.t.Helper()
	var records [][]byte
	for i, correction := range corrections {
		raw, err := (&provenance.Record{Kind: provenance.Corrected, Time: 1_700_250_000_000 + int64(i), Correction: correction}).Encode()
		if err != nil {
			c.t.Fatal(err)
		}
		records = append(records, raw)
	}
	h, err := provenance.NewBatch(issuer, stream, 0, nil, records)
	if err != nil {
		c.t.Fatal(err)
	}
	s, err := h.Sign(c.key)
	if err != nil {
		c.t.Fatal(err)
	}
	sub, err := provenance.NewSubmission(&s.UnverifiedStatement, records)
	if err != nil {
		c.t.Fatal(err)
	}
	resp, err := http.Post(c.l.server.URL+"/entries", "application/vnd.tokentrail.submission+cbor", bytes.NewReader(sub.Encode()))
	if err != nil {
		c.t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusCreated && resp.StatusCode != http.StatusAccepted {
		c.t.Fatal(resp.Status)
	}
}

// changed is a correction that was made, changed.
func changed(made *provenance.Correction, change func(c *provenance.Correction)) *provenance.Correction {
	c := *made
	change(&c)
	return &c
}

// What others write, and what does not hold, changes nothing for a correction, as
// for the auditor.
func TestEarlierCorrections(t *testing.T) {
	c := newCorrecting(t)
	reversal, _ := c.corrected("acme/use-0", "--reverse")
	amends, _ := c.corrected("acme/use-0", "--amend", "input=-100")
	var flood []*provenance.Correction
	for range 1200 {
		flood = append(flood, reversal)
	}
	c.write("globex", "flood", flood...)
	c.write("acme", "idle",
		changed(reversal, func(c *provenance.Correction) { c.Entry = 1 }),
		changed(amends, func(c *provenance.Correction) { c.Cell.Model = "other" }),
		changed(amends, func(c *provenance.Correction) { c.Deltas.Input = -1001 }),
		changed(reversal, func(c *provenance.Correction) { c.Deltas.Input++ }),
		amends)
	code, text, stderr := runOnce(t, c.args("acme/use-0", "--reverse")...)
	if code != exitOK || !strings.Contains(stderr, "without effect: it names the entry 1") || !strings.Contains(text, `"earlier_corrections": 1`) {
		t.Fatalf("%d\n%s%s", code, text, stderr)
	}
	last, doc := c.corrected("acme/use-0", "--reverse")
	if last.Deltas.Input != -900 || doc["counted"].(map[string]any)["input"] != 900.0 {
		t.Errorf("%+v %v", last, doc)
	}
}

// Of more corrections by the issuer than are read it is not guessed what they
// leave.
func TestMoreEarlierCorrectionsThanAreRead(t *testing.T) {
	c := newCorrecting(t)
	amends, _ := c.corrected("acme/use-0", "--amend", "output=+1")
	var many []*provenance.Correction
	for range 1000 {
		many = append(many, amends)
	}
	c.write("acme", "many", many...)
	if last, _ := c.corrected("acme/use-0", "--reverse"); last.Deltas.Output != -1003 {
		t.Errorf("%+v", last)
	}
	c.write("acme", "one-more", amends)
	c.failed(c.args("acme/use-0", "--reverse"), exitCouldNot, "more than 1000 records answer correction=acme/")
	c.failed(c.testProvider.args(c.l, c.out), exitCouldNot, "record 1 is a correction of which it could not be told whether it would hold", "more than 1000 records answer correction=acme/")
}

// A page that has records of a page before would let an amendment count twice.
func TestRecordsOfAPageBefore(t *testing.T) {
	c := newCorrecting(t)
	amends, _ := c.corrected("acme/use-0", "--amend", "input=-1")
	many := make([]*provenance.Correction, 101)
	for i := range many {
		many[i] = amends
	}
	c.write("acme", "many", many...)
	if last, _ := c.corrected("acme/use-0", "--reverse"); last.Deltas.Input != -899 {
		t.Errorf("%+v", last)
	}
	var first provenance.RecordHit
	c.l.lie = func(a *provenance.RecordsAnswer) {
		if a.More {
			first = a.Hits[0]
		} else if len(a.Hits) == 1 && first.Proof != nil {
			a.Hits[0] = first
		}
	}
	c.failed(c.args("acme/use-0", "--reverse"), exitAgainst, "does not come behind record")
}
