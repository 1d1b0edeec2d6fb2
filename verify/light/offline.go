package light

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cometbft/cometbft/types"

	"tokentrail/verify"
)

// Offline returns a verifier for light blocks that come with receipts, without
// a network: under the trusted header if the trust names one, which must then
// be the very header of the receipt; else under the validators of the genesis
// document.
func Offline(trust verify.Trust, now func() time.Time) verify.HeaderVerifier {
	return &offline{trust: trust, now: now}
}

type offline struct {
	trust verify.Trust
	now   func() time.Time

	mu     sync.Mutex
	doc    *types.GenesisDoc
	opened int64
}

func (o *offline) Start(_ context.Context, raw []byte) error {
	doc, err := readGenesis(raw)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.doc = doc
	return err
}

func (o *offline) Header(_ context.Context, height int64) (*verify.Header, error) {
	return nil, fmt.Errorf("header %d: %w", height, errors.ErrUnsupported)
}

func (o *offline) History() []verify.Change { return nil }

func (o *offline) Verified() int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.opened
}

func (o *offline) Open(_ context.Context, raw []byte) (*verify.Header, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	block, err := readBlock(raw, o.doc.ChainID, "light block")
	if err != nil {
		return nil, err
	}
	h := headerOf(block)
	if err := future(h, o.now()); err != nil {
		return nil, err
	}
	switch {
	case o.trust.Height == 0:
		// SPEC(VER-9)
		if want := o.doc.ValidatorHash(); !bytes.Equal(want, block.ValidatorsHash) {
			return nil, verify.NewFinding(verify.CodeValidators, placeOf(h.Height)+".validators_hash", fmt.Sprintf("the validators of the genesis document, %X", want), block.ValidatorsHash.String())
		}
	case h.Height != o.trust.Height:
		return nil, fmt.Errorf("the receipt's header is of height %d, the trusted one of %d: without a network nothing leads from one to the other", h.Height, o.trust.Height)
	case h.Hash != o.trust.Hash:
		return nil, verify.NewFinding(verify.CodeTrustHash, placeOf(h.Height), "the trusted header, "+o.trust.Hash.String(), h.Hash.String())
	}
	o.opened++
	return h, nil
}
