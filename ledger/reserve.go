package ledger

import (
	"fmt"
	"sync"
	"time"
)

const (
	// roomFactor is how many reserves are free where Room finds room: what is
	// under way when it no longer does still has to be committed.
	roomFactor = 2
	// roomEvery is how often Room looks.
	roomEvery = time.Second
)

// A RoomError says that the disk is nearly full. Reads go on.
type RoomError struct {
	Dir          string
	Free, Wanted uint64 // bytes
}

// Error says how much is free, how much is wanted, and what to do.
func (e *RoomError) Error() string {
	return fmt.Sprintf("the disk is nearly full: the file system of %s has %d bytes free, %d are wanted; make room, or lower the reserve", e.Dir, e.Free, e.Wanted)
}

// checkReserve refuses to write where the file system of dir has less than
// reserve bytes left: Badger maps its files, and a full disk is then a signal
// that kills the process. SPEC(NOD-11)
func checkReserve(dir string, reserve uint64) error {
	free, err := freeBytes(dir)
	if err == nil && free < reserve {
		err = &RoomError{dir, free, reserve}
	}
	return err
}

// Room says whether new work should be taken: nil, or a *RoomError where less
// than twice the reserve is free. At the reserve itself Commit refuses, and
// consensus stops: whoever takes submissions and proposes blocks asks here, so
// that it does not come to that. It looks at most once a second.
func (l *Ledger) Room() error {
	r := &l.room
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := time.Now(); r.looked.IsZero() || now.Sub(r.looked) >= roomEvery {
		// SPEC(NOD-11)
		r.looked, r.err = now, checkReserve(l.dir, roomFactor*l.reserve)
	}
	return r.err
}

// lastLook is what Room found, and when. No clock reaches the app hash by it.
type lastLook struct {
	mu     sync.Mutex
	looked time.Time
	err    error
}
