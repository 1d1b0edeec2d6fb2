//go:build linux

package faults

import (
	"os"
	"path/filepath"
	"testing"
)

// TestFlippedLedger flips bits in the ledger's own files. Whatever Badger makes
// of it, a reader gets right bytes or an error.
func TestFlippedLedger(t *testing.T) {
	p := newPlan(t, 30, 600)
	p.onward = true
	u := usedHome(t, p)
	homes := []string{filepath.Join(u.stopped, "data", "ledger"), filepath.Join(u.killed, "data", "ledger")}
	var truths []*ledgerTruth
	for _, dir := range homes {
		truths = append(truths, newTruth(t, copyTree(t, dir), u.heads))
	}
	outcomes := map[string]int{}
	for p.next() {
		which := p.done % 2
		dir := copyTree(t, homes[which])
		f := p.flip(t, dir)
		told := readLedger(t, dir)
		outcome, err := truths[which].judge(told)
		if err != nil {
			outcome = "silent"
			t.Errorf("a bit flipped in %s: %v", f, err)
		}
		outcomes[outcome]++
		p.say("%s: %s", f, outcome)
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	p.figures("bit flips in the ledger", tally(outcomes, "whole", "told", "shorter", "refused", "crashed", "silent")...)
}

// tally makes figures of counted outcomes.
func tally(outcomes map[string]int, names ...string) []any {
	var pairs []any
	for _, name := range names {
		pairs = append(pairs, name, outcomes[name])
	}
	return pairs
}
