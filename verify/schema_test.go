package verify_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"tokentrail/spec"
	"tokentrail/verify"
	"tokentrail/verify/light"
)

// schema is that of reports.
func schema(t testing.TB) *jsonschema.Schema {
	b, err := spec.Files.ReadFile("report.schema.json")
	check(t, err)
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	check(t, err)
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	check(t, c.AddResource("urn:tokentrail:report:1", doc))
	s, err := c.Compile("urn:tokentrail:report:1")
	check(t, err)
	return s
}

// document is the JSON of a report as a validator takes it.
func document(t testing.TB, r *verify.Report) any {
	b, err := r.JSON()
	check(t, err)
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	check(t, err)
	return doc
}

// verdicts are reports of each verdict, and of all that a report can hold.
func verdicts(t testing.TB) map[string]*verify.Report {
	expired := small(t)
	old := expired.at(2)
	old.Period = time.Minute
	noticed := unheardOf(t)
	o := noticed.options()
	o.NoticeProviders, o.MaxFindings, o.From = true, 1, "http://ledger.test"
	alone := small(t)
	exhibit := alone.exhibit("1")
	exhibit.Records = nil
	return map[string]*verify.Report{
		"holds": small(t).audit(), "provider": unheardOf(t).audit(), "notices": noticed.auditWith(o), "not checked": broken1(t, "/proof"), "down": broken1(t, "/"),
		"expired": expired.audit(old), "exhibit": alone.show(exhibit), "under a header": small(t).audit(expired.at(2)),
		"exhibit without trust": light.CheckExhibit(t.Context(), exhibit, verify.Trust{}, alone.options()),
	}
}

