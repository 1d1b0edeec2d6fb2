package verify_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"tokentrail/provenance"
	"tokentrail/verify"
	"tokentrail/verify/light"
)

// A traceLie is what the source says of the record "made" of the chain, in answer to
// its id; want is in the finding.
type traceLie struct {
	lie  func(s *story, a *provenance.RecordsAnswer)
	want string
}

var traceLies = map[string]traceLie{
	"another record":         {func(s *story, a *provenance.RecordsAnswer) { a.Hits[0] = s.records[0].RecordHit }, "a record of it with id="},
	"garbage":                {func(_ *story, a *provenance.RecordsAnswer) { a.Hits[0].Statement = []byte("garbage") }, "a statement and"},
	"no statement":           {func(_ *story, a *provenance.RecordsAnswer) { a.Hits[0].Statement = nil }, "a statement and"},
	"another's statement":    {func(s *story, a *provenance.RecordsAnswer) { a.Hits[0].Statement = s.records[0].Statement }, "a statement and"},
	"no proof":               {func(_ *story, a *provenance.RecordsAnswer) { a.Hits[0].Proof = nil }, "a proof"},
	"a changed record":       {func(_ *story, a *provenance.RecordsAnswer) { a.Hits[0].Proof = changed(a.Hits[0].Proof) }, "a statement and"},
	"a proof of too many":    {func(_ *story, a *provenance.RecordsAnswer) { a.Hits[0].Proof = counts(a.Hits[0].Proof, 2) }, "a statement and"},
	"beyond the index":       {func(_ *story, a *provenance.RecordsAnswer) { a.Hits[0].Entry = a.Size }, "an entry below"},
	"before the log":         {func(_ *story, a *provenance.RecordsAnswer) { a.Hits[0].Entry = -1 }, "an entry below"},
	"an entry of another":    {func(_ *story, a *provenance.RecordsAnswer) { a.Hits[0].Entry = 4 }, "in entry 4, as before"},
	"one of a size of none":  {func(_ *story, a *provenance.RecordsAnswer) { a.Size = -1 }, "an entry below"},
	"other records, endless": {func(s *story, a *provenance.RecordsAnswer) { a.Hits[0], a.More = s.records[0].RecordHit, true }, "a record of it with id="},
}

// tell traces the chain from its end while the source lies.
func (c traceLie) tell(t testing.TB) (*story, *verify.Graph) {
	s := chain(t)
	s.change = func(q provenance.RecordQuery, _ int, a *provenance.RecordsAnswer) *provenance.RecordsAnswer {
		if q.ID != nil && *q.ID == s.ids["made"] && !q.Parent {
			a.Hits = append([]provenance.RecordHit{}, a.Hits...)
			if len(a.Hits) == 0 {
				a.Hits = []provenance.RecordHit{s.records[0].RecordHit}
			}
			c.lie(s, a)
		}
		return a
	}
	return s, s.trace("used", verify.Bounds{})
}

// TestTraceLies tells every lie: it is a finding, what is named is missing, and
// nothing else of the graph changes.
func TestTraceLies(t *testing.T) {
	for name, c := range traceLies {
		t.Run(name, func(t *testing.T) {
			s, g := c.tell(t)
			s.want(g, "out mirrored:in, in mirrored:out, used, made missing", "out~in in>used made>out")
			if len(g.Findings) == 0 || g.Findings[0].Code != verify.CodeTraceAnswer || !strings.Contains(g.Findings[0].Want, c.want) || g.Findings[0].How == "" {
				t.Errorf("findings %v, wanted %q", g.Findings, c.want)
			}
			if s.asked > 40 {
				t.Errorf("%d pages asked for", s.asked)
			}
		})
	}
}

// traceAttacks are the lies about look-ups that a trace rests on.
func traceAttacks() []attack {
	var all []attack
	for _, name := range sortedKeysOf(traceLies) {
		all = append(all, attack{"trace, " + name, "trace-answer at records?", func(t testing.TB) *verify.Report {
			_, g := traceLies[name].tell(t)
			r := &verify.Report{Verdict: verify.Holds, Steps: []*verify.Step{{Name: "trace", Findings: g.Findings}}}
			if len(g.Findings) > 0 {
				r.Verdict = verify.Evidence
			}
			return r
		}})
	}
	return all
}

