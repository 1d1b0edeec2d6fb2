package provenance

import (
	"crypto"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"math/big"
	"sync"

	"github.com/fxamacker/cbor/v2"
	"github.com/veraison/go-cose"
)

// Media types of the format.
const (
	BatchMediaType      = "application/vnd.tokentrail.batch+cbor"
	StatementMediaType  = "application/vnd.tokentrail.statement+cose"
	SubmissionMediaType = "application/vnd.tokentrail.submission+cbor"
)

// How a COSE_Sign1 begins: tag 18, and an array of four (SPEC(STM-1)).
const (
	sign1Tag   = 0xd2
	sign1Array = 0x84
)

// StatementID returns the id of the statement with this payload, an encoded
// batch header (SPEC(STM-10)). Envelopes are malleable and keys rotate, so
// neither is part of it.
func StatementID(payload []byte) Hash {
	h := sha256.New()
	h.Write([]byte("tokentrail/statement/v1\x00"))
	h.Write(payload)
	return Hash(h.Sum(nil))
}

// An UnverifiedStatement is a statement whose form is right. Nobody has looked
// at its signature; Verify does.
type UnverifiedStatement struct {
	raw    []byte
	id     Hash
	header *BatchHeader
	alg    int64
	kid    Hash
}

// A Statement is a statement whose signature holds under Key.
type Statement struct {
	UnverifiedStatement
	Key PublicKey
}

// wireProtected is the protected header (SPEC(STM-3)).
type wireProtected struct {
	Alg         int64  `cbor:"1,keyasint"`
	ContentType string `cbor:"3,keyasint"`
	KID         Hash   `cbor:"4,keyasint"`
	Claims      struct {
		Issuer  string `cbor:"1,keyasint"`
		Subject string `cbor:"2,keyasint"`
	} `cbor:"15,keyasint"`
	Type string `cbor:"16,keyasint"`
}

var protectedShape = sync.OnceValue(func() *shape {
	return shapeOf(
		must(1, "alg", withCode(CodeAlg, oneOf(AlgES256, AlgEdDSA))),
		must(3, "content-type", exactly(BatchMediaType)),
		must(4, "kid", hash32),
		must(15, "claims", shapeOf(must(1, "iss", nameID), must(2, "sub", nameID)).check),
		must(16, "typ", exactly(StatementMediaType)),
	)
})

// exactly wants one text.
func exactly(want string) check {
	return func(c *cursor) error {
		start := c.off
		s, err := c.text()
		if err == nil && string(s) != want {
			return c.errorAt(start, CodeValue, "%q, wanted %q", s, want)
		}
		return err
	}
}

// ParseStatement decodes a canonical COSE_Sign1 over a batch header. All is
// checked but the signature. b must not change afterwards.
func ParseStatement(b []byte) (*UnverifiedStatement, error) {
	if len(b) > MaxStatementBytes {
		return nil, fail(CodeSize, "", "%d bytes, at most %d are allowed", len(b), MaxStatementBytes)
	}
	env, err := parseEnvelope(b)
	if err != nil {
		return nil, err
	}
	// SPEC(STM-2)
	if env.unprotected {
		return nil, fail(CodeUnprotected, "unprotected", "the unprotected header is not empty; empty it, it is not signed")
	}
	var p wireProtected
	if err := parseProtected(env.protected, &p); err != nil {
		return nil, within("protected", err)
	}
	header, err := ParseBatchHeader(env.payload)
	if err != nil {
		return nil, within("payload", err)
	}
	// SPEC(STM-4)
	if p.Claims.Issuer != header.Issuer || p.Claims.Subject != header.Stream {
		return nil, fail(CodeBinding, "protected.claims", "iss %q and sub %q, the payload says %q and %q", p.Claims.Issuer, p.Claims.Subject, header.Issuer, header.Stream)
	}
	// SPEC(STM-6)
	if len(env.signature) != 64 {
		return nil, fail(CodeSignature, "signature", "%d bytes, wanted 64", len(env.signature))
	}
	return &UnverifiedStatement{raw: b, id: StatementID(env.payload), header: header, alg: p.Alg, kid: p.KID}, nil
}

// parseProtected checks the protected header; whatever is wrong with it but an
// unknown algorithm is "protected" (SPEC(STM-3)).
func parseProtected(b []byte, p *wireProtected) error {
	err := parse(b, protectedShape().check)
	if e, ok := err.(*Error); ok && e.Code != CodeAlg {
		e.Code = CodeProtected
	}
	if err == nil && hasKeptKeys(b) {
		err = fail(CodeProtected, "", "a label that the format does not have")
	}
	if err == nil {
		err = unmarshal(b, p)
	}
	return err
}

