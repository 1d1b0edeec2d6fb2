package verify_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cometbft/cometbft/types"

	"tokentrail/provenance"
	"tokentrail/verify"
	"tokentrail/verify/light"
	"tokentrail/verify/remote"
)

// keyFrom lets a key of a provider be valid from a height, or until one.
func keyFrom(t testing.TB, id, name string, from, until *int64) provenance.Action {
	return provenance.Action{Type: provenance.KeyAdd, ID: id, Key: coseOf(t, name), From: from, Until: until}
}

// planned is a ledger in the middle of whose blocks keys come and go by height, and
// governance changes hands:
//
//	entry    height
//	0        1       governance's act 0: acme has a key "later" from height 4 to 6
//	1        2       act 1: two other keys govern
//	2        3       act 2, by these: gamma is admitted
//	3, 4, 5  4       statements of acme's, under its first key, gamma's, and "later"
//	6        5       an act of acme's, signed with "later": it has a key "last" from height 6
//	7, 8     5       statements under "later", in one stream
//	9        6       a statement under "last"
//	10       6       act 3: a policy
//	11       7       act 4: the first keys govern again
//	12       8       act 5, by these: a policy
//	                 and two blocks without entries
func planned(t testing.TB) *ledger {
	l := hashed(t)
	under := func(name, stream string) verify.Entry { l.keys["acme"] = keyOf(name); return l.one("acme", stream) }
	policy := func(n int64) provenance.Action {
		return provenance.Action{Type: provenance.PolicySet, Policy: &provenance.Policy{Streams: n}}
	}
	others := []string{"fourth", "fifth"}
	governs := func(threshold int64, names ...string) provenance.Action {
		a := provenance.Action{Type: provenance.GovernanceSet, Threshold: threshold}
		for _, name := range names {
			a.Governors = append(a.Governors, coseOf(t, name))
		}
		slices.SortFunc(a.Governors, func(a, b []byte) int { return strings.Compare(string(a), string(b)) })
		return a
	}
	fourth, fifth := keyOf(others[0]), keyOf(others[1])
	l.commit(l.act(keyFrom(t, "acme", "later", new(int64(4)), new(int64(6)))))
	l.commit(l.actBy(&provenance.Act{Actions: []provenance.Action{governs(2, others...)}}, l.govern[0], l.govern[1], fourth, fifth))
	l.commit(l.actBy(&provenance.Act{Actions: []provenance.Action{l.admit("gamma")}}, fourth, fifth))
	l.commit(under("acme", "us"), l.one("gamma", "fr"), under("later", "us"))
	l.commit(l.actBy(&provenance.Act{Provider: "acme", Actions: []provenance.Action{keyFrom(t, "acme", "last", new(int64(6)), nil)}}, keyOf("later"), keyOf("last")),
		under("later", "us"), under("later", "us"))
	l.commit(under("last", "us"), l.actBy(&provenance.Act{Actions: []provenance.Action{policy(5)}}, fourth, fifth))
	l.commit(l.actBy(&provenance.Act{Actions: []provenance.Action{governs(1, "governor0", "governor1")}}, fourth, fifth, l.govern[0]))
	l.commit(l.actBy(&provenance.Act{Actions: []provenance.Action{policy(6)}}, l.govern[1]))
	l.commit()
	l.commit()
	return l
}

