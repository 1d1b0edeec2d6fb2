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
		g.node.log.Error("the node stops while it fetches blocks", "error", err)
		g.halt(err)
		// The engine holds nothing here that its deferred calls do not release.
		runtime.Goexit()
	}
	return out, err
}

// Commit is the application's. Where it is the last that this program can make,
// the node is halted with that as the reason, before the engine has one of its own.
// In block sync the engine holds the mempool's lock here and would keep it, so its
// goroutine goes on, and the next FinalizeBlock ends it.
func (g guarded) Commit(ctx context.Context, r *abci.RequestCommit) (*abci.ResponseCommit, error) {
	out, err := g.Application.Commit(ctx, r)
	if !isRulesError(err) || g.node.comet == nil { // nil: the start fails
		return out, err
	}
	g.halt(err)
	if g.fetching() {
		return &abci.ResponseCommit{}, nil // the block is committed; there will be no other
	}
	return nil, err
}

// fetching reports whether the engine is in block sync: it is made, and
// consensus waits.
func (g guarded) fetching() bool {
	return g.node.comet != nil && g.node.comet.ConsensusReactor().WaitSync()
}

func (g guarded) halt(err error) {
	g.node.halt(fmt.Errorf("consensus halted: %w", err))
}
