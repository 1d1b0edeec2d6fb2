package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"tokentrail/ledger"
	"tokentrail/ledger/app"
	"tokentrail/verify"
	"tokentrail/verify/light"
	"tokentrail/verify/remote"
)

// headers fetches the signed headers below the engine's first block into the
// archive, each verified from genesis on as an auditor does. SPEC(NOD-36)
func (b *backfill) headers(ctx context.Context, source *remote.Node) error {
	last, err := b.lastWanted(ctx)
	if err != nil || last == 0 {
		return err
	}
	return b.headersTo(ctx, source, last, b.leadsHere)
}

// headersTo is headers up to a height, which has to satisfy leads.
func (b *backfill) headersTo(ctx context.Context, source *remote.Node, last int64, leads func(*verify.Header) error) error {
	src := &headerSource{Source: source, ledger: b.ledger, old: b.old}
	verified := light.FromGenesis(src, time.Now)
	if err := verified.Start(ctx, b.genesis); err != nil {
		return err
	}
	for {
		_, have := b.ledger.ArchivedHeaders()
		if have >= last {
			return nil
		}
		began := time.Now()
		next := min(last, have+historyPage)
		header, err := verified.Header(ctx, next)
		if err == nil && next == last {
			err = leads(header)
		}
		var finding *verify.Finding
		if errors.As(err, &finding) || errors.Is(err, errOtherChain) {
			b.doubtOld(err)
		}
		if err != nil {
			return err
		}
		page := src.take(have+1, next)
		if page == nil {
			return fmt.Errorf("light blocks %d to %d were verified and are not at hand", have+1, next)
		}
		if err := b.ledger.ArchiveHeaders(have+1, page); err != nil {
			return err
		}
		b.retry = 0
		b.progress("signed headers", next, last)
		pause(ctx, time.Since(began))
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// lastWanted returns the last height whose header is to be fetched, 0 for none. It
// waits for the engine's first block: a node that just joined has none.
func (b *backfill) lastWanted(ctx context.Context) (int64, error) {
	height, _ := b.ledger.Info()
	for b.node.FirstBlock() == 0 {
		if err := b.node.WaitHeight(ctx, height+1); err != nil {
			return 0, err
		}
	}
	_, archived := b.ledger.ArchivedHeaders()
	if last := b.node.FirstBlock() - 1; archived < last {
		return last, nil
	}
	return 0, nil
}

// leadsHere refuses a header that is not the parent of the engine's first block:
// the joint was verified from a trusted header, these from genesis.
func (b *backfill) leadsHere(h *verify.Header) error {
	raw, err := b.node.LightBlock(h.Height + 1)
	if err != nil {
		return err
	}
	next, err := app.ReadLightBlock(raw)
	if err != nil {
		return err
	}
	if !bytes.Equal(next.Parent[:], h.Hash[:]) {
		return fmt.Errorf("height %d: %w", h.Height, errOtherChain)
	}
	return nil
}

// headerSource gives light blocks to a verifier: those that are archived, here or
// in a ledger before a rejoin, else the node's, and remembers them. It belongs
// to one goroutine.
type headerSource struct {
	verify.Source
	ledger *ledger.Ledger
	old    []*ledger.Ledger
	from   int64    // height of the first that is remembered
	blocks [][]byte // consecutive
}

// Headers implements verify.Source.
func (s *headerSource) Headers(ctx context.Context, from int64, limit int) ([][]byte, error) {
	if page := archivedPage(s.ledger, from, limit); len(page) > 0 {
		return page, nil
	}
	var page [][]byte
	for _, old := range s.old {
		if page = archivedPage(old, from, limit); len(page) > 0 {
			break
		}
	}
	if len(page) == 0 {
		var err error
		if page, err = s.Source.Headers(ctx, from, limit); err != nil {
			return nil, err
		}
	}
	if from != s.from+int64(len(s.blocks)) {
		s.from, s.blocks = from, nil
	}
	s.blocks = append(s.blocks, page...)
	return page, nil
}

// take returns the blocks from the height from to last that are remembered, and
// forgets all.
func (s *headerSource) take(from, last int64) [][]byte {
	blocks := s.blocks
	if s.from != from || int64(len(blocks)) < last-from+1 {
		blocks = nil
	} else {
		blocks = blocks[:last-from+1]
	}
	s.blocks = nil
	return blocks
}

// archivedPage returns what a ledger has archived from a height on; nothing where
// that is damaged.
func archivedPage(l *ledger.Ledger, from int64, limit int) (page [][]byte) {
	_, last := l.ArchivedHeaders()
	for h := from; h <= min(last, from+int64(limit)-1); h++ {
		b, err := l.ArchivedHeader(h)
		if err != nil {
			break
		}
		page = append(page, b)
	}
	return page
}
