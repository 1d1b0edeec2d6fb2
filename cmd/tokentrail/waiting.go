package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// watchEvery is how often watch looks.
const watchEvery = 100 * time.Millisecond

// noStatement stands for a request that is about no statement's sequence.
const noStatement = -1

// A wait is why something does not come forward.
type wait struct {
	said  string // for people
	cause error  // nil where nothing is wrong but the time that it takes
}

// begin notes that something is asked of the nodes. Where nothing else is,
// patience begins now: what the program does by itself takes none of it.
func (n *nodes) begin() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.asked++; n.asked == 1 {
		n.moved = time.Now()
	}
}

// end notes that it was answered, or given up.
func (n *nodes) end() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked--
}

// waits notes why a statement, or what is about none, waits.
func (n *nodes) waits(sequence int64, said string, cause error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.why[sequence] = wait{said, cause}
}

// watch tells every five seconds why nothing has succeeded, and ends the context
// when that is so for longer than patience. SPEC(CLI-3), SPEC(JRN-5)
func (n *nodes) watch(ctx context.Context) (watched context.Context, stop func()) {
	watched, cancel := context.WithCancelCause(ctx)
	go func() {
		tick := time.NewTicker(watchEvery)
		defer tick.Stop()
		for {
			select {
			case <-watched.Done():
				return
			case <-tick.C:
				if err := n.look(); err != nil {
					cancel(&impatience{n.conclude(err)})
				}
			}
		}
	}()
	return watched, func() { cancel(nil) }
}

// look tells why nothing has succeeded, if it is time to, and returns an error
// when patience is at its end.
func (n *nodes) look() error {
	n.mu.Lock()
	still, why, tell := time.Since(n.moved), n.oldest(), false
	if n.asked == 0 {
		n.mu.Unlock()
		return nil
	}
	if still >= lineEvery && time.Since(n.told) >= lineEvery {
		tell, n.told = true, time.Now()
	}
	over := still > n.patienceLocked()
	n.mu.Unlock()
	switch {
	case over && why.cause != nil:
		return nothingSince(still, why.cause)
	case over:
		return nothingSince(still, errors.New(why.said))
	case tell:
		n.notice("waiting: " + why.said)
	}
	return nil
}

// An impatience is why watch ended a context.
type impatience struct{ error }

// nothingSince is the end of patience.
func nothingSince(still time.Duration, cause error) error {
	return couldNotf("nothing has succeeded for %s: %w", still.Round(time.Second), cause)
}

// oldest returns why the first of the statements under way waits.
func (n *nodes) oldest() wait {
	if len(n.why) == 0 {
		return wait{said: fmt.Sprintf("the node at %s has not answered", n.clients[n.current].base)}
	}
	return n.why[slices.Min(slices.Collect(maps.Keys(n.why)))]
}

// patienceLocked is how long nothing may succeed.
func (n *nodes) patienceLocked() time.Duration {
	if n.origin == "" {
		return min(n.patience, greeting)
	}
	return n.patience
}

// interrupted says why a context ended: the person at the keyboard, or watch.
func interrupted(ctx context.Context) error {
	var why *impatience
	if errors.As(context.Cause(ctx), &why) {
		return why.error
	}
	return couldNotf("interrupted")
}
