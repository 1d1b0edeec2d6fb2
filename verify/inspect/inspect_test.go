package inspect

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tokentrail/provenance"
	"tokentrail/spec"
	"tokentrail/verify"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// now is when the records of tests are from: every law of the profiles is in force.
var now = time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC).UnixMilli()

// transfer is a record that nothing is wrong with, once it goes where no label is due.
func transfer(change ...func(r *provenance.Record)) *provenance.Record {
	r := &provenance.Record{
		Kind: provenance.Transfer, Time: now, Side: new(provenance.Exporter), Ref: []byte("t-1"),
		Model:   &provenance.Model{Name: "llama-2-70b", Known: provenance.Asserted},
		Usage:   &provenance.Usage{Input: 1000, Output: 200},
		Serving: &provenance.Place{Country: "US", Known: provenance.Asserted}, Using: &provenance.Place{Country: "BR", Known: provenance.Asserted},
		Basis: []provenance.Basis{{Code: "cn:standard-contract"}},
	}
	for _, c := range change {
		c(r)
	}
	return r
}

// production is one with a label.
func production(change ...func(r *provenance.Record)) *provenance.Record {
	r := transfer()
	r.Kind, r.Side, r.Basis = provenance.Production, nil, nil
	r.Label = &provenance.Label{Status: 1, Modality: 1}
	for _, c := range change {
		c(r)
	}
	return r
}

// A trail is a log in the small: statements of providers, one behind the other.
type trail struct {
	entries []*verify.Judged
	policy  provenance.Policy
	heads   map[string]*provenance.BatchHeader
	ids     map[string]provenance.Hash
}

// say adds a statement of a provider, and returns the ids of its records.
func (l *trail) say(issuer string, records ...*provenance.Record) (ids []provenance.Hash) {
	if l.heads == nil {
		l.heads, l.ids = map[string]*provenance.BatchHeader{}, map[string]provenance.Hash{}
	}
	var raw [][]byte
	for _, r := range records {
		raw = append(raw, must(r.Encode()))
	}
	sequence, previous := int64(0), (*provenance.Hash)(nil)
	if h := l.heads[issuer]; h != nil {
		id := l.ids[issuer]
		sequence, previous = h.Sequence+1, &id
	}
	h := must(provenance.NewBatch(issuer, "s", sequence, previous, raw))
	seed := sha256.Sum256([]byte(issuer))
	s := must(h.Sign(ed25519.NewKeyFromSeed(seed[:])))
	l.heads[issuer], l.ids[issuer] = h, s.ID()
	l.entries = append(l.entries, &verify.Judged{Entry: int64(len(l.entries)), Statement: &s.UnverifiedStatement, Records: raw, Policy: &l.policy})
	for i := range raw {
		ids = append(ids, provenance.RecordID(issuer, "s", sequence, i, raw[i]))
	}
	return ids
}

// inspect looks at the whole of it.
func (l *trail) inspect(t testing.TB, o Options) *verify.Inspection {
	t.Helper()
	in, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	for _, j := range l.entries {
		in.Take(in.Look(j))
	}
	return in.Conclude(0, int64(len(l.entries)))
}

// of makes a trail of one statement of acme.
func of(records ...*provenance.Record) *trail {
	l := &trail{}
	l.say("acme", records...)
	return l
}

func codes(i *verify.Inspection) (all []string) {
	for _, f := range i.Findings {
		all = append(all, string(f.Code))
	}
	return all
}

// to is where a record goes.
func to(country string) func(*provenance.Record) {
	return func(r *provenance.Record) { r.Using = &provenance.Place{Country: country, Known: provenance.Asserted} }
}

func marked(l provenance.Label) func(*provenance.Record) {
	return func(r *provenance.Record) { r.Label = &l }
}

func basis(bases ...provenance.Basis) func(*provenance.Record) {
	return func(r *provenance.Record) { r.Basis = bases }
}

// drew is energy within a boundary, of eight H100 that were used for a second each.
func drew(amount, boundary int64) func(*provenance.Record) {
	return func(r *provenance.Record) {
		r.Energy = &provenance.Energy{MicroWattHours: amount, Method: 1, Boundary: boundary}
		r.Accelerators = []provenance.Accelerator{{Type: "nvidia-h100-sxm", Count: 8, Milliseconds: 8000}}
		r.Duration = new(int64(1000))
	}
}

