package light

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/cometbft/cometbft/types"

	"tokentrail/provenance"
	"tokentrail/verify"
)

// maxFollowed bounds the changes of validators that are followed: 40 bytes each,
// and a request.
const maxFollowed = 10_000

var errTooManyChanges = fmt.Errorf("more than %d changes of validators; begin with a later trusted header", maxFollowed)

// A ChangeSource is a node as Founders ask it for the validators since genesis.
// Nothing it says is believed: a header counts for its signatures.
type ChangeSource interface {
	// ValidatorChanges returns heights from the one given on, ascending: of headers
	// whose next validators are not their own. None says that there is no more.
	ValidatorChanges(ctx context.Context, from int64) ([]int64, error)
	// Headers returns light blocks of consecutive heights beginning with from.
	Headers(ctx context.Context, from int64, limit int) ([][]byte, error)
}

// Follow goes from the newest validators known to those of now, by the headers at
// which the set changes alone. The source says which these are: where it says
// wrong, Follow fails, and no other set is taken for one of the ledger. What it
// has learned until then stays. SPEC(VER-28)
func (f *Founders) Follow(ctx context.Context, src ChangeSource) error {
	f.following.Lock()
	defer f.following.Unlock()
	for {
		from := f.newest().from
		heights, err := src.ValidatorChanges(ctx, from)
		if err != nil {
			return fmt.Errorf("changes of validators from height %d: %w", from, err)
		}
		if len(heights) == 0 {
			return nil
		}
		for _, height := range heights {
			if err := f.handOver(ctx, src, height); err != nil {
				return err
			}
		}
	}
}

// newest returns the last set known. Whoever holds following is the only one that
// changes it.
func (f *Founders) newest() run {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sets[len(f.sets)-1]
}

// handOver takes the header of a height, signed by the newest validators known,
// for their word on who comes next.
func (f *Founders) handOver(ctx context.Context, src ChangeSource, height int64) error {
	current := f.newest()
	if height < current.from {
		return fmt.Errorf("%w: a change of validators at height %d, the one before was at %d", verify.ErrAnswer, height, current.from-1)
	}
	block, err := f.fetch(ctx, src, height)
	if err != nil {
		return err
	}
	switch {
	case !bytes.Equal(block.ValidatorsHash, current.hash[:]):
		return fmt.Errorf("%s is signed by the validators %s, those known from height %d on are %X", placeOf(height), block.ValidatorsHash, current.from, current.hash[:])
	case bytes.Equal(block.NextValidatorsHash, current.hash[:]):
		return fmt.Errorf("%w: no change of validators at height %d", verify.ErrAnswer, height)
	case len(block.NextValidatorsHash) != provenance.HashSize:
		return fmt.Errorf("%s: next validators with a hash of %d bytes", placeOf(height), len(block.NextValidatorsHash))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.sets) > maxFollowed {
		return errTooManyChanges
	}
	f.sets = append(f.sets, run{height + 1, provenance.Hash(block.NextValidatorsHash)})
	return nil
}

// fetch returns the light block of a height, signed by more than two thirds of
// the set that comes with it.
func (f *Founders) fetch(ctx context.Context, src ChangeSource, height int64) (*types.LightBlock, error) {
	page, err := src.Headers(ctx, height, 1)
	if err == nil && len(page) != 1 {
		err = fmt.Errorf("%w: %d light blocks, asked for 1", verify.ErrAnswer, len(page))
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", placeOf(height), err)
	}
	block, err := readBlock(page[0], f.chainID, placeOf(height))
	if err == nil && block.Height != height {
		err = fmt.Errorf("%s: %w: a header of height %d", placeOf(height), verify.ErrAnswer, block.Height)
	}
	return block, err
}

// OpenFollowing opens a light block as Open does; where its validators are others
// than those known, it follows the source first. What keeps it from following is
// said beside ErrOtherValidators: it is never evidence by itself.
func (f *Founders) OpenFollowing(ctx context.Context, src ChangeSource, lightBlock []byte) (*verify.Header, error) {
	h, err := f.Open(lightBlock)
	if err == nil || !isOther(err) {
		return h, err
	}
	followed := f.Follow(ctx, src)
	if h, err = f.Open(lightBlock); followed != nil && isOther(err) {
		return nil, fmt.Errorf("%w; the validators since could not be followed: %v", err, followed)
	}
	return h, err
}

// isOther reports whether nothing is wrong with a light block but that its
// validators are not known.
func isOther(err error) bool { return errors.Is(err, ErrOtherValidators) }
