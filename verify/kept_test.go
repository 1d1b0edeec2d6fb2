package verify_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	cmted "github.com/cometbft/cometbft/crypto/ed25519"
	"github.com/cometbft/cometbft/types"

	"tokentrail/provenance"
	"tokentrail/verify"
)

// remembers gives an auditor a memory of a ledger.
func remembers(o *verify.Options, k *verify.Kept) {
	o.Kept = func(string) (*verify.Kept, error) { return k, nil }
}

// kept is the head that an audit of the ledger leads to.
func kept(l *ledger, trust ...verify.Trust) *verify.Kept {
	l.t.Helper()
	o := l.options()
	remembers(&o, nil)
	r := l.auditWith(o, trust...)
	k, err := r.NewKept()
	if err != nil || k == nil || r.Verdict != verify.Holds {
		l.t.Fatalf("nothing to keep: %v\n%s", err, text(r))
	}
	return k
}

// after audits a ledger whose head was kept at some time.
func (l *ledger) after(k *verify.Kept, trust ...verify.Trust) *verify.Report {
	o := l.options()
	remembers(&o, k)
	return l.auditWith(o, trust...)
}

// longer adds blocks with an entry each, and the one that carries the app hash.
func (l *ledger) longer(blocks int) *ledger {
	for range blocks {
		l.commit(l.one("acme", "us"))
	}
	l.commit()
	return l
}

// branch is the small ledger up to its first block, and another from there on,
// signed by the same validators.
func branch(t testing.TB) *ledger {
	l := newLedger(t)
	l.commit(l.batch("acme", "us", l.records(2, "US", "CN")))
	for range 4 {
		l.commit(l.batch("beta", "uk", l.records(1, "GB", "US")))
	}
	l.commit()
	return l
}

// rewritten is the small ledger whose validators replace an entry later on: the
// headers until then are those of the small one.
func rewritten(t testing.TB) *ledger {
	l, was := newLedger(t), small(t)
	l.commit(l.batch("acme", "us", l.records(2, "US", "CN")))
	l.commit(l.batch("beta", "eu", l.records(3, "DE", "US")), l.batch("beta", "uk", l.records(1, "GB", "US")))
	l.commit(l.batch("acme", "jp", l.records(2, "JP", "US")))
	l.commit()
	l.blocks, l.last = was.blocks, was.last
	l.commit(l.batch("beta", "us", l.records(1, "US", "CN")))
	l.commit()
	return l
}

func codes(r *verify.Report) (all []verify.Code) {
	for _, f := range r.Findings() {
		all = append(all, f.Code)
	}
	return all
}

func step(r *verify.Report, name string) *verify.Step {
	for _, s := range r.Steps {
		if s.Name == name {
			return s
		}
	}
	return &verify.Step{}
}

// TestKeptHeadHolds: a ledger that has grown, or not, is the kept one, from every
// trust; and the head to keep is the newer one. SPEC(VER-30), SPEC(VER-31)
func TestKeptHeadHolds(t *testing.T) {
	for name, growth := range map[string]int{"as it was": -1, "grown": 2} {
		l := small(t)
		k := kept(l)
		if growth > 0 {
			l.longer(growth)
		}
		for trust, given := range map[string]verify.Trust{"genesis": {}, "first": l.at(1), "below": l.at(3), "kept": l.at(4), "above": l.at(len(l.blocks))} {
			r := l.after(k, given)
			next, err := r.NewKept()
			if r.Verdict != verify.Holds || err != nil || (next == nil) != (growth < 0) || r.Trust.Kept == nil || r.Trust.Kept.Hash != k.Header || step(r, "kept").Outcome != verify.Passed {
				t.Errorf("%s, %s: %v, %v\n%s", name, trust, next, err, text(r))
			}
			if next != nil && (next.Height != int64(len(l.blocks)) || next.Preimage != l.head() || !bytes.Equal(next.LightBlock, l.blocks[next.Height-1])) {
				t.Errorf("%s, %s: %+v", name, trust, next)
			}
			if !tells(r, "an audit from the genesis document that the auditor named") {
				t.Errorf("the report does not name the kept head:\n%s", text(r))
			}
		}
	}
}

// TestFirstAudit: where nothing was kept, the report says so, and it is no reason
// not to hold.
func TestFirstAudit(t *testing.T) {
	l := small(t)
	r := l.after(nil)
	if s := step(r, "kept"); r.Verdict != verify.Holds || s.Outcome != verify.NotChecked || !s.Optional {
		t.Error(text(r))
	}
	if r := l.audit(); step(r, "kept").Name != "" {
		t.Error("an auditor without memory has a step for it")
	}
}