func changed(p *provenance.RecordProof) *provenance.RecordProof {
	q := *p
	q.Record = bytes.Replace(q.Record, []byte("trail-7b"), []byte("trail-8b"), 1)
	return &q
}

func counts(p *provenance.RecordProof, n int64) *provenance.RecordProof {
	q := *p
	q.Count = n
	return &q
}

// TestTraceSamePageAgain: a page that comes again and again is read twice; pages
// of nothing are read as far as an offset may be.
func TestTraceSamePageAgain(t *testing.T) {
	s := chain(t)
	s.change = func(q provenance.RecordQuery, _ int, a *provenance.RecordsAnswer) *provenance.RecordsAnswer {
		if q.Parent && q.ID != nil && *q.ID == s.ids["in"] {
			a.Hits, a.More = []provenance.RecordHit{s.records[5].RecordHit}, true
		}
		return a
	}
	g := s.trace("in", verify.Bounds{})
	s.want(g, "data, model, made, out mirrored:in, in mirrored:out cut, used", "data>model model>made made>out out~in in>used")
	if len(g.Findings) != 1 || !strings.Contains(g.Findings[0].Got, "again") {
		t.Errorf("%v", g.Findings)
	}
	s.change = func(q provenance.RecordQuery, _ int, a *provenance.RecordsAnswer) *provenance.RecordsAnswer {
		if q.ID != nil && !q.Parent && *q.ID == s.ids["made"] {
			a.Hits, a.More = nil, true
		}
		return a
	}
	s.asked = 0
	g = s.trace("in", verify.Bounds{})
	s.want(g, "out mirrored:in cut, in mirrored:out, used", "out~in in>used")
	if most := provenance.MaxRecordOffset/provenance.MaxRecordHits + 20; s.asked > most {
		t.Errorf("%d pages asked for, wanted at most %d", s.asked, most)
	}
}

// TestTraceTwoEntries: what a node says of one record does not change.
func TestTraceTwoEntries(t *testing.T) {
	s := chain(t)
	s.change = func(q provenance.RecordQuery, _ int, a *provenance.RecordsAnswer) *provenance.RecordsAnswer {
		for i := range a.Hits {
			if q.Parent {
				a.Hits[i].Entry++ // a copy of the source's
				a.Size++
			}
		}
		return a
	}
	g := s.trace("used", verify.Bounds{})
	if len(g.Findings) == 0 || !strings.Contains(g.Findings[0].Want, "as before") {
		t.Errorf("%v", g.Findings)
	}
}

// TestTraceEndlessParents invents a further parent whenever one is asked for:
// the bounds end it, and nothing of it counts as proven.
func TestTraceEndlessParents(t *testing.T) {
	s := newStory(t)
	s.tell("edge", "last", s.consumption("acme/0"))
	made := 0
	s.change = func(q provenance.RecordQuery, _ int, a *provenance.RecordsAnswer) *provenance.RecordsAnswer {
		if q.Parent || q.ID != nil {
			return a
		}
		made++
		r := s.production(fmt.Sprint("acme/", made))
		r.Ref = q.Ref
		f := forge(t, "acme", r)
		f.Entry = int64(made)
		a.Size, a.Hits = f.Entry+1, []provenance.RecordHit{f}
		return a
	}
	for _, c := range []struct {
		bounds verify.Bounds
		nodes  int
	}{
		{verify.Bounds{}, 65}, {verify.Bounds{Up: 20}, 21}, {verify.Bounds{Up: 10_000, Nodes: 50}, 50}, {verify.Bounds{Up: 10_000, Answers: 60}, 16},
	} {
		made = 0
		g := s.trace("last", c.bounds)
		if !g.Cut || len(g.Nodes) != c.nodes {
			t.Errorf("%+v: %d nodes, cut %v; wanted %d", c.bounds, len(g.Nodes), g.Cut, c.nodes)
		}
		for _, n := range g.Nodes {
			if n.Record.Proven != (n.Key == g.Start[0]) {
				t.Errorf("%s: proven %v", n.Key, n.Record.Proven)
			}
		}
		if len(g.Findings) == 0 || g.Findings[0].Code != verify.CodeSignature {
			t.Errorf("%+v: findings %v", c.bounds, g.Findings)
		}
	}
}

