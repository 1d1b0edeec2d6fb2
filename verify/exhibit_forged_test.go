package verify_test

import (
	"context"
	"testing"

	"tokentrail/provenance"
	"tokentrail/verify"
	"tokentrail/verify/light"
	"tokentrail/verify/remote"
)

// forgedDocument is an exhibit of entry n whose genesis document is of a ledger
// without acts, by the same validators, and that leaves out what the state map says.
func forgedDocument(t *testing.T, l *ledger, n string, more func(*ledger, *provenance.Genesis)) *verify.Exhibit {
	t.Helper()
	e := clone(t, l.exhibitOf(n, remote.Wanted{Header: 1}))
	fake := newLedgerWith(t, func(l *ledger, g *provenance.Genesis) {
		g.RuleSet = 1
		if more != nil {
			more(l, g)
		}
	})
	e.States, e.Genesis = nil, fake.genesis
	s, err := provenance.ParseStatement(e.Entry)
	check(t, err)
	r, err := provenance.ParseReceipt(e.Receipt)
	check(t, err)
	e.Receipt, err = provenance.ReceiptSigner{Origin: fake.origin(), Key: keyOf("forger")}.Sign(s.ID(), r.Proof, r.Anchor)
	check(t, err)
	return e
}

// TestExhibitsOwnDocument: a genesis document that no trust names stands for nothing,
// so that what the registry says cannot be left out. SPEC(BND-9)
func TestExhibitsOwnDocument(t *testing.T) {
	l := manyKinds(t)
	// Entry 5 is acme's, under a key that expires.
	e := forgedDocument(t, l, "5", nil)
	if got := light.CheckExhibit(context.Background(), e, l.at(1), l.options()); got.Exit() != 2 {
		t.Errorf("exit %d\n%s", got.Exit(), text(got))
	}
	// Entry 2 is gamma's, under a key that was stolen since.
	e = forgedDocument(t, l, "2", func(_ *ledger, g *provenance.Genesis) {
		g.Providers = append(g.Providers, provenance.GenesisProvider{ID: "gamma", Name: "gamma", Jurisdictions: []string{"FR"}, Keys: []string{publicOf(t, keyOf("gamma")).String()}})
	})
	if got := light.CheckExhibit(context.Background(), e, l.at(1), l.options()); got.Exit() != 2 {
		t.Errorf("exit %d\n%s", got.Exit(), text(got))
	}
}
