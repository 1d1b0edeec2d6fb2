package verify

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"strings"

	"tokentrail/provenance"
)

// A Witness is another node of the ledger, which is asked for the same.
type Witness struct {
	Name   string // its address
	Source Source
}

// WitnessSays is what came of asking a witness. SPEC(VER-39)
type WitnessSays struct {
	From   string `json:"from"`
	Height int64  `json:"height"` // of the header that was compared; 0 where none was
	Ahead  int64  `json:"ahead"`  // heights above the audited one that the validators signed
	Agrees bool   `json:"agrees"`
	Says   string `json:"says"`
}

// asked is what a witness said before the audited log was read.
type asked struct {
	Witness
	says       *WitnessSays
	status     *Status
	checkpoint *provenance.Checkpoint
	signer     ed25519.PublicKey // of the checkpoint
	err        error             // why there is no status
	noteErr    error             // why there is no checkpoint
	place      string
	unproven   error // why there is no evidence of the fork that it showed
}

// askWitnesses asks for what the log is compared with as it is read. SPEC(VER-38)
func (a *audit) askWitnesses() {
	for _, w := range a.opts.Witnesses {
		k := &asked{Witness: w, says: &WitnessSays{From: w.Name, Says: notReached}, place: "witnesses[" + w.Name + "]."}
		a.rep.Witnesses = append(a.rep.Witnesses, k.says)
		a.asked = append(a.asked, k)
		if k.status, k.err = w.Source.Status(a.ctx); k.err == nil && k.status.Origin == a.origin {
			k.checkpoint, k.signer, k.noteErr = checkpointOf(a.ctx, w.Source, a.origin)
		}
	}
}

// checkpointOf returns a node's checkpoint of a log, and the key among those that it
// lists which signed it.
func checkpointOf(ctx context.Context, src Source, origin string) (*provenance.Checkpoint, ed25519.PublicKey, error) {
	set, err := src.Keys(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("its keys: %w", err)
	}
	raw, err := src.Checkpoint(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("its checkpoint: %w", err)
	}
	bad := func(err error) error {
		return NewFinding(CodeWitness, "checkpoint", "a checkpoint of this ledger, signed by a key that the node lists", err.Error())
	}
	keys, err := provenance.ParseKeySet(set)
	if err != nil {
		return nil, nil, bad(err)
	}
	last := errors.New("it lists no Ed25519 key")
	for _, key := range keys {
		public, ok := key.Crypto().(ed25519.PublicKey)
		if !ok {
			continue
		}
		cp, err := provenance.OpenCheckpoint(raw, origin, public)
		if err == nil {
			return cp, public, nil
		}
		last = err
	}
	return nil, nil, bad(last)
}

// checkWitnesses holds what the witnesses show against what was audited. SPEC(VER-38)
func (a *audit) checkWitnesses() {
	s := a.witnesses
	if s == nil {
		return
	}
	if a.asked == nil {
		return // the audit did not come that far
	}
	s.begin()
	var undone []string
	for _, w := range a.asked {
		err := a.checkWitness(w)
		var f *Finding
		switch {
		case err == nil:
			s.Checked++
			w.says.Agrees = true
		case errors.As(err, &f):
			s.Checked++
			w.says.Says = f.Error()
			s.find(f)
			if w.unproven != nil {
				undone = append(undone, w.Name+": "+w.unproven.Error())
			}
		default:
			w.says.Says = err.Error()
			undone = append(undone, w.Name+": "+err.Error())
		}
	}
	if len(undone) > 0 {
		s.because(strings.Join(undone, "; "))
	}
}

