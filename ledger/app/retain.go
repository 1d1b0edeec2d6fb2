package app

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/evidence"
	"github.com/cometbft/cometbft/types"
)

const (
	// pruneStep is how many blocks are pruned together where that many are to be
	// kept ten times over: pruning costs two synced writes, however little goes.
	pruneStep = 100
	// pruneMost bounds what one commit prunes, which consensus waits for.
	pruneMost = 200
	// reclaimLeast is how many bytes of blocks go before the room is given back,
	// which rewrites the store: half of what the store then has at the least.
	reclaimLeast = 64 << 20
)

// A keeper works out which blocks the engine may forget. It belongs to the
// goroutine that archives headers.
type keeper struct {
	keep Retention
	load func(height int64) (*types.BlockMeta, error)

	low, high int64 // the blocks that are counted: low is the first to be kept
	size      int64 // bytes of them

	gone int64 // bytes of blocks that may go, since the room was last given back
	base int64 // the engine's first block when the room was last given back
}

// advance counts the blocks up to tip, whose header is given, and returns the
// first block to be kept: none above archived goes, nor any that evidence may
// still be about. SPEC(NOD-31)
func (k *keeper) advance(tip *types.Header, archived int64, params types.EvidenceParams) (int64, error) {
	for k.high < tip.Height {
		meta, err := k.load(k.high + 1)
		if err != nil {
			return k.low, err
		}
		k.high++
		k.size += int64(meta.BlockSize)
	}
	for k.low <= archived && tip.Height-k.low >= k.keep.Blocks {
		meta, err := k.load(k.low)
		if err != nil {
			return k.low, err
		}
		size := int64(meta.BlockSize)
		if tip.Time.Sub(meta.Header.Time) <= time.Duration(k.keep.Age) || k.size-size < k.keep.Bytes ||
			!evidence.IsEvidenceExpired(tip.Height, tip.Time, k.low, meta.Header.Time, params) {
			break
		}
		k.low, k.size, k.gone = k.low+1, k.size-size, k.gone+size
	}
	return k.low, nil
}

// next returns the height up to which the engine is to prune now, 0 for not yet:
// base is its first block, and low the first to be kept.
func (k *keeper) next(base, low int64) int64 {
	if low-base < min(pruneStep, k.keep.Blocks/10+1) {
		return 0
	}
	return min(low, base+pruneMost)
}

// reclaim gives the room of pruned blocks back to the file system, where there is
// enough of it to be worth rewriting what is left (SPEC(NOD-32)): what is written
// for it is at most twice what was pruned.
func (k *keeper) reclaim(base int64, engine *EngineDB) error {
	if base == k.base || k.gone < max(reclaimLeast, engine.size()/2) {
		return nil
	}
	k.gone, k.base = 0, base
	return engine.reclaim()
}

// retaining is the application with the node's word on which blocks it needs.
type retaining struct {
	abci.Application
	from *atomic.Int64 // the first block to be kept; 0: all
}

// Commit implements abci.Application.
func (r retaining) Commit(ctx context.Context, req *abci.RequestCommit) (*abci.ResponseCommit, error) {
	res, err := r.Application.Commit(ctx, req)
	if err == nil {
		res.RetainHeight = r.from.Load()
	}
	return res, err
}

// newKeeper counts from the engine's first block on.
func (n *Node) newKeeper(keep Retention) *keeper {
	blocks := n.comet.BlockStore()
	base := max(1, blocks.Base())
	return &keeper{keep: keep, low: base, high: base - 1, base: base, load: func(height int64) (*types.BlockMeta, error) {
		if meta := blocks.LoadBlockMeta(height); meta != nil {
			return meta, nil
		}
		return nil, fmt.Errorf("block %d is missing from the engine's store, which has %d to %d", height, blocks.Base(), blocks.Height())
	}}
}
