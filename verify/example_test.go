package verify_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"testing"

	"tokentrail/provenance"
	"tokentrail/verify"
	"tokentrail/verify/inspect"
	"tokentrail/verify/light"
	"tokentrail/verify/remote"
)

// An audit from genesis, with the document's hash from elsewhere.
func ExampleAudit() {
	ledger := small(&testing.T{}) // stands for remote.New("http://…", remote.Options{})
	hash := hashOf(ledger.genesis)

	report := light.Audit(context.Background(), ledger.node(), verify.Trust{Genesis: &hash}, ledger.options())
	for _, step := range report.Steps {
		fmt.Printf("%-10s %s\n", step.Name, step.Outcome)
	}
	fmt.Println(report.Verdict, report.Exit())
	// Output:
	// genesis    passed
	// headers    passed
	// log        passed
	// policy     passed
	// roots      passed
	// validators passed
	// corrections passed
	// status     passed
	// state      passed
	// checkpoint passed
	// receipts   passed
	// flows      passed
	// look-ups   passed
	// holds 0
}

// One entry and a record of it, without a network.
func ExampleCheckExhibit() {
	ledger := small(&testing.T{})
	hash := hashOf(ledger.genesis)
	exhibit, err := ledger.node().Exhibit(context.Background(), "1", remote.Wanted{Records: []int64{2}})
	if err != nil {
		fmt.Println(err)
		return
	}
	exhibit.Records[0][9] ^= 1

	report := light.CheckExhibit(context.Background(), exhibit, verify.Trust{Genesis: &hash}, ledger.options())
	for _, finding := range report.Findings() {
		fmt.Println(finding.Code, "at", finding.Place)
	}
	fmt.Println(report.Verdict, report.Exit())
	// Output:
	// record-proof at record proofs[0]
	// evidence against 1
}

// All that one stream ever stated, without the rest of the log.
func ExampleCheckStreams() {
	ledger := small(&testing.T{})
	hash := hashOf(ledger.genesis)

	what := verify.StreamsWanted{Provider: "acme", Stream: "us"}
	report := light.CheckStreams(context.Background(), ledger.node(), verify.Trust{Genesis: &hash}, what, ledger.options())
	for _, s := range report.Streams {
		fmt.Printf("%s/%s: %d statements, %d records\n", s.Provider, s.Stream, s.Statements, s.Records)
	}
	fmt.Println(report.Verdict)
	// Output:
	// acme/us: 2 statements, 3 records
	// holds
}

// An audit that goes on from the verdict of another, and reads what came since.
func ExampleReadSaved() {
	ledger := small(&testing.T{})
	var file bytes.Buffer // stands for a file that is put in place whole
	o := ledger.options()
	o.Save = func(done bool, write func(io.Writer) error) {
		file.Reset()
		if err := write(&file); err != nil {
			fmt.Println(err)
		}
	}
	hash := hashOf(ledger.genesis)
	light.Audit(context.Background(), ledger.node(), verify.Trust{Genesis: &hash}, o)

	ledger.commit(ledger.one("acme", "us"))
	ledger.commit()
	saved, err := verify.ReadSaved(&file)
	if err != nil {
		fmt.Println(err)
		return
	}
	o.Resume = saved
	report := light.Audit(context.Background(), ledger.node(), verify.Trust{Genesis: &hash}, o)
	fmt.Println(report.Verdict, "from a", report.Trust.Kind, "of", report.Trust.Report.LogSize, "entries to", report.Ledger.LogSize)
	// Output:
	// holds from a report of 4 entries to 5
}

// Both sides of one crossing, from the importer's record on.
func ExampleCheckTransfer() {
	ledger, record := crossingNode(&testing.T{})
	hash := hashOf(ledger.genesis)

	pairing, err := inspect.New(inspect.Options{Skip: true, Mirrors: &inspect.MirrorOptions{}})
	if err != nil {
		fmt.Println(err)
		return
	}
	o := ledger.options()
	o.Inspect = pairing
	// Where the record stands a look-up says: Node.Records, RecordHit.Check.
	what := verify.TransferWanted{Record: record, Entry: 1, Index: 0}
	report := light.CheckTransfer(context.Background(), remote.Lookup{Node: ledger.node()}, verify.Trust{Genesis: &hash}, what, o)
	for _, pair := range report.Coverage.Mirrors.Pairs {
		fmt.Println(pair.From, "to", pair.To, "matched:", pair.Matched.Records)
	}
	fmt.Println(report.Verdict)
	// Output:
	// US to CN matched: 2
	// holds
}

// crossingNode is a ledger with an exporter's record in entry 0 and in entry 1 the
// importer's, whose id it returns, and which names the other.
func crossingNode(t testing.TB) (l *ledger, in provenance.Hash) {
	l = newLedger(t)
	out := l.records(1, "US", "CN")
	mirror := provenance.RecordID("acme", "us", 0, 0, out[0])
	r, err := provenance.ParseRecord(out[0])
	check(t, err)
	r.Side, r.Crossing = new(provenance.Importer), &provenance.Crossing{Direction: 1, Mirror: &provenance.Parent{ID: mirror[:]}}
	raw, err := r.Encode()
	check(t, err)
	l.commit(l.batch("acme", "us", out), l.batch("beta", "cn", [][]byte{raw}))
	l.commit()
	return l, provenance.RecordID("beta", "cn", 0, 0, raw)
}
