package verify

import (
	"errors"
	"fmt"

	"tokentrail/provenance"
)

// checkSigner checks who signed the entry. SPEC(BND-9)
func (x *exhibit) checkSigner() {
	s := x.signer
	var err error
	switch {
	case x.statement != nil:
		s.Checked, err = 1, x.statementSigner()
	case x.act != nil:
		s.Checked, err = int64(len(x.act.Signatures())), x.actSigners()
	default:
		s.Checked, err = 2, x.convicts()
	}
	if err != nil {
		s.stop(err)
	}
	x.notFuture(err == nil)
}

// notFuture looks at the auditor's clock: where it is known who signed, what is
// found speaks against the issuer. SPEC(ADM-15)
func (x *exhibit) notFuture(signed bool) {
	if x.statement == nil {
		return
	}
	by := ""
	if signed && x.signer.Outcome == Passed {
		by = x.statement.Header().Issuer
	}
	if f := futureFinding("entry", by, x.statement.Header().Last, x.opts.Now(), maxDrift); f != nil {
		f.Place = "entry.period"
		x.entry.find(f)
	}
}

// statementSigner judges the key of a statement.
func (x *exhibit) statementSigner() error {
	issuer, kid := x.statement.Header().Issuer, x.statement.KID()
	p, err := x.issuer(issuer)
	if errors.Is(err, errNotShown) {
		// A signature that is wrong is so whatever acts did.
		if known := x.doc.providers[issuer]; known != nil {
			if key, public := known.key(kid); key != nil {
				if wrong := signedUnder("entry", x.statement, public); wrong != nil {
					return wrong
				}
			}
		}
	}
	if err != nil {
		return err
	}
	key, public := p.key(kid)
	if err := x.keyThen("entry.kid", issuer, key, kid); err != nil {
		return err
	}
	if err := signedUnder("entry", x.statement, public); err != nil {
		return err
	}
	x.noteStolen(issuer, kid, key)
	return x.heightThen("entry.kid", issuer, key, kid)
}

// keyThen reports whether a key of the registry was there at the entry: added
// before, and not revoked by then. SPEC(BND-9)
func (x *exhibit) keyThen(place, issuer string, key *provenance.ProviderKey, kid provenance.Hash) error {
	// SPEC(ADM-6), SPEC(STM-7)
	if key == nil {
		return NewFinding(CodeKey, place, "a key of "+issuer, kid.String())
	}
	if x.receipt == nil {
		if key.Added == nil && key.Revoked == nil {
			return nil
		}
		return fmt.Errorf("%s: no receipt shows where the entry stands, and acts added or revoked the key", place)
	}
	entry := x.receipt.Proof.Index
	switch {
	case key.Added != nil && *key.Added >= entry:
		return NewFinding(CodeKey, place, fmt.Sprintf("a key that was added before entry %d", entry), fmt.Sprintf("one that entry %d added", *key.Added))
	case key.Revoked != nil && *key.Revoked <= entry:
		return NewFinding(CodeKey, place, fmt.Sprintf("a key that was not revoked before entry %d", entry), fmt.Sprintf("one that entry %d revoked", *key.Revoked))
	}
	return nil
}

// heightThen reports whether the key was to sign at the entry's height, as far as
// the exhibit tells that. SPEC(BND-9), SPEC(BND-10)
func (x *exhibit) heightThen(place, issuer string, key *provenance.ProviderKey, kid provenance.Hash) error {
	notBefore, notAfter := x.heightsOf()
	says := func(what string, height int64) error {
		why := ""
		if x.noBlock != nil {
			why = " (" + x.noBlock.Error() + ")"
		}
		return fmt.Errorf("%s: the key is valid %s height %d, and nothing here shows that the entry's block, from height %d to %d, is%s; audit the ledger, or take a bundle with the entry's block, or a receipt of then", place, what, height, notBefore, notAfter, why)
	}
	// Blocks begin with 1.
	switch from := key.From; {
	case from <= max(1, notBefore):
	case notAfter > 0 && notAfter < from:
		return NewFinding(CodeKey, place, fmt.Sprintf("a key that is valid at height %d", notAfter), fmt.Sprintf("one that is valid from height %d on", from))
	default:
		return says("from", from)
	}
	if key.Until == nil || notAfter > 0 && notAfter < *key.Until {
		return nil
	}
	if notBefore >= *key.Until {
		return NewFinding(CodeKey, place, fmt.Sprintf("a key that is valid at height %d", notBefore), fmt.Sprintf("one that is valid until height %d", *key.Until))
	}
	shown, err := x.expiredLater(issuer, kid)
	if err == nil && !shown {
		err = says("until", *key.Until)
	}
	return err
}

// expiredLater reports whether an act behind the entry says until when the key was
// to sign: as that height is above the act's own, it is above the entry's.
// SPEC(GOV-16)
func (x *exhibit) expiredLater(issuer string, kid provenance.Hash) (shown bool, err error) {
	for i := range x.Acts {
		act, index, err := x.placedAct(fmt.Sprintf("acts[%d]", i), &x.Acts[i])
		if err != nil {
			return false, err
		}
		for j := range act.Actions {
			a := &act.Actions[j]
			shown = shown || index > x.receipt.Proof.Index && a.Type == provenance.KeyExpire && a.ID == issuer && a.KID == kid
		}
	}
	return shown, nil
}

// placedAct reads an act and proves its place in the log.
func (x *exhibit) placedAct(place string, a *provenance.BundleAct) (*provenance.Act, int64, error) {
	u, err := provenance.ParseAct(a.Act)
	if err != nil {
		return nil, 0, NewFinding(CodeActForm, place, "a canonical act of spec/governance.md", err.Error())
	}
	for _, at := range x.anchors {
		if at.Size != a.Inclusion.Size {
			continue
		}
		// SPEC(PRF-1)
		if err := a.Inclusion.Verify(at.LogRoot, provenance.LeafHash(a.Act)); err != nil {
			return nil, 0, NewFinding(CodeInclusion, place, "a path to "+at.LogRoot.String(), err.Error())
		}
		return u.Act(), a.Inclusion.Index, nil
	}
	return nil, 0, fmt.Errorf("%s: no trusted header here is of the log of %d entries that it is proven in", place, a.Inclusion.Size)
}

// noteStolen says that the key was declared stolen, and what is known of the entry.
// SPEC(VER-26)
func (x *exhibit) noteStolen(issuer string, kid provenance.Hash, key *provenance.ProviderKey) {
	if key.StolenHeight == nil || key.Revoked == nil {
		return
	}
	notBefore, notAfter := x.heightsOf()
	n := Notice{Kind: NoticeStolen, Provider: issuer, Entry: *key.Revoked, Key: &kid, Since: *key.StolenHeight}
	switch {
	case notAfter > 0 && notAfter < n.Since:
		n.Says = fmt.Sprintf("the key of %s was declared stolen since height %d; the entry is from before, height %d at the latest", issuer, n.Since, notAfter)
	case notBefore >= n.Since:
		n.Entries = 1
		n.Says = fmt.Sprintf("the key of %s was declared stolen since height %d; the entry is from after that, height %d at the earliest: it counts, and is summed apart", issuer, n.Since, notBefore)
	default:
		n.Says = fmt.Sprintf("the key of %s was declared stolen since height %d; whether the entry is from before, nothing here shows", issuer, n.Since)
	}
	x.rep.Notices = append(x.rep.Notices, n)
}
