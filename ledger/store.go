package ledger

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"

	badger "github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
)

// Sizes of the ledger's Badger, in bytes.
const (
	// storeMemTable bounds a transaction: Badger allows 15 % of it, here
	// 6,291,456 bytes. A block of 4 MiB with its hashes, pointers and state
	// values stays below that, so that it is one transaction and one fsync.
	storeMemTable = 40 << 20
	// storeInline is Badger's ceiling for values that are kept in the tables.
	// All of ours are below it: the value log, whose damaged tail Badger drops
	// silently, stays empty.
	storeInline = 1 << 20
	// storeValueLog is the size of Badger's file for larger values, of which
	// there are none.
	storeValueLog = 16 << 20
	// storeOpOverhead is what an operation takes in a transaction beside its key
	// and value, rounded up.
	storeOpOverhead = 32
)

// store is the ledger's Badger: sealed values, checked reads, and transactions
// that are durable when they return. Safe for concurrent use; but only the
// holder of Ledger.writing writes.
type store struct {
	db *badger.DB

	mu     sync.RWMutex // held for reading by each operation, for writing by close
	closed bool         // guarded by mu; no operation enters Badger afterwards

	// crash is called before each transaction of a write, with its place and
	// whether it is the last; its error aborts the write there. Nil outside
	// tests; set before the store is used.
	crash func(n int, last bool) error
}

// openStore opens or creates the store in dir (created with mode 0700). Badger
// locks the directory: a second process is refused.
func openStore(dir string, memTable int64, log *slog.Logger) (*store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("ledger store %s: %w", dir, err)
	}
	db, err := badger.Open(storeOptions(dir, memTable, log))
	if err != nil {
		return nil, fmt.Errorf("open the ledger store %s (one process at a time may have it open): %w", dir, err)
	}
	s := &store{db: db}
	if err := s.checkFormat(); err != nil {
		return nil, errors.Join(fmt.Errorf("open the ledger store %s: %w", dir, err), db.Close())
	}
	return s, nil
}

func storeOptions(dir string, memTable int64, log *slog.Logger) badger.Options {
	o := badger.DefaultOptions(dir)
	o.Logger = storeLog{log}
	// Off by default, and then a power cut takes acknowledged blocks along.
	o.SyncWrites = true
	// By default flipped bits in tables read back as wrong values.
	o.ChecksumVerificationMode = options.OnTableAndBlockRead
	o.VerifyValueChecksum = true
	o.DetectConflicts = false    // one writer
	o.MetricsEnabled = false     // they are a global of the process
	o.Compression = options.None // frames are compressed
	o.BlockCacheSize = 0         // reads come from the mapped tables, that is the page cache
	o.MemTableSize = memTable
	o.NumMemtables = 2
	o.NumCompactors = 2 // the least that Badger takes
	o.ValueThreshold = min(storeInline, memTable/10)
	o.ValueLogFileSize = storeValueLog
	return o
}

// checkFormat refuses a directory that this version did not write.
func (s *store) checkFormat() error {
	key := []byte{prefixFormat}
	value, err := s.getRaw(key)
	switch {
	case err != nil:
		return err
	case string(value) == storeFormat:
		return nil
	case value != nil:
		return fmt.Errorf("its format is %.40q, this version reads %q; use the version that wrote it, or sync anew", value, storeFormat)
	}
	empty := true
	if err := s.scan(nil, nil, func([]byte, func() ([]byte, error)) error { empty = false; return nil }); err != nil {
		return err
	}
	if !empty {
		return damaged("format version", "key \"v\"", "it is missing, and the directory is not empty")
	}
	return s.write([]storeOp{{key, []byte(storeFormat)}})
}

// enter keeps Badger open until leave.
func (s *store) enter() error {
	s.mu.RLock()
	if s.closed {
		s.mu.RUnlock()
		return ErrClosed
	}
	return nil
}

func (s *store) leave() { s.mu.RUnlock() }

// close waits for running operations. It may be called again.
func (s *store) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("close the ledger store: %w", err)
	}
	return nil
}

// getRaw returns the bytes under key as they are, nil where there are none.
func (s *store) getRaw(key []byte) (value []byte, err error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.leave()
	// Badger dereferences nil where a table's block fails its checksum.
	defer recoverDamage(&key, &err)
	txn := s.db.NewTransaction(false)
	defer txn.Discard()
	item, err := txn.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, nil
	}
	if err == nil {
		value, err = item.ValueCopy(nil)
	}
	if err != nil {
		return nil, damaged("key", fmt.Sprintf("%q", key), "%v", err)
	}
	if value == nil {
		value = []byte{}
	}
	return value, nil
}

// get returns the value under key after checking its seal, nil where there is
// no such key.
func (s *store) get(key []byte) ([]byte, error) {
	sealed, err := s.getRaw(key)
	if sealed == nil || err != nil {
		return nil, err
	}
	return unseal(key, sealed)
}

// scan visits the keys from from (inclusive) that begin with prefix, in order,
// until visit fails; value reads the sealed value. Keys only live during the
// visit.
func (s *store) scan(prefix, from []byte, visit func(key []byte, value func() ([]byte, error)) error) (err error) {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	at := from
	defer recoverDamage(&at, &err)
	txn := s.db.NewTransaction(false)
	defer txn.Discard()
	it := txn.NewIterator(badger.IteratorOptions{Prefix: prefix})
	defer it.Close()
	for it.Seek(from); it.Valid(); it.Next() {
		at = it.Item().Key()
		value := func() ([]byte, error) {
			sealed, err := it.Item().ValueCopy(nil)
			if err != nil {
				return nil, damaged("key", fmt.Sprintf("%q", at), "%v", err)
			}
			return unseal(at, sealed)
		}
		if err := visit(at, value); err != nil {
			return err
		}
	}
	return nil
}

// recoverDamage turns a panic of Badger's read path at *key into an error. It is
// deferred itself, else there is nothing to recover.
func recoverDamage(key *[]byte, err *error) {
	if p := recover(); p != nil {
		*err = damaged("key", fmt.Sprintf("%q", *key), "reading it fails: %v", p)
	}
}

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

// storeLog is Badger's logger on slog. Badger's "info" is about its own files:
// debug to us.
type storeLog struct{ log *slog.Logger }

func (l storeLog) line(f string, a []any) string {
	return "ledger store: " + strings.TrimSpace(fmt.Sprintf(f, a...))
}

// Errorf and the others make storeLog a badger.Logger.
func (l storeLog) Errorf(f string, a ...any)   { l.log.Error(l.line(f, a)) }
func (l storeLog) Warningf(f string, a ...any) { l.log.Warn(l.line(f, a)) }
func (l storeLog) Infof(f string, a ...any)    { l.log.Debug(l.line(f, a)) }
func (l storeLog) Debugf(f string, a ...any)   { l.log.Debug(l.line(f, a)) }
