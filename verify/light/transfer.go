package light

import (
	"context"
	"time"

	"tokentrail/verify"
)

// A TransferNode is a node that transfers are checked at: remote.Lookup is one.
type TransferNode interface {
	verify.TransferSource
	ChangeSource
}

// CheckTransfer checks both sides of one crossing under the validators since genesis, or
// under the trusted header if the trust names one: then the exhibits that src gives are
// to have that header. The trust names a header or the genesis document's SHA-256; with
// neither nothing is checked. o.Inspect pairs both sides: one of package inspect that is
// made for mirrors. SPEC(VER-95)
func CheckTransfer(ctx context.Context, src TransferNode, trust verify.Trust, what verify.TransferWanted, o verify.Options) *verify.Report {
	if o.Now == nil {
		o.Now = time.Now
	}
	return verify.CheckTransfer(ctx, src, Following(src, trust, o.Now), trust, what, o)
}
