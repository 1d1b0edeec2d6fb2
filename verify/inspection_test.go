package verify_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"tokentrail/provenance"
	"tokentrail/verify"
	"tokentrail/verify/inspect"
)

// inspected audits with a new inspector of everything.
func (l *ledger) inspected(t testing.TB, o verify.Options, trust ...verify.Trust) *verify.Report {
	in, err := inspect.New(inspect.Options{Mirrors: &inspect.MirrorOptions{}})
	check(t, err)
	o.Inspect = in
	if len(trust) > 0 {
		return l.auditWith(o, trust...)
	}
	return l.auditWith(o)
}

func stepOf(r *verify.Report, name string) *verify.Step {
	for _, s := range r.Steps {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// TestInspection: what providers said of a log that holds is evidence against them
// alone, and its step stands last. SPEC(VER-70)
func TestInspection(t *testing.T) {
	l := small(t) // transfers between countries without a legal basis
	r := l.inspected(t, l.options())
	s := r.Steps[len(r.Steps)-1]
	if s.Name != "inspection" || s.Outcome != verify.Failed || s.Checked != 8 || r.Verdict != verify.Evidence || r.Against.Ledger != 0 || r.Against.Providers == 0 {
		t.Errorf("%s", text(r))
	}
	if f := s.Findings[0]; f.Code != verify.CodeBasisMissing || f.Provider != "acme" || f.Place != "entries[0].records[0]" {
		t.Error(f)
	}
	if r.Coverage == nil || r.Coverage.Records != 8 || len(r.Coverage.Mirrors.Pairs) == 0 {
		t.Errorf("%+v", r.Coverage)
	}
	if !strings.Contains(text(r), "US to CN") {
		t.Error(text(r))
	}
	o := l.options()
	o.NoticeProviders = true
	if r := l.inspected(t, o); r.Verdict != verify.Holds || len(r.Notices) == 0 || r.Notices[0].Kind != "basis-missing" {
		t.Error(text(r))
	}
	if r := l.audit(); r.Coverage != nil || stepOf(r, "inspection") != nil {
		t.Error("an inspection that nobody asked for")
	}
}

// TestInspectionOfAnotherLog: nothing is told of a log that is not the one which the
// validators signed, nor of records that are not those that were signed.
func TestInspectionOfAnotherLog(t *testing.T) {
	l := small(t)
	l.entries[1].Statement = l.entries[0].Statement
	r := l.inspected(t, l.options())
	if s := stepOf(r, "inspection"); s.Outcome != verify.NotChecked || len(s.Findings) > 0 || r.Coverage != nil || !strings.Contains(s.Reason, "step roots") {
		t.Errorf("%+v", s)
	}
	l = small(t)
	l.entries[0].Frame = frameOf(t, "acme", l.records(2, "US", "FR"))
	r = l.inspected(t, l.options())
	if s := stepOf(r, "inspection"); s.Checked != 6 || !strings.Contains(s.Reason, "1 entry in which the records") {
		t.Errorf("%+v", s)
	}
	l = newLedger(t)
	l.commit(l.batch("acme", "us", l.records(1, "US", "CN")))
	forged := l.batch("acme", "us", l.records(1, "US", "CN"))
	forged.Statement = bytes.Clone(forged.Statement)
	forged.Statement[len(forged.Statement)-1] ^= 1
	l.commit(forged)
	l.commit()
	r = l.inspected(t, l.options())
	if s := stepOf(r, "inspection"); s.Checked != 1 || !strings.Contains(s.Reason, "1 entry") || slices.ContainsFunc(s.Findings, func(f *verify.Finding) bool { return strings.HasPrefix(f.Place, "entries[1]") }) {
		t.Errorf("%+v", s)
	}
}

// TestInspectionKnowsThePolicy: what the ledger's policy knows holds for the entries
// behind the act that set it.
func TestInspectionKnowsThePolicy(t *testing.T) {
	because := func(r *provenance.Record) { r.Basis = []provenance.Basis{{Code: "xx:because"}} }
	l := under(provenance.Policy{Bases: []string{"xx:because"}}, because)(t)
	for _, f := range stepOf(l.inspected(t, l.options()), "inspection").Findings {
		if f.Code == verify.CodeBasisUnknown {
			t.Error(f)
		}
	}
	l = under(provenance.Policy{Skew: 1 << 40}, because)(t)
	if !slices.ContainsFunc(l.inspected(t, l.options()).Findings(), func(f *verify.Finding) bool { return f.Code == verify.CodeBasisUnknown }) {
		t.Error("a basis that nobody knows")
	}
}

// toKorea makes the record go where a label is due.
func toKorea(r *provenance.Record) { r.Using.Country = "KR" }

// saying is a ledger of one statement with a record for each change, in 2026, of what
// goes where no label is due.
func saying(changes ...func(r *provenance.Record)) func(t testing.TB) *ledger {
	return func(t testing.TB) *ledger {
		l := newLedger(t)
		var records [][]byte
		for _, change := range changes {
			r, err := provenance.ParseRecord(l.records(1, "US", "BR")[0])
			check(t, err)
			r.Time, r.Basis = l.start.UnixMilli(), []provenance.Basis{{Code: "uk:idta"}}
			change(r)
			b, err := r.Encode()
			check(t, err)
			records = append(records, b)
		}
		l.commit(l.batch("acme", "us", records))
		l.commit()
		return l
	}
}

// looksAt makes an inspector.
func looksAt(o inspect.Options) func(t testing.TB) verify.Inspector {
	return func(t testing.TB) verify.Inspector {
		in, err := inspect.New(o)
		check(t, err)
		return in
	}
}

// crosses makes the record one side of a crossing.
func crosses(side provenance.Side, output int64) func(r *provenance.Record) {
	return func(r *provenance.Record) {
		r.Side, r.Usage.Output, r.Crossing = &side, output, &provenance.Crossing{Direction: 1, ID: []byte("x")}
	}
}

// inspectionLies are what providers can say and the ledger keeps.
func inspectionLies() []lie {
	const at = "entries[0].records[0]"
	everything := looksAt(inspect.Options{})
	mirrors := looksAt(inspect.Options{Mirrors: &inspect.MirrorOptions{}})
	expired, label := int64(1), func(l provenance.Label) func(r *provenance.Record) {
		return func(r *provenance.Record) { r.Label = &l }
	}
	own := func(t testing.TB) verify.Inspector {
		rules, err := inspect.ParseRules([]byte("format: 1\nrules: [{id: us, says: nothing from here, expect: record.serving.country != 'US'}]"))
		check(t, err)
		return looksAt(inspect.Options{Rules: rules})(t)
	}
	return []lie{
		{name: "nothing labelled", want: verify.CodeLabelMissing, place: at, looks: everything, build: saying(toKorea)},
		{name: "label that does not do", want: verify.CodeLabelFails, place: at, looks: everything, build: saying(func(r *provenance.Record) { toKorea(r); r.Label = &provenance.Label{Status: 1, Modality: 1} })},
		{name: "code that there is not", want: verify.CodeLabelCode, place: at, looks: everything, build: saying(label(provenance.Label{Status: 1, SourceType: "x"}))},
		{name: "label that denies itself", want: verify.CodeLabelContradicts, place: at, looks: everything, build: saying(label(provenance.Label{Status: 4, Extent: 1}))},
		{name: "no legal basis", want: verify.CodeBasisMissing, place: at, looks: everything, build: saying(func(r *provenance.Record) { r.Basis = nil })},
		{name: "legal basis of yesterday", want: verify.CodeBasisExpired, place: at, looks: everything, build: saying(func(r *provenance.Record) { r.Basis[0].Expires = &expired })},
		{name: "legal basis that is none", want: verify.CodeBasisUnknown, place: at, looks: everything, build: saying(func(r *provenance.Record) { r.Basis[0].Code = "xx:y" })},
		{name: "boundary that is not accepted", want: verify.CodeEnergyBoundary, place: at, looks: looksAt(inspect.Options{Boundaries: []int64{4}}), build: saying(draws(1, 1))},
		{name: "too much energy for a record", want: verify.CodeEnergyAbove, place: at, looks: looksAt(inspect.Options{EnergyMost: 1}), build: saying(draws(1000, 1))},
		{name: "more energy than could be drawn", want: verify.CodeEnergyImpossible, place: at, looks: everything, build: saying(func(r *provenance.Record) {
			draws(1000, 1)(r)
			r.Accelerators = []provenance.Accelerator{{Type: "nvidia-l4", Count: 1, Milliseconds: 1}}
		})},
		{name: "rule of the auditor's own", want: verify.CodeRule, place: at, looks: own, build: saying(asIs)},
		{name: "crossing that nobody else saw", want: verify.CodeMirrorMissing, place: at, looks: mirrors, build: saying(crosses(provenance.Exporter, 5))},
		{name: "crossing with two exporters", want: verify.CodeMirrorAmbiguous, place: "entries[0].records[1]", looks: mirrors, build: saying(crosses(provenance.Exporter, 5), crosses(provenance.Exporter, 5))},
		{name: "crossing of another amount", want: verify.CodeMirrorDiffers, place: "entries[0].records[1]", looks: mirrors, build: saying(crosses(provenance.Exporter, 5), crosses(provenance.Importer, 4))},
	}
}

// TestInspectionOfRefusedCorrections: a reversal that does not hold takes no side of a
// crossing away, so that the other side is not found to stand alone. SPEC(VER-77)
func TestInspectionOfRefusedCorrections(t *testing.T) {
	for name, c := range map[string]struct {
		entry int64 // that the reversal names
		want  []verify.Code
	}{
		"refused": {1, []verify.Code{verify.CodeCorrection}},
		"holds":   {0, []verify.Code{verify.CodeMirrorMissing}},
	} {
		l := newLedger(t)
		crossing := func(side provenance.Side) [][]byte {
			r, err := provenance.ParseRecord(l.records(1, "US", "CN")[0])
			check(t, err)
			r.Side, r.Crossing, r.Basis = &side, &provenance.Crossing{Direction: 1, ID: []byte("x")}, []provenance.Basis{{Code: "cn:exempt"}}
			raw, err := r.Encode()
			check(t, err)
			return [][]byte{raw}
		}
		out := crossing(provenance.Exporter)
		l.commit(l.batch("acme", "us", out))
		l.commit(l.batch("beta", "cn", crossing(provenance.Importer)))
		back := reversal(t, provenance.RecordID("acme", "us", 0, 0, out[0]), out[0])
		back.Entry = c.entry
		l.commit(l.batch("acme", "corrections", [][]byte{l.correctionRecord(back)}))
		l.commit()
		in, err := inspect.New(inspect.Options{Skip: true, Mirrors: &inspect.MirrorOptions{}})
		check(t, err)
		o := l.options()
		o.Inspect = in
		if r := l.auditWith(o); !slices.Equal(codes(r), c.want) {
			t.Errorf("%s: %v\n%s", name, codes(r), text(r))
		}
	}
}
