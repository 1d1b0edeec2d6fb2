package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tokentrail/ledger/app"
	"tokentrail/provenance"
)

const govPassphrase = "only for tests"

// A governed is a network that three keys govern, and the client's program.
type governed struct {
	t      *testing.T
	ctx    context.Context
	dir    string // of keys and proposals
	client string // the program
	net    []*validator
	acts   int64 // of governance so far
}

// newGoverned makes the homes of four validators whose rules are of version 2 at
// first, governed by two of the keys alice, bob and carol, and builds the client.
func newGoverned(t *testing.T, providers ...*provider) (*governed, []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	g := &governed{t: t, ctx: ctx, dir: t.TempDir()}
	g.client = filepath.Join(g.dir, "tokentrail")
	buildProgram(t, g.client, "tokentrail")
	o := &localnetOptions{dir: t.TempDir(), chainID: "gov-1", validators: 4, govern: governFlags{threshold: 2}}
	for _, name := range []string{"alice", "bob", "carol"} {
		o.govern.keys = append(o.govern.keys, g.keep(name, newProvider(t, name)))
	}
	for _, p := range providers {
		o.providers = append(o.providers, p.flag(t))
		g.keep(p.id, p)
	}
	homes, err := localnetHomes(o)
	if err != nil {
		t.Fatal(err)
	}
	for _, home := range homes {
		b, err := os.ReadFile(app.GenesisPath(home))
		if err != nil {
			t.Fatal(err)
		}
		older := bytes.Replace(b, []byte(`"rules": 3`), []byte(`"rules": 2`), 1)
		if bytes.Equal(older, b) {
			t.Fatalf("the genesis document names no rules: %s", b)
		}
		if err := os.WriteFile(app.GenesisPath(home), older, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return g, homes
}

// buildProgram builds one of the programs, with build flags.
func buildProgram(t *testing.T, path, program string, flags ...string) {
	t.Helper()
	args := append(append([]string{"build", "-o", path}, flags...), "tokentrail/cmd/"+program)
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", program, err, out)
	}
}

// keep writes a provider's key as name.key, whose passphrase is found at once, and
// returns the public one.
func (g *governed) keep(name string, p *provider) string {
	g.t.Helper()
	sealed, err := provenance.SealKey(p.key, []byte(govPassphrase), provenance.KeyCost{Passes: 1, KiB: 8, Lanes: 1})
	if err != nil {
		g.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(g.dir, name+".key"), sealed, 0o600); err != nil {
		g.t.Fatal(err)
	}
	key, err := provenance.NewPublicKey(p.key.Public())
	if err != nil {
		g.t.Fatal(err)
	}
	return key.String()
}

// run runs the client and returns what it says and its exit code.
func (g *governed) run(args ...string) (string, int) {
	g.t.Helper()
	cmd := exec.CommandContext(g.ctx, g.client, args...)
	cmd.Dir = g.dir
	cmd.Env = append(os.Environ(), "TOKENTRAIL_PASSPHRASE="+govPassphrase, "TOKENTRAIL_NODE="+g.net[0].url, "HOME="+g.dir, "XDG_STATE_HOME=", "NO_COLOR=1")
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		g.t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// ok runs the client, which must succeed.
func (g *governed) ok(args ...string) string {
	g.t.Helper()
	out, code := g.run(args...)
	if code != 0 {
		g.t.Fatalf("tokentrail %s: exit code %d\n%s", strings.Join(args, " "), code, out)
	}
	return out
}

// refused runs the client, which must end with 1 and say so.
func (g *governed) refused(want string, args ...string) {
	g.t.Helper()
	if out, code := g.run(args...); code != 1 || !strings.Contains(out, want) {
		g.t.Fatalf("tokentrail %s: exit code %d, wanted 1 and %q\n%s", strings.Join(args, " "), code, want, out)
	}
}

// act proposes an action, has it signed by alice and bob, and submits it.
func (g *governed) act(action ...string) string {
	g.t.Helper()
	file := fmt.Sprintf("act-%d", g.acts)
	g.ok(append(append([]string{"gov", "propose"}, action...), "--file", file)...)
	g.ok("gov", "sign", file, "--key", "./alice.key", "--yes")
	g.ok("gov", "sign", file, "--key", "./bob.key", "--yes")
	out := g.ok("gov", "submit", file)
	g.acts++
	return out
}

// posted posts a provider's next statement, which must be taken.
func (g *governed) posted(p *provider, records [][]byte) {
	g.t.Helper()
	if a := post(g.t, g.net[0].url, p.next(g.t, records)); a.status != http.StatusCreated {
		g.t.Fatalf("%s, sequence %d: %d %s", p.id, p.sequence-1, a.status, detailOf(g.t, a))
	}
}

// notPosted posts a statement that must be refused with a code, and does not move
// the provider on.
func (g *governed) notPosted(p *provider, records [][]byte, code string) {
	g.t.Helper()
	raw, _ := p.sign(g.t, p.sequence, p.previous, records)
	if a := post(g.t, g.net[0].url, raw); a.status == http.StatusCreated || !strings.Contains(detailOf(g.t, a), code+":") {
		g.t.Fatalf("%s: %d %s, wanted %s", p.id, a.status, a.body, code)
	}
}

// upTo makes blocks until the ledger has the height.
func (g *governed) upTo(height int64, p *provider, records [][]byte) {
	g.t.Helper()
	for status(g.t, g.net[0].url).Height < height {
		g.posted(p, records)
	}
}

// read asks the first node for JSON.
func (g *governed) read(path string, into any) {
	g.t.Helper()
	a := request(g.t, http.MethodGet, g.net[0].url+path, "", nil)
	if err := json.Unmarshal(a.body, into); err != nil || a.status != http.StatusOK {
		g.t.Fatalf("%s: %d %s: %v", path, a.status, a.body, err)
	}
}

// agree wants the same app hash of all nodes with so many entries.
func (g *governed) agree() {
	g.t.Helper()
	first := status(g.t, g.net[0].url)
	for _, v := range g.net {
		if s := v.wait(g.t, g.ctx, first.LogSize); s.AppHash != first.AppHash || s.LogSize != first.LogSize {
			g.t.Errorf("%s has %+v, the first has %+v", v.url, s, first)
		}
	}
}

// validatorKey is the key of a home's validator, in text.
func validatorKey(t *testing.T, home string) string {
	t.Helper()
	id, err := app.LoadIdentity(home)
	if err != nil {
		t.Fatal(err)
	}
	key, err := provenance.NewPublicKey(id.Validator)
	if err != nil {
		t.Fatal(err)
	}
	return key.String()
}
