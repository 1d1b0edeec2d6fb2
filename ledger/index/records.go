package index

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"tokentrail/ledger"
	"tokentrail/provenance"
)

// RecordReader is the log with its records: one that never changes, such as a
// *ledger.Snapshot. EntryFrame returns the records of an entry of it, compressed.
type RecordReader interface {
	Reader
	EntryFrame(e *ledger.Entry) ([]byte, error)
}

// Log is a log that grows.
type Log interface {
	// Newest returns the log as it was last committed.
	Newest() RecordReader
	// Wait returns when a block above a height is committed, or with an error when
	// the context ends or there will be none.
	Wait(ctx context.Context, above int64) error
}

// RecordsOptions bound what the index of records takes. The zero value is good.
type RecordsOptions struct {
	Logger *slog.Logger // what the index has to say; nil: nowhere
	// Gather is how long blocks are gathered before they are indexed, so that they
	// share one write to disk: 0 means 50 ms.
	Gather time.Duration
	// ReserveBytes of free disk are left to the ledger: 0 means 512 MiB.
	ReserveBytes uint64

	memTable int64        // Badger's; 0: recordMemTable. Smaller ones only in tests
	crash    func() error // called before each transaction; only in tests

	// Where room is asked for, and how often again where there is none. Others
	// than checkRoom only in tests.
	room      func(dir string, reserve uint64) error
	roomPause time.Duration
}

// Records finds records by id, by their issuer's ref, by the value of a content
// commitment, by what they name as a parent, and by what their issuer corrects.
//
// It is an index on disk that is derived from the log and follows it a little
// behind: Run feeds it, from where it stopped. What it says is no more than a
// hint where to look: each record that it leads to is read from the log and held
// against the question. Where the index is damaged, of another log, or ahead of
// the log, it is thrown away and made anew, which gives the same.
type Records struct {
	dir    string
	origin string
	o      RecordsOptions

	// store is entered with using held for reading; only Run's goroutine opens and
	// closes it, with using held for writing.
	using sync.RWMutex
	store *recordStore // guarded by using; nil where none is open

	broken chan error // holds what a look-up found to be damaged, for Run

	mu      sync.Mutex
	size    int64         // guarded by mu: entries all of whose keys are stored
	over    bool          // guarded by mu: Run has returned, or waits for room
	changed chan struct{} // guarded by mu: closed and replaced when what is above changes
}

// NewRecords returns the index of the records of the log of an origin, in a
// directory below dir. Nothing is opened before Run.
func NewRecords(dir, origin string, o RecordsOptions) *Records {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Gather == 0 {
		o.Gather = 50 * time.Millisecond
	}
	if o.ReserveBytes == 0 {
		o.ReserveBytes = 512 << 20
	}
	if o.memTable == 0 {
		o.memTable = recordMemTable
	}
	if o.room == nil {
		o.room, o.roomPause = checkRoom, 10*time.Second
	}
	// A directory of its own, since it may be removed with all that is in it.
	return &Records{dir: filepath.Join(dir, "records"), origin: origin, o: o, broken: make(chan error, 1), changed: make(chan struct{})}
}

// Run feeds the index from the log until ctx ends, which is no error, or until it
// cannot go on. It is called once, and owns the files: they are closed when it
// returns, and look-ups then find nothing.
func (r *Records) Run(ctx context.Context, log Log) error {
	defer r.end()
	for rebuilt := 0; ; rebuilt++ {
		err := r.follow(ctx, log)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, errRoom):
			rebuilt--
			if r.waitForRoom(ctx, err) != nil {
				return nil
			}
			continue
		case !errors.Is(err, ErrUnfit):
			return fmt.Errorf("index of records: %w", err)
		case rebuilt == maxRebuilds:
			return fmt.Errorf("index of records: it was made anew %d times: %w", rebuilt, err)
		}
		r.o.Logger.Warn("the index of records is made anew", "dir", r.dir, "why", err)
		if err := r.discard(); err != nil {
			return fmt.Errorf("index of records: %w", err)
		}
	}
}

// errRoom: the disk is nearly full.
var errRoom = errors.New("no room for the index of records")

// waitForRoom closes the index, which says so, until there is room on the disk.
// Look-ups find nothing meanwhile, and what is stored stays.
func (r *Records) waitForRoom(ctx context.Context, full error) error {
	r.setOver(true)
	defer r.setOver(false)
	r.close()
	r.o.Logger.Error("records cannot be looked up until there is room", "error", full)
	for {
		if err := pause(ctx, r.o.roomPause); err != nil {
			return err
		}
		if r.o.room(r.dir, r.o.ReserveBytes) == nil {
			r.o.Logger.Warn("there is room again for the index of records", "dir", r.dir)
			return nil
		}
	}
}

// maxRebuilds is how often an index is made anew before Run takes the disk, or
// itself, to be at fault.
const maxRebuilds = 3

// ErrUnfit: the index on disk cannot be used for the log; Run makes it anew.
var ErrUnfit = errors.New("it does not fit")

