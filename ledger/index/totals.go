// Package index keeps what is derived from the log for the sake of queries. It
// is no part of consensus: it follows from the log, and building it again gives
// the same.
//
// Records finds records by id, ref, content and parent. It has files of its own,
// which may be removed while the node does not run.
//
// Totals is held in memory and built when the node starts. It adds up the totals of statements by provider and cell, hour by hour,
// so that a question about flows costs by the cells of the hours that it covers,
// whatever the number of records behind them.
package index

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	"tokentrail/ledger"
	"tokentrail/provenance"
)

// Reader is the log as the index reads it: one that never changes, such as a
// *ledger.Snapshot. Entry returns each entry below the head's size.
type Reader interface {
	Head() ledger.Head
	Entry(index int64) (*ledger.Entry, error)
}

// Totals is the index of totals. Its methods may be called from any goroutine.
//
// There is one writer at a time, which holds writing: it alone touches size,
// building and dirty. Readers take a View, which never changes; they neither
// wait for the writer nor keep it waiting. Whoever waits to write may give up.
type Totals struct {
	published atomic.Pointer[View]

	writing  chan struct{}       // holds one while somebody writes
	size     int64               // guarded by writing: entries counted so far
	building map[int64]*building // guarded by writing: by hour
	dirty    []int64             // guarded by writing: hours that differ from the published view's
	bare     []int64             // guarded by writing: entries without records; only appended to
}

// building is an hour as the writer has it.
type building struct {
	cells []cell
	place map[cellID]int // where in cells a key adds up
	dirty bool           // no View holds cells: they may be changed
}

type cell struct {
	provider string
	provenance.Cell
}

type cellID struct {
	provider string
	key      provenance.CellKey
}

// New returns the totals of the empty log.
func New() *Totals {
	t := &Totals{writing: make(chan struct{}, 1), building: map[int64]*building{}}
	t.published.Store(&View{})
	return t
}

// Build returns the totals of the log of r. It reads every statement; ctx ends
// it early.
func Build(ctx context.Context, r Reader) (*Totals, error) {
	t := New()
	if err := t.CatchUp(ctx, r); err != nil {
		return nil, err
	}
	return t, nil
}

// CatchUp counts what the log of r holds beyond what is counted already, and
// then publishes the view of r's head. A log that is behind the totals changes
// nothing. When it fails, what was counted stays counted, readers keep the view
// that they had, and CatchUp may be called again.
func (t *Totals) CatchUp(ctx context.Context, r Reader) error {
	head := r.Head()
	if v := t.View(); v.Head == head || v.Head.Size > head.Size {
		return nil
	}
	select {
	case t.writing <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("totals: waiting for whoever counts: %w", ctx.Err())
	}
	defer t.unlock()
	for t.size < head.Size {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("totals: entry %d of %d: %w", t.size, head.Size, err)
		}
		e, err := r.Entry(t.size)
		if err != nil {
			return fmt.Errorf("totals: entry %d: %w", t.size, err)
		}
		if !e.HasRecords() {
			t.pass() // SPEC(GOV-19), SPEC(EQV-4): it adds nothing
			continue
		}
		s, err := provenance.ParseStatement(e.Statement)
		if err != nil {
			return fmt.Errorf("totals: entry %d: %w", t.size, err)
		}
		t.count(s.Header())
	}
	if t.size == head.Size {
		t.publish(head) // else entries were added meanwhile, and are for Publish
	}
	return nil
}

// Add counts the totals of the entry at index, the next one, whose batch header is
// h: nil for an entry that is no batch. Readers do not see it before Publish. An
// entry that is counted already is passed over, so that what the engine replays
// does no harm.
func (t *Totals) Add(index int64, h *provenance.BatchHeader) error {
	t.writing <- struct{}{}
	defer t.unlock()
	switch {
	case index < t.size:
		return nil
	case index > t.size:
		return fmt.Errorf("totals: entry %d does not follow the %d that are counted; catch up first", index, t.size)
	case h == nil:
		t.pass()
		return nil
	}
	t.count(h)
	return nil
}

// Publish shows readers what was added, as the log of head.
func (t *Totals) Publish(head ledger.Head) error {
	t.writing <- struct{}{}
	defer t.unlock()
	if head.Size != t.size {
		return fmt.Errorf("totals: %d entries are counted, the head has %d; catch up first", t.size, head.Size)
	}
	t.publish(head)
	return nil
}

func (t *Totals) unlock() { <-t.writing }

// pass goes by the next entry, which has no records. Called with writing held.
func (t *Totals) pass() {
	t.bare = append(t.bare, t.size)
	t.size++
}

// count adds the cells of the next entry up. Called with writing held.
//
// A sum that would leave int64 begins a second cell of its key: cells are those
// of statements, and only the answers' sums are wider (SPEC(FLO-5)).
func (t *Totals) count(h *provenance.BatchHeader) {
	for i := range h.Totals {
		c := &h.Totals[i]
		b := t.own(c.Hour)
		id := cellID{h.Issuer, c.CellKey}
		if at, there := b.place[id]; there {
			sums := b.cells[at].Sums
			if sums.Add(c.Sums) {
				b.cells[at].Sums = sums
				continue
			}
		}
		b.place[id] = len(b.cells)
		b.cells = append(b.cells, cell{h.Issuer, *c})
	}
	t.size++
}

// own returns an hour for the writer to change. Called with writing held.
func (t *Totals) own(at int64) *building {
	b := t.building[at]
	if b == nil {
		b = &building{place: map[cellID]int{}}
		t.building[at] = b
	}
	if !b.dirty {
		b.cells, b.dirty = slices.Clone(b.cells), true
		t.dirty = append(t.dirty, at)
	}
	return b
}

// publish gives readers the hours as they are now; those that did not change
// stay the ones that they have. Called with writing held.
func (t *Totals) publish(head ledger.Head) {
	before := t.View()
	if head.Height < before.Head.Height {
		return // another caller was ahead of this one
	}
	v := &View{Head: head, hours: before.hours, bare: t.bare[:len(t.bare):len(t.bare)]}
	if len(t.dirty) > 0 {
		v.hours = slices.Clone(before.hours)
	}
	for _, at := range t.dirty {
		b := t.building[at]
		b.dirty = false
		h := &hour{at, b.cells}
		if i, there := slices.BinarySearchFunc(before.hours, at, byHour); there {
			v.hours[i] = h
		} else {
			v.hours = append(v.hours, h)
		}
	}
	t.dirty = nil
	if len(v.hours) > len(before.hours) {
		slices.SortFunc(v.hours, func(a, b *hour) int { return cmp.Compare(a.hour, b.hour) })
	}
	t.published.Store(v)
}
