package main

import (
	"bytes"
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tokentrail/provenance"
)

// asProgram makes the test binary be tokentrail.
const asProgram = "TOKENTRAIL_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	testMain(m)
}

// A provider has a key, a state directory and files of records.
type testProvider struct {
	t   *testing.T
	dir string
	key crypto.Signer
}

func newTestProvider(t *testing.T) *testProvider {
	t.Helper()
	p := &testProvider{t: t, dir: t.TempDir()}
	var err error
	if p.key, err = provenance.GenerateKey(provenance.AlgEdDSA); err != nil {
		t.Fatal(err)
	}
	cheap := provenance.DefaultKeyCost()
	cheap.Passes, cheap.KiB, cheap.Lanes = 1, 8, 1
	sealed, err := provenance.SealKey(p.key, []byte("a passphrase"), cheap)
	if err != nil {
		t.Fatal(err)
	}
	public, err := provenance.NewPublicKey(p.key.Public())
	if err != nil {
		t.Fatal(err)
	}
	if err := createKey(filepath.Join(p.dir, "acme.key"), sealed, public); err != nil {
		t.Fatal(err)
	}
	return p
}

// records writes a file of n records and returns its path and content.
func (p *testProvider) records(name string, n int, change func(i int, r *provenance.Record)) (string, []byte) {
	p.t.Helper()
	var b []byte
	for i := range n {
		r := &provenance.Record{
			Kind: provenance.Production, Time: 1700158546680 + int64(i)*7919,
			Model:   &provenance.Model{Name: "m", Known: provenance.Asserted},
			Usage:   &provenance.Usage{Input: int64(i), Output: 3},
			Serving: &provenance.Place{Country: "US", Known: provenance.Asserted},
			Ref:     fmt.Appendf(nil, "%s-%d", name, i),
		}
		if change != nil {
			change(i, r)
		}
		raw, err := r.Encode()
		if err != nil {
			p.t.Fatal(err)
		}
		b = append(b, raw...)
	}
	path := filepath.Join(p.dir, name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		p.t.Fatal(err)
	}
	return path, b
}

func (p *testProvider) args(l *fakeLedger, input string, more ...string) []string {
	args := []string{"submit", input, "--node", l.server.URL}
	for _, flag := range [][2]string{
		{"--key", filepath.Join(p.dir, "acme.key")}, {"--issuer", "acme"}, {"--stream", "usage"}, {"--batch", "20"},
		{"--state", filepath.Join(p.dir, "state")}, {"--output", "json"},
	} {
		if !slices.Contains(more, flag[0]) {
			args = append(args, flag[:]...)
		}
	}
	return append(args, more...)
}

// submit runs the command and returns its exit code, JSON and standard error.
func (p *testProvider) submit(ctx context.Context, args []string) (int, map[string]any, string) {
	p.t.Helper()
	var stdout, stderr bytes.Buffer
	env := func(name string) string { return map[string]string{envPassphrase: "a passphrase"}[name] }
	code := run(ctx, args, strings.NewReader(""), &stdout, &stderr, env)
	var doc map[string]any
	if err := json.Unmarshal(stdout.Bytes(), &doc); err != nil {
		p.t.Fatalf("exit %d, not one JSON document: %v\n%s%s", code, err, stdout.String(), stderr.String())
	}
	return code, doc, stderr.String()
}

// failed wants an exit code and an error that says all of the words.
func (p *testProvider) failed(args []string, code int, words ...string) {
	p.t.Helper()
	got, doc, _ := p.submit(p.t.Context(), args)
	problem, _ := doc["error"].(map[string]any)
	message, _ := problem["message"].(string)
	if got != code || problem["exit"] != float64(code) {
		p.t.Errorf("exit %d, wanted %d: %v", got, code, doc)
	}
	for _, w := range words {
		if !strings.Contains(message, w) {
			p.t.Errorf("%q does not say %q", message, w)
		}
	}
}

