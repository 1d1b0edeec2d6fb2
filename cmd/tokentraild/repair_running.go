package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"tokentrail/ledger"
	"tokentrail/ledger/app"
	"tokentrail/provenance"
	"tokentrail/verify/remote"
)

const (
	// scrubFile holds where the running node's scrub is. It may be lost: a pass then
	// begins anew.
	scrubFile = "data/scrub.json"
	// scrubStep is how many entries are read between two looks at what was found.
	scrubStep = 1000
	// scrubSave is how often the place is written down.
	scrubSave = time.Minute
	// mendRetry is how long an entry that could not be mended waits for its next
	// turn.
	mendRetry = 10 * time.Minute
	// mendWaiting bounds how many entries wait to be mended: the next pass finds the
	// others again.
	mendWaiting = 1000
)

// ScrubFigures count what a node's scrub has done since it started.
type ScrubFigures struct {
	Passes   int64     // over everything
	Entries  int64     // read
	Found    int64     // places that were damaged
	Mended   int64     // entries that were written anew
	Waiting  int64     // entries that are damaged and could not be mended yet
	LastPass time.Time // when the last pass ended; zero: none has since the start
}

// A scrubber scrubs the running node's ledger and mends what is damaged from other
// nodes. run belongs to one goroutine; damaged and figures are for any.
type scrubber struct {
	home    string
	ledger  *ledger.Ledger
	sources []*remote.Node // asked in turn
	upkeep  app.Upkeep
	log     *slog.Logger

	wake chan struct{} // holds one when there is something new in bad

	mu  sync.Mutex
	now ScrubFigures    // guarded by mu
	bad map[int64]bool  // guarded by mu: entries to be mended
	met map[string]bool // guarded by mu: places of which the log has heard in this pass
	due map[int64]int64 // owned by run: when an entry that could not be mended is tried again, in ns since the epoch
}

func newScrubber(home string, l *ledger.Ledger, sources []*remote.Node, u app.Upkeep, log *slog.Logger) *scrubber {
	return &scrubber{home: home, ledger: l, sources: sources, upkeep: u, log: log,
		wake: make(chan struct{}, 1), bad: map[int64]bool{}, met: map[string]bool{}, due: map[int64]int64{}}
}

// figures returns what has been done.
func (s *scrubber) figures() ScrubFigures {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.now
	out.Waiting = int64(len(s.bad))
	return out
}