// TestMemoryThatCannotBeUsed is never taken for none. SPEC(VER-31)
func TestMemoryThatCannotBeUsed(t *testing.T) {
	l := small(t)
	other := *kept(l)
	other.Origin += "x"
	for name, get := range map[string]func(string) (*verify.Kept, error){
		"unreadable": func(string) (*verify.Kept, error) { return nil, errors.New("permission denied") },
		"other":      func(string) (*verify.Kept, error) { return &other, nil },
	} {
		o := l.options()
		o.Kept = get
		r := l.auditWith(o)
		if k, _ := r.NewKept(); r.Exit() != 2 || len(r.Findings()) > 0 || k != nil {
			t.Errorf("%s: exit %d, %v\n%s", name, r.Exit(), k, text(r))
		}
	}
}

// TestOtherStateThanKept: of a kept size not the log alone is compared, the state map is
// too. SPEC(VER-31)
func TestOtherStateThanKept(t *testing.T) {
	l := small(t)
	k := *kept(l)
	l.longer(3)
	if r := l.after(&k); r.Verdict != verify.Holds {
		t.Fatal(text(r))
	}
	k.Preimage.StateRoot[0] ^= 1
	if r := l.after(&k); r.Exit() != 1 || !slices.Equal(codes(r), []verify.Code{verify.CodeFork}) || !tells(r, "a log that begins with that of header") {
		t.Error(text(r))
	}
}

// TestStaleAgainstKept: a node restored from an old backup is behind what was
// kept, unless it says that it catches up or gets there in time. SPEC(VER-31)
func TestStaleAgainstKept(t *testing.T) {
	l := small(t)
	old := small(t)
	k := kept(l.longer(3))
	if r := old.after(k); r.Exit() != 1 || !slices.Equal(codes(r), []verify.Code{verify.CodeStale}) {
		t.Error(text(r))
	}
	old.status = func(s *verify.Status) { s.CatchingUp = true }
	if r := old.after(k); r.Exit() != 2 || len(r.Findings()) > 0 || !tells(r, "has not reached the kept height") {
		t.Error(text(r))
	}
	asked := 0
	l.status = func(s *verify.Status) {
		if asked++; asked == 1 {
			s.Height, s.LogSize, s.LogRoot, s.StateRoot, s.AppHash = 3, l.heads[3].Size, l.heads[3].LogRoot, l.heads[3].StateRoot, l.heads[3].AppHash()
		}
	}
	o := l.options()
	o.Patience, o.Flows = time.Minute, []provenance.FlowQuery{}
	remembers(&o, k)
	l.replay = map[string][]byte{"/checkpoint": small(t).honest(parseURL(t, "/checkpoint"))}
	if r := l.auditWith(o); r.Verdict != verify.Holds {
		t.Error(text(r))
	}
}

// TestFarBelowTheTrust: a kept header too far below the trusted one is compared by
// the log alone, and the report says so.
func TestFarBelowTheTrust(t *testing.T) {
	l := small(t)
	k := kept(l)
	for range 1010 {
		l.header()
		l.heads, l.states = append(l.heads, l.head()), append(l.states, l.states[len(l.states)-1])
	}
	if r := l.after(k, l.at(len(l.blocks))); r.Verdict != verify.Holds || !tells(r, "the header itself was not") {
		t.Error(text(r))
	}
	forged := *k
	forged.Preimage.LogRoot[0] ^= 1
	if r := l.after(&forged, l.at(len(l.blocks))); r.Exit() != 1 || !slices.Contains(codes(r), verify.CodeFork) {
		t.Error(text(r))
	}
}

