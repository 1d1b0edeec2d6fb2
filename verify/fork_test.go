package verify_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cometbft/cometbft/types"

	"tokentrail/provenance"
	"tokentrail/verify"
	"tokentrail/verify/light"
)

// thirdParty says what evidence proves to somebody who has a file and an anchor.
// SPEC(CLI-84)
func thirdParty(t testing.TB, l *ledger, f *verify.Fork, trust ...verify.Trust) *verify.Report {
	t.Helper()
	b, err := f.Encode()
	check(t, err)
	if !verify.IsFork(b) {
		t.Error("the evidence is not known by its first bytes")
	}
	f, err = verify.ParseFork(b)
	check(t, err)
	tr := verify.Trust{Genesis: new(hashOf(l.genesis))}
	if len(trust) > 0 {
		tr = trust[0]
	}
	r := light.CheckFork(context.Background(), f, tr, l.options())
	if r.Verdict == verify.Holds || r.Exit() == 1 && (len(r.Findings()) != 1 || r.Findings()[0].Code != verify.CodeFork || r.Fork == nil) {
		t.Errorf("what evidence never ends in:\n%s", text(r))
	}
	return r
}

// evidenceOf audits a ledger that is another than the kept one, and wants evidence.
func evidenceOf(t testing.TB, l *ledger, k *verify.Kept, trust ...verify.Trust) *verify.Fork {
	t.Helper()
	r := l.after(k, trust...)
	if len(r.ForkEvidence()) != 1 || !slices.Contains(codes(r), verify.CodeFork) {
		t.Fatalf("evidence of %d forks:\n%s", len(r.ForkEvidence()), text(r))
	}
	if next, _ := r.NewKept(); next != nil {
		t.Error("a head on one side of a fork is kept")
	}
	return r.ForkEvidence()[0]
}

// TestForkEvidence: whoever has the genesis document's hash sees by the file alone
// that there are two histories, and who signed both. SPEC(VER-35), SPEC(VER-36)
func TestForkEvidence(t *testing.T) {
	k := kept(small(t))
	for name, trust := range map[string]func(l *ledger) verify.Trust{
		"genesis": func(*ledger) verify.Trust { return verify.Trust{} },
		"before":  func(l *ledger) verify.Trust { return l.at(1) },
		"at":      func(l *ledger) verify.Trust { return l.at(4) },
		"after":   func(l *ledger) verify.Trust { return l.at(5) },
	} {
		l := branch(t)
		f := evidenceOf(t, l, k, trust(l))
		r := thirdParty(t, l, f)
		if r.Exit() != 1 || r.Fork.Kind != verify.ForkOfHeaders || len(r.Fork.SignedBoth) != 4 || !r.Fork.OneRound || r.Fork.Sides[0].Header != k.Header ||
			!tells(r, "4 validators signed both in round 0, which no correct validator does") || !tells(r, r.Fork.SignedBoth[3].Address+" (power 10)") {
			t.Errorf("%s:\n%s", name, text(r))
		}
	}
}

// TestForkOfLogs: validators that sign a log which does not begin with the one
// that they signed before. SPEC(VER-35)
func TestForkOfLogs(t *testing.T) {
	k := kept(small(t))
	for name, trust := range map[string]func(l *ledger) verify.Trust{
		"genesis": func(*ledger) verify.Trust { return verify.Trust{} },
		"header":  func(l *ledger) verify.Trust { return l.at(len(l.blocks)) },
	} {
		l := rewritten(t)
		f := evidenceOf(t, l, k, trust(l))
		r := thirdParty(t, l, f)
		if r.Exit() != 1 || r.Fork.Kind != verify.ForkOfLogs || *r.Fork.Sides[0].LogSize != 4 || *r.Fork.Sides[1].LogSize != 5 || !tells(r, "the first 4 entries had the root") {
			t.Errorf("%s:\n%s", name, text(r))
		}
		for what, spoil := range map[string]func(f *verify.Fork){
			"no path":        func(f *verify.Fork) { f.Root, f.Path = nil, nil },
			"another path":   func(f *verify.Fork) { f.Path = append(slices.Clone(f.Path), provenance.Hash{}) },
			"another root":   func(f *verify.Fork) { f.Root = &provenance.Hash{1} },
			"the first root": func(f *verify.Fork) { f.Root = &k.Preimage.LogRoot },
			"no preimage":    func(f *verify.Fork) { f.Sides[0].Preimage = nil },
			"not a preimage": func(f *verify.Fork) { f.Sides[1].Preimage = []byte{1} },
			"other preimage": func(f *verify.Fork) { f.Sides[1].Preimage = f.Sides[0].Preimage },
			"forged preimage": func(f *verify.Fork) {
				f.Sides[1].Preimage = provenance.Preimage{Size: 3, LogRoot: provenance.Hash{1}}.Encode()
			},
			"swapped": func(f *verify.Fork) { f.Sides[0], f.Sides[1] = f.Sides[1], f.Sides[0] },
		} {
			g := *f
			spoil(&g)
			if r := thirdParty(t, l, &g); r.Exit() != 2 {
				t.Errorf("%s:\n%s", what, text(r))
			}
		}
	}
	// An honest ledger gives no evidence, however its parts are put together.
	l := small(t)
	older := kept(l)
	newer := kept(l.longer(2))
	raw := l.serveConsistency(int(older.Preimage.Size), int(newer.Preimage.Size))
	proof, err := provenance.ParseConsistency(raw)
	check(t, err)
	f := &verify.Fork{Genesis: l.genesis, Sides: [2]verify.ForkSide{sideOf(older), sideOf(newer)}, Root: &older.Preimage.LogRoot, Path: proof.Path}
	if r := thirdParty(t, l, f); r.Exit() != 2 || !tells(r, "begins with the first") {
		t.Error(text(r))
	}
}

