package verify_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"tokentrail/provenance"
	"tokentrail/verify"
	"tokentrail/verify/light"
)

// contentAttacks are what a file, or a trace, can have wrong. SPEC(VER-97), SPEC(VER-98)
func contentAttacks() []attack {
	var all []attack
	for _, code := range []verify.Code{verify.CodeContentDiffers, verify.CodeContentReversed, verify.CodeFileLabel} {
		all = append(all, attack{"a file, " + string(code), string(code) + " at file", func(t testing.TB) *verify.Report {
			n := narrow(t, small(t))
			n.Find("content", verify.FileFinding(code, "file", "the record's content", "another"))
			return n.Conclude()
		}})
	}
	return append(all, attack{"a trace that contradicts itself", "trace at entries[0].records[0]", func(t testing.TB) *verify.Report {
		n := narrow(t, small(t))
		found, _ := laterParent(t).Judge()
		for _, f := range found {
			n.Find("trace", f)
		}
		return n.Conclude()
	}})
}

// narrow begins a report about a ledger.
func narrow(t testing.TB, l *ledger) *verify.Narrow {
	exhibits := light.NewExhibits(verify.Trust{Genesis: new(hashOf(l.genesis))}, l.options().Now)
	return verify.NewNarrow(t.Context(), exhibits, l.options(), [2]string{"content", "files"}, [2]string{"record", "records"}, [2]string{"trace", "records"})
}

// laterParent is a trace with a parent that is later than its child.
func laterParent(t testing.TB) *verify.Graph {
	s := newStory(t)
	late := s.production()
	late.Time = noon + 5000
	s.tell("acme", "a", late)
	s.tell("beta", "b", s.transfer(provenance.Exporter, "a"))
	return s.trace("b", verify.Bounds{})
}

// TestNarrow: a report says what was found against whom in every form, and what was
// not asked for is no gap. SPEC(VER-50), SPEC(VER-95)
func TestNarrow(t *testing.T) {
	l := small(t)
	n := narrow(t, l)
	n.Begin("content", 1)
	n.Leave("trace", "nobody asked for it")
	if r := n.Exhibit("record", "record", 1, l.exhibit("1")); r.Verdict != verify.Holds {
		t.Fatal(text(r))
	}
	r := n.Conclude()
	if r.Verdict != verify.Holds || len(r.Exhibits) != 1 || r.Ledger == nil || r.Totals.Entries != 1 || r.Totals.Providers != 1 || !tells(r, "entry 1 of the log") {
		t.Error(text(r))
	}
	check(t, schema(t).Validate(document(t, r)))

	n = narrow(t, l)
	broken := l.exhibit("1")
	broken.Entry = bytes.Clone(broken.Entry)
	broken.Entry[len(broken.Entry)-1] ^= 1
	n.Begin("content", 1)
	n.Because("content", "the first reason")
	n.Because("content", "the second")
	n.Exhibit("record", "record", 1, broken)
	n.Find("trace", verify.FileFinding(verify.CodeFileLabel, "file.label", "one", "none"))
	r = n.Conclude()
	if r.Exit() != 1 || r.Against.File != 1 || r.Against.Ledger == 0 || r.Against.Providers != 0 || r.Steps[0].Reason != "the first reason" {
		t.Error(text(r))
	}
	if at := r.Steps[1].Findings[0].Place; !strings.HasPrefix(at, "record.entry") {
		t.Error(at)
	}
	check(t, schema(t).Validate(document(t, r)))
	var junit, markdown strings.Builder
	check(t, r.WriteJUnit(&junit))
	check(t, r.WriteMarkdown(&markdown))
	for _, said := range []string{text(r), junit.String(), markdown.String()} {
		if !strings.Contains(said, "against the file") && !strings.Contains(said, "| the file | 1 |") {
			t.Error(said)
		}
	}
}

// TestNarrowUnchecked: what an exhibit lacks is not checked, and an expired trust is
// none of a step.
func TestNarrowUnchecked(t *testing.T) {
	l := small(t)
	n := narrow(t, l)
	bare := l.exhibit("1")
	bare.Receipt = nil
	n.Begin("content", 1)
	n.Begin("trace", 1)
	n.Exhibit("record", "record", 1, bare)
	if r := n.Conclude(); r.Exit() != 2 || !tells(r, "record: receipt: none was given") {
		t.Error(text(r))
	}
}

