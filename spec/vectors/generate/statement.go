package main

import (
	"math/big"
	"strconv"

	"filippo.io/edwards25519"
)

// statementSuite: STM-1 to STM-10, KEY-1 to KEY-4. Input: a COSE_Sign1; given:
// the key to verify it with.
func statementSuite() *suite {
	s := newSuite("statement", "One statement, verified under a given key. Rules: statement.md STM-1 to STM-10, KEY-1 to KEY-4.")
	b := threeKinds()
	for _, k := range []struct {
		name string
		key  signer
	}{{"ed25519", edKey}, {"es256", esKey}} {
		add(s, k.key, k.name, "STM-1", "a statement signed with "+k.name, b, b.statement(k.key).bytes())
		second := b
		second.sequence, second.previous = 1, statementID(enc(b.header()))
		add(s, k.key, k.name+"-second", "STM-10", "the next statement of the stream", second, second.statement(k.key).bytes())
	}
	add(s, edOther, "ed25519-other-key", "STM-10", "the first statement signed by another key: another leaf, the same statement id", b, b.statement(edOther).bytes())
	statementSizes(s)
	statementEnvelope(s, b)
	statementHeaders(s, b)
	statementProtected(s, b)
	statementPayload(s, b)
	statementSignatures(s, b)
	statementECDSA(s, b)
	statementPoints(s, b)
	return s
}

// add adds a statement that verifies under k.
func add(s *suite, k signer, name, rule, comment string, b batch, bytes []byte) {
	payload := enc(b.header())
	s.good(name, rule, comment, bytes, &values{
		StatementID: hexOf(statementID(payload)), LeafHash: hexOf(leafHash(bytes)), KID: hexOf(k.kid()),
		Issuer: b.issuer, Stream: b.stream, Sequence: num(b.sequence),
	}).Given = &values{Key: k.text()}
}

// refuse adds a statement that must be refused under k.
func refuse(s *suite, k signer, name, rule, comment string, bytes []byte, code string, path ...string) {
	s.bad(name, rule, comment, bytes, code, path...).Given = &values{Key: k.text()}
}

// padded is a statement whose header has an extension that makes it n bytes long.
func padded(n int) []byte {
	b := threeKinds()
	fillTo := func(m int) []byte {
		h := b.header().set(fill(0, m), 1024)
		return seal(edKey, protectedHeader(edKey.alg, edKey.kid(), b.issuer, b.stream), enc(h)).bytes()
	}
	return fillTo(60000 + n - len(fillTo(60000)))
}

func statementSizes(s *suite) {
	largest := padded(65535)
	s.good("size-65535", "STM-1", "a statement of 65,535 bytes", largest, &values{LeafHash: hexOf(leafHash(largest))}).Given = &values{Key: edKey.text()}
	refuse(s, edKey, "size-65536", "STM-1", "a statement of 65,536 bytes", padded(65536), "size")
	refuse(s, edKey, "size-1048576", "ENC-14", "a statement of 1 MiB", padded(1<<20), "size")
}

