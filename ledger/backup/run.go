package backup

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"tokentrail/ledger"
	"tokentrail/provenance"
)

// A Source is what is backed up: a home's own ledger, or a node. It is not
// trusted with more than to answer.
type Source interface {
	// Genesis returns the genesis document, byte for byte.
	Genesis(ctx context.Context) ([]byte, error)
	// Checkpoint returns the newest checkpoint that a header carries, as nodes hand
	// it out.
	Checkpoint(ctx context.Context) ([]byte, error)
	// Entries returns consecutive entries beginning with from, at least one and
	// none from to on.
	Entries(ctx context.Context, from, to int64) ([]*Entry, error)
	// Consistency proves that the log of a size grew out of a smaller one.
	Consistency(ctx context.Context, older, newer int64) (*provenance.Consistency, error)
	// FirstHeader returns the first height whose light block there is.
	FirstHeader(ctx context.Context) (int64, error)
	// Headers returns light blocks of consecutive heights beginning with from, at
	// least one and none from to on.
	Headers(ctx context.Context, from, to int64) ([][]byte, error)
}

// Options of a run.
type Options struct {
	Reading
	// CheckRecords judges each entry's records by its leaf, for a source that does
	// not do so itself.
	CheckRecords bool
	// Progress, if not nil, is told how many entries and bytes of them are copied,
	// of how many entries.
	Progress func(entries, of, bytes int64)

	segment int64 // bytes of a segment; 0: segmentBytes. Smaller ones only in tests
}

// A Result says what a run added.
type Result struct {
	Height       int64    `json:"height"` // of the checkpoint
	Entries      int64    `json:"entries"`
	NewEntries   int64    `json:"new_entries"`
	Headers      int64    `json:"headers"`
	NewHeaders   int64    `json:"new_headers"`
	FirstHeader  int64    `json:"first_header"`
	Files        []string `json:"files"`
	Bytes        int64    `json:"bytes"`
	AlreadyThere bool     `json:"already_there"` // the checkpoint of this height was there
}

// Run adds to the backup in dir, which it makes where there is none, what the
// source has and the backup has not. It may be interrupted at any moment and run
// again.
//
// If we crash while a file is written, it has no name yet, and the next run
// begins it again. If we crash between files, those that are there stay: they are
// proven to be the log's beginning, and the next run goes on behind them. The
// checkpoint comes last, so that all before a checkpoint is there with it.
func Run(ctx context.Context, dir string, src Source, o Options) (*Result, error) {
	if o.segment == 0 {
		o.segment = segmentBytes
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	unlock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	defer unlock()
	l, err := list(dir)
	if err != nil {
		return nil, err
	}
	for _, name := range l.stale {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			return nil, fmt.Errorf("backup: %w", err)
		}
	}
	genesis, err := keepGenesis(ctx, l, src)
	if err != nil {
		return nil, err
	}
	raw, err := src.Checkpoint(ctx)
	if err != nil {
		return nil, fmt.Errorf("backup: the newest checkpoint: %w", err)
	}
	c, header, err := openCheckpoint(raw, o.Reading)
	if err != nil {
		return nil, fmt.Errorf("backup: the newest checkpoint: %w", err)
	}
	r := &Result{Height: c.Frontier.Head().Height}
	// The headers say that the checkpoint is the chain's, before an entry is taken
	// for its sake.
	if err := addHeaders(ctx, l, genesis, src, header, o, r); err != nil {
		return nil, err
	}
	if err := addEntries(ctx, l, genesis, src, c, o, r); err != nil {
		return nil, err
	}
	c.firstHeader = r.FirstHeader
	return r, addCheckpoint(l, genesis, c, r)
}

