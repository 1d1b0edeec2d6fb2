package ledger

import (
	"fmt"

	"tokentrail/provenance"
)

// A Head is the ledger after a block. It is stored: keys must never be changed.
type Head struct {
	Height    int64           `cbor:"1,keyasint"` // of the block; 0: genesis
	Time      int64           `cbor:"2,keyasint"` // of the block, ms since the epoch; 0 for genesis
	Size      int64           `cbor:"3,keyasint"` // entries in the log
	LogRoot   provenance.Hash `cbor:"4,keyasint"`
	StateRoot provenance.Hash `cbor:"5,keyasint"`
	AppHash   provenance.Hash `cbor:"6,keyasint"` // stands in the header of block Height+1
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

func (h Head) encode() []byte { return encodeStored(h) }

func decodeHead(b []byte) (Head, error) {
	var h Head
	if err := decodeStored(b, &h); err != nil {
		return Head{}, err
	}
	if h.AppHash != h.Preimage().AppHash() {
		return Head{}, fmt.Errorf("the app hash is not that of size and roots")
	}
	return h, nil
}

// undo leads from one height back to the one before: what a snapshot of it
// needs beside the log, which only grows.
type undo struct {
	head Head          // of the height before
	old  []stateChange // what the state's changed keys held; nil: nothing
}

// undoPart is about how many bytes of changes go in a stored part: with one more
// of the longest values a part stays below what is kept inline.
const undoPart = 64 << 10

// storedUndo is a part of an undo. Keys must never be changed.
type storedUndo struct {
	Head  []byte       `cbor:"1,keyasint"`
	Parts int          `cbor:"2,keyasint"`
	Old   []storedPair `cbor:"3,keyasint"`
}

type storedPair struct {
	_     struct{} `cbor:",toarray"`
	Key   string
	Value []byte // empty: nothing stood there; no value of the state is empty
}

// size is about what the pair takes in a part.
func (p storedPair) size() int { return len(p.Key) + len(p.Value) + 16 }

// parts returns the stored form, in parts.
func (u *undo) parts() [][]byte {
	parts := [][]storedPair{nil}
	size := 0
	for _, c := range u.old {
		p := storedPair{Key: c.key, Value: c.value}
		if size += p.size(); size > undoPart {
			parts, size = append(parts, nil), p.size()
		}
		last := len(parts) - 1
		parts[last] = append(parts[last], p)
	}
	out := make([][]byte, len(parts))
	for i, old := range parts {
		out[i] = encodeStored(storedUndo{Head: u.head.encode(), Parts: len(parts), Old: old})
	}
	return out
}

// decodePart adds a stored part and returns the number of all.
func (u *undo) decodePart(b []byte) (parts int, err error) {
	var part storedUndo
	if err := decodeStored(b, &part); err != nil {
		return 0, err
	}
	for _, p := range part.Old {
		c := stateChange{key: p.Key, value: p.Value}
		if len(c.value) == 0 {
			c.value = nil
		}
		u.old = append(u.old, c)
	}
	u.head, err = decodeHead(part.Head)
	return part.Parts, err
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
func (r reader) readUndo(height int64) (*undo, int, error) {
	u := &undo{}
	for i, parts := 0, 1; i < parts; i++ {
		b, err := r.get(partKey(prefixUndo, height, i))
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
