package verify

import (
	"fmt"

	"tokentrail/provenance"
)

// A Judged is a statement of the log whose issuer is known to have signed it, with
// the records that give what it signs. It is read only.
type Judged struct {
	Entry     int64
	Statement *provenance.UnverifiedStatement // what is wrong with it, if anything, the step log has told
	Records   [][]byte
	Policy    *provenance.Policy // of the ledger, as it holds for the entry
}

// An Inspector looks at what providers said (SPEC(VER-70)). Package inspect has
// one. It belongs to one audit.
type Inspector interface {
	// Look looks at one statement by itself and returns what Take is to be given. It
	// is called by several goroutines at once, ahead of the log's order, also for
	// statements that are never taken and, where policy changed meanwhile, twice for
	// one; so it keeps nothing.
	Look(j *Judged) any
	// Take is given what Look returned for each statement in the order of the log, by
	// one goroutine.
	Take(looked any)
	// Conclude is called once, behind the last statement, if what was given is what
	// the log holds under the trusted root: its entries from first up to size.
	Conclude(first, size int64) *Inspection
}

// A CorrectionInspector is an Inspector that is told, before Conclude, which
// corrections of the log do not hold: by the entry and the record's place in it.
// They change nothing. SPEC(VER-23), SPEC(VER-77)
type CorrectionInspector interface {
	Refuse(entry int64, record int)
}

// An Inspection is what an Inspector found. The report takes it over.
type Inspection struct {
	Checked  int64 // records looked at
	Findings []*Finding
	More     int64            // findings beyond those
	MoreBy   map[string]int64 // of these, by provider
	Reason   string           // why it was not carried through; empty where it was
	Coverage *Coverage
}

// inspected notes what a worker's look at a statement came to.
func (r *replay) inspected(c *checkedEntry) {
	if r.guesses.inspector == nil {
		return
	}
	if c.by == "" || c.recordsErr != nil {
		r.uninspected++
	} else {
		r.guesses.inspector.Take(c.looked)
	}
	c.looked = nil
}

// checkInspection concludes the inspection, if the log is the one that validators
// signed. SPEC(VER-70)
func (a *audit) checkInspection() {
	s := a.inspection
	if s == nil {
		return
	}
	if a.ours == nil {
		s.because("the log was not shown to be the one that validators signed, see the step roots")
		return
	}
	s.begin()
	got := a.opts.Inspect.Conclude(a.replay.begun, a.ours.Size)
	s.Checked, a.rep.Coverage = got.Checked, got.Coverage
	for _, f := range got.Findings {
		s.find(f)
	}
	for _, provider := range sortedKeys(got.MoreBy) {
		s.findMore(provider, got.MoreBy[provider])
	}
	if n := a.replay.uninspected; n > 0 {
		s.because(fmt.Sprintf("%s in which the records, or who signed them, are not as they should be, see the step log", amount(n, "entries")))
	}
	if got.Reason != "" {
		s.because(got.Reason)
	}
}
