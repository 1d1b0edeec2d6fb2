package profile

import (
	"fmt"

	"tokentrail/provenance"
)

// Meets holds a record alone to the profile with an id, at the record's time, as an audit
// does with what the ledger's policy names: it is a verify.LabelCheck. fails says by
// which rule it fails first, empty where it fails by none; known is false where there is
// no such profile here. SPEC(VER-29)
func Meets(id, issuer string, r *provenance.Record) (fails string, known bool) {
	p, err := Find(id)
	if err != nil {
		return "", false
	}
	result := Check(p, Subject{Record: r, Issuer: issuer, At: r.Time})
	if result.Verdict != Fails {
		return "", true
	}
	for _, rule := range result.Rules {
		if rule.Outcome == Failed {
			return fmt.Sprintf("%s (%s): %s", rule.ID, rule.Clause, rule.Reason), true
		}
	}
	return "it fails", true
}
