package verify

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"tokentrail/provenance"
)

// readBlock finds the entry's height in the header of its own block: the entry is
// one of the transactions that the header names. What is wrong is found in the
// signer's step, which needs it. SPEC(BND-18)
func (x *exhibit) readBlock() {
	if x.Block == nil {
		return
	}
	height, err := x.heightOfBlock()
	switch {
	case err == nil:
		x.block = height
	case isFinding(err) && !errors.Is(err, ErrOtherValidators):
		x.signer.stop(err)
	default:
		x.noBlock = err // it tells nothing, and may not be needed
	}
}

// heightOfBlock returns the height of the block that the entry is shown to be in.
func (x *exhibit) heightOfBlock() (int64, error) {
	const place = "block"
	if x.statement != nil && x.Frame == nil {
		return 0, errors.New("the entry's block has the statement with its records, and these are not there")
	}
	submission, err := provenance.EntrySubmission(x.Entry, x.Frame)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", place, err)
	}
	header, err := x.headers.Open(x.ctx, x.Block.LightBlock)
	if errors.Is(err, ErrOtherValidators) {
		return 0, fmt.Errorf("%s: %w", place, err)
	}
	if err != nil {
		return 0, within(place, err)
	}
	// The engine's tree is that of RFC 9162, over the hashes of transactions.
	sum := sha256.Sum256(submission)
	if err := x.Block.Inclusion.Verify(header.DataHash, provenance.LeafHash(sum[:])); err != nil {
		return 0, NewFinding(CodeHeight, place, fmt.Sprintf("a path from the entry's submission to the data hash of header %d, %s", header.Height, header.DataHash), err.Error())
	}
	// SPEC(BND-10)
	if from, to := x.heightsOf(); header.Height < from || to > 0 && header.Height > to {
		return 0, NewFinding(CodeHeight, place, fmt.Sprintf("a height from %d to %d, as app hashes show", from, to), fmt.Sprint(header.Height))
	}
	return header.Height, nil
}
