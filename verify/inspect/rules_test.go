package inspect

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

const goodRules = `format: 1
rules:
  - id: night
    says: nothing goes abroad at night
    when: record.kind == "transfer" && has(record.basis)
    expect: |
      timestamp(record.time).getHours() < 22 &&
        record.basis.exists(b, b.code.startsWith("cn:"))
  - {id: size, says: 'no more than a million tokens', expect: 'record.usage.output <= 1000000'}
`

func TestParseRules(t *testing.T) {
	rules, err := ParseRules([]byte(goodRules))
	if err != nil || rules.Len() != 2 {
		t.Fatal(err)
	}
	if _, err := ParseRules([]byte(`{"format": 1, "rules": [{"id": "a", "says": "b", "expect": "entry.index >= 0 && statement.issuer != ''"}]}`)); err != nil {
		t.Error(err)
	}
}

// TestWrongRules: each mistake is told with its line and column. SPEC(VER-75)
func TestWrongRules(t *testing.T) {
	one := func(rule string) string { return "format: 1\nrules:\n  - id: a\n    says: b\n" + rule }
	for name, c := range map[string]struct {
		file, want   string
		line, column int
	}{
		"empty":           {"", "empty", 1, 1},
		"no YAML":         {"format: 1\nrules: [", "did not find", 2, 1},
		"not UTF-8":       {"\xff", "UTF-8", 1, 1},
		"another format":  {"format: 2\nrules: []", "format: 1", 1, 9},
		"no format":       {"rules: []", "format: 1", 1, 1},
		"no rules":        {"format: 1\nrules: []", "1 to 256", 2, 8},
		"another member":  {"format: 1\nrule: []", `"rule"`, 2, 1},
		"member twice":    {"format: 1\nformat: 1\nrules: []", "twice", 2, 1},
		"two documents":   {goodRules + "---\nx: 1\n", "second document", 10, 1},
		"alias":           {"format: 1\nrules: &x [*x]", "anchors", 2, 1},
		"no mapping":      {"- 1", "mapping", 1, 1},
		"rule is a text":  {"format: 1\nrules: [a]", "mapping", 2, 9},
		"no expect":       {one(""), "expect", 3, 5},
		"id":              {"format: 1\nrules:\n  - {id: A, says: b, expect: 'true'}", "wanted 1 to 64", 3, 10},
		"id twice":        {"format: 1\nrules:\n  - {id: a, says: b, expect: 'true'}\n  - {id: a, says: b, expect: 'true'}", "second rule", 4, 10},
		"null":            {one("    expect: ~"), "is a text", 5, 13},
		"syntax":          {one("    expect: record.kind =="), "Syntax error", 5, 27},
		"unknown member":  {one("    expect: record.knid == 'transfer'"), "undefined field 'knid'", 5, 19},
		"unknown nested":  {one("    expect: record.usage.ouput > 1"), "undefined field 'ouput'", 5, 25},
		"wrong type":      {one("    expect: record.usage.output == 'many'"), "no matching overload", 5, 33},
		"quoted":          {one("    expect: 'record.usage.output == true'"), "no matching overload", 5, 34},
		"not a boolean":   {one("    expect: record.usage.output"), "wanted a boolean", 5, 13},
		"literal":         {one("    expect: |\n      true &&\n      record.nothing"), "undefined field 'nothing'", 7, 13},
		"when":            {one("    when: 1\n    expect: 'true'"), "wanted a boolean", 5, 11},
		"unknown name":    {one("    expect: recrod.kind == 'transfer'"), "undeclared reference", 5, 13},
		"regular":         {one("    expect: record.kind.matches('(')"), "matches", 5, 32},
		"long":            {one("    expect: '" + strings.Repeat("true || ", 600) + "true'"), "more than 4096", 5, 13},
		"deep":            {one("    expect: '" + strings.Repeat("(", 2000) + "true" + strings.Repeat(")", 2000) + "'"), "recursion", 5, 13},
		"says":            {"format: 1\nrules:\n  - {id: a, says: " + strings.Repeat("x", 300) + ", expect: 'true'}", "256 characters", 3, 19},
		"nested too deep": {one("    expect: '[1].all(a, [1].all(b, [1].all(c, [1].all(d, a == d))))'"), "nesting", 5, 14},
	} {
		_, err := ParseRules([]byte(c.file))
		var wrong *RuleError
		if !errors.As(err, &wrong) || !strings.Contains(err.Error(), c.want) || wrong.Line != c.line || name != "deep" && name != "nested too deep" && name != "regular" && wrong.Column != c.column {
			t.Errorf("%s: %v, want %d:%d %s", name, err, c.line, c.column, c.want)
		}
	}
	if _, err := ParseRules(make([]byte, MaxRuleFile+1)); err == nil {
		t.Error("a file beyond the limit passed")
	}
	many := "format: 1\nrules:\n"
	for i := range 257 {
		many += fmt.Sprintf("  - {id: a%d, says: b, expect: 'true'}\n", i)
	}
	if _, err := ParseRules([]byte(many)); err == nil || !strings.Contains(err.Error(), "line 3, column 3: wanted rules: a list of 1 to 256") {
		t.Error(err)
	}
}

// FuzzParseRules: no file makes a panic, and errors say where.
func FuzzParseRules(f *testing.F) {
	f.Add([]byte(goodRules))
	f.Add([]byte("format: 1\nrules:\n  - {id: a, says: b, expect: 'record.kind == \"x\"'}"))
	f.Add([]byte("format: 1\nrules: [{id: a, says: b, expect: |\n true\n }]"))
	f.Fuzz(func(t *testing.T, file []byte) {
		_, err := ParseRules(file)
		var wrong *RuleError
		if err != nil && (!errors.As(err, &wrong) || wrong.Line < 1 || wrong.Column < 1) {
			t.Fatalf("%v", err)
		}
	})
}
