//go:build linux

package faults

import (
	"bytes"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"tokentrail/provenance"
	"tokentrail/verify"
)

// TestProviderThatTellsTwoStories has a provider give the two sides of a network
// that is cut two statements for one place of a stream. After healing one of them
// is an entry and the other is refused; both are in the log as equivocation, the
// stream is closed, and the auditor names it.
func TestProviderThatTellsTwoStories(t *testing.T) {
	p := newPlan(t, 2, 20)
	net := newNetwork(t, 4)
	f := net.weave(t, p.Uint64())
	net.start(t)
	l := newLoad(t, net, p.Uint64())
	var lost, forks, entries, early int
	for p.next() {
		stream := fmt.Sprint("told-", p.done)
		stories := net.tellTwice(t, p, stream)
		who := p.Perm(4)
		side := 2 - (p.done-1)%2 // 2|2, of which none can commit, then 1|3
		l.run()
		if err := l.more(1); err != nil {
			t.Fatal(err)
		}
		f.set(between(who[:side], who[side:]), p.IntN(2) == 0)
		answers := make(chan answer, 2)
		var posting sync.WaitGroup
		for i, n := range []*node{net.nodes[who[0]], net.nodes[who[3]]} {
			posting.Go(func() { answers <- n.insist(stories[i]) })
		}
		time.Sleep(p.between(time.Second, 3*time.Second))
		early += len(answers)
		f.set(nil, p.IntN(2) == 0)
		posting.Wait()
		l.pause()
		one, other := <-answers, <-answers
		if other.code == http.StatusCreated {
			one, other = other, one
		}
		if one.code != http.StatusCreated || other.code != http.StatusConflict || !bytes.Contains(other.body, []byte("fork:")) {
			t.Fatalf("%s: the two stories are answered with %v and %v; wanted one entry and one fork", stream, one, other)
		}
		l.promise(t, one, stream, stories)
		net.toldOfStream(t, stream, p.done)
		a := net.judge(t, l.promised(), net.nodes[p.IntN(4)])
		net.closedStream(t, stream, one, stories)
		lost, forks, entries = lost+a.lost, forks+a.forks, a.entries
		p.say("%s, %d|%d: one story is an entry, the other a fork; the stream is closed and named", stream, side, 4-side)
	}
	net.stop(t)
	p.figures("two stories", "equivocations", p.done, "decided_while_cut", early, "statements", entries, "acknowledged", l.count(), "lost", lost, "forks", forks)
}

// tellTwice makes two statements for one place of a new stream: for its first, or
// for the one behind.
func (net *network) tellTwice(t testing.TB, p *plan, stream string) [2]told {
	t.Helper()
	records := traceRecords(t)
	make := func(sequence int64, previous *provenance.Hash, from int) told {
		one, err := tell(net.key, issuer, stream, sequence, previous, records[from:][:3])
		if err != nil {
			t.Fatal(err)
		}
		return one
	}
	if p.IntN(2) == 0 {
		return [2]told{make(0, nil, 0), make(0, nil, 10)}
	}
	first := make(0, nil, 20)
	if a := net.nodes[0].insist(first); a.code != http.StatusCreated {
		t.Fatalf("the first of %s: %v", stream, a)
	}
	return [2]told{make(1, &first.id, 0), make(1, &first.id, 10)}
}

// An answer is what a node said of a submission in the end.
type answer struct {
	of   told
	code int
	body []byte
}

func (a answer) String() string { return fmt.Sprintf("%d %.200q", a.code, a.body) }

// insist posts a submission to a node until it is decided, or for a time.
func (n *node) insist(one told) answer {
	a := answer{of: one}
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		code, body, err := n.post(one.submission)
		if err != nil {
			continue
		}
		a.code, a.body = code, body
		gap := code == http.StatusConflict && bytes.Contains(body, []byte("gap:")) // it is behind
		if code == http.StatusCreated || code < 500 && code != http.StatusAccepted && code != http.StatusTooManyRequests && !gap {
			break
		}
	}
	return a
}

// promise notes the story that a node acknowledged.
func (l *load) promise(t testing.TB, a answer, stream string, stories [2]told) {
	t.Helper()
	r, err := provenance.ParseReceipt(a.body)
	if err != nil || r.Statement != a.of.id.String() {
		t.Fatalf("the receipt of %s: %v, %v", stream, r, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acknowledged[a.of.id] = acknowledgement{stream, -1, r.Proof.Index, "a node"}
}

// toldOfStream waits until the auditor names a stream on each node: it finds
// nothing against the ledger, and one notice for each stream that is closed.
func (net *network) toldOfStream(t testing.TB, stream string, closed int) {
	t.Helper()
	for _, n := range net.nodes {
		var r *verify.Report
		named := 0
		for end := time.Now().Add(patience); named == 0 && time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
			var err error
			if r, err = n.report(net.genesis); err != nil {
				t.Fatal(err)
			}
			for _, notice := range r.Notices {
				if notice.Kind == verify.NoticeEquivocation && notice.Provider == issuer && notice.Stream == stream {
					named++
				}
			}
		}
		if named != 1 || r.Exit() != 0 || r.Totals.Equivocations != int64(closed) {
			t.Fatalf("%s: the auditor ends with %d, names %s %d times and counts %d equivocations, wanted 0, once and %d", n.url, r.Exit(), stream, named, r.Totals.Equivocations, closed)
		}
	}
}

// closedStream holds that a stream takes no more statements.
func (net *network) closedStream(t testing.TB, stream string, one answer, stories [2]told) {
	t.Helper()
	sub, err := provenance.ParseSubmission(one.of.submission)
	if err != nil {
		t.Fatal(err)
	}
	next, err := tell(net.key, issuer, stream, sub.Statement.Header().Sequence+1, &one.of.id, traceRecords(t)[:3])
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range net.nodes {
		if a := n.insist(next); a.code != http.StatusConflict || !bytes.Contains(a.body, []byte("fork:")) {
			t.Errorf("%s: the next statement of the closed %s is answered with %v", n.url, stream, a)
		}
	}
}
