package verify

import (
	"context"
	"errors"
	"fmt"
)

// Entries are asked for some pages ahead, at once, so that neither the way to the
// node nor its disk is waited for. A source bounds a page's bytes (remote: 16 MiB);
// so many are under way or waiting at once, and one more is looked at.
const pagesAhead = 3

// fewBytes is below what a page may have: a node that gave so little gives more
// entries at once.
const fewBytes = 4 << 20

// A pageAsked is a page of entries that was asked for.
type pageAsked struct {
	from, to int64         // entries, to exclusive
	done     chan struct{} // closed when what follows is set
	entries  []Entry
	err      error
}

// fetchEntries yields the entries from one index up to size, in order, while
// yield says so. SPEC(VER-18)
//
// How many entries fit a page shows the first one; a page that has fewer is
// followed by another for the rest, before those that were asked for ahead.
func (a *audit) fetchEntries(ctx context.Context, from, size int64, yield func(Entry) bool) error {
	ctx, cancel := context.WithCancel(ctx)
	var ahead []*pageAsked
	defer func() {
		cancel()
		for _, p := range ahead {
			<-p.done // nothing asks the source when the audit has gone on
		}
	}()
	limit, most, next := int64(maxPage), 1, from
	for from < size {
		for ; next < size && len(ahead) < most; next = min(size, next+limit) {
			ahead = append(ahead, a.askAhead(ctx, next, min(size, next+limit)))
		}
		page := ahead[0]
		<-page.done
		if page.err != nil {
			return page.err
		}
		ahead = ahead[1:]
		if err := yieldPage(page, yield); err != nil {
			return stopped(ctx, err)
		}
		from, most = page.from+int64(len(page.entries)), pagesAhead
		switch {
		case from < page.to:
			limit = int64(len(page.entries))
			ahead = append([]*pageAsked{a.askAhead(ctx, from, page.to)}, ahead...)
		case page.size() < fewBytes:
			limit = min(maxPage, 2*limit)
		}
	}
	return nil
}

// errEnough says that whoever reads entries wants no more.
var errEnough = errors.New("no more entries are wanted")

// stopped is why entries are read no more: nothing is wrong where the reader has
// enough and is not interrupted.
func stopped(ctx context.Context, err error) error {
	if errors.Is(err, errEnough) {
		return ctx.Err()
	}
	return err
}

// yieldPage yields a page's entries.
func yieldPage(p *pageAsked, yield func(Entry) bool) error {
	for i := range p.entries {
		// SPEC(LOG-1): an entry's index is its place.
		if want := p.from + int64(i); p.entries[i].Index != want {
			return NewFinding(CodeEntryIndex, fmt.Sprintf("entries[%d]", want),
				fmt.Sprintf("the entry with index %d", want), fmt.Sprintf("the one with index %d", p.entries[i].Index))
		}
		if !yield(p.entries[i]) {
			return errEnough
		}
	}
	return nil
}

// size is how many bytes the page's entries have.
func (p *pageAsked) size() (bytes int) {
	for i := range p.entries {
		bytes += len(p.entries[i].Statement) + len(p.entries[i].Frame)
	}
	return bytes
}

// askAhead asks for the entries [from, to), or as many of them as the node gives.
func (a *audit) askAhead(ctx context.Context, from, to int64) *pageAsked {
	p := &pageAsked{from: from, to: to, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		p.entries, p.err = a.askEntries(ctx, from, to)
	}()
	return p
}

// askEntries asks for a page of entries.
func (a *audit) askEntries(ctx context.Context, from, to int64) ([]Entry, error) {
	limit := int(to - from)
	page, err := a.src.Entries(ctx, from, limit)
	switch {
	case errors.Is(err, ErrMissing) || err == nil && len(page) == 0:
		return nil, NewFinding(CodeEntryMissing, fmt.Sprintf("entries[%d]", from),
			fmt.Sprintf("an entry: the node says that its log has %d", a.status.LogSize), "nothing")
	case err != nil:
		return nil, fmt.Errorf("entries from %d: %w", from, err)
	case len(page) > limit:
		return nil, fmt.Errorf("entries from %d: %w: %d entries, asked for %d", from, ErrAnswer, len(page), limit)
	}
	return page, nil
}
