package ledger

import (
	"fmt"
	"time"

	"tokentrail/provenance"
)

// AdmitPending judges a submission before consensus, for the block after the
// snapshot's: as admission does, but for a batch up to 63 beyond the next of its
// stream, whose predecessors are still to come (SPEC(ADM-14)). The time is that
// of the snapshot's block (SPEC(ADM-19)). The error is a *provenance.Error where
// the submission is refused.
func (s *Snapshot) AdmitPending(c *Checked) error {
	v, err := s.view(time.UnixMilli(s.head.Time))
	if err != nil {
		return err
	}
	if c.sub == nil {
		return v.admit(c) // nothing of it is early
	}
	if err := v.checkIssuer(c); err != nil {
		return err
	}
	if err := s.checkPending(v, c); err != nil {
		return err
	}
	if err := v.checkBounds(c); err != nil {
		return err
	}
	return c.records(v.limits)
}

// checkPending is ADM-8 and ADM-9 before consensus.
func (s *Snapshot) checkPending(v *view, c *Checked) error {
	h := c.sub.Statement.Header()
	head, exists, err := v.streamHead(h.Issuer, h.Stream)
	if err != nil {
		return err
	}
	next := int64(0)
	if exists {
		next = head.Sequence + 1
	}
	switch {
	case h.Sequence < next:
		return s.taken(c)
	case exists && head.Status != provenance.StreamOpen:
		// SPEC(ADM-8)
		return refuseClosed(h, head)
	case h.Sequence >= next+pipelineWindow:
		// SPEC(ADM-14)
		return refuse(CodeGap, "sequence", "%d, the stream's next is %d and at most %d ahead are taken; send what lies between first", h.Sequence, next, pipelineWindow-1)
	case h.Sequence > next:
		return nil
	}
	return v.checkNext(c)
}

// taken tells a duplicate from a fork by the log: SPEC(ADM-13).
func (s *Snapshot) taken(c *Checked) error {
	h := c.sub.Statement.Header()
	index, err := s.IndexOfSequence(h.Issuer, h.Stream, h.Sequence)
	if err != nil {
		return fmt.Errorf("look up what stands at a sequence that is taken: %w", err)
	}
	e, err := s.store.readEntry(index)
	switch {
	case err != nil:
		return err
	case e.ID == c.ID():
		return refuse(CodeDuplicate, "sequence", "the statement is already entry %d", index)
	}
	// SPEC(EQV-5)
	return refuse(CodeFork, "sequence", "%d of %s/%s is statement %s, entry %d; a stream has one statement at each sequence", h.Sequence, h.Issuer, h.Stream, e.ID, index)
}

// Convict returns the equivocation of a batch and of the entry that has its place,
// where both are properly signed and the stream is open: evidence that the ledger
// would take. It is nil where there is none. The cheap checks come first: the
// entry is read, and the signature checked, for a key of the issuer only. SPEC(EQV-5)
func (s *Snapshot) Convict(c *Checked) (*provenance.Equivocation, error) {
	if c.sub == nil {
		return nil, nil
	}
	v, err := s.view(time.UnixMilli(s.head.Time))
	if err != nil || v.rules < rulesEquivocation {
		return nil, err
	}
	st := c.sub.Statement
	h := st.Header()
	head, exists, err := v.streamHead(h.Issuer, h.Stream)
	if err != nil || !exists || head.Status != provenance.StreamOpen || h.Sequence > head.Sequence ||
		h.Sequence == head.Sequence && head.Statement == c.ID() {
		return nil, err
	}
	p, err := v.provider(h.Issuer)
	if err != nil || p == nil {
		return nil, err
	}
	if !c.convicts(p) {
		return nil, nil
	}
	return s.withEntry(p, st)
}

// ConvictBoth returns the equivocation of two batches for one place of a stream
// that is not closed, both properly signed, whether an entry has the place or not:
// the ledger takes it as soon as one has (SPEC(EQV-3)). It is nil where there is
// none. SPEC(EQV-5)
func (s *Snapshot) ConvictBoth(a, b *Checked) (*provenance.Equivocation, error) {
	if a.sub == nil || b.sub == nil {
		return nil, nil
	}
	v, err := s.view(time.UnixMilli(s.head.Time))
	if err != nil || v.rules < rulesEquivocation {
		return nil, err
	}
	e, err := provenance.NewEquivocation(a.sub.Statement, b.sub.Statement)
	if err != nil {
		return nil, nil // of two places, or one statement twice
	}
	h := e.A.Header()
	head, exists, err := v.streamHead(h.Issuer, h.Stream)
	if err != nil || exists && head.Status != provenance.StreamOpen {
		return nil, err
	}
	p, err := v.provider(h.Issuer)
	if err != nil || p == nil || !a.convicts(p) || !b.convicts(p) {
		return nil, err
	}
	return e, nil
}

// convicts reports whether a batch is properly signed by a key of the provider that
// convicts it.
func (c *Checked) convicts(p *provenance.Provider) bool {
	key, ok := convictingKey(p, c.sub.Statement.KID())
	return ok && c.signature(0, key) == nil
}

// withEntry joins a statement and the entry that has its place to an
// equivocation, nil where they are one statement or the entry's key was revoked.
func (s *Snapshot) withEntry(p *provenance.Provider, st *provenance.UnverifiedStatement) (*provenance.Equivocation, error) {
	h := st.Header()
	index, err := s.IndexOfSequence(h.Issuer, h.Stream, h.Sequence)
	if err != nil {
		return nil, err
	}
	e, err := s.store.readEntry(index)
	if err != nil || e.ID == st.ID() {
		return nil, err
	}
	first, err := provenance.ParseStatement(e.Statement)
	if err != nil {
		return nil, damaged("entry", fmt.Sprintf("index %d", index), "%v", err)
	}
	if _, ok := convictingKey(p, first.KID()); !ok {
		return nil, nil
	}
	return provenance.NewEquivocation(first, st)
}

// CheckNext says why no block can follow the snapshot's, nil where one can: the
// ledger's rules then have a version that this program does not have. SPEC(ADM-16)
func (s *Snapshot) CheckNext() error {
	rules, err := rulesOf(s.tree)
	if err != nil {
		return err
	}
	return checkRules(rules, s.head.Height+1)
}

// RulesAhead returns the version and the height of rules that are to hold later
// and that this program does not have; false where there are none. SPEC(ADM-16)
func (s *Snapshot) RulesAhead() (version, from int64, ahead bool) {
	rules, err := rulesOf(s.tree)
	if err != nil || rules.Next == 0 || s.head.Height+1 >= rules.From {
		return 0, 0, false // what is damaged is said wherever it is needed
	}
	return rules.Next, rules.From, !provenance.KnownRules(rules.Next)
}
