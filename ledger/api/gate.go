package api

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"
)

// A gate lets in as much as there is room for, and turns away the rest.
type gate struct {
	mu   sync.Mutex
	room int64 // guarded by mu
}

func newGate(room int64) *gate { return &gate{room: room} }

// enter takes n of the room, or none where there is not as much. What is taken
// must be given back with leave.
func (g *gate) enter(n int64) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if n > g.room {
		return false
	}
	g.room -= n
	return true
}

func (g *gate) leave(n int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.room += n
}

// shares let each address take as much as most, so that one cannot take what is
// there for all. An address that holds nothing is forgotten.
type shares struct {
	most int64

	mu    sync.Mutex
	taken map[netip.Addr]int64 // guarded by mu
}

func newShares(most int64) *shares {
	return &shares{most: most, taken: map[netip.Addr]int64{}}
}

// enter takes n of the share of who, or none where not as much is left. What is
// taken must be given back with leave.
func (s *shares) enter(who netip.Addr, n int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n > s.most-s.taken[who] {
		return false
	}
	s.taken[who] += n
	return true
}

func (s *shares) leave(who netip.Addr, n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken[who] -= n; s.taken[who] == 0 {
		delete(s.taken, who)
	}
}

// client returns the address that a request comes from. Those of one IPv6
// network of 64 bits are one: whoever has one of them has all. What is not an
// internet address is the zero one.
func (r *request) client() netip.Addr {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	a := from.Addr().Unmap().WithZone("")
	if a.Is6() {
		network, _ := a.Prefix(64) // cannot fail: it has 128 bits
		a = network.Addr()
	}
	return a
}

// places are few, and taken for a moment of work: who finds none waits, in turn
// and not for long.
type places struct {
	taken  chan struct{} // holds one for each place that is taken
	wait   time.Duration
	shares *shares // of those who wait or work
}

func newPlaces(count int, wait time.Duration, share int) *places {
	return &places{make(chan struct{}, count), wait, newShares(int64(share))}
}

// enter waits for a place. Call what it returns when the work is done, and
// before anything that a client can draw out.
func (p *places) enter(ctx context.Context, who netip.Addr) (leave func(), err error) {
	if !p.shares.enter(who, 1) {
		return nil, fmt.Errorf("%w: %d requests from your address want records expanded", ErrBusy, p.shares.most)
	}
	timer := time.NewTimer(p.wait)
	defer timer.Stop()
	select {
	case p.taken <- struct{}{}:
		return func() { <-p.taken; p.shares.leave(who, 1) }, nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-timer.C:
		err = fmt.Errorf("%w: %d requests have their records expanded, and none made room within %s", ErrBusy, cap(p.taken), p.wait)
	}
	p.shares.leave(who, 1)
	return nil, err
}

// answers bound what is held for clients until they have taken it: how many
// answers, and how many bytes.
type answers struct {
	count, bytes *gate
	shares       *shares
}

func newAnswers(l Limits) *answers {
	return &answers{newGate(int64(l.Answers)), newGate(l.AnswerBytes), newShares(int64(l.AddressAnswers))}
}

// enter takes room for an answer of size bytes. Call what it returns when the
// client has taken it.
func (a *answers) enter(who netip.Addr, size int64) (leave func(), err error) {
	if !a.shares.enter(who, 1) {
		return nil, fmt.Errorf("%w: %d answers with expanded records are on their way to your address; accept zstd, which has no such limit", ErrBusy, a.shares.most)
	}
	if a.count.enter(1) {
		if a.bytes.enter(size) {
			return func() { a.bytes.leave(size); a.count.leave(1); a.shares.leave(who, 1) }, nil
		}
		a.count.leave(1)
	}
	a.shares.leave(who, 1)
	return nil, fmt.Errorf("%w: as many expanded records as it holds are on their way to clients; accept zstd, which has no such limit", ErrBusy)
}