// hasKeptKeys reports whether the protected header or its claims hold a key
// beyond the core range, which other maps of the format would keep.
func hasKeptKeys(b []byte) bool {
	kept := false
	c := &cursor{b: b}
	look := func(key int64) { kept = kept || key > maxCoreKey }
	_ = c.pairs(func(key int64) error { // accepted before
		look(key)
		if key == 15 {
			return c.pairs(func(key int64) error { look(key); return c.skip() })
		}
		return c.skip()
	})
	return kept
}

// An envelope is a COSE_Sign1 taken apart; its slices alias the input.
type envelope struct {
	protected   []byte
	unprotected bool // whether anything is in it
	payload     []byte
	signature   []byte
}

// parseEnvelope takes a canonical COSE_Sign1 apart (SPEC(STM-1), SPEC(STM-5)).
func parseEnvelope(b []byte) (*envelope, error) {
	if len(b) < 2 || b[0] != sign1Tag || b[1] != sign1Array {
		return nil, fail(CodeEnvelope, "", "not a tagged COSE_Sign1: wanted d2 84 first")
	}
	c := &cursor{b: b, off: 2}
	env := &envelope{}
	err := func() (err error) {
		if env.protected, err = c.bytes(); err != nil {
			return err
		}
		at := c.off
		n, err := c.expect(majorMap)
		if err != nil {
			return err
		}
		if env.unprotected = n > 0; env.unprotected {
			c.off = at
			if err := skipLoosely(c); err != nil {
				return err
			}
		}
		if env.payload, err = c.bytes(); err != nil {
			return err
		}
		if env.signature, err = c.bytes(); err != nil {
			return err
		}
		return c.end()
	}()
	if e, ok := err.(*Error); ok {
		return nil, &Error{CodeEnvelope, e.Path, e.Offset, "not a canonical COSE_Sign1: " + e.Detail}
	}
	if len(env.payload) == 0 {
		return nil, fail(CodeEnvelope, "payload", "the payload is empty")
	}
	return env, err
}

// skipLoosely passes over one well-formed item of any CBOR: an unprotected
// header is other people's, and is thrown away.
func skipLoosely(c *cursor) error {
	var item cbor.RawMessage
	rest, err := looseDecoder().UnmarshalFirst(c.b[c.off:], &item)
	if err != nil {
		return c.errorAt(c.off, CodeEnvelope, "the unprotected header: %v", err)
	}
	c.off = len(c.b) - len(rest)
	return nil
}

var looseDecoder = sync.OnceValue(func() cbor.DecMode {
	mode, err := cbor.DecOptions{MaxNestedLevels: 16, MaxArrayElements: 1 << 16, MaxMapPairs: 1 << 16}.DecMode()
	if err != nil {
		panic(err) // constant options
	}
	return mode
})

// EmptyUnprotected returns the COSE_Sign1 b with its unprotected header
// emptied, as whoever receives a statement has to do before it enters the log
// (RFC 9943; SPEC(STM-2)). Nothing else is looked at or changed.
func EmptyUnprotected(b []byte) ([]byte, error) {
	if len(b) > MaxSubmissionBytes { // what comes behind may be dropped; the rest ParseStatement limits
		return nil, fail(CodeSize, "", "%d bytes, at most %d are allowed", len(b), MaxSubmissionBytes)
	}
	if len(b) < 2 || b[0] != sign1Tag || b[1] != sign1Array {
		return nil, fail(CodeEnvelope, "", "not a tagged COSE_Sign1: wanted d2 84 first")
	}
	c := &cursor{b: b, off: 2}
	if _, err := c.bytes(); err != nil {
		return nil, fail(CodeEnvelope, "protected", "not a canonical COSE_Sign1: %v", err)
	}
	at := c.off
	if at < len(b) && b[at]>>5 != majorMap {
		return nil, fail(CodeEnvelope, "unprotected", "found %s, wanted a map", majorName(b[at]>>5))
	}
	if err := skipLoosely(c); err != nil {
		return nil, err
	}
	out := append(b[:at:at], 0xa0)
	return append(out, b[c.off:]...), nil
}

// Raw returns the canonical COSE_Sign1: the data of the log's leaf. It must not
// be changed.
func (s *UnverifiedStatement) Raw() []byte { return s.raw }

