package verify

import (
	"cmp"
	"slices"
	"strings"
)

// Limits of what follows from a graph, whatever its records say.
const (
	maxBy    = 16      // records that a mark names
	maxEdges = 200_000 // 16 parents of each of 10,000 nodes, and some more
)

// A marker draws the edges of a graph and marks its nodes.
type marker struct {
	g       *Graph
	at      map[string]*GraphNode
	byName  map[string][]*GraphNode // by id, and by issuer/ref
	place   map[string]int          // of a node, by key
	parents [][]int                 // of each node, by place: places of its parents
}

// newMarker sorts the nodes. It leaves out names that were missing and have a
// record after all: the node's index grew, or it said one thing and then another.
func newMarker(g *Graph) *marker {
	m := &marker{g: g, at: map[string]*GraphNode{}, byName: map[string][]*GraphNode{}, place: map[string]int{}}
	slices.SortFunc(g.Nodes, inLog)
	for _, n := range g.Nodes {
		if n.Record == nil {
			continue
		}
		m.byName[n.Key] = append(m.byName[n.Key], n)
		if n.Record.Ref != "" {
			name := n.Record.Issuer + "/" + n.Record.Ref
			m.byName[name] = append(m.byName[name], n)
		}
	}
	g.Nodes = slices.DeleteFunc(g.Nodes, func(n *GraphNode) bool { return n.Record == nil && len(m.byName[n.Key]) > 0 })
	for i, n := range g.Nodes {
		m.at[n.Key], m.place[n.Key] = n, i
		if n.Record == nil {
			m.byName[n.Key] = []*GraphNode{n}
		}
	}
	return m
}

// inLog puts records in the log's order, and missing names behind them.
func inLog(a, b *GraphNode) int {
	switch {
	case a.Record != nil && b.Record != nil:
		return cmp.Or(cmp.Compare(a.Record.Entry, b.Record.Entry), cmp.Compare(a.Record.Index, b.Record.Index), strings.Compare(a.Key, b.Key))
	case a.Record == nil && b.Record == nil:
		return strings.Compare(a.Key, b.Key)
	case a.Record != nil:
		return -1
	}
	return 1
}

// draw makes the edges: from whatever a name means to the record that names it,
// and from corrections to what they correct. These come first, of which there is
// one a record, so that no number of others leaves them out. SPEC(TRC-7)
func (m *marker) draw() {
	m.parents = make([][]int, len(m.g.Nodes))
	for _, corrections := range []bool{true, false} {
		for i, n := range m.g.Nodes {
			if n.Record != nil && (n.Record.Decoded.Correction != nil) == corrections && !m.drawTo(i, n) {
				m.g.Cut = true
				return
			}
		}
	}
}

// drawTo makes the edges of what a record names; false where there are too many.
func (m *marker) drawTo(i int, n *GraphNode) bool {
	drawn := map[GraphEdge]bool{}
	for _, name := range namesOf(n.Record.Decoded) {
		for _, other := range m.byName[keyOf(name.query)] {
			e := GraphEdge{From: other.Key, To: n.Key, Kind: EdgeParent}
			if name.corrects {
				e = GraphEdge{From: n.Key, To: other.Key, Kind: EdgeCorrects}
			}
			switch {
			case drawn[e]: // named by id and by ref
				continue
			case len(m.g.Edges) >= maxEdges:
				return false
			}
			drawn[e] = true
			if e.Kind == EdgeParent {
				m.parents[i] = append(m.parents[i], m.place[other.Key])
			}
			if e.Named = "ref"; name.query.ID != nil {
				e.Named = "id"
			}
			m.g.Edges = append(m.g.Edges, e)
		}
	}
	return true
}

func (m *marker) sortEdges() {
	slices.SortFunc(m.g.Edges, func(a, b GraphEdge) int {
		return cmp.Or(cmp.Compare(m.place[a.From], m.place[b.From]), cmp.Compare(m.place[a.To], m.place[b.To]), strings.Compare(a.Kind, b.Kind))
	})
}
