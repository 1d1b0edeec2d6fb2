package main

import (
	"encoding/json"
	"maps"
	"slices"

	"tokentrail/provenance"
)

func (x *govAction) addKey(own string) error {
	p, err := x.registered()
	if err != nil {
		return err
	}
	switch {
	case len(p.Keys) >= govMaxKeys:
		return x.refuse("registry", "key", "%q has %d keys, no more can be added", x.ID, len(p.Keys))
	case own != "" && len(p.Keys) >= govMaxOwnKeys:
		return x.refuse("registry", "key", "%q has %d keys, from %d on governance alone adds some", x.ID, len(p.Keys), govMaxOwnKeys)
	}
	key, err := x.free("key", x.Key)
	if err != nil {
		return err
	}
	added := provenance.ProviderKey{Alg: key.Alg(), Key: x.Key, Until: x.Until}
	when := "from now on"
	if x.From != nil && *x.From > x.height {
		added.From = *x.From
		when = "from height " + thousands(*x.From) + " on"
	}
	if x.Until != nil {
		when += ", until before height " + thousands(*x.Until)
	}
	p.Keys = append(p.Keys, added)
	x.say("lets %s sign under %s as well, %s", x.ID, key, when)
	return nil
}

// endKey is GOV-16: a key expires, is revoked, or was stolen.
func (x *govAction) endKey() error {
	p, err := x.registered()
	if err != nil {
		return err
	}
	key, ok := p.KeyByID(x.KID)
	if !ok {
		return x.refuse("registry", "kid", "%s is no key of %q", x.KID, x.ID)
	}
	text := coseText(key.Key)
	switch {
	case key.Revoked != nil && x.Type != provenance.KeyStolen:
		return x.refuse("registry", "kid", "%s was revoked by entry %d", text, *key.Revoked)
	case x.Type == provenance.KeyExpire:
		return x.expire(p, key, text)
	case x.Type == provenance.KeyStolen:
		if err := x.stolen(key, text); err != nil {
			return err
		}
	default:
		x.say("%s", tellEnded(x.Action, text))
	}
	if key.Revoked == nil {
		key.Revoked = new(int64) // by this act, whose entry nobody knows yet
	}
	x.lastKey(p, x.height, "now")
	return nil
}

func (x *govAction) expire(p *provenance.Provider, key *provenance.ProviderKey, text string) error {
	until := *x.Until
	switch {
	case until <= x.height:
		return x.refuse("height", "until", "%d, the next block is %d; wanted a later one", until, x.height)
	case key.Until != nil && until >= *key.Until:
		return x.refuse("height", "until", "%d, the key expires at %d; wanted an earlier one", until, *key.Until)
	}
	key.Until = &until
	x.say("%s; that is %s from now", tellEnded(x.Action, text), plural(until-x.height, "block"))
	x.warn("%s: a key that expired still closes a stream of %s where two statements for one place are signed with it: expire what is retired in order, revoke what may be stolen", x.path, x.ID)
	x.lastKey(p, until, "from height "+thousands(until)+" on")
	return nil
}

func (x *govAction) stolen(key *provenance.ProviderKey, text string) error {
	switch {
	case key.StolenHeight != nil && x.SinceHeight >= *key.StolenHeight:
		return x.refuse("registry", "since-height", "%d, the key is known as stolen since height %d; only an earlier one says more", x.SinceHeight, *key.StolenHeight)
	case x.SinceHeight > x.height:
		return x.refuse("height", "since-height", "%d, the next block is %d; wanted that or an earlier one", x.SinceHeight, x.height)
	}
	key.StolenSince, key.StolenHeight = &x.Since, &x.SinceHeight
	x.say("%s", tellEnded(x.Action, text))
	x.warn("%s cannot be taken back", x.path)
	return nil
}

// lastKey warns where a provider is left without a key that may sign.
func (x *govAction) lastKey(p *provenance.Provider, height int64, when string) {
	valid := func(k provenance.ProviderKey) bool { return k.ValidAt(height) }
	if !slices.ContainsFunc(p.Keys, valid) {
		x.warn("%s: %s, %s has no key that may sign; only governance can give it one", x.path, when, x.ID)
	}
}

// sayPolicy tells the members of a policy that change.
func (x *govAction) sayPolicy(old, next provenance.Policy) {
	was, is := policyMembers(old), policyMembers(next)
	names := maps.Clone(was)
	maps.Copy(names, is)
	changed := false
	for _, name := range sortedNames(names) {
		before, had := was[name]
		after, has := is[name]
		switch {
		case had && has && string(before) != string(after):
			x.say("policy: %s becomes %s, was %s", name, after, before)
		case had && !has:
			x.say("policy: %s, which was %s, binds no more", name, before)
		case has && !had:
			x.say("policy: %s becomes %s, did not bind before", name, after)
		default:
			continue
		}
		changed = true
	}
	if !changed {
		x.warn("%s: the policy is the one that holds already", x.path)
	}
	if len(is) == 0 {
		x.say("policy: nothing in it binds")
	}
}

func policyMembers(p provenance.Policy) (members map[string]json.RawMessage) {
	b, err := json.Marshal(p)
	if err == nil {
		err = json.Unmarshal(b, &members)
	}
	if err != nil {
		panic("a policy that was decoded has no JSON: " + err.Error())
	}
	return members
}

func sortedNames(members map[string]json.RawMessage) []string {
	return slices.Sorted(maps.Keys(members))
}
