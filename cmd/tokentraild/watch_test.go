package main

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tokentrail/ledger/app"
	"tokentrail/verify"
)

// A watched is a node as its watch sees it: a test may take it away, or let it lie.
type watched struct {
	url string

	mu    sync.Mutex // guards what follows
	down  bool
	stuck string // path that is not answered
	lie   func(path string, body []byte) []byte
	asked []string
}

func watchedNode(t *testing.T, node string) *watched {
	t.Helper()
	target, err := url.Parse(node)
	check(t, err)
	w := &watched{}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }
	proxy.ModifyResponse = func(r *http.Response) error {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.lie != nil {
			body = w.lie(r.Request.URL.Path, body)
		}
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(string(body))), int64(len(body))
		r.Header.Set("Content-Length", fmt.Sprint(len(body)))
		return nil
	}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		down, stuck := w.down, w.stuck == r.URL.Path
		w.asked = append(w.asked, r.URL.RequestURI())
		w.mu.Unlock()
		switch {
		case down:
			panic(http.ErrAbortHandler)
		case stuck:
			<-r.Context().Done()
		default:
			r.Header.Set("Accept-Encoding", r.Header.Get("Accept-Encoding"))
			proxy.ServeHTTP(rw, r)
		}
	}))
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

func (w *watched) set(change func(*watched)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(w)
}

// seen returns and forgets what was asked for.
func (w *watched) seen() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	asked := w.asked
	w.asked = nil
	return asked
}

// An event of a watch, as spec/verify.md VER-83 has it.
type event struct {
	Format   int
	ID       string
	Event    string
	Ledger   string
	Height   int64
	LogSize  int64 `json:"log_size"`
	Verdict  verify.Verdict
	Says     string
	Findings []*verify.Finding
	Report   string
	Evidence []string
}

// A watch is the client's program that watches.
type watch struct {
	t      *testing.T
	cmd    *exec.Cmd
	dir    string
	figure string // address of /metrics
	ended  chan int

	mu     sync.Mutex // guards what follows
	events []event
	stderr []string
}

var figuresAt = regexp.MustCompile(`figures: (http://\S+)/metrics`)

// watch starts one, with rounds as quick as can be.
func (a *auditor) watch(args ...string) *watch {
	a.t.Helper()
	w := &watch{t: a.t, dir: a.dir, ended: make(chan int, 1)}
	w.cmd = exec.CommandContext(a.ctx, a.program, append([]string{"verify", "--watch", "--every", "1s", "--genesis", a.genesis.String(),
		"--listen", "127.0.0.1:0", "--output", "jsonl", "--reports", filepath.Join(a.dir, "reports")}, args...)...)
	w.cmd.Dir = a.dir
	w.cmd.Env = append(os.Environ(), "HOME="+a.dir, "XDG_STATE_HOME="+filepath.Join(a.dir, "state"))
	stdout, err := w.cmd.StdoutPipe()
	check(a.t, err)
	stderr, err := w.cmd.StderrPipe()
	check(a.t, err)
	check(a.t, w.cmd.Start())
	var read sync.WaitGroup
	read.Go(func() {
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			var e event
			if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
				a.t.Errorf("%v: %s", err, lines.Text())
			}
			w.mu.Lock()
			w.events = append(w.events, e)
			w.mu.Unlock()
		}
	})
	read.Go(func() {
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			w.mu.Lock()
			w.stderr = append(w.stderr, lines.Text())
			w.mu.Unlock()
		}
	})
	go func() {
		read.Wait()
		_ = w.cmd.Wait() // the exit code is looked at
		w.ended <- w.cmd.ProcessState.ExitCode()
	}()
	a.t.Cleanup(func() { _ = w.cmd.Process.Kill() })
	return w
}

// said returns what was said on standard error.
func (w *watch) said() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.stderr, "\n")
}

// told returns the events so far.
func (w *watch) told() []event {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.events)
}

// until waits for something.
func (w *watch) until(what string, is func() bool) {
	w.t.Helper()
	for end := time.Now().Add(30 * time.Second); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatalf("%s does not come: %+v\n%s", what, w.told(), w.said())
		}
	}
}

// event waits for the event that comes behind n others, and wants it to be of a kind.
func (w *watch) event(n int, kind string) event {
	w.t.Helper()
	w.until(kind, func() bool { return len(w.told()) > n })
	e := w.told()[n]
	if e.Event != kind || e.Format != 1 || e.ID == "" {
		w.t.Fatalf("event %d is %+v, wanted %s\n%s", n, e, kind, w.said())
	}
	return e
}

// begun waits for the end of the first audit.
func (w *watch) begun() {
	w.t.Helper()
	w.until("the first audit", func() bool { return strings.Contains(w.said(), "audited up to") })
	w.figure = figuresAt.FindStringSubmatch(w.said())[1]
}

