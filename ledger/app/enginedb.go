package app

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"os"
	"strings"
	"sync"

	"github.com/cometbft/cometbft/config"

	dbm "github.com/cometbft/cometbft-db"
	badger "github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"

	"tokentrail/ledger"
)

// Sizes of the engine's Badger, in bytes.
const (
	// engineMemTable bounds a transaction: Badger allows 15 % of it, here
	// 7,549,747 bytes, and one entry for each 96 of those, 78,643. The most bytes
	// has the largest block (4 MiB) with its part proofs (about 300 bytes for each
	// 64 KiB) and two commits: 4.3 MB with 100 validators. The most entries has
	// CometBFT's pruning of 1,000 such blocks at once: 70,000.
	engineMemTable = 48 << 20
	// engineBlock is the size of a table's blocks: a block part of 64 KiB fits with
	// its proof, its key and the end of the table's block. What does not fit takes
	// three times its size while Badger builds a table, and until that is written.
	engineBlock = 68 << 10
	// engineDeferLimit is how much of deferred block parts may wait for the
	// write that makes them a block; beyond it they are written on their own.
	engineDeferLimit = 5 << 20
	// engineValueInline is Badger's ceiling for values kept in the tables.
	// Every value of the engine but an enormous genesis is below it, so that
	// nothing lives in the value log, whose damaged tail Badger drops silently.
	engineValueInline = 1 << 20
	// engineValueLog is Badger's file for values above engineValueInline.
	engineValueLog = 64 << 20
)

// EngineDB keeps all of CometBFT's own stores (blocks, state, evidence) in one
// Badger, each under its name as key prefix. One instead of a directory a store:
// one write-ahead log, one set of memtables and compactors (a third of the
// memory), and writes that arrive together share one fsync.
//
// Durability. Badger decides on syncing for a whole database, not for each
// write, and its Sync does not cover a log that was rotated just before. So
// SyncWrites is on and every transaction is durable when it returns; Set and
// SetSync, Write and WriteSync are the same, with one exception: CometBFT saves
// a block above 640 kB as separate unsynced Sets of its 64 KiB parts, then one
// synced batch with the block's meta. Those parts wait in memory and go to disk
// in that batch's transaction: one fsync a block instead of 65, and a block that
// is there whole or not at all. If we crash before the batch, parts and meta are
// both gone, the store's height has not moved, and CometBFT fetches or replays
// the block. If we crash after it, all is there.
//
// Damage. Table checksums are verified when a table is opened and on every block
// read, and each value carries a CRC-32C of its key and itself, since Badger can
// return an empty or foreign value without an error.
type EngineDB struct {
	db *badger.DB

	writing sync.Mutex // held by the one writer for the length of its transaction

	mu       sync.Mutex        // guards the fields below
	idle     *sync.Cond        // on mu: signalled when users falls to 0
	users    int               // operations and open iterators inside Badger
	closed   bool              // set once; no operation enters Badger afterwards
	parts    map[string][]byte // deferred block parts by full key, encoded; changed only by the holder of writing
	partSize int               // bytes in parts
}

// engineRemedy is what to do about a damaged store.
const engineRemedy = "repair it from a peer or a backup ('tokentraild repair')"

// OpenEngineDB opens or creates the engine's stores in dir (created with mode
// 0700). Only one process may have dir open; Badger refuses a second.
func OpenEngineDB(dir string, log *slog.Logger) (*EngineDB, error) {
	return openEngineDB(dir, log, engineMemTable)
}

// openEngineDB is OpenEngineDB with another size of Badger's memtables.
func openEngineDB(dir string, log *slog.Logger, memTable int64) (*EngineDB, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("engine store %s: %w", dir, err)
	}
	if err := ledger.CheckStore(dir); err != nil {
		return nil, fmt.Errorf("open engine store %s: %w", dir, err)
	}
	db, err := badger.Open(engineBadgerOptions(dir, log).WithMemTableSize(memTable).WithValueThreshold(min(engineValueInline, memTable/10)))
	if err != nil {
		return nil, fmt.Errorf("open engine store %s: %w; unless another process uses it, "+engineRemedy, dir, err)
	}
	e := &EngineDB{db: db, parts: map[string][]byte{}}
	e.idle = sync.NewCond(&e.mu)
	return e, nil
}

