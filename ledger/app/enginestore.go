package app

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	dbm "github.com/cometbft/cometbft-db"
	badger "github.com/dgraph-io/badger/v4"
)

var (
	errEngineKeyEmpty    = errors.New("engine store: key is empty")
	errEngineValueNil    = errors.New("engine store: value is nil")
	errEngineBatchClosed = errors.New("engine store: batch is already written or closed")
	errEngineClosed      = errors.New("engine store: closed")
)

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
	return s.e.reclaim()
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
