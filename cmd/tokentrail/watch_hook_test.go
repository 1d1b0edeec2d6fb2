package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// hookTest is a webhook and what delivers to it.
type hookTest struct {
	*hooks
	t    *testing.T
	out  *lockedWriter
	said *bytes.Buffer // what went through out
}

// deliver starts to deliver to an address, with pauses and patience of a test.
func deliver(t *testing.T, address string) *hookTest {
	t.Helper()
	u, err := url.Parse(address + "/a-secret?token=another")
	if err != nil {
		t.Fatal(err)
	}
	h := &hookTest{t: t, said: &bytes.Buffer{}}
	h.out = &lockedWriter{w: h.said}
	say := func(format string, args ...any) { fmt.Fprintf(h.out, format+"\n", args...) }
	h.hooks = newHooks([]*url.URL{u}, [][]byte{bytes.Repeat([]byte{7}, 24)}, say, newWatchMetrics(false))
	h.first, h.client.Timeout = 5*time.Millisecond, 100*time.Millisecond
	return h
}

// event posts an event.
func (h *hookTest) event(id string, at time.Time) {
	h.t.Helper()
	body, err := (&watchEvent{Format: 1, ID: id, Event: eventFinding, Time: at.UTC().Format(time.RFC3339)}).JSON()
	if err != nil {
		h.t.Fatal(err)
	}
	h.post(id, body, at)
}

// until waits until a webhook has so many posts waiting.
func (h *hookTest) until(waiting int) {
	h.t.Helper()
	left := func() int {
		h.each[0].mu.Lock()
		defer h.each[0].mu.Unlock()
		return len(h.each[0].pending)
	}
	for end := time.Now().Add(10 * time.Second); left() != waiting; time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			h.t.Fatalf("%d posts wait, wanted %d", left(), waiting)
		}
	}
}

// untilSaid waits until something was said.
func (h *hookTest) untilSaid(text string) {
	h.t.Helper()
	said := func() string {
		h.out.mu.Lock()
		defer h.out.mu.Unlock()
		return h.said.String()
	}
	for end := time.Now().Add(10 * time.Second); !strings.Contains(said(), text); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			h.t.Fatalf("%q was not said, but %q", text, said())
		}
	}
}

// end stops, and returns what was said, which has no secrets.
func (h *hookTest) end() string {
	h.t.Helper()
	h.drain(0)
	said := h.said.String()
	if strings.Contains(said, "secret") || strings.Contains(said, "another") {
		h.t.Errorf("a secret is shown: %s", said)
	}
	return said
}

// hookServer answers posts as a test says, and remembers their ids.
type hookServer struct {
	*httptest.Server
	mu  sync.Mutex
	ids []string
}

func newHookServer(t *testing.T, answer func(n int, rw http.ResponseWriter, r *http.Request)) *hookServer {
	s := &hookServer{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		s.mu.Lock()
		s.ids = append(s.ids, r.Header.Get("webhook-id"))
		n := len(s.ids)
		s.mu.Unlock()
		answer(n, rw, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *hookServer) got() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.ids)
}

// TestSignPost holds signatures to a vector of the libraries of Standard Webhooks.
// SPEC(VER-84)
func TestSignPost(t *testing.T) {
	secrets, err := parseHookKey("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n")
	if err != nil {
		t.Fatal(err)
	}
	got := signPost(secrets, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("%s, wanted %s", got, want)
	}
	more, err := parseHookKey("whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 64)) + "\nMfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil || len(more) != 2 {
		t.Fatal(more, err)
	}
	if got := signPost(more, "a", time.Unix(1, 0), nil); strings.Count(got, "v1,") != 2 || strings.Count(got, " ") != 1 {
		t.Error(got)
	}
	for _, bad := range []string{"", "whsec_", "whsec_c2hvcnQ=", "whsec_not base64 at all", "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 65)),
		strings.Repeat("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n", 5)} {
		if _, err := parseHookKey(bad); err == nil {
			t.Errorf("%q passes", bad)
		}
	}
}

// TestHookTroubles: whatever a receiver does, an event comes in the end, under one id
// and in order, and trouble is told once. SPEC(VER-84)
func TestHookTroubles(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	elsewhere := newHookServer(t, func(int, http.ResponseWriter, *http.Request) {})
	defer elsewhere.Close()
	for name, c := range map[string]struct {
		wrong func(rw http.ResponseWriter, r *http.Request)
		says  string
	}{
		"500": {func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(500) }, "it answers 500"},
		"later": {func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Retry-After", "0")
			rw.WriteHeader(429)
		}, "it answers 429"},
		"hangs": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "no answer within 100ms"},
		"cuts":  {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF"},
		"redirects": {func(rw http.ResponseWriter, r *http.Request) {
			http.Redirect(rw, r, elsewhere.URL, http.StatusTemporaryRedirect)
		}, "redirects are not followed"},
	} {
		t.Run(name, func(t *testing.T) {
			server := newHookServer(t, func(n int, rw http.ResponseWriter, r *http.Request) {
				if n <= 3 {
					c.wrong(rw, r)
				}
			})
			h := deliver(t, server.URL)
			h.start()
			h.event("msg_1", time.Now())
			h.event("msg_2", time.Now())
			h.until(0)
			said := h.end()
			server.Close()
			if got := fmt.Sprint(server.got()); got != "[msg_1 msg_1 msg_1 msg_1 msg_2]" {
				t.Error(got)
			}
			if strings.Count(said, c.says) != 1 || strings.Count(said, "takes posts again") != 1 {
				t.Error(said)
			}
		})
	}
	if got := elsewhere.got(); len(got) > 0 {
		t.Errorf("a redirect was followed: %v", got)
	}
}

