package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"tokentrail/provenance"
)

// joinable makes a ledger of size entries, three streams, and what is in it.
func joinable(t testing.TB, size int) (*Ledger, []*Checked) {
	t.Helper()
	l := newLedger(t)
	writers := []*writer{newWriter(t, "acme", "s"), newWriter(t, "acme", "other"), newWriter(t, "beta", "s")}
	var all []*Checked
	for len(all) < size {
		var txs []*Checked
		for i := range min(2, size-len(all)) {
			txs = append(txs, writers[(len(all)+i)%3].next(2))
		}
		run(t, l, txs)
		all = append(all, txs...)
	}
	return l, all
}

func frontierOf(t testing.TB, s *Snapshot) *Frontier {
	t.Helper()
	f, err := s.Frontier()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// restored begins a ledger in dir at a frontier that went over the wire.
func restored(t testing.TB, dir string, s *Snapshot) *Ledger {
	t.Helper()
	f, err := ParseFrontier(frontierOf(t, s).Encode())
	if err != nil {
		t.Fatal(err)
	}
	l := open(t, dir)
	if err := l.Restore(f, s.Head().AppHash); err != nil {
		t.Fatal(err)
	}
	return l
}

func TestFrontierRoundTrip(t *testing.T) {
	for _, size := range []int{0, 1, 2, 3, 7, 8, 12} {
		l, _ := joinable(t, size)
		for height := int64(0); height <= l.Snapshot().Head().Height; height++ {
			s, ok := l.SnapshotAt(height)
			if !ok {
				continue
			}
			f := frontierOf(t, s)
			got, err := ParseFrontier(f.Encode())
			if err != nil {
				t.Fatal(err)
			}
			if got.Head() != s.Head() || got.ChainID() != "test-1" || got.StateSize() != f.StateSize() || !bytes.Equal(got.Encode(), f.Encode()) {
				t.Fatalf("size %d: %+v, wanted %+v", size, got.Head(), s.Head())
			}
		}
	}
	if _, err := open(t, t.TempDir()).Snapshot().Frontier(); err == nil {
		t.Fatal("a frontier without genesis")
	}
}

// TestFrontierFlips: a flipped bit is refused, or is in what is not under the
// app hash (NOD-3): chain id, height and time.
func TestFrontierFlips(t *testing.T) {
	l, _ := joinable(t, 7)
	f := frontierOf(t, l.Snapshot())
	whole := f.Encode()
	passed := 0
	for i := range whole {
		for bit := range 8 {
			b := bytes.Clone(whole)
			b[i] ^= 1 << bit
			got, err := ParseFrontier(b)
			if err != nil {
				continue
			}
			passed++
			if got.Head().AppHash != f.Head().AppHash || got.Head().LogRoot != f.Head().LogRoot {
				t.Fatalf("byte %d bit %d: another ledger", i, bit)
			}
			if got.ChainID() == f.ChainID() && got.Head().Height == f.Head().Height && got.Head().Time == f.Head().Time {
				t.Fatalf("byte %d bit %d passes and changes nothing", i, bit)
			}
		}
		if _, err := ParseFrontier(whole[:i]); err == nil {
			t.Fatalf("its first %d bytes pass", i)
		}
	}
	if most := 8 * (len("test-1") + 9 + 9); passed > most {
		t.Fatalf("%d flips pass, at most %d are in chain id, height and time", passed, most)
	}
}

// TestFrontierRefused: one failure each (NOD-1, NOD-2).
func TestFrontierRefused(t *testing.T) {
	l, _ := joinable(t, 7)
	whole := frontierOf(t, l.Snapshot())
	w := func() storedFrontier {
		var w storedFrontier
		if _, err := storedDecoder().UnmarshalFirst(whole.Encode(), &w); err != nil {
			t.Fatal(err)
		}
		return w
	}
	var pairs []storedPair
	for _, leaf := range whole.tree.withPrefix("") {
		pairs = append(pairs, storedPair{Key: leaf.key, Value: leaf.value})
	}
	encode := func(w storedFrontier, pairs ...storedPair) []byte {
		b := encodeStored(w)
		for _, p := range pairs {
			b = append(b, encodeStored(p)...)
		}
		return b
	}
	change := func(f func(w *storedFrontier)) []byte {
		c := w()
		f(&c)
		return encode(c, pairs...)
	}
	more := func(p storedPair) []byte {
		c := w()
		c.States++
		return encode(c, append(pairs[:len(pairs):len(pairs)], p)...)
	}
	if _, err := ParseFrontier(encode(w(), pairs...)); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		name string
		b    []byte
		says string
	}{
		{"nothing", nil, "first item"},
		{"another version", change(func(w *storedFrontier) { w.Version = 2 }), "version 2"},
		{"a bad chain id", change(func(w *storedFrontier) { w.ChainID = "a b" }), "chain id"},
		{"a negative height", change(func(w *storedFrontier) { w.Height = -1 }), "height -1"},
		{"a late time", change(func(w *storedFrontier) { w.Time = provenance.MaxTime + 1 }), "time"},
		{"a negative size", change(func(w *storedFrontier) { w.Size = -1 }), "size -1"},
		{"a vast size", change(func(w *storedFrontier) { w.Size = 1 << 60 }), "size 1152921504606846976"},
		{"another size", change(func(w *storedFrontier) { w.Size = 8 }), "edge of 3"},
		{"a size of as many subtrees", change(func(w *storedFrontier) { w.Size = 11 }), "app hash"},
		{"a hash less", change(func(w *storedFrontier) { w.Edge = w.Edge[1:] }), "edge of 2"},
		{"another hash", change(func(w *storedFrontier) { w.Edge[1][0] ^= 1 }), "log root"},
		{"another log root", change(func(w *storedFrontier) { w.LogRoot[0] ^= 1 }), "log root"},
		{"another state root", change(func(w *storedFrontier) { w.StateRoot[0] ^= 1 }), "log root"},
		{"another app hash", change(func(w *storedFrontier) { w.AppHash[0] ^= 1 }), "log root"},
		{"a negative count", change(func(w *storedFrontier) { w.States = -1 }), "-1 values"},
		{"a vast count", change(func(w *storedFrontier) { w.States = 1 << 40 }), "values of the state in"},
		{"a value less", encode(w(), pairs[1:]...), "values of the state, wanted"},
		{"a value more", encode(w(), append(pairs[:len(pairs):len(pairs)], storedPair{Key: "zz", Value: []byte{1}})...), "more follow"},
		{"a foreign value", more(storedPair{Key: "zz", Value: []byte{1}}), "state root"},
		{"a key twice", more(pairs[len(pairs)-1]), "ascending"},
		{"an empty key", change(func(*storedFrontier) {})[:0], "first item"},
		{"a long key", more(storedPair{Key: strings.Repeat("z", maxStateKey+1), Value: []byte{1}}), "at most 254"},
		{"an empty value", more(storedPair{Key: "zz"}), "0 bytes"},
		{"a long value", more(storedPair{Key: "zz", Value: make([]byte, maxStateValue+1)}), "65537 bytes"},
		{"another order", encode(w(), append([]storedPair{pairs[1], pairs[0]}, pairs[2:]...)...), "ascending"},
		{"bytes behind", append(encode(w(), pairs...), 0), "value"},
	} {
		if _, err := ParseFrontier(x.b); err == nil || !strings.Contains(err.Error(), x.says) {
			t.Errorf("%s: %v, wanted it to say %q", x.name, err, x.says)
		}
	}
}

