package app

import (
	"bytes"
	"errors"
	"fmt"

	cmtstate "github.com/cometbft/cometbft/proto/tendermint/state"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	sm "github.com/cometbft/cometbft/state"
	"github.com/cometbft/cometbft/types"
	"github.com/cometbft/cometbft/version"
	"github.com/fxamacker/cbor/v2"

	"tokentrail/ledger"
	"tokentrail/provenance"
)

// A Joint is where a node can take the chain up without the blocks before: the
// ledger after a height, and what the engine needs of that height and the next
// (SPEC(NOD-33)). What is parsed is not trusted: Check holds its parts together,
// and whoever uses it has verified the header of Current.
type Joint struct {
	Frontier *ledger.Frontier  // the ledger after the height
	Last     *types.LightBlock // of the height
	Current  *types.LightBlock // of the next, whose header carries the frontier's app hash

	// Validators and Next are the sets of the two heights behind the frontier's,
	// with each one's priority as proposer. No header covers the priorities: wrong
	// ones cost the node its say until it joins anew, and nobody else anything.
	Validators, Next *types.ValidatorSet

	RawLast, RawCurrent []byte // the light blocks as they came
}

// jointFormat is the first member of a joint's encoding.
const jointFormat = 1

// maxJoint bounds an encoded joint, in bytes.
const maxJoint = ledger.MaxFrontierBytes + 4*maxLightBlock

// encodedJoint is SPEC(NOD-33): members must never be changed.
type encodedJoint struct {
	_          struct{} `cbor:",toarray"`
	Format     int64
	Frontier   []byte
	Last       []byte
	Current    []byte
	Validators []byte
	Next       []byte
}

// ParseJoint decodes a joint from outside and checks that its parts belong
// together.
func ParseJoint(b []byte) (*Joint, error) {
	if len(b) > maxJoint {
		return nil, fmt.Errorf("frontier: %d bytes, at most %d are read", len(b), maxJoint)
	}
	mode, err := cbor.DecOptions{IndefLength: cbor.IndefLengthForbidden, TagsMd: cbor.TagsForbidden}.DecMode()
	if err != nil {
		return nil, err
	}
	var e encodedJoint
	if err := mode.Unmarshal(b, &e); err != nil {
		return nil, fmt.Errorf("frontier: it is not an array as spec/node.md has it: %w", err)
	}
	if e.Format != jointFormat {
		return nil, fmt.Errorf("frontier: its format is %d, this program reads %d; use a release of the node's version", e.Format, jointFormat)
	}
	j := &Joint{RawLast: e.Last, RawCurrent: e.Current}
	if j.Frontier, err = ledger.ParseFrontier(e.Frontier); err != nil {
		return nil, err
	}
	if j.Last, err = parseLightBlock(e.Last); err != nil {
		return nil, fmt.Errorf("frontier: light block: %w", err)
	}
	if j.Current, err = parseLightBlock(e.Current); err != nil {
		return nil, fmt.Errorf("frontier: next light block: %w", err)
	}
	if j.Validators, err = parseValidators(e.Validators); err != nil {
		return nil, fmt.Errorf("frontier: validators: %w", err)
	}
	if j.Next, err = parseValidators(e.Next); err != nil {
		return nil, fmt.Errorf("frontier: next validators: %w", err)
	}
	return j, j.check()
}

// parseValidators decodes a validator set with its priorities.
func parseValidators(b []byte) (set *types.ValidatorSet, err error) {
	defer recoverEngine(&err, "decode validators")
	if len(b) > maxLightBlock {
		return nil, fmt.Errorf("%d bytes, at most %d are read", len(b), maxLightBlock)
	}
	var pb cmtproto.ValidatorSet
	if err := pb.Unmarshal(b); err != nil {
		return nil, err
	}
	if set, err = types.ValidatorSetFromProto(&pb); err != nil {
		return nil, err
	}
	return set, set.ValidateBasic()
}

