package main

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"tokentrail/provenance"
)

// Bounds of the registry (spec/governance.md, GOV-15 and GOV-17).
const (
	govMaxKeys       = 64
	govMaxOwnKeys    = 32 // by a provider's own acts
	govMaxValidators = 100
	govMaxPower      = 1_152_921_504_606_846_975
	governedRules    = 3 // rule version from which providers act where nobody governs
)

// A judgement is what the ledger would say of an act, and what the act would do.
type judgement struct {
	problem  error    // why it would be refused, its signatures apart
	says     []string // what it does, in words
	warnings []string // what whoever signs should think about twice
}

func (j *judgement) say(format string, args ...any) {
	j.says = append(j.says, fmt.Sprintf(format, args...))
}

func (j *judgement) warn(format string, args ...any) {
	j.warnings = append(j.warnings, fmt.Sprintf(format, args...))
}

// judge holds an act against the state, which was loaded for it, in the order of
// the ledger's admission. The state is afterwards as the act would leave it.
// SPEC(CLI-44)
func (v *govView) judge(act *provenance.Act) *judgement {
	j := &judgement{}
	before := v.sum()
	if j.problem = v.checkPlace(act); j.problem != nil {
		return j
	}
	for i := range act.Actions {
		x := &govAction{v, j, &act.Actions[i], fmt.Sprintf("actions[%d]", i)}
		if j.problem = x.do(act.Provider); j.problem != nil {
			return j
		}
	}
	j.problem = v.checkValidators(act, before, j)
	return j
}

// checkPlace is GOV-2 and GOV-7 to GOV-10.
func (v *govView) checkPlace(act *provenance.Act) error {
	switch {
	case act.Provider == "" && v.governance == nil:
		return refusal(provenance.CodeVersion, "provider", "nobody governs this ledger: its genesis names no governance keys, and there are no acts but those of providers")
	case v.governance == nil && v.version() < governedRules:
		return refusal(provenance.CodeVersion, "provider", "rule version %d holds on this ledger; acts of providers came with %d", v.version(), governedRules)
	case act.Chain != v.chain:
		return refusal("chain-id", "chain", "the act is for %q, this ledger is %q", act.Chain, v.chain)
	case act.LastHeight > 0 && v.height > act.LastHeight:
		return refusal("expired", "last-height", "%d, the next block is %d; propose it anew", act.LastHeight, v.height)
	}
	next, err := v.next(act.Provider)
	if err != nil {
		return err
	}
	if act.Sequence != next {
		hint := "another act was admitted since; propose it anew"
		if act.Sequence > next {
			hint = "an act before it is to be admitted first"
		}
		return refusal("sequence", "sequence", "%d, the next is %d: %s", act.Sequence, next, hint)
	}
	return nil
}

// next returns the sequence of the next act of governance, or of a provider.
func (v *govView) next(provider string) (int64, error) {
	if provider == "" {
		return v.governance.Sequence, nil
	}
	p := v.providers[provider]
	switch {
	case p == nil:
		return 0, refusal("unknown-issuer", "provider", "%q is not in this ledger's registry", provider)
	case p.Status == provenance.ProviderRetired:
		return 0, refusal("inactive-issuer", "provider", "%q is %s", provider, p.Status)
	}
	return p.Acts, nil
}

// A govAction is an action at work on a view.
type govAction struct {
	*govView
	*judgement
	*provenance.Action
	path string
}

func (x *govAction) refuse(code provenance.Code, field, format string, args ...any) error {
	return refusal(code, x.path+"."+field, format, args...)
}

// do does the action, or says why the ledger would not. GOV-12 to GOV-18
func (x *govAction) do(own string) error {
	if own != "" && (x.Type != provenance.KeyAdd && x.Type != provenance.KeyExpire || x.ID != own) {
		return x.refuse("registry", "type", "%s of %q: a provider adds and expires its own keys and nothing else", x.Type, x.ID)
	}
	switch x.Type {
	case provenance.ProviderAdmit:
		return x.admit()
	case provenance.ProviderDescribe, provenance.ProviderSet:
		return x.describe()
	case provenance.KeyAdd:
		return x.addKey(own)
	case provenance.KeyExpire, provenance.KeyRevoke, provenance.KeyStolen:
		return x.endKey()
	case provenance.ValidatorSet:
		return x.setValidator()
	case provenance.PolicySet:
		x.sayPolicy(x.govView.policy, *x.Policy)
		x.govView.policy = *x.Policy
	case provenance.GovernanceSet:
		x.setGovernance()
	case provenance.RulesSet:
		return x.setRules()
	}
	return nil
}

// registered returns a copy of the provider that the action names.
func (x *govAction) registered() (*provenance.Provider, error) {
	p := x.providers[x.ID]
	if p == nil {
		return nil, x.refuse("registry", "id", "%q is not in this ledger's registry", x.ID)
	}
	c := *p
	c.Keys = slices.Clone(p.Keys)
	x.providers[x.ID] = &c
	return &c, nil
}

