package ledger

import (
	"sync"

	"tokentrail/provenance"
)

// Checked is a submission and what is already known of it: everything that
// follows from its bytes alone is worked out once, however often the submission
// is looked at on its way through mempool, proposal and block. Callers keep it
// by the hash of the bytes. Safe for concurrent use.
type Checked struct {
	raw  []byte
	kind int64 // type of the submission as it says; 0 where it does not
	err  error // why the bytes are not a submission

	// One of these is there where err is nil.
	sub          *provenance.Submission
	act          *provenance.UnverifiedAct
	equivocation *provenance.Equivocation
	id           provenance.Hash

	mu         sync.Mutex // guards what follows; held while something of it is worked out
	signatures []signed   // by place in the submission

	limits  provenance.Limits
	recDone bool // recErr is the outcome under limits
	recErr  error
}

// signed is the outcome of checking one signature under one key.
type signed struct {
	done bool
	key  provenance.Hash // thumbprint
	err  error
}

// Check decodes a submission (the stateless half of admission but for its
// records and signatures, which are expensive and wait until it is known who may
// sign).
//
// The result is never nil: with an error it still stands for these bytes in a
// block, where its result is the error's code. The error is a *provenance.Error.
// raw must not change afterwards.
func Check(raw []byte) (*Checked, error) {
	c := &Checked{raw: raw}
	c.err = c.decode()
	return c, c.err
}

func (c *Checked) decode() (err error) {
	// SPEC(ADM-2): the ceiling comes before anything is looked at.
	if len(c.raw) > provenance.MaxSubmissionBytes {
		return refuse(provenance.CodeSize, "", "the submission has %d bytes, at most %d are allowed; split the batch", len(c.raw), provenance.MaxSubmissionBytes)
	}
	// What is no submission at all is said more precisely below.
	c.kind, _ = provenance.SubmissionType(c.raw)
	switch c.kind {
	case provenance.SubmissionAct:
		c.act, err = provenance.ParseActSubmission(c.raw)
		if err == nil {
			c.id, c.signatures = c.act.ID(), make([]signed, len(c.act.Signatures()))
		}
	case provenance.SubmissionEquivocation:
		c.equivocation, err = provenance.ParseEquivocationSubmission(c.raw)
		if err == nil {
			c.id, c.signatures = c.equivocation.ID(), make([]signed, 2)
		}
	default:
		c.sub, err = decodeBatch(c.raw)
		if err == nil {
			c.id, c.signatures = c.sub.Statement.ID(), make([]signed, 1)
		}
	}
	return err
}

func decodeBatch(raw []byte) (*provenance.Submission, error) {
	// SPEC(ADM-3)
	sub, err := provenance.ParseSubmission(raw)
	if err == nil {
		return sub, nil
	}
	// SPEC(ADM-4)
	if statement, alone := provenance.StatementAlone(raw); alone {
		if _, err := provenance.ParseStatement(statement); err != nil {
			return nil, err
		}
		return nil, refuse(CodePayloadMissing, "records", "the statement comes without its records; send a submission [1, statement, records]")
	}
	return nil, err
}

// Raw returns the submission's bytes. They must not be changed.
func (c *Checked) Raw() []byte { return c.raw }

// Submission returns the decoded batch, nil where the submission is none or
// Check failed. So do Act and Equivocation for theirs: where Check did not fail
// one of the three is there.
func (c *Checked) Submission() *provenance.Submission { return c.sub }

// Act returns the decoded act, nil where there is none.
func (c *Checked) Act() *provenance.UnverifiedAct { return c.act }

// Equivocation returns the decoded evidence, nil where there is none.
func (c *Checked) Equivocation() *provenance.Equivocation { return c.equivocation }

// Err returns Check's error.
func (c *Checked) Err() error { return c.err }

// ID returns the id that the entry has, or will have: of the statement, the act,
// or the equivocation. It is zero where Check failed.
func (c *Checked) ID() provenance.Hash { return c.id }

// Leaf returns the data of the log's leaf that the entry will have (SPEC(LOG-1)),
// nil where Check failed.
func (c *Checked) Leaf() []byte {
	switch {
	case c.sub != nil:
		return c.sub.Statement.Raw()
	case c.act != nil:
		return c.act.Raw()
	case c.equivocation != nil:
		return c.equivocation.Leaf()
	}
	return nil
}

// frame returns what is stored beside the leaf: records, nothing for an act, both
// statements for an equivocation (SPEC(EQV-2)).
func (c *Checked) frame() []byte {
	switch {
	case c.sub != nil:
		return c.sub.Frame
	case c.equivocation != nil:
		return c.equivocation.Evidence()
	}
	return nil
}

// signature checks a signature under key, once for each key: 0 is a batch's, an
// act's are counted as they stand in it, 0 and 1 are those of an equivocation's
// statements a and b.
func (c *Checked) signature(place int, key provenance.PublicKey) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := &c.signatures[place]
	if kid := key.Thumbprint(); !s.done || s.key != kid {
		s.done, s.key, s.err = true, kid, c.verify(place, key)
	}
	return s.err
}

func (c *Checked) verify(place int, key provenance.PublicKey) (err error) {
	switch {
	case c.act != nil:
		return c.act.VerifySignature(place, key)
	case c.equivocation == nil:
		_, err = c.sub.Statement.Verify(key)
	case place == 0:
		_, err = c.equivocation.A.Verify(key)
	default:
		_, err = c.equivocation.B.Verify(key)
	}
	return err
}

// records expands and checks the records, once for each set of limits.
func (c *Checked) records(limits provenance.Limits) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.recDone || c.limits != limits {
		_, _, c.recErr = c.sub.CheckRecords(limits)
		c.limits, c.recDone = limits, true
	}
	return c.recErr
}