func sideOf(k *verify.Kept) verify.ForkSide {
	return verify.ForkSide{LightBlock: k.LightBlock, Preimage: k.Preimage.Encode(), Changes: k.Changes}
}

// TestForkOfLogsBySize: a log that is shorter than it was, or as long and another,
// needs no path.
func TestForkOfLogsBySize(t *testing.T) {
	k := kept(small(t))
	for dropped, says := range []string{"the log of 4 entries had the root", "the log had 4 entries, and 3 later"} {
		l := small(t)
		l.leaves, l.entries = l.leaves[:3-dropped], l.entries[:3-dropped]
		l.commit(l.batch("beta", "uk", l.records(1, "GB", "US")))
		l.commit()
		pre := l.head()
		f := &verify.Fork{Genesis: l.genesis, Sides: [2]verify.ForkSide{sideOf(k), {LightBlock: l.blocks[len(l.blocks)-1], Preimage: pre.Encode()}}}
		if r := thirdParty(t, l, f); r.Exit() != 1 || r.Fork.Kind != verify.ForkOfLogs || !tells(r, says) {
			t.Errorf("wanted %q:\n%s", says, text(r))
		}
	}
}

// TestWhatProvesNoFork ends in 2 and says why, whatever it is. SPEC(VER-35)
func TestWhatProvesNoFork(t *testing.T) {
	l := branch(t)
	whole := evidenceOf(t, l, kept(small(t)))
	unsigned := small(t)
	unsigned.blocks[3] = unsigned.sign(decodeBlock(t, fork(unsigned)).Header, 2)
	strangers := small(t)
	ownValidators(strangers)
	renamed := newLedgerWith(t, func(_ *ledger, g *provenance.Genesis) { g.Providers[0].Name = "other" })
	another := newLedgerWith(t, func(l *ledger, _ *provenance.Genesis) { l.chainID = "other" }).longer(3)
	recommitted := bytes.Clone(small(t).sign(decodeBlock(t, whole.Sides[0].LightBlock).Header, 3))
	for name, c := range map[string]struct {
		spoil func(f *verify.Fork)
		says  string
	}{
		"garbage for a side":     {func(f *verify.Fork) { f.Sides[1].LightBlock = []byte("garbage") }, "header-form"},
		"too few signatures":     {func(f *verify.Fork) { f.Sides[1].LightBlock = unsigned.blocks[3] }, "more than two thirds"},
		"other validators":       {func(f *verify.Fork) { f.Sides[1].LightBlock = strangers.blocks[3] }, "those to whom the file leads"},
		"another chain":          {func(f *verify.Fork) { f.Sides[1].LightBlock = another.blocks[3] }, "chain-id"},
		"one header twice":       {func(f *verify.Fork) { f.Sides[1].LightBlock = recommitted }, "both sides are the header 4"},
		"another height":         {func(f *verify.Fork) { f.Sides[1].LightBlock = l.blocks[4] }, "no preimage"},
		"another genesis":        {func(f *verify.Fork) { f.Genesis = renamed.genesis }, "another ledger"},
		"no genesis document":    {func(f *verify.Fork) { f.Genesis = []byte("{") }, "genesis-form"},
		"garbage for a change":   {func(f *verify.Fork) { f.Sides[0].Changes = [][]byte{{1}} }, "changes[0]"},
		"a change that is above": {func(f *verify.Fork) { f.Sides[0].Changes = [][]byte{strangers.blocks[3]} }, "changes[0]"},
	} {
		f := *whole
		c.spoil(&f)
		r := thirdParty(t, l, &f)
		if r.Exit() != 2 || len(r.Findings()) > 0 || r.Fork != nil || !tells(r, c.says) {
			t.Errorf("%s: wanted %q\n%s", name, c.says, text(r))
		}
	}
	for name, c := range map[string]struct {
		trust verify.Trust
		exit  int
		says  string
	}{
		"no trust":        {verify.Trust{}, 2, "no trust was given"},
		"another trust":   {verify.Trust{Genesis: &provenance.Hash{1}}, 2, "another ledger"},
		"a header":        {l.at(1), 2, "does not have the trusted header 1"},
		"and its genesis": {verify.Trust{Genesis: new(hashOf(l.genesis)), Height: 1, Period: time.Hour}, 2, "judge it by the genesis document's SHA-256"},
	} {
		if r := thirdParty(t, l, whole, c.trust); r.Exit() != c.exit || !tells(r, c.says) {
			t.Errorf("%s: exit %d, wanted %d and %q\n%s", name, r.Exit(), c.exit, c.says, text(r))
		}
	}
}

