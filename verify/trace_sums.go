package verify

import (
	"cmp"
	"slices"

	"tokentrail/provenance"
)

// A TraceSum is what the records of one kind, and in transfers of one side, add
// up to along a trace.
type TraceSum struct {
	Kind string `json:"kind"`
	Side string `json:"side,omitempty"`
	// Tokens are exact integers of whatever size.
	Records int            `json:"records"`
	Input   provenance.Sum `json:"input"`
	Output  provenance.Sum `json:"output"`
}

// TraceSums are the tokens along a trace, for each kind and side by itself: a
// token counts once in each (SPEC(TRC-17)).
type TraceSums struct {
	Rows       []TraceSum `json:"rows"`       // by kind and side
	Relays     int        `json:"relays"`     // records left out, which another counts
	Reversed   int        `json:"reversed"`   // records left out, which were taken back
	Unverified int        `json:"unverified"` // records left out, which were not proven; 0 where none was tried
	Doubles    int        `json:"doubles"`    // records that are in the rows and may count tokens again
}

// Sums adds up the tokens of the graph's records. Of an amended record it counts
// what was amended.
func (g *Graph) Sums() *TraceSums {
	type row struct {
		kind provenance.Kind
		side provenance.Side
	}
	rows := map[row]*TraceSum{}
	out := &TraceSums{Rows: []TraceSum{}}
	for _, n := range g.Nodes {
		if n.Record == nil || n.Record.Input == nil || out.leaves(g, n) {
			continue
		}
		r := n.Record.Decoded
		of := row{kind: r.Kind}
		if r.Side != nil {
			of.side = *r.Side
		}
		s := rows[of]
		if s == nil {
			s = &TraceSum{Kind: n.Record.Kind, Side: n.Record.Side}
			rows[of] = s
		}
		s.Records++
		input, output := n.Record.counts()
		s.Input, s.Output = s.Input.AddInt(input), s.Output.AddInt(output)
	}
	keys := make([]row, 0, len(rows))
	for k := range rows {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b row) int { return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.side, b.side)) })
	for _, k := range keys {
		out.Rows = append(out.Rows, *rows[k])
	}
	return out
}

// leaves counts a record that is left out, and says whether it is.
func (s *TraceSums) leaves(g *Graph, n *GraphNode) bool {
	switch {
	case g.Proving && !n.Record.Proven:
		s.Unverified++
	case n.Has(MarkReversed):
		s.Reversed++
	case n.Record.Relay:
		s.Relays++
	default:
		if n.Has(MarkDouble) {
			s.Doubles++
		}
		return false
	}
	return true
}
