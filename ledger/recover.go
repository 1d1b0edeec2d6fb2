package ledger

import (
	"bytes"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/tlog"
	"tokentrail/provenance"
)

const (
	// tailPresent is how many entries before the head must at least be there
	// when the ledger opens: as many as a memtable's log, whose damage Badger
	// passes over silently, may have held.
	tailPresent = 1 << 16
	// dropBatch is how many keys of leftovers go in one transaction.
	dropBatch = 1000
)

// recover brings the ledger to its last committed block. It is the only way into
// a ledger, after a crash or not. Called before anybody else has the ledger.
func (l *Ledger) recover() error {
	if err := l.store.dropRestore(); err != nil {
		return err
	}
	head, err := readOne(l.store, reader.readHead)
	if err != nil {
		return err
	}
	if err := l.recoverArchive(); err != nil {
		return err
	}
	if head == nil {
		return l.recoverNothing()
	}
	if l.chainID, err = readOne(l.store, reader.readChainID); err != nil {
		return err
	}
	if err := l.store.dropBeyond(*head); err != nil {
		return err
	}
	if err := l.recoverHistory(); err != nil {
		return err
	}
	if err := l.recoverLog(*head); err != nil {
		return err
	}
	tree, err := readOne(l.store, reader.readState)
	if err != nil {
		return err
	}
	if root := tree.rootHash(); root != head.StateRoot {
		return damaged("state", fmt.Sprintf("height %d", head.Height), "its values give the root %s, the head has %s", root, head.StateRoot)
	}
	if _, err := newView(tree, head.Size, head.Height+1, time.UnixMilli(head.Time)); err != nil {
		return err
	}
	return l.recoverRecent(*head, tree)
}

// recoverNothing begins a ledger that has no genesis. If we crash before it,
// there is nothing but the format version.
func (l *Ledger) recoverNothing() error {
	if err := l.store.checkUnused(); err != nil {
		return err
	}
	l.edge = newEdge()
	root, err := l.edge.root()
	l.recent.Store(&[]*Snapshot{{store: l.store, head: newHead(0, 0, 0, root, provenance.Hash{})}})
	return err
}

// recoverLog loads the log's edge and checks the tail: the root, the presence of
// the newest entries, and all of the last block's.
func (l *Ledger) recoverLog(head Head) error {
	rows := mendedRows{l.store, map[int64][]tlog.Hash{}}
	edge, root, err := loadEdge(head.Size, rows)
	if err != nil {
		return err
	}
	if root != head.LogRoot {
		return damaged("log hashes", fmt.Sprintf("edge at size %d", head.Size), "they give the root %s, the head has %s", root, head.LogRoot)
	}
	if err := l.keepMended(rows); err != nil {
		return err
	}
	l.edge = edge
	first := l.store.history.Load().behind()
	from := max(first, head.Size-tailPresent)
	for _, prefix := range []byte{prefixHashes, prefixEntry} {
		if err := l.store.checkPresent(prefix, from, head.Size); err != nil {
			return err
		}
	}
	for i := head.Size - 1; i >= first; i-- {
		e, err := l.store.readEntry(i)
		if err != nil {
			return err
		}
		if e.Height < head.Height && i < head.Size-1 {
			break // the newest block is through
		}
		if _, err := l.store.readFrame(e); err != nil {
			return err
		}
	}
	return nil
}

// keepMended stores rows of hashes that were damaged and that give the head's
// root.
func (l *Ledger) keepMended(rows mendedRows) error {
	for index, row := range rows.mended {
		l.log.Warn("the log's hashes of an old entry were damaged and are worked out anew", "index", index)
		if err := l.store.write([]storeOp{sealed(indexKey(prefixHashes, index), encodeHashRow(row))}); err != nil {
			return fmt.Errorf("write the log's hashes of entry %d anew: %w", index, err)
		}
	}
	return nil
}

