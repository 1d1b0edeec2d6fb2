//go:build !linux

package ledger

import "math"

// freeBytes is only known on Linux.
func freeBytes(string) (uint64, error) { return math.MaxUint64, nil }
