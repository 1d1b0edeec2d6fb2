package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/cometbft/cometbft/evidence"
	sm "github.com/cometbft/cometbft/state"
	"github.com/cometbft/cometbft/store"
	"github.com/cometbft/cometbft/types"

	"tokentrail/ledger"
)

const (
	// pastPage is how many heights are asked for and verified together.
	pastPage = 500
	// pastPageBytes bounds the light blocks of a page, which are held in memory.
	pastPageBytes = 64 << 20
)

// LightBlocks returns light blocks, CometBFT's message in protobuf, of consecutive
// heights from the one given on: at least one and at most limit, and
// ledger.ErrNotHere where it has no such height and may have higher ones. What it
// returns is not trusted.
type LightBlocks func(ctx context.Context, from int64, limit int) ([][]byte, error)

// ErrNoPast: a light block is not the one that the header above it names, or is
// none at all. Nothing of what came with it is written.
var ErrNoPast = errors.New("it is not the chain's")

// A past is what the engine has of the heights up to a joint: no blocks, but the
// header, commit and validators by which it judges evidence. They stand under the
// engine's own keys, below its first block, where it looks for them and does
// nothing else with them.
type past struct {
	engine *EngineDB
	states sm.Store
	blocks *store.BlockStore
}

// FillPast gives a home that was bootstrapped and does not run what its engine
// needs to judge evidence from before the joint, as Node.FillPast does. The caller
// holds the home's lock.
func FillPast(ctx context.Context, home string, get LightBlocks, log *slog.Logger) (err error) {
	s, err := OpenStores(home, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return fillPast(ctx, get, func(do func(*past) error) error { return do(&past{s.engine, s.states, s.blocks}) })
}

// FillPast fetches header, commit and validators of the heights before the
// engine's first block, the nearest first, as far down as evidence may still be
// committed and none was, each named by the header above it, and gives them to the
// engine. What is there stays, whenever it ends; called again it goes on below.
// Where nothing is missing it does nothing. SPEC(NOD-42)
func (n *Node) FillPast(ctx context.Context, get LightBlocks) error {
	return fillPast(ctx, get, n.withPast)
}

// withPast calls do, while the node does not stop.
func (n *Node) withPast(do func(*past) error) error {
	release, err := n.use()
	if err != nil {
		return err
	}
	defer release()
	return do(&past{n.engine, n.states, n.comet.BlockStore()})
}

// LacksPast is the highest height before the engine's first block of which
// evidence may be committed that the engine could not judge, and may; 0 for none.
func (n *Node) LacksPast() (height int64, err error) {
	err = n.withPast(func(p *past) error {
		above, err := p.above()
		if above != nil {
			height = above.Height - 1
		}
		return err
	})
	return height, err
}

// fillPast is FillPast. with calls a function with the stores, which stay open for
// as long as that takes.
func fillPast(ctx context.Context, get LightBlocks, with func(func(*past) error) error) error {
	for page := int64(pastPage); ; {
		var above *types.Header
		err := with(func(p *past) (err error) { above, err = p.above(); return err })
		if err != nil || above == nil {
			return err
		}
		from := max(1, above.Height-page)
		raw, err := gatherPast(ctx, get, from, above.Height)
		if errors.Is(err, ledger.ErrNotHere) && page > 1 {
			page /= 2 // the nearest at the least
			continue
		}
		if err != nil {
			return fmt.Errorf("headers %d to %d, by which the engine judges evidence: %w", from, above.Height-1, err)
		}
		blocks, err := linkPast(above, raw)
		if err != nil {
			return err
		}
		if err := with(func(p *past) error { return p.write(behindEvidence(blocks)) }); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// behindEvidence leaves out of consecutive light blocks those below the highest
// whose block carries evidence. SPEC(NOD-42): evidence of before may be the one
// that was committed there, which the engine does not know and would take again.
func behindEvidence(blocks []*types.LightBlock) []*types.LightBlock {
	for i := len(blocks) - 1; i > 0; i-- {
		if carriesEvidence(blocks[i].Header) {
			return blocks[i:]
		}
	}
	return blocks
}

func carriesEvidence(h *types.Header) bool {
	return !bytes.Equal(h.EvidenceHash, types.EvidenceList{}.Hash())
}

// above returns the lowest header that the engine has, where it may judge evidence
// of one below that; nil where there is none.
func (p *past) above() (h *types.Header, err error) {
	defer recoverEngine(&err, "look at the engine's headers")
	span, err := p.span()
	if err != nil || span == nil || span.low <= 1 {
		return nil, err
	}
	state, err := p.states.Load()
	if err != nil {
		return nil, fmt.Errorf("load the engine's state: %w", err)
	}
	meta := p.blocks.LoadBlockMeta(span.low)
	if meta == nil {
		return nil, fmt.Errorf("the engine's header of height %d is missing", span.low)
	}
	// No header below has a later time.
	if carriesEvidence(&meta.Header) || evidence.IsEvidenceExpired(state.LastBlockHeight, state.LastBlockTime, span.low-1, meta.Header.Time, state.ConsensusParams.Evidence) {
		return nil, nil
	}
	return &meta.Header, nil
}

// gatherPast returns the light blocks from a height up to another, which is not
// among them.
func gatherPast(ctx context.Context, get LightBlocks, from, to int64) (page [][]byte, err error) {
	size := 0
	for next := from; next < to; next = from + int64(len(page)) {
		more, err := get(ctx, next, int(to-next))
		if err != nil {
			return nil, err
		}
		if len(more) == 0 || int64(len(more)) > to-next {
			return nil, fmt.Errorf("%d light blocks from height %d on, asked for 1 to %d", len(more), next, to-next)
		}
		for _, b := range more {
			size += len(b)
		}
		if page = append(page, more...); size > pastPageBytes {
			return nil, fmt.Errorf("%d light blocks from height %d on have more than %d bytes", len(page), from, pastPageBytes)
		}
	}
	return page, nil
}

// linkPast decodes light blocks of consecutive heights that end below a header
// and holds each against the one above: its header and commit are those that this
// names, its validators those that its header names. The commit has to be the very
// one that the block above carries, since which validators are to blame for a
// forged header follows from it. The header that all of this hangs on was verified;
// the signatures are looked at for the commit's round, which no header names.
func linkPast(above *types.Header, page [][]byte) (blocks []*types.LightBlock, err error) {
	defer recoverEngine(&err, "compare headers")
	blocks = make([]*types.LightBlock, len(page))
	for i := len(page) - 1; i >= 0; i-- { // SPEC(NOD-42)
		b, err := parseLightBlock(page[i])
		switch {
		case err != nil:
			return nil, fmt.Errorf("the light block of height %d: %w: %w", above.Height-1, ErrNoPast, err)
		case b.Height != above.Height-1 || b.ChainID != above.ChainID:
			return nil, fmt.Errorf("a light block of height %d of chain %q where %d of %q was asked for: %w", b.Height, b.ChainID, above.Height-1, above.ChainID, ErrNoPast)
		case !b.Commit.BlockID.Equals(above.LastBlockID):
			return nil, fmt.Errorf("the light block of height %d has the header %s, the next one names %s: %w", b.Height, b.Commit.BlockID.Hash, above.LastBlockID.Hash, ErrNoPast)
		case !bytes.Equal(b.Commit.Hash(), above.LastCommitHash):
			return nil, fmt.Errorf("the light block of height %d has the commit %s, the next block carries %s: %w", b.Height, b.Commit.Hash(), above.LastCommitHash, ErrNoPast)
		}
		if err := b.ValidatorSet.VerifyCommitLight(b.ChainID, b.Commit.BlockID, b.Height, b.Commit); err != nil {
			return nil, fmt.Errorf("the commit of height %d: %w: %w", b.Height, ErrNoPast, err)
		}
		blocks[i], above = b, b.Header
	}
	return blocks, nil
}