func unfit(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrUnfit, fmt.Errorf(format, args...))
}

// follow opens the index and keeps it up with the log, until that fails or ctx
// ends.
func (r *Records) follow(ctx context.Context, log Log) error {
	newest := log.Newest()
	if err := r.open(newest); err != nil {
		return err
	}
	for {
		err := r.catchUp(ctx, log, newest)
		missing := errors.Is(err, ledger.ErrNotHere)
		if err != nil && !missing {
			return err
		}
		if err := r.await(ctx, log, newest.Head().Height, missing); err != nil {
			return err
		}
		newest = log.Newest()
	}
}

// historyPause is how long the index waits for history that the node still
// fetches.
const historyPause = time.Second

// await waits for blocks above a height and gathers those that follow at once;
// where history is missing it waits for some of that. It also returns, with an
// error, when a look-up finds damage.
func (r *Records) await(ctx context.Context, log Log, above int64, missing bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	grown := make(chan error, 1)
	go func() {
		if missing {
			grown <- pause(ctx, historyPause)
			return
		}
		err := log.Wait(ctx, above)
		if err == nil {
			err = pause(ctx, r.o.Gather)
		}
		grown <- err
	}()
	select {
	case err := <-grown:
		return err
	case err := <-r.broken:
		cancel()
		<-grown
		return err
	}
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// open opens the store and takes up where it was left, if it is of this log.
func (r *Records) open(log RecordReader) error {
	s, err := openRecordStore(r.dir, r.o)
	if err != nil {
		return err
	}
	r.using.Lock()
	r.store = s
	r.using.Unlock()
	p, err := s.readProgress(r.origin)
	if err != nil {
		return err
	}
	if err := p.fits(log); err != nil {
		return err
	}
	r.show(p.size)
	return nil
}

// end closes the store for good.
func (r *Records) end() {
	r.setOver(true)
	r.close()
}

// setOver says whether nobody need wait for more; closing wakes those who do.
func (r *Records) setOver(over bool) {
	r.mu.Lock()
	r.over = over
	r.mu.Unlock()
}

// close closes the store, if one is open.
func (r *Records) close() {
	r.show(0)
	r.using.Lock()
	defer r.using.Unlock()
	if r.store == nil {
		return
	}
	if err := r.store.close(); err != nil {
		r.o.Logger.Warn("the index of records was not closed cleanly", "dir", r.dir, "error", err)
	}
	r.store = nil
}

// discard closes the store and removes it from disk.
func (r *Records) discard() error {
	r.close()
	select {
	case <-r.broken: // it was about what is gone now
	default:
	}
	return removeRecordStore(r.dir)
}

// catchUp indexes what the log holds beyond what is indexed already, in batches.
// What a batch has stored stays stored. It ends with ledger.ErrNotHere where
// history is missing. While the log grows half of a processor is left to it: it
// comes first (SPEC(NOD-82)).
func (r *Records) catchUp(ctx context.Context, growing Log, log RecordReader) error {
	size := log.Head().Size
	var keys []recordKey // of the batch; its room is used again
	for next := r.indexed(); next < size; {
		if err := ctx.Err(); err != nil {
			return err
		}
		began, height := time.Now(), growing.Newest().Head().Height
		keys = keys[:0]
		var last provenance.Hash
		for next < size && len(keys) < batchKeys {
			e, err := log.Entry(next)
			if errors.Is(err, ledger.ErrNotHere) && len(keys) > 0 {
				break // and comes again here with an empty batch
			}
			if err != nil {
				return fmt.Errorf("entry %d: %w", next, err)
			}
			if keys, err = appendEntryKeys(keys, log, e); err != nil {
				return fmt.Errorf("entry %d: %w", next, err)
			}
			next, last = next+1, e.ID
		}
		if err := r.store.write(keys, progress{r.origin, next, last}); err != nil {
			return err
		}
		r.show(next)
		if next < size && growing.Newest().Head().Height > height {
			if err := pause(ctx, time.Since(began)); err != nil {
				return err
			}
		}
	}
	return nil
}

// soonIndexed is how many entries an index may be behind for it to be worth
// waiting.
const soonIndexed = 256

// batchKeys is the number of keys after which a batch is written; it may have
// those of one more entry, 106,496 at most.
const batchKeys = 16 << 10

// show publishes how far the index is. Called by Run's goroutine alone.
func (r *Records) show(size int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.size = size
	close(r.changed)
	r.changed = make(chan struct{})
}

// indexed returns the number of entries that are indexed.
func (r *Records) indexed() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.size
}

// WaitFor waits until the log of a size is indexed, as long as ctx allows, and not
// at all while the index is far behind (SPEC(NOD-82)). Whoever has a receipt then
// finds its records. Where Run has returned, or waits for room, nobody waits.
func (r *Records) WaitFor(ctx context.Context, size int64) {
	for {
		r.mu.Lock()
		there := r.size >= size || r.over || size-r.size > soonIndexed
		changed := r.changed
		r.mu.Unlock()
		if there {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}