func (p *testProvider) succeeded(args []string) map[string]any {
	p.t.Helper()
	code, doc, stderr := p.submit(p.t.Context(), args)
	if code != exitOK {
		p.t.Fatalf("exit %d: %v\n%s", code, doc, stderr)
	}
	return doc
}

func wantSequence(t *testing.T, l *fakeLedger, want []byte, statements int) {
	t.Helper()
	got, n := l.sequence("acme/usage")
	if !bytes.Equal(got, want) {
		t.Errorf("the ledger has %d bytes of records, wanted %d; or others", len(got), len(want))
	}
	if statements > 0 && n != statements {
		t.Errorf("%d statements, wanted %d", n, statements)
	}
}

func TestSubmit(t *testing.T) {
	p := newTestProvider(t)
	l := newFakeLedger(t, p.key)
	a, aBytes := p.records("a", 1010, nil)
	doc := p.succeeded(p.args(l, a))
	wantSequence(t, l, aBytes, 51)
	for name, want := range map[string]float64{
		"format": 1, "statements": 51, "records": 1010, "input_records": 1010, "input_tokens": 1009 * 505, "output_tokens": 3030,
		"first_entry": 0, "last_entry": 50, "first_sequence": 0, "last_sequence": 50, "resent": 0, "already_submitted": 0,
	} {
		if doc[name] != want {
			t.Errorf("%s is %v, wanted %v", name, doc[name], want)
		}
	}

	// The same input again does nothing; another one follows.
	if doc := p.succeeded(p.args(l, a)); doc["statements"] != 0.0 || doc["already_submitted"] != 1010.0 {
		t.Errorf("again: %v", doc)
	}
	b, bBytes := p.records("b", 30, nil)
	if doc := p.succeeded(p.args(l, b)); doc["first_sequence"] != 51.0 || doc["last_entry"] != 52.0 {
		t.Errorf("another: %v", doc)
	}
	wantSequence(t, l, append(aBytes, bBytes...), 53)

	// A file that grew is refused: its beginning was counted.
	grown := filepath.Join(p.dir, "grown")
	if err := os.WriteFile(grown, append(bytes.Clone(bBytes), aBytes...), 0o600); err != nil {
		t.Fatal(err)
	}
	p.failed(p.args(l, grown), exitAgainst, "which was submitted to this stream before", "a file of its own")
}

func TestSubmitThroughFaults(t *testing.T) {
	for _, share := range []float64{0.1, 0.4} {
		p := newTestProvider(t)
		l := newFakeLedger(t, p.key)
		l.fail(share)
		a, content := p.records("a", 1500, nil)
		p.succeeded(p.args(l, a, "--window", "64"))
		wantSequence(t, l, content, 75)
	}
}

// TestSubmitKilled kills the program with SIGKILL at random moments, and runs
// it again until it is done: every record is on the ledger once, in order.
func TestSubmitKilled(t *testing.T) {
	rounds, later := 3, 20
	if testing.Short() {
		rounds, later = 1, 200 // under the race detector a start alone takes long
	}
	for range rounds {
		p := newTestProvider(t)
		l := newFakeLedger(t, p.key)
		l.fail(0.1)
		a, aBytes := p.records("a", 1500, nil)
		b, bBytes := p.records("b", 300, nil)
		kills := 0
		for i, input := range []string{a, b} {
			for tries := 0; ; tries++ {
				if tries > 200 {
					t.Fatal("it does not end")
				}
				cmd := exec.Command(os.Args[0], p.args(l, input, "--batch", fmt.Sprint(10+rand.N(20)))...)
				cmd.Env = append(os.Environ(), asProgram+"=1", envPassphrase+"=a passphrase")
				var stderr bytes.Buffer
				cmd.Stderr = &stderr
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				timer := time.AfterFunc(time.Duration(20+rand.N(150+later*tries))*time.Millisecond, func() { cmd.Process.Kill() })
				err := cmd.Wait()
				timer.Stop()
				if err == nil {
					break
				}
				if cmd.ProcessState.Exited() {
					t.Fatalf("exit %d: %s", cmd.ProcessState.ExitCode(), stderr.String())
				}
				kills++
			}
			if i == 0 {
				wantSequence(t, l, aBytes, 0)
			}
		}
		wantSequence(t, l, append(aBytes, bBytes...), 0)
		t.Logf("%d kills", kills)
	}
}

