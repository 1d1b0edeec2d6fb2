package ledger

import (
	"bytes"
	"errors"
	"fmt"

	"tokentrail/provenance"
)

// Bounds of a frontier (SPEC(NOD-2)).
const (
	// MaxFrontierBytes is what a frontier takes at most, encoded: the state of
	// more than a million streams.
	MaxFrontierBytes = 128 << 20

	maxStateKey   = 254 // with its prefix a key of the store
	maxStateValue = 64 << 10
)

// frontierVersion is that of the encoding.
const frontierVersion = 1

// A Frontier is all that a ledger needs to go on from a height without the
// entries before it: chain id, head, the log's edge, and the state map. It never
// changes. Its log root and state root are those of its parts; that a ledger
// ever had them is for whoever trusts an app hash to say.
type Frontier struct {
	chainID string
	head    Head
	edge    *logEdge
	tree    stateTree
	states  int // values in tree
}

// ChainID returns the chain id of the genesis document.
func (f *Frontier) ChainID() string { return f.chainID }

// Head returns height, sizes and hashes. Of these, height and time are not under
// the app hash: SPEC(NOD-3) says what to hold them against.
func (f *Frontier) Head() Head { return f.head }

// StateSize returns the number of values in the state map.
func (f *Frontier) StateSize() int { return f.states }

// Frontier returns what another ledger needs to go on from here.
func (s *Snapshot) Frontier() (*Frontier, error) {
	if s.chainID == "" {
		return nil, errors.New("frontier: the ledger has no genesis yet")
	}
	edge, root, err := loadEdge(s.head.Size, s.store)
	if err != nil {
		return nil, fmt.Errorf("frontier of height %d: %w", s.head.Height, err)
	}
	if root != s.head.LogRoot {
		return nil, damaged("log hashes", fmt.Sprintf("edge at size %d", s.head.Size), "they give the root %s, the head has %s", root, s.head.LogRoot)
	}
	f := &Frontier{chainID: s.chainID, head: s.head, edge: edge, tree: s.tree}
	size := int64(0)
	s.tree.each(func(l *stateLeaf) {
		f.states++
		size += int64(len(l.key)+len(l.value)) + storeOpOverhead
	})
	if size > MaxFrontierBytes {
		return nil, fmt.Errorf("frontier of height %d: its state takes %d bytes, at most %d can be handed over; join from a backup", s.head.Height, size, MaxFrontierBytes)
	}
	return f, nil
}

// storedFrontier is the first item of an encoded frontier. Keys must never be
// changed. SPEC(NOD-1)
type storedFrontier struct {
	Version   int               `cbor:"1,keyasint"`
	ChainID   string            `cbor:"2,keyasint"`
	Height    int64             `cbor:"3,keyasint"`
	Time      int64             `cbor:"4,keyasint"`
	Size      int64             `cbor:"5,keyasint"`
	LogRoot   provenance.Hash   `cbor:"6,keyasint"`
	StateRoot provenance.Hash   `cbor:"7,keyasint"`
	AppHash   provenance.Hash   `cbor:"8,keyasint"`
	Edge      []provenance.Hash `cbor:"9,keyasint"`
	States    int               `cbor:"10,keyasint"`
}

// Encode returns the frontier's one encoding (SPEC(NOD-1)).
func (f *Frontier) Encode() []byte {
	h := f.head
	b := encodeStored(storedFrontier{frontierVersion, f.chainID, h.Height, h.Time, h.Size, h.LogRoot, h.StateRoot, h.AppHash, f.edge.peaks(), f.states})
	for _, l := range f.tree.withPrefix("") {
		b = provenance.AppendArray(b, 2)
		b = provenance.AppendText(b, l.key)
		b = provenance.AppendBytes(b, l.value)
	}
	return b
}

