package ledger

import (
	"math/rand/v2"
	"runtime"
	"testing"
)

// TestTablesAreMadeInLittleMemory: while a memtable with frames becomes a table,
// that takes about as much again, not several times it.
func TestTablesAreMadeInLittleMemory(t *testing.T) {
	l, err := Open(t.TempDir(), Options{}) // with a node's memtables
	if err != nil {
		t.Fatal(err)
	}
	const entries, size = 190, 160 << 10
	random := rand.NewChaCha8([32]byte{})
	for i := range int64(entries) {
		frame := make([]byte, size)
		_, _ = random.Read(frame)
		if err := l.store.write(entryOps(&Entry{Index: i}, nil, frame, nil)); err != nil {
			t.Fatal(err)
		}
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := l.Close(); err != nil { // which makes the table
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	took := after.TotalAlloc - before.TotalAlloc
	t.Logf("a table of %d bytes took %d", entries*size, took)
	// The allocator below doubles what it has: up to twice what is asked for.
	if took > 3*entries*size {
		t.Errorf("a table of %d bytes took %d", entries*size, took)
	}
}
