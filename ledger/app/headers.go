package app

import (
	"errors"
	"fmt"

	sm "github.com/cometbft/cometbft/state"
	"github.com/cometbft/cometbft/types"

	"tokentrail/provenance"
)

// ErrNoHeight: the node has no signed header of that height, because it is not
// committed yet or no longer kept.
var ErrNoHeight = errors.New("no signed header of this height")

// LatestSigned is the last height that LightBlock answers; 0 when there is none.
// It may be one above Height while the application commits that block.
func (n *Node) LatestSigned() int64 {
	release, err := n.use()
	if err != nil {
		return 0
	}
	defer release()
	if tip := n.comet.BlockStore().Height(); tip > 0 || n.opt.Archive == nil {
		return tip
	}
	// Made from a backup, and alone so far: its archive has the header behind the
	// ledger's height (SPEC(NOD-67)).
	_, last := n.opt.Archive.ArchivedHeaders()
	return last
}

// LightBlock returns what an auditor needs to check height: CometBFT's LightBlock
// message in protobuf, with the header, a commit of more than two thirds of the
// voting power, and the validator set. The header's app hash is the
// application's after height-1. It comes from the engine, or from the archive
// where the engine keeps the block no more (SPEC(NOD-30)). The bytes of one height
// may differ between nodes and, at the tip, over time: which signatures above two
// thirds a commit carries is settled by the next block only.
func (n *Node) LightBlock(height int64) (pb []byte, err error) {
	release, err := n.use()
	if err != nil {
		return nil, err
	}
	defer release()
	defer recoverEngine(&err, fmt.Sprintf("signed header %d", height))
	signed, err := n.signedHeader(height, true)
	if err == nil {
		pb, err = n.lightBlock(signed)
	}
	if err == nil {
		return pb, nil
	}
	// Pruned, perhaps between the header and its validators.
	if pb, there := n.archived(height); !errors.Is(there, ErrNoHeight) {
		return pb, there
	}
	return nil, err
}

// validatorsAt loads the validators of a height without working out whose turn it
// was to propose: nobody signs that, and it takes a step for each height since
// the set last changed (27 ms for a hundred validators after 50,000 heights).
func validatorsAt(states sm.Store, height int64) (*types.ValidatorSet, error) {
	if fast, ok := states.(interface {
		LoadValidatorsFast(height int64) (*types.ValidatorSet, error)
	}); ok {
		return fast.LoadValidatorsFast(height)
	}
	return states.LoadValidators(height)
}

// signedHeader joins a header with its commit: the canonical one, which block
// height+1 carries, or at the tip, if that will do, the one that this node saw.
func (n *Node) signedHeader(height int64, seen bool) (*types.SignedHeader, error) {
	blocks := n.comet.BlockStore()
	if height < 1 {
		return nil, fmt.Errorf("%w: %d; heights begin with 1", ErrNoHeight, height)
	}
	meta := blocks.LoadBlockMeta(height)
	if meta == nil {
		return nil, fmt.Errorf("%w: %d; this node has %d to %d", ErrNoHeight, height, blocks.Base(), blocks.Height())
	}
	commit := blocks.LoadBlockCommit(height)
	if commit == nil && seen {
		commit = blocks.LoadSeenCommit(height)
	}
	if commit == nil {
		return nil, fmt.Errorf("%w: %d; its commit is not kept", ErrNoHeight, height)
	}
	return &types.SignedHeader{Header: &meta.Header, Commit: commit}, nil
}

// ProposerSet returns the engine's validator set of a height, at most two above
// the last, with each validator's priority as proposer, in protobuf: what a node
// that joins cannot work out from headers.
func (n *Node) ProposerSet(height int64) (pb []byte, err error) {
	release, err := n.use()
	if err != nil {
		return nil, err
	}
	defer release()
	defer recoverEngine(&err, fmt.Sprintf("validators of height %d", height))
	vals, err := n.states.LoadValidators(height)
	if err != nil {
		return nil, fmt.Errorf("validators of height %d: %w", height, err)
	}
	set, err := vals.ToProto()
	if err != nil {
		return nil, fmt.Errorf("validators of height %d: %w", height, err)
	}
	return set.Marshal()
}

// FirstBlock is the first block that the engine has; 0 where it has none.
func (n *Node) FirstBlock() int64 {
	release, err := n.use()
	if err != nil {
		return 0
	}
	defer release()
	return n.comet.BlockStore().Base()
}

// HeaderHash returns the hash of a signed header that the engine has: with its
// height it is what others can begin to trust with.
func (n *Node) HeaderHash(height int64) (hash provenance.Hash, err error) {
	release, err := n.use()
	if err != nil {
		return hash, err
	}
	defer release()
	defer recoverEngine(&err, fmt.Sprintf("signed header %d", height))
	signed, err := n.signedHeader(height, true)
	if err != nil {
		return hash, err
	}
	copy(hash[:], signed.Hash())
	return hash, nil
}