// TestBuiltInRules: each rule, broken and kept. want is empty where nothing is found.
func TestBuiltInRules(t *testing.T) {
	full := provenance.Label{Status: 1, Modality: 1, Producer: "Acme", System: "x 1", ContentID: "y", Made: new(now), Marks: new(int64(9)),
		Explicit: &provenance.Explicit{Applied: true, Position: 1, Notified: new(true)}, Seal: []byte{1}}
	code := func(c string) provenance.Label { return provenance.Label{Status: 1, ProducerCode: c} }
	cases := []struct {
		name   string
		record *provenance.Record
		opts   Options
		want   verify.Code
		words  string
	}{
		{"no label where one is due", transfer(to("FR")), Options{}, verify.CodeLabelMissing, "eu-aia-50"},
		{"no label before the law is in force", transfer(to("FR"), func(r *provenance.Record) { r.Time = 1700158546680 }), Options{}, "", ""},
		{"no label where none is due", transfer(), Options{}, "", ""},
		{"full label", transfer(to("KR"), marked(full)), Options{}, "", ""},
		{"label that fails", transfer(to("KR"), marked(provenance.Label{Status: 1, Modality: 1})), Options{}, verify.CodeLabelFails, "KR-1 (Art. 31(1))"},
		{"profile that nobody asked for", transfer(to("KR"), marked(provenance.Label{Status: 1, Modality: 1})), Options{Profiles: []string{"eu-aia-50"}}, "", ""},
		{"state whose law is meant", transfer(func(r *provenance.Record) { r.Using = &provenance.Place{Country: "US", Subdivision: "US-CA", Known: 1} }, marked(provenance.Label{Status: 1, Modality: 2})), Options{}, verify.CodeLabelFails, "us-ca-sb942"},

		{"source type", production(marked(provenance.Label{Status: 1, SourceType: "digitalCapturing"})), Options{}, verify.CodeLabelCode, "digitalCapturing"},
		{"source type that there is", production(marked(provenance.Label{Status: 1, SourceType: "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"})), Options{}, "", ""},
		{"content reference in another form", production(marked(provenance.Label{Status: 1, ContentID: "tokentrail:acme/%74-1"})), Options{}, verify.CodeLabelCode, "one form"},
		{"content reference to itself", production(marked(provenance.Label{Status: 1, ContentID: "tokentrail:acme/t-1"})), Options{}, "", ""},
		{"propagate id of nobody", production(marked(provenance.Label{Status: 1, PropagateID: "p"})), Options{}, verify.CodeLabelCode, "propagator"},
		{"provider code", production(marked(code("001191110108MA01XXXXXX1abcd"))), Options{}, verify.CodeLabelCode, "CN-6"},
		{"good provider code", production(marked(code("001191110108MA01XXXXXX00000"))), Options{}, "", ""},

		{"not synthetic, and a model made it", production(marked(provenance.Label{Status: 4})), Options{}, verify.CodeLabelContradicts, "200 tokens"},
		{"not synthetic, to an extent", transfer(marked(provenance.Label{Status: 4, Extent: 2})), Options{}, verify.CodeLabelContradicts, "extent"},
		{"not synthetic, by its source type", transfer(marked(provenance.Label{Status: 4, SourceType: "trainedAlgorithmicMedia"})), Options{}, verify.CodeLabelContradicts, "source type"},
		{"not synthetic, and labelled so", transfer(marked(provenance.Label{Status: 4, Explicit: &provenance.Explicit{Applied: true}})), Options{}, verify.CodeLabelContradicts, "explicit"},
		{"not synthetic, of a machine alone", transfer(marked(provenance.Label{Status: 4, Oversight: 1})), Options{}, verify.CodeLabelContradicts, "autonomously"},
		{"not synthetic", transfer(marked(provenance.Label{Status: 4})), Options{}, "", ""},
		{"synthetic, and captured", production(marked(provenance.Label{Status: 1, Extent: 1, SourceType: "digitalCapture"})), Options{}, verify.CodeLabelContradicts, "digitalCapture"},
		{"altered, and captured", production(marked(provenance.Label{Status: 1, Extent: 2, SourceType: "digitalCapture"})), Options{}, "", ""},
		{"deepfake of text", production(marked(provenance.Label{Status: 1, Extent: 3, Modality: 1})), Options{}, verify.CodeLabelContradicts, "text or code"},
		{"modality of another content", production(marked(provenance.Label{Status: 1, Modality: 2}), output("text/plain")), Options{}, verify.CodeLabelContradicts, "text/plain"},
		{"modality of its content", production(marked(provenance.Label{Status: 1, Modality: 2}), output("image/png")), Options{}, "", ""},
		{"content id of another record", production(marked(provenance.Label{Status: 1, ContentID: "tokentrail:acme/t-2"})), Options{}, verify.CodeLabelContradicts, "t-2"},
		{"content id of another, passed on", transfer(marked(provenance.Label{Status: 1, ContentID: "tokentrail:beta/t-2"})), Options{}, "", ""},
		{"made before it was asked for", production(marked(provenance.Label{Status: 1, Made: new(now - 11*60*1000)})), Options{}, verify.CodeLabelContradicts, "made"},
		{"made meanwhile", production(marked(provenance.Label{Status: 1, Made: new(now + 9*60*1000)})), Options{}, "", ""},
		{"not applied, with a place", production(marked(provenance.Label{Status: 1, Explicit: &provenance.Explicit{Position: 1}})), Options{}, verify.CodeLabelContradicts, "not applied"},
		{"log that ends too soon", production(marked(provenance.Label{Status: 1, Explicit: &provenance.Explicit{LoggedUntil: new(now - 1)}})), Options{}, verify.CodeLabelContradicts, "log"},

		{"no basis", transfer(basis()), Options{}, verify.CodeBasisMissing, "from US to BR"},
		{"no basis within a country", transfer(basis(), to("US")), Options{}, "", ""},
		{"no basis to nobody knows where", transfer(basis(), to("ZZ")), Options{}, "", ""},
		{"no basis within the EEA", transfer(basis(), func(r *provenance.Record) { r.Serving.Country = "NO" }, to("FR"), marked(provenance.Label{Status: 1})), Options{}, "", ""},
		{"no basis for what is not personal", transfer(basis(), func(r *provenance.Record) {
			r.Crossing = &provenance.Crossing{Direction: 1, Classes: []string{"any:non-personal"}}
		}), Options{}, "", ""},
		{"basis that expired", transfer(basis(provenance.Basis{Code: "uk:idta", Expires: new(now - 1)})), Options{}, verify.CodeBasisExpired, "uk:idta"},
		{"basis that expires now", transfer(basis(provenance.Basis{Code: "uk:idta", Expires: new(now)})), Options{}, "", ""},
		{"basis that nobody knows", transfer(basis(provenance.Basis{Code: "xx:because"})), Options{}, verify.CodeBasisUnknown, "xx:because"},
		{"basis that the auditor knows", transfer(basis(provenance.Basis{Code: "xx:because"})), Options{Bases: []string{"xx:because"}}, "", ""},

		// 8,000 ms × 700 W are 1,555,555 µWh.
		{"more than could be drawn", transfer(drew(1_555_556, 1)), Options{}, verify.CodeEnergyImpossible, "at most 1555555 µWh"},
		{"as much as could be drawn", transfer(drew(1_555_555, 1)), Options{}, "", ""},
		{"more than with the host", transfer(drew(3_111_112, 2)), Options{}, verify.CodeEnergyImpossible, "8 × nvidia-h100-sxm"},
		{"with the host", transfer(drew(3_111_111, 2)), Options{}, "", ""},
		{"with idle capacity", transfer(drew(1<<40, 3)), Options{}, "", ""},
		{"unknown type", transfer(drew(4_444_445, 1), func(r *provenance.Record) { r.Accelerators[0].Type = "own-chip" }), Options{}, verify.CodeEnergyImpossible, "own-chip"},
		{"unknown type of the auditor's limit", transfer(drew(4_444_445, 1), func(r *provenance.Record) { r.Accelerators[0].Type = "own-chip" }), Options{Watts: 3000}, "", ""},
		{"used for longer than it took", transfer(drew(1, 1), func(r *provenance.Record) { r.Accelerators[0].Milliseconds = 8001 }), Options{}, verify.CodeEnergyImpossible, "8001 ms"},
		{"beyond 64 bits", transfer(drew(1<<63-1, 2), func(r *provenance.Record) { r.Duration, r.Accelerators[0].Milliseconds = nil, 1<<63-1 }), Options{}, "", ""},
		{"more than expected", transfer(drew(1201, 1)), Options{EnergyMost: 1000}, verify.CodeEnergyAbove, "1201 µWh for 1200 tokens"},
		{"as expected", transfer(drew(1200, 1)), Options{EnergyMost: 1000}, "", ""},
		{"another boundary", transfer(drew(100, 1)), Options{Boundaries: []int64{3, 4}}, verify.CodeEnergyBoundary, "[3 4]"},
		{"accepted boundary", transfer(drew(100, 4)), Options{Boundaries: []int64{3, 4}}, "", ""},
	}
	for _, c := range cases {
		got := of(c.record).inspect(t, c.opts)
		switch {
		case c.want == "" && len(got.Findings) > 0:
			t.Errorf("%s: %v", c.name, got.Findings[0])
		case c.want != "" && (len(got.Findings) != 1 || got.Findings[0].Code != c.want || !strings.Contains(got.Findings[0].Want+got.Findings[0].Got, c.words)):
			t.Errorf("%s: %v, want %s %s", c.name, codes(got), c.want, c.words)
			for _, f := range got.Findings {
				t.Log(f)
			}
		case c.want != "" && (got.Findings[0].Provider != "acme" || got.Findings[0].Against != verify.AgainstProvider || !strings.HasPrefix(got.Findings[0].Place, "entries[0].records[0]")):
			t.Errorf("%s: %+v", c.name, got.Findings[0])
		}
	}
}

