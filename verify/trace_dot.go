package verify

import (
	"fmt"
	"io"
	"strings"
)

// WriteDOT writes the graph for Graphviz. SPEC(TRC-20)
func (g *Graph) WriteDOT(w io.Writer) error {
	var b strings.Builder
	b.WriteString("digraph trace {\n  rankdir=LR;\n  node [shape=box, style=filled, fillcolor=\"#ffffff\"];\n")
	asked, found := g.summary()
	fmt.Fprintf(&b, "  label=\"%s\";\n", dotText(asked+" "+found))
	start := map[string]bool{}
	for _, key := range g.Start {
		start[key] = true
	}
	for i, n := range g.Nodes {
		lines := n.labelLines()
		for j := range lines {
			lines[j] = dotText(lines[j])
		}
		fmt.Fprintf(&b, "  n%d [label=\"%s\"", i, strings.Join(lines, "\\n"))
		if s := n.style(); s != nil {
			fmt.Fprintf(&b, ", class=\"%s\", fillcolor=\"%s\", color=\"%s\"", s.name, s.fill, s.stroke)
		}
		if n.Record == nil {
			b.WriteString(", style=\"filled,dashed\"")
		}
		if start[n.Key] {
			b.WriteString(", penwidth=3")
		}
		b.WriteString("];\n")
	}
	g.drawnEdges(func(e *GraphEdge, from, to int) {
		switch {
		case e == nil:
			fmt.Fprintf(&b, "  n%d -> n%d [label=\"mirrors\", style=dotted, dir=none, constraint=false];\n", from, to)
		case e.Kind == EdgeCorrects:
			fmt.Fprintf(&b, "  n%d -> n%d [label=\"corrects\", style=dashed];\n", from, to)
		case e.Closes:
			fmt.Fprintf(&b, "  n%d -> n%d [label=\"closes a cycle\", color=\"#7a1f80\", penwidth=2, constraint=false];\n", from, to)
		default:
			fmt.Fprintf(&b, "  n%d -> n%d;\n", from, to)
		}
	})
	b.WriteString("}\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// dotText makes a text fit for a quoted string of the DOT language, in which
// backslashes escape and, in labels, ampersands begin entities.
func dotText(s string) string {
	return dotEscapes.Replace(plain(s))
}

var dotEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, `&`, `&amp;`, `<`, `&lt;`, `>`, `&gt;`)
