package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/mempool"
)

// What Submit and WaitHeight fail with, beside the context's errors.
var (
	// ErrMempoolFull: nothing is wrong with the transaction; try again later.
	ErrMempoolFull = errors.New("mempool is full")
	// ErrTxTooLarge: above MaxTxBytes, for good.
	ErrTxTooLarge = errors.New("transaction is too large")
	// ErrTxKnown: the node has these bytes already, pending or lately committed.
	ErrTxKnown = errors.New("transaction is already known")
	// ErrStopped: the node is stopped, or its consensus halted.
	ErrStopped = errors.New("node is not running")
)

// Submit hands tx to the mempool, which asks the application (CheckTx) and
// gossips what it accepts. It returns the application's code and log; code 0
// says that tx is likely to be committed, not that it is: wait for the ledger to
// show it. It waits while a block is being committed, then as long as the
// application takes; ctx is looked at before that.
func (n *Node) Submit(ctx context.Context, tx []byte) (code uint32, log string, err error) {
	release, err := n.use()
	if err != nil {
		return 0, "", err
	}
	defer release()
	if err := ctx.Err(); err != nil {
		return 0, "", err
	}
	defer func() {
		if r := recover(); r != nil { // the mempool panics when the application fails
			err = fmt.Errorf("check transaction: %v", r)
		}
	}()
	before := n.Height()
	answer := make(chan *abci.ResponseCheckTx, 1)
	err = n.comet.Mempool().CheckTx(tx, func(r *abci.ResponseCheckTx) { answer <- r }, mempool.TxInfo{})
	if err != nil {
		return 0, "", submitError(err)
	}
	select {
	case r := <-answer:
		if r.Code == abci.CodeTypeOK {
			n.mu.Lock()
			if n.waiting.IsZero() && n.height == before { // else there was a block meanwhile
				n.waiting = time.Now()
			}
			n.mu.Unlock()
		}
		return r.Code, r.Log, nil
	case <-ctx.Done():
		return 0, "", ctx.Err()
	case <-n.done:
		return 0, "", errors.Join(ErrStopped, n.Err())
	}
}

func submitError(err error) error {
	var full mempool.ErrMempoolIsFull
	var large mempool.ErrTxTooLarge
	switch {
	case errors.As(err, &full), errors.Is(err, mempool.ErrRecheckFull):
		return fmt.Errorf("%w: %w", ErrMempoolFull, err)
	case errors.As(err, &large), mempool.IsPreCheckError(err):
		return fmt.Errorf("%w: %w", ErrTxTooLarge, err)
	case errors.Is(err, mempool.ErrTxInCache):
		return ErrTxKnown
	}
	return fmt.Errorf("check transaction: %w", err)
}