func output(mediaType string) func(*provenance.Record) {
	return func(r *provenance.Record) {
		r.Content = []provenance.Content{{Role: 2, Algorithm: provenance.AlgHMACSHA256, Value: make([]byte, 32), MediaType: mediaType}}
	}
}

// TestPolicyOfTheLedger: bases that it knows are known, and its limit of energy holds
// for each record.
func TestPolicyOfTheLedger(t *testing.T) {
	l := of(transfer(basis(provenance.Basis{Code: "xx:because"}), drew(1201, 1)))
	l.policy = provenance.Policy{Bases: []string{"xx:because"}, Energy: &provenance.EnergyPolicy{Most: 1000}}
	if got := codes(l.inspect(t, Options{})); !slices.Equal(got, []string{"energy-above"}) {
		t.Error(got)
	}
}

// TestCoverage: what was looked at is counted by who said it, of what, where to.
func TestCoverage(t *testing.T) {
	l := &trail{}
	ok := marked(provenance.Label{Status: 1, Modality: 1})
	l.say("acme", transfer(to("FR"), ok), transfer(to("FR")), transfer(to("FR")), transfer(to("IN")), transfer(), transfer(ok))
	l.say("beta", transfer(to("FR"), marked(provenance.Label{Status: 4})), transfer(to("KR"), ok, basis()), production(to("US")), &provenance.Record{
		Kind: provenance.DatasetMade, Time: now, Dataset: &provenance.Dataset{Name: "d", Digest: *provenance.SHA256Digest(provenance.Hash{1}), Sources: []provenance.Source{{Kind: 1}}},
	})
	got := l.inspect(t, Options{})
	want := []string{
		"|acme|BR 1 1 0 0 0 500000 0",
		"eu-aia-50|acme|FR 1 2 0 0 0 666666 0", "eu-aia-50|beta|FR 0 0 0 0 1 0 0", "in-2026|acme|IN 0 0 0 1 0 0 0",
		"kr-31|beta|KR 0 0 1 0 0 0 1000000", "us-ca-sb942|beta|US 0 0 0 1 0 0 0",
	}
	var rows []string
	for _, r := range got.Coverage.Labels {
		rows = append(rows, fmt.Sprintf("%s|%s|%s %d %d %d %d %d %d %d", r.Profile, r.Provider, r.Destination, r.Labelled, r.Unlabelled, r.Failed, r.Unknown, r.Out, r.UnlabelledShare, r.FailedShare))
	}
	if !slices.Equal(rows, want) {
		t.Errorf("%s\nwant\n%s", strings.Join(rows, "\n"), strings.Join(want, "\n"))
	}
	if got.Checked != 10 || got.Coverage.Records != 10 {
		t.Errorf("%d records", got.Checked)
	}
	var beta verify.BasisCoverage
	for _, b := range got.Coverage.Basis {
		if b.Provider == "beta" && b.To == "KR" {
			beta = b
		}
	}
	if beta != (verify.BasisCoverage{Provider: "beta", From: "US", To: "KR", Missing: 1}) {
		t.Errorf("%+v", got.Coverage.Basis)
	}
	if e := got.Coverage.Energy; len(e) != 2 || e[0].Without != 6 || e[1].Without != 4 {
		t.Errorf("%+v", e)
	}
	// Of the entry's two records without a label the first is told.
	if f := got.Findings[0]; f.Code != verify.CodeLabelMissing || f.Place != "entries[0].records[1]" || !strings.HasSuffix(f.Got, "and 1 more records of the entry") {
		t.Error(f)
	}
}

