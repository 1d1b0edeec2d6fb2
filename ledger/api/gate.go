package api

import (
	"net/netip"
	"sync"
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
