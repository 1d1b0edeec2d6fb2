package verify_test

import (
	"slices"
	"strings"
	"testing"

	"tokentrail/verify"
)

// An attack is one thing that a lying node, its validators or an exhibit do, and
// what it has to end in, as outcomeOf puts it. tell makes it and verifies.
type attack struct {
	name string
	want string
	tell func(t testing.TB) *verify.Report
}

// attacks are all attacks that there are: whoever adds a code to the table of
// spec/verify.md adds one that provokes it.
func attacks() []attack {
	return slices.Concat(lieAttacks(), routeLies(), exhibitLies(), traceAttacks(), streamLies(), contentAttacks())
}

// lieAttacks are the lies, of which each has a ledger and a place of its own.
func lieAttacks() []attack {
	var all []attack
	for _, l := range allLies() {
		want := string(l.want) + " at " + l.place
		for _, code := range l.also {
			want += "; " + string(code)
		}
		all = append(all, attack{l.name, want, l.tell})
	}
	return all
}

// outcomeOf says what a verification ended in: the codes of its findings, the first
// with its place, or the first step that it could not check, or that it holds.
func outcomeOf(r *verify.Report) string {
	var codes []string
	for _, f := range r.Findings() {
		switch code := string(f.Code); {
		case len(codes) == 0:
			codes = append(codes, code+" at "+f.Place)
		case !slices.Contains(codes, code) && !strings.HasPrefix(codes[0], code+" at "):
			codes = append(codes, code)
		}
	}
	if len(codes) > 0 {
		return strings.Join(codes, "; ")
	}
	for _, s := range r.Steps {
		if s.Outcome == verify.NotChecked && !s.Optional {
			return "not checked: " + s.Name
		}
	}
	return "holds"
}

// provoked reports whether an outcome is the wanted one: the same codes, in
// whatever order, and the place of the wanted one, which may be longer.
func provoked(r *verify.Report, want string) bool {
	if strings.HasPrefix(want, "holds: ") {
		return r.Verdict == verify.Holds
	}
	if strings.HasPrefix(want, "not checked: ") {
		return r.Verdict == verify.Unchecked && outcomeOf(r) == want
	}
	wanted := strings.Split(want, "; ")
	code, place, _ := strings.Cut(wanted[0], " at ")
	wanted[0] = code
	there := false
	var codes []string
	for _, f := range r.Findings() {
		there = there || string(f.Code) == code && strings.HasPrefix(f.Place, place)
		if !slices.Contains(codes, string(f.Code)) {
			codes = append(codes, string(f.Code))
		}
	}
	slices.Sort(codes)
	slices.Sort(wanted)
	return there && r.Exit() == 1 && slices.Equal(codes, wanted)
}

// TestAttacks makes every attack, and wants exactly its findings and none that
// passes, in a report that meets the schema (SPEC(VER-56)); and that every code that
// there is, is provoked by one.
func TestAttacks(t *testing.T) {
	made, unchecked, harmless, told := 0, 0, 0, map[string]bool{}
	names, form := map[string]bool{}, schema(t)
	for _, a := range attacks() {
		if names[a.name] {
			t.Errorf("two attacks are called %s", a.name)
		}
		names[a.name] = true
		code, _, _ := strings.Cut(a.want, " at ")
		told[code] = true
		t.Run(a.name, func(t *testing.T) {
			r := a.tell(t)
			if !provoked(r, a.want) {
				t.Errorf("it ends in %s; wanted %s:\n%s", outcomeOf(r), a.want, text(r))
			}
			if err := form.Validate(document(t, r)); err != nil && !strings.HasPrefix(a.name, "trace, ") { // which has no report
				t.Errorf("its report: %v", err)
			}
			for _, f := range r.Findings() {
				if f.How == "" || f.Want == "" || f.Got == "" || f.Place == "" {
					t.Errorf("the finding lacks evidence: %+v", f)
				}
			}
			switch r.Exit() {
			case 1:
				made++
			case 2:
				unchecked++
			case 0: // provoked has it that this is wanted, and why
				harmless++
			}
		})
	}
	codes := 0
	for _, rule := range verify.Rules() {
		if told[string(rule.Code)] {
			codes++
		} else {
			t.Errorf("no attack provokes the finding %s", rule.Code)
		}
	}
	t.Logf("%d attacks end in the findings that are wanted, %d in what could not be checked; %d change nothing that anybody rests on; %d of %d codes are provoked",
		made, unchecked, harmless, codes, len(verify.Rules()))
	if made < 60 {
		t.Errorf("%d attacks, wanted 60 at least", made)
	}
}

// TestAttacksUnderAHeader makes the attacks on the log, on proofs, derived answers
// and routes again, on an auditor who trusts the first header and skips others: what
// is found from genesis is found then too, but in headers that are not read.
func TestAttacksUnderAHeader(t *testing.T) {
	made := 0
	for _, l := range slices.Concat(logLies(), proofLies(), answerLies()) {
		if l.trust != nil {
			continue
		}
		l.trust = func(l *ledger) []verify.Trust { return []verify.Trust{l.at(1)} }
		made++
		r := l.tell(t)
		if !slices.ContainsFunc(r.Findings(), func(f *verify.Finding) bool { return f.Code == l.want }) {
			t.Errorf("%s: no %s:\n%s", l.name, l.want, text(r))
		}
	}
	for _, route := range sortedKeysOf(routeWants) {
		for _, m := range manners() {
			want, fits := routeWants[route][m.name]
			if !fits || strings.HasPrefix(want, "holds: ") {
				continue
			}
			made++
			if r, changed := tellOn(t, route, m, func(l *ledger) verify.Trust { return l.at(1) }); changed && r.Exit() == 0 {
				t.Errorf("%s, %s: nothing is found under a header", route, m.name)
			}
		}
	}
	t.Logf("%d attacks under a header", made)
}
