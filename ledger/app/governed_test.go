package app

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"

	"tokentrail/ledger"
	"tokentrail/provenance"
)

// governedNode is a running single validator on a real ledger of the chain
// governed, where gov alone governs and acme has the key acme.
type governedNode struct {
	*Node
	home string
	l    *ledger.Ledger
	app  *Application
}

func governedHome(t *testing.T) string {
	t.Helper()
	return governedHomes(t, 1)[0]
}

// governedHomes are those of so many validators.
func governedHomes(t *testing.T, validators int) []string {
	t.Helper()
	state := fmt.Sprintf(`{"format":1,"rules":3,"governance":{"threshold":1,"keys":[%q]},"policy":{},
		"providers":[{"id":"acme","name":"Acme","jurisdictions":["US"],"keys":[%q]}]}`, publicText(t, "gov"), publicText(t, "acme"))
	homes, err := InitLocalnet(t.TempDir(), Localnet{ChainID: "governed", Validators: validators, Time: time.Now(), AppState: json.RawMessage(state)})
	if err != nil {
		t.Fatal(err)
	}
	return homes
}

// named is the key that a name stands for.
func named(name string) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(sha256Of([]byte(name)))
}

func publicText(t *testing.T, name string) string {
	t.Helper()
	k, err := provenance.NewPublicKey(named(name).Public())
	if err != nil {
		t.Fatal(err)
	}
	return k.String()
}

func startGoverned(t *testing.T, home string) *governedNode {
	t.Helper()
	l, err := ledger.Open(LedgerDir(home), ledger.Options{ReserveBytes: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	g := &governedNode{home: home, l: l, app: NewApplication(l, testLog(t))}
	g.Node = start(t, home, g.app)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { g.app.Accuse(ctx, g.Submit) })
	running.Go(func() { g.app.Feed(ctx, g.Submit) })
	t.Cleanup(func() { cancel(); running.Wait() })
	return g
}

// does has governance's act number sequence committed.
func (g *governedNode) does(t *testing.T, sequence int64, actions ...provenance.Action) {
	t.Helper()
	g.commits(t, g.decree(t, sequence, actions...))
}

func (g *governedNode) decree(t *testing.T, sequence int64, actions ...provenance.Action) []byte {
	t.Helper()
	u, err := provenance.NewAct(&provenance.Act{Chain: "governed", Sequence: sequence, Actions: actions})
	if err != nil {
		t.Fatal(err)
	}
	if u, err = u.Sign(named("gov")); err != nil {
		t.Fatal(err)
	}
	return provenance.EncodeActSubmission(u.Raw())
}

// commits waits until a submission is an entry.
func (g *governedNode) commits(t *testing.T, raw []byte) {
	t.Helper()
	c, err := ledger.Check(raw)
	if err != nil {
		t.Fatal(err)
	}
	submit(t, g.Node, string(raw))
	g.has(t, func(s *ledger.Snapshot) bool { _, err := s.IndexOf(c.ID()); return err == nil })
}

// has waits until the ledger is as it should be.
func (g *governedNode) has(t *testing.T, good func(s *ledger.Snapshot) bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !good(g.l.Snapshot()); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it does not come")
		}
	}
}

// powers returns the powers of the validators of a signed header.
func (g *governedNode) powers(t *testing.T, height int64) map[string]int64 {
	t.Helper()
	if err := g.WaitHeight(timeout(t), height+1); err != nil {
		t.Fatal(err)
	}
	b, err := g.LightBlock(height)
	if err != nil {
		t.Fatal(err)
	}
	var block cmtproto.LightBlock
	if err := block.Unmarshal(b); err != nil {
		t.Fatal(err)
	}
	out := map[string]int64{}
	for _, v := range block.ValidatorSet.Validators {
		out[string(v.PubKey.GetEd25519())] = v.VotingPower
	}
	return out
}

// TestValidatorsFollowActs: SPEC(GOV-17). The engine takes the validators as the
// state map has them, from the second block after.
func TestValidatorsFollowActs(t *testing.T) {
	noLeaks(t)
	g := startGoverned(t, governedHome(t))
	other := named("other").Public().(ed25519.PublicKey)
	set := func(power int64) provenance.Action {
		return provenance.Action{Type: provenance.ValidatorSet, Validator: other, Power: power}
	}
	for sequence, power := range []int64{1, 3, 0, 2} {
		g.does(t, int64(sequence), set(power))
		e, err := g.l.Snapshot().Entry(int64(4 * sequence)) // with three statements behind each
		if err != nil {
			t.Fatal(err)
		}
		// Statements keep the blocks coming.
		for i := range int64(3) {
			g.commits(t, statementAt(t, named("acme"), fmt.Sprint("s", sequence, "-", i), 0, 0).Raw())
		}
		before, now := g.powers(t, e.Height+1)[string(other)], g.powers(t, e.Height+2)[string(other)]
		if want := []int64{0, 1, 3, 0}[sequence]; before != want || now != power {
			t.Errorf("act %d: the power is %d and then %d, wanted %d and %d", sequence, before, now, want, power)
		}
	}
	stop(t, g.Node)
}

