package ledger

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"tokentrail/provenance"
)

// A Result is what became of one transaction of a block.
type Result struct {
	Code  uint32          // 0 admitted, else ResultCode of the error
	Err   error           // nil where admitted, else a *provenance.Error
	Index int64           // of the new entry, -1 where refused
	ID    provenance.Hash // of the entry; zero where undecodable, or of a type that the ledger does not have
}

// An Outcome is what a block does.
type Outcome struct {
	Results []Result // of each transaction
	AppHash provenance.Hash
	// Validators are those whose power changes, in ascending order of addresses;
	// power 0 removes one. They hold from the second block after (SPEC(GOV-17)).
	Validators []provenance.Validator
}

// block is a computed block that is not committed yet.
type block struct {
	head    Head
	tree    stateTree
	edge    *logEdge
	entries [][]storeOp   // operations of each entry
	changes []stateChange // of the state, sorted by key
	old     []stateChange // what the changed keys held before

	registry *registry // after the block; nil where nobody has asked for it
}

// The ceilings of a block (SPEC(ADM-17)).
const (
	// MaxBlockBytes is what the transactions of a block take at most, each with
	// its protobuf frame. Blocks of 4 MiB have a quarter of the latency of those
	// of 21 MB at the same throughput.
	MaxBlockBytes = 4 << 20
	// MaxBlockExpanded is what their records take expanded: 16 times as much.
	// Records of usage compress to a fourth, a tenth where nothing in them is
	// random; without the ceiling a block could hold gigabytes of work.
	MaxBlockExpanded = 64 << 20
	// MaxBlockChanged is what the values take that it leaves changed in the state:
	// they go into the store's last transaction with what leads back from them,
	// which a registry full of keys could otherwise make too large for Badger.
	MaxBlockChanged = 1 << 20
)

// room is what is left of a block's ceilings.
type room struct{ bytes, expanded int64 }

func newRoom() *room { return &room{MaxBlockBytes, MaxBlockExpanded} }

// take takes the room that c needs, and reports whether it was there.
func (r *room) take(c *Checked) bool {
	bytes, expanded := protoSize(len(c.raw)), int64(0)
	if c.sub != nil {
		expanded = c.sub.ExpandedSize()
	}
	if bytes > r.bytes || expanded > r.expanded {
		return false
	}
	r.bytes, r.expanded = r.bytes-bytes, r.expanded-expanded
	return true
}

// noRoom is why a block with too much in it is refused.
func noRoom() error {
	return refuse(provenance.CodeSize, "", "the block takes more than %d bytes, or more than %d expanded", MaxBlockBytes, MaxBlockExpanded)
}

// Prepare chooses the transactions of the block to be proposed at height: the
// candidates that are admissible one after another: acts, equivocations, then
// batches, each stream in the order of its sequences, streams taking turns as the
// candidates do. They stay within the ceilings of a block and, each with its
// protobuf frame, within maxBytes. The same arguments give the same result. An
// error means that there can be no such block.
func (l *Ledger) Prepare(height int64, blockTime time.Time, candidates []*Checked, maxBytes int64) ([]*Checked, error) {
	snap := l.Snapshot()
	if err := snap.checkNext(height); err != nil {
		return nil, err
	}
	v, err := snap.view(blockTime)
	if err != nil {
		return nil, err
	}
	left := newRoom()
	left.bytes = min(left.bytes, maxBytes)
	var chosen []*Checked
	for _, c := range inOrder(candidates) {
		// SPEC(ADM-11): only what is admitted may stand in a block. A candidate
		// that does not fit leaves a gap, and so drops what follows in its stream.
		before := *left
		if !left.take(c) {
			continue
		}
		if v.admit(c) != nil {
			*left = before
			continue
		}
		chosen = append(chosen, c)
	}
	return chosen, nil
}

// protoSize is the size of a transaction in the engine's block: a tag, a varint
// and the bytes.
func protoSize(n int) int64 {
	size := int64(n) + 2
	for ; n >= 0x80; n >>= 7 {
		size++
	}
	return size
}

// Process judges a proposed block: nil where every transaction is admitted, one
// after another (SPEC(ADM-11)). The error names the first that is not.
func (l *Ledger) Process(height int64, blockTime time.Time, txs []*Checked) error {
	snap := l.Snapshot()
	if err := snap.checkNext(height); err != nil {
		return err
	}
	v, err := snap.view(blockTime)
	if err != nil {
		return err
	}
	left := newRoom()
	for i, c := range txs {
		// SPEC(ADM-17): before any of the work that the ceilings bound.
		if !left.take(c) {
			return fmt.Errorf("transaction %d of the proposed block %d: %w", i, height, noRoom())
		}
	}
	warm(v, txs)
	for i, c := range txs {
		if err := v.admit(c); err != nil {
			return fmt.Errorf("transaction %d of the proposed block %d: %w", i, height, err)
		}
	}
	return nil
}

// Apply computes the block at height, the next one, and returns what it does.
// Nothing becomes visible and nothing is written: a crash after Apply loses only
// work. Another Apply replaces what was computed. An error means that the node
// cannot go on; what is wrong with a transaction is in its result.
func (l *Ledger) Apply(height int64, blockTime time.Time, txs []*Checked) (*Outcome, error) {
	l.writing.Lock()
	defer l.writing.Unlock()
	l.pending = nil
	snap := l.Snapshot()
	if err := snap.checkNext(height); err != nil {
		return nil, err
	}
	v, err := snap.view(blockTime)
	if err != nil {
		return nil, err
	}
	warm(v, txs)
	b := &block{edge: l.edge.clone()}
	out := &Outcome{Results: make([]Result, len(txs))}
	for i, c := range txs {
		if out.Results[i], err = b.apply(v, c); err != nil {
			return nil, fmt.Errorf("apply block %d, transaction %d: %w", height, i, err)
		}
	}
	if err := b.finish(v, snap); err != nil {
		return nil, fmt.Errorf("apply block %d: %w", height, err)
	}
	if out.Validators, err = b.validatorUpdates(); err != nil {
		return nil, fmt.Errorf("apply block %d: %w", height, err)
	}
	l.pending, out.AppHash = b, b.head.AppHash
	return out, nil
}

