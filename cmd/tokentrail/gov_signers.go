package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"tokentrail/provenance"
)

// A signingGroup is keys of which so many have to sign an act (GOV-11).
type signingGroup struct {
	whose string
	keys  []provenance.PublicKey
	least int64
	exact bool // and no more
}

// signingGroups returns who has to sign an act. Without a view it is only those
// whom the act itself names. SPEC(CLI-44)
func signingGroups(v *govView, act *provenance.Act) (groups []signingGroup, err error) {
	group := func(whose string, least int64, exact bool, keys ...[]byte) {
		g := signingGroup{whose: whose, least: least, exact: exact}
		for _, cose := range keys {
			key, e := provenance.ParsePublicKeyCOSE(cose)
			if e != nil {
				err = e
			}
			g.keys = append(g.keys, key)
		}
		groups = append(groups, g)
	}
	switch {
	case act.Provider != "":
		if v != nil {
			group("keys of "+act.Provider, 1, true, validKeys(v, act.Provider)...)
		}
		for i := range act.Actions {
			if x := &act.Actions[i]; x.Type == provenance.KeyAdd {
				group(fmt.Sprintf("key that actions[%d] adds", i), 1, false, x.Key)
			}
		}
	default:
		if v != nil && v.governance != nil {
			group("governance keys", v.governance.Threshold, false, v.governance.Keys...)
		}
		for _, x := range slices.Backward(act.Actions) { // the last such action counts
			if x.Type == provenance.GovernanceSet {
				group("new governance keys", x.Threshold, false, x.Governors...)
				break
			}
		}
	}
	return groups, err
}

// validKeys are the provider's keys that may sign in the next block.
func validKeys(v *govView, provider string) (keys [][]byte) {
	if p := v.providers[provider]; p != nil {
		for i := range p.Keys {
			if p.Keys[i].ValidAt(v.height) {
				keys = append(keys, p.Keys[i].Key)
			}
		}
	}
	return keys
}

// key returns the key with a thumbprint.
func (g *signingGroup) key(kid provenance.Hash) (provenance.PublicKey, bool) {
	for _, k := range g.keys {
		if k.Thumbprint() == kid {
			return k, true
		}
	}
	return provenance.PublicKey{}, false
}

// A signatureView is one signature of an act, judged.
type signatureView struct {
	KID     provenance.Hash `json:"kid"`
	Key     string          `json:"key,omitempty"`
	Whose   string          `json:"whose,omitempty"`
	Holds   *bool           `json:"holds,omitempty"` // nil: nobody knows the key here
	Problem string          `json:"problem,omitempty"`
}

// A groupView says how far a group has signed.
type groupView struct {
	Whose  string   `json:"whose"`
	Wanted int64    `json:"wanted"`
	Signed int64    `json:"signed"`
	Still  []string `json:"still"` // keys of the group that have not signed
}

func (g *groupView) enough(exact bool) bool {
	return g.Signed == g.Wanted || !exact && g.Signed > g.Wanted
}

// signing is how far the signing of an act has come.
type signing struct {
	signatures []signatureView
	groups     []groupView
	unknown    bool  // no node was asked who may sign
	problem    error // why the ledger would refuse it; nil: it is complete
}

// judgeSignatures looks at each signature, and at what is still wanted.
func judgeSignatures(v *govView, u *provenance.UnverifiedAct) (*signing, error) {
	groups, err := signingGroups(v, u.Act())
	if err != nil {
		return nil, err
	}
	return judgeUnder(groups, v == nil, u), nil
}

// judgeUnder looks at signatures under the keys of groups; others are wrong, unless
// there are keys that are not known.
func judgeUnder(groups []signingGroup, unknown bool, u *provenance.UnverifiedAct) *signing {
	s := &signing{unknown: unknown}
	signed := map[provenance.Hash]bool{}
	for i, signature := range u.Signatures() {
		view := signatureView{KID: signature.KID}
		for _, g := range groups {
			key, of := g.key(signature.KID)
			if !of || view.Whose != "" {
				continue
			}
			view.Key, view.Whose = key.String(), g.whose
			err := u.VerifySignature(i, key)
			view.Holds = new(err == nil)
			if err != nil {
				view.Problem = err.Error()
				s.note(err)
			}
			signed[signature.KID] = err == nil
		}
		if view.Whose == "" && !unknown {
			view.Problem = "no key that may sign this act"
			s.note(refusal("unknown-key", fmt.Sprintf("signatures[%d]", i), "%s is no key that may sign this act", signature.KID))
		}
		s.signatures = append(s.signatures, view)
	}
	for _, g := range groups {
		s.count(&g, signed)
	}
	return s
}

// knownSigners are keys that may have signed an act of the log: those that govern
// now, and all that its provider ever had. Who could sign then is for verify.
func knownSigners(ctx context.Context, v *govView, act *provenance.Act) ([]signingGroup, error) {
	named, err := signingGroups(nil, act)
	if err != nil {
		return nil, err
	}
	g := signingGroup{whose: "governance keys of now"}
	var keys [][]byte
	if act.Provider != "" {
		g.whose = "keys of " + act.Provider
		p, err := v.provider(ctx, act.Provider)
		if err != nil {
			return nil, err
		}
		for i := 0; p != nil && i < len(p.Keys); i++ {
			keys = append(keys, p.Keys[i].Key)
		}
	} else if v.governance != nil {
		keys = v.governance.Keys
	}
	for _, cose := range keys {
		key, err := provenance.ParsePublicKeyCOSE(cose)
		if err != nil {
			return nil, err
		}
		g.keys = append(g.keys, key)
	}
	return append([]signingGroup{g}, named...), nil
}

func (s *signing) note(err error) {
	if s.problem == nil {
		s.problem = err
	}
}

// count holds a group against the keys that have signed.
func (s *signing) count(g *signingGroup, signed map[provenance.Hash]bool) {
	view := groupView{Whose: g.whose, Wanted: g.least, Still: []string{}}
	for _, k := range g.keys {
		if signed[k.Thumbprint()] {
			view.Signed++
		} else {
			view.Still = append(view.Still, k.String())
		}
	}
	s.groups = append(s.groups, view)
	switch {
	case view.enough(g.exact):
	case view.Signed > view.Wanted:
		s.note(refusal("threshold", "signatures", "%d of the %s have signed, wanted exactly %d: sign a copy without the others", view.Signed, g.whose, g.least))
	default:
		s.note(refusal("threshold", "signatures", "not enough signatures: %d of %d by %s; still to sign: %s", view.Signed, g.least, g.whose, strings.Join(view.Still, ", ")))
	}
}

// dropped returns the act without the signatures that do not hold, or are by keys
// that may not sign, and says which these were. SPEC(CLI-43)
func dropped(v *govView, u *provenance.UnverifiedAct) (*provenance.UnverifiedAct, []signatureView, error) {
	s, err := judgeSignatures(v, u)
	if err != nil {
		return nil, nil, err
	}
	var keep []provenance.Hash
	var gone []signatureView
	for _, view := range s.signatures {
		if view.Problem == "" {
			keep = append(keep, view.KID)
		} else {
			gone = append(gone, view)
		}
	}
	if len(gone) == 0 {
		return u, nil, nil
	}
	u, err = u.KeepSignatures(func(kid provenance.Hash) bool { return slices.Contains(keep, kid) })
	return u, gone, err
}
