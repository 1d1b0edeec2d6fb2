package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tokentrail/provenance"
)

// invented makes the receipt of a log that exists nowhere, with the statement as
// its only entry, signed by a key made up for it.
func (l *fakeLedger) invented(lightBlock func(app provenance.Hash) []byte) func(s *provenance.UnverifiedStatement) []byte {
	return func(s *provenance.UnverifiedStatement) []byte {
		key, err := provenance.GenerateKey(provenance.AlgEdDSA)
		if err != nil {
			panic(err)
		}
		p := provenance.Preimage{Size: 1, LogRoot: provenance.LeafHash(s.Raw())}
		b, err := provenance.ReceiptSigner{Origin: l.origin, Key: key}.Sign(s.ID(),
			provenance.Inclusion{Size: 1, Path: []provenance.Hash{}}, provenance.Anchor{Preimage: p, LightBlock: lightBlock(p.AppHash())})
		if err != nil {
			panic(err)
		}
		return b
	}
}

// kept returns the files with a suffix in all journals of the stream.
func (p *testProvider) kept(suffix string) []string {
	p.t.Helper()
	names, err := filepath.Glob(filepath.Join(p.dir, "state", "journal", "*", "acme", "usage", "*"+suffix))
	if err != nil {
		p.t.Fatal(err)
	}
	return names
}

// TestInventedReceipt swallows submissions and answers with receipts that prove
// nothing: the error says why, and the journal keeps the records, byte for byte,
// for a node that takes them.
func TestInventedReceipt(t *testing.T) {
	nobody := newFakeChain(t, "test-1", "nobody")
	for name, c := range map[string]struct {
		block func(l *fakeLedger, app provenance.Hash) []byte
		exit  int
		words []string
	}{
		"nonsense": {func(*fakeLedger, provenance.Hash) []byte { return []byte("none") }, exitAgainst, []string{"does not hold", "header-form"}},
		"empty":    {func(*fakeLedger, provenance.Hash) []byte { return nil }, exitAgainst, []string{"does not hold", "header-form"}},
		"another app hash": {func(l *fakeLedger, _ provenance.Hash) []byte { return l.chain.sign(7, provenance.Hash{1}) },
			exitAgainst, []string{"does not hold", "receipt-app-hash"}},
		"validators of nobody": {func(_ *fakeLedger, app provenance.Hash) []byte { return nobody.sign(7, app) },
			exitCouldNot, []string{"could not be checked", "genesis document", "keeps what is signed"}},
		"another chain": {func(l *fakeLedger, app provenance.Hash) []byte {
			other := *l.chain
			other.id = "test-2"
			return other.sign(7, app)
		}, exitAgainst, []string{"does not hold", "chain-id"}},
		"half of the validators": {func(l *fakeLedger, app provenance.Hash) []byte {
			half := *l.chain
			half.signers = 2
			return half.sign(7, app)
		}, exitAgainst, []string{"does not hold", "header-commit"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := newTestProvider(t)
			l := newFakeLedger(t, p.key)
			a, content := p.records("a", 100, nil)
			l.forge = l.invented(func(app provenance.Hash) []byte { return c.block(l, app) })
			p.failed(p.args(l, a, "--patience", "2s"), c.exit, c.words...)
			if subs, done := p.kept(subSuffix), p.kept(doneSuffix); len(subs) == 0 || len(done) != 0 {
				t.Fatalf("the journal has %d submissions and %d receipts", len(subs), len(done))
			}
			l.mu.Lock()
			l.forge = nil
			l.mu.Unlock()
			p.succeeded(p.args(l, a))
			wantSequence(t, l, content, 5)
		})
	}
}

