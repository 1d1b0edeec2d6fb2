package ledger

import (
	"fmt"

	"tokentrail/provenance"
)

// A Head is the ledger after a block.
type Head struct {
	Height    int64 // of the block; 0: genesis
	Time      int64 // of the block, ms since the epoch; 0 for genesis
	Size      int64 // entries in the log
	LogRoot   provenance.Hash
	StateRoot provenance.Hash
	AppHash   provenance.Hash // stands in the header of block Height+1
}

// newHead fills in the app hash.
func newHead(height, time, size int64, logRoot, stateRoot provenance.Hash) Head {
	h := Head{Height: height, Time: time, Size: size, LogRoot: logRoot, StateRoot: stateRoot}
	h.AppHash = h.Preimage().AppHash()
	return h
}

// Preimage returns what the app hash is the hash of (SPEC(STA-4)).
func (h Head) Preimage() provenance.Preimage {
	return provenance.Preimage{Size: h.Size, LogRoot: h.LogRoot, StateRoot: h.StateRoot}
}

// encode returns the stored form. Keys must never be changed.
func (h Head) encode() []byte {
	var w cborWriter
	w.openMap(6)
	w.int(1)
	w.int(h.Height)
	w.int(2)
	w.int(h.Time)
	w.int(3)
	w.int(h.Size)
	w.int(4)
	w.bytes(h.LogRoot[:])
	w.int(5)
	w.bytes(h.StateRoot[:])
	w.int(6)
	w.bytes(h.AppHash[:])
	return w.b
}

func decodeHead(b []byte) (Head, error) {
	r := cborReader{b: b}
	var h Head
	if n := r.count(cborMap); n != 6 {
		r.fail("a head of %d fields", n)
	}
	r.key(1)
	h.Height = r.int()
	r.key(2)
	h.Time = r.int()
	r.key(3)
	h.Size = r.int()
	r.key(4)
	h.LogRoot = r.hash()
	r.key(5)
	h.StateRoot = r.hash()
	r.key(6)
	h.AppHash = r.hash()
	if r.err == nil && h.AppHash != h.Preimage().AppHash() {
		r.fail("the app hash is not that of size and roots")
	}
	return h, r.done()
}

// undo leads from one height back to the one before: what a snapshot of it
// needs beside the log, which only grows.
type undo struct {
	head Head          // of the height before
	old  []stateChange // what the state's changed keys held; nil: nothing
}

// undoChanges is the number of changes in a stored part: with the longest keys
// and values a part stays far below what is kept inline.
const undoChanges = 1024

// parts returns the stored form, in parts. Keys must never be changed.
func (u *undo) parts() [][]byte {
	n := max(1, (len(u.old)+undoChanges-1)/undoChanges)
	out := make([][]byte, n)
	for i := range out {
		old := u.old[i*undoChanges : min(len(u.old), (i+1)*undoChanges)]
		var w cborWriter
		w.openMap(3)
		w.int(1)
		w.bytes(u.head.encode())
		w.int(2)
		w.int(int64(n))
		w.int(3)
		w.openArray(len(old))
		for _, c := range old {
			w.openArray(2)
			w.text(c.key)
			w.bytes(c.value) // no value of the state is empty: empty says nothing
		}
		out[i] = w.b
	}
	return out
}

// decodePart adds a stored part and returns the number of all.
func (u *undo) decodePart(b []byte) (parts int, err error) {
	r := cborReader{b: b}
	if n := r.count(cborMap); n != 3 {
		r.fail("an undo of %d fields", n)
	}
	r.key(1)
	head := r.bytes()
	r.key(2)
	parts = int(r.int())
	r.key(3)
	for range r.count(cborArray) {
		if n := r.count(cborArray); n != 2 {
			r.fail("a change of %d elements", n)
			break
		}
		c := stateChange{key: r.text(), value: r.bytes()}
		if len(c.value) == 0 {
			c.value = nil
		}
		u.old = append(u.old, c)
	}
	if err := r.done(); err != nil {
		return 0, err
	}
	u.head, err = decodeHead(head)
	return parts, err
}

// ops stores what leads back from height.
func (u *undo) ops(height int64) []storeOp {
	var ops []storeOp
	for i, part := range u.parts() {
		ops = append(ops, sealed(partKey(prefixUndo, height, i), part))
	}
	return ops
}

// readUndo returns what leads from height to the one before and the number of
// its parts; nil where that is no more kept.
func (s *store) readUndo(height int64) (*undo, int, error) {
	u := &undo{}
	for i, parts := 0, 1; i < parts; i++ {
		b, err := s.get(partKey(prefixUndo, height, i))
		switch {
		case err != nil:
			return nil, 0, err
		case b == nil && i == 0:
			return nil, 0, nil
		case b == nil:
			return nil, 0, damaged("undo", fmt.Sprintf("height %d", height), "part %d of %d is missing", i, parts)
		}
		if parts, err = u.decodePart(b); err != nil {
			return nil, 0, damaged("undo", fmt.Sprintf("height %d", height), "part %d: %v", i, err)
		}
		if i == parts-1 {
			return u, parts, nil
		}
	}
	return nil, 0, damaged("undo", fmt.Sprintf("height %d", height), "its parts do not agree")
}
