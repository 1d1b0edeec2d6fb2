package verify_test

import (
	"strconv"
	"testing"

	"tokentrail/verify"
)

// TestSinceAForkOfTheKeptHead: an audit that goes on from a saved one, and looks at no
// header again, still gives out what proves that the kept header was replaced.
// SPEC(VER-31), SPEC(VER-37)
func TestSinceAForkOfTheKeptHead(t *testing.T) {
	build := func(first string) *ledger {
		l := newLedger(t)
		l.commit(l.one("acme", first))
		l.commit(l.one("beta", "eu"))
		l.commit(l.one("beta", "eu"))
		l.commit()
		return l
	}
	for name, trust := range map[string]func(l *ledger) verify.Trust{"genesis": func(*ledger) verify.Trust { return verify.Trust{} }, "header": func(l *ledger) verify.Trust { return l.at(1) }} {
		l := build("us")
		k := kept(l, trust(l))
		since := func(node *ledger) *verify.Report {
			o := node.options()
			o.Resume = build("us").growth(t, "before", nil, trust(l))
			remembers(&o, k)
			return node.auditWith(o)
		}
		if r := since(build("us").longer(1)); r.Verdict != verify.Holds || step(r, "kept").Outcome != verify.Passed {
			t.Errorf("%s: the same ledger, grown:\n%s", name, text(r))
		}
		for longer, fork := range map[string]*ledger{"as long": build("jp"), "longer": build("jp").longer(1)} {
			r := since(fork)
			if next, _ := r.NewKept(); len(r.ForkEvidence()) != 1 || step(r, "kept").Outcome != verify.Failed || next != nil {
				t.Fatalf("%s, %s: evidence of %d forks:\n%s", name, longer, len(r.ForkEvidence()), text(r))
			}
			genesis := verify.Trust{Genesis: new(hashOf(l.genesis))}
			if judged := thirdParty(t, l, r.ForkEvidence()[0], genesis); judged.Exit() != 1 || judged.Fork.Sides[0].Header != k.Header {
				t.Errorf("%s, %s:\n%s", name, longer, text(judged))
			}
		}
		// Validators of the node's own convict nobody.
		strange, other := small(t), build("us").longer(1)
		ownValidators(strange)
		other.answer = shown(k, appendBytes(nil, strange.blocks[3]))
		if r := since(other); len(r.ForkEvidence()) > 0 || r.Verdict == verify.Holds || step(r, "kept").Outcome != verify.NotChecked {
			t.Errorf("%s: not what the validators signed:\n%s", name, text(r))
		}
		silent := build("us").longer(1)
		silent.answer = shown(k, nil)
		if r := since(silent); r.Verdict == verify.Holds || step(r, "kept").Outcome != verify.NotChecked {
			t.Errorf("%s: nothing is shown:\n%s", name, text(r))
		}
	}
}

// shown is what a node answers, but for the header of the kept height alone.
func shown(k *verify.Kept, header []byte) func(path string, b []byte) []byte {
	return func(path string, b []byte) []byte {
		if path == "/v1/headers?from="+strconv.FormatInt(k.Height, 10)+"&limit=1" {
			return header
		}
		return b
	}
}
