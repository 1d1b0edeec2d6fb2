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
	r.writeSteps(&b)
	if r.Against.Ledger+r.Against.Providers > 0 {
		fmt.Fprintf(&b, "\n%s\n", plain(r.Against.says()))
	}
	for _, s := range r.Steps {
		writeFindings(&b, s)
	}
	r.writeNotices(&b)
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

// writeSteps writes each step on a line, and those that were not begun for one
// reason on one.
func (r *Report) writeSteps(b *strings.Builder) {
	idle := map[string][]string{} // names of steps, by the reason
	for _, s := range r.Steps {
		if s.idle() {
			idle[s.Reason] = append(idle[s.Reason], s.Name)
		}
	}
	for _, s := range r.Steps {
		if names := idle[s.Reason]; s.idle() && len(names) > 1 {
			if names[0] == s.Name {
				fmt.Fprintf(b, "%-11s  %s: %s\n", s.Outcome, strings.Join(names, ", "), plain(s.Reason))
			}
			continue
		}
		fmt.Fprintf(b, "%-11s  %-11s  %s", s.Outcome, s.Name, amount(s.Checked, s.What))
		if n := int64(len(s.Findings)) + s.More; n > 0 {
			fmt.Fprintf(b, ", %s", amount(n, "findings"))
		}
		if s.Reason != "" {
			fmt.Fprintf(b, ": %s", plain(s.Reason))
		}
		b.WriteString("\n")
	}
}

// idle reports whether the step looked at nothing.
func (s *Step) idle() bool {
	return s.Outcome == NotChecked && s.Reason != "" && s.Checked == 0 && len(s.Findings) == 0
}

func writeFindings(b *strings.Builder, s *Step) {
	for _, f := range s.Findings {
		fmt.Fprintf(b, "\n%s at %s\n  wanted  %s\n  got     %s\n  see     %s\n",
			plain(string(f.Code)), plain(f.Place), plain(f.Want), plain(f.Got), plain(f.How))
	}
	if s.More > 0 {
		fmt.Fprintf(b, "\nand %s in step %s\n", amount(s.More, "more findings"), s.Name)
	}
}

// writeNotices writes what the log shows of providers. It is no part of the
// verdict, and stands beside it so that nobody overlooks it.
func (r *Report) writeNotices(b *strings.Builder) {
	if len(r.Notices) == 0 {
		return
	}
	b.WriteString("\nOf providers, in evidence on the ledger:\n")
	for _, n := range r.Notices {
		fmt.Fprintf(b, "  %s in entry %d: %s\n", plain(n.Kind), n.Entry, plain(n.Says))
	}
	if r.MoreNotices > 0 {
		fmt.Fprintf(b, "  and %s\n", amount(r.MoreNotices, "more notices"))
	}
}

func (r *Report) writeTotals(b *strings.Builder) {
	t := r.Totals
	fmt.Fprintf(b, "\n%s, %s, %s, %s of %s, in %d ms (%s records/s)\n",
		amount(t.Headers, "headers"), amount(t.Entries, "entries"), amount(t.Records, "records"),
		amount(t.Streams, "streams"), amount(t.Providers, "providers"), t.Millis, group(t.PerSecond))
	writeKinds(b, t.Kinds)
	if t.Acts > 0 || t.Equivocations > 0 {
		fmt.Fprintf(b, "Of the entries %s, %s\n", amount(t.Acts, "acts"), amount(t.Equivocations, "equivocations"))
	}
	if t.Stolen != nil {
		fmt.Fprintf(b, "Of these under stolen keys %s, %s\n", amount(t.Stolen.Entries, "entries"), amount(t.Stolen.Records, "records"))
		writeKinds(b, t.Stolen.Kinds)
	}
}

func writeKinds(b *strings.Builder, kinds map[string]*KindTotals) {
	for _, kind := range sortedKeys(kinds) {
		k := kinds[kind]
		fmt.Fprintf(b, "  %-12s %s %s", plain(kind), separated(k.Records.String()), named(k.Records.String(), "records"))
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

// amount writes a number with the name of what it counts, given for many.
func amount(n int64, many string) string {
	digits := strconv.FormatInt(n, 10)
	return separated(digits) + " " + named(digits, many)
}

// named is the name of what a number counts: many, but of one.
func named(digits, many string) string {
	if digits != "1" && digits != "-1" {
		return many
	}
	for _, ending := range [][2]string{{"ies", "y"}, {"hes", "h"}, {"s", ""}} {
		if one, found := strings.CutSuffix(many, ending[0]); found {
			return one + ending[1]
		}
	}
	return many
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
