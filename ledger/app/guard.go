package app

import (
	"context"
	"fmt"
	"runtime"

	abci "github.com/cometbft/cometbft/abci/types"
)

// guarded is the application as the engine has it. Where the application fails
// while the engine decides blocks, the engine ends consensus and says so. Where
// it fails while the engine fetches blocks that others have decided, the engine
// panics in a goroutine of its own, which would take the process along, whatever
// it is doing; there the node is halted here, and the goroutine ended.
type guarded struct {
	abci.Application
	node *Node
}

// FinalizeBlock is the application's.
func (g guarded) FinalizeBlock(ctx context.Context, r *abci.RequestFinalizeBlock) (*abci.ResponseFinalizeBlock, error) {
	out, err := g.Application.FinalizeBlock(ctx, r)
	if err != nil && g.fetching() {
		g.halt(err)
		// The engine holds nothing here that its deferred calls do not release.
		runtime.Goexit()
	}
	return out, err
}

// Commit is the application's. The engine holds the mempool's lock here and
// would keep it, so its goroutine goes on; where the ledger is at its end the
// next FinalizeBlock fails too.
func (g guarded) Commit(ctx context.Context, r *abci.RequestCommit) (*abci.ResponseCommit, error) {
	out, err := g.Application.Commit(ctx, r)
	if isRulesError(err) && g.fetching() {
		g.halt(err)
		return &abci.ResponseCommit{}, nil // the block is committed; there will be no other
	}
	return out, err
}

// fetching reports whether the engine is in block sync: it is made, and
// consensus waits.
func (g guarded) fetching() bool {
	return g.node.comet != nil && g.node.comet.ConsensusReactor().WaitSync()
}

func (g guarded) halt(err error) {
	g.node.log.Error("the node stops while it fetches blocks", "error", err)
	g.node.halt(fmt.Errorf("consensus halted: %w", err))
}