// ParseFrontier reads an encoded frontier. The bytes are anybody's: log root,
// state root and app hash are worked out anew, and what does not give them, or
// has another encoding, is refused. It takes up to 13 times the bytes in memory:
// the state map is a tree of small values. Whether the app hash is that of the
// chain is for Restore.
func ParseFrontier(b []byte) (*Frontier, error) {
	f, err := parseFrontier(b)
	if err != nil {
		return nil, fmt.Errorf("frontier: %w", err)
	}
	return f, nil
}

func parseFrontier(b []byte) (*Frontier, error) {
	// SPEC(NOD-2)
	if len(b) > MaxFrontierBytes {
		return nil, fmt.Errorf("%d bytes, at most %d are allowed", len(b), MaxFrontierBytes)
	}
	var w storedFrontier
	rest, err := storedDecoder().UnmarshalFirst(b, &w)
	switch {
	case err != nil:
		return nil, fmt.Errorf("its first item: %w", err)
	case w.Version != frontierVersion:
		return nil, fmt.Errorf("version %d, this program reads %d; install a release that knows it", w.Version, frontierVersion)
	case !provenance.ValidChainID(w.ChainID):
		return nil, fmt.Errorf("the chain id %.60q is none", w.ChainID)
	case w.Height < 0 || w.Time < 0 || w.Time > provenance.MaxTime:
		return nil, fmt.Errorf("height %d, time %d: wanted 0 or more, the time at most %d", w.Height, w.Time, int64(provenance.MaxTime))
	}
	f := &Frontier{chainID: w.ChainID, states: w.States}
	if f.edge, err = edgeOf(w.Size, w.Edge); err != nil {
		return nil, err
	}
	if f.tree, err = parseStates(rest, w.States); err != nil {
		return nil, err
	}
	logRoot, err := f.edge.root()
	if err != nil {
		return nil, err
	}
	f.head = newHead(w.Height, w.Time, w.Size, logRoot, f.tree.rootHash())
	if f.head.LogRoot != w.LogRoot || f.head.StateRoot != w.StateRoot || f.head.AppHash != w.AppHash {
		return nil, fmt.Errorf("its parts give the log root %s, the state root %s and the app hash %s; it states %s, %s and %s",
			f.head.LogRoot, f.head.StateRoot, f.head.AppHash, w.LogRoot, w.StateRoot, w.AppHash)
	}
	// SPEC(NOD-1): one encoding.
	if !bytes.Equal(f.Encode(), b) {
		return nil, errors.New("it is not in the one encoding that its content has")
	}
	return f, nil
}

// parseStates reads the count values of the state map that b consists of.
func parseStates(b []byte, count int) (stateTree, error) {
	// Each takes at least 5 bytes, so that count bounds nothing that is not there.
	if count < 0 || count > len(b)/5 {
		return stateTree{}, fmt.Errorf("%d values of the state in %d bytes", count, len(b))
	}
	all := make([]stateChange, 0, count)
	before := ""
	for len(b) > 0 {
		var p storedPair
		rest, err := storedDecoder().UnmarshalFirst(b, &p)
		switch {
		case err != nil:
			return stateTree{}, fmt.Errorf("value %d of the state: %w", len(all), err)
		case len(all) == count:
			return stateTree{}, fmt.Errorf("more follow the %d values of the state", count)
		case p.Key <= before || len(p.Key) > maxStateKey:
			return stateTree{}, fmt.Errorf("the state's key %.60q follows %.60q: wanted ascending keys of at most %d bytes", p.Key, before, maxStateKey)
		case len(p.Value) == 0 || len(p.Value) > maxStateValue:
			return stateTree{}, fmt.Errorf("the state's value under %q has %d bytes, wanted 1 to %d", p.Key, len(p.Value), maxStateValue)
		}
		all, before, b = append(all, stateChange{p.Key, p.Value}), p.Key, rest
	}
	if len(all) != count {
		return stateTree{}, fmt.Errorf("%d values of the state, wanted %d", len(all), count)
	}
	return stateTree{}.update(all), nil
}
