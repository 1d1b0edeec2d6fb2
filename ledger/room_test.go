package ledger

import (
	"testing"

	"tokentrail/provenance"
)

// TestBlockCeilings: a proposer stays within both ceilings of a block, and one
// that does not is refused (ADM-17).
func TestBlockCeilings(t *testing.T) {
	l := newLedger(t)
	var large []*Checked
	for w := newWriter(t, "acme", "s"); len(large) < 60; {
		large = append(large, w.submit(w.records(2000, 32)))
	}
	for _, c := range []struct {
		name string
		txs  []*Checked
	}{
		{"bytes", large},
		{"expanded bytes", swollen(newWriter(t, "beta", "s"), 9)},
	} {
		chosen := prepare(t, l, 1, c.txs, 1<<40)
		if len(chosen) == 0 || len(chosen) == len(c.txs) {
			t.Errorf("%s: %d of %d fit a block", c.name, len(chosen), len(c.txs))
		}
		if err := l.Process(1, blockTime, chosen); err != nil {
			t.Errorf("%s: what was prepared is refused: %v", c.name, err)
		}
		if err := l.Process(1, blockTime, c.txs); provenance.CodeOf(err) != provenance.CodeSize {
			t.Errorf("%s: a block with all of them: %v", c.name, err)
		}
	}
}

// swollen returns n submissions whose records are nearly all zeros: 8 MB
// expanded, a few kilobytes compressed.
func swollen(w *writer, n int) []*Checked {
	const key1024 = "\x19\x04\x00" // kept, and hashed
	zeros := append([]byte("\x59\x0f\xa0"), make([]byte, 4000)...)
	var out []*Checked
	for range n {
		records := w.records(2000, 1)
		for i, r := range records {
			r[0]++ // one more pair in the map
			records[i] = append(append(r, key1024...), zeros...)
		}
		out = append(out, w.submit(records))
	}
	return out
}
