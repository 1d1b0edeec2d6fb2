package ledger

import (
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

// encode returns the stored form. Keys must never be changed.
func (u *undo) encode() []byte {
	var w cborWriter
	w.openMap(2)
	w.int(1)
	w.bytes(u.head.encode())
	w.int(2)
	w.openArray(len(u.old))
	for _, c := range u.old {
		w.openArray(2)
		w.text(c.key)
		w.bytes(c.value) // no value of the state is empty: empty says nothing
	}
	return w.b
}

func decodeUndo(b []byte) (*undo, error) {
	r := cborReader{b: b}
	u := &undo{}
	if n := r.count(cborMap); n != 2 {
		r.fail("an undo of %d fields", n)
	}
	r.key(1)
	head := r.bytes()
	r.key(2)
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
		return nil, err
	}
	var err error
	u.head, err = decodeHead(head)
	return u, err
}
