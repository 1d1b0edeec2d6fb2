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
	raw []byte
	sub *provenance.Submission // nil where err is not
	err error                  // why the bytes are not a submission

	mu      sync.Mutex // guards what follows; held while one of the two is worked out
	key     provenance.Hash
	keyDone bool // sigErr is the outcome under the key with the thumbprint key
	sigErr  error

	limits  provenance.Limits
	recDone bool // recErr is the outcome under limits
	recErr  error
}

// Check decodes a submission (the stateless half of admission but for its
// records and signature, which are expensive and wait until the issuer is known).
//
// The result is never nil: with an error it still stands for these bytes in a
// block, where its result is the error's code. The error is a *provenance.Error.
// raw must not change afterwards.
func Check(raw []byte) (*Checked, error) {
	c := &Checked{raw: raw}
	c.sub, c.err = decodeSubmission(raw)
	return c, c.err
}

func decodeSubmission(raw []byte) (*provenance.Submission, error) {
	// SPEC(ADM-2): the ceilings come before anything is looked at.
	if len(raw) > provenance.MaxSubmissionBytes {
		return nil, refuse(provenance.CodeSize, "", "the submission has %d bytes, at most %d are allowed; split the batch", len(raw), provenance.MaxSubmissionBytes)
	}
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

// Submission returns the decoded submission, nil where Check failed.
func (c *Checked) Submission() *provenance.Submission { return c.sub }

// Err returns Check's error.
func (c *Checked) Err() error { return c.err }

// ID returns the statement id, zero where Check failed.
func (c *Checked) ID() provenance.Hash {
	if c.sub == nil {
		return provenance.Hash{}
	}
	return c.sub.Statement.ID()
}

// signature checks the signature under key, once for each key.
func (c *Checked) signature(key provenance.PublicKey) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if kid := key.Thumbprint(); !c.keyDone || c.key != kid {
		_, c.sigErr = c.sub.Statement.Verify(key)
		c.key, c.keyDone = kid, true
	}
	return c.sigErr
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