func engineBadgerOptions(dir string, log *slog.Logger) badger.Options {
	o := badger.DefaultOptions(dir)
	o.Logger = badgerLog{log}
	o.SyncWrites = true                              // default false lost 38,207 of 933,225 acknowledged writes in power cuts
	o.ChecksumVerificationMode = options.OnBlockRead // whole tables are checked before
	o.VerifyValueChecksum = true
	o.DetectConflicts = false // transactions only write: nothing to conflict
	o.MetricsEnabled = false
	o.Compression = options.None // blocks hold compressed records; and without it no block cache is needed
	o.BlockCacheSize = 0         // reads come from the mapped tables, that is the page cache
	o.MemTableSize = engineMemTable
	o.NumMemtables = 2
	o.BlockSize = engineBlock
	o.NumCompactors = 2 // the least that Badger takes
	o.ValueThreshold = engineValueInline
	o.ValueLogFileSize = engineValueLog
	return o
}

// Store returns the store called name ("blockstore", "state", ...). Closing it
// makes its writes fail and its reads find nothing; Badger closes with the
// EngineDB only.
func (e *EngineDB) Store(name string) dbm.DB {
	s := &engineStore{e: e, prefix: append([]byte(name), 0)}
	s.upper = append([]byte(name), 1)
	if name == "blockstore" {
		s.deferred = []byte("P:")
	}
	return s
}

// Provider gives CometBFT its stores.
func (e *EngineDB) Provider() config.DBProvider {
	return func(c *config.DBContext) (dbm.DB, error) { return e.Store(c.ID), nil }
}

// Close writes what is deferred, waits for running operations and iterators, and
// closes Badger. It may be called again.
func (e *EngineDB) Close() error {
	flushErr := e.write(nil)
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return nil
	}
	e.closed = true
	for e.users > 0 {
		e.idle.Wait()
	}
	e.mu.Unlock()
	if err := errors.Join(flushErr, e.db.Close()); err != nil {
		return fmt.Errorf("close engine store: %w", err)
	}
	return nil
}

// size is about how many bytes the tables of all stores have on disk.
func (e *EngineDB) size() (bytes int64) {
	if !e.enter() {
		return 0
	}
	defer e.leave()
	for _, l := range e.db.Levels() {
		bytes += l.Size
	}
	return bytes
}

// reclaim gives back to the file system what deleted keys and values take. Badger
// alone keeps them for as long as nothing else is written at their level, which
// may be for ever. It rewrites the store, while that is in use. Up to some 250 MB
// stay: what was written and deleted last, in memtables and the tables that they
// became, of which Badger gathers five before it merges any.
func (e *EngineDB) reclaim() error {
	if !e.enter() {
		return errEngineClosed
	}
	defer e.leave()
	if err := e.db.Flatten(1); err != nil {
		return fmt.Errorf("compact engine store: %w", err)
	}
	for {
		err := e.db.RunValueLogGC(0.5)
		if errors.Is(err, badger.ErrNoRewrite) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("compact engine store's value log: %w", err)
		}
	}
}

// enter keeps Badger open until leave; false when it is closed.
func (e *EngineDB) enter() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return false
	}
	e.users++
	return true
}

func (e *EngineDB) leave() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.users--; e.users == 0 {
		e.idle.Broadcast()
	}
}

// engineOp is one write under its full key; a nil value deletes.
type engineOp struct {
	key, value []byte
}

// write commits the deferred parts and ops in one synced transaction. If both do
// not fit one, the parts go first: without their meta nobody looks for them. If
// ops alone do not fit, nothing of them is written and the error says so.
func (e *EngineDB) write(ops []engineOp) error {
	if !e.enter() {
		return errEngineClosed
	}
	defer e.leave()
	e.writing.Lock()
	defer e.writing.Unlock()
	parts := e.deferredOps()
	if len(parts)+len(ops) == 0 {
		return nil
	}
	err := e.commit(append(parts, ops...))
	if errors.Is(err, badger.ErrTxnTooBig) && len(parts) > 0 {
		if err = e.commit(parts); err == nil {
			e.dropDeferred()
			err = e.commit(ops)
		}
	}
	if err != nil {
		return fmt.Errorf("write %d keys to the engine store: %w", len(ops), err)
	}
	e.dropDeferred()
	return nil
}

