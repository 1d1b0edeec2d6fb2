package verify

import (
	"fmt"

	"tokentrail/provenance"
)

// signers are the keys that may sign an act, by thumbprint, and whether they did.
type signers struct {
	keys   map[provenance.Hash]provenance.PublicKey
	signed map[provenance.Hash]bool
}

func newSigners() *signers {
	return &signers{map[provenance.Hash]provenance.PublicKey{}, map[provenance.Hash]bool{}}
}

func (s *signers) may(cose []byte) (kid provenance.Hash, err error) {
	key, err := provenance.ParsePublicKeyCOSE(cose)
	if err == nil {
		kid = key.Thumbprint()
		s.keys[kid] = key
	}
	return kid, err
}

// actSignatures checks who signed the act.
func (r *replay) actSignatures(u *provenance.UnverifiedAct, place string) *Finding {
	s := newSigners()
	if u.Act().Provider == "" {
		return s.check(u, place, s.governors(u.Act(), r.governance))
	}
	return s.check(u, place, r.ownKeys(s, u))
}

// check holds the signatures of an act against the keys that may sign it; enough
// says whether those who signed do. SPEC(GOV-11)
func (s *signers) check(u *provenance.UnverifiedAct, place string, enough func() (want, got string, ok bool)) *Finding {
	find := func(at, want, got string) *Finding { return NewFinding(CodeActSignature, place+at, want, got) }
	of := u.Signatures()
	for i := range of {
		if _, ok := s.keys[of[i].KID]; !ok {
			return find(fmt.Sprintf(".signatures[%d].kid", i), "a key that may sign this act here", of[i].KID.String())
		}
	}
	for i := range of {
		if err := u.VerifySignature(i, s.keys[of[i].KID]); err != nil {
			return find(fmt.Sprintf(".signatures[%d]", i), "a signature by "+s.keys[of[i].KID].String(), err.Error())
		}
		s.signed[of[i].KID] = true
	}
	if want, got, ok := enough(); !ok {
		return find(".signatures", want, got)
	}
	return nil
}

// governors are those who may sign an act of governance: those of then, and where
// the act names others, these too.
func (s *signers) governors(act *provenance.Act, then *provenance.Governance) func() (want, got string, ok bool) {
	count := func(keys [][]byte) (kids []provenance.Hash) {
		for _, cose := range keys {
			if kid, err := s.may(cose); err == nil {
				kids = append(kids, kid)
			}
		}
		return kids
	}
	old, threshold := count(then.Keys), then.Threshold
	var fresh []provenance.Hash
	next := int64(0)
	for i := len(act.Actions) - 1; i >= 0 && next == 0; i-- { // the last such action counts
		if action := &act.Actions[i]; action.Type == provenance.GovernanceSet {
			fresh, next = count(action.Governors), action.Threshold
		}
	}
	return func() (want, got string, ok bool) {
		if n := s.of(old); n < threshold {
			return fmt.Sprintf("signatures by %d of the governance's keys", threshold), fmt.Sprint(n), false
		}
		if n := s.of(fresh); n < next {
			return fmt.Sprintf("signatures by %d of the keys that take over", next), fmt.Sprint(n), false
		}
		return "", "", true
	}
}

// of returns how many of the keys signed.
func (s *signers) of(kids []provenance.Hash) (n int64) {
	for _, kid := range kids {
		if s.signed[kid] {
			n++
		}
	}
	return n
}

// ownKeys are those that may sign a provider's act: one of its keys that is valid
// now, and each key that the act adds.
func (r *replay) ownKeys(s *signers, u *provenance.UnverifiedAct) func() (want, got string, ok bool) {
	p := r.providers[u.Act().Provider]
	var valid []provenance.Hash
	for _, signature := range u.Signatures() {
		key, public := p.key(signature.KID)
		if key == nil {
			continue
		}
		if ok, known := r.keyValid(key); ok || !known {
			valid, s.keys[signature.KID] = append(valid, signature.KID), public
		}
	}
	return s.own(u.Act(), valid)
}

// own wants one signature by the provider's keys that are valid, and one by each
// key that the act adds.
func (s *signers) own(act *provenance.Act, valid []provenance.Hash) func() (want, got string, ok bool) {
	var added []provenance.Hash
	for i := range act.Actions {
		if act.Actions[i].Type == provenance.KeyAdd {
			if kid, err := s.may(act.Actions[i].Key); err == nil {
				added = append(added, kid)
			}
		}
	}
	return func() (want, got string, ok bool) {
		if n := s.of(valid); n != 1 {
			return "a signature by exactly one key of the provider that is valid at this height", fmt.Sprint(n), false
		}
		for _, kid := range added {
			if !s.signed[kid] {
				return "a signature by each key that is added", "none by " + kid.String(), false
			}
		}
		return "", "", true
	}
}

// keyValid reports whether a key may sign the entry that is judged, and whether
// that is known.
func (r *replay) keyValid(k *provenance.ProviderKey) (yes, known bool) {
	if k.Revoked != nil {
		return false, true
	}
	if begun, known := r.since(k.From); !known || !begun {
		return false, known
	}
	if k.Until == nil {
		return true, true
	}
	ended, known := r.since(*k.Until)
	return !ended, known
}
