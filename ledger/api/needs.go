package api

import (
	"context"
	"errors"

	"tokentrail/ledger"
	"tokentrail/provenance"
)

// What Log, Headers and Submitter fail with, wrapped or not, beside
// ledger.ErrNotFound and *provenance.Error.
var (
	// ErrBusy: nothing is wrong with the submission, there is no room for it now.
	ErrBusy = errors.New("the node is busy")
	// ErrUnavailable: the node starts, catches up or stops.
	ErrUnavailable = errors.New("the node is not available")
)

// Log gives snapshots of the ledger.
type Log interface {
	// Signed returns the ledger at the newest height whose app hash a signed
	// header carries: that of block h+1 for the height h, and Headers has it. It
	// never returns a height below one that it returned before. It is cheap: each
	// request asks for it, and each waiting one after each block. ErrUnavailable
	// where there is none yet.
	Signed() (Snapshot, error)
	// Wait returns when Signed gives a height above the one named, or with the
	// context's error, or with ErrUnavailable when the node stops.
	Wait(ctx context.Context, above int64) error
}

// Snapshot is the ledger after one block, as *ledger.Snapshot is: it never
// changes, needs no closing, and may be read from any goroutine. What does not
// stand in it is ledger.ErrNotFound; what may stand in it and is not here yet is
// ledger.ErrNotHere; another error is the node's own.
type Snapshot interface {
	Head() ledger.Head
	Entry(index int64) (*ledger.Entry, error)
	EntryFrame(e *ledger.Entry) ([]byte, error)
	IndexOf(id provenance.Hash) (int64, error)
	IndexOfSequence(issuer, stream string, sequence int64) (int64, error)
	Inclusion(index, size int64) (*provenance.Inclusion, error)
	Consistency(older, newer int64) (*provenance.Consistency, error)
	State(key string) ([]byte, bool)
	StateProof(key string) *provenance.StateProof
	Frontier() (*ledger.Frontier, error)
	Governance() (provenance.Governance, bool, error)
	Rules() (provenance.Rules, error)
	Policy() (provenance.Policy, error)
	// These three walk the whole state map.
	Providers() ([]provenance.Provider, error)
	Validators() ([]provenance.Validator, error)
	Streams(issuer string) ([]ledger.Stream, error)
}

// Headers gives the signed headers.
type Headers interface {
	// LatestSigned is the newest height that LightBlock answers, 0 for none. It
	// is at least one above the height of what Log.Signed has returned.
	LatestSigned() int64
	// LightBlock returns CometBFT's tendermint.types.LightBlock of a height in
	// protobuf: the header, a commit of more than two thirds, the validator set.
	// ledger.ErrNotFound where the height is not kept, ledger.ErrNotHere where it
	// will be.
	LightBlock(height int64) ([]byte, error)
}

// Submitter takes submissions.
type Submitter interface {
	// Check decodes a submission as ledger.Check does, or remembers that it did.
	// The result is never nil; its Err says what is wrong. raw does not change.
	Check(raw []byte) *ledger.Checked
	// Submit judges what Check returned against the newest committed state and
	// hands it to consensus. Nil says that it is likely to be committed, also
	// where consensus has it already. A refusal is a *provenance.Error; one with
	// the code "duplicate" says that it is committed. ErrBusy, ErrUnavailable.
	Submit(ctx context.Context, c *ledger.Checked) error
}

// Engine says how consensus fares.
type Engine interface {
	// CatchingUp reports that blocks are missing that others have, or that the
	// node does not run. It takes no submissions then.
	CatchingUp() bool
	// Err says why consensus ended by itself, or makes no blocks though
	// submissions wait; nil otherwise.
	Err() error
}
