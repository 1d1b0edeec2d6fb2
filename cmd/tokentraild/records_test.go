package main

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"tokentrail/provenance"
	"tokentrail/verify/remote"
)

// TestRecordsAreFoundAfterKills kills a node while statements are posted, and
// looks up records of all of them when it runs again; and once more when its index
// was deleted.
func TestRecordsAreFoundAfterKills(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	p := newProvider(t, "acme")
	node := startNetwork(t, 1, p)[0]
	node.wait(t, ctx, 0)
	records := traceRecords(t)
	subs := p.submissions(t, records, 20)
	acknowledged := map[int]string{}
	next := 0
	for range 2 {
		next = postUntilKilled(t, node, subs, next, acknowledged)
		node.start(t)
		node.wait(t, ctx, int64(next))
		findAll(t, ctx, node, records[:next*20])
	}
	if err := node.end(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(node.home, indexDir)); err != nil {
		t.Fatal(err)
	}
	node.start(t)
	node.wait(t, ctx, int64(next))
	findAll(t, ctx, node, records[:next*20])
}

// findAll looks up every tenth record, each by its id.
func findAll(t *testing.T, ctx context.Context, v *validator, records [][]byte) {
	t.Helper()
	node, err := remote.New(v.url, remote.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(records); i += 10 {
		id := provenance.RecordID("acme", "main", int64(i/20), i%20, records[i])
		a, err := node.Records(ctx, provenance.ByID(id), 0, 20)
		for err == nil && a.Size <= int64(i/20) { // the index is being read up
			time.Sleep(10 * time.Millisecond)
			a, err = node.Records(ctx, provenance.ByID(id), 0, 20)
		}
		if err != nil || len(a.Hits) != 1 || a.Hits[0].Entry != int64(i/20) {
			t.Fatalf("record %d: %+v, %v", i, a, err)
		}
		if _, got, err := a.Hits[0].Check(provenance.ByID(id)); err != nil || got != id {
			t.Errorf("record %d: %s, %v", i, got, err)
		}
	}
}
