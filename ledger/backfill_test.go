package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tokentrail/provenance"
)

// received returns entries of a ledger as it hands them over, and the proof that
// belongs to them, nil where they reach to.
func received(t testing.TB, s *Snapshot, from, n, to int64) ([]Received, *provenance.Consistency) {
	t.Helper()
	var out []Received
	for i := from; i < from+n; i++ {
		e, err := s.Entry(i)
		if err != nil {
			t.Fatal(err)
		}
		frame, err := s.EntryFrame(e)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, Received{e.Height, e.Statement, frame})
	}
	if from+n == to {
		return out, nil
	}
	proof, err := s.Consistency(from+n, to)
	if err != nil {
		t.Fatal(err)
	}
	return out, proof
}

// fill fetches all that is missing of l from s, in pages of n.
func fill(t testing.TB, l *Ledger, s *Snapshot, n int64) {
	t.Helper()
	for {
		from, to := l.Missing()
		if from == to {
			return
		}
		entries, proof := received(t, s, from, min(n, to-from), to)
		if err := l.Backfill(entries, proof); err != nil {
			t.Fatal(err)
		}
		if next, _ := l.Missing(); next != from+int64(len(entries)) && from+int64(len(entries)) != to {
			t.Fatalf("missing from %d on behind entries %d to %d", next, from, from+int64(len(entries)))
		}
	}
}

// checkSame wants two ledgers to give the same answers, byte for byte.
func checkSame(t testing.TB, got, want *Snapshot) {
	t.Helper()
	if got.Head() != want.Head() || got.ChainID() != want.ChainID() {
		t.Fatalf("head %+v, wanted %+v", got.Head(), want.Head())
	}
	if a, b := frontierOf(t, got).Encode(), frontierOf(t, want).Encode(); !bytes.Equal(a, b) {
		t.Fatal("their frontiers differ")
	}
	size := want.Head().Size
	for i := range size {
		checkAnswers(t, got, want, i, size, false)
	}
}

// checkAnswers compares all that two ledgers say of an entry, and of the log at
// the sizes around it. With partial, got may say that it has not got it here.
func checkAnswers(t testing.TB, got, want *Snapshot, i, size int64, partial bool) (here bool) {
	t.Helper()
	here = true
	same := func(what string, answer func(s *Snapshot) ([]byte, error)) {
		t.Helper()
		a, errA := answer(got)
		b, errB := answer(want)
		if partial && errors.Is(errA, ErrNotHere) {
			here = false
			return
		}
		if errA != nil || errB != nil || !bytes.Equal(a, b) {
			t.Fatalf("%s of entry %d: %x %v, wanted %x %v", what, i, a, errA, b, errB)
		}
	}
	same("entry", func(s *Snapshot) ([]byte, error) {
		e, err := s.Entry(i)
		if err != nil {
			return nil, err
		}
		return append(e.encode(), fmt.Sprint(e.Index)...), nil
	})
	same("frame", func(s *Snapshot) ([]byte, error) { return s.Frame(i) })
	e, err := want.Entry(i)
	if err != nil {
		t.Fatal(err)
	}
	same("index by id", func(s *Snapshot) ([]byte, error) { n, err := s.IndexOf(e.ID); return fmt.Append(nil, n), err })
	if st, err := provenance.ParseStatement(e.Statement); err == nil {
		h := st.Header()
		same("index by sequence", func(s *Snapshot) ([]byte, error) {
			n, err := s.IndexOfSequence(h.Issuer, h.Stream, h.Sequence)
			return fmt.Append(nil, n), err
		})
	}
	for _, n := range []int64{i + 1, size} {
		same("root", func(s *Snapshot) ([]byte, error) { r, err := s.LogRoot(n); return r[:], err })
		same("inclusion", func(s *Snapshot) ([]byte, error) {
			p, err := s.Inclusion(i, n)
			if err != nil {
				return nil, err
			}
			return p.Encode(), nil
		})
		same("consistency", func(s *Snapshot) ([]byte, error) {
			p, err := s.Consistency(i, n)
			if err != nil {
				return nil, err
			}
			return p.Encode(), nil
		})
	}
	return here
}

