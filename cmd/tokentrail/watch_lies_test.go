package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tokentrail/provenance"
	"tokentrail/verify"
)

// A lyingNode is the part of verify.Source that a watch asks by itself, and as much of
// an audit as it comes to.
type lyingNode struct {
	verify.Source
	status  verify.Status
	genesis []byte
	err     error         // instead of the genesis document
	slow    chan struct{} // closed when it answers what an audit asks first; nil: at once
}

var errAway = errors.New("away")

func (n *lyingNode) Status(context.Context) (*verify.Status, error) { return &n.status, nil }

func (n *lyingNode) Genesis(context.Context) ([]byte, error) { return n.genesis, n.err }

func (n *lyingNode) Checkpoint(ctx context.Context) ([]byte, error) {
	if n.slow != nil {
		<-n.slow
	}
	return nil, errAway
}

func (n *lyingNode) Keys(context.Context) ([]byte, error) { return nil, errAway }

func (n *lyingNode) Flows(context.Context, provenance.FlowQuery, verify.FlowsPage) (*verify.FlowsAnswer, error) {
	return nil, errAway
}

// A testWatch is a watch whose rounds a test makes.
type testWatch struct {
	*watcher
	stdout, stderr bytes.Buffer
}

func newTestWatch(t *testing.T, node verify.Source, state string) *testWatch {
	w := &testWatch{}
	w.watcher = &watcher{
		app: &app{stdout: &w.stdout, stderr: &lockedWriter{w: &w.stderr}, output: asJSONL}, flags: &verifyFlags{}, every: time.Second, now: time.Now,
		patience: time.Hour, node: node, metrics: newWatchMetrics(false), told: newToldFindings(),
	}
	w.store = newWatchStore(w.trust)
	w.hooks = newHooks(nil, nil, w.say, w.metrics)
	if state != "" {
		w.memory = &memory{state: state}
	}
	t.Cleanup(func() { w.close() })
	return w
}

// TestWatchOpensItsOwnLedger: whatever the node's status names, the directory is that of
// the ledger whose genesis document the node gives; where that is not the trusted one,
// none is taken. No lie ends the watch. SPEC(VER-82), SPEC(CLI-100)
func TestWatchOpensItsOwnLedger(t *testing.T) {
	chain := newFakeChain(t, "test-1", "watch")
	hash := chain.hash()
	for name, origin := range map[string]string{
		"true": chain.origin(), "another ledger": testOrigin, "another chain": provenance.Origin("other", hash), "empty": "",
		"long": provenance.Origin(strings.Repeat("x", 300), hash), "no file's name": provenance.Origin("a\x00b", hash), "a path": "tokentrail/../" + hash.String(),
	} {
		dir := t.TempDir()
		w := newTestWatch(t, &lyingNode{genesis: chain.genesis, status: verify.Status{Origin: origin, GenesisHash: hash}}, dir)
		w.trust.Genesis = &hash
		if err := w.open(t.Context()); err != nil || !w.opened || w.origin != chain.origin() {
			t.Errorf("%s: %q, %v", name, w.origin, err)
		}
		made, err := os.ReadDir(filepath.Join(dir, ledgersDir))
		if err != nil || len(made) != 1 || made[0].Name() != "test-1-"+hash.String()[:16] {
			t.Errorf("%s: %v, %v", name, made, err)
		}
	}
	other := newFakeChain(t, "../x", "watch")
	for name, c := range map[string]struct {
		node  lyingNode
		trust *provenance.Hash
		fails bool
	}{
		"another document":    {node: lyingNode{genesis: other.genesis}, trust: &hash},
		"no document":         {node: lyingNode{genesis: []byte("{")}},
		"a chain id as path":  {node: lyingNode{genesis: other.genesis}},
		"no answer":           {node: lyingNode{err: errAway}, fails: true},
		"no answer, and lies": {node: lyingNode{err: errAway, status: verify.Status{Origin: chain.origin(), GenesisHash: hash}}, trust: &hash, fails: true},
	} {
		dir := t.TempDir()
		w := newTestWatch(t, &c.node, dir)
		w.trust.Genesis = c.trust
		err := w.open(t.Context())
		if fatal := (*endOfWatch)(nil); (err != nil) != c.fails || errors.As(err, &fatal) || w.opened {
			t.Errorf("%s: %v", name, err)
		}
		if made, _ := os.ReadDir(dir); len(made) > 0 {
			t.Errorf("%s: %v", name, made)
		}
	}
}

