package light

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/cometbft/cometbft/crypto/ed25519"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	"github.com/cometbft/cometbft/proto/tendermint/version"
	"github.com/cometbft/cometbft/types"
)

// handover is a light block of a height: signed by keys, with a set, that names the
// validators of its height and the next.
func handover(t *testing.T, height int64, names, next, set *types.ValidatorSet, keys []ed25519.PrivKey) []byte {
	t.Helper()
	header := &types.Header{
		Version: version.Consensus{Block: 11}, ChainID: "c", Height: height, Time: start.Add(time.Duration(height) * time.Second),
		LastBlockID:    types.BlockID{Hash: hash("parent"), PartSetHeader: types.PartSetHeader{Total: 1, Hash: hash("parts")}},
		LastCommitHash: hash("a"), DataHash: hash("b"), ValidatorsHash: names.Hash(), NextValidatorsHash: next.Hash(),
		ConsensusHash: hash("c"), AppHash: hash("app"), LastResultsHash: hash("d"), EvidenceHash: hash("e"),
		ProposerAddress: set.Validators[0].Address,
	}
	id := types.BlockID{Hash: header.Hash(), PartSetHeader: types.PartSetHeader{Total: 1, Hash: hash("parts")}}
	commit := &types.Commit{Height: height, BlockID: id}
	for _, v := range set.Validators {
		signature := types.NewCommitSigAbsent()
		for _, key := range keys {
			if !key.PubKey().Equals(v.PubKey) {
				continue
			}
			vote := &types.Vote{Type: cmtproto.PrecommitType, Height: height, BlockID: id, Timestamp: header.Time, ValidatorAddress: v.Address}
			sig, err := key.Sign(types.VoteSignBytes("c", vote.ToProto()))
			if err != nil {
				t.Fatal(err)
			}
			vote.Signature = sig
			signature = vote.CommitSig()
		}
		commit.Signatures = append(commit.Signatures, signature)
	}
	pb, err := (&types.LightBlock{SignedHeader: &types.SignedHeader{Header: header, Commit: commit}, ValidatorSet: set}).ToProto()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := pb.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// hints is a node that says where the validators change, and what was signed there.
type hints map[int64][]byte

func (h hints) ValidatorChanges(_ context.Context, from int64) (heights []int64, err error) {
	for height := from; height < 100; height++ {
		if h[height] != nil {
			heights = append(heights, height)
		}
	}
	return heights, nil
}

func (h hints) Headers(_ context.Context, from int64, _ int) ([][]byte, error) {
	return [][]byte{h[from]}, nil
}

// TestFollowImpostor: whatever a node says of changes, a header under validators of
// its own is taken for none of the ledger's; the true change is.
func TestFollowImpostor(t *testing.T) {
	var keys []ed25519.PrivKey
	var all []*types.Validator
	doc := ""
	for i := range 3 {
		key := ed25519.GenPrivKeyFromSecret(fmt.Append(nil, "founder ", i))
		keys, all = append(keys, key), append(all, types.NewValidator(key.PubKey(), 1))
		doc += fmt.Sprintf(`,{"pub_key":{"type":"tendermint/PubKeyEd25519","value":%q},"power":"1"}`, base64Of(key.PubKey().Bytes()))
	}
	genesis := fmt.Appendf(nil, `{"genesis_time":%q,"chain_id":"c","initial_height":"1","validators":[%s],"app_hash":""}`, start.Format(time.RFC3339), doc[1:])
	founders := types.NewValidatorSet(all)
	evil := []ed25519.PrivKey{ed25519.GenPrivKeyFromSecret([]byte("evil"))}
	own := types.NewValidatorSet([]*types.Validator{types.NewValidator(evil[0].PubKey(), 1)})
	mixed := types.NewValidatorSet([]*types.Validator{types.NewValidator(evil[0].PubKey(), 7), types.NewValidator(keys[0].PubKey(), 1)})
	lie := handover(t, 20, own, own, own, evil)
	for name, node := range map[string]hints{
		"says nothing":                         {},
		"its own hand over to themselves":      {10: handover(t, 10, own, mixed, own, evil)},
		"its own claim to be the founders":     {10: handover(t, 10, founders, own, own, evil)},
		"the founders' set, its own signature": {10: handover(t, 10, founders, own, founders, evil)},
		"two thirds of the founders":           {10: handover(t, 10, founders, own, founders, keys[:2])},
		"a set with a founder in it":           {10: handover(t, 10, mixed, own, mixed, append(evil, keys[0]))},
		"another height's change":              {10: handover(t, 11, founders, own, founders, keys)},
		"no change":                            {10: handover(t, 10, founders, founders, founders, keys)},
		"a true change, then a false one": {
			5: handover(t, 5, founders, mixed, founders, keys), 10: handover(t, 10, founders, own, founders, keys),
		},
	} {
		f, err := NewFounders(genesis)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // what was learned of it does not help it
			if h, err := f.OpenFollowing(t.Context(), node, lie); err == nil || !errors.Is(err, ErrOtherValidators) {
				t.Errorf("%s: %+v, %v", name, h, err)
			}
		}
		if _, err := f.Open(handover(t, 4, founders, founders, founders, keys)); err != nil {
			t.Errorf("%s: the founders are not known any more: %v", name, err)
		}
	}
	f, err := NewFounders(genesis)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.OpenFollowing(t.Context(), hints{10: handover(t, 10, founders, own, founders, keys)}, lie); err != nil {
		t.Errorf("a change that the founders signed: %v", err)
	}
}
