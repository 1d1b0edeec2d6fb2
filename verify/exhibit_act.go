package verify

import (
	"errors"
	"fmt"

	"tokentrail/provenance"
)

// readAct reads an act, which is for one ledger. SPEC(BND-7)
func (x *exhibit) readAct() error {
	u, err := provenance.ParseAct(x.Entry)
	if err != nil {
		return NewFinding(CodeActForm, "entry", "a canonical act of spec/governance.md", err.Error())
	}
	act := u.Act()
	// SPEC(GOV-7)
	if act.Chain != x.doc.chainID {
		return NewFinding(CodeActPlace, "entry.chain", x.doc.chainID, act.Chain)
	}
	x.act, x.rep.Totals.Acts = u, 1
	x.says.Kind, x.says.Issuer, x.says.Sequence = "act", act.Provider, act.Sequence
	return nil
}

// readEquivocation reads an equivocation and its evidence.
func (x *exhibit) readEquivocation() error {
	if x.Frame == nil {
		return errors.New("the evidence of the equivocation is not there")
	}
	e, err := provenance.ParseEquivocation(x.Entry, x.Frame)
	if err != nil {
		return NewFinding(CodeEquivocationForm, "entry", "a leaf of spec/ledger.md EQV-2 and the two statements that give it", err.Error())
	}
	h := e.A.Header()
	x.equivocation, x.rep.Totals.Equivocations = e, 1
	x.says.Kind, x.says.Issuer, x.says.Stream, x.says.Sequence = "equivocation", h.Issuer, h.Stream, h.Sequence
	return nil
}

// convicts reports whether the issuer signed both statements, with keys that were
// its own alone. SPEC(BND-12)
func (x *exhibit) convicts() error {
	h := x.equivocation.A.Header()
	p, err := x.issuer(h.Issuer)
	if err != nil {
		return err
	}
	for _, s := range []*provenance.UnverifiedStatement{x.equivocation.A, x.equivocation.B} {
		key, public := p.key(s.KID())
		err := x.keyThen("entry.kid", h.Issuer, key, s.KID())
		if err == nil {
			err = signedUnder("entry", s, public)
		}
		var f *Finding
		if errors.As(err, &f) {
			// SPEC(EQV-3)
			return NewFinding(CodeEquivocation, f.Place, f.Want, f.Got)
		}
		if err != nil {
			return err
		}
	}
	if x.receipt != nil {
		x.rep.Notices = append(x.rep.Notices, Notice{
			Kind: NoticeEquivocation, Provider: h.Issuer, Stream: h.Stream, Sequence: &h.Sequence, Entry: x.receipt.Proof.Index,
			Says: fmt.Sprintf("%s signed two statements for sequence %d of its stream %s: %s and %s", h.Issuer, h.Sequence, h.Stream, x.equivocation.A.ID(), x.equivocation.B.ID()),
		})
	}
	return nil
}

// actSigners checks who signed the act. SPEC(BND-11)
func (x *exhibit) actSigners() error {
	act := x.act.Act()
	s := newSigners()
	var enough func() (want, got string, ok bool)
	if act.Provider == "" {
		g, err := x.governanceThen(act)
		if err != nil {
			return err
		}
		enough = s.governors(act, g)
	} else {
		p, err := x.issuer(act.Provider)
		if err != nil {
			return err
		}
		if err := aboutItself(act); err != nil {
			return err
		}
		if enough, err = x.ownKeysThen(s, p); err != nil {
			return err
		}
	}
	if f := s.check(x.act, "entry", enough); f != nil {
		return f
	}
	return nil
}

// aboutItself is SPEC(GOV-12).
func aboutItself(act *provenance.Act) error {
	for i := range act.Actions {
		a := &act.Actions[i]
		if a.ID != act.Provider || a.Type != provenance.KeyAdd && a.Type != provenance.KeyExpire {
			return NewFinding(CodeActAction, fmt.Sprintf("entry.actions[%d]", i), "a key that "+act.Provider+" adds to itself or lets expire", fmt.Sprintf("%s of %q", a.Type, a.ID))
		}
	}
	return nil
}

// governanceThen returns who governed before an act. SPEC(BND-11)
func (x *exhibit) governanceThen(act *provenance.Act) (*provenance.Governance, error) {
	changes := governanceSetBy(act) != nil
	for _, s := range x.states {
		if s.key != provenance.StateGovernance {
			continue
		}
		if len(s.value) == 0 {
			// SPEC(GOV-2): it is there from genesis on, or never.
			return nil, NewFinding(CodeActPlace, "entry", "no act of governance: nobody governs this ledger", "one")
		}
		g, err := provenance.ParseStateValue[provenance.Governance](s.value)
		if err != nil {
			return nil, NewFinding(CodeStateValue, "state[governance]", "the value of governance", err.Error())
		}
		if g.Sequence == act.Sequence || g.Sequence == act.Sequence+1 && !changes {
			return &g, nil
		}
	}
	return x.governanceByActs(act)
}

// ownKeysThen are the keys that may sign a provider's act at its place.
func (x *exhibit) ownKeysThen(s *signers, p *registered) (enough func() (want, got string, ok bool), err error) {
	issuer := p.provider.ID
	var valid []provenance.Hash
	for _, signature := range x.act.Signatures() {
		key, public := p.key(signature.KID)
		switch err := x.keyThen("entry.kid", issuer, key, signature.KID); {
		case err != nil && isFinding(err):
			continue // not one of then; it may be one that is added
		case err != nil:
			return nil, err
		}
		switch err := x.heightThen("entry.kid", issuer, key, signature.KID); {
		case err != nil && isFinding(err):
			continue
		case err != nil:
			return nil, err
		}
		x.noteStolen(issuer, signature.KID, key)
		valid, s.keys[signature.KID] = append(valid, signature.KID), public
	}
	return s.own(x.act.Act(), valid), nil
}

// isFinding tells evidence from what could not be checked.
func isFinding(err error) bool {
	var f *Finding
	return errors.As(err, &f)
}
