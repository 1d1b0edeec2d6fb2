package main

import (
	"sync"

	"tokentrail/provenance"
)

// benchAhead is how many statements a stream has signed in advance while the
// clock runs, once those are used up that were signed before.
const benchAhead = 4

// A benchStatement is a signed statement with its records, ready to be sent.
type benchStatement struct {
	statement *provenance.UnverifiedStatement
	body      []byte
}

func (s *benchStatement) sequence() int64 { return s.statement.Header().Sequence }

// A benchSource signs the statements of one stream, in order.
type benchSource struct {
	author  benchAuthor
	number  int
	records *benchRecords
	batch   int
	most    int64 // statements in all; 0: no end

	previous *provenance.Hash // owned by whoever signs: prepare, then run

	mu     sync.Mutex // guards what follows
	change *sync.Cond
	queue  []*benchStatement
	signed int64 // statements, the queue and those before it
	late   int64 // of these, signed while the clock ran
	ended  bool
	err    error
}

func newBenchSource(author benchAuthor, number int, records *benchRecords, batch int, most int64) *benchSource {
	s := &benchSource{author: author, number: number, records: records, batch: batch, most: most}
	s.change = sync.NewCond(&s.mu)
	return s
}

// sign makes the next statement. Only one goroutine signs a stream.
func (s *benchSource) sign() (*benchStatement, error) {
	s.mu.Lock()
	sequence := s.signed
	s.mu.Unlock()
	records := s.records.batch(s.number, sequence, s.batch)
	header, err := provenance.NewBatch(s.author.issuer, s.author.stream, sequence, s.previous, records)
	if err != nil {
		return nil, err
	}
	sub, err := submissionOf(header, s.author.key, records)
	if err != nil {
		return nil, err
	}
	s.previous = new(sub.Statement.ID())
	return &benchStatement{sub.Statement, sub.Encode()}, nil
}

// prepare signs one statement before the clock starts, and returns what it takes
// in memory, about; 0 where there are no more.
func (s *benchSource) prepare() (int64, error) {
	s.mu.Lock()
	over := s.most > 0 && s.signed == s.most
	s.mu.Unlock()
	if over {
		return 0, nil
	}
	st, err := s.sign()
	if err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue, s.signed = append(s.queue, st), s.signed+1
	const bytesOfCell = 400
	return int64(len(st.body) + len(st.statement.Header().Totals)*bytesOfCell), nil
}

// run keeps some statements ahead of what is taken, until the source ends.
func (s *benchSource) run() {
	for s.wants() {
		st, err := s.sign()
		s.mu.Lock()
		if err != nil {
			s.err, s.ended = err, true
		} else {
			s.queue, s.signed, s.late = append(s.queue, st), s.signed+1, s.late+1
		}
		s.change.Broadcast()
		s.mu.Unlock()
	}
}

// wants waits until another statement is to be signed; false where none is.
func (s *benchSource) wants() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.ended && len(s.queue) >= benchAhead {
		s.change.Wait()
	}
	return !s.ended && (s.most == 0 || s.signed < s.most)
}

// next takes the next statement, nil where the source has ended.
func (s *benchSource) next() (*benchStatement, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.queue) == 0 && !s.ended {
		s.change.Wait()
	}
	if s.ended {
		return nil, s.err
	}
	st := s.queue[0]
	s.queue[0] = nil // its memory is free when it is acknowledged
	s.queue = s.queue[1:]
	s.change.Broadcast()
	return st, nil
}

// end lets run and next return.
func (s *benchSource) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.change.Broadcast()
}

// counts says how many statements were signed before the clock started, and how
// many after.
func (s *benchSource) counts() (prepared, late int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.signed - s.late, s.late
}

// A benchWindow keeps what is on its way of a stream within what the ledger takes
// (SPEC(ADM-14)), counted from the oldest that is not acknowledged.
type benchWindow struct {
	mu      sync.Mutex // guards what follows
	change  *sync.Cond
	oldest  int64          // all before are acknowledged
	settled map[int64]bool // acknowledged behind it
	sent    int64          // statements that were handed to a node, all before it
	acked   int64          // statements that were acknowledged
	closed  bool
}

func newBenchWindow() *benchWindow {
	w := &benchWindow{settled: map[int64]bool{}}
	w.change = sync.NewCond(&w.mu)
	return w
}

// enter waits until a sequence is within the window; false where it will never be.
func (w *benchWindow) enter(sequence int64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for !w.closed && sequence >= w.oldest+maxWindow {
		w.change.Wait()
	}
	return !w.closed
}

// send notes that a sequence is about to be sent.
func (w *benchWindow) send(sequence int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent = max(w.sent, sequence+1)
}

// settle notes that a sequence is acknowledged.
func (w *benchWindow) settle(sequence int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.acked++
	w.settled[sequence] = true
	for w.settled[w.oldest] {
		delete(w.settled, w.oldest)
		w.oldest++
	}
	w.change.Broadcast()
}

// close lets nothing more in.
func (w *benchWindow) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	w.change.Broadcast()
}

// state returns how many statements were sent and acknowledged, and behind which
// sequence none was acknowledged.
func (w *benchWindow) state() (sent, acked, end int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	end = w.oldest
	for sequence := range w.settled {
		end = max(end, sequence+1)
	}
	return w.sent, w.acked, end
}
