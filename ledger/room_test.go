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

// TestBlockAtItsCeilings: SPEC(ADM-17). A block of exactly as many bytes, or as much
// content, as a block may have is admitted, and one with a byte more is refused.
func TestBlockAtItsCeilings(t *testing.T) {
	l := newLedger(t)
	holds := func(name string, full []*Checked, over *Checked) {
		t.Helper()
		if err := l.Process(1, blockTime, full); err != nil {
			t.Errorf("%s: at the ceiling: %v", name, err)
		}
		if chosen := prepare(t, l, 1, full, 1<<40); len(chosen) != len(full) {
			t.Errorf("%s: at the ceiling %d of %d are chosen", name, len(chosen), len(full))
		}
		last := len(full) - 1
		if over.sub.Statement.Header().Issuer != full[last].sub.Statement.Header().Issuer {
			last++ // beside them, not in the place of one
		}
		block := append(full[:last:last], over)
		if err := l.Process(1, blockTime, block); provenance.CodeOf(err) != provenance.CodeSize {
			t.Errorf("%s: a byte more: %v", name, err)
		}
		if chosen := prepare(t, l, 1, block, 1<<40); len(chosen) != len(block)-1 {
			t.Errorf("%s: a byte more: %d of %d are chosen", name, len(chosen), len(block))
		}
	}

	w, left := newWriter(t, "acme", "s"), int64(MaxBlockBytes)
	var full []*Checked
	for left > 100<<10 {
		c := w.submit(w.records(1000, 32))
		full, left = append(full, c), left-protoSize(len(c.raw))
	}
	for left > 1500 {
		c := w.next(5)
		full, left = append(full, c), left-protoSize(len(c.raw))
	}
	holds("bytes", append(full, w.ofSize(left)), w.ofSize(left+1))

	full = nil
	for w := newWriter(t, "acme", "s"); len(full) < MaxBlockExpanded/provenance.MaxExpandedBytes; {
		full = append(full, w.submit(fullRecords(w)))
	}
	if size := full[0].sub.ExpandedSize(); size != provenance.MaxExpandedBytes {
		t.Fatalf("the records take %d bytes", size)
	}
	holds("content", full, newWriter(t, "beta", "s").next(1))
}

// ofSize makes the stream's next submission, of so many bytes in a block, without
// moving on: it feels its way by the number of records, then by their contents.
func (w *writer) ofSize(size int64) *Checked {
	w.t.Helper()
	n := int64(1)
	for range 5000 {
		raw, _ := w.build(w.records(int(n), 1+w.rng.IntN(20)))
		got := protoSize(len(raw))
		if got == size {
			c, err := Check(raw)
			if err != nil {
				w.t.Fatal(err)
			}
			return c
		}
		n = max(1, n+(size-got)/40) // some 40 bytes a record
	}
	w.t.Fatalf("no submission has %d bytes", size)
	return nil
}

// fullRecords are records of as many bytes as those of one statement may have.
func fullRecords(w *writer) [][]byte {
	const key1024 = "\x19\x04\x00" // kept, and hashed
	records := w.records(provenance.MaxExpandedBytes/provenance.MaxRecordBytes, 1)
	for i, r := range records {
		r[0]++ // one more pair in the map
		zeros := provenance.MaxRecordBytes - len(r) - len(key1024) - 3
		r = append(append(r, key1024...), 0x59, byte(zeros>>8), byte(zeros))
		records[i] = append(r, make([]byte, zeros)...)
	}
	return records
}

// TestChangedOnce: SPEC(ADM-17). What several entries of a block change counts once,
// as the last of them leaves it.
func TestChangedOnce(t *testing.T) {
	v := nextView(t, governed(t, 3))
	w := newWriter(t, "acme", "s")
	for _, c := range w.many(30, 1) {
		if err := v.admit(c); err != nil {
			t.Fatal(err)
		}
		head, _ := v.get(provenance.StateStreamKey("acme", "s"))
		provider, _ := v.get(provenance.StateProviderKey("acme"))
		if want := len(head) + len(provider); v.changed != want {
			t.Fatalf("%d bytes count as changed, wanted %d", v.changed, want)
		}
	}
}
