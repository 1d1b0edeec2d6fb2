package ledger

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"golang.org/x/mod/sumdb/tlog"
	"tokentrail/provenance"
)

// Snapshot is the ledger as it was after one block. It never changes, whatever is
// committed meanwhile, and may be used from any goroutine until the ledger is
// closed. Everything that it reads from disk is checked; what fails is a
// *DamageError and is not returned.
type Snapshot struct {
	store   *store
	chainID string
	head    Head
	tree    stateTree

	undoParts int // stored parts of what leads back from this height; for Commit

	registry atomic.Pointer[registry] // of tree; nil until somebody asks for it
}

// Head returns height, sizes and hashes.
func (s *Snapshot) Head() Head { return s.head }

// ChainID returns the chain id of the genesis document, empty before genesis.
func (s *Snapshot) ChainID() string { return s.chainID }

// Preimage returns what the snapshot's app hash is the hash of.
func (s *Snapshot) Preimage() provenance.Preimage { return s.head.Preimage() }

// checkNext wants height to be that of the next block.
func (s *Snapshot) checkNext(height int64) error {
	switch {
	case s.chainID == "":
		return fmt.Errorf("the ledger has no genesis yet")
	case height != s.head.Height+1:
		return fmt.Errorf("block %d does not follow height %d", height, s.head.Height)
	}
	return nil
}

// Entry returns the entry at index, or ErrNotFound, or ErrNotHere.
func (s *Snapshot) Entry(index int64) (*Entry, error) {
	if index < 0 || index >= s.head.Size {
		return nil, fmt.Errorf("entry %d of %d: %w", index, s.head.Size, ErrNotFound)
	}
	if past := s.store.history.Load(); past.lacks(index) {
		return nil, past.notHere("entry %d", index)
	}
	return s.store.readEntry(index)
}

// Frame returns the records of the entry at index as they are stored: one zstd
// frame (provenance.ExpandRecords opens it); or ErrNotFound, or ErrNotHere.
func (s *Snapshot) Frame(index int64) ([]byte, error) {
	e, err := s.Entry(index)
	if err != nil {
		return nil, err
	}
	return s.store.readFrame(e)
}

// EntryFrame is Frame for an entry that is already at hand.
func (s *Snapshot) EntryFrame(e *Entry) ([]byte, error) { return s.store.readFrame(e) }

// IndexOf returns the index of the statement with this id, or ErrNotFound, or
// ErrNotHere where it may be one of those that are missing.
func (s *Snapshot) IndexOf(id provenance.Hash) (int64, error) {
	past := s.store.history.Load() // before the pointer: what it has is there
	index, err := s.store.follow(idKey(id), s.head.Size)
	if errors.Is(err, ErrNotFound) && past != nil {
		return 0, past.notHere("statement %s is not among the entries of this node", id)
	}
	if err != nil {
		return 0, fmt.Errorf("statement %s: %w", id, err)
	}
	e, err := s.store.readEntry(index)
	if err == nil && e.ID != id {
		err = damaged("pointer", "statement "+id.String(), "it leads to entry %d, which is statement %s", index, e.ID)
	}
	return index, err
}

// IndexOfSequence returns the index of the entry at sequence in a stream, or
// ErrNotFound, or ErrNotHere.
func (s *Snapshot) IndexOfSequence(issuer, stream string, sequence int64) (int64, error) {
	where := fmt.Sprintf("%s/%s sequence %d", issuer, stream, sequence)
	if sequence < 0 || !provenance.ValidNameID(issuer) || !provenance.ValidNameID(stream) {
		return 0, fmt.Errorf("%s: %w", where, ErrNotFound)
	}
	past := s.store.history.Load() // before the pointer: what it has is there
	index, err := s.store.follow(sequenceKey(issuer, stream, sequence), s.head.Size)
	if errors.Is(err, ErrNotFound) && past != nil {
		// Only what the stream's head is behind can be among those that are missing.
		if head, ok, err := s.StreamHead(issuer, stream); err != nil || ok && sequence <= head.Sequence {
			return 0, errors.Join(err, past.notHere("%s", where))
		}
	}
	if err != nil {
		return 0, fmt.Errorf("%s: %w", where, err)
	}
	e, err := s.store.readEntry(index)
	if err != nil {
		return 0, err
	}
	st, err := provenance.ParseStatement(e.Statement)
	if err != nil {
		return 0, damaged("entry", fmt.Sprintf("index %d", index), "%v", err)
	}
	if h := st.Header(); h.Issuer != issuer || h.Stream != stream || h.Sequence != sequence {
		return 0, damaged("pointer", where, "it leads to entry %d, which is %s/%s sequence %d", index, h.Issuer, h.Stream, h.Sequence)
	}
	return index, nil
}

