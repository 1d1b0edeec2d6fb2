package ledger

import "tokentrail/provenance"

// maxKeys is how many keys a provider has at most, those included that are no
// more in force (SPEC(STA-3)).
const maxKeys = 64

// maxOwnKeys is the number above which only governance adds keys: whoever has
// stolen one cannot fill all places for ever. SPEC(GOV-15)
const maxOwnKeys = 32

// ownKey returns the provider and the key of it that the action names.
func (x *action) ownKey() (*provenance.Provider, *provenance.ProviderKey, error) {
	p, err := x.registered()
	if err != nil {
		return nil, nil, err
	}
	key, ok := p.KeyByID(x.KID)
	if !ok {
		// SPEC(GOV-16)
		return nil, nil, x.refuse(CodeRegistry, "kid", "%s is no key of %q", x.KID, x.ID)
	}
	return p, key, nil
}

// addKey does key-add: SPEC(GOV-15).
func (x *action) addKey() error {
	p, err := x.registered()
	if err != nil {
		return err
	}
	switch {
	case len(p.Keys) >= maxKeys:
		return x.refuse(CodeRegistry, "key", "%q has %d keys, no more can be added", x.ID, len(p.Keys))
	case x.act.Provider != "" && len(p.Keys) >= maxOwnKeys:
		return x.refuse(CodeRegistry, "key", "%q has %d keys, from %d on governance alone adds some", x.ID, len(p.Keys), maxOwnKeys)
	}
	key := provenance.ProviderKey{Key: x.Key, Until: x.Until}
	if x.From != nil {
		key.From = *x.From
	}
	if err := x.giveKey(p, "key", key); err != nil {
		return err
	}
	return x.setProvider(p)
}

// expireKey does key-expire: SPEC(GOV-16).
func (x *action) expireKey() error {
	p, key, err := x.ownKey()
	if err != nil {
		return err
	}
	until := *x.Until // the form wants it
	switch {
	case key.Revoked != nil:
		return x.refuse(CodeRegistry, "kid", "%s was revoked by entry %d", x.KID, *key.Revoked)
	case until <= x.v.height:
		return x.refuse(CodeHeight, "until", "%d, the next block is %d; wanted a later one", until, x.v.height)
	case key.Until != nil && until >= *key.Until:
		return x.refuse(CodeHeight, "until", "%d, the key expires at %d; wanted an earlier one", until, *key.Until)
	}
	key.Until = new(until)
	return x.setProvider(p)
}

// revokeKey does key-revoke: SPEC(GOV-16).
func (x *action) revokeKey() error {
	p, key, err := x.ownKey()
	if err != nil {
		return err
	}
	if key.Revoked != nil {
		return x.refuse(CodeRegistry, "kid", "%s was revoked by entry %d", x.KID, *key.Revoked)
	}
	key.Revoked = new(x.v.size)
	return x.setProvider(p)
}

// keyStolen does key-stolen: SPEC(GOV-16).
func (x *action) keyStolen() error {
	p, key, err := x.ownKey()
	switch {
	case err != nil:
		return err
	case key.StolenHeight != nil && x.SinceHeight >= *key.StolenHeight:
		return x.refuse(CodeRegistry, "since-height", "%d, the key is known as stolen since height %d; only an earlier one says more", x.SinceHeight, *key.StolenHeight)
	case x.SinceHeight > x.v.height:
		return x.refuse(CodeHeight, "since-height", "%d, the next block is %d; wanted that or an earlier one", x.SinceHeight, x.v.height)
	}
	key.StolenSince, key.StolenHeight = new(x.Since), new(x.SinceHeight)
	if key.Revoked == nil {
		key.Revoked = new(x.v.size)
	}
	return x.setProvider(p)
}
