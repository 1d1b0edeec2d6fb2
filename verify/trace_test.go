package verify_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"tokentrail/provenance"
	"tokentrail/verify"
)

// chain goes over five providers, from data to what a person saw, with a gateway
// that names its parent by ref.
func chain(t testing.TB) *story {
	s := newStory(t)
	s.tell("acme", "data", s.dataset("common-trail"))
	s.tell("acme", "model", s.model("trail-7b", "data"))
	s.tell("beta", "made", s.production("model"))
	out := s.transfer(provenance.Exporter, "made")
	out.Ref, out.Crossing = []byte("x-1"), &provenance.Crossing{Direction: 1, ID: []byte("crossing")}
	s.tell("cora", "out", out)
	in := s.transfer(provenance.Importer, "cora/x-1")
	in.Time, in.Crossing = noon+3500, &provenance.Crossing{Direction: 1, ID: []byte("crossing")}
	s.tell("dyne", "in", in)
	s.tell("edge", "used", s.consumption("in"))
	return s
}

// TestTraceChain begins at each record of a chain: every one is found, proven,
// and the same.
func TestTraceChain(t *testing.T) {
	s := chain(t)
	for _, start := range []string{"data", "model", "made", "out", "in", "used"} {
		g := s.trace(start, verify.Bounds{})
		s.want(g, "data, model, made, out mirrored:in, in mirrored:out, used", "data>model model>made made>out out~in in>used")
		if len(g.Start) != 1 || s.name(g.Start[0]) != start || g.Cut || len(g.Findings) != 0 || g.Size != 6 {
			t.Errorf("%s: %+v", start, g)
		}
		for _, n := range g.Nodes {
			if !n.Record.Proven {
				t.Errorf("%s is not proven", s.name(n.Key))
			}
		}
	}
}

