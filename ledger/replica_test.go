package ledger

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"runtime"
	"testing"
	"time"

	"tokentrail/provenance"
)

var (
	historyRuns = flag.Int("histories", 0, "number of seeded histories; 0: 30, or 1,000 with TOKENTRAIL_SOAK=1")
	historySeed = flag.Uint64("history-seed", 1, "seed of the first history")
)

const historyBlocks = 20

// TestHistories runs seeded histories of batches, acts and equivocations on
// replicas that could not be more different, and holds every answer against the
// oracle.
func TestHistories(t *testing.T) {
	runs := *historyRuns
	if runs == 0 {
		runs = 30
		if os.Getenv("TOKENTRAIL_SOAK") != "" {
			runs = 1000
		}
	}
	seen := map[provenance.Code]int{}
	admitted := map[int64]int{}
	began := time.Now()
	for i := range runs {
		runHistory(t, *historySeed+uint64(i), seen, admitted)
		if t.Failed() {
			t.Fatalf("seed %d", *historySeed+uint64(i))
		}
	}
	if runs >= 30 {
		for _, code := range []provenance.Code{
			CodeUnknownIssuer, CodeInactiveIssuer, CodeUnknownKey, CodeGap, CodeDuplicate, CodeFork, CodeStreams, CodeAge, CodeChainID,
			CodeExpired, CodeSequence, CodeThreshold, CodeRegistry, CodeHeight, provenance.CodeVersion, provenance.CodeSignature, provenance.CodeSize,
		} {
			if seen[code] == 0 {
				t.Errorf("no submission of %d histories was refused with %q: the test has gone blind", runs, code)
			}
		}
		for kind := provenance.SubmissionBatch; kind <= provenance.SubmissionEquivocation; kind++ {
			if admitted[kind] < runs {
				t.Errorf("only %d submissions of type %d were admitted in %d histories", admitted[kind], kind, runs)
			}
		}
	}
	t.Logf("histories: runs=%d seed=%d admitted=%v refused=%v in %s", runs, *historySeed, admitted, seen, time.Since(began).Round(time.Millisecond))
}

// A replica is a ledger that gets the same blocks as others.
type replica struct {
	*Ledger
	dir        string
	processors int
}

func (r *replica) reopen(t *testing.T) {
	t.Helper()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	r.Ledger = openSmall(t, r.dir)
}

func runHistory(t *testing.T, seed uint64, seen map[provenance.Code]int, admitted map[int64]int) {
	t.Helper()
	h, genesis := newChronicle(t, seed)
	newReplica := func(processors int) *replica {
		dir := t.TempDir()
		r := &replica{openSmall(t, dir), dir, processors}
		if _, err := r.InitGenesis(genesis, testValidators(), historyChain); err != nil {
			t.Fatal(err)
		}
		return r
	}
	replicas := []*replica{newReplica(2), newReplica(1)}
	defer func() {
		for _, r := range replicas {
			_ = r.Close()
		}
	}()
	middle := 4 + h.rng.Int64N(historyBlocks-8)
	for h.o.height < historyBlocks {
		at := h.begin()
		raws := h.block(h.rng.IntN(9))
		if h.chance(2) {
			raws = h.chosen(t, replicas[0].Ledger, at, raws)
		}
		before := h.o.copy()
		codes := make([]provenance.Code, len(raws))
		for i, raw := range raws {
			codes[i] = h.o.judge(raw)
			seen[codes[i]]++
			if kind, _ := provenance.SubmissionType(raw); codes[i] == "" {
				admitted[kind]++
			}
		}
		var first *Outcome
		for _, r := range replicas {
			out := r.step(t, h.o.height, at, raws)
			if first == nil {
				first = out
				h.compare(t, out, codes, before)
			} else if diff := differ(first, out); diff != "" {
				t.Errorf("seed %d block %d: replicas differ: %s", seed, h.o.height, diff)
			}
			if err := h.o.differ(r.Snapshot()); err != nil {
				t.Errorf("seed %d block %d: %v", seed, h.o.height, err)
			}
		}
		if t.Failed() {
			return
		}
		if h.o.height == middle {
			replicas[1].reopen(t)
			replicas = append(replicas, replicaAt(t, replicas[0].Ledger))
		}
	}
	if err := replicas[0].Snapshot().Scrub(t.Context(), nil); err != nil {
		t.Errorf("seed %d: %v", seed, err)
	}
}

