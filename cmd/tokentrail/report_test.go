package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"strings"
	"testing"

	"tokentrail/verify"
)

// TestReportForms writes a report in each form. SPEC(CLI-90)
func TestReportForms(t *testing.T) {
	r := &verify.Report{Format: 1, Verdict: verify.Unchecked, ExitCode: 2, From: "http://\x1b[31mh",
		Steps: []*verify.Step{{Name: "log", Outcome: verify.NotChecked, Reason: "\u202ethe network is down", What: "entries"}}}
	for _, form := range reportForms() {
		var out bytes.Buffer
		a := &app{stdout: &out, output: form}
		if err := a.report(r); err != nil {
			t.Fatal(err)
		}
		said := out.String()
		if !strings.Contains(said, "could not check") && !strings.Contains(said, "COULD NOT CHECK") || !strings.Contains(said, "the network is down") || strings.ContainsAny(said, "\x1b\u202e") {
			t.Errorf("%s: %q", form, said)
		}
		is := map[string]bool{
			asText: strings.HasPrefix(said, "COULD NOT CHECK (exit 2)"), asJSON: json.Valid(out.Bytes()),
			asJUnit: xml.Unmarshal(out.Bytes(), new(struct{ XMLName xml.Name })) == nil, asMarkdown: strings.HasPrefix(said, "# tokentrail verify"),
		}
		for other, is := range is {
			if is != (other == form) {
				t.Errorf("%s is %s: %v: %q", form, other, is, said)
			}
		}
	}
}
