package backup

import (
	"context"
	"fmt"

	"tokentrail/ledger"
	"tokentrail/provenance"
)

const (
	// restorePage is about how many bytes of entries are written together.
	restorePage = 8 << 20
	// restoreHeaders is how many light blocks are archived together.
	restoreHeaders = 256
)

// Restore fills a ledger that has no genesis, or one whose restore was
// interrupted, from the backup. p is what Verify returned; appHash is the app hash
// after the checkpoint's height, of a header that the caller trusts.
//
// It is durable when it returns. If we crash in between, the ledger has the
// checkpoint's frontier and a part of its history, and Restore goes on from there.
func (b *Backup) Restore(ctx context.Context, l *ledger.Ledger, p *Proofs, appHash provenance.Hash, progress func(entries, of, bytes int64)) error {
	f := b.checkpoint.Frontier
	if l.Snapshot().ChainID() == "" {
		if err := l.Restore(f, appHash); err != nil {
			return err
		}
	} else if h := l.Snapshot().Head(); h.AppHash != appHash || h.Height != f.Head().Height || h.Size != f.Head().Size {
		return fmt.Errorf("restore: the ledger is at height %d with app hash %s, the checkpoint at %d with %s; use another directory", h.Height, h.AppHash, f.Head().Height, appHash)
	}
	if err := b.archive(l, f.Head().Height+1); err != nil {
		return err
	}
	return b.Backfill(ctx, l, p, progress)
}

// Backfill gives a ledger that lacks history what the backup has of it. p is what
// Verify returned, and must be of the size that the ledger began at.
func (b *Backup) Backfill(ctx context.Context, l *ledger.Ledger, p *Proofs, progress func(entries, of, bytes int64)) error {
	from, to := l.Missing()
	if from == to {
		return nil
	}
	if to != p.log.size {
		return fmt.Errorf("restore: the ledger lacks what is before entry %d, the backup's checkpoint has %d entries", to, p.log.size)
	}
	f := filler{ledger: l, proofs: p, next: from, progress: progress}
	err := b.segments(from, func(e *Entry) error {
		if e.Index < f.next || e.Index >= to {
			return nil
		}
		if err := f.add(e, e.Index+1 == to); err != nil {
			return err
		}
		return ctx.Err()
	})
	if err == nil && f.next < to {
		err = fmt.Errorf("backup %s: the entries from %d on are missing", b.dir, f.next)
	}
	return err
}

// A filler gathers entries to pages that can be proven. Owned by one goroutine.
type filler struct {
	ledger   *ledger.Ledger
	proofs   *Proofs
	next     int64 // the index behind the page
	page     []ledger.Received
	size     int64 // bytes of the page
	read     int64
	progress func(entries, of, bytes int64)
}

func (f *filler) add(e *Entry, last bool) error {
	f.page = append(f.page, e.Received())
	f.next = e.Index + 1
	n := int64(len(e.Statement) + len(e.Records))
	f.size, f.read = f.size+n, f.read+n
	if !last && (f.size < restorePage || f.next%pageEntries != 0) {
		return nil
	}
	proof, err := f.proofs.Consistency(f.next)
	if err != nil {
		return err
	}
	if err := f.ledger.Backfill(f.page, proof); err != nil {
		return err
	}
	f.page, f.size = nil, 0
	if f.progress != nil {
		f.progress(f.next, f.proofs.log.size, f.read)
	}
	return nil
}

// archive copies the light blocks up to height into the ledger's archive, behind
// those that are there.
func (b *Backup) archive(l *ledger.Ledger, height int64) error {
	first, _ := b.Headers()
	next := first
	if _, last := l.ArchivedHeaders(); last > 0 {
		next = last + 1
	}
	var batch [][]byte
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		err := l.ArchiveHeaders(next, batch)
		next, batch = next+int64(len(batch)), nil
		return err
	}
	if next > height {
		return nil
	}
	for raw, err := range b.LightBlocks(next) {
		if err != nil {
			return err
		}
		batch = append(batch, raw)
		done := next+int64(len(batch)) > height
		if done || len(batch) == restoreHeaders {
			if err := flush(); err != nil {
				return err
			}
		}
		if done {
			return nil
		}
	}
	return flush()
}
