package profile

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
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
		`label.aigc.Label is "9\x1b[31m\u202exxx`, `xxx"…, wanted: is one of 1, 2, 3`,
		"record.label.explicit.height is absent, wanted: is at least 50",
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
