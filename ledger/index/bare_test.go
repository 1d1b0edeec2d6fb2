package index

import (
	"slices"
	"testing"

	"tokentrail/ledger"
)

// TestBare: a view knows the entries without records as the log of its head had
// them, however they came in; one that was taken before stays as it was.
func TestBare(t *testing.T) {
	b := library(t, 12)
	var want []int64
	for _, at := range []int64{0, 3, 4, 11} {
		b.entries[at] = &ledger.Entry{Index: at, Statement: []byte{0xd8}} // as an act begins
		b.headers[at], want = nil, append(want, at)
	}
	caught, added := New(), New()
	var before []*View
	for i := range b.entries {
		if err := caught.CatchUp(t.Context(), b.until(i+1)); err != nil {
			t.Fatal(err)
		}
		before = append(before, caught.View())
		for range 2 {
			if err := added.Add(int64(i), b.headers[i]); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := added.Publish(b.Head()); err != nil {
		t.Fatal(err)
	}
	for i, v := range append(before, added.View()) {
		size := min(i+1, len(b.entries))
		for from := range int64(14) {
			there := slices.DeleteFunc(slices.Clone(want), func(at int64) bool { return at < from || at >= int64(size) })
			if got := v.Bare(from); !slices.Equal(got, there) {
				t.Errorf("view %d from %d: %v, wanted %v", i, from, got, there)
			}
		}
	}
}
