package ledger

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"tokentrail/provenance"
)

// ErrNotFound: there is no such entry, statement or height in this snapshot.
var ErrNotFound = errors.New("not found")

// ErrNotHere: what is wanted stands in the ledger, or may stand there, but needs
// entries that this node does not have yet (see Ledger.Missing).
var ErrNotHere = errors.New("not here yet")

// ErrClosed: the ledger was closed.
var ErrClosed = errors.New("the ledger is closed")

// A RulesError says that this program does not have the rules of the next block.
// Nothing is damaged: another release goes on from here. SPEC(ADM-16)
type RulesError struct{ Version, From int64 }

// Error says what to do.
func (e *RulesError) Error() string {
	return fmt.Sprintf("the ledger's rules have version %d from height %d on, this program knows 1 to %d; install a release that has it: nothing is lost, and it goes on from here",
		e.Version, e.From, provenance.RuleVersion)
}

// A DamageError says that bytes on disk are not those that were written. What it
// names is never served; the rest of the store is unaffected. SPEC(NOD-8)
type DamageError struct {
	What  string // "entry", "frame", "log hashes", "state", "head", ...
	Where string // which one: "index 17", the state's key, ...
	Found string // what is wrong with it
}

// Error says what is damaged, where, and what to do.
func (e *DamageError) Error() string {
	return fmt.Sprintf("the store is damaged: %s %s: %s; repair this node's ledger from a peer or a backup (tokentraild repair)",
		e.What, e.Where, e.Found)
}

// Entry returns the index of the entry that is damaged, for Repair; false where
// the damage is not that of an entry.
func (e *DamageError) Entry() (int64, bool) {
	text, ok := strings.CutPrefix(e.Where, "index ")
	index, err := strconv.ParseInt(text, 10, 64)
	return index, ok && err == nil
}

func damaged(what, where, format string, args ...any) error {
	return &DamageError{What: what, Where: where, Found: fmt.Sprintf(format, args...)}
}

// isDamage reports whether err says that bytes on disk are not those that were
// written.
func isDamage(err error) bool {
	var d *DamageError
	return errors.As(err, &d)
}
