package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"tokentrail/ledger/app"
)

// shortMemory lets the homes of a network, which did not run yet, forget blocks
// as soon as they may: nobody can catch up from genesis.
func shortMemory(t testing.TB, homes []string) {
	t.Helper()
	for _, home := range homes {
		raw, err := os.ReadFile(app.GenesisPath(home))
		if err != nil {
			t.Fatal(err)
		}
		for from, to := range map[string]string{
			`"max_age_num_blocks": "100000"`:        `"max_age_num_blocks": "1"`,
			`"max_age_duration": "604800000000000"`: `"max_age_duration": "1000000"`,
		} {
			if !bytes.Contains(raw, []byte(from)) {
				t.Fatalf("the genesis document lacks %s", from)
			}
			raw = bytes.Replace(raw, []byte(from), []byte(to), 1)
		}
		if err := os.WriteFile(app.GenesisPath(home), raw, 0o600); err != nil {
			t.Fatal(err)
		}
		conf, err := app.LoadNodeConfig(home)
		if err != nil {
			t.Fatal(err)
		}
		conf.Retention = app.Retention{Blocks: 5}
		if err := app.WriteNodeConfig(home, conf); err != nil {
			t.Fatal(err)
		}
	}
}

// firstBlock is the first block that a node of a network keeps, as its RPC says.
func (v *validator) firstBlock(t testing.TB) int64 {
	t.Helper()
	conf, err := app.LoadNodeConfig(v.home)
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Result struct {
			Sync struct {
				First string `json:"earliest_block_height"`
			} `json:"sync_info"`
		} `json:"result"`
	}
	a := request(t, http.MethodGet, "http://"+conf.RPC+"/status", "", nil)
	if err := json.Unmarshal(a.body, &answer); err != nil {
		t.Fatalf("%v: %s", err, a.body)
	}
	first, err := strconv.ParseInt(answer.Result.Sync.First, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return first
}

// forgetful runs n validators that have forgotten their first blocks, after
// statements of acme, and returns how many.
func forgetful(t testing.TB, ctx context.Context, n int, p *provider) (net []*validator, entries int64) {
	t.Helper()
	net = startNetworkOf(t, networkHomes(t, n, shortMemory, p))
	for _, v := range net {
		v.wait(t, ctx, 0)
	}
	for _, v := range net {
		for v.firstBlock(t) < 10 {
			if ctx.Err() != nil {
				t.Fatal("no blocks are pruned in time")
			}
			if a := post(t, net[0].url, p.next(t, traceRecords(t)[:20])); a.status != http.StatusCreated {
				t.Fatalf("%d %s", a.status, a.body)
			}
			entries++
		}
	}
	return net, entries
}

// trustOf returns a node's newest header as --trust takes it.
func (v *validator) trustOf(t testing.TB) string {
	t.Helper()
	s := joinStatusOf(t, v.url)
	return fmt.Sprintf("%d:%s", s.Header.Height, s.Header.Hash)
}

type joinStatus struct {
	nodeStatus
	Header struct {
		Height int64
		Hash   string
	}
	P2P     string `json:"p2p"`
	History *struct{ From, To int64 }
}

func joinStatusOf(t testing.TB, url string) (s joinStatus) {
	t.Helper()
	a := request(t, http.MethodGet, url+"/v1/status", "", nil)
	if err := json.Unmarshal(a.body, &s); err != nil {
		t.Fatalf("%v: %s", err, a.body)
	}
	return s
}

// joins makes the home of a node that joins by the arguments, and starts it.
func joins(t testing.TB, home string, args ...string) *validator {
	t.Helper()
	ports, err := app.FreePorts(2)
	if err != nil {
		t.Fatal(err)
	}
	at := func(port int) string { return "127.0.0.1:" + strconv.Itoa(port) }
	args = append([]string{"init", "--home", home, "--name", "late", "--http", at(ports[0]), "--p2p", at(ports[1])}, args...)
	var out, errs bytes.Buffer
	if code := run(t.Context(), args, &out, &errs); code != exitOK {
		t.Fatalf("init ends with %d: %s%s", code, out.String(), errs.String())
	}
	t.Log(out.String())
	v := &validator{home: home, url: "http://" + at(ports[0])}
	v.start(t)
	t.Cleanup(func() {
		if err := v.end(syscall.SIGTERM); err != nil {
			t.Errorf("%s: %v", v.home, err)
		}
	})
	return v
}

