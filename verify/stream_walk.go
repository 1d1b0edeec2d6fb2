package verify

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"tokentrail/provenance"
)

// jobsAhead bounds the statements whose records are under way: a frame of 1 MiB, and
// up to 8 MiB expanded, each.
const jobsAhead = 8

// A streamJob is a statement of a stream that was reached, and what another goroutine
// looks at meanwhile. What follows done is set before it is closed.
type streamJob struct {
	place     string
	statement *provenance.UnverifiedStatement
	entry     int64 // index, where it is known; else -1
	key       *provenance.ProviderKey
	public    provenance.PublicKey
	done      chan struct{}

	signErr, recordErr error
}

// walk goes through the streams, each from its head back to sequence 0.
func (c *streamCheck) walk() {
	c.walked.begin()
	if !c.what.Headless {
		c.recorded.begin()
	}
	total, done := int64(0), int64(0)
	for _, s := range c.streams {
		total += s.Sequence + 1
	}
	for _, s := range c.streams {
		err := c.walkStream(s, func() {
			done++
			c.progress("statements", done, total)
		})
		if err != nil {
			c.walked.stop(err)
			var f *Finding
			if !errors.As(err, &f) {
				c.recordsUndone(err)
				return
			}
		}
	}
}

// recordsUndone says that the records were not looked at to their end.
func (c *streamCheck) recordsUndone(err error) {
	if !c.what.Headless {
		c.recorded.because("the statements were not read to their end: " + err.Error())
	}
}

// walkStream goes back from a stream's head: each statement has the id that the later
// one names, or the state map does, and the sequence below. What stops the way is the
// error. SPEC(VER-91)
func (c *streamCheck) walkStream(s *StreamSays, told func()) error {
	ctx, cancel := context.WithCancel(c.ctx)
	var ahead []*streamJob
	var group sync.WaitGroup
	defer func() {
		cancel()
		group.Wait() // nothing asks the source when the check has gone on
	}()
	next := s.Entry // index of the later statement, as far as it is known
	settle := func() (err error) {
		job := ahead[0]
		ahead = ahead[1:]
		<-job.done
		next, err = c.settle(s, job, next)
		told()
		return err
	}
	id, entry := s.Statement, s.Entry
	for sequence := s.Sequence; sequence >= 0; sequence-- {
		job, err := c.reach(ctx, s, sequence, id, entry)
		if err != nil {
			for len(ahead) > 0 {
				if wrong := settle(); wrong != nil && !isFinding(wrong) {
					break
				}
			}
			return err
		}
		group.Add(1)
		go func() {
			defer group.Done()
			c.look(ctx, job)
		}()
		if ahead = append(ahead, job); len(ahead) == jobsAhead {
			if err := settle(); err != nil {
				return err
			}
		}
		if previous := job.statement.Header().Previous; previous != nil {
			id, entry = *previous, -1
		}
	}
	for len(ahead) > 0 {
		if err := settle(); err != nil {
			return err
		}
	}
	return nil
}

// reach fetches the statement with an id and holds it against its place.
func (c *streamCheck) reach(ctx context.Context, s *StreamSays, sequence int64, id provenance.Hash, entry int64) (*streamJob, error) {
	place := fmt.Sprintf("streams[%s/%s][%d]", s.Provider, s.Stream, sequence)
	raw, err := c.from.Statement(ctx, id.String())
	if err != nil {
		return nil, c.lack(CodeEntryMissing, place, "the statement "+id.String()+", which the one behind it, or the state map, names", err)
	}
	// SPEC(STM-1), SPEC(STM-2), SPEC(STM-3), SPEC(STM-4), SPEC(STM-5)
	u, err := provenance.ParseStatement(raw)
	if err != nil {
		return nil, NewFinding(CodeStatementForm, place, "a canonical statement of spec/statement.md", err.Error())
	}
	h := u.Header()
	wrong := func(want, got string) (*streamJob, error) { return nil, NewFinding(CodeChain, place, want, got) }
	// SPEC(BAT-7), SPEC(ADM-8)
	switch {
	case u.ID() != id:
		return wrong("the statement "+id.String(), u.ID().String())
	case h.Issuer != s.Provider || h.Stream != s.Stream:
		return wrong(fmt.Sprintf("a statement of the stream %s/%s", s.Provider, s.Stream), fmt.Sprintf("one of %s/%s", h.Issuer, h.Stream))
	case h.Sequence != sequence:
		return wrong(fmt.Sprintf("sequence %d", sequence), fmt.Sprint(h.Sequence))
	case sequence > 0 && h.Previous == nil:
		return wrong("the id of the statement before", "none")
	case sequence == 0 && h.Previous != nil:
		return wrong("no statement before the first", h.Previous.String())
	}
	key, public := c.provider.key(u.KID())
	return &streamJob{place: place, statement: u, entry: entry, key: key, public: public, done: make(chan struct{})}, nil
}

