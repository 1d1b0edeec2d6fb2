package ledger

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"sync/atomic"
)

const (
	// MaxLightBlockBytes is what an archived light block takes at most: that of
	// some 2,000 validators.
	MaxLightBlockBytes = 384 << 10
	// archivePart is how many bytes of light blocks go in one transaction.
	archivePart = 1 << 20
)

// archive is what is known of the archived headers. The zero value is that of
// an empty one.
type archive struct {
	span    atomic.Pointer[archiveSpan] // nil: none; stored by the holder of Ledger.archiving
	newest  *lightModel                 // guarded by Ledger.archiving: what new ones are packed with; nil: none yet
	numbers int64                       // guarded by Ledger.archiving: the greatest number of a model
	opened  atomic.Pointer[lightModel]  // the model that was read last
}

// archiveSpan is the range of the archived heights.
type archiveSpan struct{ first, last int64 }

// ArchiveHeader keeps the light block of a height for ever; see ArchiveHeaders.
func (l *Ledger) ArchiveHeader(height int64, lightBlock []byte) error {
	return l.ArchiveHeaders(height, [][]byte{lightBlock})
}

// ArchiveHeaders keeps the light blocks of consecutive heights from from on, for
// ever. They are opaque: whoever archives them has judged them. The first may
// be of any height, later ones come without a gap behind the last. What is
// there already may be given again: the same bytes are nothing to do, and where
// those that are stored are damaged they are written anew; others are refused.
//
// Heights go in short transactions in their order: if we crash in between, a
// first part of them is there. All are durable when it returns.
func (l *Ledger) ArchiveHeaders(from int64, lightBlocks [][]byte) error {
	l.archiving.Lock()
	defer l.archiving.Unlock()
	if l.Snapshot().ChainID() == "" {
		return fmt.Errorf("archive headers: the ledger has no genesis yet")
	}
	if err := checkReserve(l.dir, l.reserve); err != nil {
		return fmt.Errorf("archive headers from %d on: %w", from, err)
	}
	p := archiving{ledger: l}
	for i, b := range lightBlocks {
		if err := p.add(from+int64(i), b); err != nil {
			l.archive.newest = nil // it may not be stored
			return fmt.Errorf("archive header %d: %w", from+int64(i), err)
		}
	}
	if err := p.flush(); err != nil {
		l.archive.newest = nil // it may not be stored
		return fmt.Errorf("archive headers from %d on: %w", from, err)
	}
	return nil
}

// ArchivedHeaders returns the first and the last height in the archive, 0 and 0
// where it is empty.
func (l *Ledger) ArchivedHeaders() (first, last int64) {
	if s := l.archive.span.Load(); s != nil {
		return s.first, s.last
	}
	return 0, 0
}

// ArchivedHeader returns the light block that was archived for a height, or
// ErrNotFound.
func (l *Ledger) ArchivedHeader(height int64) ([]byte, error) {
	if s := l.archive.span.Load(); s == nil || height < s.first || height > s.last {
		first, last := l.ArchivedHeaders()
		return nil, fmt.Errorf("archived header %d, there are %d to %d: %w", height, first, last, ErrNotFound)
	}
	return l.readHeader(height)
}

// readHeader reads the light block of a height that must be there.
func (l *Ledger) readHeader(height int64) ([]byte, error) {
	where := fmt.Sprintf("height %d", height)
	row, err := l.store.get(indexKey(prefixHeader, height))
	if err != nil {
		return nil, err
	}
	number, n := binary.Uvarint(row)
	if n <= 0 {
		return nil, damaged("archived header", where, "it is missing")
	}
	if number == 0 {
		return row[n:], nil
	}
	model, err := l.readModel(int64(number))
	if err != nil {
		return nil, fmt.Errorf("archived header %d: %w", height, err)
	}
	b, err := model.unpack(row[n:])
	if err != nil {
		return nil, damaged("archived header", where, "%v", err)
	}
	return b, nil
}