// TestForkBecomesEquivocation: SPEC(EQV-5). A node that is given a fork answers with
// the entry that has its place, and hands both statements to the ledger, once.
func TestForkBecomesEquivocation(t *testing.T) {
	noLeaks(t)
	g := startGoverned(t, governedHome(t))
	first, fork := statementAt(t, named("acme"), "s", 0, 0), statementAt(t, named("acme"), "s", 0, 7)
	forged := statementAt(t, named("stranger"), "s", 0, 8)
	g.commits(t, first.Raw())
	for range 3 {
		if code, _, _ := g.Submit(timeout(t), forged.Raw()); code != ledger.ResultCode(ledger.CodeUnknownKey) {
			t.Errorf("a forged fork is answered with %d", code)
		}
	}
	if len(g.app.accuser.streams) != 0 {
		t.Error("a forged fork made an equivocation")
	}
	for range 5 {
		err := g.app.Judge(fork)
		if provenance.CodeOf(err) != ledger.CodeFork || !strings.Contains(err.Error(), "entry 0") {
			t.Fatalf("the fork is answered with %v", err)
		}
	}
	g.has(t, func(s *ledger.Snapshot) bool { closed, err := s.Equivocations(); return err == nil && len(closed) == 1 })
	if err := g.app.Judge(fork); provenance.CodeOf(err) != ledger.CodeFork {
		t.Errorf("then with %v", err)
	}
	if size := g.l.Snapshot().Head().Size; size != 2 {
		t.Errorf("%d entries, wanted the statement and the equivocation", size)
	}
	stop(t, g.Node)
}

// TestRulesThatStopANode: SPEC(ADM-16). A node without the rules of a height ends
// with the block before it, says why, and so does whoever starts it again.
func TestRulesThatStopANode(t *testing.T) {
	noLeaks(t)
	g := startGoverned(t, governedHome(t))
	g.does(t, 0, provenance.Action{Type: provenance.RulesSet, Rules: provenance.RuleVersion + 1, RulesFrom: 12})
	for i := 0; ; i++ {
		select {
		case <-g.Done():
		default:
			c := statementAt(t, named("acme"), fmt.Sprint("s", i), 0, 0)
			_, _, _ = g.Submit(timeout(t), c.Raw())
			time.Sleep(10 * time.Millisecond)
			continue
		}
		break
	}
	if err := g.Err(); err == nil || !strings.Contains(err.Error(), "version 4 from height 12") {
		t.Errorf("the node stopped with %v", err)
	}
	if height, _ := g.l.Info(); height != 11 {
		t.Errorf("the ledger is at height %d, wanted 11", height)
	}
	stop(t, g.Node)
	if err := g.l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := ledger.Open(LedgerDir(g.home), ledger.Options{ReserveBytes: 1}); err == nil || !strings.Contains(err.Error(), "install a release that has it") {
		t.Errorf("opened again: %v", err)
	}
}

// TestMempoolHasOneActAtAPlace: of many acts that would do, the mempool takes one.
func TestMempoolHasOneActAtAPlace(t *testing.T) {
	noLeaks(t)
	g := startGoverned(t, governedHome(t))
	stop(t, g.Node) // no blocks: what enters stays
	describe := func(name string) *ledger.Checked {
		c, err := ledger.Check(g.decree(t, 0, provenance.Action{Type: provenance.ProviderDescribe, ID: "acme", Name: name}))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	one, two := describe("one"), describe("two")
	enter := func(c *ledger.Checked) (bool, error) {
		if err := g.app.Judge(c); err != nil {
			t.Fatal(err)
		}
		return g.app.waiting.enter(c, g.app.headOf(c))
	}
	if in, err := enter(one); !in || err != nil {
		t.Errorf("the first: %v, %v", in, err)
	}
	if in, err := enter(one); in || err != nil {
		t.Errorf("the first again: %v, %v", in, err)
	}
	if in, err := enter(two); in || provenance.CodeOf(err) != ledger.CodeSequence {
		t.Errorf("another one: %v, %v", in, err)
	}
	g.app.waiting.reset(nil) // a block without it
	if !g.app.waiting.stay(one, g.app.headOf(one)) {
		t.Error("it does not stay")
	}
	g.app.waiting.reset([]*ledger.Checked{one})
	if in, err := enter(two); !in || err != nil {
		t.Errorf("behind the first: %v, %v", in, err)
	}
}

// TestAccuserIsBounded: what it remembers does not grow with what it is sent.
func TestAccuserIsBounded(t *testing.T) {
	now := time.Unix(1000, 0)
	a := newAccuser(func() time.Time { return now })
	at := func(i int) stream { return stream{batches, "acme", fmt.Sprint("s", i)} }
	for i := range accusedStreams {
		if !a.tell(at(i)) || a.tell(at(i)) || !a.told(at(i)) {
			t.Fatalf("stream %d", i)
		}
	}
	if a.tell(at(accusedStreams)) || len(a.streams) != accusedStreams {
		t.Error("one more than there is room for")
	}
	now = now.Add(accusedTime)
	if !a.tell(at(accusedStreams)) || len(a.streams) != 1 || a.told(at(0)) {
		t.Errorf("later %d are remembered", len(a.streams))
	}
}
