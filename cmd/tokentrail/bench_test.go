package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	neturl "net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tokentrail/provenance"
)

// frontOf serves a fake ledger as bench needs one: a height for each log, and
// totals of flows, which are wrong by so many records. meddle may answer first.
func frontOf(t *testing.T, l *fakeLedger, wrong int64, meddle func(w http.ResponseWriter, r *http.Request) bool) string {
	t.Helper()
	behind := l.server.Config.Handler
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case meddle != nil && meddle(w, r):
		case r.URL.Path == "/v1/flows":
			l.mu.Lock()
			defer l.mu.Unlock()
			records := int64(0)
			if len(l.leaves) > 0 {
				records = wrong
			}
			for _, s := range l.streams {
				for _, sub := range s.subs {
					records += int64(sub.Statement.Header().Count)
				}
			}
			fmt.Fprintf(w, `{"format": 1, "origin": %q, "log_size": %d, "app_hash": %q, "total_rows": 1, "rows":
				[{"provider": "acme", "direction": "output", "records": %d, "tokens": 1, "cache_read": 0, "cache_write": 0, "reasoning": 0}]}`,
				l.origin, len(l.leaves), l.preimage().AppHash(), records)
		case r.URL.Path == "/v1/status":
			l.mu.Lock()
			defer l.mu.Unlock()
			p := l.preimage()
			fmt.Fprintf(w, `{"format": 1, "chain_id": "test-1", "origin": %q, "height": %d, "log_size": %d, "app_hash": %q}`, l.origin, 7+p.Size, p.Size, p.AppHash())
		default:
			behind.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(front.Close)
	return front.URL
}

// benchOn runs bench on nodes that run already.
func (p *testProvider) benchOn(url string, more ...string) (int, *benchDoc, string) {
	p.t.Helper()
	var stdout, stderr bytes.Buffer
	env := func(name string) string { return map[string]string{envPassphrase: "a passphrase"}[name] }
	args := append([]string{"bench", "--node", url, "--key", filepath.Join(p.dir, "acme.key"), "--issuer", "acme", "--json"}, more...)
	for _, usual := range [][2]string{{"--batch", "10"}, {"--streams", "2"}, {"--warm-up", "0s"}, {"--duration", "500ms"}} {
		if !slices.Contains(more, usual[0]) {
			args = append(args, usual[:]...)
		}
	}
	code := run(p.t.Context(), args, strings.NewReader(""), &stdout, &stderr, env)
	doc := &benchDoc{}
	if err := json.Unmarshal(stdout.Bytes(), doc); err != nil || len(doc.Runs) == 0 {
		p.t.Fatalf("exit %d, not the document: %v\n%s%s", code, err, stdout.String(), stderr.String())
	}
	return code, doc, stderr.String()
}

// TestCoordinatedOmission: a ledger that stands still makes all statements late
// that were due, not only those that it let the driver send. SPEC(CLI-63)
func TestCoordinatedOmission(t *testing.T) {
	p := newTestProvider(t)
	l := newFakeLedger(t, p.key)
	const stall = 1400 * time.Millisecond
	var first atomic.Int64 // when the first submission came
	url := frontOf(t, l, 0, func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPost {
			first.CompareAndSwap(0, time.Now().UnixNano())
			time.Sleep(time.Until(time.Unix(0, first.Load()).Add(stall)))
		}
		return false
	})
	// 100 statements a second, 140 of them due while nothing moves, of which the
	// window lets 64 be sent: from when they were sent, half would look quick.
	code, doc, stderr := p.benchOn(url, "--rate", "1000", "--streams", "1", "--duration", "2s")
	r := doc.Runs[0]
	// On a busy machine nothing may be committed in the measured time: exit 2.
	if code == exitAgainst || r.Latency.Statements != 200 || r.Unfinished != 0 {
		t.Fatalf("exit %d, %+v, %+v\n%s", code, r, doc.Check, stderr)
	}
	if r.Latency.P50 < 250 || r.Latency.Max < 1300 || r.Loop != "open" {
		t.Errorf("a stall of %s hides: %+v", stall, r.Latency)
	}
}

// TestBenchCountsOnlyWhatIsCommitted: of a ledger that takes all and commits
// nothing, nothing counts, and what has waited is late. SPEC(CLI-62)
func TestBenchCountsOnlyWhatIsCommitted(t *testing.T) {
	from := time.Unix(1000, 0)
	at := func(seconds float64) time.Time { return from.Add(time.Duration(seconds * float64(time.Second))) }
	tally := newBenchTally()
	tally.done = []benchDone{
		{at(-1), at(-0.5)}, // both before
		{at(-1), at(1)},    // committed within, due before
		{at(2), at(3)},
		{at(9), at(11)}, // due within, committed after
		{at(10), at(12)},
	}
	tally.waiting[benchPlace{1, 1}] = at(8)
	tally.waiting[benchPlace{1, 2}] = at(-3)
	tally.late = []time.Time{at(9.5)}
	for _, c := range []struct {
		closed     bool
		unfinished int64
		want       string
	}{
		{false, 2, "[1s 2s 30.5s 32s]"},
		{true, 3, "[1s 2s 2s 30.5s 32s 43s]"},
	} {
		committed, latencies, unfinished := tally.window(from, at(10), at(40), c.closed)
		if committed != 2 || unfinished != c.unfinished || fmt.Sprint(latencies) != c.want {
			t.Errorf("closed %v: %d committed, %d unfinished, %v; wanted 2, %d, %s", c.closed, committed, unfinished, latencies, c.unfinished, c.want)
		}
	}
}

