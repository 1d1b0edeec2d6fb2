package main

import (
	"encoding/base64"
	"math/big"
	"strconv"
	"strings"
)

var (
	edKey    = edSigner("1")
	edOther  = edSigner("2")
	esKey    = esSigner("1")
	esOther  = esSigner("2")
	p256P, _ = new(big.Int).SetString("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff", 16)
)

func keyExpect(s signer) *values {
	return &values{Alg: s.alg, KID: hexOf(s.kid()), Key: s.text(), COSEKey: hexOf(enc(s.coseKey()))}
}

// badPoints are coordinates that KEY-1, KEY-3 and KEY-4 refuse.
type badPoint struct {
	name, rule, comment string
	alg                 int64
	x, y                []byte
}

func badPoints() []badPoint {
	var out []badPoint
	for i, p := range smallOrder() {
		out = append(out, badPoint{"ed-small-order-" + strconv.Itoa(i), "KEY-3", "an Ed25519 point of small order: " + strconv.Itoa(i) + " times one of order eight", algEdDSA, p, nil})
	}
	names, encodings := nonCanonicalPoints()
	for i, p := range encodings {
		out = append(out, badPoint{"ed-non-canonical-" + names[i], "KEY-3", "a non-canonical encoding of an Ed25519 point", algEdDSA, p, nil})
	}
	out = append(out,
		badPoint{"ed-not-a-point", "KEY-3", "no point of Ed25519 has y = 2", algEdDSA, cat([]byte{2}, fill(0, 31)), nil},
		badPoint{"ed-all-ones", "KEY-3", "32 bytes 0xFF are no point", algEdDSA, fill(0xff, 32), nil},
		badPoint{"es-off-curve", "KEY-4", "y is one more than that of the curve's point", algES256, esKey.x, plus(esKey.y, 1)},
		badPoint{"es-zero", "KEY-4", "x and y are zero", algES256, fill(0, 32), fill(0, 32)},
		badPoint{"es-swapped", "KEY-4", "x and y are swapped", algES256, esKey.y, esKey.x},
		badPoint{"es-x-p", "KEY-4", "x is the field's prime, in place of 0", algES256, p256P.Bytes(), sqrtB()},
		badPoint{"es-all-ones", "KEY-4", "both coordinates are 32 bytes 0xFF", algES256, fill(0xff, 32), fill(0xff, 32)},
	)
	return out
}

func plus(b []byte, n int64) []byte {
	x := new(big.Int).SetBytes(b)
	return x.Add(x, big.NewInt(n)).FillBytes(make([]byte, len(b)))
}

// sqrtB is the y of P-256's point with x = 0, the square root of its b.
func sqrtB() []byte {
	b, _ := new(big.Int).SetString("5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b", 16)
	return new(big.Int).ModSqrt(b, p256P).FillBytes(make([]byte, 32))
}

// keySuite: KEY-1, KEY-3, KEY-4 on COSE_Keys.
func keySuite() *suite {
	s := newSuite("key", "One public key as a COSE_Key. Rules: statement.md KEY-1, KEY-3, KEY-4.")
	good := func(name, comment string, k signer) { s.good(name, "KEY-1", comment, enc(k.coseKey()), keyExpect(k)) }
	good("ed25519", "an Ed25519 key", edKey)
	good("ed25519-other", "another Ed25519 key", edOther)
	good("es256", "a P-256 key", esKey)
	good("es256-other", "another P-256 key", esOther)
	mixed, _ := mixedKey()
	s.good("ed25519-mixed-order", "KEY-3", "a point with a part of small order is not itself of small order", enc(coseKeyOf(algEdDSA, mixed, nil)),
		keyExpect(signer{alg: algEdDSA, x: mixed}))
	for _, p := range badPoints() {
		s.bad(p.name, p.rule, p.comment, enc(coseKeyOf(p.alg, p.x, p.y)), "key")
	}
	ed, es := edKey.coseKey(), esKey.coseKey()
	bad := func(name, comment string, g group) { s.bad(name, "KEY-1", comment, enc(g), "key") }
	bad("empty", "no parameter at all", group{})
	bad("ed-kid", "a kid beside the parameters", ed.set([]byte("1"), 2))
	bad("ed-alg", "an alg beside the parameters", ed.set(-8, 3))
	bad("ed-key-ops", "key_ops beside the parameters", ed.set(list{2}, 4))
	bad("ed-private", "the private key -4 beside the parameters", ed.set(fill(1, 32), -4))
	bad("ed-y", "an Ed25519 key with a y", ed.set(fill(1, 32), -3))
	bad("ed-no-x", "no x", ed.del(-2))
	bad("ed-no-crv", "no curve", ed.del(-1))
	bad("ed-no-kty", "no key type", ed.del(1))
	bad("ed-31", "x of 31 bytes", ed.set(fill(1, 31), -2))
	bad("ed-33", "x of 33 bytes", ed.set(cat(edKey.x, []byte{0}), -2))
	bad("ed-kty-2", "key type 2 with curve 6", ed.set(2, 1))
	bad("ed-x25519", "curve 4, X25519", ed.set(4, -1))
	bad("ed-ed448", "curve 7, Ed448", ed.set(7, -1))
	bad("es-no-y", "no y", es.del(-3))
	bad("es-y-sign", "y as its sign only (a compressed point)", es.set(true, -3))
	bad("es-p384", "curve 2, P-384", es.set(2, -1))
	bad("es-secp256k1", "curve 8, secp256k1", es.set(8, -1))
	bad("es-31", "x of 31 bytes", es.set(esKey.x[:31], -2))
	bad("es-kty-1", "key type 1 with curve 1", es.set(1, 1))
	bad("symmetric", "key type 4, a symmetric key", group{1: 4, -1: fill(1, 32)})
	s.bad("not-a-map", "KEY-1", "the bare 32 bytes of x in a byte string", enc(edKey.x), "key")
	return s
}

