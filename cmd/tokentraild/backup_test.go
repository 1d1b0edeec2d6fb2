package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"tokentrail/ledger/app"
	"tokentrail/provenance"
	"tokentrail/verify"
	"tokentrail/verify/light"
	"tokentrail/verify/remote"
)

// process prepares a tokentraild with these arguments.
func process(t testing.TB, args ...string) (cmd *exec.Cmd, stdout, stderr *bytes.Buffer) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd = exec.Command(self, args...)
	cmd.Env = append(os.Environ(), childVariable+"=1")
	cmd.SysProcAttr = childAttr()
	stdout, stderr = &bytes.Buffer{}, &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	return cmd, stdout, stderr
}

// tokentraild runs a command to its end.
func tokentraild(t testing.TB, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	cmd, out, said := process(t, args...)
	err := cmd.Run()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), said.String()
}

// must runs a command that has to end well.
func must(t testing.TB, args ...string) string {
	t.Helper()
	code, stdout, stderr := tokentraild(t, args...)
	if code != 0 {
		t.Fatalf("tokentraild %s: exit %d\n%s%s", strings.Join(args, " "), code, stdout, stderr)
	}
	return stdout
}

func genesisHash(t testing.TB, home string) string {
	t.Helper()
	doc, err := os.ReadFile(app.GenesisPath(home))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(doc)
	return hex.EncodeToString(sum[:])
}

// TestBackupAndRestore backs a running node up twice, restores its ledger in a new
// home and in one with keys, and lets these go on by the first node's blocks.
func TestBackupAndRestore(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	p := newProvider(t, "acme")
	node := startNetwork(t, 1, p)[0]
	node.wait(t, ctx, 0)
	subs := p.submissions(t, traceRecords(t), 200)[:40]
	dir, genesis := t.TempDir(), genesisHash(t, node.home)
	send := func(from, to int) {
		for i, sub := range subs[from:to] {
			if a := post(t, node.url, sub); a.status != http.StatusCreated {
				t.Fatalf("statement %d: %d %s", from+i, a.status, a.body)
			}
		}
	}
	send(0, 20)
	must(t, "backup", "--node", node.url, "--to", dir, "--genesis-hash", genesis)
	send(20, 30)
	for out := ""; !strings.Contains(out, "30 entries"); out = must(t, "backup", "--node", node.url, "--to", dir) {
		if ctx.Err() != nil { // a node hands out a state that is up to 10 s old
			t.Fatal(out)
		}
		time.Sleep(time.Second)
	}
	send(30, 40)
	if out := must(t, "backup", "--check", dir, "--genesis-hash", genesis); !strings.Contains(out, "30 entries") {
		t.Error(out)
	}
	if code, _, said := tokentraild(t, "backup", "--check", dir, "--genesis-hash", strings.Repeat("0", 64)); code != exitFailed || !strings.Contains(said, "another ledger") {
		t.Errorf("another genesis document: exit %d, %s", code, said)
	}
	if code, _, said := tokentraild(t, "restore", "--from", dir, "--home", filepath.Join(t.TempDir(), "x")); code != exitUsage || !strings.Contains(said, "--genesis-hash") {
		t.Errorf("without trust: exit %d, %s", code, said)
	}
	id, err := app.LoadIdentity(node.home)
	if err != nil {
		t.Fatal(err)
	}
	conf, err := app.LoadNodeConfig(node.home)
	if err != nil {
		t.Fatal(err)
	}
	peer := id.NodeID + "@" + conf.P2P
	ports, err := app.FreePorts(4)
	if err != nil {
		t.Fatal(err)
	}
	local := func(i int) string { return "127.0.0.1:" + strconv.Itoa(ports[i]) }
	fresh, keyed := filepath.Join(t.TempDir(), "fresh"), filepath.Join(t.TempDir(), "keyed")
	must(t, "restore", "--from", dir, "--home", fresh, "--genesis-hash", genesis, "--peer", peer, "--http", local(0), "--p2p", local(1))
	must(t, "init", "--home", keyed, "--genesis", app.GenesisPath(node.home), "--peer", peer, "--http", local(2), "--p2p", local(3))
	before := files(t, keyed)
	must(t, "restore", "--from", dir, "--home", keyed)
	for name, content := range before {
		if now, err := os.ReadFile(filepath.Join(keyed, name)); err != nil || !bytes.Equal(now, content) {
			t.Errorf("%s changed: %v", name, err)
		}
	}
	if code, _, said := tokentraild(t, "restore", "--from", dir, "--home", keyed); code != exitFailed || !strings.Contains(said, "already") {
		t.Errorf("over stores: exit %d, %s", code, said)
	}
	want := node.wait(t, ctx, 40)
	for i, home := range []string{fresh, keyed} {
		if out := must(t, "scrub", "--home", home); !strings.Contains(out, "30 entries") {
			t.Error(out)
		}
		restored := &validator{home: home, url: "http://" + local(2*i)}
		restored.start(t)
		t.Cleanup(func() {
			if err := restored.end(syscall.SIGTERM); err != nil {
				t.Error(err)
			}
		})
		if got := restored.wait(t, ctx, 40); got.AppHash != want.AppHash {
			t.Errorf("%s has %+v, the node %+v", home, got, want)
		}
		auditNode(t, node.home, restored.url)
	}
}

