package remote

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"tokentrail/provenance"
	"tokentrail/verify"
)

const (
	blockPage   = 4    // entries of the first answer, while a block is read; each next has twice as many
	entriesPage = 1000 // the most (spec/api.md)
	// maxBlock bounds what is read as one block, in bytes: twice what the
	// transactions of one may take (SPEC(ADM-17)).
	maxBlock = 8 << 20
)

// block fetches the header of the entry's own block, and makes the path to the entry
// in it, where the height decides whether who signed might do so. SPEC(BND-18)
func (f *fetch) block(ctx context.Context, _ Wanted) error {
	if !f.needsHeight() {
		return nil
	}
	lightBlock, err := f.header(ctx, f.itself.Height)
	if errors.Is(err, verify.ErrMissing) {
		return nil // CheckExhibit says what it lacks
	}
	if err != nil {
		return err
	}
	first, err := f.blockStart(ctx)
	if err != nil {
		return err
	}
	tree, count, err := f.transactions(ctx, first)
	if err != nil {
		return err
	}
	place := f.itself.Index - first
	path, err := tree.Path(place)
	if err != nil {
		return fmt.Errorf("%w: block %d: %w", verify.ErrAnswer, f.itself.Height, err)
	}
	f.e.Block = &provenance.BundleBlock{LightBlock: lightBlock, Inclusion: &provenance.Inclusion{Size: count, Index: place, Path: path}}
	if f.statement != nil {
		f.e.Frame = f.itself.Frame
	}
	return nil
}

// needsHeight reports whether a key that signed the entry has heights, or was
// stolen since one, that nothing else here answers for.
func (f *fetch) needsHeight() bool {
	var kids []provenance.Hash
	if f.statement != nil {
		kids = append(kids, f.statement.KID())
	} else if u, err := provenance.ParseAct(f.e.Entry); err == nil && u.Act().Provider != "" {
		for _, s := range u.Signatures() {
			kids = append(kids, s.KID)
		}
	}
	provider, err := provenance.ParseStateValue[provenance.Provider](f.e.States[0].Value)
	if err != nil || f.itself.Height == 0 {
		return false // CheckExhibit says so
	}
	for _, kid := range kids {
		key, there := provider.KeyByID(kid)
		if there && (key.From > 1 || key.StolenHeight != nil || key.Until != nil && len(f.e.Acts) == 0) {
			return true
		}
	}
	return false
}

// blockStart returns the first entry of the entry's block, by the heights that the
// node says: blocks are short, so it is looked for from the entry on backwards.
func (f *fetch) blockStart(ctx context.Context) (int64, error) {
	low, high, step := int64(0), f.itself.Index, int64(1)
	for low < high {
		at := low + (high-low)/2
		if step > 0 {
			at = max(0, high-step)
		}
		page, err := f.Entries(ctx, at, 1)
		if err == nil && (len(page) != 1 || page[0].Index != at) {
			err = fmt.Errorf("%w: entry %d is not what was answered", verify.ErrAnswer, at)
		}
		switch {
		case err != nil:
			return 0, err
		case page[0].Height < f.itself.Height:
			low, step = at+1, 0
		default:
			high, step = at, 2*step
		}
	}
	return low, nil
}

// transactions returns the tree over those of the entry's block, whose first entry
// is first, and their number.
func (f *fetch) transactions(ctx context.Context, first int64) (tree *provenance.Tree, count int64, err error) {
	tree = &provenance.Tree{}
	for size, limit := 0, blockPage; ; limit = min(2*limit, entriesPage) {
		page, err := f.Entries(ctx, first+count, limit)
		if err != nil {
			return nil, 0, err
		}
		for i := range page {
			e := &page[i]
			if e.Height != f.itself.Height {
				return tree, count, nil
			}
			submission, err := provenance.EntrySubmission(e.Statement, e.Frame)
			if err != nil {
				return nil, 0, fmt.Errorf("entry %d: %w", e.Index, err)
			}
			if size += len(submission); e.Index != first+count || size > maxBlock {
				return nil, 0, fmt.Errorf("%w: entry %d in the place of %d, and %d bytes of block %d", verify.ErrAnswer, e.Index, first+count, size, e.Height)
			}
			sum := sha256.Sum256(submission)
			tree.Append(provenance.LeafHash(sum[:]))
			count++
		}
		if len(page) == 0 {
			return tree, count, nil
		}
	}
}
