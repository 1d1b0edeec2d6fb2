package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
	"tokentrail/provenance"
)

// An Entry is a statement that the ledger has accepted.
type Entry struct {
	Index      int64
	Height     int64           // of the block that carried it
	ID         provenance.Hash // statement id
	Statement  []byte          // the canonical COSE_Sign1: the log leaf's data
	FrameBytes int64           // size of the records' frame
	FrameHash  provenance.Hash // its SHA-256
}

// LeafHash returns the entry's leaf hash in the log (SPEC(LOG-1)).
func (e *Entry) LeafHash() provenance.Hash { return provenance.LeafHash(e.Statement) }

// encode returns the stored form. Keys must never be changed.
func (e *Entry) encode() []byte {
	w := cborWriter{b: make([]byte, 0, len(e.Statement)+160)}
	w.openMap(5)
	w.int(1)
	w.int(e.Height)
	w.int(2)
	w.bytes(e.ID[:])
	w.int(3)
	w.int(e.FrameBytes)
	w.int(4)
	w.bytes(e.FrameHash[:])
	w.int(5)
	w.bytes(e.Statement)
	return w.b
}

func decodeEntry(index int64, b []byte) (*Entry, error) {
	r := cborReader{b: b}
	e := &Entry{Index: index}
	if n := r.count(cborMap); n != 5 {
		r.fail("an entry of %d fields", n)
	}
	r.key(1)
	e.Height = r.int()
	r.key(2)
	e.ID = r.hash()
	r.key(3)
	e.FrameBytes = r.int()
	r.key(4)
	e.FrameHash = r.hash()
	r.key(5)
	e.Statement = r.bytes()
	if r.err == nil && (e.FrameBytes < 0 || e.FrameBytes > provenance.MaxFrameBytes) {
		r.fail("a frame of %d bytes", e.FrameBytes)
	}
	return e, r.done()
}

// entryOps returns all operations that store an entry.
func entryOps(e *Entry, sub *provenance.Submission, hashes []tlog.Hash) []storeOp {
	h := sub.Statement.Header()
	pointer := binary.BigEndian.AppendUint64(nil, uint64(e.Index))
	ops := []storeOp{
		sealed(indexKey(prefixEntry, e.Index), e.encode()),
		sealed(indexKey(prefixHashes, e.Index), encodeHashRow(hashes)),
		{idKey(e.ID), pointer},
		{sequenceKey(h.Issuer, h.Stream, h.Sequence), pointer},
	}
	for i, rest := 0, sub.Frame; len(rest) > 0; i++ {
		n := min(len(rest), frameChunk)
		ops = append(ops, storeOp{frameKey(e.Index, i), rest[:n:n]})
		rest = rest[n:]
	}
	return ops
}

// readEntry returns the entry at index, which must be there. Its statement is
// checked against the leaf hash that the log's proofs are made of.
func (s *store) readEntry(index int64) (*Entry, error) {
	where := fmt.Sprintf("index %d", index)
	b, err := s.get(indexKey(prefixEntry, index))
	if err != nil {
		return nil, err
	}
	if b == nil {
		return nil, damaged("entry", where, "it is missing")
	}
	e, err := decodeEntry(index, b)
	if err != nil {
		return nil, damaged("entry", where, "%v", err)
	}
	row, err := s.hashRow(index)
	if err != nil {
		return nil, err
	}
	if leaf := e.LeafHash(); !bytes.HasPrefix(row, leaf[:]) {
		return nil, damaged("entry", where, "the statement's hash %s is not the log's leaf", leaf)
	}
	return e, nil
}

// readFrame returns the records' frame of an entry, checked against its hash.
func (s *store) readFrame(e *Entry) ([]byte, error) {
	where := fmt.Sprintf("index %d", e.Index)
	frame := make([]byte, 0, e.FrameBytes)
	for i := 0; int64(len(frame)) < e.FrameBytes; i++ {
		chunk, err := s.getRaw(frameKey(e.Index, i))
		if err != nil {
			return nil, err
		}
		if len(chunk) == 0 {
			return nil, damaged("frame", where, "chunk %d is missing", i)
		}
		frame = append(frame, chunk...)
	}
	if sum := provenance.Hash(sha256.Sum256(frame)); sum != e.FrameHash {
		return nil, damaged("frame", where, "%d bytes have the SHA-256 %s, written were %d with %s", len(frame), sum, e.FrameBytes, e.FrameHash)
	}
	return frame, nil
}

// follow reads the pointer under key: the index of an entry below size, or
// ErrNotFound. One that leads beyond is of a block that was never committed.
func (s *store) follow(key []byte, size int64) (int64, error) {
	b, err := s.getRaw(key)
	if err != nil {
		return 0, err
	}
	if b == nil {
		return 0, ErrNotFound
	}
	if len(b) != 8 {
		return 0, damaged("pointer", fmt.Sprintf("%q", key), "%d bytes, wanted 8", len(b))
	}
	index := int64(binary.BigEndian.Uint64(b))
	if index < 0 || index >= size {
		return 0, ErrNotFound
	}
	return index, nil
}
