package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"tokentrail/ledger/api"
	"tokentrail/ledger/app"
)

// signState is what a validator remembers of its signatures.
func signState(t testing.TB, home string) (height int64) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(home, "data/priv_validator_state.json"))
	if err != nil {
		t.Fatal(err)
	}
	var s struct{ Height string }
	if err := json.Unmarshal(b, &s); err != nil {
		t.Fatal(err)
	}
	height, err = strconv.ParseInt(s.Height, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return height
}

// away stops a validator and lets the others go on until they have forgotten its
// next block; it returns the number of entries.
func away(t testing.TB, ctx context.Context, net []*validator, p *provider, entries int64) int64 {
	t.Helper()
	gone := net[len(net)-1]
	next := status(t, gone.url).Height + 3
	if err := gone.end(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for _, v := range net[:len(net)-1] {
		for v.firstBlock(t) <= next {
			if ctx.Err() != nil {
				t.Fatal("no blocks are pruned in time")
			}
			if a := post(t, net[0].url, p.next(t, traceRecords(t)[:20])); a.status != http.StatusCreated {
				t.Fatalf("%d %s", a.status, a.body)
			}
			entries++
		}
	}
	return entries
}

// rejoins runs rejoin on a home, which has to end well.
func rejoins(t testing.TB, home string, args ...string) {
	t.Helper()
	var out, errs bytes.Buffer
	if code := run(t.Context(), append([]string{"rejoin", "--home", home}, args...), &out, &errs); code != exitOK {
		t.Fatalf("rejoin ends with %d: %s%s", code, out.String(), errs.String())
	}
}

// TestReturn brings a validator back that was away for longer than the others keep
// blocks: it says so, rejoins, votes again, and has signed nothing twice.
func TestReturn(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	p := newProvider(t, "acme")
	net, entries := forgetful(t, ctx, 4, p)
	gone := net[3]
	entries = away(t, ctx, net, p, entries)
	gone.start(t)
	for words := ""; !strings.Contains(words, "rejoin --home "+gone.home); time.Sleep(100 * time.Millisecond) {
		if a, err := tryRequest(http.MethodGet, gone.url+"/healthz", "", nil); err == nil {
			words = string(a.body)
		}
		if ctx.Err() != nil {
			t.Fatalf("it does not say what to do, but %q", words)
		}
	}
	if err := gone.end(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	signed := signState(t, gone.home)
	identity, err := app.LoadIdentity(gone.home)
	if err != nil {
		t.Fatal(err)
	}
	rejoins(t, gone.home, "--join", net[1].url, "--trust", net[0].trustOf(t))
	if now, err := app.LoadIdentity(gone.home); err != nil || now.NodeID != identity.NodeID || !now.Validator.Equal(identity.Validator) || signState(t, gone.home) != signed {
		t.Errorf("keys or signing state are others than before (%v)", err)
	}
	gone.start(t)
	gone.wait(t, ctx, entries)
	gone.waitHistory(t, ctx)
	auditNode(t, gone.home, gone.url)

	// Without it two of four are left, which is not enough: it votes.
	if err := net[2].end(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if a := post(t, net[0].url, p.next(t, traceRecords(t)[:20])); a.status != http.StatusCreated {
		t.Errorf("%d %s", a.status, a.body)
	}
	net[2].start(t)
	net[2].wait(t, ctx, entries+1)
	first := net[0].wait(t, ctx, entries+1)
	if s := gone.wait(t, ctx, entries+1); s.AppHash != first.AppHash {
		t.Errorf("it has %+v, the first %+v", s, first)
	}
	if now := signState(t, gone.home); now <= signed {
		t.Errorf("its newest signature is at height %d, before it rejoined at %d", now, signed)
	}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(gone.home, "data/old")); errors.Is(err, fs.ErrNotExist) {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the ledger from before is still there")
		}
	}
}

// TestRejoinRefused wants a clear error, and the home as it was, for each way in
// which rejoining can go wrong.
func TestRejoinRefused(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	p, q := newProvider(t, "acme"), newProvider(t, "acme")
	net := startNetwork(t, 4, p)
	for _, v := range net {
		v.wait(t, ctx, 0)
	}
	for range 3 {
		if a := post(t, net[0].url, p.next(t, traceRecords(t)[:20])); a.status != http.StatusCreated {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	other := startNetwork(t, 1, q)[0]
	other.wait(t, ctx, 0)
	if a := post(t, other.url, q.next(t, traceRecords(t)[:20])); a.status != http.StatusCreated {
		t.Fatalf("%d %s", a.status, a.body)
	}
	net[0].wait(t, ctx, 3)
	gone := net[3]
	gone.wait(t, ctx, 3)
	if err := gone.end(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	trust := net[0].trustOf(t)
	state := filepath.Join(gone.home, "data/priv_validator_state.json")
	newest, err := os.ReadFile(state)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		state string // of the validator's signatures; empty: the newest
		args  []string
		want  string
	}{
		{"nobody to join", "", nil, "--join is missing"},
		{"not behind", "", []string{"--join", net[0].url, "--trust", trust}, "is not behind"},
		{"another ledger", "", []string{"--join", other.url, "--trust", other.trustOf(t)}, "another ledger"},
		{"no trust", "", []string{"--join", net[0].url}, "--trust HEIGHT:HASH"},
	} {
		var out, errs bytes.Buffer
		if code := run(ctx, append([]string{"rejoin", "--home", gone.home}, c.args...), &out, &errs); code == exitOK || !strings.Contains(errs.String(), c.want) {
			t.Errorf("%s: ends with %d and %q, wanted %q", c.name, code, errs.String(), c.want)
		}
	}
	// While it runs there are two in one home.
	var out, errs bytes.Buffer
	if code := run(ctx, []string{"rejoin", "--home", net[1].home, "--join", net[0].url, "--trust", trust}, &out, &errs); code == exitOK || !strings.Contains(errs.String(), "uses this home") {
		t.Errorf("of a running node: ends with %d and %q", code, errs.String())
	}

	// Its own signatures are in the chain, and it remembers none of them: with the
	// ledger gone, whatever it would sign could be the second time.
	if err := os.RemoveAll(app.LedgerDir(gone.home)); err != nil {
		t.Fatal(err)
	}
	for name, old := range map[string]string{"an old state": `{"height": "1", "round": 0, "step": 3}`, "no state": ""} {
		if err := os.Remove(state); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		if old != "" {
			if err := os.WriteFile(state, []byte(old), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		var out, errs bytes.Buffer
		code := run(ctx, []string{"rejoin", "--home", gone.home, "--join", net[0].url, "--trust", trust}, &out, &errs)
		if code == exitOK || !strings.Contains(errs.String(), "sign two blocks of one height") {
			t.Errorf("%s: ends with %d and %q", name, code, errs.String())
		}
	}
	if err := os.WriteFile(state, newest, 0o600); err != nil {
		t.Fatal(err)
	}
	rejoins(t, gone.home, "--join", net[0].url, "--trust", trust)
	gone.start(t)
	gone.wait(t, ctx, 3)
}

// TestEngineGone: a node whose engine has lost what the ledger has does not start:
// what its validator signed may be gone with it.
func TestEngineGone(t *testing.T) {
	p := newProvider(t, "acme")
	o := &initOptions{home: t.TempDir() + "/node", chainID: "test-1", moniker: "test", http: "127.0.0.1:0", p2p: "127.0.0.1:0", providers: []string{p.flag(t)}}
	if err := initHome(o); err != nil {
		t.Fatal(err)
	}
	d, err := startDaemon(t.Context(), o.home, api.Limits{}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	if err := d.node.WaitHeight(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if a := post(t, d.url(), p.next(t, traceRecords(t)[:10])); a.status != http.StatusCreated {
		t.Errorf("%d %s", a.status, a.body)
	}
	if err := d.close(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(app.EngineDir(o.home)); err != nil {
		t.Fatal(err)
	}
	if d, err := startDaemon(t.Context(), o.home, api.Limits{}, quiet()); err == nil || !strings.Contains(err.Error(), "tokentraild rejoin --home "+o.home) {
		t.Errorf("it starts, or does not say what to do: %v", err)
		if err == nil {
			_ = d.close()
		}
	}
}

// TestRollingUpgrade stops and starts the four validators of a network one after
// another, as an upgrade does, while statements are posted: each is committed
// once, and all have the same ledger.
func TestRollingUpgrade(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	p := newProvider(t, "acme")
	net := startNetwork(t, 4, p)
	for _, v := range net {
		v.wait(t, ctx, 0)
	}
	subs := p.submissions(t, traceRecords(t), 200)
	stop, posted := make(chan struct{}), make(chan int)
	go func() {
		n := 0
		defer func() { posted <- n }()
		for n < len(subs) {
			select {
			case <-stop:
				return
			default:
			}
			// As the client does: the same bytes, to another node, until one has them.
			for at := n; ; at++ {
				a, err := tryRequest(http.MethodPost, net[at%4].url+"/entries", "application/vnd.tokentrail.submission+cbor", subs[n])
				if err == nil && a.status == http.StatusCreated {
					break
				}
				if err == nil && a.status != http.StatusServiceUnavailable && a.status != http.StatusAccepted && a.status != http.StatusTooManyRequests {
					t.Errorf("statement %d: %d %s", n, a.status, a.body)
					return
				}
				if ctx.Err() != nil {
					t.Error("no node takes statements any more")
					return
				}
				time.Sleep(20 * time.Millisecond)
			}
			n++
		}
	}()
	for _, v := range net {
		if err := v.end(syscall.SIGTERM); err != nil {
			t.Errorf("%s: %v", v.home, err)
		}
		time.Sleep(300 * time.Millisecond) // the others go on without it
		v.start(t)
		v.wait(t, ctx, 0)
		for ok := false; !ok; time.Sleep(20 * time.Millisecond) { // until it votes again
			a, err := tryRequest(http.MethodGet, v.url+"/healthz", "", nil)
			ok = err == nil && a.status == http.StatusOK
			if ctx.Err() != nil {
				t.Fatalf("%s does not come back: %v %s", v.home, err, a.body)
			}
		}
	}
	close(stop)
	entries := int64(<-posted)
	first := net[0].wait(t, ctx, entries)
	for _, v := range net {
		if s := v.wait(t, ctx, entries); s.AppHash != first.AppHash || s.LogSize != entries {
			t.Errorf("%s has %+v, wanted %d entries and the app hash %s", v.url, s, entries, first.AppHash)
		}
	}
	t.Logf("%d statements were committed while four validators were stopped and started", entries)
	auditNode(t, net[3].home, net[3].url)
}
