package verify

import (
	"context"
	"encoding/hex"
	"slices"

	"tokentrail/provenance"
)

// A tracer is one walk. It belongs to one goroutine.
type tracer struct {
	ctx    context.Context
	src    RecordSource
	prover EntryProver
	bounds Bounds
	graph  *Graph

	nodes   map[string]*GraphNode
	entries map[int64]provenance.Hash // statement ids, of the nodes' entries
	walks   map[string]*walk          // by node
	named   map[string]*resolved      // by name
	ups     []step                    // breadth first; before downs
	downs   []step                    // breadth first
	refs    map[string]refRead        // by issuer/ref
	mirrors []aside                   // at most as many as nodes
	asked   int                       // pages
	sized   bool                      // an answer gave the graph's size
}

// A walk is how far a node was followed.
type walk struct {
	queued    bool
	up, down  bool // was followed that way, or is about to be
	corrected bool // its corrections were read
	read      bool // its children were read
}

// A refRead says how the children were read that name a ref, which several
// records may have.
type refRead struct {
	done, down bool // read; and to be followed
	more       bool
}

// An aside is a child that is not followed, and that may be the other side of a
// crossing in the graph.
type aside struct {
	id    provenance.Hash
	other string // the side of the crossing that it would mirror
}

// A step follows a node up or down, or looks only for what stands beside it.
type step struct {
	key      string
	up, down bool
	depth    int // steps from the start
}

// A resolved name is what a name led to.
type resolved struct {
	keys []string // of nodes
	none bool     // no record was found
	lied bool     // an answer did not hold
	cut  bool     // not all are there: a bound was reached
}

func newTracer(ctx context.Context, src RecordSource, prover EntryProver, b Bounds) *tracer {
	return &tracer{
		ctx: ctx, src: src, prover: prover, bounds: b.filled(),
		graph: &Graph{Format: GraphFormat, Start: []string{}, Nodes: []*GraphNode{}, Edges: []GraphEdge{}, Findings: []*Finding{}, Proving: prover != nil},
		nodes: map[string]*GraphNode{}, entries: map[int64]provenance.Hash{}, walks: map[string]*walk{}, named: map[string]*resolved{},
		refs: map[string]refRead{},
	}
}

// begin finds the records to start from. SPEC(TRC-1)
func (t *tracer) begin(start provenance.RecordQuery) error {
	r, err := t.read(start, t.bounds.Breadth)
	if err != nil {
		return err
	}
	followed, rest := split(r.found, t.bounds.Breadth)
	t.graph.Cut = r.more || len(rest) > 0
	for _, f := range followed {
		n, err := t.add(f)
		if err != nil {
			return err
		}
		if n == nil {
			t.graph.Cut = true
			return nil
		}
		t.graph.Start = append(t.graph.Start, n.Key)
		t.follow(step{n.Key, true, true, 0})
	}
	return nil
}

// split returns the first n and the others.
func split(found []*foundRecord, n int) (first, rest []*foundRecord) {
	n = min(n, len(found))
	return found[:n], found[n:]
}

// step follows one node. SPEC(TRC-2)
func (t *tracer) step(s step) error {
	n := t.nodes[s.key]
	if n.Record == nil {
		return nil
	}
	if err := t.corrections(n); err != nil {
		return err
	}
	if s.up {
		if err := t.ascend(n, s.depth); err != nil {
			return err
		}
	}
	return t.kin(n, s)
}

// next takes the next step. What is named goes before what names: with however
// many children nobody keeps a record's origin out of the graph.
func (t *tracer) next() (s step, more bool) {
	queue := &t.ups
	if len(t.ups) == 0 {
		queue = &t.downs
	}
	if len(*queue) == 0 {
		return s, false
	}
	s, *queue = (*queue)[0], (*queue)[1:]
	return s, true
}

