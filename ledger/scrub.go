package ledger

import (
	"context"
	"errors"
	"fmt"

	"tokentrail/provenance"
)

// Scrub reads everything that the snapshot stands for and checks it: each
// entry against the log's leaf, its frame and pointers, and the log's root over
// all of them. It goes on behind damage and returns every DamageError, joined.
// progress, if not nil, is told the number of entries done. It reads the whole
// store: for a quiet hour, or after Open has found something.
func (s *Snapshot) Scrub(ctx context.Context, progress func(done int64)) error {
	var found []error
	log := newEdge()
	for i := range s.head.Size {
		if err := ctx.Err(); err != nil {
			return errors.Join(append(found, fmt.Errorf("scrub stopped at entry %d of %d: %w", i, s.head.Size, err))...)
		}
		leaf, err := s.scrubEntry(i)
		if errors.Is(err, ErrClosed) {
			return err
		}
		if err != nil {
			found = append(found, err)
		}
		if log != nil {
			// Without this leaf there is no root to compare.
			if _, appendErr := log.append(leaf); err != nil || appendErr != nil {
				log = nil
			}
		}
		if progress != nil {
			progress(i + 1)
		}
	}
	if log != nil {
		root, err := log.root()
		if err != nil {
			return err
		}
		if root != s.head.LogRoot {
			found = append(found, damaged("log", fmt.Sprintf("size %d", s.head.Size), "its statements give the root %s, the head has %s", root, s.head.LogRoot))
		}
	}
	return errors.Join(found...)
}

// scrubEntry checks all that is stored of an entry and returns its leaf hash.
func (s *Snapshot) scrubEntry(index int64) (provenance.Hash, error) {
	e, err := s.store.readEntry(index)
	if err != nil {
		return provenance.Hash{}, err
	}
	if _, err := s.store.readFrame(e); err != nil {
		return provenance.Hash{}, err
	}
	where := fmt.Sprintf("index %d", index)
	st, err := provenance.ParseStatement(e.Statement)
	if err != nil {
		return provenance.Hash{}, damaged("entry", where, "%v", err)
	}
	for _, key := range pointersTo(st) {
		if got, err := s.store.follow(key, s.head.Size); err != nil && !errors.Is(err, ErrNotFound) {
			return provenance.Hash{}, err
		} else if err != nil || got != index {
			return provenance.Hash{}, damaged("pointer", where, "the key %q does not lead to it", key)
		}
	}
	return e.LeafHash(), nil
}
