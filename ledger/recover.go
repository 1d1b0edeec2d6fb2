package ledger

import (
	"bytes"
	"fmt"

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
	head, ok, err := l.store.readHead()
	if err != nil {
		return err
	}
	if !ok {
		// If we crash before genesis, there is nothing but the format version.
		if err := l.store.checkUnused(); err != nil {
			return err
		}
		l.edge = newEdge()
		root, err := l.edge.root()
		l.recent.Store(&[]*Snapshot{{store: l.store, head: newHead(0, 0, 0, root, provenance.Hash{})}})
		return err
	}
	if l.chainID, err = l.store.readChainID(); err != nil {
		return err
	}
	if err := l.store.dropBeyond(head); err != nil {
		return err
	}
	if err := l.recoverLog(head); err != nil {
		return err
	}
	tree, err := l.store.readState()
	if err != nil {
		return err
	}
	if root := tree.rootHash(); root != head.StateRoot {
		return damaged("state", fmt.Sprintf("height %d", head.Height), "its values give the root %s, the head has %s", root, head.StateRoot)
	}
	if _, err := newView(tree, head.Size); err != nil {
		return err
	}
	return l.recoverRecent(head, tree)
}

// recoverLog loads the log's edge and checks the tail: the root, the presence of
// the newest entries, and all of the last block's.
func (l *Ledger) recoverLog(head Head) error {
	edge, root, err := loadEdge(head.Size, l.store)
	if err != nil {
		return err
	}
	if root != head.LogRoot {
		return damaged("log hashes", fmt.Sprintf("edge at size %d", head.Size), "they give the root %s, the head has %s", root, head.LogRoot)
	}
	l.edge = edge
	from := max(0, head.Size-tailPresent)
	for _, prefix := range []byte{prefixHashes, prefixEntry} {
		if err := l.store.checkPresent(prefix, from, head.Size); err != nil {
			return err
		}
	}
	for i := head.Size - 1; i >= 0; i-- {
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

// recoverRecent makes the snapshots of the newest heights, each checked against
// its state root.
func (l *Ledger) recoverRecent(head Head, tree stateTree) error {
	recent := []*Snapshot{{store: l.store, chainID: l.chainID, head: head, tree: tree}}
	for len(recent) < keptHeights && head.Height > 0 {
		u, parts, err := l.store.readUndo(head.Height)
		if err != nil {
			return err
		}
		if u == nil {
			break
		}
		recent[len(recent)-1].undoParts = parts
		if u.head.Height != head.Height-1 {
			return damaged("undo", fmt.Sprintf("height %d", head.Height), "it leads to height %d", u.head.Height)
		}
		tree, head = tree.update(u.old), u.head
		if root := tree.rootHash(); root != head.StateRoot {
			return damaged("undo", fmt.Sprintf("height %d", head.Height+1), "it leads to the state root %s, wanted %s", root, head.StateRoot)
		}
		recent = append(recent, &Snapshot{store: l.store, chainID: l.chainID, head: head, tree: tree})
	}
	l.recent.Store(&recent)
	return nil
}

// readHead returns the head; false where there is none.
func (s *store) readHead() (Head, bool, error) {
	b, err := s.get([]byte{prefixHead})
	if err != nil || b == nil {
		return Head{}, false, err
	}
	h, err := decodeHead(b)
	if err != nil {
		return h, false, damaged("head", "", "%v", err)
	}
	return h, true, nil
}

// storedChain names the chain that the ledger is of. Keys must never be changed.
type storedChain struct {
	ID string `cbor:"1,keyasint"`
}

func (s *store) readChainID() (string, error) {
	b, err := s.get([]byte{prefixChain})
	if err != nil {
		return "", err
	}
	var chain storedChain
	if err := decodeStored(b, &chain); err != nil || chain.ID == "" {
		return "", damaged("chain id", "", "%d bytes: %v", len(b), err)
	}
	return chain.ID, nil
}

// readState builds the state map from the stored values.
func (s *store) readState() (stateTree, error) {
	var all []stateChange
	err := s.scan([]byte{prefixState}, []byte{prefixState}, func(key []byte, value func() ([]byte, error)) error {
		v, err := value()
		all = append(all, stateChange{string(key[1:]), v})
		return err
	})
	if err != nil {
		return stateTree{}, err
	}
	return stateTree{}.update(all), nil
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
	ops = append(ops, entries...)
	for len(ops) > 0 {
		n := min(len(ops), dropBatch)
		if err := s.write(ops[:n]); err != nil {
			return fmt.Errorf("drop what lies beyond the head: %w", err)
		}
		ops = ops[n:]
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
	st, err := provenance.ParseStatement(e.Statement)
	if err != nil {
		return []storeOp{{key: idKey(e.ID)}}, nil
	}
	var ops []storeOp
	for _, key := range pointersTo(st) {
		ops = append(ops, storeOp{key: key})
	}
	return ops, nil
}