// TestForkUnderAHeader: an audit from a trusted header makes evidence that holds
// under this header, while it does. SPEC(VER-33), SPEC(VER-37)
func TestForkUnderAHeader(t *testing.T) {
	l := branch(t)
	f := evidenceOf(t, l, kept(small(t)), l.at(1))
	for name, c := range map[string]struct {
		trust func() verify.Trust
		exit  int
	}{
		"trusted": {func() verify.Trust { return l.at(1) }, 1},
		"another": {func() verify.Trust { return l.at(2) }, 2},
		"other hash": {func() verify.Trust {
			tr := l.at(1)
			tr.Hash[0] ^= 1
			return tr
		}, 2},
		"expired": {func() verify.Trust {
			tr := l.at(1)
			tr.Period = time.Minute
			return tr
		}, 3},
	} {
		if r := thirdParty(t, l, f, c.trust()); r.Exit() != c.exit {
			t.Errorf("%s: exit %d, wanted %d\n%s", name, r.Exit(), c.exit, text(r))
		}
	}
	above := *f
	above.Anchor = l.blocks[4]
	if r := thirdParty(t, l, &above, l.at(5)); r.Exit() != 2 || !tells(r, "below the trusted one") {
		t.Error(text(r))
	}
}

// handedOver is a ledger on which the validators change, and go on to change on
// each of two ways behind.
func handedOver(t testing.TB, way string) *ledger {
	l := newLedgerWith(t, twoOfThree)
	l.commit(l.one("acme", "us"))
	l.commit(l.act(l.validator("late", 15)))
	l.longer(2)
	l.commit(l.act(l.validator(way, 12)), l.one("beta", way))
	l.commit(l.one("acme", way))
	return l.longer(3)
}

// TestForkBehindChanges: the changes of validators that lead to both sides are in
// the evidence; without them nothing is proven, and the audit says so.
func TestForkBehindChanges(t *testing.T) {
	k := kept(handedOver(t, "left"))
	if len(k.Changes) != 2 {
		t.Fatalf("%d changes of validators were kept", len(k.Changes))
	}
	for name, trust := range map[string]func(l *ledger) verify.Trust{
		"genesis": func(*ledger) verify.Trust { return verify.Trust{} },
		"header":  func(l *ledger) verify.Trust { return l.at(2) },
	} {
		l := handedOver(t, "right")
		f := evidenceOf(t, l, k, trust(l))
		r := thirdParty(t, l, f)
		if r.Exit() != 1 || len(r.Fork.SignedBoth) != 5 || !tells(r, "parted before") || len(f.Sides[1].Changes) != 2 {
			t.Errorf("%s:\n%s", name, text(r))
		}
		if name == "header" {
			if r := thirdParty(t, l, f, trust(l)); r.Exit() != 1 {
				t.Error(text(r))
			}
		}
		for what, spoil := range map[string]func(s *verify.ForkSide){
			"without":    func(s *verify.ForkSide) { s.Changes = nil },
			"a part":     func(s *verify.ForkSide) { s.Changes = s.Changes[1:] },
			"the others": func(s *verify.ForkSide) { s.Changes = f.Sides[0].Changes },
			"backwards":  func(s *verify.ForkSide) { s.Changes = [][]byte{s.Changes[1], s.Changes[0]} },
		} {
			g := *f
			spoil(&g.Sides[1])
			if r := thirdParty(t, l, &g); r.Exit() != 2 || !tells(r, "the second side") {
				t.Errorf("%s:\n%s", what, text(r))
			}
		}
	}
	bare := *k
	bare.Changes = nil
	l := handedOver(t, "right")
	r := l.after(&bare)
	if r.Exit() != 1 || len(r.ForkEvidence()) != 0 || !tells(r, "no evidence for others: the first side") {
		t.Error(text(r))
	}
}

