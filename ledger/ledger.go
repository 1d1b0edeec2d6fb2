package ledger

import (
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"tokentrail/provenance"
)

const (
	// keptHeights is how many heights can be addressed: the newest and those
	// before it. The app hash of a height stands in the header of the next, so
	// that the newest provable height is at least one behind.
	keptHeights = 5

	defaultReserve = 256 << 20
)

// Options of a ledger. The zero value is right for a node.
type Options struct {
	// Logger receives what the store has to say. Nil: nowhere.
	Logger *slog.Logger
	// ReserveBytes of free disk are left: Commit refuses to go below them, since
	// a full disk kills the process in the middle of a write. 0: 256 MiB.
	ReserveBytes uint64

	memTable int64 // Badger's; 0: storeMemTable. Smaller ones only in tests
}

// Ledger is the state machine on disk. Its methods may be called from any
// goroutine; Apply and Commit belong together and come from one, the engine's.
//
// Readers take a Snapshot, which never changes, and are never in the way of the
// writer. All that a reader can reach is committed.
type Ledger struct {
	store   *store
	dir     string
	reserve uint64
	log     *slog.Logger

	// recent holds the snapshots of the newest heights, newest first. The slice
	// never changes once it is stored; the holder of writing stores another.
	recent atomic.Pointer[[]*Snapshot]

	writing sync.Mutex // held by InitGenesis, Restore, Apply, Commit
	edge    *logEdge   // guarded by writing: the log's right edge at the head
	chainID string     // guarded by writing: empty before genesis
	pending *block     // guarded by writing: what Apply computed, nil otherwise

	filling   sync.Mutex // held by Backfill and Repair; Commit does not wait for it
	archiving sync.Mutex // held by ArchiveHeaders; Commit does not wait for it
	archive   archive
	room      lastLook
}

// Open opens or creates the ledger in dir, which belongs to one process at a
// time. It drops what a crash left beyond the head and checks the tail of the
// log and all of the state against the head's roots; what does not match is a
// DamageError.
func Open(dir string, o Options) (*Ledger, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.ReserveBytes == 0 {
		o.ReserveBytes = defaultReserve
	}
	if o.memTable == 0 {
		o.memTable = storeMemTable
	}
	s, err := openStore(dir, o.memTable, o.Logger)
	if err != nil {
		return nil, err
	}
	l := &Ledger{store: s, dir: dir, reserve: o.ReserveBytes, log: o.Logger}
	if err := l.recover(); err != nil {
		_ = s.close() // the first error says what is wrong
		return nil, fmt.Errorf("open the ledger in %s: %w", dir, err)
	}
	return l, nil
}

// Close waits for running reads and writes; what comes later gets ErrClosed. It
// may be called again. A block that was applied and not committed is dropped.
func (l *Ledger) Close() error {
	l.writing.Lock()
	defer l.writing.Unlock()
	l.pending = nil
	return l.store.close()
}

// InitGenesis puts the state of the genesis document in place, as height 0, and
// returns its app hash. It is durable when it returns. The engine calls it again
// when it stopped before block 1 was committed: the same arguments then give the
// same answer, others are an error.
func (l *Ledger) InitGenesis(appState []byte, validators []provenance.Validator, chainID string) (provenance.Hash, error) {
	l.writing.Lock()
	defer l.writing.Unlock()
	// SPEC(LOG-2)
	if !provenance.ValidChainID(chainID) {
		return provenance.Hash{}, fmt.Errorf("genesis: the chain id %q is not 1 to 50 of A-Z, a-z, 0-9, '.', '_', '-'", chainID)
	}
	changes, err := genesisState(appState, validators)
	if err != nil {
		return provenance.Hash{}, err
	}
	tree := stateTree{}.update(changes)
	edge := newEdge()
	logRoot, err := edge.root()
	if err != nil {
		return provenance.Hash{}, err
	}
	head := newHead(0, 0, 0, logRoot, tree.rootHash())
	if l.chainID != "" {
		if now := l.Snapshot().Head(); now.Height != 0 || now.AppHash != head.AppHash || l.chainID != chainID {
			return provenance.Hash{}, fmt.Errorf("genesis: the ledger in %s is at height %d of chain %q and cannot begin as chain %q with app hash %s; use another directory",
				l.dir, now.Height, l.chainID, chainID, head.AppHash)
		}
		return head.AppHash, nil
	}
	if err := l.store.dropRestore(); err != nil {
		return provenance.Hash{}, fmt.Errorf("genesis: %w", err)
	}
	ops := append(stateOps(changes), sealed([]byte{prefixChain}, encodeStored(storedChain{chainID})), sealed([]byte{prefixHead}, head.encode()))
	if err := l.store.writeLast(nil, ops); err != nil {
		return provenance.Hash{}, fmt.Errorf("genesis: %w", err)
	}
	l.edge, l.chainID = edge, chainID
	l.recent.Store(&[]*Snapshot{{store: l.store, chainID: chainID, head: head, tree: tree}})
	return head.AppHash, nil
}

// stateOps stores changed state values.
func stateOps(changes []stateChange) []storeOp {
	ops := make([]storeOp, len(changes))
	for i, c := range changes {
		if c.value == nil {
			ops[i] = storeOp{key: stateKey(c.key)}
		} else {
			ops[i] = sealed(stateKey(c.key), c.value)
		}
	}
	return ops
}

// Info returns height and app hash of the last committed block: what is on disk
// and what readers see are the same. Before genesis, and after it until block 1,
// the height is 0.
func (l *Ledger) Info() (height int64, appHash provenance.Hash) {
	h := l.Snapshot().Head()
	return h.Height, h.AppHash
}

// Snapshot returns the ledger as the last committed block left it. Before
// genesis it is empty.
func (l *Ledger) Snapshot() *Snapshot { return (*l.recent.Load())[0] }

// SnapshotAt returns the ledger as it was after the block at height, one of the
// last few (at least the newest four, also after reopening); false for another.
func (l *Ledger) SnapshotAt(height int64) (*Snapshot, bool) {
	for _, s := range *l.recent.Load() {
		if s.head.Height == height && s.chainID != "" {
			return s, true
		}
	}
	return nil, false
}
