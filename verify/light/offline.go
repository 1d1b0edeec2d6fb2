package light

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"

	"tokentrail/verify"
)

// Offline returns a verifier for light blocks that come with receipts, without
// a network: under the trusted header if the trust names one, which must then
// be the very header of the receipt; else under the validators of the genesis
// document. It may serve any number of exhibits, one after another: a genesis
// document that is the last one's is not read again.
func Offline(trust verify.Trust, now func() time.Time) verify.HeaderVerifier {
	return &offline{trust: trust, now: now}
}

// Following is Offline with a node at hand: where a receipt's validators are not
// those of the genesis document, the node is asked for the headers that lead from
// these to those. SPEC(VER-28)
func Following(src ChangeSource, trust verify.Trust, now func() time.Time) verify.HeaderVerifier {
	return &offline{trust: trust, now: now, src: src}
}

type offline struct {
	trust verify.Trust
	now   func() time.Time
	src   ChangeSource // nil without a network

	mu       sync.Mutex
	founders *Founders
	opened   int64 // since Start
}

func (o *offline) Start(_ context.Context, raw []byte) (err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.opened = 0
	if o.founders != nil && o.founders.genesis == sha256.Sum256(raw) {
		return nil
	}
	o.founders, err = NewFounders(raw)
	return err
}

func (o *offline) Header(_ context.Context, height int64) (*verify.Header, error) {
	return nil, fmt.Errorf("header %d: %w", height, errors.ErrUnsupported)
}

func (o *offline) History() []verify.Change { return nil }

func (o *offline) Sets() []verify.SetChange { return nil }

func (o *offline) Verified() int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.opened
}

func (o *offline) Open(ctx context.Context, raw []byte) (*verify.Header, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	h, err := o.open(ctx, raw)
	if err != nil {
		return nil, err
	}
	if err := future(h, o.now()); err != nil {
		return nil, err
	}
	o.opened++
	return h, nil
}

// open holds a light block against the trust.
func (o *offline) open(ctx context.Context, raw []byte) (*verify.Header, error) {
	switch {
	case o.trust.Height == 0 && o.src != nil:
		return o.founders.OpenFollowing(ctx, o.src, raw)
	case o.trust.Height == 0:
		return o.founders.Open(raw)
	}
	block, err := readBlock(raw, o.founders.chainID, "light block")
	if err != nil {
		return nil, err
	}
	h := headerOf(block)
	switch {
	case h.Height != o.trust.Height:
		return nil, fmt.Errorf("the receipt's header is of height %d, the trusted one of %d: without a network nothing leads from one to the other", h.Height, o.trust.Height)
	case h.Hash != o.trust.Hash:
		return nil, verify.NewFinding(verify.CodeTrustHash, placeOf(h.Height), "the trusted header, "+o.trust.Hash.String(), h.Hash.String())
	}
	return h, nil
}
