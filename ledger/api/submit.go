package api

import (
	"bytes"
	"context"
	"errors"
	"time"

	"tokentrail/ledger"
	"tokentrail/provenance"
)

// cleaned returns the submission as it goes to the ledger: a statement's
// unprotected header is emptied (SPEC(STM-2)); acts and equivocations are taken
// as they are.
func cleaned(body []byte) ([]byte, error) {
	if kind, err := provenance.SubmissionType(body); err == nil && kind != provenance.SubmissionBatch {
		return body, nil
	}
	return provenance.CleanSubmission(body)
}

// submit hands a submission to consensus, unless it is an entry already.
func (a *api) submit(ctx context.Context, c *ledger.Checked) error {
	there, err := a.isEntry(c)
	if there || err != nil {
		return err
	}
	if err := a.notAhead(c); err != nil {
		return err
	}
	err = a.Submitter.Submit(ctx, c)
	if a.isCommitted(ctx, c, provenance.CodeOf(err)) {
		err = nil
	}
	if err == nil {
		a.pending.add(c.ID(), placeOf(c), time.Now())
	}
	return err
}

// isCommitted tells whether a refusal says no more than that the submission is
// committed: it is provable when the next header is signed, which follows at once.
// A batch is refused as what it is; an act because its sequence is taken, and an
// equivocation because its stream is closed: by itself or by another.
func (a *api) isCommitted(ctx context.Context, c *ledger.Checked, refusal provenance.Code) bool {
	switch {
	case c.Submission() != nil:
		return refusal == ledger.CodeDuplicate
	case refusal != ledger.CodeSequence && refusal != ledger.CodeDuplicate:
		return false
	}
	snap, err := a.Log.Signed()
	if err != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, headerPatience)
	defer cancel()
	if err := a.Log.Wait(ctx, snap.Head().Height); err != nil {
		return false // nothing was committed that is not signed
	}
	there, err := a.isEntry(c)
	return there && err == nil
}

// headerPatience is how long the header behind a block is waited for. It is the
// proof block that the engine makes without being asked.
const headerPatience = time.Second

// notAhead refuses records of the future. SPEC(ADM-15): it is the node's own
// limit, which policy lowers (SPEC(STA-6)); consensus has none. A typing error of
// a year would stand in the log for ever.
func (a *api) notAhead(c *ledger.Checked) error {
	if c.Submission() == nil {
		return nil
	}
	last := time.UnixMilli(c.Submission().Statement.Header().Last)
	ahead := time.Until(last)
	if ahead <= 0 {
		return nil
	}
	most, whose := a.Limits.Ahead, "this node takes"
	snap, err := a.Log.Signed()
	if err != nil {
		return nodeFault(err)
	}
	policy, err := snap.Policy()
	if err != nil {
		return nodeFault(err)
	}
	if skew := policy.Skew; skew > 0 && skew < most.Milliseconds() {
		most, whose = time.Duration(skew)*time.Millisecond, "this ledger's policy takes (skew)"
	}
	if ahead > most {
		return refuse(codeFuture, "period", "a record is of %s, ahead of this node's clock by more than the %s that %s; mend the time and sign again", last.UTC().Format(time.RFC3339), most, whose)
	}
	return nil
}

// isEntry reports whether the log holds these very bytes: sending them again
// asks for their receipt, also when the key or its provider is no more in force.
// A statement of the same id in another envelope is for admission to judge; an
// act with other signatures is the act that is there (SPEC(GOV-3)).
func (a *api) isEntry(c *ledger.Checked) (bool, error) {
	snap, err := a.Log.Signed()
	if err != nil {
		return false, nodeFault(err)
	}
	e, err := entryID{byID: true, id: c.ID()}.find(snap)
	if errors.Is(err, ledger.ErrNotFound) || errors.Is(err, ledger.ErrNotHere) {
		return false, nil // or nobody knows: admission does not ask for history
	}
	return err == nil && (c.Act() != nil || bytes.Equal(e.Statement, c.Leaf())), err
}

// placeOf returns where a submission waits to stand: a batch in its stream, others
// in none.
func placeOf(c *ledger.Checked) submitted {
	if c.Submission() == nil {
		return submitted{}
	}
	h := c.Submission().Statement.Header()
	return submitted{issuer: h.Issuer, stream: h.Stream, sequence: h.Sequence}
}

// closed returns the entry that closed the stream of a batch, where one did: then
// the batch never becomes an entry (SPEC(EQV-4)).
func (s submitted) closed(snap Snapshot) (entry int64, closed bool) {
	if s.stream == "" {
		return 0, false
	}
	value, there := snap.State(provenance.StateStreamKey(s.issuer, s.stream))
	if !there {
		return 0, false
	}
	head, err := provenance.ParseStateValue[provenance.StreamHead](value)
	if err != nil || head.Closed == nil {
		return 0, false
	}
	return *head.Closed, true
}

// taken returns the entry that has the place of a batch, ErrNotFound where there
// is none yet, or the submission is no batch.
func (s submitted) taken(snap Snapshot) (int64, error) {
	if s.stream == "" {
		return 0, ledger.ErrNotFound
	}
	return snap.IndexOfSequence(s.issuer, s.stream, s.sequence)
}