// LogRoot returns the root of the log at size, at most the snapshot's.
func (s *Snapshot) LogRoot(size int64) (provenance.Hash, error) {
	if size < 0 || size > s.head.Size {
		return provenance.Hash{}, fmt.Errorf("log size %d, the log has %d: %w", size, s.head.Size, ErrNotFound)
	}
	root, err := tlog.TreeHash(size, s.store)
	return provenance.Hash(root), err
}

// Inclusion proves that the entry at index stands in the log of size, at most the
// snapshot's; ErrNotFound for others.
func (s *Snapshot) Inclusion(index, size int64) (*provenance.Inclusion, error) {
	if index < 0 || index >= size || size > s.head.Size {
		return nil, fmt.Errorf("inclusion of entry %d in the log of size %d, the log has %d: %w", index, size, s.head.Size, ErrNotFound)
	}
	path, err := tlog.ProveRecord(size, index, s.store)
	if err != nil {
		return nil, err
	}
	return &provenance.Inclusion{Size: size, Index: index, Path: proofPath(path)}, nil
}

// Consistency proves that the log of size newer, at most the snapshot's, grew
// out of that of size older; ErrNotFound for others, ErrNotHere where hashes are
// missing.
func (s *Snapshot) Consistency(older, newer int64) (*provenance.Consistency, error) {
	if older < 0 || older > newer || newer > s.head.Size {
		return nil, fmt.Errorf("consistency of the log's sizes %d and %d, the log has %d: %w", older, newer, s.head.Size, ErrNotFound)
	}
	c := &provenance.Consistency{Older: older, Newer: newer}
	// SPEC(PRF-1): for 0 and for equal sizes the path is empty.
	if older == 0 || older == newer {
		return c, nil
	}
	path, err := tlog.ProveTree(newer, older, s.store)
	c.Path = proofPath(path)
	return c, err
}

// State returns the value under a key of the state map, which the caller does
// not change; false where nothing stands there.
func (s *Snapshot) State(key string) ([]byte, bool) { return s.tree.get(key) }

// StateProof proves what State says, present or absent, under the snapshot's
// state root.
func (s *Snapshot) StateProof(key string) *provenance.StateProof { return s.tree.prove(key) }

// StreamHead returns the newest statement of a stream; false for a stream that
// has none.
func (s *Snapshot) StreamHead(issuer, stream string) (provenance.StreamHead, bool, error) {
	return stateValue[provenance.StreamHead](s.tree, provenance.StateStreamKey(issuer, stream))
}

// Provider returns an entry of the registry; false for an unknown id.
func (s *Snapshot) Provider(id string) (provenance.Provider, bool, error) {
	return stateValue[provenance.Provider](s.tree, provenance.StateProviderKey(id))
}

// Providers returns the registry in ascending order of ids. It walks the state
// map.
func (s *Snapshot) Providers() ([]provenance.Provider, error) {
	return statesUnder[provenance.Provider](s.tree, provenance.StateProviderKey(""))
}

// Validators returns the validators in ascending order of addresses. It walks
// the state map.
func (s *Snapshot) Validators() ([]provenance.Validator, error) {
	return statesUnder[provenance.Validator](s.tree, provenance.StateValidatorKey(nil))
}

func statesUnder[T provenance.StateValue](tree stateTree, prefix string) ([]T, error) {
	var out []T
	for _, l := range tree.withPrefix(prefix) {
		v, err := provenance.ParseStateValue[T](l.value)
		if err != nil {
			return nil, damaged("state", l.key, "%v", err)
		}
		out = append(out, v)
	}
	return out, nil
}

// A Stream is a stream and its head.
type Stream struct {
	Issuer, Name string
	Head         provenance.StreamHead
}

// Streams returns the streams of an issuer, or of all for "", in ascending order
// of issuer and name. It walks the state map.
func (s *Snapshot) Streams(issuer string) ([]Stream, error) {
	prefix := strings.TrimSuffix(provenance.StateStreamKey("", ""), "/") // "stream/"
	if issuer != "" {
		prefix = provenance.StateStreamKey(issuer, "")
	}
	var out []Stream
	for _, l := range s.tree.withPrefix(prefix) {
		h, err := provenance.ParseStateValue[provenance.StreamHead](l.value)
		if err != nil {
			return nil, damaged("state", l.key, "%v", err)
		}
		path := strings.Split(l.key, "/") // "stream", issuer, name
		out = append(out, Stream{path[1], path[2], h})
	}
	return out, nil
}
