package verify

import (
	"fmt"

	"tokentrail/provenance"
)

// governanceSetBy returns who governs after an act, nil where it does not say that.
// The last such action counts.
func governanceSetBy(act *provenance.Act) (set *provenance.Governance) {
	for i := range act.Actions {
		if a := &act.Actions[i]; a.Type == provenance.GovernanceSet {
			set = &provenance.Governance{Threshold: a.Threshold, Keys: a.Governors}
		}
	}
	return set
}

// governanceByActs returns who governed before an act, by the acts of governance
// before it, each of which is shown, back to the last that says who governs or to
// the genesis document. SPEC(BND-19)
func (x *exhibit) governanceByActs(act *provenance.Act) (*provenance.Governance, error) {
	before, err := x.governanceBefore()
	if err != nil {
		return nil, err
	}
	for sequence := act.Sequence - 1; sequence >= 0; sequence-- {
		one, shown := before[sequence]
		if !shown {
			return nil, fmt.Errorf("entry.signatures: who governed before act %d of governance is not shown: act %d before it is not here, and may have changed that; audit the ledger, or take a bundle that has it", act.Sequence, sequence)
		}
		if set := governanceSetBy(one); set != nil {
			return set, nil
		}
	}
	switch {
	case x.trust.Genesis == nil:
		return nil, fmt.Errorf("entry.signatures: who governed before act %d of governance the genesis document says, which no trust names; give its SHA-256, or audit the ledger", act.Sequence)
	case x.doc.governance == nil:
		return nil, NewFinding(CodeActPlace, "entry", "no act of governance: nobody governs this ledger", "one")
	}
	return x.doc.governance, nil
}

// governanceBefore returns the acts of governance that are shown to be before the
// entry, by sequence.
func (x *exhibit) governanceBefore() (map[int64]*provenance.Act, error) {
	before, places := map[int64]*provenance.Act{}, map[int64]int64{}
	for i := range x.Before {
		place := fmt.Sprintf("before[%d]", i)
		act, index, err := x.placedAct(place, &x.Before[i])
		switch {
		case err != nil:
			return nil, err
		case act.Provider != "":
			return nil, NewFinding(CodeActPlace, place, "an act of governance", "one of "+act.Provider)
		case x.receipt == nil:
			return nil, fmt.Errorf("%s: no receipt shows where the entry stands", place)
		case index >= x.receipt.Proof.Index:
			return nil, NewFinding(CodeActPlace, place, fmt.Sprintf("an act before entry %d", x.receipt.Proof.Index), fmt.Sprintf("entry %d", index))
		}
		if at, twice := places[act.Sequence]; twice && at != index {
			return nil, NewFinding(CodeActPlace, place, fmt.Sprintf("one act of governance with the sequence %d, entry %d", act.Sequence, at), fmt.Sprintf("another, entry %d", index))
		}
		before[act.Sequence], places[act.Sequence] = act, index
	}
	return before, nil
}
