package main

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// What a closed loop is expected to take at most, so that as much is signed
// before the clock starts.
const (
	benchFastRecords    = 250_000 // a second
	benchFastStatements = 20_000
	// maxBenchPrepared is what signed statements may take in memory, where the
	// machine has four times as much.
	maxBenchPrepared = 1 << 30
)

// prepare signs statements before the clock starts, on all processors: the
// driver's signing is no part of what is measured.
func (l *benchLoad) prepare(ctx context.Context) error {
	f := l.b.flags
	first, err := l.streams[0].prepare() // says what one takes
	if err != nil {
		return fmt.Errorf("--batch %d, --record-bytes %d, --entropy %d: %w", f.batch, f.recordBytes, f.entropy, err)
	}
	room := int64(maxBenchPrepared)
	if free := availableMemory(); free > 0 {
		room = min(room, free/4)
	}
	fit, wanted := room/max(1, first), l.wanted()
	if f.prepared >= 0 {
		wanted = int64(f.prepared)
	}
	count := min(wanted, fit)
	l.b.teller.say(fmt.Sprintf("signing %s with %s before the clock starts, about %s MB; %s would fit",
		plural(count, "statement"), plural(count*int64(f.batch), "record"), thousands(count*first/1e6), thousands(fit)))
	if count < wanted {
		l.b.teller.say(fmt.Sprintf("warning: %s of %s are signed while the clock runs, which takes time of this machine's processors", thousands(wanted-count), plural(wanted, "statement")))
	}
	return l.signAhead(ctx, count-1)
}

// wanted is how many statements the run will need, or in a closed loop may need.
func (l *benchLoad) wanted() (n int64) {
	for i := range l.streams {
		n += l.dues(i)
	}
	if n == 0 {
		lasts := (l.b.flags.warmUp + l.b.flags.duration).Seconds()
		n = int64(min(benchFastRecords/float64(l.b.flags.batch), benchFastStatements)*lasts) + int64(cap(l.slots))
	}
	return n
}

// signAhead signs count statements, of all streams alike; a stream is signed by
// one goroutine.
func (l *benchLoad) signAhead(ctx context.Context, count int64) error {
	var signed, next atomic.Int64
	errs := make([]error, len(l.streams))
	share := (count + int64(len(l.streams)) - 1) / int64(len(l.streams))
	p := l.b.app.newProgress("signed statements", 0)
	done := make(chan struct{})
	var telling, group sync.WaitGroup
	telling.Go(func() {
		for tick := time.Tick(time.Second); ; {
			select {
			case <-done:
				return
			case <-tick:
				p.add(signed.Load() - p.done)
			}
		}
	})
	for range min(runtime.GOMAXPROCS(0), len(l.streams)) {
		group.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(l.streams)); i = next.Add(1) - 1 {
				for k := int64(0); k < share && errs[i] == nil && ctx.Err() == nil; k++ {
					_, errs[i] = l.streams[i].prepare()
					signed.Add(1)
				}
			}
		})
	}
	group.Wait()
	close(done)
	telling.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
