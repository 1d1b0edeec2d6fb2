package verify

import (
	"fmt"
	"time"
)

// askKept asks the node for the header of the kept height, where the audit goes on from
// one that has verified it before and would not ask again. A node that shows another
// than the kept one, which the validators signed too, shows a fork, wherever else the
// audit ends: at a parent that is not the saved one, say. SPEC(VER-31), SPEC(VER-46)
func (a *audit) askKept() {
	s, k := a.memory, a.kept
	if k == nil || a.opts.Resume == nil || a.behindKept() {
		return
	}
	place := placeOfHeader(k.Height)
	raw, err := blockAt(a.ctx, a.src, k.Height)
	if err != nil {
		a.keptErr = fmt.Errorf("the header of the kept height, again: %w", err)
		return
	}
	h, side, err := a.signedBy(raw, k.Height, a.src)
	switch {
	case err != nil:
		a.keptErr = fmt.Errorf("%s, which the node shows again: %w", place, err)
	case h.Height != k.Height:
		a.keptErr = fmt.Errorf("%s: %w: a header of height %d", place, ErrAnswer, h.Height)
	case h.Hash != k.Header:
		s.Checked = 1
		s.finding(CodeFork, place, fmt.Sprintf("the header kept %s, %s", k.When.Format(time.RFC3339), k.Header),
			fmt.Sprintf("%s, signed by the validators too", h.Hash))
		s.unproven(a.prove(a.keptSide(false), func() (ForkSide, error) { return side, nil }, nil))
	}
}
