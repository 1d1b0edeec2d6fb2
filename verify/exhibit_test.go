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

// TestExhibit: what an exhibit proves, and what it leaves open.
func TestExhibit(t *testing.T) {
	l := small(t)
	ours := verify.Trust{Genesis: new(hashOf(l.genesis))}
	for name, c := range map[string]struct {
		change  func(e *verify.Exhibit)
		trust   verify.Trust
		verdict verify.Verdict
	}{
		"entry":                 {func(e *verify.Exhibit) { e.Records = nil }, ours, verify.Holds},
		"with a record":         {func(e *verify.Exhibit) {}, ours, verify.Holds},
		"with all records":      {func(e *verify.Exhibit) { e.Frame = l.entries[1].Frame }, ours, verify.Holds},
		"under its very header": {func(e *verify.Exhibit) {}, l.at(4), verify.Holds},
		"under another header":  {func(e *verify.Exhibit) {}, l.at(3), verify.Unchecked},
		"without a receipt":     {func(e *verify.Exhibit) { e.Receipt = nil }, ours, verify.Unchecked},
		"without any trust":     {func(e *verify.Exhibit) {}, verify.Trust{}, verify.Unchecked},
	} {
		t.Run(name, func(t *testing.T) {
			e := l.exhibit("1", 2)
			c.change(e)
			if r := l.show(e, c.trust); r.Verdict != c.verdict || len(r.Findings()) > 0 {
				t.Errorf("%s, wanted %s:\n%s", r.Verdict, c.verdict, text(r))
			}
		})
	}
}

// exhibitLies are exhibits that somebody made up, of entry 1 and a record of it.
func exhibitLies() []attack {
	lie := func(name, want string, change func(l *ledger, e *verify.Exhibit), trust ...verify.Trust) attack {
		return attack{"exhibit, " + name, want, func(t testing.TB) *verify.Report {
			l := small(t)
			e := l.exhibit("1", 2)
			change(l, e)
			return l.show(e, trust...)
		}}
	}
	asIs := func(*ledger, *verify.Exhibit) {}
	return []attack{
		lie("under a header of a fork", "trust-hash at statement.receipt.anchor: headers[4]", asIs, verify.Trust{Height: 4, Hash: provenance.Hash{1}}),
		lie("of another genesis", "genesis-hash at genesis", asIs, verify.Trust{Genesis: &provenance.Hash{}}),
		lie("with records of another", "count at records", func(l *ledger, e *verify.Exhibit) { e.Frame = l.entries[0].Frame }),
		lie("with a record of another", "record-proof at record proofs[0]", func(l *ledger, e *verify.Exhibit) { e.Records[0] = l.serveRecord("0", "0") }),
		lie("with another's receipt", "receipt-binding at statement.receipt", func(l *ledger, e *verify.Exhibit) { e.Receipt = l.serveReceipt("0") }),
		lie("signed by made-up keys", "signature at statement.signature; receipt-path", func(_ *ledger, e *verify.Exhibit) { flip(&e.Statement, -1) }),
		lie("that is no statement", "statement-form at statement", func(_ *ledger, e *verify.Exhibit) { e.Statement = []byte{1} }),
		lie("without a genesis", "genesis-form at genesis", func(_ *ledger, e *verify.Exhibit) { e.Genesis = nil }, verify.Trust{}),
		lie("with validators of nobody", "validators at statement.receipt.anchor", func(l *ledger, e *verify.Exhibit) { e.Receipt = usurped(l.t) }),
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
