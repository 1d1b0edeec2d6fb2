package main

import (
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"github.com/cometbft/cometbft/crypto/ed25519"
	cmtjson "github.com/cometbft/cometbft/libs/json"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	cmtversion "github.com/cometbft/cometbft/proto/tendermint/version"
	"github.com/cometbft/cometbft/types"

	"tokentrail/provenance"
)

// A fakeChain is four validators who sign a header for whatever app hash they
// are shown.
type fakeChain struct {
	id         string
	genesis    []byte
	validators *types.ValidatorSet
	keys       map[string]ed25519.PrivKey // by address
	blocks     map[provenance.Hash][]byte // by app hash
	signers    int                        // of the four
}

var fakeStart = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// newFakeChain makes the chain of validators whose keys follow from a secret.
func newFakeChain(t *testing.T, id, secret string) *fakeChain {
	t.Helper()
	c := &fakeChain{id: id, keys: map[string]ed25519.PrivKey{}, blocks: map[provenance.Hash][]byte{}, signers: 4}
	doc := types.GenesisDoc{GenesisTime: fakeStart, ChainID: id, InitialHeight: 1, ConsensusParams: types.DefaultConsensusParams(), AppState: []byte("{}")}
	var vals []*types.Validator
	for i := range 4 {
		key := ed25519.GenPrivKeyFromSecret(fmt.Appendf(nil, "%s %d", secret, i))
		public := key.PubKey()
		c.keys[public.Address().String()] = key
		vals = append(vals, types.NewValidator(public, 10))
		doc.Validators = append(doc.Validators, types.GenesisValidator{Address: public.Address(), PubKey: public, Power: 10})
	}
	c.validators = types.NewValidatorSet(vals)
	var err error
	if c.genesis, err = cmtjson.Marshal(doc); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *fakeChain) hash() provenance.Hash { return sha256.Sum256(c.genesis) }

func (c *fakeChain) origin() string { return provenance.Origin(c.id, c.hash()) }

// block returns the light block that carries an app hash, the same each time.
func (c *fakeChain) block(app provenance.Hash) []byte {
	raw := c.blocks[app]
	if raw == nil {
		raw = c.sign(int64(len(c.blocks))+1, app)
		c.blocks[app] = raw
	}
	return raw
}

// sign returns a light block of some height for an app hash.
func (c *fakeChain) sign(height int64, app provenance.Hash) []byte {
	return c.signNext(height, app, c.validators)
}

// signNext is sign where others come next.
func (c *fakeChain) signNext(height int64, app provenance.Hash, next *types.ValidatorSet) []byte {
	some := sha256.Sum256(nil)
	parts := types.PartSetHeader{Total: 1, Hash: some[:]}
	h := &types.Header{
		Version: cmtversion.Consensus{Block: 11}, ChainID: c.id, Height: height, Time: fakeStart.Add(time.Duration(height) * time.Second),
		LastBlockID: types.BlockID{Hash: some[:], PartSetHeader: parts}, LastCommitHash: some[:], DataHash: some[:],
		ValidatorsHash: c.validators.Hash(), NextValidatorsHash: next.Hash(), ConsensusHash: some[:],
		AppHash: app[:], LastResultsHash: some[:], EvidenceHash: some[:], ProposerAddress: c.validators.Validators[0].Address,
	}
	commit := &types.Commit{Height: height, BlockID: types.BlockID{Hash: h.Hash(), PartSetHeader: parts}}
	for i, v := range c.validators.Validators {
		if i >= c.signers {
			commit.Signatures = append(commit.Signatures, types.NewCommitSigAbsent())
			continue
		}
		vote := &types.Vote{Type: cmtproto.PrecommitType, Height: height, BlockID: commit.BlockID, Timestamp: h.Time, ValidatorAddress: v.Address, ValidatorIndex: int32(i)}
		var err error
		if vote.Signature, err = c.keys[v.Address.String()].Sign(types.VoteSignBytes(c.id, vote.ToProto())); err != nil {
			panic(err)
		}
		commit.Signatures = append(commit.Signatures, vote.CommitSig())
	}
	pb, err := (&types.LightBlock{SignedHeader: &types.SignedHeader{Header: h, Commit: commit}, ValidatorSet: c.validators}).ToProto()
	if err != nil {
		panic(err)
	}
	raw, err := pb.Marshal()
	if err != nil {
		panic(err)
	}
	return raw
}
