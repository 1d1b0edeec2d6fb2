package ledger

import (
	"fmt"
	"math/bits"

	"tokentrail/provenance"
)

// history is what a ledger that began at a frontier still lacks: the entries
// from next on and below frontier.size. It never changes; Backfill stores
// another. A nil history lacks nothing.
type history struct {
	start    Head     // the frontier's
	frontier *logEdge // the log's edge there
	next     int64    // entries that are here already, from 0
	edge     *logEdge // the log's edge at next
	last     int64    // height of the newest of them
}

// lacks reports whether the entry at index is not here.
func (h *history) lacks(index int64) bool {
	return h != nil && index >= h.next && index < h.frontier.size
}

// behind returns the index from which on all entries came in blocks.
func (h *history) behind() int64 {
	if h == nil {
		return 0
	}
	return h.frontier.size
}

// notHere says that something needs what is missing. SPEC(NOD-4)
func (h *history) notHere(format string, args ...any) error {
	return fmt.Errorf("%s: %w: this node has %d of the %d entries from before it joined; ask another node, or again later",
		fmt.Sprintf(format, args...), ErrNotHere, h.next, h.frontier.size)
}

// Missing returns the range of entries that are not here: they are in the log,
// and this node joined behind them. Where from and to are equal, none are. From
// grows with each Backfill; to is the size of the log where the ledger began.
func (l *Ledger) Missing() (from, to int64) {
	h := l.store.history.Load()
	if h == nil {
		return 0, 0
	}
	return h.next, h.frontier.size
}

// storedStart is the value under "F". Keys must never be changed.
type storedStart struct {
	Head []byte            `cbor:"1,keyasint"` // the frontier's
	Edge []provenance.Hash `cbor:"2,keyasint"`
}

// storedProgress is the value under "b". Keys must never be changed.
type storedProgress struct {
	Next int64             `cbor:"1,keyasint"`
	Edge []provenance.Hash `cbor:"2,keyasint"`
	Last int64             `cbor:"3,keyasint"`
}

// startOps stores where a ledger began.
func startOps(head Head, edge *logEdge) []storeOp {
	return []storeOp{sealed([]byte{prefixFrontier}, encodeStored(storedStart{head.encode(), edge.peaks()}))}
}

// progressOps stores that the history is as h has it, or that it is complete.
func progressOps(h *history) []storeOp {
	if h == nil {
		return []storeOp{{key: []byte{prefixFrontier}}, {key: []byte{prefixProgress}}}
	}
	return []storeOp{sealed([]byte{prefixProgress}, encodeStored(storedProgress{h.next, h.edge.peaks(), h.last}))}
}

// readHistory returns what is missing, nil where nothing is.
func (r reader) readHistory() (*history, error) {
	start, err := r.get([]byte{prefixFrontier})
	if err != nil {
		return nil, err
	}
	progress, err := r.get([]byte{prefixProgress})
	if err != nil {
		return nil, err
	}
	if start == nil && progress == nil {
		return nil, nil
	}
	h, err := decodeHistory(start, progress)
	if err != nil {
		return nil, damaged("frontier", "", "%v", err)
	}
	return h, nil
}

// decodeHistory holds the two stored values against each other.
func decodeHistory(start, progress []byte) (*history, error) {
	var s storedStart
	if err := decodeStored(start, &s); err != nil {
		return nil, fmt.Errorf("%d bytes of where the ledger began: %w", len(start), err)
	}
	head, err := decodeHead(s.Head)
	if err != nil {
		return nil, err
	}
	var p storedProgress
	if err := decodeStored(progress, &p); err != nil {
		return nil, fmt.Errorf("%d bytes of how far its history is here: %w", len(progress), err)
	}
	h := &history{start: head, next: p.Next, last: p.Last}
	if h.frontier, err = edgeOf(head.Size, s.Edge); err != nil {
		return nil, err
	}
	if root, err := h.frontier.root(); err != nil || root != head.LogRoot {
		return nil, fmt.Errorf("its edge gives the root %s, its head has %s: %v", root, head.LogRoot, err)
	}
	if h.edge, err = edgeOf(p.Next, p.Edge); err != nil {
		return nil, err
	}
	if h.next >= head.Size {
		return nil, fmt.Errorf("%d of %d entries are here, and it is not complete", h.next, head.Size)
	}
	return h, nil
}

// recoverHistory finds out what is missing.
func (l *Ledger) recoverHistory() error {
	h, err := readOne(l.store, reader.readHistory)
	l.store.history.Store(h)
	return err
}

// rowLength is the number of hashes that are stored with the entry at index: its
// leaf's, and that of each subtree which it completes.
func rowLength(index int64) int { return 1 + bits.TrailingZeros64(^uint64(index)) }