// statementEnvelope: STM-1, STM-5.
func statementEnvelope(s *suite, b batch) {
	e := b.statement(edKey)
	bad := func(name, rule, comment string, bytes []byte) {
		refuse(s, edKey, "envelope-"+name, rule, comment, bytes, "envelope")
	}
	p, u, m, sig := enc(e.protected), enc(e.unprotected), enc(e.payload), enc(e.signature)
	four := func(parts ...[]byte) []byte { return cat([]byte{0xd2, 0x84}, cat(parts...)) }
	bad("empty", "STM-1", "no byte at all", []byte{})
	bad("untagged", "STM-1", "no tag", e.array())
	bad("tag-98", "STM-1", "tag 98, COSE_Sign", cat([]byte{0xd8, 98}, e.array()))
	bad("tag-17", "STM-1", "tag 17, COSE_Mac0", cat([]byte{0xd1}, e.array()))
	bad("tag-wide", "STM-1", "tag 18 in two bytes", cat([]byte{0xd8, 18}, e.array()))
	bad("tag-twice", "STM-1", "tag 18 twice", cat([]byte{0xd2}, e.bytes()))
	bad("tag-cwt", "STM-1", "tag 61, CWT, in front of tag 18", cat([]byte{0xd8, 61}, e.bytes()))
	bad("array-wide", "STM-1", "the array's length in two bytes", cat([]byte{0xd2, 0x98, 4}, p, u, m, sig))
	bad("array-indefinite", "STM-1", "an indefinite array", cat([]byte{0xd2, 0x9f}, p, u, m, sig, []byte{0xff}))
	bad("array-3", "STM-1", "three elements: no signature", cat([]byte{0xd2, 0x83}, p, u, m))
	bad("array-5", "STM-1", "five elements", cat([]byte{0xd2, 0x85}, p, u, m, sig, []byte{0}))
	bad("map", "STM-1", "a map in place of the array", cat([]byte{0xd2, 0xa2}, p, u, m, sig))
	bad("protected-wide", "STM-1", "the length of the protected header in three bytes", four(cat(wide(mBytes, uint64(len(e.protected)), 2), e.protected), u, m, sig))
	bad("payload-wide", "STM-1", "the length of the payload in five bytes", four(p, u, cat(wide(mBytes, uint64(len(e.payload)), 4), e.payload), sig))
	bad("signature-wide", "STM-1", "the length of the signature in three bytes", four(p, u, m, cat(wide(mBytes, 64, 2), e.signature)))
	bad("unprotected-wide", "STM-1", "the empty unprotected header in two bytes", four(p, []byte{0xb8, 0}, m, sig))
	bad("unprotected-indefinite", "STM-1", "the empty unprotected header as an indefinite map", four(p, []byte{0xbf, 0xff}, m, sig))
	bad("payload-indefinite", "STM-1", "the payload as an indefinite byte string", four(p, u, cat([]byte{0x5f}, m, []byte{0xff}), sig))
	bad("protected-map", "STM-1", "the protected header is a map, not wrapped in a byte string", four(e.protected, u, m, sig))
	bad("protected-text", "STM-1", "the protected header is a text", four(cat(head(mText, 3), []byte("abc")), u, m, sig))
	bad("unprotected-array", "STM-1", "the unprotected header is an array", four(p, []byte{0x80}, m, sig))
	bad("unprotected-null", "STM-1", "the unprotected header is null", four(p, []byte{0xf6}, m, sig))
	bad("payload-map", "STM-1", "the payload is a map, not wrapped in a byte string", four(p, u, e.payload, sig))
	bad("signature-text", "STM-1", "the signature is a text", four(p, u, m, enc(string(fill('a', 64)))))
	bad("detached", "STM-5", "a detached payload: nil", four(p, u, []byte{0xf6}, sig))
	bad("trailing", "STM-1", "a zero byte behind it", cat(e.bytes(), []byte{0}))
	bad("twice", "STM-1", "the statement stands twice", cat(e.bytes(), e.bytes()))
	bad("truncated", "STM-1", "the last byte is missing", e.bytes()[:len(e.bytes())-1])
	bad("truncated-tag", "STM-1", "the tag alone", []byte{0xd2})
	bad("bstr", "STM-1", "wrapped in a byte string", enc(e.bytes()))
}

// statementHeaders: STM-2.
func statementHeaders(s *suite, b batch) {
	for _, u := range []struct {
		name, comment string
		header        group
	}{
		{"receipt", "a receipt (394) in the unprotected header", group{394: list{[]byte{1}}}},
		{"alg", "an alg in the unprotected header", group{1: -8}},
		{"kid", "a kid in the unprotected header", group{4: edKey.kid()}},
		{"x5chain", "a certificate chain (33) in the unprotected header", group{33: fill(1, 4)}},
		{"private", "a label of private use in the unprotected header", group{-65537: 0}},
	} {
		e := b.statement(edKey)
		e.unprotected = u.header
		refuse(s, edKey, "unprotected-"+u.name, "STM-2", u.comment, e.bytes(), "unprotected")
	}
}

