package verify

import (
	"errors"
	"fmt"

	"tokentrail/provenance"
)

// checkInitial holds the state map of genesis against the header of block 1.
func (a *audit) checkInitial() {
	history := a.headers.History()
	if len(history) == 0 {
		return // heights were skipped, or there is no header
	}
	// SPEC(GEN-2), SPEC(STA-4)
	initial := provenance.Preimage{LogRoot: (&frontier{}).root(), StateRoot: newStateMap(a.doc.state).root()}
	if got := initial.AppHash(); got != history[0].AppHash {
		a.genesis.finding(CodeInitialState, "headers[1].app_hash", "that of the genesis document's state, "+got.String(), history[0].AppHash.String())
	}
}

// checkRoots is the heart of the audit: the log and the state map that we made
// by ourselves from the entries are those that the validators signed. SPEC(VER-13)
func (a *audit) checkRoots() {
	s := a.roots
	switch {
	case a.head == nil:
		s.because("no trusted header")
		return
	case !a.complete:
		s.because("the log was not read to its end")
		return
	}
	s.begin()
	s.Checked = int64(max(1, a.replay.next))
	pre := a.replay.preimage()
	// SPEC(STA-4)
	if got := pre.AppHash(); got != a.head.AppHash {
		place := fmt.Sprintf("headers[%d].app_hash", a.head.Height)
		r := a.replay
		if r.history != nil && r.next < len(r.history) {
			// No prefix of the log gives this header's app hash: entries before it
			// were changed.
			place = fmt.Sprintf("headers[%d].app_hash", r.history[r.next].Height)
		}
		s.finding(CodeAppHash, place, "the app hash that the validators signed, "+a.head.AppHash.String(),
			fmt.Sprintf("%s, from %d entries, log root %s, state root %s", got, pre.Size, pre.LogRoot, pre.StateRoot))
		return
	}
	if r := a.replay; r.history != nil && r.next != len(r.history) {
		s.finding(CodeAppHash, fmt.Sprintf("headers[%d].app_hash", r.history[r.next].Height),
			"the app hash of a prefix of the log", r.history[r.next].AppHash.String())
		return
	}
	a.ours = &pre
	if a.replay.unknown {
		a.log.because("a key is not valid at every height, and headers were skipped, so that the heights of its entries are not known; audit from genesis")
	}
}

// checkStatus holds the node's word on itself against what was found.
func (a *audit) checkStatus() {
	s := a.said
	if cp := a.early.checkpoint; cp != nil && cp.Size > a.status.LogSize {
		// SPEC(VER-7), SPEC(CHK-2)
		s.finding(CodeStale, "status.log_size", fmt.Sprintf("%d or more: the size of the checkpoint that the node had signed before", cp.Size), fmt.Sprint(a.status.LogSize))
	}
	if a.beyond() && !a.status.CatchingUp {
		// SPEC(VER-7): it gave the trusted header.
		s.finding(CodeStale, "status.height", fmt.Sprintf("%d or more: a header of height %d is trusted", a.trust.Height-1, a.trust.Height), fmt.Sprint(a.status.Height))
	}
	if a.ours == nil {
		s.because("no app hash of our own to compare with")
		return
	}
	if s.Outcome == NotChecked && s.Reason == notReached {
		s.begin()
	}
	s.Checked = 7
	for _, f := range []struct {
		name      string
		want, got provenance.Hash
	}{
		{"log_root", a.ours.LogRoot, a.status.LogRoot},
		{"state_root", a.ours.StateRoot, a.status.StateRoot},
		{"app_hash", a.head.AppHash, a.status.AppHash},
	} {
		// SPEC(VER-6)
		if f.want != f.got {
			s.finding(CodeStatus, "status."+f.name, f.want.String(), f.got.String())
		}
	}
	if a.status.CatchingUp {
		s.because("the node is catching up: its head is not the ledger's")
	}
}

// stateKeys are the keys that the node is asked to prove: all of the registry,
// rules, policy and validators, and a sample of the stream heads.
func (a *audit) stateKeys() []string {
	var keys, streams []string
	for _, key := range sortedKeys(a.replay.state.values) {
		if _, ok := a.replay.streams[key]; ok {
			streams = append(streams, key)
		} else {
			keys = append(keys, key)
		}
	}
	for _, i := range a.sample(int64(len(streams))) {
		keys = append(keys, streams[i])
	}
	return keys
}

// checkState asks for state proofs, of presence and of absence. SPEC(VER-14)
func (a *audit) checkState() {
	s := a.state
	if a.head == nil || !a.complete {
		s.because("no trusted header, or the log was not read to its end")
		return
	}
	s.begin()
	for _, key := range a.stateKeys() {
		if err := a.stateProof(key, true); err != nil {
			s.stop(err)
			var f *Finding
			if !errors.As(err, &f) {
				return
			}
		}
		s.Checked++
	}
	// A name that cannot stand in the map, since ids are lower-case, and that the
	// node cannot guess.
	made := fmt.Sprintf("provider/NOBODY-%016x", a.draw.Uint64())
	if err := a.stateProof(made, false); err != nil {
		s.stop(err)
		return
	}
	s.Checked++
}

// stateProof asks for one key and checks the answer against a trusted header.
func (a *audit) stateProof(key string, present bool) error {
	place := fmt.Sprintf("state[%s]", key)
	answer, err := a.src.State(a.ctx, key)
	if errors.Is(err, ErrMissing) {
		return NewFinding(CodeStateForm, place, "a value and its proof, or a proof of absence", "nothing")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", place, err)
	}
	pre, err := a.trustedPreimage(place, answer)
	if err != nil {
		return err
	}
	proof, err := provenance.ParseStateProof(answer.Proof)
	if err != nil {
		return NewFinding(CodeStateForm, place+".proof", "a state proof", err.Error())
	}
	// SPEC(STA-2)
	if !present {
		if err := proof.Absent(pre.StateRoot, key); err != nil {
			return NewFinding(CodeStateProof, place, "a proof of absence under "+pre.StateRoot.String(), err.Error())
		}
		if len(answer.Value) > 0 {
			return NewFinding(CodeStateValue, place, "no value: it is proven absent", fmt.Sprintf("%x", answer.Value))
		}
		return nil
	}
	if err := proof.Present(pre.StateRoot, key, answer.Value); err != nil {
		return NewFinding(CodeStateProof, place, "a proof of presence under "+pre.StateRoot.String(), err.Error())
	}
	return a.stateValue(place, key, pre, answer.Value)
}

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

// stateValue holds a proven value against the replayed one. Under a later head
// a stream may have grown.
func (a *audit) stateValue(place, key string, pre provenance.Preimage, value []byte) error {
	want := a.replay.state.values[key]
	if string(value) == string(want) {
		return nil
	}
	head, stream := a.replay.streams[key]
	if stream && pre.Size > a.replay.tree.size {
		later, err := provenance.ParseStateValue[provenance.StreamHead](value)
		// SPEC(ADM-12): a stream only grows.
		if err == nil && later.Sequence > head.Sequence && later.Index >= a.replay.tree.size {
			return nil
		}
	}
	return NewFinding(CodeStateValue, place, fmt.Sprintf("%x, as replayed from the log", want), fmt.Sprintf("%x", value))
}
