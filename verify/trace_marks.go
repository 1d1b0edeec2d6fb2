package verify

import (
	"cmp"
	"slices"
	"strings"

	"tokentrail/provenance"
)

// finish sorts the graph, draws its edges and marks its nodes. All of it follows
// from the set of nodes, whatever the order in which they were found. SPEC(TRC-8)
func (t *tracer) finish() {
	m := newMarker(t.graph)
	m.draw()
	m.sortEdges()
	m.corrections()
	m.cycles()
	m.ambiguous()
	m.lines()
	m.mirrors()
	for _, n := range t.graph.Nodes {
		if n.Cut != nil {
			m.mark(n, MarkCut, nil, n.Cut.String())
		}
		slices.SortStableFunc(n.Marks, func(a, b Mark) int {
			return cmp.Compare(slices.Index(allMarks[:], a.Name), slices.Index(allMarks[:], b.Name))
		})
	}
}

// allMarks is the order in which a node has its marks.
var allMarks = [...]MarkName{
	MarkMissing, MarkUnverified, MarkReversed, MarkAmended, MarkDisputed, MarkCyclic, MarkAmbiguous,
	MarkLater, MarkDouble, MarkMirrored, MarkDiffers, MarkCut,
}

// mark marks a node.
func (m *marker) mark(n *GraphNode, name MarkName, by []string, says string) {
	n.Marks = append(n.Marks, Mark{name, by, says})
}

// corrections marks what was corrected, and adds what amends it, in the log's
// order. SPEC(TRC-12)
func (m *marker) corrections() {
	corrected := map[string]*Corrected{}
	for _, e := range m.g.Edges {
		by, of := m.at[e.From], m.at[e.To]
		if e.Kind != EdgeCorrects || of.Record == nil {
			continue
		}
		if corrected[of.Key] == nil {
			corrected[of.Key] = uncorrected(of.Record)
		}
		why := "it is not proven to be on the ledger"
		if believes(of, by) {
			why = ""
			if err := corrected[of.Key].Apply(by.Record.Issuer, by.Record.Entry, by.Record.Decoded.Correction); err != nil {
				why = err.Error()
			}
		}
		switch {
		case why != "":
			m.mark(of, MarkDisputed, []string{by.Key}, why)
		case by.Record.Decoded.Correction.Action == provenance.Reverses:
			m.mark(of, MarkReversed, []string{by.Key}, "")
		default:
			m.mark(of, MarkAmended, []string{by.Key}, "")
			of.Record.amend(by.Record.Decoded.Correction.Deltas)
		}
	}
}

// believes reports whether what o says may mark n: what is not proven marks
// nothing that is. SPEC(TRC-6)
func believes(n, o *GraphNode) bool { return !n.Record.Proven || o.Record.Proven }

// ambiguous marks records of one issuer with the same ref. SPEC(TRC-11)
func (m *marker) ambiguous() {
	for _, n := range m.g.Nodes {
		if n.Record == nil || n.Record.Ref == "" {
			continue
		}
		var others []string
		for _, o := range m.byName[n.Record.Issuer+"/"+n.Record.Ref] {
			if len(others) == maxBy {
				break
			}
			if o != n && believes(n, o) {
				others = append(others, o.Key)
			}
		}
		if len(others) > 0 {
			m.mark(n, MarkAmbiguous, others, "")
		}
	}
}

// inOrder sorts keys by the places of their nodes.
func (m *marker) inOrder(keys []string) []string {
	slices.SortFunc(keys, func(a, b string) int { return cmp.Compare(m.place[a], m.place[b]) })
	return slices.Compact(keys)
}