// statementProtected: STM-3, STM-4, STM-7, signed as they stand.
func statementProtected(s *suite, b batch) {
	payload := enc(b.header())
	base := protectedHeader(algEdDSA, edKey.kid(), b.issuer, b.stream)
	bad := func(name, rule, comment string, protected group, code string) {
		refuse(s, edKey, name, rule, comment, seal(edKey, protected, payload).bytes(), code)
	}
	names := map[int64]string{1: "alg", 3: "content-type", 4: "kid", 15: "claims", 16: "typ"}
	for _, k := range base.keys() {
		bad("protected-without-"+names[k], "STM-3", "no "+names[k], base.del(k), "protected")
	}
	bad("protected-crit", "STM-3", "an extra label: crit (2)", base.set(list{16}, 2), "protected")
	bad("protected-iv", "STM-3", "an extra label: IV (5)", base.set(fill(1, 8), 5), "protected")
	bad("protected-x5t", "STM-3", "an extra label: x5t (34)", base.set(list{-16, fill(1, 32)}, 34), "protected")
	bad("protected-extension", "STM-3", "an extra label, 1024: kept keys are for maps of this format", base.set(0, 1024), "protected")
	bad("protected-private", "STM-3", "an extra label of private use, -65537", base.set(0, -65537), "protected")
	bad("protected-content-type", "STM-3", "another content type", base.set("application/cbor", 3), "protected")
	bad("protected-content-type-number", "STM-3", "the content type as a CoAP number", base.set(60, 3), "protected")
	bad("protected-typ", "STM-3", "another typ", base.set("application/cose", 16), "protected")
	bad("protected-typ-short", "STM-3", "typ without application/", base.set("vnd.tokentrail.statement+cose", 16), "protected")
	bad("protected-kid-31", "STM-3", "a kid of 31 bytes", base.set(edKey.kid()[:31], 4), "protected")
	bad("protected-kid-33", "STM-3", "a kid of 33 bytes", base.set(cat(edKey.kid(), []byte{0}), 4), "protected")
	bad("protected-kid-text", "STM-3", "the kid is a text", base.set(hexOf(edKey.kid()[:16]), 4), "protected")
	bad("protected-claims-iat", "STM-3", "an extra claim: iat (6)", base.set(1700000000, 15, 6), "protected")
	bad("protected-claims-no-iss", "STM-3", "claims without iss", base.del(15, 1), "protected")
	bad("protected-claims-no-sub", "STM-3", "claims without sub", base.del(15, 2), "protected")
	bad("protected-claims-text", "STM-3", "the claims are a text", base.set("acme", 15), "protected")
	wrap := func(name, comment string, p []byte) {
		e := envelope{p, group{}, payload, edKey.sign(sigStructure(p, payload))}
		refuse(s, edKey, "protected-"+name, "STM-3", comment, e.bytes(), "protected")
	}
	p := enc(base)
	wrap("empty", "an empty protected header", nil)
	wrap("empty-map", "the protected header is an empty map", []byte{0xa0})
	wrap("array", "the protected header is an array", []byte{0x80})
	wrap("trailing", "a byte follows the protected header in its string", cat(p, []byte{0}))
	wrap("truncated", "the protected header is cut", p[:len(p)-1])
	wrap("non-minimal", "the protected header's map length in two bytes", cat(wide(mMap, 5, 1), p[1:]))
	wrap("indefinite", "the protected header as an indefinite map", cat([]byte{0xbf}, p[1:], []byte{0xff}))
	wrap("unsorted", "kid stands before the content type", pairs(1, base[1], 4, base[4], 3, base[3], 15, base[15], 16, base[16]))
	wrap("duplicate", "alg stands twice, first as ES256, then as EdDSA", pairs(1, algES256, 1, base[1], 3, base[3], 4, base[4], 15, base[15], 16, base[16]))
	wrap("text-label", "a text as an extra label", append(cat(head(mMap, 6), p[1:]), enc(pairs("note", 1))[1:]...))

	for _, a := range []int64{-35, -36, -37, -257, -47, -19, -9, -50, 5, 0} {
		bad("alg"+strconv.FormatInt(a, 10), "STM-3", "alg "+strconv.FormatInt(a, 10)+" is not one of version 1", base.set(a, 1), "alg")
	}
	bad("alg-other-ed25519", "KEY-1", "alg is ES256, the key an Ed25519 key", base.set(algES256, 1), "alg")
	es := protectedHeader(algEdDSA, esKey.kid(), b.issuer, b.stream)
	refuse(s, esKey, "alg-other-es256", "KEY-1", "alg is EdDSA, the key a P-256 key", seal(esKey, es, payload).bytes(), "alg")

	bad("binding-issuer", "STM-4", "iss is globex, the payload's issuer acme", base.set("globex", 15, 1), "binding")
	bad("binding-stream", "STM-4", "sub is eu-1, the payload's stream main", base.set("eu-1", 15, 2), "binding")
	bad("binding-swapped", "STM-4", "iss and sub are swapped", base.set(group{1: "main", 2: "acme"}, 15), "binding")
	bad("binding-prefix", "STM-4", "iss is the first three letters of the issuer", base.set("acm", 15, 1), "binding")

	bad("kid-other-key", "STM-7", "kid is another key's, the signature this key's", base.set(edOther.kid(), 4), "kid")
	bad("kid-zero", "STM-7", "kid is zero", base.set(fill(0, 32), 4), "kid")
	bad("kid-with-alg", "STM-7", "kid is the hash of the COSE_Key with an alg", base.set(hash(enc(edKey.coseKey().set(-8, 3))), 4), "kid")
	bad("kid-of-x", "STM-7", "kid is the hash of x alone", base.set(hash(edKey.x), 4), "kid")
}

