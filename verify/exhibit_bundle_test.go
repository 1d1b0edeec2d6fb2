package verify_test

import (
	"bytes"
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"tokentrail/provenance"
	"tokentrail/verify"
	"tokentrail/verify/light"
	"tokentrail/verify/remote"
)

// manyKinds is a governed ledger in which all happens that a bundle can be about:
//
//	entry  height
//	0      1       acme's statement under its first key
//	1      2       gamma is admitted
//	2, 3   3       gamma's and acme's statements
//	4      4       acme's act: another key is added, the first expires at height 7
//	5, 6   5       acme's statements under the first key and the other one
//	7      6       a validator comes
//	8      7       gamma's key is declared stolen since height 5
//	9      8       an equivocation of acme's
//	               and three blocks without entries; the validator signs from 8 on
func manyKinds(t testing.TB) *ledger {
	l := hashed(t)
	l.commit(l.one("acme", "us"))
	l.commit(l.act(l.admit("gamma")))
	l.commit(l.one("gamma", "fr"), l.one("acme", "us"))
	first := l.keys["acme"]
	other := keyOf("acme other")
	l.commit(l.actBy(&provenance.Act{Provider: "acme", Actions: []provenance.Action{
		{Type: provenance.KeyAdd, ID: "acme", Key: coseOf(t, "acme other")},
		{Type: provenance.KeyExpire, ID: "acme", KID: kidOf(t, first), Until: new(int64(7))},
	}}, first, other))
	under := func(name string) verify.Entry { l.keys["acme"] = keyOf(name); return l.one("acme", "us") }
	l.commit(under("acme"), under("acme other"))
	l.commit(l.act(l.validator("a fifth", 10)))
	l.commit(l.act(provenance.Action{Type: provenance.KeyStolen, ID: "gamma", KID: kidOf(t, l.keys["gamma"]), Since: 1, SinceHeight: 5}))
	l.commit(l.equivocation("acme", "us", 0, nil, l.records(1, "US", "CN"), l.records(2, "US", "CN")))
	l.commit()
	l.commit()
	l.commit()
	return l
}

// then is the exhibit that somebody made when the ledger had so many blocks.
func (l *ledger) then(blocks int, entry string, want remote.Wanted) *verify.Exhibit {
	l.t.Helper()
	all := l.blocks
	defer func() { l.blocks = all }()
	l.blocks = l.blocks[:blocks]
	return l.exhibitOf(entry, want)
}

// judged is a report in short: exit code, codes of findings, reasons, kinds of
// notices.
func judged(r *verify.Report) (exit int, words string) {
	var all []string
	for _, f := range r.Findings() {
		all = append(all, string(f.Code)+" at "+f.Place)
	}
	for _, s := range r.Steps {
		if s.Outcome == verify.NotChecked && !s.Optional {
			all = append(all, s.Name+": "+s.Reason)
		}
	}
	for _, n := range r.Notices {
		all = append(all, n.Kind+": "+n.Says)
	}
	return r.Exit(), strings.Join(all, "; ")
}

// wants shows an exhibit and holds what is said of it against words.
func (l *ledger) wants(name string, e *verify.Exhibit, exit int, words ...string) *verify.Report {
	l.t.Helper()
	r := l.show(e)
	got, says := judged(r)
	if got != exit {
		l.t.Errorf("%s: exit %d, wanted %d: %s", name, got, exit, says)
	}
	for _, w := range words {
		if !strings.Contains(says, w) {
			l.t.Errorf("%s: %q is not said: %s", name, w, says)
		}
	}
	if err := schema(l.t).Validate(document(l.t, r)); err != nil {
		l.t.Errorf("%s: %v", name, err)
	}
	return r
}