// keepGenesis puts the genesis document in an empty backup, or holds it against
// the one that is there, and returns its hash.
func keepGenesis(ctx context.Context, l *listing, src Source) (provenance.Hash, error) {
	doc, err := src.Genesis(ctx)
	if err != nil {
		return provenance.Hash{}, fmt.Errorf("backup: the genesis document: %w", err)
	}
	sum := provenance.Hash(sha256.Sum256(doc))
	if !l.genesis {
		if len(l.entries)+len(l.headers)+len(l.checkpoints) > 0 {
			return sum, fmt.Errorf("backup %s: %s is missing; put it back", l.dir, genesisName)
		}
		w, err := create(l.dir, genesisName)
		if err != nil {
			return sum, err
		}
		defer w.abandon()
		if err := w.write(doc); err != nil {
			return sum, err
		}
		return sum, w.finish()
	}
	old, err := readGenesis(l.dir)
	if err != nil {
		return sum, err
	}
	if !bytes.Equal(old, doc) {
		return sum, fmt.Errorf("backup %s is of another chain, or its %s is damaged: it has the SHA-256 %x, what is to be backed up %s", l.dir, genesisName, sha256.Sum256(old), sum)
	}
	return sum, nil
}

// addEntries copies the entries behind those that are there.
func addEntries(ctx context.Context, l *listing, genesis provenance.Hash, src Source, c *Checkpoint, o Options, r *Result) error {
	head := c.Frontier.Head()
	w := &entriesWriter{dir: l.dir, genesis: genesis, most: o.segment, log: &edge{}, newest: head.Height}
	defer w.abandon()
	w.prove = func(log *edge) error { return prove(ctx, src, log, head) }
	if n := len(l.entries); n > 0 {
		last, err := readEntries(l.dir, genesis, l.entries[n-1], nil)
		if err != nil {
			return err
		}
		w.log, w.last = last.end, last.last
	}
	if w.log.size > head.Size {
		return fmt.Errorf("backup %s has %d entries, what is to be backed up has %d: it is behind; wait, or take another node", l.dir, w.log.size, head.Size)
	}
	if err := w.prove(w.log); err != nil {
		return err
	}
	from, copied := w.log.size, int64(0)
	for w.log.size < head.Size {
		page, err := src.Entries(ctx, w.log.size, head.Size)
		if err == nil && len(page) == 0 {
			err = fmt.Errorf("an empty answer")
		}
		if err != nil {
			return fmt.Errorf("backup: entries from %d: %w", w.log.size, err)
		}
		for _, e := range page {
			if e.Index != w.log.size {
				return fmt.Errorf("backup: there came entry %d, wanted %d", e.Index, w.log.size)
			}
			if o.CheckRecords {
				if err := e.Received().Check(); err != nil {
					return fmt.Errorf("backup: entry %d: %w", e.Index, err)
				}
			}
			if err := w.add(e); err != nil {
				return err
			}
			copied += int64(len(e.Statement) + len(e.Records))
		}
		if o.Progress != nil {
			o.Progress(w.log.size-from, head.Size-from, copied)
		}
	}
	if err := w.close(); err != nil {
		return err
	}
	r.Entries, r.NewEntries = w.log.size, w.log.size-from
	r.Files, r.Bytes = append(r.Files, w.files...), r.Bytes+w.bytes
	return nil
}

// SPEC(NOD-65): prove wants log to be the beginning of the log under head.
func prove(ctx context.Context, src Source, log *edge, head ledger.Head) error {
	proof, err := src.Consistency(ctx, log.size, head.Size)
	if err == nil && (proof.Older != log.size || proof.Newer != head.Size) {
		err = fmt.Errorf("the proof is of the sizes %d and %d", proof.Older, proof.Newer)
	}
	if err == nil {
		err = proof.Verify(log.root(), head.LogRoot)
	}
	if err != nil {
		return fmt.Errorf("backup: the first %d entries are not those of the log of size %d with the root %s: %w", log.size, head.Size, head.LogRoot, err)
	}
	return nil
}