func TestSubmitInterrupted(t *testing.T) {
	p := newTestProvider(t)
	l := newFakeLedger(t, p.key)
	a, content := p.records("a", 3000, nil)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { l.wait(30); cancel() }()
	code, doc, _ := p.submit(ctx, p.args(l, a, "--window", "2"))
	message := fmt.Sprint(doc["error"])
	if code != exitCouldNot || !strings.Contains(message, "interrupted") || !strings.Contains(message, "run the same command again") {
		t.Errorf("exit %d: %v", code, doc)
	}
	p.succeeded(p.args(l, a))
	wantSequence(t, l, content, 150)
}

func TestLedgerAheadOfJournal(t *testing.T) {
	p := newTestProvider(t)
	l := newFakeLedger(t, p.key)
	a, _ := p.records("a", 100, nil)
	p.succeeded(p.args(l, a))
	b, _ := p.records("b", 100, nil)
	p.failed(p.args(l, b, "--state", filepath.Join(p.dir, "elsewhere")), exitAgainst, "is at sequence 4", "only at -1", "--state", "--stream")
}

// TestAnotherStream: what one stream has is submitted to another only if that
// is said.
func TestAnotherStream(t *testing.T) {
	p := newTestProvider(t)
	l := newFakeLedger(t, p.key)
	a, _ := p.records("a", 100, nil)
	b, _ := p.records("b", 100, nil)
	p.succeeded(p.args(l, a))
	p.failed(p.args(l, a, "--stream", "other"), exitAgainst, "submitted to the stream usage", "counted twice", "--again")
	if _, n := l.sequence("acme/other"); n != 0 {
		t.Errorf("%d statements", n)
	}
	p.succeeded(p.args(l, b, "--stream", "other"))
	p.succeeded(p.args(l, a, "--stream", "other", "--again"))
	if doc := p.succeeded(p.args(l, a, "--stream", "other")); doc["already_submitted"] != 100.0 {
		t.Errorf("again: %v", doc)
	}
}

func TestForeignStatementInStream(t *testing.T) {
	p := newTestProvider(t)
	l := newFakeLedger(t, p.key)
	a, _ := p.records("a", 100, nil)
	b, _ := p.records("b", 100, nil)
	p.succeeded(p.args(l, a))
	l.mu.Lock()
	l.streams["acme/usage"].head.Statement[0] ^= 1
	l.mu.Unlock()
	p.failed(p.args(l, b), exitAgainst, "something else signs in this stream")
}

func TestLedgerPutBack(t *testing.T) {
	p := newTestProvider(t)
	l := newFakeLedger(t, p.key)
	a, _ := p.records("a", 100, nil)
	b, _ := p.records("b", 100, nil)
	p.succeeded(p.args(l, a))
	l.mu.Lock()
	delete(l.streams, "acme/usage")
	l.mu.Unlock()
	p.failed(p.args(l, b, "--patience", "1s"), exitCouldNot, "has receipts up to 4", "has not caught up")
}

func TestOneProcessAJournal(t *testing.T) {
	p := newTestProvider(t)
	l := newFakeLedger(t, p.key)
	a, _ := p.records("a", 10, nil)
	j, err := openJournal(filepath.Join(p.dir, "state"), journalID{Origin: l.origin, Issuer: "acme", Stream: "usage"})
	if err != nil {
		t.Fatal(err)
	}
	p.failed(p.args(l, a), exitCouldNot, "another process")
	j.close()
	p.succeeded(p.args(l, a))
}

