package app

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cometbft/cometbft/types"

	"tokentrail/ledger"
)

// CometBFT is held at exactly v0.40.0: it is the first release line after the
// fixes of CSA-2026-001 and ASA-2025-003 that this code was tested with, while
// the proxy's "latest" is v1.0.1 of February 2025, which lacks both. govulncheck
// does not know these advisories, so nothing else would notice a wrong version.
func TestCometBFTIsPinned(t *testing.T) {
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range regexp.MustCompile(`(?m)^.*github\.com/cometbft/cometbft(/v\d+)?\s.*$`).FindAllString(string(mod), -1) {
		if f := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "require ")); f[0] != "github.com/cometbft/cometbft" || f[1] != "v0.40.0" || strings.Contains(line, "=>") {
			t.Errorf("go.mod says %q, want v0.40.0 and no replacement", line)
		}
	}
	if !strings.Contains(string(mod), "github.com/cometbft/cometbft v0.40.0") {
		t.Error("go.mod does not require cometbft v0.40.0")
	}
}

func testGenesis(validators ...ed25519.PublicKey) Genesis {
	g := Genesis{
		ChainID:  "test-1",
		Time:     time.Date(2026, 11, 1, 12, 0, 0, 123456789, time.FixedZone("", 3600)),
		AppState: json.RawMessage(`{"zebra":1,"apple":[1,2]}`),
	}
	for i, v := range validators {
		g.Validators = append(g.Validators, Validator{PubKey: v, Power: 10, Name: "v" + strconv.Itoa(i)})
	}
	return g
}

