package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// Scrubbing says how a scrub reads and whom it tells. The zero value reads as
// fast as it can and tells nobody.
type Scrubbing struct {
	BytesPerSecond int64            // that are read at most, on average; 0: as many as it can
	Found          func(err error)  // called with each *DamageError; nil: nobody
	Progress       func(done int64) // called behind each entry or height, with the next; nil: nobody
}

func (o Scrubbing) found(err error) {
	if o.Found != nil {
		o.Found(err)
	}
}

func (o Scrubbing) progress(done int64) {
	if o.Progress != nil {
		o.Progress(done)
	}
}

// Scrub reads all entries of the snapshot and returns every DamageError, joined.
// progress, if not nil, is told the number of entries done. It reads the whole
// store: for a quiet hour, or after Open has found something.
func (s *Snapshot) Scrub(ctx context.Context, progress func(done int64)) error {
	var found []error
	err := s.ScrubFrom(ctx, 0, s.head.Size, Scrubbing{Found: func(err error) { found = append(found, err) }, Progress: progress})
	return errors.Join(append(found, err)...)
}

// ScrubFrom reads the entries from from to upTo, exclusive, and checks each
// against the log's hashes, those against one another, its records and the
// pointers to it; at the end of the log also its root, so that with every entry
// before it scrubbed all of them are those under the app hash. It goes on behind
// damage, which it tells o. Entries that are missing it passes over. Its error
// says that it could not go on: the context's, or ErrClosed; Progress then knows
// where another call may begin. SPEC(NOD-10)
func (s *Snapshot) ScrubFrom(ctx context.Context, from, upTo int64, o Scrubbing) error {
	upTo = min(upTo, s.head.Size)
	p := newPace(o.BytesPerSecond)
	for i := max(0, from); i < upTo; i++ {
		read, err := int64(0), error(nil)
		if !s.store.history.Load().lacks(i) {
			read, err = s.scrubbed(i)
		}
		if errors.Is(err, ErrClosed) {
			return err
		}
		if err != nil {
			o.found(err)
		}
		o.progress(i + 1)
		if err := p.wait(ctx, read); err != nil {
			return fmt.Errorf("scrub stopped behind entry %d of %d: %w", i, upTo, err)
		}
	}
	if upTo < s.head.Size {
		return nil
	}
	root, err := s.LogRoot(s.head.Size)
	if err == nil && root != s.head.LogRoot {
		err = damaged("log", fmt.Sprintf("size %d", s.head.Size), "its entries give the root %s, the head has %s", root, s.head.LogRoot)
	}
	if isDamage(err) {
		o.found(err)
		err = nil
	}
	return err
}

// scrubEntry checks all that is stored of an entry.
func (s *Snapshot) scrubEntry(index int64) error {
	_, err := s.scrubbed(index)
	return err
}

// scrubbed is scrubEntry and says how many bytes it read.
func (s *Snapshot) scrubbed(index int64) (read int64, err error) {
	e, err := s.store.readEntry(index)
	if err != nil {
		return 0, err
	}
	frame, err := s.store.readFrame(e)
	if err != nil {
		return 0, err
	}
	read = int64(len(e.Statement) + len(frame))
	if err := s.scrubRow(index); err != nil {
		return read, err
	}
	where := fmt.Sprintf("index %d", index)
	pointers, err := pointersTo(e.Statement)
	if err != nil {
		return read, damaged("entry", where, "%v", err)
	}
	for _, key := range pointers {
		got, err := s.store.follow(key, s.head.Size)
		if errors.Is(err, ErrClosed) {
			return read, err
		}
		if err != nil || got != index {
			return read, damaged("pointer", where, "the key %q does not lead to it", key)
		}
	}
	return read, nil
}

// scrubRow checks that each hash stored with an entry is that of the one before
// it and of the subtree to its left. Where that cannot be read, it is damage of
// another entry's.
func (s *Snapshot) scrubRow(index int64) error {
	row, err := s.store.hashRow(index)
	if err != nil {
		return err
	}
	where := fmt.Sprintf("index %d", index)
	if len(row) != rowLength(index)*tlog.HashSize {
		return damaged("log hashes", where, "%d bytes, wanted %d hashes", len(row), rowLength(index))
	}
	want, err := tlog.StoredHashesForRecordHash(index, tlog.Hash(row), s.store)
	if isDamage(err) || errors.Is(err, ErrNotHere) {
		return nil
	}
	if err != nil {
		return err
	}
	for level, h := range want {
		if h != tlog.Hash(row[level*tlog.HashSize:]) {
			return damaged("log hashes", where, "number %d is not that of the subtrees below it", level)
		}
	}
	return nil
}

// ScrubHeaders reads the archived light blocks from the height from to upTo,
// exclusive, as far as there are some, and tells o of damage.
func (l *Ledger) ScrubHeaders(ctx context.Context, from, upTo int64, o Scrubbing) error {
	first, last := l.ArchivedHeaders()
	if last == 0 {
		return nil
	}
	l.archive.opened.Store(nil) // what is in memory says nothing of what is stored
	p := newPace(o.BytesPerSecond)
	for height := max(first, from); height < min(upTo, last+1); height++ {
		b, err := l.ArchivedHeader(height)
		if errors.Is(err, ErrClosed) {
			return err
		}
		if err != nil {
			o.found(err)
		}
		o.progress(height + 1)
		if err := p.wait(ctx, int64(len(b))); err != nil {
			return fmt.Errorf("scrub stopped behind header %d: %w", height, err)
		}
	}
	return nil
}

// pace lets a scrub read at a bounded rate. Owned by one goroutine.
type pace struct {
	rate  int64 // bytes per second; 0: unbounded
	begun time.Time
	read  int64
}

func newPace(rate int64) *pace { return &pace{rate: rate, begun: time.Now()} }

// wait takes note of bytes that were read and waits until they may have been.
func (p *pace) wait(ctx context.Context, read int64) error {
	if p.read += read; p.rate <= 0 {
		return ctx.Err()
	}
	due := time.Duration(float64(p.read) / float64(p.rate) * float64(time.Second))
	ahead := time.Until(p.begun.Add(due))
	if ahead < time.Millisecond {
		return ctx.Err()
	}
	t := time.NewTimer(ahead)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