// TestEveryEntryIsProven: of a ledger whose keys have heights and whose governance
// changes hands every entry has a bundle that holds, with nothing but the hash of the
// genesis document; and those that need it say at which height they are.
func TestEveryEntryIsProven(t *testing.T) {
	l := planned(t)
	if r := l.audit(); r.Exit() != 0 {
		t.Fatal(text(r))
	}
	before := map[int64]int{2: 1, 10: 2, 11: 3} // act 5 is the newest
	for i := range int64(len(l.entries)) {
		name := fmt.Sprint("entry ", i)
		e := clone(t, l.exhibit(fmt.Sprint(i)))
		r := l.wants(name, e, 0)
		if e.Block != nil && (r.Exhibit.NotBefore != l.entries[i].Height || r.Exhibit.NotAfter != l.entries[i].Height) {
			t.Errorf("%s: height %d to %d, wanted %d", name, r.Exhibit.NotBefore, r.Exhibit.NotAfter, l.entries[i].Height)
		}
		if needs := slices.Contains([]int64{5, 6, 7, 8, 9}, i); (e.Block != nil) != needs {
			t.Errorf("%s: has its block: %v", name, e.Block != nil)
		}
		if want := before[i]; i != 1 && len(e.Before) != want {
			t.Errorf("%s: %d acts before it, wanted %d", name, len(e.Before), want)
		}
	}
	// Under a header the genesis document is no witness; the act that set governance is.
	for entry, exit := range map[string]int{"2": 0, "1": 2, "10": 0, "11": 0} {
		r := l.show(l.exhibitOf(entry, remote.Wanted{Header: 1}), l.at(1))
		if r.Exit() != exit {
			t.Errorf("entry %s under header 1:\n%s", entry, text(r))
		}
	}
	if exit, says := judged(l.show(l.exhibitOf("5", remote.Wanted{Header: 9}), l.at(9))); exit != 2 || !strings.Contains(says, "below the trusted header") {
		t.Errorf("a block below the trusted header: exit %d, %s", exit, says)
	}
}

// TestBlocksThatLie: a block, or a height, that is not the entry's is found; one that
// cannot be trusted tells nothing.
func TestBlocksThatLie(t *testing.T) {
	l := planned(t)
	statement, act := l.exhibit("7"), l.exhibit("6")
	elsewhere := newLedgerWith(t, func(l *ledger, g *provenance.Genesis) { l.chainID = "test-2" })
	elsewhere.commit(elsewhere.one("acme", "us"))
	strangers := hashed(t)
	strangers.signers = 2
	strangers.commit(strangers.one("acme", "us"))
	strangers.commit()
	for name, c := range map[string]struct {
		of     *verify.Exhibit
		change func(e *verify.Exhibit)
		exit   int
		words  string
	}{
		"as it is":             {statement, func(e *verify.Exhibit) {}, 0, ""},
		"the block before":     {statement, func(e *verify.Exhibit) { e.Block.LightBlock = l.blocks[3] }, 1, "height at block"},
		"the block after":      {statement, func(e *verify.Exhibit) { e.Block.LightBlock = l.blocks[5] }, 1, "height at block"},
		"another place":        {statement, func(e *verify.Exhibit) { e.Block.Inclusion.Index = 2 }, 1, "height at block"},
		"another number":       {statement, func(e *verify.Exhibit) { e.Block.Inclusion.Size = 7 }, 1, "height at block"},
		"another root":         {statement, func(e *verify.Exhibit) { e.Block.Inclusion.Path[0][0] ^= 1 }, 1, "height at block"},
		"no path":              {statement, func(e *verify.Exhibit) { e.Block.Inclusion.Path = nil }, 1, "height at block"},
		"another's place":      {statement, func(e *verify.Exhibit) { e.Block = clone(t, act).Block }, 1, "height at block"},
		"other records":        {statement, func(e *verify.Exhibit) { e.Frame = l.entries[8].Frame[:len(l.entries[8].Frame)-1] }, 1, "height at block"},
		"records missing":      {statement, func(e *verify.Exhibit) { e.Frame = nil }, 2, "with its records, and these are not there"},
		"no block":             {statement, func(e *verify.Exhibit) { e.Block = nil }, 2, "from height 4"},
		"of an act, no block":  {act, func(e *verify.Exhibit) { e.Block = nil }, 2, "from height 4"},
		"records of an act":    {act, func(e *verify.Exhibit) { e.Frame = []byte{1} }, 1, "act-form at records"},
		"another ledger's":     {statement, func(e *verify.Exhibit) { e.Block.LightBlock = elsewhere.blocks[0] }, 1, "chain-id at block"},
		"signed by too few":    {statement, func(e *verify.Exhibit) { e.Block.LightBlock = strangers.blocks[0] }, 1, "header-commit at block"},
		"not a header":         {statement, func(e *verify.Exhibit) { e.Block.LightBlock = []byte{1} }, 1, "header-form at block"},
		"by others":            {statement, func(e *verify.Exhibit) { e.Block.LightBlock = others(t) }, 2, "from height 4"},
		"by others, no need":   {l.exhibit("3"), func(e *verify.Exhibit) { e.Block, e.Frame = statement.Block, l.entries[3].Frame }, 1, "height at block"},
		"for what is not here": {l.exhibit("3"), func(e *verify.Exhibit) { e.Block = statement.Block }, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			e := clone(t, c.of)
			c.change(e)
			l.wants(name, e, c.exit, c.words)
		})
	}
}