// checkWitness holds one witness against what was audited: a finding, why that
// could not be done, or nil.
func (a *audit) checkWitness(w *asked) error {
	w.says.Says = ""
	if w.err != nil {
		return w.undone("status", w.err)
	}
	if w.status.Origin != a.origin {
		return w.finding("status.origin", a.origin, w.status.Origin)
	}
	if a.head == nil {
		return errors.New("there is no trusted header to compare with")
	}
	if err := a.compareHeader(w); err != nil {
		return err
	}
	if err := a.compareCheckpoint(w); err != nil {
		return err
	}
	if other := a.sameNode(w); other != "" {
		return fmt.Errorf("it signs checkpoints with a key of %s: one node at two addresses is no witness; name another node", other)
	}
	a.lookAhead(w)
	return nil
}

// sameNode names the audited node or the witness before this one whose key this one's
// checkpoint has. That shows who was named twice by mistake, and no node that hides it.
func (a *audit) sameNode(w *asked) string {
	for _, key := range a.early.keys {
		if public, ok := key.Crypto().(ed25519.PublicKey); ok && public.Equal(w.signer) {
			return "the node that is audited"
		}
	}
	for _, before := range a.asked {
		if before == w {
			break
		}
		if before.says.Agrees && before.signer.Equal(w.signer) {
			return before.Name
		}
	}
	return ""
}

// compareHeader compares the header of the audited height or, where the witness is
// behind, the one above the head that its status names.
func (a *audit) compareHeader(w *asked) error {
	mine := a.head
	raw, err := blockAt(a.ctx, w.Source, mine.Height)
	if errors.Is(err, ErrMissing) && w.status.Height+1 < mine.Height {
		w.says.Says = fmt.Sprintf("%s behind", amount(mine.Height-w.status.Height-1, "heights"))
		if w.status.Height < 1 {
			return errors.New("it has no signed header yet")
		}
		if mine, err = a.headers.Header(a.ctx, w.status.Height+1); err != nil {
			return fmt.Errorf("header %d, to compare with: %v", w.status.Height+1, err)
		}
		raw, err = blockAt(a.ctx, w.Source, mine.Height)
	}
	place := placeOfHeader(mine.Height)
	if err != nil {
		return w.undone(place, err)
	}
	got, err := a.headers.Open(a.ctx, raw)
	if err == nil && got.Height != mine.Height {
		return w.finding(place, fmt.Sprintf("a header of height %d", mine.Height), fmt.Sprintf("one of height %d", got.Height))
	}
	if err != nil {
		return a.otherHeader(w, mine, raw, err)
	}
	w.says.Height = mine.Height
	if w.says.Says == "" {
		w.says.Says = "the same header"
	}
	return nil
}

// otherHeader tells a header that the validators signed from garbage.
func (a *audit) otherHeader(w *asked, mine *Header, raw []byte, why error) error {
	place := placeOfHeader(mine.Height)
	signed, side, err := a.signedBy(raw, mine.Height, w.Source)
	if err != nil {
		return w.finding(place, "the header that was audited, "+mine.Hash.String(), fmt.Sprintf("one that the validators are not shown to have signed: %v (%v)", why, err))
	}
	if signed.Height != mine.Height || signed.Hash == mine.Hash {
		return w.finding(place, "the header that was audited, "+mine.Hash.String(), why.Error())
	}
	first, err := a.sideAt(mine, a.src)
	if err != nil {
		return err
	}
	w.says.Height = mine.Height
	w.unproven = a.prove(first, func() (ForkSide, error) { return side, nil }, nil)
	return NewFinding(CodeFork, w.place+place, "the header that was audited, "+mine.Hash.String(), fmt.Sprintf("%s, signed by the validators too", signed.Hash))
}

