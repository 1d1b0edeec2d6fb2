package provenance

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"math/big"
	"strings"

	"filippo.io/edwards25519"
)

// COSE algorithm numbers (IANA "COSE Algorithms").
const (
	AlgEdDSA int64 = -8 // Ed25519 only
	AlgES256 int64 = -7 // P-256 only, low S

	// Of commitments to content and of digests (spec/record.md, content).
	AlgHMACSHA256 int64 = 5
	AlgSHA256     int64 = -16
)

// A PublicKey verifies statements. Its algorithm follows from its type: a key
// has one (SPEC(KEY-1)). The zero value verifies nothing.
type PublicKey struct {
	alg int64
	cbr []byte // the COSE_Key of KEY-1
	key crypto.PublicKey
}

// NewPublicKey wraps an ed25519.PublicKey or a P-256 *ecdsa.PublicKey.
// The error's code is "key".
func NewPublicKey(key crypto.PublicKey) (PublicKey, error) {
	switch k := key.(type) {
	case ed25519.PublicKey:
		if !validEd25519Point(k) {
			// SPEC(KEY-3)
			return PublicKey{}, fail(CodeKey, "", "the Ed25519 key is not the canonical encoding of a point that is not of small order")
		}
		b := AppendMap(nil, 3)
		b = append(b, 0x01, 0x01, 0x20, 0x06, 0x21)
		return PublicKey{AlgEdDSA, AppendBytes(b, k), k}, nil
	case *ecdsa.PublicKey:
		xy, err := k.Bytes() // 0x04 ‖ x ‖ y; refuses points off the curve
		if k.Curve != elliptic.P256() || err != nil {
			// SPEC(KEY-4)
			return PublicKey{}, fail(CodeKey, "", "the ES256 key is not a point on P-256")
		}
		b := AppendMap(nil, 4)
		b = append(b, 0x01, 0x02, 0x20, 0x01, 0x21)
		b = append(AppendBytes(b, xy[1:33]), 0x22)
		return PublicKey{AlgES256, AppendBytes(b, xy[33:]), k}, nil
	}
	return PublicKey{}, fail(CodeKey, "", "keys of type %T are not part of the format; use Ed25519 or P-256", key)
}

// ParsePublicKeyCOSE reads a COSE_Key that has exactly the shape of KEY-1.
func ParsePublicKeyCOSE(b []byte) (PublicKey, error) {
	// The shape is fixed, so that comparing with what we would write is the whole grammar.
	var key PublicKey
	var err error
	switch {
	case len(b) == 40 && b[0] == 0xa3:
		key, err = NewPublicKey(ed25519.PublicKey(bytes.Clone(b[8:])))
	case len(b) == 75 && b[0] == 0xa4:
		key, err = newES256(b[8:40], b[43:])
	default:
		err = fail(CodeKey, "", "the COSE_Key has not the shape {1: 1, -1: 6, -2: x} or {1: 2, -1: 1, -2: x, -3: y}")
	}
	if err != nil {
		return PublicKey{}, err
	}
	if !bytes.Equal(key.cbr, b) {
		return PublicKey{}, fail(CodeKey, "", "the COSE_Key is not in its one encoding")
	}
	return key, nil
}

func newES256(x, y []byte) (PublicKey, error) {
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, x...), y...))
	if err != nil {
		// SPEC(KEY-4)
		return PublicKey{}, fail(CodeKey, "", "the ES256 key is not a point on P-256")
	}
	return NewPublicKey(key)
}

// ParsePublicKey reads a key in text: "ed25519:…" or "es256:…" (SPEC(KEY-2)),
// without space around it or in it.
func ParsePublicKey(text string) (PublicKey, error) {
	kind, rest, _ := strings.Cut(text, ":")
	b, err := base64.RawURLEncoding.Strict().DecodeString(rest)
	if strings.ContainsAny(rest, "\r\n") {
		err = base64.CorruptInputError(0) // the decoder passes over line ends
	}
	switch {
	case err == nil && kind == "ed25519" && len(b) == ed25519.PublicKeySize:
		return NewPublicKey(ed25519.PublicKey(b))
	case err == nil && kind == "es256" && len(b) == 64:
		return newES256(b[:32], b[32:])
	}
	return PublicKey{}, fail(CodeKey, "", "%.80q is not ed25519: or es256: and base64url without padding", text)
}

// String returns the key in text (SPEC(KEY-2)).
func (k PublicKey) String() string {
	switch key := k.key.(type) {
	case ed25519.PublicKey:
		return "ed25519:" + base64.RawURLEncoding.EncodeToString(key)
	case *ecdsa.PublicKey:
		xy, _ := key.Bytes() // checked when the key was made
		return "es256:" + base64.RawURLEncoding.EncodeToString(xy[1:])
	}
	return "none"
}

// Alg returns the key's COSE algorithm.
func (k PublicKey) Alg() int64 { return k.alg }

// COSE returns the key as the COSE_Key of KEY-1.
func (k PublicKey) COSE() []byte { return bytes.Clone(k.cbr) }

// Crypto returns the key as the standard library has it.
func (k PublicKey) Crypto() crypto.PublicKey { return k.key }

// Thumbprint returns the COSE Key Thumbprint (RFC 9679) with SHA-256: the kid.
func (k PublicKey) Thumbprint() Hash { return sha256.Sum256(k.cbr) }

// validEd25519Point reports whether b is the canonical encoding of a point that
// is not of small order.
func validEd25519Point(b []byte) bool {
	if len(b) != ed25519.PublicKeySize {
		return false
	}
	p, err := new(edwards25519.Point).SetBytes(b)
	if err != nil || !bytes.Equal(p.Bytes(), b) {
		return false
	}
	return new(edwards25519.Point).MultByCofactor(p).Equal(edwards25519.NewIdentityPoint()) == 0
}

// checkSignatureForm refuses the signatures that the libraries would take and
// the format does not (SPEC(KEY-3), SPEC(KEY-4)).
func (k PublicKey) checkSignatureForm(sig []byte) error {
	if len(sig) != 64 {
		return fail(CodeSignature, "signature", "%d bytes, wanted 64", len(sig))
	}
	switch k.alg {
	case AlgEdDSA:
		if !validEd25519Point(sig[:32]) {
			return fail(CodeSignature, "signature", "R is not the canonical encoding of a point that is not of small order")
		}
	case AlgES256:
		s := new(big.Int).SetBytes(sig[32:])
		if s.Cmp(halfOrder()) > 0 {
			return fail(CodeSignature, "signature", "s is above half the group's order")
		}
	}
	return nil
}

func halfOrder() *big.Int { return new(big.Int).Rsh(elliptic.P256().Params().N, 1) }