func TestRefusedForGood(t *testing.T) {
	p := newTestProvider(t)
	l := newFakeLedger(t, p.key)
	a, content := p.records("a", 100, nil)
	l.refuse = func(h *provenance.BatchHeader) *problemError {
		if h.Sequence == 2 {
			return &problemError{Status: http.StatusForbidden, Title: "Rejected", Detail: "inactive-issuer: acme is suspended"}
		}
		return nil
	}
	p.failed(p.args(l, a, "--window", "1"), exitAgainst, "sequence 2: ", "403 Rejected: inactive-issuer: acme is suspended", "40 records acknowledged", "run the same command again")
	l.mu.Lock()
	l.refuse = nil
	l.mu.Unlock()
	if doc := p.succeeded(p.args(l, a)); doc["resent"] != 1.0 || doc["already_submitted"].(float64)+doc["records"].(float64) != 100 {
		t.Errorf("%v", doc)
	}
	wantSequence(t, l, content, 5)
}

func TestNodeAway(t *testing.T) {
	p := newTestProvider(t)
	l := newFakeLedger(t, p.key)
	a, content := p.records("a", 100, nil)
	l.fail(1)
	p.failed(p.args(l, a, "--patience", "300ms"), exitCouldNot, "nothing has succeeded", "")
	l.fail(0)
	args := p.args(l, a)
	args[3] = "http://127.0.0.1:1" // nothing answers there
	p.succeeded(append(args, "--node", l.server.URL))
	wantSequence(t, l, content, 5)
}

// TestWaits: what the ledger has taken and does not commit is told of, and
// waited for as long as patience lasts.
func TestWaits(t *testing.T) {
	t.Parallel()
	p := newTestProvider(t)
	l := newFakeLedger(t, p.key)
	l.stuck = true
	a, content := p.records("a", 100, nil)
	begun := time.Now()
	code, doc, stderr := p.submit(t.Context(), p.args(l, a, "--patience", "6s"))
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
	why := "the ledger has taken statement 0 and not committed it"
	if message := fmt.Sprint(doc["error"]); code != exitCouldNot || !strings.Contains(message, "nothing has succeeded for 6s: "+why) || !strings.Contains(message, "run the same command again") {
		t.Errorf("exit %d: %s", code, message)
	}
	if n := strings.Count(stderr, "waiting: "+why+"\n"); n != 1 {
		t.Errorf("told %d times, wanted once in six seconds: %s", n, stderr)
	}
	l.mu.Lock()
	l.stuck = false
	l.mu.Unlock()
	p.succeeded(p.args(l, a))
	wantSequence(t, l, content, 5)
}

func TestWaitsForARefusal(t *testing.T) {
	t.Parallel()
	p := newTestProvider(t)
	l := newFakeLedger(t, p.key)
	l.refuse = func(*provenance.BatchHeader) *problemError {
		return &problemError{Status: http.StatusServiceUnavailable, Title: "Unavailable", Detail: "unavailable: drained"}
	}
	a, _ := p.records("a", 10, nil)
	code, doc, stderr := p.submit(t.Context(), p.args(l, a, "--patience", "2s"))
	if message := fmt.Sprint(doc["error"]); code != exitCouldNot || !strings.Contains(message, "nothing has succeeded for 2s: the node at") {
		t.Errorf("exit %d: %s", code, message)
	}
	if !strings.Contains(stderr, "waiting: the node at "+l.server.URL+"/entries answers 503 Unavailable: unavailable: drained\n") {
		t.Errorf("told: %s", stderr)
	}
}

// TestFullNode: a node without room asks to be left alone for long; the submission
// goes to another one at once. SPEC(JRN-5)
func TestFullNode(t *testing.T) {
	p := newTestProvider(t)
	l := newFakeLedger(t, p.key)
	full := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			l.server.Config.Handler.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Retry-After", "60")
		problem(w, http.StatusInsufficientStorage, "Insufficient Storage", "room: the disk is nearly full")
	}))
	defer full.Close()
	a, content := p.records("a", 100, nil)
	begun := time.Now()
	args := p.args(l, a, "--node", l.server.URL)
	args[3] = full.URL // is asked first
	p.succeeded(args)
	if took := time.Since(begun); took > 20*time.Second {
		t.Errorf("it took %s", took)
	}
	wantSequence(t, l, content, 5)
}

