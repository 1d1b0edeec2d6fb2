package app

import (
	"errors"
	"fmt"

	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	"github.com/cometbft/cometbft/types"

	"tokentrail/provenance"
)

// maxLightBlock bounds a light block or a set of validators, so that a hostile one
// is not decoded; in bytes.
const maxLightBlock = 16 << 20

// A Header is what a backup keeps in order by.
type Header struct {
	ChainID string
	Height  int64
	Hash    provenance.Hash
	Parent  provenance.Hash // zero at height 1
	AppHash provenance.Hash // after the height before
	// Validators is the hash of those who signed it, NextValidators of those who are
	// to sign the next.
	Validators, NextValidators provenance.Hash
}

// ReadLightBlock decodes a light block, CometBFT's message in protobuf, and
// refuses one that is not consistent in itself or not signed by more than two
// thirds of its own validators. Whether those are the chain's is not known by
// that. CometBFT's types panic on some inputs that their own checks let through.
func ReadLightBlock(raw []byte) (h Header, err error) {
	defer recoverEngine(&err, "read a light block")
	block, err := parseLightBlock(raw)
	if err != nil {
		return h, fmt.Errorf("no light block: %w", err)
	}
	if err := block.ValidatorSet.VerifyCommit(block.ChainID, block.Commit.BlockID, block.Height, block.Commit); err != nil {
		return h, fmt.Errorf("the light block of height %d: %w", block.Height, err)
	}
	h = Header{ChainID: block.ChainID, Height: block.Height}
	parent := []byte(block.LastBlockID.Hash)
	if len(block.AppHash) != len(h.AppHash) || len(parent) != len(h.Parent) && len(parent) != 0 {
		return h, fmt.Errorf("the light block of height %d has an app hash of %d bytes and a parent of %d, wanted 32", block.Height, len(block.AppHash), len(parent))
	}
	if len(block.ValidatorsHash) != len(h.Validators) || len(block.NextValidatorsHash) != len(h.NextValidators) {
		return h, fmt.Errorf("the light block of height %d has hashes of validators of %d and %d bytes, wanted 32", block.Height, len(block.ValidatorsHash), len(block.NextValidatorsHash))
	}
	h.Validators, h.NextValidators = provenance.Hash(block.ValidatorsHash), provenance.Hash(block.NextValidatorsHash)
	h.Hash = provenance.Hash(block.Hash())
	copy(h.AppHash[:], block.AppHash)
	copy(h.Parent[:], parent)
	return h, nil
}

// parseLightBlock decodes a light block that is consistent in itself; its commit
// is not verified. CometBFT's types panic on some inputs that their own checks let
// through.
func parseLightBlock(b []byte) (block *types.LightBlock, err error) {
	defer recoverEngine(&err, "decode a light block")
	if len(b) > maxLightBlock {
		return nil, fmt.Errorf("%d bytes, at most %d are read", len(b), maxLightBlock)
	}
	var pb cmtproto.LightBlock
	if err := pb.Unmarshal(b); err != nil {
		return nil, err
	}
	if pb.SignedHeader == nil || pb.SignedHeader.Header == nil || pb.SignedHeader.Commit == nil || pb.ValidatorSet == nil {
		return nil, errors.New("it lacks header, commit or validators")
	}
	if block, err = types.LightBlockFromProto(&pb); err != nil {
		return nil, err
	}
	return block, block.ValidateBasic(block.ChainID)
}

// recoverEngine turns a panic of CometBFT's code, which it has for what is damaged
// or hostile, into an error. It is deferred itself, else there is nothing to
// recover.
func recoverEngine(err *error, doing string) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%s: the engine's code fails: %v", doing, p)
	}
}
