package ledger

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"
	"tokentrail/provenance"
)

// TestPrepare: whatever order the candidates come in, what is chosen is
// admissible, each stream whole and in order.
func TestPrepare(t *testing.T) {
	l := newLedger(t)
	a, b := newWriter(t, "acme", "s"), newWriter(t, "beta", "s")
	run(t, l, append(a.many(2, 1), b.next(1)))
	good := append(a.many(10, 1), b.many(10, 1)...)
	unknown := newWriter(t, "nobody", "s").next(1)
	garbage, _ := Check([]byte("garbage"))
	b.sequence++ // lost
	bad := []*Checked{unknown, garbage, b.next(1)}
	rapid.Check(t, func(t *rapid.T) {
		candidates := rapid.Permutation(slices.Concat(good, good[:3], bad)).Draw(t, "order")
		chosen := prepare(t, l, 2, candidates, 1<<20)
		if len(chosen) != len(good) {
			t.Fatalf("%d chosen, wanted %d", len(chosen), len(good))
		}
		if err := l.Process(2, blockTime, chosen); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(chosen, prepare(t, l, 2, candidates, 1<<20)) {
			t.Fatal("the same candidates gave another block")
		}
		most := rapid.Int64Range(0, 8000).Draw(t, "bytes")
		size := int64(0)
		some := prepare(t, l, 2, candidates, most)
		for _, c := range some {
			size += protoSize(len(c.Raw()))
		}
		if size > most {
			t.Fatalf("%d bytes, at most %d are allowed", size, most)
		}
		if err := l.Process(2, blockTime, some); err != nil {
			t.Fatal(err)
		}
	})
	if err := l.Process(3, blockTime, nil); err == nil {
		t.Error("a block that does not follow was accepted")
	}
	if err := l.Process(2, blockTime, []*Checked{good[0], good[2]}); provenance.CodeOf(err) != CodeGap {
		t.Errorf("a block with a gap: %v", err)
	}
	if err := l.Process(2, blockTime, []*Checked{good[0], good[0]}); provenance.CodeOf(err) != CodeDuplicate {
		t.Errorf("a block with a duplicate: %v", err)
	}
}

// TestApplyRefuses: what is inadmissible in a block gets its code and changes
// nothing, and Apply may be called again.
func TestApplyRefuses(t *testing.T) {
	l, pure := newLedger(t), newLedger(t)
	w := newWriter(t, "acme", "s")
	good := w.many(3, 1)
	garbage, _ := Check([]byte("garbage"))
	txs := []*Checked{good[1], garbage, good[0], good[1], good[0], newWriter(t, "nobody", "s").next(1), good[2]}
	for range 2 {
		out, err := l.Apply(1, blockTime, txs)
		if err != nil {
			t.Fatal(err)
		}
		want := []provenance.Code{CodeGap, provenance.CodeEnvelope, "", "", CodeFork, CodeUnknownIssuer, ""}
		for i, r := range out.Results {
			if provenance.CodeOf(r.Err) != want[i] || (r.Code == 0) != (want[i] == "") || (r.Index >= 0) != (want[i] == "") {
				t.Errorf("transaction %d: %+v, wanted %q", i, r, want[i])
			}
		}
	}
	if h, _ := l.Info(); h != 0 {
		t.Fatal("Apply is visible")
	}
	if err := l.Commit(); err != nil {
		t.Fatal(err)
	}
	if got, want := l.Snapshot().Head(), run(t, pure, good); got != want {
		t.Fatalf("%+v, wanted %+v", got, want)
	}
	if _, err := l.Apply(1, blockTime, nil); err == nil {
		t.Fatal("block 1 twice")
	}
	if _, err := l.Apply(3, blockTime, nil); err == nil {
		t.Fatal("block 3 behind block 1")
	}
}

// TestSameOnEveryReplica applies the same blocks on one processor and on two,
// with a reopening behind each block, with submissions decoded anew.
func TestSameOnEveryReplica(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	var writers []*writer
	for i := range 6 {
		writers = append(writers, newWriter(t, []string{"acme", "beta"}[i%2], fmt.Sprint("s", i)))
	}
	first := newLedger(t)
	dir := t.TempDir()
	second := open(t, dir)
	genesis(t, second)
	reopened := func() *Ledger {
		if err := second.Close(); err != nil {
			t.Fatal(err)
		}
		second = open(t, dir)
		return second
	}
	for range 8 {
		var txs []*Checked
		for range rng.IntN(12) {
			txs = append(txs, writers[rng.IntN(len(writers))].next(1+rng.IntN(40)))
		}
		rng.Shuffle(len(txs), func(i, j int) { txs[i], txs[j] = txs[j], txs[i] })
		height := first.Snapshot().Head().Height + 1
		txs = prepare(t, first, height, txs, 4<<20)
		want := run(t, first, txs)
		for _, processors := range []int{1, 2} {
			before := runtime.GOMAXPROCS(processors)
			l := reopened()
			if processors == 1 {
				out, err := l.Apply(height, blockTime, again(t, txs))
				if err != nil || out.AppHash != want.AppHash || len(out.Results) != len(txs) {
					t.Fatalf("block %d on one processor: %s, wanted %s: %v", height, out.AppHash, want.AppHash, err)
				}
			} else if got := run(t, l, again(t, txs)); got != want {
				t.Fatalf("block %d on two processors: %+v, wanted %+v", height, got, want)
			}
			runtime.GOMAXPROCS(before)
		}
	}
}

// TestReadersDuringCommits: whoever holds a snapshot sees a whole ledger,
// whatever is committed meanwhile.
func TestReadersDuringCommits(t *testing.T) {
	l := newLedger(t)
	w := newWriter(t, "acme", "s")
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if err := readSome(l.Snapshot()); err != nil && !errors.Is(err, ErrClosed) {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 25 {
		run(t, l, w.many(4, 3))
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	close(done)
	wg.Wait()
}

func readSome(s *Snapshot) error {
	head := s.Head()
	if head.Size == 0 {
		return nil
	}
	e, err := s.Entry(head.Size - 1)
	if err != nil {
		return err
	}
	p, err := s.Inclusion(head.Size-1, head.Size)
	if err != nil {
		return err
	}
	if err := p.Verify(head.LogRoot, e.LeafHash()); err != nil {
		return err
	}
	key := provenance.StateStreamKey("acme", "s")
	value, _ := s.State(key)
	if err := s.StateProof(key).Present(head.StateRoot, key, value); err != nil {
		return err
	}
	stream, _, err := s.StreamHead("acme", "s")
	if err == nil && stream.Index != head.Size-1 {
		err = fmt.Errorf("the stream's head is entry %d, the log has %d", stream.Index, head.Size)
	}
	return err
}
