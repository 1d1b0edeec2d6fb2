package verify_test

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"testing"

	cmted "github.com/cometbft/cometbft/crypto/ed25519"
	"github.com/cometbft/cometbft/types"

	"tokentrail/provenance"
	"tokentrail/verify"
)

// governed makes a ledger that two of three keys govern.
func governed(t testing.TB) *ledger { return newLedgerWith(t, twoOfThree) }

func twoOfThree(l *ledger, g *provenance.Genesis) {
	g.Governance = &provenance.GenesisGovernance{Threshold: 2}
	for i := range 3 {
		l.govern = append(l.govern, keyOf(fmt.Sprint("governor", i)))
		g.Governance.Keys = append(g.Governance.Keys, publicOf(l.t, l.govern[i]).String())
	}
}

func keyOf(name string) ed25519.PrivateKey { return ed25519.NewKeyFromSeed(seed(name)) }

func publicOf(t testing.TB, key ed25519.PrivateKey) provenance.PublicKey {
	public, err := provenance.NewPublicKey(key.Public())
	check(t, err)
	return public
}

func coseOf(t testing.TB, name string) []byte { return publicOf(t, keyOf(name)).COSE() }

func kidOf(t testing.TB, key ed25519.PrivateKey) provenance.Hash {
	return publicOf(t, key).Thumbprint()
}

// act makes the next act of governance, signed by the first two governors.
func (l *ledger) act(actions ...provenance.Action) verify.Entry {
	return l.actBy(&provenance.Act{Actions: actions}, l.govern[0], l.govern[1])
}

// actBy makes the next act, of governance or of a provider, signed by whom.
func (l *ledger) actBy(a *provenance.Act, whom ...ed25519.PrivateKey) verify.Entry {
	if a.Chain == "" {
		a.Chain = l.chainID
	}
	if a.Sequence == 0 {
		a.Sequence = l.acts[a.Provider]
	}
	l.acts[a.Provider]++
	return l.signedAct(a, whom...)
}

func (l *ledger) signedAct(a *provenance.Act, whom ...ed25519.PrivateKey) verify.Entry {
	u, err := provenance.NewAct(a)
	check(l.t, err)
	for _, key := range whom {
		u, err = u.Sign(key)
		check(l.t, err)
	}
	return verify.Entry{Statement: u.Raw()}
}

// equivocation makes an entry of two statements for one place of a stream, whose
// records are given.
func (l *ledger) equivocation(issuer, stream string, sequence int64, previous *provenance.Hash, x, y [][]byte) verify.Entry {
	sign := func(records [][]byte) *provenance.UnverifiedStatement {
		h, err := provenance.NewBatch(issuer, stream, sequence, previous, records)
		check(l.t, err)
		s, err := h.Sign(l.keys[issuer])
		check(l.t, err)
		return &s.UnverifiedStatement
	}
	e, err := provenance.NewEquivocation(sign(x), sign(y))
	check(l.t, err)
	return verify.Entry{Statement: e.Leaf(), Frame: e.Evidence()}
}

// apply does to the state map what an entry does, by the words of the
// specification, and asks nothing.
func (l *ledger) apply(e verify.Entry) {
	kind, _ := provenance.LeafKindOf(e.Statement)
	switch kind {
	case provenance.LeafAct:
		if u, err := provenance.ParseAct(e.Statement); err == nil {
			l.applyAct(u.Act(), e)
		}
	case provenance.LeafEquivocation:
		if q, err := provenance.ParseEquivocation(e.Statement, e.Frame); err == nil {
			l.close(q, e.Index)
		}
	default:
		if s, err := provenance.ParseStatement(e.Statement); err == nil {
			l.grow(s, e)
		}
	}
}

// at reads a value of the state map, and there says whether it is.
func at[T provenance.StateValue](l *ledger, key string) (v T, there bool) {
	raw, there := l.state[key]
	if !there {
		return v, false
	}
	v, err := provenance.ParseStateValue[T](raw)
	check(l.t, err)
	return v, true
}

func set[T provenance.StateValue](l *ledger, key string, v T) {
	raw, err := provenance.EncodeStateValue(v)
	check(l.t, err)
	l.state[key] = raw
}

// version is the rule version of the block that is being made.
func (l *ledger) version() int64 {
	rules, _ := at[provenance.Rules](l, "rules")
	if rules.Next != 0 && int64(len(l.blocks)) >= rules.From {
		return rules.Next
	}
	return rules.Version
}

func (l *ledger) grow(s *provenance.UnverifiedStatement, e verify.Entry) {
	h := s.Header()
	key := "stream/" + h.Issuer + "/" + h.Stream
	head, there := at[provenance.StreamHead](l, key)
	if !there {
		head.Status = 1
		if p, known := at[provenance.Provider](l, "provider/"+h.Issuer); known && l.version() >= 3 {
			p.Streams++
			set(l, "provider/"+h.Issuer, p)
		}
	}
	head.Sequence, head.Statement, head.Index = h.Sequence, s.ID(), e.Index
	set(l, key, head)
}

