package verify

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"tokentrail/provenance"
)

// A Narrow is the report of a check of a few records in the making: exhibits, and
// what else was looked at about them. SPEC(VER-95)
//
// Its steps are those that NewNarrow names: a name that is none of them panics. Each
// is not checked until Begin says that it was looked at. It belongs to one goroutine.
type Narrow struct {
	ctx     context.Context
	shared  *Exhibits
	opts    Options
	rep     *Report
	started time.Time
}

// NewNarrow begins a report with steps, each a name and what it counts.
func NewNarrow(ctx context.Context, shared *Exhibits, o Options, steps ...[2]string) *Narrow {
	n := &Narrow{ctx: ctx, shared: shared, opts: o, started: o.Now()}
	// An exhibit of nothing has what the report says of the trust.
	nothing := newExhibit(ctx, shared, &Exhibit{}, o)
	nothing.conclude()
	n.rep = newReport(&o)
	n.rep.Trust, n.rep.Assumptions = nothing.rep.Trust, nothing.rep.Assumptions
	for _, s := range steps {
		n.rep.step(s[0], s[1], o.MaxFindings)
	}
	return n
}

// step is the step with a name.
func (n *Narrow) step(name string) *Step {
	return n.rep.Steps[slices.IndexFunc(n.rep.Steps, func(s *Step) bool { return s.Name == name })]
}

// Begin says that a step was looked at, and how much of it. Called again it counts
// on.
func (n *Narrow) Begin(step string, checked int64) {
	s := n.step(step)
	if s.Reason == notReached {
		s.begin()
	}
	s.Checked += checked
}

// Find keeps what was found in a step.
func (n *Narrow) Find(step string, f *Finding) {
	n.Begin(step, 0)
	n.step(step).find(f)
}

// Because says why a step was not checked, or not to its end. The first reason stays.
func (n *Narrow) Because(step, reason string) {
	s := n.step(step)
	if s.Reason == notReached || s.Reason == "" {
		s.because(reason)
	}
}

// Stop says why a step did not go on: evidence, where the error is a *Finding, or
// that it could not be checked.
func (n *Narrow) Stop(step string, err error) {
	n.Begin(step, 0)
	n.step(step).stop(err)
}

// Leave says why a step was not asked for: that it was not checked is no gap.
func (n *Narrow) Leave(step, reason string) {
	s := n.step(step)
	s.Optional = true
	s.because(reason)
}

// Passed reports whether a step was looked at to its end, and nothing found.
func (n *Narrow) Passed(step string) bool { return n.step(step).Outcome == Passed }

// Assume adds what the report rests on, once.
func (n *Narrow) Assume(what string) {
	if !slices.Contains(n.rep.Assumptions, what) {
		n.rep.Assumptions = append(n.rep.Assumptions, what)
	}
}

// Covers is what an inspection looked at.
func (n *Narrow) Covers(c *Coverage) { n.rep.Coverage = c }

// Exhibit checks the exhibit of an entry, as its index was said to be, as part of a
// step. What is found has its place behind name; what is not checked of it is not
// checked of the step. It returns the exhibit's own report.
func (n *Narrow) Exhibit(step, name string, entry int64, e *Exhibit) *Report {
	o := n.opts
	o.NoticeProviders = false // that is for the step to say
	r := n.shared.check(n.ctx, e, o)
	n.Begin(step, 1)
	s := n.step(step)
	var gaps []string
	for _, part := range r.Steps {
		for _, f := range part.Findings {
			found := *f
			found.Place = name + "." + f.Place
			found.How = filled(f.How, fmt.Sprintf("entries[%d]", entry))
			s.find(&found)
		}
		if part.Outcome == NotChecked && !part.Optional {
			s.expired = s.expired || part.expired
			gaps = append(gaps, name+": "+part.Name+": "+part.Reason)
		}
	}
	if len(gaps) > 0 {
		s.because(strings.Join(gaps, "; "))
	}
	n.take(r)
	return r
}

// take takes over what an exhibit's report says beside its steps.
func (n *Narrow) take(r *Report) {
	n.rep.Notices = append(n.rep.Notices, r.Notices...)
	for _, a := range r.Assumptions {
		n.Assume(a)
	}
	n.rep.Trust = r.Trust
	if r.Ledger != nil && (n.rep.Ledger == nil || r.Ledger.Height > n.rep.Ledger.Height) {
		n.rep.Ledger = r.Ledger
	}
	if r.Exhibit != nil {
		n.rep.Exhibits = append(n.rep.Exhibits, r.Exhibit)
	}
	t := &n.rep.Totals
	t.Entries += r.Totals.Entries
	t.Records += r.Totals.Records
}

// Conclude draws the verdict.
func (n *Narrow) Conclude() *Report {
	streams, providers := map[[2]string]bool{}, map[string]bool{}
	for _, e := range n.rep.Exhibits {
		streams[[2]string{e.Issuer, e.Stream}], providers[e.Issuer] = true, true
	}
	t := &n.rep.Totals
	t.Headers, t.Streams, t.Providers = n.shared.headers.Verified(), int64(len(streams)), int64(len(providers))
	n.rep.conclude(n.started, n.opts.Now())
	return n.rep
}

// Proves reports whether the report is of an exhibit that holds and proves a record.
func (r *Report) Proves(id provenance.Hash) bool {
	return r.Verdict == Holds && r.Exhibit != nil && slices.ContainsFunc(r.Exhibit.Records, func(e ExhibitedRecord) bool { return e.ID == id })
}

// FileFinding makes a finding about a file that somebody showed: neither the ledger
// nor a provider is known to have made it. SPEC(VER-50)
func FileFinding(code Code, place, want, got string) *Finding {
	f := NewFinding(code, place, want, got)
	f.Against = AgainstFile
	return f
}
