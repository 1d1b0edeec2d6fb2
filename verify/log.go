package verify

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
)

// readLog replays entries up to the given size. Entries are fetched a page
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

// fetchEntries yields the entries from one index up to size, in order, while
// yield says so. SPEC(VER-18)
func (a *audit) fetchEntries(ctx context.Context, from, size int64, yield func(Entry) bool) error {
	for from < size {
		page, err := a.askEntries(ctx, from, size)
		if err != nil {
			return err
		}
		for i := range page {
			// SPEC(LOG-1): an entry's index is its place.
			if page[i].Index != from {
				return NewFinding(CodeEntryIndex, fmt.Sprintf("entries[%d]", from),
					fmt.Sprintf("the entry with index %d", from), fmt.Sprintf("the one with index %d", page[i].Index))
			}
			if !yield(page[i]) {
				return ctx.Err()
			}
			from++
		}
	}
	return nil
}

// askEntries asks for a page of entries.
func (a *audit) askEntries(ctx context.Context, from, size int64) ([]Entry, error) {
	limit := int(min(maxPage, size-from))
	page, err := a.src.Entries(ctx, from, limit)
	switch {
	case errors.Is(err, ErrMissing) || err == nil && len(page) == 0:
		return nil, NewFinding(CodeEntryMissing, fmt.Sprintf("entries[%d]", from),
			fmt.Sprintf("an entry: the node says that its log has %d", size), "nothing")
	case err != nil:
		return nil, fmt.Errorf("entries from %d: %w", from, err)
	case len(page) > limit:
		return nil, fmt.Errorf("entries from %d: %w: %d entries, asked for %d", from, ErrAnswer, len(page), limit)
	}
	return page, nil
}
