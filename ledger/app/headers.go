package app

import (
	"errors"
	"fmt"

	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	sm "github.com/cometbft/cometbft/state"
	"github.com/cometbft/cometbft/types"
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
	return n.comet.BlockStore().Height()
}

// LightBlock returns what an auditor needs to check height: CometBFT's LightBlock
// message in protobuf, with the header, a commit of more than two thirds of the
// voting power, and the validator set. The header's app hash is the
// application's after height-1. The bytes of one height may differ between nodes
// and, at the tip, over time: which signatures above two thirds a commit carries
// is settled by the next block only.
func (n *Node) LightBlock(height int64) (pb []byte, err error) {
	release, err := n.use()
	if err != nil {
		return nil, err
	}
	defer release()
	defer func() {
		if r := recover(); r != nil { // CometBFT's stores panic on damage
			err = fmt.Errorf("signed header %d: %v", height, r)
		}
	}()
	signed, err := n.signedHeader(height)
	if err != nil {
		return nil, err
	}
	// Written two heights ahead, so that it is there for every stored block.
	vals, err := validatorsAt(n.states, height)
	if err != nil {
		return nil, fmt.Errorf("validators of height %d: %w", height, err)
	}
	set, err := vals.ToProto()
	if err != nil {
		return nil, fmt.Errorf("validators of height %d: %w", height, err)
	}
	block := cmtproto.LightBlock{SignedHeader: signed.ToProto(), ValidatorSet: set}
	if pb, err = block.Marshal(); err != nil {
		return nil, fmt.Errorf("signed header %d: %w", height, err)
	}
	return pb, nil
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
// height+1 carries, or at the tip the one that this node saw.
func (n *Node) signedHeader(height int64) (*types.SignedHeader, error) {
	blocks := n.comet.BlockStore()
	if height < 1 {
		return nil, fmt.Errorf("%w: %d; heights begin with 1", ErrNoHeight, height)
	}
	meta := blocks.LoadBlockMeta(height)
	if meta == nil {
		return nil, fmt.Errorf("%w: %d; this node has %d to %d", ErrNoHeight, height, blocks.Base(), blocks.Height())
	}
	commit := blocks.LoadBlockCommit(height)
	if commit == nil {
		commit = blocks.LoadSeenCommit(height)
	}
	if commit == nil {
		return nil, fmt.Errorf("%w: %d; its commit is not kept", ErrNoHeight, height)
	}
	return &types.SignedHeader{Header: &meta.Header, Commit: commit}, nil
}
