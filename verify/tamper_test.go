package verify_test

import (
	"bytes"
	"flag"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"

	"tokentrail/verify"
)

var (
	tamperSeed   = flag.Uint64("tamper-seed", 1, "of the rounds of TestTampering")
	tamperRounds = flag.Int("tamper-rounds", 0, "of TestTampering; 0 means 400, or 20,000 with TOKENTRAIL_SOAK=1")
)

// TestTampering changes one answer a round at random: bits flipped, cut, prolonged,
// pieces moved, overwritten or taken from another answer, whole answers swapped. An
// audit then never says that all holds, unless the answer means the same.
func TestTampering(t *testing.T) {
	rounds := *tamperRounds
	if rounds == 0 {
		rounds = 400
		switch {
		case os.Getenv("TOKENTRAIL_SOAK") != "":
			rounds = 20_000
		case testing.Short():
			rounds = 100
		}
	}
	l := grown(t)
	answers := l.asked()
	paths := sortedKeysOf(answers)
	trust := verify.Trust{Genesis: new(hashOf(l.genesis))}
	var wg sync.WaitGroup
	var mu sync.Mutex
	exits, same := map[int]int{}, map[string]int{}
	next := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for round := range next {
				r := rand.New(rand.NewPCG(*tamperSeed, uint64(round)))
				path := paths[r.IntN(len(paths))]
				lie, how := tampered(r, answers[path], answers[paths[r.IntN(len(paths))]])
				report := auditFlipped(l, answers, trust, path, lie)
				why := ""
				if report.Verdict == verify.Holds {
					if why = meansTheSame(path, answers[path], lie); why == "" {
						t.Errorf("seed %d, round %d: %s, %s, goes unnoticed:\n%x\nfor\n%x", *tamperSeed, round, path, how, lie, answers[path])
					}
				}
				mu.Lock()
				exits[report.Exit()]++
				if why != "" {
					same[why]++
				}
				mu.Unlock()
			}
		})
	}
	for round := range rounds {
		next <- round
	}
	close(next)
	wg.Wait()
	t.Logf("seed %d: %d rounds over %d answers; by exit code %v; the same: %v", *tamperSeed, rounds, len(paths), exits, same)
	if exits[1] < rounds/3 {
		t.Errorf("only %d of %d rounds are findings", exits[1], rounds)
	}
}

// meansTheSame says why a changed answer means the same as the honest one.
func meansTheSame(path string, honest, lie []byte) string {
	switch route := routeOf(path); {
	case bytes.Equal(honest, lie):
		return "not changed"
	case route == "/v1/entries":
		a, err := verify.DecodeEntries(lie, 1000)
		b, _ := verify.DecodeEntries(honest, 1000)
		if err == nil && len(a) > 0 && len(a) < len(b) && slices.EqualFunc(a, b[:len(a)], sameRecords) {
			return "a shorter page"
		}
	case route == "/v1/headers":
		a, err := verify.DecodeHeaders(lie, 1000)
		b, _ := verify.DecodeHeaders(honest, 1000)
		if err == nil && len(a) > 0 && len(a) < len(b) && slices.EqualFunc(a, b[:len(a)], samePriority) {
			return "a shorter page"
		}
	}
	return irrelevant(path, honest, lie)
}

// tampered changes an answer at random; other is one to take from.
func tampered(r *rand.Rand, honest, other []byte) (lie []byte, how string) {
	lie = bytes.Clone(honest)
	at := r.IntN(len(lie) + 1)
	to := at + r.IntN(len(lie)-at+1)
	switch r.IntN(8) {
	case 0, 1:
		for range 1 + r.IntN(3) {
			lie[r.IntN(len(lie))] ^= 1 << r.IntN(8)
		}
		return lie, "with bits flipped"
	case 2:
		return lie[:at], "cut"
	case 3:
		return append(lie[:at:at], lie[to:]...), "with a piece left out"
	case 4:
		return append(lie[:to:to], lie[at:]...), "with a piece twice"
	case 5:
		return append(append(bytes.Clone(lie[at:to]), lie[:at]...), lie[to:]...), "with a piece moved to the front"
	case 6:
		from := r.IntN(len(other) + 1)
		copy(lie[at:to], other[from:])
		return lie, "with a piece of another answer"
	}
	return bytes.Clone(other), "swapped with another answer"
}
