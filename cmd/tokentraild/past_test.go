package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tokentrail/ledger/api"
	"tokentrail/ledger/app"
)

// joinedDaemon starts the node of a home that joined, and returns up to which height
// it cannot judge evidence.
func joinedDaemon(t *testing.T, home string, wait bool) int64 {
	t.Helper()
	d, err := startDaemon(t.Context(), home, api.Limits{}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := d.close(); err != nil {
			t.Error(err)
		}
	}()
	for until := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		lacks, err := d.node.LacksPast()
		if err != nil {
			t.Fatal(err)
		}
		if lacks == 0 || !wait || time.Now().After(until) {
			return lacks
		}
	}
}

// TestPastFetched: a node that joined has the headers by which it judges evidence
// from before when it is made; one that could get them from nobody goes on without,
// says so, and gets them when it runs.
func TestPastFetched(t *testing.T) {
	p := newProvider(t, "acme")
	node := startTestNode(t, p)
	for range 10 {
		if a := post(t, node.url(), p.next(t, traceRecords(t)[:10])); a.status != http.StatusCreated {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	s := joinStatusOf(t, node.url())
	trust := fmt.Sprintf("%d:%s", s.Header.Height, s.Header.Hash)
	home := filepath.Join(t.TempDir(), "late")
	must(t, "init", "--home", home, "--join", node.url(), "--trust", trust, "--http", "127.0.0.1:0", "--p2p", "127.0.0.1:0")
	conf, err := app.LoadNodeConfig(home)
	if err != nil {
		t.Fatal(err)
	}
	conf.History, conf.PersistentPeers = nil, nil // so that nothing is fetched when it runs
	if err := app.WriteNodeConfig(home, conf); err != nil {
		t.Fatal(err)
	}
	if lacks := joinedDaemon(t, home, false); lacks != 0 {
		t.Errorf("the node that joined cannot judge evidence up to height %d", lacks)
	}

	// Headers are verified when the state is; only what comes for evidence is spoilt.
	var state joined
	flags := joinFlags{urls: []string{node.url()}, trust: trust, period: time.Hour}
	got, err := flags.fetch(t.Context(), quiet())
	if err != nil {
		t.Fatal(err)
	}
	state = *got
	liar := lyingNode(t, node.url(), func(path string, body []byte) []byte {
		if path == "/v1/headers" {
			body[len(body)/2] ^= 1
		}
		return body
	})
	later := filepath.Join(t.TempDir(), "later")
	conf.History = []string{liar}
	if err := makeJoined(later, conf, &state, quiet()); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	if err := fillPast(t.Context(), later, pastFrom(conf.History), slog.New(slog.NewTextHandler(&said, nil))); err != nil || !strings.Contains(said.String(), "headers from before this node joined are missing") {
		t.Errorf("%v: %q", err, said.String())
	}
	if lacks := joinedDaemon(t, later, false); lacks != state.joint.Head().Height-1 {
		t.Errorf("with a liar's headers the node lacks those up to %d, wanted %d", lacks, state.joint.Head().Height-1)
	}
	conf.History = []string{liar, node.url()}
	if err := app.WriteNodeConfig(later, conf); err != nil {
		t.Fatal(err)
	}
	if lacks := joinedDaemon(t, later, true); lacks != 0 {
		t.Errorf("the node that runs cannot judge evidence up to height %d", lacks)
	}
}