// TestRestoredNodeAlone: without its peers a restored node serves what the backup
// has.
func TestRestoredNodeAlone(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	home, dir, entries := stoppedHome(t, 10)
	must(t, "backup", "--home", home, "--to", dir)
	ports, err := app.FreePorts(2)
	if err != nil {
		t.Fatal(err)
	}
	alone := &validator{home: filepath.Join(t.TempDir(), "alone"), url: "http://127.0.0.1:" + strconv.Itoa(ports[0])}
	must(t, "restore", "--from", dir, "--home", alone.home, "--genesis-hash", genesisHash(t, home),
		"--http", strings.TrimPrefix(alone.url, "http://"), "--p2p", "127.0.0.1:"+strconv.Itoa(ports[1]))
	alone.start(t)
	defer func() {
		if err := alone.end(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
	}()
	alone.wait(t, ctx, entries)
	document, err := os.ReadFile(app.GenesisPath(home))
	if err != nil {
		t.Fatal(err)
	}
	src, err := remote.New(alone.url, remote.Options{})
	if err != nil {
		t.Fatal(err)
	}
	trust := verify.Trust{Genesis: new(provenance.Hash(sha256.Sum256(document)))}
	r := light.Audit(ctx, src, trust, verify.Options{Now: time.Now, Receipts: -1, Patience: indexed})
	b, err := r.JSON()
	// It says that it is catching up, which an auditor says, too.
	if r.Exit() != 2 || bytes.Count(b, []byte(`"not checked"`)) != 1 || !bytes.Contains(b, []byte("catching up")) {
		t.Errorf("the auditor ends with %d: %s %v", r.Exit(), b, err)
	}
}

// stoppedHome makes the home of a node with n statements that does not run any
// more, and an empty directory.
func stoppedHome(t testing.TB, n int) (home, dir string, entries int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	p := newProvider(t, "acme")
	node := startNetwork(t, 1, p)[0]
	node.wait(t, ctx, 0)
	for i, sub := range p.submissions(t, traceRecords(t), 100)[:n] {
		if a := post(t, node.url, sub); a.status != http.StatusCreated {
			t.Fatalf("statement %d: %d %s", i, a.status, a.body)
		}
	}
	waitArchive(t, ctx, node.url, 2)
	if err := node.end(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	return node.home, t.TempDir(), int64(n)
}

// waitArchive returns when a node has archived the header of a height.
func waitArchive(t testing.TB, ctx context.Context, url string, height int64) {
	t.Helper()
	for ctx.Err() == nil {
		a := request(t, http.MethodGet, url+"/metrics", "", nil)
		for line := range strings.Lines(string(a.body)) {
			var archived int64
			if _, err := fmt.Sscanf(line, "tokentrail_archived_height %d", &archived); err == nil && archived >= height {
				return
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("the header of height %d is not archived", height)
}

// files reads the files of a home that nothing but their owner changes.
func files(t testing.TB, home string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for _, name := range []string{"config/node.json", "config/node_key.json", "config/priv_validator_key.json", "data/priv_validator_state.json", receiptKeyFile} {
		b, err := os.ReadFile(filepath.Join(home, name))
		if err != nil {
			t.Fatal(err)
		}
		out[name] = b
	}
	return out
}

// TestKilledCommands kills backup, restore and repair at moments that nobody
// chose: run again they do what they did not.
func TestKilledCommands(t *testing.T) {
	rounds, rng := soak(t, 2, 60)
	home, dir, entries := stoppedHome(t, 60)
	must(t, "backup", "--home", home, "--to", dir)
	genesis := genesisHash(t, home)
	killed := 0
	kill := func(args ...string) {
		cmd, _, _ := process(t, args...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(rng.Int64N(int64(400 * time.Millisecond))))
		_ = cmd.Process.Kill() // it may have ended
		if cmd.Wait() != nil {
			killed++
		}
	}
	whole := func(home string) {
		t.Helper()
		var r scrubReport
		if err := json.Unmarshal([]byte(must(t, "scrub", "--json", "--home", home)), &r); err != nil || r.Entries != entries {
			t.Fatalf("%d entries, wanted %d: %v", r.Entries, entries, err)
		}
	}
	for range rounds {
		other, restored := t.TempDir(), filepath.Join(t.TempDir(), "restored")
		kill("backup", "--home", home, "--to", other)
		must(t, "backup", "--home", home, "--to", other)
		must(t, "backup", "--check", other, "--genesis-hash", genesis)

		kill("restore", "--from", dir, "--home", restored, "--genesis-hash", genesis)
		if _, err := os.Stat(restored); err != nil { // else it was quicker than the kill
			must(t, "restore", "--from", dir, "--home", restored, "--genesis-hash", genesis)
		}
		whole(restored)

		flip(t, tableOf(t, app.LedgerDir(restored)), rng)
		before := files(t, restored)
		kill("repair", "--home", restored, "--from", dir)
		must(t, "repair", "--home", restored, "--from", dir)
		whole(restored)
		for name, content := range files(t, restored) {
			if !bytes.Equal(content, before[name]) {
				t.Errorf("%s changed", name)
			}
		}
	}
	t.Logf("%d rounds, %d kills, %d entries in each copy", rounds, killed, entries)
}

// soak returns how often a test goes round, in short, or with TOKENTRAIL_SOAK at
// length or as often as TOKENTRAIL_COUNT says; and what it draws from, seeded by
// TOKENTRAIL_SEED or the clock.
func soak(t testing.TB, short, long int) (count int, rng *rand.Rand) {
	t.Helper()
	count, seed := short, uint64(time.Now().UnixNano())
	if os.Getenv("TOKENTRAIL_SOAK") != "" {
		count = long
		if n, err := strconv.Atoi(os.Getenv("TOKENTRAIL_COUNT")); err == nil {
			count = n
		}
	}
	if n, err := strconv.ParseUint(os.Getenv("TOKENTRAIL_SEED"), 10, 64); err == nil {
		seed = n
	}
	t.Logf("count=%d seed=%d", count, seed)
	return count, rand.New(rand.NewPCG(seed, 0))
}

// tableOf returns the path of a table of a store.
func tableOf(t testing.TB, dir string) string {
	t.Helper()
	tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil || len(tables) == 0 {
		t.Fatalf("%s has no tables: %v", dir, err)
	}
	return tables[0]
}

// flip flips a bit of a file and returns which.
func flip(t testing.TB, path string, rng *rand.Rand) (at int64) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	i := rng.IntN(len(b))
	b[i] ^= 1 << rng.IntN(8)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return int64(i)
}
