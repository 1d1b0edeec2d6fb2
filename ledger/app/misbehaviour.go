package app

import (
	"encoding/hex"
	"fmt"
	"maps"
	"sync"

	abci "github.com/cometbft/cometbft/abci/types"
)

// maxAccused bounds the validators that evidence is counted of, each by itself: a
// ledger has 100 at a time (SPEC(GOV-17)), over the years any number.
const maxAccused = 128

// otherAccused stands for the validators beyond.
const otherAccused = "others"

// misbehaviour counts the evidence against validators since the node's start. For
// any goroutine.
type misbehaviour struct {
	mu          sync.Mutex
	byValidator map[string]int64 // guarded by mu; by address in lower-case hex
}

func (m *misbehaviour) count(address []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	who := hex.EncodeToString(address)
	if _, known := m.byValidator[who]; !known && len(m.byValidator) >= maxAccused {
		who = otherAccused
	}
	if m.byValidator == nil {
		m.byValidator = map[string]int64{}
	}
	m.byValidator[who]++
}

// Misbehaviour returns how often blocks since the node's start carried evidence
// against a validator, by its address in lower-case hex, and "others" for those
// behind the first 128, which is always there. SPEC(API-9)
func (a *Application) Misbehaviour() map[string]int64 {
	a.accused.mu.Lock()
	defer a.accused.mu.Unlock()
	out := map[string]int64{otherAccused: 0}
	maps.Copy(out, a.accused.byValidator)
	return out
}

// tellMisbehaviour logs and counts the evidence against validators that a decided
// block carries. The state does not change by it: SPEC(GOV-21).
func (a *Application) tellMisbehaviour(r *abci.RequestFinalizeBlock) {
	for _, m := range r.Misbehavior {
		a.accused.count(m.Validator.Address)
		did := "helped to forge a header for light clients"
		if m.Type == abci.MisbehaviorType_DUPLICATE_VOTE {
			did = "signed two different votes of one round: its key runs twice, or it lies"
		}
		a.log.Error("a validator "+did+"; the ledger goes on, and governance can remove it (an act with its power at 0)",
			"validator", fmt.Sprintf("%X", m.Validator.Address), "power", m.Validator.Power, "of", m.TotalVotingPower,
			"at_height", m.Height, "evidence_in", r.Height)
	}
}
