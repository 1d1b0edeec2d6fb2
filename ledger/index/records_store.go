package index

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	badger "github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/dgraph-io/badger/v4/pb"

	"tokentrail/ledger"
)

// Sizes of the index's Badger, in bytes. It is derived: what it takes is taken
// from the ledger's share of memory and disk.
const (
	recordMemTable = 16 << 20 // bounds a transaction too: 15 % of it, and a key for each 96 bytes of that
	recordTable    = 4 << 20
	recordBlock    = 16 << 10
	recordCache    = 8 << 20 // of expanded blocks
	recordValueLog = 1 << 20 // Badger's least; there are no values for it
)

// The one version that all keys have: a key is there or it is not, and nobody
// reads an older state.
const recordVersion = 1

// recordStore is the Badger of an index of records. Reads may come from any
// goroutine, writes from one.
type recordStore struct {
	db  *badger.DB
	dir string
	o   RecordsOptions
}

// openRecordStore opens or creates the store in dir, with mode 0700.
//
// Of a damaged table Badger may end the process, while it opens it or merges it
// later. The first is told by a file that only stands there while Badger opens;
// the second ends, since all tables are verified at the next opening, as the
// first. So damage costs a node two ends at most, and never the third.
func openRecordStore(dir string, o RecordsOptions) (s *recordStore, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := o.room(dir, o.ReserveBytes); err != nil {
		return nil, err
	}
	opening := filepath.Join(dir, openingFile)
	if _, err := os.Stat(opening); err == nil {
		return nil, unfit("open %s: the process ended while it was opened the last time", dir)
	}
	// Badger would delete the tables behind a record that is cut, and open without.
	if err := ledger.CheckStore(dir); err != nil {
		return nil, unfit("open %s: %w", dir, err)
	}
	if err := os.WriteFile(opening, nil, 0o600); err != nil {
		return nil, err
	}
	s, err = openBadger(dir, o)
	return s, errors.Join(err, os.Remove(opening))
}

// openingFile stands in the directory of a store while Badger opens it.
const openingFile = "OPENING"

func openBadger(dir string, o RecordsOptions) (s *recordStore, err error) {
	defer recoverUnfit(&err)
	log := &recordLog{log: o.Logger}
	db, err := badger.OpenManaged(recordStoreOptions(dir, o.memTable, log))
	switch {
	case err != nil && strings.Contains(err.Error(), "directory lock"):
		return nil, fmt.Errorf("%s: another process has it open: %w", dir, err)
	case err != nil:
		return nil, unfit("open %s: %w", dir, err)
	}
	// Badger goes on without a table that it cannot read, and only logs it.
	if what := log.failed.Load(); what != nil {
		return nil, errors.Join(unfit("open %s: %s", dir, *what), db.Close())
	}
	return &recordStore{db: db, dir: dir, o: o}, nil
}

func recordStoreOptions(dir string, memTable int64, log *recordLog) badger.Options {
	o := badger.DefaultOptions(dir)
	o.Logger = log
	// What is said to be indexed must be, also after a power cut: a key that is
	// missing is found by nobody. One sync a batch costs little.
	o.SyncWrites = true
	o.ChecksumVerificationMode = options.OnBlockRead // whole tables are checked before
	o.DetectConflicts = false                        // one writer
	o.MetricsEnabled = false                         // they are a global of the process
	o.Compression = options.ZSTD
	o.ZSTDCompressionLevel = 1
	o.BlockSize = recordBlock
	o.BlockCacheSize = recordCache
	o.BaseTableSize = recordTable
	o.BaseLevelSize = 4 * recordTable
	o.MemTableSize = memTable
	o.NumMemtables = 1  // beside the one that is written
	o.NumCompactors = 2 // the least that Badger takes
	o.ValueThreshold = 1 << 10
	o.ValueLogFileSize = recordValueLog
	return o
}

// removeRecordStore removes a store that nobody has open.
func removeRecordStore(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("remove the index %s, which is to be made anew: %w", dir, err)
	}
	return nil
}

func (s *recordStore) close() (err error) {
	defer recoverUnfit(&err)
	return s.db.Close()
}

