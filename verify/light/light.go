package light

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"tokentrail/verify"
)

// Audit audits a source from the trust given: from the trusted header if it
// names one, else from genesis. The samples are drawn at random where
// o.Seed is zero.
func Audit(ctx context.Context, src verify.Source, trust verify.Trust, o verify.Options) *verify.Report {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Seed == [32]byte{} {
		rand.Read(o.Seed[:]) // never fails
	}
	if o.Judge == nil {
		o.Judge = NewForkJudge(o.Now)
	}
	if s := o.Resume; s != nil && s.Fits(trust) == nil {
		named := trust.Genesis
		if trust = s.Trust(); named != nil {
			trust.Genesis = named
		}
	}
	var headers verify.HeaderVerifier
	if trust.Height > 0 {
		headers = FromHeader(src, trust, o.Now)
	} else {
		headers = FromGenesis(src, o.Now)
	}
	return verify.Audit(ctx, src, headers, trust, o)
}

// CheckExhibit checks an exhibit without a network, under the validators of its
// genesis document or the trusted header, and those that its headers lead to.
func CheckExhibit(ctx context.Context, e *verify.Exhibit, trust verify.Trust, o verify.Options) *verify.Report {
	if o.Now == nil {
		o.Now = time.Now
	}
	return NewExhibits(trust, o.Now).Check(ctx, e, o)
}

// NewExhibits returns a checker of one exhibit after another, for who has many.
func NewExhibits(trust verify.Trust, now func() time.Time) *verify.Exhibits {
	return verify.NewExhibits(Offline(trust, now), trust)
}

// future says that a header's time lies too far ahead of the auditor's clock.
func future(h *verify.Header, now time.Time) error {
	// SPEC(VER-4)
	if limit := now.Add(maxClockDrift); h.Time.After(limit) {
		return verify.NewFinding(verify.CodeHeaderTime, placeOf(h.Height)+".time", "before "+limit.UTC().Format(time.RFC3339), h.Time.UTC().Format(time.RFC3339))
	}
	return nil
}

// sameHeader holds a block that came with a receipt against the trusted header
// of its height.
func sameHeader(got, trusted *verify.Header) error {
	// SPEC(RCP-3)
	if got.Hash != trusted.Hash {
		return verify.NewFinding(verify.CodeHeaderTrust, placeOf(got.Height), fmt.Sprintf("the trusted header, %s", trusted.Hash), got.Hash.String())
	}
	return nil
}