// free says whose a key is already.
func (x *govAction) free(field string, cose []byte) (provenance.PublicKey, error) {
	key, err := provenance.ParsePublicKeyCOSE(cose)
	if err != nil {
		return key, err
	}
	if owner, taken := x.owners[key.Thumbprint()]; taken {
		return key, x.refuse("registry", field, "%s is already a key of %q, in force or not; a key belongs to one provider, once", key, owner)
	}
	x.owners[key.Thumbprint()] = x.ID
	return key, nil
}

func (x *govAction) admit() error {
	if x.providers[x.ID] != nil {
		return x.refuse("registry", "id", "%q is in this ledger's registry already", x.ID)
	}
	p := &provenance.Provider{ID: x.ID, Name: x.Name, Jurisdictions: x.Jurisdictions, Status: provenance.ProviderActive}
	for i, cose := range x.Keys {
		key, err := x.free(fmt.Sprintf("keys[%d]", i), cose)
		if err != nil {
			return err
		}
		p.Keys = append(p.Keys, provenance.ProviderKey{Alg: key.Alg(), Key: cose})
	}
	x.providers[x.ID] = p
	x.say("%s", tellAdmitted(x.Action))
	return nil
}

func (x *govAction) describe() error {
	p, err := x.registered()
	if err != nil {
		return err
	}
	if x.Type == provenance.ProviderSet {
		return x.setStatus(p)
	}
	if x.Name != "" {
		x.say("names %s %q, no more %q", x.ID, x.Name, p.Name)
		p.Name = x.Name
	}
	if x.Jurisdictions != nil {
		x.say("places %s in %s, no more in %s", x.ID, strings.Join(x.Jurisdictions, ", "), strings.Join(p.Jurisdictions, ", "))
		p.Jurisdictions = x.Jurisdictions
	}
	return nil
}

func (x *govAction) setStatus(p *provenance.Provider) error {
	switch {
	case p.Status == x.Status:
		return x.refuse("registry", "status", "%q is %s already", x.ID, p.Status)
	case p.Status == provenance.ProviderRetired:
		return x.refuse("registry", "status", "%q is %s, for good; admit it under another id", x.ID, p.Status)
	}
	switch x.Status {
	case provenance.ProviderActive:
		x.say("lets %s, which is %s, submit again", x.ID, p.Status)
	case provenance.ProviderSuspended:
		x.say("%s", tellStatus(x.Action))
	case provenance.ProviderRetired:
		x.say("%s", tellStatus(x.Action))
		x.warn("%s cannot be taken back: retired is for good, and the id %s is never given again", x.path, x.ID)
	}
	p.Status = x.Status
	return nil
}

func (x *govAction) setGovernance() {
	old := x.governance
	next := &provenance.Governance{Threshold: x.Threshold, Keys: x.Governors, Sequence: old.Sequence}
	x.say("lets %d of %s govern, in the place of %d of %s", x.Threshold, plural(int64(len(x.Governors)), "key"), old.Threshold, plural(int64(len(old.Keys)), "key"))
	for _, change := range []struct {
		what        string
		these, from [][]byte
	}{{"gives a voice to", next.Keys, old.Keys}, {"takes the voice from", old.Keys, next.Keys}} {
		for _, cose := range change.these {
			if !slices.ContainsFunc(change.from, func(k []byte) bool { return string(k) == string(cose) }) {
				x.say("%s %s", change.what, coseText(cose))
			}
		}
	}
	if x.Threshold == 1 {
		x.warn("%s: any one of the keys then governs alone", x.path)
	} else if x.Threshold == int64(len(x.Governors)) {
		x.warn("%s: where one of the %d keys is lost, nobody ever governs this ledger again", x.path, x.Threshold)
	}
	x.governance = next
}

func (x *govAction) setRules() error {
	holds := x.version()
	switch {
	case x.Rules <= holds:
		return x.refuse("registry", "rules", "%d, version %d holds; wanted a later one", x.Rules, holds)
	case x.RulesFrom <= x.height:
		return x.refuse("height", "rules-from", "%d, the next block is %d; wanted a later one", x.RulesFrom, x.height)
	}
	if x.rules.Next > holds {
		x.say("takes back that rule version %d holds from height %d on", x.rules.Next, x.rules.From)
	}
	x.say("lets rule version %d hold from height %d on, %s from now, in the place of %d", x.Rules, x.RulesFrom, plural(x.RulesFrom-x.height, "block"), holds)
	x.warn("%s: a node whose program does not have rule version %d stops before height %d; all of them have to have a release with it by then, and where validators with a third of the power have not, the ledger stands still", x.path, x.Rules, x.RulesFrom)
	if !provenance.KnownRules(x.Rules) {
		x.warn("%s: this program knows rule versions 1 to %d, and cannot say what %d is", x.path, provenance.RuleVersion, x.Rules)
	}
	x.govView.rules = provenance.Rules{Version: holds, Next: x.Rules, From: x.RulesFrom}
	return nil
}

// coseText is a COSE_Key in text.
func coseText(cose []byte) string {
	key, err := provenance.ParsePublicKeyCOSE(cose)
	if err != nil {
		return fmt.Sprintf("a key that cannot be read, %x", sha256.Sum256(cose))
	}
	return key.String()
}
