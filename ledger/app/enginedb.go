package app

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/cometbft/cometbft/config"

	dbm "github.com/cometbft/cometbft-db"
	badger "github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
)

// Sizes of the engine's Badger, in bytes.
const (
	// engineMemTable bounds a transaction: Badger allows 15 % of it, here
	// 7,549,747 bytes, and one entry for each 96 of those, 78,643. The most bytes
	// has a block of MaxBlockBytes with its part proofs (about 300 bytes for each
	// 64 KiB) and two commits: 4.3 MB with 100 validators. The most entries has
	// CometBFT's pruning of 1,000 such blocks at once: 70,000.
	engineMemTable = 48 << 20
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

var (
	errEngineKeyEmpty    = errors.New("engine store: key is empty")
	errEngineValueNil    = errors.New("engine store: value is nil")
	errEngineBatchClosed = errors.New("engine store: batch is already written or closed")
	errEngineClosed      = errors.New("engine store: closed")
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

// OpenEngineDB opens or creates the engine's stores in dir (created with mode
// 0700). Only one process may have dir open; Badger refuses a second.
func OpenEngineDB(dir string, log *slog.Logger) (*EngineDB, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("engine store %s: %w", dir, err)
	}
	db, err := badger.Open(engineBadgerOptions(dir, log))
	if err != nil {
		return nil, fmt.Errorf("open engine store %s: %w", dir, err)
	}
	e := &EngineDB{db: db, parts: map[string][]byte{}}
	e.idle = sync.NewCond(&e.mu)
	return e, nil
}

func engineBadgerOptions(dir string, log *slog.Logger) badger.Options {
	o := badger.DefaultOptions(dir)
	o.Logger = badgerLog{log}
	o.SyncWrites = true // default false lost 38,207 of 933,225 acknowledged writes in power cuts
	o.ChecksumVerificationMode = options.OnTableAndBlockRead
	o.VerifyValueChecksum = true
	o.DetectConflicts = false // transactions only write: nothing to conflict
	o.MetricsEnabled = false
	o.Compression = options.None // blocks hold compressed records; and without it no block cache is needed
	o.BlockCacheSize = 0         // reads come from the mapped tables, that is the page cache
	o.MemTableSize = engineMemTable
	o.NumMemtables = 2
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
		"remove the node's engine and ledger stores and let it sync from its peers", key, len(encoded))
}

// engineStore is one of CometBFT's stores: the keys of an EngineDB that begin
// with prefix. Safe for concurrent use.
type engineStore struct {
	e        *EngineDB
	prefix   []byte // name and a zero byte
	upper    []byte // the first key after all that begin with prefix
	deferred []byte // keys of block parts begin with it; nil for other stores

	mu     sync.Mutex
	closed bool
}

var _ dbm.DB = (*engineStore)(nil)

func (s *engineStore) full(key []byte) []byte {
	return append(s.prefix[:len(s.prefix):len(s.prefix)], key...)
}

// open enters the EngineDB unless the store is closed. Reads of a closed store
// find nothing instead of failing: CometBFT's gossip goroutines outlive its
// Stop by up to peer_query_maj23_sleep_duration, and would take the process down
// on a read error, while they just give up where a block is missing.
func (s *engineStore) open() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.closed && s.e.enter()
}

// Get returns the value of key, nil when absent.
func (s *engineStore) Get(key []byte) ([]byte, error) {
	if len(key) == 0 {
		return nil, errEngineKeyEmpty
	}
	if !s.open() {
		return nil, nil
	}
	defer s.e.leave()
	k := s.full(key)
	v, err := s.e.get(k)
	if v == nil || err != nil {
		return nil, err
	}
	return decodeEngineValue(k, v)
}

// Has says whether key exists.
func (s *engineStore) Has(key []byte) (bool, error) {
	v, err := s.Get(key)
	return v != nil, err
}

// Set writes key; durable on return, except for block parts (see EngineDB).
func (s *engineStore) Set(key, value []byte) error {
	if s.deferred == nil || !bytes.HasPrefix(key, s.deferred) || value == nil {
		return s.SetSync(key, value)
	}
	if !s.open() {
		return errEngineClosed
	}
	defer s.e.leave()
	k := s.full(key)
	return s.e.deferSet(engineOp{k, encodeEngineValue(k, value)})
}

// SetSync writes key; durable on return.
func (s *engineStore) SetSync(key, value []byte) error {
	b := s.NewBatch()
	defer b.Close()
	if err := b.Set(key, value); err != nil {
		return err
	}
	return b.WriteSync()
}

// Delete removes key; durable on return.
func (s *engineStore) Delete(key []byte) error { return s.DeleteSync(key) }

// DeleteSync removes key; durable on return.
func (s *engineStore) DeleteSync(key []byte) error {
	b := s.NewBatch()
	defer b.Close()
	if err := b.Delete(key); err != nil {
		return err
	}
	return b.WriteSync()
}

// NewBatch starts an atomic, durable group of writes of at most 7.5 MB.
func (s *engineStore) NewBatch() dbm.Batch { return &engineBatch{s: s} }

// Iterator ascends over start ≤ key < end.
func (s *engineStore) Iterator(start, end []byte) (dbm.Iterator, error) {
	return s.iterate(start, end, false)
}

// ReverseIterator descends over start ≤ key < end.
func (s *engineStore) ReverseIterator(start, end []byte) (dbm.Iterator, error) {
	return s.iterate(start, end, true)
}

// Close ends this store alone.
func (s *engineStore) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

