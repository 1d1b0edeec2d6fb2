package profile

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Columns are the heads of what Rows returns.
func Columns() []string {
	return []string{"rule", "clause", "of", "severity", "outcome", "says", "reason"}
}

// Rows returns the rules as rows of a table, for who prints one.
func (r Result) Rows() [][]string {
	rows := make([][]string, len(r.Rules))
	for i, d := range r.Rules {
		rows[i] = []string{d.ID, d.Clause, string(d.Of), string(d.Severity), string(d.Outcome), d.Says, d.Reason}
	}
	return rows
}

// Count returns how many rules of a severity had an outcome.
func (r Result) Count(severity Severity, outcome Outcome) int {
	n := 0
	for _, d := range r.Rules {
		if d.Severity == severity && d.Outcome == outcome {
			n++
		}
	}
	return n
}

// WriteText writes the result for people: the verdict first, each rule on a
// line, reasons below. What came from a file or a record is quoted.
func (r Result) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s, version %d: %s\n\n", strings.ToUpper(string(r.Verdict)), r.Profile, r.Version, r.Title)
	widest := 0
	for _, d := range r.Rules {
		widest = max(widest, utf8.RuneCountInString(d.ID))
	}
	for _, d := range r.Rules {
		fmt.Fprintf(&b, "%-14s  %-6s  %-*s  %s (%s)\n", d.Outcome, d.Severity, widest, d.ID, d.Says, d.Clause)
		if d.Reason != "" && d.Outcome != NotApplicable {
			fmt.Fprintf(&b, "%*s%s\n", 26+widest, "", d.Reason)
		}
	}
	fmt.Fprintf(&b, "\nLaw     %s (%s)\nRead    %s\nNote    %s\nNotice  %s\n", r.Law.Name, r.Law.Jurisdiction, r.Law.Source, r.Note, r.Notice)
	_, err := io.WriteString(w, b.String())
	return err
}
