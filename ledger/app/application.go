package app

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"
	cmted25519 "github.com/cometbft/cometbft/crypto/ed25519"

	"tokentrail/ledger"
	"tokentrail/provenance"
)

// protocolVersion is the application's version in block headers: that of the
// admission rules.
const protocolVersion = provenance.RuleVersion

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
	log     *slog.Logger
}

// NewApplication adapts a ledger. A nil logger discards.
func NewApplication(l *ledger.Ledger, log *slog.Logger) *Application {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Application{ledger: l, seen: newCheckedCache(checkedCacheBytes), waiting: newWaitingRoom(time.Now), log: log}
}

// Check decodes a submission, once for all the ways on which its bytes come by:
// HTTP, mempool, proposal, block. raw must not change afterwards.
func (a *Application) Check(raw []byte) *ledger.Checked { return a.seen.check(raw) }

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

// CheckTx lets into the mempool what is admissible now or soon. A recheck
// throws out what has become entry, will never be one, or waits in vain.
func (a *Application) CheckTx(_ context.Context, r *abci.RequestCheckTx) (*abci.ResponseCheckTx, error) {
	c := a.seen.check(r.Tx)
	if err := a.checkTx(c, r.Type == abci.CheckTxType_Recheck); err != nil {
		a.waiting.leave(c)
		return &abci.ResponseCheckTx{Code: ledger.ResultCode(provenance.CodeOf(err)), Log: err.Error()}, nil
	}
	return &abci.ResponseCheckTx{}, nil
}

func (a *Application) checkTx(c *ledger.Checked, again bool) error {
	s := a.ledger.Snapshot()
	if err := s.AdmitPending(c); err != nil {
		return err
	}
	at, next := placeOf(c), int64(0)
	head, exists, err := s.StreamHead(at.issuer, at.stream)
	if err != nil {
		return err
	}
	if exists {
		next = head.Sequence + 1
	}
	if again {
		return a.waiting.stay(c, next)
	}
	return a.waiting.enter(c)
}

// PrepareProposal chooses what the mempool offers, in the order of streams.
func (a *Application) PrepareProposal(_ context.Context, r *abci.RequestPrepareProposal) (*abci.ResponsePrepareProposal, error) {
	chosen := a.ledger.Prepare(r.Height, r.Time, a.checkAll(r.Txs), r.MaxTxBytes)
	txs := make([][]byte, len(chosen))
	for i, c := range chosen {
		txs[i] = c.Raw()
	}
	return &abci.ResponsePrepareProposal{Txs: txs}, nil
}

// ProcessProposal rejects a block that holds anything inadmissible.
func (a *Application) ProcessProposal(_ context.Context, r *abci.RequestProcessProposal) (*abci.ResponseProcessProposal, error) {
	if err := a.ledger.Process(r.Height, r.Time, a.checkAll(r.Txs)); err != nil {
		a.log.Warn("rejected a proposed block", "height", r.Height, "proposer", fmt.Sprintf("%X", r.ProposerAddress), "error", err)
		return &abci.ResponseProcessProposal{Status: abci.ResponseProcessProposal_REJECT}, nil
	}
	return &abci.ResponseProcessProposal{Status: abci.ResponseProcessProposal_ACCEPT}, nil
}

// FinalizeBlock computes the block; nothing is visible before Commit. A result
// says which entry a transaction became. An error halts the node.
func (a *Application) FinalizeBlock(_ context.Context, r *abci.RequestFinalizeBlock) (*abci.ResponseFinalizeBlock, error) {
	txs := a.checkAll(r.Txs)
	results, appHash, err := a.ledger.Apply(r.Height, r.Time, txs)
	if err != nil {
		return nil, err
	}
	for _, c := range txs {
		a.waiting.leave(c)
	}
	out := &abci.ResponseFinalizeBlock{AppHash: appHash[:], TxResults: make([]*abci.ExecTxResult, len(results))}
	for i, res := range results {
		// Code and data go into the hash of the block's results; Log does not.
		out.TxResults[i] = &abci.ExecTxResult{Code: res.Code, Data: res.ID[:]}
		if res.Err != nil {
			out.TxResults[i].Log = res.Err.Error()
			a.log.Error("a decided block holds an inadmissible transaction", "height", r.Height, "transaction", i, "error", res.Err)
		}
	}
	a.seen.drop(r.Txs)
	return out, nil
}

// Commit makes the block durable, then visible.
func (a *Application) Commit(context.Context, *abci.RequestCommit) (*abci.ResponseCommit, error) {
	began := time.Now()
	if err := a.ledger.Commit(); err != nil {
		return nil, err
	}
	if took := time.Since(began); took > time.Second {
		a.log.Warn("committing a block took long", "took", took)
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
