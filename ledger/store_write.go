package ledger

import "fmt"

// storeOp sets a key, or deletes it where value is nil.
type storeOp struct{ key, value []byte }

func (o storeOp) size() int64 { return int64(len(o.key)+len(o.value)) + storeOpOverhead }

// write makes ops in one durable transaction.
func (s *store) write(ops []storeOp) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	txn := s.db.NewTransaction(true)
	defer txn.Discard()
	for _, op := range ops {
		var err error
		if op.value == nil {
			err = txn.Delete(op.key)
		} else {
			err = txn.Set(op.key, op.value)
		}
		if err != nil {
			return fmt.Errorf("write %d keys to the ledger store: %w", len(ops), err)
		}
	}
	if err := txn.Commit(); err != nil {
		return fmt.Errorf("commit %d keys to the ledger store: %w", len(ops), err)
	}
	return nil
}

// writeLast makes the operations of groups and then those of last. Each group is
// in one transaction, last is in the last one, and there are as few as
// possible: in the usual case one for all.
func (s *store) writeLast(groups [][]storeOp, last []storeOp) error {
	batches, err := s.pack(groups, last)
	if err != nil {
		return err
	}
	for i, ops := range batches {
		if s.crash != nil {
			if err := s.crash(i, i == len(batches)-1); err != nil {
				return err
			}
		}
		if err := s.write(ops); err != nil {
			return err
		}
	}
	return nil
}

// pack joins groups to transactions, in order, last in the last one.
func (s *store) pack(groups [][]storeOp, last []storeOp) ([][]storeOp, error) {
	// Badger refuses a transaction that reaches either bound.
	maxSize, maxCount := s.db.MaxBatchSize()-1, int(s.db.MaxBatchCount())-1
	var batches [][]storeOp
	var open []storeOp
	var openSize int64
	for i, g := range append(groups[:len(groups):len(groups)], last) {
		size := int64(0)
		for _, op := range g {
			size += op.size()
		}
		if size > maxSize || len(g) > maxCount {
			return nil, fmt.Errorf("write to the ledger store: part %d of %d with %d keys and %d bytes does not fit one transaction (%d keys, %d bytes); nothing was written",
				i+1, len(groups)+1, len(g), size, maxCount, maxSize)
		}
		if openSize+size > maxSize || len(open)+len(g) > maxCount {
			batches = append(batches, open)
			open, openSize = nil, 0
		}
		open, openSize = append(open, g...), openSize+size
	}
	return append(batches, open), nil
}
