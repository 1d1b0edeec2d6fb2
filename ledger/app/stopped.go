package app

import (
	"fmt"
	"log/slog"

	sm "github.com/cometbft/cometbft/state"
	"github.com/cometbft/cometbft/store"
	"github.com/cometbft/cometbft/types"

	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"

	"tokentrail/ledger"
	"tokentrail/provenance"
)

// Stores are the engine's stores of a home whose node does not run. The caller
// holds the home's lock.
type Stores struct {
	engine *EngineDB
	blocks *store.BlockStore
	states sm.Store
}

// OpenStores opens the engine's stores of a stopped home.
func OpenStores(home string, log *slog.Logger) (s *Stores, err error) {
	engine, err := OpenEngineDB(EngineDir(home), log)
	if err != nil {
		return nil, err
	}
	defer recoverEngine(&err, "open the engine's stores")
	return &Stores{
		engine: engine,
		blocks: store.NewBlockStore(engine.Store("blockstore")),
		states: sm.NewStore(engine.Store("state"), sm.StoreOptions{DiscardABCIResponses: true}),
	}, nil
}

// Close closes the stores.
func (s *Stores) Close() error { return s.engine.Close() }

// Blocks returns the heights of the first and the last block; 0, 0 for none.
func (s *Stores) Blocks() (base, tip int64) { return s.blocks.Base(), s.blocks.Height() }

// LightBlock returns the light block of a height that the engine has, as
// Node.LightBlock does, or ErrNoHeight.
func (s *Stores) LightBlock(height int64) (pb []byte, err error) {
	defer recoverEngine(&err, fmt.Sprintf("signed header %d", height))
	if base, tip := s.Blocks(); height < max(1, base) || height > tip {
		return nil, fmt.Errorf("%w: %d; the engine has %d to %d", ErrNoHeight, height, base, tip)
	}
	meta := s.blocks.LoadBlockMeta(height)
	commit := s.blocks.LoadBlockCommit(height)
	if commit == nil {
		commit = s.blocks.LoadSeenCommit(height)
	}
	if meta == nil || commit == nil {
		return nil, fmt.Errorf("%w: %d; its header or commit is not kept", ErrNoHeight, height)
	}
	vals, err := validatorsAt(s.states, height)
	if err != nil {
		return nil, fmt.Errorf("validators of height %d: %w", height, err)
	}
	set, err := vals.ToProto()
	if err != nil {
		return nil, fmt.Errorf("validators of height %d: %w", height, err)
	}
	signed := types.SignedHeader{Header: &meta.Header, Commit: commit}
	block := cmtproto.LightBlock{SignedHeader: signed.ToProto(), ValidatorSet: set}
	return block.Marshal()
}

// AppHashAt returns the app hash that the header of a height carries, the ledger's
// after the height before; false where the engine does not have the block.
func (s *Stores) AppHashAt(height int64) (hash []byte, ok bool) {
	var err error
	defer recoverEngine(&err, "")
	if base, tip := s.Blocks(); height < max(1, base) || height > tip {
		return nil, false
	}
	meta := s.blocks.LoadBlockMeta(height)
	if meta == nil {
		return nil, false
	}
	return meta.Header.AppHash, true
}

// Joint returns what a node can take the chain up with behind the height of a
// frontier, as a running node hands it out (SPEC(NOD-33)). The engine must have the
// block of the next height.
func (s *Stores) Joint(f *ledger.Frontier) (raw []byte, err error) {
	height := f.Head().Height
	defer recoverEngine(&err, fmt.Sprintf("what the engine has of height %d", height))
	b := provenance.AppendInt(provenance.AppendArray(nil, 6), jointFormat)
	b = provenance.AppendBytes(b, f.Encode())
	for _, h := range []int64{height, height + 1} {
		block, err := s.LightBlock(h)
		if err != nil {
			return nil, err
		}
		b = provenance.AppendBytes(b, block)
	}
	for _, h := range []int64{height + 1, height + 2} {
		vals, err := s.states.LoadValidators(h)
		if err != nil {
			return nil, fmt.Errorf("validators of height %d: %w", h, err)
		}
		set, err := vals.ToProto()
		if err != nil {
			return nil, fmt.Errorf("validators of height %d: %w", h, err)
		}
		encoded, err := set.Marshal()
		if err != nil {
			return nil, fmt.Errorf("validators of height %d: %w", h, err)
		}
		b = provenance.AppendBytes(b, encoded)
	}
	return b, nil
}

// Height returns the height of the engine's state, 0 before the first block.
func (s *Stores) Height() (height int64, err error) {
	defer recoverEngine(&err, "the engine's state")
	state, err := s.states.Load()
	return state.LastBlockHeight, err
}

// SignedHeight returns the height that a home's validator signed last.
func SignedHeight(home string) (int64, error) {
	_, pv, err := loadKeys(home)
	if err != nil {
		return 0, err
	}
	return pv.LastSignState.Height, nil
}

// CheckSigned refuses where a home's validator signed a height around a joint's
// that its signing state does not know: it could sign another block of it.
func CheckSigned(home string, j *Joint) error { return checkSigned(home, j) }