// others is a light block of height 5 that other validators signed.
func others(t testing.TB) []byte {
	l := small(t)
	usurpTip(l)
	return l.blocks[len(l.blocks)-1]
}

// TestBlockAgainstAppHashes: validators who sign that an entry was in a later block
// than their app hashes show contradict themselves.
func TestBlockAgainstAppHashes(t *testing.T) {
	l := hashed(t)
	l.commit(l.one("acme", "us"))
	early := transactions(l.entries)
	l.commit()
	l.tweak = func(h *types.Header) { h.DataHash = early.Hash() }
	l.commit()
	l.tweak = nil
	l.commit()
	e := l.then(2, "0", remote.Wanted{})
	e.Frame, e.Block = l.entries[0].Frame, &provenance.BundleBlock{LightBlock: l.blocks[2], Inclusion: &provenance.Inclusion{Size: 1}}
	l.wants("a later block", e, 1, "height at block")
	e.Block.LightBlock = l.blocks[0]
	if r := l.wants("its own", e, 0); r.Exhibit.NotBefore != 1 || r.Exhibit.NotAfter != 1 {
		t.Errorf("%+v", r.Exhibit)
	}
}

// TestActsBeforeThatLie: who governed then is what the acts before say, all of them,
// and none but these.
func TestActsBeforeThatLie(t *testing.T) {
	l := planned(t)
	third, fifth := l.exhibit("10"), l.exhibit("11")
	if len(third.Before) != 2 || len(fifth.Before) != 3 {
		t.Fatalf("%d and %d acts before", len(third.Before), len(fifth.Before))
	}
	for name, c := range map[string]struct {
		of     *verify.Exhibit
		change func(e *verify.Exhibit)
		exit   int
		words  string
	}{
		"as it is":         {fifth, func(e *verify.Exhibit) {}, 0, ""},
		"none":             {fifth, func(e *verify.Exhibit) { e.Before = nil }, 2, "act 3 before it is not here"},
		"without the last": {fifth, func(e *verify.Exhibit) { e.Before = e.Before[:2] }, 2, "act 3 before it is not here"},
		"one left out":     {fifth, func(e *verify.Exhibit) { e.Before = slices.Delete(e.Before, 1, 2) }, 2, "act 2 before it is not here"},
		"the one that set": {fifth, func(e *verify.Exhibit) { e.Before = e.Before[1:] }, 2, "act 1 before it is not here"},
		"one twice":        {fifth, func(e *verify.Exhibit) { e.Before = append(e.Before, e.Before[0]) }, 0, ""},
		"out of order":     {fifth, func(e *verify.Exhibit) { slices.Reverse(e.Before) }, 0, ""},
		"a later one":      {third, func(e *verify.Exhibit) { e.Before[0] = l.placed(11, e) }, 1, "act-place at before[0]"},
		"itself":           {third, func(e *verify.Exhibit) { e.Before[0] = l.placed(10, e) }, 1, "act-place at before[0]"},
		"a provider's":     {third, func(e *verify.Exhibit) { e.Before[0] = l.placed(6, e) }, 1, "act-place at before[0]"},
		"a statement":      {third, func(e *verify.Exhibit) { e.Before[0] = l.placed(5, e) }, 1, "act-form at before[0]"},
		"another's path":   {fifth, func(e *verify.Exhibit) { e.Before[0].Inclusion = e.Before[1].Inclusion }, 1, "inclusion at before[0]"},
		"made up": {fifth, func(e *verify.Exhibit) {
			e.Before[0].Act = l.signedAct(&provenance.Act{Chain: l.chainID, Sequence: 1, Actions: []provenance.Action{l.admit("x")}}, l.govern[0]).Statement
		}, 1, "inclusion at before[0]"},
		"of another size": {fifth, func(e *verify.Exhibit) { e.Before[0].Inclusion.Size++ }, 2, "no trusted header here is of the log"},
		"no receipt":      {fifth, func(e *verify.Exhibit) { e.Receipt = nil }, 2, "none was given"},
	} {
		t.Run(name, func(t *testing.T) {
			e := clone(t, c.of)
			c.change(e)
			l.wants(name, e, c.exit, c.words)
		})
	}
}

