package ledger

import (
	"bytes"
	"crypto/sha256"
	"math/big"

	"tokentrail/provenance"
)

// act is GOV-6.
func (o *oracle) act(u *provenance.UnverifiedAct) provenance.Code {
	a := u.Act()
	if a.Provider == "" && o.governors == nil {
		return provenance.CodeVersion // GOV-2
	}
	if a.Chain != o.chain {
		return CodeChainID
	}
	if a.LastHeight != 0 && o.height > a.LastHeight {
		return CodeExpired
	}
	var sequence *int64
	if a.Provider == "" {
		sequence = &o.governors.Sequence
	} else {
		p := o.providers[a.Provider]
		if p == nil {
			return CodeUnknownIssuer
		}
		if p.status == provenance.ProviderRetired {
			return CodeInactiveIssuer
		}
		sequence = &p.at
	}
	if a.Sequence != *sequence {
		return CodeSequence
	}
	if code := o.signed(u); code != "" {
		return code
	}
	for i := range a.Actions {
		x := &a.Actions[i]
		if a.Provider != "" && (x.Type != provenance.KeyAdd && x.Type != provenance.KeyExpire || x.ID != a.Provider) {
			return CodeRegistry // GOV-12
		}
		if code := o.action(x, a.Provider != ""); code != "" {
			return code
		}
	}
	for i := range a.Actions {
		if a.Actions[i].Type == provenance.ValidatorSet { // GOV-17
			sum := new(big.Int)
			for _, power := range o.validators {
				sum.Add(sum, big.NewInt(power))
			}
			if n := len(o.validators); n < 1 || n > 100 || sum.Cmp(big.NewInt(1152921504606846975)) > 0 {
				return CodeRegistry
			}
			break
		}
	}
	if a.Provider == "" {
		o.governors.Sequence++
	} else {
		*sequence++
	}
	return ""
}

// signed is GOV-11.
func (o *oracle) signed(u *provenance.UnverifiedAct) provenance.Code {
	a := u.Act()
	var own, added, all [][]byte // own: governance's, or the provider's in force
	var newKeys [][]byte
	newThreshold := int64(0)
	if a.Provider == "" {
		own = o.governors.Keys
		for i := range a.Actions {
			if a.Actions[i].Type == provenance.GovernanceSet {
				newKeys, newThreshold = a.Actions[i].Governors, a.Actions[i].Threshold
			}
		}
	} else {
		for _, k := range o.providers[a.Provider].keys {
			if k.inForce(o.height) {
				own = append(own, k.cose)
			}
		}
		for i := range a.Actions {
			if a.Actions[i].Type == provenance.KeyAdd {
				added = append(added, a.Actions[i].Key)
			}
		}
	}
	all = append(append(append(all, own...), newKeys...), added...)
	signers := map[provenance.Hash]bool{}
	for _, s := range u.Signatures() {
		if find(all, s.KID) == nil {
			return CodeUnknownKey
		}
		signers[s.KID] = true
	}
	for i, s := range u.Signatures() {
		public, err := provenance.ParsePublicKeyCOSE(find(all, s.KID))
		if err != nil {
			panic(err)
		}
		if err := u.VerifySignature(i, public); err != nil {
			return provenance.CodeOf(err)
		}
	}
	count := func(keys [][]byte) (n int64) {
		for kid := range signers {
			if find(keys, kid) != nil {
				n++
			}
		}
		return n
	}
	switch {
	case a.Provider == "" && count(own) < o.governors.Threshold, count(newKeys) < newThreshold,
		a.Provider != "" && count(own) != 1:
		return CodeThreshold
	}
	for _, k := range added {
		if count([][]byte{k}) != 1 {
			return CodeThreshold
		}
	}
	return ""
}

func find(keys [][]byte, kid provenance.Hash) []byte {
	for _, k := range keys {
		if sha256.Sum256(k) == kid {
			return k
		}
	}
	return nil
}

// taken reports whether a key is a provider's, or was.
func (o *oracle) taken(cose []byte) bool {
	for _, p := range o.providers {
		for _, k := range p.keys {
			if bytes.Equal(k.cose, cose) {
				return true
			}
		}
	}
	return false
}

// action is GOV-13 to GOV-18.
func (o *oracle) action(x *provenance.Action, own bool) provenance.Code {
	entry := o.entries
	p := o.providers[x.ID]
	if p == nil && (x.Type >= provenance.ProviderDescribe && x.Type <= provenance.KeyStolen) {
		return CodeRegistry
	}
	switch x.Type {
	case provenance.ProviderAdmit:
		if p != nil {
			return CodeRegistry
		}
		p = &oracleProvider{id: x.ID, name: x.Name, countries: x.Jurisdictions, status: provenance.ProviderActive}
		o.providers[x.ID] = p
		for _, k := range x.Keys {
			if o.taken(k) {
				return CodeRegistry
			}
			p.keys = append(p.keys, oracleKey{cose: k, added: &entry})
		}
	case provenance.ProviderDescribe:
		if x.Name != "" {
			p.name = x.Name
		}
		if len(x.Jurisdictions) > 0 {
			p.countries = x.Jurisdictions
		}
	case provenance.ProviderSet:
		if p.status == provenance.ProviderRetired || p.status == x.Status {
			return CodeRegistry
		}
		p.status = x.Status
	case provenance.KeyAdd:
		if o.taken(x.Key) || len(p.keys) >= 64 || own && len(p.keys) >= 32 {
			return CodeRegistry
		}
		k := oracleKey{cose: x.Key, until: x.Until, added: &entry}
		if x.From != nil {
			k.from = *x.From
		}
		p.keys = append(p.keys, k)
	case provenance.KeyExpire, provenance.KeyRevoke, provenance.KeyStolen:
		return o.keyAction(x, p.key(x.KID), entry)
	case provenance.ValidatorSet:
		power, there := o.validators[string(x.Validator)]
		if !there && x.Power == 0 || there && x.Power == power {
			return CodeRegistry
		}
		delete(o.validators, string(x.Validator))
		if x.Power > 0 {
			o.validators[string(x.Validator)] = x.Power
		}
	case provenance.PolicySet:
		o.policy = *x.Policy
	case provenance.GovernanceSet:
		o.governors.Threshold, o.governors.Keys = x.Threshold, x.Governors
	case provenance.RulesSet:
		if x.Rules <= o.rules() {
			return CodeRegistry
		}
		if x.RulesFrom <= o.height {
			return CodeHeight
		}
		o.version, o.next, o.from = o.rules(), x.Rules, x.RulesFrom
	}
	return ""
}

// keyAction is GOV-16.
func (o *oracle) keyAction(x *provenance.Action, k *oracleKey, entry int64) provenance.Code {
	if k == nil {
		return CodeRegistry
	}
	switch x.Type {
	case provenance.KeyExpire:
		if k.revoked != nil {
			return CodeRegistry
		}
		if *x.Until <= o.height || k.until != nil && *x.Until >= *k.until {
			return CodeHeight
		}
		until := *x.Until
		k.until = &until
	case provenance.KeyRevoke:
		if k.revoked != nil {
			return CodeRegistry
		}
		k.revoked = &entry
	case provenance.KeyStolen:
		if k.stolenHeights != nil && x.SinceHeight >= *k.stolenHeights {
			return CodeRegistry
		}
		if x.SinceHeight > o.height {
			return CodeHeight
		}
		since, height := x.Since, x.SinceHeight
		k.stolen, k.stolenHeights = &since, &height
		if k.revoked == nil {
			k.revoked = &entry
		}
	}
	return ""
}
