package verify

import (
	"errors"
	"fmt"
	"time"

	"tokentrail/provenance"
)

// KeptUsed is the kept head that an audit was compared with. SPEC(VER-39)
type KeptUsed struct {
	Height int64           `json:"height"`
	Hash   provenance.Hash `json:"hash"`
	Kept   string          `json:"kept"` // when
	Trust  string          `json:"trust"`
}

// says tells it in words.
func (k *KeptUsed) says() string {
	return fmt.Sprintf("header %d, hash %s, kept %s by an audit %s", k.Height, k.Hash, k.Kept, k.Trust)
}

// NewKept returns the head to keep, nil where the audit led to none that is newer
// than the kept one, or the error for which there is none. SPEC(VER-30)
func (r *Report) NewKept() (*Kept, error) { return r.kept, r.keptErr }

// ForkEvidence returns what proves the forks that were found, as far as it does.
// SPEC(VER-37)
func (r *Report) ForkEvidence() []*Fork { return r.evidence }

// recall gets what was kept. What is there and cannot be used is never taken for
// nothing. SPEC(VER-31)
func (a *audit) recall() {
	s := a.memory
	if s == nil {
		return
	}
	k, err := a.opts.Kept(a.origin)
	switch {
	case err != nil:
		s.because(fmt.Sprintf("what was kept of this ledger: %v", err))
	case k == nil:
		s.Optional = true
		s.because("nothing was kept of this ledger before: a fork from before this audit would not be noticed")
	case k.Origin != a.origin:
		s.because(fmt.Sprintf("what was kept is of another ledger, %s", k.Origin))
	default:
		a.kept = k
		a.rep.Trust.Kept = &KeptUsed{Height: k.Height, Hash: k.Header, Kept: k.When.Format(time.RFC3339), Trust: k.Trust.says()}
	}
}

// markOthers names the sizes of the log at which what others showed is compared.
func (a *audit) markOthers() {
	if a.kept != nil {
		a.replay.mark(a.kept.Preimage.Size)
	}
	for _, w := range a.asked {
		if w.checkpoint != nil {
			a.replay.mark(w.checkpoint.Size)
		}
	}
}

// behindKept reports whether the node's head is below the kept one.
func (a *audit) behindKept() bool { return a.kept != nil && a.kept.Height > a.status.Height+1 }

// checkKept holds the audited ledger against what was kept of it. SPEC(VER-31)
func (a *audit) checkKept() {
	s, k := a.memory, a.kept
	if k == nil || len(s.Findings) > 0 {
		return
	}
	s.begin()
	if a.keptErr != nil {
		s.because(a.keptErr.Error())
	}
	switch {
	case a.behindKept() && a.status.CatchingUp:
		s.because(fmt.Sprintf("the node is catching up and has not reached the kept height %d; try again later", k.Height))
		return
	case a.behindKept():
		s.Checked = 1
		s.finding(CodeStale, "status.height", fmt.Sprintf("%d or more: the header of height %d was kept %s", k.Height-1, k.Height, k.When.Format(time.RFC3339)), fmt.Sprint(a.status.Height))
		return
	case a.head == nil && (a.trust.Height > 0 || a.headers.Verified() < k.Height):
		s.because("no trusted header to compare with")
		return
	}
	s.Checked = 1
	if a.sameKeptHeader() {
		a.compareKeptLog()
	}
}

// sameKeptHeader reports whether the header of the kept height is the kept one, or
// too far away to tell.
func (a *audit) sameKeptHeader() bool {
	s, k := a.memory, a.kept
	// SPEC(VER-31)
	if a.trust.Height-k.Height > maxBack {
		a.assume(fmt.Sprintf("the header kept of height %d is more than %d below the trusted one: the log and state of then were compared, the header itself was not", k.Height, maxBack))
		return true
	}
	h, err := a.headers.Header(a.ctx, k.Height)
	if err != nil {
		var f *Finding
		if a.head == nil && errors.As(err, &f) {
			err = errors.New("no trusted header of the kept height") // the step headers has the finding
		}
		s.stop(err)
		return false
	}
	if h.Hash == k.Header {
		return true
	}
	s.finding(CodeFork, placeOfHeader(k.Height), fmt.Sprintf("the header kept %s, %s", k.When.Format(time.RFC3339), k.Header),
		fmt.Sprintf("%s, signed by the validators too", h.Hash))
	s.unproven(a.prove(a.keptSide(false), func() (ForkSide, error) { return a.sideAt(h, a.src) }, nil))
	return false
}