// page returns the status and body of a page.
func (w *watch) page(path string) (int, string) {
	w.t.Helper()
	r, err := http.Get(w.figure + path)
	check(w.t, err)
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	check(w.t, err)
	return r.StatusCode, string(b)
}

// shows waits until a figure has a value.
func (w *watch) shows(figure string) {
	w.t.Helper()
	w.until(figure, func() bool {
		_, text := w.page("/metrics")
		return strings.Contains(text, "\ntokentrail_watch_"+figure+"\n")
	})
}

// rounds waits for so many more audits.
func (w *watch) rounds(n int) {
	w.t.Helper()
	count := func() (n int) {
		_, text := w.page("/metrics")
		_, text, _ = strings.Cut(text, "\ntokentrail_watch_round_duration_seconds_count ")
		_, err := fmt.Sscan(text, &n)
		check(w.t, err)
		return n
	}
	was := count()
	w.until("a round", func() bool { return count() >= was+n })
}

// stop ends the watch as an operator does, and wants an exit code soon.
func (w *watch) stop(want int) {
	w.t.Helper()
	check(w.t, w.cmd.Process.Signal(syscall.SIGTERM))
	w.exits(want)
}

func (w *watch) exits(want int) {
	w.t.Helper()
	select {
	case code := <-w.ended:
		if code != want {
			w.t.Errorf("exit %d, wanted %d\n%+v\n%s", code, want, w.told(), w.said())
		}
	case <-time.After(10 * time.Second):
		w.t.Fatalf("the watch does not end\n%s", w.said())
	}
}

// A receiver takes what a watch posts.
type receiver struct {
	url string

	mu    sync.Mutex // guards what follows
	posts []event
	wrong []string
}

var hookSecret = []byte("0123456789abcdef0123456789abcdef")

// newReceiver wants posts signed as Standard Webhooks 1.0.0 says, by its own words.
func newReceiver(t *testing.T) *receiver {
	r := &receiver{}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		var e event
		if err == nil {
			err = json.Unmarshal(body, &e)
		}
		id, at := req.Header.Get("webhook-id"), req.Header.Get("webhook-timestamp")
		mac := hmac.New(sha256.New, hookSecret)
		fmt.Fprintf(mac, "%s.%s.%s", id, at, body)
		if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); err != nil || req.Header.Get("webhook-signature") != want || id != e.ID {
			r.wrong = append(r.wrong, fmt.Sprintf("%v, %v, wanted %s: %s", err, req.Header, want, body))
		}
		r.posts = append(r.posts, e)
		rw.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(server.Close)
	r.url = server.URL + "/a-secret"
	return r
}

// kinds are the events that were posted.
func (r *receiver) kinds(t *testing.T) (kinds []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, wrong := range r.wrong {
		t.Error(wrong)
	}
	for _, e := range r.posts {
		kinds = append(kinds, e.Event)
	}
	return kinds
}

// wrongFlows lets a node add up wrongly.
func wrongFlows(path string, body []byte) []byte {
	if path != "/v1/flows" {
		return body
	}
	return regexp.MustCompile(`"records":\d+`).ReplaceAll(body, []byte(`"records":77`))
}

// TestWatch watches real ledgers. Watches wait most of the time.
func TestWatch(t *testing.T) {
	program := filepath.Join(t.TempDir(), "tokentrail")
	buildProgram(t, program, "tokentrail")
	for name, test := range map[string]func(*testing.T, string){"lies": watchLies, "expires": watchExpires, "expires with evidence": watchExpiresWithEvidence, "is stopped": watchIsStopped} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, program)
		})
	}
}

// watchedLedger runs a ledger with one entry; submit adds one more, and waits until
// there are so many.
func watchedLedger(t *testing.T, program string) (node *validator, a *auditor, submit func(want int64)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	p := newProvider(t, "acme")
	node = startNetwork(t, 1, p)[0]
	document, err := os.ReadFile(app.GenesisPath(node.home))
	check(t, err)
	a = &auditor{t: t, ctx: ctx, dir: t.TempDir(), program: program, genesis: sha256.Sum256(document)}
	submit = func(want int64) {
		t.Helper()
		if got := post(t, node.url, p.next(t, traceRecords(t)[:1])); got.status != http.StatusCreated {
			t.Fatalf("%d %s", got.status, got.body)
		}
		node.wait(t, ctx, want)
	}
	node.wait(t, ctx, 0)
	submit(1)
	return node, a, submit
}