// keyTextSuite: KEY-2.
func keyTextSuite() *suite {
	s := newSuite("key_text", "One public key as text. Rules: statement.md KEY-2 and those on points.")
	good := func(name, comment string, k signer) {
		v := s.good(name, "KEY-2", comment, nil, keyExpect(k))
		t := k.text()
		v.Text = &t
	}
	bad := func(name, rule, comment, text string) {
		s.bad(name, rule, comment, nil, "key").Text = &text
	}
	good("ed25519", "an Ed25519 key", edKey)
	good("es256", "a P-256 key", esKey)
	for _, p := range badPoints() {
		bad(p.name, p.rule, p.comment, keyText(p.alg, p.x, p.y))
	}
	t := edKey.text()
	bad("empty", "KEY-2", "no text", "")
	bad("no-prefix", "KEY-2", "no algorithm in front", strings.TrimPrefix(t, "ed25519:"))
	bad("prefix-only", "KEY-2", "nothing behind the colon", "ed25519:")
	bad("prefix-upper", "KEY-2", "the algorithm in upper case", "ED25519"+t[7:])
	bad("prefix-other", "KEY-2", "an algorithm that version 1 does not have", "ed448"+t[7:])
	bad("prefix-swapped", "KEY-2", "an Ed25519 key called es256", "es256"+t[7:])
	bad("prefix-swapped-es", "KEY-2", "a P-256 key called ed25519", "ed25519"+esKey.text()[5:])
	bad("padding", "KEY-2", "padded base64", t+"=")
	bad("standard-base64", "KEY-2", "the standard alphabet", "es256:"+base64.RawStdEncoding.EncodeToString(cat(esPlus().x, esPlus().y)))
	bad("trailing-bits", "KEY-2", "the last character has bits that no byte takes", withTrailingBits(t))
	bad("short", "KEY-2", "31 bytes", "ed25519:"+base64.RawURLEncoding.EncodeToString(edKey.x[:31]))
	bad("long", "KEY-2", "33 bytes", "ed25519:"+base64.RawURLEncoding.EncodeToString(cat(edKey.x, []byte{0})))
	bad("space-front", "KEY-2", "a space in front", " "+t)
	bad("newline", "KEY-2", "a newline behind", t+"\n")
	bad("newline-inside", "KEY-2", "a newline within", t[:20]+"\n"+t[20:])
	bad("hex", "KEY-2", "hex in place of base64url", "ed25519:"+hexOf(edKey.x))
	return s
}

// esPlus is a key whose text holds a character that base64url and base64
// write differently.
func esPlus() signer {
	for i := 1; ; i++ {
		k := esSigner(strconv.Itoa(i))
		if strings.ContainsAny(k.text(), "-_") {
			return k
		}
	}
}

// withTrailingBits sets one of the two unused bits of the last character.
func withTrailingBits(text string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, text[len(text)-1])
	return text[:len(text)-1] + string(alphabet[last|1])
}
