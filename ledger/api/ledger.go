package api

import (
	"context"
	"fmt"
	"strings"

	"tokentrail/ledger"
	"tokentrail/provenance"
)

// Heights says how far the engine is.
type Heights interface {
	// LatestSigned is the newest height whose header is signed, 0 for none. Its
	// app hash is that of the height before, which the ledger has committed.
	LatestSigned() int64
	// WaitHeight returns when the block at height is committed, so that it is
	// signed too; or with the context's error, or another when the node stops.
	WaitHeight(ctx context.Context, height int64) error
}

// LedgerLog is the Log of a ledger.
type LedgerLog struct {
	Ledger  *ledger.Ledger
	Heights Heights
}

// Signed implements Log.
func (l LedgerLog) Signed() (Snapshot, error) {
	// The ledger keeps the last few heights: it may leave one behind while we
	// look, but not each time.
	for range 3 {
		signed := l.Heights.LatestSigned()
		if signed == 0 {
			return nil, fmt.Errorf("%w: no header is signed yet", ErrUnavailable)
		}
		// SPEC(STA-4): the app hash of a height stands in the header of the next.
		if s, ok := l.Ledger.SnapshotAt(signed - 1); ok {
			return s, nil
		}
	}
	return nil, fmt.Errorf("%w: the ledger does not have the height that is signed", ErrUnavailable)
}

// Wait implements Log.
func (l LedgerLog) Wait(ctx context.Context, above int64) error {
	// SPEC(STA-4)
	err := l.Heights.WaitHeight(ctx, above+2)
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}

// Refusal is the error of a submission that consensus refused with the number
// of a code (ledger.ResultCodes) and the words of an error.
func Refusal(number uint32, words string) error {
	for _, c := range ledger.ResultCodes() {
		if c.Number == number {
			detail := strings.TrimPrefix(words, string(c.Code)+": ")
			return &provenance.Error{Code: c.Code, Offset: -1, Detail: detail}
		}
	}
	return fmt.Errorf("consensus refused with the unknown number %d: %s", number, words)
}
