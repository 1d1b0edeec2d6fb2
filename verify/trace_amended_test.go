package verify_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"tokentrail/provenance"
	"tokentrail/verify"
)

// sides is a crossing of which each side says its own output.
func sides(t testing.TB, exported, imported int64) *story {
	s := newStory(t)
	crossing := &provenance.Crossing{Direction: 1, ID: []byte("c")}
	out, in := s.transfer(provenance.Exporter), s.transfer(provenance.Importer)
	out.Crossing, out.Usage = crossing, &provenance.Usage{Input: 374, Output: exported}
	s.tell("acme", "out", out)
	in.Crossing, in.Usage, in.Parents = crossing, &provenance.Usage{Input: 374, Output: imported}, s.parents("out")
	s.tell("beta", "in", in)
	return s
}

// TestTraceMirrorsCount: the sides of a crossing are held against each other by
// what each counts after its own corrections. SPEC(TRC-15)
func TestTraceMirrorsCount(t *testing.T) {
	amend := func(of, issuer string, by int64) func(s *story) {
		return func(s *story) { s.tell(issuer, fmt.Sprint("k", len(s.entries)), s.amendment(of, by)) }
	}
	for _, c := range []struct {
		name               string
		exported, imported int64
		tell               []func(s *story)
		differs            string // as the exporter's side says it
	}{
		{"not repaired", 100, 90, nil, "output 100 and 90"},
		{"the exporter amended", 100, 90, []func(*story){amend("out", "acme", -10)}, ""},
		{"the importer amended", 100, 90, []func(*story){amend("in", "beta", 10)}, ""},
		{"both amended", 100, 90, []func(*story){amend("out", "acme", -5), amend("in", "beta", 5)}, ""},
		{"amended twice", 100, 90, []func(*story){amend("out", "acme", -4), amend("out", "acme", -6)}, ""},
		{"not far enough", 100, 90, []func(*story){amend("out", "acme", -4)}, "output 96 and 90"},
		{"amended apart", 90, 90, []func(*story){amend("out", "acme", -10)}, "output 80 and 90"},
		{"amended by another", 100, 90, []func(*story){amend("out", "beta", -10)}, "output 100 and 90"},
		{"too much taken back", 100, 90, []func(*story){amend("out", "acme", -110)}, "output 100 and 90"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := sides(t, c.exported, c.imported)
			for _, tell := range c.tell {
				tell(s)
			}
			if got := differing(s.trace("in", verify.Bounds{}), s.ids["out"]); got != c.differs {
				t.Errorf("differs %q, wanted %q", got, c.differs)
			}
		})
	}
}

// differing is what a node's mark says; also where the node is not mirrored.
func differing(g *verify.Graph, id provenance.Hash) string {
	mirrored, says := "not mirrored", ""
	for _, n := range g.Nodes {
		for _, m := range n.Marks {
			switch {
			case n.Key != id.String():
			case m.Name == verify.MarkMirrored:
				mirrored = ""
			case m.Name == verify.MarkDiffers:
				says += m.Says
			}
		}
	}
	return mirrored + says
}

// TestTraceUnprovenAmendment: an amendment that is not on the ledger repairs
// nothing that is. SPEC(TRC-6)
func TestTraceUnprovenAmendment(t *testing.T) {
	s := sides(t, 100, 90)
	s.commit()
	hit := forge(t, "acme", s.amendment("out", -10))
	hit.Entry = 2
	s.change = func(q provenance.RecordQuery, _ int, a *provenance.RecordsAnswer) *provenance.RecordsAnswer {
		a.Size = 3
		if q.Corrects && *q.ID == s.ids["out"] {
			a.Hits = append(a.Hits, hit)
		}
		return a
	}
	g, err := verify.Trace(context.Background(), s, s.prover(s), provenance.ByID(s.ids["out"]), verify.Bounds{})
	check(t, err)
	if got := differing(g, s.ids["out"]); got != "output 100 and 90" {
		t.Errorf("differs %q", got)
	}
	if tree := render(t, g, "txt"); !strings.Contains(tree, "[disputed by ") || strings.Contains(tree, "amended from") {
		t.Errorf("got\n%s", tree)
	}
}

// TestTraceAmendedAmounts: people read what counts, and from what it was amended;
// machines read both. SPEC(TRC-18), SPEC(TRC-19)
func TestTraceAmendedAmounts(t *testing.T) {
	s := sides(t, 100, 90)
	s.tell("acme", "k", s.amendment("out", -10))
	g := s.trace("out", verify.Bounds{})
	for _, form := range []string{"txt", "mmd", "dot", "json"} {
		if text := render(t, g, form); !strings.Contains(text, "374 in, 90 out (amended from 100)") {
			t.Errorf("%s: got\n%s", form, text)
		}
	}
	got := mustJSON(t, g.Nodes[0].Record)
	if want := `"input":374,"output":100,"amended_input":374,"amended_output":90`; !strings.Contains(got, want) {
		t.Errorf("%s, wanted %s", got, want)
	}
	if got := mustJSON(t, g.Nodes[1].Record); strings.Contains(got, "amended") {
		t.Errorf("%s was not amended", got)
	}

	// What was amended and then taken back: the amounts are those before.
	s.tell("acme", "r", &provenance.Record{Kind: provenance.Corrected, Time: noon + 9500, Correction: s.reverse("out", -10)})
	g = s.trace("out", verify.Bounds{})
	if n := g.Nodes[0]; n.Record.Tokens() != "374 in, 90 out (amended from 100)" || !n.Has(verify.MarkReversed) {
		t.Errorf("%q, %+v", n.Record.Tokens(), n.Marks)
	}
}

// reverse takes back what is left of a record after an amendment of its output.
func (s *story) reverse(of string, amended int64) *provenance.Correction {
	c, err := provenance.Reverse(s.ids[of], s.entry[of], s.raw[of], 2, "")
	check(s.t, err)
	c.Deltas.Output -= amended
	return c
}

// TestTraceMirrorsUncounted: where not all corrections of a side were read, it is
// not said that it differs: another may amend or reverse it. SPEC(TRC-15)
func TestTraceMirrorsUncounted(t *testing.T) {
	s := sides(t, 100, 90)
	s.tell("acme", "k", s.amendment("out", -10))
	for nodes, cut := range map[int]bool{2: true, 3: false} {
		g := s.trace("in", verify.Bounds{Nodes: nodes})
		if g.Cut != cut {
			t.Errorf("%d nodes: cut %v", nodes, g.Cut)
		}
		for _, name := range []string{"out", "in"} {
			if got := differing(g, s.ids[name]); got != "" {
				t.Errorf("%d nodes: %s %s", nodes, name, got)
			}
		}
	}
}
