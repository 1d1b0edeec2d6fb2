package verify_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tokentrail/provenance"
	"tokentrail/verify"
	"tokentrail/verify/light"
)

// admit is an action that admits a provider whose key has its name.
func (l *ledger) admit(id string) provenance.Action {
	l.keys[id] = keyOf(id)
	return provenance.Action{Type: provenance.ProviderAdmit, ID: id, Name: id, Jurisdictions: []string{"FR"}, Keys: [][]byte{coseOf(l.t, id)}}
}

// one is a batch of one record.
func (l *ledger) one(issuer, stream string) verify.Entry {
	return l.batch(issuer, stream, l.records(1, "US", "CN"))
}

// changeful is a ledger on which everything happens that governance can do, on
// rule version 1, from height 6 on 2 and from 12 on 3.
func changeful(t testing.TB) *ledger {
	l := newLedgerWith(t, func(l *ledger, g *provenance.Genesis) {
		twoOfThree(l, g)
		g.RuleSet = 1
	})
	rules := func(version, from int64) provenance.Action {
		return provenance.Action{Type: provenance.RulesSet, Rules: version, RulesFrom: from}
	}
	height := func() int64 { return int64(len(l.blocks)) + 1 } // of the block that is being made
	l.commit(l.one("acme", "us"), l.one("beta", "eu"))
	l.commit(l.act(l.admit("gamma"), l.validator("late", 15), rules(3, 5), rules(2, 6)), l.one("gamma", "fr"))
	// acme rotates its key: the new one from now on, the old one not much longer.
	until, from := height()+2, height()
	old, fresh := l.keys["acme"], keyOf("acme again")
	l.commit(l.actBy(&provenance.Act{Provider: "acme", Reason: "rotation", LastHeight: from, Actions: []provenance.Action{
		{Type: provenance.KeyAdd, ID: "acme", Key: coseOf(t, "acme again"), From: &from},
		{Type: provenance.KeyExpire, ID: "acme", KID: kidOf(t, old), Until: &until},
	}}, old, fresh), l.one("acme", "us"))
	l.keys["acme"] = fresh
	l.commit(l.one("acme", "us"), l.one("beta", "eu"))
	l.commit(l.act(l.validator("validator0", 0), l.validator("validator1", 30)), l.one("beta", "eu"))
	l.commit() // empty
	l.commit(l.act(provenance.Action{Type: provenance.PolicySet, Policy: &provenance.Policy{Records: 64, Streams: 2, Age: 1 << 50}},
		rules(3, 90)), l.act(rules(3, 12)))
	governors := l.govern
	l.govern = []ed25519.PrivateKey{keyOf("governor x"), governors[0]}
	cose := [][]byte{coseOf(t, "governor x"), publicOf(t, governors[0]).COSE()}
	slices.SortFunc(cose, bytes.Compare)
	l.commit(l.actBy(&provenance.Act{Actions: []provenance.Action{{Type: provenance.GovernanceSet, Threshold: 2, Governors: cose}}}, governors[0], governors[1], l.govern[0]))
	l.commit(l.act(provenance.Action{Type: provenance.ProviderSet, ID: "gamma", Status: provenance.ProviderSuspended}),
		l.act(provenance.Action{Type: provenance.ProviderDescribe, ID: "gamma", Name: "Gamma"}))
	// Somebody else has beta's key since height 4.
	l.commit(l.act(provenance.Action{Type: provenance.KeyStolen, ID: "beta", KID: kidOf(t, l.keys["beta"]), Since: l.start.Add(3 * time.Second).UnixMilli(), SinceHeight: 4},
		provenance.Action{Type: provenance.KeyAdd, ID: "beta", Key: coseOf(t, "beta again")}))
	l.keys["beta"] = keyOf("beta again")
	l.commit(l.one("beta", "eu"))
	l.commit(l.one("beta", "uk"), l.one("acme", "us")) // the third version's first
	l.commit(l.equivocation("acme", "us", 0, nil, l.records(1, "US", "CN"), l.records(1, "US", "IN")), l.one("acme", "jp"))
	l.commit(l.act(provenance.Action{Type: provenance.KeyRevoke, ID: "acme", KID: kidOf(t, l.keys["acme"])}))
	l.commit()
	l.commit()
	return l
}

