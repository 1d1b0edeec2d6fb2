package ledger

import (
	"fmt"

	"tokentrail/provenance"
)

// setPolicy does policy: SPEC(GOV-17).
func (x *action) setPolicy() error {
	x.policy = x.Policy
	return setState(x.changes, provenance.StatePolicy, *x.Policy)
}

// setGovernance does governance: SPEC(GOV-17). The sequence goes on.
func (x *action) setGovernance() error {
	g, err := x.governance()
	if err != nil {
		return err
	}
	g.Threshold, g.Keys = x.Threshold, x.Governors
	return setState(x.changes, provenance.StateGovernance, g)
}

// setRules does rules: SPEC(GOV-18). Whether this program has the version makes
// no difference here.
func (x *action) setRules() error {
	switch {
	case x.Rules <= x.v.rules:
		return x.refuse(CodeRegistry, "rules", "%d, version %d holds; wanted a later one", x.Rules, x.v.rules)
	case x.RulesFrom <= x.v.height:
		return x.refuse(CodeHeight, "rules-from", "%d, the next block is %d; wanted a later one", x.RulesFrom, x.v.height)
	}
	return setState(x.changes, provenance.StateRules, provenance.Rules{Version: x.v.rules, Next: x.Rules, From: x.RulesFrom})
}

func actionPath(i int) string { return fmt.Sprintf("actions[%d]", i) }

func signaturePath(i int) string { return fmt.Sprintf("signatures[%d]", i) }
