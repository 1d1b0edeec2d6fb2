package backup

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"slices"

	"tokentrail/provenance"
)

// A Backup is a directory that Run has written, with one of its checkpoints. It
// holds nothing open. Methods may be called from any goroutine, and while another
// process adds to the backup.
type Backup struct {
	dir        string
	genesis    []byte
	hash       provenance.Hash // of genesis
	list       *listing
	checkpoint *Checkpoint
	header     Header // of the checkpoint's light block
	reading    Reading
}

// Open reads the checkpoint of a height, or for 0 the newest. What is in the other
// files Verify reads.
func Open(dir string, height int64, reading Reading) (*Backup, error) {
	l, err := list(dir)
	if err != nil {
		return nil, err
	}
	if !l.genesis || len(l.checkpoints) == 0 {
		return nil, fmt.Errorf("backup %s: there is no %s, or no checkpoint: it is no backup, or its first run did not come to its end; run it again", dir, genesisName)
	}
	b := &Backup{dir: dir, list: l, reading: reading}
	if b.genesis, err = readGenesis(dir); err != nil {
		return nil, err
	}
	b.hash = sha256.Sum256(b.genesis)
	if height == 0 {
		height = l.checkpoints[len(l.checkpoints)-1]
	}
	if !slices.Contains(l.checkpoints, height) {
		return nil, fmt.Errorf("backup %s: there is no checkpoint of height %d; there are those of %v", dir, height, l.checkpoints)
	}
	if b.checkpoint, err = readCheckpoint(dir, b.hash, height, reading); err != nil {
		return nil, err
	}
	b.header, err = reading.Header(b.checkpoint.LightBlock)
	return b, err
}

// Genesis returns the genesis document, byte for byte. Each file of the backup
// says its hash; that it is the chain's, somebody else has to say.
func (b *Backup) Genesis() []byte { return b.genesis }

// GenesisHash returns the document's SHA-256.
func (b *Backup) GenesisHash() provenance.Hash { return b.hash }

// Checkpoint returns the checkpoint that the backup was opened at.
func (b *Backup) Checkpoint() *Checkpoint { return b.checkpoint }

// Header returns the header that carries the checkpoint's app hash. Whether the
// chain's validators signed it is for the caller to find out.
func (b *Backup) Header() Header { return b.header }

// Headers returns the heights of the first and the last light block that belong
// to the checkpoint; 0, 0 for none.
func (b *Backup) Headers() (first, last int64) {
	if len(b.list.headers) == 0 {
		return 0, 0
	}
	return b.list.headers[0], b.header.Height
}

// VerifyOptions say what Verify does.
type VerifyOptions struct {
	// Prove names entries whose place in the log is to be proven.
	Prove []int64
	// Progress, if not nil, is told how many entries and bytes of them are read, of
	// how many entries.
	Progress func(entries, of, bytes int64)
}

// Verify reads all of the backup (SPEC(NOD-66)) and checks that the files are as they were
// written, that the entries give the checkpoint's log root, that the headers
// follow from each other, and that the last of them carries the checkpoint's app
// hash. The error is a *DamageError where bytes are not those that were written.
// What it returns proves the checkpoint's log.
func (b *Backup) Verify(ctx context.Context, o VerifyOptions) (*Proofs, error) {
	if err := b.verifyHeaders(ctx); err != nil {
		return nil, err
	}
	// Checkpoints that are not asked for are read too: a backup is whole or not.
	for _, height := range b.list.checkpoints {
		if _, err := readCheckpoint(b.dir, b.hash, height, b.reading); err != nil {
			return nil, err
		}
	}
	return b.verifyEntries(ctx, o)
}

// wrong names the checkpoint's file in an error.
func (b *Backup) wrong(err error) error {
	return &DamageError{fileName(checkpointPrefix, b.checkpoint.Frontier.Head().Height), 0, err.Error()}
}

func (b *Backup) verifyHeaders(ctx context.Context) error {
	if first, _ := b.Headers(); first != b.checkpoint.firstHeader {
		return fmt.Errorf("backup %s: the signed headers begin with height %d, the checkpoint's with %d: a %s file is gone; put it back", b.dir, first, b.checkpoint.firstHeader, headersPrefix)
	}
	var before *Header
	for _, first := range b.list.headers {
		name := fileName(headersPrefix, first)
		if before != nil && first != before.Height+1 {
			return &DamageError{name, 0, fmt.Sprintf("it begins with height %d, the segment before ends with %d: a file is missing", first, before.Height)}
		}
		var said error
		_, err := readHeaders(b.dir, b.hash, first, func(height int64, raw []byte) error {
			h, err := b.reading.Header(raw)
			if err == nil {
				err = link(h, height, before)
			}
			if err == nil && height == b.header.Height && h.Hash != b.header.Hash {
				err = fmt.Errorf("the header of height %d is %s, the checkpoint's is %s", height, h.Hash, b.header.Hash)
			}
			if err != nil {
				said = fmt.Errorf("light block %d: %w", height, err)
			}
			before = &h
			return errors.Join(said, ctx.Err())
		})
		if said != nil {
			return &DamageError{name, 0, said.Error()}
		}
		if err != nil {
			return err
		}
	}
	if before == nil || before.Height < b.header.Height {
		return fmt.Errorf("backup %s: the signed headers up to height %d are missing: a %s file is gone; put it back", b.dir, b.header.Height, headersPrefix)
	}
	return nil
}