// damaged takes note of damage that a reader or the scrub has met. Other errors
// are nothing to it.
func (s *scrubber) damaged(err error) {
	var known *ledger.DamageError
	if !errors.As(err, &known) {
		return
	}
	var index int64
	mendable := scan(known.Where, "index %d", &index)
	place := known.What + " " + known.Where
	s.mu.Lock()
	again := s.met[place] || mendable && s.bad[index]
	if mendable && len(s.bad) < mendWaiting {
		s.bad[index] = true
	}
	// Readers meet a place as often as clients like. What is more than can be
	// remembered is counted each time, and the log hears no more of it.
	full := !again && len(s.met) >= mendWaiting
	if !again {
		s.now.Found++
		if !full {
			s.met[place] = true
		}
	}
	s.mu.Unlock()
	if !again && !full { // SPEC(NOD-71)
		s.log.Error("the ledger's store is damaged", "what", known.What, "where", known.Where, "found", known.Found)
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// A scrubPlace is where a scrub is, as it is written down.
type scrubPlace struct {
	Began time.Time `json:"began"`
	Next  int64     `json:"next"`  // entry
	Ended bool      `json:"ended"` // the pass is over
}

// run scrubs until ctx ends. SPEC(NOD-71)
func (s *scrubber) run(ctx context.Context) {
	place := s.load()
	for ctx.Err() == nil {
		s.mend(ctx)
		wait := mendRetry
		if period := time.Duration(s.upkeep.Scrub); period > 0 {
			if until := time.Until(place.Began.Add(period)); place.Ended && until > 0 {
				wait = min(wait, until)
			} else {
				if place.Ended {
					place = scrubPlace{Began: time.Now()}
				}
				s.pass(ctx, &place)
				continue
			}
		}
		select {
		case <-ctx.Done():
		case <-s.wake:
		case <-time.After(wait):
		}
	}
}

// pass reads everything from the place on.
func (s *scrubber) pass(ctx context.Context, place *scrubPlace) {
	s.mu.Lock()
	clear(s.met) // what is still damaged is told once in each pass
	s.mu.Unlock()
	how := ledger.Scrubbing{BytesPerSecond: s.upkeep.ScrubRate, Found: s.damaged}
	err := s.ledger.ScrubState(how)
	saved := time.Now()
	for err == nil {
		snap := s.ledger.Snapshot()
		size := snap.Head().Size
		if place.Next >= size {
			break
		}
		upTo := min(size, place.Next+scrubStep)
		if err = snap.ScrubFrom(ctx, place.Next, upTo, how); err == nil {
			s.mu.Lock()
			s.now.Entries += upTo - place.Next
			s.mu.Unlock()
			place.Next = upTo
		}
		s.mend(ctx)
		if time.Since(saved) > scrubSave {
			s.save(place)
			saved = time.Now()
		}
	}
	if err == nil {
		err = s.ledger.ScrubHeaders(ctx, 0, math.MaxInt64, how)
	}
	if err == nil {
		place.Ended = true
		s.mu.Lock()
		s.now.Passes++
		s.now.LastPass = time.Now()
		s.mu.Unlock()
		done := s.figures()
		s.log.Info("all of the ledger's store was read", "entries", place.Next, "took", time.Since(place.Began).Round(time.Second),
			"damaged", done.Found, "mended", done.Mended, "waiting", done.Waiting)
	} else if ctx.Err() == nil && !errors.Is(err, ledger.ErrClosed) {
		s.log.Error("the scrub of the ledger's store could not go on", "entry", place.Next, "error", err)
		sleepFor(ctx, mendRetry)
	}
	s.save(place)
}

// mend tries once to mend each entry whose turn it is, one after another.
func (s *scrubber) mend(ctx context.Context) {
	s.mu.Lock()
	var turn []int64
	for index := range s.bad {
		if s.due[index] <= time.Now().UnixNano() {
			turn = append(turn, index)
		}
	}
	s.mu.Unlock()
	slices.Sort(turn)
	for _, index := range turn {
		if ctx.Err() != nil {
			return
		}
		if err := s.mendFromAny(ctx, index); err != nil {
			s.due[index] = time.Now().Add(mendRetry).UnixNano()
			s.log.Error("a damaged entry could not be mended; stop the node and run 'tokentraild repair' if that goes on", "entry", index, "error", err)
			continue
		}
		delete(s.due, index)
		s.mu.Lock()
		delete(s.bad, index)
		s.now.Mended++
		s.mu.Unlock()
		s.log.Warn("a damaged entry was mended", "entry", index)
	}
}

// mendFromAny asks the nodes in turn. SPEC(NOD-77)
func (s *scrubber) mendFromAny(ctx context.Context, index int64) error {
	if len(s.sources) == 0 {
		return errors.New(`nobody is named to fetch it from: name nodes under "history" in config/node.json, as http://host:port`)
	}
	var errs []error
	for _, node := range s.sources {
		err := mendEntry(ctx, s.ledger, index,
			func(ctx context.Context, index int64) (ledger.Received, error) { return entryFrom(ctx, node, index) },
			func(ctx context.Context, index, size int64) (*provenance.Inclusion, error) {
				return proofFrom(ctx, node, index, size)
			})
		if err == nil {
			return nil
		}
		errs = append(errs, fmt.Errorf("from %s: %w", node.URL(), err))
	}
	return errors.Join(errs...)
}

// load reads the place; one that cannot be read is the beginning.
func (s *scrubber) load() (p scrubPlace) {
	b, err := os.ReadFile(filepath.Join(s.home, scrubFile))
	if err != nil || json.Unmarshal(b, &p) != nil || p.Next < 0 || p.Began.After(time.Now()) {
		return scrubPlace{Began: time.Now()}
	}
	return p
}

// save writes the place down. It need not be durable.
func (s *scrubber) save(p *scrubPlace) {
	b, err := json.Marshal(p)
	if err == nil {
		path := filepath.Join(s.home, scrubFile)
		if err = os.WriteFile(path+".new", b, 0o600); err == nil {
			err = os.Rename(path+".new", path)
		}
	}
	if err != nil {
		s.log.Warn("where the scrub is cannot be written down", "error", err)
	}
}

func sleepFor(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
