package ledger

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"slices"

	"tokentrail/provenance"
)

// act makes an act of governance or of a provider, with its signatures.
func (h *chronicle) act() []byte {
	a := &provenance.Act{Chain: historyChain}
	var signers []string
	if h.chance(4) {
		a.Provider = h.issuer()
		signers = h.ownAct(a)
	} else {
		signers = h.governanceAct(a)
	}
	switch h.rng.IntN(30) {
	case 0:
		a.Chain = "another-1"
	case 1:
		a.Sequence++
	case 2:
		a.LastHeight = max(1, h.o.height-1+h.rng.Int64N(3))
	case 3:
		signers = append(signers, "stranger")
	case 4:
		signers = signers[min(1, len(signers)):]
	}
	if len(signers) == 0 {
		signers = []string{"stranger"} // an act without a signature is none
	}
	u, err := provenance.NewAct(a)
	if err != nil {
		h.t.Fatalf("%+v: %v", a, err)
	}
	for _, s := range signers {
		if u, err = u.Sign(signerOf(s)); err != nil {
			h.t.Fatal(err)
		}
	}
	raw := slices.Clone(u.Raw())
	if h.chance(20) {
		raw[len(raw)-1-h.rng.IntN(64)] ^= 1 << h.rng.IntN(8)
	}
	return provenance.EncodeActSubmission(raw)
}

// ownAct adds and expires a provider's keys.
func (h *chronicle) ownAct(a *provenance.Act) (signers []string) {
	if p := h.o.providers[a.Provider]; p != nil {
		a.Sequence = p.at
	}
	for n := range 6 {
		key := fmt.Sprint(a.Provider, " key ", n)
		if h.holds(a.Provider, key) {
			signers = append(signers, key)
			break
		}
	}
	for range 1 + h.rng.IntN(2) {
		x := h.keyAction(a.Provider)
		if x.Type == provenance.KeyAdd {
			signers = append(signers, h.nameOf(a.Provider, x.Key))
		}
		a.Actions = append(a.Actions, x)
	}
	return signers
}

// holds reports whether a key of a provider is in force.
func (h *chronicle) holds(id, key string) bool {
	p := h.o.providers[id]
	if p == nil {
		return false
	}
	k := p.key(sha256.Sum256(coseOf(h.t, key)))
	return k != nil && k.inForce(h.o.height)
}

// nameOf is the name of a key that keyAction chose.
func (h *chronicle) nameOf(id string, cose []byte) string {
	for _, of := range []string{id, "beta"} {
		for n := range 6 {
			if name := fmt.Sprint(of, " key ", n); string(coseOf(h.t, name)) == string(cose) {
				return name
			}
		}
	}
	return "stranger"
}

// keyAction is one of the actions on keys.
func (h *chronicle) keyAction(id string) provenance.Action {
	kind := h.rng.IntN(7)
	key := ""
	for range 3 { // rather one that it has, or may add
		key = fmt.Sprint(id, " key ", h.rng.IntN(6))
		if p := h.o.providers[id]; p == nil || (p.key(sha256.Sum256(coseOf(h.t, key))) == nil) == (kind < 3) {
			break
		}
	}
	if h.chance(15) {
		key = fmt.Sprint("beta key ", h.rng.IntN(3))
	}
	height := max(1, h.o.height+h.rng.Int64N(8)-2)
	x := provenance.Action{ID: id}
	switch kind {
	case 0, 1, 2:
		x.Type, x.Key = provenance.KeyAdd, coseOf(h.t, key)
		if h.chance(3) {
			x.From = new(height)
		}
		if h.chance(4) {
			x.Until = new(height + 1 + h.rng.Int64N(5))
		}
		return x
	case 3:
		x.Type, x.Until = provenance.KeyExpire, new(height)
	case 4:
		x.Type = provenance.KeyRevoke
	case 5:
		x.Type, x.Since, x.SinceHeight = provenance.KeyStolen, h.o.time-5000, height
	default:
		x.Type, x.Until = provenance.KeyExpire, new(h.o.height+1+h.rng.Int64N(4))
	}
	x.KID = sha256.Sum256(coseOf(h.t, key))
	return x
}

