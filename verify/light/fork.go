package light

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cometbft/cometbft/types"

	"tokentrail/provenance"
	"tokentrail/verify"
)

// CheckFork says what fork evidence proves, without a network.
func CheckFork(ctx context.Context, f *verify.Fork, trust verify.Trust, o verify.Options) *verify.Report {
	if o.Now == nil {
		o.Now = time.Now
	}
	return verify.CheckFork(ctx, f, NewForkJudge(o.Now), trust, o)
}

// NewForkJudge returns what follows validators to both sides of fork evidence.
func NewForkJudge(now func() time.Time) verify.ForkJudge { return &forkJudge{now: now} }

// A forkJudge belongs to one goroutine.
type forkJudge struct {
	now     func() time.Time
	chainID string
	sets    []run // of the anchor: from its height on
}

// Begin implements verify.ForkJudge. SPEC(VER-35)
func (j *forkJudge) Begin(genesis, anchor []byte, trust verify.Trust) error {
	doc, err := readGenesis(genesis)
	if err != nil {
		return err
	}
	j.chainID = doc.ChainID
	if trust.Height == 0 {
		j.sets = []run{{1, provenance.Hash(doc.ValidatorHash())}}
		return nil
	}
	if len(anchor) == 0 {
		return fmt.Errorf("the file does not have the trusted header %d, so that nothing leads from it to the sides; judge it by the genesis document's SHA-256", trust.Height)
	}
	block, err := readBlock(anchor, j.chainID, "anchor")
	if err != nil {
		return err
	}
	if got := headerOf(block); got.Height != trust.Height || got.Hash != trust.Hash {
		return fmt.Errorf("the file's anchor is the header %d with hash %s, the trusted one is %d with %s; judge it by the genesis document's SHA-256", got.Height, got.Hash, trust.Height, trust.Hash)
	}
	// SPEC(VER-3)
	if expires := block.Time.Add(trust.Period); !expires.After(j.now()) {
		return fmt.Errorf("%w: header %d is of %s, the trusting period of %s ended on %s; judge it by the genesis document's SHA-256",
			verify.ErrExpired, trust.Height, block.Time.UTC().Format(time.RFC3339), trust.Period, expires.UTC().Format(time.RFC3339))
	}
	if len(block.NextValidatorsHash) != provenance.HashSize {
		return errors.New("the anchor names no next validators")
	}
	j.sets = []run{{block.Height, provenance.Hash(block.ValidatorsHash)}, {block.Height + 1, provenance.Hash(block.NextValidatorsHash)}}
	return nil
}

// Follow implements verify.ForkJudge. SPEC(VER-28), SPEC(VER-35)
func (j *forkJudge) Follow(ctx context.Context, changes [][]byte, lightBlock []byte) (*verify.SignedHeader, error) {
	sets := j.sets[:len(j.sets):len(j.sets)]
	for i, raw := range changes {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		place := fmt.Sprintf("changes[%d]", i)
		block, err := readBlock(raw, j.chainID, place)
		if err != nil {
			return nil, err
		}
		last := sets[len(sets)-1]
		switch {
		case block.Height < j.sets[len(j.sets)-1].from:
			continue // a trusted header stands for what led to it
		case block.Height < last.from:
			return nil, fmt.Errorf("%s: a header of height %d, the change before is of %d", place, block.Height, last.from-1)
		case !bytes.Equal(block.ValidatorsHash, last.hash[:]):
			return nil, otherSigners(place, block, last)
		case len(block.NextValidatorsHash) != provenance.HashSize:
			return nil, fmt.Errorf("%s names no next validators", place)
		}
		sets = append(sets, run{block.Height + 1, provenance.Hash(block.NextValidatorsHash)})
	}
	block, err := readBlock(lightBlock, j.chainID, "light block")
	if err != nil {
		return nil, err
	}
	if block.Height < sets[0].from {
		return nil, fmt.Errorf("its header is of height %d, below the trusted one of %d: nothing leads there; judge it by the genesis document's SHA-256", block.Height, sets[0].from)
	}
	set := sets[before(len(sets), func(i int) bool { return sets[i].from > block.Height })]
	if !bytes.Equal(block.ValidatorsHash, set.hash[:]) {
		return nil, otherSigners(placeOf(block.Height), block, set)
	}
	return signedHeader(block), nil
}

func otherSigners(place string, block *types.LightBlock, known run) error {
	return fmt.Errorf("%w: %s of height %d is signed by the validators %s, those to whom the file leads from height %d on are %X",
		ErrOtherValidators, place, block.Height, block.ValidatorsHash, known.from, known.hash[:])
}

// signedHeader says who signed a light block; readBlock has verified every signature.
func signedHeader(b *types.LightBlock) *verify.SignedHeader {
	h := &verify.SignedHeader{Header: *headerOf(b), Round: b.Commit.Round, Power: b.ValidatorSet.TotalVotingPower()}
	for i, sig := range b.Commit.Signatures {
		if sig.BlockIDFlag == types.BlockIDFlagCommit {
			v := b.ValidatorSet.Validators[i]
			h.Signers = append(h.Signers, verify.Signer{Address: v.Address.String(), Power: v.VotingPower})
		}
	}
	return h
}