// TestRange: what was not asked for is not looked at.
func TestRange(t *testing.T) {
	at := func(ms int64) func(*provenance.Record) { return func(r *provenance.Record) { r.Time = ms } }
	l := &trail{}
	l.say("acme", transfer(at(1000)), transfer(at(2000), to("AR")), transfer(at(3000), func(r *provenance.Record) { r.Model.Name = "gpt-2" }))
	l.say("beta", transfer(at(4000)))
	l.say("acme", transfer(at(5000)))
	for name, c := range map[string]struct {
		o    Options
		want int64
	}{
		"everything":    {Options{}, 5},
		"since":         {Options{Since: 2000}, 4},
		"until":         {Options{Until: 2000}, 1},
		"since, until":  {Options{Since: 2000, Until: 4001}, 3},
		"entries":       {Options{From: 1, To: 2}, 1},
		"entries from":  {Options{From: 1}, 2},
		"provider":      {Options{Providers: []string{"acme"}}, 4},
		"model":         {Options{Models: []string{"gpt-2"}}, 1},
		"destination":   {Options{Destinations: []string{"AR", "FR"}}, 1},
		"none of these": {Options{Providers: []string{"beta"}, Until: 4000}, 0},
	} {
		if got := l.inspect(t, c.o); got.Checked != c.want {
			t.Errorf("%s: %d records, want %d", name, got.Checked, c.want)
		}
	}
	// What was saved and is not read again is no part of what was inspected.
	in := must(New(Options{From: 2}))
	if got := in.Conclude(3, 9); !strings.Contains(got.Reason, "read from entry 3 on") {
		t.Error(got.Reason)
	}
	for _, o := range []Options{{Since: 2, Until: 1}, {From: 2, To: 2}, {From: -1}, {EnergyMost: -1}, {Watts: 1 << 40}, {Boundaries: []int64{5}}, {Profiles: []string{"x"}}, {Mirrors: &MirrorOptions{Tolerance: -1}}} {
		if _, err := New(o); err == nil {
			t.Errorf("%+v passed", o)
		}
	}
}