// ID returns the statement id.
func (s *UnverifiedStatement) ID() Hash { return s.id }

// Header returns what the statement says. Without a checked signature it is
// only what somebody wrote.
func (s *UnverifiedStatement) Header() *BatchHeader { return s.header }

// KID returns the thumbprint of the key that is said to have signed.
func (s *UnverifiedStatement) KID() Hash { return s.kid }

// Alg returns the COSE algorithm of the signature.
func (s *UnverifiedStatement) Alg() int64 { return s.alg }

// Verify checks the signature under key. The codes of its errors are "alg",
// "kid" and "signature".
func (s *UnverifiedStatement) Verify(key PublicKey) (*Statement, error) {
	switch {
	case key.alg != s.alg:
		// SPEC(KEY-1)
		return nil, fail(CodeAlg, "protected.alg", "algorithm %d, the key's is %d", s.alg, key.alg)
	case key.Thumbprint() != s.kid:
		// SPEC(STM-7)
		return nil, fail(CodeKID, "protected.kid", "%s, the key's thumbprint is %s", s.kid, key.Thumbprint())
	}
	if err := verifySign1(s.raw, nil, key); err != nil {
		return nil, err
	}
	return &Statement{*s, key}, nil
}

// verifySign1 checks the signature of a COSE_Sign1; payload is the detached
// payload, or nil where it is inside.
func verifySign1(raw, payload []byte, key PublicKey) error {
	var msg cose.Sign1Message
	if err := msg.UnmarshalCBOR(raw); err != nil {
		return fail(CodeEnvelope, "", "not a COSE_Sign1: %v", err)
	}
	if payload != nil {
		msg.Payload = payload
	}
	if err := key.checkSignatureForm(msg.Signature); err != nil {
		return err
	}
	verifier, err := cose.NewVerifier(cose.Algorithm(key.alg), key.key)
	if err != nil {
		return fail(CodeKey, "", "the key cannot verify: %v", err)
	}
	// SPEC(STM-6)
	if err := msg.Verify(nil, verifier); err != nil {
		return fail(CodeSignature, "signature", "the signature does not hold under the key %s", key)
	}
	return nil
}

// Sign makes the statement over h with the key of signer, which may live
// outside the process. The key is an Ed25519 or a P-256 key.
func (h *BatchHeader) Sign(signer crypto.Signer) (*Statement, error) {
	key, err := NewPublicKey(signer.Public())
	if err != nil {
		return nil, err
	}
	payload, err := h.Encode()
	if err != nil {
		return nil, err
	}
	protected := cose.ProtectedHeader{
		cose.HeaderLabelAlgorithm:   cose.Algorithm(key.alg),
		cose.HeaderLabelContentType: BatchMediaType,
		cose.HeaderLabelKeyID:       kidOf(key),
		cose.HeaderLabelCWTClaims:   cose.CWTClaims{cose.CWTClaimIssuer: h.Issuer, cose.CWTClaimSubject: h.Stream},
		cose.HeaderLabelType:        StatementMediaType,
	}
	raw, err := sign1(signer, key, cose.Headers{Protected: protected}, payload, false)
	if err != nil {
		return nil, err
	}
	s, err := ParseStatement(raw)
	if err != nil {
		return nil, err
	}
	return s.Verify(key) // a signer outside the process is not believed either
}

func kidOf(key PublicKey) []byte {
	kid := key.Thumbprint()
	return kid[:]
}

// sign1 makes a COSE_Sign1. With detached, the payload is signed and left out.
func sign1(signer crypto.Signer, key PublicKey, headers cose.Headers, payload []byte, detached bool) ([]byte, error) {
	s, err := cose.NewSigner(cose.Algorithm(key.alg), signer)
	if err != nil {
		return nil, fail(CodeKey, "", "the key cannot sign: %v", err)
	}
	msg := cose.Sign1Message{Headers: headers, Payload: payload}
	if err := msg.Sign(rand.Reader, nil, s); err != nil {
		return nil, err
	}
	if key.alg == AlgES256 {
		lowS(msg.Signature)
	}
	if detached {
		msg.Payload = nil
	}
	return msg.MarshalCBOR()
}

// lowS replaces s by n-s in r ‖ s where s is above half the order (SPEC(KEY-4)).
func lowS(sig []byte) {
	s := new(big.Int).SetBytes(sig[32:])
	if s.Cmp(halfOrder()) > 0 {
		s.Sub(elliptic.P256().Params().N, s).FillBytes(sig[32:])
	}
}
