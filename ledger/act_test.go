package ledger

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"testing"

	"tokentrail/provenance"
)

func publicBytes(name string) []byte { return signerOf(name).Public().(ed25519.PublicKey) }

// settled is a governed ledger in which something has happened: gone is retired,
// slow suspended; of acme's keys acme revoked is revoked, acme stolen is stolen
// since height 3, acme short expires at 50 and acme late begins at 100. The next
// block is 6, the next decree 2.
func settled(t *testing.T) *Ledger {
	t.Helper()
	l := governed(t, 3)
	admit := func(id string, keys ...string) provenance.Action {
		x := provenance.Action{Type: provenance.ProviderAdmit, ID: id, Name: id, Jurisdictions: []string{"DE"}}
		for _, k := range keys {
			x.Keys = append(x.Keys, coseOf(t, k))
		}
		return x
	}
	add := func(key string, until *int64) provenance.Action {
		return provenance.Action{Type: provenance.KeyAdd, ID: "acme", Key: coseOf(t, key), Until: until}
	}
	run(t, l, nil)
	run(t, l, nil)
	run(t, l, []*Checked{decree(t, 0,
		admit("gone", "gone"), admit("slow", "slow"),
		add("acme revoked", nil), add("acme stolen", nil), add("acme short", new(int64(50))),
		provenance.Action{Type: provenance.KeyAdd, ID: "acme", Key: coseOf(t, "acme late"), From: new(int64(100))})})
	run(t, l, []*Checked{decree(t, 1,
		provenance.Action{Type: provenance.ProviderSet, ID: "gone", Status: provenance.ProviderRetired},
		provenance.Action{Type: provenance.ProviderSet, ID: "slow", Status: provenance.ProviderSuspended},
		provenance.Action{Type: provenance.KeyRevoke, ID: "acme", KID: kidOf(t, "acme revoked")},
		provenance.Action{Type: provenance.KeyStolen, ID: "acme", KID: kidOf(t, "acme stolen"), Since: 1, SinceHeight: 3})})
	run(t, l, nil)
	return l
}

