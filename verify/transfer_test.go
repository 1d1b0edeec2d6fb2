package verify_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"tokentrail/provenance"
	"tokentrail/verify"
	"tokentrail/verify/inspect"
	"tokentrail/verify/light"
	"tokentrail/verify/remote"
)

// A crossed is a story of crossings, as a node gives it to a check of a transfer.
type crossed struct {
	*story
	spoil func(entry int64, e *verify.Exhibit) // lies about exhibits
	fails error                                // exhibits cannot be got
}

// Exhibit implements verify.TransferSource.
func (s *crossed) Exhibit(_ context.Context, entry, record int64) (*verify.Exhibit, error) {
	if s.fails != nil {
		return nil, s.fails
	}
	e := s.exhibitOf(fmt.Sprint(entry), remote.Wanted{Records: []int64{record}, AllRecords: true})
	if s.spoil != nil {
		s.spoil(entry, e)
	}
	return e, nil
}

// crossing begins a story with acme's exporting record "out" in entry 0 and beta's
// importing one "in", which names it, in entry 1.
func crossing(t testing.TB, change ...func(in *provenance.Record)) *crossed {
	s := newStory(t)
	s.tell("acme", "out", s.transfer(provenance.Exporter))
	in := s.transfer(provenance.Importer)
	id := s.ids["out"]
	in.Crossing = &provenance.Crossing{Direction: 1, Mirror: &provenance.Parent{ID: id[:]}}
	for _, do := range change {
		do(in)
	}
	s.tell("beta", "in", in)
	return &crossed{story: s}
}

// check checks the crossing of a record.
func (s *crossed) check(name string, mirror ...string) *verify.Report {
	s.t.Helper()
	s.commit()
	pairing, err := inspect.New(inspect.Options{Skip: true, Mirrors: &inspect.MirrorOptions{}})
	check(s.t, err)
	return s.checkBy(pairing, name, mirror...)
}

func (s *crossed) checkBy(pairing verify.Inspector, name string, mirror ...string) *verify.Report {
	s.t.Helper()
	trust := verify.Trust{Genesis: new(hashOf(s.genesis))}
	what := verify.TransferWanted{Record: s.ids[name], Entry: s.entry[name]}
	if len(mirror) > 0 {
		what.Mirror = new(provenance.ByID(s.ids[mirror[0]]))
	}
	o := s.options()
	o.Inspect = pairing
	r := verify.CheckTransfer(context.Background(), s, light.Offline(trust, o.Now), trust, what, o)
	check(s.t, schema(s.t).Validate(document(s.t, r)))
	return r
}

// wants holds a report to an outcome, as outcomeOf puts it, and to words.
func wants(t *testing.T, r *verify.Report, outcome, words string) {
	t.Helper()
	if got := outcomeOf(r); got != outcome || !tells(r, words) {
		t.Errorf("%s, wanted %s and %q:\n%s", got, outcome, words, text(r))
	}
}

// TestTransfer: what both sides say, and what their corrections leave of it.
// SPEC(VER-95), SPEC(VER-96)
func TestTransfer(t *testing.T) {
	wants(t, crossing(t).check("in"), "holds", "every step was carried through")
	wants(t, crossing(t).check("out", "in"), "holds", "matched")
	wants(t, crossing(t).check("out"), "not checked: mirror", "names no other side")

	less := func(in *provenance.Record) { in.Usage.Output-- }
	wants(t, crossing(t, less).check("in"), "mirror-differs at entries[1].records[0]", "against the provider beta")
	mended := crossing(t, less)
	mended.tell("acme", "fix", mended.amendment("out", -1))
	wants(t, mended.check("in"), "holds", "1 correction")
	spoilt := crossing(t)
	spoilt.tell("acme", "fix", spoilt.amendment("out", -1))
	wants(t, spoilt.check("in"), "mirror-differs at entries[1].records[0]", "output")
	wrongly := crossing(t)
	fix := wrongly.amendment("out", -1)
	fix.Correction.Cell.Model = "another"
	wrongly.tell("acme", "fix", fix)
	wants(t, wrongly.check("in"), "correction at entries[2].records[0]", "does not count where it says")
	foreign := crossing(t)
	foreign.tell("beta", "fix", foreign.amendment("out", -1)) // of another's record: none
	wants(t, foreign.check("in"), "holds", "0 corrections")

	gone := crossing(t)
	gone.tell("acme", "back", gone.reversal("out"))
	wants(t, gone.check("in"), "not checked: crossing", "entries[0].records[0] of acme was reversed")
	both := crossing(t)
	both.tell("acme", "back", both.reversal("out"))
	both.tell("beta", "too", both.reversal("in"))
	wants(t, both.check("in"), "not checked: crossing", "were reversed")
}

