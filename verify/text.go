package verify

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"tokentrail/provenance"
)

// widest bounds what a node's own words may take of a line: it can answer with
// anything.
const widest = 400

// columns is how wide a line of text is, where words allow it. SPEC(VER-52)
const columns = 80

// WriteText writes the report for people: the verdict first, then what it
// stands on, each step, each finding, the totals, and what was assumed. Whatever
// came from a node is stripped of what could steer a terminal. SPEC(VER-52),
// SPEC(VER-55)
func (r *Report) WriteText(w io.Writer) error {
	b := &strings.Builder{}
	folded(b, "", "", fmt.Sprintf("%s (exit %d): %s", strings.ToUpper(string(r.Verdict)), r.Exit(), r.inWords())+r.accused())
	b.WriteString("\n")
	for _, f := range r.facts() {
		folded(b, fmt.Sprintf("%-9s", f.name), strings.Repeat(" ", 9), f.value)
	}
	b.WriteString("\n")
	r.writeSteps(b)
	for _, s := range r.Steps {
		writeFindings(b, s)
	}
	r.writeNotices(b)
	r.writeCoverage(b)
	r.writeTotals(b)
	if len(r.Assumptions) > 0 {
		b.WriteString("\nAssumed:\n")
	}
	for _, a := range r.Assumptions {
		folded(b, "  - ", "    ", a)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// folded writes one paragraph of what anybody said: first before its first line,
// rest before each other one.
func folded(b *strings.Builder, first, rest, said string) {
	line, width, begun := first, utf8.RuneCountInString(first), false
	for _, word := range strings.Fields(plain(said)) {
		n := utf8.RuneCountInString(word)
		switch {
		case begun && width+1+n > columns:
			b.WriteString(strings.TrimRight(line, " ") + "\n")
			line, width = rest+word, utf8.RuneCountInString(rest)+n
		case begun:
			line, width = line+" "+word, width+1+n
		default:
			line, width, begun = line+word, width+n, true
		}
	}
	b.WriteString(strings.TrimRight(line, " ") + "\n")
}

// inWords says what the verdict means here.
func (r *Report) inWords() string {
	var undone []string
	for _, s := range r.Steps {
		if s.Outcome == NotChecked {
			undone = append(undone, s.Name)
		}
	}
	said := "nothing was found"
	if r.Against.all() > 0 {
		said = r.Against.says()
	}
	switch r.Verdict {
	case Evidence:
		return r.Against.says()
	case Expired:
		return "the trusted header is older than the trusting period; get a newer one from where you got it"
	case Unchecked:
		return "not carried through: " + strings.Join(undone, ", ") + "; " + said
	}
	if len(undone) > 0 {
		return "every step that the verdict needs was carried through (not checked: " + strings.Join(undone, ", ") + "); " + said
	}
	return "every step was carried through; " + said
}

// accused are the providers that the report speaks against, as the end of a
// sentence.
func (r *Report) accused() string {
	if names := r.Against.names(); names != "" {
		return " (" + names + ")"
	}
	return ""
}

// A fact is something that a report stands on.
type fact struct{ name, value string }

// facts are what the report stands on, for people.
func (r *Report) facts() []fact {
	var facts []fact
	if r.From != "" {
		facts = append(facts, fact{"From", r.From})
	}
	facts = append(facts, fact{"Trust", r.Trust.Says})
	if h := r.Trust.GenesisHash; h != nil {
		facts = append(facts, fact{"Genesis", fmt.Sprintf("%s from the %s", h, r.Trust.GenesisFrom)})
	}
	if l := r.Ledger; l != nil {
		facts = append(facts, fact{"Ledger", l.Origin},
			fact{"Header", fmt.Sprintf("%d of %s, hash %s", l.Height, l.Time, l.Header)},
			fact{"App hash", l.AppHash.String()},
			fact{"Log", fmt.Sprintf("%s, root %s", amount(l.LogSize, "entries"), l.LogRoot)})
	}
	if r.Exhibit != nil {
		facts = append(facts, r.Exhibit.facts()...)
	}
	for _, e := range r.Exhibits {
		facts = append(facts, e.facts()...)
	}
	facts = append(facts, streamFacts(r.Streams)...)
	if k := r.Trust.Kept; k != nil {
		facts = append(facts, fact{"Kept", k.says()})
	}
	return append(facts, r.Fork.facts()...)
}

// writeSteps writes each step on a line, and those that were not begun for one
// reason together.
func (r *Report) writeSteps(b *strings.Builder) {
	const margin = "             "
	idle := r.idle()
	for _, s := range r.Steps {
		if names := idle[s.Reason]; s.idle() && len(names) > 1 {
			if names[0] == s.Name {
				folded(b, fmt.Sprintf("%-13s", s.Outcome), margin, strings.Join(names, ", "))
				folded(b, margin+"  ", margin+"  ", s.Reason)
			}
			continue
		}
		folded(b, fmt.Sprintf("%-13s%-13s", s.Outcome, s.Name), margin, s.counts())
		if s.Reason != "" {
			folded(b, margin+"  ", margin+"  ", s.Reason)
		}
	}
}

// counts says how much the step looked at, and found.
func (s *Step) counts() string {
	counts := amount(s.Checked, s.What)
	if n := int64(len(s.Findings)) + s.More; n > 0 {
		counts += ", " + amount(n, "findings")
	}
	return counts
}

// idle returns the names of the steps that looked at nothing, by the reason.
func (r *Report) idle() map[string][]string {
	idle := map[string][]string{}
	for _, s := range r.Steps {
		if s.idle() {
			idle[s.Reason] = append(idle[s.Reason], s.Name)
		}
	}
	return idle
}

// idle reports whether the step looked at nothing.
func (s *Step) idle() bool {
	return s.Outcome == NotChecked && s.Reason != "" && s.Checked == 0 && len(s.Findings) == 0
}

// whom says whom a finding speaks against.
func (f *Finding) whom() string {
	switch f.Against {
	case AgainstProvider:
		return "against the provider " + f.Provider
	case AgainstFile:
		return "against the file"
	}
	return "against the ledger"
}

func writeFindings(b *strings.Builder, s *Step) {
	for _, f := range s.Findings {
		b.WriteString("\n")
		folded(b, "", "  ", fmt.Sprintf("%s at %s", f.Code, f.Place))
		folded(b, "  wanted  ", "          ", f.Want)
		folded(b, "  got     ", "          ", f.Got)
		folded(b, "  see     ", "          ", f.How)
		folded(b, "  speaks  ", "          ", fmt.Sprintf("%s, step %s", f.whom(), s.Name))
	}
	if s.More > 0 {
		b.WriteString("\n")
		folded(b, "", "  ", fmt.Sprintf("and %s in step %s", amount(s.More, "more findings"), s.Name))
	}
}

// writeNotices writes what is told of providers. It is no part of the verdict,
// and stands beside it so that nobody overlooks it.
func (r *Report) writeNotices(b *strings.Builder) {
	if len(r.Notices) == 0 {
		return
	}
	b.WriteString("\nOf providers, in evidence on the ledger:\n")
	for i := range r.Notices {
		folded(b, "  - ", "    ", r.Notices[i].told())
	}
	if r.MoreNotices > 0 {
		folded(b, "  - ", "    ", "and "+amount(r.MoreNotices, "more notices"))
	}
}

// told is the notice in words.
func (n *Notice) told() string {
	said := n.Kind
	if n.Finding != nil {
		said += " of " + n.Provider
	}
	if n.Entry >= 0 {
		said += fmt.Sprintf(" in entry %d", n.Entry)
	}
	return said + ": " + n.Says
}

func (r *Report) writeTotals(b *strings.Builder) {
	t := r.Totals
	b.WriteString("\n")
	folded(b, "", "", fmt.Sprintf("%s, in %s ms (%s records/s)", t.counts(), group(t.Millis), group(t.PerSecond)))
	writeKinds(b, t.Kinds)
	if t.Acts > 0 || t.Equivocations > 0 {
		folded(b, "", "", fmt.Sprintf("Of the entries %s, %s", amount(t.Acts, "acts"), amount(t.Equivocations, "equivocations")))
	}
	if t.Stolen != nil {
		folded(b, "", "", fmt.Sprintf("Of these under stolen keys %s, %s", amount(t.Stolen.Entries, "entries"), amount(t.Stolen.Records, "records")))
		writeKinds(b, t.Stolen.Kinds)
	}
}

// counts says how much was looked at. An exhibit shows no streams, so none are counted.
func (t *Totals) counts() string {
	counts := fmt.Sprintf("%s, %s, %s", amount(t.Headers, "headers"), amount(t.Entries, "entries"), amount(t.Records, "records"))
	if t.Streams > 0 || t.Providers > 0 {
		counts += fmt.Sprintf(", %s of %s", amount(t.Streams, "streams"), amount(t.Providers, "providers"))
	}
	return counts
}

func writeKinds(b *strings.Builder, kinds map[string]*KindTotals) {
	for _, kind := range sortedKeys(kinds) {
		folded(b, fmt.Sprintf("  %-13s", plain(kind)), "               ", kinds[kind].counts(kind))
	}
}

// counts says how many records and tokens of a kind there are.
func (k *KindTotals) counts(kind string) string {
	counts := fmt.Sprintf("%s %s", separated(k.Records.String()), named(k.Records.String(), "records"))
	if !k.Input.IsZero() || !k.Output.IsZero() || countsTokens(kind) {
		counts += fmt.Sprintf(", %s input and %s output tokens", separated(k.Input.String()), separated(k.Output.String()))
	}
	return counts
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

// days writes a period in days where it is of whole ones.
func days(d time.Duration) string {
	const day = 24 * time.Hour
	if d >= day && d%day == 0 {
		return amount(int64(d/day), "days")
	}
	return d.String()
}
