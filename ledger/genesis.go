package ledger

import (
	"fmt"
	"slices"
	"strings"

	"tokentrail/provenance"
)

// genesisState returns what the state map holds before the first block
// (SPEC(GEN-2)), in ascending order of the keys.
func genesisState(appState []byte, validators []provenance.Validator) ([]stateChange, error) {
	g, err := provenance.ParseGenesis(appState)
	if err != nil {
		return nil, fmt.Errorf("genesis: %w", err)
	}
	for _, v := range validators {
		if v.Power < 1 {
			return nil, fmt.Errorf("genesis: validator %x has the voting power %d, wanted 1 or more", v.Address(), v.Power)
		}
	}
	state, err := g.State(validators)
	if err != nil {
		return nil, fmt.Errorf("genesis: %w", err)
	}
	changes := make([]stateChange, 0, len(state))
	for key, value := range state {
		changes = append(changes, stateChange{key, value})
	}
	slices.SortFunc(changes, func(a, b stateChange) int { return strings.Compare(a.key, b.key) })
	return changes, nil
}
