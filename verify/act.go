package verify

import (
	"fmt"

	"tokentrail/provenance"
)

// judgeAct holds an act against the registry that the entries before it left, in
// the order of GOV-6: the first thing that is wrong is the finding. Whatever is
// wrong, what the act says is done as far as it can be, so that one break is one
// finding. SPEC(VER-24)
func (r *replay) judgeAct(c *checkedEntry) {
	act, place := c.act.Act(), fmt.Sprintf("entries[%d].act", c.index)
	f := r.actPlace(act, place)
	if f == nil {
		f = r.actSignatures(c.act, place)
	}
	if f != nil {
		r.step.find(f)
	}
	if wrong := r.actActions(act, c.index); wrong != nil && f == nil {
		// SPEC(GOV-12), SPEC(GOV-13), SPEC(GOV-14), SPEC(GOV-15), SPEC(GOV-16), SPEC(GOV-17), SPEC(GOV-18)
		r.step.finding(CodeActAction, fmt.Sprintf("%s.actions[%d]", place, wrong.action), wrong.want, wrong.got)
	}
	if err := r.actDone(act); err != nil {
		r.step.finding(CodeActPlace, place+".sequence", "a sequence that the state map can hold", err.Error())
	}
	for i := range act.Actions {
		if p := r.providers[act.Actions[i].ID]; p != nil {
			r.teach(p)
		}
	}
	r.totals.Acts++
}

// actPlace checks whether the act belongs here: there are such acts, and it is
// this ledger's, of now, of a provider, and the next one.
func (r *replay) actPlace(act *provenance.Act, place string) *Finding {
	find := func(at, want, got string) *Finding { return NewFinding(CodeActPlace, place+at, want, got) }
	reg := r.registry
	// SPEC(GOV-2), SPEC(ADM-20)
	if reg.governance == nil {
		if act.Provider == "" {
			return find("", "no act of governance: nobody governs this ledger", "one")
		}
		if version, known := r.version(); known && version < actRules {
			return find("", fmt.Sprintf("no act of a provider under rule version %d", version), "one of "+act.Provider)
		}
	}
	// SPEC(GOV-7)
	if act.Chain != r.doc.chainID {
		return find(".chain", r.doc.chainID, act.Chain)
	}
	// SPEC(GOV-8)
	if late, known := r.after(act.LastHeight); known && late {
		return find(".last_height", fmt.Sprintf("a height up to %d", act.LastHeight), fmt.Sprint(r.now))
	}
	next := int64(0)
	if act.Provider == "" {
		next = reg.governance.Sequence
	} else {
		// SPEC(GOV-9)
		p := reg.providers[act.Provider]
		if p == nil || p.provider.Status == provenance.ProviderRetired {
			return find(".provider", "a provider of the registry that is not retired", fmt.Sprintf("%q", act.Provider))
		}
		next = p.provider.Acts
	}
	// SPEC(GOV-10)
	if act.Sequence != next {
		return find(".sequence", fmt.Sprint(next), fmt.Sprint(act.Sequence))
	}
	return nil
}

// after reports whether the entry that is judged is of a later height than one; 0
// is none.
func (r *replay) after(height int64) (yes, known bool) {
	if height == 0 || height == 1<<63-1 {
		return false, true
	}
	return r.since(height + 1)
}

// actDone counts the act: the next one of its kind follows it. SPEC(GOV-19)
func (r *replay) actDone(act *provenance.Act) error {
	if act.Provider == "" {
		if r.governance == nil {
			return nil
		}
		r.governance.Sequence = act.Sequence + 1
		return put(r.registry, provenance.StateGovernance, *r.governance)
	}
	p := r.providers[act.Provider]
	if p == nil {
		return nil
	}
	changed := p.provider
	changed.Acts = act.Sequence + 1
	return r.setProvider(changed)
}