func TestPercentile(t *testing.T) {
	values := func(n int) (out []time.Duration) {
		for i := range n {
			out = append(out, time.Duration(i+1))
		}
		return out
	}
	for _, c := range []struct {
		of    int
		share float64
		want  time.Duration
	}{
		{0, 0.5, 0}, {1, 0.5, 1}, {1, 0.99, 1}, {2, 0.5, 1}, {2, 0.51, 2}, {3, 0.5, 2}, {10, 0.9, 9}, {10, 0.99, 10},
		{100, 0.5, 50}, {100, 0.9, 90}, {100, 0.99, 99}, {100, 1, 100}, {101, 0.99, 100}, {1000, 0.99, 990}, {1000, 0.001, 1},
	} {
		if got := percentile(values(c.of), c.share); got != c.want {
			t.Errorf("%v of %d is the %d., wanted the %d.", c.share, c.of, got, c.want)
		}
	}
	for n := 1; n < 300; n++ { // against the definition
		for _, share := range []float64{0.5, 0.9, 0.99, 1} {
			got, least := percentile(values(n), share), 1
			for float64(least) < share*float64(n)-1e-9 {
				least++
			}
			if got != time.Duration(least) {
				t.Fatalf("%v of %d is %d, wanted %d", share, n, got, least)
			}
		}
	}
}

