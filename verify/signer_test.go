package verify_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"tokentrail/provenance"
	"tokentrail/verify"
	"tokentrail/verify/light"
)

// proves proves an entry as trace does, under validators that are followed from
// the genesis document.
func (l *ledger) proves(entry int64, receipts verify.ReceiptSource) error {
	trust := verify.Trust{Genesis: new(hashOf(l.genesis))}
	p, err := verify.NewEntryProver(context.Background(), l.genesis, trust, light.Following(l.node(), trust, l.options().Now), receipts)
	check(l.t, err)
	s, err := provenance.ParseStatement(l.entries[entry].Statement)
	check(l.t, err)
	return p.Prove(context.Background(), entry, s)
}

// receiptsOnly hides that a node answers anything else.
type receiptsOnly struct{ verify.ReceiptSource }

// rotated is a governed ledger: entry 0 of acme, whose key is revoked by 3 and
// replaced by 4, entry 2 of gamma, which 1 admits, with validators that change,
// and entry 5 of acme.
func rotated(t testing.TB) *ledger {
	l := governed(t)
	l.commit(l.one("acme", "us"))
	l.commit(l.act(l.admit("gamma"), l.validator("a", 30)))
	l.commit(l.one("gamma", "fr"))
	l.commit(l.act(provenance.Action{Type: provenance.KeyRevoke, ID: "acme", KID: kidOf(t, l.keys["acme"])}))
	l.keys["acme"] = keyOf("acme again")
	l.commit(l.act(provenance.Action{Type: provenance.KeyAdd, ID: "acme", Key: coseOf(t, "acme again")}))
	l.commit(l.one("acme", "us"))
	l.commit()
	return l
}

// TestProverFollowsTheRegistry: what was signed under a key of then is proven,
// whatever became of the key, and what was signed under one of another time is not.
func TestProverFollowsTheRegistry(t *testing.T) {
	l := rotated(t)
	for _, entry := range []int64{0, 2, 5} {
		if err := l.proves(entry, l.node()); err != nil {
			t.Errorf("entry %d: %v", entry, err)
		}
	}
	// Without the state map nobody can say who gamma is, which is no evidence.
	var f *verify.Finding
	for _, entry := range []int64{2, 5} {
		if err := l.proves(entry, receiptsOnly{l.node()}); err == nil || errors.As(err, &f) || !strings.Contains(err.Error(), "acts may have changed") {
			t.Errorf("entry %d: %v", entry, err)
		}
	}
}

// TestProverIsNotDeceived lies about the registry, and about who signed.
func TestProverIsNotDeceived(t *testing.T) {
	state := "/v1/state?key=provider%2Facme"
	for name, c := range map[string]struct {
		entry int64
		do    func(l *ledger)
		code  verify.Code // "": not evidence
	}{
		"key before it was added":  {0, func(l *ledger) { l.entries[0] = l.resigned(0, "acme again") }, verify.CodeKey},
		"key after it was revoked": {5, func(l *ledger) { l.entries[5] = l.resigned(5, "acme") }, verify.CodeKey},
		"key of another":           {5, func(l *ledger) { l.entries[5] = l.resigned(5, "beta") }, verify.CodeKey},
		"signature":                {5, func(l *ledger) { flip(&l.entries[5].Statement, -3) }, verify.CodeSignature},
		"value":                    {5, on(state, stateWith(func(a *verify.StateAnswer) { flip(&a.Value, 9) })), verify.CodeStateProof},
		"no value":                 {5, on(state, stateWith(func(a *verify.StateAnswer) { a.Value = nil })), verify.CodeStateProof},
		"no proof":                 {5, on(state, stateWith(func(a *verify.StateAnswer) { a.Proof = []byte{0x80} })), verify.CodeStateForm},
		"no preimage":              {5, on(state, stateWith(func(a *verify.StateAnswer) { a.Preimage = []byte{0x80} })), verify.CodeStateForm},
		"another app hash":         {5, on(state, stateWith(func(a *verify.StateAnswer) { flip(&a.Preimage, -1) })), verify.CodeStateAppHash},
		"another header":           {5, on(state, stateWith(func(a *verify.StateAnswer) { a.Height = 3 })), verify.CodeStateAppHash},
		"no such header":           {5, on(state, stateWith(func(a *verify.StateAnswer) { a.Height = 99 })), ""},
		"withheld":                 {5, on(state, func([]byte) []byte { return nil }), ""},
		"old":                      {5, func(l *ledger) { on(state, func([]byte) []byte { return l.oldState(4, "provider/acme") })(l) }, ""},
		"no changes of validators": {5, on("/v1/validators", func([]byte) []byte { return nil }), verify.CodeValidators},
	} {
		t.Run(name, func(t *testing.T) {
			l := rotated(t)
			c.do(l)
			err := l.proves(c.entry, l.node())
			var f *verify.Finding
			switch {
			case err == nil:
				t.Fatal("it is proven")
			case errors.As(err, &f) != (c.code != ""):
				t.Error(err)
			case f != nil && f.Code != c.code:
				t.Errorf("%v, wanted %s", err, c.code)
			}
		})
	}
}

// resigned is an entry signed with a key of another name.
func (l *ledger) resigned(entry int, name string) verify.Entry {
	e := l.entries[entry]
	s, err := provenance.ParseStatement(e.Statement)
	check(l.t, err)
	again, err := s.Header().Sign(keyOf(name))
	check(l.t, err)
	e.Statement = again.Raw()
	return e
}

// oldState is the answer about a key as of an older height.
func (l *ledger) oldState(height int, key string) []byte {
	b := append([]byte{0x84}, l.heads[height].Encode()...)
	b = appendHead(b, 0, int64(height+1))
	return append(appendBytes(b, l.states[height][key]), naiveProof(l.states[height], key).Encode()...)
}

// TestExhibitOfAGovernedLedger: keys that came with acts prove entries as those of
// the genesis document do, by what the state map says of their issuer.
func TestExhibitOfAGovernedLedger(t *testing.T) {
	l := governed(t)
	l.commit(l.one("acme", "us"))
	l.commit(l.act(l.admit("gamma"), provenance.Action{Type: provenance.KeyAdd, ID: "acme", Key: coseOf(t, "acme again")}))
	l.keys["acme"] = keyOf("acme again")
	l.commit(l.one("gamma", "fr"), l.one("acme", "us"))
	l.commit()
	for _, entry := range []string{"0", "2", "3"} {
		e := l.exhibit(entry, 0)
		if r := l.show(e); r.Verdict != verify.Holds {
			t.Errorf("%s:\n%s", entry, text(r))
		}
		e.States = nil
		if r := l.show(e); r.Verdict != verify.Unchecked || !strings.Contains(text(r), "acts may have changed") {
			t.Errorf("%s without its issuer's state:\n%s", entry, text(r))
		}
	}
	// Where no act can change the registry, a key that it lacks is evidence.
	l = newLedgerWith(t, func(_ *ledger, g *provenance.Genesis) { g.RuleSet = 2 })
	l.commit(l.one("acme", "us"))
	l.entries[0] = l.resigned(0, "acme again")
	l.commit()
	if r := l.show(l.exhibit("0", 0)); r.Exit() != 1 || len(r.Findings()) != 2 || r.Findings()[1].Code != verify.CodeKey || r.Findings()[1].Place != "entry.kid" {
		t.Error(text(r))
	}
}
