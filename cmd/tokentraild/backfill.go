package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"tokentrail/ledger"
	"tokentrail/ledger/app"
	"tokentrail/provenance"
	"tokentrail/verify"
	"tokentrail/verify/remote"
)

const (
	// historyPage is how many entries or headers are asked for at once; an answer
	// has about 8 MiB of entries at most.
	historyPage = 500
	// The pause after all sources have failed, doubled each time.
	historyRetry    = time.Second
	historyRetryMax = time.Minute
	// historyWord is how often the log hears of progress.
	historyWord = 10 * time.Second
)

// A backfill fetches what a node that joined lacks of the time before: entries, then
// signed headers. What is fetched is verified and durable page by page,
// so that it can end at any moment and go on later. It leaves half of the time to
// consensus. It belongs to one goroutine.
type backfill struct {
	home    string
	ledger  *ledger.Ledger
	node    *app.Node
	genesis []byte
	sources []*remote.Node   // asked in turn, from the first on, as long as one answers
	old     []*ledger.Ledger // what this home had before it rejoined
	log     *slog.Logger

	said  time.Time     // when the log last heard of progress
	retry time.Duration // the pause before the next round; 0: none failed yet
}

// run fetches until nothing is missing or ctx ends.
func (b *backfill) run(ctx context.Context) {
	b.openOld()
	defer b.closeOld()
	// First, since a block with evidence may come at any moment; and again when all
	// headers are here, where nobody had them before.
	b.past(ctx)
	defer func() {
		if b.lacksNothing() {
			b.past(ctx)
		}
	}()
	if b.lacksNothing() {
		b.closeOld()
		b.done()
		return
	}
	if len(b.sources) == 0 {
		// A node that was restored or repaired lacks nothing, and knows it when the
		// engine has its first block.
		if from, to := b.ledger.Missing(); from == to {
			last, err := b.lastWanted(ctx)
			if err == nil && last == 0 {
				b.closeOld()
				b.done()
			}
			if last == 0 || err != nil {
				return // err is ctx's end
			}
		}
		b.log.Error("history is missing and nobody is named to fetch it from: name nodes under \"history\" in config/node.json, as http://host:port")
		return
	}
	for _, step := range []struct {
		what string
		do   func(ctx context.Context, from *remote.Node) error
	}{{"entries", b.entries}, {"signed headers", b.headers}} {
		for !b.attempt(ctx, step.what, step.do) {
			if ctx.Err() != nil {
				return
			}
		}
	}
	b.log.Info("all history is here", "entries", b.ledger.Snapshot().Head().Size)
	b.closeOld()
	b.done()
}

// attempt tries a step with the source whose turn it is; true where it is done.
func (b *backfill) attempt(ctx context.Context, what string, do func(context.Context, *remote.Node) error) bool {
	source := b.sources[0]
	err := do(ctx, source)
	if err == nil || ctx.Err() != nil {
		return err == nil
	}
	b.log.Warn("history cannot be fetched from a node; the next is asked", "what", what, "node", source.URL(), "error", err)
	b.sources = append(b.sources[1:], source)
	b.retry = min(max(historyRetry, 2*b.retry), historyRetryMax)
	pause(ctx, b.retry)
	return false
}

// lacksNothing says whether all entries and headers are here.
func (b *backfill) lacksNothing() bool {
	from, to := b.ledger.Missing()
	_, archived := b.ledger.ArchivedHeaders()
	height, _ := b.ledger.Info()
	first := b.node.FirstBlock() // 0 also where a node just joined
	return from == to && (height == 0 || first > 0 && archived+1 >= first)
}

