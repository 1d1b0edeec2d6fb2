package verify_test

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"slices"
	"testing"

	"github.com/cometbft/cometbft/types"

	"tokentrail/provenance"
	"tokentrail/verify"
)

// admitted is a governed ledger whose validators let an entry through behind an
// act that admits gamma, which is entry 1.
func admitted(make func(l *ledger) verify.Entry) func(t testing.TB) *ledger {
	return func(t testing.TB) *ledger {
		l := governed(t)
		l.commit(l.one("beta", "eu"))
		l.commit(l.act(l.admit("gamma")))
		l.commit(make(l))
		l.commit(l.one("beta", "eu"))
		l.commit()
		return l
	}
}

// done is an act of one action that governance must not do.
func done(make func(l *ledger) provenance.Action) func(t testing.TB) *ledger {
	return admitted(func(l *ledger) verify.Entry { return l.act(make(l)) })
}

func actLies() []lie {
	const act = "entries[2].act"
	form := func(change func(b []byte) []byte) func(t testing.TB) *ledger {
		return admitted(func(l *ledger) verify.Entry {
			e := l.act(l.validator("a", 1))
			e.Statement = change(e.Statement)
			return e
		})
	}
	by := func(a provenance.Act, who func(l *ledger) []ed25519.PrivateKey) func(t testing.TB) *ledger {
		return admitted(func(l *ledger) verify.Entry {
			if a.Actions == nil {
				a.Actions = []provenance.Action{l.validator("a", 1)}
			}
			return l.actBy(&a, who(l)...)
		})
	}
	two := func(l *ledger) []ed25519.PrivateKey { return l.govern[:2] }
	rotation := func(l *ledger) []provenance.Action {
		return []provenance.Action{{Type: provenance.KeyAdd, ID: "acme", Key: coseOf(l.t, "acme again")}}
	}
	height := func(h int64) *int64 { return &h }
	return []lie{
		{name: "act that is none", want: verify.CodeActForm, place: act, also: []verify.Code{verify.CodeStatementForm}, build: form(func(b []byte) []byte { return append(b, 0) })},
		{name: "act with records", want: verify.CodeActForm, place: "entries[2].records",
			build: admitted(func(l *ledger) verify.Entry {
				e := l.act(l.validator("a", 1))
				e.Frame = l.one("acme", "us").Frame
				return e
			})},
		{name: "act where nobody governs", want: verify.CodeActPlace, place: "entries[0].act",
			build: func(t testing.TB) *ledger {
				l := newLedger(t)
				l.commit(l.signedAct(&provenance.Act{Chain: l.chainID, Actions: []provenance.Action{l.admit("gamma")}}, keyOf("anybody")))
				l.commit()
				return l
			}},
		{name: "act of a provider before there are such", want: verify.CodeActPlace, place: "entries[0].act",
			build: func(t testing.TB) *ledger {
				l := newLedgerWith(t, func(_ *ledger, g *provenance.Genesis) { g.RuleSet = 2 })
				l.commit(l.actBy(&provenance.Act{Provider: "acme", Actions: rotation(l)}, l.keys["acme"], keyOf("acme again")))
				l.commit()
				return l
			}},
		{name: "act of another chain", want: verify.CodeActPlace, place: act + ".chain", build: by(provenance.Act{Chain: "other-1"}, two)},
		{name: "act out of sequence", want: verify.CodeActPlace, place: act + ".sequence", build: by(provenance.Act{Sequence: 7}, two)},
		{name: "act that expired", want: verify.CodeActPlace, place: act + ".last_height", build: by(provenance.Act{LastHeight: 2}, two)},
		{name: "act of a provider that is none", want: verify.CodeActPlace, place: act + ".provider", also: []verify.Code{verify.CodeAppHash},
			build: admitted(func(l *ledger) verify.Entry {
				// The provider that such an act would make is the double's.
				set(l, "provider/nobody", provenance.Provider{ID: "nobody", Name: "n", Jurisdictions: []string{"US"}, Status: 1, Keys: []provenance.ProviderKey{{Alg: -8, Key: coseOf(l.t, "nobody")}}})
				return l.actBy(&provenance.Act{Provider: "nobody", Actions: []provenance.Action{{Type: provenance.KeyAdd, ID: "nobody", Key: coseOf(l.t, "n")}}}, keyOf("n"))
			})},
		{name: "act that one of two signed", want: verify.CodeActSignature, place: act + ".signatures", build: by(provenance.Act{}, func(l *ledger) []ed25519.PrivateKey { return l.govern[:1] })},
		{name: "act that a stranger signed", want: verify.CodeActSignature, place: act + ".signatures[", build: by(provenance.Act{}, func(l *ledger) []ed25519.PrivateKey { return append(slices.Clone(l.govern[:2]), keyOf("stranger")) })},
		{name: "act that a removed governor signed", want: verify.CodeActSignature, place: "entries[3].act.signatures[", build: removedGovernor},
		{name: "act forged", want: verify.CodeActSignature, place: act + ".signatures[1]",
			build: form(func(b []byte) []byte { b = bytes.Clone(b); b[len(b)-1] ^= 1; return b })},
		{name: "takeover without the new ones", want: verify.CodeActSignature, place: act + ".signatures",
			build: done(func(l *ledger) provenance.Action {
				return provenance.Action{Type: provenance.GovernanceSet, Threshold: 1, Governors: [][]byte{coseOf(l.t, "new governor")}}
			})},
		{name: "provider's key that did not sign", want: verify.CodeActSignature, place: act + ".signatures",
			build: admitted(func(l *ledger) verify.Entry {
				return l.actBy(&provenance.Act{Provider: "acme", Actions: rotation(l)}, l.keys["acme"])
			})},
		{name: "provider's act that the new key alone signed", want: verify.CodeActSignature, place: act + ".signatures",
			build: admitted(func(l *ledger) verify.Entry {
				return l.actBy(&provenance.Act{Provider: "acme", Actions: rotation(l)}, keyOf("acme again"))
			})},
		{name: "provider revokes its key", want: verify.CodeActAction, place: act + ".actions[0]", also: unanchored,
			build: admitted(func(l *ledger) verify.Entry {
				return l.actBy(&provenance.Act{Provider: "acme", Actions: []provenance.Action{{Type: provenance.KeyRevoke, ID: "acme", KID: kidOf(l.t, l.keys["acme"])}}}, l.keys["acme"])
			})},
		{name: "provider admitted twice", want: verify.CodeActAction, place: act, also: unanchored, build: done(func(l *ledger) provenance.Action { return l.admit("gamma") })},
		{name: "provider with somebody's key", want: verify.CodeActAction, place: act, also: []verify.Code{verify.CodeAppHash}, build: done(func(l *ledger) provenance.Action {
			a := l.admit("delta")
			a.Keys = [][]byte{coseOf(l.t, "beta")}
			return a
		})},
		{name: "status that it has", want: verify.CodeActAction, place: act, build: done(func(l *ledger) provenance.Action {
			return provenance.Action{Type: provenance.ProviderSet, ID: "acme", Status: provenance.ProviderActive}
		})},
		{name: "key that somebody has", want: verify.CodeActAction, place: act, also: unanchored, build: done(func(l *ledger) provenance.Action {
			return provenance.Action{Type: provenance.KeyAdd, ID: "acme", Key: coseOf(l.t, "gamma")}
		})},
		{name: "key that ends in the past", want: verify.CodeActAction, place: act, also: unanchored, build: done(func(l *ledger) provenance.Action {
			return provenance.Action{Type: provenance.KeyExpire, ID: "acme", KID: kidOf(l.t, l.keys["acme"]), Until: height(3)}
		})},
		{name: "key stolen in the future", want: verify.CodeActAction, place: act, also: unanchored, build: done(func(l *ledger) provenance.Action {
			return provenance.Action{Type: provenance.KeyStolen, ID: "acme", KID: kidOf(l.t, l.keys["acme"]), SinceHeight: 4}
		})},
		{name: "retired provider that comes back", want: verify.CodeActAction, place: "entries[3].act", also: []verify.Code{verify.CodeIssuer, verify.CodeAppHash, verify.CodeStateValue}, build: after(func(l *ledger) provenance.Action {
			return provenance.Action{Type: provenance.ProviderSet, ID: "beta", Status: provenance.ProviderRetired}
		}, func(l *ledger) provenance.Action {
			return provenance.Action{Type: provenance.ProviderSet, ID: "beta", Status: provenance.ProviderSuspended}
		})},
		{name: "key stolen again, since later", want: verify.CodeActAction, place: "entries[3].act", also: unanchored, build: after(stolenSince(2), stolenSince(3))},
		{name: "key that lives longer", want: verify.CodeActAction, place: "entries[3].act", build: after(endsWith(20), endsWith(20))},
		{name: "key that is revoked twice", want: verify.CodeActAction, place: "entries[3].act", also: unanchored, build: after(revoked, revoked)},
		{name: "key that ends when it is revoked", want: verify.CodeActAction, place: "entries[3].act", also: unanchored, build: after(revoked, endsWith(20))},
		{name: "more keys than a provider may have", want: verify.CodeActAction, place: act + ".actions[63]", build: admitted(func(l *ledger) verify.Entry {
			var all []provenance.Action
			for i := range 64 {
				all = append(all, provenance.Action{Type: provenance.KeyAdd, ID: "beta", Key: coseOf(l.t, fmt.Sprint("key ", i))})
			}
			return l.act(all...)
		})},
		{name: "power that it has", want: verify.CodeActAction, place: act, build: done(func(l *ledger) provenance.Action { return l.validator("validator0", 10) })},
		{name: "validator removed that is none", want: verify.CodeActAction, place: act, build: done(func(l *ledger) provenance.Action { return l.validator("nobody", 0) })},
		{name: "more keys than a provider may add by itself", want: verify.CodeActAction, place: act + ".actions[31]", also: unanchored, build: admitted(func(l *ledger) verify.Entry {
			signers, all := []ed25519.PrivateKey{l.keys["acme"]}, []provenance.Action(nil)
			for i := range 32 {
				name := fmt.Sprint("key ", i)
				signers = append(signers, keyOf(name))
				all = append(all, provenance.Action{Type: provenance.KeyAdd, ID: "acme", Key: coseOf(l.t, name)})
			}
			return l.actBy(&provenance.Act{Provider: "acme", Actions: all}, signers...)
		})},
		{name: "no validator left", want: verify.CodeActAction, place: act + ".actions[3]", also: []verify.Code{verify.CodeGovernedValidators}, build: admitted(func(l *ledger) verify.Entry {
			var all []provenance.Action
			for i := range 4 {
				all = append(all, l.validator(fmt.Sprint("validator", i), 0))
			}
			return l.act(all...)
		})},
		{name: "rules that hold already", want: verify.CodeActAction, place: act, also: unanchored, build: done(func(l *ledger) provenance.Action {
			return provenance.Action{Type: provenance.RulesSet, Rules: 3, RulesFrom: 90}
		})},
		{name: "rules from the past", want: verify.CodeActAction, place: act, also: unanchored, build: done(func(l *ledger) provenance.Action {
			return provenance.Action{Type: provenance.RulesSet, Rules: 4, RulesFrom: 3}
		})},
	}
}

