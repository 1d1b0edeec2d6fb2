package main

import (
	"crypto/sha512"
	"math/big"

	"filippo.io/edwards25519"
)

const (
	typeBatch     = "application/vnd.tokentrail.batch+cbor"
	typeStatement = "application/vnd.tokentrail.statement+cose"
)

// An envelope is a COSE_Sign1 before it is put together; each field may be
// replaced by something wrong.
type envelope struct {
	protected   []byte
	unprotected any
	payload     []byte
	signature   []byte
}

// protectedHeader is the protected header of STM-3.
func protectedHeader(alg int64, kid []byte, issuer, stream string) group {
	return group{1: alg, 3: typeBatch, 4: kid, 15: group{1: issuer, 2: stream}, 16: typeStatement}
}

// sigStructure is what is signed (RFC 9052 section 4.4).
func sigStructure(protected, payload []byte) []byte {
	return enc(list{"Signature1", protected, []byte{}, payload})
}

// seal signs the payload under a protected header.
func seal(k signer, protected group, payload []byte) envelope {
	p := enc(protected)
	return envelope{p, group{}, payload, k.sign(sigStructure(p, payload))}
}

// statement signs a batch.
func (b batch) statement(k signer) envelope {
	return seal(k, protectedHeader(k.alg, k.kid(), b.issuer, b.stream), enc(b.header()))
}

// array is the COSE_Sign1 without its tag.
func (e envelope) array() []byte {
	return enc(list{e.protected, e.unprotected, e.payload, e.signature})
}

// bytes is the COSE_Sign1.
func (e envelope) bytes() []byte { return cat([]byte{0xd2}, e.array()) }

// mixedKey is a public key A = a·B + T with T of order eight, and its scalar.
func mixedKey() (public []byte, a *edwards25519.Scalar) {
	a = scalarOf(fromLittle(hash([]byte("tokentrail vectors mixed"))))
	p := new(edwards25519.Point).ScalarBaseMult(a)
	return p.Add(p, torsion()).Bytes(), a
}

// challenge is k of RFC 8032 section 5.1.7.
func challenge(r, public, msg []byte) *edwards25519.Scalar {
	h := sha512.Sum512(cat(r, public, msg))
	k, err := edwards25519.NewScalar().SetUniformBytes(h[:])
	must(err, "challenge")
	return k
}

// residual tries to sign msg under A = a·B + T, with R as given by its discrete
// logarithm r plus any torsion point. S = r + k·a always; the equation that is
// checked, [S]B - [k]A = R, then holds exactly when the torsion parts agree.
func residual(a, r *edwards25519.Scalar, rPoint *edwards25519.Point, public, msg []byte) (signature []byte, holds bool) {
	enc := rPoint.Bytes()
	k := challenge(enc, public, msg)
	s := edwards25519.NewScalar().MultiplyAdd(k, a, r)
	A, err := new(edwards25519.Point).SetBytes(public)
	must(err, "public key")
	left := new(edwards25519.Point).ScalarBaseMult(s)
	left.Subtract(left, new(edwards25519.Point).ScalarMult(k, A))
	return cat(enc, s.Bytes()), left.Equal(rPoint) == 1
}

// addToS adds n to the S of an EdDSA signature.
func addToS(signature []byte, n *big.Int) []byte {
	s := fromLittle(signature[32:])
	return cat(signature[:32], little(s.Add(s, n)))
}
