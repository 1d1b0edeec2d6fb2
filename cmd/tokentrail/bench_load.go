package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// How long what is on its way may take when the measured time is over, or after
// an interruption.
const (
	benchDrain     = 30 * time.Second
	benchDrainHurt = 3 * time.Second
)

// A benchStream is one stream of a run.
type benchStream struct {
	*benchSource
	window *benchWindow
}

// A benchLoad is one run: one load for one measured time.
type benchLoad struct {
	b       *bencher
	rate    float64 // records a second; 0: a closed loop
	streams []*benchStream
	begin   time.Time // of the load
	from    time.Time // of what is measured
	to      time.Time // its end
	slots   chan struct{}
	tally   *benchTally

	launch context.Context // ends with the interruption
	drain  context.Context // ends when nothing is waited for any more
}

// run loads the ledger once and adds what was measured to the document. What it
// returns is for the check.
func (b *bencher) run(ctx context.Context, name string, rate float64) ([]*benchStream, error) {
	l := &benchLoad{b: b, rate: rate, tally: newBenchTally(), slots: make(chan struct{}, b.flags.inFlight)}
	for i := range b.flags.streams {
		source := newBenchSource(b.ledger.author(name, i), i, b.records, b.flags.batch, l.dues(i))
		l.streams = append(l.streams, &benchStream{source, newBenchWindow()})
	}
	if err := l.prepare(ctx); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, interrupted(ctx)
	}
	b.teller.say(fmt.Sprintf("%s: %s of warm-up, then %s are measured", l.what(), b.flags.warmUp, b.flags.duration))
	l.begin = time.Now()
	l.from = l.begin.Add(b.flags.warmUp)
	l.to = l.from.Add(b.flags.duration)
	doc, err := l.measure(ctx)
	b.doc.Runs = append(b.doc.Runs, doc)
	return l.streams, err
}

func (l *benchLoad) what() string {
	if l.rate > 0 {
		return thousands(int64(l.rate)) + " records a second"
	}
	return fmt.Sprintf("%d statements in flight", cap(l.slots))
}

// interval is the time from one statement to the next, of all streams.
func (l *benchLoad) interval() time.Duration {
	return time.Duration(float64(l.b.flags.batch) / l.rate * float64(time.Second))
}

// dues is how many statements of a stream fall due; 0 in a closed loop.
func (l *benchLoad) dues(stream int) int64 {
	if l.rate == 0 {
		return 0
	}
	lasts := l.b.flags.warmUp + l.b.flags.duration
	all := int64((lasts + l.interval() - 1) / l.interval())
	return max(1, (all-int64(stream)+int64(l.b.flags.streams)-1)/int64(l.b.flags.streams))
}

// due is when the k-th statement of a stream falls due (SPEC(CLI-63)).
func (l *benchLoad) due(stream int, k int64) time.Time {
	return l.begin.Add(time.Duration(k*int64(l.b.flags.streams)+int64(stream)) * l.interval())
}

