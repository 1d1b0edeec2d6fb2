package remote

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"tokentrail/provenance"
	"tokentrail/verify"
)

// serve starts a node that answers with a handler.
func serve(t *testing.T, h http.HandlerFunc, o Options) *Node {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	if o.Backoff == 0 {
		o.Backoff = time.Millisecond
	}
	n, err := New(s.URL+"/", o)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestRequests(t *testing.T) {
	var asked string
	n := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = r.Method + " " + r.URL.RequestURI()
		switch {
		case strings.HasPrefix(r.URL.Path, "/v1/flows"), strings.HasPrefix(r.URL.Path, "/v1/status"):
			fmt.Fprint(w, `{"format":1}`)
		case strings.HasPrefix(r.URL.Path, "/v1/state"):
			w.Write([]byte{0x84, 0x80, 0x01, 0x40, 0x80})
		case strings.HasPrefix(r.URL.Path, "/v1/entries"):
			w.Write([]byte{0x83, 0x07, 0x41, 1, 0x41, 2})
		case strings.HasPrefix(r.URL.Path, "/v1/headers"):
			w.Write([]byte{0x41, 9})
		default:
			w.Write([]byte("x"))
		}
	}, Options{})
	ctx := context.Background()
	since := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	for want, call := range map[string]func() error{
		"GET /v1/status":                       func() error { _, err := n.Status(ctx); return err },
		"GET /v1/genesis":                      func() error { _, err := n.Genesis(ctx); return err },
		"GET /v1/headers?from=3&limit=10":      func() error { _, err := n.Headers(ctx, 3, 10); return err },
		"GET /v1/entries?from=7&limit=1":       func() error { _, err := n.Entries(ctx, 7, 1); return err },
		"GET /v1/state?key=stream%2Facme%2Fus": func() error { _, err := n.State(ctx, "stream/acme/us"); return err },
		"GET /v1/flows?limit=5&offset=10&size=7": func() error {
			_, err := n.Flows(ctx, provenance.FlowQuery{}, verify.FlowsPage{Offset: 10, Limit: 5, Size: 7})
			return err
		},
		"GET /checkpoint":                     func() error { _, err := n.Checkpoint(ctx); return err },
		"GET /.well-known/scitt-keys":         func() error { _, err := n.Keys(ctx); return err },
		"GET /entries/5":                      func() error { _, err := n.Receipt(ctx, 5); return err },
		"GET /entries/ab%2Fc/statement":       func() error { _, err := n.Statement(ctx, "ab/c"); return err },
		"GET /entries/5/records/2":            func() error { _, err := n.RecordProof(ctx, 5, 2); return err },
		"GET /proof/inclusion?index=1&size=2": func() error { _, err := n.Inclusion(ctx, 1, 2); return err },
		"GET /proof/consistency?from=1&to=2":  func() error { _, err := n.Consistency(ctx, 1, 2); return err },
		"GET /v1/flows?by=day%2Cmodel&from=US&kind=transfer&limit=7&side=exporter&since=2026-01-02T03%3A00%3A00Z&to=CN": func() error {
			_, err := n.Flows(ctx, provenance.FlowQuery{From: "US", To: "CN", Since: since, By: []string{"day", "model"},
				Kinds: []provenance.Kind{provenance.Transfer}, Sides: []provenance.Side{provenance.Exporter}}, verify.FlowsPage{Limit: 7})
			return err
		},
	} {
		if err := call(); err != nil || asked != want {
			t.Errorf("asked %s, wanted %s: %v", asked, want, err)
		}
	}
}

// TestPasswordIsNotTold: a name and password of a node go to it, and into nothing that is
// said: errors come to reports, logs and webhooks.
func TestPasswordIsNotTold(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, password, ok := r.BasicAuth()
		switch {
		case !ok || name != "auditor" || password != "p:w d":
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == "/v1/genesis":
			w.Write([]byte("x"))
		case r.URL.Path == "/v1/status":
			w.Write([]byte("{"))
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer s.Close()
	n, err := New(strings.Replace(s.URL, "://", "://auditor:p%3Aw%20d@", 1), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if b, err := n.Genesis(t.Context()); err != nil || string(b) != "x" {
		t.Errorf("%q, %v", b, err)
	}
	_, status := n.Status(t.Context())
	_, keys := n.Keys(t.Context())
	s.Close()
	_, down := n.Genesis(t.Context())
	for _, err := range []error{status, keys, down} {
		if err == nil || strings.Contains(err.Error(), "auditor") || strings.Contains(err.Error(), "p%3A") || strings.Contains(err.Error(), "p:w") {
			t.Error(err)
		}
	}
	if n.URL() != s.URL {
		t.Error(n.URL())
	}
}

func TestAddresses(t *testing.T) {
	for _, bad := range []string{"", "ftp://x", "http://", "http://%zz", "://"} {
		if _, err := New(bad, Options{}); err == nil || !strings.Contains(err.Error(), "http://127.0.0.1:7480") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	n, err := New("localhost:8080/ledger/?x=1#y", Options{})
	if err != nil || n.URL() != "http://localhost:8080/ledger" {
		t.Errorf("%v, %v", n, err)
	}
}

// TestCutShort: a body that ends early is an error on every way it can end.
func TestCutShort(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"less than announced": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "100")
			w.Write([]byte{0x41, 9})
		},
		"chunked without an end": func(w http.ResponseWriter, r *http.Request) {
			w.Write([]byte{0x41, 9})
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		},
		"not gzip": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write([]byte("\x1f\x8b nothing of the kind"))
		},
	} {
		n := serve(t, h, Options{Retries: 1})
		if page, err := n.Headers(context.Background(), 1, 10); err == nil {
			t.Errorf("%s: %x is taken for an answer", name, page)
		}
	}
}