// TestInventedReceiptElsewhere goes on with the nodes that do not lie; where
// there is none that answers, the lie is what is told.
func TestInventedReceiptElsewhere(t *testing.T) {
	p := newTestProvider(t)
	liar, honest := newFakeLedger(t, p.key), newFakeLedger(t, p.key)
	liar.forge = liar.invented(func(provenance.Hash) []byte { return []byte("none") })
	a, content := p.records("a", 400, nil)
	p.failed(p.args(liar, a, "--node", "http://127.0.0.1:1", "--patience", "1s"), exitAgainst, "does not hold", "nothing has succeeded")
	code, doc, stderr := p.submit(t.Context(), p.args(liar, a, "--node", honest.server.URL))
	if code != exitOK {
		t.Fatalf("exit %d: %v", code, doc)
	}
	wantSequence(t, honest, content, 20)
	if strings.Count(stderr, liar.server.URL) != 1 || !strings.Contains(stderr, "header-form") {
		t.Errorf("standard error does not name the node that lies, once: %s", stderr)
	}
}

// TestGenesis: the first use of a ledger takes its genesis document as served
// and says so, once; --genesis says which one is meant.
func TestGenesis(t *testing.T) {
	const notice = "--genesis"
	p := newTestProvider(t)
	l := newFakeLedger(t, p.key)
	a, _ := p.records("a", 10, nil)
	other := provenance.Hash{7}
	p.failed(p.args(l, a, "--genesis", other.String()), exitAgainst, "--genesis", other.String(), l.origin)
	if l.posts != 0 || len(p.kept("*")) != 0 {
		t.Error("another ledger's journal was begun")
	}
	p.failed(p.args(l, a, "--genesis", "12"), exitUsage, "64 hex digits")

	_, _, stderr := p.submit(t.Context(), p.args(l, a))
	if strings.Count(stderr, notice) != 1 || !strings.Contains(stderr, l.chain.hash().String()) {
		t.Errorf("trust on first use is not told: %s", stderr)
	}
	b, _ := p.records("b", 10, nil)
	if _, _, stderr := p.submit(t.Context(), p.args(l, b)); strings.Contains(stderr, notice) {
		t.Errorf("it is told again: %s", stderr)
	}
	if l.fetched != 1 {
		t.Errorf("the genesis document was fetched %d times", l.fetched)
	}
	kept := p.kept(journalDoc)
	if len(kept) != 1 {
		t.Fatalf("%v", kept)
	}
	if err := os.WriteFile(kept[0], []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, _ := p.records("c", 10, nil)
	p.succeeded(p.args(l, c))
	if raw, _ := os.ReadFile(kept[0]); !bytes.Equal(raw, l.chain.genesis) || l.fetched != 2 {
		t.Error("a damaged genesis document was not fetched again")
	}

	pinned := newTestProvider(t)
	l = newFakeLedger(t, pinned.key)
	a, _ = pinned.records("a", 10, nil)
	upper := strings.ToUpper(l.chain.hash().String())
	if code, doc, stderr := pinned.submit(t.Context(), pinned.args(l, a, "--genesis", upper)); code != exitOK || strings.Contains(stderr, notice) {
		t.Errorf("exit %d: %v %s", code, doc, stderr)
	}
}

// TestGenesisOfAnother: a document that is not the origin's is not taken, and
// another node is asked.
func TestGenesisOfAnother(t *testing.T) {
	p := newTestProvider(t)
	liar, honest := newFakeLedger(t, p.key), newFakeLedger(t, p.key)
	liar.chain = newFakeChain(t, "test-1", "nobody")
	a, content := p.records("a", 10, nil)
	p.failed(p.args(liar, a), exitAgainst, "genesis document", liar.chain.hash().String())
	if liar.posts != 0 || len(p.kept(subSuffix)) != 0 {
		t.Error("something was signed or sent")
	}
	p.succeeded(p.args(liar, a, "--node", honest.server.URL))
	wantSequence(t, honest, content, 1)
	if liar.posts != 0 {
		t.Error("the node that lied was sent a submission")
	}

	// With --genesis a node of another ledger is left for one of this.
	foreign := newFakeLedger(t, p.key)
	foreign.origin = provenance.Origin("test-1", provenance.Hash{9})
	b, more := p.records("b", 10, nil)
	p.succeeded(p.args(foreign, b, "--node", honest.server.URL, "--genesis", honest.chain.hash().String()))
	wantSequence(t, honest, slices.Concat(content, more), 2)
}
