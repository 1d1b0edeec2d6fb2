package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"math/big"
	"net/http"
	"os"
	"syscall"
	"testing"
	"time"

	"tokentrail/ledger/app"
	"tokentrail/provenance"
	"tokentrail/verify"
	"tokentrail/verify/light"
	"tokentrail/verify/remote"
)

// TestKilledNodeLosesNothing kills a node of one validator with SIGKILL at
// moments that nobody chose, while statements are posted, and starts it again:
// what was acknowledged is there, what was not can be sent again, and the auditor
// finds nothing.
func TestKilledNodeLosesNothing(t *testing.T) {
	rounds := 5
	if os.Getenv("TOKENTRAIL_SOAK") != "" {
		rounds = 100
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rounds)*time.Minute)
	defer cancel()
	p := newProvider(t, "acme")
	node := startNetwork(t, 1, p)[0]
	node.wait(t, ctx, 0)
	subs := p.submissions(t, traceRecords(t), 20)
	acknowledged := map[int]string{} // receipts' locations, by sequence
	for round, next := 0, 0; round < rounds && next < len(subs); round++ {
		next = postUntilKilled(t, node, subs, next, acknowledged)
		node.start(t)
		node.wait(t, ctx, int64(next))
		for sequence, location := range acknowledged {
			if a := request(t, http.MethodGet, node.url+location, "", nil); a.status != http.StatusOK {
				t.Fatalf("round %d: statement %d was acknowledged and is gone: %d %s", round, sequence, a.status, a.body)
			}
		}
	}
	t.Logf("%d kills, %d statements acknowledged", rounds, len(acknowledged))
	auditNode(t, node.home, node.url)
}

// postUntilKilled posts statements from the one at next on, kills the node in the
// middle of it, and returns the first that is not acknowledged.
func postUntilKilled(t *testing.T, node *validator, subs [][]byte, next int, acknowledged map[int]string) int {
	t.Helper()
	after, err := rand.Int(rand.Reader, big.NewInt(int64(400*time.Millisecond)))
	if err != nil {
		t.Fatal(err)
	}
	killed := make(chan error, 1)
	timer := time.AfterFunc(50*time.Millisecond+time.Duration(after.Int64()), func() {
		killed <- node.cmd.Process.Signal(syscall.SIGKILL)
	})
	defer timer.Stop()
	for next < len(subs) {
		a, err := tryRequest(http.MethodPost, node.url+"/entries", provenance.SubmissionMediaType, subs[next])
		if err != nil {
			break // killed, most likely; if not, the node is not there again either
		}
		if a.status != http.StatusCreated {
			t.Fatalf("statement %d: %d %s", next, a.status, a.body)
		}
		acknowledged[next] = a.header.Get("Location")
		next++
	}
	if err := <-killed; err != nil {
		t.Fatal(err)
	}
	_ = node.cmd.Wait() // it was killed, and says so
	node.cmd = nil
	return next
}

// indexed is how long an auditor waits for a node's index of records, which
// begins late where the machine is busy, or its disk was full.
const indexed = 30 * time.Second

// auditNode runs our own auditor on a node; it has to find nothing.
func auditNode(t *testing.T, home, url string) {
	t.Helper()
	document, err := os.ReadFile(app.GenesisPath(home))
	if err != nil {
		t.Fatal(err)
	}
	node, err := remote.New(url, remote.Options{})
	if err != nil {
		t.Fatal(err)
	}
	trust := verify.Trust{Genesis: new(provenance.Hash(sha256.Sum256(document)))}
	if r := light.Audit(t.Context(), node, trust, verify.Options{Now: time.Now, Receipts: -1, Patience: indexed}); r.Exit() != 0 {
		b, err := r.JSON()
		t.Errorf("%s: the auditor ends with %d: %s %v", url, r.Exit(), b, err)
	}
}
