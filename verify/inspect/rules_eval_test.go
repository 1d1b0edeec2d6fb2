package inspect

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"tokentrail/provenance"
	"tokentrail/verify"
)

// ruleOf makes a file of one rule.
func ruleOf(when, expect string) *Rules {
	file := fmt.Sprintf("format: 1\nrules:\n  - id: one\n    says: what one wants\n    expect: %q\n", expect)
	if when != "" {
		file += fmt.Sprintf("    when: %q\n", when)
	}
	rules, err := ParseRules([]byte(file))
	if err != nil {
		panic(fmt.Sprintf("%s: %v", expect, err))
	}
	return rules
}

// TestOwnRules: a rule that is kept finds nothing, one that is broken tells the
// record, one that cannot be evaluated is neither. SPEC(VER-75), SPEC(VER-76)
func TestOwnRules(t *testing.T) {
	record := transfer(marked(provenance.Label{Status: 1, Marks: new(int64(5))}), drew(100, 2), func(r *provenance.Record) {
		r.Parents = []provenance.Parent{{Issuer: "beta", Ref: []byte("x")}, {ID: make([]byte, 32)}}
		r.Crossing = &provenance.Crossing{Direction: 3, Classes: []string{"any:non-personal"}, ID: []byte("id"), Mirror: &provenance.Parent{Issuer: "beta", Ref: []byte("x")}}
	})
	kept := []string{
		`record.kind == "transfer" && record.side == "exporter"`,
		`timestamp(record.time) > timestamp("2026-01-01T00:00:00Z")`,
		`record.usage.input + record.usage.output == 1200`,
		`record.serving.country + record.using.country == "USBR"`,
		`record.basis.exists_one(b, b.code == "cn:standard-contract")`,
		`"watermark" in record.label.marks == false && record.label.marks == ["metadata", "fingerprint"]`,
		`record.label.status == "synthetic"`,
		`record.energy.boundary == "and host" && record.energy.micro_watt_hours == 100`,
		`record.accelerators[0].count == 8`,
		`record.parents[0].issuer == "beta" && record.parents[1] == "` + strings.Repeat("00", 32) + `"`,
		`record.crossing.direction == "both" && record.crossing.mirror.ref == "78"`,
		`!has(record.price) && !has(record.model.version) && has(record.model.name)`,
		`statement.issuer == "acme" && statement.count == 1 && statement.sequence == 0 && size(statement.id) == 64`,
		`timestamp(statement.first) <= timestamp(statement.last)`,
		`entry.index == 0 && entry.record == 0`,
	}
	for _, expect := range kept {
		if got := of(record).inspect(t, Options{Skip: true, Rules: ruleOf("", expect)}); len(got.Findings) > 0 || got.Reason != "" || got.Coverage.Rules[0].Asked != 1 {
			t.Errorf("%s: %v %s", expect, got.Findings, got.Reason)
		}
		got := of(record).inspect(t, Options{Skip: true, Rules: ruleOf("", "!("+expect+")")})
		if len(got.Findings) != 1 || got.Findings[0].Code != verify.CodeRule || got.Findings[0].Provider != "acme" || got.Findings[0].Place != "entries[0].records[0]" || got.Findings[0].Want != "one: what one wants" {
			t.Errorf("not %s: %v", expect, got.Findings)
		}
	}
	if got := of(record).inspect(t, Options{Skip: true, Rules: ruleOf(`record.kind == "production"`, "false")}); len(got.Findings) > 0 || got.Coverage.Rules[0].Asked != 0 {
		t.Error(got.Findings)
	}
	errorsOf := map[string][2]string{
		"absent":         {"", `record.price.currency == "USD"`},
		"absent in when": {`record.price.currency == "USD"`, "true"},
		"beyond":         {"", "record.parents[7] == 'x'"},
		"zero":           {"", "1 / (record.usage.input - 1000) == 1"},
		"no time":        {"", "timestamp(record.model.name) > timestamp(record.time)"},
		"dear":           {"", "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50].all(a, [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50].all(b, [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30].all(c, a + b + c < 1000 + record.usage.input)))"},
	}
	for name, c := range errorsOf {
		got := of(record, record).inspect(t, Options{Skip: true, Rules: ruleOf(c[0], c[1])})
		row := got.Coverage.Rules[0]
		if len(got.Findings) > 0 || row.Errors != 2 || !strings.HasPrefix(row.First, "entries[0].records[0]: ") || !strings.Contains(got.Reason, "rule one could not be evaluated for 2 records") {
			t.Errorf("%s: %+v %s", name, row, got.Reason)
		}
		t.Log(row.First)
	}
}

// TestRulesInTheirOrder: findings stand in the order of the file.
func TestRulesInTheirOrder(t *testing.T) {
	rules, err := ParseRules([]byte("format: 1\nrules:\n  - {id: z, says: a, expect: 'false'}\n  - {id: a, says: b, expect: 'entry.index < 0'}\n"))
	if err != nil {
		t.Fatal(err)
	}
	l := of(transfer(), transfer())
	l.say("beta", transfer())
	got := l.inspect(t, Options{Skip: true, Rules: rules})
	var words []string
	for _, f := range got.Findings {
		words = append(words, f.Want+" "+f.Provider)
	}
	if want := []string{"z: a acme", "z: a beta", "a: b acme", "a: b beta"}; !slices.Equal(words, want) {
		t.Error(words)
	}
	if c := got.Coverage.Rules; c[0].Broken != 3 || c[1].Broken != 3 || c[0].ID != "z" || c[0].Says != "a" {
		t.Errorf("%+v", c)
	}
}
