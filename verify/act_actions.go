package verify

import (
	"fmt"
	"strconv"

	"tokentrail/provenance"
)

// Bounds of the registry.
const (
	maxProviderKeys = 64                  // SPEC(GOV-15)
	maxOwnKeys      = 32                  // the same, by the provider's own acts
	maxValidators   = 100                 // SPEC(GOV-17)
	maxTotalPower   = 1152921504606846975 // the engine's ceiling, SPEC(GOV-17)
	aboveNow        = "above this block's"
)

// A wrongAction is an action that the registry does not allow.
type wrongAction struct {
	action    int
	want, got string
}

// actActions does the actions of an act, each on what those before it left, and
// returns the first that the registry does not allow. What is not allowed is left
// out.
func (r *replay) actActions(act *provenance.Act, entry int64) (first *wrongAction) {
	note := func(action int, want, got string) {
		if first == nil {
			first = &wrongAction{action, want, got}
		}
	}
	validators := -1 // the last action on them
	for i := range act.Actions {
		action := &act.Actions[i]
		// SPEC(GOV-12)
		if own := action.Type == provenance.KeyAdd || action.Type == provenance.KeyExpire; act.Provider != "" && (!own || action.ID != act.Provider) {
			note(i, "key-add or key-expire of "+act.Provider+" itself", fmt.Sprintf("%s of %q", action.Type, action.ID))
			continue
		}
		// SPEC(GOV-15)
		if p := r.providers[act.Provider]; p != nil && action.Type == provenance.KeyAdd && len(p.provider.Keys) >= maxOwnKeys {
			note(i, fmt.Sprintf("a key added by governance, where there are %d", maxOwnKeys), "by "+act.Provider+" itself")
			continue
		}
		if want, got := r.doAction(action, entry); want != "" {
			note(i, want, got)
		}
		if action.Type == provenance.ValidatorSet {
			validators = i
		}
	}
	if validators >= 0 {
		if want, got := r.checkValidators(); want != "" {
			note(validators, want, got)
		}
	}
	return first
}

// doAction does one action; where it is not allowed it says what was wanted.
func (r *replay) doAction(a *provenance.Action, entry int64) (want, got string) {
	switch a.Type {
	case provenance.ProviderAdmit:
		return r.admit(a, entry)
	case provenance.ProviderDescribe, provenance.ProviderSet:
		return r.describe(a)
	case provenance.KeyAdd:
		return r.addKey(a, entry)
	case provenance.KeyExpire, provenance.KeyRevoke, provenance.KeyStolen:
		return r.endKey(a, entry)
	case provenance.ValidatorSet:
		return r.setPower(a)
	case provenance.PolicySet:
		r.registry.policy, r.terms = *a.Policy, nil
		return result(put(r.registry, provenance.StatePolicy, *a.Policy))
	case provenance.GovernanceSet:
		return r.setGovernance(a)
	case provenance.RulesSet:
		return r.setRules(a)
	}
	return "an action of governance.md GOV-5", a.Type.String()
}

// result says what is wrong with a value that the state map cannot hold.
func result(err error) (want, got string) {
	if err != nil {
		return "a value that the state map can hold", err.Error()
	}
	return "", ""
}

// admit takes a new provider in. SPEC(GOV-13)
func (r *replay) admit(a *provenance.Action, entry int64) (want, got string) {
	if r.providers[a.ID] != nil {
		return "an id that no provider has", a.ID
	}
	p := provenance.Provider{ID: a.ID, Name: a.Name, Jurisdictions: a.Jurisdictions, Status: provenance.ProviderActive}
	mine := map[provenance.Hash]bool{}
	for i, cose := range a.Keys {
		key, err := provenance.ParsePublicKeyCOSE(cose)
		if err != nil {
			return "a key", err.Error()
		}
		kid := key.Thumbprint()
		if owner, taken := r.owners[kid]; taken || mine[kid] {
			return fmt.Sprintf("keys[%d] that is no provider's", i), fmt.Sprintf("%s, a key of %s", key, orText(owner, a.ID))
		}
		mine[kid] = true
		p.Keys = append(p.Keys, provenance.ProviderKey{Alg: key.Alg(), Key: key.COSE(), Added: &entry})
	}
	return result(r.setProvider(p))
}