// TestSlowAudit: an audit that does not end is told of once, as something that cannot be
// checked, and goes on. SPEC(VER-81)
func TestSlowAudit(t *testing.T) {
	node := &lyingNode{slow: make(chan struct{}), err: errAway}
	w := newTestWatch(t, node, "")
	w.every, w.patience = time.Millisecond, 20*time.Millisecond
	done := make(chan *verify.Report)
	go func() { done <- w.audit(t.Context(), verify.Trust{}, w.options(), time.Now()) }()
	select {
	case r := <-done:
		t.Fatalf("it has ended: %+v", r)
	case <-time.After(200 * time.Millisecond):
	}
	close(node.slow)
	if r := <-done; r.Verdict != verify.Unchecked {
		t.Errorf("%+v", r)
	}
	if told := w.stdout.String(); strings.Count(told, "\n") != 1 || !strings.Contains(told, `"event":"cannot-check"`) || !strings.Contains(told, "an audit has not ended for 0s") {
		t.Error(told)
	}
	w.took = time.Hour // the last one took long too
	if w.audit(t.Context(), verify.Trust{}, w.options(), time.Now()); strings.Count(w.stdout.String(), "\n") != 1 {
		t.Error(w.stdout.String())
	}
}

// TestUnchecked tells of each thing that cannot be checked, once, whatever else cannot be
// already, but for what follows from a node that is away. SPEC(VER-81)
func TestUnchecked(t *testing.T) {
	steps := func(names ...string) (steps []*verify.Step) {
		for _, name := range []string{"log", "flows", "receipts", "witnesses"} {
			s := stepOf(name, verify.Passed)
			if strings.Contains(fmt.Sprint(names), name) {
				s = &verify.Step{Name: name, Outcome: verify.NotChecked, Reason: name + " is away"}
			}
			steps = append(steps, s)
		}
		return append(steps, &verify.Step{Name: "kept", Outcome: verify.NotChecked, Optional: true})
	}
	w := newTestWatch(t, nil, "")
	at := time.Unix(1000, 0)
	w.now = func() time.Time { return at }
	const away = "away"
	for i, c := range []struct {
		steps []string // that cannot be checked; away: there was no audit
		says  []string
	}{
		{nil, nil},
		{[]string{"witnesses"}, []string{"cannot-check witnesses: witnesses is away"}},
		{[]string{"witnesses"}, nil},
		{[]string{away}, []string{"cannot-check away"}},
		{[]string{"log", "flows", "receipts", "witnesses"}, nil}, // follows from that
		{[]string{away}, nil},
		{[]string{"witnesses", "flows"}, []string{"recovered log, receipts can be checked again, after 5m0s"}},
		{[]string{"witnesses", "receipts"}, []string{"recovered flows can be checked again, after 6m0s", "cannot-check receipts: receipts is away"}},
		{nil, []string{"recovered all can be checked again, after 7m0s"}},
		{nil, nil},
		{[]string{"log", "flows", "receipts", "witnesses"}, []string{"cannot-check log: log is away"}},
		{nil, []string{"recovered all can be checked again, after 1m0s"}},
	} {
		r := round{began: at, ended: len(c.steps) == 0}
		if fmt.Sprint(c.steps) == "[away]" {
			r.err = errAway
		} else {
			r.report = reportOf(verify.Holds, steps(c.steps...)...)
			r.report.Ledger = &verify.Ledger{}
		}
		w.stdout.Reset()
		w.judge(t.Context(), r)
		var says []string
		for _, line := range strings.Split(strings.TrimSpace(w.stdout.String()), "\n") {
			var e watchEvent
			if json.Unmarshal([]byte(line), &e) == nil {
				says = append(says, e.Event+" "+e.Says)
			}
		}
		if strings.Join(says, "; ") != strings.Join(c.says, "; ") {
			t.Errorf("round %d: %q, wanted %q", i, says, c.says)
		}
		at = at.Add(time.Minute)
	}
}