// readModel returns the model with a number.
func (l *Ledger) readModel(number int64) (*lightModel, error) {
	if m := l.archive.opened.Load(); m != nil && m.number == number {
		return m, nil
	}
	b, err := l.store.get(indexKey(prefixModel, number))
	if err != nil {
		return nil, err
	}
	m, err := decodeModel(number, b)
	if err != nil {
		return nil, damaged("archive model", fmt.Sprintf("number %d", number), "%d bytes: %v", len(b), err)
	}
	l.archive.opened.Store(m)
	return m, nil
}

// recoverArchive finds the range of the archived heights.
func (l *Ledger) recoverArchive() error {
	return l.store.read(func(r reader) error {
		last, err := r.lastIndex(prefixHeader)
		if err != nil || last < 0 {
			return err
		}
		first := last
		stop := fmt.Errorf("found")
		err = r.scan([]byte{prefixHeader}, []byte{prefixHeader}, func(key []byte, _ func() ([]byte, error)) error {
			first = indexOfKey(key)
			return stop
		})
		if err != stop {
			return err
		}
		l.archive.span.Store(&archiveSpan{first, last})
		l.archive.numbers, err = r.lastIndex(prefixModel)
		l.archive.numbers = max(0, l.archive.numbers)
		return err
	})
}

// archiving is an ArchiveHeaders under way. Owned by the holder of archiving.
type archiving struct {
	ledger *Ledger
	groups [][]storeOp
	size   int64
	span   *archiveSpan // with groups; nil where they add no height
}

// add takes one more height.
func (p *archiving) add(height int64, b []byte) error {
	a := &p.ledger.archive
	span := p.span
	if span == nil {
		span = a.span.Load()
	}
	switch {
	case height < 1:
		return fmt.Errorf("heights begin with 1")
	case len(b) == 0 || len(b) > MaxLightBlockBytes:
		return fmt.Errorf("%d bytes, wanted 1 to %d", len(b), MaxLightBlockBytes)
	case span == nil:
		span = &archiveSpan{height, height - 1}
	case height < span.first || height > span.last+1:
		// SPEC(NOD-7)
		return fmt.Errorf("it does not follow the archive's heights %d to %d", span.first, span.last)
	}
	if height <= span.last {
		kept, err := p.ledger.readHeader(height)
		switch {
		case err == nil && bytes.Equal(kept, b):
			return nil
		case err == nil:
			return fmt.Errorf("another light block is archived for it")
		case !isDamage(err):
			return err
		}
		// It may be the model's, which is not what is stored then.
		a.newest = nil
		a.opened.Store(nil)
	}
	if err := p.pack(height, b); err != nil {
		return err
	}
	p.span = &archiveSpan{span.first, max(span.last, height)}
	if p.size > archivePart {
		return p.flush()
	}
	return nil
}

// pack adds what stores one light block.
func (p *archiving) pack(height int64, b []byte) error {
	a := &p.ledger.archive
	header, set, ok := splitLightBlock(b)
	if !ok {
		p.put(sealed(indexKey(prefixHeader, height), append([]byte{0}, b...)))
		return nil
	}
	if a.newest == nil && a.numbers > 0 {
		if m, err := p.ledger.readModel(a.numbers); err == nil {
			a.newest = m
		}
	}
	if a.newest == nil || !bytes.Equal(a.newest.Set, set) {
		m, err := newModel(a.numbers+1, header, set)
		if err != nil {
			return err
		}
		a.newest, a.numbers = m, m.number
		p.put(sealed(indexKey(prefixModel, m.number), m.encode()))
	}
	row := binary.AppendUvarint(nil, uint64(a.newest.number))
	p.put(sealed(indexKey(prefixHeader, height), a.newest.pack(row, header)))
	return nil
}

func (p *archiving) put(op storeOp) {
	p.groups, p.size = append(p.groups, []storeOp{op}), p.size+op.size()
}

// flush writes what was added, and publishes it.
func (p *archiving) flush() error {
	if len(p.groups) == 0 {
		return nil
	}
	if err := p.ledger.store.writeLast(p.groups, nil); err != nil {
		return err
	}
	p.ledger.archive.span.Store(p.span)
	p.groups, p.size = nil, 0
	return nil
}
