package verify

import (
	"fmt"

	"tokentrail/provenance"
)

// checkInitial holds the state map of genesis against the header of block 1.
func (a *audit) checkInitial() {
	history := a.headers.History()
	if len(history) == 0 { // heights were skipped, or there is no header
		if a.trust.Height > 0 && a.trust.Genesis == nil {
			// SPEC(VER-3)
			a.assume("rules, policy, governance and registry began as the node's genesis document says: what acts have replaced since is under no header that was looked at; name the document's SHA-256 to be sure")
		}
		return
	}
	// SPEC(GEN-2), SPEC(STA-4)
	initial := provenance.Preimage{LogRoot: (&frontier{}).root(), StateRoot: newStateMap(a.doc.initial).root()}
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
	a.replay.finish()
	pre := a.replay.preimage()
	if a.replay.blind && pre.AppHash() != a.head.AppHash {
		s.because("rules change at a height, headers were skipped, and the node does not tell the heights of its entries, so that the state map cannot be built again; audit from genesis")
		return
	}
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
	a.sumStolen()
	a.checkAges()
	a.checkHeights()
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