// look checks what does not depend on other statements. It is called by several
// goroutines.
func (c *streamCheck) look(ctx context.Context, job *streamJob) {
	defer close(job.done)
	job.signErr = c.lookSigner(ctx, job)
	if c.what.Headless {
		return
	}
	frame, err := c.from.Frame(ctx, job.statement.ID().String())
	if err != nil {
		job.recordErr = c.lack(CodeRecords, job.place+".records", "the records of the statement", err)
		return
	}
	// SPEC(SUB-2), SPEC(SUB-3), SPEC(SUB-4), SPEC(BAT-6): under which rules and policy
	// it was admitted is the ledger's to know.
	sub := provenance.Submission{Statement: job.statement, Frame: frame}
	if _, _, err := sub.CheckRecords(provenance.FormatLimits()); err != nil {
		job.recordErr = NewFinding(recordsCode(err), job.place+".records", "records that give the statement's count, root, period and totals", err.Error())
	}
}

// lookSigner holds the signature against a key that the provider has. Where acts
// added or revoked it, the statement's receipt shows where it stands. SPEC(VER-93)
func (c *streamCheck) lookSigner(ctx context.Context, job *streamJob) error {
	place := job.place + ".kid"
	// SPEC(ADM-6), SPEC(STM-7)
	if job.key == nil {
		return NewFinding(CodeKey, place, "a key of "+c.what.Provider, job.statement.KID().String())
	}
	if err := signedUnder(job.place, job.statement, job.public); err != nil {
		return err
	}
	if job.key.Added == nil && job.key.Revoked == nil {
		return nil
	}
	if job.entry < 0 {
		var err error
		if job.entry, err = c.indexOf(ctx, job); err != nil {
			return err
		}
	}
	switch key := job.key; {
	case key.Added != nil && *key.Added >= job.entry:
		return NewFinding(CodeKey, place, fmt.Sprintf("a key that was added before entry %d", job.entry), fmt.Sprintf("one that entry %d added", *key.Added))
	case key.Revoked != nil && *key.Revoked <= job.entry:
		return NewFinding(CodeKey, place, fmt.Sprintf("a key that was not revoked before entry %d", job.entry), fmt.Sprintf("one that entry %d revoked", *key.Revoked))
	}
	return nil
}

// indexOf returns the entry that a statement is, as its receipt proves it.
func (c *streamCheck) indexOf(ctx context.Context, job *streamJob) (int64, error) {
	raw, err := c.from.ReceiptOf(ctx, job.statement.ID().String())
	if err != nil {
		return -1, c.lack(CodeReceiptForm, job.place+".receipt", "a receipt", err)
	}
	r, err := receiptFor(c.origin, job.place, raw, statementLeaf(job.statement))
	if err != nil {
		return -1, err
	}
	header, err := c.headers.Open(ctx, r.Anchor.LightBlock)
	if err != nil {
		return -1, opened(job.place+".receipt.anchor", err)
	}
	return r.Proof.Index, anchored(job.place, r, header)
}

// settle takes what came of a statement, in the order of the way back; later is the
// index of the one behind it, which is returned for the one before. Only what keeps
// the check from going on is its error.
func (c *streamCheck) settle(s *StreamSays, job *streamJob, later int64) (int64, error) {
	h := job.statement.Header()
	if isTrouble(job.signErr) {
		return later, job.signErr
	}
	if isTrouble(job.recordErr) {
		return later, job.recordErr
	}
	by := s.Provider
	if job.signErr != nil {
		by = ""
		c.walked.stop(job.signErr)
	}
	if job.entry >= 0 {
		// SPEC(ADM-8)
		if job.entry > later || job.entry == later && h.Sequence != s.Sequence {
			c.walked.finding(CodeChain, job.place, fmt.Sprintf("an entry before %d, that of the next statement", later), fmt.Sprint(job.entry))
		}
		later = job.entry
	}
	if f := futureFinding(job.place, by, h.Last, c.opts.Now(), maxDrift); f != nil {
		c.walked.find(f)
	}
	if job.recordErr != nil {
		c.recorded.stop(job.recordErr)
	}
	c.walked.Checked++
	if !c.what.Headless {
		c.recorded.Checked++
	}
	s.Statements, s.Records = s.Statements+1, s.Records+int64(h.Count)
	t := &c.rep.Totals
	t.Entries, t.Records = t.Entries+1, t.Records+int64(h.Count)
	for i := range h.Totals {
		countCell(t.Kinds, &h.Totals[i])
	}
	return later, nil
}

// isTrouble tells what could not be checked from evidence.
func isTrouble(err error) bool { return err != nil && !isFinding(err) }
