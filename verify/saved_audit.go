package verify

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"tokentrail/provenance"
)

// saving is what an audit knows of going on, and of being gone on from.
type saving struct {
	ready   bool      // there is something to save
	last    time.Time // when it was saved
	entries int64     // the log's size then
	steps   []savedStep
	gone    map[*Step]bool // steps that go on, rather than begin again
}

// resume puts the saved audit in the place of an empty one. It reports false where
// the audit cannot go on, and says why. SPEC(VER-42)
func (a *audit) resume() bool {
	s := a.opts.Resume
	if s == nil {
		return true
	}
	if err := s.Fits(a.trust); err != nil {
		a.genesis.because(err.Error())
		return false
	}
	if err := s.Chosen(&a.opts); err != nil {
		a.genesis.because(err.Error())
		return false
	}
	// What is saved of heights is of its own kind of trust.
	if own := s.Trust(); !own.sameHeader(a.trust) {
		a.genesis.because(fmt.Sprintf("the saved audit goes on from %s, this one was given %s; give what Saved.Trust returns, or audit anew", own.words(), a.trust.words()))
		return false
	}
	// SPEC(LOG-2)
	if s.genesis != a.doc.hash {
		a.genesis.finding(CodeGenesisHash, "genesis", s.genesis.String()+", that of the saved audit", a.doc.hash.String())
		return false
	}
	if s.done == nil {
		a.saving.steps = s.steps
	} else {
		a.saving.steps = slices.DeleteFunc(slices.Clone(s.steps), func(step savedStep) bool { return !slices.Contains(lastingSteps, step.name) })
	}
	if a.behind(s) {
		return false
	}
	if err := a.replay.restore(&s.replay); err != nil {
		a.genesis.because(fmt.Sprintf("the saved audit: %v; audit anew without it", err))
		return false
	}
	a.rep.before = s.replay.totals.Records
	a.saving.gone = map[*Step]bool{a.log: true, a.policy: true, a.corrections: true}
	for i := range a.saving.steps {
		for step := range a.saving.gone {
			if from := &a.saving.steps[i]; from.name == step.Name {
				step.restore(from)
			}
		}
	}
	a.saving.entries = a.replay.tree.size
	return true
}

// behind reports whether the node shows less than was shown before, and says so. One
// that lags is asked again for some seconds. SPEC(VER-47)
func (a *audit) behind(s *Saved) bool {
	patience := a.opts.Patience
	if patience == 0 {
		patience = defaultPatience
	}
	for ; a.below(s) && patience > 0 && a.pause(); patience -= statusPause {
		status, err := a.src.Status(a.ctx)
		if err != nil {
			a.log.because(fmt.Sprintf("the node's status: %v", err))
			return true
		}
		a.status = status
	}
	if !a.below(s) {
		return false
	}
	want := fmt.Sprintf("height %d and log size %d or more, as the saved audit has seen", max(s.height(), 0), s.Entries())
	got := fmt.Sprintf("height %d and log size %d", a.status.Height, a.status.LogSize)
	if a.status.CatchingUp {
		a.log.because(fmt.Sprintf("the node is catching up: %s, it names %s; ask again later", want, got))
		return true
	}
	// SPEC(VER-7)
	a.said.finding(CodeStale, "status", want, got)
	a.log.because("the node is behind the saved audit")
	return true
}

// below reports whether the node's head is below what the saved audit has seen.
func (a *audit) below(s *Saved) bool {
	height := s.height()
	return a.status.LogSize < s.Entries() || height >= 0 && a.status.Height < height
}

// height is the greatest that the node is known to have named; -1 where headers were
// skipped and no verdict was reached.
func (s *Saved) height() int64 {
	switch head := s.head(); {
	case s.headers != nil:
		return int64(len(s.headers.Headers)) - 1
	case head != nil:
		return head.Header.Height - 1
	}
	return -1
}

