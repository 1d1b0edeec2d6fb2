package app

import (
	"errors"

	"tokentrail/provenance"
)

// A rulesError says that there can be no further block before another release is
// installed (SPEC(ADM-16)).
type rulesError struct{ error }

func (e rulesError) Unwrap() error { return e.error }

func isRulesError(err error) bool { return errors.As(err, new(rulesError)) }

// checkRules wants this program to have the rules of the next block, and warns of
// those of a later one.
func (a *Application) checkRules() error {
	if err := a.ledger.Snapshot().CheckNext(); err != nil {
		a.log.Error("the node stops before the next block", "error", err)
		return rulesError{err}
	}
	a.warnOfRules()
	return nil
}

// warnOfRules says when the node will have to stop: at each start, and when an
// act has set it or changed it.
func (a *Application) warnOfRules() {
	version, from, ahead := a.ledger.Snapshot().RulesAhead()
	if !ahead {
		version, from = 0, 0
	}
	if ahead && (version != a.warned.version || from != a.warned.from) {
		a.log.Warn("the ledger's rules change to a version that this program does not have: the node stops before that height; install a release that has it",
			"version", version, "from height", from, "known up to", provenance.RuleVersion)
	}
	a.warned.version, a.warned.from = version, from
}
