package ledger

import (
	"slices"
	"testing"
	"time"
)

// BenchmarkBackfill fetches a history of 24 entries of 2,048 records, of which 32
// bytes are random, in pages of 8, as another node would hand them over.
func BenchmarkBackfill(b *testing.B) {
	const entries, records = 24, 2048
	l := newLedger(b)
	w := newWriter(b, "acme", "bench")
	for range entries / 8 {
		var txs []*Checked
		for range 8 {
			txs = append(txs, w.submit(w.records(records, 32)))
		}
		run(b, l, txs)
	}
	f := frontierOf(b, l.Snapshot())
	n := 0
	for b.Loop() {
		b.StopTimer()
		r, err := Open(b.TempDir(), Options{ReserveBytes: 1})
		if err != nil {
			b.Fatal(err)
		}
		if err := r.Restore(f, f.head.AppHash); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		fill(b, r, l.Snapshot(), 8)
		b.StopTimer()
		_ = r.Close()
		b.StartTimer()
		n++
	}
	b.ReportMetric(float64(n*entries)/b.Elapsed().Seconds(), "entries/s")
	b.ReportMetric(float64(n*entries*records)/b.Elapsed().Seconds(), "records/s")
}

// BenchmarkArchive archives light blocks of four validators, 64 at a time, and
// says what one takes on disk; one by one a height costs an fsync.
func BenchmarkArchive(b *testing.B) {
	dir := b.TempDir()
	l, err := Open(dir, Options{ReserveBytes: 1})
	if err != nil {
		b.Fatal(err)
	}
	genesis(b, l)
	height, page, bytes := int64(1), make([][]byte, 64), 0
	for b.Loop() {
		b.StopTimer()
		for i := range page {
			page[i] = lightBlockOf(height+int64(i), 1)
			bytes += len(page[i])
		}
		b.StartTimer()
		if err := l.ArchiveHeaders(height, page); err != nil {
			b.Fatal(err)
		}
		height += int64(len(page))
	}
	n := float64(height - 1)
	b.ReportMetric(n/b.Elapsed().Seconds(), "heights/s")
	b.ReportMetric(float64(bytes)/n, "light-B/height")
	stored := int64(0)
	_ = l.store.scan([]byte{prefixHeader}, nil, func(key []byte, value func() ([]byte, error)) error {
		v, err := value()
		stored += int64(len(key) + len(v) + len(sealOf(key, v)))
		return err
	})
	b.ReportMetric(float64(stored)/n, "stored-B/height")
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(diskBytes(b, dir))/n, "disk-B/height")
}

// BenchmarkArchivedHeader reads single light blocks of one validator set.
func BenchmarkArchivedHeader(b *testing.B) {
	l := newLedger(b)
	for h := int64(1); h <= 512; h += 64 {
		var page [][]byte
		for i := range int64(64) {
			page = append(page, lightBlockOf(h+i, 1))
		}
		if err := l.ArchiveHeaders(h, page); err != nil {
			b.Fatal(err)
		}
	}
	for i := int64(0); b.Loop(); i++ {
		if _, err := l.ArchivedHeader(1 + i%512); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCommitBeside commits blocks of one small statement, alone and while
// history and headers come in as fast as they can.
func BenchmarkCommitBeside(b *testing.B) {
	for _, beside := range []bool{false, true} {
		name := "alone"
		if beside {
			name = "beside"
		}
		b.Run(name, func(b *testing.B) { benchCommit(b, beside) })
	}
}

func benchCommit(b *testing.B, beside bool) {
	from := newLedger(b)
	w := newWriter(b, "acme", "bench")
	for range 10 {
		run(b, from, []*Checked{w.submit(w.records(2048, 32)), w.submit(w.records(2048, 32))})
	}
	dir := b.TempDir()
	l, err := Open(dir, Options{ReserveBytes: 1})
	if err != nil {
		b.Fatal(err)
	}
	f := frontierOf(b, from.Snapshot())
	if err := l.Restore(f, f.head.AppHash); err != nil {
		b.Fatal(err)
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		if !beside {
			return
		}
		page, _ := received(b, from.Snapshot(), 0, 2, 20)
		for h := int64(1); ; h++ {
			select {
			case <-stop:
				return
			default:
			}
			if err := l.ArchiveHeader(h, lightBlockOf(h, 1)); err != nil {
				b.Error(err)
			}
			// The same two entries again and again: written, then forgotten.
			past := l.store.history.Load()
			proof, _ := from.Snapshot().Consistency(2, 20)
			if err := l.Backfill(page, proof); err != nil {
				b.Error(err)
			}
			l.store.history.Store(past)
		}
	}()
	var took []time.Duration
	for b.Loop() {
		b.StopTimer()
		txs := w.many(1, 20)
		b.StartTimer()
		if _, err := l.Apply(l.Snapshot().Head().Height+1, blockTime, txs); err != nil {
			b.Fatal(err)
		}
		begun := time.Now()
		if err := l.Commit(); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(begun))
	}
	close(stop)
	<-stopped
	_ = l.Close()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs/commit")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs/commit")
}
