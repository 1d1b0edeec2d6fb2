package app

import (
	"context"
	"errors"
	"sync"
	"time"

	"tokentrail/ledger"
	"tokentrail/provenance"
)

const (
	// accusations is how many equivocations wait to be submitted at most.
	accusations = 64
	// accusedStreams is how many streams are remembered whose equivocation was
	// made: each only once in accusedTime, however often its fork is sent.
	accusedStreams = 4096
	accusedTime    = 30 * time.Second
	// accusingTries is how often one is handed to the mempool before it is given
	// up; whoever sends the fork again makes it again.
	accusingTries = 100
	accusingPause = 100 * time.Millisecond
)

// accuser makes equivocations of the forks that this node is given, once a
// stream (SPEC(EQV-5)). Only a signature that holds makes one, so nobody but the
// holder of a provider's key can have it work.
type accuser struct {
	now      func() time.Time
	made     chan accusation
	wake     chan struct{} // holds one: there may be an entry for what is kept
	evidence *keptEvidence // locks itself

	mu      sync.Mutex
	streams map[stream]time.Time // guarded by mu: when the equivocation was made
}

// accusation is the submission of a stream's equivocation.
type accusation struct {
	of  stream
	raw []byte
}

func newAccuser(now func() time.Time) *accuser {
	return &accuser{
		now: now, made: make(chan accusation, accusations), wake: make(chan struct{}, 1),
		evidence: newKeptEvidence(now), streams: map[stream]time.Time{},
	}
}

// queue has an equivocation submitted; false where the stream's was made of late,
// or as many wait as may.
func (a *accuser) queue(of stream, e *provenance.Equivocation) bool {
	if !a.tell(of) {
		return false
	}
	select {
	case a.made <- accusation{of, provenance.EncodeEquivocationSubmission(e)}:
		return true
	default:
		a.forget(of)
		return false
	}
}

// keep keeps an equivocation until an entry has its place; false where it need not
// or cannot be.
func (a *accuser) keep(at place, e *provenance.Equivocation) bool {
	kept := a.evidence.keep(at, provenance.EncodeEquivocationSubmission(e))
	if kept {
		a.look() // the entry may be there by now
	}
	return kept
}

// look has the evidence looked at.
func (a *accuser) look() {
	select {
	case a.wake <- struct{}{}:
	default: // it will be
	}
}

// told reports whether the equivocation of a stream was made of late.
func (a *accuser) told(at stream) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	made, there := a.streams[at]
	return there && a.now().Sub(made) < accusedTime
}

// tell remembers a stream; false where another was faster, or where there is no
// room.
func (a *accuser) tell(at stream) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	if len(a.streams) >= accusedStreams {
		for s, made := range a.streams {
			if now.Sub(made) >= accusedTime {
				delete(a.streams, s)
			}
		}
	}
	if made, there := a.streams[at]; there && now.Sub(made) < accusedTime || len(a.streams) >= accusedStreams {
		return false
	}
	a.streams[at] = now
	return true
}

func (a *accuser) forget(at stream) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.streams, at)
}

// accuse makes the equivocation of a batch that is refused, or late, and of the
// entry that has its place, where there is one; where another statement waits for
// the place both are kept.
func (a *Application) accuse(c *ledger.Checked, refusal error) {
	if c.Submission() == nil || provenance.CodeOf(refusal) == ledger.CodeDuplicate {
		return
	}
	at := placeOf(c)
	if a.accuser.told(at.stream) {
		return
	}
	// What waits is looked for first: when it is an entry, and so gone from there,
	// the snapshot has it.
	other := a.waiting.rival(c)
	e, err := a.ledger.Snapshot().Convict(c)
	switch {
	case err != nil:
		a.sayUnread(err)
	case e == nil && other != nil:
		a.keepBoth(c, a.seen.check(other))
	case e != nil && a.accuser.queue(at.stream, e):
		a.sayBoth(e, "a provider signed two statements for one place of a stream: both go to the ledger as equivocation")
	}
}

// keepBoth keeps two batches of one place, of which one may be an entry.
func (a *Application) keepBoth(one, other *ledger.Checked) {
	e, err := a.ledger.Snapshot().ConvictBoth(one, other)
	switch {
	case err != nil:
		a.sayUnread(err)
	case e != nil && a.accuser.keep(placeOf(one), e):
		a.sayBoth(e, "a provider signed two statements for one place of a stream: both go to the ledger as equivocation when the place has an entry")
	}
}

func (a *Application) sayUnread(err error) {
	switch {
	case errors.Is(err, ledger.ErrClosed), errors.Is(err, ledger.ErrNotHere): // history may be on its way
	case errors.As(err, new(*ledger.RulesError)): // the node stops, and says so itself
	default:
		a.log.Warn("a statement was refused that may be a fork; the entry that has its place cannot be read", "error", err)
	}
}

func (a *Application) sayBoth(e *provenance.Equivocation, what string) {
	h := e.A.Header()
	a.log.Warn(what, "issuer", h.Issuer, "stream", h.Stream, "sequence", h.Sequence, "statement", e.A.ID(), "other", e.B.ID())
}

// Accuse hands the equivocations that the node has made to the mempool, through
// submit, and those that it keeps when their places have entries. It returns when
// ctx ends.
func (a *Application) Accuse(ctx context.Context, submit func(context.Context, []byte) (uint32, string, error)) {
	ticker := time.NewTicker(time.Second) // what is kept is kept for a time, and handed over again
	defer ticker.Stop()
	for {
		var ready []accusation
		select {
		case <-ctx.Done():
			return
		case x := <-a.accuser.made:
			ready = append(ready, x)
		case <-a.accuser.wake:
		case <-ticker.C:
		}
		for _, x := range a.accuser.evidence.ripe(a.ledger.Snapshot().StreamHead) {
			if a.accuser.tell(x.of) {
				ready = append(ready, x)
			}
		}
		for _, x := range ready {
			if handOver(ctx, x.raw, submit) {
				a.accuser.evidence.drop(x.of)
			}
		}
	}
}

// handOver hands an equivocation to the mempool, and reports whether it is refused
// for good.
func handOver(ctx context.Context, raw []byte, submit func(context.Context, []byte) (uint32, string, error)) (refused bool) {
	for range accusingTries {
		code, _, err := submit(ctx, raw)
		if (err == nil || errors.Is(err, ErrTxKnown)) && code != CodeFull {
			return err == nil && code != 0 // else in the mempool
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(accusingPause):
		}
	}
	return false
}
