package provenance

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/rand"
	"fmt"
	"slices"
	"sync"

	"github.com/veraison/go-cose"
)

// Media types of acts.
const (
	ActPayloadMediaType = "application/vnd.tokentrail.act+cbor"
	ActMediaType        = "application/vnd.tokentrail.act+cose"
)

// How a COSE_Sign begins: tag 98 in two bytes (SPEC(GOV-1)).
const (
	signTag       = 0xd8
	signTagNumber = 98
)

// An UnverifiedAct is an act whose form is right. Nobody has looked at its
// signatures; VerifySignature does, one at a time, since who may sign follows
// from the ledger's state. It is not changed once it was made.
type UnverifiedAct struct {
	raw        []byte
	payload    []byte // aliases raw
	id         Hash
	act        *Act
	signatures []ActSignature
}

// An ActSignature is one signature of an act, as it says of itself.
type ActSignature struct {
	Alg int64 // COSE algorithm
	KID Hash  // thumbprint of the key that is said to have signed

	protected []byte
	signature []byte
}

// ParseAct decodes a canonical COSE_Sign over an act, with one signature at
// least. All is checked but the signatures. b must not change afterwards.
func ParseAct(b []byte) (*UnverifiedAct, error) { return parseAct(b, 1) }

// ParseActDraft is ParseAct for an act that may still lack signatures, all of
// them too: a proposal (GOV-30).
func ParseActDraft(b []byte) (*UnverifiedAct, error) { return parseAct(b, 0) }

func parseAct(b []byte, least int) (*UnverifiedAct, error) {
	env, err := parseSignEnvelope(b)
	if err != nil {
		return nil, err
	}
	// SPEC(GOV-1)
	if !bytes.Equal(env.protected, actProtected()) {
		return nil, fail(CodeProtected, "protected", "not exactly {3: %q, 16: %q}", ActPayloadMediaType, ActMediaType)
	}
	if err := checkSignatures(env.signatures, least); err != nil {
		return nil, err
	}
	act, err := ParseActPayload(env.payload)
	if err != nil {
		return nil, within("payload", err)
	}
	return &UnverifiedAct{b, env.payload, ActID(env.payload), act, env.signatures}, nil
}

// checkSignatures holds the form of signatures and their order. SPEC(GOV-1)
func checkSignatures(signatures []ActSignature, least int) error {
	if n := len(signatures); n < least || n > MaxActSignatures {
		return fail(CodeSignature, "signatures", "%d signatures, wanted %d to %d", n, least, MaxActSignatures)
	}
	for i := range signatures {
		s := &signatures[i]
		at := fmt.Sprintf("signatures[%d]", i)
		if err := s.parseProtected(); err != nil {
			return within(at, within("protected", err))
		}
		if len(s.signature) != 64 {
			return fail(CodeSignature, at+".signature", "%d bytes, wanted 64", len(s.signature))
		}
		if i > 0 && bytes.Compare(signatures[i-1].KID[:], s.KID[:]) >= 0 {
			return fail(CodeValue, at, "its kid is not above the one before; signatures are in ascending order of kid, one a key")
		}
	}
	return nil
}

// actProtected is the protected header of every act's body.
func actProtected() []byte {
	b := AppendText(AppendInt(AppendMap(nil, 2), 3), ActPayloadMediaType)
	return AppendText(AppendInt(b, 16), ActMediaType)
}

// signatureProtected is the protected header of a signature.
func signatureProtected(alg int64, kid Hash) []byte {
	b := AppendInt(AppendInt(AppendMap(nil, 2), 1), alg)
	return AppendBytes(AppendInt(b, 4), kid[:])
}

var signatureShape = sync.OnceValue(func() *shape {
	return shapeOf(must(1, "alg", withCode(CodeAlg, oneOf(AlgES256, AlgEdDSA))), must(4, "kid", hash32)).exact()
})

// parseProtected reads the header of a signature: whatever is wrong with it but
// an unknown algorithm is "protected" (SPEC(GOV-1)).
func (s *ActSignature) parseProtected() error {
	err := parse(s.protected, signatureShape().check)
	if e, ok := err.(*Error); ok && e.Code != CodeAlg {
		e.Code = CodeProtected
	}
	if err != nil {
		return err
	}
	var p struct {
		Alg int64 `cbor:"1,keyasint"`
		KID Hash  `cbor:"4,keyasint"`
	}
	err = unmarshal(s.protected, &p)
	s.Alg, s.KID = p.Alg, p.KID
	return err
}

// Raw returns the canonical COSE_Sign: the data of the log's leaf. It must not be
// changed.
func (u *UnverifiedAct) Raw() []byte { return u.raw }

// ID returns the act id.
func (u *UnverifiedAct) ID() Hash { return u.id }

// Act returns what the act says. Without checked signatures it is only what
// somebody wrote. It must not be changed.
func (u *UnverifiedAct) Act() *Act { return u.act }

// Payload returns what is signed. It must not be changed.
func (u *UnverifiedAct) Payload() []byte { return u.payload }

