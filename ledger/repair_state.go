package ledger

import (
	"bytes"
	"errors"
	"fmt"
)

// RepairState writes anew what is stored beside entries and archived headers,
// where it is not what this ledger has checked when it was opened and has in
// memory since: head, chain id, the state's values, how far the history is
// here. A damaged way back to the heights before is dropped: the ledger then
// opens without them. It returns the number of keys that it wrote; what is
// damaged after that is its error. Blocks wait for it.
func (l *Ledger) RepairState() (written int, err error) {
	l.filling.Lock()
	defer l.filling.Unlock()
	l.writing.Lock()
	defer l.writing.Unlock()
	s := l.Snapshot()
	if s.chainID == "" {
		return 0, errors.New("repair the state: the ledger has no genesis yet")
	}
	groups, err := l.stateRepairs(s)
	if err == nil && len(groups) > 0 {
		err = l.store.writeLast(groups, nil)
	}
	if err != nil {
		return 0, fmt.Errorf("repair the state: %w", err)
	}
	var found []error
	err = l.ScrubState(Scrubbing{Found: func(err error) { found = append(found, err) }})
	return len(groups), errors.Join(append(found, err)...)
}

// stateRepairs returns the operations that make what is stored what it should
// be.
func (l *Ledger) stateRepairs(s *Snapshot) (groups [][]storeOp, err error) {
	past := l.store.history.Load()
	want := []storeOp{
		{[]byte{prefixFormat}, []byte(storeFormat)},
		sealed([]byte{prefixChain}, encodeStored(storedChain{s.chainID})),
		sealed([]byte{prefixHead}, s.head.encode()),
	}
	if past != nil {
		want = append(want, startOps(past.start, past.frontier)...)
		want = append(want, progressOps(past)...)
	}
	s.tree.each(func(leaf *stateLeaf) { want = append(want, sealed(stateKey(leaf.key), leaf.value)) })
	err = l.store.read(func(r reader) error {
		for _, op := range want {
			if stored, err := r.getRaw(op.key); err != nil || !bytes.Equal(stored, op.value) {
				groups = append(groups, []storeOp{op})
			}
		}
		foreign, err := r.foreignStates(s.tree)
		groups = append(groups, foreign...)
		if err != nil {
			return err
		}
		damaged, err := r.damagedUndo(s)
		groups = append(groups, damaged...)
		return err
	})
	return groups, err
}

// foreignStates returns the deletions of stored state values that tree has not.
func (r reader) foreignStates(tree stateTree) (groups [][]storeOp, err error) {
	err = r.scan([]byte{prefixState}, nil, func(key []byte, _ func() ([]byte, error)) error {
		if _, ok := tree.get(string(key[1:])); !ok {
			groups = append(groups, []storeOp{{key: bytes.Clone(key)}})
		}
		return nil
	})
	return groups, err
}

// damagedUndo returns the deletions of the ways back that begin with the first
// damaged one.
func (r reader) damagedUndo(s *Snapshot) (groups [][]storeOp, err error) {
	at, tree := s.head, s.tree
	for {
		older, err := r.stepBack(at, tree)
		if err != nil {
			break
		}
		if older == nil {
			return nil, nil
		}
		at, tree = older.head, older.tree
	}
	err = r.scan([]byte{prefixUndo}, nil, func(key []byte, _ func() ([]byte, error)) error {
		if indexOfKey(key) <= at.Height {
			groups = append(groups, []storeOp{{key: bytes.Clone(key)}})
		}
		return nil
	})
	return groups, err
}
