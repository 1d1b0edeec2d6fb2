package verify_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"testing"

	"tokentrail/verify"
	"tokentrail/verify/light"
)

// saved audits a ledger and returns what was saved at the end.
func (l *ledger) saved(o verify.Options, trust verify.Trust) []byte {
	kept := &saves{t: l.t}
	o.Save, o.SaveEvery = kept.save, -1
	l.auditWith(o, trust)
	return kept.last()
}

// TestFoundBeforeANodeThatIsDown: what an earlier audit found is evidence, however soon
// the next one ends. SPEC(VER-44), SPEC(VER-21)
func TestFoundBeforeANodeThatIsDown(t *testing.T) {
	l := small(t)
	flip(&l.entries[1].Frame, 0)
	for name, trust := range map[string]verify.Trust{"genesis": {}, "header": l.at(2)} {
		o := l.options()
		o.Resume = readSaved(t, l.saved(o, trust))
		for _, route := range []string{"/v1/headers", "/v1/entries", "/v1/state"} {
			r := light.Audit(context.Background(), broken(l, route), trust, o)
			if r.Verdict != verify.Evidence || len(r.Findings()) == 0 {
				t.Errorf("%s, no %s:\n%s", name, route, text(r))
			}
			o.Resume = readSaved(t, l.saved(l.options(), trust))
		}
	}
}

// TestHeightsThatGoBackBehindAnInterruption: what comes behind an audit that was
// interrupted once it had come to the head is of later blocks. SPEC(VER-8)
func TestHeightsThatGoBackBehindAnInterruption(t *testing.T) {
	l := governed(t)
	for range 4 {
		l.commit(l.one("acme", "us"))
	}
	l.commit()
	trust := l.at(2)
	kept := &saves{t: t}
	ctx, cancel := context.WithCancel(context.Background())
	o := l.options()
	o.Save, o.SaveEvery = kept.save, -1
	o.Progress = func(p verify.Progress) {
		if p.Step == "receipts" {
			cancel()
		}
	}
	before := l.prefix(4)
	light.Audit(ctx, before.node(), trust, o)
	s := readSaved(t, kept.last())
	if s.Done() != nil || s.Entries() != before.head().Size {
		t.Fatalf("done %v, %d entries", s.Done(), s.Entries())
	}
	l.claim = func(e verify.Entry) int64 {
		if e.Index < before.head().Size {
			return e.Height
		}
		return e.Height - 1
	}
	o = l.options()
	o.Resume = s
	if r := l.auditWith(o, trust); r.Verdict != verify.Evidence || r.Findings()[0].Code != verify.CodeHeight {
		t.Errorf("%s", text(r))
	}
}

// TestFlowsOnlyIsNotSaved: nobody can go on from what looked at flows alone.
// SPEC(VER-94)
func TestFlowsOnlyIsNotSaved(t *testing.T) {
	l := small(t)
	kept := &saves{t: t}
	o := l.options()
	o.FlowsOnly, o.Save, o.SaveEntries = true, kept.save, 1
	if r := l.auditWith(o); r.Exit() != 0 || len(kept.all) != 0 {
		t.Errorf("saved %d times:\n%s", len(kept.all), text(r))
	}
}

// TestResumeUnderAnotherKindOfTrust: who calls Audit without package light, and does not
// begin with what Saved.Trust says, is told so; the node is not accused. SPEC(VER-42)
func TestResumeUnderAnotherKindOfTrust(t *testing.T) {
	l := small(t)
	o := l.options()
	o.Resume = readSaved(t, l.saved(o, l.at(2)))
	if o.Resume.Done() == nil {
		t.Fatal("not done")
	}
	r := verify.Audit(context.Background(), l.node(), light.FromGenesis(l.node(), o.Now), verify.Trust{}, o)
	if r.Verdict != verify.Unchecked || len(r.Findings()) > 0 || !tells(r, "Saved.Trust") {
		t.Errorf("%s", text(r))
	}
}

// TestSavedNumbersThatAreOff: a small number in a saved audit that is another is no
// panic, whatever it means. SPEC(VER-41)
func TestSavedNumbersThatAreOff(t *testing.T) {
	l := small(t)
	b := l.saved(l.options(), verify.Trust{})
	for at := range len(b) - sha256.Size - 2 {
		if b[at] < 1 || b[at] > 5 {
			continue
		}
		spoilt := bytes.Clone(b)
		spoilt[at] = 23
		sum := sha256.Sum256(spoilt[:len(b)-sha256.Size-2])
		copy(spoilt[len(b)-sha256.Size:], sum[:])
		s, err := verify.ReadSaved(bytes.NewReader(spoilt))
		if err != nil {
			continue
		}
		o := l.options()
		o.Resume = s
		l.auditWith(o, s.Trust())
	}
}