// compareCheckpoint holds the witness's checkpoint against the audited log, or the
// log that it is of against that.
func (a *audit) compareCheckpoint(w *asked) error {
	if w.noteErr != nil {
		return w.undone("checkpoint", w.noteErr)
	}
	cp := w.checkpoint
	switch {
	case a.ours == nil:
		return errors.New("there is no log of our own that a trusted header covers")
	case cp.Size <= a.ours.Size:
		mark := a.replay.marks[cp.Size]
		if mark == nil { // a saved audit had passed it
			if err := a.checkConsistency(cp.Size, cp.Root); err != nil {
				return fmt.Errorf("its checkpoint is of %d entries, which the saved audit had passed, and no consistency proof leads from it to the audited log: %v", cp.Size, err)
			}
			return nil
		}
		if cp.Root != mark.LogRoot {
			return w.finding("checkpoint.root", fmt.Sprintf("that of the first %d entries, %s", cp.Size, mark.LogRoot), cp.Root.String())
		}
		return nil
	}
	raw, err := w.Source.Consistency(a.ctx, a.ours.Size, cp.Size)
	if err != nil {
		return w.undone("checkpoint", err)
	}
	want := fmt.Sprintf("a log of %d entries that begins with the %d that were audited", cp.Size, a.ours.Size)
	proof, err := provenance.ParseConsistency(raw)
	if err == nil && (proof.Older != a.ours.Size || proof.Newer != cp.Size) {
		err = fmt.Errorf("a proof from %d to %d", proof.Older, proof.Newer)
	}
	if err == nil {
		err = proof.Verify(a.ours.LogRoot, cp.Root)
	}
	if err != nil {
		return w.finding("checkpoint", want, err.Error())
	}
	return nil
}

// lookAhead says whether a witness has a newer head that the validators signed:
// what the audited node may withhold. It is no evidence: nodes are never at one
// height all the time.
func (a *audit) lookAhead(w *asked) {
	status, err := w.Source.Status(a.ctx)
	if err != nil || status.Height+1 <= a.head.Height {
		return
	}
	raw, err := blockAt(a.ctx, w.Source, status.Height+1)
	if err != nil {
		return
	}
	h, _, err := a.signedBy(raw, status.Height+1, w.Source)
	switch {
	case err != nil:
		w.says.Says += fmt.Sprintf("; it says that it is at height %d, which was not proven: %v", status.Height+1, err)
	case h.Height > a.head.Height:
		w.says.Ahead = h.Height - a.head.Height
		w.says.Says += fmt.Sprintf("; %s ahead, signed by the validators", amount(w.says.Ahead, "heights"))
	}
}

// finding speaks against the witness.
func (w *asked) finding(at, want, got string) *Finding {
	return NewFinding(CodeWitness, w.place+at, want, got)
}

// undone tells what a witness said that cannot be from what could not be asked.
func (w *asked) undone(at string, err error) error {
	var f *Finding
	switch {
	case errors.As(err, &f):
		return w.finding(f.Place, f.Want, f.Got)
	case errors.Is(err, ErrMissing) && w.status != nil && w.status.CatchingUp:
		// SPEC(VER-19)
		return fmt.Errorf("%s: it is catching up: %w", at, err)
	case errors.Is(err, ErrAnswer), errors.Is(err, ErrMissing):
		return w.finding(at, "an answer in the form of spec/api.md", err.Error())
	}
	return fmt.Errorf("%s: %w", at, err)
}

// agreeing returns the witnesses that showed the same.
func (a *audit) agreeing() (names []string) {
	for _, w := range a.rep.Witnesses {
		if w.Agrees {
			names = append(names, fmt.Sprintf("%s (%s)", w.From, w.Says))
		}
	}
	return names
}

// seenFrom says from how many addresses headers were compared. SPEC(VER-2)
func (a *audit) seenFrom() string {
	if n := len(a.agreeing()); n > 0 {
		return "compared with " + amount(int64(n), "other addresses")
	}
	return "from one address, so that a fork shown to others is not detected"
}

// assumeSources says what one address can hide, and who else was asked. SPEC(VER-2)
func (a *audit) assumeSources() {
	names := a.agreeing()
	if len(names) == 0 {
		a.assume("a node can withhold entries newer than the head it shows: only a second source would tell")
		return
	}
	a.assume(fmt.Sprintf("a node can withhold entries newer than the head it shows, and show others a fork, only together with these, who were asked too: %s", strings.Join(names, ", ")))
}
