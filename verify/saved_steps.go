package verify

import (
	"slices"

	"tokentrail/provenance"
)

// Steps whose findings an audit that goes on from a done one has to tell again:
// they are about what it does not look at any more. What the others say is of the
// node's answers under one head. SPEC(VER-44)
var lastingSteps = []string{"genesis", "headers", "log", "policy", "roots", "validators", "corrections"}

// savedSteps returns what the steps have found.
func (a *audit) savedSteps() []savedStep {
	var steps []savedStep
	for _, s := range a.rep.Steps {
		steps = append(steps, savedStep{s.Name, s.Checked, s.Findings, s.More, s.beyond, s.notices.kept, s.notices.more})
	}
	return steps
}

// restore gives a step that goes on what it had found.
func (s *Step) restore(from *savedStep) {
	s.Checked, s.Findings, s.More, s.beyond = from.checked, slices.Clone(from.findings), from.more, from.beyond
	s.notices.kept, s.notices.more = slices.Clone(from.notices), from.untold
	if s.Findings == nil {
		s.Findings = []*Finding{}
	}
	if s.goesOn, s.had = true, slices.Clone(from.findings); len(s.Findings) > 0 || s.More > 0 {
		s.fail() // also where the audit does not come as far as this step again
	}
	for i := range from.notices {
		if f := from.notices[i].Finding; f != nil {
			s.had = append(s.had, f)
		}
	}
}

// recall adds what a step that was begun again had found before and has not found
// now. SPEC(VER-44)
func (s *Step) recall(from *savedStep) {
	for _, f := range from.findings {
		if !slices.ContainsFunc(s.Findings, f.same) {
			s.find(f)
		}
	}
	for i := range from.notices {
		n := &from.notices[i]
		if !slices.ContainsFunc(s.notices.kept, func(m Notice) bool { return m.Finding != nil && n.Finding != nil && n.Finding.same(m.Finding) }) {
			s.notices.add(*n)
		}
	}
	if from.more > s.More {
		s.More, s.beyond = from.more, from.beyond
	}
}

// same reports whether two findings say the same.
func (f *Finding) same(other *Finding) bool {
	return f.Code == other.Code && f.Place == other.Place && f.Want == other.Want && f.Got == other.Got && f.Provider == other.Provider
}

func (c *codec) savedStep(s *savedStep) {
	c.tuple(7)
	c.text(&s.name, 100)
	c.natural(&s.checked)
	list(c, &s.findings, maxList, c.finding)
	c.natural(&s.more)
	sorted(c, &s.beyond, mostAccused+1, func(k *string) { c.text(k, maxKept) }, c.natural)
	list(c, &s.notices, maxList, c.notice)
	c.natural(&s.untold)
}

func (c *codec) finding(f **Finding) {
	if c.reads() {
		*f = &Finding{}
	}
	v := *f
	c.tuple(7)
	code, against := string(v.Code), string(v.Against)
	for _, text := range []*string{&code, &v.Place, &v.Want, &v.Got, &v.How, &against, &v.Provider} {
		c.text(text, maxKept)
	}
	v.Code, v.Against = Code(code), Against(against)
}

func (c *codec) notice(n *Notice) {
	c.tuple(10)
	for _, text := range []*string{&n.Kind, &n.Provider, &n.Stream, &n.Says} {
		c.text(text, maxKept)
	}
	for _, number := range []*int64{&n.Entry, &n.Since, &n.Entries, &n.Records} {
		c.integer(number)
	}
	maybe(c, &n.Sequence, c.integer)
	// One element or none of either: a notice of a key, or of a finding.
	c.tuple(2)
	maybe(c, &n.Key, c.hash)
	var of []*Finding
	if n.Finding != nil {
		of = []*Finding{n.Finding}
	}
	if list(c, &of, 1, c.finding); len(of) > 0 {
		n.Finding = of[0]
	}
}

func (c *codec) notices(n *notices) {
	c.tuple(2)
	list(c, &n.kept, maxList, c.notice)
	c.natural(&n.more)
}

func (c *codec) kinds(k *map[string]*KindTotals) {
	sorted(c, k, 100, func(s *string) { c.text(s, 100) }, func(v **KindTotals) {
		if c.reads() {
			*v = &KindTotals{}
		}
		c.tuple(3)
		for _, sum := range []*provenance.Sum{&(*v).Records, &(*v).Input, &(*v).Output} {
			c.sum128(sum)
		}
	})
}
