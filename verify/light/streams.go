package light

import (
	"context"
	"time"

	"tokentrail/verify"
)

// A StreamNode is a node that streams are checked at.
type StreamNode interface {
	verify.StreamSource
	ChangeSource
}

// CheckStreams checks one stream of a provider, or all, without the rest of the log:
// from the trusted header if the trust names one, else under the validators since
// genesis. SPEC(VER-90)
func CheckStreams(ctx context.Context, src StreamNode, trust verify.Trust, what verify.StreamsWanted, o verify.Options) *verify.Report {
	if o.Now == nil {
		o.Now = time.Now
	}
	var headers verify.HeaderVerifier
	if trust.Height > 0 {
		headers = FromHeader(src, trust, o.Now)
	} else {
		headers = Following(src, trust, o.Now)
	}
	return verify.CheckStreams(ctx, src, headers, trust, what, o)
}
