package ledger

import (
	"fmt"

	"tokentrail/provenance"
)

// An acting is an act at work: the state as its actions so far have left it,
// which nobody sees before all of them are done.
type acting struct {
	v      *view
	act    *provenance.Act
	signed *provenance.UnverifiedAct
	known  *registry // before the block; v.added and added go on top

	changes map[string][]byte // as in view
	added   registryChange
	policy  *provenance.Policy // the new one; nil where it stays
}

// admitAct decides on an act and, where it is admitted, takes it in. The cheap
// checks come first: a signature is looked at where all that is said without it
// is right. SPEC(GOV-6)
func (v *view) admitAct(c *Checked) error {
	a := &acting{
		v: v, act: c.act.Act(), signed: c.act, changes: map[string][]byte{},
		added: registryChange{owners: map[provenance.Hash]string{}},
	}
	if err := a.checkPlace(); err != nil {
		return err
	}
	if err := a.checkSignatures(c); err != nil {
		return err
	}
	if err := a.do(); err != nil {
		return err
	}
	if err := a.count(); err != nil {
		return err
	}
	return a.accept()
}

// get returns what stands under a key as the actions so far have left it.
func (a *acting) get(key string) ([]byte, bool) {
	if b, changed := a.changes[key]; changed {
		return b, b != nil
	}
	return a.v.get(key)
}

// checkPlace is ADM-20 and GOV-7 to GOV-10: all that the act says of where it
// belongs.
func (a *acting) checkPlace() error {
	act, v := a.act, a.v
	switch {
	case act.Provider == "" && !v.governed:
		// SPEC(ADM-20), SPEC(GOV-2)
		return refuse(provenance.CodeVersion, "provider", "nobody governs this ledger: there are no acts but those of providers")
	case act.Chain != v.chainID:
		// SPEC(GOV-7)
		return refuse(CodeChainID, "chain", "the act is for %q, this is %q", act.Chain, v.chainID)
	case act.LastHeight > 0 && v.height > act.LastHeight:
		// SPEC(GOV-8)
		return refuse(CodeExpired, "last-height", "%d, the next block is %d; propose it anew", act.LastHeight, v.height)
	}
	next, err := a.next()
	if err != nil {
		return err
	}
	if act.Sequence != next {
		// SPEC(GOV-10)
		return refuse(CodeSequence, "sequence", "%d, the next is %d; make the act anew with that", act.Sequence, next)
	}
	return nil
}

// next returns the sequence that the act must have, after GOV-9.
func (a *acting) next() (int64, error) {
	id := a.act.Provider
	if id == "" {
		g, err := a.governance()
		return g.Sequence, err
	}
	p, err := a.v.provider(id)
	switch {
	case err != nil:
		return 0, err
	case p == nil:
		// SPEC(GOV-9)
		return 0, refuse(CodeUnknownIssuer, "provider", "%q is not in this ledger's registry", id)
	case p.Status == provenance.ProviderRetired:
		// SPEC(GOV-9)
		return 0, refuse(CodeInactiveIssuer, "provider", "%q is %s", id, p.Status)
	}
	return p.Acts, nil
}

// governance returns the value that is there wherever governance acts.
func (a *acting) governance() (provenance.Governance, error) {
	g, _, err := stateValue[provenance.Governance](a, provenance.StateGovernance)
	return g, err
}

// do does the actions, one after another. GOV-12 to GOV-18
func (a *acting) do() (err error) {
	if a.known, err = a.v.registry(); err != nil {
		return err
	}
	for i := range a.act.Actions {
		x := &action{a, &a.act.Actions[i], fmt.Sprintf("actions[%d]", i)}
		if err := x.do(); err != nil {
			return err
		}
	}
	return a.checkValidators()
}

// count adds the act to those of governance or of its provider: SPEC(GOV-19).
func (a *acting) count() error {
	if id := a.act.Provider; id != "" {
		return a.changeProvider(id, func(p *provenance.Provider) { p.Acts++ })
	}
	g, err := a.governance()
	if err != nil {
		return err
	}
	g.Sequence++
	return setState(a.changes, provenance.StateGovernance, g)
}

// accept takes what the act has changed into the view.
func (a *acting) accept() error {
	v := a.v
	if err := v.take(a.changes); err != nil {
		return err
	}
	v.added = v.added.and(a.added)
	clear(v.providers)
	if a.policy != nil {
		v.setPolicy(*a.policy)
	}
	return nil
}

// An action is one action of an act, at work.
type action struct {
	*acting
	*provenance.Action
	path string // SPEC(GOV-6): "actions[2]"
}

// do does the action, or says why not.
func (x *action) do() error {
	if x.act.Provider != "" {
		if err := x.checkOwn(); err != nil {
			return err
		}
	}
	switch x.Type {
	case provenance.ProviderAdmit:
		return x.admitProvider()
	case provenance.ProviderDescribe:
		return x.describeProvider()
	case provenance.ProviderSet:
		return x.setStatus()
	case provenance.KeyAdd:
		return x.addKey()
	case provenance.KeyExpire:
		return x.expireKey()
	case provenance.KeyRevoke:
		return x.revokeKey()
	case provenance.KeyStolen:
		return x.keyStolen()
	case provenance.ValidatorSet:
		return x.setValidator()
	case provenance.PolicySet:
		return x.setPolicy()
	case provenance.GovernanceSet:
		return x.setGovernance()
	case provenance.RulesSet:
		return x.setRules()
	}
	return fmt.Errorf("%s has the type %s, which was decoded and is not known", x.path, x.Type)
}

// checkOwn is GOV-12: what a provider may do about itself.
func (x *action) checkOwn() error {
	switch {
	case x.Type != provenance.KeyAdd && x.Type != provenance.KeyExpire:
		// SPEC(GOV-12)
		return x.refuse(CodeRegistry, "type", "%s is not for providers, who add and expire their own keys; ask governance", x.Type)
	case x.ID != x.act.Provider:
		// SPEC(GOV-12)
		return x.refuse(CodeRegistry, "id", "%q, the act is %q's", x.ID, x.act.Provider)
	}
	return nil
}

// refuse makes the error of an action that is not done.
func (x *action) refuse(code provenance.Code, field, format string, args ...any) error {
	return refuse(code, x.path+"."+field, format, args...)
}