// TestExhibitsOfAll: each kind of entry proves itself, by the newest receipt and
// after validators changed, and says what it is.
func TestExhibitsOfAll(t *testing.T) {
	l := manyKinds(t)
	for _, c := range []struct {
		entry, what string
		exit        int
		words       []string
	}{
		{"0", "statement acme", 0, nil}, // by the act that lets its key expire
		{"1", "act ", 0, nil},           // the first of governance: by the genesis document
		{"2", "statement gamma", 0, []string{"stolen-key", "the entry is from before, height 3 at the latest"}}, // by its block
		{"3", "statement acme", 0, nil},
		{"4", "act acme", 0, nil},       // by its block: its own act cannot stand behind it
		{"5", "statement acme", 0, nil}, // by its block
		{"6", "statement acme", 0, nil},
		{"7", "act ", 0, nil}, // by the act before
		{"8", "act ", 0, nil}, // the newest of governance
		{"9", "equivocation acme", 0, []string{"equivocation: acme signed two statements for sequence 0"}},
	} {
		e := l.exhibit(c.entry)
		r := l.wants("entry "+c.entry, e, c.exit, c.words...)
		if len(e.Headers) != 1 || r.Exhibit == nil || r.Exhibit.Kind+" "+r.Exhibit.Issuer != c.what || r.Exhibit.Entry != int64(c.entry[0]-'0') {
			t.Errorf("entry %s: %d headers, %+v", c.entry, len(e.Headers), r.Exhibit)
		}
		again, err := e.Encode()
		check(t, err)
		back, err := provenance.ParseBundle(again)
		check(t, err)
		l.wants("entry "+c.entry+" through a file", back, c.exit, c.words...)
	}
}

// TestReceiptsOfThen: a receipt of then shows at which height an entry was, where
// one of today does not.
func TestReceiptsOfThen(t *testing.T) {
	l := manyKinds(t)
	// Height 5 is the entries' block, header 6 the first that has them.
	plain := func(e *verify.Exhibit) *verify.Exhibit { e.Block = nil; return e }
	l.wants("entry 5 of today", plain(l.exhibit("5")), 2, "until height 7", "take a bundle with the entry's block, or a receipt of then")
	for entry, exit := range map[string]int{"5": 0, "6": 0, "4": 0} {
		l.wants("entry "+entry+", made in time", plain(l.then(6, entry, remote.Wanted{})), exit)
		kept := l.then(6, entry, remote.Wanted{}).Receipt
		r := l.wants("entry "+entry+", with a receipt of then", plain(l.exhibitOf(entry, remote.Wanted{Receipt: kept})), exit)
		if r.Exhibit.NotAfter != 5 {
			t.Errorf("entry %s: not after %d", entry, r.Exhibit.NotAfter)
		}
	}
	// A state from before the entry says from when on it can be.
	e := l.exhibitOf("6", remote.Wanted{Receipt: l.then(6, "6", remote.Wanted{}).Receipt})
	e.States = append(e.States, l.then(5, "0", remote.Wanted{}).States...)
	e.States[1].LightBlock = l.blocks[4]
	if r := l.wants("with a state from before", e, 0); r.Exhibit.NotBefore != 5 || r.Exhibit.NotAfter != 5 {
		t.Errorf("%+v", r.Exhibit)
	}
	// Gamma's key was stolen since 5: entry 2 is from height 3.
	e = plain(l.exhibitOf("2", remote.Wanted{Receipt: l.then(4, "2", remote.Wanted{}).Receipt}))
	l.wants("from before the theft", e, 0, "the entry is from before, height 3 at the latest")
	// An act of governance is proven while it is the newest.
	l.wants("act 1 in time", l.then(7, "7", remote.Wanted{}), 0)
}

