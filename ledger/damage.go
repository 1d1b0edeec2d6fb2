package ledger

import (
	"errors"
	"fmt"
)

// ErrNotFound: there is no such entry, statement or height in this snapshot.
var ErrNotFound = errors.New("not found")

// ErrClosed: the ledger was closed.
var ErrClosed = errors.New("the ledger is closed")

// A DamageError says that bytes on disk are not those that were written. What it
// names is never served; the rest of the store is unaffected.
type DamageError struct {
	What  string // "entry", "frame", "log hashes", "state", "head", ...
	Where string // which one: "index 17", the state's key, ...
	Found string // what is wrong with it
}

// Error says what is damaged, where, and what to do.
func (e *DamageError) Error() string {
	return fmt.Sprintf("the store is damaged: %s %s: %s; restore this node's ledger from a copy, or remove it and let it sync from its peers",
		e.What, e.Where, e.Found)
}

func damaged(what, where, format string, args ...any) error {
	return &DamageError{What: what, Where: where, Found: fmt.Sprintf(format, args...)}
}
