package verify

import (
	"context"
	"errors"
	"fmt"

	"tokentrail/provenance"
)

// errActs says that the genesis document does not tell: acts may have changed
// what it says of providers.
var errActs = errors.New("acts may have changed what the genesis document says of its issuer; audit the ledger")

// checkSigner verifies a statement's signature under the key that its kid names,
// by the registry of the genesis document; place is the statement's. What is wrong is a *Finding; what acts
// of the ledger may have changed since is errActs. SPEC(VER-9)
func (doc *genesisDoc) checkSigner(place string, s *provenance.UnverifiedStatement) error {
	issuer := s.Header().Issuer
	p := doc.providers[issuer]
	if p == nil && doc.governance != nil {
		return fmt.Errorf("%s.issuer: %w", place, errActs)
	}
	// SPEC(ADM-5)
	if p == nil {
		return NewFinding(CodeIssuer, place+".issuer", "an active provider of the registry", fmt.Sprintf("%q", issuer))
	}
	key, public := p.key(s.KID())
	if key == nil && doc.mayChange() {
		return fmt.Errorf("%s.kid: %w", place, errActs)
	}
	// SPEC(ADM-6), SPEC(STM-7)
	if key == nil {
		return NewFinding(CodeKey, place+".kid", "a key of "+issuer, s.KID().String())
	}
	return signedUnder(place, s, public)
}

// signedUnder verifies a signature. SPEC(STM-6), SPEC(KEY-3), SPEC(KEY-4)
func signedUnder(place string, s *provenance.UnverifiedStatement, key provenance.PublicKey) error {
	if _, err := s.Verify(key); err != nil {
		return NewFinding(CodeSignature, place+".signature", "a signature by "+key.String(), err.Error())
	}
	return nil
}

// A registrySource is where a prover gets what the ledger says of a provider now:
// a Source is one.
type registrySource interface {
	State(ctx context.Context, key string) (*StateAnswer, error)
	Headers(ctx context.Context, from int64, limit int) ([][]byte, error)
}

// A provenProvider is a provider as the state map has it, under a trusted header,
// and the size of the log there.
type provenProvider struct {
	*registered
	size int64
}

// checkSignerNow verifies a statement's signature under a key that the state map
// has for its issuer: one that was added before the entry and not revoked before
// it. At which heights it may sign was the ledger's to look at. SPEC(TRC-5)
func (p *receiptProver) checkSignerNow(ctx context.Context, place string, entry int64, s *provenance.UnverifiedStatement) error {
	issuer, kid := s.Header().Issuer, s.KID()
	known := p.providers[issuer]
	if known == nil || known.size <= entry || known.registered.keys[kid].public.Alg() == 0 {
		var err error
		if known, err = p.askProvider(ctx, issuer); err != nil {
			return err
		}
		p.providers[issuer] = known
	}
	if known.size <= entry {
		return fmt.Errorf("%s: the node's state map covers %d entries; ask again later", place, known.size)
	}
	key, public := known.key(kid)
	// SPEC(ADM-6)
	switch {
	case key == nil:
		return NewFinding(CodeKey, place+".kid", "a key of "+issuer, kid.String())
	case key.Added != nil && *key.Added >= entry:
		return NewFinding(CodeKey, place+".kid", fmt.Sprintf("a key that was added before entry %d", entry), fmt.Sprintf("one that entry %d added", *key.Added))
	case key.Revoked != nil && *key.Revoked <= entry:
		return NewFinding(CodeKey, place+".kid", fmt.Sprintf("a key that was not revoked before entry %d", entry), fmt.Sprintf("one that entry %d revoked", *key.Revoked))
	}
	return signedUnder(place, s, public)
}

// askProvider asks for a provider's value and proves it.
func (p *receiptProver) askProvider(ctx context.Context, issuer string) (*provenProvider, error) {
	key := provenance.StateProviderKey(issuer)
	place := fmt.Sprintf("state[%s]", key)
	answer, err := p.registry.State(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", place, err)
	}
	pre, err := p.preimageOf(ctx, place, answer)
	if err != nil {
		return nil, err
	}
	proof, err := provenance.ParseStateProof(answer.Proof)
	if err != nil {
		return nil, NewFinding(CodeStateForm, place+".proof", "a state proof", err.Error())
	}
	// SPEC(STA-2)
	if len(answer.Value) == 0 {
		if err := proof.Absent(pre.StateRoot, key); err != nil {
			return nil, NewFinding(CodeStateProof, place, "a proof of absence under "+pre.StateRoot.String(), err.Error())
		}
		// SPEC(ADM-5)
		return nil, NewFinding(CodeIssuer, place, "a provider of the registry", "none")
	}
	if err := proof.Present(pre.StateRoot, key, answer.Value); err != nil {
		return nil, NewFinding(CodeStateProof, place, "a proof of presence under "+pre.StateRoot.String(), err.Error())
	}
	reg, err := newRegistry(map[string][]byte{key: answer.Value})
	if err != nil || reg.providers[issuer] == nil {
		return nil, NewFinding(CodeStateValue, place, "the value of the provider "+issuer, fmt.Sprintf("%x: %v", answer.Value, err))
	}
	return &provenProvider{reg.providers[issuer], pre.Size}, nil
}

// preimageOf returns the preimage of the app hash in the header that a state
// answer names, which the node is asked for.
func (p *receiptProver) preimageOf(ctx context.Context, place string, answer *StateAnswer) (provenance.Preimage, error) {
	pre, err := provenance.ParsePreimage(answer.Preimage)
	if err != nil {
		return pre, NewFinding(CodeStateForm, place+".preimage", "an app hash's preimage", err.Error())
	}
	page, err := p.registry.Headers(ctx, answer.Height, 1)
	if err == nil && len(page) != 1 {
		err = fmt.Errorf("%w: %d light blocks, asked for 1", ErrAnswer, len(page))
	}
	if err != nil {
		return pre, fmt.Errorf("%s: header %d: %w", place, answer.Height, err)
	}
	header, err := p.headers.Open(ctx, page[0])
	if err != nil {
		return pre, within(place, err)
	}
	// SPEC(STA-4)
	if got := pre.AppHash(); got != header.AppHash {
		return pre, NewFinding(CodeStateAppHash, place+".preimage", fmt.Sprintf("that of the app hash in header %d, %s", header.Height, header.AppHash), got.String())
	}
	return pre, nil
}
