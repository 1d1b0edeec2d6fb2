package profile

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"tokentrail/provenance"
	"tokentrail/provenance/label"
)

func TestWriteText(t *testing.T) {
	s := labelled()
	s.File.AIGC.Label = "9\x1b[31m\u202e" + strings.Repeat("x", 200)
	s.Record.Label.Explicit.Height = nil
	var b strings.Builder
	result := Check(find(t, "cn-gb45438-2025"), s)
	if err := result.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"FAILED  cn-gb45438-2025, version 1: China",
		"passed          must    CN-1   The file's metadata",
		"failed          must    CN-3   Label is 1",
		`label.aigc.Label is "9\x1b[31m\u202exxx`, `xxx"…, wanted: it is one of 1, 2, 3`,
		"record.label.explicit.height is absent, wanted: it is at least 50",
		"Notice  " + Notice,
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the text lacks %q:\n%s", want, b.String())
		}
	}
	if strings.ContainsAny(b.String(), "\x1b\u202e") || strings.Contains(b.String(), strings.Repeat("x", shownBytes+1)) {
		t.Error("the file's words stand in the text as they are")
	}
	if n := result.Count(Must, Failed); n != 3 { // CN-3, CN-4, CN-22
		t.Errorf("%d musts failed, wanted 3", n)
	}
}

// TestReasons holds reasons to words that are for people: no bits, no patterns,
// and alternatives in one sentence.
func TestReasons(t *testing.T) {
	for rule, c := range map[string]struct {
		edit edit
		want string
	}{
		"CN-6":  {onAIGC(func(a *label.AIGC) { a.ContentProducer = "Acme" }), `label.aigc.ContentProducer is "Acme", wanted: it is a provider code of 27 characters`},
		"CN-8":  {noAIGC, `label.aigc.ProduceID is absent, wanted: it is there`},
		"CN-11": {onAIGC(func(a *label.AIGC) { a.PropagateID = "p" }), `label.aigc.PropagateID is "p" and label.aigc.ProduceID is "tokentrail:acme/img-7", wanted: the same in both`},
		"CN-13": {onAIGC(func(a *label.AIGC) { a.ProduceID = `a"b` }), `label.aigc.ProduceID is "a\"b", wanted: label.aigc.ProduceID is absent, or label.aigc.ProduceID has only printable ASCII characters without space, quotation mark and backslash`},
		"CN-17": {onLabel(func(l *provenance.Label) { l.Producer, l.ProducerCode = "", "" }), `record.label.producer is absent and record.label.producer-code is absent, wanted: record.label.producer is there, or record.label.producer-code is there`},
		"CN-18": {marks(9), `record.label.marks is metadata and log, wanted: it says that a watermark was put in`},
		"EU-4":  {onLabel(func(l *provenance.Label) { l.Marks = nil }), `record.label.marks is absent, wanted: it says that a mark was put into the metadata`},
		"EU-8":  {marks(2), `record.label.marks is watermark, wanted: record.label.marks says that a fingerprint was taken, or record.label.marks says that the content was logged`},
		"CA-4":  {both(nameless, onLabel(func(l *provenance.Label) { l.System = "acme" })), `record.label.system is "acme" and record.model.version is absent, wanted: record.label.system has a digit, as of a version, or record.model.version is there`},
		"EU-14": {as(1, label.Markdown, noExplicit, onLabel(func(l *provenance.Label) { l.Oversight = 3 })), `record.label.explicit.applied is absent and record.label.editorial is absent, wanted: record.label.explicit.applied is true, or (record.label.editorial is true and record.label.oversight is human-validated)`},
	} {
		s := labelled()
		c.edit(&s)
		var got RuleResult
		for _, p := range All() {
			if d, of := outcomes(Check(&p, s))[rule]; of {
				got = d
			}
		}
		if got.Outcome != Failed || got.Reason != c.want {
			t.Errorf("%s: %s\n%s\nwanted\n%s", rule, got.Outcome, got.Reason, c.want)
		}
	}
}

func TestRows(t *testing.T) {
	result := Check(find(t, "kr-31"), labelled())
	for i, row := range result.Rows() {
		if len(row) != len(Columns()) || row[0] != result.Rules[i].ID || row[4] != string(result.Rules[i].Outcome) {
			t.Errorf("row %d is %q", i, row)
		}
	}
	if len(result.Rows()) != len(result.Rules) {
		t.Errorf("%d rows of %d rules", len(result.Rows()), len(result.Rules))
	}
}

// TestJSON holds the names of a result's members to spec/profiles.md.
func TestJSON(t *testing.T) {
	s := labelled()
	s.File.AIGC = nil
	b, err := json.Marshal(Check(find(t, "kr-31"), s))
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	rules := got["rules"].([]any)
	for _, c := range []struct {
		of   map[string]any
		want string
	}{
		{got, "format profile version title law modality verdict rules note notice"},
		{got["law"].(map[string]any), "name jurisdiction since source"},
		{rules[4].(map[string]any), "id clause of severity known says outcome reason"},
	} {
		var names []string
		for name := range c.of {
			names = append(names, name)
		}
		want := strings.Fields(c.want)
		slices.Sort(names)
		slices.Sort(want)
		if !slices.Equal(names, want) {
			t.Errorf("members %q, wanted %q", names, want)
		}
	}
	if got["verdict"] != "holds" || got["modality"] != "image" || rules[4].(map[string]any)["outcome"] != "not applicable" {
		t.Errorf("%s", b)
	}
}

// TestProfilesAsJSON: what is shown of a profile is what it was made from.
func TestProfilesAsJSON(t *testing.T) {
	for _, p := range All() {
		b, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		again, err := parse(p.ID, b)
		if err != nil {
			t.Fatal(err)
		}
		if section(again) != section(&p) {
			t.Errorf("%s is another profile after a round", p.ID)
		}
	}
}
