package app

import (
	"fmt"

	abci "github.com/cometbft/cometbft/abci/types"
)

// tellMisbehaviour logs the evidence against validators that a decided block
// carries. The state does not change by it: SPEC(GOV-21).
func (a *Application) tellMisbehaviour(r *abci.RequestFinalizeBlock) {
	for _, m := range r.Misbehavior {
		did := "helped to forge a header for light clients"
		if m.Type == abci.MisbehaviorType_DUPLICATE_VOTE {
			did = "signed two different votes of one round: its key runs twice, or it lies"
		}
		a.log.Error("a validator "+did+"; the ledger goes on, and governance can remove it (an act with its power at 0)",
			"validator", fmt.Sprintf("%X", m.Validator.Address), "power", m.Validator.Power, "of", m.TotalVotingPower,
			"at_height", m.Height, "evidence_in", r.Height)
	}
}
