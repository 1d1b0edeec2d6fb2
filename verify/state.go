package verify

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"tokentrail/provenance"
)

// stateKeys are the keys that the node is asked to prove: rules, policy,
// governance, every provider and validator, every closed stream and a sample of
// the others; and those that it is to prove absent: governance where nobody
// governs, validators that were removed, and one made up.
func (a *audit) stateKeys() (present, absent []string) {
	var streams []string
	r := a.replay
	for _, key := range sortedKeys(r.registry.state.values) {
		if head, stream := r.streams[key]; stream && head.Closed == nil {
			streams = append(streams, key)
		} else {
			present = append(present, key)
		}
	}
	for _, i := range a.sample(int64(len(streams))) {
		present = append(present, streams[i])
	}
	if r.governance == nil {
		absent = append(absent, provenance.StateGovernance)
	}
	absent = append(absent, sortedKeys(r.removed)...)
	// A name that cannot stand in the map, since ids are lower-case, and that the
	// node cannot guess.
	return present, append(absent, fmt.Sprintf("provider/NOBODY-%016x", a.draw.Uint64()))
}

// checkState asks for state proofs, of presence and of absence. SPEC(VER-14)
func (a *audit) checkState() {
	s := a.state
	switch {
	case a.head == nil || !a.complete:
		s.because("no trusted header, or the log was not read to its end")
		return
	case a.replay.blind && a.ours == nil:
		s.because("no state map of our own")
		return
	}
	s.begin()
	present, absent := a.stateKeys()
	for i, key := range append(present, absent...) {
		if err := a.stateProof(key, i < len(present)); err != nil {
			s.stop(err)
			var f *Finding
			if !errors.As(err, &f) {
				return
			}
		}
		s.Checked++
	}
}

// stateProof asks for one key and checks the answer against a trusted header.
func (a *audit) stateProof(key string, present bool) error {
	place := fmt.Sprintf("state[%s]", key)
	answer, err := a.src.State(a.ctx, key)
	if err != nil {
		return a.lack(CodeStateForm, place, "a value and its proof, or a proof of absence", err)
	}
	pre, err := a.trustedPreimage(place, answer)
	if err != nil {
		return err
	}
	proof, err := provenance.ParseStateProof(answer.Proof)
	if err != nil {
		return NewFinding(CodeStateForm, place+".proof", "a state proof", err.Error())
	}
	later := pre.Size > a.replay.tree.size
	// SPEC(STA-2)
	if gone := later && len(answer.Value) == 0 && isValidator(key); !present || gone {
		err := proof.Absent(pre.StateRoot, key)
		switch {
		case err != nil && later && isValidator(key):
			// It is there again; its value is as good as any.
		case err != nil:
			return NewFinding(CodeStateProof, place, "a proof of absence under "+pre.StateRoot.String(), err.Error())
		case len(answer.Value) > 0:
			return NewFinding(CodeStateValue, place, "no value: it is proven absent", fmt.Sprintf("%x", answer.Value))
		default:
			return nil
		}
	}
	if err := proof.Present(pre.StateRoot, key, answer.Value); err != nil {
		return NewFinding(CodeStateProof, place, "a proof of presence under "+pre.StateRoot.String(), err.Error())
	}
	return a.stateValue(place, key, later, answer.Value)
}

func isValidator(key string) bool { return strings.HasPrefix(key, "validator/") }

// trustedPreimage returns the preimage of an app hash that a trusted header of
// the audited height or a later one carries.
func (a *audit) trustedPreimage(place string, answer *StateAnswer) (provenance.Preimage, error) {
	pre, err := provenance.ParsePreimage(answer.Preimage)
	if err != nil {
		return pre, NewFinding(CodeStateForm, place+".preimage", "an app hash's preimage", err.Error())
	}
	// SPEC(VER-7)
	if answer.Height < a.head.Height || pre.Size < a.replay.tree.size {
		return pre, NewFinding(CodeStale, place, fmt.Sprintf("the header of height %d or more, and %d entries or more", a.head.Height, a.replay.tree.size),
			fmt.Sprintf("height %d, %d entries", answer.Height, pre.Size))
	}
	header, err := a.headers.Header(a.ctx, answer.Height)
	if err != nil {
		return pre, fmt.Errorf("%s: %w", place, err)
	}
	// SPEC(STA-4)
	if got := pre.AppHash(); got != header.AppHash {
		return pre, NewFinding(CodeStateAppHash, place+".preimage", fmt.Sprintf("that of the app hash in header %d, %s", header.Height, header.AppHash), got.String())
	}
	return pre, nil
}

// stateValue holds a proven value against the replayed one. Under a later head it
// may have grown.
func (a *audit) stateValue(place, key string, later bool, value []byte) error {
	want := a.replay.registry.state.values[key]
	if bytes.Equal(value, want) || later && a.mayFollow(key, value) {
		return nil
	}
	return NewFinding(CodeStateValue, place, fmt.Sprintf("%x, as replayed from the log", want), fmt.Sprintf("%x", value))
}

// mayFollow reports whether a value can be what entries behind the audited ones
// made of the replayed one. SPEC(ADM-12), SPEC(GOV-19)
func (a *audit) mayFollow(key string, value []byte) bool {
	r := a.replay
	if head := r.streams[key]; head != nil {
		later, err := provenance.ParseStateValue[provenance.StreamHead](value)
		grown := later.Sequence > head.Sequence && later.Index >= r.tree.size
		closed := head.Closed == nil && later.Closed != nil && *later.Closed >= r.tree.size && (grown || later.Sequence == head.Sequence && later.Statement == head.Statement)
		return err == nil && (grown || closed)
	}
	if !r.mayChange() {
		return false
	}
	id, provider := strings.CutPrefix(key, "provider/")
	switch {
	case provider:
		later, err := provenance.ParseStateValue[provenance.Provider](value)
		return err == nil && grewFrom(&r.providers[id].provider, &later)
	case r.governance == nil:
		return false
	case key == provenance.StateGovernance:
		later, err := provenance.ParseStateValue[provenance.Governance](value)
		return err == nil && later.Sequence > r.governance.Sequence
	case key == provenance.StateRules:
		later, err := provenance.ParseStateValue[provenance.Rules](value)
		return err == nil && later.Version >= r.registry.rules.Version
	}
	return true // the policy and validators are what the latest act says
}

// grewFrom reports whether a provider's value can be what acts and entries made of
// an older one: nothing that counts gets less, and no key goes.
func grewFrom(before, after *provenance.Provider) bool {
	if after.ID != before.ID || after.Streams < before.Streams || after.Equivocations < before.Equivocations || after.Acts < before.Acts || len(after.Keys) < len(before.Keys) {
		return false
	}
	for i := range before.Keys {
		if !bytes.Equal(before.Keys[i].Key, after.Keys[i].Key) || before.Keys[i].Revoked != nil && after.Keys[i].Revoked == nil {
			return false
		}
	}
	return true
}
