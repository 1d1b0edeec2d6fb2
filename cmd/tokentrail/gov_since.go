package main

import (
	"context"
	"time"
)

// firstSince returns a time in milliseconds, and the height of the first block
// that is not before it, found by the times of proven headers: they rise with the
// height. SPEC(CLI-46)
func (v *govView) firstSince(ctx context.Context, text string) (ms, height int64, err error) {
	if text == "" {
		return 0, 0, usagef("key-stolen needs --since, the time since when, as 2026-11-16T18:15:00Z")
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return 0, 0, usagef("--since %q: wanted RFC 3339, as 2026-11-16T18:15:00Z", text)
	}
	if t.After(time.Now().Add(time.Minute)) {
		return 0, 0, usagef("--since %s is yet to come", text)
	}
	t = t.Truncate(time.Millisecond)
	// The block behind the newest header, which is not there yet, is not before t.
	low, high := int64(1), v.signed+1
	for low < high {
		middle := low + (high-low)/2
		at, err := v.timeOf(ctx, middle)
		if err != nil {
			return 0, 0, err
		}
		// SPEC(GOV-5): the block's time in milliseconds, as the ledger has it.
		if at.UnixMilli() >= t.UnixMilli() {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return t.UnixMilli(), low, nil
}