// Print writes keys and sizes to standard output, for debugging.
func (s *engineStore) Print() error {
	it, err := s.Iterator(nil, nil)
	if err != nil {
		return err
	}
	defer it.Close()
	for ; it.Valid(); it.Next() {
		fmt.Printf("%q: %d bytes\n", it.Key(), len(it.Value()))
	}
	return it.Error()
}

// Stats returns the sizes in bytes of the Badger that all stores share.
func (s *engineStore) Stats() map[string]string {
	if !s.open() {
		return map[string]string{}
	}
	defer s.e.leave()
	lsm, vlog := s.e.db.Size()
	return map[string]string{
		"store":        strings.TrimSuffix(string(s.prefix), "\x00"),
		"badger.lsm":   strconv.FormatInt(lsm, 10),
		"badger.value": strconv.FormatInt(vlog, 10),
	}
}

// Compact rewrites all stores, whatever the range: Badger cannot do less.
func (s *engineStore) Compact(_, _ []byte) error {
	if !s.open() {
		return errEngineClosed
	}
	defer s.e.leave()
	if err := s.e.db.Flatten(1); err != nil {
		return fmt.Errorf("compact engine store: %w", err)
	}
	for {
		err := s.e.db.RunValueLogGC(0.5)
		if errors.Is(err, badger.ErrNoRewrite) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("compact engine store's value log: %w", err)
		}
	}
}

// engineBatch collects writes; owned by one goroutine.
type engineBatch struct {
	s    *engineStore
	ops  []engineOp
	done bool
}

func (b *engineBatch) Set(key, value []byte) error {
	if value == nil {
		return errEngineValueNil
	}
	return b.add(key, func(k []byte) []byte { return encodeEngineValue(k, value) })
}

func (b *engineBatch) Delete(key []byte) error {
	return b.add(key, func([]byte) []byte { return nil })
}

func (b *engineBatch) add(key []byte, value func(full []byte) []byte) error {
	if len(key) == 0 {
		return errEngineKeyEmpty
	}
	if b.done {
		return errEngineBatchClosed
	}
	k := b.s.full(key)
	b.ops = append(b.ops, engineOp{k, value(k)})
	return nil
}

func (b *engineBatch) Write() error { return b.WriteSync() }

func (b *engineBatch) WriteSync() error {
	if b.done {
		return errEngineBatchClosed
	}
	if len(b.ops) > 0 {
		if !b.s.open() {
			return errEngineClosed
		}
		err := b.s.e.write(b.ops)
		b.s.e.leave()
		if err != nil {
			return err
		}
	}
	return b.Close()
}

func (b *engineBatch) Close() error {
	b.ops, b.done = nil, true
	return nil
}

// engineIterator walks one store; owned by one goroutine. It sees the store as
// it was when the iterator was made, and keeps Badger open until Close.
type engineIterator struct {
	s          *engineStore
	start, end []byte // the domain as asked for
	low, high  []byte // full keys: low ≤ key < high
	txn        *badger.Txn
	it         *badger.Iterator // nil once closed, or over an empty domain
	key, value []byte           // key is nil when the iterator is not valid
	err        error
}

func (s *engineStore) iterate(start, end []byte, reverse bool) (dbm.Iterator, error) {
	if (start != nil && len(start) == 0) || (end != nil && len(end) == 0) {
		return nil, errEngineKeyEmpty
	}
	i := &engineIterator{s: s, start: start, end: end, low: s.full(start), high: s.upper}
	if end != nil {
		i.high = s.full(end)
	}
	if bytes.Compare(i.low, i.high) >= 0 || !s.open() {
		return i, nil
	}
	if err := s.e.write(nil); err != nil { // parts in memory are part of the view
		s.e.leave()
		return nil, err
	}
	o := badger.DefaultIteratorOptions
	o.PrefetchValues = false // prefetching drops read errors
	o.Reverse = reverse
	i.txn = s.e.db.NewTransaction(false)
	i.it = i.txn.NewIterator(o)
	if !reverse {
		i.it.Seek(i.low)
	} else if i.it.Seek(i.high); i.it.Valid() && bytes.Equal(i.it.Item().Key(), i.high) {
		i.it.Next() // the end is exclusive
	}
	i.load()
	return i, nil
}

// load reads the pair under the cursor.
func (i *engineIterator) load() {
	i.key, i.value = nil, nil
	if !i.it.Valid() {
		return
	}
	k := i.it.Item().KeyCopy(nil)
	if bytes.Compare(k, i.low) < 0 || bytes.Compare(k, i.high) >= 0 {
		return
	}
	v, err := i.it.Item().ValueCopy(nil)
	if err == nil {
		v, err = decodeEngineValue(k, v)
	}
	if err != nil {
		i.err = err
		return
	}
	i.key, i.value = k[len(i.s.prefix):], v
}

func (i *engineIterator) Domain() (start, end []byte) { return i.start, i.end }
func (i *engineIterator) Valid() bool                 { return i.key != nil }
func (i *engineIterator) Error() error                { return i.err }

func (i *engineIterator) Next() {
	i.mustBeValid()
	i.it.Next()
	i.load()
}

func (i *engineIterator) Key() []byte {
	i.mustBeValid()
	return i.key
}

func (i *engineIterator) Value() []byte {
	i.mustBeValid()
	return i.value
}

// mustBeValid panics, as the interface demands.
func (i *engineIterator) mustBeValid() {
	if !i.Valid() {
		panic("engine store: iterator is not valid")
	}
}

func (i *engineIterator) Close() error {
	i.key, i.value = nil, nil
	if i.it != nil {
		i.it.Close()
		i.txn.Discard()
		i.it = nil
		i.s.e.leave()
	}
	return nil
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