// chosen lets a ledger propose a block out of shuffled candidates. Whatever
// order they come in, all that is chosen is admissible, and something is where
// something can be.
func (h *chronicle) chosen(t *testing.T, l *Ledger, at time.Time, raws [][]byte) [][]byte {
	t.Helper()
	h.rng.Shuffle(len(raws), func(i, j int) { raws[i], raws[j] = raws[j], raws[i] })
	chosen := func() (out [][]byte) {
		some, err := l.Prepare(h.o.height, at, checkAll(raws), 4<<20)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range some {
			out = append(out, c.Raw())
		}
		return out
	}
	out := chosen()
	if !reflect.DeepEqual(out, chosen()) {
		t.Error("the same candidates gave another block")
	}
	if err := l.Process(h.o.height, at, checkAll(out)); err != nil {
		t.Errorf("a chosen block is refused: %v", err)
	}
	trial := h.o.copy()
	for _, raw := range out {
		if code := trial.judge(raw); code != "" {
			t.Errorf("chosen for block %d, though it is %s", h.o.height, code)
		}
	}
	for _, raw := range raws {
		if len(out) == 0 && h.o.copy().judge(raw) == "" {
			t.Errorf("nothing was chosen for block %d", h.o.height)
		}
	}
	return out
}

func checkAll(raws [][]byte) []*Checked {
	out := make([]*Checked, len(raws))
	for i, raw := range raws {
		out[i], _ = Check(raw)
	}
	return out
}

// step applies and commits a block of submissions decoded anew.
func (r *replica) step(t *testing.T, height int64, at time.Time, raws [][]byte) *Outcome {
	t.Helper()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(r.processors))
	txs := checkAll(raws)
	for _, c := range txs {
		_ = r.Snapshot().AdmitPending(c) // what is remembered of it makes no difference
	}
	out, err := r.Apply(height, at, txs)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Commit(); err != nil {
		t.Fatal(err)
	}
	return out
}

// replicaAt is a replica that begins at another's newest height.
func replicaAt(t *testing.T, l *Ledger) *replica {
	t.Helper()
	f, err := l.Snapshot().Frontier()
	if err != nil {
		t.Fatal(err)
	}
	if f, err = ParseFrontier(f.Encode()); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	r := &replica{openSmall(t, dir), dir, 2}
	if err := r.Restore(f, l.Snapshot().Head().AppHash); err != nil {
		t.Fatal(err)
	}
	return r
}

// compare holds a block's outcome against the oracle's.
func (h *chronicle) compare(t *testing.T, out *Outcome, codes []provenance.Code, before *oracle) {
	t.Helper()
	for i, r := range out.Results {
		if got := provenance.CodeOf(r.Err); got != codes[i] || (r.Code == 0) != (codes[i] == "") {
			t.Errorf("block %d transaction %d: %v, the oracle says %q", h.o.height, i, r.Err, codes[i])
		}
		if r.Code == 1 {
			t.Errorf("%q has no number", codes[i])
		}
	}
	if got, want := out.Validators, h.o.updates(before); !(len(got) == 0 && len(want) == 0) && !reflect.DeepEqual(got, want) {
		t.Errorf("block %d: the validators change by %v, the oracle says %v", h.o.height, got, want)
	}
}

// differ says in what two outcomes differ.
func differ(a, b *Outcome) string {
	for i := range a.Results {
		x, y := a.Results[i], b.Results[i]
		if x.Code != y.Code || x.ID != y.ID || x.Index != y.Index {
			return fmt.Sprintf("transaction %d: %+v and %+v", i, x, y)
		}
	}
	if a.AppHash != b.AppHash || !reflect.DeepEqual(a.Validators, b.Validators) {
		return fmt.Sprintf("%s %v and %s %v", a.AppHash, a.Validators, b.AppHash, b.Validators)
	}
	return ""
}
