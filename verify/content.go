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
	before := map[string]bool{}
	for _, n := range g.Nodes {
		before[n.Key] = true
		for _, m := range n.Marks {
			if m.Name == MarkDiffers && len(m.By) > 0 && !before[m.By[0]] {
				continue // of two that differ the one that stands later is told
			}
			if f := n.contradicts(m); f != nil {
				found = append(found, f)
			}
			if m.untold() {
				gaps = append(gaps, joined(" ", KeyText(n.Key), "is", string(m.Name), m.Says))
			}
		}
	}
	return found, gaps
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