func (l *ledger) close(q *provenance.Equivocation, index int64) {
	h := q.A.Header()
	if head, there := at[provenance.StreamHead](l, "stream/"+h.Issuer+"/"+h.Stream); there {
		head.Status, head.Closed = 2, &index
		set(l, "stream/"+h.Issuer+"/"+h.Stream, head)
	}
	if p, there := at[provenance.Provider](l, "provider/"+h.Issuer); there {
		p.Equivocations++
		set(l, "provider/"+h.Issuer, p)
	}
}

func (l *ledger) applyAct(a *provenance.Act, e verify.Entry) {
	for i := range a.Actions {
		l.applyAction(&a.Actions[i], e)
	}
	if a.Provider == "" {
		if g, there := at[provenance.Governance](l, "governance"); there {
			g.Sequence = a.Sequence + 1
			set(l, "governance", g)
		}
		return
	}
	p, _ := at[provenance.Provider](l, "provider/"+a.Provider)
	p.Acts = a.Sequence + 1
	set(l, "provider/"+a.Provider, p)
}

func (l *ledger) applyAction(a *provenance.Action, e verify.Entry) {
	p, _ := at[provenance.Provider](l, "provider/"+a.ID)
	var key *provenance.ProviderKey
	for i := range p.Keys {
		if k, err := provenance.ParsePublicKeyCOSE(p.Keys[i].Key); err == nil && k.Thumbprint() == a.KID {
			key = &p.Keys[i]
		}
	}
	newKey := func(cose []byte) provenance.ProviderKey {
		k, err := provenance.ParsePublicKeyCOSE(cose)
		check(l.t, err)
		return provenance.ProviderKey{Alg: k.Alg(), Key: cose, Added: &e.Index}
	}
	switch a.Type {
	case provenance.ProviderAdmit:
		p = provenance.Provider{ID: a.ID, Name: a.Name, Jurisdictions: a.Jurisdictions, Status: 1}
		for _, cose := range a.Keys {
			p.Keys = append(p.Keys, newKey(cose))
		}
	case provenance.ProviderDescribe:
		p.Name = a.Name
	case provenance.ProviderSet:
		p.Status = a.Status
	case provenance.KeyAdd:
		k := newKey(a.Key)
		if k.Until = a.Until; a.From != nil {
			k.From = *a.From
		}
		if len(p.Keys) < 64 { // more the state map does not hold
			p.Keys = append(p.Keys, k)
		}
	case provenance.KeyExpire:
		key.Until = a.Until
	case provenance.KeyRevoke:
		key.Revoked = &e.Index
	case provenance.KeyStolen:
		key.StolenSince, key.StolenHeight, key.Revoked = &a.Since, &a.SinceHeight, &e.Index
	case provenance.ValidatorSet:
		v := provenance.Validator{Type: "ed25519", Key: a.Validator, Power: a.Power}
		name := fmt.Sprintf("validator/%x", v.Address())
		if delete(l.state, name); a.Power > 0 {
			set(l, name, v)
		}
	case provenance.PolicySet:
		set(l, "policy", *a.Policy)
	case provenance.GovernanceSet:
		g, _ := at[provenance.Governance](l, "governance")
		g.Threshold, g.Keys = a.Threshold, a.Governors
		set(l, "governance", g)
	case provenance.RulesSet:
		set(l, "rules", provenance.Rules{Version: l.version(), Next: a.Rules, From: a.RulesFrom})
	}
	if a.ID != "" {
		set(l, "provider/"+a.ID, p)
	}
}

// handOver has the validators of the state map sign from the second block on.
func (l *ledger) handOver() {
	var set []*types.Validator
	for key := range l.state {
		if bytes.HasPrefix([]byte(key), []byte("validator/")) {
			v, _ := at[provenance.Validator](l, key)
			set = append(set, types.NewValidator(cmted.PubKey(v.Key), v.Power))
		}
	}
	if len(set) == 0 {
		return // the engine would stop
	}
	height := int64(len(l.blocks))
	was := l.validators
	if pending := l.sets[height+1]; pending != nil {
		was = pending
	}
	if is := types.NewValidatorSet(set); !bytes.Equal(is.Hash(), was.Hash()) && l.tweak == nil {
		l.sets[height+2] = is
	}
}

// validator is an action on a validator of a name; its key signs when it is one.
func (l *ledger) validator(name string, power int64) provenance.Action {
	key := cmted.GenPrivKeyFromSecret(seed(name))
	l.private[key.PubKey().Address().String()] = key
	return provenance.Action{Type: provenance.ValidatorSet, Validator: key.PubKey().Bytes(), Power: power}
}

// serveChanges tells at which heights the validators change.
func (l *ledger) serveChanges(from int64) []byte {
	answer := struct {
		Heights []int64 `json:"heights"`
	}{[]int64{}}
	for height := max(from, 1); height <= int64(len(l.blocks)); height++ {
		if h := decodeBlock(l.t, l.blocks[height-1]); !bytes.Equal(h.ValidatorsHash, h.NextValidatorsHash) {
			answer.Heights = append(answer.Heights, height)
		}
	}
	return []byte(mustJSON(l.t, answer))
}