// TestRepeatedChange: validators that came, went and are shown to come again by the
// same header are no way to anything.
func TestRepeatedChange(t *testing.T) {
	l := newLedgerWith(t, twoOfThree)
	l.commit(l.one("acme", "us"))
	l.commit(l.act(l.validator("late", 15)))
	l.longer(2)
	l.commit(l.act(l.validator("late", 0)))
	l.longer(3)
	k := kept(l)
	if len(k.Changes) != 2 {
		t.Fatalf("%d changes", len(k.Changes))
	}
	judge := light.NewForkJudge(l.options().Now)
	check(t, judge.Begin(l.genesis, nil, verify.Trust{}))
	if _, err := judge.Follow(t.Context(), k.Changes, k.LightBlock); err != nil {
		t.Error(err)
	}
	again := append(slices.Clone(k.Changes), k.Changes[0])
	if _, err := judge.Follow(t.Context(), again, k.LightBlock); err == nil || !strings.Contains(err.Error(), "the change before is of") {
		t.Error(err)
	}
}

// TestForkInTwoRounds: commits of different rounds do not tell who of them lied.
func TestForkInTwoRounds(t *testing.T) {
	l := branch(t)
	f := evidenceOf(t, l, kept(small(t)))
	b := decodeBlock(t, f.Sides[1].LightBlock)
	b.Commit.Round = 1
	for i := range b.Commit.Signatures {
		key := l.private[b.Commit.Signatures[i].ValidatorAddress.String()]
		sig, err := key.Sign(b.Commit.VoteSignBytes(l.chainID, int32(i)))
		check(t, err)
		b.Commit.Signatures[i].Signature = sig
	}
	f.Sides[1].LightBlock = encodeBlock(t, b)
	if r := thirdParty(t, l, f); r.Exit() != 1 || r.Fork.OneRound || !tells(r, "in rounds 0 and 1: some of them broke their lock") {
		t.Error(text(r))
	}
	// Three of four signed the one, and three the other: two of them both.
	b.Commit.Signatures[0] = types.NewCommitSigAbsent()
	f.Sides[1].LightBlock = encodeBlock(t, b)
	a := decodeBlock(t, f.Sides[0].LightBlock)
	a.Commit.Signatures[3] = types.NewCommitSigAbsent()
	f.Sides[0].LightBlock = encodeBlock(t, a)
	r := thirdParty(t, l, f)
	if r.Exit() != 1 || len(r.Fork.SignedBoth) != 2 || r.Fork.Sides[0].Signed != 30 || r.Fork.Sides[0].Power != 40 {
		t.Error(text(r))
	}
}

