package main

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"math/big"

	"filippo.io/edwards25519"
)

// COSE algorithms.
const (
	algEdDSA = -8
	algES256 = -7
)

// p256N is the order of P-256.
var p256N = elliptic.P256().Params().N

// A signer holds a test key, made from a fixed seed.
type signer struct {
	alg  int64
	ed   ed25519.PrivateKey
	d    *big.Int // P-256 scalar
	x, y []byte
}

func edSigner(seed string) signer {
	k := ed25519.NewKeyFromSeed(hash([]byte("tokentrail vectors ed25519 " + seed)))
	return signer{alg: algEdDSA, ed: k, x: k[32:]}
}

func esSigner(seed string) signer {
	d := new(big.Int).SetBytes(hash([]byte("tokentrail vectors es256 " + seed)))
	d.Mod(d, p256N)
	x, y := p256Point(d)
	return signer{alg: algES256, d: d, x: x, y: y}
}

// p256Point is the point d·G.
func p256Point(d *big.Int) (x, y []byte) {
	k, err := ecdh.P256().NewPrivateKey(d.FillBytes(make([]byte, 32)))
	must(err, "P-256 scalar")
	p := k.PublicKey().Bytes()
	return p[1:33], p[33:]
}

// coseKey is the COSE_Key of KEY-1.
func (s signer) coseKey() group { return coseKeyOf(s.alg, s.x, s.y) }

func coseKeyOf(alg int64, x, y []byte) group {
	if alg == algEdDSA {
		return group{1: 1, -1: 6, -2: x}
	}
	return group{1: 2, -1: 1, -2: x, -3: y}
}

func (s signer) kid() []byte { return hash(enc(s.coseKey())) }

// text is the key as KEY-2 writes it.
func (s signer) text() string { return keyText(s.alg, s.x, s.y) }

func keyText(alg int64, x, y []byte) string {
	if alg == algEdDSA {
		return "ed25519:" + base64.RawURLEncoding.EncodeToString(x)
	}
	return "es256:" + base64.RawURLEncoding.EncodeToString(cat(x, y))
}

// sign signs and checks its own signature with the standard library.
func (s signer) sign(msg []byte) []byte {
	if s.alg == algEdDSA {
		return ed25519.Sign(s.ed, msg)
	}
	digest := sha256.Sum256(msg)
	nonce := new(big.Int).SetBytes(hash([]byte("tokentrail vectors nonce"), s.d.FillBytes(make([]byte, 32)), digest[:]))
	nonce.Mod(nonce, p256N)
	rx, _ := p256Point(nonce)
	r := new(big.Int).SetBytes(rx)
	r.Mod(r, p256N)
	sum := new(big.Int).Mul(r, s.d)
	sum.Add(sum, new(big.Int).SetBytes(digest[:]))
	sum.Mul(sum, new(big.Int).ModInverse(nonce, p256N))
	sum.Mod(sum, p256N)
	if sum.Cmp(new(big.Int).Rsh(p256N, 1)) > 0 {
		sum.Sub(p256N, sum)
	}
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), cat([]byte{4}, s.x, s.y))
	must(err, "P-256 key")
	if !ecdsa.Verify(public, digest[:], r, sum) {
		panic("own ES256 signature does not verify")
	}
	return cat(r.FillBytes(make([]byte, 32)), sum.FillBytes(make([]byte, 32)))
}

// smallOrder lists the canonical encodings of the eight points of small order,
// made as multiples of one point of order eight.
func smallOrder() [][]byte {
	p := torsion()
	sum := edwards25519.NewIdentityPoint()
	var out [][]byte
	for range 8 {
		out = append(out, sum.Bytes())
		sum = edwards25519.NewIdentityPoint().Add(sum, p)
	}
	if sum.Equal(edwards25519.NewIdentityPoint()) != 1 {
		panic("torsion point is not of order 8")
	}
	return out
}

// torsion is a point of order eight: L times the first decodable point that
// gives one.
func torsion() *edwards25519.Point {
	// L - 1 as a scalar, then once more: scalars are reduced modulo L.
	one := scalarOf(big.NewInt(1))
	minus := edwards25519.NewScalar().Negate(one)
	for y := byte(2); ; y++ {
		enc := make([]byte, 32)
		enc[0] = y
		p, err := new(edwards25519.Point).SetBytes(enc)
		if err != nil {
			continue
		}
		t := new(edwards25519.Point).ScalarMult(minus, p)
		t.Add(t, p)
		four := new(edwards25519.Point).Add(t, t)
		four.Add(four, four)
		if four.Equal(edwards25519.NewIdentityPoint()) != 1 {
			return t
		}
	}
}

// groupOrder is L, the order of the base point of Ed25519.
func groupOrder() *big.Int {
	l, _ := new(big.Int).SetString("27742317777372353535851937790883648493", 10)
	return l.Add(l, new(big.Int).Lsh(big.NewInt(1), 252))
}

func scalarOf(n *big.Int) *edwards25519.Scalar {
	n = new(big.Int).Mod(n, groupOrder())
	s, err := edwards25519.NewScalar().SetCanonicalBytes(little(n))
	must(err, "scalar")
	return s
}

// little is n as 32 bytes, least significant first.
func little(n *big.Int) []byte {
	b := n.FillBytes(make([]byte, 32))
	for i := range 16 {
		b[i], b[31-i] = b[31-i], b[i]
	}
	return b
}

// fromLittle is the number of little-endian bytes.
func fromLittle(b []byte) *big.Int {
	r := make([]byte, len(b))
	for i, x := range b {
		r[len(b)-1-i] = x
	}
	return new(big.Int).SetBytes(r)
}

// nonCanonicalPoints are encodings that decode to points but are not what those
// points encode to: y not below p = 2^255-19, or x zero with the sign bit set.
func nonCanonicalPoints() (names []string, encodings [][]byte) {
	p := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	add := func(name string, b []byte) {
		point, err := new(edwards25519.Point).SetBytes(b)
		if err != nil || string(point.Bytes()) == string(b) {
			return
		}
		names, encodings = append(names, name), append(encodings, b)
	}
	for y := int64(0); y < 19; y++ {
		for sign := byte(0); sign < 2; sign++ {
			b := little(new(big.Int).Add(p, big.NewInt(y)))
			b[31] |= sign << 7
			add("p-plus-"+big.NewInt(y).String()+map[byte]string{0: "", 1: "-sign"}[sign], b)
		}
	}
	one := little(big.NewInt(1))
	one[31] |= 0x80
	add("identity-sign", one)
	minus := little(new(big.Int).Sub(p, big.NewInt(1)))
	minus[31] |= 0x80
	add("minus-one-sign", minus)
	return names, encodings
}