func (e *EngineDB) commit(ops []engineOp) error {
	txn := e.db.NewTransaction(true)
	defer txn.Discard()
	for _, op := range ops {
		var err error
		if op.value == nil {
			err = txn.Delete(op.key)
		} else {
			err = txn.Set(op.key, op.value)
		}
		if err != nil {
			return err
		}
	}
	return txn.Commit()
}

// deferSet keeps a block part in memory until the next write.
func (e *EngineDB) deferSet(op engineOp) error {
	e.mu.Lock()
	full := e.partSize+len(op.value) > engineDeferLimit
	e.mu.Unlock()
	if full {
		if err := e.write(nil); err != nil {
			return err
		}
	}
	e.writing.Lock()
	defer e.writing.Unlock()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return errEngineClosed
	}
	e.partSize += len(op.value) - len(e.parts[string(op.key)])
	e.parts[string(op.key)] = op.value
	return nil
}

// deferredOps and dropDeferred are called with writing held.
func (e *EngineDB) deferredOps() []engineOp {
	e.mu.Lock()
	defer e.mu.Unlock()
	ops := make([]engineOp, 0, len(e.parts))
	for k, v := range e.parts {
		ops = append(ops, engineOp{[]byte(k), v})
	}
	return ops
}

func (e *EngineDB) dropDeferred() {
	e.mu.Lock()
	defer e.mu.Unlock()
	clear(e.parts)
	e.partSize = 0
}

// get returns the encoded value of a full key, nil when absent. A part leaves
// memory only after its transaction is committed, so that one of the two has it.
func (e *EngineDB) get(key []byte) ([]byte, error) {
	e.mu.Lock()
	part := e.parts[string(key)]
	e.mu.Unlock()
	if part != nil {
		return part, nil
	}
	txn := e.db.NewTransaction(false)
	defer txn.Discard()
	item, err := txn.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %q from the engine store: %w", key, err)
	}
	v, err := item.ValueCopy(nil)
	if err != nil {
		return nil, fmt.Errorf("read %q from the engine store: %w", key, err)
	}
	if v == nil {
		v = []byte{}
	}
	return v, nil
}

var engineCRC = crc32.MakeTable(crc32.Castagnoli)

// encodeEngineValue appends the checksum of key and value.
func encodeEngineValue(key, value []byte) []byte {
	sum := crc32.Update(crc32.Checksum(key, engineCRC), engineCRC, value)
	out := make([]byte, 0, len(value)+4)
	return binary.BigEndian.AppendUint32(append(out, value...), sum)
}

// decodeEngineValue checks and removes the checksum; the result is never nil.
func decodeEngineValue(key, encoded []byte) ([]byte, error) {
	n := len(encoded) - 4
	if n >= 0 {
		sum := crc32.Update(crc32.Checksum(key, engineCRC), engineCRC, encoded[:n])
		if binary.BigEndian.Uint32(encoded[n:]) == sum {
			return encoded[:n:n], nil
		}
	}
	return nil, fmt.Errorf("engine store is damaged at %q: %d bytes fail their checksum; "+
		engineRemedy, key, len(encoded))
}

// badgerLog is Badger's logger on slog. Badger's "info" is about its own files:
// debug to us.
type badgerLog struct{ log *slog.Logger }

func (l badgerLog) line(f string, a []any) string {
	return "badger: " + strings.TrimSpace(fmt.Sprintf(f, a...))
}

func (l badgerLog) Errorf(f string, a ...any)   { l.log.Error(l.line(f, a)) }
func (l badgerLog) Warningf(f string, a ...any) { l.log.Warn(l.line(f, a)) }
func (l badgerLog) Infof(f string, a ...any)    { l.log.Debug(l.line(f, a)) }
func (l badgerLog) Debugf(f string, a ...any)   { l.log.Debug(l.line(f, a)) }