func FuzzParseFrontier(f *testing.F) {
	for _, size := range []int{0, 1, 6} {
		l, _ := joinable(f, size)
		f.Add(frontierOf(f, l.Snapshot()).Encode())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := ParseFrontier(b)
		if err != nil {
			return
		}
		h := got.Head()
		if !bytes.Equal(got.Encode(), b) || h.AppHash != h.Preimage().AppHash() || got.tree.rootHash() != h.StateRoot {
			t.Fatalf("%x is read as %+v", b, h)
		}
	})
}

// TestRestoreRefused: only a trusted frontier, only into a ledger that is none
// yet (NOD-3).
func TestRestoreRefused(t *testing.T) {
	l, all := joinable(t, 5)
	f := frontierOf(t, l.Snapshot())
	fresh := open(t, t.TempDir())
	if err := fresh.Restore(f, provenance.Hash{1}); err == nil || !strings.Contains(err.Error(), "trusted header") {
		t.Fatalf("with another app hash: %v", err)
	}
	unknown := *f
	value, err := provenance.EncodeStateValue(provenance.Rules{Version: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	unknown.tree = f.tree.update([]stateChange{{provenance.StateRules, value}})
	unknown.head = newHead(f.head.Height, f.head.Time, f.head.Size, f.head.LogRoot, unknown.tree.rootHash())
	if err := fresh.Restore(&unknown, unknown.head.AppHash); err == nil || !strings.Contains(err.Error(), "install a release") {
		t.Fatalf("with rules of the future: %v", err)
	}
	if err := l.Restore(f, f.Head().AppHash); err == nil || !strings.Contains(err.Error(), "another directory") {
		t.Fatalf("over a ledger: %v", err)
	}
	if h, _ := fresh.Info(); h != 0 || fresh.Snapshot().ChainID() != "" {
		t.Fatal("a refused restore left something")
	}
	genesis(t, fresh)
	run(t, fresh, again(t, all))
}

// TestRestoreCrash lets a restore die at each of its moments: nothing is there,
// or all.
func TestRestoreCrash(t *testing.T) {
	l, _ := joinable(t, 3)
	f := frontierOf(t, l.Snapshot())
	var streams []stateChange
	for i := range 6000 {
		value, err := provenance.EncodeStateValue(provenance.StreamHead{Statement: provenance.Hash{1}, Status: provenance.StreamOpen})
		if err != nil {
			t.Fatal(err)
		}
		streams = append(streams, stateChange{provenance.StateStreamKey("acme", fmt.Sprint("stream-", i)), value})
	}
	f.tree = f.tree.update(streams)
	f.states += len(streams)
	f.head = newHead(f.head.Height, f.head.Time, f.head.Size, f.head.LogRoot, f.tree.rootHash())
	for at := -1; ; at++ {
		dir := t.TempDir()
		begun := openSmall(t, dir)
		var crashed string
		transactions := 0
		begun.store.crash = func(n int, _ bool) error {
			transactions = n + 1
			if n == at {
				crashed = copyDir(t, dir)
				return errCrash
			}
			return nil
		}
		err := begun.Restore(f, f.Head().AppHash)
		if crashed == "" && at >= 0 { // there are no more moments
			if transactions < 3 {
				t.Fatalf("the restore took %d transactions, the test wants several", transactions)
			}
			return
		}
		if at < 0 {
			if err != nil {
				t.Fatal(err)
			}
			_ = begun.Close()
			crashed = dir
		} else if !errors.Is(err, errCrash) {
			t.Fatalf("the crash gave %v", err)
		}
		checkRestored(t, crashed, f, at < 0)
		// Without a restart: the same call, or genesis, finds a clean store.
		if begun.store.crash = nil; at == 1 {
			genesis(t, begun)
			_ = begun.Close()
			if got := openSmall(t, dir).Snapshot().Head(); got.Size != 0 || got.StateRoot == f.Head().StateRoot {
				t.Fatalf("genesis behind a failed restore: %+v", got)
			}
		} else if at >= 0 {
			if err := begun.Restore(f, f.Head().AppHash); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// checkRestored opens what a crash left and wants nothing, or the frontier.
func checkRestored(t *testing.T, dir string, f *Frontier, whole bool) {
	t.Helper()
	l := openSmall(t, dir)
	if !whole {
		if l.Snapshot().ChainID() != "" {
			t.Fatal("a restore that did not come to its end is a ledger")
		}
		keys := 0
		if err := l.store.scan(nil, nil, func([]byte, func() ([]byte, error)) error { keys++; return nil }); err != nil || keys != 1 {
			t.Fatalf("%d keys are left, %v", keys, err)
		}
		if err := l.Restore(f, f.Head().AppHash); err != nil {
			t.Fatal(err)
		}
	}
	if from, to := l.Missing(); from != 0 || to != f.Head().Size {
		t.Fatalf("missing are %d to %d", from, to)
	}
	if got := l.Snapshot().Head(); got != f.Head() {
		t.Fatalf("restored to %+v, wanted %+v", got, f.Head())
	}
	if got := frontierOf(t, l.Snapshot()); !bytes.Equal(got.Encode(), f.Encode()) {
		t.Fatal("its own frontier is another")
	}
	_ = l.Close()
}