// TestTransferToNoSide: what stands under the id that a record names as its mirror, is
// proven, and can be no other side, speaks against who named it. SPEC(VER-96)
func TestTransferToNoSide(t *testing.T) {
	s := crossing(t)
	made := s.transfer(provenance.Exporter)
	made.Kind, made.Side, made.Basis, made.Crossing = provenance.Production, nil, nil, nil
	s.tell("acme", "made", made)
	id := s.ids["made"]
	out := s.transfer(provenance.Exporter)
	out.Crossing = &provenance.Crossing{Direction: 1, Mirror: &provenance.Parent{ID: id[:]}}
	s.tell("acme", "to-made", out)
	wants(t, s.check("to-made"), "mirror-missing at entries[3].records[0]", "is of kind production")
}

// TestTransferOfMany: more than two that are joined are no pair, and a crowd is told
// of and not gone through.
func TestTransferOfMany(t *testing.T) {
	many := func(n int) *crossed {
		s := crossing(t)
		name := "in"
		for i := range n {
			next := s.transfer(provenance.Exporter)
			id := s.ids[name]
			next.Crossing = &provenance.Crossing{Direction: 1, Mirror: &provenance.Parent{ID: id[:]}}
			name = fmt.Sprint("next-", i)
			s.tell("acme", name, next)
		}
		return s
	}
	wants(t, many(1).check("next-0"), "mirror-ambiguous at entries[2].records[0]", "3 transfers")
	wants(t, many(9).check("next-8"), "not checked: corrections", "more than 8 transfers")
}

// TestTransferUnproven: what is not proven, by whatever lack or lie, is never held
// against the other side.
func TestTransferUnproven(t *testing.T) {
	down := crossing(t)
	down.fails = errors.New("the disk is gone")
	wants(t, down.check("in"), "not checked: record", "the disk is gone")
	garbage := crossing(t)
	garbage.fails = verify.NewFinding(verify.CodeReceiptForm, "entries[1].receipt", "a receipt of spec/receipt.md", "garbage")
	wants(t, garbage.check("in"), "receipt-form at record: entries[1].receipt", "the record is not proven")

	for name, c := range map[string]struct {
		spoil   func(entry int64, e *verify.Exhibit)
		outcome string
		words   string
	}{
		"the record's receipt":  {func(_ int64, e *verify.Exhibit) { e.Receipt = nil }, "not checked: record", "none was given"},
		"the mirror's receipt":  {func(n int64, e *verify.Exhibit) { cut(n == 0, &e.Receipt) }, "not checked: mirror", "the other side is not proven"},
		"the mirror's records":  {func(n int64, e *verify.Exhibit) { cut(n == 0, &e.Frame) }, "not checked: mirror", "not all its records"},
		"a bit of the mirror's": {func(n int64, e *verify.Exhibit) { flipped(n == 0, e.Entry) }, "receipt-path at mirror 1.entry.receipt; signature", "fetch /entries/0/statement"},
		"a bit of the record's": {func(n int64, e *verify.Exhibit) { flipped(n == 1, e.Entry) }, "receipt-path at record.entry.receipt; signature", "the record is not proven"},
		"no proof of it":        {func(n int64, e *verify.Exhibit) { e.Records = nil }, "look-up at record.entries[1].records[0]", "as the look-up has it"},
	} {
		t.Run(name, func(t *testing.T) {
			s := crossing(t)
			s.spoil = c.spoil
			wants(t, s.check("in"), c.outcome, c.words)
		})
	}

	hidden := crossing(t)
	hidden.change = func(q provenance.RecordQuery, _ int, a *provenance.RecordsAnswer) *provenance.RecordsAnswer {
		if q.ID != nil && *q.ID == hidden.ids["out"] && !q.Corrects && !q.Parent {
			a.Hits = nil
		}
		return a
	}
	wants(t, hidden.check("in"), "not checked: mirror", "whether the ledger has another")
	lying := crossing(t)
	lying.change = func(q provenance.RecordQuery, _ int, a *provenance.RecordsAnswer) *provenance.RecordsAnswer {
		if q.ID != nil && *q.ID == lying.ids["out"] && !q.Corrects && !q.Parent {
			a.Hits = []provenance.RecordHit{lying.records[1].RecordHit}
		}
		return a
	}
	wants(t, lying.check("in"), "look-up at records?id="+lying.ids["out"].String()+"[0]", "is not known, see the step corrections")
	alone := crossing(t)
	alone.commit()
	wants(t, alone.checkBy(nil, "in"), "not checked: crossing", "nobody gave what pairs")
}