// traceCases are graphs whose nodes and edges are written down.
var traceCases = []struct {
	name         string
	tell         func(s *story)
	start        string
	bounds       verify.Bounds
	nodes, edges string
}{
	{"alone", func(s *story) { s.tell("acme", "a", s.dataset("d")) }, "a", verify.Bounds{}, "a", ""},
	{"diamond", func(s *story) {
		s.tell("acme", "d", s.dataset("d"))
		s.tell("beta", "l", s.model("l", "d"))
		s.tell("cora", "r", s.model("r", "d"))
		s.tell("dyne", "m", s.model("m", "l", "r"))
	}, "m", verify.Bounds{}, "d, l, r, m", "d>l d>r l>m r>m"},
	{"siblings are not followed", func(s *story) {
		s.tell("acme", "d", s.dataset("d"))
		s.tell("beta", "l", s.model("l", "d"))
		s.tell("cora", "r", s.model("r", "d"))
		s.tell("dyne", "m", s.production("l"))
	}, "l", verify.Bounds{}, "d, l, m", "d>l l>m"},
	{"cycle through refs", func(s *story) {
		a := s.production("beta/b")
		a.Ref = []byte("a")
		b := s.production("acme/a")
		b.Ref = []byte("b")
		s.tell("acme", "a", a)
		s.tell("beta", "b", b)
		s.tell("cora", "c", s.transfer(provenance.Exporter, "b"))
	}, "c", verify.Bounds{}, "a cyclic, b cyclic, c", "a~b b~a(closes) b>c"},
	{"its own parent", func(s *story) {
		a := s.production("acme/a")
		a.Ref = []byte("a")
		s.tell("acme", "a", a)
	}, "a", verify.Bounds{}, "a cyclic", "a~a(closes)"},
	{"missing parents", func(s *story) {
		r := s.production("beta/nobody")
		r.Parents = append(r.Parents, provenance.Parent{ID: bytes.Repeat([]byte{0xab}, 32)})
		s.tell("acme", "a", r)
	}, "a", verify.Bounds{}, "a, abababab missing, beta/nobody missing", "abababab>a beta/nobody~a"},
	{"ambiguous ref, from below", func(s *story) {
		for _, name := range []string{"a1", "a2"} {
			r := s.production()
			r.Ref, r.Time = []byte("a"), r.Time+int64(len(s.entries))
			s.tell("acme", name, r)
		}
		s.tell("beta", "b", s.transfer(provenance.Exporter, "acme/a"))
	}, "b", verify.Bounds{}, "a1 ambiguous:a2, a2 ambiguous:a1, b", "a1~b a2~b"},
	{"ambiguous ref, from above", func(s *story) {
		for _, name := range []string{"a1", "a2"} {
			r := s.production()
			r.Ref, r.Time = []byte("a"), r.Time+int64(len(s.entries))
			s.tell("acme", name, r)
		}
		s.tell("beta", "b", s.transfer(provenance.Exporter, "acme/a"))
	}, "a1", verify.Bounds{}, "a1 ambiguous:a2, a2 ambiguous:a1, b", "a1~b a2~b"},
	{"the same ref of another issuer", func(s *story) {
		for _, issuer := range []string{"acme", "beta"} {
			r := s.production()
			r.Ref = []byte("a")
			s.tell(issuer, issuer, r)
		}
		s.tell("cora", "c", s.transfer(provenance.Exporter, "acme/a"))
	}, "c", verify.Bounds{}, "acme, c", "acme~c"},
	{"named by id and by ref", func(s *story) {
		r := s.production()
		r.Ref = []byte("a")
		s.tell("acme", "a", r)
		s.tell("beta", "b", s.transfer(provenance.Exporter, "a", "acme/a"))
	}, "a", verify.Bounds{}, "a, b", "a>b"},
	{"reversed", func(s *story) {
		s.tell("acme", "a", s.production())
		s.tell("beta", "b", s.transfer(provenance.Exporter, "a"))
		s.tell("acme", "k", s.reversal("a"))
	}, "b", verify.Bounds{}, "a reversed:k, b, k", "a>b k!a"},
	{"amended twice", func(s *story) {
		s.tell("acme", "a", s.production())
		s.tell("acme", "k", s.amendment("a", -40))
		s.tell("acme", "l", s.amendment("a", -4))
		s.tell("acme", "m", s.amendment("a", -1))
	}, "a", verify.Bounds{}, "a amended:k amended:l disputed:m, k, l, m", "k!a l!a m!a"},
	{"reversed twice", func(s *story) {
		s.tell("acme", "a", s.production())
		s.tell("acme", "k", s.reversal("a"))
		s.tell("acme", "l", s.reversal("a"))
	}, "a", verify.Bounds{}, "a reversed:k disputed:l, k, l", "k!a l!a"},
	{"by another issuer", func(s *story) {
		s.tell("acme", "a", s.production())
		s.tell("beta", "k", s.reversal("a"))
	}, "a", verify.Bounds{}, "a", ""},
	{"from a correction by another issuer", func(s *story) {
		s.tell("acme", "a", s.production())
		s.tell("beta", "k", s.reversal("a"))
		s.tell("acme", "l", s.amendment("a", 1))
	}, "k", verify.Bounds{}, "a amended:l disputed:k, k, l", "k!a l!a"},
	{"two that do not hold, and a reversal", func(s *story) {
		s.tell("acme", "a", s.production())
		k := s.amendment("a", 1)
		k.Correction.Cell.Model = "other"
		s.tell("acme", "k", k)
		s.tell("acme", "l", s.amendment("a", -45))
		s.tell("acme", "m", s.reversal("a"))
	}, "a", verify.Bounds{}, "a reversed:m disputed:k disputed:l, k, l, m", "k!a l!a m!a"},
	{"a correction that names another entry", func(s *story) {
		s.tell("acme", "d", s.dataset("d"))
		s.tell("acme", "a", s.production())
		k := s.reversal("a")
		k.Correction.Entry = 0
		s.tell("acme", "k", k)
	}, "a", verify.Bounds{}, "a disputed:k, k", "k!a"},
	{"a correction that names another cell", func(s *story) {
		s.tell("acme", "a", s.production())
		k := s.amendment("a", 1)
		k.Correction.Cell.Model = "other"
		s.tell("acme", "k", k)
	}, "a", verify.Bounds{}, "a disputed:k, k", "k!a"},
	{"a reversal of less than all", func(s *story) {
		s.tell("acme", "a", s.production())
		k := s.reversal("a")
		k.Correction.Deltas.Output++
		s.tell("acme", "k", k)
	}, "a", verify.Bounds{}, "a disputed:k, k", "k!a"},
	{"an amendment that no record can have", func(s *story) {
		s.tell("acme", "a", s.production())
		k := s.amendment("a", 1)
		k.Correction.Deltas.Reasoning = 46
		s.tell("acme", "k", k)
	}, "a", verify.Bounds{}, "a disputed:k, k", "k!a"},
	{"from the correction", func(s *story) {
		s.tell("acme", "a", s.production())
		s.tell("acme", "k", s.reversal("a"))
	}, "k", verify.Bounds{}, "a reversed:k, k", "k!a"},
	{"later than its child", func(s *story) {
		late := s.production()
		late.Time = noon + 5000
		s.tell("acme", "a", late)
		s.tell("beta", "b", s.transfer(provenance.Exporter, "a"))
	}, "b", verify.Bounds{}, "a later:b, b", "a>b(later)"},
	{"counted twice", func(s *story) {
		s.tell("acme", "a", s.consumption())
		s.tell("beta", "b", s.consumption("a"))
	}, "a", verify.Bounds{}, "a, b double:a", "a>b"},
	{"relayed", func(s *story) {
		s.tell("acme", "a", s.consumption())
		r := s.consumption("a")
		r.Hop = &provenance.Hop{Role: provenance.Application, Relay: new(true)}
		s.tell("beta", "b", r)
	}, "a", verify.Bounds{}, "a, b", "a>b"},
	{"used elsewhere", func(s *story) {
		s.tell("acme", "a", s.consumption())
		r := s.consumption("a")
		r.Using = place("IN", "shop")
		s.tell("beta", "b", r)
	}, "a", verify.Bounds{}, "a, b", "a>b"},
	{"mirrors that differ", func(s *story) {
		s.tell("acme", "p", s.production())
		out, in := s.transfer(provenance.Exporter, "p"), s.transfer(provenance.Importer, "p")
		out.Crossing = &provenance.Crossing{Direction: 1, ID: []byte("c")}
		in.Crossing, in.Usage = &provenance.Crossing{Direction: 1, ID: []byte("c")}, &provenance.Usage{Input: 374, Output: 45}
		s.tell("acme", "out", out)
		s.tell("beta", "in", in)
		s.tell("beta", "u", s.consumption("out"))
	}, "u", verify.Bounds{}, "p, out mirrored:in differs:in, in mirrored:out differs:out, u", "p>out p>in out>u"},
	{"mirrors that name one another", func(s *story) {
		s.tell("acme", "out", s.transfer(provenance.Exporter))
		in := s.transfer(provenance.Importer)
		in.Crossing = &provenance.Crossing{Direction: 1, Mirror: &s.parents("out")[0]}
		s.tell("beta", "in", in)
	}, "in", verify.Bounds{}, "out mirrored:in, in mirrored:out", ""},
	{"the same crossing and the same side", func(s *story) {
		r := s.transfer(provenance.Exporter)
		r.Crossing = &provenance.Crossing{Direction: 1, ID: []byte("c")}
		s.tell("acme", "a", r)
		o := s.transfer(provenance.Exporter, "a")
		o.Using, o.Crossing = place("IN", ""), &provenance.Crossing{Direction: 1, ID: []byte("c")}
		s.tell("beta", "b", o)
	}, "a", verify.Bounds{}, "a, b", "a>b"},
	{"no further than told", func(s *story) {
		s.tell("acme", "d", s.dataset("d"))
		s.tell("acme", "m", s.model("m", "d"))
		s.tell("beta", "p", s.production("m"))
		s.tell("cora", "t", s.transfer(provenance.Exporter, "p"))
		s.tell("dyne", "u", s.consumption("t"))
	}, "p", verify.Bounds{Up: 1, Down: -1}, "m cut, p cut, ", "m>p"},
}