// TestTraceOneRefForAll: where all records have one ref, and name it, the work
// still grows only with the nodes.
func TestTraceOneRefForAll(t *testing.T) {
	s := newStory(t)
	s.page = 100
	s.tellAll("acme", func(i int, _ func(int) provenance.Hash) (string, *provenance.Record) {
		if i == 300 {
			return "", nil
		}
		r := s.consumption("acme/all")
		r.Ref = []byte("all")
		return fmt.Sprint("r", i), r
	})
	g := s.trace("r0", verify.Bounds{Breadth: 300})
	if len(g.Nodes) != 300 || len(g.Edges) != 300*300 || g.Cut {
		t.Errorf("%d nodes, %d edges, cut %v", len(g.Nodes), len(g.Edges), g.Cut)
	}
	if s.asked > 3*300+10 {
		t.Errorf("%d pages asked for", s.asked)
	}
	for _, m := range g.Nodes[0].Marks {
		if len(m.By) > 16 {
			t.Errorf("the mark %s names %d nodes", m.Name, len(m.By))
		}
	}
}

// TestTraceUnprovenMarks: a forged record that shares a ref, a crossing or a
// line with proven ones marks none of them.
func TestTraceUnprovenMarks(t *testing.T) {
	s := newStory(t)
	a := s.transfer(provenance.Exporter, "acme/a")
	a.Ref, a.Crossing = []byte("a"), &provenance.Crossing{Direction: 1, ID: []byte("c")}
	s.tell("acme", "a", a)
	same := s.transfer(provenance.Exporter)
	same.Ref = []byte("a")
	mirror := s.transfer(provenance.Importer, "acme/a")
	mirror.Time, mirror.Crossing = noon, &provenance.Crossing{Direction: 1, ID: []byte("c")}
	forged := []provenance.RecordHit{forge(t, "acme", same), forge(t, "beta", mirror)}
	s.change = func(q provenance.RecordQuery, _ int, a *provenance.RecordsAnswer) *provenance.RecordsAnswer {
		for i, f := range forged {
			f.Entry = int64(i + 1)
			if q.Issuer == "acme" && q.Parent == (i == 1) {
				a.Size, a.Hits = 3, append(a.Hits, f)
			}
		}
		return a
	}
	g := s.trace("a", verify.Bounds{})
	if len(g.Nodes) != 3 {
		t.Fatal(s.nodesOf(g))
	}
	if got := s.nodesOf(g); !strings.HasPrefix(got, "a cyclic, ") {
		t.Errorf("%s, wanted no mark but cyclic on what is proven", got)
	}
}

// TestTraceForgedCycle: a record that the node made up closes no cycle that is held
// against who signed the others. SPEC(VER-98)
func TestTraceForgedCycle(t *testing.T) {
	s := newStory(t)
	s.tell("acme", "a", s.transfer(provenance.Exporter, "beta/x"))
	id := s.ids["a"]
	closes := s.transfer(provenance.Exporter)
	closes.Ref, closes.Parents = []byte("x"), []provenance.Parent{{ID: id[:]}}
	forged := forge(t, "beta", closes)
	forged.Entry = 1
	s.change = func(q provenance.RecordQuery, _ int, a *provenance.RecordsAnswer) *provenance.RecordsAnswer {
		if q.Issuer == "beta" && !q.Parent && !q.Corrects {
			a.Size, a.Hits = 2, append(a.Hits, forged)
		}
		return a
	}
	g := s.trace("a", verify.Bounds{})
	if got := s.nodesOf(g); !strings.HasPrefix(got, "a cyclic, ") {
		t.Fatal(got)
	}
	found, gaps := g.Judge()
	if len(found) != 1 || found[0].Code != verify.CodeSignature || len(gaps) == 0 {
		t.Errorf("%v %v", found, gaps)
	}
}

