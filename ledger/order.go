package ledger

import (
	"cmp"
	"slices"
)

// A queue is what stands in an order of its own: a stream, or the acts of
// governance or of one provider.
type queue struct{ kind, issuer, stream string }

// queueOf returns the queue of a decoded submission and its place there.
func queueOf(c *Checked) (q queue, sequence int64) {
	switch {
	case c.act != nil:
		a := c.act.Act()
		return queue{"act", a.Provider, ""}, a.Sequence
	case c.equivocation != nil:
		h := c.equivocation.A.Header()
		return queue{"equivocation", h.Issuer, h.Stream}, 0
	}
	h := c.sub.Statement.Header()
	return queue{"batch", h.Issuer, h.Stream}, h.Sequence
}

// inOrder leaves out what does not decode and puts acts first, so that what they
// change holds for the rest of the block, then equivocations, then batches; and
// of each queue the submissions in ascending order of their sequences, into the
// places that the queue has among the candidates (SPEC(ADM-14)).
func inOrder(candidates []*Checked) []*Checked {
	members := map[queue][]*Checked{} // only looked up
	var out []*Checked
	for _, c := range candidates {
		if c.err == nil {
			q, _ := queueOf(c)
			members[q] = append(members[q], c)
			out = append(out, c)
		}
	}
	for _, m := range members {
		slices.SortStableFunc(m, func(a, b *Checked) int {
			_, x := queueOf(a)
			_, y := queueOf(b)
			return cmp.Compare(x, y)
		})
	}
	for i, c := range out {
		q, _ := queueOf(c)
		out[i], members[q] = members[q][0], members[q][1:]
	}
	rank := func(c *Checked) int {
		switch {
		case c.act != nil:
			return 0
		case c.equivocation != nil:
			return 1
		}
		return 2
	}
	slices.SortStableFunc(out, func(a, b *Checked) int { return cmp.Compare(rank(a), rank(b)) })
	return out
}