func TestGenesisBytes(t *testing.T) {
	key := ed25519.PublicKey(bytes.Repeat([]byte{1}, 32))
	a, err := testGenesis(key).Bytes()
	if err != nil {
		t.Fatal(err)
	}
	b, _ := testGenesis(key).Bytes()
	if !bytes.Equal(a, b) {
		t.Error("two encodings differ")
	}
	text := string(a)
	for _, want := range []string{`"genesis_time": "2026-11-01T11:00:00.123Z"`, `"max_bytes": "-1"`, `"initial_height": "1"`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	if !strings.HasSuffix(text, "}\n") || strings.Index(text, "zebra") > strings.Index(text, "apple") {
		t.Errorf("must end in a newline and keep the order of the application's state:\n%s", text)
	}
	doc, err := types.GenesisDocFromJSON(a)
	if err != nil {
		t.Fatal(err)
	}
	if doc.ConsensusParams.Block.MaxBytes != -1 {
		t.Error("the engine bounds what it offers for a proposal, so that what waits can keep out what could go in")
	}
	if ledger.MaxBlockBytes < 3*MaxTxBytes {
		t.Error("a block has no room for three of the largest transactions")
	}
	for name, g := range map[string]Genesis{
		"no validator": testGenesis(), "short key": testGenesis(key[:31]), "twice the same": testGenesis(key, key),
		"no time": {ChainID: "x", Validators: testGenesis(key).Validators}, "no chain": {Time: time.Now(), Validators: testGenesis(key).Validators},
	} {
		if _, err := g.Bytes(); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestInitHome(t *testing.T) {
	home := filepath.Join(t.TempDir(), "h")
	want := NodeConfig{Moniker: "m", HTTP: "127.0.0.1:1", P2P: "127.0.0.1:0"}
	id, err := InitHome(home, want)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{nodeKeyFile, privKeyFile, privStateFile} {
		if s, err := os.Stat(filepath.Join(home, f)); err != nil || s.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v; want 0600", f, s, err)
		}
	}
	if again, err := LoadIdentity(home); err != nil || again.NodeID != id.NodeID || !again.Validator.Equal(id.Validator) || len(id.NodeID) != 40 {
		t.Errorf("identity is %v, then %v (%v)", id, again, err)
	}
	if c, err := LoadNodeConfig(home); err != nil || c.P2P != want.P2P || c.RPC != "" || c.Moniker != "m" {
		t.Errorf("configuration is %+v (%v)", c, err)
	}
	if _, err := InitHome(home, want); err == nil {
		t.Error("a second init would replace the validator's key")
	}
	sum, err := WriteGenesis(home, testGenesis(id.Validator))
	if err != nil {
		t.Fatal(err)
	}
	doc, raw, got, err := LoadGenesis(home)
	if err != nil || doc.ChainID != "test-1" || got != sum || sha256.Sum256(raw) != sum {
		t.Errorf("genesis: %v", err)
	}
	if _, err := WriteGenesis(home, testGenesis(id.Validator)); err != nil {
		t.Errorf("the same genesis again: %v", err)
	}
	other := testGenesis(id.Validator)
	other.ChainID = "test-2"
	if _, err := WriteGenesis(home, other); err == nil {
		t.Error("another genesis replaced the first")
	}
	left, _ := filepath.Glob(filepath.Join(home, "*", ".new-*"))
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestNodeConfigIsStrict(t *testing.T) {
	home := t.TempDir()
	if _, err := InitHome(home, NodeConfig{}); err != nil {
		t.Fatal(err)
	}
	const good = `{"moniker":"m","http":"127.0.0.1:1","p2p":"127.0.0.1:2","rpc":"","persistent_peers":[]}`
	for text, ok := range map[string]bool{
		good: true,
		strings.Replace(good, "moniker", "monicker", 1): false,
		good + "{}": false,
		strings.Replace(good, "127.0.0.1:2", "127.0.0.1", 1): false,
		"": false,
		strings.Replace(good, "[]", `[],"retain_blocks":0,"retain":"36h","retain_bytes":1,"history":["http://a:1"]`, 1): true,
		strings.Replace(good, "[]", `[],"retain_blocks":-1`, 1):                                                         false,
		strings.Replace(good, "[]", `[],"retain":"36"`, 1):                                                              false,
		strings.Replace(good, "[]", `[],"retain":36`, 1):                                                                false,
		strings.Replace(good, "[]", `[],"history":["a:1"]`, 1):                                                          false,
	} {
		if err := os.WriteFile(filepath.Join(home, nodeFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadNodeConfig(home); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestRetentionIsRemembered: what is left out has its default, which is not what 0
// means; what is written is read again.
func TestRetentionIsRemembered(t *testing.T) {
	home := t.TempDir()
	if _, err := InitHome(home, NodeConfig{HTTP: "127.0.0.1:1", P2P: "127.0.0.1:2"}); err != nil {
		t.Fatal(err)
	}
	c, err := LoadNodeConfig(home)
	if err != nil || c.Retention != (Retention{}) {
		t.Errorf("%+v, %v", c.Retention, err)
	}
	c.Retention = Retention{Blocks: 7, Age: Duration(90 * time.Minute), Bytes: 5}
	if err := WriteNodeConfig(home, c); err != nil {
		t.Fatal(err)
	}
	if again, err := LoadNodeConfig(home); err != nil || again.Retention != c.Retention {
		t.Errorf("%+v, %v", again.Retention, err)
	}
	if err := os.WriteFile(filepath.Join(home, nodeFile), []byte(`{"moniker":"m","http":"127.0.0.1:1","p2p":"127.0.0.1:2","rpc":"","persistent_peers":[]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if old, err := LoadNodeConfig(home); err != nil || old.Retention != DefaultRetention() {
		t.Errorf("%+v, %v", old.Retention, err)
	}
}

func TestLockHomeNamesTheHolder(t *testing.T) {
	home := t.TempDir()
	l, err := LockHome(home)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := LockHome(home); err == nil || !strings.Contains(err.Error(), "process "+strconv.Itoa(os.Getpid())) {
		t.Errorf("second lock: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if l, err = LockHome(home); err != nil {
		t.Fatalf("after it was given back: %v", err)
	}
	l.Close()
}

func TestInitLocalnet(t *testing.T) {
	homes, err := InitLocalnet(t.TempDir(), Localnet{ChainID: "local", Validators: 4, Time: time.Now(), BasePort: 40000})
	if err != nil {
		t.Fatal(err)
	}
	var first []byte
	for i, h := range homes {
		_, raw, _, err := LoadGenesis(h)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = raw
		}
		if !bytes.Equal(raw, first) {
			t.Error("two geneses")
		}
		c, err := LoadNodeConfig(h)
		if err != nil {
			t.Fatal(err)
		}
		id, _ := LoadIdentity(h)
		if len(c.PersistentPeers) != i || strings.Contains(joinPeers(c.PersistentPeers), id.NodeID) || c.P2P != local(40001+3*i) {
			t.Errorf("node %d: %+v", i, c)
		}
	}
	if _, err := InitLocalnet(t.TempDir(), Localnet{ChainID: "local", Time: time.Now()}); err == nil {
		t.Error("no validators accepted")
	}
}

func TestEngineConfigIsValid(t *testing.T) {
	c := EngineConfig(t.TempDir(), EngineOptions{P2PListen: "127.0.0.1:1"})
	if err := c.ValidateBasic(); err != nil {
		t.Fatal(err)
	}
	if c.RPC.ListenAddress != "" || c.Instrumentation.Prometheus || c.P2P.LibP2PEnabled() || c.BlockSync.AdaptiveSync || !c.Mempool.Recheck {
		t.Errorf("%+v", c)
	}
	c = EngineConfig(t.TempDir(), EngineOptions{P2PListen: "127.0.0.1:1", RPCListen: "127.0.0.1:2", Prometheus: "127.0.0.1:3"})
	if c.RPC.ListenAddress != "tcp://127.0.0.1:2" || !c.Instrumentation.IsPrometheusEnabled() {
		t.Errorf("%+v", c)
	}
}