// after is a ledger with one act behind another, which governance must not do.
func after(first, second func(l *ledger) provenance.Action) func(t testing.TB) *ledger {
	return admitted(func(l *ledger) verify.Entry {
		l.commit(l.act(first(l)))
		return l.act(second(l))
	})
}

func revoked(l *ledger) provenance.Action {
	return provenance.Action{Type: provenance.KeyRevoke, ID: "acme", KID: kidOf(l.t, l.keys["acme"])}
}

func endsWith(until int64) func(l *ledger) provenance.Action {
	return func(l *ledger) provenance.Action {
		return provenance.Action{Type: provenance.KeyExpire, ID: "acme", KID: kidOf(l.t, l.keys["acme"]), Until: &until}
	}
}

func stolenSince(height int64) func(l *ledger) provenance.Action {
	return func(l *ledger) provenance.Action {
		return provenance.Action{Type: provenance.KeyStolen, ID: "acme", KID: kidOf(l.t, l.keys["acme"]), SinceHeight: height}
	}
}

// removedGovernor is a ledger on which one signs whom an act has put out.
func removedGovernor(t testing.TB) *ledger {
	return admitted(func(l *ledger) verify.Entry {
		cose := [][]byte{publicOf(t, l.govern[0]).COSE(), publicOf(t, l.govern[2]).COSE()}
		slices.SortFunc(cose, bytes.Compare)
		l.commit(l.actBy(&provenance.Act{Actions: []provenance.Action{{Type: provenance.GovernanceSet, Threshold: 2, Governors: cose}}}, l.govern[0], l.govern[2]))
		return l.act(l.validator("a", 1)) // signed by 0 and 1
	})(t)
}