// statementPayload: errors of the header reach through the envelope.
func statementPayload(s *suite, b batch) {
	h := b.header()
	bad := func(name, rule, comment string, payload []byte, code string) {
		refuse(s, edKey, "payload-"+name, rule, comment, seal(edKey, protectedHeader(algEdDSA, edKey.kid(), b.issuer, b.stream), payload).bytes(), code)
	}
	bad("version", "", "the payload has version 2", enc(h.set(2, 1)), "version")
	bad("critical", "ENC-20", "the payload has key 11", enc(h.set(0, 11)), "unknown-critical")
	bad("trailing", "ENC-12", "a byte follows the header in the payload", cat(enc(h), []byte{0}), "trailing-bytes")
	bad("non-minimal", "ENC-1", "sequence 0 in two bytes", enc(h.set(raw(wide(mUint, 0, 1)), 4)), "non-minimal")
	bad("chain", "BAT-7", "sequence 1 without a previous", enc(h.set(1, 4)), "chain")
	e := b.statement(edKey)
	e.payload = enc(h.set(int64(7), 6))
	refuse(s, edKey, "signature-other-payload", "STM-6", "the signature is of a header with another count", e.bytes(), "signature")
}

// statementSignatures: STM-6 and Ed25519's scalar.
func statementSignatures(s *suite, b batch) {
	payload := enc(b.header())
	good := b.statement(edKey)
	bad := func(name, rule, comment string, signature []byte) {
		e := good
		e.signature = signature
		refuse(s, edKey, "signature-"+name, rule, comment, e.bytes(), "signature")
	}
	flip := func(i int, x byte) []byte {
		out := cat(good.signature)
		out[i] ^= x
		return out
	}
	bad("flipped-r", "STM-6", "the first bit of R is flipped", flip(0, 1))
	bad("flipped-s", "STM-6", "the first bit of S is flipped", flip(32, 1))
	bad("flipped-r-sign", "STM-6", "the sign bit of R is flipped", flip(31, 0x80))
	bad("zero", "STM-6", "64 zero bytes", fill(0, 64))
	bad("empty", "STM-6", "no signature byte", []byte{})
	bad("63", "STM-6", "63 bytes", good.signature[:63])
	bad("65", "STM-6", "65 bytes", cat(good.signature, []byte{0}))
	bad("96", "STM-6", "96 bytes", cat(good.signature, fill(0, 32)))
	bad("other-key", "STM-6", "signed by another key under this key's kid",
		seal(edOther, protectedHeader(algEdDSA, edKey.kid(), b.issuer, b.stream), payload).signature)
	bad("payload-only", "STM-6", "signed over the payload, not the Sig_structure", edKey.sign(payload))
	bad("context", "STM-6", "signed with the context \"Signature\"", edKey.sign(enc(list{"Signature", good.protected, []byte{}, payload})))
	bad("external-aad", "STM-6", "signed with external data", edKey.sign(enc(list{"Signature1", good.protected, []byte{1}, payload})))
	bad("countersignature", "STM-6", "signed as a counter signature", edKey.sign(enc(list{"CounterSignature", good.protected, []byte{}, payload})))
	bad("no-protected", "STM-6", "signed over an empty protected header", edKey.sign(sigStructure(nil, payload)))
	l := groupOrder()
	bad("s-plus-l", "KEY-3", "S plus the group order", addToS(good.signature, l))
	bad("s-plus-2l", "KEY-3", "S plus twice the group order", addToS(good.signature, new(big.Int).Lsh(l, 1)))
	bad("s-is-l", "KEY-3", "S is the group order", cat(good.signature[:32], little(l)))
	bad("s-bit-253", "KEY-3", "S with bit 253 set", flip(63, 0x20))
	bad("s-bit-254", "KEY-3", "S with bit 254 set", flip(63, 0x40))
	bad("s-bit-255", "KEY-3", "S with bit 255 set", flip(63, 0x80))
	names, encodings := nonCanonicalPoints()
	for i, r := range encodings {
		bad("r-non-canonical-"+names[i], "KEY-3", "R is a non-canonical encoding", cat(r, good.signature[32:]))
	}
	bad("r-not-a-point", "KEY-3", "R is no point", cat([]byte{2}, fill(0, 31), good.signature[32:]))
}

