package main

import (
	"testing"

	"tokentrail/verify"
)

// TestTraceExit is the table of SPEC(CLI-25).
func TestTraceExit(t *testing.T) {
	node := func(key string, marks ...verify.MarkName) *verify.GraphNode {
		n := &verify.GraphNode{Key: key, Record: &verify.TracedRecord{}}
		for _, m := range marks {
			n.Marks = append(n.Marks, verify.Mark{Name: m})
		}
		return n
	}
	graph := func(nodes ...*verify.GraphNode) *verify.Graph {
		return &verify.Graph{Start: []string{"a"}, Nodes: nodes}
	}
	with := func(g *verify.Graph, change func(*verify.Graph)) *verify.Graph {
		change(g)
		return g
	}
	for _, c := range []struct {
		name string
		g    *verify.Graph
		exit int
	}{
		{"whole", graph(node("a"), node("b")), 0},
		{"nothing found", &verify.Graph{}, 2},
		{"cut", with(graph(node("a")), func(g *verify.Graph) { g.Cut = true }), 2},
		{"evidence", with(graph(node("a")), func(g *verify.Graph) { g.Findings = []*verify.Finding{{Code: verify.CodeTraceAnswer}} }), 1},
		{"evidence, and cut", with(graph(node("a", verify.MarkCut)), func(g *verify.Graph) { g.Findings = []*verify.Finding{{Code: verify.CodeRecordProof}} }), 1},
		{"other validators", with(graph(node("a", verify.MarkUnverified)), func(g *verify.Graph) { g.Findings = []*verify.Finding{{Code: verify.CodeValidators}} }), 2},
		{"the start reversed", graph(node("a", verify.MarkReversed)), 1},
		{"one of two starts reversed", with(graph(node("a", verify.MarkReversed), node("b")), func(g *verify.Graph) { g.Start = []string{"a", "b"} }), 0},
		{"a parent reversed", graph(node("a"), node("b", verify.MarkReversed)), 0},
		{"amended", graph(node("a", verify.MarkAmended)), 0},
		{"disputed", graph(node("a", verify.MarkDisputed)), 0},
		{"mirrored", graph(node("a", verify.MarkMirrored)), 0},
		{"mirrored, and differs", graph(node("a", verify.MarkMirrored, verify.MarkDiffers)), 1},
		{"cyclic", graph(node("a"), node("b", verify.MarkCyclic)), 1},
		{"later", graph(node("a", verify.MarkLater)), 1},
		{"later, then missing", graph(node("a", verify.MarkLater), node("b", verify.MarkMissing)), 1},
		{"missing, then later", graph(node("a", verify.MarkMissing), node("b", verify.MarkLater)), 1},
		{"missing", graph(node("a"), node("b", verify.MarkMissing)), 2},
		{"unverified", graph(node("a", verify.MarkUnverified)), 2},
		{"ambiguous", graph(node("a", verify.MarkAmbiguous)), 2},
		{"double", graph(node("a", verify.MarkDouble)), 2},
	} {
		if got := traceExit(c.g); got != c.exit {
			t.Errorf("%s: exit code %d, want %d", c.name, got, c.exit)
		}
	}
}