func governLies() []lie {
	return []lie{
		{name: "act dropped", want: verify.CodeEntryIndex, place: "entries[1]", build: admitted(gammaSays), do: func(l *ledger) { l.entries = slices.Delete(l.entries, 1, 2) }},
		{name: "act dropped and numbered again", want: verify.CodeIssuer, place: "entries[1].statement.issuer", also: []verify.Code{verify.CodeAppHash, verify.CodeStale, verify.CodeStateValue}, build: admitted(gammaSays), do: renumbered(func(l *ledger) {
			l.entries = slices.Delete(l.entries, 1, 2)
			l.status = func(s *verify.Status) { s.LogSize-- }
		})},
		{name: "act behind what it allows", want: verify.CodeIssuer, place: "entries[1].statement.issuer", also: unanchored, build: admitted(gammaSays), do: renumbered(func(l *ledger) {
			l.entries[1], l.entries[2] = l.entries[2], l.entries[1]
		})},
		{name: "revoked key", want: verify.CodeKey, place: "entries[3].statement.kid", build: ended(provenance.KeyRevoke)},
		{name: "stolen key", want: verify.CodeKey, place: "entries[3].statement.kid", build: ended(provenance.KeyStolen)},
		{name: "key before its height", want: verify.CodeKey, place: "entries[3].statement.kid", build: admitted(func(l *ledger) verify.Entry {
			from := int64(9)
			l.commit(l.act(provenance.Action{Type: provenance.KeyAdd, ID: "acme", Key: coseOf(l.t, "acme again"), From: &from}))
			l.keys["acme"] = keyOf("acme again")
			return l.one("acme", "us")
		})},
		{name: "suspended provider", want: verify.CodeIssuer, place: "entries[3].statement.issuer", build: admitted(func(l *ledger) verify.Entry {
			l.commit(l.act(provenance.Action{Type: provenance.ProviderSet, ID: "gamma", Status: provenance.ProviderSuspended}))
			return l.one("gamma", "fr")
		})},
		{name: "policy ignored", want: verify.CodePolicy, place: "entries[3].records", build: admitted(func(l *ledger) verify.Entry {
			l.commit(l.act(provenance.Action{Type: provenance.PolicySet, Policy: &provenance.Policy{RecordBytes: 40}}))
			return l.one("acme", "us")
		})},
		{name: "more streams than policy allows", want: verify.CodeStreams, place: "entries[4].statement.stream", build: admitted(func(l *ledger) verify.Entry {
			l.commit(l.act(provenance.Action{Type: provenance.PolicySet, Policy: &provenance.Policy{Streams: 1}}), l.one("acme", "us"))
			return l.one("acme", "more")
		})},
		{name: "older than policy allows", want: verify.CodeAge, place: "entries[3].statement.period", build: admitted(func(l *ledger) verify.Entry {
			l.commit(l.act(provenance.Action{Type: provenance.PolicySet, Policy: &provenance.Policy{Age: 1000}}))
			return l.one("acme", "us") // of 2023
		})},
		{name: "rules at another height than said", want: verify.CodeAppHash, place: "headers[6].app_hash", also: []verify.Code{verify.CodeStateValue}, build: earlyRules},
		{name: "equivocation that is none", want: verify.CodeEquivocationForm, place: "entries[2].equivocation", build: twoStories(func(l *ledger, e verify.Entry) verify.Entry {
			e.Frame = bytes.Clone(e.Frame)
			e.Frame[len(e.Frame)-1] ^= 1
			return e
		})},
		{name: "equivocation of one payload twice", want: verify.CodeEquivocationForm, place: "entries[2].equivocation", also: []verify.Code{verify.CodeStatementForm}, build: twoStories(onePayload)},
		{name: "equivocation of two streams", want: verify.CodeEquivocationForm, place: "entries[2].equivocation", also: []verify.Code{verify.CodeStatementForm}, build: twoStories(twoStreams)},
		{name: "equivocation by a stranger", want: verify.CodeEquivocation, place: "entries[2].equivocation", also: []verify.Code{verify.CodeKey, verify.CodeChain}, build: twoStories(func(l *ledger, _ verify.Entry) verify.Entry {
			l.keys["beta"] = keyOf("stranger")
			return twoFold(l, 0)
		})},
		{name: "equivocation under a revoked key", want: verify.CodeEquivocation, place: "entries[3].equivocation", also: []verify.Code{verify.CodeKey, verify.CodeChain}, build: twoStories(func(l *ledger, e verify.Entry) verify.Entry {
			l.commit(l.act(provenance.Action{Type: provenance.KeyRevoke, ID: "beta", KID: kidOf(l.t, l.keys["beta"])}))
			return e
		})},
		{name: "equivocation that nobody finished", want: verify.CodeEquivocation, place: "entries[2].equivocation", also: []verify.Code{verify.CodeChain}, build: twoStories(func(l *ledger, _ verify.Entry) verify.Entry { return twoFold(l, 1) })},
		{name: "equivocation of a closed stream", want: verify.CodeEquivocation, place: "entries[3].equivocation", also: []verify.Code{verify.CodeChain}, build: twoStories(func(l *ledger, e verify.Entry) verify.Entry {
			l.commit(e)
			return l.equivocation("beta", "eu", 0, nil, l.records(5, "DE", "US"), l.records(6, "DE", "US"))
		})},
		{name: "stream goes on behind its equivocation", want: verify.CodeChain, place: "entries[3].statement, stream beta/eu", build: twoStories(func(l *ledger, e verify.Entry) verify.Entry { return e })},
		{name: "validators that nobody governs", want: verify.CodeGovernedValidators, place: "headers[3].validators_hash", build: ungovernedValidators},
		{name: "validators later than governed", want: verify.CodeGovernedValidators, place: "headers[4].validators_hash", build: lateValidators},
		{name: "heights", want: verify.CodeHeight, place: "entries[1].height", do: func(l *ledger) { l.claim = claimed(1, 3) }},
		{name: "heights under a header", want: verify.CodeHeight, place: "entries[4].height", build: admitted(keyUntil), do: func(l *ledger) { l.claim = claimed(3, 3) },
			trust: func(l *ledger) []verify.Trust { return []verify.Trust{l.at(4)} }},
		{name: "heights that go back", want: verify.CodeHeight, place: "entries[1].height", do: func(l *ledger) { l.claim = claimed(0, 3) },
			trust: func(l *ledger) []verify.Trust { return []verify.Trust{l.at(2)} }},
		{name: "height above the head", want: verify.CodeHeight, place: "entries[3].height", do: func(l *ledger) { l.claim = claimed(3, 9) },
			trust: func(l *ledger) []verify.Trust { return []verify.Trust{l.at(2)} }},
		{name: "removed validator shown", want: verify.CodeStateValue, place: "state[validator/", build: admitted(func(l *ledger) verify.Entry { return l.act(l.validator("validator3", 0)) }), do: removedShown},
		{name: "closed stream shown open", want: verify.CodeStateProof, place: "state[stream/beta/eu]", also: []verify.Code{verify.CodeKey, verify.CodeChain}, build: twoStories(func(l *ledger, e verify.Entry) verify.Entry {
			l.next["beta/eu"], l.previous["beta/eu"] = 0, nil
			l.keys["beta"] = l.keys["acme"]
			return e
		}), do: on("/v1/state?key=stream%2Fbeta%2Feu", stateWith(func(a *verify.StateAnswer) { a.Value[len(a.Value)-1] ^= 1 }))},
		{name: "governance withheld", want: verify.CodeStateForm, place: "state[governance]", build: admitted(gammaSays), do: on("/v1/state?key=governance", func([]byte) []byte { return nil })},
	}
}