// statementECDSA: KEY-4.
func statementECDSA(s *suite, b batch) {
	good := b.statement(esKey)
	bad := func(name, rule, comment string, signature []byte) {
		e := good
		e.signature = signature
		refuse(s, esKey, "es256-"+name, rule, comment, e.bytes(), "signature")
	}
	r, sv := new(big.Int).SetBytes(good.signature[:32]), new(big.Int).SetBytes(good.signature[32:])
	pair := func(r, s *big.Int) []byte { return cat(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))) }
	zero := new(big.Int)
	bad("high-s", "KEY-4", "n - s in place of s", pair(r, new(big.Int).Sub(p256N, sv)))
	bad("r-zero", "KEY-4", "r is zero", pair(zero, sv))
	bad("s-zero", "KEY-4", "s is zero", pair(r, zero))
	bad("both-zero", "KEY-4", "r and s are zero", pair(zero, zero))
	bad("r-n", "KEY-4", "r is n", pair(p256N, sv))
	bad("s-n", "KEY-4", "s is n", pair(r, p256N))
	bad("r-all-ones", "KEY-4", "r is 2^256-1", cat(fill(0xff, 32), good.signature[32:]))
	bad("s-all-ones", "KEY-4", "s is 2^256-1", cat(good.signature[:32], fill(0xff, 32)))
	bad("swapped", "KEY-4", "s and r are swapped", pair(sv, r))
	bad("der", "STM-6", "r and s in DER", der(r, sv))
	bad("63", "STM-6", "63 bytes", good.signature[:63])
	bad("flipped-r", "STM-6", "a bit of r is flipped", cat([]byte{good.signature[0] ^ 1}, good.signature[1:]))
	bad("other-key", "STM-6", "signed by another key under this key's kid",
		seal(esOther, protectedHeader(algES256, esKey.kid(), b.issuer, b.stream), enc(b.header())).signature)
}

