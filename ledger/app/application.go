package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"
	cmted25519 "github.com/cometbft/cometbft/crypto/ed25519"

	"tokentrail/ledger"
	"tokentrail/provenance"
)

// protocolVersion is the application's version in block headers. It is not that
// of the admission rules, which are in the state and change at a height: the
// engine asks for it before there is a state, and writes it into every header.
const protocolVersion = 1

// Application is the ABCI adapter: it decodes what the engine says, calls the
// ledger, and encodes the answer. It decides nothing itself.
//
// The engine calls it on several connections at once (consensus, mempool,
// queries); the ledger and the cache lock themselves.
type Application struct {
	abci.BaseApplication
	ledger  *ledger.Ledger
	seen    *checkedCache
	waiting *waitingRoom
	accuser *accuser
	accused misbehaviour
	log     *slog.Logger

	// Of the consensus connection: what was last warned of, and the block between
	// FinalizeBlock and Commit.
	warned  struct{ version, from int64 }
	decided []*ledger.Checked
}

// NewApplication adapts a ledger. A nil logger discards; one that is given hears
// at once what the ledger will not go on without.
func NewApplication(l *ledger.Ledger, log *slog.Logger) *Application {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	a := &Application{ledger: l, seen: newCheckedCache(checkedCacheBytes), waiting: newWaitingRoom(time.Now), accuser: newAccuser(time.Now), log: log}
	a.warnOfRules()
	return a
}

// CheckTx's answers beside 0 and the codes of refusals (ledger.ResultCodes).
const (
	// CodeHeld: the node holds the submission until its predecessor is there. It
	// is not in the mempool, and not refused either.
	CodeHeld uint32 = 2
	// CodeFull: nothing is wrong with it; try again after the next block.
	CodeFull uint32 = 3
)

// Check decodes a submission, or finds what is known of its bytes. raw must not
// change afterwards.
func (a *Application) Check(raw []byte) *ledger.Checked { return a.seen.check(raw) }

// Judge judges a submission before consensus: whether it is admissible now or
// soon. What is is remembered, so that mempool, proposal and block find the work
// done. The error is a *provenance.Error where it is refused.
func (a *Application) Judge(c *ledger.Checked) error {
	if err := a.ledger.Snapshot().AdmitPending(c); err != nil {
		a.accuse(c, err)
		return err
	}
	a.seen.remember(c)
	return nil
}

// Feed hands to the mempool, through submit, what was held for its predecessor
// and is not early any more. It returns when ctx ends.
func (a *Application) Feed(ctx context.Context, submit func(context.Context, []byte) (uint32, string, error)) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.waiting.wake:
		case <-timer.C:
		}
		pause := time.Second // what waits in vain wakes nobody
		ready, late := a.waiting.release(a.nextOf)
		for _, c := range late {
			a.accuse(c, nil) // the entry may be another statement
		}
		for _, c := range ready {
			code, _, err := submit(ctx, c.Raw())
			switch {
			case errors.Is(err, ErrTxKnown):
				// The engine has not forgotten yet that it knows the submission
				// as one that was held.
				pause = min(pause, 5*time.Millisecond)
			case err != nil || code == CodeFull:
				pause = min(pause, 50*time.Millisecond)
			}
		}
		timer.Reset(pause)
	}
}

// headOf returns the sequence that is next where a submission has its place, which
// is its own where it cannot be early.
func (a *Application) headOf(c *ledger.Checked) int64 {
	at := placeOf(c)
	if at.kind != batches {
		return at.sequence
	}
	return a.nextOf(at.stream)
}

// nextOf returns the sequence of a stream's next entry.
func (a *Application) nextOf(s stream) int64 {
	head, exists, err := a.ledger.Snapshot().StreamHead(s.issuer, s.name)
	if err != nil || !exists {
		return 0 // what cannot be read is refused by the mempool
	}
	return head.Sequence + 1
}

// Info tells the engine where the ledger is; what it does not have is replayed.
func (a *Application) Info(context.Context, *abci.RequestInfo) (*abci.ResponseInfo, error) {
	height, appHash := a.ledger.Info()
	r := &abci.ResponseInfo{Data: "tokentrail", Version: "1", AppVersion: protocolVersion, LastBlockHeight: height}
	if height > 0 {
		r.LastBlockAppHash = appHash[:]
	}
	return r, nil
}

// InitChain puts genesis in place.
func (a *Application) InitChain(_ context.Context, r *abci.RequestInitChain) (*abci.ResponseInitChain, error) {
	validators := make([]provenance.Validator, len(r.Validators))
	for i, v := range r.Validators {
		key := v.PubKey.GetEd25519()
		if key == nil {
			return nil, fmt.Errorf("genesis: validator %d has no Ed25519 key", i)
		}
		validators[i] = provenance.Validator{Type: cmted25519.KeyType, Key: key, Power: v.Power}
	}
	appHash, err := a.ledger.InitGenesis(r.AppStateBytes, validators, r.ChainId)
	if err != nil {
		return nil, err
	}
	return &abci.ResponseInitChain{AppHash: appHash[:]}, nil
}