// placed is an entry with its place in the log of an exhibit's receipt.
func (l *ledger) placed(index int64, e *verify.Exhibit) provenance.BundleAct {
	r, err := provenance.ParseReceipt(e.Receipt)
	check(l.t, err)
	size := r.Anchor.Preimage.Size
	path, err := l.tree(int(size)).Path(index)
	check(l.t, err)
	return provenance.BundleAct{Act: l.entries[index].Statement, Inclusion: &provenance.Inclusion{Size: size, Index: index, Path: path}}
}

// TestActsThatValidatorsLetIn: an act that others signed than who governed then, and
// two of one sequence, are evidence though the validators let them in.
func TestActsThatValidatorsLetIn(t *testing.T) {
	hands := func(l *ledger) {
		l.commit(l.actBy(&provenance.Act{Actions: []provenance.Action{{Type: provenance.GovernanceSet, Threshold: 1, Governors: [][]byte{coseOf(t, "fourth")}}}}, l.govern[0], l.govern[1], keyOf("fourth")))
	}
	for name, c := range map[string]struct {
		do    func(l *ledger) string
		words string
	}{
		"by who governed before": {func(l *ledger) string {
			hands(l)
			l.commit(l.act(l.admit("gamma")))
			l.commit(l.actBy(&provenance.Act{Actions: []provenance.Action{l.admit("delta")}}, keyOf("fourth")))
			return "1"
		}, "act-signature at entry.signatures[0].kid"},
		"by who governs later": {func(l *ledger) string {
			l.commit(l.act(l.admit("gamma")))
			l.commit(l.actBy(&provenance.Act{Actions: []provenance.Action{l.admit("delta")}}, keyOf("fourth")))
			hands(l)
			return "1"
		}, "act-signature at entry.signatures[0].kid"},
		"two of a sequence": {func(l *ledger) string {
			hands(l)
			l.acts[""] = 0
			l.commit(l.act(l.admit("gamma")))
			l.commit(l.act(l.admit("delta")))
			l.commit(l.act(l.admit("epsilon")))
			return "2"
		}, "act-place at before[1]"},
	} {
		t.Run(name, func(t *testing.T) {
			l := hashed(t)
			entry := c.do(l)
			l.commit()
			l.commit()
			l.wants(name, l.exhibit(entry), 1, c.words)
		})
	}
}

