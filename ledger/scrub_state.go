package ledger

import (
	"context"
	"fmt"
	"math"
)

// Scrub checks all that the ledger has stored: entries, log hashes and records,
// the state, the ways back, the archived headers. What is damaged it tells o,
// one place at a time; its error says that it could not go on. o.Progress is
// told of entries and then of heights.
func (l *Ledger) Scrub(ctx context.Context, o Scrubbing) error {
	if err := l.ScrubState(o); err != nil {
		return err
	}
	s := l.Snapshot()
	if err := s.ScrubFrom(ctx, 0, s.head.Size, o); err != nil {
		return err
	}
	return l.ScrubHeaders(ctx, 0, math.MaxInt64, o)
}

// ScrubState checks the stored head, chain id, state values, ways back to the
// heights before, and what is stored of the history that is missing, as they
// are at one moment. It takes as long as reading the state takes. Its error
// says that it could not go on.
func (l *Ledger) ScrubState(o Scrubbing) error {
	if l.Snapshot().ChainID() == "" {
		return nil
	}
	err := l.store.read(func(r reader) error { scrubState(r, o); return nil })
	return err
}

func scrubState(r reader, o Scrubbing) {
	if value, err := r.getRaw([]byte{prefixFormat}); err != nil || string(value) != storeFormat {
		o.found(damaged("format version", "key \"v\"", "%.40q, wanted %q: %v", value, storeFormat, err))
	}
	if _, err := r.readChainID(); err != nil {
		o.found(err)
	}
	if _, err := r.readHistory(); err != nil {
		o.found(err)
	}
	head, err := r.readHead()
	if err == nil && head == nil {
		err = damaged("head", "key \"H\"", "it is missing")
	}
	if err != nil {
		o.found(err)
		return
	}
	tree, whole := scrubValues(r, o)
	if !whole {
		return
	}
	if root := tree.rootHash(); root != head.StateRoot {
		o.found(damaged("state", fmt.Sprintf("height %d", head.Height), "its values give the root %s, the head has %s", root, head.StateRoot))
		return
	}
	at := *head
	for range keptHeights - 1 {
		older, err := r.stepBack(at, tree)
		if err != nil {
			o.found(err)
		}
		if older == nil {
			return
		}
		at, tree = older.head, older.tree
	}
}

// scrubValues reads the state's values, and reports whether none is damaged.
func scrubValues(r reader, o Scrubbing) (tree stateTree, whole bool) {
	whole = true
	var all []stateChange
	err := r.scan([]byte{prefixState}, []byte{prefixState}, func(key []byte, value func() ([]byte, error)) error {
		v, err := value()
		if err != nil {
			o.found(err)
			whole = false
		}
		all = append(all, stateChange{string(key[1:]), v})
		return nil
	})
	if err != nil {
		o.found(err)
		whole = false
	}
	return stateTree{}.update(all), whole
}
