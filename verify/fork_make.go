package verify

import (
	"context"
	"errors"
	"fmt"
)

// Bounds of what is collected of the way to a header. SPEC(VER-30)
const (
	maxCollected      = 1000     // changes of validators
	maxCollectedBytes = 16 << 20 // of their light blocks
)

// A changeSource is a source that says where the validators change: a hint, which
// counts for the signatures that it leads to (SPEC(VER-28)).
type changeSource interface {
	ValidatorChanges(ctx context.Context, from int64) ([]int64, error)
}

// sideAt makes a side of a verified header that a source shows: its light block
// and, as far as the source gives them, the changes of validators on the way.
func (a *audit) sideAt(h *Header, src Source) (ForkSide, error) {
	raw, err := blockAt(a.ctx, src, h.Height)
	if err != nil {
		return ForkSide{}, err
	}
	got, err := a.headers.Open(a.ctx, raw)
	if err != nil {
		return ForkSide{}, err
	}
	if got.Hash != h.Hash {
		return ForkSide{}, fmt.Errorf("%s: the node shows another header than a moment ago", placeOfHeader(h.Height))
	}
	return ForkSide{LightBlock: raw, Changes: a.changesTo(h.Height, src)}, nil
}

// blockAt fetches one light block.
func blockAt(ctx context.Context, src Source, height int64) ([]byte, error) {
	page, err := src.Headers(ctx, height, 1)
	if err == nil && len(page) == 0 {
		err = ErrMissing
	}
	if err == nil && len(page) != 1 {
		err = fmt.Errorf("%w: %d light blocks, asked for 1", ErrAnswer, len(page))
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", placeOfHeader(height), err)
	}
	return page[0], nil
}

// changesTo collects the headers below a height at which the validators change.
// Too many, or what cannot be had, is left out: evidence then leads nowhere and
// says so.
func (a *audit) changesTo(height int64, src Source) (blocks [][]byte) {
	bytes := 0
	for _, at := range a.changeHeights(height, src) {
		raw, err := blockAt(a.ctx, src, at)
		if bytes += len(raw); err != nil || len(blocks) == maxCollected || bytes > maxCollectedBytes {
			return nil
		}
		blocks = append(blocks, raw)
	}
	return blocks
}

// changeHeights says at which headers below a height the validators change: by the
// verified headers of the audited node from genesis on, else by a node's word.
func (a *audit) changeHeights(height int64, src Source) (heights []int64) {
	if sets := a.headers.Sets(); sets != nil && src == a.src {
		for _, s := range sets {
			if s.Height > 1 && s.Height <= height {
				heights = append(heights, s.Height-1)
			}
		}
		return heights
	}
	hints, ok := src.(changeSource)
	if !ok {
		return nil
	}
	for from := int64(1); from < height && len(heights) <= maxCollected; {
		page, err := hints.ValidatorChanges(a.ctx, from)
		if err != nil || len(page) == 0 {
			break
		}
		for _, at := range page {
			if at < from || at >= height {
				return heights
			}
			heights, from = append(heights, at), at+1
		}
	}
	return heights
}

// prove makes the evidence of a fork that was found, and gives it out where it
// proves one; else it says what is missing. SPEC(VER-37)
func (a *audit) prove(first ForkSide, second func() (ForkSide, error), complete func(*Fork) error) error {
	f := &Fork{Genesis: a.given, Sides: [2]ForkSide{first}}
	var err error
	if f.Sides[1], err = second(); err == nil && complete != nil {
		err = complete(f)
	}
	if err == nil {
		f.proof, err = a.proven(f)
	}
	if err != nil {
		return fmt.Errorf("no evidence for others: %w", err)
	}
	a.rep.evidence = append(a.rep.evidence, f)
	return nil
}

// proven says what evidence proves from genesis, or else under the audit's trust.
func (a *audit) proven(f *Fork) (*ForkProof, error) {
	if a.opts.Judge == nil {
		return nil, errors.New("there is nothing to judge it with")
	}
	if a.trust.Height > 0 {
		f.Anchor, _ = blockAt(a.ctx, a.src, a.trust.Height) // what is wrong with it, the judge says
	}
	sides, err := followSides(a.ctx, f, a.opts.Judge, Trust{Genesis: &a.doc.hash})
	if err != nil && a.trust.Height > 0 {
		sides, err = followSides(a.ctx, f, a.opts.Judge, a.trust)
	}
	if err != nil {
		return nil, err
	}
	return contradiction(f, sides)
}

// signedBy says whether the validators signed a light block that a source shows,
// by whatever way leads to them.
func (a *audit) signedBy(raw []byte, height int64, src Source) (*SignedHeader, ForkSide, error) {
	side := ForkSide{LightBlock: raw, Changes: a.changesTo(height, src)}
	if a.opts.Judge == nil {
		return nil, side, errors.New("there is nothing to judge it with")
	}
	var h *SignedHeader
	err := a.opts.Judge.Begin(a.given, nil, Trust{Genesis: &a.doc.hash})
	if err == nil {
		h, err = a.opts.Judge.Follow(a.ctx, side.Changes, raw)
	}
	if err == nil || a.trust.Height == 0 {
		return h, side, err
	}
	anchor, err := blockAt(a.ctx, a.src, a.trust.Height)
	if err == nil {
		err = a.opts.Judge.Begin(a.given, anchor, a.trust)
	}
	if err == nil {
		h, err = a.opts.Judge.Follow(a.ctx, side.Changes, raw)
	}
	return h, side, err
}
