package app

import (
	"bytes"
	"errors"
	"sync"
	"time"

	"tokentrail/ledger"
	"tokentrail/provenance"
)

const (
	// waitingTime is how long a submission is held whose predecessor is not here:
	// long enough for what is on its way by another node.
	waitingTime = 10 * time.Second
	// What is held at most, and by one issuer: a few full windows of large
	// submissions, so that no provider keeps the others out.
	waitingBytes       = 64 << 20
	waitingCount       = 4096
	waitingBytesIssuer = waitingBytes / 4
	waitingCountIssuer = waitingCount / 4
	// What is let into the mempool between two blocks: less than it holds, for
	// where it is full it drops without a word what it has just accepted.
	poolCount = mempoolCount * 4 / 5
	poolBytes = MaxMempoolBytes * 4 / 5
)

// waitingRoom stands before the mempool. The mempool holds of each stream only
// what follows its head without a gap, all of which can go into blocks; what
// comes too early is held here until its predecessor is in the mempool or in the
// log. So no orphan keeps the engine making empty blocks, and each place of a
// stream is one statement's. Acts and equivocations are never early; they have
// places too, so that the mempool has one act at each sequence of governance or a
// provider, and one equivocation of each stream, however many there are that would
// do. It is the node's own matter, never consensus'.
//
// The engine calls enter and stay one after another (its connection to the
// application), and reset and what is asked again after it with the mempool
// locked; the other methods may be called at any time.
type waitingRoom struct {
	now  func() time.Time
	wake chan struct{} // holds one: something may be ready

	mu       sync.Mutex // guards what follows
	next     map[stream]int64
	places   map[place]waiting
	held     load
	byIssuer map[string]load // of what is held
	pool     load            // of what is in the mempool, as far as this room has let it in
}

// stream is a stream, or what stands in an order of its own beside the streams;
// place is a place in it.
type stream struct {
	kind         queueKind
	issuer, name string
}

type queueKind int

const (
	batches       queueKind = iota
	acts                    // of governance (issuer "") or of a provider; name ""
	equivocations           // of a stream
)

type place struct {
	stream
	sequence int64
}

// waiting is a statement that has a place.
type waiting struct {
	id   provenance.Hash
	raw  []byte          // the submission; the memory is the mempool's, or held's
	held *ledger.Checked // nil where it is in the mempool
	till time.Time       // where held
}

type load struct{ count, bytes int }

func newWaitingRoom(now func() time.Time) *waitingRoom {
	return &waitingRoom{
		now: now, wake: make(chan struct{}, 1),
		next: map[stream]int64{}, places: map[place]waiting{}, byIssuer: map[string]load{},
	}
}

// placeOf returns the place of a submission that decodes.
func placeOf(c *ledger.Checked) place {
	switch {
	case c.Act() != nil:
		a := c.Act().Act()
		return place{stream{acts, a.Provider, ""}, a.Sequence}
	case c.Equivocation() != nil:
		h := c.Equivocation().A.Header()
		return place{stream{equivocations, h.Issuer, h.Stream}, 0}
	}
	h := c.Submission().Statement.Header()
	return place{stream{batches, h.Issuer, h.Stream}, h.Sequence}
}

// enter decides on a submission that is admissible now or soon: into the
// mempool with it (true), or it is held, or refused. head is the sequence that
// its stream's next entry will have.
func (w *waitingRoom) enter(c *ledger.Checked, head int64) (bool, error) {
	at := placeOf(c)
	w.mu.Lock()
	defer w.mu.Unlock()
	if other, taken := w.places[at]; taken {
		switch {
		case other.id != c.ID():
			return false, takenBy(at, other.id)
		case other.held == nil:
			return false, nil // on its way, in other bytes
		}
	}
	if at.sequence != max(head, w.next[at.stream]) {
		return false, w.hold(at, c)
	}
	if w.pool.count >= poolCount || w.pool.bytes+len(c.Raw()) > poolBytes {
		return false, errPoolFull // what is held stays held
	}
	w.let(at, c)
	return true, nil
}

// takenBy refuses what comes for a place that something else waits for.
func takenBy(at place, other provenance.Hash) error {
	switch at.kind {
	case acts:
		return refusal(ledger.CodeSequence, "the act "+other.String()+" is on its way with this sequence; make the act anew with the next")
	case equivocations:
		return refusal(ledger.CodeDuplicate, "the equivocation "+other.String()+" is on its way; one closes the stream")
	}
	return refusal(ledger.CodeFork, "the statement "+other.String()+" waits for this place; a stream has one statement at each sequence")
}

// errPoolFull: nothing is wrong with the submission; there is room again after
// the next block.
var errPoolFull = errors.New("the mempool is full")

// let puts a submission down as one of the mempool. Called with mu held.
func (w *waitingRoom) let(at place, c *ledger.Checked) {
	w.take(at)
	w.places[at] = waiting{id: c.ID(), raw: c.Raw()}
	w.next[at.stream] = at.sequence + 1
	w.pool = load{w.pool.count + 1, w.pool.bytes + len(c.Raw())}
	w.ready(place{at.stream, at.sequence + 1})
}