// TestKeysThatMayNot: a statement that the validators let in, and that its key
// could not sign, is evidence.
func TestKeysThatMayNot(t *testing.T) {
	heights := func(l *ledger, n int) {
		for range n {
			l.commit()
		}
	}
	revoke := func(l *ledger) provenance.Action {
		return provenance.Action{Type: provenance.KeyRevoke, ID: "acme", KID: kidOf(l.t, l.keys["acme"])}
	}
	early := func(l *ledger) *verify.Exhibit { return l.exhibit("0") }
	for name, c := range map[string]struct {
		do    func(l *ledger) *verify.Exhibit
		exit  int
		words string
	}{
		"revoked after": {func(l *ledger) *verify.Exhibit {
			l.commit(l.one("acme", "us"))
			l.commit(l.act(revoke(l)))
			l.commit()
			return l.exhibit("0")
		}, 0, ""},
		"revoked before": {func(l *ledger) *verify.Exhibit {
			l.commit(l.act(revoke(l)))
			l.commit(l.one("acme", "us"))
			l.commit()
			return l.exhibit("1")
		}, 1, "key at entry.kid"},
		"added after": {func(l *ledger) *verify.Exhibit {
			l.keys["acme"] = keyOf("acme other")
			l.commit(l.one("acme", "us"))
			l.commit(l.act(provenance.Action{Type: provenance.KeyAdd, ID: "acme", Key: coseOf(l.t, "acme other")}))
			l.commit()
			return l.exhibit("0")
		}, 1, "key at entry.kid"},
		"never added": {func(l *ledger) *verify.Exhibit {
			l.keys["acme"] = keyOf("acme other")
			l.commit(l.one("acme", "us"))
			l.commit()
			return early(l)
		}, 1, "key at entry.kid"},
		"of another": {func(l *ledger) *verify.Exhibit {
			l.keys["acme"] = l.keys["beta"]
			l.commit(l.one("acme", "us"))
			l.commit()
			return early(l)
		}, 1, "key at entry.kid"},
		"of no provider": {func(l *ledger) *verify.Exhibit {
			l.keys["gamma"] = keyOf("gamma")
			l.commit(l.one("gamma", "us"))
			l.commit()
			return early(l)
		}, 1, "issuer at entry.issuer"},
		"before it is valid": {func(l *ledger) *verify.Exhibit {
			l.commit(l.act(provenance.Action{Type: provenance.KeyAdd, ID: "acme", Key: coseOf(l.t, "acme other"), From: new(int64(9))}))
			l.keys["acme"] = keyOf("acme other")
			l.commit(l.one("acme", "us"))
			l.commit()
			return l.exhibit("1")
		}, 1, "key at entry.kid"},
		"a block before it is valid": {func(l *ledger) *verify.Exhibit {
			l.commit(l.act(provenance.Action{Type: provenance.KeyAdd, ID: "acme", Key: coseOf(l.t, "acme other"), From: new(int64(3))}))
			l.keys["acme"] = keyOf("acme other")
			l.commit(l.one("acme", "us"))
			heights(l, 4)
			return l.exhibit("1")
		}, 1, "key at entry.kid"},
		"after it expired": {func(l *ledger) *verify.Exhibit {
			l.commit(l.act(provenance.Action{Type: provenance.KeyExpire, ID: "acme", KID: kidOf(l.t, l.keys["acme"]), Until: new(int64(3))}))
			heights(l, 3)
			before := l.exhibit("0").States[0] // covers entry 0 alone, under header 4
			l.commit(l.one("acme", "us"))
			l.commit()
			e := l.exhibit("1")
			before.LightBlock = l.blocks[3]
			e.States = append(e.States, before)
			return e
		}, 1, "key at entry.kid"},
		"signed with a stolen key": {func(l *ledger) *verify.Exhibit {
			heights(l, 4)
			l.keys["gamma"] = keyOf("gamma") // for the state below: there is no such provider
			state := l.exhibitless("provider/gamma")
			l.commit(l.one("acme", "us"))
			l.commit(l.act(provenance.Action{Type: provenance.KeyStolen, ID: "acme", KID: kidOf(l.t, l.keys["acme"]), Since: 1, SinceHeight: 2}))
			l.commit()
			e := l.exhibit("0")
			e.States = append(e.States, state)
			return e
		}, 0, "the entry is from after that"},
		"signed by two of an issuer's keys": {func(l *ledger) *verify.Exhibit {
			l.commit(l.act(provenance.Action{Type: provenance.KeyAdd, ID: "acme", Key: coseOf(l.t, "acme other")}))
			l.commit(l.actBy(&provenance.Act{Provider: "acme", Actions: []provenance.Action{{Type: provenance.KeyAdd, ID: "acme", Key: coseOf(l.t, "third")}}},
				l.keys["acme"], keyOf("acme other"), keyOf("third")))
			l.commit()
			return l.exhibit("1")
		}, 1, "act-signature at entry.signatures"},
		"an act about another": {func(l *ledger) *verify.Exhibit {
			l.commit(l.actBy(&provenance.Act{Provider: "acme", Actions: []provenance.Action{{Type: provenance.KeyAdd, ID: "beta", Key: coseOf(l.t, "third")}}}, l.keys["acme"], keyOf("third")))
			l.commit()
			return l.exhibit("0")
		}, 1, "act-action at entry.actions[0]"},
		"an act of too few": {func(l *ledger) *verify.Exhibit {
			l.commit(l.actBy(&provenance.Act{Actions: []provenance.Action{revoke(l)}}, l.govern[0]))
			l.commit()
			return l.exhibit("0")
		}, 1, "act-signature at entry.signatures"},
		"an act of a stranger": {func(l *ledger) *verify.Exhibit {
			l.commit(l.actBy(&provenance.Act{Actions: []provenance.Action{revoke(l)}}, l.govern[0], keyOf("stranger")))
			l.commit()
			return l.exhibit("0")
		}, 1, "act-signature at entry.signatures"},
		"an act for another ledger": {func(l *ledger) *verify.Exhibit {
			l.commit(l.actBy(&provenance.Act{Chain: "test-2", Actions: []provenance.Action{revoke(l)}}, l.govern[0], l.govern[1]))
			l.commit()
			return l.exhibit("0")
		}, 1, "act-place at entry.chain"},
		"an equivocation with a revoked key": {func(l *ledger) *verify.Exhibit {
			l.commit(l.one("acme", "us"))
			l.commit(l.act(revoke(l)))
			l.commit(l.equivocation("acme", "us", 0, nil, l.records(1, "US", "CN"), l.records(2, "US", "CN")))
			l.commit()
			return l.exhibit("2")
		}, 1, "equivocation at entry.kid"},
		"an equivocation of somebody's": {func(l *ledger) *verify.Exhibit {
			l.commit(l.one("acme", "us"))
			key := l.keys["acme"]
			l.keys["acme"] = keyOf("stranger")
			e := l.equivocation("acme", "us", 0, nil, l.records(1, "US", "CN"), l.records(2, "US", "CN"))
			l.keys["acme"] = key
			l.commit(e)
			l.commit()
			return l.exhibit("1")
		}, 1, "equivocation at entry.kid"},
	} {
		t.Run(name, func(t *testing.T) {
			l := hashed(t)
			l.wants(name, c.do(l), c.exit, c.words)
		})
	}
}