// entries fetches the entries that are missing. SPEC(NOD-37)
func (b *backfill) entries(ctx context.Context, source *remote.Node) error {
	for {
		from, to := b.ledger.Missing()
		if from == to {
			return nil
		}
		began := time.Now()
		page, err := b.page(ctx, source, from, to)
		if err != nil {
			return err
		}
		var proof *provenance.Consistency
		if next := from + int64(len(page)); next < to {
			raw, err := source.Consistency(ctx, next, to)
			if err != nil {
				return err
			}
			if proof, err = provenance.ParseConsistency(raw); err != nil {
				return fmt.Errorf("the proof of entries %d to %d: %w", from, next-1, err)
			}
		}
		if err := b.ledger.Backfill(page, proof); err != nil {
			b.doubtOld(err)
			return err
		}
		b.retry = 0
		b.progress("entries", from+int64(len(page)), to)
		pause(ctx, time.Since(began))
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// page returns entries from from on, all before to: those of this home's earlier
// ledger, else the source's.
func (b *backfill) page(ctx context.Context, source *remote.Node, from, to int64) ([]ledger.Received, error) {
	if page := b.oldPage(from, to); len(page) > 0 {
		return page, nil
	}
	entries, err := source.Entries(ctx, from, int(min(historyPage, to-from)))
	if err != nil {
		return nil, err
	}
	var out []ledger.Received
	for i, e := range entries {
		if e.Index != from+int64(i) {
			return nil, fmt.Errorf("%w: entry %d where %d was asked for", verify.ErrAnswer, e.Index, from+int64(i))
		}
		if e.Height < 1 {
			return nil, fmt.Errorf("%w: it does not say of which height entry %d is; ask a node of a newer release", verify.ErrAnswer, e.Index)
		}
		out = append(out, ledger.Received{Height: e.Height, Statement: e.Statement, Records: e.Frame})
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: no entries from %d on, while the log has %d", verify.ErrAnswer, from, to)
	}
	return out, nil
}

// oldPage returns entries of a ledger that this home had before it rejoined, as
// far as it has them. What is damaged there is fetched like the rest.
func (b *backfill) oldPage(from, to int64) (out []ledger.Received) {
	for _, old := range b.old {
		if out = pageOf(old, from, to); len(out) > 0 {
			break
		}
	}
	return out
}

func pageOf(old *ledger.Ledger, from, to int64) (out []ledger.Received) {
	snap := old.Snapshot()
	for i, size := from, 0; i < min(to, snap.Head().Size, from+historyPage) && size < 4<<20; i++ {
		e, err := snap.Entry(i)
		if err != nil {
			return out
		}
		frame, err := snap.EntryFrame(e)
		if err != nil {
			return out
		}
		out = append(out, ledger.Received{Height: e.Height, Statement: e.Statement, Records: frame})
		size += len(e.Statement) + len(frame)
	}
	return out
}

func (b *backfill) openOld() {
	for _, dir := range app.OldLedgerDirs(b.home) {
		old, err := ledger.Open(dir, ledger.Options{Logger: b.log})
		if err != nil {
			b.log.Warn("a ledger before the rejoin cannot be read; what it has is fetched from other nodes", "dir", dir, "error", err)
			continue
		}
		b.old = append(b.old, old)
	}
}

// doubtOld leaves the ledgers before a rejoin alone for as long as this process
// lives, where what came of them, or of a node, was refused: one that is of a fork
// would else be asked first for ever. They stay on the disk.
func (b *backfill) doubtOld(refused error) {
	var full *ledger.RoomError
	if len(b.old) == 0 || errors.As(refused, &full) || errors.Is(refused, ledger.ErrClosed) {
		return
	}
	b.log.Warn("what the ledgers before the rejoin have is fetched from other nodes from now on", "error", refused)
	b.closeOld()
}

func (b *backfill) closeOld() {
	for _, old := range b.old {
		if err := old.Close(); err != nil {
			b.log.Warn("a ledger before the rejoin was not closed cleanly", "error", err)
		}
	}
	b.old = nil
}

// done removes what was kept until the history is here.
func (b *backfill) done() {
	if err := app.DropOldLedgers(b.home); err != nil {
		b.log.Warn("the ledger before the rejoin cannot be removed; remove data/old yourself", "error", err)
	}
}

// progress tells the log now and then how far it is.
func (b *backfill) progress(what string, at, of int64) {
	if time.Since(b.said) >= historyWord {
		b.said = time.Now()
		b.log.Info("history is being fetched", "what", what, "have", at, "of", of)
	}
}

// pause waits, or less where ctx ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// errOtherChain: the headers that a node gave hold by themselves and do not lead
// to the ones of this node.
var errOtherChain = errors.New("the headers from genesis on that it gave do not lead to those of this node: one of the two is on a fork, signed by validators of this chain; find out which, and rejoin with other nodes if it is this one")