// waitHistory returns when a node lacks nothing any more.
func (v *validator) waitHistory(t testing.TB, ctx context.Context) {
	t.Helper()
	for {
		a, err := tryRequest(http.MethodGet, v.url+"/v1/headers?from=1&limit=1000", "", nil)
		if err == nil && a.status == http.StatusOK && joinStatusOf(t, v.url).History == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s has not all history in time: %v, %s", v.url, err, a.body)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// TestJoin lets a node join a network whose nodes have forgotten the first blocks:
// it gets the newest state, goes on from there, fetches what was before, and then
// answers as the others do.
func TestJoin(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	p := newProvider(t, "acme")
	net, entries := forgetful(t, ctx, 4, p)
	late := joins(t, filepath.Join(t.TempDir(), "late"), "--join", net[0].url, "--join", net[1].url, "--trust", net[2].trustOf(t))
	late.wait(t, ctx, entries)
	// What is new goes on while what is old comes.
	for range 5 {
		if a := post(t, net[0].url, p.next(t, traceRecords(t)[20:40])); a.status != http.StatusCreated {
			t.Fatalf("%d %s", a.status, a.body)
		}
		entries++
	}
	first := net[0].wait(t, ctx, entries)
	if s := late.wait(t, ctx, entries); s.AppHash != first.AppHash {
		t.Errorf("the node that joined has %+v, the first %+v", s, first)
	}
	late.waitHistory(t, ctx)
	auditNode(t, late.home, late.url)
	a := request(t, http.MethodGet, late.url+"/v1/flows", "", nil)
	b := request(t, http.MethodGet, net[0].url+"/v1/flows", "", nil)
	if a.status != http.StatusOK || !bytes.Equal(a.body, b.body) {
		t.Errorf("flows: %d %s, the first says %s", a.status, a.body, b.body)
	}
	if a := post(t, late.url, p.next(t, traceRecords(t)[:20])); a.status != http.StatusCreated {
		t.Errorf("the node that joined takes no statement: %d %s", a.status, a.body)
	}
	// It starts again, and a node can join at it.
	if err := late.end(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	late.start(t)
	late.wait(t, ctx, entries+1)
	later := joins(t, filepath.Join(t.TempDir(), "later"), "--join", late.url, "--trust", net[3].trustOf(t))
	later.wait(t, ctx, entries+1)
	later.waitHistory(t, ctx)
	auditNode(t, later.home, later.url)
}

// TestJoinRefused wants a clear error, and no home, for each way in which joining
// can go wrong.
func TestJoinRefused(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	p := newProvider(t, "acme")
	node := startNetwork(t, 1, p)[0]
	node.wait(t, ctx, 0)
	for range 3 {
		if a := post(t, node.url, p.next(t, traceRecords(t)[:20])); a.status != http.StatusCreated {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	q := newProvider(t, "acme")
	other := startNetwork(t, 1, q)[0]
	other.wait(t, ctx, 0)
	if a := post(t, other.url, q.next(t, traceRecords(t)[:20])); a.status != http.StatusCreated {
		t.Fatalf("%d %s", a.status, a.body)
	}
	trust := node.trustOf(t)
	height, _, _ := strings.Cut(trust, ":")
	wrong := height + ":" + strings.Repeat("ab", 32)
	liar := func(change func(path string, body []byte) []byte) string { return lyingNode(t, node.url, change) }
	frontier := func(change func([]byte) []byte) string {
		return liar(func(path string, body []byte) []byte {
			if path == "/v1/frontier" {
				return change(bytes.Clone(body))
			}
			return body
		})
	}
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"no trust", []string{"--join", node.url}, "--trust HEIGHT:HASH"},
		{"trust that is none", []string{"--join", node.url, "--trust", "12"}, "want height:hash"},
		{"a wrong hash", []string{"--join", node.url, "--trust", wrong}, "trust-hash: "},
		{"a trust that expired", []string{"--join", node.url, "--trust", trust, "--trust-period", "1ms"}, "expired"},
		{"a wrong genesis hash", []string{"--join", node.url, "--trust", trust, "--genesis-hash", strings.Repeat("00", 32)}, "another ledger"},
		{"nodes of two ledgers", []string{"--join", node.url, "--join", other.url, "--trust", trust}, "different genesis"},
		{"nobody there", []string{"--join", "http://127.0.0.1:1", "--trust", trust}, "connect"},
		{"with a chain id", []string{"--join", node.url, "--trust", trust, "--chain-id", "x-1"}, "leave out --chain-id"},
		{"trust without join", []string{"--chain-id", "x-1", "--trust", trust}, "go with --join"},
		{"a truncated state", []string{"--join", frontier(func(b []byte) []byte { return b[:len(b)/2] }), "--trust", trust}, "the state that"},
		{"an empty state", []string{"--join", frontier(func([]byte) []byte { return nil }), "--trust", trust}, "the state that"},
		{"a forged state", []string{"--join", frontier(func(b []byte) []byte {
			return bytes.Replace(b, []byte("acme"), []byte("acmf"), 1)
		}), "--trust", trust}, "the state that"},
		{"a state of another ledger", []string{"--join", frontier(func([]byte) []byte {
			return request(t, http.MethodGet, other.url+"/v1/frontier", "", nil).body
		}), "--trust", trust}, "verify the headers"},
		{"headers that are cut off", []string{"--join", liar(func(path string, b []byte) []byte {
			if path == "/v1/headers" {
				return b[:len(b)/2]
			}
			return b
		}), "--trust", trust}, "verify the headers"},
	} {
		parent := t.TempDir()
		home := filepath.Join(parent, "home")
		var out, errs bytes.Buffer
		code := run(ctx, append([]string{"init", "--home", home}, c.args...), &out, &errs)
		if code == exitOK || !strings.Contains(errs.String(), c.want) {
			t.Errorf("%s: ends with %d and %q, wanted %q", c.name, code, errs.String(), c.want)
		}
		if left, err := os.ReadDir(parent); err != nil || len(left) > 0 {
			t.Errorf("%s: it left %v behind (%v)", c.name, left, err)
		}
	}
}
