package verify

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"tokentrail/provenance"
)

// An anchor is an app hash's preimage under a trusted header.
type anchor struct {
	provenance.Preimage
	height int64 // of the header: the app hash is that after the block before
}

// A provenState is a value of the state map that a trusted header covers.
type provenState struct {
	anchor
	key   string
	value []byte // empty where nothing stands
}

// readStates opens what the exhibit proves of the state map. What is wrong is found
// in the signer's step, which needs it. SPEC(BND-9)
func (x *exhibit) readStates() {
	x.signer.begin()
	for i := range x.States {
		if err := x.readState(fmt.Sprintf("states[%d]", i), &x.States[i]); err != nil {
			stopExhibit(x.signer, err)
		}
	}
}

func (x *exhibit) readState(place string, s *provenance.BundleState) error {
	block := s.LightBlock
	if len(block) == 0 {
		if x.receipt == nil {
			return fmt.Errorf("%s: it rests on the receipt's header, which is not trusted", place)
		}
		block = x.receipt.Anchor.LightBlock
	}
	header, err := x.headers.Open(x.ctx, block)
	if errors.Is(err, ErrOtherValidators) {
		return fmt.Errorf("%s: %w", place, err)
	}
	if err != nil {
		return within(place, err)
	}
	// SPEC(STA-4)
	if got := s.Preimage.AppHash(); got != header.AppHash {
		return NewFinding(CodeStateAppHash, place+".preimage", fmt.Sprintf("that of the app hash in header %d, %s", header.Height, header.AppHash), got.String())
	}
	// SPEC(STA-2)
	root := s.Preimage.StateRoot
	if len(s.Value) == 0 {
		err = s.Proof.Absent(root, s.Key)
	} else {
		err = s.Proof.Present(root, s.Key, s.Value)
	}
	if err != nil {
		return NewFinding(CodeStateProof, place, "a proof under "+root.String(), err.Error())
	}
	at := anchor{s.Preimage, header.Height}
	x.anchors = append(x.anchors, at)
	x.states = append(x.states, provenState{at, s.Key, s.Value})
	return nil
}

// heightsOf returns between which heights the entry's block is, as far as anchors
// tell; 0 where they do not. SPEC(BND-10)
func (x *exhibit) heightsOf() (notBefore, notAfter int64) {
	if x.block > 0 {
		return x.block, x.block
	}
	if x.receipt == nil {
		return 0, 0
	}
	for _, a := range x.anchors {
		switch covers := a.Size > x.receipt.Proof.Index; {
		case covers && (notAfter == 0 || a.height-1 < notAfter):
			notAfter = a.height - 1
		case !covers:
			notBefore = max(notBefore, a.height)
		}
	}
	return notBefore, notAfter
}

// errNotShown says that the exhibit does not hold what the registry says.
var errNotShown = errors.New("acts may have changed what the genesis document says, and no state proof of a log that has the entry shows it")

// errNoDocument says that the exhibit's own genesis document stands for nothing.
var errNoDocument = errors.New("no state proof of a log that has the entry shows what the registry says, and the genesis document is not known from elsewhere; give its SHA-256")

// issuer returns what the registry says of an issuer behind the entry. SPEC(BND-9)
func (x *exhibit) issuer(id string) (*registered, error) {
	key := provenance.StateProviderKey(id)
	for _, s := range x.states {
		if s.key != key || x.receipt == nil || s.Size <= x.receipt.Proof.Index {
			continue
		}
		// SPEC(ADM-5)
		if len(s.value) == 0 {
			return nil, NewFinding(CodeIssuer, "entry.issuer", "a provider of the registry", fmt.Sprintf("%q, which it has not", id))
		}
		return x.shared.registered(key, id, s.value)
	}
	switch {
	case x.trust.Genesis == nil:
		return nil, errNoDocument
	case x.doc.mayChange():
		return nil, errNotShown
	}
	// SPEC(ADM-5)
	p := x.doc.providers[id]
	if p == nil {
		return nil, NewFinding(CodeIssuer, "entry.issuer", "an active provider of the registry", fmt.Sprintf("%q", id))
	}
	return p, nil
}

// registered reads a provider's value, once.
func (c *Exhibits) registered(key, id string, value []byte) (*registered, error) {
	sum := provenance.Hash(sha256.Sum256(append([]byte(key+"\x00"), value...)))
	if known := c.issuers[sum]; known != nil {
		return known, nil
	}
	reg, err := newRegistry(map[string][]byte{key: value})
	if err != nil || reg.providers[id] == nil {
		return nil, NewFinding(CodeStateValue, fmt.Sprintf("state[%s]", key), "the value of the provider "+id, fmt.Sprintf("%x: %v", value, err))
	}
	if len(c.issuers) >= maxIssuers {
		clear(c.issuers)
	}
	c.issuers[sum] = reg.providers[id]
	return reg.providers[id], nil
}