// TestKeptBelowWhatWasSaved: a saved audit that is newer than the kept head has passed
// its size. Where the node gives no heights a consistency proof tells that the log goes
// on from it; where there is none, that is not known, and no fork. SPEC(VER-31)
func TestKeptBelowWhatWasSaved(t *testing.T) {
	for name, heights := range map[string]func(verify.Entry) int64{"heights": nil, "no heights": func(verify.Entry) int64 { return 0 }} {
		l := newLedger(t)
		l.claim = heights
		l.longer(2)
		trust := l.at(1)
		k := kept(l, trust)
		l.longer(2)
		s := &saves{t: t}
		o := l.options()
		o.Save, o.SaveEvery = s.save, -1
		if r := l.auditWith(o, trust); r.Verdict != verify.Holds {
			t.Fatal(text(r))
		}
		l.longer(1)
		since := func(k *verify.Kept) *verify.Report {
			o := l.options()
			o.Resume = readSaved(t, s.last())
			remembers(&o, k)
			return l.auditWith(o)
		}
		if r := since(k); r.Verdict != verify.Holds || step(r, "kept").Outcome != verify.Passed {
			t.Errorf("%s: %s", name, text(r))
		}
		other := *k
		other.Preimage.LogRoot[0] ^= 1
		r, want := since(&other), 1
		if heights != nil {
			want = 2
		}
		if r.Exit() != want || slices.Contains(codes(r), verify.CodeFork) != (want == 1) {
			t.Errorf("%s, another log: exit %d\n%s", name, r.Exit(), text(r))
		}
	}
}

// forkLies are told to auditors with a memory or witnesses.
func forkLies() []lie {
	keeps := func(before func(t testing.TB) *ledger) func(*ledger, *verify.Options) {
		return func(l *ledger, o *verify.Options) { remembers(o, kept(before(l.t))) }
	}
	first := func(l *ledger) []verify.Trust { return []verify.Trust{l.at(1)} }
	newest := func(l *ledger) []verify.Trust { return []verify.Trust{l.at(len(l.blocks))} }
	witness := func(make func(t testing.TB) *ledger) func(*ledger, *verify.Options) {
		return func(l *ledger, o *verify.Options) {
			o.Witnesses = []verify.Witness{{Name: "http://w", Source: make(l.t).beside()}}
		}
	}
	lying := func(do func(l *ledger)) func(t testing.TB) *ledger {
		return func(t testing.TB) *ledger { l := small(t); do(l); return l }
	}
	fresh := func(t testing.TB) *ledger {
		return newLedgerWith(t, func(l *ledger, _ *provenance.Genesis) { l.chainID = "other" }).longer(3)
	}
	return []lie{
		{name: "fork since it was kept", want: verify.CodeFork, place: "headers[4]", build: branch, with: keeps(small)},
		{name: "fork, under a header before it", want: verify.CodeFork, place: "headers[4]", build: branch, with: keeps(small), trust: first},
		{name: "fork, under a header after it", want: verify.CodeFork, place: "headers[4]", build: branch, with: keeps(small), trust: newest},
		{name: "log rewritten since it was kept", want: verify.CodeFork, place: "consistency[4:5]", build: rewritten, with: keeps(small), trust: newest},
		{name: "log rewritten, from genesis", want: verify.CodeFork, place: "consistency[4:5]", also: []verify.Code{verify.CodeAppHash}, build: rewritten, with: keeps(small)},
		{name: "old backup", want: verify.CodeStale, place: "status.height", with: keeps(func(t testing.TB) *ledger { return small(t).longer(2) })},
		{name: "a witness sees a fork", want: verify.CodeFork, place: "witnesses[http://w].headers[4]", with: witness(branch)},
		{name: "a witness sees a fork, under a header before it", want: verify.CodeFork, place: "witnesses[http://w].headers[4]", with: witness(branch), trust: first},
		{name: "witness of another ledger", want: verify.CodeWitness, place: "witnesses[http://w].status.origin", with: witness(fresh)},
		{name: "witness with garbage for a header", want: verify.CodeWitness, place: "witnesses[http://w].headers[4]", with: witness(lying(on("/v1/headers", garbage)))},
		{name: "witness without the header", want: verify.CodeWitness, place: "witnesses[http://w].headers[4]", with: witness(lying(on("/v1/headers", func([]byte) []byte { return []byte{} })))},
		{name: "witness with an unsigned header", want: verify.CodeWitness, place: "witnesses[http://w].headers[4]",
			with: witness(lying(func(l *ledger) { l.blocks[3] = l.sign(decodeBlock(l.t, fork(l)).Header, 2) }))},
		{name: "witness with a header of its own validators", want: verify.CodeWitness, place: "witnesses[http://w].headers[4]", with: witness(lying(ownValidators))},
		{name: "witness with a header of another height", want: verify.CodeWitness, place: "witnesses[http://w].headers[4]",
			with: witness(lying(func(l *ledger) { l.blocks[3] = l.blocks[2] }))},
		{name: "witness with a header of a fork's other height", want: verify.CodeWitness, place: "witnesses[http://w].headers[4]",
			with: witness(func(t testing.TB) *ledger { l := branch(t); l.blocks[3] = l.blocks[2]; return l })},
		{name: "witness with garbage for a status", want: verify.CodeWitness, place: "witnesses[http://w].status", with: witness(lying(on("/v1/status", garbage)))},
		{name: "witness with another checkpoint", want: verify.CodeWitness, place: "witnesses[http://w].checkpoint.root",
			with: witness(lying(checkpoint(func(cp *provenance.Checkpoint) { cp.Root[0] ^= 1 })))},
		{name: "witness with a checkpoint that nobody signed", want: verify.CodeWitness, place: "witnesses[http://w].checkpoint",
			with: witness(lying(on("/checkpoint", func(b []byte) []byte { b[len(b)-8] ^= 1; return b })))},
		{name: "witness with a longer log that is none", want: verify.CodeWitness, place: "witnesses[http://w].checkpoint",
			with: witness(func(t testing.TB) *ledger {
				l := small(t).longer(2)
				checkpoint(func(cp *provenance.Checkpoint) { cp.Root[0] ^= 1 })(l)
				return l
			})},
		{name: "witness that cannot prove its longer log", want: verify.CodeWitness, place: "witnesses[http://w].checkpoint",
			with: witness(func(t testing.TB) *ledger {
				l := small(t).longer(2)
				on("/proof/consistency", garbage)(l)
				return l
			})},
	}
}