// TestActRefusals has a case for each rule of SPEC(GOV-7) to SPEC(GOV-18).
func TestActRefusals(t *testing.T) {
	l := settled(t)
	type act = provenance.Act
	type action = provenance.Action
	describe := action{Type: provenance.ProviderDescribe, ID: "acme", Name: "Acme"}
	of := func(x action) *Checked { return decree(t, 2, x) }
	key := func(kind provenance.ActionType, name string, x action) *Checked {
		x.Type, x.ID, x.KID = kind, "acme", kidOf(t, name)
		return of(x)
	}
	add := func(id, name string) action {
		return action{Type: provenance.KeyAdd, ID: id, Key: coseOf(t, name)}
	}
	one := func(a act, x action, signers ...string) *Checked {
		a.Actions = []action{x}
		return signedAct(t, a, signers...)
	}
	for _, x := range []struct {
		name string
		code provenance.Code
		path string
		c    *Checked
	}{
		{"a good one", "", "", of(describe)},
		{"another chain", CodeChainID, "chain", one(act{Chain: "test-2", Sequence: 2}, describe, "gov 0", "gov 1")},
		{"behind its last height", CodeExpired, "last-height", one(act{Sequence: 2, LastHeight: 5}, describe, "gov 0", "gov 1")},
		{"at its last height", "", "", one(act{Sequence: 2, LastHeight: 6}, describe, "gov 0", "gov 1")},
		{"an unknown provider's", CodeUnknownIssuer, "provider", one(act{Provider: "nobody"}, add("nobody", "x"), "nobody", "x")},
		{"a retired provider's", CodeInactiveIssuer, "provider", one(act{Provider: "gone"}, add("gone", "x"), "gone", "x")},
		{"a suspended provider's", "", "", one(act{Provider: "slow"}, add("slow", "x"), "slow", "x")},
		{"done already", CodeSequence, "sequence", one(act{Sequence: 1}, describe, "gov 0", "gov 1")},
		{"too early", CodeSequence, "sequence", one(act{Sequence: 3}, describe, "gov 0", "gov 1")},
		{"a provider's too early", CodeSequence, "sequence", one(act{Provider: "acme", Sequence: 1}, add("acme", "x"), "acme", "x")},
		{"one signature of two", CodeThreshold, "signatures", one(act{Sequence: 2}, describe, "gov 1")},
		{"three signatures", "", "", one(act{Sequence: 2}, describe, "gov 0", "gov 1", "gov 2")},
		{"a stranger's too", CodeUnknownKey, "", one(act{Sequence: 2}, describe, "gov 0", "gov 1", "stranger")},
		{"a provider's, signed by governance", CodeUnknownKey, "", one(act{Provider: "acme"}, add("acme", "x"), "gov 0", "gov 1", "x")},
		{"without the key that it adds", CodeThreshold, "signatures", one(act{Provider: "acme"}, add("acme", "x"), "acme")},
		{"by the added key alone", CodeThreshold, "signatures", one(act{Provider: "acme"}, add("acme", "x"), "x")},
		{"by two keys of its own", CodeThreshold, "signatures", one(act{Provider: "acme"}, add("acme", "x"), "acme", "acme short", "x")},
		{"by a revoked key", CodeUnknownKey, "", one(act{Provider: "acme"}, add("acme", "x"), "acme revoked", "x")},
		{"by a key of later", CodeUnknownKey, "", one(act{Provider: "acme"}, add("acme", "x"), "acme late", "x")},
		{"the last of two governances counts", "", "", signedAct(t, act{Sequence: 2, Actions: []action{
			{Type: provenance.GovernanceSet, Threshold: 1, Governors: sortedCOSE(t, []string{"new 0"})},
			{Type: provenance.GovernanceSet, Threshold: 1, Governors: sortedCOSE(t, []string{"gov 0"})}}}, "gov 0", "gov 1")},
		{"a provider revokes", CodeRegistry, "actions[0].type", one(act{Provider: "acme"}, action{Type: provenance.KeyRevoke, ID: "acme", KID: kidOf(t, "acme")}, "acme")},
		{"about another", CodeRegistry, "actions[0].id", one(act{Provider: "acme"}, add("beta", "x"), "acme", "x")},
		{"the new governors are too few", CodeThreshold, "signatures", one(act{Sequence: 2}, action{Type: provenance.GovernanceSet, Threshold: 2, Governors: sortedCOSE(t, []string{"new 0", "new 1"})}, "gov 0", "gov 1", "new 0")},
		{"governance passes on", "", "", one(act{Sequence: 2}, action{Type: provenance.GovernanceSet, Threshold: 2, Governors: sortedCOSE(t, []string{"gov 0", "new 1"})}, "gov 0", "gov 1", "new 1")},
		{"a new provider that is there", CodeRegistry, "actions[0].id", of(action{Type: provenance.ProviderAdmit, ID: "acme", Name: "x", Jurisdictions: []string{"US"}, Keys: [][]byte{coseOf(t, "x")}})},
		{"a new provider with another's key", CodeRegistry, "actions[0].keys[1]", of(action{Type: provenance.ProviderAdmit, ID: "new", Name: "x", Jurisdictions: []string{"US"}, Keys: [][]byte{coseOf(t, "x"), coseOf(t, "acme revoked")}})},
		{"a new provider with one key twice", CodeRegistry, "actions[0].keys[1]", of(action{Type: provenance.ProviderAdmit, ID: "new", Name: "x", Jurisdictions: []string{"US"}, Keys: [][]byte{coseOf(t, "x"), coseOf(t, "x")}})},
		{"about nobody", CodeRegistry, "actions[0].id", of(action{Type: provenance.ProviderDescribe, ID: "nobody", Name: "x"})},
		{"the status that it has", CodeRegistry, "actions[0].status", of(action{Type: provenance.ProviderSet, ID: "slow", Status: provenance.ProviderSuspended})},
		{"back from retirement", CodeRegistry, "actions[0].status", of(action{Type: provenance.ProviderSet, ID: "gone", Status: provenance.ProviderActive})},
		{"a key that it has", CodeRegistry, "actions[0].key", of(add("acme", "acme"))},
		{"a key that was revoked", CodeRegistry, "actions[0].key", of(add("acme", "acme revoked"))},
		{"a key of another's", CodeRegistry, "actions[0].key", of(add("acme", "beta"))},
		{"no key of its", CodeRegistry, "actions[0].kid", key(provenance.KeyRevoke, "beta", action{})},
		{"expires in this block", CodeHeight, "actions[0].until", key(provenance.KeyExpire, "acme", action{Until: new(int64(6))})},
		{"expires in the next block", "", "", key(provenance.KeyExpire, "acme", action{Until: new(int64(7))})},
		{"expires no earlier", CodeHeight, "actions[0].until", key(provenance.KeyExpire, "acme short", action{Until: new(int64(50))})},
		{"expires earlier", "", "", key(provenance.KeyExpire, "acme short", action{Until: new(int64(49))})},
		{"a revoked one expires", CodeRegistry, "actions[0].kid", key(provenance.KeyExpire, "acme revoked", action{Until: new(int64(9))})},
		{"revoked twice", CodeRegistry, "actions[0].kid", key(provenance.KeyRevoke, "acme revoked", action{})},
		{"stolen later", CodeRegistry, "actions[0].since-height", key(provenance.KeyStolen, "acme stolen", action{Since: 1, SinceHeight: 3})},
		{"stolen earlier", "", "", key(provenance.KeyStolen, "acme stolen", action{Since: 1, SinceHeight: 2})},
		{"stolen in the future", CodeHeight, "actions[0].since-height", key(provenance.KeyStolen, "acme", action{Since: 1, SinceHeight: 7})},
		{"stolen now", "", "", key(provenance.KeyStolen, "acme", action{Since: 1, SinceHeight: 6})},
		{"revoked before it was known as stolen", "", "", key(provenance.KeyStolen, "acme revoked", action{Since: 1, SinceHeight: 1})},
		{"no validator to be removed", CodeRegistry, "actions[0].validator", of(action{Type: provenance.ValidatorSet, Validator: publicBytes("x")})},
		{"the power that it has", CodeRegistry, "actions[0].power", of(action{Type: provenance.ValidatorSet, Validator: publicBytes("validator 1"), Power: 10})},
		{"no validator left", CodeRegistry, "actions[1].power", decree(t, 2,
			action{Type: provenance.ValidatorSet, Validator: publicBytes("validator 1")}, action{Type: provenance.ValidatorSet, Validator: publicBytes("validator 2")})},
		{"all replaced", "", "", decree(t, 2,
			action{Type: provenance.ValidatorSet, Validator: publicBytes("validator 1")}, action{Type: provenance.ValidatorSet, Validator: publicBytes("validator 2")},
			action{Type: provenance.ValidatorSet, Validator: publicBytes("validator 3"), Power: 1})},
		{"rules that hold", CodeRegistry, "actions[0].rules", of(action{Type: provenance.RulesSet, Rules: 3, RulesFrom: 9})},
		{"rules from now", CodeHeight, "actions[0].rules-from", of(action{Type: provenance.RulesSet, Rules: 4, RulesFrom: 6})},
		{"rules that this program does not have", "", "", of(action{Type: provenance.RulesSet, Rules: 1 << 31, RulesFrom: 7})},
		{"the second action", CodeRegistry, "actions[1].id", decree(t, 2, describe, action{Type: provenance.ProviderDescribe, ID: "nobody", Name: "x"})},
	} {
		v := nextView(t, l)
		before := v.size
		err := v.admit(x.c)
		var refusal *provenance.Error
		if errors.As(err, &refusal); provenance.CodeOf(err) != x.code || refusal != nil && x.path != "" && refusal.Path != x.path {
			t.Errorf("%s: %v, wanted %q at %q", x.name, err, x.code, x.path)
		}
		if err != nil && (len(v.changes) > 0 || v.size != before || len(v.added.owners) > 0) {
			t.Errorf("%s: it is refused and leaves %v", x.name, v.changes)
		}
		if err := l.Snapshot().AdmitPending(x.c); provenance.CodeOf(err) != x.code {
			t.Errorf("%s: before consensus: %v, wanted %q", x.name, err, x.code)
		}
	}
}

