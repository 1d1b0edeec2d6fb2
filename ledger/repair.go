package ledger

import (
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
	"tokentrail/provenance"
)

// Repair writes all that is stored of one entry anew: the entry, its hashes, its
// records and the pointers to it. proof leads from the entry's leaf to the root
// of the log at a size that this ledger had; nil, where the hashes of the other
// entries that are here are to prove it. What does not lead to the head's root,
// or is not what the leaf commits to, is refused and nothing is written. For
// entries that are missing there is Backfill.
//
// It is one transaction in the usual case, durable when it returns. If we crash
// in between, the entry is damaged still, and Repair may be called again.
func (l *Ledger) Repair(index int64, r Received, proof *provenance.Inclusion) error {
	l.filling.Lock()
	defer l.filling.Unlock()
	s := l.Snapshot()
	if index < 0 || index >= s.head.Size {
		return fmt.Errorf("repair entry %d of %d: %w", index, s.head.Size, ErrNotFound)
	}
	if past := l.store.history.Load(); past.lacks(index) {
		return past.notHere("repair entry %d", index)
	}
	if err := s.repair(index, r, proof); err != nil {
		return fmt.Errorf("repair entry %d: %w", index, err)
	}
	return nil
}

func (s *Snapshot) repair(index int64, r Received, proof *provenance.Inclusion) error {
	row, err := s.provenRow(index, provenance.LeafHash(r.Statement), proof)
	if err != nil {
		return err
	}
	if r.Height, err = s.heightOf(index, r.Height); err != nil {
		return err
	}
	ops, err := receivedOps(index, r, row)
	if err != nil {
		return err
	}
	if err := s.store.writeLast([][]storeOp{ops}, nil); err != nil {
		return err
	}
	return s.scrubEntry(index)
}

// provenRow proves a leaf by the head's root and returns the hashes that belong
// to its entry. SPEC(NOD-9)
func (s *Snapshot) provenRow(index int64, leaf provenance.Hash, proof *provenance.Inclusion) ([]tlog.Hash, error) {
	hashes := mendedRows{s.store, map[int64][]tlog.Hash{}}
	if proof == nil {
		path, err := tlog.ProveRecord(s.head.Size, index, hashes)
		if err != nil {
			return nil, fmt.Errorf("prove it by what is stored of the others: %w", err)
		}
		proof = &provenance.Inclusion{Size: s.head.Size, Index: index, Path: proofPath(path)}
	}
	if proof.Index != index || proof.Size > s.head.Size {
		return nil, fmt.Errorf("a proof for entry %d in a log of size %d: wanted one for entry %d and a size of at most %d", proof.Index, proof.Size, index, s.head.Size)
	}
	root := s.head.LogRoot
	if proof.Size != s.head.Size {
		older, err := tlog.TreeHash(proof.Size, hashes)
		if err != nil {
			return nil, fmt.Errorf("root of the log at size %d: %w; ask for a proof at size %d", proof.Size, err, s.head.Size)
		}
		root = provenance.Hash(older)
	}
	if err := proof.Verify(root, leaf); err != nil {
		return nil, fmt.Errorf("it is not the log's, or its proof is not: %w", err)
	}
	// The subtrees that end with the entry are right halves up to the last that
	// it completes; the left halves are the first hashes of its path.
	row := []tlog.Hash{tlog.Hash(leaf)}
	for _, left := range proof.Path[:rowLength(index)-1] {
		row = append(row, tlog.NodeHash(tlog.Hash(left), row[len(row)-1]))
	}
	return row, nil
}

// heightOf returns the height that an entry is stored with, else the one that
// was said where it fits between the entries around it.
func (s *Snapshot) heightOf(index, said int64) (int64, error) {
	height := func(i int64) int64 {
		if i < 0 || i >= s.head.Size || s.store.history.Load().lacks(i) {
			return 0
		}
		b, err := s.store.get(indexKey(prefixEntry, i))
		if err != nil {
			return 0
		}
		e, err := decodeEntry(i, b)
		if err != nil {
			return 0
		}
		return e.Height
	}
	if h := height(index); h > 0 {
		return h, nil
	}
	least, most := max(1, height(index-1)), height(index+1)
	if most == 0 {
		most = s.head.Height
	}
	if said < least || said > most {
		return 0, fmt.Errorf("height %d, wanted %d to %d", said, least, most)
	}
	return said, nil
}

// mendedRows reads the log's hashes and works out damaged rows anew, from their
// entries' statements and the rows to their left. What comes of it is not
// checked: it has to give a known root.
type mendedRows struct {
	store  *store
	mended map[int64][]tlog.Hash // by the entry's index
}

// ReadHashes makes mendedRows a tlog.HashReader.
func (m mendedRows) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		got, err := m.store.ReadHashes(indexes[i : i+1])
		if isDamage(err) {
			got, err = m.mend(x, err)
		}
		if err != nil {
			return nil, err
		}
		out[i] = got[0]
	}
	return out, nil
}

// mend works out one stored hash.
func (m mendedRows) mend(stored int64, why error) ([]tlog.Hash, error) {
	level, index := completedBy(stored)
	row, ok := m.mended[index]
	if !ok {
		b, err := m.store.get(indexKey(prefixEntry, index))
		if err != nil || b == nil {
			return nil, errors.Join(why, err)
		}
		e, err := decodeEntry(index, b)
		if err != nil {
			return nil, errors.Join(why, damaged("entry", fmt.Sprintf("index %d", index), "%v", err))
		}
		if row, err = tlog.StoredHashesForRecordHash(index, tlog.Hash(e.LeafHash()), m); err != nil {
			return nil, err
		}
		m.mended[index] = row
	}
	return row[level : level+1], nil
}