// TestToldBeforeTheLedgerWasKnown: what was told in rounds before the watch had its
// directory is told of as gone, and what was told in another run is not told again.
// SPEC(VER-81), SPEC(CLI-100)
func TestToldBeforeTheLedgerWasKnown(t *testing.T) {
	path := filepath.Join(t.TempDir(), watchTold)
	finding := func(code verify.Code, place string) *verify.Finding { return verify.NewFinding(code, place, "1", "2") }
	before := newToldFindings()
	before.path = path
	before.news(reportOf(verify.Evidence, stepOf("flows", verify.Failed, finding("flows", "flows[0]")), &verify.Step{Name: "log", Outcome: verify.Failed, More: 5}), time.Unix(0, 0))
	before.Owed = true
	if err := before.save(); err != nil {
		t.Fatal(err)
	}
	told := newToldFindings()
	told.news(reportOf(verify.Evidence, stepOf("genesis", verify.Failed, finding("genesis-hash", "genesis"))), time.Unix(0, 0))
	told.cannot([]unseen{{"flows", "away"}})
	if err := told.load(path); err != nil || !told.Owed || !told.Blind["flows"] || told.More["log"] != 5 {
		t.Fatalf("%+v, %v", told, err)
	}
	fresh, more, gone := told.news(reportOf(verify.Evidence, stepOf("genesis", verify.Passed),
		stepOf("flows", verify.Failed, finding("flows", "flows[1]")), &verify.Step{Name: "log", Outcome: verify.Failed, More: 5}), time.Unix(0, 0))
	if len(fresh) > 0 || more > 0 || len(gone) != 1 || gone[0].Finding.Code != "genesis-hash" {
		t.Errorf("%v, %d, %v", fresh, more, gone)
	}
	if err := os.WriteFile(path, []byte(`{"format": 1, "told": {"x": {"step": "log"}}, "more": {}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := newToldFindings().load(path); err == nil {
		t.Error("a finding that is not there passes")
	}
}

// TestToldIsSmall: a node that lies of something else in every round, at any length,
// makes neither news of it nor a file that cannot be read any more. SPEC(VER-81)
func TestToldIsSmall(t *testing.T) {
	told := newToldFindings()
	told.path = filepath.Join(t.TempDir(), watchTold)
	long := strings.Repeat("\x00", 1<<20)
	for i := range 20 {
		fresh, _, _ := told.news(reportOf(verify.Evidence,
			stepOf("genesis", verify.Failed, verify.NewFinding("genesis-form", fmt.Sprintf("genesis.validators[%d].power", i), "1", long))), time.Unix(0, 0))
		if (len(fresh) > 0) != (i == 0) {
			t.Fatalf("round %d: %d findings", i, len(fresh))
		}
	}
	for i := range 20 {
		told.news(reportOf(verify.Evidence, stepOf("witnesses", verify.Failed, verify.NewFinding("witness", fmt.Sprintf("witnesses[http://h%c].status.origin", 'a'+i), "1", long))), time.Unix(0, 0))
	}
	if err := told.save(); err != nil {
		t.Fatal(err)
	}
	again := newToldFindings()
	if err := again.load(told.path); err != nil || len(again.Told) != 21 {
		t.Errorf("%d, %v", len(again.Told), err)
	}
	if info, err := os.Stat(told.path); err != nil || info.Size() > 200<<10 {
		t.Errorf("%v, %v", info.Size(), err)
	}
}

// TestOneReportARound: a round that has something new and something gone has one report.
// SPEC(CLI-99)
func TestOneReportARound(t *testing.T) {
	w := newTestWatch(t, nil, "")
	w.reports = t.TempDir()
	w.findings(reportOf(verify.Evidence, stepOf("flows", verify.Failed, verify.NewFinding("flows", "flows[0]", "1", "2"))))
	w.findings(reportOf(verify.Evidence, stepOf("flows", verify.Passed), stepOf("state", verify.Failed, verify.NewFinding("state-value", "state[x]", "1", "2"))))
	if told := w.stdout.String(); strings.Count(told, `"event":"finding"`) != 2 || strings.Count(told, `"event":"gone"`) != 1 || strings.Count(told, "report-") != 3 {
		t.Error(told)
	}
	if files, err := os.ReadDir(w.reports); err != nil || len(files) != 2 {
		t.Errorf("%v, %v", files, err)
	}
}

// TestEventIsShort: whatever was found, an event has 20 findings, with short texts, on one
// line that steers no terminal. SPEC(VER-83), SPEC(VER-55)
func TestEventIsShort(t *testing.T) {
	w := newTestWatch(t, nil, "")
	var findings []*verify.Finding
	for i := range 25 {
		findings = append(findings, verify.NewFinding("flows", fmt.Sprintf("flows[%d]", i), "a\x1b[31m\n\u202e", strings.Repeat("x", 1<<16)))
	}
	for _, output := range []string{asText, asJSONL} {
		w.app.output = output
		w.stdout.Reset()
		w.tell(w.event(eventFinding, verify.Evidence, says(findings, 7)).about(findings, 7))
		told := w.stdout.String()
		if strings.Count(told, "\n") != 1 || strings.ContainsAny(told, "\x1b\u202e") || len(told) > 3*20*400 {
			t.Errorf("%s: %d bytes, %.600q", output, len(told), told)
		}
		if output == asJSONL {
			var e watchEvent
			if err := json.Unmarshal([]byte(told), &e); err != nil || len(e.Findings) != 20 || e.More != 12 || e.Findings[0].Want != "a\x1b[31m\n\u202e" {
				t.Errorf("%d findings, %d more, %v", len(e.Findings), e.More, err)
			}
		}
	}
}

// TestLag: whatever height a node names, what it implies is not less than nothing.
func TestLag(t *testing.T) {
	m := newWatchMetrics(false)
	for said, want := range map[int64]float64{0: 1, 7: 8, -5: 0, math.MaxInt64: math.MaxInt64, math.MinInt64: 0} {
		m.status(&verify.Status{Height: said}, nil)
		families, err := m.registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			if got := f.GetMetric()[0].GetGauge().GetValue(); f.GetName() == "tokentrail_watch_lag_blocks" && got != want {
				t.Errorf("%d: %f, wanted %f", said, got, want)
			}
		}
	}
}

// TestHealthIsShort: what a node says of its trouble does not fill a page.
func TestHealthIsShort(t *testing.T) {
	h := &watchHealth{}
	h.cannot(strings.Repeat("x", 1<<20))
	if says := h.says(time.Now()); len(says) > 2*mostText {
		t.Error(len(says))
	}
}

// hijacked answers with bytes of a test's own.
func hijacked(rw http.ResponseWriter, answer string) {
	conn, _, err := rw.(http.Hijacker).Hijack()
	if err == nil {
		fmt.Fprint(conn, answer)
		conn.Close()
	}
}

// TestHookFloods: a receiver that answers with very much, or with no HTTP, makes one
// short line. SPEC(VER-84)
func TestHookFloods(t *testing.T) {
	for name, answer := range map[string]string{
		"no HTTP": strings.Repeat("x", 30<<10) + "\r\n\r\n", "a long status": "HTTP/1.1 " + strings.Repeat("9", 30<<10) + "\r\n\r\n",
		"a long head": "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 1<<20) + "\r\n\r\n",
	} {
		server := newHookServer(t, func(n int, rw http.ResponseWriter, _ *http.Request) {
			if n == 1 {
				hijacked(rw, answer)
			}
		})
		h := deliver(t, server.URL)
		h.start()
		h.event("msg_1", time.Now())
		h.until(0)
		if said := h.end(); len(server.got()) != 2 || len(said) > 1000 || !strings.Contains(said, "it is tried again") {
			t.Errorf("%s: %d posts, %d bytes are said: %.500s", name, len(server.got()), len(said), said)
		}
	}
}

// TestHooksWaitAnywhere: posts wait below a directory whatever its name is, and what was
// being written when a watch was killed is removed. SPEC(CLI-100)
func TestHooksWaitAnywhere(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state[1]*", "webhooks")
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		t.Fatal(err)
	}
	h := deliver(t, "http://127.0.0.1:1")
	if err := h.attach(dir); err != nil {
		t.Fatal(err)
	}
	h.start()
	h.event("msg_1", time.Now())
	h.end()
	own := h.each[0].dir
	if err := os.WriteFile(filepath.Join(own, tempPrefix+"1"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	again := deliver(t, "http://127.0.0.1:1")
	if err := again.attach(dir); err != nil {
		t.Fatal(err)
	}
	if waits := again.each[0].pending; len(waits) != 1 || waits[0].id != "msg_1" {
		t.Errorf("%+v", waits)
	}
	if names, err := namesIn(own, func(string) bool { return true }); err != nil || len(names) != 1 {
		t.Errorf("%v, %v", names, err)
	}
}
