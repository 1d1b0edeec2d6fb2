package verify

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// drawnSteps is how many steps of a tree are drawn by indenting. Further ones
// are numbered, so that a long chain stays readable and small.
const drawnSteps = 24

// Columns of a tree: of a line, and of what stands behind the branches of a
// deep one.
const (
	treeWidth  = 100
	leastWidth = 64
)

// WriteTree writes the graph for a terminal: for each record that the trace
// began with a tree of what it comes from and one of what came of it, then what
// stands beside them, the sums and the findings. What came from records or a node
// is stripped of what could steer a terminal. SPEC(TRC-19)
func (g *Graph) WriteTree(w io.Writer) error {
	t := newTreeWriter(g)
	asked, found := g.summary()
	t.wrapped("", "   ", " ", []string{asked, found})
	if len(g.Start) == 0 {
		t.line(absence)
	}
	for _, key := range g.Start {
		t.line("")
		t.wrapped("", "   ", "  ", t.describe(t.nodes[key]))
		t.shown[key] = true
		t.tree("from", key, t.from)
		t.tree("to", key, t.to)
	}
	t.others()
	t.sums()
	t.findings()
	_, err := io.WriteString(w, t.b.String())
	return err
}

// A link leads from a node to another, by an edge.
type link struct {
	key  string
	edge *GraphEdge
}

type treeWriter struct {
	g        *Graph
	b        strings.Builder
	nodes    map[string]*GraphNode
	from, to map[string][]link // parents and what is corrected; children and what corrects
	shown    map[string]bool   // with all that is to be said of it
}

func newTreeWriter(g *Graph) *treeWriter {
	t := &treeWriter{g: g, nodes: map[string]*GraphNode{}, from: map[string][]link{}, to: map[string][]link{}, shown: map[string]bool{}}
	for _, n := range g.Nodes {
		t.nodes[n.Key] = n
	}
	for i := range g.Edges {
		e := &g.Edges[i]
		up, down := e.From, e.To
		if e.Kind == EdgeCorrects { // what is corrected was there before
			up, down = e.To, e.From
		}
		t.from[down] = append(t.from[down], link{up, e})
		t.to[up] = append(t.to[up], link{down, e})
	}
	return t
}

func (t *treeWriter) line(s string) { t.b.WriteString(s + "\n") }

// wrapped writes parts, each whole, in lines of treeWidth columns where they fit:
// the first line with one beginning, those that go on with another. SPEC(TRC-19)
func (t *treeWriter) wrapped(begin, goOn, between string, parts []string) {
	line, room := begin+parts[0], max(treeWidth, utf8.RuneCountInString(begin)+leastWidth)
	for _, part := range parts[1:] {
		if utf8.RuneCountInString(line+between+part) <= room {
			line += between + part
			continue
		}
		t.line(line)
		line = goOn + part
	}
	t.line(line)
}

// describe says everything about a node, in parts.
func (t *treeWriter) describe(n *GraphNode) []string {
	parts := t.name(n)
	if origin := n.origin(); origin != "" {
		parts[1] = origin + " " + parts[1]
	}
	for i := range n.Marks {
		if m := &n.Marks[i]; t.g.Proving || m.Name != MarkUnverified { // else it is said once
			parts = append(parts, "["+m.words()+"]")
		}
	}
	return parts
}

// name says which node it is, in parts.
func (t *treeWriter) name(n *GraphNode) []string {
	return []string{n.title(), plain(shortKey(n.Key))}
}

// A branch is a link to be written, with the lines that go on beside it.
type branch struct {
	link
	beside string
	depth  int
	last   bool
}

// tree writes what a node leads to. What a node leads to is written once.
func (t *treeWriter) tree(title, root string, next map[string][]link) {
	if len(next[root]) == 0 {
		return
	}
	t.line(title)
	done := map[string]bool{root: true}
	for stack := branches(next[root], "", 1); len(stack) > 0; {
		b := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		again, branched := done[b.key], len(next[b.key]) > 0
		t.branch(b, again && branched, !again && branched)
		if !again {
			done[b.key] = true
			stack = append(stack, branches(next[b.key], b.below(), b.depth+1)...)
		}
	}
}

// branches returns links to be taken from the end.
func branches(links []link, beside string, depth int) []branch {
	out := make([]branch, len(links))
	for i, l := range links {
		out[len(links)-1-i] = branch{l, beside, depth, i == len(links)-1}
	}
	return out
}

// below returns what stands before the lines behind a branch.
func (b *branch) below() string {
	switch {
	case b.depth >= drawnSteps:
		return b.beside
	case b.last:
		return b.beside + "   "
	}
	return b.beside + "│  "
}

// branch writes one: above, where its own branches were drawn before; open, where
// they follow.
func (t *treeWriter) branch(b branch, above, open bool) {
	stem := "├─ "
	if b.last {
		stem = "└─ "
	}
	if b.depth > drawnSteps {
		stem += fmt.Sprintf("(%d) ", b.depth)
	}
	n := t.nodes[b.key]
	parts := t.name(n)
	if !t.shown[b.key] {
		t.shown[b.key] = true
		parts = t.describe(n)
	}
	if above {
		parts = append(parts, "(above)")
	}
	if b.edge.Closes {
		parts = append(parts, "(closes a cycle)")
	}
	t.wrapped(b.beside+stem, b.goesOn(open), "  ", parts)
}

// goesOn returns what stands before the further lines of a branch.
func (b *branch) goesOn(open bool) string {
	column, own := "│  ", "   "
	if open && b.depth < drawnSteps { // else they stand in the same column as itself
		own = "│  "
	}
	if b.last && (!open || b.depth < drawnSteps) {
		column = "   "
	}
	return b.beside + column + own
}

// others writes the nodes that are in no tree, such as corrections of what a
// start comes from.
func (t *treeWriter) others() {
	title := "beside"
	for _, n := range t.g.Nodes {
		if t.shown[n.Key] {
			continue
		}
		if title != "" {
			t.line("\n" + title)
			title = ""
		}
		t.wrapped("   ", "      ", "  ", t.describe(n))
	}
}

// sums writes the sums.
func (t *treeWriter) sums() {
	s := t.g.Sums()
	if len(s.Rows) > 0 || s.Relays+s.Reversed+s.Unverified > 0 {
		t.line("\ntokens, of each kind by itself")
	}
	if len(s.Rows) == 0 && s.Relays+s.Reversed+s.Unverified > 0 {
		t.line("   none")
	}
	for _, r := range s.Rows {
		t.line(fmt.Sprintf("   %-20s %s, %s in, %s out", joined(" ", r.Kind, r.Side), counted(r.Records, "record", "records"), separated(r.Input.String()), separated(r.Output.String())))
	}
	for _, left := range []struct {
		n    int
		says string
	}{
		{s.Relays, "relayed, and counted by another"}, {s.Reversed, "reversed"}, {s.Unverified, "unverified"},
	} {
		if left.n > 0 {
			t.line(fmt.Sprintf("   without %s, %s", counted(left.n, "record", "records"), left.says))
		}
	}
	if s.Doubles > 0 {
		t.line(fmt.Sprintf("   %s may count tokens again", counted(s.Doubles, "record", "records")))
	}
}

// findings writes what did not hold.
func (t *treeWriter) findings() {
	if !t.g.Proving && len(t.g.Nodes) > 0 {
		t.line("\nunverified: no proof was asked for")
	}
	writeFindings(&t.b, &Step{Name: "trace", Findings: t.g.Findings, More: t.g.More})
}
