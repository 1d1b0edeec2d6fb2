package ledger

import (
	"strings"
	"testing"

	"tokentrail/provenance"
)

// TestRulesByHeight: SPEC(STA-5), SPEC(GOV-18). What a later version adds holds
// from its height on, not before.
func TestRulesByHeight(t *testing.T) {
	l := governed(t, 1)
	w := newWriter(t, "acme", "s")
	first, e := forked(t, w)
	story := checkEquivocation(t, e)
	run(t, l, []*Checked{first, decree(t, 0, provenance.Action{Type: provenance.RulesSet, Rules: 2, RulesFrom: 3})})
	later := w.submit(chainRecords(t))
	if err := l.Process(2, blockTime, again(t, []*Checked{later})); provenance.CodeOf(err) != provenance.CodeUnknownKind {
		t.Errorf("a record of version 2 at height 2: %v", err)
	}
	run(t, l, nil)
	if limits, err := l.Snapshot().Limits(); err != nil || limits.Rules != 2 {
		t.Errorf("behind height 2 the ledger goes by rules %d, %v", limits.Rules, err)
	}
	run(t, l, []*Checked{later, decree(t, 1, provenance.Action{Type: provenance.RulesSet, Rules: 3, RulesFrom: 9})})
	// A version that does not hold yet is replaced.
	run(t, l, []*Checked{decree(t, 2, provenance.Action{Type: provenance.RulesSet, Rules: 3, RulesFrom: 5})})
	run(t, l, []*Checked{story})
	if rules, err := l.Snapshot().Rules(); err != nil || rules != (provenance.Rules{Version: 2, Next: 3, From: 5}) {
		t.Errorf("the rules are %+v, %v", rules, err)
	}
}

// TestEmptyBlockKeepsTheAppHash: no height changes the state by itself.
func TestEmptyBlockKeepsTheAppHash(t *testing.T) {
	l := governed(t, 1)
	head := run(t, l, []*Checked{decree(t, 0,
		provenance.Action{Type: provenance.RulesSet, Rules: 3, RulesFrom: 3},
		provenance.Action{Type: provenance.KeyExpire, ID: "acme", KID: kidOf(t, "acme"), Until: new(int64(3))})})
	for range 4 {
		if next := run(t, l, nil); next.AppHash != head.AppHash {
			t.Fatalf("the app hash of the empty block %d is another", next.Height)
		}
	}
}

// TestUnknownRulesByHeight: SPEC(ADM-16). The block before the height of rules that
// this program does not have is its last; the ledger stays as it is, and says so
// to whoever opens it.
func TestUnknownRulesByHeight(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	governedGenesis(t, l, 3)
	if err := l.Snapshot().CheckNext(); err != nil {
		t.Fatal(err)
	}
	if _, _, ahead := l.Snapshot().RulesAhead(); ahead {
		t.Fatal("rules ahead at genesis")
	}
	const version = provenance.RuleVersion + 1
	run(t, l, []*Checked{decree(t, 0, provenance.Action{Type: provenance.RulesSet, Rules: version, RulesFrom: 4})})
	if v, from, ahead := l.Snapshot().RulesAhead(); v != version || from != 4 || !ahead {
		t.Fatalf("version %d from %d, %v", v, from, ahead)
	}
	run(t, l, nil)
	if err := l.Snapshot().CheckNext(); err != nil {
		t.Fatal(err)
	}
	// Until then another act can change it; this one comes too late.
	last := run(t, l, newWriter(t, "acme", "s").many(1, 1))
	tx := newWriter(t, "beta", "s").next(1)
	_, prepared := l.Prepare(4, blockTime, []*Checked{tx}, 1<<20)
	_, applied := l.Apply(4, blockTime, nil)
	for name, err := range map[string]error{
		"CheckNext": l.Snapshot().CheckNext(), "Prepare": prepared, "Process": l.Process(4, blockTime, nil), "Apply": applied,
		"AdmitPending": l.Snapshot().AdmitPending(tx),
	} {
		if err == nil || provenance.CodeOf(err) != "" || !strings.Contains(err.Error(), "version 4 from height 4") || !strings.Contains(err.Error(), "install a release") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := l.Snapshot().Head(); got != last {
		t.Fatalf("the ledger is at %+v, wanted %+v", got, last)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, Options{memTable: 8 << 20, ReserveBytes: 1}); err == nil || !strings.Contains(err.Error(), "version 4 from height 4") {
		t.Fatalf("opened again: %v", err)
	}
}
