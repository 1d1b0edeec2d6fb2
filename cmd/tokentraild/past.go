package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"tokentrail/ledger"
	"tokentrail/ledger/app"
	"tokentrail/verify/remote"
)

// pastTimeout is how long a node may take for a page of headers. Another is asked
// after it, or the same one when the node runs.
const pastTimeout = time.Minute

// fillPast gives the engine of a stopped home the headers by which it judges
// evidence from before it joined, of the first of the sources that has them. That
// nobody has them is said and no error: the node asks again while it runs
// (SPEC(NOD-42)). Nor is it one that ctx ends meanwhile: the home is whole.
func fillPast(ctx context.Context, home string, sources []app.LightBlocks, log *slog.Logger) error {
	var errs []error
	for _, get := range sources {
		err := app.FillPast(ctx, home, said(get, log), log)
		if err == nil {
			return nil
		}
		errs = append(errs, err)
	}
	log.Warn(lacksPast, "home", home, "error", errors.Join(errs...))
	return nil
}

// lacksPast is what the log says where the headers cannot be had.
const lacksPast = "headers from before this node joined are missing: a block with evidence against a validator from that time stops it; they are asked for again when it runs, and at each start, from the nodes under \"history\" in config/node.json"

// pastFrom are the nodes of some addresses, each asked once for a page.
func pastFrom(urls []string) (out []app.LightBlocks) {
	for _, u := range urls {
		if n, err := remote.New(u, remote.Options{Timeout: pastTimeout, Retries: -1, UserAgent: "tokentraild"}); err == nil {
			out = append(out, lightBlocksOf(nil, n))
		}
	}
	return out
}

// lightBlocksOf are those that a ledger has archived, else the node's, if there is
// one.
func lightBlocksOf(archives []*ledger.Ledger, node *remote.Node) app.LightBlocks {
	return func(ctx context.Context, from int64, limit int) ([][]byte, error) {
		for _, l := range archives {
			if page := archivedPage(l, from, limit); len(page) > 0 {
				return page, nil
			}
		}
		if node == nil {
			return nil, fmt.Errorf("signed header %d: %w", from, ledger.ErrNotHere)
		}
		page, err := node.Headers(ctx, from, limit)
		var e *remote.Error
		if errors.As(err, &e) && (e.Status == http.StatusServiceUnavailable || e.Status == http.StatusNotFound) {
			err = fmt.Errorf("%w: %w", ledger.ErrNotHere, err)
		}
		return page, err
	}
}

// said tells the log now and then how far the headers are.
func said(get app.LightBlocks, log *slog.Logger) app.LightBlocks {
	last := time.Now()
	return func(ctx context.Context, from int64, limit int) ([][]byte, error) {
		if time.Since(last) >= historyWord {
			last = time.Now()
			log.Info("headers from before the node joined are being fetched, for evidence", "from_height", from)
		}
		return get(ctx, from, limit)
	}
}

// past fetches the headers by which the engine judges evidence from before the node
// joined, from this home's archives and each source in turn. SPEC(NOD-42)
func (b *backfill) past(ctx context.Context) {
	lacks, err := b.node.LacksPast()
	if lacks == 0 && err == nil || ctx.Err() != nil {
		return
	}
	archives := append([]*ledger.Ledger{b.ledger}, b.old...)
	sources := []app.LightBlocks{lightBlocksOf(archives, nil)}
	for _, n := range b.sources {
		sources = append(sources, pastFrom([]string{n.URL()})...)
	}
	var errs []error
	for _, get := range sources {
		err := b.node.FillPast(ctx, said(get, b.log))
		if err == nil || ctx.Err() != nil || errors.Is(err, app.ErrStopped) {
			return
		}
		errs = append(errs, err)
	}
	b.log.Warn(lacksPast, "from_height", lacks, "error", errors.Join(errs...))
}
