package verify_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tokentrail/provenance"
	"tokentrail/verify"
	"tokentrail/verify/light"
	"tokentrail/verify/remote"
)

func (l *ledger) exhibit(entry string, records ...int64) *verify.Exhibit {
	l.t.Helper()
	return l.exhibitOf(entry, remote.Wanted{Records: records})
}

func (l *ledger) exhibitOf(entry string, want remote.Wanted) *verify.Exhibit {
	l.t.Helper()
	e, err := l.node().Exhibit(context.Background(), entry, want)
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
		"entry":                    {func(e *verify.Exhibit) { e.Records = nil }, ours, verify.Holds},
		"with a record":            {func(e *verify.Exhibit) {}, ours, verify.Holds},
		"with all records":         {func(e *verify.Exhibit) { e.Frame = l.entries[1].Frame }, ours, verify.Holds},
		"under its very header":    {func(e *verify.Exhibit) {}, l.at(4), verify.Holds},
		"under another header":     {func(e *verify.Exhibit) {}, l.at(3), verify.Unchecked},
		"without a receipt":        {func(e *verify.Exhibit) { e.Receipt = nil }, ours, verify.Unchecked},
		"under others' validators": {func(e *verify.Exhibit) { e.Receipt = usurped(t) }, ours, verify.Unchecked}, // or a change is missing
		"without any trust":        {func(e *verify.Exhibit) {}, verify.Trust{}, verify.Unchecked},
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
		lie("under a header of a fork", "trust-hash at headers[4]", asIs, verify.Trust{Height: 4, Hash: provenance.Hash{1}}),
		lie("of another genesis", "genesis-hash at genesis", asIs, verify.Trust{Genesis: &provenance.Hash{}}),
		lie("with records of another", "count at records", func(l *ledger, e *verify.Exhibit) { e.Frame = l.entries[0].Frame }),
		lie("with a record of another", "record-proof at record proofs[0]", func(l *ledger, e *verify.Exhibit) { e.Records[0] = l.serveRecord("0", "0") }),
		lie("with another's receipt", "receipt-binding at entry.receipt", func(l *ledger, e *verify.Exhibit) { e.Receipt = l.serveReceipt("0") }),
		lie("signed by made-up keys", "receipt-path at entry.receipt; signature", func(_ *ledger, e *verify.Exhibit) { flip(&e.Entry, -1) }),
		lie("that is no statement", "statement-form at entry", func(_ *ledger, e *verify.Exhibit) { e.Entry = []byte{1} }),
		lie("without a genesis", "genesis-form at genesis", func(_ *ledger, e *verify.Exhibit) { e.Genesis = nil }, verify.Trust{}),
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
		"statement": func(e *verify.Exhibit) *[]byte { return &e.Entry },
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

// BenchmarkRecordProof prints what proving one record offline takes: to whom the
// ledger is new (genesis document, commit of four validators and all), to whom its
// header is known, and for the record's own part: proof, path and signature.
func BenchmarkRecordProof(b *testing.B) {
	l := tiny(b)
	e := l.exhibit("0", 1)
	trust := verify.Trust{Genesis: new(hashOf(l.genesis))}
	holds := func(b *testing.B, r *verify.Report) {
		if r.Verdict != verify.Holds {
			b.Fatal(text(r))
		}
	}
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			holds(b, l.show(e))
		}
	})
	b.Run("header-known", func(b *testing.B) {
		exhibits := light.NewExhibits(trust, l.options().Now)
		for b.Loop() {
			holds(b, exhibits.Check(context.Background(), e, l.options()))
		}
	})
	raw, err := e.Encode()
	check(b, err)
	b.Run("from-file", func(b *testing.B) {
		exhibits := light.NewExhibits(trust, l.options().Now)
		for b.Loop() {
			e, err := provenance.ParseBundle(raw)
			check(b, err)
			holds(b, exhibits.Check(context.Background(), e, l.options()))
		}
	})
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

// TestExhibitOfGarbage: what a node gives in the place of a receipt or a proof and cannot
// be read is evidence; one that an auditor kept is not the node's. SPEC(VER-19)
func TestExhibitOfGarbage(t *testing.T) {
	for route, want := range map[string]verify.Code{"/entries/1": verify.CodeReceiptForm, "/v1/state": verify.CodeStateForm} {
		l := small(t)
		l.answer = func(path string, b []byte) []byte {
			switch {
			case path == route:
				return []byte("garbage")
			case strings.HasPrefix(path, route) && strings.Contains(path, "key="):
				return []byte{0x84, 0x80, 3, 0x40, 0x80} // of the form, with nothing in it
			}
			return b
		}
		_, err := l.node().Exhibit(context.Background(), "1", remote.Wanted{})
		var f *verify.Finding
		if !errors.As(err, &f) || f.Code != want {
			t.Errorf("%s: %v", route, err)
		}
	}
	_, err := small(t).node().Exhibit(context.Background(), "1", remote.Wanted{Receipt: []byte("garbage")})
	var f *verify.Finding
	if err == nil || errors.As(err, &f) {
		t.Errorf("a receipt of the auditor's own: %v", err)
	}
}
