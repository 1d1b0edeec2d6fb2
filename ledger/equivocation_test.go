package ledger

import (
	"bytes"
	"testing"

	"tokentrail/provenance"
)

// TestEquivocation: SPEC(EQV-3), SPEC(EQV-4).
func TestEquivocation(t *testing.T) {
	l := governed(t, 3)
	w := newWriter(t, "acme", "s")
	run(t, l, w.many(2, 1))
	first, e := forked(t, w)
	story := checkEquivocation(t, e)
	refused := func(name string, c *Checked, code provenance.Code) {
		t.Helper()
		if err := nextView(t, l).admit(c); provenance.CodeOf(err) != code {
			t.Errorf("%s: %v, wanted %q", name, err, code)
		}
		if err := l.Snapshot().AdmitPending(c); provenance.CodeOf(err) != code {
			t.Errorf("%s: before consensus: %v, wanted %q", name, err, code)
		}
	}
	refused("before either is an entry", story, CodeGap)
	run(t, l, []*Checked{first})
	refused("the evidence", story, "")

	x := newWriter(t, "nobody", "s")
	_, e = forked(t, x)
	refused("an unknown issuer's", checkEquivocation(t, e), CodeUnknownIssuer)
	x = newWriter(t, "acme", "other")
	_, e = forked(t, x)
	refused("of a stream that is not there", checkEquivocation(t, e), CodeGap)
	x = newWriter(t, "acme", "s")
	x.key = signerOf("beta")
	_, e = forked(t, x)
	refused("by another's key", checkEquivocation(t, e), CodeUnknownKey)
	raw := bytes.Clone(story.raw)
	raw[len(raw)-5] ^= 1 // of b's signature
	c, err := Check(raw)
	if err != nil {
		t.Fatal(err)
	}
	refused("by nobody", c, provenance.CodeSignature)
	x = newWriter(t, "acme", "s")
	_, third := forked(t, x)
	refused("of two that are no entries", checkEquivocation(t, third), "")

	// It closes the stream, and the next block goes by that.
	next := w.next(1)
	run(t, l, []*Checked{story})
	refused("a second one", checkEquivocation(t, third), CodeDuplicate)
	refused("the stream's next", next, CodeFork)
	ahead := w.many(3, 1)[2]
	if err := l.Snapshot().AdmitPending(ahead); provenance.CodeOf(err) != CodeFork {
		t.Errorf("further on in a closed stream: %v", err)
	}
	if err := l.Snapshot().AdmitPending(first); provenance.CodeOf(err) != CodeDuplicate {
		t.Errorf("an entry of a closed stream, again: %v", err)
	}
	s := l.Snapshot()
	closed, err := s.Equivocations()
	if err != nil || len(closed) != 1 || closed[0].Name != "s" || *closed[0].Head.Closed != 3 || closed[0].Head.Sequence != 2 {
		t.Fatalf("closed are %+v, %v", closed, err)
	}
	got, err := s.EquivocationAt(3)
	if err != nil || got.ID() != story.ID() {
		t.Errorf("the evidence is %v, %v", got, err)
	}
	if _, err := s.EquivocationAt(0); err == nil {
		t.Error("a batch is evidence")
	}
	if at, err := s.IndexOf(story.ID()); err != nil || at != 3 {
		t.Errorf("it is found at %d: %v", at, err)
	}
	p, _, err := s.Provider("acme")
	if err != nil || p.Equivocations != 1 || p.Streams != 1 {
		t.Errorf("the provider is %+v, %v", p, err)
	}
	if err := s.Scrub(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

// TestKeysThatConvict: a key that was replaced in good order convicts, one that
// was revoked does not.
func TestKeysThatConvict(t *testing.T) {
	for _, x := range []struct {
		name   string
		action provenance.Action
		code   provenance.Code
	}{
		{"expired", provenance.Action{Type: provenance.KeyExpire, Until: new(int64(3))}, ""},
		{"revoked", provenance.Action{Type: provenance.KeyRevoke}, CodeUnknownKey},
		{"suspended", provenance.Action{Type: provenance.ProviderSet, Status: provenance.ProviderSuspended}, ""},
	} {
		l := governed(t, 3)
		first, e := forked(t, newWriter(t, "acme", "s"))
		run(t, l, []*Checked{first})
		x.action.ID = "acme"
		if x.action.Type != provenance.ProviderSet {
			x.action.KID = kidOf(t, "acme")
		}
		run(t, l, []*Checked{decree(t, 0, x.action)})
		run(t, l, nil)
		if err := nextView(t, l).admit(checkEquivocation(t, e)); provenance.CodeOf(err) != x.code {
			t.Errorf("%s: %v, wanted %q", x.name, err, x.code)
		}
		fork := batchOf(t, e, first)
		err := l.Snapshot().AdmitPending(fork)
		if err == nil {
			t.Errorf("%s: a fork is admitted", x.name)
		}
		got, err := l.Snapshot().Convict(fork)
		if err != nil || (got != nil) != (x.code == "") || got != nil && got.ID() != e.ID() {
			t.Errorf("%s: the fork gives %v, %v", x.name, got, err)
		}
	}
}

// batchOf is the submission of the statement of e that first is not. Its records
// are first's: whether they are its own makes no difference to what is tested.
func batchOf(t *testing.T, e *provenance.Equivocation, first *Checked) *Checked {
	t.Helper()
	st := e.A
	if st.ID() == first.ID() {
		st = e.B
	}
	c, err := Check((&provenance.Submission{Statement: st, Frame: first.sub.Frame}).Encode())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestConvict: SPEC(EQV-5). Only a fork of an entry with a signature that holds is
// evidence.
func TestConvict(t *testing.T) {
	l := governed(t, 3)
	w := newWriter(t, "acme", "s")
	before := w.next(1)
	first, e := forked(t, w)
	run(t, l, []*Checked{before, first, w.next(1)})
	fork := batchOf(t, e, first)
	convict := func(name string, l *Ledger, c *Checked, want bool) {
		t.Helper()
		got, err := l.Snapshot().Convict(c)
		if err != nil || (got != nil) != want {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	convict("a fork", l, fork, true)
	convict("the entry itself", l, first, false)
	convict("the newest entry", l, before, false)
	convict("a statement that is to come", l, w.next(1), false)
	forged := bytes.Clone(fork.raw)
	at := bytes.Index(forged, fork.sub.Statement.Raw()) + len(fork.sub.Statement.Raw()) - 3
	forged[at] ^= 1
	c, err := Check(forged)
	if err != nil {
		t.Fatal(err)
	}
	convict("a fork that nobody signed", l, c, false)
	convict("an act", l, decree(t, 0, provenance.Action{Type: provenance.PolicySet, Policy: &provenance.Policy{}}), false)
	_, own := forked(t, newWriter(t, "acme", "other"))
	convict("of a new stream", l, batchOf(t, own, first), false)

	old := underRules(t, 2)
	run(t, old, []*Checked{again(t, []*Checked{before})[0], again(t, []*Checked{first})[0]})
	convict("where the rules have no equivocation", old, fork, false)

	run(t, l, []*Checked{checkEquivocation(t, e)})
	convict("of a closed stream", l, fork, false)
}

// TestConvictBoth: SPEC(EQV-5). Two statements for a place are evidence before an
// entry has it, where both are properly signed, and the ledger takes it then.
func TestConvictBoth(t *testing.T) {
	l := governed(t, 3)
	w := newWriter(t, "acme", "s")
	first, e := forked(t, w)
	fork, next := batchOf(t, e, first), w.next(1)
	convict := func(name string, l *Ledger, a, b *Checked, want bool) {
		t.Helper()
		for _, pair := range [][2]*Checked{{a, b}, {b, a}} {
			got, err := l.Snapshot().ConvictBoth(pair[0], pair[1])
			if err != nil || (got != nil) != want || want && got.ID() != e.ID() {
				t.Errorf("%s: %v, %v", name, got, err)
			}
		}
	}
	convict("two statements", l, first, fork, true)
	convict("one statement", l, first, first, false)
	convict("two places", l, fork, next, false)
	convict("an act", l, first, decree(t, 0, provenance.Action{Type: provenance.PolicySet, Policy: &provenance.Policy{}}), false)
	stranger := newWriter(t, "acme", "s")
	stranger.key = signerOf("beta")
	convict("another's key", l, first, stranger.next(1), false)
	forged := bytes.Clone(fork.raw)
	forged[bytes.Index(forged, fork.sub.Statement.Raw())+len(fork.sub.Statement.Raw())-3] ^= 1
	c, err := Check(forged)
	if err != nil {
		t.Fatal(err)
	}
	convict("nobody's signature", l, first, c, false)
	unknown := newWriter(t, "nobody", "s")
	one, story := forked(t, unknown)
	convict("an unknown issuer", l, one, batchOf(t, story, one), false)
	convict("where the rules have no equivocation", underRules(t, 2), first, fork, false)

	evidence := checkEquivocation(t, e)
	if err := l.Snapshot().AdmitPending(evidence); provenance.CodeOf(err) != CodeGap {
		t.Errorf("before the entry: %v", err)
	}
	run(t, l, []*Checked{first})
	convict("behind the entry", l, first, fork, true)
	run(t, l, []*Checked{evidence})
	convict("a closed stream", l, first, fork, false)

	revoked := governed(t, 3)
	run(t, revoked, []*Checked{decree(t, 0, provenance.Action{Type: provenance.KeyRevoke, ID: "acme", KID: kidOf(t, "acme")})})
	convict("a revoked key", revoked, first, fork, false)
}