// governanceAct does up to three things, and says who has to sign.
func (h *chronicle) governanceAct(a *provenance.Act) (signers []string) {
	threshold := int64(1)
	var keys [][]byte
	if g := h.o.governors; g != nil {
		a.Sequence, threshold, keys = g.Sequence, g.Threshold, g.Keys
	}
	for range 1 + h.rng.IntN(6)/4 {
		a.Actions = append(a.Actions, h.governanceAction())
	}
	signers = h.governors(keys, threshold)
	for i := range slices.Backward(a.Actions) {
		if x := a.Actions[i]; x.Type == provenance.GovernanceSet {
			for _, s := range h.governors(x.Governors, x.Threshold) {
				if !slices.Contains(signers, s) {
					signers = append(signers, s)
				}
			}
			break
		}
	}
	return signers
}

// governors returns the names of so many of the keys.
func (h *chronicle) governors(keys [][]byte, n int64) (out []string) {
	for _, name := range names("gov ", 6) {
		if int64(len(out)) < n && slices.ContainsFunc(keys, func(k []byte) bool { return string(k) == string(coseOf(h.t, name)) }) {
			out = append(out, name)
		}
	}
	if len(out) == 0 {
		out = []string{"gov 0"}
	}
	return out
}

func (h *chronicle) governanceAction() provenance.Action {
	id := h.issuer()
	switch h.rng.IntN(16) {
	case 0, 1, 2:
		if !h.chance(5) {
			id = pick(h, h.newcomers())
		}
		var keys [][]byte
		for n := range 1 + h.rng.IntN(2) {
			keys = append(keys, coseOf(h.t, fmt.Sprint(id, " key ", n)))
		}
		return provenance.Action{Type: provenance.ProviderAdmit, ID: id, Name: "New " + id, Jurisdictions: []string{"DE", "FR"}, Keys: keys}
	case 3:
		return provenance.Action{Type: provenance.ProviderDescribe, ID: id, Name: fmt.Sprint("Name ", h.rng.IntN(5))}
	case 4:
		return provenance.Action{Type: provenance.ProviderDescribe, ID: id, Jurisdictions: []string{"CN"}}
	case 5:
		return provenance.Action{Type: provenance.ProviderSet, ID: id, Status: provenance.ProviderStatus(1 + h.rng.IntN(2) + h.rng.IntN(20)/19)}
	case 6, 7, 8:
		return h.keyAction(id)
	case 9, 10, 11:
		key := signerOf(fmt.Sprint("validator ", h.rng.IntN(5))).Public().(ed25519.PublicKey)
		return provenance.Action{Type: provenance.ValidatorSet, Validator: key, Power: max(h.rng.Int64N(5)-1, 0) * 5}
	case 12:
		return provenance.Action{Type: provenance.PolicySet, Policy: h.policy()}
	case 13:
		n := 1 + h.rng.IntN(4)
		return provenance.Action{Type: provenance.GovernanceSet, Threshold: 1 + h.rng.Int64N(int64(n)), Governors: sortedCOSE(h.t, names("gov ", n))}
	}
	return provenance.Action{Type: provenance.RulesSet, Rules: 1 + h.rng.Int64N(provenance.RuleVersion), RulesFrom: max(1, h.o.height+h.rng.Int64N(6)-1)}
}

func (h *chronicle) policy() *provenance.Policy {
	p := &provenance.Policy{}
	if h.chance(3) {
		p.Streams = 1 + h.rng.Int64N(3)
	}
	if h.chance(2) {
		p.Age = 4000 + h.rng.Int64N(4000)
	}
	if h.chance(3) {
		p.Records = 1 + h.rng.Int64N(3)
	}
	if h.chance(3) {
		p.Jurisdictions, p.Skew = []string{"CN", "US"}, 1000
	}
	return p
}