// exhibitless is a state of now, with its light block.
func (l *ledger) exhibitless(key string) provenance.BundleState {
	height := l.height()
	return provenance.BundleState{
		Preimage: l.heads[height], LightBlock: l.blocks[height], Key: key, Value: l.states[height][key], Proof: naiveProof(l.states[height], key),
	}
}

// TestMissingParts: without any one part nothing passes, and what is needed is
// named; a part of another exhibit is found out.
func TestMissingParts(t *testing.T) {
	l := manyKinds(t)
	other := governed(t)
	other.commit(other.one("acme", "us"))
	other.commit()
	foreign := other.exhibit("0", 0)
	statement, third, twice := l.exhibit("0", 0), l.exhibit("3", 0), l.exhibit("9")
	for name, c := range map[string]struct {
		of     *verify.Exhibit
		change func(e *verify.Exhibit)
		exit   int
		words  string
	}{
		"nothing missing":       {statement, func(e *verify.Exhibit) {}, 0, ""},
		"no receipt":            {statement, func(e *verify.Exhibit) { e.Receipt = nil }, 2, "receipt: none was given"},
		"no headers":            {statement, func(e *verify.Exhibit) { e.Headers = nil }, 2, "none that the genesis document leads to"},
		"no states":             {statement, func(e *verify.Exhibit) { e.States = nil }, 2, "no state proof of a log that has the entry"},
		"no acts":               {statement, func(e *verify.Exhibit) { e.Acts = nil }, 2, "until height 7"},
		"no genesis":            {statement, func(e *verify.Exhibit) { e.Genesis = nil }, 1, "genesis-form"},
		"no entry":              {statement, func(e *verify.Exhibit) { e.Entry = nil }, 1, "statement-form at entry"},
		"no evidence":           {twice, func(e *verify.Exhibit) { e.Frame = nil }, 2, "the evidence of the equivocation is not there"},
		"another genesis":       {statement, func(e *verify.Exhibit) { e.Genesis = foreign.Genesis }, 0, ""}, // the same one
		"another's receipt":     {statement, func(e *verify.Exhibit) { e.Receipt = third.Receipt }, 1, "receipt-binding"},
		"another's statement":   {statement, func(e *verify.Exhibit) { e.Entry = third.Entry }, 1, "receipt-binding"},
		"another's record":      {statement, func(e *verify.Exhibit) { e.Records = small(t).exhibit("1", 2).Records }, 1, "record-proof"},
		"another's act":         {statement, func(e *verify.Exhibit) { e.Acts[0].Act = l.entries[1].Statement }, 1, "inclusion at acts[0]"},
		"an act that is none":   {statement, func(e *verify.Exhibit) { e.Acts[0].Act = l.entries[3].Statement }, 1, "act-form at acts[0]"},
		"an act from before":    {statement, func(e *verify.Exhibit) { l.actIn(e, 1) }, 2, "until height 7"},
		"an act of another log": {statement, func(e *verify.Exhibit) { e.Acts[0].Inclusion.Size-- }, 2, "no trusted header here is of the log"},
		"another's state":       {statement, func(e *verify.Exhibit) { e.States[0].Key = "provider/beta" }, 1, "state-proof at states[0]"},
		"another value":         {statement, func(e *verify.Exhibit) { e.States[0].Value = l.state["provider/beta"] }, 1, "state-proof at states[0]"},
		"a state's absence":     {statement, func(e *verify.Exhibit) { e.States[0].Value = nil }, 1, "state-proof at states[0]"},
		"another preimage":      {statement, func(e *verify.Exhibit) { e.States[0].Preimage = l.heads[3] }, 1, "state-app-hash at states[0]"},
		"a state from before": {third, func(e *verify.Exhibit) {
			e.States = l.then(3, "0", remote.Wanted{}).States
			e.States[0].LightBlock = l.blocks[2]
		}, 2, "no state proof of a log that has the entry"},
		"a header twice":                {statement, func(e *verify.Exhibit) { e.Headers = append(e.Headers, e.Headers[0]) }, 1, "header-height"},
		"a header too much":             {statement, func(e *verify.Exhibit) { e.Headers = append([][]byte{l.blocks[1]}, e.Headers...) }, 0, ""},
		"a header that cannot be read":  {statement, func(e *verify.Exhibit) { e.Headers[0] = []byte{1} }, 1, "header-form"},
		"headers in another order":      {statement, func(e *verify.Exhibit) { e.Headers = append(e.Headers, l.blocks[1]) }, 1, "header-height"},
		"records with an equivocation":  {twice, func(e *verify.Exhibit) { e.Records = statement.Records }, 1, "equivocation-form at records"},
		"an equivocation as statements": {twice, func(e *verify.Exhibit) { e.Frame = foreign.Entry }, 1, "equivocation-form at entry"},
	} {
		t.Run(name, func(t *testing.T) {
			e := clone(t, c.of)
			c.change(e)
			l.wants(name, e, c.exit, c.words)
		})
	}
}