// forge makes a statement of a provider whose signature does not hold.
func forge(t testing.TB, issuer string, r *provenance.Record) provenance.RecordHit {
	raw, err := r.Encode()
	check(t, err)
	h, err := provenance.NewBatch(issuer, "forged", 0, nil, [][]byte{raw})
	check(t, err)
	signed, err := h.Sign(ed25519.NewKeyFromSeed(seed(issuer)))
	check(t, err)
	b := bytes.Clone(signed.Raw())
	flip(&b, -1)
	return provenance.RecordHit{Statement: b, Proof: &provenance.RecordProof{Record: raw, Count: 1, Path: []provenance.Hash{}}}
}

// TestTraceForgedCorrection: what is not proven changes nothing that is.
func TestTraceForgedCorrection(t *testing.T) {
	s := newStory(t)
	s.tell("acme", "d", s.dataset("d"))
	s.tell("acme", "a", s.production())
	k := s.reversal("a")
	s.change = func(q provenance.RecordQuery, _ int, a *provenance.RecordsAnswer) *provenance.RecordsAnswer {
		if q.Corrects && *q.ID == s.ids["a"] {
			f := forge(t, "acme", k)
			f.Entry = 2
			a.Size, a.Hits = 3, append(a.Hits, f)
		}
		return a
	}
	g := s.trace("a", verify.Bounds{})
	if len(g.Nodes) != 2 || !g.Nodes[0].Has(verify.MarkDisputed) || g.Nodes[0].Has(verify.MarkReversed) || !g.Nodes[1].Has(verify.MarkUnverified) {
		t.Errorf("%s", s.nodesOf(g))
	}
	if sums := g.Sums(); len(sums.Rows) != 1 || sums.Reversed != 0 {
		t.Errorf("%+v", sums)
	}
}

// receipts changes the receipts of a story.
type receipts struct {
	*story
	change func(index int64, b []byte) ([]byte, error)
	asked  int
}

func (r *receipts) Receipt(ctx context.Context, index int64) ([]byte, error) {
	r.asked++
	b, err := r.story.Receipt(ctx, index)
	if err == nil && r.change != nil {
		return r.change(index, b)
	}
	return b, err
}

// TestTraceReceipts: one receipt an entry is asked for; what it does not prove is
// marked, with the reason, and evidence is a finding.
func TestTraceReceipts(t *testing.T) {
	for name, c := range map[string]struct {
		change func(s *story) func(index int64, b []byte) ([]byte, error)
		says   string
		code   verify.Code
	}{
		"as they are": {func(*story) func(int64, []byte) ([]byte, error) { return nil }, "", ""},
		"no network": {func(*story) func(int64, []byte) ([]byte, error) {
			return func(int64, []byte) ([]byte, error) { return nil, errors.New("no \x1broute") }
		}, "no ?route", ""},
		"none": {func(*story) func(int64, []byte) ([]byte, error) {
			return func(int64, []byte) ([]byte, error) { return nil, verify.ErrMissing }
		}, "receipt", verify.CodeReceiptForm},
		"garbage": {func(*story) func(int64, []byte) ([]byte, error) {
			return func(int64, []byte) ([]byte, error) { return []byte("garbage"), nil }
		}, "receipt", verify.CodeReceiptForm},
		"of another entry": {func(s *story) func(int64, []byte) ([]byte, error) {
			return func(index int64, _ []byte) ([]byte, error) { return s.Receipt(context.Background(), (index+1)%2) }
		}, "statement", verify.CodeReceiptBinding},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStory(t)
			s.tellAll("acme", func(i int, id func(int) provenance.Hash) (string, *provenance.Record) {
				if i == 5 {
					return "", nil
				}
				r := s.model("m")
				if i > 0 {
					parent := id(i - 1)
					r.Parents = []provenance.Parent{{ID: parent[:]}}
				}
				return fmt.Sprint("m", i), r
			})
			s.tell("beta", "other", s.dataset("d"))
			s.commit()
			src := &receipts{story: s, change: c.change(s)}
			g, err := verify.Trace(context.Background(), s, s.prover(src), provenance.ByID(s.ids["m2"]), verify.Bounds{})
			check(t, err)
			if src.asked != 1 || len(g.Nodes) != 5 {
				t.Errorf("%d receipts were asked for, %d nodes", src.asked, len(g.Nodes))
			}
			for _, n := range g.Nodes {
				if n.Record.Proven != (c.says == "") || n.Has(verify.MarkUnverified) != (c.says != "") || c.says != "" && !strings.Contains(n.Marks[0].Says, c.says) {
					t.Errorf("%v %v", n.Record.Proven, n.Marks)
				}
			}
			if c.code != "" && (len(g.Findings) == 0 || g.Findings[0].Code != c.code) || c.code == "" && len(g.Findings) != 0 {
				t.Errorf("findings %v, wanted %s", g.Findings, c.code)
			}
			if left := g.Sums().Unverified; left != 0 { // models have no tokens
				t.Errorf("%d left out", left)
			}
		})
	}
}

