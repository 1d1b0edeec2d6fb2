package main

import (
	"bytes"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tokentrail/ledger/api"
	"tokentrail/provenance"
)

// quiet is a logger for nodes whose words nobody reads.
func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// TestDemo runs the README's first command.
func TestDemo(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"demo", "--exit"}, &stdout, &stderr); code != exitOK {
		t.Fatalf("exit code %d\n%s%s", code, stdout.String(), stderr.String())
	}
	for _, want := range []string{"19,366 requests", "22,361,870", "4,088,665", "HOLDS (exit 0)", "dataset corpus", "production painter-8b", "committed to: true", "cn-gb45438-2025   holds"} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("the output lacks %q:\n%s", want, stdout.String())
		}
	}
	if left, _ := os.ReadDir(os.Getenv("TMPDIR")); len(left) > 0 {
		t.Errorf("the demo left %v behind", left)
	}
}

// TestDemoPort: an address that is in use is told of with the flag that gives it.
func TestDemoPort(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"demo", "--exit", "--http", taken.Addr().String()}, &stdout, &stderr)
	want := "listen for http at " + taken.Addr().String() + ": "
	if code == exitOK || !strings.Contains(stderr.String(), want) || !strings.Contains(stderr.String(), "choose another address with --http") {
		t.Errorf("exit code %d\n%s", code, stderr.String())
	}
}