// TestNodesThatWithhold: what a node does not list, or says of heights, makes no
// bundle that holds and deceives nobody.
func TestNodesThatWithhold(t *testing.T) {
	for name, c := range map[string]struct {
		entry string
		do    func(l *ledger)
		exit  int
		words string
	}{
		"no acts": {"10", func(l *ledger) {
			on("/v1/acts", func([]byte) []byte { return []byte{} })(l)
		}, 2, "act 2 before it is not here"},
		"no such route": {"10", func(l *ledger) {
			l.answer = func(path string, b []byte) []byte {
				if strings.HasPrefix(path, "/v1/acts") {
					return nil
				}
				return b
			}
		}, 2, "act 2 before it is not here"},
		"one act left out": {"11", func(l *ledger) {
			all := l.entries
			l.answer = func(path string, b []byte) []byte {
				if strings.HasPrefix(path, "/v1/acts?from=0&") || strings.HasPrefix(path, "/v1/acts?limit") {
					l.entries = append(slices.Clone(all[:2]), all[3:]...)
					b = l.serveActs(0, 1000)
					l.entries = all
				}
				return b
			}
		}, 2, "act 2 before it is not here"},
		"a height too high": {"7", func(l *ledger) { l.claim = claimed(7, 6) }, 1, "height at block"},
		"a neighbour's":     {"7", func(l *ledger) { l.claim = claimed(8, 6) }, 1, "height at block"},
		"no heights":        {"7", func(l *ledger) { l.claim = func(verify.Entry) int64 { return 0 } }, 2, "from height 4"},
	} {
		t.Run(name, func(t *testing.T) {
			l := planned(t)
			c.do(l)
			l.wants(name, l.exhibit(c.entry), c.exit, c.words)
		})
	}
	l := planned(t)
	l.claim = claimed(7, 4) // and the entry before it is of 5
	if e, err := l.node().Exhibit(t.Context(), "7", remote.Wanted{}); !errors.Is(err, verify.ErrAnswer) {
		t.Errorf("heights that go back: %+v, %v", e, err)
	}
}

// TestTooManyActsBefore: more acts than a bundle holds are said, and counted from the
// last that says who governs.
func TestTooManyActsBefore(t *testing.T) {
	l := hashed(t)
	var acts []verify.Entry
	for range provenance.MaxBundleBefore + 2 {
		acts = append(acts, l.act(provenance.Action{Type: provenance.ProviderDescribe, ID: "acme", Name: "Acme"}))
	}
	l.commit(acts...)
	l.commit(l.act(l.admit("gamma")))
	l.commit()
	_, err := l.node().Exhibit(t.Context(), fmt.Sprint(provenance.MaxBundleBefore+1), remote.Wanted{})
	if err == nil || !strings.Contains(err.Error(), "4097 acts since the last that says who governs, a bundle holds 4096; audit the ledger instead") {
		t.Error(err)
	}
}

// TestBlockOfAnExhibitFromGenesis: a verifier that has every header opens the block of
// an entry as well as one that has none. SPEC(BND-18)
func TestBlockOfAnExhibitFromGenesis(t *testing.T) {
	l := planned(t)
	trust := verify.Trust{Genesis: new(hashOf(l.genesis))}
	for name, headers := range map[string]verify.HeaderVerifier{
		"genesis": light.FromGenesis(l.node(), l.options().Now), "offline": light.Offline(trust, l.options().Now),
	} {
		e := l.exhibit("7")
		if e.Block == nil {
			t.Fatal("no block")
		}
		if r := verify.CheckExhibit(context.Background(), e, headers, trust, l.options()); r.Verdict != verify.Holds {
			t.Errorf("%s:\n%s", name, text(r))
		}
	}
	header := l.at(2)
	e := l.exhibitOf("7", remote.Wanted{Header: 2})
	if r := verify.CheckExhibit(context.Background(), e, light.FromHeader(l.node(), header, l.options().Now), header, l.options()); r.Verdict != verify.Holds {
		t.Errorf("header:\n%s", text(r))
	}
}
