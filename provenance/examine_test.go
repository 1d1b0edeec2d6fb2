package provenance

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// wantExaminedAlike holds what is examined in one pass against one rule after
// another: the same sequences are accepted, with the same facts of each record.
func wantExaminedAlike(t interface{ Fatalf(string, ...any) }, sequence []byte, rules int) (accepted int) {
	x := newExaminer(rules)
	for rest := sequence; len(rest) > 0; accepted++ {
		var want, got facts
		c := &cursor{b: rest}
		err := c.skip()
		raw := rest[:c.off]
		if err == nil {
			want, err = examine(raw, nil, rules)
		}
		size, ok := x.next(rest, &got)
		if ok != (err == nil) {
			t.Fatalf("record %d of %x: accepted %t, want %v", accepted, sequence, ok, err)
		}
		if !ok {
			return accepted
		}
		marked, err := x.marks.read(raw)
		if refs := must1(ReferencesOf(raw)); err != nil || !reflect.DeepEqual(refs, marked) {
			t.Fatalf("record %d of %x: references %+v (%v), want %+v", accepted, sequence, marked, err, refs)
		}
		if size != len(raw) || !sameFacts(&want, &got) {
			t.Fatalf("record %d of %x: %+v of %d bytes, want %+v of %d", accepted, sequence, got, size, want, len(raw))
		}
		rest = rest[size:]
	}
	return accepted
}

func sameFacts(a, b *facts) bool {
	x, y := *a, *b
	x.corrects, y.corrects = nil, nil
	return x == y && (a.corrects == nil) == (b.corrects == nil) && (a.corrects == nil || *a.corrects == *b.corrects)
}

func TestExaminedAlike(t *testing.T) {
	record := rapid.Custom(func(t *rapid.T) []byte {
		r := recordGen().Filter(func(r *Record) bool { _, err := r.Encode(); return err == nil }).Draw(t, "record")
		return must1(r.Encode())
	})
	all := 0
	rapid.Check(t, func(t *rapid.T) {
		// Parts come again and again, in records that differ in others.
		pool := rapid.SliceOfN(record, 1, 4).Draw(t, "pool")
		var sequence []byte
		for range rapid.IntRange(1, 12).Draw(t, "records") {
			sequence = append(sequence, rapid.SampledFrom(pool).Draw(t, "one")...)
		}
		n := wantExaminedAlike(t, sequence, RuleVersion)
		if all += n; n == 0 {
			t.Fatalf("nothing was accepted")
		}
		wantExaminedAlike(t, sequence, 1)
		// One byte, wherever it is.
		spoilt := bytes.Clone(sequence)
		spoilt[rapid.IntRange(0, len(spoilt)-1).Draw(t, "at")] ^= byte(rapid.IntRange(1, 255).Draw(t, "by"))
		wantExaminedAlike(t, spoilt, RuleVersion)
		wantExaminedAlike(t, spoilt[:rapid.IntRange(0, len(spoilt)).Draw(t, "cut")], RuleVersion)
	})
	t.Logf("%d records", all)
}

// TestEveryFlipExaminedAlike changes each bit of the second of two records that
// are the same.
func TestEveryFlipExaminedAlike(t *testing.T) {
	first := realRecord(0)
	sequence := append(bytes.Clone(first), first...)
	for at := len(first); at < len(sequence); at++ {
		for bit := range 8 {
			sequence[at] ^= 1 << bit
			wantExaminedAlike(t, sequence, RuleVersion)
			sequence[at] ^= 1 << bit
		}
	}
}

func FuzzExamined(f *testing.F) {
	seed(f, "record", "record_v2", "leaf")
	f.Add(append(realRecord(1), realRecord(2)...))
	real := realRecord(0)
	f.Fuzz(func(t *testing.T, b []byte) {
		for rules := 1; rules <= RuleVersion; rules++ {
			wantExaminedAlike(t, b, rules)
			wantExaminedAlike(t, slices.Concat(real, b, real, b), rules)
		}
	})
}

// TestReadSequenceSaysWhy: whatever is wrong with a batch, the first rule that is
// broken is told, as if each rule were asked in its turn.
func TestReadSequenceSaysWhy(t *testing.T) {
	records := realRecords(40)
	right := must1(NewBatch("acme", "s", 3, &Hash{1}, records))
	rng := rand.New(rand.NewPCG(1, 2))
	limits := FormatLimits()
	check := func(name string, h BatchHeader, sequence []byte, limits Limits) (accepted bool) {
		t.Helper()
		got := h.readSequence(sequence, limits)
		want, err := takeRecords(sequence, h.Count, limits)
		var wantTree *Tree
		if err == nil {
			wantTree, err = h.CheckRecords(want, limits)
		}
		if (got != nil) != (err == nil) {
			t.Fatalf("%s: accepted %t, want %v", name, got != nil, err)
		}
		if err == nil && (!slices.EqualFunc(got.Records, want, bytes.Equal) || !slices.Equal(got.Tree.stored, wantTree.stored) || got.Tree.size != wantTree.size) {
			t.Fatalf("%s: other records or another tree", name)
		}
		return err == nil
	}
	if !check("right", *right, bytes.Join(records, nil), limits) {
		t.Fatal("a right batch is refused")
	}
	refused := 0
	for i := range 3000 {
		spoilt := bytes.Join(records, nil)
		spoilt[rng.IntN(len(spoilt))] ^= byte(1 + rng.IntN(255))
		if !check(fmt.Sprint("byte ", i), *right, spoilt, limits) {
			refused++
		}
	}
	if refused != 3000 {
		t.Errorf("%d of 3000 spoilt batches were refused", refused)
	}
	for name, change := range map[string]func(h *BatchHeader, l *Limits){
		"count": func(h *BatchHeader, _ *Limits) { h.Count-- }, "more": func(h *BatchHeader, _ *Limits) { h.Count++ },
		"none": func(h *BatchHeader, _ *Limits) { h.Count = 0 }, "root": func(h *BatchHeader, _ *Limits) { h.Root[0]++ },
		"first": func(h *BatchHeader, _ *Limits) { h.First-- }, "last": func(h *BatchHeader, _ *Limits) { h.Last++ },
		"stream": func(h *BatchHeader, _ *Limits) { h.Stream = "x" }, "sequence": func(h *BatchHeader, _ *Limits) { h.Sequence++ },
		"cells":   func(h *BatchHeader, _ *Limits) { h.Totals = h.Totals[:len(h.Totals)-1] },
		"sum":     func(h *BatchHeader, _ *Limits) { h.Totals = slices.Clone(h.Totals); h.Totals[0].Output++ },
		"strings": func(h *BatchHeader, _ *Limits) { h.Strings = h.Strings[1:] },
		"records": func(_ *BatchHeader, l *Limits) { l.Records = 39 }, "bytes": func(_ *BatchHeader, l *Limits) { l.RecordBytes = 100 },
		"fewer cells": func(_ *BatchHeader, l *Limits) { l.Cells = 0 },
	} {
		h, l := *right, limits
		change(&h, &l)
		if check(name, h, bytes.Join(records, nil), l) {
			t.Errorf("%s: accepted", name)
		}
	}
	check("nothing", *right, nil, limits)
}
