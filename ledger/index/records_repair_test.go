package index

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tokentrail/provenance"
)

// heavy adds an entry with more keys than one transaction takes.
func (a *archive) heavy() {
	a.t.Helper()
	parents := make([]provenance.Parent, 8)
	for i := range parents {
		id := hashOf(fmt.Sprint("heavy ", i))
		parents[i].ID = id[:]
	}
	records := make([]*provenance.Record, provenance.MaxRecords)
	for i := range records {
		records[i] = plain(i)
		records[i].Parents = parents
	}
	a.add("heavy", records...)
}

// TestCrashes: wherever an index stops, also within an entry, it goes on from
// there, and in between what it says holds for what it says that it covers.
func TestCrashes(t *testing.T) {
	a, queries := mixed(t, 6)
	a.heavy()
	child := plain(1)
	id := hashOf("heavy 3")
	child.Parents = []provenance.Parent{{ID: id[:]}}
	a.add("acme", child)
	heavy := provenance.ByID(id).Children()
	dir := t.TempDir()
	for stop := 1; ; stop++ {
		o, n := small(), 0
		o.memTable = 8 << 20 // of which three transactions take the entry
		o.crash = func() error {
			if n++; n == stop {
				return errDisk
			}
			return nil
		}
		r := NewRecords(dir, testOrigin, o)
		if err := r.open(a.Newest()); err != nil {
			t.Fatal(err)
		}
		err := r.catchUp(t.Context(), a, a.at(7)) // up to the heavy one
		if err == nil {
			err = r.catchUp(t.Context(), a, a.Newest())
		}
		if err != nil && !errors.Is(err, errDisk) {
			t.Fatal(err)
		}
		covered := a.at(r.indexed())
		wantAnswers(t, r, covered, queries[:20])
		got, findErr := r.Find(t.Context(), a.Newest(), heavy, 4090, 100)
		if want := max(0, min(4096, int(covered.size-6)*4096)+int(max(0, covered.size-7))-4090); findErr != nil || len(got.Hits) != want {
			t.Errorf("stopped at %d: %d hits, wanted %d, %v", stop, len(got.Hits), want, findErr)
		}
		r.close()
		if err == nil {
			if stop < 3 {
				t.Errorf("%d transactions: the entry is not as large as it should be", stop)
			}
			return
		}
	}
}

// refill runs an index to the end and holds it to the log; it says what was
// logged.
func refill(t *testing.T, a *archive, dir string, queries []provenance.RecordQuery) []string {
	t.Helper()
	w := &warnings{}
	o := small()
	o.Logger = slog.New(w)
	r := a.start(dir, o)
	r.caughtUp(a)
	wantAnswers(t, r.Records, a.Newest(), queries)
	r.end(t)
	return w.said()
}