// der writes r and s as the SEQUENCE that X.509 uses.
func der(r, s *big.Int) []byte {
	integer := func(n *big.Int) []byte {
		b := n.Bytes()
		if b[0] >= 0x80 {
			b = cat([]byte{0}, b)
		}
		return cat([]byte{2, byte(len(b))}, b)
	}
	body := cat(integer(r), integer(s))
	return cat([]byte{0x30, byte(len(body))}, body)
}

// statementPoints: keys and R of small order, and the cofactorless rule.
func statementPoints(s *suite, b batch) {
	for _, p := range badPoints() {
		k := signer{alg: p.alg, x: p.x, y: p.y}
		e := envelope{enc(protectedHeader(p.alg, k.kid(), b.issuer, b.stream)), group{}, enc(b.header()), b.statement(edKey).signature}
		refuse(s, k, "key-"+p.name, p.rule, "the key is bad: "+p.comment, e.bytes(), "key")
	}
	identity := smallOrder()[0]
	k := signer{alg: algEdDSA, x: identity}
	e := envelope{enc(protectedHeader(algEdDSA, k.kid(), b.issuer, b.stream)), group{}, enc(b.header()), cat(identity, fill(0, 32))}
	refuse(s, k, "key-identity-r-identity-s-zero", "KEY-3", "key and R are the identity and S is 0: holds for every message", e.bytes(), "key")

	public, a := mixedKey()
	mixed := signer{alg: algEdDSA, x: public}
	zero := scalarOf(big.NewInt(0))
	for i, p := range smallOrder() {
		point, err := new(edwards25519.Point).SetBytes(p)
		must(err, "small order")
		bytes, _ := search(b, mixed, a, zero, point, true)
		refuse(s, mixed, "r-small-order-"+strconv.Itoa(i), "KEY-3", "R is of small order and the equation holds (the key has a part of order eight)", bytes, "signature")
	}
	r := scalarOf(fromLittle(hash([]byte("tokentrail vectors r"))))
	bytes, h := search(b, mixed, a, r, new(edwards25519.Point).ScalarBaseMult(r), true)
	s.good("mixed-order-key", "KEY-3", "the key has a part of order eight, and the equation holds without the cofactor", bytes,
		&values{StatementID: hexOf(statementID(enc(h))), LeafHash: hexOf(leafHash(bytes)), KID: hexOf(mixed.kid())}).Given = &values{Key: mixed.text()}
	bytes, _ = search(b, mixed, a, r, new(edwards25519.Point).ScalarBaseMult(r), false)
	refuse(s, mixed, "mixed-order-cofactored", "KEY-3", "the equation holds only when multiplied by the cofactor, as batch verification does", bytes, "signature")
}

// search varies an extension of the header until the equation holds, or does
// not, as wanted.
func search(b batch, k signer, a, r *edwards25519.Scalar, point *edwards25519.Point, want bool) ([]byte, group) {
	for i := 0; ; i++ {
		h := b.header().set(i, 1024)
		protected := enc(protectedHeader(algEdDSA, k.kid(), b.issuer, b.stream))
		signature, holds := residual(a, r, point, k.x, sigStructure(protected, enc(h)))
		if holds == want {
			return envelope{protected, group{}, enc(h), signature}.bytes(), h
		}
	}
}