func TestTraceGraphs(t *testing.T) {
	for _, c := range traceCases {
		t.Run(c.name, func(t *testing.T) {
			s := newStory(t)
			c.tell(s)
			g := s.trace(c.start, c.bounds)
			s.want(g, strings.TrimSuffix(c.nodes, ", "), c.edges)
			if len(g.Findings) != 0 {
				t.Errorf("findings: %v", g.Findings)
			}
		})
	}
}

// TestTraceIsDeterministic: the same graph whatever the order of the answers and
// the size of their pages.
func TestTraceIsDeterministic(t *testing.T) {
	for _, c := range traceCases {
		var before []byte
		for _, page := range []int{1, 2, 100} {
			for _, shuffle := range []bool{false, true} {
				s := newStory(t)
				c.tell(s)
				s.page, s.shuffle = page, shuffle
				b, err := s.trace(c.start, c.bounds).JSON()
				check(t, err)
				if before != nil && !bytes.Equal(before, b) {
					t.Fatalf("%s: pages of %d, shuffled %v:\n%s\nbefore\n%s", c.name, page, shuffle, b, before)
				}
				before = b
			}
		}
	}
}

// TestTraceStarts begins from other names than ids.
func TestTraceStarts(t *testing.T) {
	s := newStory(t)
	r := s.consumption()
	value := provenance.Hash{7}
	r.Ref, r.Content = []byte("r"), []provenance.Content{{Role: 2, Algorithm: -16, Value: value[:]}}
	s.tell("acme", "a", r)
	s.tell("beta", "b", s.consumption("a"))
	for _, c := range []struct {
		query provenance.RecordQuery
		start string
	}{
		{provenance.ByRef("acme", []byte("r")), "a"},
		{provenance.ByContent(value), "a"},
		{provenance.ByID(s.ids["a"]).Children(), "b"},
		{provenance.ByRef("beta", []byte("r")), ""},
		{provenance.ByContent(provenance.Hash{8}), ""},
	} {
		g, err := verify.Trace(context.Background(), s, nil, c.query, verify.Bounds{})
		check(t, err)
		var got []string
		for _, key := range g.Start {
			got = append(got, s.name(key))
		}
		if strings.Join(got, " ") != c.start || g.Size != 2 || c.start == "" && len(g.Nodes) != 0 {
			t.Errorf("%v: begins with %v, %d nodes", c.query, got, len(g.Nodes))
		}
		for _, n := range g.Nodes {
			if n.Record.Proven || !n.Has(verify.MarkUnverified) {
				t.Errorf("%s counts as proven, without a prover", s.name(n.Key))
			}
		}
	}
}

