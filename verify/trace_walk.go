package verify

import (
	"context"

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
