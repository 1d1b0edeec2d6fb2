package main

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"tokentrail/provenance"
	"tokentrail/verify"
)

// openAgainstRecord holds a commitment that file and key gave against those of a
// record, which is looked up and proven as in content find.
func (a *app) openAgainstRecord(ctx context.Context, f *openFlags, c *provenance.Content, doc *openDoc) error {
	q, err := recordQuery(f.record)
	if err != nil {
		return err
	}
	p, err := a.newProver(ctx, f.node, f.genesis)
	if err != nil {
		return err
	}
	g, err := p.standing(ctx, q)
	if err != nil {
		return err
	}
	if len(g) == 0 {
		return couldNotf("the node at %s knows no record %s: that it has none is its word alone", p.node.URL(), f.record)
	}
	for _, n := range g {
		doc.Record, doc.Wanted = n.Key, ""
		for _, held := range n.Record.Decoded.Content {
			doc.Wanted = fmt.Sprintf("%x", held.Value)
			if held.Algorithm != c.Algorithm || held.Profile != c.Profile || !bytes.Equal(held.Value, c.Value) {
				continue
			}
			doc.judge(true)
			doc.Why = "the record holds the commitment that content and key give, for the " + contentRole(held.Role)
			if n.Has(verify.MarkReversed) {
				doc.Opens, doc.Why = false, doc.Why+"; but its issuer has reversed the record"
			}
			return nil
		}
	}
	doc.Opens, doc.Why = false, "the record does not hold the commitment that content and key give"
	return nil
}

// standing returns the records of a query that their issuer did not reverse, or
// all where it reversed all: what counted wrong is reversed and recorded anew
// (record.md REC-17), often under the same ref.
func (p *prover) standing(ctx context.Context, q provenance.RecordQuery) ([]*verify.GraphNode, error) {
	starts, err := p.startsOf(ctx, q)
	if err != nil {
		return nil, err
	}
	for _, n := range starts {
		if crowded(n) && !n.Has(verify.MarkReversed) {
			return nil, couldNotf("record %s has more corrections by its issuer than were read, and another one may reverse it; audit the ledger: tokentrail verify", n.Key)
		}
	}
	valid := slices.DeleteFunc(slices.Clone(starts), func(n *verify.GraphNode) bool { return n.Has(verify.MarkReversed) })
	if len(valid) == 0 {
		return starts, nil
	}
	return valid, nil
}

// maxSameName bounds the records of one name, which an issuer may give again to
// what it records anew.
const maxSameName = 1000

// startsOf returns the records of a query, all proven. What is not is an error.
func (p *prover) startsOf(ctx context.Context, q provenance.RecordQuery) ([]*verify.GraphNode, error) {
	g, err := p.trace(ctx, q, verify.Bounds{Up: -1, Down: -1, Breadth: maxSameName, Nodes: 5 * maxSameName})
	if err != nil {
		return nil, err
	}
	for _, f := range g.Findings {
		if !undecided(f) {
			return nil, fmt.Errorf("what the node says does not hold: %w", f)
		}
	}
	var starts []*verify.GraphNode
	for _, n := range g.Nodes {
		if n.Record == nil || !slices.Contains(g.Start, n.Key) {
			continue
		}
		for _, m := range n.Marks {
			if m.Name == verify.MarkUnverified {
				return nil, couldNotf("record %s could not be proven: %s", n.Key, m.Says)
			}
		}
		starts = append(starts, n)
	}
	return starts, nil
}