// actIn puts an entry, which is an act, in the place of the exhibit's act.
func (l *ledger) actIn(e *verify.Exhibit, index int64) {
	size := e.Acts[0].Inclusion.Size
	path, err := l.tree(int(size)).Path(index)
	check(l.t, err)
	e.Acts[0] = provenance.BundleAct{Act: l.entries[index].Statement, Inclusion: &provenance.Inclusion{Size: size, Index: index, Path: path}}
}

func clone(t testing.TB, e *verify.Exhibit) *verify.Exhibit {
	raw, err := e.Encode()
	check(t, err)
	back, err := provenance.ParseBundle(raw)
	check(t, err)
	return back
}

// TestTrustOfExhibits: what a header leads to, when it expires, and what no trust
// leads to.
func TestTrustOfExhibits(t *testing.T) {
	l := manyKinds(t)
	newest := len(l.blocks)
	plain := l.exhibit("6")
	below := clone(t, plain)
	below.Receipt, below.States[0].LightBlock = l.then(6, "6", remote.Wanted{}).Receipt, l.blocks[newest-1]
	with := l.exhibitOf("6", remote.Wanted{Header: 5})
	genesis := verify.Trust{Genesis: new(hashOf(l.genesis))}
	both := l.at(5)
	both.Genesis = genesis.Genesis
	foreign := l.at(5)
	foreign.Genesis = &provenance.Hash{1}
	expired := l.at(5)
	expired.Period = time.Minute
	forked := l.at(5)
	forked.Hash[0]++
	for name, c := range map[string]struct {
		e     *verify.Exhibit
		trust verify.Trust
		exit  int
		words string
	}{
		"genesis":                      {plain, genesis, 0, ""},
		"the very header":              {plain, l.at(newest), 0, ""},
		"a header that is not there":   {plain, l.at(5), 2, "the trusted header of height 5 is not there"},
		"a header that is there":       {with, l.at(5), 0, ""},
		"one below the change":         {l.exhibitOf("6", remote.Wanted{Header: 1}), l.at(1), 0, ""},
		"the change itself":            {plain, l.at(7), 0, ""},
		"both":                         {with, both, 0, ""},
		"another genesis and a header": {with, foreign, 1, "genesis-hash"},
		"an expired one":               {with, expired, 3, "expired"},
		"a fork's":                     {with, forked, 1, "trust-hash"},
		"no trust":                     {with, verify.Trust{}, 2, "no trust was given"},
		"a receipt below it":           {below, l.at(newest), 2, "below the trusted header"},
	} {
		t.Run(name, func(t *testing.T) {
			exit, says := judged(l.show(c.e, c.trust))
			if exit != c.exit || !strings.Contains(says, c.words) {
				t.Errorf("exit %d, wanted %d %q: %s", exit, c.exit, c.words, says)
			}
		})
	}
}