// check holds the parts of a joint against the header of Current.
func (j *Joint) check() (err error) {
	defer recoverEngine(&err, "compare the parts of a frontier")
	head, h := j.Frontier.Head(), j.Current.Header
	for _, c := range []struct {
		what string
		ok   bool
	}{
		{"the chain ids of frontier and headers differ", j.Frontier.ChainID() == h.ChainID && j.Last.ChainID == h.ChainID},
		{"the light blocks are not of the frontier's height and the next", j.Last.Height == head.Height && h.Height == head.Height+1},
		{"its time is not that of the height's header", head.Time == j.Last.Time.UnixMilli()},
		{"the second light block does not follow the first", h.LastBlockID.Equals(j.Last.Commit.BlockID)},
		{"the frontier's app hash is not the one that the header of the next height carries", bytes.Equal(h.AppHash, head.AppHash[:])},
		{"the first light block's validators are not its header's", bytes.Equal(j.Last.ValidatorSet.Hash(), j.Last.ValidatorsHash)},
		{"the validators are not those of the header", bytes.Equal(j.Validators.Hash(), h.ValidatorsHash)},
		{"the next validators are not those that the header announces", bytes.Equal(j.Next.Hash(), h.NextValidatorsHash)},
		{"the proposer of the block had no turn by the validators' priorities", j.hadTurn()},
	} {
		if !c.ok {
			return fmt.Errorf("frontier of height %d: %s; ask another node", head.Height, c.what)
		}
	}
	// Consensus goes on with the commits' votes, and its code panics on a wrong one.
	for _, b := range []*types.LightBlock{j.Last, j.Current} {
		if err := b.ValidatorSet.VerifyCommit(b.ChainID, b.Commit.BlockID, b.Height, b.Commit); err != nil {
			return fmt.Errorf("frontier of height %d: the commit of height %d: %w; ask another node", head.Height, b.Height, err)
		}
	}
	return nil
}

// hadTurn says whether the priorities let the block's proposer propose in the
// round that decided, or in one before: all that can be seen of them.
func (j *Joint) hadTurn() bool {
	set := j.Validators.Copy()
	for range min(j.Current.Commit.Round, 1000) + 1 {
		if bytes.Equal(set.GetProposer().Address, j.Current.ProposerAddress) {
			return true
		}
		set.IncrementProposerPriority(1)
	}
	return false
}

// Head is the height, and what else names the ledger there.
func (j *Joint) Head() ledger.Head { return j.Frontier.Head() }

// CheckGenesis says why a genesis document is not that of the joint's chain, as
// far as the joint shows it.
func (j *Joint) CheckGenesis(raw []byte) error {
	doc, err := parseDocument(raw)
	switch {
	case err != nil:
		return fmt.Errorf("genesis: %w", err)
	case doc.ChainID != j.Current.ChainID:
		return fmt.Errorf("genesis: it is of chain %q, the frontier of %q", doc.ChainID, j.Current.ChainID)
	case !bytes.Equal(doc.ConsensusParams.Hash(), j.Current.ConsensusHash):
		return errors.New("genesis: its consensus parameters are not those of the frontier's header; ask another node")
	}
	return nil
}

// state is the engine's state from which the block behind Current's predecessor
// is next.
func (j *Joint) state(doc *types.GenesisDoc) sm.State {
	return sm.State{
		Version:       cmtstate.Version{Consensus: j.Current.Version, Software: version.TMCoreSemVer},
		ChainID:       j.Current.ChainID,
		InitialHeight: doc.InitialHeight,

		LastBlockHeight: j.Last.Height,
		LastBlockID:     j.Last.Commit.BlockID,
		LastBlockTime:   j.Last.Time,

		NextValidators:              j.Next,
		Validators:                  j.Validators,
		LastValidators:              j.Last.ValidatorSet,
		LastHeightValidatorsChanged: j.Last.Height + 2, // stored whole for each of the three

		ConsensusParams:                  *doc.ConsensusParams,
		LastHeightConsensusParamsChanged: j.Last.Height + 1,

		LastResultsHash: j.Current.LastResultsHash,
		AppHash:         j.Current.AppHash,
	}
}

// appHash is the one that the header of Current carries.
func (j *Joint) appHash() provenance.Hash { return provenance.Hash(j.Current.AppHash) }
