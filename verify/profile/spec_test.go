package profile

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// section is what spec/profiles.md has of a profile, clause by clause.
func section(p *Profile) string {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s\n\n%s. Version %d of the profile. *Law*: %s; jurisdiction %s", p.ID, p.Title, p.Version, p.Law.Name, p.Law.Jurisdiction)
	if p.Law.Since != "" {
		fmt.Fprintf(&b, "; in force since %s", p.Law.Since)
	}
	fmt.Fprintf(&b, ". *Read*: %s. *Covers*: %s", p.Law.Source, joined(p.Scope, ", "))
	if p.Applies != nil {
		fmt.Fprintf(&b, ", where %s", p.Applies)
	}
	fmt.Fprintf(&b, ".\n\n%s\n\n| rule | clause | of | severity | known | says | needs |\n| --- | --- | --- | --- | --- | --- | --- |\n", p.Note)
	for _, r := range p.Rules {
		needs := r.Require.String()
		if r.When != nil {
			needs = "where " + r.When.String() + ": " + needs
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s |\n", r.ID, r.Clause, r.Of, r.Severity, r.Known, r.Says, strings.ReplaceAll(needs, "|", `\|`))
	}
	return b.String()
}

func fieldTable() string {
	var b strings.Builder
	b.WriteString("| field | of | kind | what |\n| --- | --- | --- | --- |\n")
	for _, f := range Fields() {
		says := f.Says
		if len(f.Names) > 0 {
			says += ": `" + strings.Join(f.Names, "`, `") + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.Name, f.Of, f.Kind, says)
	}
	return b.String()
}

func testTable() string {
	var b strings.Builder
	b.WriteString("| test | of fields | values | holds where |\n| --- | --- | --- | --- |\n")
	for _, t := range tests {
		values := fmt.Sprint(t.least)
		if t.most > t.least {
			values = fmt.Sprintf("%d to %d", t.least, t.most)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", t.name, t.kinds, values, t.says)
	}
	return b.String()
}

// TestSpecification holds spec/profiles.md to the data: its tables of fields,
// tests and rules are these, and it has no other profile.
func TestSpecification(t *testing.T) {
	text, err := os.ReadFile("../../spec/profiles.md")
	if err != nil {
		t.Fatal(err)
	}
	spec := string(text)
	wanted := []string{fieldTable(), testTable(), Notice}
	for _, p := range All() {
		wanted = append(wanted, section(&p))
	}
	for _, part := range wanted {
		if strings.Contains(spec, part) {
			continue
		}
		t.Errorf("spec/profiles.md has not the part that begins with %.60q, in one piece", part)
		for line := range strings.Lines(part) {
			if !strings.Contains(spec, line) {
				t.Errorf("it lacks the line\n%s", line)
			}
		}
	}
	rows := 0
	for line := range strings.Lines(spec) {
		if cells := strings.Split(line, " | "); strings.HasPrefix(line, "| ") && ruleID.MatchString(strings.TrimPrefix(cells[0], "| ")) {
			rows++
		}
	}
	rules := 0
	for _, p := range All() {
		rules += len(p.Rules)
	}
	if rows != rules {
		t.Errorf("spec/profiles.md has %d rows of rules, wanted %d", rows, rules)
	}
	if n := strings.Count(spec, "\n"); n > 350 {
		t.Errorf("spec/profiles.md has %d lines, at most 350", n)
	}
}
