package verify

import (
	"fmt"
	"io"
	"strings"
)

// WriteMarkdown writes the report as Markdown with tables, as GitHub's and GitLab's
// dialects have them. What others said stands in code spans alone, and never in a
// table, whose cells a code span does not protect. SPEC(VER-54)
func (r *Report) WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# tokentrail verify: %s (exit %d)\n\n%s\n\n", escaped(string(r.Verdict)), r.Exit(), escaped(r.inWords()))
	for _, f := range r.facts() {
		fmt.Fprintf(&b, "- %s: %s\n", f.name, code(f.value))
	}
	r.markSteps(&b)
	r.markFindings(&b)
	if len(r.Notices) > 0 {
		b.WriteString("\n## Of providers, in evidence on the ledger\n\n")
		for i := range r.Notices {
			fmt.Fprintf(&b, "- %s\n", code(r.Notices[i].told()))
		}
		if r.MoreNotices > 0 {
			fmt.Fprintf(&b, "- and %s\n", amount(r.MoreNotices, "more notices"))
		}
	}
	r.markCoverage(&b)
	fmt.Fprintf(&b, "\n## Looked at\n\n%s, in %s ms (%s records/s)\n", r.Totals.counts(), group(r.Totals.Millis), group(r.Totals.PerSecond))
	if lines := r.Totals.byKind(); len(lines) > 0 {
		b.WriteString("\n")
		for _, line := range lines {
			fmt.Fprintf(&b, "- %s\n", code(line))
		}
	}
	if len(r.Assumptions) > 0 {
		b.WriteString("\n## Assumed\n\n")
	}
	for _, a := range r.Assumptions {
		fmt.Fprintf(&b, "- %s\n", escaped(a))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Report) markSteps(b *strings.Builder) {
	b.WriteString("\n## Steps\n\n| step | outcome | looked at | findings |\n| --- | --- | ---: | ---: |\n")
	for _, s := range r.Steps {
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", escaped(s.Name), escaped(string(s.Outcome)),
			escaped(amount(s.Checked, s.What)), group(int64(len(s.Findings))+s.More))
	}
	begun := false
	for _, s := range r.Steps {
		if s.Reason == "" {
			continue
		}
		if !begun {
			b.WriteString("\n## Not checked, or not to the end\n\n")
			begun = true
		}
		fmt.Fprintf(b, "- %s: %s\n", escaped(s.Name), code(s.Reason))
	}
}

func (r *Report) markFindings(b *strings.Builder) {
	if r.Against.all() == 0 {
		return
	}
	b.WriteString("\n## Findings\n\n| against | findings |\n| --- | ---: |\n")
	fmt.Fprintf(b, "| the ledger | %s |\n| providers | %s |\n", group(r.Against.Ledger), group(r.Against.Providers))
	if r.Against.File > 0 {
		fmt.Fprintf(b, "| the file | %s |\n", group(r.Against.File))
	}
	if names := r.Against.names(); names != "" {
		fmt.Fprintf(b, "\nThe providers: %s\n", code(names))
	}
	for _, s := range r.Steps {
		for _, f := range s.Findings {
			fmt.Fprintf(b, "\n### %s\n\n- at: %s\n- wanted: %s\n- got: %s\n- see: %s\n- speaks: %s\n- step: %s\n", escaped(string(f.Code)),
				code(f.Place), code(f.Want), code(f.Got), code(f.How), code(f.whom()), escaped(s.Name))
		}
		if s.More > 0 {
			fmt.Fprintf(b, "\nand %s in step %s\n", amount(s.More, "more findings"), escaped(s.Name))
		}
	}
}

// byKind says how many records and tokens of each kind there are, and how many of
// these under stolen keys.
func (t *Totals) byKind() []string {
	var lines []string
	for _, kind := range sortedKeys(t.Kinds) {
		lines = append(lines, kind+": "+t.Kinds[kind].counts(kind))
	}
	if t.Acts > 0 || t.Equivocations > 0 {
		lines = append(lines, fmt.Sprintf("of the entries: %s, %s", amount(t.Acts, "acts"), amount(t.Equivocations, "equivocations")))
	}
	if t.Stolen == nil {
		return lines
	}
	lines = append(lines, fmt.Sprintf("under stolen keys: %s, %s", amount(t.Stolen.Entries, "entries"), amount(t.Stolen.Records, "records")))
	for _, kind := range sortedKeys(t.Stolen.Kinds) {
		lines = append(lines, "under stolen keys, "+kind+": "+t.Stolen.Kinds[kind].counts(kind))
	}
	return lines
}

// code is a text as a code span, whose fence is longer than any in the text.
func code(s string) string {
	s = plain(s)
	if strings.TrimSpace(s) == "" {
		return "(nothing)"
	}
	longest, run := 0, 0
	for _, c := range s {
		if run++; c != '`' {
			run = 0
		}
		longest = max(longest, run)
	}
	fence := strings.Repeat("`", longest+1)
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") || strings.HasPrefix(s, " ") && strings.HasSuffix(s, " ") {
		s = " " + s + " " // one on each side is no part of the span
	}
	return fence + s + fence
}

// escaped is one of our own words, with whatever Markdown could read into it
// escaped.
func escaped(s string) string {
	var b strings.Builder
	for _, c := range plain(s) {
		if c < 0x80 && strings.ContainsRune("\\`*_{}[]()<>#+-.!|~&@:\"'$^=/", c) {
			b.WriteByte('\\')
		}
		b.WriteRune(c)
	}
	return b.String()
}