// TestGraphJudge: what marks come to, and against whom. SPEC(CLI-25)
func TestGraphJudge(t *testing.T) {
	found, gaps := laterParent(t).Judge()
	if len(found) != 1 || found[0].Code != verify.CodeTrace || found[0].Provider != "acme" || len(gaps) != 0 {
		t.Errorf("%v %v", found, gaps)
	}
	differing := &verify.Graph{Start: []string{"a"}, Nodes: []*verify.GraphNode{
		{Key: "a", Record: &verify.TracedRecord{Issuer: "acme", Proven: true}, Marks: []verify.Mark{{Name: verify.MarkDiffers, By: []string{"b"}, Says: "input 1 and 2"}}},
		{Key: "b", Record: &verify.TracedRecord{Issuer: "beta", Proven: true, Entry: 3}, Marks: []verify.Mark{{Name: verify.MarkDiffers, By: []string{"a"}, Says: "input 1 and 2"}}},
		{Key: "c", Marks: []verify.Mark{{Name: verify.MarkMissing}}},
	}}
	found, gaps = differing.Judge()
	if len(found) != 1 || found[0].Provider != "beta" || found[0].Place != "entries[3].records[0]" || !slices.Equal(gaps, []string{"c is missing"}) {
		t.Errorf("%v %v", found, gaps)
	}
	differing.Nodes[1].Record.Proven = false
	if found, _ = differing.Judge(); found[0].Against != verify.AgainstLedger {
		t.Error(found[0])
	}
	differing.Proving = true
	if found, _ = differing.Judge(); len(found) != 0 {
		t.Errorf("what is not proven speaks against nobody: %v", found[0])
	}
	nothing := &verify.Graph{Findings: []*verify.Finding{{Code: verify.CodeValidators}, {Code: verify.CodeTraceAnswer, Place: "records?id=x[0]", Want: "a", Got: "b"}}}
	if found, gaps = nothing.Judge(); len(found) != 1 || found[0].Code != verify.CodeLookUp || len(gaps) != 2 {
		t.Errorf("%v %v", found, gaps)
	}
}

// TestGraphJudgeCycles: a cycle is held against those on it where each of them is
// proven, else against nobody: a node can close one with a record of its own. SPEC(VER-98)
func TestGraphJudgeCycles(t *testing.T) {
	node := func(key string, proven bool) *verify.GraphNode {
		n := &verify.GraphNode{Key: key, Record: &verify.TracedRecord{Issuer: key, Proven: proven}, Marks: []verify.Mark{{Name: verify.MarkCyclic}}}
		if !proven {
			n.Marks = append(n.Marks, verify.Mark{Name: verify.MarkUnverified})
		}
		return n
	}
	edge := func(from, to string) verify.GraphEdge {
		return verify.GraphEdge{From: from, To: to, Kind: verify.EdgeParent}
	}
	for name, c := range map[string]struct {
		proven []bool // of a, b, c
		edges  []verify.GraphEdge
		found  int
	}{
		"all proven":      {[]bool{true, true, true}, []verify.GraphEdge{edge("a", "b"), edge("b", "a"), edge("b", "c"), edge("c", "b")}, 3},
		"one made up":     {[]bool{true, true, false}, []verify.GraphEdge{edge("a", "b"), edge("b", "c"), edge("c", "a")}, 0},
		"two cycles":      {[]bool{true, true, false}, []verify.GraphEdge{edge("a", "b"), edge("b", "a"), edge("b", "c"), edge("c", "b")}, 2},
		"its own parent":  {[]bool{true, false, false}, []verify.GraphEdge{edge("a", "a"), edge("b", "c"), edge("c", "b")}, 1},
		"a correction in": {[]bool{true, true, true}, []verify.GraphEdge{edge("a", "b"), {From: "b", To: "a", Kind: verify.EdgeCorrects}}, 0},
	} {
		g := &verify.Graph{Start: []string{"a"}, Proving: true, Edges: c.edges}
		for i, key := range []string{"a", "b", "c"} {
			g.Nodes = append(g.Nodes, node(key, c.proven[i]))
		}
		found, gaps := g.Judge()
		if len(found) != c.found || len(gaps) != strings.Count(fmt.Sprint(c.proven), "false") {
			t.Errorf("%s: %v %v", name, found, gaps)
		}
	}
}