// corrections adds what the issuer of a record says in correction of it, once. A
// correction itself is not corrected (REC-17). SPEC(TRC-2)
func (t *tracer) corrections(n *GraphNode) error {
	w := t.walks[n.Key]
	if w.corrected || n.Record.Decoded.Correction != nil {
		return nil
	}
	w.corrected = true
	r, err := t.read(provenance.Corrections(n.Record.Issuer, n.Record.ID), maxCorrectionsRead)
	if err != nil {
		return err
	}
	found, rest := split(r.found, maxCorrectionsRead)
	more := r.more || len(rest) > 0
	for _, f := range found {
		c, err := t.add(f)
		if err != nil {
			return err
		}
		if c == nil {
			more = true
			break
		}
		t.follow(step{key: c.Key})
	}
	if more {
		t.cut(n, CutOff{Corrections: true})
	}
	return nil
}

// ascend resolves the names that a record gives, and goes on from there.
func (t *tracer) ascend(n *GraphNode, depth int) error {
	for _, name := range namesOf(n.Record.Decoded) {
		key := keyOf(name.query)
		if depth >= t.bounds.Up {
			if t.nodes[key] == nil && t.named[key] == nil {
				t.cut(n, CutOff{Parents: 1})
			}
			continue
		}
		r, err := t.resolve(name.query)
		if err != nil {
			return err
		}
		if r.cut || r.none && !t.addMissing(key, r.lied) {
			t.cut(n, CutOff{Parents: 1})
		}
		for _, key := range r.keys {
			t.follow(step{key, true, false, depth + 1})
		}
	}
	return nil
}

// follow queues what was not followed that way before.
func (t *tracer) follow(s step) {
	w := t.walks[s.key]
	s.up, s.down = s.up && !w.up, s.down && !w.down
	if w.queued && !s.up && !s.down {
		return
	}
	w.queued, w.up, w.down = true, w.up || s.up, w.down || s.down
	if s.up || !s.down {
		t.ups = append(t.ups, step{s.key, s.up, false, s.depth})
	}
	if s.down {
		t.downs = append(t.downs, step{s.key, false, true, s.depth})
	}
}

// resolve finds the records that a name means, once for each name.
func (t *tracer) resolve(q provenance.RecordQuery) (*resolved, error) {
	key := keyOf(q)
	if r := t.named[key]; r != nil {
		return r, nil
	}
	out := &resolved{}
	t.named[key] = out
	if n := t.nodes[key]; n != nil && n.Record != nil {
		out.keys = []string{key}
		return out, nil
	}
	r, err := t.read(q, t.bounds.Breadth)
	if err != nil {
		return nil, err
	}
	followed, rest := split(r.found, t.bounds.Breadth)
	out.none, out.lied = len(r.found) == 0 && (r.lied || !r.more), r.lied
	out.cut = len(rest) > 0 || r.more && !out.none
	for _, f := range followed {
		n, err := t.add(f)
		if err != nil {
			return nil, err
		}
		if n == nil {
			out.cut = true
			break
		}
		out.keys = append(out.keys, n.Key)
		t.follow(step{key: n.Key})
	}
	return out, nil
}

// addMissing adds a name that no record was found for, if there is room.
// SPEC(TRC-10)
func (t *tracer) addMissing(key string, lied bool) bool {
	if t.nodes[key] != nil {
		return true
	}
	if len(t.nodes) >= t.bounds.Nodes {
		return false
	}
	says := "the node says that it has no such record"
	if lied {
		says = "what the node answers does not hold"
	}
	n := &GraphNode{Key: key, Marks: []Mark{{Name: MarkMissing, Says: says}}}
	t.nodes[key], t.walks[key] = n, &walk{queued: true, up: true, down: true}
	t.graph.Nodes = append(t.graph.Nodes, n)
	return true
}

