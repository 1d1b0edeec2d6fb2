package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"

	"tokentrail/ledger"
	"tokentrail/ledger/app"
	"tokentrail/ledger/backup"
	"tokentrail/provenance"
	"tokentrail/verify/remote"
)

// Pages of a source.
const (
	sourceBytes   = 8 << 20 // of entries, about
	sourceEntries = 1000
	sourceHeaders = 500
)

// homeSource is the home of a node that does not run. Owned by one goroutine.
type homeSource struct {
	home   string
	lock   *app.HomeLock
	ledger *ledger.Ledger
	stores *app.Stores
}

// openHome opens a stopped home and keeps others from using it.
func openHome(home string, log *slog.Logger) (s *homeSource, err error) {
	if _, err := app.LoadNodeConfig(home); err != nil {
		return nil, err // among others, that this is no home
	}
	s = &homeSource{home: home}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
			s = nil
		}
	}()
	if s.lock, err = app.LockHome(home); err != nil {
		return s, err
	}
	if s.ledger, err = ledger.Open(app.LedgerDir(home), ledger.Options{Logger: log}); err != nil {
		return s, err
	}
	s.stores, err = app.OpenStores(home, log)
	return s, err
}

func (s *homeSource) close() error {
	var errs []error
	if s.stores != nil {
		errs = append(errs, s.stores.Close())
	}
	if s.ledger != nil {
		errs = append(errs, s.ledger.Close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	return errors.Join(errs...)
}

// Genesis implements backup.Source.
func (s *homeSource) Genesis(context.Context) ([]byte, error) {
	_, raw, _, err := app.LoadGenesis(s.home)
	return raw, err
}

// Checkpoint implements backup.Source: the ledger below the engine's last block,
// whose header carries its app hash.
func (s *homeSource) Checkpoint(context.Context) ([]byte, error) {
	_, tip := s.stores.Blocks()
	if tip < 2 {
		return nil, errors.New("the engine has no two blocks yet, so that there is nothing that a node could go on from; start the node and submit something first")
	}
	snap, ok := s.ledger.SnapshotAt(tip - 1)
	if !ok {
		return nil, fmt.Errorf("the engine's last block is %d, and the ledger, at height %d, does not have its state before it; start the node once", tip, s.ledger.Snapshot().Head().Height)
	}
	f, err := snap.Frontier()
	if err != nil {
		return nil, err
	}
	return s.stores.Joint(f)
}

// Entries implements backup.Source.
func (s *homeSource) Entries(_ context.Context, from, to int64) ([]*backup.Entry, error) {
	snap := s.ledger.Snapshot()
	var out []*backup.Entry
	for i, size := from, 0; i < to && size < sourceBytes && len(out) < sourceEntries; i++ {
		e, err := snap.Entry(i)
		if err != nil {
			return nil, err
		}
		frame, err := snap.EntryFrame(e)
		if err != nil {
			return nil, err
		}
		out = append(out, &backup.Entry{Index: i, Height: e.Height, Statement: e.Statement, Records: frame})
		size += len(e.Statement) + len(frame)
	}
	return out, nil
}

// Consistency implements backup.Source.
func (s *homeSource) Consistency(_ context.Context, older, newer int64) (*provenance.Consistency, error) {
	return s.ledger.Snapshot().Consistency(older, newer)
}

// FirstHeader implements backup.Source.
func (s *homeSource) FirstHeader(context.Context) (int64, error) {
	if first, last := s.ledger.ArchivedHeaders(); last > 0 {
		return first, nil
	}
	base, _ := s.stores.Blocks()
	return max(1, base), nil
}

// Headers implements backup.Source: from the archive, and what it has not yet from
// the engine.
func (s *homeSource) Headers(_ context.Context, from, to int64) ([][]byte, error) {
	first, last := s.ledger.ArchivedHeaders()
	var out [][]byte
	for h := from; h < min(to, from+sourceHeaders); h++ {
		var raw []byte
		var err error
		if last > 0 && h >= first && h <= last {
			raw, err = s.ledger.ArchivedHeader(h)
		} else {
			raw, err = s.stores.LightBlock(h)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, raw)
	}
	return out, nil
}

// nodeSource is a running node, over HTTP. It is safe for concurrent use.
type nodeSource struct {
	node    *remote.Node
	genesis *provenance.Hash // of the genesis document, nil: whatever the node has
}

// Genesis implements backup.Source.
func (s nodeSource) Genesis(ctx context.Context) ([]byte, error) {
	raw, err := s.node.Genesis(ctx)
	if sum := provenance.Hash(sha256.Sum256(raw)); err == nil && s.genesis != nil && sum != *s.genesis {
		err = fmt.Errorf("%s gives one with the SHA-256 %s, wanted %s: it is of another ledger, or lies", s.node.URL(), sum, *s.genesis)
	}
	return raw, err
}

// Checkpoint implements backup.Source.
func (s nodeSource) Checkpoint(ctx context.Context) ([]byte, error) { return s.node.Frontier(ctx) }

// Entries implements backup.Source.
func (s nodeSource) Entries(ctx context.Context, from, to int64) ([]*backup.Entry, error) {
	page, err := s.node.Entries(ctx, from, int(min(to-from, sourceEntries)))
	if err != nil {
		return nil, err
	}
	out := make([]*backup.Entry, len(page))
	for i, e := range page {
		if e.Height < 1 {
			return nil, fmt.Errorf("%s does not say the height of entry %d; it needs a newer release", s.node.URL(), e.Index)
		}
		out[i] = &backup.Entry{Index: e.Index, Height: e.Height, Statement: e.Statement, Records: e.Frame}
	}
	return out, nil
}

// Consistency implements backup.Source.
func (s nodeSource) Consistency(ctx context.Context, older, newer int64) (*provenance.Consistency, error) {
	if older == 0 || older == newer { // nothing to ask for (SPEC(PRF-1))
		return &provenance.Consistency{Older: older, Newer: newer}, nil
	}
	raw, err := s.node.Consistency(ctx, older, newer)
	if err != nil {
		return nil, err
	}
	return provenance.ParseConsistency(raw)
}

// FirstHeader implements backup.Source.
func (s nodeSource) FirstHeader(context.Context) (int64, error) { return 1, nil }

// Headers implements backup.Source.
func (s nodeSource) Headers(ctx context.Context, from, to int64) ([][]byte, error) {
	return s.node.Headers(ctx, from, int(min(to-from, sourceHeaders)))
}
