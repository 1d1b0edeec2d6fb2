package verify_test

import (
	"context"
	"fmt"
	"testing"

	"tokentrail/verify"
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