// TestIndependentCheck lets a script that shares no code with us check an entry,
// its receipt and a record, and then each of them with a byte changed.
func TestIndependentCheck(t *testing.T) {
	p := newProvider(t, "acme")
	node := startTestNode(t, p)
	for _, sub := range p.submissions(t, traceRecords(t)[:3000], 1000) {
		if a := post(t, node.url(), sub); a.status != http.StatusCreated {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	files := map[string]string{
		"statement.cbor": "/entries/1/statement",
		"record.cbor":    "/entries/1/records/7",
		"receipt.cbor":   "/entries/1",
		"genesis.json":   "/v1/genesis",
		"keys.cbor":      "/.well-known/scitt-keys",
	}
	dir := t.TempDir()
	for name, path := range files {
		a := request(t, http.MethodGet, node.url()+path, "", nil)
		if a.status != http.StatusOK {
			t.Fatalf("%s: %d", path, a.status)
		}
		if err := os.WriteFile(filepath.Join(dir, name), a.body, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := independentCheck(t, dir)
	if err != nil || !strings.Contains(out, "13 passed, 0 failed") {
		t.Fatalf("%v\n%s", err, out)
	}
	for name := range files {
		path := filepath.Join(dir, name)
		right, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		wrong := bytes.Clone(right)
		wrong[len(wrong)*2/3] ^= 1
		if err := os.WriteFile(path, wrong, 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := independentCheck(t, dir); err == nil {
			t.Errorf("with a byte of %s changed the check still passes:\n%s", name, out)
		}
		if err := os.WriteFile(path, right, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func independentCheck(t *testing.T, dir string) (string, error) {
	t.Helper()
	if _, err := os.Stat("../../spec/independent/node_modules/cbor-x"); err != nil {
		t.Fatal("spec/independent lacks its npm packages: run 'make needs'")
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal("Node.js is missing: run 'make needs'")
	}
	out, err := exec.Command(node, "../../spec/independent/check.mjs", dir).CombinedOutput()
	return string(out), err
}

// TestSubmissionErrors wants its own clear answer to each way of going wrong.
func TestSubmissionErrors(t *testing.T) {
	p, stranger := newProvider(t, "acme"), newProvider(t, "stranger")
	node := startTestNode(t, p)
	records := traceRecords(t)[:40]
	first := p.next(t, records[:10])
	second := p.next(t, records[10:20])

	accepted := post(t, node.url(), first)
	if accepted.status != http.StatusCreated {
		t.Fatalf("%d %s", accepted.status, accepted.body)
	}
	again := post(t, node.url(), first)
	if again.status != http.StatusCreated || again.header.Get("Location") != accepted.header.Get("Location") {
		t.Errorf("the same statement again: %d at %s, first at %s", again.status, again.header.Get("Location"), accepted.header.Get("Location"))
	}

	head := p.previous
	far, _ := p.sign(t, 99, head, records[:1])
	fork, _ := p.sign(t, 0, nil, records[5:6])
	unknown := stranger.next(t, records[:1])
	impostor := &provider{id: p.id, stream: p.stream, key: stranger.key}
	wrongKey, _ := impostor.sign(t, 1, head, records[:1])
	badSignature := bytes.Clone(second)
	sub, err := provenance.ParseSubmission(second)
	if err != nil {
		t.Fatal(err)
	}
	raw := sub.Statement.Raw()
	at := bytes.Index(badSignature, raw)
	badSignature[at+len(raw)-20] ^= 1

	other, err := provenance.ParseSubmission(first)
	if err != nil {
		t.Fatal(err)
	}
	swapped := (&provenance.Submission{Statement: sub.Statement, Frame: other.Frame}).Encode()

	late, err := (&provenance.Record{
		Kind: provenance.Consumption, Time: time.Now().Add(time.Hour).UnixMilli(), Usage: &provenance.Usage{},
		Using: &provenance.Place{Country: "US", Known: provenance.Asserted},
	}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	future, _ := p.sign(t, 1, head, [][]byte{late})

	for _, c := range []struct {
		name   string
		body   []byte
		media  string
		status int
		code   string
	}{
		{"gap", far, provenance.SubmissionMediaType, 409, "gap:"},
		{"unknown issuer", unknown, provenance.SubmissionMediaType, 403, "unknown-issuer:"},
		{"key that is not the issuer's", wrongKey, provenance.SubmissionMediaType, 403, "unknown-key:"},
		{"bad signature", badSignature, provenance.SubmissionMediaType, 400, "signature:"},
		{"records of another batch", swapped, provenance.SubmissionMediaType, 400, "root:"},
		{"a record from the future", future, provenance.SubmissionMediaType, 400, "future:"},
		{"garbage", []byte("hello"), provenance.SubmissionMediaType, 400, "envelope:"},
		{"nothing", nil, provenance.SubmissionMediaType, 400, ""},
		{"too large", make([]byte, provenance.MaxSubmissionBytes+1), provenance.SubmissionMediaType, 413, "size:"},
		{"another media type", first, "application/json", 415, "media-type:"},
		{"statement without records", raw, "application/cose", 400, "payload-missing:"},
	} {
		a := request(t, http.MethodPost, node.url()+"/entries", c.media, c.body)
		if detail := detailOf(t, a); a.status != c.status || !strings.Contains(detail, c.code) {
			t.Errorf("%s: %d %q, want %d and %q", c.name, a.status, detail, c.status, c.code)
		}
	}
	if a := post(t, node.url(), second); a.status != http.StatusCreated {
		t.Errorf("after all that the next statement is not taken: %d %s", a.status, a.body)
	}
	if size := status(t, node.url()).LogSize; size != 2 {
		t.Errorf("the log has %d entries, want 2", size)
	}
	// The node brings a fork before the ledger, which closes the stream (SPEC(EQV-5)):
	// what comes before that is taken, and what comes after it refused at once.
	if a := post(t, node.url(), fork); a.status != http.StatusConflict || !strings.Contains(detailOf(t, a), "fork:") {
		t.Errorf("fork: %d %s", a.status, a.body)
	}
	for i := 20; ; i++ {
		a := post(t, node.url(), p.next(t, records[i:i+1]))
		if a.status == http.StatusConflict && strings.Contains(detailOf(t, a), "fork:") {
			return
		}
		if a.status != http.StatusCreated || i == len(records)-1 {
			t.Fatalf("statement %d behind the fork: %d %s", i-19, a.status, a.body)
		}
	}
}

// TestReopen stops a node and starts it again on the same home.
func TestReopen(t *testing.T) {
	p := newProvider(t, "acme")
	o := &initOptions{home: t.TempDir() + "/node", chainID: "test-1", moniker: "test", http: "127.0.0.1:0", p2p: "127.0.0.1:0", providers: []string{p.flag(t)}}
	if err := initHome(o); err != nil {
		t.Fatal(err)
	}
	records := traceRecords(t)
	var before nodeStatus
	for round := range 3 {
		d, err := startDaemon(t.Context(), o.home, api.Limits{}, quiet())
		if err != nil {
			t.Fatal(err)
		}
		if err := d.node.WaitHeight(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		if round > 0 {
			if now := status(t, d.url()); now.AppHash != before.AppHash || now.LogSize != before.LogSize {
				t.Errorf("reopened with %+v, closed with %+v", now, before)
			}
		}
		if a := post(t, d.url(), p.next(t, records[round*10:round*10+10])); a.status != http.StatusCreated {
			t.Errorf("round %d: %d %s", round, a.status, a.body)
		}
		before = status(t, d.url())
		if err := d.close(); err != nil {
			t.Error(err)
		}
	}
}

// TestHTTPLimits: behind a proxy no limit by address is below the one for all.
func TestHTTPLimits(t *testing.T) {
	if httpLimits(false) != (api.Limits{}) {
		t.Error("without a proxy the defaults hold")
	}
	l := httpLimits(true)
	if l.AddressPosts < l.Posts || l.AddressBytes < l.PostBytes || l.AddressAnswers < l.Answers || l.Posts == 0 || l.AddressExpansions < l.Posts {
		t.Errorf("%+v", l)
	}
}
