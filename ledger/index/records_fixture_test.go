package index

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"tokentrail/ledger"
	"tokentrail/provenance"
)

const testOrigin = "tokentrail/test-1/00"

// archive is a log of real statements with their records, that grows.
type archive struct {
	t   testing.TB
	key crypto.Signer

	mu      sync.Mutex // guards what follows
	entries []*ledger.Entry
	frames  [][]byte
	next    map[string]int64           // sequence by issuer
	before  map[string]provenance.Hash // statement id by issuer
	changed chan struct{}              // closed and replaced when entries grow
	fail    error                      // what Entry answers
}

func newArchive(t testing.TB) *archive {
	key, err := provenance.GenerateKey(provenance.AlgEdDSA)
	if err != nil {
		t.Fatal(err)
	}
	return &archive{t: t, key: key, next: map[string]int64{}, before: map[string]provenance.Hash{}, changed: make(chan struct{})}
}

// add appends a statement over records and returns their ids.
func (a *archive) add(issuer string, records ...*provenance.Record) []provenance.Hash {
	a.t.Helper()
	var encoded [][]byte
	for _, r := range records {
		b, err := r.Encode()
		if err != nil {
			a.t.Fatal(err)
		}
		encoded = append(encoded, b)
	}
	return a.addEncoded(issuer, encoded)
}

func (a *archive) addEncoded(issuer string, records [][]byte) (ids []provenance.Hash) {
	a.t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	sequence := a.next[issuer]
	var previous *provenance.Hash
	if id, there := a.before[issuer]; there {
		previous = &id
	}
	h, err := provenance.NewBatch(issuer, "s", sequence, previous, records)
	if err != nil {
		a.t.Fatal(err)
	}
	s, err := h.Sign(a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	sub, err := provenance.NewSubmission(&s.UnverifiedStatement, records)
	if err != nil {
		a.t.Fatal(err)
	}
	for i, r := range records {
		ids = append(ids, provenance.RecordID(issuer, "s", sequence, i, r))
	}
	a.next[issuer], a.before[issuer] = sequence+1, s.ID()
	a.entries = append(a.entries, &ledger.Entry{Index: int64(len(a.entries)), ID: s.ID(), Statement: s.Raw()})
	a.frames = append(a.frames, sub.Frame)
	close(a.changed)
	a.changed = make(chan struct{})
	return ids
}

// shelf is the archive as it was at a size.
type shelf struct {
	a    *archive
	size int64
}

func (a *archive) at(size int64) shelf { return shelf{a, size} }

// Newest implements Log.
func (a *archive) Newest() RecordReader {
	a.mu.Lock()
	defer a.mu.Unlock()
	return shelf{a, int64(len(a.entries))}
}

// Wait implements Log; each entry is a block.
func (a *archive) Wait(ctx context.Context, above int64) error {
	for {
		a.mu.Lock()
		there, changed := int64(len(a.entries)) > above, a.changed
		a.mu.Unlock()
		if there {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (s shelf) Head() ledger.Head { return ledger.Head{Height: s.size, Size: s.size} }

func (s shelf) Entry(index int64) (*ledger.Entry, error) {
	s.a.mu.Lock()
	defer s.a.mu.Unlock()
	switch {
	case s.a.fail != nil:
		return nil, s.a.fail
	case index < 0 || index >= s.size:
		return nil, ledger.ErrNotFound
	}
	return s.a.entries[index], nil
}

func (s shelf) EntryFrame(e *ledger.Entry) ([]byte, error) {
	s.a.mu.Lock()
	defer s.a.mu.Unlock()
	return s.a.frames[e.Index], nil
}

// plain is a record with nothing to be found by but its id.
func plain(i int) *provenance.Record {
	return &provenance.Record{
		Kind: provenance.Production, Time: 1_700_000_000_000 + int64(i),
		Model:   &provenance.Model{Name: "llama-2-70b", Known: provenance.Asserted},
		Usage:   &provenance.Usage{Input: int64(i), Output: 3},
		Serving: &provenance.Place{Country: "US", Known: provenance.Asserted},
	}
}

// small are the options of tests: there may be little room on the disk.
func small() RecordsOptions {
	return RecordsOptions{Gather: time.Millisecond, ReserveBytes: 1, memTable: 1 << 20}
}

// running is an index that a goroutine feeds.
type running struct {
	*Records
	stop context.CancelFunc
	done chan error
}

// start runs an index over the archive and stops it with the test.
func (a *archive) start(dir string, o RecordsOptions) *running {
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{NewRecords(dir, testOrigin, o), cancel, make(chan error, 1)}
	over := make(chan struct{})
	go func() {
		defer close(over)
		r.done <- r.Run(ctx, a)
	}()
	a.t.Cleanup(func() { cancel(); <-over }) // its files go with the test's directory
	return r
}

// caughtUp waits until all that the archive has is indexed.
func (r *running) caughtUp(a *archive) {
	a.t.Helper()
	size := a.Newest().Head().Size
	for {
		r.mu.Lock()
		there, changed := r.size >= size, r.changed
		r.mu.Unlock()
		if there {
			return
		}
		select {
		case <-changed:
		case err := <-r.done:
			a.t.Fatalf("it stopped: %v", err)
		case <-time.After(20 * time.Second):
			a.t.Fatalf("%d of %d entries are indexed", r.indexed(), size)
		}
	}
}

// end stops the index and wants no error.
func (r *running) end(t testing.TB) {
	t.Helper()
	r.stop()
	if err := <-r.done; err != nil {
		t.Fatal(err)
	}
}

var errDisk = errors.New("the disk is gone")

// badgerFiles are the files of an index's Badger with a suffix.
func badgerFiles(t testing.TB, dir, suffix string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "records", "*"+suffix))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// warnings collects what is logged at warn and above.
type warnings struct {
	mu    sync.Mutex
	lines []string
}

func (w *warnings) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelWarn }
func (w *warnings) WithAttrs([]slog.Attr) slog.Handler           { return w }
func (w *warnings) WithGroup(string) slog.Handler                { return w }

func (w *warnings) Handle(_ context.Context, r slog.Record) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	line := r.Message
	r.Attrs(func(a slog.Attr) bool { line += fmt.Sprintf(" %s=%v", a.Key, a.Value); return true })
	w.lines = append(w.lines, line)
	return nil
}

func (w *warnings) said() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.lines...)
}