// TestBenchRecords: records are valid, of the size and randomness asked for, and
// the same for the same seed. SPEC(CLI-61)
func TestBenchRecords(t *testing.T) {
	for _, c := range []struct{ size, entropy int }{{280, 64}, {200, 0}, {280, 32}, {400, 1}, {900, 64}, {700, 288}, {280, 40}} {
		g, err := newBenchRecords(7, c.size, c.entropy)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(g.mean-float64(c.size)) > 4 {
			t.Errorf("%+v: the mean is %.1f bytes", c, g.mean)
		}
		same, err := newBenchRecords(7, c.size, c.entropy)
		if err != nil {
			t.Fatal(err)
		}
		first, again := g.batch(1, 5, 300), same.batch(1, 5, 300)
		others := append(g.batch(2, 5, 300), g.batch(1, 6, 300)...)
		seen := map[string]bool{}
		for i, raw := range first {
			r, err := provenance.ParseRecord(raw)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(raw, again[i]) {
				t.Fatalf("%+v: record %d differs with one seed", c, i)
			}
			random := len(r.Ref)
			for _, span := range g.pool[0].random[min(1, len(g.pool[0].random)):] {
				random += span[1] - span[0]
			}
			if r.Kind != provenance.Production || random != c.entropy || r.Usage.Output == 0 {
				t.Fatalf("%+v: %d random bytes in %+v", c, random, r)
			}
			seen[string(raw)] = true
		}
		for _, raw := range others {
			if c.entropy > 8 && seen[string(raw)] {
				t.Fatalf("%+v: two statements have the same record", c)
			}
		}
	}
	for _, c := range []struct{ size, entropy int }{{100, 64}, {4000, 64}, {280, 288}} {
		if _, err := newBenchRecords(1, c.size, c.entropy); err == nil || exitCode(err) != exitUsage {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// lateFront is the address of a node that is away until come is called, and then
// does what the one at url does.
func lateFront(t *testing.T, url string) (address string, come func()) {
	t.Helper()
	reserved, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listen := reserved.Addr().String()
	if err := reserved.Close(); err != nil {
		t.Fatal(err)
	}
	target, err := neturl.Parse(url)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }
	server := httptest.NewUnstartedServer(proxy)
	begun := make(chan struct{})
	come = sync.OnceFunc(func() {
		defer close(begun)
		server.Listener.Close()
		if server.Listener, err = net.Listen("tcp", listen); err != nil {
			t.Error(err)
			return
		}
		server.Start()
	})
	t.Cleanup(func() { come(); <-begun; server.Close() })
	return "http://" + listen, come
}

// TestBenchAway: a node that stays away is no proof against the ledger, and could
// not be checked. SPEC(CLI-67)
func TestBenchAway(t *testing.T) {
	p := newTestProvider(t)
	l := newFakeLedger(t, p.key)
	b := &bencher{app: &app{stderr: io.Discard}, flags: &benchFlags{batch: 10}, ledger: &benchLedger{}}
	for _, url := range []string{frontOf(t, l, 0, nil), "http://127.0.0.1:1"} {
		c, err := newClient(url)
		if err != nil {
			t.Fatal(err)
		}
		b.ledger.nodes = append(b.ledger.nodes, newBenchNode(url, c, 0))
		b.doc.Nodes = append(b.doc.Nodes, benchNodeDoc{})
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	answering := b.compare(ctx, nil)
	if len(answering) != 1 || len(b.doc.Check.Unchecked) != 1 || !strings.Contains(b.doc.Check.Unchecked[0], "does not answer") || b.doc.exit() != exitCouldNot {
		t.Errorf("%d answer, %+v, exit %d", len(answering), b.doc.Check, b.doc.exit())
	}
}

// TestBenchFork: nodes with two app hashes of one height do not agree, however
// long one waits. SPEC(CLI-67)
func TestBenchFork(t *testing.T) {
	b := &bencher{app: &app{stderr: io.Discard}, flags: &benchFlags{batch: 10}, ledger: &benchLedger{}}
	for i := range 2 {
		node := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"format": 1, "height": 9, "log_size": 5, "app_hash": %q}`, provenance.Hash{byte(i)})
		}))
		defer node.Close()
		c, err := newClient(node.URL)
		if err != nil {
			t.Fatal(err)
		}
		b.ledger.nodes = append(b.ledger.nodes, newBenchNode("node", c, 0))
		b.doc.Nodes = append(b.doc.Nodes, benchNodeDoc{})
	}
	b.compare(t.Context(), nil)
	if len(b.doc.Check.Problems) != 1 || !strings.Contains(b.doc.Check.Problems[0], "at height 9") || b.doc.exit() != exitAgainst {
		t.Errorf("%+v, exit %d", b.doc.Check, b.doc.exit())
	}
}

// TestBenchThroughFaults: a node that drops connections and refuses at random
// loses nothing, what it did is counted, and each line of the file was committed.
// SPEC(CLI-64), SPEC(CLI-65)
func TestBenchThroughFaults(t *testing.T) {
	p := newTestProvider(t)
	l := newFakeLedger(t, p.key)
	file := filepath.Join(p.dir, "acknowledged")
	if err := os.WriteFile(file, []byte(`{"cut":`), 0o600); err != nil {
		t.Fatal(err)
	}
	url := frontOf(t, l, 0, nil)
	late, come := lateFront(t, url)
	var began atomic.Bool
	url2 := frontOf(t, l, 0, func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPost && began.CompareAndSwap(false, true) {
			l.fail(0.3)
			time.AfterFunc(500*time.Millisecond, come)
			time.AfterFunc(700*time.Millisecond, func() { l.fail(0) })
		}
		return false
	})
	code, doc, stderr := p.benchOn(url, "--node", url2, "--node", late, "--streams", "3",
		"--rate", "2000", "--duration", "1s", "--acknowledged", file)
	if code != exitOK || len(doc.Check.Problems)+len(doc.Check.Unchecked) > 0 || len(doc.Runs[0].Refused) > 0 {
		t.Fatalf("exit %d: %+v\n%s", code, doc.Check, stderr)
	}
	if e := doc.Runs[0].Errors; e["connection-refused"] == 0 || e["connection-lost"] == 0 || e["busy"] == 0 || e["unavailable"] == 0 {
		t.Errorf("the errors counted are %v", e)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
	if lines[0] != `{"cut":` || int64(len(lines)-1) != doc.Check.Acknowledged || doc.Check.Acknowledged < 190 {
		t.Errorf("%d lines for %d acknowledged; the first is %q", len(lines)-1, doc.Check.Acknowledged, lines[0])
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range lines[1:] {
		var a benchAck
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatal(err)
		}
		s := l.streams[a.Issuer+"/"+a.Stream]
		if s == nil || s.ids[a.Sequence] != a.ID || s.index[a.ID] != a.Entry || a.Count != 10 || a.AcknowledgedAt.IsZero() {
			t.Errorf("the ledger does not have %s", line)
		}
	}
}

// TestBenchSaysWhatDoesNotHold: a refusal, totals that lack records, and a receipt
// for another statement end with 1. SPEC(CLI-67)
func TestBenchSaysWhatDoesNotHold(t *testing.T) {
	for _, c := range []struct {
		name  string
		wrong int64
		do    func(l *fakeLedger)
		want  string
	}{
		{"totals", -1, nil, "/v1/flows counts"},
		{"refusal", 0, func(l *fakeLedger) {
			l.refuse = func(h *provenance.BatchHeader) *problemError {
				if h.Sequence == 3 {
					return &problemError{Status: http.StatusForbidden, Title: "Rejected", Detail: "unknown-key: no"}
				}
				return nil
			}
		}, "unknown-key"},
		{"receipt", 0, func(l *fakeLedger) {
			l.forge = func(*provenance.UnverifiedStatement) []byte { return []byte("none") }
		}, "does not hold"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newTestProvider(t)
			l := newFakeLedger(t, p.key)
			if c.do != nil {
				c.do(l)
			}
			code, doc, stderr := p.benchOn(frontOf(t, l, c.wrong, nil), "--rate", "1000")
			said := fmt.Sprint(doc.Check.Problems, doc.Runs[0].Refused)
			if code != exitAgainst || !strings.Contains(said, c.want) {
				t.Errorf("exit %d, wanted %q in %s\n%s", code, c.want, said, stderr)
			}
		})
	}
}
