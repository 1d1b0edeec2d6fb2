package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tokentrail/ledger/app"
)

// TestOneMakesAHome: while one process makes a home, another that would is refused,
// whichever way it would; what a killed one has left is in nobody's way.
func TestOneMakesAHome(t *testing.T) {
	p := newProvider(t, "acme")
	node := startTestNode(t, p)
	post(t, node.url(), p.next(t, traceRecords(t)[:10]))
	s := joinStatusOf(t, node.url())
	trust := fmt.Sprintf("%d:%s", s.Header.Height, s.Header.Hash)
	asked := make(chan struct{}, 100)
	deaf := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
	}))
	defer deaf.Close()
	parent := t.TempDir()
	home := filepath.Join(parent, "home")
	first, _, _ := process(t, "init", "--home", home, "--join", deaf.URL, "--trust", trust)
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-asked:
	case <-time.After(time.Minute):
		t.Error("the first one asks nobody")
	}
	want := fmt.Sprintf("process %d is making this home", first.Process.Pid)
	for _, args := range [][]string{
		{"init", "--home", home, "--join", node.url(), "--trust", trust},
		{"init", "--home", home + "/", "--join", node.url(), "--trust", trust},
		{"restore", "--home", home, "--from", parent, "--genesis-hash", strings.Repeat("ab", 32)},
	} {
		if code, _, said := tokentraild(t, args...); code == exitOK || !strings.Contains(said, want) {
			t.Errorf("%v: ends with %d and %q", args, code, said)
		}
	}
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait() // it was killed
	if _, err := os.Stat(home + ".lock"); err != nil {
		t.Errorf("the killed process left no lock to be taken over: %v", err)
	}
	must(t, "init", "--home", home, "--join", node.url(), "--trust", trust, "--http", "127.0.0.1:0", "--p2p", "127.0.0.1:0")
	if left, err := os.ReadDir(parent); err != nil || len(left) != 1 {
		t.Errorf("%v is left beside the home (%v)", left, err)
	}
	homeIsHeld(t, home, node.url(), trust)
}

// homeIsHeld: where a home is there, its own lock is the one.
func homeIsHeld(t *testing.T, home, url, trust string) {
	t.Helper()
	keys := filepath.Join(t.TempDir(), "keys")
	must(t, "init", "--home", keys)
	for _, x := range []struct {
		home string
		args []string
	}{
		{home, []string{"rejoin", "--home", home, "--join", url, "--trust", trust}},
		{keys, []string{"restore", "--home", keys, "--from", t.TempDir(), "--genesis-hash", strings.Repeat("ab", 32)}},
	} {
		lock, err := app.LockHome(x.home)
		if err != nil {
			t.Fatal(err)
		}
		var out, errs bytes.Buffer
		if code := run(t.Context(), x.args, &out, &errs); code == exitOK || !strings.Contains(errs.String(), "uses this home") {
			t.Errorf("%v: ends with %d and %q", x.args, code, errs.String())
		}
		if err := lock.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