// TestFindingsAreBounded: of a rule as many are kept as asked for, the others count,
// by provider.
func TestFindingsAreBounded(t *testing.T) {
	l := &trail{}
	for range 3 {
		l.say("acme", transfer(basis(), drew(100, 1)))
		l.say("beta", transfer(basis()))
	}
	got := l.inspect(t, Options{MaxFindings: 2, Boundaries: []int64{4}})
	if all := codes(got); !slices.Equal(all, []string{"basis-missing", "basis-missing", "energy-boundary", "energy-boundary"}) || got.MoreBy["acme"] != 3 || got.MoreBy["beta"] != 2 {
		t.Error(all, got.MoreBy)
	}
}

// TestRowsAreBounded: names are providers' to choose.
func TestRowsAreBounded(t *testing.T) {
	var s, all sums
	for i := range maxRows + 5 {
		s.label(labelGroup{model: fmt.Sprint(i)}, labelled)
	}
	all.add(&s)
	rows := all.coverage(0).Labels
	if len(rows) != maxRows+1 || all.labels[labelGroup{others, others, others, others}][labelled] != 5 {
		t.Errorf("%d rows", len(rows))
	}
}

// TestVerdictsAreKept: what is held for the next record is what the profile would say
// of it, whatever differs.
func TestVerdictsAreKept(t *testing.T) {
	labels := []*provenance.Label{nil, {Status: 1}, {Status: 1, Modality: 2}, {Status: 4, Modality: 2}, {Status: 1, Modality: 2, ContentID: "a"}, {Status: 1, Modality: 2, ContentID: "b"}, {Status: 1, Modality: 2, Made: new(now)},
		{Status: 1, Modality: 1, Explicit: &provenance.Explicit{}}, {Status: 1, Modality: 1, Explicit: &provenance.Explicit{Notified: new(true)}}, {Status: 1, Modality: 1, Explicit: &provenance.Explicit{Notified: new(false)}},
		{Status: 1, Modality: 3, Marks: new(int64(0))}, {Status: 1, Modality: 3, Marks: new(int64(1))}, {Status: 1, Modality: 1, Explicit: &provenance.Explicit{Agreement: "a", LoggedUntil: new(now + 1)}},
		{Status: 1, Modality: 1, Explicit: &provenance.Explicit{Agreement: "a", LoggedUntil: new(now + 1<<35)}}, {Status: 1, Modality: 2, System: "s"}, {Status: 1, Modality: 2, Editorial: new(true)}}
	in := must(New(Options{}))
	one := newReader()
	for range 2 {
		for i, l := range labels {
			for _, at := range []int64{1700158546680, now} {
				for _, change := range []func(*provenance.Record){func(*provenance.Record) {}, output("image/png"), output("")} {
					r := transfer(change)
					r.Time, r.Label = at, l
					raw := must(r.Encode())
					for k := range in.profiles {
						fresh := newReader()
						if err := fresh.read(raw); err != nil {
							t.Fatal(err)
						}
						if err := one.read(raw); err != nil {
							t.Fatal(err)
						}
						if got, want := in.hold(one, k, "acme"), in.ask(fresh, &in.profiles[k], "acme"); got != want {
							t.Errorf("label %d, %s: %v, want %v", i, in.profiles[k].ID, got, want)
						}
					}
				}
			}
		}
	}
}