// TestChangefulLedgerHolds audits a ledger on which everything happens, from
// genesis and from headers, and wants what it shows of its providers told.
func TestChangefulLedgerHolds(t *testing.T) {
	l := changeful(t)
	trusts := map[string]verify.Trust{"genesis": {}}
	for height := 1; height <= len(l.blocks); height++ {
		trusts[fmt.Sprint("header ", height)] = l.at(height)
	}
	for name, trust := range trusts {
		r := l.audit(trust)
		if r.Verdict != verify.Holds {
			t.Fatalf("%s:\n%s", name, text(r))
		}
		wantChangeful(t, l, r)
	}
}

// wantChangeful wants what the log shows of acme and beta in the report.
func wantChangeful(t *testing.T, l *ledger, r *verify.Report) {
	t.Helper()
	if r.Totals.Acts != 10 || r.Totals.Equivocations != 1 || r.Totals.Entries != 22 || r.Totals.Records != 11 {
		t.Errorf("%+v", r.Totals)
	}
	if s := r.Totals.Stolen; s == nil || s.Entries != 2 || s.Records != 2 || s.Kinds["transfer"].Input.String() != "200" {
		t.Errorf("stolen: %+v", s)
	}
	if len(r.Notices) != 2 || r.Notices[0].Kind != verify.NoticeEquivocation || r.Notices[0].Provider != "acme" || *r.Notices[0].Sequence != 0 ||
		r.Notices[1].Kind != verify.NoticeStolen || r.Notices[1].Provider != "beta" || r.Notices[1].Since != 4 || r.Notices[1].Entries != 2 {
		t.Errorf("%+v", r.Notices)
	}
	for _, says := range []string{"Of providers, in evidence on the ledger:", "equivocation in entry", "a key of beta was declared stolen since height 4: 2 entries", "Of these under stolen keys 2 entries, 2 records"} {
		if !tells(r, says) {
			t.Errorf("the text does not say %q:\n%s", says, text(r))
		}
	}
}

// TestHeightsLeftOut: from genesis an auditor needs nobody's word on heights; from
// a header, where rules, keys or acts depend on them, it says that it lacks them.
func TestHeightsLeftOut(t *testing.T) {
	l := changeful(t)
	l.claim = func(verify.Entry) int64 { return 0 }
	if r := l.audit(); r.Verdict != verify.Holds {
		t.Error(text(r))
	}
	if r := l.audit(l.at(9)); r.Verdict != verify.Unchecked || len(r.Findings()) > 0 || !tells(r, "does not tell the heights") {
		t.Error(text(r))
	}
	// Where nothing depends on heights nothing is lacking.
	quiet := governed(t)
	quiet.commit(quiet.one("acme", "us"))
	quiet.commit(quiet.act(quiet.admit("gamma")))
	quiet.commit(quiet.one("gamma", "fr"))
	quiet.commit()
	quiet.claim = l.claim
	for height := range 4 {
		if r := quiet.audit(quiet.at(height + 1)); r.Verdict != verify.Holds {
			t.Error(text(r))
		}
	}
}

// TestHeightsHalfLeftOut: a node that says false heights of entries on which judgements
// rest, and leaves out those of others on which none does, has not told them.
// SPEC(VER-8)
func TestHeightsHalfLeftOut(t *testing.T) {
	l := governed(t)
	l.commit(l.one("acme", "us"))
	first := l.keys["acme"]
	l.commit(l.actBy(&provenance.Act{Provider: "acme", Actions: []provenance.Action{
		{Type: provenance.KeyAdd, ID: "acme", Key: coseOf(t, "acme other")},
		{Type: provenance.KeyExpire, ID: "acme", KID: kidOf(t, first), Until: new(int64(4))},
	}}, first, keyOf("acme other")))
	l.commit()
	l.commit()
	l.commit(l.one("acme", "us")) // entry 2, of height 5: under the key that expired
	l.commit(l.one("beta", "eu"))
	l.commit()
	for _, c := range []struct {
		third, fourth int64 // heights that the node says
		exit          int
	}{{5, 6, 1}, {3, 6, 1}, {3, 0, 2}, {3, 3, 1}, {0, 0, 2}} {
		l.claim = func(e verify.Entry) int64 {
			switch e.Index {
			case 2:
				return c.third
			case 3:
				return c.fourth
			}
			return e.Height
		}
		if r := l.audit(l.at(2)); r.Exit() != c.exit {
			t.Errorf("%+v: exit %d\n%s", c, r.Exit(), text(r))
		}
	}
}

