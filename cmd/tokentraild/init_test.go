package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tokentrail/ledger/app"
)

// TestInitBetweenParties makes a chain as parties do who do not share a machine:
// keys first, then one genesis document of them, then homes that begin with it.
func TestInitBetweenParties(t *testing.T) {
	dir := t.TempDir()
	one, two, other := filepath.Join(dir, "one"), filepath.Join(dir, "two"), filepath.Join(dir, "other")
	if out := must(t, "init", "--home", two, "--name", "second", "--p2p", "127.0.0.1:17"); !strings.Contains(out, "tokentraild show --home "+two) {
		t.Errorf("nothing is said of what comes next: %s", out)
	}
	var key string
	for line := range strings.Lines(must(t, "show", "--home", two)) {
		if after, ok := strings.CutPrefix(line, "validator"); ok {
			key = strings.TrimSpace(after)
		}
	}
	must(t, "init", "--home", one, "--chain-id", "parties-1", "--validator", "second,7,"+key)
	genesis := app.GenesisPath(one)
	before, err := app.LoadIdentity(two)
	if err != nil {
		t.Fatal(err)
	}
	out := must(t, "init", "--home", two, "--genesis", genesis, "--http", "127.0.0.1:18", "--peer", strings.Repeat("a", 40)+"@127.0.0.1:19")
	if !strings.Contains(out, "a validator of parties-1 with the power 7") {
		t.Error(out)
	}
	after, err := app.LoadIdentity(two)
	if err != nil || after.NodeID != before.NodeID || !after.Validator.Equal(before.Validator) {
		t.Errorf("the keys were %v, and are %v (%v)", before, after, err)
	}
	c, err := app.LoadNodeConfig(two)
	if err != nil || c.Moniker != "second" || c.P2P != "127.0.0.1:17" || c.HTTP != "127.0.0.1:18" || len(c.PersistentPeers) != 1 {
		t.Errorf("the configuration is %+v (%v)", c, err)
	}
	a, _ := os.ReadFile(genesis)
	b, err := os.ReadFile(app.GenesisPath(two))
	if err != nil || string(a) != string(b) {
		t.Errorf("the genesis documents differ (%v)", err)
	}
	if out := must(t, "init", "--home", other, "--genesis", genesis); !strings.Contains(out, "no validator of parties-1") {
		t.Error(out)
	}
	for name, args := range map[string][]string{
		"keys of a chain":       {"--home", two, "--chain-id", "other-1"},
		"keys again":            {"--home", two},
		"a validator, no chain": {"--home", dir + "/x", "--validator", "second,7," + key},
		"two chains":            {"--home", dir + "/x", "--chain-id", "other-1", "--genesis", genesis},
		"a provider of genesis": {"--home", dir + "/x", "--genesis", genesis, "--provider", "acme,US," + key},
	} {
		if code, _, said := tokentraild(t, append([]string{"init"}, args...)...); code == 0 || said == "" {
			t.Errorf("%s: exit %d, %q", name, code, said)
		}
	}
	if exists(dir + "/x") {
		t.Error("what was refused left a home")
	}
}

// TestShowNothing says what to do where there is no home.
func TestShowNothing(t *testing.T) {
	nowhere := filepath.Join(t.TempDir(), "nowhere")
	if code, _, said := tokentraild(t, "show", "--home", nowhere); code == 0 || !strings.Contains(said, nowhere) || !strings.Contains(said, "run init first") {
		t.Errorf("exit %d: %q", code, said)
	}
}