// TestTraceSums: a token counts once a kind, and once a side of a transfer.
func TestTraceSums(t *testing.T) {
	s := chain(t)
	relay := s.consumption("used")
	relay.Hop = &provenance.Hop{Role: provenance.Application, Relay: new(true)}
	s.tell("acme", "relay", relay)
	s.tell("acme", "wrong", s.consumption("relay"))
	s.tell("acme", "k", s.reversal("wrong"))
	s.tell("beta", "amends", s.amendment("made", 6))
	s.tell("edge", "again", s.consumption("used"))
	got := mustJSON(t, s.trace("data", verify.Bounds{}).Sums())
	want := `{"rows":[{"kind":"production","records":1,"input":374,"output":50},` +
		`{"kind":"transfer","side":"exporter","records":1,"input":374,"output":44},` +
		`{"kind":"transfer","side":"importer","records":1,"input":374,"output":44},` +
		`{"kind":"consumption","records":2,"input":748,"output":88}],"relays":1,"reversed":1,"unverified":0,"doubles":1}`
	if got != want {
		t.Errorf("%s, wanted\n%s", got, want)
	}
}

// wide is a model with 500 productions, and deep a chain of 1,000.
func wide(t testing.TB) *story {
	s := newStory(t)
	s.page = 100
	s.tell("acme", "model", s.model("trail-7b"))
	s.tellAll("beta", func(i int, _ func(int) provenance.Hash) (string, *provenance.Record) {
		if i == 500 {
			return "", nil
		}
		r := s.production("model")
		r.Time += int64(i)
		return fmt.Sprint("p", i), r
	})
	return s
}

