package ledger

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestRoom: with less than twice the reserve free a node should take no more,
// with less than the reserve it commits nothing, and reads go on (NOD-11).
func TestRoom(t *testing.T) {
	free, err := freeBytes(t.TempDir())
	if err != nil || free == math.MaxUint64 {
		t.Fatalf("%d bytes free: %v", free, err)
	}
	l := newLedger(t)
	w := newWriter(t, "acme", "s")
	run(t, l, w.many(1, 1))
	for _, x := range []struct {
		reserve       uint64
		room, commits bool
	}{
		{free / 4, true, true},
		{free/2 + free/4, false, true},
		{free * 2, false, false},
		{1, true, true},
	} {
		l.reserve, l.room = x.reserve, lastLook{}
		err := l.Room()
		var full *RoomError
		if (err == nil) != x.room || err != nil && (!errors.As(err, &full) || full.Wanted != 2*x.reserve || full.Free > 2*free) {
			t.Fatalf("room with a reserve of %d of %d bytes: %v", x.reserve, free, err)
		}
		if _, err := l.Apply(l.Snapshot().Head().Height+1, blockTime, nil); err != nil {
			t.Fatal(err)
		}
		if err := l.Commit(); (err == nil) != x.commits || err != nil && !errors.As(err, &full) {
			t.Fatalf("commit with a reserve of %d of %d bytes: %v", x.reserve, free, err)
		}
		if _, err := l.Snapshot().Entry(0); err != nil {
			t.Fatal(err)
		}
	}
	text := (&RoomError{"/data", 5, 9}).Error()
	for _, says := range []string{"/data", "5 bytes free", "9 are wanted", "make room"} {
		if !strings.Contains(text, says) {
			t.Errorf("%q does not say %q", text, says)
		}
	}
}

// TestRoomLooksOnceASecond: Room may be asked for each submission.
func TestRoomLooksOnceASecond(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ledger")
	synctest.Test(t, func(t *testing.T) {
		l := &Ledger{dir: dir, reserve: 1}
		if err := l.Room(); err == nil {
			t.Fatal("room in a directory that is not there")
		}
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		time.Sleep(roomEvery - time.Millisecond)
		if err := l.Room(); err == nil {
			t.Fatal("it has looked again already")
		}
		time.Sleep(time.Millisecond)
		if err := l.Room(); err != nil {
			t.Fatalf("it has not looked again: %v", err)
		}
	})
}