// recoverRecent makes the snapshots of the newest heights, each checked against
// its state root.
func (l *Ledger) recoverRecent(head Head, tree stateTree) error {
	recent := []*Snapshot{{store: l.store, chainID: l.chainID, head: head, tree: tree}}
	for len(recent) < keptHeights && head.Height > 0 {
		older, err := readOne(l.store, func(r reader) (*undone, error) { return r.stepBack(head, tree) })
		if err != nil {
			return err
		}
		if older == nil {
			break
		}
		recent[len(recent)-1].undoParts = older.parts
		tree, head = older.tree, older.head
		recent = append(recent, &Snapshot{store: l.store, chainID: l.chainID, head: head, tree: tree})
	}
	l.recent.Store(&recent)
	return nil
}

// checkPresent wants a key with prefix for every index from from to size.
func (s *store) checkPresent(prefix byte, from, size int64) error {
	next := from
	key := indexKey(prefix, from)
	err := s.scan(key[:1], key, func(key []byte, _ func() ([]byte, error)) error {
		if i := indexOfKey(key); i != next {
			return damaged(nameOfKey(key), fmt.Sprintf("index %d", next), "it is missing; the next is %d", i)
		}
		next++
		return nil
	})
	if err == nil && next < size {
		err = damaged(nameOfKey(key), fmt.Sprintf("index %d", next), "it and all up to the head's %d are missing", size)
	}
	return err
}

// checkUnused wants a store that never saw a genesis. A head that is merely
// gone must not look like one: the engine would begin anew.
func (s *store) checkUnused() error {
	return s.scan(nil, nil, func(key []byte, _ func() ([]byte, error)) error {
		if key[0] != prefixFormat {
			return damaged("head", "", "it is missing, while the key %q is there", key)
		}
		return nil
	})
}

// dropBeyond deletes what a block that was never committed left behind: all of
// entries beyond the head. Pointers go first and entries last, so that a crash
// in between leaves enough to find the rest again.
func (s *store) dropBeyond(head Head) error {
	var ops, entries []storeOp
	collect := func(prefix byte, each func(key []byte, value func() ([]byte, error)) error) error {
		from := indexKey(prefix, head.Size)
		return s.scan(from[:1], from, func(key []byte, value func() ([]byte, error)) error {
			return each(bytes.Clone(key), value)
		})
	}
	drop := func(key []byte, _ func() ([]byte, error)) error {
		ops = append(ops, storeOp{key: key})
		return nil
	}
	err := collect(prefixEntry, func(key []byte, value func() ([]byte, error)) error {
		pointers, err := pointersBeyond(head, indexOfKey(key), value)
		ops, entries = append(ops, pointers...), append(entries, storeOp{key: key})
		return err
	})
	for _, prefix := range []byte{prefixFrame, prefixHashes} {
		if err == nil {
			err = collect(prefix, drop)
		}
	}
	if err != nil {
		return err
	}
	if err := s.dropAll(append(ops, entries...)); err != nil {
		return fmt.Errorf("drop what lies beyond the head: %w", err)
	}
	return nil
}

// pointersBeyond returns the deletions of the pointers to an entry beyond the
// head. One that cannot be read leaves its pointers: they lead nowhere until the
// block is replayed, and then to where they should. Only the block after the
// head leaves entries behind: one of a later block means that an old head came
// back, and then nothing is deleted.
func pointersBeyond(head Head, index int64, value func() ([]byte, error)) ([]storeOp, error) {
	b, err := value()
	if err != nil {
		return nil, nil
	}
	e, err := decodeEntry(index, b)
	if err != nil {
		return nil, nil
	}
	if e.Height > head.Height+1 {
		return nil, damaged("head", "", "it is at height %d, and there is entry %d of height %d", head.Height, index, e.Height)
	}
	pointers, err := pointersTo(e.Statement)
	if err != nil {
		return []storeOp{{key: idKey(e.ID)}}, nil
	}
	var ops []storeOp
	for _, key := range pointers {
		ops = append(ops, storeOp{key: key})
	}
	return ops, nil
}