func TestOtherLedgersNode(t *testing.T) {
	p := newTestProvider(t)
	l := newFakeLedger(t, p.key)
	other := newFakeLedger(t, p.key)
	other.origin = provenance.Origin("test-2", provenance.Hash{})
	a, _ := p.records("a", 100, nil)
	l.refuse = func(*provenance.BatchHeader) *problemError {
		return &problemError{Status: http.StatusServiceUnavailable, Title: "Unavailable", Detail: "unavailable: drained"}
	}
	p.failed(p.args(l, a, "--node", other.server.URL), exitAgainst, "serves the ledger tokentrail/test-2/", "the others serve")
}

func TestWrongReceipt(t *testing.T) {
	p := newTestProvider(t)
	l := newFakeLedger(t, p.key)
	a, _ := p.records("a", 10, nil)
	l.signer.Origin = "tokentrail/other/00"
	p.failed(p.args(l, a), exitAgainst, "does not hold", "origin")
}

func TestIssuerChecks(t *testing.T) {
	p := newTestProvider(t)
	l := newFakeLedger(t, p.key)
	a, _ := p.records("a", 10, nil)
	args := p.args(l, a)
	p.failed(p.args(l, a, "--issuer", "nobody"), exitAgainst, `no provider "nobody"`)
	l.provider.Status = provenance.ProviderSuspended
	p.failed(args, exitAgainst, "suspended")
	l.provider.Status = provenance.ProviderActive
	l.provider.Keys[0].Until = new(int64(3))
	p.failed(args, exitAgainst, "may not sign now: it may before height 3 only")
	l.provider.Keys[0].Revoked = new(int64(7))
	p.failed(args, exitAgainst, "it was revoked by the act that is entry 7")
	l.provider.Keys[0].StolenSince, l.provider.Keys[0].StolenHeight = new(int64(1)), new(int64(2))
	p.failed(args, exitAgainst, "it was declared stolen since height 2")
	if n := l.posts; n != 0 {
		t.Errorf("%d submissions were sent", n)
	}
}

// TestSplits submits what does not fit in a statement of the asked size.
func TestSplits(t *testing.T) {
	t.Run("cells", func(t *testing.T) {
		p := newTestProvider(t)
		l := newFakeLedger(t, p.key)
		a, content := p.records("a", 2000, func(i int, r *provenance.Record) { r.Time = int64(i) * 3_600_000 })
		p.succeeded(p.args(l, a, "--batch", "2000"))
		wantSequence(t, l, content, 0)
	})
	t.Run("frame", func(t *testing.T) {
		p := newTestProvider(t)
		l := newFakeLedger(t, p.key)
		a, content := p.records("a", 2000, func(i int, r *provenance.Record) {
			r.Label = &provenance.Label{Status: 1, ContentID: noise(128), PropagateID: noise(128), SourceType: noise(128), System: noise(128), Producer: noise(128)}
			r.Links = &provenance.Links{Response: noise(128), Generation: noise(128), A2ATask: noise(128)}
		})
		p.succeeded(p.args(l, a, "--batch", "4096"))
		wantSequence(t, l, content, 0)
	})
	t.Run("policy", func(t *testing.T) {
		p := newTestProvider(t)
		l := newFakeLedger(t, p.key)
		l.policy = provenance.Policy{Records: 30, ExpandedBytes: 1500, Cells: 2}
		a, content := p.records("a", 200, nil)
		p.succeeded(p.args(l, a, "--batch", "4096"))
		wantSequence(t, l, content, 0)
	})
	t.Run("record too long for the policy", func(t *testing.T) {
		p := newTestProvider(t)
		l := newFakeLedger(t, p.key)
		l.policy = provenance.Policy{RecordBytes: 10}
		a, _ := p.records("a", 20, nil)
		p.failed(p.args(l, a), exitAgainst, "size: records[0]", "policy allows 10")
	})
}