// kin reads the children of a record: those to follow, or those that may be the
// other side of a crossing, of which the first are enough. SPEC(TRC-2)
func (t *tracer) kin(n *GraphNode, s step) error {
	w := t.walks[n.Key]
	if !s.down && (w.read || w.down) {
		return nil
	}
	w.read = true
	children, more, err := t.children(n, s.down)
	if err != nil {
		return err
	}
	below := s.down && s.depth < t.bounds.Down
	followed, left := 0, 0
	for _, f := range children {
		switch {
		case !s.down:
			t.putAside(f)
			continue
		case !below || followed >= t.bounds.Breadth:
			if t.nodes[f.id.String()] == nil {
				left++
			}
			continue
		}
		followed++
		child, err := t.add(f)
		if err != nil {
			return err
		}
		if child == nil {
			left++
			continue
		}
		t.follow(step{child.Key, false, below, s.depth + 1})
	}
	if s.down && (more || left > 0) {
		t.cut(n, CutOff{Children: left, More: more})
	}
	return t.beside(n)
}

// children reads the records that name a record as a parent: by its id and by its
// ref.
func (t *tracer) children(n *GraphNode, down bool) (children []*foundRecord, more bool, err error) {
	all, err := t.read(provenance.ByID(n.Record.ID).Children(), t.bounds.Breadth)
	if err != nil {
		return nil, false, err
	}
	if len(n.Record.Decoded.Ref) == 0 {
		return all.found, all.more, nil
	}
	q := provenance.ByRef(n.Record.Issuer, n.Record.Decoded.Ref)
	before := t.refs[keyOf(q)]
	if before.done && (before.down || !down) {
		return all.found, all.more || before.more, nil
	}
	byRef, err := t.read(q.Children(), t.bounds.Breadth)
	if err != nil {
		return nil, false, err
	}
	t.refs[keyOf(q)] = refRead{true, down, byRef.more}
	if len(byRef.found) > 0 {
		// Whoever names the ref may mean another record with the same one.
		if _, err := t.resolve(q); err != nil {
			return nil, false, err
		}
	}
	all.found, all.more = append(all.found, byRef.found...), all.more || byRef.more
	all.found = slices.CompactFunc(t.ordered(all).found, func(a, b *foundRecord) bool { return a.id == b.id })
	return all.found, all.more, nil
}

// putAside remembers a record that is not followed.
func (t *tracer) putAside(f *foundRecord) {
	id, _ := crossingOf(f.record)
	if len(id) == 0 || f.record.Side == nil || *f.record.Side == provenance.Neither || len(t.mirrors) >= t.bounds.Nodes {
		return
	}
	other := provenance.Exporter + provenance.Importer - *f.record.Side
	t.mirrors = append(t.mirrors, aside{f.id, crossingKey(id, other)})
}

// crossingKey names one side of a crossing.
func crossingKey(id []byte, side provenance.Side) string {
	return hex.EncodeToString(id) + " " + side.String()
}

// addMirrors adds what was put aside and is the other side of a crossing in the
// graph, to be looked at like every other record.
func (t *tracer) addMirrors() error {
	sides := map[string]bool{}
	for _, n := range t.graph.Nodes {
		if n.Record == nil || n.Record.Decoded.Side == nil {
			continue
		}
		if id, _ := crossingOf(n.Record.Decoded); len(id) > 0 {
			sides[crossingKey(id, *n.Record.Decoded.Side)] = true
		}
	}
	var left []aside
	for _, a := range t.mirrors {
		if !sides[a.other] {
			left = append(left, a)
			continue
		}
		if _, err := t.resolve(provenance.ByID(a.id)); err != nil {
			return err
		}
	}
	t.mirrors = left
	return nil
}

// beside finds the other side's record of a crossing, where it is named. It is
// shown, and not followed.
func (t *tracer) beside(n *GraphNode) error {
	if _, mirror := crossingOf(n.Record.Decoded); mirror != nil {
		_, err := t.resolve(parentQuery(*mirror))
		return err
	}
	return nil
}