// compareKeptLog holds the log of the kept size against the kept one. SPEC(VER-31)
func (a *audit) compareKeptLog() {
	s, k := a.memory, a.kept
	want := k.Preimage
	switch {
	case !a.complete:
		s.because("the log was not read to its end")
		return
	case a.replay.tree.size < want.Size:
		s.finding(CodeFork, "status.log_size", fmt.Sprintf("%d or more: the log of the header kept of height %d", want.Size, k.Height), fmt.Sprint(a.replay.tree.size))
		a.proveLog(nil)
		return
	}
	got := a.replay.marks[want.Size]
	if got == nil {
		a.compareKeptApp()
		return
	}
	if got.LogRoot == want.LogRoot && (got.StateRoot == want.StateRoot || a.replay.blind) {
		return
	}
	s.finding(CodeFork, fmt.Sprintf("consistency[%d:%d]", want.Size, a.replay.tree.size),
		fmt.Sprintf("a log that begins with that of header %d: log root %s, state root %s", k.Height, want.LogRoot, want.StateRoot),
		fmt.Sprintf("log root %s, state root %s", got.LogRoot, got.StateRoot))
	a.proveLog(&got.LogRoot)
}

// compareKeptApp compares where a saved audit had passed the kept size: the app hash of
// then tells as much. Which it was is not known where headers were skipped and the node
// gave no heights: then a consistency proof has to do. SPEC(VER-31), SPEC(VER-49)
func (a *audit) compareKeptApp() {
	s, k := a.memory, a.kept
	want := k.Preimage
	app, known := a.replay.appAt(want.Size)
	switch {
	case known && app == want.AppHash():
	case known || !a.replay.unknowable():
		s.finding(CodeFork, fmt.Sprintf("consistency[%d:%d]", want.Size, a.replay.tree.size),
			fmt.Sprintf("a log that begins with that of header %d, of app hash %s", k.Height, want.AppHash()), app.String())
		a.proveLog(nil)
	case a.ours == nil:
		s.because("there is no log of our own that a trusted header covers")
	default:
		if err := a.checkConsistency(want.Size, want.LogRoot); err != nil {
			s.because(fmt.Sprintf("the saved audit had passed the %d entries of the kept head, the node does not tell the heights of its entries, and no consistency proof leads from there to the audited log: %v", want.Size, err))
		}
	}
}

// keptSide is the kept head as a side of a fork.
func (a *audit) keptSide(withLog bool) ForkSide {
	s := ForkSide{LightBlock: a.kept.LightBlock, Changes: a.kept.Changes}
	if withLog {
		s.Preimage = a.kept.Preimage.Encode()
	}
	return s
}

// proveLog makes the evidence that the audited log is no extension of the kept
// one; root is that of its first entries, nil where it has too few.
func (a *audit) proveLog(root *provenance.Hash) {
	s, pre := a.memory, a.replay.preimage()
	if a.head == nil || pre.AppHash() != a.head.AppHash {
		s.unproven(errors.New("no evidence for others: the node's log is not that of the header that it shows"))
		return
	}
	s.unproven(a.prove(a.keptSide(true), func() (ForkSide, error) {
		side, err := a.sideAt(a.head, a.src)
		side.Preimage = pre.Encode()
		return side, err
	}, func(f *Fork) error {
		if root == nil || pre.Size == a.kept.Preimage.Size {
			return nil
		}
		raw, err := a.src.Consistency(a.ctx, a.kept.Preimage.Size, pre.Size)
		if err != nil {
			return err
		}
		proof, err := provenance.ParseConsistency(raw)
		if err == nil {
			f.Root, f.Path = root, proof.Path
		}
		return err
	}))
}

// unproven says why there is no evidence of a fork that was found.
func (s *Step) unproven(why error) {
	if why != nil {
		s.Reason = why.Error()
	}
}

// keep makes the head to keep, where the audit led to one. SPEC(VER-30)
func (a *audit) keep() {
	if a.opts.Kept == nil || a.ours == nil || a.kept != nil && a.head.Height <= a.kept.Height || !a.mayKeep() {
		return
	}
	side, err := a.sideAt(a.head, a.src)
	if err != nil {
		a.rep.keptErr = fmt.Errorf("the head to keep: %w", err)
		return
	}
	k := &Kept{
		Origin: a.origin, Height: a.head.Height, Header: a.head.Hash, LightBlock: side.LightBlock, Preimage: *a.ours,
		Changes: side.Changes, When: a.opts.Now().UTC().Truncate(time.Millisecond),
		Trust: KeptTrust{Kind: "genesis", From: "node", Height: a.trust.Height, Hash: a.doc.hash},
	}
	if a.trust.Genesis != nil {
		k.Trust.From = "auditor"
	}
	if a.trust.Height > 0 {
		k.Trust.Kind, k.Trust.Hash = "header", a.trust.Hash
	}
	a.rep.kept = k
}

// mayKeep reports whether all passed on which a kept head rests.
func (a *audit) mayKeep() bool {
	for _, s := range []*Step{a.signed, a.log, a.roots} {
		if s.Outcome != Passed {
			return false
		}
	}
	if a.kept == nil && !a.memory.Optional || a.kept != nil && a.memory.Outcome != Passed {
		return false
	}
	for _, f := range a.rep.Findings() {
		if f.Code == CodeFork {
			return false
		}
	}
	return true
}