// TestNewEntryProver wants a trust, and the genesis document that it names.
func TestNewEntryProver(t *testing.T) {
	s := chain(t)
	for name, c := range map[string]struct {
		trust   verify.Trust
		genesis []byte
		says    string
	}{
		"no trust":    {verify.Trust{}, s.genesis, "no trust"},
		"another":     {verify.Trust{Genesis: &provenance.Hash{1}}, s.genesis, "genesis-hash"},
		"no document": {verify.Trust{Genesis: &provenance.Hash{1}}, []byte("{"), "genesis-form"},
	} {
		if _, err := verify.NewEntryProver(context.Background(), c.genesis, c.trust, light.Offline(c.trust, s.options().Now), s); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, wanted %s", name, err, c.says)
		}
	}
}

// TestTraceEnds: a context that ends ends the trace.
func TestTraceEnds(t *testing.T) {
	s := chain(t)
	s.commit()
	ctx, cancel := context.WithCancel(context.Background())
	src := &receipts{story: s, change: func(int64, []byte) ([]byte, error) { cancel(); return nil, context.Canceled }}
	if g, err := verify.Trace(ctx, s, s.prover(src), provenance.ByID(s.ids["made"]), verify.Bounds{}); !errors.Is(err, context.Canceled) || g != nil {
		t.Errorf("%v, %v", g, err)
	}
}

// TestTraceOtherEntries: a node that gives every record another entry, and the
// receipt of the right one, proves nothing, and no token counts.
func TestTraceOtherEntries(t *testing.T) {
	s := chain(t)
	s.commit()
	s.change = func(_ provenance.RecordQuery, _ int, a *provenance.RecordsAnswer) *provenance.RecordsAnswer {
		moved := &provenance.RecordsAnswer{Size: a.Size + 10, More: a.More}
		for _, h := range a.Hits {
			h.Entry += 10
			moved.Hits = append(moved.Hits, h)
		}
		return moved
	}
	right := movedReceipts{s}
	g, err := verify.Trace(context.Background(), s, s.prover(right), provenance.ByID(s.ids["made"]), verify.Bounds{})
	check(t, err)
	if len(g.Nodes) != 6 || len(g.Findings) != 6 || g.Findings[0].Code != verify.CodeReceiptIndex {
		t.Errorf("%d nodes, findings %v", len(g.Nodes), g.Findings)
	}
	if sums := g.Sums(); len(sums.Rows) != 0 || sums.Unverified != 4 {
		t.Errorf("%+v", sums)
	}
}

// movedReceipts answers with the receipt of the entry ten before.
type movedReceipts struct{ *story }

func (m movedReceipts) Receipt(ctx context.Context, index int64) ([]byte, error) {
	return m.story.Receipt(ctx, index-10)
}

// TestTraceMissingAndThere: a ref that the node had no record for, and that comes
// with a record some other way, is that record's.
func TestTraceMissingAndThere(t *testing.T) {
	s := newStory(t)
	a := s.production()
	a.Ref = []byte("a")
	s.tell("acme", "a", a)
	s.tell("beta", "p", s.transfer(provenance.Exporter, "a"))
	s.tell("cora", "b", s.consumption("acme/a", "p"))
	s.change = func(q provenance.RecordQuery, _ int, answer *provenance.RecordsAnswer) *provenance.RecordsAnswer {
		if q.Issuer == "acme" && !q.Parent {
			answer.Hits = nil
		}
		return answer
	}
	s.want(s.trace("b", verify.Bounds{}), "a, p, b", "a>p a~b p>b")
}

