package ledger

import (
	"crypto/sha256"
	"slices"

	"tokentrail/provenance"
)

// A signing group is keys of which so many have to sign an act: at least, or for
// a provider's own act exactly.
type signingGroup struct {
	keys  map[provenance.Hash][]byte // COSE_Keys by thumbprint; only looked up
	least int
	exact bool
	whose string // in words
}

func newSigningGroup(whose string, least int, keys ...[]byte) signingGroup {
	g := signingGroup{keys: make(map[provenance.Hash][]byte, len(keys)), least: least, whose: whose}
	for _, k := range keys {
		g.keys[sha256.Sum256(k)] = k
	}
	return g
}

// checkSignatures holds the act's signatures against who must sign: SPEC(GOV-11).
// All kids come before the first signature, all signatures before their number.
func (a *acting) checkSignatures(c *Checked) error {
	groups, err := a.signers()
	if err != nil {
		return err
	}
	signatures := a.signed.Signatures()
	for i, s := range signatures {
		if !slices.ContainsFunc(groups, func(g signingGroup) bool { return g.keys[s.KID] != nil }) {
			return refuse(CodeUnknownKey, signaturePath(i), "%s is no key that may sign this act", s.KID)
		}
	}
	for i, s := range signatures {
		at := slices.IndexFunc(groups, func(g signingGroup) bool { return g.keys[s.KID] != nil })
		key, err := provenance.ParsePublicKeyCOSE(groups[at].keys[s.KID])
		if err != nil {
			return damaged("state", "key "+s.KID.String(), "%v", err)
		}
		if err := c.signature(i, key); err != nil {
			return err
		}
	}
	for _, g := range groups {
		n := 0
		for _, s := range signatures {
			if g.keys[s.KID] != nil {
				n++
			}
		}
		if n < g.least || g.exact && n != g.least {
			return refuse(CodeThreshold, "signatures", "%d of %s, wanted %d", n, g.whose, g.least)
		}
	}
	return nil
}

// signers returns the groups of keys that have to sign the act; no other key may.
func (a *acting) signers() ([]signingGroup, error) {
	if a.act.Provider != "" {
		return a.providerSigners()
	}
	g, err := a.governance()
	if err != nil {
		return nil, err
	}
	groups := []signingGroup{newSigningGroup("the governance keys", int(g.Threshold), g.Keys...)}
	for i := range slices.Backward(a.act.Actions) {
		// Who takes over shows that they can.
		if x := &a.act.Actions[i]; x.Type == provenance.GovernanceSet {
			groups = append(groups, newSigningGroup("the new governance keys", int(x.Threshold), x.Governors...))
			break
		}
	}
	return groups, nil
}

// providerSigners are one of the provider's keys, and each that the act adds.
func (a *acting) providerSigners() ([]signingGroup, error) {
	p, err := a.v.provider(a.act.Provider)
	if err != nil {
		return nil, err
	}
	own := newSigningGroup("the provider's own keys, as they are in force at this height", 1)
	own.exact = true
	for i := range p.Keys {
		if k := &p.Keys[i]; k.ValidAt(a.v.height) {
			own.keys[sha256.Sum256(k.Key)] = k.Key
		}
	}
	groups := []signingGroup{own}
	for i := range a.act.Actions {
		if x := &a.act.Actions[i]; x.Type == provenance.KeyAdd {
			groups = append(groups, newSigningGroup("the key that "+actionPath(i)+" adds", 1, x.Key))
		}
	}
	return groups, nil
}
