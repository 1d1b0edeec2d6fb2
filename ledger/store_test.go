package ledger

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

// TestManyStreams: a block that changes more of the state than one stored part of
// an undo holds can still be gone back from, and only the newest heights are.
func TestManyStreams(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	genesis(t, l)
	var writers []*writer
	for i := range 1034 { // whose heads take more than undoPart
		writers = append(writers, newWriter(t, "acme", fmt.Sprint("stream-", i)))
	}
	var all []*Checked
	sizes := []int{0}
	for block := range keptHeights + 2 {
		var txs []*Checked
		step := 300
		if block == 0 || block == keptHeights {
			step = 1 // all of them
		}
		for i := 0; i < len(writers); i += step {
			txs = append(txs, writers[i].next(1))
		}
		run(t, l, txs)
		all = append(all, txs...)
		sizes = append(sizes, len(all))
	}
	want := map[int64]Head{}
	for h := range int64(len(sizes)) {
		if s, ok := l.SnapshotAt(h); ok {
			want[h] = s.Head()
		}
	}
	if len(want) != keptHeights {
		t.Fatalf("%d heights are kept, wanted %d", len(want), keptHeights)
	}
	undos := map[int64]int{}
	_ = l.store.scan([]byte{prefixUndo}, []byte{prefixUndo}, func(key []byte, _ func() ([]byte, error)) error {
		undos[indexOfKey(key)]++
		return nil
	})
	if len(undos) != keptHeights-1 {
		t.Fatalf("ways back are stored from %v", undos)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open(t, dir)
	for h, head := range want {
		s, ok := l.SnapshotAt(h)
		if !ok || s.Head() != head || s.tree.rootHash() != head.StateRoot || int(head.Size) != sizes[h] {
			t.Fatalf("height %d after reopening: %+v %t, wanted %+v", h, s.Head(), ok, head)
		}
	}
	s, _ := l.SnapshotAt(int64(keptHeights)) // not the newest
	checkSnapshot(t, s, all[:sizes[keptHeights]])
}

// TestReserve: with the disk short the block is refused before anything is
// written, and can be committed once there is room.
func TestReserve(t *testing.T) {
	l := newLedger(t)
	before := l.Snapshot().Head()
	if _, err := l.Apply(1, blockTime, newWriter(t, "acme", "s").many(1, 1)); err != nil {
		t.Fatal(err)
	}
	l.reserve = math.MaxUint64
	if err := l.Commit(); err == nil || !strings.Contains(err.Error(), "reserve") {
		t.Fatalf("committed into the reserve: %v", err)
	}
	if l.Snapshot().Head() != before {
		t.Fatal("the head moved")
	}
	l.reserve = 1
	if err := l.Commit(); err != nil {
		t.Fatal(err)
	}
}

func TestOneProcess(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	if l, err := Open(dir, Options{memTable: 8 << 20}); err == nil {
		_ = l.Close()
		t.Fatal("opened twice")
	}
}
