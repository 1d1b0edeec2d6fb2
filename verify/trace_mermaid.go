package verify

import (
	"fmt"
	"io"
	"strings"
	"unicode"
)

// A markStyle is how a mark looks in drawings. A node has the style of its first
// mark that has one; all marks stand in its text.
type markStyle struct{ name, fill, stroke string }

// markStyles are in the order in which they prevail.
var markStyles = [...]markStyle{
	{"missing", "#eeeeee", "#777777"},
	{"reversed", "#f6c7c7", "#a40000"},
	{"disputed", "#ffe3c2", "#b35900"},
	{"cyclic", "#f3d3f5", "#7a1f80"},
	{"double", "#ffe3c2", "#b35900"},
	{"differs", "#ffe3c2", "#b35900"},
	{"ambiguous", "#fff3b0", "#8a6d00"},
	{"later", "#fff3b0", "#8a6d00"},
	{"amended", "#fff3b0", "#8a6d00"},
	{"unverified", "#ffffff", "#777777"},
	{"cut", "#ffffff", "#1f4e79"},
	{"mirrored", "#e2f0d9", "#2e6b1f"},
}

// style returns the style of a node; nil where no mark has one.
func (n *GraphNode) style() *markStyle {
	for i := range markStyles {
		if n.Has(MarkName(markStyles[i].name)) {
			return &markStyles[i]
		}
	}
	return nil
}

// labelLines says a node in lines, for drawings.
func (n *GraphNode) labelLines() []string {
	lines := []string{n.title()}
	if origin := n.origin(); origin != "" {
		lines = append(lines, "by "+origin)
	}
	lines = append(lines, "id "+plain(shortKey(n.Key)))
	for i := range n.Marks {
		lines = append(lines, n.Marks[i].words())
	}
	return lines
}

// drawnEdges returns all edges with the places of their ends, and the pairs of a
// crossing.
func (g *Graph) drawnEdges(draw func(e *GraphEdge, from, to int)) {
	place := map[string]int{}
	for i, n := range g.Nodes {
		place[n.Key] = i
	}
	for i := range g.Edges {
		draw(&g.Edges[i], place[g.Edges[i].From], place[g.Edges[i].To])
	}
	for i, n := range g.Nodes {
		for _, m := range n.Marks {
			for _, other := range m.By {
				if m.Name == MarkMirrored && i < place[other] {
					draw(nil, i, place[other])
				}
			}
		}
	}
}

// WriteMermaid writes the graph as a Mermaid flowchart. SPEC(TRC-20)
func (g *Graph) WriteMermaid(w io.Writer) error {
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	asked, found := g.summary()
	fmt.Fprintf(&b, "  about[\"%s\"]\n", mermaidText(asked+" "+found))
	start := map[string]bool{}
	for _, key := range g.Start {
		start[key] = true
	}
	for i, n := range g.Nodes {
		lines := n.labelLines()
		for j := range lines {
			lines[j] = mermaidText(lines[j])
		}
		fmt.Fprintf(&b, "  n%d[\"%s\"]\n", i, strings.Join(lines, "<br/>"))
		if s := n.style(); s != nil {
			fmt.Fprintf(&b, "  class n%d %s\n", i, s.name)
		}
		if start[n.Key] {
			fmt.Fprintf(&b, "  class n%d start\n", i)
		}
	}
	g.drawnEdges(func(e *GraphEdge, from, to int) {
		switch {
		case e == nil:
			fmt.Fprintf(&b, "  n%d -.-|\"mirrors\"| n%d\n", from, to)
		case e.Kind == EdgeCorrects:
			fmt.Fprintf(&b, "  n%d -.->|\"corrects\"| n%d\n", from, to)
		case e.Closes:
			fmt.Fprintf(&b, "  n%d ==>|\"closes a cycle\"| n%d\n", from, to)
		default:
			fmt.Fprintf(&b, "  n%d --> n%d\n", from, to)
		}
	})
	for _, s := range markStyles {
		fmt.Fprintf(&b, "  classDef %s fill:%s,stroke:%s\n", s.name, s.fill, s.stroke)
	}
	b.WriteString("  classDef start stroke-width:3px\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// mermaidText makes a text fit for a quoted label: what is neither letter, digit
// nor harmless is written as Mermaid's own entity, #code;.
func mermaidText(s string) string {
	var b strings.Builder
	for _, c := range plain(s) {
		if unicode.IsLetter(c) || unicode.IsDigit(c) || strings.ContainsRune(" ,.:→…-/()=", c) {
			b.WriteRune(c)
			continue
		}
		fmt.Fprintf(&b, "#%d;", c)
	}
	return b.String()
}