// TestExhibitsShareWhatTheyShow: a header is verified once for many exhibits, and
// what one exhibit got wrong is not held against the next, nor for it.
func TestExhibitsShareWhatTheyShow(t *testing.T) {
	l := manyKinds(t)
	exhibits := light.NewExhibits(verify.Trust{Genesis: new(hashOf(l.genesis))}, l.options().Now)
	ask := func(e *verify.Exhibit) int { return exhibits.Check(context.Background(), e, l.options()).Exit() }
	good := l.exhibit("3", 0)
	bad := clone(t, good)
	bad.States[0].Value[9] ^= 1
	unled := clone(t, good)
	unled.Headers = nil
	if got := []int{ask(unled), ask(bad), ask(good), ask(bad), ask(unled), ask(good)}; !slices.Equal(got, []int{2, 1, 0, 1, 0, 0}) {
		t.Errorf("exit codes %v", got) // unled passes once its headers are known
	}
	other := newLedger(t)
	other.commit(other.one("acme", "us"))
	other.commit()
	if got := ask(other.exhibit("0")); got != 1 {
		t.Errorf("another ledger: exit code %d", got)
	}
	if got := ask(good); got != 0 {
		t.Errorf("and back: exit code %d", got)
	}
}

// TestEveryFlippedByteOfABundleIsNoticed changes every byte of bundles with every
// part: none holds then, but where the byte means nothing. All bytes are changed
// with TOKENTRAIL_SOAK=1, else one of 23.
func TestEveryFlippedByteOfABundleIsNoticed(t *testing.T) {
	l := manyKinds(t)
	for name, e := range map[string]*verify.Exhibit{
		"statement":    l.exhibitOf("0", remote.Wanted{Records: []int64{0}, AllRecords: true, Header: 2}),
		"act":          l.exhibit("8"),
		"in a block":   l.exhibit("5"),
		"middle act":   l.exhibit("7"),
		"equivocation": l.exhibit("9"),
	} {
		raw, err := e.Encode()
		check(t, err)
		exits, ignored := map[int]int{}, 0
		stride := 23
		if os.Getenv("TOKENTRAIL_SOAK") == "1" {
			stride = 1
		}
		for at := 0; at < len(raw); at += stride {
			lie := bytes.Clone(raw)
			lie[at] ^= 1 << (at % 8)
			b, err := provenance.ParseBundle(lie)
			if err != nil {
				exits[64]++
				continue
			}
			r := l.show(b)
			exits[r.Exit()]++
			if r.Exit() != 0 {
				continue
			}
			if !sameMeaning(b, e) {
				t.Errorf("%s: byte %d goes unnoticed", name, at)
			}
			ignored++
		}
		t.Logf("%s: %d bytes; by exit code %v; %d mean nothing", name, len(raw), exits, ignored)
		if exits[1] < len(raw)/stride/2 {
			t.Errorf("%s: only %d flips are findings", name, exits[1])
		}
	}
}