func TestHugeBody(t *testing.T) {
	var sent atomic.Int64
	n := serve(t, func(w http.ResponseWriter, r *http.Request) {
		block := make([]byte, 1<<20)
		for range 256 {
			if _, err := w.Write(block); err != nil {
				return
			}
			sent.Add(1)
		}
	}, Options{})
	_, err := n.Status(context.Background())
	if !errors.Is(err, verify.ErrAnswer) || !strings.Contains(err.Error(), "more than the 1048576 bytes") {
		t.Error(err)
	}
	if sent.Load() > 64 {
		t.Errorf("%d MiB were read", sent.Load())
	}
}

// TestHugeWhenExpanded: the bound is on what an answer expands to.
func TestHugeWhenExpanded(t *testing.T) {
	n := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(gzipped(bytes.Repeat([]byte{' '}, 8<<20)))
	}, Options{})
	if _, err := n.Checkpoint(context.Background()); !errors.Is(err, verify.ErrAnswer) {
		t.Error(err)
	}
}

func TestSlowBody(t *testing.T) {
	n := serve(t, func(w http.ResponseWriter, r *http.Request) {
		for {
			if _, err := w.Write([]byte{0x41, 9}); err != nil {
				return
			}
			w.(http.Flusher).Flush()
			select {
			case <-r.Context().Done():
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}, Options{Timeout: 60 * time.Millisecond, Retries: -1})
	began := time.Now()
	_, err := n.Genesis(context.Background())
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "slow") || time.Since(began) > 3*time.Second {
		t.Errorf("%v after %s", err, time.Since(began))
	}
}

func problemOf(t *testing.T, title, detail string) []byte {
	b, err := cbor.Marshal(map[int]string{-1: title, -2: detail})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestProblems(t *testing.T) {
	const form = "application/concise-problem-details+cbor"
	for _, c := range []struct {
		status  int
		form    string
		body    []byte
		missing bool
		says    string
	}{
		{404, form, problemOf(t, "Not Found", "not-found: no entry 9"), true, "404 Not Found: Not Found: not-found: no entry 9"},
		{404, "text/html", []byte("<html>"), false, "is this the address of a tokentrail node?"},
		{404, form, []byte("garbage"), false, "is this the address of a tokentrail node?"},
		{400, form, problemOf(t, "Malformed request", "value: limit: \x1b[2J9999"), false, "limit:  [2J9999"},
		{500, "", nil, false, "500 Internal Server Error"},
		{204, "", nil, false, "not committed yet"},
		{302, "", nil, false, ""},
	} {
		n := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", c.form)
			w.WriteHeader(c.status)
			w.Write(c.body)
		}, Options{Retries: -1})
		_, err := n.Receipt(context.Background(), 9)
		var e *Error
		if !errors.As(err, &e) || errors.Is(err, verify.ErrMissing) != c.missing || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), n.URL()) {
			t.Errorf("%d %s: %v", c.status, c.form, err)
		}
	}
}

func TestRetries(t *testing.T) {
	for _, c := range []struct {
		name    string
		status  int
		fails   int64
		retries int
		tries   int64
		ok      bool
	}{
		{"busy once", 429, 1, 0, 2, true},
		{"starting, then up", 503, 4, 0, 5, true},
		{"always busy", 503, 99, 2, 3, false},
		{"never again", 503, 1, -1, 1, false},
		{"an error is an answer", 400, 1, 0, 1, false},
	} {
		var tries atomic.Int64
		n := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if tries.Add(1) <= c.fails {
				w.Header().Set("Retry-After", "0")
				w.WriteHeader(c.status)
				return
			}
			w.Write([]byte("ok"))
		}, Options{Retries: c.retries})
		_, err := n.Checkpoint(context.Background())
		if (err == nil) != c.ok || tries.Load() != c.tries {
			t.Errorf("%s: %d tries, %v", c.name, tries.Load(), err)
		}
	}
}

func TestRetryAfterIsBounded(t *testing.T) {
	n := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "60000")
		w.WriteHeader(503)
	}, Options{Retries: 2, MaxPause: 20 * time.Millisecond})
	began := time.Now()
	_, err := n.Checkpoint(context.Background())
	if err == nil || time.Since(began) > 3*time.Second {
		t.Errorf("%v after %s", err, time.Since(began))
	}
}

func TestRefusedConnection(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	n, err := New(listener.Addr().String(), Options{Retries: 1, Backoff: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	_, err = n.Status(context.Background())
	if err == nil || !strings.Contains(err.Error(), "is the node running") {
		t.Error(err)
	}
}

func TestCancelStopsRetries(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	n := serve(t, func(w http.ResponseWriter, r *http.Request) {
		cancel()
		w.WriteHeader(503)
	}, Options{Backoff: time.Hour, MaxPause: time.Hour})
	if _, err := n.Status(ctx); err == nil {
		t.Error("a cancelled request has an answer")
	}
}

func FuzzProblem(f *testing.F) {
	f.Add([]byte("\xa2\x20\x61a\x21\x61b"))
	f.Add([]byte("\xa1\x20\xd8\x26\x82\x62en\x61a"))
	f.Add([]byte("\xbf\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		title, detail := decodeProblem(b)
		if strings.ContainsAny(title+detail, "\x00\x1b\r\n") {
			t.Errorf("%q %q", title, detail)
		}
	})
}

func gzipped(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(b)
	_ = w.Close()
	return out.Bytes()
}
