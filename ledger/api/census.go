package api

import (
	"context"
	"slices"
	"strings"
	"time"

	"tokentrail/ledger"
	"tokentrail/provenance"
)

// censusShare bounds what taking a census costs: after one that took a while,
// nine times as long passes before the next.
const censusShare = 10

// A census is what the state map of one height says of all providers, streams and
// validators together. Reading it takes a walk over the whole map. It never
// changes once it is made.
type census struct {
	head       ledger.Head
	providers  []provenance.Provider // ascending by id
	validators []provenance.Validator
	governance *provenance.Governance // nil where nobody governs
	streams    []ledger.Stream        // ascending by issuer and name

	closed int // of the streams
}

// censuses takes a census at a time and hands the same to all while the state
// stays as it is.
type censuses struct {
	taking chan struct{} // holds one while somebody looks at what follows
	last   *census       // guarded by taking
	next   time.Time     // guarded by taking: not before is another taken
}

func newCensuses() *censuses { return &censuses{taking: make(chan struct{}, 1)} }

// census returns that of the newest signed height, or of one a little before it.
func (a *api) census(ctx context.Context) (*census, error) {
	c := a.censuses
	select {
	case c.taking <- struct{}{}:
		defer func() { <-c.taking }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	snap, err := a.Log.Signed()
	if err != nil {
		return nil, nodeFault(err)
	}
	head, now := snap.Head(), time.Now()
	if c.last != nil && (c.last.head.StateRoot == head.StateRoot || now.Before(c.next)) {
		return c.last, nil
	}
	taken, err := takeCensus(snap)
	if err != nil {
		return nil, nodeFault(err)
	}
	c.last, c.next = taken, now.Add(censusShare*time.Since(now))
	return taken, nil
}

func takeCensus(s Snapshot) (*census, error) {
	c := &census{head: s.Head()}
	var err error
	if c.providers, err = s.Providers(); err != nil {
		return nil, err
	}
	if c.validators, err = s.Validators(); err != nil {
		return nil, err
	}
	if c.governance, err = governanceOf(s); err != nil {
		return nil, err
	}
	if c.streams, err = s.Streams(""); err != nil {
		return nil, err
	}
	for i := range c.streams {
		if c.streams[i].Head.Closed != nil {
			c.closed++
		}
	}
	return c, nil
}

// provider returns a provider of the registry.
func (c *census) provider(id string) (*provenance.Provider, bool) {
	i, found := slices.BinarySearchFunc(c.providers, id, func(p provenance.Provider, id string) int { return strings.Compare(p.ID, id) })
	if !found {
		return nil, false
	}
	return &c.providers[i], true
}

// streamsOf returns the streams of an issuer, ascending by name.
func (c *census) streamsOf(issuer string) []ledger.Stream {
	byIssuer := func(s ledger.Stream, issuer string) int { return strings.Compare(s.Issuer, issuer) }
	from, _ := slices.BinarySearchFunc(c.streams, issuer, byIssuer)
	to, _ := slices.BinarySearchFunc(c.streams[from:], issuer+"\x00", byIssuer)
	return c.streams[from : from+to]
}