// TestBackfill is the oracle of NOD-4 and NOD-5: at some sizes a ledger begins at
// the frontier, goes on with blocks, and fetches its history; all the while it
// gives the right answer or says that it has not got it here, and proves all
// that came in blocks; in the end it is the same ledger, also when reopened.
func TestBackfill(t *testing.T) {
	for _, size := range []int{0, 1, 2, 3, 5, 6, 8, 11, 16} {
		l, all := joinable(t, size)
		dir := t.TempDir()
		r := restored(t, dir, l.Snapshot())
		w := newWriter(t, "acme", "more")
		for range 3 {
			more := w.many(2, 1)
			run(t, l, more)
			run(t, r, again(t, more))
			all = append(all, more...)
		}
		for {
			from, to := r.Missing()
			for i := range int64(len(all)) {
				here := checkAnswers(t, r.Snapshot(), l.Snapshot(), i, int64(len(all)), true)
				if wantHere := from == to || i >= to; wantHere && !here {
					t.Fatalf("size %d, from %d on missing: entry %d, which came in a block, is not here", size, from, i)
				}
			}
			checkAbsent(t, r, from != to)
			if from == to {
				break
			}
			entries, proof := received(t, l.Snapshot(), from, min(3, to-from), to)
			if err := r.Backfill(entries, proof); err != nil {
				t.Fatal(err)
			}
			_ = r.Close()
			r = open(t, dir)
		}
		checkSame(t, r.Snapshot(), l.Snapshot())
		checkSnapshot(t, r.Snapshot(), all)
		if err := r.Snapshot().Scrub(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if err := r.Backfill(nil, nil); err == nil {
			t.Fatal("a backfill where nothing is missing")
		}
	}
}

// TestBackfillOfEveryKind: acts and equivocations are fetched and mended as
// batches are, and come with their own evidence or not at all.
func TestBackfillOfEveryKind(t *testing.T) {
	kinds := map[provenance.LeafKind]int{}
	for seed := uint64(100); len(kinds) < 3; seed++ {
		h, document := newChronicle(t, seed)
		l := open(t, t.TempDir())
		if _, err := l.InitGenesis(document, testValidators(), historyChain); err != nil {
			t.Fatal(err)
		}
		whole := &replica{Ledger: l, processors: 2}
		for h.o.height < 12 {
			at := h.begin()
			raws := h.block(8)
			whole.step(t, h.o.height, at, raws)
			for _, raw := range raws {
				h.o.judge(raw)
			}
		}
		s := l.Snapshot()
		r := restored(t, t.TempDir(), s)
		fill(t, r, s, 7)
		checkSame(t, r.Snapshot(), s)
		size := s.Head().Size
		for i := range size {
			got, _ := received(t, s, i, 1, size)
			kind, _ := provenance.LeafKindOf(got[0].Statement)
			kinds[kind]++
			path, err := s.Inclusion(i, size)
			if err != nil {
				t.Fatal(err)
			}
			for name, records := range map[string][]byte{
				"with more":    append(bytes.Clone(got[0].Records), 0),
				"with foreign": []byte("\x28\xb5\x2f\xfd"),
			} {
				if err := r.Repair(i, Received{got[0].Height, got[0].Statement, records}, path); err == nil {
					t.Fatalf("entry %d of kind %d is taken %s records", i, kind, name)
				}
			}
			harmValue(t, r.store, indexKey(prefixEntry, i), "flip")
			if err := r.Repair(i, got[0], path); err != nil {
				t.Fatalf("entry %d of kind %d: %v", i, kind, err)
			}
		}
		checkSame(t, r.Snapshot(), s)
		wantFound(t, r.Snapshot())
	}
}

// checkAbsent asks for what no ledger has.
func checkAbsent(t *testing.T, l *Ledger, partial bool) {
	t.Helper()
	s := l.Snapshot()
	_, err := s.IndexOf(provenance.Hash{1})
	if want := map[bool]error{true: ErrNotHere, false: ErrNotFound}[partial]; !errors.Is(err, want) {
		t.Fatalf("an unknown statement: %v, wanted %v", err, want)
	}
	for _, x := range []struct {
		stream   string
		sequence int64
	}{{"more", 100}, {"s", 100}, {"none", 0}} {
		if _, err := s.IndexOfSequence("acme", x.stream, x.sequence); !errors.Is(err, ErrNotFound) {
			t.Fatalf("%+v, beyond the stream's head: %v", x, err)
		}
	}
	if _, err := s.Entry(s.Head().Size); !errors.Is(err, ErrNotFound) {
		t.Fatalf("an entry beyond the head: %v", err)
	}
}

// TestBackfillRefused: whatever else than the log's next entries with their
// records is refused and changes nothing (NOD-5, NOD-6).
func TestBackfillRefused(t *testing.T) {
	l, _ := joinable(t, 13)
	s := l.Snapshot()
	r := restored(t, t.TempDir(), s)
	first, proof := received(t, s, 0, 4, 13)
	if err := r.Backfill(first, proof); err != nil {
		t.Fatal(err)
	}
	other := newWriter(t, "acme", "other")
	foreign := other.next(2)
	for _, x := range []struct {
		name string
		harm func(entries []Received, p *provenance.Consistency) ([]Received, *provenance.Consistency)
	}{
		{"none", func([]Received, *provenance.Consistency) ([]Received, *provenance.Consistency) { return nil, nil }},
		{"without a proof", func(e []Received, _ *provenance.Consistency) ([]Received, *provenance.Consistency) { return e, nil }},
		{"one dropped", func(e []Received, p *provenance.Consistency) ([]Received, *provenance.Consistency) {
			return slices.Delete(e, 1, 2), p
		}},
		{"one dropped, with the proof of its size", func(e []Received, _ *provenance.Consistency) ([]Received, *provenance.Consistency) {
			p, _ := s.Consistency(7, 13)
			return slices.Delete(e, 1, 2), p
		}},
		{"two swapped", func(e []Received, p *provenance.Consistency) ([]Received, *provenance.Consistency) {
			e[0], e[1] = e[1], e[0]
			return e, p
		}},
		{"one twice", func(e []Received, p *provenance.Consistency) ([]Received, *provenance.Consistency) {
			e[1] = e[0]
			return e, p
		}},
		{"from another place", func([]Received, *provenance.Consistency) ([]Received, *provenance.Consistency) {
			return received(t, s, 5, 4, 13)
		}},
		{"beyond the frontier", func([]Received, *provenance.Consistency) ([]Received, *provenance.Consistency) {
			e, _ := received(t, s, 4, 9, 13)
			return append(e, e[0]), nil
		}},
		{"a foreign statement", func(e []Received, p *provenance.Consistency) ([]Received, *provenance.Consistency) {
			e[2].Statement, e[2].Records = foreign.sub.Statement.Raw(), foreign.sub.Frame
			return e, p
		}},
		{"a flipped bit of a statement", func(e []Received, p *provenance.Consistency) ([]Received, *provenance.Consistency) {
			e[3].Statement = bytes.Clone(e[3].Statement)
			e[3].Statement[40] ^= 1
			return e, p
		}},
		{"no statement", func(e []Received, p *provenance.Consistency) ([]Received, *provenance.Consistency) {
			e[3].Statement = nil
			return e, p
		}},
		{"foreign records", func(e []Received, p *provenance.Consistency) ([]Received, *provenance.Consistency) {
			e[2].Records = foreign.sub.Frame
			return e, p
		}},
		{"no records", func(e []Received, p *provenance.Consistency) ([]Received, *provenance.Consistency) {
			e[2].Records = nil
			return e, p
		}},
		{"records cut short", func(e []Received, p *provenance.Consistency) ([]Received, *provenance.Consistency) {
			e[2].Records = e[2].Records[:len(e[2].Records)-1]
			return e, p
		}},
		{"a flipped bit of the proof", func(e []Received, p *provenance.Consistency) ([]Received, *provenance.Consistency) {
			p.Path[0][0] ^= 1
			return e, p
		}},
		{"a proof to another size", func(e []Received, _ *provenance.Consistency) ([]Received, *provenance.Consistency) {
			p, _ := s.Consistency(8, 12)
			return e, p
		}},
		{"a proof from another size", func(e []Received, _ *provenance.Consistency) ([]Received, *provenance.Consistency) {
			p, _ := s.Consistency(7, 13)
			return e, p
		}},
		{"height 0", func(e []Received, p *provenance.Consistency) ([]Received, *provenance.Consistency) {
			e[0].Height = 0
			return e, p
		}},
		{"a height that falls", func(e []Received, p *provenance.Consistency) ([]Received, *provenance.Consistency) {
			e[3].Height = e[1].Height - 1
			return e, p
		}},
		{"a height below the page before", func(e []Received, p *provenance.Consistency) ([]Received, *provenance.Consistency) {
			e[0].Height = 1
			return e, p
		}},
		{"a height beyond the frontier", func(e []Received, p *provenance.Consistency) ([]Received, *provenance.Consistency) {
			e[3].Height = s.Head().Height + 1
			return e, p
		}},
	} {
		entries, proof := received(t, s, 4, 4, 13)
		entries, proof = x.harm(entries, proof)
		if err := r.Backfill(entries, proof); err == nil {
			t.Errorf("%s: taken", x.name)
		}
		if from, to := r.Missing(); from != 4 || to != 13 {
			t.Fatalf("%s: missing are %d to %d", x.name, from, to)
		}
	}
	fill(t, r, s, 5)
	checkSame(t, r.Snapshot(), s)
}

// TestBackfillCrash lets a page die at each of its moments. What was written is
// there and proven, and the next page goes on behind it.
func TestBackfillCrash(t *testing.T) {
	l := newLedger(t)
	w := newWriter(t, "acme", "s")
	var all []*Checked
	for range 10 {
		txs := []*Checked{}
		for range 8 {
			txs = append(txs, w.submit(w.records(900, 32)))
		}
		run(t, l, txs)
		all = append(all, txs...)
	}
	s := l.Snapshot()
	size := s.Head().Size
	for at := 0; ; at++ {
		dir := t.TempDir()
		r := restored(t, dir, s)
		var crashed string
		moment := 0
		r.store.crash = func(int, bool) error {
			if moment++; moment-1 == at {
				crashed = copyDir(t, dir)
				return errCrash
			}
			return nil
		}
		entries, _ := received(t, s, 0, size, size)
		err := r.Backfill(entries, nil)
		if crashed == "" {
			if err != nil || moment < 3 {
				t.Fatalf("%d transactions, the test wants several: %v", moment, err)
			}
			checkSnapshot(t, r.Snapshot(), all)
			return
		}
		if !errors.Is(err, errCrash) {
			t.Fatal(err)
		}
		r.store.crash = nil
		for _, l := range []*Ledger{r, open(t, crashed)} { // gone on with, and started again
			from, to := l.Missing()
			if (from == 0) != (at == 0) || to != size {
				t.Fatalf("moment %d: missing are %d to %d", at, from, to)
			}
			for i := range size {
				if _, err := l.Snapshot().Entry(i); (i < from) != (err == nil) || err != nil && !errors.Is(err, ErrNotHere) {
					t.Fatalf("entry %d with %d to %d missing: %v", i, from, to, err)
				}
			}
			fill(t, l, s, 30)
			checkSnapshot(t, l.Snapshot(), all)
			if err := l.Snapshot().Scrub(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			_ = l.Close()
		}
	}
}

// TestBesideCommit: history and headers come in while blocks are committed and
// readers read.
func TestBesideCommit(t *testing.T) {
	l, all := joinable(t, 60)
	r := restored(t, t.TempDir(), l.Snapshot())
	joined := l.Snapshot()
	var wg sync.WaitGroup
	done := make(chan struct{})
	wg.Go(func() { fill(t, r, joined, 4) })
	wg.Go(func() {
		for h := int64(1); h <= 40; h++ {
			if err := r.ArchiveHeader(h, lightBlockOf(h, 1)); err != nil {
				t.Error(err)
			}
		}
	})
	wg.Go(func() {
		for i := int64(0); ; i = (i + 7) % 60 {
			select {
			case <-done:
				return
			default:
			}
			if _, err := r.Snapshot().Entry(i); err != nil && !errors.Is(err, ErrNotHere) {
				t.Error(err)
			}
			if _, err := r.Snapshot().Inclusion(i, 60); err != nil && !errors.Is(err, ErrNotHere) {
				t.Error(err)
			}
			if _, err := r.Snapshot().IndexOf(all[i].ID()); err != nil && !errors.Is(err, ErrNotHere) {
				t.Error(err)
			}
			if err := r.Room(); err != nil {
				t.Error(err)
			}
		}
	})
	w := newWriter(t, "beta", "beside")
	var more []*Checked
	for range 20 {
		more = append(more, w.next(2))
		run(t, r, more[len(more)-1:])
		time.Sleep(time.Millisecond)
	}
	close(done)
	wg.Wait()
	checkSnapshot(t, r.Snapshot(), slices.Concat(all, more))
	if err := r.Scrub(t.Context(), Scrubbing{Found: func(err error) { t.Error(err) }}); err != nil {
		t.Fatal(err)
	}
}

// TestBackfillReserve: history is not fetched into a disk that is nearly full
// (NOD-11).
func TestBackfillReserve(t *testing.T) {
	l, _ := joinable(t, 4)
	r := restored(t, t.TempDir(), l.Snapshot())
	r.reserve = 1 << 60
	entries, _ := received(t, l.Snapshot(), 0, 4, 4)
	if err := r.Backfill(entries, nil); err == nil || !strings.Contains(err.Error(), "nearly full") {
		t.Fatalf("into the reserve: %v", err)
	}
	if from, to := r.Missing(); from != 0 || to != 4 {
		t.Fatalf("missing are %d to %d", from, to)
	}
}
