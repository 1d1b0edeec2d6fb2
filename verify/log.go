package verify

import (
	"context"
	"runtime"
	"sync"
)

// readLog replays entries up to the given size. Entries are fetched some pages
// ahead, looked at by several workers, and put behind one another in order;
// what is in memory is bounded by the pages under way. SPEC(VER-12)
func (a *audit) readLog(size int64) error {
	ctx, cancel := context.WithCancel(a.ctx)
	defer cancel()
	workers := a.opts.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	a.replay.clock = a.opts.Now()
	var (
		wg      sync.WaitGroup
		jobs    = make(chan *entryJob, workers)
		ordered = make(chan *entryJob, 4*workers)
		fetched error // set before ordered is closed
		from    = a.replay.tree.size
		stopped error // why the replay cannot go on
	)
	for range workers {
		wg.Go(func() {
			for j := range jobs {
				j.done <- a.replay.guesses.inspect(&j.entry)
			}
		})
	}
	wg.Go(func() {
		defer close(ordered)
		defer close(jobs)
		fetched = a.fetchEntries(ctx, from, size, func(e Entry) bool {
			j := &entryJob{entry: e, done: make(chan *checkedEntry, 1)}
			select {
			case ordered <- j:
			case <-ctx.Done():
				return false
			}
			select {
			case jobs <- j:
				return true
			case <-ctx.Done():
				j.done <- nil
				return false
			}
		})
	})
	for j := range ordered {
		c := <-j.done
		if c == nil || stopped != nil {
			continue
		}
		if stopped = a.replay.add(c); stopped != nil {
			cancel()
			continue
		}
		a.progress("log", a.replay.tree.size, size)
		a.saveNow()
	}
	wg.Wait()
	if stopped != nil {
		return stopped
	}
	return fetched
}

type entryJob struct {
	entry Entry
	done  chan *checkedEntry
}
