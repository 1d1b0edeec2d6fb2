package main

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tokentrail/ledger/app"
)

// TestRepairAtRest makes a node's engine anew from another one in a ledger where
// nothing happens: the newest state that a header proves is of one height below the
// last block of them all, and that is no loss. SPEC(NOD-76)
func TestRepairAtRest(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	p := newProvider(t, "acme")
	net := startNetwork(t, 4, p)
	for _, v := range net {
		v.wait(t, ctx, 0)
	}
	for i, sub := range p.submissions(t, traceRecords(t), 200)[:5] {
		if a := post(t, net[0].url, sub); a.status != http.StatusCreated {
			t.Fatalf("statement %d: %d %s", i, a.status, a.body)
		}
	}
	for _, v := range net {
		v.wait(t, ctx, 5)
	}
	hurt := net[3]
	if err := hurt.end(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(app.EngineDir(hurt.home), "MANIFEST")); err != nil {
		t.Fatal(err)
	}
	if out := must(t, "repair", "--home", hurt.home, "--from", net[0].url); !strings.Contains(out, "and the engine's stores") {
		t.Errorf("the engine's stores were not made anew: %s", out)
	}
	hurt.start(t)
	hurt.wait(t, ctx, 5)
}
