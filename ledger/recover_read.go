package ledger

import "fmt"

// readOne reads one thing out of the store.
func readOne[T any](s *store, what func(r reader) (T, error)) (out T, err error) {
	err = s.read(func(r reader) (err error) { out, err = what(r); return err })
	return out, err
}

// readHead returns the head, nil where there is none.
func (r reader) readHead() (*Head, error) {
	b, err := r.get([]byte{prefixHead})
	if err != nil || b == nil {
		return nil, err
	}
	h, err := decodeHead(b)
	if err != nil {
		return nil, damaged("head", "", "%v", err)
	}
	return &h, nil
}

// storedChain names the chain that the ledger is of. Keys must never be changed.
type storedChain struct {
	ID string `cbor:"1,keyasint"`
}

func (r reader) readChainID() (string, error) {
	b, err := r.get([]byte{prefixChain})
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
func (r reader) readState() (stateTree, error) {
	var all []stateChange
	err := r.scan([]byte{prefixState}, []byte{prefixState}, func(key []byte, value func() ([]byte, error)) error {
		v, err := value()
		all = append(all, stateChange{string(key[1:]), v})
		return err
	})
	if err != nil {
		return stateTree{}, err
	}
	return stateTree{}.update(all), nil
}

// undone is the ledger at the height before another.
type undone struct {
	head  Head
	tree  stateTree
	parts int // stored parts of what leads there
}

// stepBack goes from a height to the one before, nil where the way is no more
// kept.
func (r reader) stepBack(head Head, tree stateTree) (*undone, error) {
	u, parts, err := r.readUndo(head.Height)
	if err != nil || u == nil {
		return nil, err
	}
	where := fmt.Sprintf("height %d", head.Height)
	if u.head.Height != head.Height-1 {
		return nil, damaged("undo", where, "it leads to height %d", u.head.Height)
	}
	tree = tree.update(u.old)
	if root := tree.rootHash(); root != u.head.StateRoot {
		return nil, damaged("undo", where, "it leads to the state root %s, wanted %s", root, u.head.StateRoot)
	}
	return &undone{u.head, tree, parts}, nil
}
