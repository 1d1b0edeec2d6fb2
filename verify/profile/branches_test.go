package profile

import (
	"testing"

	"tokentrail/provenance"
	"tokentrail/provenance/label"
)

// A branch is a further example of a rule: the other way to pass or to fail, or
// a condition that is not met.
type branch struct {
	rule string
	edit edit
	want Outcome
}

var (
	unlogged   = onLabel(func(l *provenance.Label) { l.Marks = nil })
	propagated = onLabel(func(l *provenance.Label) { l.Propagator, l.PropagateID = "Platform", "p-1" })
	noRef      = func(s *Subject) { s.Record.Ref = []byte("img-9") }
	noModel    = func(s *Subject) { s.Record.Model.Version = "" }
	foreign    = onC2PA(func(c *label.C2PA) { c.Actions[0].SourceType = captured })
)

func marks(n int64) edit { return onLabel(func(l *provenance.Label) { l.Marks = ptr(n) }) }

var branches = []branch{
	{"CN-7", asIs, Passed},
	{"CN-9", noRef, Passed},
	{"CN-10", onAIGC(func(a *label.AIGC) { a.ContentPropagator = "" }), Failed},
	{"CN-11", propagated, NotApplicable},
	{"CN-11", onAIGC(func(a *label.AIGC) { a.ContentPropagator = "Platform" }), Failed},
	{"CN-12", asIs, NotApplicable},
	{"CN-12", both(propagated, onAIGC(func(a *label.AIGC) { a.ContentPropagator = "Platform" })), Failed},
	{"CN-12", both(propagated, onAIGC(func(a *label.AIGC) { a.PropagateID = "p-1" })), Failed},
	{"CN-13", noAIGC, NotApplicable},
	{"CN-13", func(s *Subject) { s.File.AIGC = &label.AIGC{Label: "1"} }, Passed},
	{"CN-13", onAIGC(func(a *label.AIGC) { a.ContentProducer = "" }), Passed},
	{"CN-13", onAIGC(func(a *label.AIGC) { a.ProduceID = `a"b` }), Failed},
	{"CN-13", onAIGC(func(a *label.AIGC) { a.ContentPropagator = `a\b` }), Failed},
	{"CN-13", onAIGC(func(a *label.AIGC) { a.PropagateID = "平台" }), Failed},
	{"CN-15", both(noMark, noAIGC), NotApplicable},
	{"CN-15", both(unlogged, noAIGC), NotApplicable},
	{"CN-17", onLabel(func(l *provenance.Label) { l.ProducerCode = "" }), Passed},
	{"CN-19", asIs, Passed},
	{"CN-19", noExplicit, Failed},
	{"CN-20", agreed, Failed},
	{"CN-20", onExplicit(func(e *provenance.Explicit) { e.Agreement = "terms-4" }), NotApplicable},
	{"CN-20", unapplied, NotApplicable},
	{"CN-21", asIs, NotApplicable},
	{"CN-21", as(1, label.Markdown, unapplied), NotApplicable},
	{"CN-22", both(unapplied, height(0)), NotApplicable},
	{"CN-22", as(1, label.Markdown, height(0)), NotApplicable},
	{"CN-22", onExplicit(func(e *provenance.Explicit) { e.Height = nil }), Failed},
	{"CN-23", asIs, NotApplicable},
	{"CN-23", as(4, label.MP4, unapplied), NotApplicable},
	{"CN-24", asIs, NotApplicable},
	{"CN-24", as(3, label.MP4, form(3)), Passed},
	{"CN-24", as(3, label.MP4, unapplied), NotApplicable},

	{"EU-6", onLabel(func(l *provenance.Label) { l.Seal = nil }), Passed},
	{"EU-8", marks(4), Passed},
	{"EU-10", func(s *Subject) { s.Record.Content, s.Commitment = nil, ptr(false) }, NotApplicable},
	{"EU-11", both(noMark, unmarked), NotApplicable},
	{"EU-12", both(nameless, onLabel(func(l *provenance.Label) { l.System = "acme 2" })), Passed},
	{"EU-13", unapplied, NotApplicable},
	{"EU-14", noExplicit, NotApplicable},
	{"EU-14", as(1, label.Markdown), Passed},
	{"EU-14", as(1, label.Markdown, noExplicit, onLabel(func(l *provenance.Label) { l.Oversight = 3 })), Failed},

	{"CA-2", noC2PA, Passed},
	{"CA-4", noModel, Passed},
	{"CA-4", nameless, Failed},
	{"CA-7", noC2PA, Passed},
	{"CA-8", noAIGC, NotApplicable},
	{"CA-8", noRef, Passed},

	{"IN-3", noC2PA, Passed},
	{"IN-5", noAIGC, NotApplicable},
	{"IN-5", noRef, Passed},
	{"IN-6", both(noMark, unmarked), NotApplicable},

	{"KR-3", unapplied, Passed},
	{"KR-4", both(noMark, unmarked), NotApplicable},
	{"KR-5", unapplied, NotApplicable},
	{"KR-5", as(1, label.Markdown, deepfake, unapplied), NotApplicable},
	{"KR-6", form(0), NotApplicable},
	{"KR-6", as(1, label.Markdown, deepfake, form(0)), NotApplicable},

	{"C2PA-2", onC2PA(func(c *label.C2PA) { c.Actions = c.Actions[1:] }), Failed},
	{"C2PA-3", both(edited, onC2PA(func(c *label.C2PA) { c.Actions[0].SourceType = "" })), NotApplicable},
	{"C2PA-5", both(foreign, onLabel(func(l *provenance.Label) { l.Status = 2 })), NotApplicable},
	{"C2PA-5", both(foreign, edited), NotApplicable},
	{"C2PA-6", both(foreign, notSynth), NotApplicable},
	{"C2PA-7", onLabel(func(l *provenance.Label) { l.SourceType = "" }), NotApplicable},
	{"C2PA-7", both(edited, foreign), NotApplicable},
	{"C2PA-8", noSource, NotApplicable},
	{"C2PA-8", both(edited, foreign), NotApplicable},
	{"C2PA-9", func(s *Subject) { s.File.C2PA, s.Signature = nil, ptr(false) }, NotApplicable},
}

