package verify_test

import (
	"fmt"
	"testing"

	"tokentrail/provenance"
	"tokentrail/verify"
)

// crowd commits n records by an issuer.
func (s *story) crowd(issuer, name string, n int, make func() *provenance.Record) {
	s.t.Helper()
	s.tellAll(issuer, func(i int, _ func(int) provenance.Hash) (string, *provenance.Record) {
		if i == n {
			return "", nil
		}
		r := make()
		r.Time += int64(i)
		return fmt.Sprint(name, i), r
	})
}

// TestTracePopularModel: however many others make use of a record, its reversal
// is seen, and that they are not followed cuts nothing.
func TestTracePopularModel(t *testing.T) {
	s := wide(t)
	g := s.trace("p7", verify.Bounds{})
	s.want(g, "model, p7", "model>p7")
	if g.Cut || len(g.Findings) != 0 {
		t.Errorf("cut %v, %v", g.Cut, g.Findings)
	}
	s.tell("acme", "k", s.reversal("model"))
	g = s.trace("p7", verify.Bounds{})
	s.want(g, "model reversed:k, p7, k", "model>p7 k!model")
	if g.Cut || len(g.Findings) != 0 {
		t.Errorf("cut %v, %v", g.Cut, g.Findings)
	}
	// From the model itself children are left out, and its reversal is not.
	g = s.trace("model", verify.Bounds{})
	if n := g.Nodes[0]; !n.Has(verify.MarkReversed) || !n.Cut.More || n.Cut.Corrections {
		t.Errorf("%+v %+v", n.Marks, n.Cut)
	}
}

// TestTraceForeignCorrections: corrections that others write hide none by the
// record's issuer.
func TestTraceForeignCorrections(t *testing.T) {
	s := newStory(t)
	s.page = provenance.MaxRecordHits
	s.tell("acme", "a", s.production())
	s.crowd("beta", "f", 1200, func() *provenance.Record { return s.reversal("a") })
	s.tell("acme", "k", s.reversal("a"))
	g := s.trace("a", verify.Bounds{})
	s.want(g, "a reversed:k, k", "k!a")
	if g.Cut {
		t.Error("it is cut")
	}
}

// TestTraceManyCorrections: of one record as many are read as the bound says; with
// more it cannot be told what they come to.
func TestTraceManyCorrections(t *testing.T) {
	for n, cut := range map[int]bool{1000: false, 1001: true} {
		s := newStory(t)
		s.page = provenance.MaxRecordHits
		s.tell("acme", "a", s.production())
		s.tell("beta", "b", s.transfer(provenance.Exporter, "a"))
		s.crowd("acme", "k", n, func() *provenance.Record { return s.amendment("a", 1) })
		g := s.trace("b", verify.Bounds{Nodes: 2000})
		a := g.Nodes[0]
		if s.name(a.Key) != "a" || len(g.Nodes) != 1002 || a.Has(verify.MarkCut) != cut || g.Cut != cut || cut && *a.Cut != (verify.CutOff{Corrections: true}) {
			t.Errorf("%d corrections: %d nodes, %+v, cut %v", n, len(g.Nodes), a.Cut, g.Cut)
		}
	}
}

// TestTraceCrowdBelow: with however many records that name one, and theirs, nobody
// keeps what it comes from out of the graph, nor the reversal of that.
func TestTraceCrowdBelow(t *testing.T) {
	s := newStory(t)
	s.page = provenance.MaxRecordHits
	s.tell("acme", "d", s.dataset("d"))
	s.tell("acme", "m", s.model("m", "d"))
	s.tell("acme", "n", s.model("n", "m"))
	s.tell("beta", "p", s.production("n"))
	s.crowd("edge", "x", 30, func() *provenance.Record { return s.transfer(provenance.Exporter, "p") })
	s.crowd("edge", "y", 30, func() *provenance.Record { return s.consumption("x0") })
	s.tell("acme", "k", s.reversal("d"))
	g := s.trace("p", verify.Bounds{Nodes: 20})
	if len(g.Nodes) != 20 || s.name(g.Nodes[0].Key) != "d" || !g.Nodes[0].Has(verify.MarkReversed) {
		t.Errorf("%s", s.nodesOf(g))
	}
}
