package main

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"slices"

	"tokentrail/provenance"
	"tokentrail/provenance/intake"
)

// A delivery is one signed submission on its way.
type delivery struct {
	at        position
	statement *provenance.UnverifiedStatement
	body      []byte
	resent    bool

	receipt *provenance.Receipt
	raw     []byte // of the receipt
	err     error
}

// run delivers what runs before have signed, then signs and delivers the rest
// of the input. One goroutine, this one, reads, signs and owns the journal; one
// for each statement in flight waits for the ledger.
func (s *submitter) run(ctx context.Context) error {
	outer := ctx
	ctx, cancel := context.WithCancel(ctx)
	results := make(chan *delivery)
	flight := map[int64]bool{}
	unsent := slices.Clone(s.journal.pending)
	defer func() {
		cancel()
		for len(flight) > 0 {
			d := <-results
			delete(flight, d.sequence())
			if d.err == nil {
				_ = s.acknowledge(d) // what fails here is sent again another time
			}
		}
	}()
	for more := true; ; {
		for more && ctx.Err() == nil && s.mayLaunch(flight, unsent) {
			d, err := s.next(&unsent)
			if err != nil {
				return err
			}
			if more = d != nil; !more {
				break
			}
			flight[d.sequence()] = true
			go func() {
				d.receipt, d.raw, d.err = s.ledger.send(ctx, d.body, d.statement)
				results <- d
			}()
		}
		if len(flight) == 0 {
			break
		}
		d := <-results
		delete(flight, d.sequence())
		if d.err != nil && outer.Err() != nil {
			return interrupted(outer)
		}
		if d.err != nil {
			return fmt.Errorf("sequence %d: %w", d.sequence(), d.err)
		}
		if err := s.acknowledge(d); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return interrupted(ctx)
	}
	return nil
}

func (d *delivery) sequence() int64 { return d.statement.Header().Sequence }

// mayLaunch reports whether the next statement is within the window of the
// oldest that has no receipt yet. SPEC(JRN-5)
func (s *submitter) mayLaunch(flight map[int64]bool, unsent []int64) bool {
	next := s.journal.head + 1
	if len(unsent) > 0 {
		next = unsent[0]
	}
	for sequence := range flight {
		if sequence+int64(s.flags.window) <= next {
			return false
		}
	}
	return true
}

// next returns what is to be sent next, durable in the journal, or nil.
func (s *submitter) next(unsent *[]int64) (*delivery, error) {
	if len(*unsent) > 0 {
		sequence := (*unsent)[0]
		*unsent = (*unsent)[1:]
		sub, at, err := s.journal.submission(sequence)
		if err != nil {
			return nil, err
		}
		return &delivery{at: at, statement: sub.Statement, body: sub.Encode(), resent: true}, nil
	}
	if err := s.in.unchanged(); err != nil {
		return nil, err
	}
	sub, at, err := s.batches.next()
	if sub == nil || err != nil {
		return nil, err
	}
	if s.unnoted != nil {
		if err := s.journal.note(s.in, *s.unnoted); err != nil {
			return nil, err
		}
		s.unnoted = nil
	}
	if err := s.journal.record(sub, at); err != nil {
		return nil, err
	}
	return &delivery{at: at, statement: sub.Statement, body: sub.Encode()}, nil
}

// acknowledge keeps a receipt and counts what it is for.
func (s *submitter) acknowledge(d *delivery) error {
	if err := s.journal.acknowledge(d.sequence(), d.at, d.statement.Raw(), d.raw); err != nil {
		return err
	}
	doc, header := &s.doc, d.statement.Header()
	doc.Statements++
	if d.resent {
		doc.Resent++
	}
	doc.Records += int64(header.Count)
	for _, cell := range header.Totals {
		doc.InputTokens += cell.Input
		doc.OutputTokens += cell.Output
	}
	doc.Bytes += int64(len(d.body))
	widen(&doc.FirstEntry, &doc.LastEntry, d.receipt.Proof.Index)
	widen(&doc.FirstSequence, &doc.LastSequence, d.sequence())
	s.teller.add(int64(header.Count))
	return nil
}