// ownValidators replaces the newest header by one that others signed.
func ownValidators(l *ledger) {
	stranger := l.validator("stranger", 10)
	l.validators = types.NewValidatorSet([]*types.Validator{types.NewValidator(cmted.PubKey(stranger.Validator), 10)})
	h := *decodeBlock(l.t, l.blocks[3]).Header
	h.ValidatorsHash, h.NextValidatorsHash, h.ProposerAddress = l.validators.Hash(), l.validators.Hash(), l.validators.Validators[0].Address
	l.blocks[3] = l.sign(&h, 1)
}

// TestKeptForm reads back what it writes, and nothing that is changed anywhere.
// SPEC(VER-32), SPEC(VER-34)
func TestKeptForm(t *testing.T) {
	k := kept(changeful(t))
	b, err := k.Encode()
	check(t, err)
	back, err := verify.ParseKept(b)
	check(t, err)
	again, err := back.Encode()
	if err != nil || !bytes.Equal(again, b) || len(back.Changes) == 0 || !back.When.Equal(k.When) || back.Trust != k.Trust {
		t.Errorf("%+v, %v", back, err)
	}
	for i := range b {
		spoilt := bytes.Clone(b)
		spoilt[i] ^= 1
		if _, err := verify.ParseKept(spoilt); !errors.Is(err, verify.ErrDamaged) && !errors.Is(err, verify.ErrNewer) {
			t.Fatalf("byte %d changed: %v", i, err)
		}
		if _, err := verify.ParseKept(b[:i]); !errors.Is(err, verify.ErrDamaged) {
			t.Fatalf("cut at %d: %v", i, err)
		}
	}
	for name, c := range map[string]struct {
		b    []byte
		want error
	}{
		"more":   {append(bytes.Clone(b), 0), verify.ErrDamaged},
		"newer":  {bytes.Replace(b, []byte("kept/v1"), []byte("kept/v2"), 1), verify.ErrNewer},
		"other":  {bytes.Replace(b, []byte("kept/v1"), []byte("kepd/v1"), 1), verify.ErrDamaged},
		"empty":  {nil, verify.ErrDamaged},
		"huge":   {make([]byte, verify.MaxForkBytes+1), verify.ErrDamaged},
		"resumm": {resummed(b, len(b)-43), verify.ErrDamaged},
	} {
		if _, err := verify.ParseKept(c.b); !errors.Is(err, c.want) || strings.Contains(err.Error(), "api.md") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// resummed changes a byte and makes the checksum anew, as a forger would: the form
// has to hold too.
func resummed(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] = 0xff
	sum := sha256.Sum256(b[:len(b)-34])
	copy(b[len(b)-32:], sum[:])
	return b
}

func FuzzParseKept(f *testing.F) {
	b, err := kept(small(f)).Encode()
	check(f, err)
	f.Add(b)
	b, err = kept(changeful(f)).Encode()
	check(f, err)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		k, err := verify.ParseKept(b)
		if err != nil {
			return
		}
		if again, err := k.Encode(); err != nil || !bytes.Equal(again, b) {
			t.Errorf("read %x, wrote %x, %v", b, again, err)
		}
	})
}
