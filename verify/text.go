package verify

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"tokentrail/provenance"
)

// widest bounds what a node's own words may take of a line: it can answer with
// anything.
const widest = 400

// WriteText writes the report for people: the verdict first, then what it
// stands on, each step, each finding, and the totals. Lines are plain text;
// whatever came from a node is stripped of what could steer a terminal.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (exit %d)\n\n", strings.ToUpper(string(r.Verdict)), r.Exit())
	fmt.Fprintf(&b, "Trust    %s\n", plain(r.Trust.Says))
	if h := r.Trust.GenesisHash; h != nil {
		fmt.Fprintf(&b, "Genesis  %s (from the %s)\n", h, plain(r.Trust.GenesisFrom))
	}
	if l := r.Ledger; l != nil {
		fmt.Fprintf(&b, "Ledger   %s\n", plain(l.Origin))
		fmt.Fprintf(&b, "Header   %d, %s\n         %s\n", l.Height, plain(l.Time), l.Header)
		fmt.Fprintf(&b, "App hash %s\n", l.AppHash)
	}
	b.WriteString("\n")
	for _, s := range r.Steps {
		fmt.Fprintf(&b, "%-11s  %-11s  %s %s", s.Outcome, s.Name, group(s.Checked), s.What)
		if n := int64(len(s.Findings)) + s.More; n > 0 {
			fmt.Fprintf(&b, ", %s %s", group(n), map[bool]string{true: "finding", false: "findings"}[n == 1])
		}
		if s.Reason != "" {
			fmt.Fprintf(&b, ": %s", plain(s.Reason))
		}
		b.WriteString("\n")
	}
	for _, s := range r.Steps {
		writeFindings(&b, s)
	}
	r.writeTotals(&b)
	if len(r.Assumptions) > 0 {
		b.WriteString("\nAssumed:\n")
	}
	for _, a := range r.Assumptions {
		fmt.Fprintf(&b, "  %s\n", plain(a))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func writeFindings(b *strings.Builder, s *Step) {
	for _, f := range s.Findings {
		fmt.Fprintf(b, "\n%s at %s\n  wanted  %s\n  got     %s\n  see     %s\n",
			plain(string(f.Code)), plain(f.Place), plain(f.Want), plain(f.Got), plain(f.How))
	}
	if s.More > 0 {
		fmt.Fprintf(b, "\nand %s more findings in step %s\n", group(s.More), s.Name)
	}
}

func (r *Report) writeTotals(b *strings.Builder) {
	t := r.Totals
	fmt.Fprintf(b, "\n%s headers, %s entries, %s records, %s streams of %s providers, in %d ms (%s records/s)\n",
		group(t.Headers), group(t.Entries), group(t.Records), group(t.Streams), group(t.Providers), t.Millis, group(t.PerSecond))
	for _, kind := range sortedKeys(t.Kinds) {
		k := t.Kinds[kind]
		fmt.Fprintf(b, "  %-12s %s records", plain(kind), separated(k.Records.String()))
		if !k.Input.IsZero() || !k.Output.IsZero() || countsTokens(kind) {
			fmt.Fprintf(b, ", %s input and %s output tokens", separated(k.Input.String()), separated(k.Output.String()))
		}
		b.WriteByte('\n')
	}
}

// countsTokens reports whether records of a kind count tokens at all.
func countsTokens(kind string) bool {
	return slices.ContainsFunc(provenance.FlowKinds(), func(k provenance.Kind) bool { return k.String() == kind })
}

// group writes a number with a comma every three digits.
func group(n int64) string { return separated(strconv.FormatInt(n, 10)) }

// separated puts a comma before every three digits.
func separated(s string) string {
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// plain makes a text of unknown origin safe to print on one line.
func plain(s string) string {
	clean := strings.Map(func(c rune) rune {
		switch {
		case c == utf8.RuneError:
			return '?'
		case unicode.IsSpace(c):
			return ' '
		case !unicode.IsPrint(c):
			return '?'
		}
		return c
	}, s)
	if utf8.RuneCountInString(clean) > widest {
		return string([]rune(clean)[:widest]) + "…"
	}
	return clean
}