// TestMadeAnew: what does not fit is thrown away and made anew.
func TestMadeAnew(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, a *archive, dir string){
		"": func(*testing.T, *archive, string) {},
		"it is of the log": func(t *testing.T, a *archive, dir string) {
			fill(t, a, dir, "tokentrail/other/00", progress{})
		},
		"it has 13 entries, the log 12": func(t *testing.T, a *archive, dir string) {
			a.add("acme", plain(1))
			r := a.start(dir, small())
			r.caughtUp(a)
			r.end(t)
			a.entries, a.frames = a.entries[:12], a.frames[:12]
		},
		"its entry 11 is statement": func(t *testing.T, a *archive, dir string) {
			a.entries, a.frames = a.entries[:11], a.frames[:11]
			a.add("acme", plain(7))
		},
		"it is of another version": func(t *testing.T, a *archive, dir string) {
			fill(t, a, dir, testOrigin, progress{})
		},
		"it is of another version, 1": func(t *testing.T, a *archive, dir string) {
			old := progress{testOrigin, 12, a.entries[11].ID}.encode() // as version 1 would have it
			old[0] = 1
			store(t, dir, old)
		},
		"it is said to have": func(t *testing.T, a *archive, dir string) {
			fill(t, a, dir, testOrigin, progress{origin: testOrigin, size: math.MaxInt64})
		},
		"the process ended while": func(t *testing.T, a *archive, dir string) {
			if err := os.WriteFile(filepath.Join(dir, "records", openingFile), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"MANIFEST": func(t *testing.T, a *archive, dir string) {
			overwrite(t, filepath.Join(dir, "records", "MANIFEST"), func(b []byte) { copy(b, "garbage!") })
		},
		"a record is said to have": func(t *testing.T, a *archive, dir string) {
			overwrite(t, filepath.Join(dir, "records", "MANIFEST"), func(b []byte) {
				at := 8
				for next := at; next < len(b); next += 8 + int(binary.BigEndian.Uint32(b[at:])) {
					at = next
				}
				binary.BigEndian.PutUint32(b[at:], binary.BigEndian.Uint32(b[at:])+1) // the last one
			})
		},
		"table": func(t *testing.T, a *archive, dir string) {
			for _, f := range badgerFiles(t, dir, ".sst") {
				overwrite(t, f, func(b []byte) { clear(b) })
			}
		},
		"open": func(t *testing.T, a *archive, dir string) {
			for _, f := range badgerFiles(t, dir, ".sst") {
				overwrite(t, f, func(b []byte) { b[20] ^= 1 })
			}
		},
		"it is missing": func(t *testing.T, a *archive, dir string) {
			for _, f := range badgerFiles(t, dir, ".sst") {
				if err := os.Remove(f); err != nil {
					t.Fatal(err)
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			a, queries := mixed(t, 12)
			dir := t.TempDir()
			if said := refill(t, a, dir, nil); len(said) > 0 {
				t.Fatal(said)
			}
			spoil(t, a, dir)
			said := strings.Join(refill(t, a, dir, queries), "\n")
			switch {
			case name == "" && said != "":
				t.Error(said)
			case name != "" && !strings.Contains(said, "made anew"):
				t.Errorf("it was not made anew: %q", said)
			case name != "open" && !strings.Contains(said, name):
				t.Errorf("%q does not say %q", said, name)
			}
		})
	}
}

// fill writes another progress into an index that nobody has open: an empty one
// is of another version.
func fill(t *testing.T, a *archive, dir, origin string, p progress) {
	t.Helper()
	value := p.encode()
	if p.origin == "" && origin == testOrigin {
		value = []byte("?")
	} else if p.origin == "" {
		value = progress{origin: origin, size: 1}.encode()
	}
	store(t, dir, value)
}

// store writes the bytes of a progress into an index that nobody has open.
func store(t *testing.T, dir string, progress []byte) {
	t.Helper()
	s, err := openRecordStore(filepath.Join(dir, "records"), NewRecords(dir, testOrigin, small()).o)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.commit(nil, progress); err != nil {
		t.Fatal(err)
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
}

func overwrite(t *testing.T, path string, change func([]byte)) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	change(b)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestDeleted: an index that was removed is made anew without a word.
func TestDeleted(t *testing.T) {
	a, queries := mixed(t, 12)
	dir := t.TempDir()
	refill(t, a, dir, nil)
	if err := os.RemoveAll(filepath.Join(dir, "records")); err != nil {
		t.Fatal(err)
	}
	if said := refill(t, a, dir, queries); len(said) > 0 {
		t.Error(said)
	}
}

// TestDamageFoundByALookUp: who finds a key that leads nowhere gets an error, and
// the next one the answer.
func TestDamageFoundByALookUp(t *testing.T) {
	a, queries := mixed(t, 12)
	dir := t.TempDir()
	refill(t, a, dir, nil)
	q := provenance.ByContent(hashOf("content 1"))
	family, name := queryName(q)
	s, err := openRecordStore(filepath.Join(dir, "records"), NewRecords(dir, testOrigin, small()).o)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.commit([]recordKey{newRecordKey(family, name, 3, 4000)}, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	r := a.start(dir, small())
	r.caughtUp(a)
	if _, err := r.Find(t.Context(), a.Newest(), q, 0, 100); !errors.Is(err, ErrUnfit) {
		t.Fatal(err)
	}
	for err = ErrUnfit; errors.Is(err, ErrUnfit); {
		_, err = r.Find(t.Context(), a.Newest(), q, 0, 100)
	}
	if err != nil {
		t.Fatal(err)
	}
	r.caughtUp(a)
	wantAnswers(t, r.Records, a.Newest(), queries)
	r.end(t)
}

// TestRunEnds: what the index cannot mend ends it, and leaves what it has.
func TestRunEnds(t *testing.T) {
	a, queries := mixed(t, 12)
	dir := t.TempDir()
	for want, r := range map[string]*Records{
		"not a directory": NewRecords(filepath.Join(dir, "file", "x"), testOrigin, small()),
	} {
		if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := r.Run(t.Context(), a); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, wanted %s", err, want)
		}
	}
	a.fail = errDisk
	if err := NewRecords(dir, testOrigin, small()).Run(t.Context(), a); !errors.Is(err, errDisk) || !strings.Contains(err.Error(), "entry 0") {
		t.Error(err)
	}
	a.fail = nil
	a.frames[7], a.frames[6] = a.frames[6], a.frames[7]
	if err := NewRecords(dir, testOrigin, small()).Run(t.Context(), a); err == nil || !strings.Contains(err.Error(), "entry 6") {
		t.Error(err)
	}
	a.frames[7], a.frames[6] = a.frames[6], a.frames[7]
	first := a.start(dir, small())
	first.caughtUp(a)
	if err := NewRecords(dir, testOrigin, small()).Run(t.Context(), a); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Error(err)
	}
	wantAnswers(t, first.Records, a.Newest(), queries)
	first.end(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := NewRecords(t.TempDir(), testOrigin, small()).Run(ctx, a); err != nil {
		t.Errorf("a stop is no error: %v", err)
	}
}

// TestNoRoom: on a full disk there is no index, and with room it goes on.
func TestNoRoom(t *testing.T) {
	a, queries := mixed(t, 12)
	var full atomic.Bool
	full.Store(true)
	asked := make(chan struct{}, 100)
	o := small()
	o.roomPause = time.Millisecond
	o.room = func(dir string, reserve uint64) error {
		select {
		case asked <- struct{}{}:
		default:
		}
		if full.Load() {
			reserve = math.MaxUint64
		}
		return checkRoom(dir, reserve)
	}
	r := a.start(t.TempDir(), o)
	<-asked
	<-asked // and again
	if r.indexed() != 0 {
		t.Error("something is indexed on a full disk")
	}
	r.WaitFor(t.Context(), 1) // does not wait: nothing will come
	full.Store(false)
	r.caughtUp(a)
	wantAnswers(t, r.Records, a.Newest(), queries)
	r.end(t)
}

// TestLookingWhileItIsMadeAnew: what an answer says that it covers it covers, also
// when the index is thrown away meanwhile.
func TestLookingWhileItIsMadeAnew(t *testing.T) {
	a := newArchive(t)
	first := a.add("acme", plain(0))[0]
	for i := range 30 {
		child := plain(i)
		child.Parents = []provenance.Parent{{ID: first[:]}}
		a.add("acme", child)
	}
	r := a.start(t.TempDir(), small())
	for range maxRebuilds {
		r.caughtUp(a)
		r.broken <- unfit("a test says so")
		for found := 0; found < 30 || len(r.broken) > 0; {
			got, err := r.Find(t.Context(), a.Newest(), provenance.ByID(first).Children(), 0, 100)
			if err != nil || int64(len(got.Hits)) != max(0, got.Size-1) || got.More {
				t.Fatalf("%d hits of %d, %v", len(got.Hits), got.Size, err)
			}
			found = len(got.Hits)
		}
	}
	r.caughtUp(a)
	r.end(t)
}