func gammaSays(l *ledger) verify.Entry { return l.one("gamma", "fr") }

// renumbered changes the entries and gives them their places' indices.
func renumbered(change func(l *ledger)) func(l *ledger) {
	return func(l *ledger) {
		change(l)
		for i := range l.entries {
			l.entries[i].Index = int64(i)
		}
	}
}

// ended is a ledger that takes a statement under a key whose time an act has ended.
func ended(how provenance.ActionType) func(t testing.TB) *ledger {
	return admitted(func(l *ledger) verify.Entry {
		a := provenance.Action{Type: how, ID: "acme", KID: kidOf(l.t, l.keys["acme"])}
		if how == provenance.KeyStolen {
			a.SinceHeight = 1
		}
		l.commit(l.act(a))
		return l.one("acme", "us")
	})
}

// earlyRules is a ledger whose validators go by new rules before the height that
// the act says.
func earlyRules(t testing.TB) *ledger {
	l := newLedgerWith(t, func(l *ledger, g *provenance.Genesis) { twoOfThree(l, g); g.RuleSet = 2 })
	l.commit(l.one("acme", "us"))
	l.commit(l.one("beta", "eu"))
	l.commit(l.act(provenance.Action{Type: provenance.RulesSet, Rules: 3, RulesFrom: 9}))
	l.commit(l.one("acme", "us"))
	rules, _ := at[provenance.Rules](l, "rules")
	honest := l.state["rules"]
	rules.From = 5
	set(l, "rules", rules)
	e := l.one("acme", "counted")
	l.header()
	e.Index, e.Height = int64(len(l.leaves)), int64(len(l.blocks))
	l.leaves, l.entries = append(l.leaves, provenance.LeafHash(e.Statement)), append(l.entries, e)
	l.apply(e)
	l.state["rules"] = honest
	l.heads = append(l.heads, provenance.Preimage{Size: int64(len(l.leaves)), LogRoot: l.tree(len(l.leaves)).Root(), StateRoot: naiveState(l.state)})
	l.states = append(l.states, l.state)
	l.commit()
	return l
}

