//go:build linux

package faults

import (
	"flag"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"
)

var (
	flagSeed     = flag.Uint64("seed", 0, "seed of all that is drawn; 0: the same each time, with TOKENTRAIL_SOAK one by the clock, which is printed")
	flagCount    = flag.Int("count", 0, "how many faults each test makes; 0: the short count, with TOKENTRAIL_SOAK the long one")
	flagDuration = flag.Duration("duration", 0, "when each test stops making faults, whatever the count; 0: never")
)

// printSeed settles the seed and says what this run is.
func printSeed() {
	switch {
	case *flagSeed != 0:
	case soak():
		*flagSeed = uint64(time.Now().UnixNano()) % 1_000_000_000
	default:
		*flagSeed = 1
	}
	fmt.Printf("faults: seed=%d count=%d duration=%s soak=%t\n", *flagSeed, *flagCount, *flagDuration, soak())
}

func soak() bool { return os.Getenv("TOKENTRAIL_SOAK") != "" }

// A plan says how many faults a test makes, and draws them. Owned by the test's
// goroutine.
type plan struct {
	*rand.Rand
	t     testing.TB
	count int
	begun time.Time
	done  int

	onward bool // go on behind a failure: what comes next does not depend on it
}

// newPlan draws from the seed and the test's name, so that one test alone draws
// what it draws among others.
func newPlan(t testing.TB, short, long int) *plan {
	t.Helper()
	h := fnv.New64a()
	_, _ = h.Write([]byte(t.Name())) // never fails
	p := &plan{Rand: rand.New(rand.NewPCG(*flagSeed, h.Sum64())), t: t, count: short, begun: time.Now()}
	if soak() {
		p.count = long
	}
	if *flagCount > 0 {
		p.count = *flagCount
	}
	return p
}

// next reports whether another fault is due, and counts it.
func (p *plan) next() bool {
	if p.t.Failed() && !p.onward || p.done >= p.count || *flagDuration > 0 && p.done > 0 && time.Since(p.begun) > *flagDuration {
		return false
	}
	p.done++
	return true
}

// say tells of an action.
func (p *plan) say(format string, args ...any) {
	p.t.Helper()
	p.t.Logf("%s %d/%d: %s", time.Since(p.begun).Round(time.Millisecond), p.done, p.count, fmt.Sprintf(format, args...))
}

// between draws a time.
func (p *plan) between(least, most time.Duration) time.Duration {
	return least + time.Duration(p.Int64N(int64(most-least)))
}

// figures prints the line that a run ends with: "figures: kills: cycles=6 …".
func (p *plan) figures(what string, pairs ...any) {
	p.t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "figures: %s: cycles=%d", what, p.done)
	for i := 0; i+1 < len(pairs); i += 2 {
		fmt.Fprintf(&b, " %v=%v", pairs[i], pairs[i+1])
	}
	p.t.Logf("%s seconds=%.0f seed=%d", b.String(), time.Since(p.begun).Seconds(), *flagSeed)
}