// write stores keys, which it sorts, and then how far the index is. It is durable
// when it returns; where it fails in between, the same keys are written again some
// time.
func (s *recordStore) write(keys []recordKey, p progress) error {
	if err := s.o.room(s.dir, s.o.ReserveBytes); err != nil {
		return err
	}
	// Neighbours find their places in a memtable at half the cost.
	slices.SortFunc(keys, func(a, b recordKey) int { return bytes.Compare(a[:], b[:]) })
	// Badger refuses a group that reaches either bound.
	most := int(min(s.db.MaxBatchCount(), s.db.MaxBatchSize()/maxRecordOp)) - 16 // and there is room for the progress
	for len(keys) > most {
		if err := s.commit(keys[:most], nil); err != nil {
			return err
		}
		keys = keys[most:]
	}
	return s.commit(keys, p.encode())
}

// maxRecordOp is what a key without a value takes in a transaction, rounded up.
const maxRecordOp = recordKeySize + 32

// commit stores a group of keys, in their order, and then the progress, if any. A
// transaction would shuffle them, and its end is not needed: Badger writes one
// group after another and each in order, so that what a crash leaves of its log
// has the progress only behind all keys.
func (s *recordStore) commit(keys []recordKey, progress []byte) (err error) {
	if s.o.crash != nil {
		if err := s.o.crash(); err != nil {
			return err
		}
	}
	defer recoverUnfit(&err)
	loader := s.db.NewKVLoader(1)
	kv := pb.KV{Version: recordVersion} // copied by Set, but for the value
	for i := range keys {
		kv.Key = keys[i][:]
		if err := loader.Set(&kv); err != nil {
			return errors.Join(fmt.Errorf("%d keys: %w", len(keys), err), loader.Finish())
		}
	}
	if progress != nil {
		kv.Key, kv.Value = progressKey(), progress
		if err := loader.Set(&kv); err != nil {
			return errors.Join(fmt.Errorf("progress: %w", err), loader.Finish())
		}
	}
	if err := loader.Finish(); err != nil {
		return fmt.Errorf("write %d keys: %w", len(keys), err)
	}
	return nil
}

// readProgress returns how far an index of the log of origin is; nothing where
// the store is new.
func (s *recordStore) readProgress(origin string) (p progress, err error) {
	defer recoverUnfit(&err)
	txn := s.db.NewTransactionAt(recordVersion, false)
	defer txn.Discard()
	item, err := txn.Get(progressKey())
	if errors.Is(err, badger.ErrKeyNotFound) {
		return progress{origin: origin}, nil
	}
	var value []byte
	if err == nil {
		value, err = item.ValueCopy(nil)
	}
	if err != nil {
		return p, unfit("read how far it is: %w", err)
	}
	return decodeProgress(value, origin)
}

// scan visits the keys that begin with prefix, in order, until visit says that it
// has enough.
func (s *recordStore) scan(ctx context.Context, prefix []byte, visit func(recordKey) (more bool)) (err error) {
	defer recoverUnfit(&err)
	txn := s.db.NewTransactionAt(recordVersion, false)
	defer txn.Discard()
	it := txn.NewIterator(badger.IteratorOptions{Prefix: prefix})
	defer it.Close()
	n := 0
	for it.Seek(prefix); it.Valid(); it.Next() {
		if n++; n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		b := it.Item().Key()
		if len(b) != recordKeySize || !bytes.HasPrefix(b, prefix) {
			return unfit("a key of %d bytes, wanted %d", len(b), recordKeySize)
		}
		if !visit(recordKey(b)) {
			return nil
		}
	}
	return nil
}

// recoverUnfit turns a panic of Badger's, whose files are damaged then, into an
// error. It is deferred itself, else there is nothing to recover.
func recoverUnfit(err *error) {
	if p := recover(); p != nil {
		*err = unfit("reading it fails: %v", p)
	}
}

// recordLog is Badger's logger on slog. Badger's "info" is about its own files:
// debug to us.
type recordLog struct {
	log    *slog.Logger
	failed atomic.Pointer[string] // the last error
}

func (l *recordLog) line(f string, a []any) string {
	return "index of records: " + strings.TrimSpace(fmt.Sprintf(f, a...))
}

// Errorf and the others make recordLog a badger.Logger.
func (l *recordLog) Errorf(f string, a ...any) {
	line := l.line(f, a)
	l.failed.Store(&line)
	l.log.Error(line)
}

// Warningf implements badger.Logger.
func (l *recordLog) Warningf(f string, a ...any) { l.log.Warn(l.line(f, a)) }

// Infof implements badger.Logger.
func (l *recordLog) Infof(f string, a ...any) { l.log.Debug(l.line(f, a)) }

// Debugf implements badger.Logger.
func (l *recordLog) Debugf(f string, a ...any) { l.log.Debug(l.line(f, a)) }