// verifyEntries reads all segments; those behind the checkpoint's, too, are to be
// as they were written.
func (b *Backup) verifyEntries(ctx context.Context, o VerifyOptions) (*Proofs, error) {
	head := b.checkpoint.Frontier.Head()
	p := newProofs(o.Prove)
	read := int64(0)
	err := b.segments(0, func(e *Entry) error {
		if e.Index < head.Size {
			p.append(provenance.LeafHash(e.Statement))
			if e.Height > head.Height {
				return fmt.Errorf("entry %d is of height %d, and the checkpoint, of height %d, has it", e.Index, e.Height, head.Height)
			}
		}
		if err := e.Received().Check(); err != nil {
			return fmt.Errorf("entry %d: %w", e.Index, err)
		}
		read += int64(len(e.Statement) + len(e.Records))
		if o.Progress != nil && e.Index < head.Size {
			o.Progress(e.Index+1, head.Size, read)
		}
		return ctx.Err()
	})
	switch {
	case err != nil:
		return nil, err
	case p.log.size < head.Size:
		return nil, fmt.Errorf("backup %s: the entries from %d on are missing, the checkpoint has %d: an %s file is gone; put it back", b.dir, p.log.size, head.Size, entriesPrefix)
	case p.log.root() != head.LogRoot:
		return nil, b.wrong(fmt.Errorf("its log of size %d has the root %s, the entries give %s", head.Size, head.LogRoot, p.log.root()))
	}
	return p, nil
}

// segments reads all segments from the one on that holds the entry at index from,
// and checks that each goes on where the one before ended.
func (b *Backup) segments(from int64, visit func(*Entry) error) error {
	var before *segment
	if len(b.list.entries) > 0 && b.list.entries[0] != 0 {
		return fmt.Errorf("backup %s: the entries before %d are missing: an %s file is gone; put it back", b.dir, b.list.entries[0], entriesPrefix)
	}
	for i, first := range b.list.entries {
		if i+1 < len(b.list.entries) && b.list.entries[i+1] <= from {
			continue
		}
		s, err := readEntries(b.dir, b.hash, first, visit)
		if err != nil {
			return err
		}
		if before != nil && (!before.end.equal(s.begin) || s.first < before.last) {
			return &DamageError{s.name, 0, fmt.Sprintf("it goes on from %d entries with the root %s at height %d, the segment before ends with %d, %s and %d", s.begin.size, s.begin.root(), s.first, before.end.size, before.end.root(), before.last)}
		}
		before = s
	}
	return nil
}

// Entry returns the entry at index, after its whole segment was checked.
func (b *Backup) Entry(index int64) (*Entry, error) {
	if index < 0 || index >= b.checkpoint.Frontier.Head().Size {
		return nil, fmt.Errorf("backup %s: there is no entry %d; there are %d", b.dir, index, b.checkpoint.Frontier.Head().Size)
	}
	at, found := slices.BinarySearch(b.list.entries, index)
	if !found {
		at--
	}
	if at < 0 {
		return nil, fmt.Errorf("backup %s: the segment of entry %d is missing", b.dir, index)
	}
	var entry *Entry
	_, err := readEntries(b.dir, b.hash, b.list.entries[at], func(e *Entry) error {
		if e.Index == index {
			entry = e
		}
		return nil
	})
	if err == nil && entry == nil {
		err = fmt.Errorf("backup %s: entry %d is missing: an %s file is gone; put it back", b.dir, index, entriesPrefix)
	}
	return entry, err
}

// LightBlocks returns the light blocks of consecutive heights beginning with from,
// to the end of the backup's. Each comes before its file is known to be as it was
// written, and an error is the last that comes.
func (b *Backup) LightBlocks(from int64) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		at, found := slices.BinarySearch(b.list.headers, from)
		if !found {
			at--
		}
		if at < 0 {
			first, last := b.Headers()
			yield(nil, fmt.Errorf("backup %s: there is no signed header of height %d; there are those from %d to %d", b.dir, from, first, last))
			return
		}
		for _, first := range b.list.headers[at:] {
			_, err := readHeaders(b.dir, b.hash, first, func(height int64, raw []byte) error {
				if height >= from && !yield(raw, nil) {
					return errStop
				}
				return nil
			})
			if errors.Is(err, errStop) {
				return
			}
			if err != nil {
				yield(nil, err)
				return
			}
		}
	}
}
