package profile

import (
	"slices"
	"strings"
)

// An Outcome is what came of one rule.
type Outcome string

// Outcomes.
const (
	Passed        Outcome = "passed"
	Failed        Outcome = "failed"
	NotChecked    Outcome = "not checked"
	NotApplicable Outcome = "not applicable"
)

// A Verdict is what the check of a profile comes to.
type Verdict string

// Verdicts, in the order in which they prevail where several profiles are summed.
const (
	Fails     Verdict = "failed"
	Unchecked Verdict = "not checked"
	Holds     Verdict = "holds"
	OutOf     Verdict = "not applicable"
)

// Exit returns the exit code of the verdict, in the house's numbers.
func (v Verdict) Exit() int {
	switch v {
	case Holds, OutOf:
		return 0
	case Fails:
		return 1
	}
	return 2
}

// ResultFormat is the version of a result's JSON.
const ResultFormat = 1

// Notice is what every result says of itself. SPEC(PRO-12)
const Notice = "This is a check of what can be seen in bytes and declarations; it is not legal advice, and no verdict says that a law is kept."

// A Result is what a profile says of one subject. Members are only ever added to
// its JSON. SPEC(PRO-13)
type Result struct {
	Format   int          `json:"format"`
	Profile  string       `json:"profile"`
	Version  int          `json:"version"` // of the profile
	Title    string       `json:"title"`
	Law      Law          `json:"law"`
	Modality Modality     `json:"modality,omitempty"` // empty: not known
	Verdict  Verdict      `json:"verdict"`
	Rules    []RuleResult `json:"rules"`
	Note     string       `json:"note"`
	Notice   string       `json:"notice"`
}

// RuleResult is what came of one rule.
type RuleResult struct {
	ID       string   `json:"id"`
	Clause   string   `json:"clause"`
	Of       Of       `json:"of"`
	Severity Severity `json:"severity"`
	Known    Known    `json:"known"`
	Says     string   `json:"says"`
	Outcome  Outcome  `json:"outcome"`
	Reason   string   `json:"reason,omitempty"` // what was found, was missing, or makes it not applicable
}

// Check holds a subject to a profile that All or Find gave.
func Check(p *Profile, s Subject) Result {
	result := Result{
		Format: ResultFormat, Profile: p.ID, Version: p.Version, Title: p.Title, Law: p.Law,
		Modality: s.modality(), Note: p.Note, Notice: Notice,
	}
	outcome, reason := p.covers(&s)
	for i := range p.Rules {
		rule := &p.Rules[i]
		done := RuleResult{
			ID: rule.ID, Clause: rule.Clause, Of: rule.Of, Severity: rule.Severity, Known: rule.Known, Says: rule.Says,
			Outcome: outcome, Reason: reason,
		}
		if outcome == Passed {
			done.Outcome, done.Reason = rule.judge(&s)
		}
		result.Rules = append(result.Rules, done)
	}
	result.Verdict = verdictOf(result.Rules)
	return result
}

// covers tells whether the profile asks anything of the subject: Passed where it
// does, NotChecked where that cannot be told. SPEC(PRO-3)
func (p *Profile) covers(s *Subject) (Outcome, string) {
	since, err := p.Law.inForce()
	if err != nil {
		return NotChecked, err.Error()
	}
	if s.At != 0 && s.At < since {
		return NotApplicable, "the law is in force from " + p.Law.Since + " on"
	}
	if len(p.Scope) < len(Modalities()) {
		modality := s.modality()
		if modality == "" {
			return NotChecked, "the content's modality is not known"
		}
		if !slices.Contains(p.Scope, modality) {
			return NotApplicable, "the profile covers " + joined(p.Scope, ", ") + "; this is " + string(modality)
		}
	}
	if p.Applies == nil {
		return Passed, ""
	}
	switch j := p.Applies.judge(s); j.truth {
	case no:
		return NotApplicable, strings.Join(j.why, "; ")
	case unknown:
		return NotChecked, strings.Join(j.why, "; ")
	}
	return Passed, ""
}

// judge gives the outcome of one rule of a profile that covers the subject. A
// condition of which nobody can tell whether it is met does not excuse: only a
// requirement that is met whatever the condition passes. SPEC(PRO-10)
func (r *Rule) judge(s *Subject) (Outcome, string) {
	condition := judgement{truth: yes}
	if r.When != nil {
		condition = r.When.judge(s)
	}
	if condition.truth == no {
		return NotApplicable, strings.Join(condition.why, "; ")
	}
	required := r.Require.judge(s)
	switch {
	case required.truth == yes:
		return Passed, ""
	case condition.truth == unknown:
		return NotChecked, strings.Join(condition.why, "; ")
	case required.truth == unknown:
		return NotChecked, strings.Join(required.why, "; ")
	}
	return Failed, strings.Join(required.why, "; ")
}

// verdictOf sums outcomes; what only should be does not fail. SPEC(PRO-11)
func verdictOf(rules []RuleResult) Verdict {
	verdict := OutOf
	for _, r := range rules {
		switch {
		case r.Outcome == NotApplicable:
		case r.Severity == Must && r.Outcome == Failed:
			return Fails
		case r.Severity == Must && r.Outcome == NotChecked:
			verdict = Unchecked
		case verdict == OutOf:
			verdict = Holds
		}
	}
	return verdict
}

// Sum returns the verdict on several profiles: the first of Fails, Unchecked,
// Holds that one of them has, else OutOf.
func Sum(results []Result) Verdict {
	for _, v := range []Verdict{Fails, Unchecked, Holds} {
		for _, r := range results {
			if r.Verdict == v {
				return v
			}
		}
	}
	return OutOf
}
