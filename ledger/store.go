package ledger

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"

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
	// storeBlock is the size of a table's blocks. While Badger builds a table it
	// gives each block this much memory and, if a value does not fit, three times
	// the value's size, all held until the table is written: with 4 KiB a table of
	// 31 MB took 133 MB, with this 66 MB. So a chunk of a frame fits, with its key
	// and the block's end. Each read checks a whole block.
	storeBlock = frameChunk + 4<<10
	// storeOpOverhead is what an operation takes in a transaction beside its key
	// and value, rounded up.
	storeOpOverhead = 32
)

// store is the ledger's Badger: sealed values, checked reads, and transactions
// that are durable when they return. Safe for concurrent use; but only the
// holder of Ledger.writing, filling or archiving writes, each keys of its own.
type store struct {
	db *badger.DB

	mu     sync.RWMutex // held for reading by each operation, for writing by close
	closed bool         // guarded by mu; no operation enters Badger afterwards

	// history is what the ledger began without and still lacks, nil where it
	// lacks nothing. Stored by whoever holds Ledger.filling, or by Restore.
	history atomic.Pointer[history]

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
	if err := CheckStore(dir); err != nil {
		return nil, fmt.Errorf("open the ledger store %s: %w", dir, err)
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
	// By default flipped bits in tables read back as wrong values. Whole tables
	// are checked before (CheckStore).
	o.ChecksumVerificationMode = options.OnBlockRead
	o.VerifyValueChecksum = true
	o.DetectConflicts = false    // one writer
	o.MetricsEnabled = false     // they are a global of the process
	o.Compression = options.None // frames are compressed
	o.BlockCacheSize = 0         // reads come from the mapped tables, that is the page cache
	o.MemTableSize = memTable
	o.NumMemtables = 2
	o.BlockSize = storeBlock
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

// read calls f with a reader, which ends with it.
func (s *store) read(f func(r reader) error) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	txn := s.db.NewTransaction(false)
	defer txn.Discard()
	return f(reader{txn})
}

// getRaw returns the bytes under key as they are, nil where there are none.
func (s *store) getRaw(key []byte) (value []byte, err error) {
	err = s.read(func(r reader) (err error) { value, err = r.getRaw(key); return err })
	return value, err
}

// get returns the value under key after checking its seal, nil where there is
// no such key.
func (s *store) get(key []byte) (value []byte, err error) {
	err = s.read(func(r reader) (err error) { value, err = r.get(key); return err })
	return value, err
}

// scan is reader.scan by itself.
func (s *store) scan(prefix, from []byte, visit func(key []byte, value func() ([]byte, error)) error) error {
	return s.read(func(r reader) error { return r.scan(prefix, from, visit) })
}

// reader reads the store as it is at one moment, whatever is written meanwhile.
// Owned by one goroutine; it only lives during store.read.
type reader struct{ txn *badger.Txn }

// getRaw returns the bytes under key as they are, nil where there are none.
func (r reader) getRaw(key []byte) (value []byte, err error) {
	// Badger dereferences nil where a table's block fails its checksum.
	defer recoverDamage(&key, &err)
	item, err := r.txn.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, nil
	}
	if err == nil {
		value, err = item.ValueCopy(nil)
	}
	if err != nil {
		return nil, damaged(nameOfKey(key), placeOfKey(key), "%v", err)
	}
	if value == nil {
		value = []byte{}
	}
	return value, nil
}

// get returns the value under key after checking its seal, nil where there is
// no such key.
func (r reader) get(key []byte) ([]byte, error) {
	sealed, err := r.getRaw(key)
	if sealed == nil || err != nil {
		return nil, err
	}
	return unseal(key, sealed)
}

// scan visits the keys from from (inclusive) that begin with prefix, in order,
// until visit fails; value reads the sealed value. Keys only live during the
// visit.
func (r reader) scan(prefix, from []byte, visit func(key []byte, value func() ([]byte, error)) error) (err error) {
	at := from
	defer recoverDamage(&at, &err)
	it := r.txn.NewIterator(badger.IteratorOptions{Prefix: prefix})
	defer it.Close()
	for it.Seek(from); it.Valid(); it.Next() {
		at = it.Item().Key()
		value := func() ([]byte, error) {
			sealed, err := it.Item().ValueCopy(nil)
			if err != nil {
				return nil, damaged(nameOfKey(at), placeOfKey(at), "%v", err)
			}
			return unseal(at, sealed)
		}
		if err := visit(at, value); err != nil {
			return err
		}
	}
	return nil
}

// lastIndex returns the greatest integer behind prefix (see indexOfKey), -1
// where no key has the prefix.
func (r reader) lastIndex(prefix byte) (last int64, err error) {
	key := indexKey(prefix, -1) // behind all of them
	defer recoverDamage(&key, &err)
	it := r.txn.NewIterator(badger.IteratorOptions{Prefix: key[:1], Reverse: true})
	defer it.Close()
	if it.Seek(key); !it.Valid() {
		return -1, nil
	}
	return indexOfKey(it.Item().Key()), nil
}

// recoverDamage turns a panic of Badger's read path at *key into an error. It is
// deferred itself, else there is nothing to recover.
func recoverDamage(key *[]byte, err *error) {
	if p := recover(); p != nil {
		*err = damaged(nameOfKey(*key), placeOfKey(*key), "reading it fails: %v", p)
	}
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
