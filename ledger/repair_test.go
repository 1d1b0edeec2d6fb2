package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"tokentrail/provenance"
)

// entryKeys returns the keys of all that is stored of an entry.
func entryKeys(t testing.TB, c *Checked, index int64) [][]byte {
	t.Helper()
	pointers, err := pointersTo(c.sub.Statement.Raw())
	if err != nil {
		t.Fatal(err)
	}
	keys := append(pointers, indexKey(prefixEntry, index), indexKey(prefixHashes, index))
	for i := range (len(c.sub.Frame) + frameChunk - 1) / frameChunk {
		keys = append(keys, frameKey(index, i))
	}
	return keys
}

// TestRepair harms one thing after another of each entry; a scrub names the
// entry, and a copy of it mends it, with a proof from a peer and without (NOD-9).
func TestRepair(t *testing.T) {
	l, all := joinable(t, 11)
	peer, _ := joinable(t, 11) // the same ledger
	s := l.Snapshot()
	for i, c := range all {
		index := int64(i)
		copies, _ := received(t, peer.Snapshot(), index, 1, index+1)
		proof, err := peer.Snapshot().Inclusion(index, 11)
		if err != nil {
			t.Fatal(err)
		}
		older, err := peer.Snapshot().Inclusion(index, max(index+1, 9))
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range entryKeys(t, c, index) {
			for how, p := range map[string]*provenance.Inclusion{"flip": proof, "delete": nil, "empty": older} {
				harmValue(t, l.store, key, how)
				wantFound(t, s, index)
				if err := l.Repair(index, copies[0], p); err != nil {
					t.Fatalf("%q with %s: %v", key, how, err)
				}
				wantFound(t, s)
			}
		}
	}
	checkSame(t, s, peer.Snapshot())
	checkSnapshot(t, s, all)
}

// wantFound wants a scrub to name these entries.
func wantFound(t *testing.T, s *Snapshot, want ...int64) {
	t.Helper()
	var got []int64
	err := s.ScrubFrom(t.Context(), 0, s.Head().Size, Scrubbing{Found: func(err error) {
		var d *DamageError
		if !errors.As(err, &d) {
			t.Fatalf("found %v", err)
		}
		if index, ok := d.Entry(); !ok {
			t.Fatalf("it names no entry: %v", err)
		} else if !slices.Contains(got, index) {
			got = append(got, index)
		}
	}})
	if slices.Sort(got); err != nil || !slices.Equal(got, want) {
		t.Fatalf("the scrub names the entries %v, wanted %v: %v", got, want, err)
	}
}

// TestRepairRange loses all that is stored of many entries at once.
func TestRepairRange(t *testing.T) {
	l, all := joinable(t, 40)
	peer, _ := joinable(t, 40)
	rng := rand.New(rand.NewPCG(1, 1))
	var lost []int64
	for i := range all {
		if i >= 8 && i < 30 || rng.IntN(3) == 0 {
			lost = append(lost, int64(i))
			for _, key := range entryKeys(t, all[i], int64(i)) {
				harmValue(t, l.store, key, "delete")
			}
		}
	}
	rng.Shuffle(len(lost), func(i, j int) { lost[i], lost[j] = lost[j], lost[i] })
	for _, i := range lost {
		copies, _ := received(t, peer.Snapshot(), i, 1, i+1)
		proof, err := peer.Snapshot().Inclusion(i, 40)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Repair(i, copies[0], proof); err != nil {
			t.Fatalf("entry %d: %v", i, err)
		}
	}
	wantFound(t, l.Snapshot())
	checkSame(t, l.Snapshot(), peer.Snapshot())
}

