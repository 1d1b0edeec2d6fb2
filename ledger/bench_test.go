package ledger

import (
	"io/fs"
	"path/filepath"
	"syscall"
	"testing"
)

// BenchmarkApplyCommit commits blocks of about 2 MB: 8 statements of 2,048
// records of about 110 bytes, of which 64 are random. Submissions are checked
// before, as they are when a block is decided.
func BenchmarkApplyCommit(b *testing.B) {
	const statements, records = 8, 2048
	dir := b.TempDir()
	l, err := Open(dir, Options{ReserveBytes: 1})
	if err != nil {
		b.Fatal(err)
	}
	genesis(b, l)
	w := newWriter(b, "acme", "bench")
	bytes := 0
	prepared := func() []*Checked {
		txs := make([]*Checked, statements)
		for i := range txs {
			txs[i] = w.submit(w.records(records, 32))
			bytes += len(txs[i].Raw())
		}
		if err := l.Process(l.Snapshot().Head().Height+1, blockTime, txs); err != nil {
			b.Fatal(err)
		}
		return txs
	}
	n := 0
	for b.Loop() {
		b.StopTimer()
		txs := prepared()
		b.StartTimer()
		if _, err := l.Apply(int64(n)+1, blockTime, txs); err != nil {
			b.Fatal(err)
		}
		if err := l.Commit(); err != nil {
			b.Fatal(err)
		}
		n++
	}
	total := float64(n * statements * records)
	b.ReportMetric(total/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(float64(bytes)/total, "tx-B/record")
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(diskBytes(b, dir))/total, "disk-B/record")
}

// BenchmarkProcess judges a block of 8 statements of 2,048 records that nobody
// has looked at: decoding, signatures, expansion, hashing of the records.
func BenchmarkProcess(b *testing.B) {
	const statements, records = 8, 2048
	l := newLedger(b)
	w := newWriter(b, "acme", "bench")
	txs := make([]*Checked, statements)
	for i := range txs {
		txs[i] = w.submit(w.records(records, 32))
	}
	n := 0
	for b.Loop() {
		if err := l.Process(1, blockTime, again(b, txs)); err != nil {
			b.Fatal(err)
		}
		n++
	}
	b.ReportMetric(float64(n*statements*records)/b.Elapsed().Seconds(), "records/s")
}

// BenchmarkInclusion builds proofs in a log of 2,000 entries on disk.
func BenchmarkInclusion(b *testing.B) {
	l := newLedger(b)
	w := newWriter(b, "acme", "s")
	run(b, l, w.many(2000, 1))
	s := l.Snapshot()
	b.ReportAllocs()
	for i := int64(0); b.Loop(); i++ {
		if _, err := s.Inclusion(i%2000, 2000); err != nil {
			b.Fatal(err)
		}
	}
}

// diskBytes returns what the files of dir take on disk; Badger's are sparse.
func diskBytes(t testing.TB, dir string) int64 {
	t.Helper()
	var total int64
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			total += st.Blocks * 512
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return total
}