// Signatures returns the signatures, in ascending order of kid.
func (u *UnverifiedAct) Signatures() []ActSignature { return slices.Clone(u.signatures) }

// VerifySignature checks the signature with index i under key. The codes of its
// errors are "alg", "kid" and "signature".
func (u *UnverifiedAct) VerifySignature(i int, key PublicKey) error {
	if i < 0 || i >= len(u.signatures) {
		return fail(CodeSignature, "signatures", "there is no signature %d, there are %d", i, len(u.signatures))
	}
	return within(fmt.Sprintf("signatures[%d]", i), u.signatures[i].verify(u.payload, key))
}

func (s *ActSignature) verify(payload []byte, key PublicKey) error {
	switch {
	case key.alg != s.Alg:
		// SPEC(KEY-1)
		return fail(CodeAlg, "protected.alg", "algorithm %d, the key's is %d", s.Alg, key.alg)
	case key.Thumbprint() != s.KID:
		// SPEC(STM-7)
		return fail(CodeKID, "protected.kid", "%s, the key's thumbprint is %s", s.KID, key.Thumbprint())
	}
	if err := key.checkSignatureForm(s.signature); err != nil {
		return err
	}
	verifier, err := cose.NewVerifier(cose.Algorithm(key.alg), key.key)
	if err != nil {
		return fail(CodeKey, "", "the key cannot verify: %v", err)
	}
	// SPEC(GOV-1)
	if err := verifier.Verify(s.toBeSigned(payload), s.signature); err != nil {
		return fail(CodeSignature, "signature", "the signature does not hold under the key %s", key)
	}
	return nil
}

// toBeSigned is the Sig_structure of a signature (RFC 9052 section 4.4).
func (s *ActSignature) toBeSigned(payload []byte) []byte {
	b := AppendText(AppendArray(nil, 5), "Signature")
	b = AppendBytes(AppendBytes(b, actProtected()), s.protected)
	return AppendBytes(AppendBytes(b, nil), payload)
}

// NewAct puts an act into its envelope, without signatures.
func NewAct(a *Act) (*UnverifiedAct, error) {
	payload, err := a.Encode()
	if err != nil {
		return nil, err
	}
	return assembleAct(payload, nil)
}

func assembleAct(payload []byte, signatures []ActSignature) (*UnverifiedAct, error) {
	return ParseActDraft(encodeSign(payload, signatures))
}

// Sign returns the act with a signature by signer's key, in place of the one
// that it has by this key, if any. The signer may live outside the process.
func (u *UnverifiedAct) Sign(signer crypto.Signer) (*UnverifiedAct, error) {
	key, err := NewPublicKey(signer.Public())
	if err != nil {
		return nil, err
	}
	s, err := cose.NewSigner(cose.Algorithm(key.alg), signer)
	if err != nil {
		return nil, fail(CodeKey, "", "the key cannot sign: %v", err)
	}
	signature := ActSignature{Alg: key.alg, KID: key.Thumbprint(), protected: signatureProtected(key.alg, key.Thumbprint())}
	if signature.signature, err = s.Sign(rand.Reader, signature.toBeSigned(u.payload)); err != nil {
		return nil, err
	}
	if key.alg == AlgES256 {
		lowS(signature.signature)
	}
	if err := signature.verify(u.payload, key); err != nil { // a signer outside the process is not believed
		return nil, err
	}
	others := slices.DeleteFunc(slices.Clone(u.signatures), func(o ActSignature) bool { return o.KID == signature.KID })
	return assembleAct(u.payload, sortSignatures(append(others, signature)))
}

// KeepSignatures returns the act with those of its signatures whose kid keep
// accepts.
func (u *UnverifiedAct) KeepSignatures(keep func(kid Hash) bool) (*UnverifiedAct, error) {
	kept := slices.DeleteFunc(slices.Clone(u.signatures), func(s ActSignature) bool { return !keep(s.KID) })
	return assembleAct(u.payload, kept)
}

// JoinActs returns the act of a and b with the signatures of both (SPEC(GOV-30)):
// the same bytes in whatever order acts are joined.
func JoinActs(a, b *UnverifiedAct) (*UnverifiedAct, error) {
	if !bytes.Equal(a.payload, b.payload) {
		return nil, fail(CodeBinding, "payload", "signatures of one act only are joined; these are the acts %s and %s", a.id, b.id)
	}
	all := sortSignatures(slices.Concat(a.signatures, b.signatures))
	all = slices.CompactFunc(all, func(x, y ActSignature) bool { return x.KID == y.KID }) // keeps the first
	return assembleAct(a.payload, all)
}

// sortSignatures puts signatures in ascending order of kid, those of one kid in
// that of their bytes. SPEC(GOV-30)
func sortSignatures(s []ActSignature) []ActSignature {
	slices.SortFunc(s, func(x, y ActSignature) int {
		return cmp.Or(bytes.Compare(x.KID[:], y.KID[:]),
			bytes.Compare(x.protected, y.protected), bytes.Compare(x.signature, y.signature))
	})
	return s
}