// TestHooksWait: what is not delivered waits on disk, and the next watch delivers it,
// behind what waited longer. SPEC(CLI-100)
func TestHooksWait(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "webhooks")
	h := deliver(t, "http://127.0.0.1:1")
	h.start()
	h.event("msg_1", time.Now()) // before the ledger is known
	if err := h.attach(dir); err != nil {
		t.Fatal(err)
	}
	h.event("msg_2", time.Now())
	h.untilSaid("connection refused")
	if said := h.end(); !strings.Contains(said, "2 events for the webhook at 127.0.0.1:1 wait in "+dir) {
		t.Error(said)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*", "*.json"))
	if err != nil || len(files) != 2 {
		t.Fatal(files, err)
	}
	server := newHookServer(t, func(int, http.ResponseWriter, *http.Request) {})
	again := deliver(t, "http://127.0.0.1:1")
	if again.each[0].target, err = url.Parse(server.URL); err != nil {
		t.Fatal(err)
	}
	own := filepath.Dir(files[0])
	if err := os.WriteFile(filepath.Join(own, "0.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := again.each[0].attach(own); err != nil {
		t.Fatal(err)
	}
	again.start()
	again.event("msg_3", time.Now())
	again.until(0)
	if said := again.end(); !strings.Contains(said, "is no event") {
		t.Error(said)
	}
	if got := fmt.Sprint(server.got()); got != "[msg_1 msg_2 msg_3]" {
		t.Error(got)
	}
	if files, _ := filepath.Glob(filepath.Join(own, "*.json")); len(files) != 1 {
		t.Errorf("left behind: %v", files)
	}
}

// TestHooksGiveUp: of too many the oldest are given up, and so is what is too old: both
// are told. SPEC(VER-84)
func TestHooksGiveUp(t *testing.T) {
	server := newHookServer(t, func(_ int, rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get("webhook-id") == "msg_old" {
			rw.WriteHeader(500)
		}
	})
	h := deliver(t, server.URL)
	for i := range mostPending + 2 {
		h.event(fmt.Sprintf("msg_%d", i), time.Now())
	}
	h.until(mostPending)
	h.start()
	h.until(0)
	h.event("msg_old", time.Now().Add(-mostAge-time.Hour))
	h.until(0)
	said := h.end()
	for _, want := range []string{"event msg_0 of", "event msg_1 of", "256 others wait", "event msg_old of", "for 72h0m0s it was tried again: it answers 500"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not said: %s", want, said)
		}
	}
	if got := server.got(); len(got) != mostPending+1 || got[0] != "msg_2" {
		t.Errorf("%d posts, the first is %s", len(got), got[0])
	}
}

// TestHooksInMemory: without a directory what is not delivered is lost, and told.
func TestHooksInMemory(t *testing.T) {
	h := deliver(t, "http://127.0.0.1:1")
	h.start()
	h.event("msg_1", time.Now())
	if said := h.end(); !strings.Contains(said, "1 event for the webhook at 127.0.0.1:1 were not delivered, and are lost") {
		t.Error(said)
	}
}

// TestHookPauses: pauses grow to ten minutes, and are never shorter than what a
// receiver asks for. SPEC(VER-84)
func TestHookPauses(t *testing.T) {
	a := &hooks{first: hookFirst}
	for failures, most := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 100: hookMost} {
		if got := a.pause(failures, 0); got < most/2 || got > most {
			t.Errorf("after %d failures: %s, wanted %s to %s", failures, got, most/2, most)
		}
	}
	if got := a.pause(1, time.Hour); got != time.Hour {
		t.Error(got)
	}
}
