package api

import "sync"

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