// TestReportsMeetTheSchema: every report does, whatever its verdict; TestAttacks has
// those of all attacks. SPEC(VER-56), SPEC(VER-20)
func TestReportsMeetTheSchema(t *testing.T) {
	s := schema(t)
	exits := map[int]bool{}
	for name, r := range verdicts(t) {
		exits[r.Exit()] = true
		if err := s.Validate(document(t, r)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(exits) != 4 {
		t.Errorf("reports of the exits %v", exits)
	}
}

// TestMutilatedReports: the schema refuses a report without a member that it must
// have, with one that there is not, and with a value of another type, wherever.
func TestMutilatedReports(t *testing.T) {
	s := schema(t)
	cuts := 0
	for name, r := range verdicts(t) {
		for _, at := range paths(document(t, r), nil) {
			for what, change := range map[string]func(in map[string]any, key string) bool{
				"left out": func(in map[string]any, key string) bool {
					delete(in, key)
					return !omissible(key)
				},
				"null": func(in map[string]any, key string) bool {
					was := in[key]
					in[key] = nil
					return was != nil && key != "ledger"
				},
				"a list of itself": func(in map[string]any, key string) bool { in[key] = []any{in[key], nil, 1.5}; return true },
				"one more":         func(in map[string]any, key string) bool { in[key+"_"] = true; return true },
				"other text": func(in map[string]any, key string) bool {
					_, is := in[key].(string)
					in[key] = "\n"
					return is && !slices.Contains([]string{"says", "reason", "place", "want", "got", "how", "what", "provider", "stream", "from", "name"}, key)
				},
			} {
				doc := document(t, r)
				in, key := at(doc)
				if !change(in, key) {
					continue
				}
				cuts++
				if s.Validate(doc) == nil {
					t.Errorf("%s: %s %s passes", name, key, what)
				}
			}
		}
	}
	t.Logf("%d mutilated reports", cuts)
}

// omissible reports whether a member need not be there, as such.
func omissible(key string) bool {
	return slices.Contains([]string{"genesis_hash", "seed", "exhibit", "from", "stolen", "more_notices", "more_findings", "optional", "finding", "stream", "sequence", "key",
		"since_height", "acme", "transfer"}, key)
}

// paths are ways to each member of each object of a document.
func paths(doc any, way []any) []func(doc any) (map[string]any, string) {
	var all []func(doc any) (map[string]any, string)
	switch v := doc.(type) {
	case []any:
		for i, e := range v {
			all = append(all, paths(e, append(slices.Clone(way), i))...)
		}
	case map[string]any:
		for key, e := range v {
			all = append(all, func(doc any) (map[string]any, string) {
				for _, step := range way {
					if i, is := step.(int); is {
						doc = doc.([]any)[i]
					} else {
						doc = doc.(map[string]any)[step.(string)]
					}
				}
				return doc.(map[string]any), key
			})
			all = append(all, paths(e, append(slices.Clone(way), key))...)
		}
	}
	return all
}

// TestContradictions: a report whose parts do not go together is refused.
func TestContradictions(t *testing.T) {
	s := schema(t)
	for name, change := range map[string]func(r *verify.Report){
		"holds with another exit":          func(r *verify.Report) { r.ExitCode = 2 },
		"evidence without a finding":       func(r *verify.Report) { r.Verdict, r.ExitCode = verify.Evidence, 1 },
		"holds with a failed step":         func(r *verify.Report) { r.Steps[1].Outcome = verify.Failed },
		"holds with a step not checked":    func(r *verify.Report) { r.Steps[1].Outcome, r.Steps[1].Reason = verify.NotChecked, "x" },
		"holds with nothing that it is of": func(r *verify.Report) { r.Ledger = nil },
		"not checked without a reason":     func(r *verify.Report) { r.Steps[1].Outcome, r.Steps[1].Optional = verify.NotChecked, true },
		"passed with findings": func(r *verify.Report) {
			r.Steps[1].Findings = []*verify.Finding{verify.NewFinding("key", "a", "b", "c")}
		},
		"could not check, all of which was": func(r *verify.Report) { r.Verdict, r.ExitCode = verify.Unchecked, 2 },
		"expired, and all was checked":      func(r *verify.Report) { r.Verdict, r.ExitCode = verify.Expired, 3 },
		"a format to come":                  func(r *verify.Report) { r.Format = 2 },
		"a header without its hash":         func(r *verify.Report) { r.Trust.Kind = "header" },
	} {
		r := small(t).audit()
		change(r)
		if s.Validate(document(t, r)) == nil {
			t.Errorf("%s passes", name)
		}
	}
}

// TestSchemaListsEveryMember holds the members that the schema lists to those that
// the code writes. SPEC(VER-56)
func TestSchemaListsEveryMember(t *testing.T) {
	b, err := spec.Files.ReadFile("report.schema.json")
	check(t, err)
	var doc struct {
		Properties map[string]json.RawMessage
		Defs       map[string]struct {
			Properties map[string]json.RawMessage
		} `json:"$defs"`
	}
	check(t, json.Unmarshal(b, &doc))
	for name, c := range map[string]struct {
		v    any
		have map[string]json.RawMessage
	}{
		"report": {verify.Report{}, doc.Properties}, "trust": {verify.TrustUsed{}, doc.Defs["trust"].Properties}, "ledger": {verify.Ledger{}, doc.Defs["ledger"].Properties},
		"against": {verify.AgainstCounts{}, doc.Defs["against"].Properties}, "step": {verify.Step{}, doc.Defs["step"].Properties},
		"finding": {verify.Finding{}, doc.Defs["finding"].Properties}, "notice": {verify.Notice{}, doc.Defs["notice"].Properties}, "totals": {verify.Totals{}, doc.Defs["totals"].Properties},
		"coverage": {verify.Coverage{}, doc.Defs["coverage"].Properties}, "label_coverage": {verify.LabelCoverage{}, doc.Defs["label_coverage"].Properties},
		"basis_coverage": {verify.BasisCoverage{}, doc.Defs["basis_coverage"].Properties}, "energy_coverage": {verify.EnergyCoverage{}, doc.Defs["energy_coverage"].Properties},
		"rule_coverage": {verify.RuleCoverage{}, doc.Defs["rule_coverage"].Properties}, "mirror_pair": {verify.MirrorPair{}, doc.Defs["mirror_pair"].Properties},
		"mirror_amount": {verify.MirrorAmount{}, doc.Defs["mirror_amount"].Properties},
		"witness":       {verify.WitnessSays{}, doc.Defs["witness"].Properties}, "fork": {verify.ForkProof{}, doc.Defs["fork"].Properties},
		"forkHead": {verify.ForkHead{}, doc.Defs["forkHead"].Properties}, "stream": {verify.StreamSays{}, doc.Defs["stream"].Properties}, "signer": {verify.Signer{}, doc.Defs["signer"].Properties},
	} {
		written := map[string]bool{}
		for i := range reflect.TypeOf(c.v).NumField() {
			if tag, _, _ := strings.Cut(reflect.TypeOf(c.v).Field(i).Tag.Get("json"), ","); tag != "" {
				written[tag] = true
			}
		}
		for member := range written {
			if c.have[member] == nil {
				t.Errorf("spec/report.schema.json, %s: lacks %s", name, member)
			}
		}
		if len(written) != len(c.have) {
			t.Errorf("spec/report.schema.json, %s: %d members, the code writes %d", name, len(c.have), len(written))
		}
	}
	for _, rule := range verify.Rules() {
		if fmt.Sprint(rule.Against) == "" {
			t.Errorf("%s speaks against nobody", rule.Code)
		}
	}
}
