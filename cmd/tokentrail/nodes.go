package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"tokentrail/provenance"
)

const (
	firstPause  = 50 * time.Millisecond
	shortPause  = time.Second // about the longest while other requests succeed
	longPause   = 10 * time.Second
	greeting    = 15 * time.Second // patience until a node has answered for the first time
	noticeEvery = 10 * time.Second
)

// nodes are the ledger's nodes that a submission may go to. One is used until
// it fails, then the next. Methods are for concurrent use.
type nodes struct {
	patience time.Duration        // how long nothing may succeed
	notice   func(text string)    // tells people why they wait
	clients  []*client            // never changes
	mu       sync.Mutex           // guards what follows
	current  int                  // index of the node in use
	checked  map[*client]bool     // serves the origin
	origin   string               // of the ledger, from the first that answered
	moved    time.Time            // when something succeeded last
	noticed  map[string]time.Time // when a reason was told last
}

func newNodes(urls []string, patience time.Duration, notice func(string)) (*nodes, error) {
	n := &nodes{patience: patience, notice: notice, checked: map[*client]bool{}, noticed: map[string]time.Time{}, moved: time.Now()}
	for _, u := range urls {
		c, err := newClient(u)
		if err != nil {
			return nil, err
		}
		n.clients = append(n.clients, c)
	}
	return n, nil
}

// pick returns the node in use, and whether its origin was looked at.
func (n *nodes) pick() (c *client, checked bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	c = n.clients[n.current]
	return c, n.checked[c]
}

// leave goes on to the next node, if c is still in use.
func (n *nodes) leave(c *client) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.clients[n.current] == c {
		n.current = (n.current + 1) % len(n.clients)
	}
}

// progress notes that something succeeded.
func (n *nodes) progress() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.moved = time.Now()
	clear(n.noticed)
}

// check holds the node's ledger against that of the others, once.
func (n *nodes) check(ctx context.Context, c *client) error {
	status, err := c.status(ctx)
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.origin == "" {
		n.origin = status.Origin
	}
	if status.Origin != n.origin {
		return fmt.Errorf("the node at %s serves the ledger %s, the others serve %s: statements of one stream go to one ledger", c.base, status.Origin, n.origin)
	}
	n.checked[c] = true
	return nil
}

// ledger returns the origin that the nodes serve, when one of them has answered.
func (n *nodes) ledger(ctx context.Context) (string, error) {
	err := n.try(ctx, func(*client) error { return nil })
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.origin, err
}

// try does something with a node, again and again elsewhere while the error is
// transient and patience lasts. SPEC(JRN-5)
func (n *nodes) try(ctx context.Context, do func(c *client) error) error {
	for pause := firstPause; ; pause = min(2*pause, longPause) {
		c, checked := n.pick()
		var err error
		if !checked {
			err = n.check(ctx, c)
		}
		if err == nil {
			err = do(c)
		}
		switch {
		case err == nil:
			n.progress()
			return nil
		case ctx.Err() != nil:
			return couldNotf("interrupted")
		case !transient(err):
			return err
		}
		if err := n.wait(ctx, c, err, pause); err != nil {
			return err
		}
	}
}

// wait pauses after a transient error, or gives up.
func (n *nodes) wait(ctx context.Context, c *client, cause error, pause time.Duration) error {
	n.mu.Lock()
	still, patience := time.Since(n.moved), n.patience
	if n.origin == "" {
		patience = min(patience, greeting)
	}
	tell := time.Since(n.noticed[cause.Error()]) > noticeEvery
	if tell {
		n.noticed[cause.Error()] = time.Now()
	}
	n.mu.Unlock()
	if still > patience {
		return couldNotf("nothing has succeeded for %s: %w", still.Round(time.Second), cause)
	}
	if tell && still > time.Second {
		n.notice(fmt.Sprintf("waiting: %v", cause))
	}
	n.leave(c)
	if still < shortPause {
		pause = min(pause, shortPause/2)
	}
	pause = pause/2 + rand.N(pause) // so that many clients do not come back at once
	var refused *problemError
	if errors.As(cause, &refused) {
		pause = max(pause, min(refused.RetryAfter, n.patience))
	}
	return sleep(ctx, pause)
}

// sleep waits, or says that the context ended.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return couldNotf("interrupted")
	case <-time.After(d):
		return nil
	}
}

// stateOf asks the nodes for a value of the state map; absent is nil.
func stateOf[T provenance.StateValue](ctx context.Context, n *nodes, key string) (value *T, height int64, err error) {
	err = n.try(ctx, func(c *client) error {
		raw, h, err := c.state(ctx, key)
		if err != nil || raw == nil {
			value, height = nil, h
			return err
		}
		v, err := provenance.ParseStateValue[T](raw)
		if err != nil {
			return fmt.Errorf("the state %s of the node at %s: %w", key, c.base, err)
		}
		value, height = &v, h
		return nil
	})
	return value, height, err
}
