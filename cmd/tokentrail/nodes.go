package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"tokentrail/provenance"
	"tokentrail/verify/light"
)

const (
	firstPause = 50 * time.Millisecond
	shortPause = time.Second // about the longest while other requests succeed
	longPause  = 10 * time.Second
	greeting   = 15 * time.Second // patience until a node has answered for the first time
)

// nodes are the ledger's nodes that a submission may go to. One is used until
// it fails, then the next. Methods are for concurrent use.
type nodes struct {
	patience time.Duration     // how long nothing may succeed
	notice   func(text string) // tells people why they wait
	clients  []*client         // never changes
	genesis  *provenance.Hash  // of the ledger that is meant; nil for any
	founders *light.Founders   // set before the first send
	mu       sync.Mutex        // guards what follows
	current  int               // index of the node in use
	checked  map[*client]bool  // serves the origin
	refuted  map[*client]error // gave an answer that does not hold
	origin   string            // of the ledger, from the first that answered
	asked    int               // what is asked of the nodes now
	moved    time.Time         // when something succeeded last
	told     time.Time         // when people were told last why they wait
	why      map[int64]wait    // by sequence, or noStatement
}

// A refutedError is about an answer that does not hold, or that nothing here can
// prove: the node that gave it is left for the others.
type refutedError struct{ error }

// Unwrap gives the exit code its way.
func (e refutedError) Unwrap() error { return e.error }

func newNodes(urls []string, patience time.Duration, notice func(string)) (*nodes, error) {
	n := &nodes{
		patience: patience, notice: notice, checked: map[*client]bool{}, refuted: map[*client]error{},
		why: map[int64]wait{}, moved: time.Now(),
	}
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
	n.leaveLocked(c)
}

// leaveLocked passes over nodes whose answers did not hold.
func (n *nodes) leaveLocked(c *client) {
	if n.clients[n.current] != c {
		return
	}
	for i := range n.clients {
		next := (n.current + 1 + i) % len(n.clients)
		if n.refuted[n.clients[next]] == nil {
			n.current = next
			return
		}
	}
}

// refute leaves a node for good, and reports whether there are others.
// SPEC(JRN-6)
func (n *nodes) refute(c *client, err error) (others bool) {
	n.mu.Lock()
	first := n.refuted[c] == nil
	if first {
		n.refuted[c] = err
	}
	n.leaveLocked(c)
	others = len(n.refuted) < len(n.clients)
	n.mu.Unlock()
	if first && others {
		n.notice(printable(err.Error()) + "; going on with other nodes")
	}
	return others
}

// conclude returns the error that the work ends with: what a node was refuted of
// prevails over what could not be done or checked elsewhere. SPEC(JRN-6)
func (n *nodes) conclude(err error) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.clients {
		if was := n.refuted[c]; was != nil && exitCode(was) == exitAgainst && exitCode(err) == exitCouldNot {
			return fmt.Errorf("%w; elsewhere: %v", was, err) // the code is that of the first
		}
	}
	return err
}

// progress notes that something succeeded.
func (n *nodes) progress(sequence int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.moved = time.Now()
	delete(n.why, sequence)
}

// check holds the node's ledger against that of the others, once.
func (n *nodes) check(ctx context.Context, c *client) error {
	status, err := c.status(ctx)
	if err != nil {
		return err
	}
	// SPEC(JRN-7)
	if n.genesis != nil && !strings.HasSuffix(status.Origin, "/"+n.genesis.String()) {
		return refutedError{anotherLedger(c.base.String(), status.Origin, *n.genesis)}
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
	err := n.try(ctx, noStatement, func(*client) error { return nil })
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.origin, err
}

// try does something with a node, again and again elsewhere while the error is
// transient and patience lasts. It is about the statement with the sequence, or
// noStatement. SPEC(JRN-5)
func (n *nodes) try(ctx context.Context, sequence int64, do func(c *client) error) error {
	n.begin()
	defer n.end()
	for pause := firstPause; ; pause = min(2*pause, longPause) {
		c, checked := n.pick()
		var err error
		if !checked {
			err = n.check(ctx, c)
		}
		if err == nil {
			err = do(c)
		}
		var wrong refutedError
		switch {
		case err == nil:
			n.progress(sequence)
			return nil
		case ctx.Err() != nil:
			return interrupted(ctx)
		case errors.As(err, &wrong):
			if !n.refute(c, wrong.error) {
				return n.conclude(wrong.error)
			}
			continue
		case !transient(err):
			return err
		}
		if err := n.wait(ctx, c, sequence, err, pause); err != nil {
			if ctx.Err() == nil {
				err = n.conclude(err)
			}
			return err
		}
	}
}

// wait pauses after a transient error, or gives up.
func (n *nodes) wait(ctx context.Context, c *client, sequence int64, cause error, pause time.Duration) error {
	n.waits(sequence, cause.Error(), cause)
	n.mu.Lock()
	still, patience := time.Since(n.moved), n.patienceLocked()
	tell := still > time.Second && time.Since(n.told) >= lineEvery
	if tell {
		n.told = time.Now()
	}
	n.mu.Unlock()
	if still > patience {
		return nothingSince(still, cause)
	}
	if tell {
		n.notice(fmt.Sprintf("waiting: %v", cause))
	}
	n.leave(c)
	if still < shortPause {
		pause = min(pause, shortPause/2)
	}
	pause = pause/2 + rand.N(pause) // so that many clients do not come back at once
	var refused *problemError
	// What a node asks for holds for that node: another one is asked before.
	if next, _ := n.pick(); next == c && errors.As(cause, &refused) {
		pause = max(pause, min(refused.RetryAfter, n.patience))
	}
	return sleep(ctx, pause)
}

// sleep waits, or says that the context ended.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return interrupted(ctx)
	case <-time.After(d):
		return nil
	}
}

// stateOf asks the nodes for a value of the state map; absent is nil.
func stateOf[T provenance.StateValue](ctx context.Context, n *nodes, key string) (value *T, height int64, err error) {
	err = n.try(ctx, noStatement, func(c *client) error {
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

// limitsOf returns the rules and ceilings that hold for the ledger's next block
// (SPEC(STA-5)).
func limitsOf(ctx context.Context, n *nodes) (provenance.Limits, error) {
	limits := provenance.FormatLimits()
	rules, height, err := stateOf[provenance.Rules](ctx, n, provenance.StateRules)
	if err != nil {
		return limits, err
	}
	if rules == nil { // no ledger is without; the first are the strictest
		rules = &provenance.Rules{Version: 1}
	}
	version := rules.VersionAt(height + 1)
	if !provenance.KnownRules(version) {
		return limits, fmt.Errorf("the ledger's rules have version %d, this program knows 1 to %d; install a release that has it", version, provenance.RuleVersion)
	}
	policy, _, err := stateOf[provenance.Policy](ctx, n, provenance.StatePolicy)
	if err != nil || policy == nil {
		policy = &provenance.Policy{}
	}
	return policy.Limits(version), err
}
