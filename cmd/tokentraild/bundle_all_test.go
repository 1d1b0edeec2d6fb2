package main

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"tokentrail/ledger/app"
	"tokentrail/provenance"
	"tokentrail/verify"
	"tokentrail/verify/light"
)

// TestEveryEntryOfARealLedgerIsBundled makes a bundle of each entry of a ledger whose
// keys come and go by heights, whose governance changes hands in the middle and whose
// blocks hold many entries, at its node and at one that joined late; then it stops
// both, and checks each bundle with the hash of the genesis document alone.
func TestEveryEntryOfARealLedgerIsBundled(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	acme, gamma := newProvider(t, "acme"), newProvider(t, "gamma")
	a := &actor{key: newProvider(t, "governor").key, sequences: map[string]int64{}}
	a.validator = startNetworkOf(t, networkHomes(t, 1, a.governed, acme, gamma))[0]
	a.wait(t, ctx, 0)
	size := a.eventful(t, acme, gamma)
	late := joins(t, filepath.Join(t.TempDir(), "late"), "--join", a.url, "--trust", a.trustOf(t))
	late.wait(t, ctx, size)
	late.waitHistory(t, ctx)

	document, err := os.ReadFile(app.GenesisPath(a.home))
	check(t, err)
	b := &bundler{t, ctx, t.TempDir(), filepath.Join(t.TempDir(), "tokentrail"), fmt.Sprintf("%x", sha256.Sum256(document))}
	buildProgram(t, b.program, "tokentrail")
	blocks, joined, before, crowded := 0, 0, 0, int64(0)
	file := func(entry int64) string { return fmt.Sprintf("entry-%d.tokentrail", entry) }
	for entry := range size {
		b.wants(0, "written", "bundle", fmt.Sprint(entry), "--node", a.url, "--genesis", b.genesis)
		raw, err := os.ReadFile(filepath.Join(b.dir, file(entry)))
		check(t, err)
		e, err := provenance.ParseBundle(raw)
		check(t, err)
		if e.Block != nil {
			blocks++
			crowded = max(crowded, e.Block.Inclusion.Size)
		}
		if e.Block != nil && blocks%5 == 1 {
			joined++
			b.wants(0, "written", "bundle", fmt.Sprint(entry), "--node", late.url, "--genesis", b.genesis, "--out", "late-"+file(entry))
		}
		before += len(e.Before)
	}
	t.Logf("of %d entries %d have their block, one with %d entries in it, and %d acts before are shown", size, blocks, crowded, before)
	if blocks < 10 || before < 4 || crowded < 2 {
		t.Error("the ledger is not what the test needs")
	}
	check(t, late.end(syscall.SIGTERM))
	check(t, a.end(syscall.SIGTERM))

	names, err := filepath.Glob(filepath.Join(b.dir, "*.tokentrail"))
	check(t, err)
	if len(names) != int(size)+joined {
		t.Errorf("%d bundles of %d entries", len(names), size)
	}
	trust := verify.Trust{Genesis: new(provenance.Hash(sha256.Sum256(document)))}
	for i, name := range names {
		raw, err := os.ReadFile(name)
		check(t, err)
		e, err := provenance.ParseBundle(raw)
		check(t, err)
		if r := light.CheckExhibit(ctx, e, trust, verify.Options{Now: time.Now}); r.Exit() != 0 {
			t.Errorf("%s: exit code %d: %v", name, r.Exit(), r.Findings())
		}
		if i%5 == 0 { // and as anybody would
			b.wants(0, "HOLDS", "verify", filepath.Base(name), "--genesis", b.genesis)
		}
	}
}

// eventful has two providers and governance do all that makes an entry hard to prove
// later, and returns the size of the log.
func (a *actor) eventful(t *testing.T, acme, gamma *provider) int64 {
	t.Helper()
	records := traceRecords(t)
	say := func(p *provider, n int) int64 {
		some := records[:n]
		records = records[n:]
		return a.commit(t, p.next(t, some))
	}
	height := func() int64 { return joinStatusOf(t, a.url).Height }
	until := func(h int64, p *provider) {
		for height() < h {
			say(p, 1)
		}
	}
	first, second := a.key, newProvider(t, "second").key
	say(acme, 30)
	say(gamma, 3)
	other := newProvider(t, "validator").key.Public().(ed25519.PublicKey)
	a.act(t, "", []crypto.Signer{first}, provenance.Action{Type: provenance.ValidatorSet, Validator: other, Power: 2},
		provenance.Action{Type: provenance.RulesSet, Rules: 3, RulesFrom: height() + 3})
	a.act(t, "", []crypto.Signer{first, second}, provenance.Action{Type: provenance.GovernanceSet, Threshold: 1, Governors: [][]byte{coseKey(t, second)}})

	// A key that is valid from a height on takes over from one that expires.
	fresh, from := newProvider(t, "acme").key, height()+10
	a.act(t, "acme", []crypto.Signer{acme.key, fresh}, provenance.Action{Type: provenance.KeyAdd, ID: "acme", Key: coseKey(t, fresh), From: &from, Until: new(from + 100_000)},
		provenance.Action{Type: provenance.KeyExpire, ID: "acme", KID: kidOf(t, acme.key), Until: new(from + 2)})
	until(from, acme)
	acme.key = fresh
	a.crowd(t, acme, records[:10])
	a.act(t, "acme", []crypto.Signer{fresh}, provenance.Action{Type: provenance.KeyExpire, ID: "acme", KID: kidOf(t, fresh), Until: new(from + 50_000)})

	// Governance retires a key, and one is stolen.
	kid := kidOf(t, gamma.key)
	gone := height() + 10
	a.act(t, "", []crypto.Signer{second}, provenance.Action{Type: provenance.KeyExpire, ID: "gamma", KID: kid, Until: &gone})
	say(gamma, 2)
	until(gone, acme)
	stolen := say(acme, 2)
	a.act(t, "", []crypto.Signer{second}, provenance.Action{Type: provenance.KeyStolen, ID: "acme", KID: kidOf(t, fresh), SinceHeight: a.heightOf(t, stolen)})
	a.act(t, "", []crypto.Signer{second, first}, provenance.Action{Type: provenance.GovernanceSet, Threshold: 1, Governors: [][]byte{coseKey(t, first)}})
	a.act(t, "", []crypto.Signer{first}, provenance.Action{Type: provenance.ValidatorSet, Validator: other, Power: 0})
	a.convict(t, gamma, records[:2])
	return status(t, a.url).LogSize
}

// crowd has a provider begin a stream with each of the records, all at once, so that
// blocks hold several entries.
func (a *actor) crowd(t *testing.T, p *provider, records [][]byte) {
	t.Helper()
	var sending sync.WaitGroup
	answers := make([]answer, len(records))
	for i, record := range records {
		one := *p
		one.stream = fmt.Sprint("crowd-", i)
		raw, _ := one.sign(t, 0, nil, [][]byte{record})
		sending.Go(func() { answers[i] = post(t, a.url, raw) })
	}
	sending.Wait()
	if i := slices.IndexFunc(answers, func(a answer) bool { return a.status != http.StatusCreated }); i >= 0 {
		t.Fatalf("statement %d of the crowd: %d %q", i, answers[i].status, answers[i].body)
	}
}
