package api

import (
	"tokentrail/provenance"
)

// getGovernance says who governs.
func (a *api) getGovernance(w *response, _ *request) error {
	fresh(w)
	s, err := a.Log.Signed()
	if err != nil {
		return nodeFault(err)
	}
	g, governed, err := s.Governance()
	if err != nil {
		return nodeFault(err)
	}
	answer := struct {
		Format    int       `json:"format"`
		Height    int64     `json:"height"`
		Governed  bool      `json:"governed"`
		Threshold int64     `json:"threshold,omitempty"`
		Keys      []bareKey `json:"keys,omitempty"`
		Sequence  int64     `json:"sequence"` // of the next act
	}{Format: 1, Height: s.Head().Height, Governed: governed, Threshold: g.Threshold, Sequence: g.Sequence}
	for _, cose := range g.Keys {
		key, err := keyText(cose)
		if err != nil {
			return err
		}
		answer.Keys = append(answer.Keys, key)
	}
	return writeJSON(w, answer)
}

// getPolicy answers with the policy, of which what does not bind is left out.
func (a *api) getPolicy(w *response, _ *request) error {
	fresh(w)
	s, err := a.Log.Signed()
	if err != nil {
		return nodeFault(err)
	}
	policy, err := s.Policy()
	if err != nil {
		return nodeFault(err)
	}
	return writeJSON(w, struct {
		Format int               `json:"format"`
		Height int64             `json:"height"`
		Policy provenance.Policy `json:"policy"`
	}{1, s.Head().Height, policy})
}

// getRules says which rules hold for the next block, and which are to come.
func (a *api) getRules(w *response, _ *request) error {
	fresh(w)
	s, err := a.Log.Signed()
	if err != nil {
		return nodeFault(err)
	}
	rules, err := s.Rules()
	if err != nil {
		return nodeFault(err)
	}
	height := s.Head().Height
	answer := struct {
		Format  int   `json:"format"`
		Height  int64 `json:"height"`
		Version int64 `json:"version"`        // that holds for the next block
		Next    int64 `json:"next,omitempty"` // one that is scheduled
		From    int64 `json:"from,omitempty"` // height from which it holds
		Newest  int64 `json:"newest"`         // that this node's program has
	}{Format: 1, Height: height, Version: rules.VersionAt(height + 1), Newest: provenance.RuleVersion}
	// SPEC(STA-5)
	if answer.Version != rules.Next {
		answer.Next, answer.From = rules.Next, rules.From
	}
	return writeJSON(w, answer)
}
