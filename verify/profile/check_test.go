package profile

import (
	"bytes"
	"encoding/json"
	"image"
	"image/png"
	"slices"
	"strings"
	"testing"
	"time"

	"tokentrail/provenance"
	"tokentrail/provenance/label"
)

func find(t *testing.T, id string) *Profile {
	t.Helper()
	p, err := Find(id)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func outcomes(r Result) map[string]RuleResult {
	all := map[string]RuleResult{}
	for _, d := range r.Rules {
		all[d.ID] = d
	}
	return all
}

// TestScope holds each profile to what it covers: text is out of scope of
// California's and India's.
func TestScope(t *testing.T) {
	for _, p := range All() {
		for i, m := range Modalities() {
			s := labelled()
			s.File = nil
			s.Record.Label.Modality = int64(i + 1)
			result := Check(&p, s)
			covered := slices.Contains(p.Scope, m)
			if (result.Verdict == OutOf) == covered {
				t.Errorf("%s of %s: %s", p.ID, m, result.Verdict)
			}
			if textual := m == Text || m == Code; covered && textual && (p.ID == "us-ca-sb942" || p.ID == "in-2026") {
				t.Errorf("%s covers %s", p.ID, m)
			}
			for _, d := range result.Rules {
				if !covered && (d.Outcome != NotApplicable || !strings.Contains(d.Reason, "this is "+string(m))) {
					t.Errorf("%s of %s: %s (%s)", d.ID, m, d.Outcome, d.Reason)
				}
			}
		}
	}
}

func TestScopeNeedsModality(t *testing.T) {
	result := Check(find(t, "us-ca-sb942"), Subject{})
	if result.Verdict != Unchecked || result.Rules[0].Outcome != NotChecked || !strings.Contains(result.Rules[0].Reason, "modality") {
		t.Errorf("%s, %+v", result.Verdict, result.Rules[0])
	}
}

func TestInForce(t *testing.T) {
	since := time.Date(2025, 9, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
	for at, want := range map[int64]Verdict{since - 1: OutOf, since: Holds, 0: Holds} {
		s := labelled()
		s.At = at
		if got := Check(find(t, "cn-gb45438-2025"), s).Verdict; got != want {
			t.Errorf("at %d: %s, wanted %s", at, got, want)
		}
	}
}

// TestMissing takes away record and file in turn: what needs them is not
// checked, and says so; the rest is.
func TestMissing(t *testing.T) {
	for _, p := range All() {
		for _, missing := range []struct {
			what string
			of   Of
			edit edit
		}{
			{"no record given", OfRecord, func(s *Subject) { s.Record, s.Modality = nil, Image }},
			{"no file given", OfLabel, func(s *Subject) { s.File = nil }},
			{"could not be read", OfLabel, func(s *Subject) {
				s.File, s.FileError = nil, &label.FileError{Kind: label.TooLarge, Detail: "65 MiB"}
			}},
		} {
			s := labelled()
			missing.edit(&s)
			result := Check(&p, s)
			seen := false
			for _, d := range result.Rules {
				if d.Outcome == Failed {
					t.Errorf("%s, %s: failed: %s", missing.what, d.ID, d.Reason)
				}
				seen = seen || d.Outcome == NotChecked && d.Of == missing.of && strings.Contains(d.Reason, missing.what)
			}
			want := Unchecked
			if p.ID == "kr-31" && s.Record != nil {
				want = Holds // what people see is enough there
			}
			if !seen || result.Verdict != want {
				t.Errorf("%s, %s: %s, wanted %s", p.ID, missing.what, result.Verdict, want)
			}
		}
	}
}

func TestMissingAnswers(t *testing.T) {
	s := labelled()
	s.Issuer, s.Commitment, s.Signature = "", nil, nil
	s.Record.Label.ContentID, s.Record.Label.Seal = "", nil
	for profile, rules := range map[string][]string{
		"cn-gb45438-2025": {"CN-9"}, "eu-aia-50": {"EU-6", "EU-10"}, "c2pa": {"C2PA-9"},
	} {
		done := outcomes(Check(find(t, profile), s))
		for _, id := range rules {
			if d := done[id]; d.Outcome != NotChecked || d.Reason == "" {
				t.Errorf("%s: %s (%s)", id, d.Outcome, d.Reason)
			}
		}
	}
	if v := Check(find(t, "c2pa"), s).Verdict; v != Holds {
		t.Errorf("a signature that nobody looked at makes C2PA %s", v)
	}
}

// TestConditionUnknown: where nobody can tell whether a rule applies, it passes
// only if it is met in any case.
func TestConditionUnknown(t *testing.T) {
	s := labelled()
	s.Record, s.Modality = nil, Image
	if d := outcomes(Check(find(t, "in-2026"), s))["IN-6"]; d.Outcome != Passed {
		t.Errorf("a mark that is there: %s (%s)", d.Outcome, d.Reason)
	}
	unmarked(&s)
	if d := outcomes(Check(find(t, "in-2026"), s))["IN-6"]; d.Outcome != NotChecked || d.Reason != noRecord {
		t.Errorf("one that is not: %s (%s)", d.Outcome, d.Reason)
	}
}

func TestVerdicts(t *testing.T) {
	done := func(s Severity, o Outcome) RuleResult { return RuleResult{Severity: s, Outcome: o} }
	for _, c := range []struct {
		want  Verdict
		rules []RuleResult
	}{
		{OutOf, []RuleResult{done(Must, NotApplicable), done(Should, NotApplicable)}},
		{Holds, []RuleResult{done(Must, Passed), done(Should, Failed), done(Should, NotChecked)}},
		{Holds, []RuleResult{done(Must, NotApplicable), done(Should, Passed)}},
		{Unchecked, []RuleResult{done(Must, NotChecked), done(Must, Passed)}},
		{Unchecked, []RuleResult{done(Must, Passed), done(Must, NotChecked), done(Must, Passed)}},
		{Fails, []RuleResult{done(Must, NotChecked), done(Must, Failed), done(Must, Passed)}},
	} {
		if got := verdictOf(c.rules); got != c.want {
			t.Errorf("%+v: %s, wanted %s", c.rules, got, c.want)
		}
	}
	exits := map[Verdict]int{Holds: 0, OutOf: 0, Fails: 1, Unchecked: 2, "": 2}
	for v, want := range exits {
		if v.Exit() != want {
			t.Errorf("%q exits with %d, wanted %d", v, v.Exit(), want)
		}
	}
	sums := []Result{{Verdict: OutOf}}
	for _, v := range []Verdict{OutOf, Holds, Unchecked, Fails} {
		sums = append(sums, Result{Verdict: v})
		if got := Sum(sums); got != v {
			t.Errorf("sum of %d: %s, wanted %s", len(sums), got, v)
		}
	}
}

// TestRealFile labels a real image, reads it back and holds it to all profiles;
// then without its label, then cut short.
func TestRealFile(t *testing.T) {
	var plainPNG, marked bytes.Buffer
	if err := png.Encode(&plainPNG, image.NewGray(image.Rect(0, 0, 8, 8))); err != nil {
		t.Fatal(err)
	}
	marks := label.Marks{SourceType: trained, AIGC: label.AIGC{Label: "1", ContentProducer: code, ProduceID: reference, ReservedCode1: "AQ=="}}
	if err := label.Write(&marked, label.PNG, bytes.NewReader(plainPNG.Bytes()), int64(plainPNG.Len()), marks); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		bytes []byte
		want  []Verdict // of All, in order
	}{
		"labelled":  {marked.Bytes(), []Verdict{Holds, Holds, Holds, Holds, Holds, Fails}},
		"unmarked":  {plainPNG.Bytes(), []Verdict{Fails, Fails, Fails, Fails, Holds, Fails}},
		"cut short": {marked.Bytes()[:marked.Len()-20], []Verdict{Fails, Unchecked, Unchecked, Unchecked, Holds, Unchecked}},
	} {
		s := labelled()
		s.File, s.FileError = label.Read(label.PNG, bytes.NewReader(c.bytes), int64(len(c.bytes)))
		for i, p := range All() {
			if r := Check(&p, s); r.Verdict != c.want[i] {
				t.Errorf("%s, %s: %s, wanted %s: %+v", name, p.ID, r.Verdict, c.want[i], r.Rules)
			}
		}
	}
}

// TestCheckLeavesSubject: what is checked is the caller's, and is only read.
func TestCheckLeavesSubject(t *testing.T) {
	s, same := labelled(), labelled()
	for _, p := range All() {
		Check(&p, s)
	}
	a, _ := json.Marshal(s)
	b, _ := json.Marshal(same)
	if !bytes.Equal(a, b) {
		t.Error("Check changed its subject")
	}
	Check(find(t, "c2pa"), Subject{Record: &provenance.Record{}, File: &label.File{}})
}