// CheckTx lets into the mempool what is admissible and follows without a gap,
// and holds what comes early. A recheck throws out what has become entry or will
// never be one.
func (a *Application) CheckTx(_ context.Context, r *abci.RequestCheckTx) (*abci.ResponseCheckTx, error) {
	c := a.seen.check(r.Tx)
	if err := a.Judge(c); err != nil {
		a.waiting.leave(c)
		return refused(err), nil
	}
	if r.Type == abci.CheckTxType_Recheck {
		if !a.waiting.stay(c, a.headOf(c)) {
			return &abci.ResponseCheckTx{Code: CodeHeld}, nil
		}
		return &abci.ResponseCheckTx{}, nil
	}
	in, err := a.waiting.enter(c, a.headOf(c))
	switch {
	case errors.Is(err, errPoolFull):
		return &abci.ResponseCheckTx{Code: CodeFull, Log: err.Error()}, nil
	case err != nil:
		a.accuse(c, err)
		return refused(err), nil
	case !in:
		return &abci.ResponseCheckTx{Code: CodeHeld}, nil
	}
	return &abci.ResponseCheckTx{}, nil
}

func refused(err error) *abci.ResponseCheckTx {
	return &abci.ResponseCheckTx{Code: ledger.ResultCode(provenance.CodeOf(err)), Log: err.Error()}
}

// PrepareProposal chooses what the mempool offers, in the order of streams.
func (a *Application) PrepareProposal(_ context.Context, r *abci.RequestPrepareProposal) (*abci.ResponsePrepareProposal, error) {
	chosen, err := a.ledger.Prepare(r.Height, r.Time, a.checkAll(r.Txs), r.MaxTxBytes)
	if err != nil {
		return nil, err
	}
	txs := make([][]byte, len(chosen))
	for i, c := range chosen {
		txs[i] = c.Raw()
	}
	return &abci.ResponsePrepareProposal{Txs: txs}, nil
}

// ProcessProposal rejects a block that holds anything inadmissible.
func (a *Application) ProcessProposal(_ context.Context, r *abci.RequestProcessProposal) (*abci.ResponseProcessProposal, error) {
	if err := a.process(r); err != nil {
		a.log.Warn("rejected a proposed block", "height", r.Height, "proposer", fmt.Sprintf("%X", r.ProposerAddress), "error", err)
		return &abci.ResponseProcessProposal{Status: abci.ResponseProcessProposal_REJECT}, nil
	}
	return &abci.ResponseProcessProposal{Status: abci.ResponseProcessProposal_ACCEPT}, nil
}

func (a *Application) process(r *abci.RequestProcessProposal) error {
	size := 0
	for _, tx := range r.Txs {
		size += len(tx)
	}
	// SPEC(ADM-17): before anything is decoded; the ledger counts exactly.
	if size > ledger.MaxBlockBytes {
		return fmt.Errorf("%d bytes of transactions, at most %d are allowed", size, ledger.MaxBlockBytes)
	}
	txs := a.checkAll(r.Txs)
	if err := a.ledger.Process(r.Height, r.Time, txs); err != nil {
		return err
	}
	for _, c := range txs {
		a.seen.remember(c) // FinalizeBlock comes next
	}
	return nil
}

// FinalizeBlock computes the block; nothing is visible before Commit. A result
// says which entry a transaction became. An error halts the node.
func (a *Application) FinalizeBlock(_ context.Context, r *abci.RequestFinalizeBlock) (*abci.ResponseFinalizeBlock, error) {
	txs := a.checkAll(r.Txs)
	did, err := a.ledger.Apply(r.Height, r.Time, txs)
	if err != nil {
		return nil, err
	}
	a.decided = txs
	a.tellMisbehaviour(r)
	out := &abci.ResponseFinalizeBlock{
		AppHash: did.AppHash[:], TxResults: make([]*abci.ExecTxResult, len(did.Results)),
		ValidatorUpdates: validatorUpdates(did.Validators),
	}
	for i, res := range did.Results {
		// Code and data go into the hash of the block's results; Log does not.
		out.TxResults[i] = &abci.ExecTxResult{Code: res.Code, Data: res.ID[:]}
		if res.Err != nil {
			out.TxResults[i].Log = res.Err.Error()
			a.log.Error("a decided block holds an inadmissible transaction", "height", r.Height, "transaction", i, "error", res.Err)
		}
	}
	return out, nil
}

// validatorUpdates tells the engine whose power changes. It wants each validator
// once, a set that is never empty, and a bounded sum of powers: all of that is
// admission's (SPEC(GOV-17)).
func validatorUpdates(changed []provenance.Validator) []abci.ValidatorUpdate {
	var out []abci.ValidatorUpdate
	for _, v := range changed {
		out = append(out, abci.UpdateValidator(v.Key, v.Power, cmted25519.KeyType))
	}
	return out
}

// Commit makes the block durable, then visible. Where the block after it is under
// rules that this program does not have, it fails when that is done: the engine
// halts, and whoever starts the node with another release goes on from here.
func (a *Application) Commit(context.Context, *abci.RequestCommit) (*abci.ResponseCommit, error) {
	began := time.Now()
	if err := a.ledger.Commit(); err != nil {
		return nil, err
	}
	for _, lost := range a.waiting.reset(a.decided) {
		a.keepBoth(a.seen.check(lost.raw), lost.by)
	}
	a.accuser.look()
	a.seen.drop(a.decided)
	a.decided = nil
	if took := time.Since(began); took > time.Second {
		a.log.Warn("committing a block took long", "took", took)
	}
	if err := a.checkRules(); err != nil {
		return nil, err
	}
	return &abci.ResponseCommit{}, nil
}

func (a *Application) checkAll(txs [][]byte) []*ledger.Checked {
	out := make([]*ledger.Checked, len(txs))
	for i, tx := range txs {
		out[i] = a.seen.check(tx)
	}
	return out
}
