package ledger

import (
	"cmp"
	"fmt"
	"slices"

	"tokentrail/provenance"
)

// Governance returns the keys that govern the ledger; false where nobody does.
func (s *Snapshot) Governance() (provenance.Governance, bool, error) {
	return stateValue[provenance.Governance](s.tree, provenance.StateGovernance)
}

// Rules returns the version of the rules that holds and the one to come.
func (s *Snapshot) Rules() (provenance.Rules, error) { return rulesOf(s.tree) }

// Policy returns the ledger's policy.
func (s *Snapshot) Policy() (provenance.Policy, error) {
	p, _, err := stateValue[provenance.Policy](s.tree, provenance.StatePolicy)
	return p, err
}

// Limits returns the rules and ceilings that hold for the next block.
func (s *Snapshot) Limits() (provenance.Limits, error) {
	rules, err := s.Rules()
	if err != nil {
		return provenance.Limits{}, err
	}
	p, err := s.Policy()
	return p.Limits(rules.VersionAt(s.head.Height + 1)), err
}

// Equivocations returns the streams that equivocation closed, in ascending order
// of the entries that closed them. It walks the state map.
func (s *Snapshot) Equivocations() ([]Stream, error) {
	all, err := s.Streams("")
	if err != nil {
		return nil, err
	}
	closed := slices.DeleteFunc(all, func(x Stream) bool { return x.Head.Closed == nil })
	slices.SortFunc(closed, func(a, b Stream) int { return cmp.Compare(*a.Head.Closed, *b.Head.Closed) })
	return closed, nil
}

// EquivocationAt returns the evidence of the entry at index, which must be one;
// ErrNotFound for another.
func (s *Snapshot) EquivocationAt(index int64) (*provenance.Equivocation, error) {
	e, err := s.Entry(index)
	if err != nil {
		return nil, err
	}
	if e.Kind() != provenance.LeafEquivocation {
		return nil, fmt.Errorf("entry %d is a %s, no equivocation: %w", index, e.Kind(), ErrNotFound)
	}
	evidence, err := s.EntryFrame(e)
	if err != nil {
		return nil, err
	}
	x, err := provenance.ParseEquivocation(e.Statement, evidence)
	if err != nil {
		return nil, damaged("entry", fmt.Sprintf("index %d", index), "%v", err)
	}
	return x, nil
}
