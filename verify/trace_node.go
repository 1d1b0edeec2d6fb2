package verify

import (
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"tokentrail/provenance"
)

// cut notes what was not followed of a node. SPEC(TRC-16)
func (t *tracer) cut(n *GraphNode, c CutOff) {
	t.graph.Cut = true
	if n.Cut == nil {
		n.Cut = &CutOff{}
	}
	n.Cut.Parents += c.Parents
	n.Cut.Children = max(n.Cut.Children, c.Children)
	n.Cut.More = n.Cut.More || c.More
	n.Cut.Corrections = n.Cut.Corrections || c.Corrections
}

// add makes a record a node, or returns the node that it is; nil where there is
// no room. An error means that the context ended.
func (t *tracer) add(f *foundRecord) (*GraphNode, error) {
	key := f.id.String()
	if n := t.nodes[key]; n != nil && n.Record != nil {
		return n, nil
	}
	if t.nodes[key] == nil && len(t.nodes) >= t.bounds.Nodes {
		t.graph.Cut = true
		return nil, nil
	}
	n := &GraphNode{Key: key, Record: tracedRecord(f), Marks: []Mark{}}
	if err := t.prove(n, f); err != nil {
		return nil, err
	}
	if old := t.nodes[key]; old != nil { // it was said to be missing
		*old = *n
		n = old
	} else {
		t.graph.Nodes = append(t.graph.Nodes, n)
	}
	t.nodes[key], t.walks[key] = n, &walk{}
	t.entries[f.entry] = f.statement.ID()
	return n, nil
}

// prove asks whether the record's entry is on the ledger. SPEC(TRC-5)
func (t *tracer) prove(n *GraphNode, f *foundRecord) error {
	if t.prover == nil {
		n.Marks = append(n.Marks, Mark{Name: MarkUnverified, Says: "no proof was asked for"})
		return nil
	}
	err := t.prover.Prove(t.ctx, f.entry, f.statement)
	if t.ctx.Err() != nil {
		return fmt.Errorf("the proof of entry %d: %w", f.entry, t.ctx.Err())
	}
	if n.Record.Proven = err == nil; err == nil {
		return nil
	}
	n.Marks = append(n.Marks, Mark{Name: MarkUnverified, Says: plain(err.Error())})
	var finding *Finding
	if errors.As(err, &finding) {
		t.find(finding)
	}
	return nil
}

// tracedRecord says what a record says.
func tracedRecord(f *foundRecord) *TracedRecord {
	h, r := f.statement.Header(), f.record
	out := &TracedRecord{
		ID: f.id, Issuer: h.Issuer, Stream: h.Stream, Sequence: h.Sequence, Index: f.index, Entry: f.entry,
		Kind: r.Kind.String(), Time: timeText(r.Time), Ref: hex.EncodeToString(r.Ref), Parents: []string{},
		Relay: r.Relays(), Decoded: r, statement: f.statement,
	}
	for _, p := range r.Parents {
		out.Parents = append(out.Parents, keyOf(parentQuery(p)))
	}
	if r.Correction != nil {
		out.Corrects = provenance.Hash(r.Correction.Record).String()
	}
	if id, _ := crossingOf(r); id != nil {
		out.Crossing = hex.EncodeToString(id)
	}
	if r.Side != nil {
		out.Side = r.Side.String()
	}
	if r.Usage != nil {
		out.Input, out.Output = &r.Usage.Input, &r.Usage.Output
	}
	out.What = plain(whatOf(out))
	return out
}

// timeText writes a record's time.
func timeText(ms int64) string {
	return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z07:00")
}
