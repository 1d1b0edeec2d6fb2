package ledger

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"tokentrail/provenance"
)

var errCrash = errors.New("crash")

// smallStore makes transactions so small that a block takes several.
const smallStore = 2 << 20

func openSmall(t testing.TB, dir string) *Ledger {
	t.Helper()
	l, err := Open(dir, Options{memTable: smallStore, ReserveBytes: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// copyDir copies what another process would find if this one died now. Where a
// ledger has dir open, it must be one that was opened empty and has written less
// than a memtable: else Badger may be moving files meanwhile.
func copyDir(t testing.TB, from string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

// TestCrash lets a block die at each of its moments, before and after, and holds
// what a restart finds against the whole-ledger oracle. Then the engine replays
// the block, and the ledger must be as if nothing had happened.
func TestCrash(t *testing.T) {
	all, txs := crashBlocks(t)
	pure := open(t, t.TempDir())
	governedGenesis(t, pure, 3)
	var want []*Snapshot // behind either block
	for _, block := range [][]*Checked{all, txs} {
		run(t, pure, block)
		want = append(want, pure.Snapshot())
	}
	for _, small := range []bool{false, true} {
		for _, point := range []struct {
			name      string
			at        int  // the transaction that is not made; -1: the last
			applied   bool // Apply was called
			persisted bool
		}{
			{name: "before the block"},
			{name: "between Apply and Commit", applied: true},
			{name: "before the first transaction", at: 0, applied: true},
			{name: "behind the first transaction", at: 1, applied: true},
			{name: "before the head", at: -1, applied: true},
			{name: "behind the head", applied: true, persisted: true},
		} {
			name := point.name + ", one transaction"
			if small {
				name = point.name + ", several"
			}
			t.Run(name, func(t *testing.T) {
				dir := t.TempDir()
				l := open(t, dir)
				if small {
					_ = l.Close()
					l = openSmall(t, dir)
				}
				governedGenesis(t, l, 3)
				before := run(t, l, again(t, all))
				txs := again(t, txs)
				var crashed string
				writes := 0
				l.store.crash = func(n int, last bool) error {
					writes++
					if crashed == "" && (n == point.at || last && point.at < 0) && !point.persisted {
						crashed = copyDir(t, dir)
						return errCrash
					}
					return nil
				}
				if point.applied {
					if _, err := l.Apply(2, blockTime, txs); err != nil {
						t.Fatal(err)
					}
				}
				if point.name == "between Apply and Commit" || !point.applied {
					crashed = copyDir(t, dir)
				} else if err := l.Commit(); !point.persisted && crashed != "" && !errors.Is(err, errCrash) {
					t.Fatalf("the crash gave %v", err)
				}
				if crashed == "" { // behind the head, or there is no such transaction
					point.persisted = true
					crashed = copyDir(t, dir)
				}
				if !point.persisted && l.Snapshot().Head() != before {
					t.Fatal("readers see a block that is not committed")
				}
				if small && point.name == "behind the head" && writes < 3 {
					t.Fatalf("the block took %d transactions, the test wants several", writes)
				}
				checkRestart(t, crashed, small, point.persisted, before, want, txs)
			})
		}
	}
}

// crashBlocks are the block before the crash and the one that dies, which is
// large, adds and removes values of the state, and holds all kinds of entries.
func crashBlocks(t *testing.T) (all, txs []*Checked) {
	t.Helper()
	w := newWriter(t, "acme", "s")
	all = append(w.many(3, 2), decree(t, 0, provenance.Action{Type: provenance.ValidatorSet, Validator: publicBytes("validator 3"), Power: 4}))
	fork, e := forked(t, newWriter(t, "beta", "s"))
	all = append(all, fork)
	txs = []*Checked{
		decree(t, 1,
			provenance.Action{Type: provenance.ValidatorSet, Validator: publicBytes("validator 1")},
			provenance.Action{Type: provenance.ProviderAdmit, ID: "new", Name: "New", Jurisdictions: []string{"DE"}, Keys: [][]byte{coseOf(t, "new")}},
			provenance.Action{Type: provenance.PolicySet, Policy: &provenance.Policy{Streams: 9, Jurisdictions: []string{"DE"}}}),
		checkEquivocation(t, e),
	}
	for range 40 {
		txs = append(txs, w.submit(w.records(400, 32)))
	}
	return all, append(txs, newWriter(t, "new", "s").next(1))
}

// checkLedger compares a ledger with one in which nothing went wrong.
func checkLedger(t *testing.T, s, want *Snapshot) {
	t.Helper()
	if s.Head() != want.Head() {
		t.Fatalf("it is at %+v, wanted %+v", s.Head(), want.Head())
	}
	want.tree.each(func(l *stateLeaf) {
		if got, ok := s.State(l.key); !ok || !bytes.Equal(got, l.value) {
			t.Fatalf("state %s is %x, wanted %x", l.key, got, l.value)
		}
	})
	for i := range want.Head().Size {
		e, err := s.Entry(i)
		if err != nil {
			t.Fatal(err)
		}
		frame, err := s.EntryFrame(e)
		if err != nil {
			t.Fatal(err)
		}
		other, err := want.Entry(i)
		if err != nil {
			t.Fatal(err)
		}
		wanted, err := want.EntryFrame(other)
		if err != nil || !bytes.Equal(frame, wanted) || !bytes.Equal(e.Statement, other.Statement) || e.ID != other.ID {
			t.Fatalf("entry %d is another: %v", i, err)
		}
	}
}

func checkRestart(t *testing.T, dir string, small, persisted bool, before Head, want []*Snapshot, txs []*Checked) {
	t.Helper()
	reopen := open
	if small {
		reopen = openSmall
	}
	l := reopen(t, dir)
	if !persisted {
		if got := l.Snapshot().Head(); got != before {
			t.Fatalf("reopened at %+v, wanted %+v", got, before)
		}
		checkLedger(t, l.Snapshot(), want[0])
		checkNothingBeyond(t, l)
		run(t, l, again(t, txs))
	}
	checkLedger(t, l.Snapshot(), want[1])
	if old, ok := l.SnapshotAt(1); !ok {
		t.Fatal("no snapshot of the height before")
	} else {
		checkLedger(t, old, want[0])
	}
	if err := l.Snapshot().Scrub(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
}

// checkNothingBeyond wants no key of an entry beyond the head.
func checkNothingBeyond(t *testing.T, l *Ledger) {
	t.Helper()
	size := l.Snapshot().Head().Size
	count := map[byte]int64{}
	err := l.store.scan(nil, nil, func(key []byte, _ func() ([]byte, error)) error {
		count[key[0]]++
		switch key[0] {
		case prefixEntry, prefixFrame, prefixHashes:
			if indexOfKey(key) >= size {
				t.Fatalf("%q was left beyond size %d", key, size)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	batches := size
	for i := range size {
		e, err := l.Snapshot().Entry(i)
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind() != provenance.LeafStatement {
			batches--
		}
	}
	for p, want := range map[byte]int64{prefixEntry: size, prefixHashes: size, prefixID: size, prefixSequence: batches} {
		if count[p] != want {
			t.Fatalf("%d keys %q, wanted %d", count[p], p, want)
		}
	}
}

func TestCommitAgain(t *testing.T) {
	dir := t.TempDir()
	l := openSmall(t, dir)
	genesis(t, l)
	w := newWriter(t, "acme", "s")
	var txs []*Checked
	for range 40 {
		txs = append(txs, w.submit(w.records(400, 32)))
	}
	if _, err := l.Apply(1, blockTime, txs); err != nil {
		t.Fatal(err)
	}
	l.store.crash = func(n int, _ bool) error {
		if n == 1 {
			return errCrash
		}
		return nil
	}
	if err := l.Commit(); !errors.Is(err, errCrash) {
		t.Fatal(err)
	}
	l.store.crash = nil
	if err := l.Commit(); err != nil {
		t.Fatal(err)
	}
	checkSnapshot(t, l.Snapshot(), txs)
	if err := l.Commit(); err == nil {
		t.Fatal("a block was committed twice")
	}
}

// TestCrashBeforeGenesis dies in genesis and right behind it.
func TestCrashBeforeGenesis(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	l.store.crash = func(int, bool) error { return errCrash }
	if _, err := l.InitGenesis(appStateOf(t, "{}", "acme", "beta"), testValidators(), "test-1"); !errors.Is(err, errCrash) {
		t.Fatal(err)
	}
	crashed := copyDir(t, dir)
	l = open(t, crashed)
	genesis(t, l)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open(t, crashed) // height 0: the engine initialises the chain again
	genesis(t, l)
	checkSnapshot(t, l.Snapshot(), nil)
	run(t, l, newWriter(t, "acme", "s").many(1, 1))
	if _, err := l.InitGenesis(appStateOf(t, "{}", "acme", "beta"), testValidators(), "test-1"); err == nil {
		t.Fatal("genesis behind block 1")
	}
}
