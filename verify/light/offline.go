package light

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"tokentrail/provenance"
	"tokentrail/verify"
)

// Offline returns a verifier for light blocks that come with receipts, without
// a network: under the trusted header if the trust names one, else under the
// validators of the genesis document; from there on under those whom the headers
// of an exhibit lead to (Lead). It may serve any number of exhibits, one after
// another: a genesis document that is the last one's is not read again, and what
// led to later validators is remembered.
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
	trusted  *Founders // from the trusted header on; nil until it was shown
	since    time.Time // the trusted header's time
	opened   int64     // since Start
}

func (o *offline) Start(_ context.Context, raw []byte) (err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.opened = 0
	if o.founders != nil && o.founders.genesis == sha256.Sum256(raw) {
		return nil
	}
	o.trusted = nil
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

// Lead implements verify.HeaderLeader. SPEC(BND-6)
func (o *offline) Lead(_ context.Context, headers, others [][]byte) (led int64, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	known := o.founders
	if o.trust.Height > 0 {
		if err := o.show(slices.Concat(headers, others)); err != nil {
			return 0, err
		}
		known = o.trusted
	}
	before := known.forget()
	defer known.recall(before)
	last := int64(0)
	for i, raw := range headers {
		place := fmt.Sprintf("leading headers[%d]", i)
		if o.trust.Height > 0 {
			if height, err := heightOf(raw); err == nil && height < o.trust.Height {
				continue // for who begins with genesis
			}
		}
		h, err := known.Lead(raw, place)
		switch {
		case err != nil:
			return led, err
		case h.Height <= last:
			// SPEC(BND-3)
			return led, verify.NewFinding(verify.CodeHeaderHeight, place, fmt.Sprintf("a height above %d, that of the one before", last), fmt.Sprint(h.Height))
		}
		if err := o.accept(h); err != nil {
			return led, err
		}
		last = h.Height
		led++
	}
	return led, nil
}

// show looks for the trusted header among light blocks, unless it was shown
// before. The first of its height decides. SPEC(VER-3)
func (o *offline) show(blocks [][]byte) error {
	if o.trusted != nil {
		return o.expired()
	}
	for _, raw := range blocks {
		height, err := heightOf(raw)
		if err != nil || height != o.trust.Height {
			continue // whoever opens it says what is wrong
		}
		b, err := readOpened(raw, o.founders.chainID, "light block")
		if err != nil {
			return err
		}
		if err := o.isTrusted(b.header); err != nil {
			return err
		}
		o.trusted, o.since = o.founders.from(b), b.header.Time
		o.trusted.opened[provenance.LeafHash(raw)] = b
		return o.expired()
	}
	return fmt.Errorf("the trusted header of height %d is not there: without a network nothing leads from it to another", o.trust.Height)
}

// isTrusted holds a header of the trusted height against the trust.
func (o *offline) isTrusted(h *verify.Header) error {
	if h.Height == o.trust.Height && h.Hash != o.trust.Hash {
		return verify.NewFinding(verify.CodeTrustHash, placeOf(h.Height), "the trusted header, "+o.trust.Hash.String(), h.Hash.String())
	}
	return nil
}

// expired says that the trusted header is older than the period of trust.
func (o *offline) expired() error {
	if expires := o.since.Add(o.trust.Period); !expires.After(o.now()) {
		return fmt.Errorf("%w: header %d is of %s, the trusting period of %s ended on %s; get a newer trusted header from somebody you trust, or verify from genesis",
			verify.ErrExpired, o.trust.Height, o.since.UTC().Format(time.RFC3339), o.trust.Period, expires.UTC().Format(time.RFC3339))
	}
	return nil
}

// accept counts a header that is trusted, unless it is from the future.
func (o *offline) accept(h *verify.Header) error {
	if err := future(h, o.now()); err != nil {
		return err
	}
	o.opened++
	return nil
}

func (o *offline) Open(ctx context.Context, raw []byte) (*verify.Header, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	h, err := o.open(ctx, raw)
	if err == nil {
		err = o.accept(h)
	}
	if err != nil {
		return nil, err
	}
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
	if err := o.show([][]byte{raw}); err != nil {
		return nil, err
	}
	h, err := o.trusted.Open(raw)
	if err == nil {
		err = o.isTrusted(h)
	}
	if err != nil {
		return nil, err
	}
	return h, nil
}
