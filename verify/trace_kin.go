package verify

import (
	"encoding/hex"
	"slices"

	"tokentrail/provenance"
)

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