// watchLies watches a ledger that grows, whose node goes away and comes back, and lies
// for a while; then the watch is stopped, and goes on. SPEC(VER-80), SPEC(VER-81),
// SPEC(VER-82), SPEC(CLI-98), SPEC(CLI-99), SPEC(CLI-100)
func watchLies(t *testing.T, program string) {
	node, a, submit := watchedLedger(t, program)
	key := filepath.Join(a.dir, "hook.key")
	check(t, os.WriteFile(key, []byte("whsec_"+base64.StdEncoding.EncodeToString(hookSecret)+"\n"), 0o600))
	front, hook := watchedNode(t, node.url), newReceiver(t)
	args := []string{"--node", front.url, "--webhook", hook.url, "--webhook-key", key}
	w := a.watch(args...)
	w.begun()
	submit(2)
	w.shows("verified_entries 2")
	w.shows("lag_blocks 0")
	if code, text := w.page("/healthz"); code != http.StatusOK {
		t.Errorf("%d %s", code, text)
	}
	second := a.watch(args...)
	second.exits(2)
	if said := second.said(); !strings.Contains(said, "another watch of this ledger") || strings.Contains(said, "a-secret") {
		t.Error(said)
	}

	front.set(func(f *watched) { f.down = true })
	e := w.event(0, "cannot-check")
	if e.Verdict != verify.Unchecked || e.LogSize != 2 || e.Height == 0 || !strings.Contains(e.Ledger, a.genesis.String()) {
		t.Errorf("%+v", e)
	}
	w.shows("node_up 0")
	front.set(func(f *watched) { f.down = false })
	w.event(1, "recovered")
	w.until("200", func() bool { code, _ := w.page("/healthz"); return code == 200 })

	front.set(func(f *watched) { f.lie = wrongFlows })
	e = w.event(2, "finding")
	if e.Verdict != verify.Evidence || len(e.Findings) == 0 || e.Findings[0].Code != verify.CodeFlows {
		t.Errorf("%+v", e)
	}
	if b, err := os.ReadFile(e.Report); err != nil || !strings.Contains(string(b), `"code": "flows"`) {
		t.Errorf("%v: %s", err, b)
	}
	submit(3) // it lies of other amounts now
	w.shows("verified_entries 3")
	w.rounds(1)
	if told := w.told(); len(told) != 3 {
		t.Errorf("told again: %+v", told[3:])
	}
	if _, text := w.page("/metrics"); !regexp.MustCompile(`watch_findings\{against="ledger",code="flows"\} [1-9]`).MatchString(text) {
		t.Error(text)
	}
	front.set(func(f *watched) { f.lie = nil })
	if e := w.event(3, "gone"); e.Verdict != verify.Holds || len(e.Findings) != 1 {
		t.Errorf("%+v", e)
	}
	w.shows(`worst_exit_code 1`)
	if _, text := w.page("/metrics"); strings.Contains(text, `code="flows"} 0`) || strings.Contains(text, `watch_findings{`) {
		t.Error(text)
	}
	w.stop(1)
	if kinds := fmt.Sprint(hook.kinds(t)); kinds != "[cannot-check recovered finding gone]" {
		t.Error(kinds)
	}
	front.seen()
	goesOn(t, a, front, args)
}

// goesOn starts the watch again: it reads nothing twice and tells nothing twice.
func goesOn(t *testing.T, a *auditor, front *watched, args []string) {
	t.Helper()
	w := a.watch(append(args, "--until-finding")...)
	w.begun()
	readNothingTwice(t, front)
	front.set(func(f *watched) { f.lie = wrongFlows })
	w.exits(1)
	w.event(0, "finding")
	w = a.watch(args...)
	w.begun()
	w.rounds(1)
	if told := w.told(); len(told) > 0 {
		t.Errorf("told again: %+v", told)
	}
	front.set(func(f *watched) { f.lie = nil })
	w.event(0, "gone")
	w.stop(1)
}

// behindLast begins a watch behind an audit that verify made, as a witness. SPEC(CLI-98)
func behindLast(t *testing.T, a *auditor, front *watched, own string) {
	t.Helper()
	check(t, os.Remove(own))
	if r, said := a.verify("--node", front.url); r.ExitCode != 0 {
		t.Fatalf("%+v, %s", r.Findings(), said)
	}
	key := filepath.Join(a.dir, "witness.key")
	if out, err := exec.CommandContext(a.ctx, a.program, "key", "witness", "auditor.example/w", "-o", key).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	front.seen()
	w := a.watch("--node", front.url, "--witness-key", key)
	w.begun()
	readNothingTwice(t, front)
	w.until("a cosignature", func() bool {
		code, note := w.page("/checkpoint")
		return code == http.StatusOK && strings.Contains(note, "\n— auditor.example/w ")
	})
	w.stop(0)
}

