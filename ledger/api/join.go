package api

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"tokentrail/ledger"
	"tokentrail/provenance"
)

// Joining is what nodes that join the network, or lack history, ask this one. The
// zero value is of a node that none can join at.
type Joining struct {
	// P2P is where peers connect to the node: node-id@host:port.
	P2P string
	// Validators returns the engine's validator set of a height, the newest but one
	// that it has at most, with the priorities of the proposers, in protobuf.
	Validators func(height int64) ([]byte, error)
	// HeaderHash returns the hash of the signed header of a height, for those who
	// trust this node to begin with; nil: it does not say.
	HeaderHash func(height int64) (provenance.Hash, error)
	// Missing says which entries of the log are not here yet, from the first to
	// before the second; nil: none ever are.
	Missing func() (from, to int64)
	// Elsewhere are the addresses of nodes to be named where something is not
	// here yet.
	Elsewhere []string
}

const (
	// frontierTime is how long a frontier is handed out before a newer one is made:
	// peers keep blocks for much longer, and making it reads the whole state.
	frontierTime = 10 * time.Second
	// frontierAnswers is how many are on their way to clients at once, one to an
	// address.
	frontierAnswers = 4

	frontierFormat = 1
)

// frontiers makes what a node that joins begins with, one at a time, and hands
// the same to all for a while.
type frontiers struct {
	making chan struct{} // holds one while somebody looks at what follows
	answer []byte        // guarded by making; its bytes never change
	height int64         // guarded by making: of answer
	made   time.Time     // guarded by making
	failed error         // guarded by making: why there is none
	next   time.Time     // guarded by making: not before is it tried again

	room   *gate   // locks itself
	shares *shares // locks itself
}

func newFrontiers() *frontiers {
	return &frontiers{making: make(chan struct{}, 1), room: newGate(frontierAnswers), shares: newShares(1)}
}

// enter takes room for an answer; call what it returns when the client has it.
func (f *frontiers) enter(who netip.Addr) (leave func(), err error) {
	if !f.shares.enter(who, 1) {
		return nil, fmt.Errorf("%w: a frontier is on its way to your address already", ErrBusy)
	}
	if !f.room.enter(1) {
		f.shares.leave(who, 1)
		return nil, fmt.Errorf("%w: %d frontiers are on their way to clients", ErrBusy, frontierAnswers)
	}
	return func() { f.room.leave(1); f.shares.leave(who, 1) }, nil
}

// getFrontier answers with all that a node needs to go on from here without what
// came before. SPEC(NOD-33)
func (a *api) getFrontier(w *response, r *request) error {
	fresh(w)
	if a.Joining.Validators == nil {
		return refuse(codeNotFound, "", "nodes cannot join at this one; ask another")
	}
	leave, err := a.frontiers.enter(r.client())
	if err != nil {
		return err
	}
	defer leave()
	answer, err := a.frontier(r.Context())
	if err != nil {
		return err
	}
	w.hurry(a.Limits.AnswerTime, int64(len(answer)))
	return write(w, cborType, answer)
}

// frontier returns the answer that is at hand, or a new one.
func (a *api) frontier(ctx context.Context) ([]byte, error) {
	f := a.frontiers
	select {
	case f.making <- struct{}{}:
		defer func() { <-f.making }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	snap, err := a.Log.Signed()
	if err != nil {
		return nil, nodeFault(err)
	}
	height := snap.Head().Height
	if f.answer != nil && (f.height == height || time.Since(f.made) < frontierTime) {
		return f.answer, nil
	}
	began := time.Now()
	if began.Before(f.next) {
		return nil, f.failed
	}
	answer, err := a.makeFrontier(snap)
	if err != nil {
		// It may have taken a walk over the whole state, as a census does.
		f.failed, f.next = err, time.Now().Add((censusShare-1)*time.Since(began))
		return nil, err
	}
	f.answer, f.height, f.made = answer, height, time.Now()
	return answer, nil
}

// makeFrontier encodes the frontier of a snapshot, the light blocks of its height
// and the next, and the validators of the two heights behind it.
func (a *api) makeFrontier(s Snapshot) ([]byte, error) {
	height := s.Head().Height
	if height < 1 {
		return nil, fmt.Errorf("%w: the chain has no block yet whose state a node could begin with; begin from genesis, with init --genesis", ErrUnavailable)
	}
	front, err := s.Frontier()
	if err != nil {
		return nil, nodeFault(err)
	}
	b := provenance.AppendInt(provenance.AppendArray(nil, 6), frontierFormat)
	b = provenance.AppendBytes(b, front.Encode())
	for _, part := range []func() ([]byte, error){
		func() ([]byte, error) { return a.Headers.LightBlock(height) },
		func() ([]byte, error) { return a.Headers.LightBlock(height + 1) },
		func() ([]byte, error) { return a.Joining.Validators(height + 1) },
		func() ([]byte, error) { return a.Joining.Validators(height + 2) },
	} {
		raw, err := part()
		if errors.Is(err, ledger.ErrNotFound) || errors.Is(err, ledger.ErrNotHere) {
			return nil, fmt.Errorf("%w: it has not the headers of its newest heights yet: %v", ErrUnavailable, err)
		}
		if err != nil {
			return nil, nodeFault(err)
		}
		b = provenance.AppendBytes(b, raw)
	}
	return b, nil
}

// trustHeader returns the header that carries the app hash of a height, as the
// status says it; nil where it is not known.
func (a *api) trustHeader(height int64) *headerHash {
	if a.Joining.HeaderHash == nil {
		return nil
	}
	hash, err := a.Joining.HeaderHash(height + 1)
	if err != nil {
		return nil
	}
	return &headerHash{height + 1, hash}
}

// headerHash is a member of SPEC(API-3).
type headerHash struct {
	Height int64           `json:"height"`
	Hash   provenance.Hash `json:"hash"`
}

// missing returns which entries are not here yet, as the status says it; nil
// where all are.
func (a *api) missing() *missingHistory {
	if a.Joining.Missing == nil {
		return nil
	}
	from, to := a.Joining.Missing()
	if from == to {
		return nil
	}
	return &missingHistory{from, to}
}

// missingHistory is a member of SPEC(API-3).
type missingHistory struct {
	From int64 `json:"from"`
	To   int64 `json:"to"`
}

// elsewhere says where what is not here may be asked for. SPEC(NOD-38)
func (a *api) elsewhere() string {
	if len(a.Joining.Elsewhere) == 0 {
		return "ask another node, or this one later"
	}
	return "ask " + a.Joining.Elsewhere[0] + ", or this one later"
}