// measure runs the load and returns what came of it. One goroutine for each
// stream takes its statements in order, one for each statement on its way waits
// for its receipt.
func (l *benchLoad) measure(ctx context.Context) (benchRunDoc, error) {
	drain, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	l.launch, l.drain = ctx, drain
	context.AfterFunc(drain, l.release)
	over := make(chan struct{})
	go limit(ctx, time.Until(l.to)+benchDrain, stop, over)
	meter := l.b.ledger.meter(ctx, l.from, l.to)
	telling := l.tell(over)
	var signing, launching sync.WaitGroup
	errs := make(chan error, len(l.streams))
	for _, s := range l.streams {
		signing.Go(s.run)
		launching.Go(func() {
			if err := l.feed(s); err != nil {
				errs <- err
			}
		})
	}
	launching.Wait()
	end := time.Now() // earlier than planned where all streams have ended
	l.tally.flight.Wait()
	close(over)
	stop()
	signing.Wait()
	<-telling
	if ctx.Err() != nil || l.dead() {
		l.to = earlier(l.to, end)
	}
	used := meter.stop()
	l.abandon()
	select {
	case err := <-errs:
		return benchRunDoc{}, err
	default:
	}
	return l.result(used), nil
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// limit stops the waiting for what is on its way: after a time, and soon after an
// interruption.
func limit(ctx context.Context, after time.Duration, stop func(), over <-chan struct{}) {
	timer := time.NewTimer(after)
	defer timer.Stop()
	select {
	case <-over:
		return
	case <-timer.C:
		stop()
		return
	case <-ctx.Done():
	}
	select {
	case <-over:
	case <-time.After(benchDrainHurt):
	}
	stop()
}

// release wakes whoever waits for a statement or a window.
func (l *benchLoad) release() {
	for _, s := range l.streams {
		s.window.close()
		s.end()
	}
}

// dead reports whether no stream can go on.
func (l *benchLoad) dead() bool {
	return !slices.ContainsFunc(l.streams, func(s *benchStream) bool { return !l.tally.isDead(s.number) })
}

// feed submits the statements of one stream. SPEC(CLI-63)
func (l *benchLoad) feed(s *benchStream) error {
	if l.rate > 0 {
		return l.feedOpen(s)
	}
	over, cancel := context.WithDeadline(l.launch, l.to)
	defer cancel()
	// All streams alike: none takes the places of the others.
	mine := make(chan struct{}, (cap(l.slots)+len(l.streams)-1)/len(l.streams))
	for over.Err() == nil {
		st, err := s.next()
		if st == nil || err != nil {
			return err
		}
		if !s.window.enter(st.sequence()) {
			return nil
		}
		for _, places := range []chan struct{}{mine, l.slots} {
			select {
			case places <- struct{}{}:
			case <-over.Done():
				return nil
			}
		}
		l.send(s, st, time.Now(), func() { <-l.slots; <-mine })
	}
	return nil
}

// feedOpen submits each statement when it is due, or as soon after as its stream's
// window lets it: it is late then, which is the ledger's doing.
func (l *benchLoad) feedOpen(s *benchStream) error {
	for k := range s.most {
		due := l.due(s.number, k)
		if !due.Before(l.to) {
			return nil
		}
		if err := sleep(l.launch, time.Until(due)); err != nil {
			return nil
		}
		st, err := s.next()
		if err != nil {
			return err
		}
		if st == nil || !s.window.enter(st.sequence()) {
			return nil
		}
		l.send(s, st, due, func() {})
	}
	return nil
}

// send lets a goroutine deliver a statement; done is called behind that.
func (l *benchLoad) send(s *benchStream, st *benchStatement, due time.Time, done func()) {
	s.window.send(st.sequence())
	l.tally.launched(s.number, st, due)
	l.tally.flight.Go(func() {
		defer done()
		receipt, location, err := l.b.ledger.deliver(l.drain, s.number, st, l.tally.went)
		switch {
		case err == nil:
			now := time.Now()
			l.tally.committed(s.number, st, now)
			s.window.settle(st.sequence())
			if l.b.acks != nil {
				l.b.acks.add(st, receipt.Proof.Index, location, now)
			}
		case l.drain.Err() == nil: // refused: nothing of this stream can follow
			l.tally.refuse(s.number, err)
			s.window.close()
			s.end()
		}
	})
}

// abandon counts what fell due and was never sent.
func (l *benchLoad) abandon() {
	for _, s := range l.streams {
		sent, _, _ := s.window.state()
		for k := sent; k < s.most; k++ {
			if due := l.due(s.number, k); due.Before(l.to) {
				l.tally.skipped(due)
			}
		}
	}
}

// tell says now and then how many records are committed, until over.
func (l *benchLoad) tell(over <-chan struct{}) (done chan struct{}) {
	done = make(chan struct{})
	go func() {
		defer close(done)
		p := l.b.app.newProgress("committed records", 0)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-over:
				return
			case <-tick.C:
				p.add(l.tally.count()*int64(l.b.flags.batch) - p.done)
			}
		}
	}()
	return done
}