func noise(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('!' + rand.N(94))
	}
	return string(b)
}

func TestInputChecks(t *testing.T) {
	p := newTestProvider(t)
	l := newFakeLedger(t, p.key)
	a, content := p.records("a", 10, nil)
	if err := os.WriteFile(a, content[:len(content)-3], 0o600); err != nil {
		t.Fatal(err)
	}
	p.failed(p.args(l, a), exitAgainst, "record 9 (byte ", "not a file of records")
	if err := os.WriteFile(a, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p.failed(p.args(l, a), exitAgainst, "no records in it")
	a, _ = p.records("a", 10, func(i int, r *provenance.Record) {
		if i == 7 {
			r.Time = time.Now().Add(time.Hour).UnixMilli()
		}
	})
	p.failed(p.args(l, a), exitAgainst, "record 7 (byte ", "the time is in the future")
	p.failed(p.args(l, "-"), exitUsage, "standard input cannot be")
	p.failed(p.args(l, p.dir), exitAgainst, "not a regular file")
	p.failed(p.args(l, filepath.Join(p.dir, "none")), exitCouldNot, "no such file")
	if l.posts != 0 {
		t.Errorf("%d submissions were sent", l.posts)
	}
}

// TestState: a slip of the pen begins no journal elsewhere. SPEC(CLI-7)
func TestState(t *testing.T) {
	p := newTestProvider(t)
	l := newFakeLedger(t, p.key)
	a, _ := p.records("a", 10, nil)
	dir := p.succeeded(p.args(l, a))["journal"].(string)
	p.failed(p.args(l, a, "--state", a), exitAgainst, "--state "+a+" is a file; wanted the directory")
	p.failed(p.args(l, a, "--state", filepath.Join(a, "x")), exitCouldNot, "cannot be read")
	p.failed(p.args(l, a, "--state", filepath.Join(p.dir, "none", "state")), exitAgainst, "there is no directory "+filepath.Join(p.dir, "none")+" to make it in", "a second one of the same stream")
	p.failed(p.args(l, a, "--state", dir), exitAgainst, "is a stream's journal itself", "--state "+filepath.Join(p.dir, "state"))
	for _, name := range []string{"none", filepath.Join("state", "journal", "journal")} {
		if _, err := os.Stat(filepath.Join(p.dir, name)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestJournalDamage: what a journal cannot vouch for stops everything.
func TestJournalDamage(t *testing.T) {
	p := newTestProvider(t)
	l := newFakeLedger(t, p.key)
	a, _ := p.records("a", 100, nil)
	b, _ := p.records("b", 100, nil)
	dir := p.succeeded(p.args(l, a))["journal"].(string)
	name := func(n int64) string { return filepath.Join(dir, entryName(n, doneSuffix)) }
	restore := func(path string) func() {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return func() {
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	undo := restore(name(2))
	os.Remove(name(2))
	p.failed(p.args(l, b), exitAgainst, "sequence 1 is followed by 3")
	undo()
	undo = restore(name(4))
	os.WriteFile(name(4), []byte{0x80}, 0o600)
	p.failed(p.args(l, b), exitAgainst, "is damaged", "restore it from a copy")
	undo()
	undo = restore(filepath.Join(dir, journalFile))
	os.WriteFile(filepath.Join(dir, journalFile), []byte(`{"format": 1, "origin": "o", "issuer": "i", "stream": "s"}`), 0o600)
	p.failed(p.args(l, b), exitAgainst, "is of i/s on o")
	undo()
	os.WriteFile(filepath.Join(dir, tempPrefix+"left"), []byte("half"), 0o600)
	p.succeeded(p.args(l, b))
	if _, err := os.Stat(filepath.Join(dir, tempPrefix+"left")); !errors.Is(err, os.ErrNotExist) {
		t.Error("a temporary file was left")
	}
}