func deep(t testing.TB) *story {
	s := newStory(t)
	s.tellAll("acme", func(i int, id func(int) provenance.Hash) (string, *provenance.Record) {
		r := s.model("m")
		if i == 1000 {
			return "", nil
		}
		if i > 0 {
			parent := id(i - 1)
			r.Parents = []provenance.Parent{{ID: parent[:]}}
		}
		return fmt.Sprint("m", i), r
	})
	return s
}

func TestTraceBounds(t *testing.T) {
	for _, c := range []struct {
		name     string
		tell     func(t testing.TB) *story
		start    string
		bounds   verify.Bounds
		nodes    int
		cut      bool
		parents  int // of the start's cut
		children int
		more     bool

		corrections bool
	}{
		{"wide, by default", wide, "model", verify.Bounds{}, 101, true, 0, 1, true, false},
		{"wide, in full", wide, "model", verify.Bounds{Breadth: 500}, 501, false, 0, 0, false, false},
		{"wide, few", wide, "model", verify.Bounds{Breadth: 3}, 4, true, 0, 1, true, false},
		{"wide, few nodes", wide, "model", verify.Bounds{Breadth: 600, Nodes: 10}, 10, true, 0, 491, false, false},
		{"wide, one answer", wide, "model", verify.Bounds{Answers: 1}, 1, true, 0, 0, true, true},
		{"wide, no answers but three", wide, "model", verify.Bounds{Answers: 3, Breadth: 600}, 101, true, 0, 0, true, false},
		{"deep, by default", deep, "m500", verify.Bounds{}, 129, true, 0, 0, false, false},
		{"deep, in full", deep, "m500", verify.Bounds{Up: 2000, Down: 2000}, 1000, false, 0, 0, false, false},
		{"deep, few nodes", deep, "m500", verify.Bounds{Up: 2000, Down: 2000, Nodes: 100}, 100, true, 0, 1, false, false},
		{"deep, not up", deep, "m500", verify.Bounds{Up: -1, Down: 10}, 11, true, 1, 0, false, false},
		{"deep, not down", deep, "m500", verify.Bounds{Up: 10, Down: -1}, 11, true, 0, 1, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := c.tell(t)
			g := s.trace(c.start, c.bounds)
			if len(g.Nodes) != c.nodes || g.Cut != c.cut || len(g.Findings) != 0 {
				t.Fatalf("%d nodes, cut %v, %v; wanted %d, %v", len(g.Nodes), g.Cut, g.Findings, c.nodes, c.cut)
			}
			cut := verify.CutOff{}
			for _, n := range g.Nodes {
				if n.Key == g.Start[0] && n.Cut != nil {
					cut = *n.Cut
				}
				if (n.Cut != nil) != n.Has(verify.MarkCut) {
					t.Errorf("%s: cut and mark do not agree", s.name(n.Key))
				}
			}
			if cut != (verify.CutOff{Parents: c.parents, Children: c.children, More: c.more, Corrections: c.corrections}) {
				t.Errorf("the start is cut: %+v", cut)
			}
			if limit := c.bounds.Answers; limit > 0 && s.asked > limit {
				t.Errorf("%d pages asked for", s.asked)
			}
		})
	}
}

// TestTraceSourceFails: what cannot be asked is an error, never a graph with
// holes.
func TestTraceSourceFails(t *testing.T) {
	s := chain(t)
	s.change = func(q provenance.RecordQuery, _ int, a *provenance.RecordsAnswer) *provenance.RecordsAnswer {
		if q.Parent {
			return nil
		}
		return a
	}
	if g, err := verify.Trace(context.Background(), s, nil, provenance.ByID(s.ids["out"]), verify.Bounds{}); !errors.Is(err, verify.ErrAnswer) || g != nil {
		t.Errorf("%v, %v", g, err)
	}
}