// TestValidatorsChange: validators come, go and are weighed anew by acts, and the
// headers follow from the second block on.
func TestValidatorsChange(t *testing.T) {
	l := governed(t)
	l.commit(l.act(l.validator("a", 40), l.validator("b", 50)))
	l.commit(l.one("acme", "us"))
	for i := range 4 {
		l.commit(l.act(l.validator(fmt.Sprint("validator", i), 0)))
	}
	l.commit(l.act(l.validator("a", 41), l.validator("c", 1)), l.act(l.validator("c", 0), l.validator("d", 1)))
	for range 3 {
		l.commit(l.one("acme", "us"))
	}
	l.commit()
	if n := len(l.sets); n != 6 {
		t.Fatalf("%d sets", n)
	}
	trusts := []verify.Trust{{}}
	for height := 1; height <= len(l.blocks); height++ {
		trusts = append(trusts, l.at(height))
	}
	for _, trust := range trusts {
		if r := l.audit(trust); r.Verdict != verify.Holds {
			t.Error(text(r))
		}
	}
}

// TestFollowing proves a receipt of now from the genesis document and the headers
// at which validators changed, and takes no false hint for anything.
func TestFollowing(t *testing.T) {
	l := governed(t)
	l.commit(l.act(l.validator("a", 40), l.validator("b", 50)))
	for i := range 4 {
		l.commit(l.act(l.validator(fmt.Sprint("validator", i), 0)))
	}
	for range 4 {
		l.commit(l.one("acme", "us"))
	}
	l.commit()
	open := func() (*light.Founders, error) {
		f, err := light.NewFounders(l.genesis)
		check(t, err)
		for height := len(l.blocks); height > 0; height-- {
			if _, err := f.OpenFollowing(context.Background(), l.node(), l.blocks[height-1]); err != nil {
				return f, err
			}
		}
		return f, nil
	}
	if _, err := open(); err != nil {
		t.Fatal(err)
	}
	const route = "/v1/validators/changes"
	for name, answer := range map[string]string{
		"nothing": `{"heights": []}`, "not ascending": `{"heights": [3, 2]}`, "too early": `{"heights": [0]}`, "no change": `{"heights": [1]}`,
		"one left out": `{"heights": [3, 4]}`, "beyond the head": `{"heights": [2, 900]}`, "garbage": `{"heights": "x"}`, "nobody": ``,
	} {
		on(route, func([]byte) []byte {
			if answer == "" {
				return nil
			}
			return []byte(answer)
		})(l)
		if _, err := open(); err == nil || !strings.Contains(err.Error(), "none that the genesis document leads to") {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Who is named by a header that the founders did not sign takes nothing over.
	usurped := *l
	usurped.answer, usurped.blocks = nil, slices.Clone(l.blocks)
	usurped.replaceValidators(2)
	usurped.replaceValidators(3)
	on(route, func([]byte) []byte { return []byte(`{"heights": [2]}`) })(&usurped)
	f, err := light.NewFounders(l.genesis)
	check(t, err)
	if _, err := f.OpenFollowing(context.Background(), usurped.node(), usurped.blocks[2]); err == nil {
		t.Error("usurpers were followed")
	}
}

// TestCorrectionsUnderRevokedKeys: what was signed before a key was revoked stays,
// and corrects what it corrects.
func TestCorrectionsUnderRevokedKeys(t *testing.T) {
	l := governed(t)
	records := l.records(2, "US", "CN")
	l.commit(l.batch("acme", "us", records))
	back := reversal(t, provenance.RecordID("acme", "us", 0, 0, records[0]), records[0])
	l.commit(l.batch("acme", "fix", [][]byte{l.correctionRecord(back)}))
	l.commit(l.act(provenance.Action{Type: provenance.KeyRevoke, ID: "acme", KID: kidOf(t, l.keys["acme"])}))
	l.commit()
	r := l.audit()
	if r.Verdict != verify.Holds || r.Totals.Kinds["transfer"].Records.String() != "1" {
		t.Error(text(r))
	}
}

// TestRulesToComeByAct: where rules begin to hold that this auditor does not have,
// it stops and says so; nothing is evidence. Before that it goes on.
func TestRulesToComeByAct(t *testing.T) {
	l := governed(t)
	l.commit(l.act(provenance.Action{Type: provenance.RulesSet, Rules: provenance.RuleVersion + 1, RulesFrom: 4}))
	l.commit(l.one("acme", "us"))
	l.commit()
	if r := l.audit(); r.Verdict != verify.Holds {
		t.Error(text(r))
	}
	l.commit(l.one("acme", "us"))
	l.commit()
	if r := l.audit(); r.Verdict != verify.Unchecked || len(r.Findings()) > 0 || !tells(r, "rule version 4 holds from here on") {
		t.Error(text(r))
	}
}

// TestManyStolenEntries reads more than a chunk of the log again.
func TestManyStolenEntries(t *testing.T) {
	l := governed(t)
	for range 13 {
		var block []verify.Entry
		for range 100 {
			block = append(block, l.one("acme", "us"))
		}
		l.commit(block...)
	}
	l.commit(l.act(provenance.Action{Type: provenance.KeyStolen, ID: "acme", KID: kidOf(t, l.keys["acme"]), SinceHeight: 4}))
	l.commit()
	o := l.options()
	o.Receipts = 1
	audit := func() *verify.Report {
		return light.Audit(context.Background(), l.node(), verify.Trust{}, o)
	}
	if r := audit(); r.Verdict != verify.Holds || r.Totals.Stolen.Entries != 1000 || r.Totals.Stolen.Records != 1000 {
		t.Error(text(r))
	}
	// Other entries than before are told from those that were replayed.
	asked := 0
	on("/v1/entries?from=1000&", func(b []byte) []byte {
		if asked++; asked == 2 {
			e := l.entries[1000]
			e.Statement = l.entries[1001].Statement
			return l.appendEntry(nil, e)
		}
		return b
	})(l)
	if r := audit(); r.Exit() != 1 || r.Findings()[0].Code != verify.CodeAppHash || r.Findings()[0].Place != "entries[0:1024]" {
		t.Error(text(r))
	}
}

// TestAges: from a header, ages are judged by the times of as few headers as do,
// and a statement that is too old is found wherever the trust begins.
func TestAges(t *testing.T) {
	build := func(late int) *ledger {
		l := governed(t)
		l.commit(l.act(provenance.Action{Type: provenance.PolicySet, Policy: &provenance.Policy{Age: 5000}}))
		for i := range 20 {
			at := time.Duration(len(l.blocks)) * time.Second // of the block that is made
			say := func(at time.Duration) verify.Entry {
				return l.batch("acme", "us", [][]byte{l.recordAt(l.start.Add(at))})
			}
			if i != late {
				l.commit(say(at))
				continue
			}
			l.commit(say(at), say(at-6*time.Second), say(at))
		}
		l.commit()
		return l
	}
	young, old := build(-1), build(8)
	for height := range young.blocks {
		if r := young.audit(young.at(height + 1)); r.Verdict != verify.Holds || height == 0 && r.Totals.Headers > 12 {
			t.Errorf("%d headers:\n%s", r.Totals.Headers, text(r))
		}
		r := old.audit(old.at(height + 1))
		if r.Exit() != 1 || len(r.Findings()) != 1 || r.Findings()[0].Code != verify.CodeAge || r.Findings()[0].Place != "entries[10].statement.period" {
			t.Error(text(r))
		}
	}
	old.claim = func(verify.Entry) int64 { return 0 }
	if r := old.audit(old.at(3)); r.Verdict != verify.Unchecked || !tells(r, "limits the age") {
		t.Error(text(r))
	}
	// A node that gives a later height to a statement that is too old to hide it, or
	// an earlier one, is found out.
	for _, height := range []int64{5, 20} {
		old.claim = func(e verify.Entry) int64 {
			if height < 10 && e.Index > 4 && e.Index <= 10 {
				return 5
			}
			if height > 10 && e.Index >= 10 {
				return 20
			}
			return e.Height
		}
		if r := old.audit(old.at(3)); r.Exit() != 1 {
			t.Error(text(r))
		}
	}
}

// recordAt is a record of a time.
func (l *ledger) recordAt(at time.Time) []byte {
	r, err := provenance.ParseRecord(l.records(1, "US", "CN")[0])
	check(l.t, err)
	r.Time = at.UnixMilli()
	b, err := r.Encode()
	check(l.t, err)
	return b
}