// TestTraceManyEdges: a correction marks what it corrects however many edges
// others have made.
func TestTraceManyEdges(t *testing.T) {
	s := newStory(t)
	s.page = provenance.MaxRecordHits
	many := func(issuer, name string, n int, make func(i int) *provenance.Record) {
		s.tellAll(issuer, func(i int, _ func(int) provenance.Hash) (string, *provenance.Record) {
			if i == n {
				return "", nil
			}
			return fmt.Sprint(name, i), make(i)
		})
	}
	many("acme", "a", 900, func(i int) *provenance.Record {
		r := s.production()
		r.Ref, r.Time = []byte("a"), r.Time+int64(i)
		return r
	})
	many("beta", "c", 240, func(i int) *provenance.Record {
		r := s.consumption("acme/a")
		r.Time += int64(i)
		return r
	})
	s.tell("acme", "k", s.reversal("a0"))
	s.commit()
	g, err := verify.Trace(context.Background(), s, s.prover(s), provenance.ByRef("acme", []byte("a")).Children(), verify.Bounds{Breadth: 1000, Nodes: 2000})
	check(t, err)
	if len(g.Edges) != 200_000 || !g.Cut {
		t.Fatalf("%d edges, cut %v", len(g.Edges), g.Cut)
	}
	for _, n := range g.Nodes {
		if n.Has(verify.MarkReversed) != (s.name(n.Key) == "a0") {
			t.Errorf("%s: %v", s.name(n.Key), n.Marks)
		}
	}
}

// forged adds records that a node makes up: they stand in entries that are there,
// before all others, and nobody of the registry signed them.
func (s *story) forged(n int, make func(i int) *provenance.Record) {
	s.t.Helper()
	for i := range n {
		raw, err := make(i).Encode()
		check(s.t, err)
		h, err := provenance.NewBatch("acme", "forged", int64(0), nil, [][]byte{raw})
		check(s.t, err)
		statement, err := h.Sign(ed25519.NewKeyFromSeed(seed("nobody")))
		check(s.t, err)
		r, err := provenance.ParseRecord(raw)
		check(s.t, err)
		hit := provenance.RecordHit{Entry: int64(i), Statement: statement.Raw(), Proof: &provenance.RecordProof{Record: raw, Count: 1}}
		id := provenance.RecordID("acme", "forged", 0, 0, raw)
		s.names[id.String()] = fmt.Sprint("forged", i)
		s.records = append([]*told{{hit, id, "acme", r}}, s.records...)
	}
	slices.SortStableFunc(s.records, func(a, b *told) int { return cmp.Compare(a.Entry, b.Entry) })
}

// TestTraceForgedHideNothing: a node that makes up many records with the ref, or
// the crossing, of proven ones does not hide what these say of one another.
func TestTraceForgedHideNothing(t *testing.T) {
	s := newStory(t)
	for i := range 20 {
		s.tell("edge", fmt.Sprint("before", i), s.dataset("d"))
	}
	crossing := &provenance.Crossing{Direction: 1, ID: []byte("c")}
	out, in := s.transfer(provenance.Exporter), s.transfer(provenance.Importer)
	out.Crossing, out.Ref = crossing, []byte("a")
	again := s.production()
	again.Ref = []byte("a")
	s.tell("acme", "out", out)
	s.tell("acme", "again", again)
	in.Crossing, in.Parents, in.Usage = crossing, s.parents("out", "acme/a"), &provenance.Usage{Input: 374, Output: 45}
	s.tell("beta", "in", in)
	s.forged(20, func(i int) *provenance.Record {
		r := s.transfer(provenance.Importer)
		r.Crossing, r.Ref, r.Time = crossing, []byte("a"), r.Time+int64(i)
		return r
	})
	marks := map[string]string{}
	for _, n := range s.trace("in", verify.Bounds{}).Nodes {
		if n.Record.Proven {
			for _, m := range n.Marks {
				if len(m.By) > 0 {
					marks[s.name(n.Key)] += " " + string(m.Name) + ":" + s.name(m.By[0])
				}
			}
		}
	}
	for name, want := range map[string]string{"out": " ambiguous:again mirrored:in differs:in", "again": " ambiguous:out", "in": " mirrored:out differs:out"} {
		if marks[name] != want {
			t.Errorf("%s:%s, wanted%s", name, marks[name], want)
		}
	}
}
