package ledger

import (
	"bytes"
	"slices"
	"strings"

	"tokentrail/provenance"
)

const (
	maxValidators = 100
	// maxPower is what the engine takes of all validators together: an eighth of
	// the greatest int64.
	maxPower = (1<<63 - 1) / 8
)

// setValidator does validator: SPEC(GOV-17). How many there are then is looked
// at behind all actions.
func (x *action) setValidator() error {
	v := provenance.Validator{Type: "ed25519", Key: x.Validator, Power: x.Power}
	key := provenance.StateValidatorKey(v.Address())
	now, there, err := stateValue[provenance.Validator](x, key)
	switch {
	case err != nil:
		return err
	case !there && v.Power == 0:
		return x.refuse(CodeRegistry, "validator", "there is no validator %x to be removed", v.Address())
	case there && now.Power == v.Power:
		return x.refuse(CodeRegistry, "power", "the validator %x has the power %d already", v.Address(), v.Power)
	}
	x.added.power += v.Power - now.Power
	if !there {
		x.added.validators++
	}
	if v.Power == 0 {
		x.added.validators--
		x.changes[key] = nil
		return nil
	}
	return setState(x.changes, key, v)
}

// checkValidators looks at the validators after all actions, if some were about
// them: SPEC(GOV-17).
func (a *acting) checkValidators() error {
	last := -1
	for i := range a.act.Actions {
		if a.act.Actions[i].Type == provenance.ValidatorSet {
			last = i
		}
	}
	if last < 0 {
		return nil
	}
	n := a.known.validators + a.v.added.validators + a.added.validators
	power := a.known.power + a.v.added.power + a.added.power
	if n < 1 || n > maxValidators || power > maxPower {
		return refuse(CodeRegistry, actionPath(last)+".power", "there would be %d validators with a power of %d together, wanted 1 to %d with at most %d", n, power, maxValidators, int64(maxPower))
	}
	return nil
}

// validatorUpdates is the difference that a block has made to the validators, in
// ascending order of addresses; the power of those that were removed is 0.
// SPEC(GOV-17)
func (b *block) validatorUpdates() ([]provenance.Validator, error) {
	var out []provenance.Validator
	prefix := provenance.StateValidatorKey(nil)
	for i, c := range b.changes { // ascending by key, which ends with the address
		old := b.old[i].value
		if !strings.HasPrefix(c.key, prefix) || bytes.Equal(c.value, old) {
			continue
		}
		from := c.value
		if from == nil {
			from = old
		}
		v, err := provenance.ParseStateValue[provenance.Validator](from)
		if err != nil {
			return nil, damaged("state", c.key, "%v", err)
		}
		if c.value == nil {
			v.Power = 0
		}
		out = append(out, v)
	}
	return slices.Clip(out), nil
}
