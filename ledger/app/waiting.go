package app

import (
	"sync"
	"time"

	"tokentrail/ledger"
	"tokentrail/provenance"
)

const (
	// waitingTime is how long a submission may be in the mempool without the one
	// before it in its stream: long enough for what is on its way by another node.
	// While it is there the engine makes blocks, empty if need be.
	waitingTime = 10 * time.Second
	// waitingPlaces is when places that time has freed are looked for.
	waitingPlaces = 10_000
)

// waitingRoom knows which submissions are in the mempool, by their place in
// their stream. It keeps a provider from filling every node's mempool with what
// can never be committed: each place of a stream is one statement's, and who
// waits in vain has to leave. It is the node's own matter, never consensus'.
type waitingRoom struct {
	now func() time.Time

	mu     sync.Mutex // guards places
	places map[place]waiting
}

// place is a place in a stream.
type place struct {
	issuer, stream string
	sequence       int64
}

type waiting struct {
	id    provenance.Hash
	since time.Time // when it came, or last had its predecessor
}

func newWaitingRoom(now func() time.Time) *waitingRoom {
	return &waitingRoom{now: now, places: map[place]waiting{}}
}

func placeOf(c *ledger.Checked) place {
	h := c.Submission().Statement.Header()
	return place{h.Issuer, h.Stream, h.Sequence}
}

// enter takes a submission in that is admissible now or soon.
func (w *waitingRoom) enter(c *ledger.Checked) error {
	at, now := placeOf(c), w.now()
	w.mu.Lock()
	defer w.mu.Unlock()
	if other, taken := w.places[at]; taken && other.id != c.ID() && now.Sub(other.since) < waitingTime {
		return &provenance.Error{Code: ledger.CodeFork, Path: "sequence", Offset: -1,
			Detail: "the statement " + other.id.String() + " waits for this place; a stream has one statement at each sequence"}
	}
	if len(w.places) >= waitingPlaces {
		w.clear(now)
	}
	w.places[at] = waiting{c.ID(), now}
	return nil
}

// stay says whether a submission may go on waiting. next is the sequence that
// its stream's next entry will have.
func (w *waitingRoom) stay(c *ledger.Checked, next int64) error {
	at, now := placeOf(c), w.now()
	before := at
	before.sequence--
	w.mu.Lock()
	defer w.mu.Unlock()
	self, here := w.places[at]
	if !here || self.id != c.ID() {
		self = waiting{c.ID(), now}
	}
	if _, led := w.places[before]; led || at.sequence == next {
		self.since = now
	}
	if now.Sub(self.since) >= waitingTime {
		delete(w.places, at)
		return &provenance.Error{Code: ledger.CodeGap, Path: "sequence", Offset: -1,
			Detail: "the statement before it did not come in time; send what lies between, then this one again"}
	}
	w.places[at] = self
	return nil
}

// leave frees the place of a submission that is committed or refused.
func (w *waitingRoom) leave(c *ledger.Checked) {
	if c.Submission() == nil {
		return
	}
	at := placeOf(c)
	w.mu.Lock()
	defer w.mu.Unlock()
	if self, here := w.places[at]; here && self.id == c.ID() {
		delete(w.places, at)
	}
}

// clear frees the places of whom nobody has asked for in a while. Called with mu
// held.
func (w *waitingRoom) clear(now time.Time) {
	for at, self := range w.places {
		if now.Sub(self.since) >= waitingTime {
			delete(w.places, at)
		}
	}
}
