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
	now  func() time.Time
	made chan []byte // submissions

	mu      sync.Mutex
	streams map[stream]time.Time // guarded by mu: when the equivocation was made
}

func newAccuser(now func() time.Time) *accuser {
	return &accuser{now: now, made: make(chan []byte, accusations), streams: map[stream]time.Time{}}
}

// look looks at a submission that was refused.
func (a *accuser) look(s *ledger.Snapshot, c *ledger.Checked, refusal error) (*provenance.Equivocation, error) {
	if c.Submission() == nil || provenance.CodeOf(refusal) == ledger.CodeDuplicate {
		return nil, nil
	}
	at := placeOf(c).stream
	if a.told(at) {
		return nil, nil
	}
	e, err := s.Convict(c)
	if e == nil || err != nil || !a.tell(at) {
		return nil, err
	}
	select {
	case a.made <- provenance.EncodeEquivocationSubmission(e):
		return e, nil
	default: // as many wait as may
		a.forget(at)
		return nil, nil
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

// accuse makes the equivocation of a refused batch and the entry that has its
// place, where there is one.
func (a *Application) accuse(s *ledger.Snapshot, c *ledger.Checked, refusal error) {
	e, err := a.accuser.look(s, c, refusal)
	switch {
	case err != nil && !errors.Is(err, ledger.ErrClosed) && !errors.Is(err, ledger.ErrNotHere): // history may be on its way
		a.log.Warn("a statement was refused that may be a fork; the entry that has its place cannot be read", "error", err)
	case e != nil:
		h := e.A.Header()
		a.log.Warn("a provider signed two statements for one place of a stream: both go to the ledger as equivocation",
			"issuer", h.Issuer, "stream", h.Stream, "sequence", h.Sequence, "statement", e.A.ID(), "other", e.B.ID())
	}
}

// Accuse hands the equivocations that the node has made to the mempool, through
// submit. It returns when ctx ends.
func (a *Application) Accuse(ctx context.Context, submit func(context.Context, []byte) (uint32, string, error)) {
	for {
		select {
		case <-ctx.Done():
			return
		case raw := <-a.accuser.made:
			for range accusingTries {
				code, _, err := submit(ctx, raw)
				if (err == nil || errors.Is(err, ErrTxKnown)) && code != CodeFull {
					break // in the mempool, or refused: another was faster
				}
				select {
				case <-ctx.Done():
					return
				case <-time.After(accusingPause):
				}
			}
		}
	}
}