// twoFold is an equivocation of beta about a place of its stream eu.
func twoFold(l *ledger, sequence int64) verify.Entry {
	var previous *provenance.Hash
	if sequence > 0 {
		previous = l.previous["beta/eu"]
	}
	return l.equivocation("beta", "eu", sequence, previous, l.records(3, "DE", "US"), l.records(4, "DE", "US"))
}

// twoStories is a ledger whose validators let an equivocation of beta in, or what
// make makes of it.
func twoStories(make func(l *ledger, e verify.Entry) verify.Entry) func(t testing.TB) *ledger {
	return admitted(func(l *ledger) verify.Entry { return make(l, twoFold(l, 0)) })
}

// evidence is the entry that two statements would give, whatever they are.
func evidence(x, y *provenance.UnverifiedStatement) verify.Entry {
	e := &provenance.Equivocation{A: x, B: y}
	return verify.Entry{Statement: e.Leaf(), Frame: e.Evidence()}
}

func statementOf(l *ledger, stream string, n int) *provenance.UnverifiedStatement {
	h, err := provenance.NewBatch("beta", stream, 0, nil, l.records(n, "DE", "US"))
	check(l.t, err)
	s, err := h.Sign(l.keys["beta"])
	check(l.t, err)
	return &s.UnverifiedStatement
}

