package ledger

import (
	"fmt"

	"tokentrail/provenance"
)

// admitEquivocation decides on two statements for one place of a stream and,
// where they are admitted, closes it: SPEC(EQV-3), after the form.
func (v *view) admitEquivocation(c *Checked) error {
	e := c.equivocation
	h := e.A.Header()
	p, err := v.provider(h.Issuer)
	switch {
	case err != nil:
		return err
	case p == nil:
		return refuse(CodeUnknownIssuer, "issuer", "%q is not in this ledger's registry", h.Issuer)
	}
	head, exists, err := v.streamHead(h.Issuer, h.Stream)
	switch {
	case err != nil:
		return err
	case !exists || h.Sequence > head.Sequence:
		return refuse(CodeGap, "sequence", "no entry has the place %d of %s/%s yet; send one of the statements first", h.Sequence, h.Issuer, h.Stream)
	case head.Status != provenance.StreamOpen:
		return refuse(CodeDuplicate, "stream", "%s/%s is closed already; one equivocation closes it", h.Issuer, h.Stream)
	}
	if err := checkConvicting(c, p); err != nil {
		return err
	}
	return v.closeStream(h, head)
}

// checkConvicting holds both signatures. A key that was replaced in good order
// still convicts; one that was revoked does not, since others may have it.
func checkConvicting(c *Checked, p *provenance.Provider) error {
	statements := []*provenance.UnverifiedStatement{c.equivocation.A, c.equivocation.B}
	keys := make([]provenance.PublicKey, len(statements))
	for i, s := range statements {
		key, ok := convictingKey(p, s.KID())
		if !ok {
			return refuse(CodeUnknownKey, equivocationPath(i), "%s is no key of %q, or was revoked", s.KID(), p.ID)
		}
		keys[i] = key
	}
	for i, key := range keys {
		if err := c.signature(i, key); err != nil {
			return err
		}
	}
	return nil
}

// convictingKey returns a key of a provider that was not revoked, whatever its
// heights.
func convictingKey(p *provenance.Provider, kid provenance.Hash) (none provenance.PublicKey, ok bool) {
	k, ok := p.KeyByID(kid)
	if !ok || k.Revoked != nil {
		return none, false
	}
	key, err := provenance.ParsePublicKeyCOSE(k.Key)
	return key, err == nil
}

// closeStream takes an admitted equivocation in: SPEC(EQV-4).
func (v *view) closeStream(h *provenance.BatchHeader, head provenance.StreamHead) error {
	head.Status, head.Closed = provenance.StreamClosed, new(v.size)
	changes := map[string][]byte{}
	if err := setState(changes, provenance.StateStreamKey(h.Issuer, h.Stream), head); err != nil {
		return err
	}
	if err := v.changeProvider(changes, h.Issuer, func(p *provenance.Provider) { p.Equivocations++ }); err != nil {
		return err
	}
	defer delete(v.providers, h.Issuer)
	return v.take(changes)
}

// equivocationPath names one of the two statements.
func equivocationPath(i int) string { return fmt.Sprintf("%c.protected.kid", 'a'+i) }