// TestRepairRefused: only what the log has at that place is written.
func TestRepairRefused(t *testing.T) {
	l, all := joinable(t, 11)
	s := l.Snapshot()
	good, _ := received(t, s, 5, 1, 6)
	other, _ := received(t, s, 6, 1, 7)
	harmValue(t, l.store, indexKey(prefixEntry, 5), "delete")
	proofOf := func(index, size int64) *provenance.Inclusion {
		p, err := s.Inclusion(index, size)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	forged := proofOf(5, 11)
	forged.Path[1][3] ^= 1
	beyond := proofOf(5, 11)
	beyond.Size = 12
	for _, x := range []struct {
		name  string
		index int64
		r     Received
		p     *provenance.Inclusion
	}{
		{"another statement", 5, other[0], proofOf(5, 11)},
		{"another statement with its own proof", 5, other[0], proofOf(6, 11)},
		{"another statement without proof", 5, other[0], nil},
		{"a forged proof", 5, good[0], forged},
		{"a proof for another size", 5, good[0], beyond},
		{"other records", 5, Received{good[0].Height, good[0].Statement, other[0].Records}, proofOf(5, 11)},
		{"no records", 5, Received{good[0].Height, good[0].Statement, nil}, nil},
		{"a height beyond its neighbours", 5, Received{good[0].Height + 2, good[0].Statement, good[0].Records}, nil},
		{"a height before its neighbours", 5, Received{good[0].Height - 2, good[0].Statement, good[0].Records}, nil},
		{"no entry", 11, good[0], proofOf(5, 11)},
		{"no index", -1, good[0], proofOf(5, 11)},
	} {
		if err := l.Repair(x.index, x.r, x.p); err == nil {
			t.Errorf("%s: taken", x.name)
		}
		wantFound(t, s, 5)
	}
	if err := l.Repair(5, good[0], proofOf(5, 11)); err != nil {
		t.Fatal(err)
	}
	checkSnapshot(t, s, all)
	r := restored(t, t.TempDir(), s)
	if err := r.Repair(5, good[0], proofOf(5, 11)); !errors.Is(err, ErrNotHere) {
		t.Fatalf("repair of what is missing: %v", err)
	}
}

// TestRepairCrash: a repair that dies leaves the damage, and can be made again.
func TestRepairCrash(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	genesis(t, l)
	all := newWriter(t, "acme", "s").many(9, 2)
	run(t, l, all[:8])
	run(t, l, all[8:])
	copies, _ := received(t, l.Snapshot(), 3, 1, 4)
	harmValue(t, l.store, indexKey(prefixHashes, 3), "flip")
	l.store.crash = func(int, bool) error { return errCrash }
	if err := l.Repair(3, copies[0], nil); !errors.Is(err, errCrash) {
		t.Fatal(err)
	}
	wantFound(t, l.Snapshot(), 3)
	l = open(t, copyDir(t, dir))
	if err := l.Repair(3, copies[0], nil); err != nil {
		t.Fatal(err)
	}
	checkSnapshot(t, l.Snapshot(), all)
}

// TestOpenOverOldDamage: a ledger opens with damage in what is old, serves the
// rest and says what it is; hashes that it needs itself it works out anew
// (NOD-8).
func TestOpenOverOldDamage(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	genesis(t, l)
	w := newWriter(t, "acme", "s")
	all := w.many(13, 2) // its edge: 0 to 7, 8 to 11, 12
	for _, c := range all {
		run(t, l, []*Checked{c})
	}
	for _, x := range []struct {
		key    []byte
		harm   string
		spoils []int64
	}{
		{indexKey(prefixEntry, 4), "flip", []int64{4}},
		{frameKey(5, 0), "empty", []int64{5}},
		{idKey(all[6].ID()), "foreign", []int64{6}},
		{indexKey(prefixHashes, 5), "flip", []int64{5}},
		{indexKey(prefixHashes, 7), "flip", nil},
		{indexKey(prefixHashes, 7), "delete", nil},
		{indexKey(prefixHashes, 11), "foreign", nil},
	} {
		harmValue(t, l.store, x.key, x.harm)
		_ = l.Close()
		l = open(t, dir)
		wantFound(t, l.Snapshot(), x.spoils...)
		for i, c := range all {
			if !slices.Contains(x.spoils, int64(i)) {
				if e, err := l.Snapshot().Entry(int64(i)); err != nil || e.ID != c.ID() {
					t.Fatalf("%q with %s: entry %d: %v", x.key, x.harm, i, err)
				}
			}
		}
		for _, i := range x.spoils {
			if err := l.Repair(i, Received{1 + i, all[i].sub.Statement.Raw(), all[i].sub.Frame}, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	more := w.many(1, 1)
	run(t, l, more)
	checkSnapshot(t, l.Snapshot(), append(all, more...))
}

// TestRepairState harms everything beside entries and headers, under a running
// ledger, which has it in memory.
func TestRepairState(t *testing.T) {
	from, _ := joinable(t, 9)
	dir := t.TempDir()
	l := restored(t, dir, from.Snapshot())
	w := newWriter(t, "beta", "more")
	for range keptHeights + 1 {
		run(t, l, w.many(1, 1))
	}
	var keys [][]byte
	err := l.store.scan(nil, nil, func(key []byte, _ func() ([]byte, error)) error {
		if strings.ContainsRune("vcHsuFb", rune(key[0])) {
			keys = append(keys, bytes.Clone(key))
		}
		return nil
	})
	if err != nil || len(keys) < 15 {
		t.Fatalf("%d keys, %v", len(keys), err)
	}
	head := l.Snapshot().Head()
	for _, key := range append(keys, stateKey("foreign")) {
		for _, harm := range []string{"flip", "delete", "empty"} {
			if stored, err := l.store.getRaw(key); err != nil || stored == nil { // a way back that was dropped
				stored = []byte("harmful")
				if err := l.store.write([]storeOp{{key, stored}}); err != nil {
					t.Fatal(err)
				}
			} else {
				harmValue(t, l.store, key, harm)
			}
			var found []error
			if err := l.ScrubState(Scrubbing{Found: func(err error) { found = append(found, err) }}); err != nil {
				t.Fatal(err)
			}
			// A way back that is not there is no damage: there may be none.
			if len(found) == 0 && !(key[0] == prefixUndo) {
				t.Errorf("%q with %s passes the scrub", key, harm)
			}
			if _, err := l.RepairState(); err != nil {
				t.Fatalf("%q with %s: %v", key, harm, err)
			}
			if n, err := l.RepairState(); n != 0 || err != nil {
				t.Fatalf("%q with %s: %d keys are written again, %v", key, harm, n, err)
			}
		}
		_ = l.Close()
		l = open(t, dir)
		if got := l.Snapshot().Head(); got != head {
			t.Fatalf("%q: reopened at %+v, wanted %+v", key, got, head)
		}
	}
	fill(t, l, from.Snapshot(), 4)
	run(t, l, w.many(1, 1))
	if err := l.Scrub(t.Context(), Scrubbing{Found: func(err error) { t.Error(err) }}); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(l.Missing()); got != "0 0" {
		t.Fatal(got)
	}
}
