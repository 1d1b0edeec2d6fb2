package index

import (
	"io/fs"
	"path/filepath"
	"testing"

	"tokentrail/provenance"
)

// BenchmarkRecords indexes plain records, in full batches, and says how many a
// second and what each takes on disk once the tables are compacted.
func BenchmarkRecords(b *testing.B) {
	const distinct, batch = 64, 4096
	a := newArchive(b)
	for i := range distinct {
		var records [][]byte
		for j := range batch {
			raw, err := plain(i*batch + j).Encode()
			if err != nil {
				b.Fatal(err)
			}
			records = append(records, raw)
		}
		a.addEncoded("acme", records)
	}
	for b.Loop() {
		dir := b.TempDir()
		r := NewRecords(dir, testOrigin, RecordsOptions{ReserveBytes: 1})
		if err := r.open(a.Newest()); err != nil {
			b.Fatal(err)
		}
		if err := r.catchUp(b.Context(), a, a.Newest()); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := r.store.db.Flatten(2); err != nil {
			b.Fatal(err)
		}
		r.close()
		b.ReportMetric(float64(bytesIn(b, dir))/(distinct*batch), "B/record")
		b.StartTimer()
	}
	b.ReportMetric(float64(b.N)*distinct*batch/b.Elapsed().Seconds(), "records/s")
}

// bytesIn adds up the sizes of a directory's tables.
func bytesIn(t testing.TB, dir string) (total int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Ext(path) != ".sst" {
			return err
		}
		info, err := e.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return total
}

// BenchmarkKeysOfAnEntry is what the index does of a full batch before it writes.
func BenchmarkKeysOfAnEntry(b *testing.B) {
	a := newArchive(b)
	var records []*provenance.Record
	for i := range 4096 {
		records = append(records, plain(i))
	}
	a.add("acme", records...)
	e, err := a.Newest().Entry(0)
	if err != nil {
		b.Fatal(err)
	}
	var keys []recordKey
	for b.Loop() {
		if keys, err = appendEntryKeys(keys[:0], a.Newest(), e); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*4096/b.Elapsed().Seconds(), "records/s")
}