// stay says, behind a reset, whether a submission of the mempool still follows
// without a gap. What does not is held again.
func (w *waitingRoom) stay(c *ledger.Checked, head int64) bool {
	at := placeOf(c)
	w.mu.Lock()
	defer w.mu.Unlock()
	if at.sequence != max(head, w.next[at.stream]) {
		_ = w.hold(at, c) // where there is no room its provider sends it again
		return false
	}
	w.let(at, c)
	return true
}

// rival returns the submission of another statement that waits for the place of c,
// nil where none does.
func (w *waitingRoom) rival(c *ledger.Checked) []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	if self, here := w.places[placeOf(c)]; here && self.id != c.ID() {
		return self.raw
	}
	return nil
}

// displaced is a statement whose place another one has taken.
type displaced struct {
	raw []byte          // its submission
	by  *ledger.Checked // a batch
}

// reset forgets what is in the mempool, which is asked about anew: a block is
// committed. It returns the statements that waited for places which the block gave
// to others.
func (w *waitingRoom) reset(committed []*ledger.Checked) (lost []displaced) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range committed {
		if c.Submission() == nil {
			continue
		}
		if self, here := w.places[placeOf(c)]; here && self.id != c.ID() {
			lost = append(lost, displaced{self.raw, c})
		}
	}
	clear(w.next)
	w.pool = load{}
	for at, self := range w.places {
		if self.held == nil {
			delete(w.places, at)
		}
	}
	for _, c := range committed {
		if c.Err() == nil {
			at := placeOf(c)
			w.take(at)
			w.ready(place{at.stream, at.sequence + 1})
		}
	}
	return lost
}

// hold keeps a submission for later. Called with mu held.
func (w *waitingRoom) hold(at place, c *ledger.Checked) error {
	if self, here := w.places[at]; here && self.held != nil {
		return nil // the time that it has runs on
	}
	own, size := w.byIssuer[at.issuer], len(c.Raw())
	if w.held.count >= waitingCount || w.held.bytes+size > waitingBytes ||
		own.count >= waitingCountIssuer || own.bytes+size > waitingBytesIssuer {
		return refusal(ledger.CodeGap, "too much waits for its predecessors already; send what lies between first")
	}
	w.places[at] = waiting{c.ID(), c.Raw(), c, w.now().Add(waitingTime)}
	w.held = load{w.held.count + 1, w.held.bytes + size}
	w.byIssuer[at.issuer] = load{own.count + 1, own.bytes + size}
	return nil
}

// take frees a place and returns what was held there. Called with mu held.
func (w *waitingRoom) take(at place) *ledger.Checked {
	self, here := w.places[at]
	if !here {
		return nil
	}
	delete(w.places, at)
	if self.held == nil {
		return nil
	}
	own, size := w.byIssuer[at.issuer], len(self.held.Raw())
	w.held = load{w.held.count - 1, w.held.bytes - size}
	w.byIssuer[at.issuer] = load{own.count - 1, own.bytes - size}
	if own.count == 1 {
		delete(w.byIssuer, at.issuer)
	}
	return self.held
}

// ready wakes the feeder if something is held at a place. Called with mu held.
func (w *waitingRoom) ready(at place) {
	if self, here := w.places[at]; here && self.held != nil {
		select {
		case w.wake <- struct{}{}:
		default: // it will look anyway
		}
	}
}

// leave frees the place of a submission that was held and is refused. Another
// one of the same statement, with other bytes, has to leave nothing: anybody who
// has seen a statement can make one.
func (w *waitingRoom) leave(c *ledger.Checked) {
	if c.Err() != nil {
		return
	}
	at := placeOf(c)
	w.mu.Lock()
	defer w.mu.Unlock()
	if self, here := w.places[at]; here && self.held != nil && bytes.Equal(self.held.Raw(), c.Raw()) {
		w.take(at)
	}
}

// release returns what the mempool would take now, which is held until it does,
// and what comes too late: an entry has its place. It forgets that, and what has
// waited in vain. head gives the sequence of a stream's next entry.
func (w *waitingRoom) release(head func(stream) int64) (ready, late []*ledger.Checked) {
	now := w.now()
	w.mu.Lock()
	defer w.mu.Unlock()
	heads := map[stream]int64{}
	for at, self := range w.places {
		if self.held == nil {
			continue
		}
		next, known := heads[at.stream]
		if !known {
			next = head(at.stream)
			heads[at.stream] = next
		}
		switch {
		case at.sequence < next:
			late = append(late, w.take(at))
		case at.sequence == max(next, w.next[at.stream]):
			ready = append(ready, self.held) // however long it has waited
		case now.After(self.till):
			w.take(at)
		}
	}
	return ready, late
}

func refusal(code provenance.Code, detail string) error {
	return &provenance.Error{Code: code, Path: "sequence", Offset: -1, Detail: detail}
}