// apply admits one transaction and appends its entry.
func (b *block) apply(v *view, c *Checked) (Result, error) {
	r := Result{Index: -1}
	if v.hasType(c.kind) {
		r.ID = c.ID()
	}
	if err := v.admit(c); err != nil {
		var refusal *provenance.Error
		if !errors.As(err, &refusal) {
			return r, err
		}
		r.Code, r.Err = ResultCode(refusal.Code), refusal
		return r, nil
	}
	frame := c.frame()
	e := &Entry{
		Index: b.edge.size, Height: v.height, ID: c.ID(), Statement: c.Leaf(),
		FrameBytes: int64(len(frame)), FrameHash: sha256.Sum256(frame),
	}
	// SPEC(LOG-1)
	hashes, err := b.edge.append(e.LeafHash())
	if err != nil {
		return r, err
	}
	b.entries = append(b.entries, entryOps(e, c.pointers(), frame, hashes))
	r.Index = e.Index
	return r, nil
}

// finish computes the roots and what leads back.
func (b *block) finish(v *view, before *Snapshot) error {
	for key, value := range v.changes {
		b.changes = append(b.changes, stateChange{key, value})
	}
	slices.SortFunc(b.changes, func(x, y stateChange) int { return strings.Compare(x.key, y.key) })
	for _, c := range b.changes {
		old, _ := before.tree.get(c.key)
		b.old = append(b.old, stateChange{c.key, old})
	}
	b.tree = before.tree.update(b.changes)
	logRoot, err := b.edge.root()
	if err != nil {
		return err
	}
	if known := before.registry.Load(); known != nil {
		b.registry = known.with(v.added)
	}
	b.head = newHead(v.height, v.time, b.edge.size, logRoot, b.tree.rootHash())
	return nil
}

// Commit makes the block of the last Apply durable and then visible. In the
// usual case it is one transaction with one fsync; a block too large for that
// goes in several, of which only the last moves the head:
//
//  1. entries, each with its hashes, pointers and frame, in as few
//     transactions as take them. If we crash in between, the head has not
//     moved: Open drops what lies beyond it, and the engine replays the block.
//  2. in one transaction the rest of them, the changed state values, what leads
//     back to the height before, and the head. If we crash before it is
//     durable, as in 1; after it, the block is there whole, and Info says so.
//  3. readers get the new snapshot. If we crash before, Open makes it.
//
// After an error nothing is visible, and Commit may be called again: it writes
// the same keys and values.
func (l *Ledger) Commit() error {
	l.writing.Lock()
	defer l.writing.Unlock()
	b := l.pending
	if b == nil {
		return fmt.Errorf("commit: no block was applied")
	}
	if err := checkReserve(l.dir, l.reserve); err != nil {
		return fmt.Errorf("commit block %d: %w", b.head.Height, err)
	}
	last, undoParts := l.headOps(b)
	if err := l.store.writeLast(b.entries, last); err != nil {
		return fmt.Errorf("commit block %d: %w", b.head.Height, err)
	}
	l.edge, l.pending = b.edge, nil
	next := &Snapshot{store: l.store, chainID: l.chainID, head: b.head, tree: b.tree, undoParts: undoParts}
	next.registry.Store(b.registry)
	l.publish(next)
	return nil
}

// headOps is what the last transaction of a block writes.
func (l *Ledger) headOps(b *block) (ops []storeOp, undoParts int) {
	u := undo{head: l.Snapshot().head, old: b.old}
	back := u.ops(b.head.Height)
	ops = append(stateOps(b.changes), back...)
	ops = append(ops, sealed([]byte{prefixHead}, b.head.encode()))
	// The height that leaves the snapshots needs no way back to it.
	if oldest, ok := l.SnapshotAt(b.head.Height - keptHeights + 1); ok {
		for i := range oldest.undoParts {
			ops = append(ops, storeOp{key: partKey(prefixUndo, oldest.head.Height, i)})
		}
	}
	return ops, len(back)
}

// publish puts s in front of the snapshots that readers find. Called with
// writing held.
func (l *Ledger) publish(s *Snapshot) {
	before := *l.recent.Load()
	recent := append([]*Snapshot{s}, before[:min(len(before), keptHeights-1)]...)
	l.recent.Store(&recent)
}

// warm works out signatures and records of a block's batches on all processors. They are functions of the bytes alone and wait in each Checked for
// admit, which decides in order, so that it makes no difference but time.
func warm(v *view, txs []*Checked) {
	type job struct {
		c   *Checked
		key provenance.PublicKey
	}
	jobs := make(chan job)
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(txs)) {
		wg.Go(func() {
			for j := range jobs {
				// Only what is signed by a known key is worth expanding; admit meets
				// either error in its turn.
				if j.c.signature(0, j.key) == nil {
					_ = j.c.records(v.limits)
				}
			}
		})
	}
	for _, c := range txs {
		if c.sub == nil {
			continue
		}
		if key, err := v.issuerKey(c); err == nil {
			jobs <- job{c, key}
		}
	}
	close(jobs)
	wg.Wait()
}
