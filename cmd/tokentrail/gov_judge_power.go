package main

import (
	"fmt"
	"maps"
	"math/big"
	"slices"

	"tokentrail/provenance"
)

// A powerSum is the voting power of all validators, for the comparison of before
// and after.
type powerSum struct {
	of    map[string]int64 // by state key
	total int64
}

func (v *govView) sum() powerSum {
	s := powerSum{of: map[string]int64{}}
	for key, x := range v.validators {
		s.of[key] = x.Power
		s.total += x.Power // what a node lists cannot overflow where checkValidators holds
	}
	return s
}

func (x *govAction) setValidator() error {
	key := validatorState(x.Validator)
	now, there := x.validators[key]
	text := validatorText(x.Validator)
	switch {
	case !there && x.Power == 0:
		return x.refuse("registry", "validator", "%s is no validator; there is nothing to remove", text)
	case there && now.Power == x.Power:
		return x.refuse("registry", "power", "%s has the power %d already", text, x.Power)
	case x.Power == 0:
		delete(x.validators, key)
		x.say("removes the validator %s, which has the power %s", text, thousands(now.Power))
		return nil
	case there:
		x.say("gives the validator %s the power %s, in the place of %s", text, thousands(x.Power), thousands(now.Power))
	default:
		x.say("adds the validator %s with the power %s", text, thousands(x.Power))
	}
	x.validators[key] = provenance.Validator{Type: "ed25519", Key: x.Validator, Power: x.Power}
	return nil
}

// checkValidators looks at the validators behind all actions, and says how far the
// power moves. GOV-17
func (v *govView) checkValidators(act *provenance.Act, before powerSum, j *judgement) error {
	last := -1
	for i := range act.Actions {
		if act.Actions[i].Type == provenance.ValidatorSet {
			last = i
		}
	}
	if last < 0 {
		return nil
	}
	total := new(big.Int)
	for _, x := range v.validators {
		total.Add(total, big.NewInt(x.Power))
	}
	n := len(v.validators)
	if n < 1 || n > govMaxValidators || total.Cmp(big.NewInt(govMaxPower)) > 0 {
		return refusal("registry", fmt.Sprintf("actions[%d].power", last), "there would be %d validators with a power of %s together, wanted 1 to %d with at most %d", n, total, govMaxValidators, int64(govMaxPower))
	}
	v.sayPower(before, v.sum(), j)
	return nil
}

// sayPower tells how far the voting power moves.
func (v *govView) sayPower(before, after powerSum, j *judgement) {
	j.say("the validators' power together becomes %s, was %s; %s, from the second block after the act's on", thousands(after.total), thousands(before.total), plural(int64(len(after.of)), "validator"))
	// What of the new set's power the old set did not have, and the other way round.
	came, gone := movedPower(before, after), movedPower(after, before)
	if overThird(came, after.total) || overThird(gone, before.total) {
		j.warn("more than a third of the voting power moves at once (%s of %s new, %s of %s gone): whoever skips headers since then has to go by those between; smaller steps are safer",
			thousands(came), thousands(after.total), thousands(gone), thousands(before.total))
	}
	for _, key := range slices.Sorted(maps.Keys(after.of)) {
		power := after.of[key]
		if text := validatorText(v.validators[key].Key); power > before.of[key] {
			switch {
			case power > after.total-power+(after.total-power): // more than two thirds
				j.warn("%s then has %s of %s, more than two thirds: it decides alone", text, thousands(power), thousands(after.total))
			case overThird(power, after.total) && len(after.of) > 1:
				j.warn("%s then has %s of %s, more than a third: without it the ledger stands still", text, thousands(power), thousands(after.total))
			}
		}
	}
}

// movedPower is how much of a set's power is more than what another gave to the
// same validators.
func movedPower(from, to powerSum) (moved int64) {
	for key, power := range to.of {
		moved += max(0, power-from.of[key])
	}
	return moved
}

// overThird reports whether part is more than a third of total; that is cut off
// makes no difference to a whole number.
func overThird(part, total int64) bool { return part > total/3 }