func widen(first, last **int64, v int64) {
	if *first == nil || v < **first {
		*first = &v
	}
	if *last == nil || v > **last {
		*last = &v
	}
}

// A batcher cuts an input into signed submissions.
type batcher struct {
	s       *submitter
	records *intake.RecordsReader
	at      int64 // records of the input before the queue
	offset  int64 // their bytes
	queue   [][]byte
	bytes   int // of the queue
}

func newBatcher(s *submitter, records, offset int64) *batcher {
	return &batcher{s: s, records: s.in.from(offset), at: records, offset: offset}
}

// fill reads ahead what one statement may hold.
func (b *batcher) fill() error {
	most := min(b.s.flags.batch, b.s.limits.Records)
	for len(b.queue) < most && b.bytes < b.s.limits.ExpandedBytes {
		_, raw, err := b.records.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", b.s.in.name, err)
		}
		b.queue = append(b.queue, raw)
		b.bytes += len(raw)
	}
	return nil
}

// next signs the next batch: as many records as fit in one statement. At the
// end of the input the submission is nil.
func (b *batcher) next() (*provenance.Submission, position, error) {
	if err := b.fill(); err != nil || len(b.queue) == 0 {
		return nil, position{}, err
	}
	for n := len(b.queue); ; n = (n + 1) / 2 {
		header, err := b.header(b.queue[:n])
		if err == nil {
			sub, err := submissionOf(header, b.s.key, b.queue[:n])
			return sub, b.take(n), err
		}
		if n == 1 || !tooMuch(err) {
			return nil, position{}, fmt.Errorf("%s: the records from %d on: %w", b.s.in.name, b.at, err)
		}
	}
}

// tooMuch reports whether fewer records would make a statement.
func tooMuch(err error) bool {
	switch provenance.CodeOf(err) {
	case provenance.CodeCells, provenance.CodeSize, provenance.CodeFrame, provenance.CodeExpand, provenance.CodeOverflow:
		return true
	}
	return false
}

// header returns the header of the given records at the head of the stream, if
// the ledger's ceilings leave room for them. The key must sign a sequence once,
// so whether they do is tried with a key that nobody keeps.
func (b *batcher) header(records [][]byte) (*provenance.BatchHeader, error) {
	s := b.s
	h, err := provenance.NewBatch(s.flags.issuer, s.flags.stream, s.journal.head+1, s.journal.prev, records)
	if err != nil {
		return nil, err
	}
	const room = 16 << 10 // what heads and frames may add, by far
	size := 0
	for _, raw := range records {
		size += len(raw)
	}
	payload, err := h.Encode()
	if err != nil {
		return nil, err
	}
	if s.limits == provenance.FormatLimits() && size+room < s.limits.FrameBytes && len(payload)+room < s.limits.StatementBytes {
		return h, nil
	}
	nobody, err := provenance.GenerateKey(provenance.AlgEdDSA)
	if err != nil {
		return nil, err
	}
	trial, err := submissionOf(h, nobody, records)
	if err != nil {
		return nil, err
	}
	_, _, err = trial.CheckRecords(s.limits)
	return h, err
}

func submissionOf(h *provenance.BatchHeader, key crypto.Signer, records [][]byte) (*provenance.Submission, error) {
	statement, err := h.Sign(key)
	if err != nil {
		return nil, err
	}
	return provenance.NewSubmission(&statement.UnverifiedStatement, records)
}

// take removes n records from the queue and says where they stood.
func (b *batcher) take(n int) position {
	p := position{Input: b.s.in.hash, Records: b.at, Offset: b.offset, Count: int64(n)}
	for _, raw := range b.queue[:n] {
		p.Bytes += int64(len(raw))
	}
	b.queue = b.queue[n:]
	b.at, b.offset = p.end()
	b.bytes -= int(p.Bytes)
	return p
}