func onePayload(l *ledger, _ verify.Entry) verify.Entry {
	s := statementOf(l, "eu", 2)
	return evidence(s, s)
}

func twoStreams(l *ledger, _ verify.Entry) verify.Entry {
	return evidence(statementOf(l, "eu", 2), statementOf(l, "uk", 2))
}

// ungovernedValidators hands over to validators that the state map does not have.
func ungovernedValidators(t testing.TB) *ledger {
	l := newLedger(t)
	v := l.validators.Copy()
	changed := append(slices.Clone(v.Validators[:3]), types.NewValidator(v.Validators[3].PubKey, 11))
	l.sets[3] = types.NewValidatorSet(changed)
	for range 3 {
		l.commit(l.one("acme", "us"))
		delete(l.sets, 4) // what the state map wants
		delete(l.sets, 5)
	}
	l.header()
	return l
}

// lateValidators hands over a block later than the act says.
func lateValidators(t testing.TB) *ledger {
	l := governed(t)
	l.commit(l.one("acme", "us"))
	l.commit(l.act(l.validator("a", 3)))
	l.sets[5], l.sets[4] = l.sets[4], nil
	for range 3 {
		l.commit(l.one("acme", "us"))
		for height := range l.sets {
			if height > 5 {
				delete(l.sets, height)
			}
		}
	}
	l.header()
	return l
}

// claimed claims a height for one entry.
func claimed(index, height int64) func(e verify.Entry) int64 {
	return func(e verify.Entry) int64 {
		if e.Index == index {
			return height
		}
		return e.Height
	}
}

// keyUntil is an act that ends a key with height 4, and so rests on heights.
func keyUntil(l *ledger) verify.Entry {
	until := int64(4)
	l.commit(l.act(provenance.Action{Type: provenance.KeyExpire, ID: "beta", KID: kidOf(l.t, l.keys["beta"]), Until: &until}))
	l.keys["beta"] = keyOf("beta again")
	return l.act(provenance.Action{Type: provenance.KeyAdd, ID: "beta", Key: coseOf(l.t, "beta again")})
}

// removedShown gives a value for a validator that was removed.
func removedShown(l *ledger) {
	var gone string
	for key := range l.states[0] {
		if _, there := l.state[key]; !there {
			gone = "/v1/state?key=validator%2F" + key[len("validator/"):]
		}
	}
	on(gone, stateWith(func(a *verify.StateAnswer) { a.Value = []byte{1} }))(l)
}