// readNothingTwice wants that neither the log nor the headers were read from their
// beginning.
func readNothingTwice(t *testing.T, front *watched) {
	t.Helper()
	for _, path := range front.seen() {
		// A page of one entry is a sample's.
		again := strings.HasPrefix(path, "/v1/entries?from=0&") && !strings.HasSuffix(path, "&limit=1")
		if again || strings.HasPrefix(path, "/v1/headers?from=1&") {
			t.Errorf("read again: %s", path)
		}
	}
}

// watchExpires: under a trusted header the trust goes on with the ledger, and
// expires where that stands still. SPEC(VER-80), SPEC(VER-81)
func watchExpires(t *testing.T, program string) {
	node, a, submit := watchedLedger(t, program)
	at := joinStatusOf(t, node.url).Header
	w := a.watch("--node", node.url, "--trust", fmt.Sprintf("%d:%s", at.Height, at.Hash), "--trusting-period", "8s")
	w.begun()
	expires := func() (at float64) {
		_, text := w.page("/metrics")
		_, text, _ = strings.Cut(text, "\ntokentrail_watch_trust_expires_timestamp_seconds ")
		if _, err := fmt.Sscan(text, &at); err != nil {
			t.Fatal(err)
		}
		return at
	}
	first := expires()
	submit(2)
	w.shows("verified_entries 2")
	if then := expires(); then <= first || then < float64(time.Now().Unix()) {
		t.Errorf("the trust expires at %f, first at %f", then, first)
	}
	if e := w.event(0, "trust-expires"); e.Verdict != verify.Holds || !strings.Contains(e.Says, "newer trusted header") {
		t.Errorf("%+v", e)
	}
	w.exits(3)
	if e := w.event(1, "cannot-check"); e.Verdict != verify.Expired {
		t.Errorf("%+v", e)
	}
}

// watchExpiresWithEvidence: a watch whose trust expired ends, whatever it has found that
// stays found, with the worst of both. SPEC(VER-82)
func watchExpiresWithEvidence(t *testing.T, program string) {
	node, a, _ := watchedLedger(t, program)
	at := joinStatusOf(t, node.url).Header
	front := watchedNode(t, node.url)
	front.set(func(f *watched) {
		f.lie = func(path string, body []byte) []byte {
			if path == "/v1/entries" {
				body[len(body)/2] ^= 1
			}
			return body
		}
	})
	w := a.watch("--node", front.url, "--trust", fmt.Sprintf("%d:%s", at.Height, at.Hash), "--trusting-period", "6s")
	if e := w.event(0, "finding"); e.Verdict != verify.Evidence {
		t.Errorf("%+v", e)
	}
	w.until("the end", func() bool { return strings.Contains(w.said(), "the watch ends: evidence against") })
	w.exits(1)
}

// watchIsStopped stops a watch in its first audit, which is saved, and one whose
// node never answered. SPEC(CLI-99), SPEC(CLI-100)
func watchIsStopped(t *testing.T, program string) {
	node, a, _ := watchedLedger(t, program)
	front := watchedNode(t, node.url)
	front.set(func(f *watched) { f.stuck = "/v1/state" })
	w := a.watch("--node", front.url)
	w.until("the state", func() bool {
		return slices.ContainsFunc(front.seen(), func(path string) bool { return strings.HasPrefix(path, "/v1/state?") })
	})
	w.stop(2)
	open, err := filepath.Glob(filepath.Join(a.dir, "state", "tokentrail", "ledgers", "*", "watch-genesis.open"))
	if err != nil || len(open) != 1 || len(w.told()) > 0 {
		t.Errorf("%v, %v, %+v", open, err, w.told())
	}
	front.set(func(f *watched) { f.stuck = "" })
	w = a.watch("--node", front.url)
	w.begun()
	w.stop(0)
	if left, _ := filepath.Glob(open[0]); len(left) > 0 {
		t.Errorf("%v is left behind", left)
	}
	check(t, os.WriteFile(strings.TrimSuffix(open[0], ".open"), []byte("no audit"), 0o600))
	w = a.watch("--node", front.url)
	w.exits(2)
	if !strings.Contains(w.said(), "--anew") {
		t.Error(w.said())
	}
	w = a.watch("--node", front.url, "--anew")
	w.begun()
	w.stop(0)
	behindLast(t, a, front, strings.TrimSuffix(open[0], ".open"))
	other := *a
	other.genesis[0]++
	w = other.watch("--node", front.url, "--until-finding")
	w.exits(1)
	if e := w.event(0, "finding"); e.Findings[0].Code != verify.CodeGenesisHash || e.Height != 0 {
		t.Errorf("%+v", e)
	}

	front.set(func(f *watched) { f.down = true })
	w = a.watch("--node", front.url, "--state", "none")
	w.event(0, "cannot-check")
	front.set(func(f *watched) { f.down = false })
	w.begun()
	w.event(1, "recovered")
	w.stop(2)
}