// sameMeaning reports whether two bundles differ only in what nothing covers and
// nothing reads: the node's signature and key id, proposers' priorities, and
// compression.
func sameMeaning(a, b *verify.Exhibit) bool {
	blocks := func(x, y []byte) bool { return bytes.Equal(x, y) || samePriority(x, y) }
	if !bytes.Equal(a.Genesis, b.Genesis) || !bytes.Equal(a.Entry, b.Entry) || !slices.EqualFunc(a.Headers, b.Headers, blocks) || !slices.EqualFunc(a.Records, b.Records, bytes.Equal) {
		return false
	}
	x, err := provenance.ParseReceipt(a.Receipt)
	y, err2 := provenance.ParseReceipt(b.Receipt)
	if err != nil || err2 != nil || x.Anchor.Preimage != y.Anchor.Preimage || !slices.Equal(x.Proof.Path, y.Proof.Path) || !blocks(x.Anchor.LightBlock, y.Anchor.LightBlock) {
		return false
	}
	states := func(s, o provenance.BundleState) bool {
		return s.Preimage == o.Preimage && s.Key == o.Key && bytes.Equal(s.Value, o.Value) && blocks(s.LightBlock, o.LightBlock) && bytes.Equal(s.Proof.Encode(), o.Proof.Encode())
	}
	acts := func(s, o provenance.BundleAct) bool {
		return bytes.Equal(s.Act, o.Act) && bytes.Equal(s.Inclusion.Encode(), o.Inclusion.Encode())
	}
	if (a.Block == nil) != (b.Block == nil) || a.Block != nil && (!blocks(a.Block.LightBlock, b.Block.LightBlock) || !bytes.Equal(a.Block.Inclusion.Encode(), b.Block.Inclusion.Encode()) || !bytes.Equal(a.Frame, b.Frame)) {
		return false
	}
	frames := bytes.Equal(a.Frame, b.Frame) || sameRecords(verify.Entry{Statement: a.Entry, Frame: a.Frame}, verify.Entry{Statement: b.Entry, Frame: b.Frame})
	return frames && slices.EqualFunc(a.States, b.States, states) && slices.EqualFunc(a.Acts, b.Acts, acts) && slices.EqualFunc(a.Before, b.Before, acts)
}
