package app

import (
	"crypto/sha256"
	"sync"

	"tokentrail/ledger"
)

// checkedCacheBytes bounds the submissions whose checks are remembered. It
// covers a full mempool and what is held before it, so that nothing is checked
// twice; what has fallen out is checked again.
const checkedCacheBytes = MaxMempoolBytes + waitingBytes + 32<<20

// checkedCache remembers submissions by the hash of their bytes, so that a node
// decodes, expands and verifies each one once. What is older falls out first.
//
// The engine hands the mempool's transactions over again for each proposal and
// recheck, in the very memory that was checked, which no one changes: there the
// address of the first byte tells which one it is, without hashing megabytes. A
// remembered submission keeps its memory, so no other can get its address.
type checkedCache struct {
	mu        sync.Mutex // guards all fields
	limit     int        // bytes
	used      int
	byKey     map[[32]byte]*ledger.Checked
	byAddress map[*byte]*ledger.Checked // those of byKey
	order     [][32]byte                // oldest first; may name what was dropped
}

func newCheckedCache(limit int) *checkedCache {
	return &checkedCache{limit: limit, byKey: map[[32]byte]*ledger.Checked{}, byAddress: map[*byte]*ledger.Checked{}}
}

// check returns what is known of tx, decoding it where nothing is. It does not
// remember: anybody can make bytes that decode.
func (c *checkedCache) check(tx []byte) *ledger.Checked {
	if found := c.sameMemory(tx); found != nil {
		return found
	}
	key := sha256.Sum256(tx)
	c.mu.Lock()
	found := c.byKey[key]
	c.mu.Unlock()
	if found != nil {
		return found
	}
	checked, _ := ledger.Check(tx) // the error stays with it
	return checked
}

// remember keeps what is known of a submission that was found admissible.
func (c *checkedCache) remember(checked *ledger.Checked) {
	tx := checked.Raw()
	if c.sameMemory(tx) == checked {
		return
	}
	key := sha256.Sum256(tx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byKey[key] != nil {
		return
	}
	c.byKey[key], c.byAddress[&tx[0]] = checked, checked
	c.order = append(c.order, key)
	c.used += weight(checked)
	for c.used > c.limit {
		c.forget(c.order[0])
		c.order = c.order[1:]
	}
}

// weight is about what a submission takes in memory: its bytes, and the decoded
// cells and strings of its statements, or actions of its act, some eight times
// their encoding.
func weight(c *ledger.Checked) int {
	decoded := 0
	switch {
	case c.Submission() != nil:
		decoded = len(c.Submission().Statement.Raw())
	case c.Act() != nil:
		decoded = len(c.Act().Raw())
	case c.Equivocation() != nil:
		decoded = len(c.Equivocation().A.Raw()) + len(c.Equivocation().B.Raw())
	}
	return len(c.Raw()) + 8*decoded
}

// sameMemory returns the submission that was checked in the memory of tx.
func (c *checkedCache) sameMemory(tx []byte) *ledger.Checked {
	if len(tx) == 0 {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if found := c.byAddress[&tx[0]]; found != nil && len(found.Raw()) == len(tx) {
		return found
	}
	return nil
}

// forget removes key, if it is still there. Called with mu held.
func (c *checkedCache) forget(key [32]byte) {
	if found := c.byKey[key]; found != nil {
		c.used -= weight(found)
		delete(c.byKey, key)
		delete(c.byAddress, &found.Raw()[0])
	}
}

// drop removes submissions that are decided.
func (c *checkedCache) drop(decided []*ledger.Checked) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range decided {
		c.forget(sha256.Sum256(d.Raw()))
	}
	if len(c.order) > 2*len(c.byKey)+64 {
		c.compact()
	}
}

// compact removes keys from order that are no more there. Called with mu held.
func (c *checkedCache) compact() {
	kept := c.order[:0]
	for _, key := range c.order {
		if c.byKey[key] != nil {
			kept = append(kept, key)
		}
	}
	c.order = kept
}
