package verify_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"tokentrail/provenance"
	"tokentrail/verify"
	"tokentrail/verify/light"
)

func (l *ledger) exhibit(entry string, records ...int64) *verify.Exhibit {
	e, err := l.node().Exhibit(context.Background(), entry, records...)
	check(l.t, err)
	return e
}

// show checks an exhibit under the trust in the genesis document.
func (l *ledger) show(e *verify.Exhibit, trust ...verify.Trust) *verify.Report {
	tr := verify.Trust{Genesis: new(hashOf(l.genesis))}
	if len(trust) > 0 {
		tr = trust[0]
	}
	return light.CheckExhibit(context.Background(), e, tr, l.options())
}

func TestExhibit(t *testing.T) {
	l := small(t)
	for name, c := range map[string]struct {
		change  func(e *verify.Exhibit)
		trust   verify.Trust
		verdict verify.Verdict
		code    verify.Code
	}{
		"entry":                     {func(e *verify.Exhibit) { e.Records = nil }, verify.Trust{}, verify.Holds, ""},
		"with a record":             {func(e *verify.Exhibit) {}, verify.Trust{}, verify.Holds, ""},
		"with all records":          {func(e *verify.Exhibit) { e.Frame = l.entries[1].Frame }, verify.Trust{}, verify.Holds, ""},
		"under its very header":     {func(e *verify.Exhibit) {}, l.at(4), verify.Holds, ""},
		"under another header":      {func(e *verify.Exhibit) {}, l.at(3), verify.Unchecked, ""},
		"under a header of a fork":  {func(e *verify.Exhibit) {}, verify.Trust{Height: 4, Hash: provenance.Hash{1}}, verify.Evidence, verify.CodeTrustHash},
		"without a receipt":         {func(e *verify.Exhibit) { e.Receipt = nil }, verify.Trust{}, verify.Unchecked, ""},
		"without any trust":         {func(e *verify.Exhibit) {}, verify.Trust{}, verify.Unchecked, ""},
		"of another genesis":        {func(e *verify.Exhibit) {}, verify.Trust{Genesis: &provenance.Hash{}}, verify.Evidence, verify.CodeGenesisHash},
		"with records of another":   {func(e *verify.Exhibit) { e.Frame = l.entries[0].Frame }, verify.Trust{}, verify.Evidence, verify.CodeCount},
		"with a record of another":  {func(e *verify.Exhibit) { e.Records[0] = l.serveRecord("0", "0") }, verify.Trust{}, verify.Evidence, verify.CodeRecordProof},
		"with another's receipt":    {func(e *verify.Exhibit) { e.Receipt = l.serveReceipt("0") }, verify.Trust{}, verify.Evidence, verify.CodeReceiptBinding},
		"signed by made-up keys":    {func(e *verify.Exhibit) { flip(&e.Statement, -1) }, verify.Trust{}, verify.Evidence, verify.CodeSignature},
		"that is no statement":      {func(e *verify.Exhibit) { e.Statement = []byte{1} }, verify.Trust{}, verify.Evidence, verify.CodeStatementForm},
		"without a genesis":         {func(e *verify.Exhibit) { e.Genesis = nil }, verify.Trust{}, verify.Evidence, verify.CodeGenesisForm},
		"with validators of nobody": {func(e *verify.Exhibit) { e.Receipt = usurped(t) }, verify.Trust{}, verify.Evidence, verify.CodeValidators},
	} {
		t.Run(name, func(t *testing.T) {
			e := l.exhibit("1", 2)
			c.change(e)
			if c.trust == (verify.Trust{}) {
				c.trust.Genesis = new(hashOf(l.genesis))
			}
			if name == "without any trust" || name == "without a genesis" {
				c.trust = verify.Trust{}
			}
			r := l.show(e, c.trust)
			if r.Verdict != c.verdict || c.code != "" && r.Findings()[0].Code != c.code {
				t.Errorf("%s, wanted %s %s:\n%s", r.Verdict, c.verdict, c.code, text(r))
			}
		})
	}
}

// usurped is a receipt for the small ledger's entry 1 under other validators.
func usurped(t testing.TB) []byte {
	l := small(t)
	usurpTip(l)
	return l.serveReceipt("1")
}

// TestEveryFlippedByteOfAnExhibitIsNoticed is the narrow sister of
// TestEveryFlippedByteIsNoticed.
func TestEveryFlippedByteOfAnExhibitIsNoticed(t *testing.T) {
	l := tiny(t)
	honest := l.exhibit("0", 1)
	whole, err := provenance.ParseReceipt(honest.Receipt)
	check(t, err)
	parts := map[string]func(e *verify.Exhibit) *[]byte{
		"genesis":   func(e *verify.Exhibit) *[]byte { return &e.Genesis },
		"statement": func(e *verify.Exhibit) *[]byte { return &e.Statement },
		"receipt":   func(e *verify.Exhibit) *[]byte { return &e.Receipt },
		"record":    func(e *verify.Exhibit) *[]byte { return &e.Records[0] },
	}
	for name, part := range parts {
		ignored := map[string]int{}
		size := len(*part(honest))
		for at := 0; at < size; at++ {
			e := *honest
			e.Records = [][]byte{bytes.Clone(honest.Records[0])}
			flip(part(&e), at)
			if r := l.show(&e); r.Verdict != verify.Holds {
				continue
			}
			why := ""
			if lie, err := provenance.ParseReceipt(e.Receipt); err == nil && name == "receipt" {
				switch {
				case lie.Anchor.Preimage == whole.Anchor.Preimage && !bytes.Equal(lie.Anchor.LightBlock, whole.Anchor.LightBlock) && samePriority(lie.Anchor.LightBlock, whole.Anchor.LightBlock):
					why = "proposer priority"
				case lie.KID != whole.KID || at >= size-64:
					why = "the node's own signature, which an exhibit does not rest on"
				}
			}
			if why == "" {
				t.Errorf("%s: byte %d goes unnoticed", name, at)
			}
			ignored[why]++
		}
		t.Logf("%s: %d flips; irrelevant: %v", name, size, ignored)
	}
}

// BenchmarkRecordProof prints what proving one record offline takes, genesis
// document and all.
func BenchmarkRecordProof(b *testing.B) {
	l := tiny(b)
	e := l.exhibit("0", 1)
	for b.Loop() {
		if r := l.show(e); r.Verdict != verify.Holds {
			b.Fatal(text(r))
		}
	}
}

func BenchmarkAudit(b *testing.B) {
	l := newLedger(b)
	for i := range 40 {
		l.commit(l.batch("acme", fmt.Sprint("s", i%4), l.records(64, "US", "CN")))
	}
	l.commit()
	answers := l.asked()
	l.replay = answers
	o := l.options()
	o.Now, o.Workers, o.Receipts = time.Now, 0, 1
	b.ResetTimer()
	for b.Loop() {
		r := light.Audit(context.Background(), l.node(), verify.Trust{}, o)
		if r.Verdict != verify.Holds {
			b.Fatal(text(r))
		}
		b.ReportMetric(float64(r.Totals.PerSecond), "records/s")
	}
}
