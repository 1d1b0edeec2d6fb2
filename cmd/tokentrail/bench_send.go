package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"sync/atomic"
	"syscall"
	"time"

	"tokentrail/provenance"
)

// benchAway is how long a node is passed over that could not be reached, where
// there are others.
const benchAway = time.Second

// A benchNode is a node that is loaded. Methods are for concurrent use.
type benchNode struct {
	name   string
	client *client
	pid    int          // of its process; 0 where that is not ours
	away   atomic.Int64 // until when others are asked first, in ns since 1970
}

func newBenchNode(name string, c *client, pid int) *benchNode {
	if t, ok := c.http.Transport.(*http.Transport); ok {
		t.MaxIdleConnsPerHost = maxBenchInFlight // or connections would be made anew all the time
	}
	return &benchNode{name: name, client: c, pid: pid}
}

// choose returns the node for an attempt of a stream: the stream's own first,
// then the next, without those that are away as long as one is not.
func (l *benchLedger) choose(stream, attempt int) *benchNode {
	now := time.Now().UnixNano()
	for i := range l.nodes {
		n := l.nodes[(stream+attempt+i)%len(l.nodes)]
		if n.away.Load() <= now {
			return n
		}
	}
	return l.nodes[(stream+attempt)%len(l.nodes)]
}

// post submits a statement to one node and returns its receipt. It counts when
// it leads from the statement to the root of the log (SPEC(CLI-62)); that the
// validators signed this, the check at the end and audits look at.
func (l *benchLedger) post(ctx context.Context, n *benchNode, st *benchStatement) (r *provenance.Receipt, location string, err error) {
	got, err := n.client.post(ctx, st.body)
	if err == nil {
		location = got.location
	}
	if err == nil && got.status == http.StatusAccepted {
		got, err = n.client.awaitReceipt(ctx, got, st.statement.ID())
	}
	if err != nil {
		return nil, "", patient(err)
	}
	if r, err = provenance.ParseReceipt(got.body); err == nil {
		err = r.Check(l.origin, st.statement)
	}
	if err != nil {
		return nil, "", refutedError{fmt.Errorf("the receipt that the node at %s gives for %s, sequence %d, does not hold: %w",
			n.client.base, st.statement.Header().Stream, st.sequence(), err)}
	}
	return r, location, nil
}

// deliver submits a statement until it is acknowledged, the same bytes again and
// again as submit does (SPEC(CLI-64)). An error is final, unless ctx has ended.
func (l *benchLedger) deliver(ctx context.Context, stream int, st *benchStatement, went func(code string)) (*provenance.Receipt, string, error) {
	pause := firstPause
	for attempt := 0; ; attempt++ {
		n := l.choose(stream, attempt)
		receipt, location, err := l.post(ctx, n, st)
		if err == nil {
			return receipt, location, nil
		}
		if ctx.Err() != nil {
			return nil, "", ctx.Err()
		}
		went(benchCode(err))
		var wrong refutedError
		if errors.As(err, &wrong) || !transient(err) {
			return nil, "", err
		}
		rest := pause/2 + mathrand.N(pause) // so that not all come back at once
		var refused *problemError
		if errors.As(err, &refused) {
			rest = max(rest, min(refused.RetryAfter, longPause))
		} else {
			n.away.Store(time.Now().Add(benchAway).UnixNano())
		}
		if err := sleep(ctx, rest); err != nil {
			return nil, "", err
		}
		pause = min(2*pause, shortPause/2)
	}
}

// benchCode is what an error is counted as: the node's code, or what became of
// the connection.
func benchCode(err error) string {
	var refused *problemError
	var waiting transientError
	var wrong refutedError
	var timeout net.Error
	switch {
	case errors.As(err, &waiting) && errors.Is(waiting.error, errDropped):
		return "dropped"
	case errors.As(err, &waiting):
		err = waiting.error
	case errors.As(err, &wrong):
		return "receipt"
	}
	switch {
	case errors.As(err, &refused) && refused.Code != "":
		return refused.Code
	case refused != nil:
		return fmt.Sprintf("http-%d", refused.Status)
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection-refused"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "timeout"
	}
	return "connection-lost"
}

// randomName returns four random bytes in hex.
func randomName() string {
	b := make([]byte, 4)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