// lines marks what is wrong between parent and child. SPEC(TRC-14)
func (m *marker) lines() {
	later, double := map[string][]string{}, map[string][]string{}
	for i := range m.g.Edges {
		e := &m.g.Edges[i]
		parent, child := m.at[e.From], m.at[e.To]
		if e.Kind != EdgeParent || parent.Record == nil {
			continue
		}
		if e.Later = parent.Record.Decoded.Time > child.Record.Decoded.Time; e.Later && believes(parent, child) {
			later[parent.Key] = append(later[parent.Key], child.Key)
		}
		if countedTwice(child.Record.Decoded, parent.Record.Decoded) && parent != child && believes(child, parent) {
			double[child.Key] = append(double[child.Key], parent.Key)
		}
	}
	for _, n := range m.g.Nodes {
		if by := later[n.Key]; by != nil {
			m.mark(n, MarkLater, first(m.inOrder(by)), "")
		}
		if by := double[n.Key]; by != nil && !n.Has(MarkReversed) {
			m.mark(n, MarkDouble, first(m.inOrder(by)), "")
		}
	}
}

// mirrors marks both sides of a crossing. SPEC(TRC-15)
func (m *marker) mirrors() {
	sides := map[string][]*GraphNode{} // by crossing id and side
	for _, n := range m.g.Nodes {
		if n.Record != nil && n.Record.Crossing != "" && !n.Has(MarkReversed) {
			id, _ := crossingOf(n.Record.Decoded)
			at := crossingKey(id, *n.Record.Decoded.Side)
			sides[at] = append(sides[at], n)
		}
	}
	others := map[*GraphNode][]*GraphNode{}
	pair := func(n, o *GraphNode) {
		// SPEC(REC-12)
		if o.Record != nil && !o.Has(MarkReversed) && opposite(n.Record.Decoded, o.Record.Decoded) {
			others[n], others[o] = append(others[n], o), append(others[o], n)
		}
	}
	for _, n := range m.g.Nodes {
		if n.Record == nil || n.Has(MarkReversed) {
			continue
		}
		id, mirror := crossingOf(n.Record.Decoded)
		if len(id) > 0 && *n.Record.Decoded.Side == provenance.Exporter {
			for _, o := range foremost(sides[crossingKey(id, provenance.Importer)]) {
				pair(n, o)
			}
		}
		if mirror != nil {
			for _, o := range foremost(m.byName[keyOf(parentQuery(*mirror))]) {
				pair(n, o)
			}
		}
	}
	for _, n := range m.g.Nodes {
		m.mirrored(n, others[n])
	}
}

// mirrored marks one side.
func (m *marker) mirrored(n *GraphNode, others []*GraphNode) {
	var by []string
	for _, o := range others {
		if believes(n, o) {
			by = append(by, o.Key)
		}
	}
	if len(by) == 0 {
		return
	}
	by = first(m.inOrder(by))
	m.mark(n, MarkMirrored, by, "")
	for _, key := range by {
		o := m.at[key]
		if says := differences(n.Record, o.Record); says != "" && n.counted() && o.counted() {
			m.mark(n, MarkDiffers, []string{key}, says)
		}
	}
}

// counted reports whether all that its issuer says in correction of a record was
// read: else another may amend or reverse it.
func (n *GraphNode) counted() bool { return n.Cut == nil || !n.Cut.Corrections }

// first returns the first of many: what many records say in the same way need
// not all be named.
func first[T any](all []T) []T { return all[:min(len(all), maxBy)] }

// foremost returns the first of many nodes, those that are proven before others:
// a node can make up as many of these as it likes.
func foremost(nodes []*GraphNode) (out []*GraphNode) {
	for _, proven := range []bool{true, false} {
		for _, n := range nodes {
			if len(out) == maxBy {
				return out
			}
			if (n.Record != nil && n.Record.Proven) == proven {
				out = append(out, n)
			}
		}
	}
	return out
}

// String says what was not followed.
func (c *CutOff) String() string {
	var out []string
	if c.Parents > 0 {
		out = append(out, counted(c.Parents, "parent", "parents")+" not followed")
	}
	if c.Children > 0 {
		out = append(out, counted(c.Children, "child", "children")+" not followed")
	}
	if c.More {
		out = append(out, "not all children looked at")
	}
	if c.Corrections {
		out = append(out, "not all corrections looked at")
	}
	return strings.Join(out, ", ")
}