// resumeHeaders goes on behind the headers of the saved audit.
func (a *audit) resumeHeaders() error {
	s := a.opts.Resume
	if s == nil {
		return nil
	}
	if s.headers != nil {
		v, ok := a.headers.(SavingVerifier)
		if !ok {
			return errors.New("the saved audit has headers since genesis, which this verifier does not go on from; audit anew")
		}
		if err := v.ResumeHeaders(s.headers); err != nil {
			return err
		}
	}
	if reached, known := int64(a.replay.heights.next), int64(len(a.headers.History())); reached > max(1, known) {
		return fmt.Errorf("%w: its log reached %d app hashes, its headers have %d; audit anew without it", ErrNotSaved, reached, known)
	}
	return nil
}

// tellAgain tells again what was found before the audit was interrupted. SPEC(VER-44)
func (a *audit) tellAgain() {
	for i := range a.saving.steps {
		from := &a.saving.steps[i]
		for _, step := range a.rep.Steps {
			if step.Name == from.name && !a.saving.gone[step] {
				step.recall(from)
			}
		}
	}
}

// onReport names the verdict that the audit went on from, where it did. SPEC(VER-45)
func (a *audit) onReport(u TrustUsed) TrustUsed {
	s := a.opts.Resume
	if s == nil || s.head() == nil {
		return u
	}
	head, kind := s.head(), u.Kind
	u.Kind, u.Height, u.Hash = "report", head.Header.Height, &head.Header.Hash
	u.Report = &EarlierReport{head.Started, head.Verdict, kind, head.LogSize}
	u.Says = fmt.Sprintf("the auditor's own saved audit of %s, which came to %q at header %d with hash %s and %d entries: these are not looked at again. It began with %s",
		head.Started, head.Verdict, head.Header.Height, head.Header.Hash, head.LogSize, s.trust.words())
	if head.Verdict == Evidence { // SPEC(VER-45)
		u.Says += "; of what it found, what an inspection said of these entries, and what the node no longer answers wrongly, is in its own report alone"
	}
	return u
}

// saveNow saves the audit where it is time to.
func (a *audit) saveNow() {
	o := &a.opts
	if o.Save == nil || o.FlowsOnly {
		return
	}
	every := o.SaveEvery
	if every == 0 {
		every = defaultSave
	}
	due := every > 0 && o.Now().Sub(a.saving.last) >= every || o.SaveEntries > 0 && a.replay.tree.size-a.saving.entries >= o.SaveEntries
	if due {
		a.save(nil)
	}
}

// saveEnd saves the audit as it has ended. SPEC(VER-43)
func (a *audit) saveEnd() {
	if a.opts.Save == nil || a.opts.FlowsOnly || !a.saving.ready {
		return
	}
	if !a.ended() {
		a.save(nil)
		return
	}
	r := a.replay
	r.floor = a.status.Height
	// What these say was held against headers and answers.
	r.ages, r.asked, r.marks = nil, map[int64]bool{}, map[int64]*provenance.Preimage{}
	a.save(&SavedHead{*a.head, r.tree.size, a.rep.Verdict, a.rep.Started})
}

// ended reports whether all that rests on the log was carried through, so that
// another audit can go on from its end.
func (a *audit) ended() bool {
	if a.ours == nil || a.ctx.Err() != nil {
		return false
	}
	for _, s := range a.rep.Steps {
		if slices.Contains(lastingSteps, s.Name) && s.Reason != "" && !s.Optional {
			return false
		}
	}
	return true
}

// save hands the audit on as far as it came.
func (a *audit) save(done *SavedHead) {
	s := &Saved{
		trust: a.trust, genesis: a.doc.hash, chainID: a.doc.chainID, seed: a.opts.Seed[:], choices: a.opts.choices(), done: done,
		steps: a.savedSteps(), replay: a.replay.saved(), flows: a.savedFlows(),
	}
	if before := a.opts.Resume; before != nil {
		s.trust, s.base = before.trust, before.head()
		if a.trust.Genesis != nil {
			s.trust.Genesis = a.trust.Genesis
		}
	}
	if v, ok := a.headers.(SavingVerifier); ok {
		s.headers = v.SaveHeaders()
	}
	a.opts.Save(done != nil, s.write)
	a.saving.last, a.saving.entries = a.opts.Now(), a.replay.tree.size
}
