package main

import (
	"context"
	"errors"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"tokentrail/ledger"
)

// fakeHeaders are headers up to a height, of which some hand over; those below
// missing are not here.
type fakeHeaders struct {
	mu      sync.Mutex
	height  int64
	missing int64
	hands   []int64
	read    int
}

func (f *fakeHeaders) set(change func()) { f.mu.Lock(); defer f.mu.Unlock(); change() }

func (f *fakeHeaders) HandsOver(height int64) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.read++
	if height < f.missing {
		return false, ledger.ErrNotHere
	}
	return slices.Contains(f.hands, height), nil
}

func (f *fakeHeaders) Height() int64 { f.mu.Lock(); defer f.mu.Unlock(); return f.height }

func (f *fakeHeaders) WaitHeight(ctx context.Context, height int64) error {
	for f.Height() < height {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		time.Sleep(time.Millisecond)
	}
	return nil
}

// follow runs handovers until the function that it returns is called.
func (f *fakeHeaders) follow(dir, origin string) (*handovers, func()) {
	h := openHandovers(dir, origin, f, quiet())
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { h.run(ctx); close(done) }()
	return h, func() { cancel(); <-done }
}

// TestHandovers: each header is read once, also over restarts; a file that is
// damaged or another ledger's is not believed; what is not here yet is said to be.
func TestHandovers(t *testing.T) {
	dir := t.TempDir()
	f := &fakeHeaders{height: 50, hands: []int64{3, 40, 51}}
	want := func(h *handovers, from int64, most int, heights ...int64) {
		t.Helper()
		got, err := h.ValidatorChanges(t.Context(), from, most)
		if err != nil || !slices.Equal(got, heights) {
			t.Errorf("from %d: %v, %v, wanted %v", from, got, err, heights)
		}
	}
	h, stop := f.follow(dir, "a")
	want(h, 1, 10, 3, 40)
	want(h, 4, 10, 40)
	want(h, 1, 1, 3)
	want(h, 41, 10)
	f.set(func() { f.height = 60 })
	want(h, 41, 10, 51)
	stop()

	read := f.read
	h, stop = f.follow(dir, "a")
	want(h, 1, 10, 3, 40, 51)
	stop()
	if f.read != read {
		t.Errorf("%d headers were read again", f.read-read)
	}
	b, err := os.ReadFile(h.file)
	if err != nil {
		t.Fatal(err)
	}
	for i := range b {
		damaged := slices.Clone(b)
		damaged[i] ^= 1
		if err := os.WriteFile(h.file, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		if again := openHandovers(dir, "a", f, quiet()); again.upTo != 0 && !slices.Equal(again.heights, []int64{3, 40, 51}) {
			t.Fatalf("byte %d changed, and it says %v", i, again.heights)
		}
	}
	if err := os.WriteFile(h.file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if other := openHandovers(dir, "b", f, quiet()); other.upTo != 0 {
		t.Error("another ledger's file is believed")
	}

	late := &fakeHeaders{height: 50, missing: 10}
	h, stop = late.follow(t.TempDir(), "a")
	defer stop()
	if _, err := h.ValidatorChanges(t.Context(), 1, 10); !errors.Is(err, ledger.ErrNotHere) {
		t.Errorf("headers that are not here: %v", err)
	}
}