// allBranches returns the branches of a rule, its two examples first.
func allBranches(rule string) []branch {
	all := []branch{{rule, examples[rule].pass, Passed}, {rule, examples[rule].fail, Failed}}
	for _, b := range branches {
		if b.rule == rule {
			all = append(all, b)
		}
	}
	return all
}

func TestBranches(t *testing.T) {
	tried := 0
	for _, p := range All() {
		for _, rule := range p.Rules {
			for _, b := range allBranches(rule.ID)[2:] {
				expect(t, &p, rule, b.edit, b.want)
				tried++
			}
		}
	}
	if tried != len(branches) {
		t.Errorf("%d of %d branches are of a rule", tried, len(branches))
	}
}

// leaves returns the tests of single fields that a rule is made of.
func leaves(p *Predicate) []*Predicate {
	switch {
	case p == nil:
		return nil
	case p.Field != "":
		return []*Predicate{p}
	}
	var all []*Predicate
	for _, part := range p.parts() {
		all = append(all, leaves(part)...)
	}
	return all
}

// TestEachTestMatters puts yes, then no in the place of each single test of each
// rule, and wants some example of the rule to notice.
func TestEachTestMatters(t *testing.T) {
	for _, answer := range []value{{items: []any{true}}, {}} {
		forced := &Field{Name: "forced", read: func(*Subject) value { return answer }}
		for _, p := range All() {
			for i := range p.Rules {
				rule := &p.Rules[i]
				for _, leaf := range append(leaves(rule.When), leaves(&rule.Require)...) {
					kept := *leaf
					leaf.test, leaf.field = &present, forced
					noticed := false
					for _, b := range allBranches(rule.ID) {
						s := labelled()
						b.edit(&s)
						got, _ := rule.judge(&s)
						noticed = noticed || got != b.want
					}
					*leaf = kept
					if !noticed {
						t.Errorf("%s: no example notices that %s is always so: %t", rule.ID, leaf, len(answer.items) > 0)
					}
				}
			}
		}
	}
}