// TestForkForm: evidence has one encoding, and nothing that is cut or has more is
// read. SPEC(VER-33), SPEC(VER-34)
func TestForkForm(t *testing.T) {
	f := evidenceOf(t, handedOver(t, "right"), kept(handedOver(t, "left")))
	b, err := f.Encode()
	check(t, err)
	for i := range b {
		if _, err := verify.ParseFork(b[:i]); !errors.Is(err, verify.ErrDamaged) {
			t.Fatalf("cut at %d: %v", i, err)
		}
	}
	for name, c := range map[string]struct {
		b    []byte
		want error
	}{
		"more":  {append(bytes.Clone(b), 0), verify.ErrDamaged},
		"newer": {bytes.Replace(b, []byte("fork/v1"), []byte("fork/v9"), 1), verify.ErrNewer},
		"other": {bytes.Replace(b, []byte("trail/fork/v1"), []byte("trail/spoon/1"), 1), verify.ErrDamaged},
		"kept":  {[]byte("\x89"), verify.ErrDamaged},
	} {
		if _, err := verify.ParseFork(c.b); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	twice := *f
	twice.Sides[0].Changes, twice.Sides[1].Changes = [][]byte{{1}, {2}}, [][]byte{{1}, {3}}
	b, err = twice.Encode()
	check(t, err)
	for i := range twice.Sides { // what both have in common moved to each of them
		b = bytes.Replace(b, []byte{0x81, 0x41, byte(2 + i)}, []byte{0x82, 0x41, 1, 0x41, byte(2 + i)}, 1)
	}
	own := bytes.Replace(b, []byte{0x81, 0x41, 1, 0x83}, []byte{0x80, 0x83}, 1)
	if _, err := verify.ParseFork(own); err == nil || !strings.Contains(err.Error(), "begin with the same") {
		t.Error(err)
	}
	same := *f
	same.Sides[1] = same.Sides[0]
	if _, err := same.Encode(); err == nil || !strings.Contains(err.Error(), "the same light block") {
		t.Error(err)
	}
	long := *f
	long.Root, long.Path = &provenance.Hash{}, make([]provenance.Hash, 65)
	if _, err := long.Encode(); err == nil {
		t.Error("a path of 65 hashes")
	}
	many := *f
	many.Sides[0].Changes = make([][]byte, verify.MaxChangesOneWay+1)
	for i := range many.Sides[0].Changes {
		many.Sides[0].Changes[i] = fmt.Append(nil, i)
	}
	if _, err := many.Encode(); err == nil {
		t.Error("10,001 changes")
	}
}

// TestFlippedEvidence changes each byte of evidence in turn: it never proves
// something else than it did, and never passes.
func TestFlippedEvidence(t *testing.T) {
	l := branch(t)
	f := evidenceOf(t, l, kept(small(t)))
	b, err := f.Encode()
	check(t, err)
	trust := verify.Trust{Genesis: new(hashOf(l.genesis))}
	was := thirdParty(t, l, f).Fork
	for i := 0; i < len(b); i += 5 {
		spoilt := bytes.Clone(b)
		spoilt[i] ^= 1
		g, err := verify.ParseFork(spoilt)
		if err != nil {
			continue
		}
		r := light.CheckFork(context.Background(), g, trust, l.options())
		// A validator set's proposer is neither hashed nor signed. SPEC(VER-5)
		same := r.Exit() == 1 && r.Fork.Sides[0].Header == was.Sides[0].Header && r.Fork.Sides[1].Header == was.Sides[1].Header
		if r.Exit() != 2 && !same {
			t.Fatalf("byte %d changed: exit %d\n%s", i, r.Exit(), text(r))
		}
	}
}

// Validators that signed two histories, shown to somebody who has a file and the
// genesis document's hash.
func ExampleCheckFork() {
	seen, shown := small(&testing.T{}), branch(&testing.T{})
	report := shown.after(kept(seen)) // an audit of a node that shows another history now
	file, err := report.ForkEvidence()[0].Encode()
	if err != nil {
		fmt.Println(err)
		return
	}

	fork, err := verify.ParseFork(file)
	if err != nil {
		fmt.Println(err)
		return
	}
	hash := hashOf(seen.genesis)
	report = light.CheckFork(context.Background(), fork, verify.Trust{Genesis: &hash}, seen.options())
	fmt.Println(report.Verdict, report.Exit())
	fmt.Println(report.Fork.Says)
	// Output:
	// evidence against 1
	// 4 validators signed both in round 0, which no correct validator does
}

func FuzzParseFork(f *testing.F) {
	l := branch(f)
	evidence := evidenceOf(f, l, kept(small(f)))
	b, err := evidence.Encode()
	check(f, err)
	f.Add(b)
	evidence = evidenceOf(f, rewritten(f), kept(small(f)))
	b, err = evidence.Encode()
	check(f, err)
	f.Add(b)
	trust := verify.Trust{Genesis: new(hashOf(l.genesis))}
	f.Fuzz(func(t *testing.T, b []byte) {
		fork, err := verify.ParseFork(b)
		if err != nil {
			return
		}
		if again, err := fork.Encode(); err != nil || !bytes.Equal(again, b) {
			t.Errorf("read %x, wrote %x, %v", b, again, err)
		}
		if r := light.CheckFork(context.Background(), fork, trust, l.options()); r.Exit() == 0 {
			t.Errorf("evidence that passes: %x", b)
		}
	})
}