// TestActSignatures: SPEC(GOV-11). What is cheap comes first: no signature is
// looked at where a kid is unknown, and one that does not hold comes before their
// number.
func TestActSignatures(t *testing.T) {
	l := governed(t, 3)
	act := provenance.Act{Actions: []provenance.Action{{Type: provenance.ProviderDescribe, ID: "acme", Name: "x"}}}
	broken := func(signers ...string) *Checked {
		raw := bytes.Clone(signedAct(t, act, signers...).act.Raw())
		raw[len(raw)-10] ^= 1
		c, err := Check(provenance.EncodeActSubmission(raw))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	for _, x := range []struct {
		code provenance.Code
		c    *Checked
	}{
		{provenance.CodeSignature, broken("gov 0")},
		{provenance.CodeSignature, broken("gov 0", "gov 1")},
		{CodeUnknownKey, broken("gov 0", "stranger", "gov 1")},
	} {
		if err := nextView(t, l).admit(x.c); provenance.CodeOf(err) != x.code {
			t.Errorf("%v, wanted %q", err, x.code)
		}
		for _, s := range x.c.signatures {
			if s.done && x.code == CodeUnknownKey {
				t.Error("a signature was checked though a kid is unknown")
			}
		}
	}
}

// TestNoSuchActs: SPEC(ADM-20), SPEC(GOV-2). What a ledger does not have is refused
// as such, whatever else is wrong with it, and leaves no id in the results.
func TestNoSuchActs(t *testing.T) {
	decreed := decree(t, 0, provenance.Action{Type: provenance.PolicySet, Policy: &provenance.Policy{}})
	own := signedAct(t, provenance.Act{Provider: "acme", Actions: []provenance.Action{{Type: provenance.KeyAdd, ID: "acme", Key: coseOf(t, "x")}}}, "acme", "x")
	garbled, _ := Check([]byte{0x82, 0x02, 0x41, 0x00})
	first, e := forked(t, newWriter(t, "acme", "s"))
	story := checkEquivocation(t, e)
	half, _ := Check([]byte{0x83, 0x03, 0x41, 0x00, 0x41, 0x00})
	for _, x := range []struct {
		l    *Ledger
		want []provenance.Code // of decreed, own, garbled, story, half
	}{
		{underRules(t, 1), []provenance.Code{"version", "version", "version", "version", "version"}},
		{underRules(t, 2), []provenance.Code{"version", "version", "version", "version", "version"}},
		{underRules(t, 3), []provenance.Code{"version", "", provenance.CodeEnvelope, "", provenance.CodeEnvelope}},
		{governed(t, 1), []provenance.Code{"", "", provenance.CodeEnvelope, "version", "version"}},
		{governed(t, 3), []provenance.Code{"", "", provenance.CodeEnvelope, "", provenance.CodeEnvelope}},
	} {
		rules, err := x.l.Snapshot().Rules()
		if err != nil {
			t.Fatal(err)
		}
		what := fmt.Sprintf("rules %d", rules.Version)
		out, err := x.l.Apply(1, blockTime, again(t, []*Checked{first}))
		if err != nil || out.Results[0].Err != nil {
			t.Fatal(err, out)
		}
		out, err = x.l.Apply(1, blockTime, []*Checked{first, decreed, own, garbled, story, half})
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range out.Results[1:] {
			if provenance.CodeOf(r.Err) != x.want[i] {
				t.Errorf("%s submission %d: %v, wanted %q", what, i, r.Err, x.want[i])
			}
			if x.want[i] == provenance.CodeVersion && rules.Version < 3 && r.ID != (provenance.Hash{}) {
				t.Errorf("%s submission %d: the result has the id %s", what, i, r.ID)
			}
		}
	}
}

// TestActEntries: what is stored of acts, what reads it, and what they change.
func TestActEntries(t *testing.T) {
	l := settled(t)
	s := l.Snapshot()
	head := s.Head()
	if head.Size != 2 {
		t.Fatalf("%d entries", head.Size)
	}
	for i := range head.Size {
		e, err := s.Entry(i)
		if err != nil {
			t.Fatal(err)
		}
		u, err := provenance.ParseAct(e.Statement)
		if err != nil || e.Kind() != provenance.LeafAct || u.ID() != e.ID || u.Act().Sequence != i || e.FrameBytes != 0 {
			t.Errorf("entry %d is %+v: %v", i, e, err)
		}
		if at, err := s.IndexOf(u.ID()); err != nil || at != i {
			t.Errorf("entry %d is found at %d: %v", i, at, err)
		}
		if frame, err := s.Frame(i); err != nil || len(frame) != 0 {
			t.Errorf("entry %d has the records %x: %v", i, frame, err)
		}
	}
	g, ok, err := s.Governance()
	if err != nil || !ok || g.Sequence != 2 || g.Threshold != 2 || len(g.Keys) != 3 {
		t.Errorf("governance is %+v, %v", g, err)
	}
	p, _, err := s.Provider("acme")
	if err != nil || len(p.Keys) != 5 {
		t.Fatal(p, err)
	}
	for i, want := range []struct{ added, revoked, stolen, until *int64 }{
		{}, {new(int64(0)), new(int64(1)), nil, nil}, {new(int64(0)), new(int64(1)), new(int64(3)), nil}, {new(int64(0)), nil, nil, new(int64(50))},
	} {
		k := p.Keys[i]
		for _, x := range [][2]*int64{{k.Added, want.added}, {k.Revoked, want.revoked}, {k.StolenHeight, want.stolen}, {k.Until, want.until}} {
			if (x[0] == nil) != (x[1] == nil) || x[0] != nil && *x[0] != *x[1] {
				t.Errorf("key %d is %+v", i, k)
			}
		}
	}
	if err := s.Scrub(t.Context(), nil); err != nil {
		t.Error(err)
	}
	// What is known of a key later leaves the entry that revoked it.
	run(t, l, []*Checked{decree(t, 2, provenance.Action{Type: provenance.KeyStolen, ID: "acme", KID: kidOf(t, "acme revoked"), Since: 7, SinceHeight: 2})})
	p, _, err = l.Snapshot().Provider("acme")
	if k := p.Keys[1]; err != nil || *k.Revoked != 1 || *k.StolenHeight != 2 || *k.StolenSince != 7 {
		t.Errorf("the revoked key is %+v, %v", k, err)
	}
}

// TestActsOfOneBlock: SPEC(GOV-17), SPEC(GOV-20). Each act is judged on what those
// before it left; the engine hears of the difference over the block.
func TestActsOfOneBlock(t *testing.T) {
	l := governed(t, 3)
	power := func(name string, n int64) provenance.Action {
		return provenance.Action{Type: provenance.ValidatorSet, Validator: publicBytes(name), Power: n}
	}
	out, err := l.Apply(1, blockTime, []*Checked{
		decree(t, 0, power("validator 1", 11), power("validator 2", 8), power("validator 3", 4)),
		decree(t, 1, power("validator 1", 10), power("validator 3", 0), power("validator 4", 2),
			provenance.Action{Type: provenance.ProviderAdmit, ID: "new", Name: "New", Jurisdictions: []string{"DE"}, Keys: [][]byte{coseOf(t, "x")}}),
		decree(t, 2, provenance.Action{Type: provenance.KeyAdd, ID: "acme", Key: coseOf(t, "x")}),
	})
	if err != nil {
		t.Fatal(err)
	}
	if r := out.Results; r[0].Err != nil || r[1].Err != nil || provenance.CodeOf(r[2].Err) != CodeRegistry {
		t.Errorf("%v, %v, %v", r[0].Err, r[1].Err, r[2].Err)
	}
	got := map[string]int64{}
	for i, v := range out.Validators {
		got[string(v.Key)] = v.Power
		if i > 0 && bytes.Compare(out.Validators[i-1].Address(), v.Address()) >= 0 {
			t.Error("the updates are not ascending by address")
		}
	}
	if len(got) != 2 || got[string(publicBytes("validator 2"))] != 8 || got[string(publicBytes("validator 4"))] != 2 {
		t.Errorf("the validators change by %v", out.Validators)
	}
}

// TestChangedState: SPEC(ADM-17). A block does not change more of the state than
// the store's last transaction has room for; what is too much goes into the next.
func TestChangedState(t *testing.T) {
	const providers = 360                                 // of 64 keys each, some 4 KB
	l, err := Open(t.TempDir(), Options{ReserveBytes: 1}) // with the transactions of a node
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	governedGenesis(t, l, 3)
	sequence := int64(0)
	for n := 0; n < providers; n += 2 {
		var actions []provenance.Action
		for i := range 2 {
			x := provenance.Action{Type: provenance.ProviderAdmit, ID: fmt.Sprint("p", n+i), Name: "x", Jurisdictions: []string{"US"}}
			for k := range 64 {
				x.Keys = append(x.Keys, coseOf(t, fmt.Sprint("many ", n+i, " ", k)))
			}
			actions = append(actions, x)
		}
		run(t, l, []*Checked{decree(t, sequence, actions...)})
		sequence++
	}
	var txs []*Checked
	for n := range providers {
		w := newWriter(t, fmt.Sprint("p", n), "s")
		w.key = signerOf(fmt.Sprint("many ", n, " 5"))
		txs = append(txs, w.next(1))
	}
	height := l.Snapshot().Head().Height + 1
	chosen := prepare(t, l, height, txs, 4<<20)
	if len(chosen) < providers/2 || len(chosen) == providers {
		t.Fatalf("%d of %d were chosen", len(chosen), providers)
	}
	if err := l.Process(height, blockTime, txs); provenance.CodeOf(err) != provenance.CodeSize {
		t.Errorf("all of them: %v", err)
	}
	run(t, l, chosen)
	run(t, l, prepare(t, l, height+1, txs, 4<<20))
	if size := l.Snapshot().Head().Size; size != sequence+providers {
		t.Errorf("%d entries, wanted %d", size, sequence+providers)
	}
}

// TestRemovedState: SPEC(ADM-17). What a block may remove at most fits the store's
// last transaction, also where it was added by the same block.
func TestRemovedState(t *testing.T) {
	l, err := Open(t.TempDir(), Options{ReserveBytes: 1}) // with the transactions of a node
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	governedGenesis(t, l, 3)
	snap := l.Snapshot()
	v, err := snap.view(blockTime)
	if err != nil {
		t.Fatal(err)
	}
	const acts = 1450 // as many as 4 MiB hold of those that remove 32 validators each
	removed := 0
	for n := 0; n < acts && err == nil; n++ {
		set, unset := map[string][]byte{}, map[string][]byte{}
		for i := range 32 {
			key := provenance.StateValidatorKey(fmt.Appendf(nil, "%020d", n*32+i))
			set[key], unset[key] = []byte{0}, nil
		}
		if err = v.take(set); err == nil {
			err = v.take(unset)
		}
		removed += 32
	}
	if provenance.CodeOf(err) != provenance.CodeSize {
		t.Errorf("%d values were removed: %v", removed, err)
	}
	b := &block{edge: l.edge.clone()}
	if err := b.finish(v, snap); err != nil {
		t.Fatal(err)
	}
	l.pending = b
	if err := l.Commit(); err != nil {
		t.Fatal(err)
	}
}