func orText(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// describe changes what is said of a provider. SPEC(GOV-14)
func (r *replay) describe(a *provenance.Action) (want, got string) {
	p := r.providers[a.ID]
	if p == nil {
		return aProvider, strconv.Quote(a.ID)
	}
	changed := p.provider
	if a.Type == provenance.ProviderSet {
		switch {
		case changed.Status == a.Status:
			return "another status than it has", a.Status.String()
		case changed.Status == provenance.ProviderRetired:
			return "a retired provider to stay so", a.Status.String()
		}
		changed.Status = a.Status
		return result(r.setProvider(changed))
	}
	if a.Name != "" {
		changed.Name = a.Name
	}
	if len(a.Jurisdictions) > 0 {
		changed.Jurisdictions = a.Jurisdictions
	}
	return result(r.setProvider(changed))
}

const aProvider = "a provider of the registry"

// addKey gives a provider another key. SPEC(GOV-15)
func (r *replay) addKey(a *provenance.Action, entry int64) (want, got string) {
	p := r.providers[a.ID]
	if p == nil {
		return aProvider, strconv.Quote(a.ID)
	}
	key, err := provenance.ParsePublicKeyCOSE(a.Key)
	if err != nil {
		return "a key", err.Error()
	}
	if owner, taken := r.owners[key.Thumbprint()]; taken {
		return "a key that is no provider's and never was", fmt.Sprintf("%s, a key of %s", key, owner)
	}
	if n := len(p.provider.Keys); n >= maxProviderKeys {
		return fmt.Sprintf("a provider with fewer than %d keys", maxProviderKeys), fmt.Sprint(n)
	}
	added := provenance.ProviderKey{Alg: key.Alg(), Key: key.COSE(), Until: a.Until, Added: &entry}
	if a.From != nil {
		added.From = *a.From
	}
	changed := p.provider
	changed.Keys = append(changed.Keys[:len(changed.Keys):len(changed.Keys)], added)
	return result(r.setProvider(changed))
}

// endKey ends a key's time. SPEC(GOV-16)
func (r *replay) endKey(a *provenance.Action, entry int64) (want, got string) {
	p := r.providers[a.ID]
	if p == nil {
		return aProvider, strconv.Quote(a.ID)
	}
	known, ok := p.keys[a.KID]
	if !ok {
		return "a key of " + a.ID, a.KID.String()
	}
	changed := p.provider
	changed.Keys = append([]provenance.ProviderKey(nil), changed.Keys...)
	key := &changed.Keys[known.at]
	switch a.Type {
	case provenance.KeyExpire:
		want, got = r.expire(key, *a.Until)
	case provenance.KeyRevoke:
		if key.Revoked != nil {
			want, got = "a key that is not revoked", fmt.Sprintf("one that entry %d revoked", *key.Revoked)
		}
		key.Revoked = &entry
	default:
		want, got = r.stolen(key, a, entry)
	}
	if want != "" {
		return want, got
	}
	return result(r.setProvider(changed))
}

func (r *replay) expire(key *provenance.ProviderKey, until int64) (want, got string) {
	past, known := r.since(until)
	switch {
	case key.Revoked != nil:
		return "a key that is not revoked", fmt.Sprintf("one that entry %d revoked", *key.Revoked)
	case known && past:
		return fmt.Sprintf("a height %s, %d", aboveNow, r.now), fmt.Sprint(until)
	case key.Until != nil && until >= *key.Until:
		return fmt.Sprintf("a height below %d, until which the key is valid", *key.Until), fmt.Sprint(until)
	}
	key.Until = &until
	return "", ""
}

func (r *replay) stolen(key *provenance.ProviderKey, a *provenance.Action, entry int64) (want, got string) {
	past, known := r.since(a.SinceHeight)
	switch {
	case key.StolenHeight != nil && a.SinceHeight >= *key.StolenHeight:
		return fmt.Sprintf("a height below %d, since which the key is known as stolen", *key.StolenHeight), fmt.Sprint(a.SinceHeight)
	case known && !past:
		return fmt.Sprintf("a height up to this block's, %d", r.now), fmt.Sprint(a.SinceHeight)
	}
	key.StolenSince, key.StolenHeight = &a.Since, &a.SinceHeight
	if key.Revoked == nil {
		key.Revoked = &entry
	}
	return "", ""
}

// setPower sets, adds or removes a validator. SPEC(GOV-17)
func (r *replay) setPower(a *provenance.Action) (want, got string) {
	v := provenance.Validator{Type: "ed25519", Key: a.Validator, Power: a.Power}
	key := provenance.StateValidatorKey(v.Address())
	before, there := r.validators[key]
	switch {
	case !there && a.Power == 0:
		return "a validator that is there, to be removed", key
	case there && before.Power == a.Power:
		return fmt.Sprintf("another power than %d, which %s has", before.Power, key), fmt.Sprint(a.Power)
	}
	r.moved = true
	return result(r.setValidator(key, v))
}

// checkValidators looks at all validators behind an act that changed some.
// SPEC(GOV-17)
func (r *replay) checkValidators() (want, got string) {
	var power int64
	for _, v := range r.validators {
		if v.Power > maxTotalPower-power {
			return fmt.Sprintf("validators with a power of %d at most together", int64(maxTotalPower)), "more"
		}
		power += v.Power
	}
	if n := len(r.validators); n < 1 || n > maxValidators {
		return fmt.Sprintf("1 to %d validators", maxValidators), fmt.Sprint(n)
	}
	return "", ""
}

// setGovernance hands governance over; the sequence goes on. SPEC(GOV-17)
func (r *replay) setGovernance(a *provenance.Action) (want, got string) {
	next := provenance.Governance{Threshold: a.Threshold, Keys: a.Governors}
	if r.governance != nil {
		next.Sequence = r.governance.Sequence
	}
	if err := put(r.registry, provenance.StateGovernance, next); err != nil {
		return result(err)
	}
	r.governance = &next
	return "", ""
}

// setRules schedules a rule version. SPEC(GOV-18), SPEC(STA-5)
func (r *replay) setRules(a *provenance.Action) (want, got string) {
	holds, _ := r.version()
	past, known := r.since(a.RulesFrom)
	switch {
	case a.Rules <= holds:
		return fmt.Sprintf("a version above %d, which holds", holds), fmt.Sprint(a.Rules)
	case known && past:
		return fmt.Sprintf("a height %s, %d", aboveNow, r.now), fmt.Sprint(a.RulesFrom)
	}
	next := provenance.Rules{Version: holds, Next: a.Rules, From: a.RulesFrom}
	if err := put(r.registry, provenance.StateRules, next); err != nil {
		return result(err)
	}
	r.registry.rules = next
	return "", ""
}
