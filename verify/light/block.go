package light

import (
	"bytes"
	"errors"
	"fmt"

	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	"github.com/cometbft/cometbft/types"

	"tokentrail/provenance"
	"tokentrail/verify"
)

// maxLightBlock bounds a light block, so that a hostile one is not decoded.
const maxLightBlock = 16 << 20

// readBlock decodes a light block and checks all that it can be asked alone: its
// form, that header, commit and validator set belong together, and every
// signature of the commit. Whose validators they are is not known yet. What is
// wrong is a finding. CometBFT's types panic on some inputs that their own
// checks let through; that, too, is then a finding.
func readBlock(raw []byte, chainID, place string) (block *types.LightBlock, err error) {
	defer func() {
		if r := recover(); r != nil {
			block, err = nil, verify.NewFinding(verify.CodeHeaderForm, place, "a light block", fmt.Sprintf("one on which the engine's code fails: %v", r))
		}
	}()
	block, err = decodeBlock(raw, place)
	if err != nil {
		return nil, err
	}
	find := func(code verify.Code, at, want, got string) error {
		return verify.NewFinding(code, place+at, want, got)
	}
	if block.ChainID != chainID {
		return nil, find(verify.CodeChainID, ".chain_id", chainID, fmt.Sprintf("%q", block.ChainID))
	}
	// SPEC(RCP-2): header, commit and validator set belong together.
	if got := block.ValidatorSet.Hash(); !bytes.Equal(got, block.ValidatorsHash) {
		return nil, find(verify.CodeValidators, ".validators", fmt.Sprintf("the set that the header names, %X", block.ValidatorsHash), fmt.Sprintf("%X", got))
	}
	if got := block.Header.Hash(); !bytes.Equal(got, block.Commit.BlockID.Hash) {
		return nil, find(verify.CodeHeaderCommit, ".commit", fmt.Sprintf("a commit over this header, %X", got), block.Commit.BlockID.Hash.String())
	}
	if err := block.ValidateBasic(chainID); err != nil {
		return nil, find(verify.CodeHeaderForm, "", "a light block that is consistent in itself", err.Error())
	}
	if len(block.AppHash) != provenance.HashSize {
		return nil, find(verify.CodeHeaderForm, ".app_hash", "an app hash of 32 bytes", fmt.Sprintf("%d bytes", len(block.AppHash)))
	}
	return block, checkCommit(block, chainID, place)
}

// decodeBlock decodes the protobuf and refuses what it does not encode to again,
// so that a light block has one encoding.
func decodeBlock(raw []byte, place string) (*types.LightBlock, error) {
	bad := func(got string) error {
		return verify.NewFinding(verify.CodeHeaderForm, place, "CometBFT's LightBlock in protobuf, as its own code encodes it", got)
	}
	if len(raw) > maxLightBlock {
		return nil, bad(fmt.Sprintf("%d bytes, at most %d are read", len(raw), maxLightBlock))
	}
	var pb cmtproto.LightBlock
	if err := pb.Unmarshal(raw); err != nil {
		return nil, bad(err.Error())
	}
	if pb.SignedHeader == nil || pb.SignedHeader.Header == nil || pb.SignedHeader.Commit == nil || pb.ValidatorSet == nil {
		return nil, bad("one without header, commit or validator set")
	}
	block, err := types.LightBlockFromProto(&pb)
	if err != nil {
		return nil, bad(err.Error())
	}
	back, err := block.ToProto()
	if err != nil {
		return nil, bad(err.Error())
	}
	// SPEC(VER-5)
	if again, err := back.Marshal(); err != nil || !bytes.Equal(again, raw) {
		return nil, bad("bytes that mean a light block but are not its encoding")
	}
	return block, nil
}

// heightOf returns the height that a light block says it is of. Nothing else is
// looked at.
func heightOf(raw []byte) (height int64, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the engine's code fails on it: %v", r)
		}
	}()
	if len(raw) > maxLightBlock {
		return 0, fmt.Errorf("%d bytes, at most %d are read", len(raw), maxLightBlock)
	}
	var pb cmtproto.LightBlock
	if err := pb.Unmarshal(raw); err != nil {
		return 0, err
	}
	return pb.GetSignedHeader().GetHeader().GetHeight(), nil
}

// checkCommit verifies every signature of the commit, not only as many as two
// thirds need: a wrong one shows that somebody changed it.
func checkCommit(block *types.LightBlock, chainID, place string) error {
	err := block.ValidatorSet.VerifyCommit(chainID, block.Commit.BlockID, block.Height, block.Commit)
	if err == nil {
		return nil
	}
	power, total := signedPower(block, chainID), block.ValidatorSet.TotalVotingPower()
	// SPEC(RCP-2): more than two thirds of the voting power.
	if power <= total*2/3 {
		return verify.NewFinding(verify.CodeHeaderCommit, place+".commit",
			fmt.Sprintf("signatures of more than two thirds of the voting power, %d of %d", total*2/3+1, total), fmt.Sprintf("%d: %v", power, err))
	}
	// SPEC(VER-5)
	return verify.NewFinding(verify.CodeHeaderSignature, place+".commit", "no wrong signature", err.Error())
}

// signedPower adds up the power of those whose signature over the block holds.
func signedPower(block *types.LightBlock, chainID string) int64 {
	var power int64
	for i, sig := range block.Commit.Signatures {
		if sig.BlockIDFlag != types.BlockIDFlagCommit || i >= block.ValidatorSet.Size() {
			continue
		}
		val := block.ValidatorSet.Validators[i]
		if bytes.Equal(val.Address, sig.ValidatorAddress) &&
			val.PubKey.VerifySignature(block.Commit.VoteSignBytes(chainID, int32(i)), sig.Signature) {
			power += val.VotingPower
		}
	}
	return power
}

// headerOf returns what an audit needs of a block. readBlock has checked the
// lengths of its hashes.
func headerOf(b *types.LightBlock) *verify.Header {
	h := &verify.Header{
		ChainID: b.ChainID, Height: b.Height, Time: b.Time, Hash: provenance.Hash(b.Header.Hash()),
		AppHash: provenance.Hash(b.AppHash), ValidatorsHash: provenance.Hash(b.ValidatorsHash),
	}
	copy(h.DataHash[:], b.DataHash) // of 32 bytes, or empty
	return h
}

// readGenesis decodes the genesis document as the engine does.
func readGenesis(raw []byte) (doc *types.GenesisDoc, err error) {
	defer func() {
		if r := recover(); r != nil {
			doc, err = nil, verify.NewFinding(verify.CodeGenesisForm, "genesis", "a genesis document", fmt.Sprintf("one on which the engine's code fails: %v", r))
		}
	}()
	doc, err = types.GenesisDocFromJSON(raw)
	if err == nil && (doc.InitialHeight != 1 || len(doc.Validators) == 0) {
		err = errors.New("it does not begin at height 1, or names no validators")
	}
	if err != nil {
		return nil, verify.NewFinding(verify.CodeGenesisForm, "genesis", "a genesis document as CometBFT has it", err.Error())
	}
	doc.ValidatorHash() // panics on a set that cannot be
	return doc, nil
}

// placeOf names a height in findings.
func placeOf(height int64) string { return fmt.Sprintf("headers[%d]", height) }

// missing tells a node that says it has no such header from one that could not
// be asked.
func missing(height int64, err error) error {
	if errors.Is(err, verify.ErrMissing) {
		return verify.NewFinding(verify.CodeHeaderMissing, placeOf(height), "the signed header of this height", "nothing: "+err.Error())
	}
	return fmt.Errorf("%s: %w", placeOf(height), err)
}
