package ledger

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	badger "github.com/dgraph-io/badger/v4"
)

// TestEveryByte flips one byte after another (each of them only in a long run) of
// all that a small ledger has
// stored, with a history that is partly missing and archived headers: no answer
// is ever another one, a scrub of the running ledger finds each flip, and a
// start finds those that it depends on (NOD-8, NOD-10).
func TestEveryByte(t *testing.T) {
	from, _ := joinable(t, 7)
	dir := t.TempDir()
	l := restored(t, dir, from.Snapshot())
	entries, proof := received(t, from.Snapshot(), 0, 3, 7)
	if err := l.Backfill(entries, proof); err != nil {
		t.Fatal(err)
	}
	w := newWriter(t, "beta", "more")
	for range 3 {
		txs := w.many(1, 1)
		run(t, from, txs)
		run(t, l, again(t, txs))
	}
	blocks := [][]byte{lightBlockOf(1, 1), lightBlockOf(2, 1), []byte("opaque")}
	if err := l.ArchiveHeaders(1, blocks); err != nil {
		t.Fatal(err)
	}
	var stored []storeOp
	err := l.store.read(func(r reader) error {
		return r.scan(nil, nil, func(key []byte, _ func() ([]byte, error)) error {
			value, err := r.getRaw(bytes.Clone(key))
			stored = append(stored, storeOp{bytes.Clone(key), value})
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[byte]int{}
	step, trials := 7, 0
	switch {
	case testing.Short():
		step = 41
	case os.Getenv("TOKENTRAIL_SOAK") != "":
		step = 1
	}
	for _, op := range stored {
		kinds[op.key[0]]++
		for i := kinds[op.key[0]] % step; i < len(op.value); i += step {
			trials++
			flipStored(t, l, op, i)
			checkFlipped(t, l, from.Snapshot(), blocks, op.key, i)
			if err := l.store.write([]storeOp{op}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(kinds) != len("vcHusehfiqFbaA") {
		t.Fatalf("kinds of keys: %v", kinds)
	}
	t.Logf("%d bytes flipped in %d values", trials, len(stored))
	if err := l.Scrub(t.Context(), Scrubbing{Found: func(err error) { t.Error(err) }}); err != nil {
		t.Fatal(err)
	}
}

func flipStored(t *testing.T, l *Ledger, op storeOp, at int) {
	t.Helper()
	b := bytes.Clone(op.value)
	b[at] ^= 1 << (at % 8)
	if err := l.store.write([]storeOp{{op.key, b}}); err != nil {
		t.Fatal(err)
	}
}

// checkFlipped compares the answers of a ledger in which a byte was flipped with
// those of one that is whole.
func checkFlipped(t *testing.T, l *Ledger, want *Snapshot, blocks [][]byte, key []byte, at int) {
	t.Helper()
	got := l.Snapshot()
	for i := range want.Head().Size {
		e, err := got.Entry(i)
		if err == nil {
			whole, wholeErr := want.Entry(i)
			if wholeErr != nil || !bytes.Equal(e.encode(), whole.encode()) {
				t.Fatalf("%q byte %d: entry %d is another", key, at, i)
			}
			frame, err := got.EntryFrame(e)
			if wholeFrame, _ := want.EntryFrame(whole); err == nil && !bytes.Equal(frame, wholeFrame) {
				t.Fatalf("%q byte %d: frame %d is another", key, at, i)
			}
		}
		p, err := got.Inclusion(i, want.Head().Size)
		if err == nil {
			if whole, _ := want.Inclusion(i, want.Head().Size); !bytes.Equal(p.Encode(), whole.Encode()) {
				t.Fatalf("%q byte %d: the proof of entry %d is another", key, at, i)
			}
		}
	}
	for i, b := range blocks {
		if got, err := l.ArchivedHeader(int64(i) + 1); err == nil && !bytes.Equal(got, b) {
			t.Fatalf("%q byte %d: header %d is another", key, at, i+1)
		}
	}
	found := 0
	err := l.Scrub(t.Context(), Scrubbing{Found: func(err error) {
		if found++; !isDamage(err) {
			t.Fatalf("%q byte %d: found %v", key, at, err)
		}
	}})
	if err != nil || found == 0 {
		t.Fatalf("%q byte %d: the scrub found %d: %v", key, at, found, err)
	}
}

// TestFlipsAtOpen: what a start depends on is checked by it.
func TestFlipsAtOpen(t *testing.T) {
	from, _ := joinable(t, 7)
	dir := t.TempDir()
	l := restored(t, dir, from.Snapshot())
	run(t, l, newWriter(t, "beta", "more").many(1, 1))
	var stored []storeOp
	err := l.store.scan(nil, nil, func(key []byte, _ func() ([]byte, error)) error {
		if strings.ContainsRune("vcHFbu", rune(key[0])) {
			stored = append(stored, storeOp{key: bytes.Clone(key)})
		}
		return nil
	})
	if err != nil || len(stored) != 6 {
		t.Fatalf("%d keys, %v", len(stored), err)
	}
	for _, op := range stored {
		if op.value, err = l.store.getRaw(op.key); err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(op.value); i += max(1, len(op.value)/2) {
			flipStored(t, l, op, i)
			_ = l.Close()
			again, err := Open(dir, Options{memTable: 8 << 20, ReserveBytes: 1})
			if err == nil {
				_ = again.Close()
				t.Fatalf("%q byte %d: it opens", op.key, i)
			}
			if op.key[0] != prefixFormat && !isDamage(err) {
				t.Fatalf("%q byte %d: %v", op.key, i, err)
			}
			mendStore(t, dir, op)
			l = open(t, dir)
		}
	}
}

// mendStore writes a value behind the back of a ledger that does not open.
func mendStore(t *testing.T, dir string, op storeOp) {
	t.Helper()
	db, err := badger.Open(storeOptions(dir, 8<<20, slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	s := &store{db: db}
	if err := s.write([]storeOp{op}); err != nil {
		t.Fatal(err)
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
}

// TestScrubFrom: a scrub is made in parts, stops where it is told to and goes on
// there.
func TestScrubFrom(t *testing.T) {
	l, _ := joinable(t, 20)
	s := l.Snapshot()
	for _, i := range []int64{3, 9, 10, 19} {
		harmValue(t, l.store, frameKey(i, 0), "flip")
	}
	var found []string
	note := func(err error) {
		var d *DamageError
		if errors.As(err, &d) {
			found = append(found, d.Where)
		}
	}
	var next int64
	ctx, cancel := context.WithCancel(t.Context())
	o := Scrubbing{Found: note, Progress: func(done int64) {
		if next = done; done == 10 {
			cancel()
		}
	}}
	if err := s.ScrubFrom(ctx, 0, math.MaxInt64, o); !errors.Is(err, context.Canceled) || next != 10 {
		t.Fatalf("stopped at %d: %v", next, err)
	}
	if got := strings.Join(found, ", "); got != "index 3, index 9" {
		t.Fatalf("found %s", got)
	}
	if err := s.ScrubFrom(t.Context(), next, math.MaxInt64, o); err != nil || next != 20 {
		t.Fatalf("went on to %d: %v", next, err)
	}
	if got := strings.Join(found, ", "); got != "index 3, index 9, index 10, index 19" {
		t.Fatalf("found %s", got)
	}
	_ = l.Close()
	if err := s.ScrubFrom(t.Context(), 0, 20, Scrubbing{}); !errors.Is(err, ErrClosed) {
		t.Fatalf("of a closed ledger: %v", err)
	}
	if err := l.Scrub(t.Context(), Scrubbing{}); !errors.Is(err, ErrClosed) {
		t.Fatalf("of a closed ledger: %v", err)
	}
}

// TestPace: a scrub keeps to its rate and ends when it is told to.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(1000)
		begun := time.Now()
		for range 20 {
			if err := p.wait(t.Context(), 500); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(begun); took < 9900*time.Millisecond || took > 10100*time.Millisecond {
			t.Fatalf("10,000 bytes at 1,000 a second took %s", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := p.wait(ctx, 1<<40); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
	})
}
