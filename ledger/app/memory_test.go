package app

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
)

// TestEngineTablesAreMadeInLittleMemory: while a memtable with block parts becomes
// a table, that takes about as much again, not several times it.
func TestEngineTablesAreMadeInLittleMemory(t *testing.T) {
	e := openEngine(t, t.TempDir())
	const blocks, parts, size = 20, 24, 64<<10 + 300
	random := rand.NewChaCha8([32]byte{})
	for i := range blocks {
		batch := e.Store("blockstore").NewBatch()
		for j := range parts {
			part := make([]byte, size)
			_, _ = random.Read(part)
			if err := batch.Set(fmt.Appendf(nil, "P:%d:%d", i, j), part); err != nil {
				t.Fatal(err)
			}
		}
		if err := batch.WriteSync(); err != nil {
			t.Fatal(err)
		}
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := e.Close(); err != nil { // which makes the table
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	// The allocator below doubles what it has: up to twice what is asked for.
	if took := after.TotalAlloc - before.TotalAlloc; took > 3*blocks*parts*size {
		t.Errorf("a table of %d bytes took %d", blocks*parts*size, took)
	}
}
