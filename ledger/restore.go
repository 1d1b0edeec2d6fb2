package ledger

import (
	"fmt"
	"time"

	"tokentrail/provenance"
)

// storedRestore is the value under "R". Keys must never be changed.
type storedRestore struct {
	AppHash provenance.Hash `cbor:"1,keyasint"`
}

// Restore lets a ledger that has no genesis begin at a frontier. appHash is the
// app hash after the frontier's height, from a header that the caller trusts:
// that of the height after it. It is durable when it returns.
//
//  1. The state's values go first, in as few transactions as take them, with a
//     mark that a restore is on its way. If we crash in between, Open finds the
//     mark and no head, drops all of it, and the ledger is without genesis again.
//  2. What the ledger has to know of the frontier, and the head, are in the last
//     transaction, which removes the mark. If we crash after it, the ledger is
//     at the frontier.
//
// After an error nothing is visible, and Restore may be called again. What the
// ledger does not have then, Missing says.
func (l *Ledger) Restore(f *Frontier, appHash provenance.Hash) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	// SPEC(NOD-3)
	if f.head.AppHash != appHash {
		return fmt.Errorf("restore: the frontier of height %d has the app hash %s, the trusted header has %s; fetch it again, or from another node", f.head.Height, f.head.AppHash, appHash)
	}
	if l.chainID != "" {
		return fmt.Errorf("restore: the ledger in %s is at height %d of chain %q; use another directory", l.dir, l.Snapshot().Head().Height, l.chainID)
	}
	if _, err := newView(f.tree, f.head.Size, f.head.Height+1, time.UnixMilli(f.head.Time)); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	for _, step := range []func() error{
		l.store.dropRestore, // of a call that failed
		func() error { return l.store.writeLast(restoreOps(f)) },
		l.recoverHistory,
	} {
		if err := step(); err != nil {
			return fmt.Errorf("restore: %w", err)
		}
	}
	l.edge, l.chainID = f.edge.clone(), f.chainID
	l.recent.Store(&[]*Snapshot{{store: l.store, chainID: f.chainID, head: f.head, tree: f.tree}})
	return nil
}

// restoreOps returns the operations that make a ledger begin at f.
func restoreOps(f *Frontier) (groups [][]storeOp, last []storeOp) {
	mark := sealed([]byte{prefixRestore}, encodeStored(storedRestore{f.head.AppHash}))
	groups = [][]storeOp{{mark}}
	f.tree.each(func(leaf *stateLeaf) {
		groups = append(groups, []storeOp{sealed(stateKey(leaf.key), leaf.value)})
	})
	last = []storeOp{
		sealed([]byte{prefixChain}, encodeStored(storedChain{f.chainID})),
		sealed([]byte{prefixHead}, f.head.encode()),
		{key: mark.key},
	}
	if f.head.Size > 0 { // else nothing is missing
		last = append(last, startOps(f.head, f.edge)...)
		last = append(last, progressOps(&history{edge: newEdge()})...)
	}
	return groups, last
}

// dropRestore empties a store in which a restore did not come to its end.
func (s *store) dropRestore() error {
	begun, err := s.get([]byte{prefixRestore})
	if begun == nil || err != nil {
		return err
	}
	var ops []storeOp
	err = s.scan(nil, nil, func(key []byte, _ func() ([]byte, error)) error {
		switch key[0] {
		case prefixState:
			ops = append(ops, storeOp{key: append([]byte(nil), key...)})
		case prefixFormat, prefixRestore:
		default:
			// Nothing else is written before the head is.
			return damaged("restore", "", "it did not come to its end, while the key %q is there", key)
		}
		return nil
	})
	if err != nil {
		return err
	}
	// The mark goes last, so that a crash in between leaves it.
	if err := s.dropAll(append(ops, storeOp{key: []byte{prefixRestore}})); err != nil {
		return fmt.Errorf("drop a restore that did not come to its end: %w", err)
	}
	return nil
}

// dropAll makes deletions in order, in transactions of a bounded size.
func (s *store) dropAll(ops []storeOp) error {
	for len(ops) > 0 {
		n := min(len(ops), dropBatch)
		if err := s.write(ops[:n]); err != nil {
			return err
		}
		ops = ops[n:]
	}
	return nil
}