// addHeaders copies the light blocks up to that of header, behind those that are
// there.
func addHeaders(ctx context.Context, l *listing, genesis provenance.Hash, src Source, header Header, o Options, r *Result) (err error) {
	w := &headersWriter{dir: l.dir, genesis: genesis, most: o.segment}
	defer w.abandon()
	var before *Header
	if n := len(l.headers); n > 0 {
		r.FirstHeader = l.headers[0]
		if before, err = lastHeader(l, genesis, o.Reading.Header); err != nil {
			return err
		}
		w.next = before.Height + 1
	} else if w.next, err = src.FirstHeader(ctx); err != nil {
		return fmt.Errorf("backup: the first signed header: %w", err)
	} else {
		r.FirstHeader = w.next
		if before, err = founders(l, w.next, o.Reading); err != nil {
			return err
		}
	}
	// SPEC(NOD-65)
	if before != nil && (header.Height < before.Height || header.Height == before.Height && header.Hash != before.Hash) {
		return fmt.Errorf("backup %s: its newest signed header is %s of height %d, what is to be backed up ends with %s of height %d: it is behind, or another ledger; wait, or take another node", l.dir, before.Hash, before.Height, header.Hash, header.Height)
	}
	from := w.next
	for w.next <= header.Height {
		page, err := src.Headers(ctx, w.next, header.Height+1)
		if err == nil && len(page) == 0 {
			err = fmt.Errorf("an empty answer")
		}
		if err != nil {
			return fmt.Errorf("backup: signed headers from %d: %w", w.next, err)
		}
		for _, lightBlock := range page {
			h, err := o.Reading.Header(lightBlock)
			if err == nil {
				err = link(h, w.next, before)
			}
			if err == nil && h.Height == header.Height && h.Hash != header.Hash {
				err = fmt.Errorf("the header of height %d is %s, the checkpoint's is %s", h.Height, h.Hash, header.Hash)
			}
			if err == nil {
				err = w.add(lightBlock)
			}
			if err != nil {
				return fmt.Errorf("backup: %w", err)
			}
			before = &h
		}
	}
	if err := w.close(); err != nil {
		return err
	}
	r.NewHeaders, r.Headers = w.next-from, w.next-r.FirstHeader
	r.Files, r.Bytes = append(r.Files, w.files...), r.Bytes+w.bytes
	return nil
}

// founders stands for the header before the first one, which announces the genesis
// document's validators; nil where the headers do not begin with the chain.
func founders(l *listing, first int64, read Reading) (*Header, error) {
	if first != 1 {
		return nil, nil
	}
	doc, err := readGenesis(l.dir)
	if err != nil {
		return nil, err
	}
	hash, err := read.Founders(doc)
	if err != nil {
		return nil, fmt.Errorf("backup: the genesis document: %w", err)
	}
	return &Header{NextValidators: hash}, nil
}

// lastHeader reads the last segment of light blocks.
func lastHeader(l *listing, genesis provenance.Hash, read func([]byte) (Header, error)) (*Header, error) {
	first := l.headers[len(l.headers)-1]
	var newest []byte
	if _, err := readHeaders(l.dir, genesis, first, func(_ int64, b []byte) error { newest = b; return nil }); err != nil {
		return nil, err
	}
	h, err := read(newest)
	if err != nil {
		return nil, &DamageError{fileName(headersPrefix, first), 0, fmt.Sprintf("its last light block: %v", err)}
	}
	return &h, nil
}

// addCheckpoint writes the checkpoint, unless it is there.
func addCheckpoint(l *listing, genesis provenance.Hash, c *Checkpoint, r *Result) error {
	name := fileName(checkpointPrefix, r.Height)
	switch _, err := os.Lstat(filepath.Join(l.dir, name)); {
	case err == nil:
		r.AlreadyThere = true
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("backup: %w", err)
	}
	name, size, err := writeCheckpoint(l.dir, genesis, c)
	if err != nil {
		return err
	}
	r.Files, r.Bytes = append(r.Files, name), r.Bytes+size
	return nil
}