func cut(when bool, b *[]byte) {
	if when {
		*b = nil
	}
}

func flipped(when bool, b []byte) {
	if when {
		b[len(b)-1] ^= 1
	}
}

// TestTransferUnsureCorrections: what is said of corrections and is not proven, does not
// hold, or has no end, is held against nobody, and leaves what each side counts open.
// SPEC(VER-96)
func TestTransferUnsureCorrections(t *testing.T) {
	made := crossing(t)
	forged := forge(t, "acme", made.amendment("out", -1))
	forged.Entry = 2
	for name, c := range map[string]struct {
		change  func(s *crossed, q provenance.RecordQuery, a *provenance.RecordsAnswer)
		outcome string
		words   string
	}{
		"one that the issuer did not sign": {func(_ *crossed, q provenance.RecordQuery, a *provenance.RecordsAnswer) {
			if q.Corrects && *q.ID == made.ids["out"] {
				a.Size, a.Hits = 3, append(a.Hits, forged)
			}
		}, "signature at entries[2].statement.signature", "is not proven"},
		"no end of them": {func(_ *crossed, q provenance.RecordQuery, a *provenance.RecordsAnswer) {
			a.More = a.More || q.Corrects && q.Issuer == "acme"
		}, "not checked: corrections", "corrections by its issuer, or not all could be read"},
		"another answer that does not hold": {func(s *crossed, q provenance.RecordQuery, a *provenance.RecordsAnswer) {
			if q.Parent {
				a.Hits = append(a.Hits, s.records[0].RecordHit)
			}
		}, "look-up at records?parent=", "an answer of the node did not hold"},
	} {
		t.Run(name, func(t *testing.T) {
			s := crossing(t, func(in *provenance.Record) { in.Usage.Output-- }) // else found to differ
			s.change = func(q provenance.RecordQuery, _ int, a *provenance.RecordsAnswer) *provenance.RecordsAnswer {
				c.change(s, q, a)
				return a
			}
			r := s.check("in")
			if got := outcomeOf(r); !strings.HasPrefix(got, c.outcome) || strings.Contains(got, "mirror") || strings.Contains(got, "correction at") || !tells(r, c.words) {
				t.Errorf("%s, wanted %s and %q:\n%s", got, c.outcome, c.words, text(r))
			}
			if r.Against.Providers != 0 {
				t.Errorf("a provider is accused:\n%s", text(r))
			}
		})
	}
}
