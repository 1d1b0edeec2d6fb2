package verify

import (
	"fmt"
	"strings"
)

// Judge says what a graph comes to: what in it is evidence, and what could not be told.
// That what it began with was reversed is neither. SPEC(CLI-25), SPEC(VER-98)
func (g *Graph) Judge() (found []*Finding, gaps []string) {
	if len(g.Start) == 0 {
		gaps = append(gaps, "the node knows no such record")
	}
	if g.Cut {
		gaps = append(gaps, "a bound was reached, or not all could be read")
	}
	for _, f := range g.Findings {
		if f.Code == CodeValidators { // SPEC(JRN-6)
			gaps = append(gaps, f.Error())
			continue
		}
		found = append(found, LookUpFinding(f))
	}
	before, shown := map[string]bool{}, g.shows()
	for _, n := range g.Nodes {
		before[n.Key] = true
		for _, m := range n.Marks {
			if m.Name == MarkDiffers && len(m.By) > 0 && !before[m.By[0]] {
				continue // of two that differ the one that stands later is told
			}
			if f := n.contradicts(m); f != nil && shown(n, m) {
				found = append(found, f)
			}
			if m.untold() {
				gaps = append(gaps, joined(" ", KeyText(n.Key), "is", string(m.Name), m.Says))
			}
		}
	}
	return found, gaps
}

// shows returns whether a mark that contradicts is shown by what was proven: what was
// not says nothing, against nobody, for a node can make it up. Where there was no
// prover all is taken as it is. SPEC(VER-98)
func (g *Graph) shows() func(*GraphNode, Mark) bool {
	if !g.Proving {
		return func(*GraphNode, Mark) bool { return true }
	}
	cyclic := g.provenCycles()
	return func(n *GraphNode, m Mark) bool {
		return n.Record != nil && n.Record.Proven && (m.Name != MarkCyclic || cyclic[n.Key])
	}
}

// provenCycles returns the records on cycles of which each record is proven. SPEC(TRC-6)
func (g *Graph) provenCycles() map[string]bool {
	place := map[string]int{}
	for i, n := range g.Nodes {
		if n.Record != nil && n.Record.Proven {
			place[n.Key] = i
		}
	}
	parents := make([][]int, len(g.Nodes))
	each := func(do func(parent, child int)) {
		for i := range g.Edges {
			parent, one := place[g.Edges[i].From]
			child, other := place[g.Edges[i].To]
			if one && other && g.Edges[i].Kind == EdgeParent {
				do(parent, child)
			}
		}
	}
	each(func(parent, child int) { parents[child] = append(parents[child], parent) })
	groups, on := components(parents), map[string]bool{}
	each(func(parent, child int) {
		if groups[parent] == groups[child] {
			on[g.Nodes[parent].Key], on[g.Nodes[child].Key] = true, true
		}
	})
	return on
}

// LookUpFinding is a finding of a trace as one of a report: what an answer about
// records has wrong is a look-up. SPEC(VER-62)
func LookUpFinding(f *Finding) *Finding {
	if f.Code == CodeTraceAnswer {
		return NewFinding(CodeLookUp, f.Place, f.Want, f.Got)
	}
	return f
}

// contradicts is the finding that a mark stands for; nil where it is none. What is not
// proven, nobody is known to have said. SPEC(VER-50)
func (n *GraphNode) contradicts(m Mark) *Finding {
	if n.Record == nil {
		return nil
	}
	by := ""
	if n.Record.Proven {
		by = n.Record.Issuer
	}
	place := fmt.Sprintf("entries[%d].records[%d]", n.Record.Entry, n.Record.Index)
	others := strings.Join(m.By, ", ")
	switch m.Name {
	case MarkCyclic:
		return ProviderFinding(by, CodeTrace, place, "a record that does not come from itself", "a cycle of parents")
	case MarkLater:
		return ProviderFinding(by, CodeTrace, place, "a time that is not later than that of what comes from it", joined(" ", n.Record.Time+", later than", others))
	case MarkDiffers:
		return ProviderFinding(by, CodeMirrorDiffers, place, joined(" ", "what the other side recorded,", others), joined("", m.Says))
	}
	return nil
}

// untold reports whether a mark leaves something open.
func (m Mark) untold() bool {
	switch m.Name {
	case MarkMissing, MarkUnverified, MarkAmbiguous, MarkDouble, MarkCut:
		return true
	}
	return false
}
