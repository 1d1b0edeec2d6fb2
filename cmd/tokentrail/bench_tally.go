package main

import (
	"math"
	"slices"
	"sync"
	"time"
)

// A benchTally counts what becomes of the statements of a run. Methods are for
// concurrent use while the run lasts.
type benchTally struct {
	flight sync.WaitGroup // statements on their way

	mu      sync.Mutex // guards what follows
	waiting map[benchPlace]time.Time
	done    []benchDone
	late    []time.Time // when those were due that were never sent
	errors  map[string]int64
	dead    map[int]bool // streams that cannot go on
	refused []string     // why
	bytes   int64        // of the submissions that were committed
}

// A benchPlace is a stream's number and a sequence.
type benchPlace struct {
	stream   int
	sequence int64
}

// A benchDone is a statement that was committed: when it was due, and when its
// receipt came.
type benchDone struct{ due, at time.Time }

func newBenchTally() *benchTally {
	return &benchTally{waiting: map[benchPlace]time.Time{}, errors: map[string]int64{}, dead: map[int]bool{}}
}

func (t *benchTally) launched(stream int, st *benchStatement, due time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting[benchPlace{stream, st.sequence()}] = due
}

func (t *benchTally) committed(stream int, st *benchStatement, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	place := benchPlace{stream, st.sequence()}
	t.done = append(t.done, benchDone{t.waiting[place], at})
	t.bytes += int64(len(st.body))
	delete(t.waiting, place)
}

// went counts an error after which a statement is sent again, or not.
func (t *benchTally) went(code string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.errors[code]++
}

func (t *benchTally) refuse(stream int, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.dead[stream] {
		return // what comes behind a refusal cannot be taken either
	}
	t.dead[stream] = true
	t.refused = append(t.refused, err.Error())
}

func (t *benchTally) isDead(stream int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.dead[stream]
}

func (t *benchTally) skipped(due time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.late = append(t.late, due)
}

// count is how many statements are committed.
func (t *benchTally) count() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return int64(len(t.done))
}

// window returns how many statements were committed from from to to, and the
// latencies, in order, of all that fell due in that time; in a closed loop, of all
// that were on their way in it, for one that stands still sends nothing new. What
// is not committed has waited until now, at least, and counts with that.
// SPEC(CLI-63)
func (t *benchTally) window(from, to, now time.Time, closed bool) (committed int64, latencies []time.Duration, unfinished int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	counts := func(due, at time.Time) bool {
		began := due
		if closed {
			began = at // it was on its way until then
		}
		return due.Before(to) && !began.Before(from)
	}
	for _, d := range t.done {
		if !d.at.Before(from) && d.at.Before(to) {
			committed++
		}
		if counts(d.due, d.at) {
			latencies = append(latencies, d.at.Sub(d.due))
		}
	}
	open := func(due time.Time) {
		if counts(due, now) {
			latencies = append(latencies, now.Sub(due))
			unfinished++
		}
	}
	for _, due := range t.waiting {
		open(due)
	}
	for _, due := range t.late {
		open(due)
	}
	slices.Sort(latencies)
	return committed, latencies, unfinished
}

// percentile returns the least of the sorted values that a share of them, from
// above 0 to 1, does not exceed: always one that was measured.
func percentile(sorted []time.Duration, share float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	// What cannot be written in binary must not make 0.99 of 100 the hundredth.
	rank := int(math.Ceil(share*float64(len(sorted)) - 1e-9))
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// result is what is said of a run.
func (l *benchLoad) result(used benchUsed) benchRunDoc {
	f := l.b.flags
	committed, latencies, unfinished := l.tally.window(l.from, l.to, time.Now(), l.rate == 0)
	seconds := max(0, l.to.Sub(l.from).Seconds())
	d := benchRunDoc{
		Loop: "closed", InFlight: f.inFlight, Seconds: seconds, Statements: committed, Records: committed * int64(f.batch),
		Unfinished: unfinished, Errors: l.tally.errors, Refused: l.tally.refused,
	}
	if l.rate > 0 {
		d.Loop, d.InFlight, d.Rate = "open", 0, l.rate
	}
	if seconds > 0 {
		d.RecordsPerSecond = float64(d.Records) / seconds
		d.MegabytesPerSecond = d.RecordsPerSecond * l.b.records.mean / 1e6
	}
	if n := l.tally.count(); n > 0 {
		d.SentBytesPerRecord = float64(l.tally.bytes) / float64(n*int64(f.batch))
	}
	ms := func(v time.Duration) float64 { return math.Round(v.Seconds()*1e6) / 1e3 }
	d.Latency = benchLatency{Statements: int64(len(latencies)), P50: ms(percentile(latencies, 0.5)), P90: ms(percentile(latencies, 0.9)), P99: ms(percentile(latencies, 0.99)), Max: ms(percentile(latencies, 1))}
	for _, s := range l.streams {
		prepared, late := s.counts()
		d.Prepared, d.SignedLate = d.Prepared+prepared, d.SignedLate+late
	}
	d.Driver, d.Nodes = used.share(l.b.ledger.nodes, d.Records)
	return d
}
