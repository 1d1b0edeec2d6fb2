package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"tokentrail/ledger/app"
	"tokentrail/provenance"
)

// A bundler runs the client's program in a directory of its own.
type bundler struct {
	t            *testing.T
	ctx          context.Context
	dir, program string
	genesis      string // hash
}

// run returns what the client says and its exit code.
func (b *bundler) run(args ...string) (string, int) {
	b.t.Helper()
	cmd := exec.CommandContext(b.ctx, b.program, args...)
	cmd.Dir = b.dir
	cmd.Env = append(os.Environ(), "HOME="+b.dir, "NO_COLOR=1", "TOKENTRAIL_NODE=")
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		b.t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// wants runs the client, which must end with a code and say words.
func (b *bundler) wants(exit int, words string, args ...string) {
	b.t.Helper()
	if out, code := b.run(args...); code != exit || !strings.Contains(out, words) {
		b.t.Errorf("tokentrail %s: exit code %d, wanted %d and %q\n%s", strings.Join(args, " "), code, exit, words, out)
	}
}

// TestBundlesOfARealLedger makes bundles of all kinds of entries of a ledger whose
// keys, validators and registry changed, stops its node, and checks them.
func TestBundlesOfARealLedger(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	acme, gamma := newProvider(t, "acme"), newProvider(t, "gamma")
	a := &actor{key: newProvider(t, "governor").key, sequences: map[string]int64{}}
	a.validator = startNetworkOf(t, networkHomes(t, 1, a.governed, acme))[0]
	a.wait(t, ctx, 0)
	document, err := os.ReadFile(app.GenesisPath(a.home))
	check(t, err)
	b := &bundler{t, ctx, t.TempDir(), filepath.Join(t.TempDir(), "tokentrail"), fmt.Sprintf("%x", sha256.Sum256(document))}
	buildProgram(t, b.program, "tokentrail")
	check(t, os.WriteFile(filepath.Join(b.dir, "genesis.json"), document, 0o600))
	records := traceRecords(t)
	say := func(p *provider, n int) int64 {
		some := records[:n]
		records = records[n:]
		return a.commit(t, p.next(t, some))
	}
	all := []crypto.Signer{a.key}
	file := func(entry int64) string { return fmt.Sprintf("entry-%d.tokentrail", entry) }
	bundled := func(entry int64, more ...string) {
		t.Helper()
		b.wants(0, "written", append([]string{"bundle", fmt.Sprint(entry), "--node", a.url, "--genesis", b.genesis}, more...)...)
	}

	first := say(acme, 30)
	admits := a.act(t, "", all, provenance.Action{Type: provenance.ProviderAdmit, ID: "gamma", Name: "Gamma", Jurisdictions: []string{"FR"}, Keys: [][]byte{coseKey(t, gamma.key)}})
	bundled(admits) // the newest act; another follows
	foreign := say(gamma, 3)
	bundled(foreign, "--records", "0,2", "--out", "early.tokentrail")
	other := newProvider(t, "validator").key.Public().(ed25519.PublicKey)
	a.act(t, "", all, provenance.Action{Type: provenance.ValidatorSet, Validator: other, Power: 2},
		provenance.Action{Type: provenance.RulesSet, Rules: 3, RulesFrom: joinStatusOf(t, a.url).Height + 3})
	a.rotate(t, acme)
	for joinStatusOf(t, a.url).Height < a.heightOf(t, admits)+10 {
		say(acme, 1)
	}
	second := say(acme, 2)
	a.convict(t, gamma, records[:2])
	trusted := a.header(t)
	convicts := say(acme, 1) - 1
	for _, entry := range []int64{first, foreign, second, convicts} {
		more := []string{"--trust", fmt.Sprintf("%d:%s", trusted.Height, trusted.Hash)}
		if entry == second {
			more = append(more, "--records", "all")
		}
		bundled(entry, more...)
	}
	b.wants(0, "written", "bundle", provenance.RecordID("acme", "main", 0, 7, traceRecords(t)[7]).String(), "--node", a.url, "--scitt", "-o", "record.cose")
	b.wants(0, "HOLDS", "verify", "record", provenance.RecordID("acme", "main", 0, 7, traceRecords(t)[7]).String(), "--node", a.url, "--genesis", b.genesis)
	b.wants(0, "as this node served it", "verify", "entry", fmt.Sprint(convicts), "--node", a.url)
	b.wants(1, "genesis-hash", "verify", "entry", "0", "--node", a.url, "--genesis", strings.Repeat("0", 64))
	b.wants(1, "would not hold: genesis-hash", "bundle", "0", "--node", a.url, "--genesis", strings.Repeat("0", 64))
	b.wants(1, "is not overwritten", "bundle", "0", "--node", a.url, "--out", file(first))
	b.wants(2, "knows no such record", "bundle", "acme/none", "--node", a.url)
	b.wants(1, "would not hold", "bundle", "0", "--node", a.url, "--genesis", strings.Repeat("0", 64), "--out", "wrong.tokentrail")
	if _, err := os.Stat(filepath.Join(b.dir, "wrong.tokentrail")); err == nil {
		t.Error("something was written that does not hold")
	}
	check(t, a.end(syscall.SIGTERM))

	for _, name := range []string{file(admits), "early.tokentrail", file(first), file(foreign), file(second), file(convicts)} {
		b.wants(0, "HOLDS", "verify", name, "--genesis", b.genesis)
		b.wants(0, "HOLDS", "verify", name, "--genesis-document", "genesis.json")
		b.wants(2, "no trust was given", "verify", name)
		b.wants(1, "genesis-hash", "verify", name, "--genesis", strings.Repeat("0", 64))
		b.wants(0, `"genesis_hash": "`+b.genesis, "inspect", name)
	}
	b.wants(0, `"jurisdictions": [`, "inspect", file(admits))
	b.wants(0, `"type": "equivocation"`, "inspect", file(convicts))
	b.wants(0, `"count": 2,`, "inspect", file(second))
	b.wants(0, `"type": "SCITT transparent statement"`, "inspect", "record.cose")
	at := fmt.Sprintf("%d:%s", trusted.Height, trusted.Hash)
	b.wants(0, "HOLDS", "verify", file(second), "--trust", at)
	b.wants(3, "TRUST EXPIRED", "verify", file(second), "--trust", at, "--trusting-period", "1ns")
	b.wants(1, "trust-hash", "verify", file(second), "--trust", fmt.Sprintf("%d:%s", trusted.Height, strings.Repeat("0", 64)))
	b.wants(2, "is not there", "verify", file(admits), "--trust", at)
	b.wants(0, "HOLDS", "verify", "record.cose", "--genesis-document", "genesis.json")
	b.wants(64, "--genesis-document", "verify", "record.cose")
	b.wants(64, "it looks like JSON", "verify", "genesis.json")
	b.spoil(file(second))
}

// spoil changes one byte of each part of a bundle: none holds then.
func (b *bundler) spoil(name string) {
	b.t.Helper()
	whole, err := os.ReadFile(filepath.Join(b.dir, name))
	check(b.t, err)
	for part, of := range map[string]func(e *provenance.Bundle) []byte{
		"genesis document": func(e *provenance.Bundle) []byte { return e.Genesis[len(e.Genesis)/2:] },
		"entry":            func(e *provenance.Bundle) []byte { return e.Entry[len(e.Entry)/2:] },
		"receipt's origin": func(e *provenance.Bundle) []byte {
			return e.Receipt[bytes.Index(e.Receipt, []byte("tokentrail/net-1")):]
		},
		"receipt's header": func(e *provenance.Bundle) []byte {
			return e.Receipt[bytes.Index(e.Receipt, []byte("\x05net-1"))+1:]
		},
		"records":          func(e *provenance.Bundle) []byte { return e.Frame[len(e.Frame)/2:] },
		"headers":          func(e *provenance.Bundle) []byte { return e.Headers[0][bytes.Index(e.Headers[0], []byte("net-1")):] },
		"issuer's state":   func(e *provenance.Bundle) []byte { return e.States[0].Value[len(e.States[0].Value)/2:] },
		"state's proof":    func(e *provenance.Bundle) []byte { return e.States[0].Proof.Siblings[0][:] },
		"state's preimage": func(e *provenance.Bundle) []byte { return e.States[0].Preimage.StateRoot[:] },
	} {
		e, err := provenance.ParseBundle(bytes.Clone(whole))
		check(b.t, err)
		of(e)[0] ^= 1
		raw, err := e.Encode()
		check(b.t, err)
		check(b.t, os.WriteFile(filepath.Join(b.dir, "lie"), raw, 0o600))
		if out, code := b.run("verify", "lie", "--genesis", b.genesis); code != 1 {
			b.t.Errorf("another byte in the %s: exit code %d\n%s", part, code, out)
		}
	}
	check(b.t, os.WriteFile(filepath.Join(b.dir, "lie"), whole[:len(whole)-1], 0o600))
	b.wants(2, "is not a whole bundle", "verify", "lie", "--genesis", b.genesis)
}