// TestTables holds the lists of the specification to those of the code. SPEC(VER-73),
// SPEC(VER-74)
func TestTables(t *testing.T) {
	text, err := spec.Files.ReadFile("verify.md")
	if err != nil {
		t.Fatal(err)
	}
	var watts []string
	for _, a := range accelerators {
		watts = append(watts, fmt.Sprintf("`%s` %d", a.name, a.watts))
	}
	if list := "\nWatts: " + strings.Join(watts, ", ") + ".\n"; !strings.Contains(string(text), list) {
		t.Errorf("spec/verify.md lacks: %s", list)
	}
	for _, code := range strings.Fields(listedBases) {
		if part := code[strings.LastIndexByte(code, ':'):]; !strings.Contains(string(text), "`"+code+"`") && !strings.Contains(string(text), "`"+part+"`") && !between(code, "eu:49-1-a", "eu:49-1-g") && !between(code, "eu:46-2-c:m1", "eu:46-2-c:m4") {
			t.Errorf("spec/verify.md lacks %s", code)
		}
	}
	known := map[string]int64{"nvidia-h100-sxm": 700, "NVIDIA-H100-PCIe": 350, "nvidia-h1000": 2000, "nvidia-l4": 72, "nvidia-l40s-x": 350}
	in := must(New(Options{}))
	for kind, want := range known {
		if got := in.watts(kind); got != want {
			t.Errorf("%s: %d W, want %d", kind, got, want)
		}
	}
}

func between(code, first, last string) bool { return code >= first && code <= last }
