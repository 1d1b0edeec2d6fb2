//go:build linux

package faults

import (
	"context"
	"crypto"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"tokentrail/provenance"
)

// A wave is a flood of all kinds that runs.
type wave struct {
	rogue  *rogue
	cancel context.CancelFunc
	work   sync.WaitGroup
	posted atomic.Int64
	valid  []provenance.Hash // what only the peer gave; to be read when the flood is over

	mu      sync.Mutex
	answers map[string]int // guarded by mu: by kind and status
}

// startFlood begins to flood: each kind over connections of addresses of its own,
// for a node serves each only so much, and all kinds through a peer.
func startFlood(t testing.TB, p *plan, net *network, key crypto.Signer, known [][]byte) *wave {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	w := &wave{rogue: newRogue(t, net), cancel: cancel, answers: map[string]int{}}
	t.Cleanup(w.stop)
	source := func(i int) *flood {
		return &flood{
			key: key, name: fmt.Sprintf("f%d-%d", p.done, i), records: traceRecords(t), known: known,
			draw: rand.New(rand.NewPCG(p.Uint64(), uint64(i))),
		}
	}
	for k := range floods {
		for c := range floodConnections {
			f := source(k*floodConnections + c)
			w.work.Go(func() { w.post(ctx, k, f, fmt.Sprintf("127.0.%d.%d", 1+k, 1+c), net.urls()) })
		}
	}
	f := source(len(floods) * floodConnections)
	w.work.Go(func() { w.gossip(ctx, f) })
	return w
}

// stop ends the flood.
func (w *wave) stop() {
	w.cancel()
	w.work.Wait()
	w.rogue.stop()
}

// post posts submissions of a kind from an address of this machine.
func (w *wave) post(ctx context.Context, kind int, f *flood, from string, urls []string) {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	client := &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext}}
	defer client.CloseIdleConnections()
	for ctx.Err() == nil {
		submission, err := floods[kind].next(f)
		if err != nil {
			return
		}
		code, _, err := postFrom(ctx, client, urls[f.draw.IntN(len(urls))], submission, floods[kind].hurried)
		answer := fmt.Sprint(code)
		if err != nil {
			answer = "broken"
		}
		w.posted.Add(1)
		w.mu.Lock()
		w.answers[floods[kind].name+" "+answer]++
		w.mu.Unlock()
	}
}

// gossip gives submissions of all kinds to the nodes as a peer, but for those
// that are too large: a node throws out the peer that sends one.
func (w *wave) gossip(ctx context.Context, f *flood) {
	for i := 0; ctx.Err() == nil; i++ {
		kind := floods[i%len(floods)]
		submission, err := kind.next(f)
		switch {
		case err != nil:
			return
		case kind.name == "valid": // what is lost with a connection would break a stream
			one, err := f.tell(f.key, f.stream(), 0, nil)
			if err != nil {
				return
			}
			w.valid, submission = append(w.valid, one.id), one.submission
		case kind.name == "too large":
			if i%(20*len(floods)) < len(floods) {
				w.rogue.babble()
			}
			continue
		}
		w.rogue.give(submission)
	}
}

// arrived is the number of entries that only the peer gave.
func (w *wave) arrived(t testing.TB, net *network) int {
	t.Helper()
	status, err := net.settled(0)
	if err != nil {
		t.Fatal(err)
	}
	h, err := readHistory(net.nodes[0], status)
	if err != nil {
		t.Fatal(err)
	}
	arrived := 0
	for _, id := range w.valid {
		if _, there := h.ids[id]; there {
			arrived++
		}
	}
	return arrived
}

// answered tells how many submissions of each kind were answered how.
func (w *wave) answered() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []string
	for what, n := range w.answers {
		all = append(all, fmt.Sprint(what, ": ", n))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}
