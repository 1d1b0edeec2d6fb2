package main

import "slices"

// actSuite: GOV-1, with each signature held against a given key.
func actSuite() *suite {
	s := newSuite("act", "One act (COSE_Sign), each of its signatures under the given key in its place. Rules: governance.md GOV-1, GOV-3; statement.md KEY-1 to KEY-4, STM-7.")
	payload := enc(actOf("", 0, providerStatus("acme", 2)))
	ok := func(name, rule, comment string, b, payload []byte, keys ...signer) {
		v := s.good(name, rule, comment, b, &values{ActID: hexOf(actID(payload)), LeafHash: hexOf(leafHash(b))})
		v.Given = &values{Keys: keyTexts(byKID(keys)...)}
	}
	ok("ed25519", "GOV-1", "one signature with Ed25519", signAct(payload, edKey).bytes(), payload, edKey)
	ok("es256", "GOV-1", "one signature with ES256: the same act id", signAct(payload, esKey).bytes(), payload, esKey)
	ok("three", "GOV-3", "three signatures of both kinds: the same act id", signAct(payload, govKeys...).bytes(), payload, govKeys...)
	ok("signatures-64", "GOV-1", "64 signatures", signAct(payload, manyKeys(64)...).bytes(), payload, manyKeys(64)...)
	provider := enc(actOf("acme", 0, keyAdd("acme", esOther)))
	ok("provider", "GOV-1", "an act of a provider", signAct(provider, edKey, esOther).bytes(), provider, edKey, esOther)
	largest, inner := paddedAct(65535)
	ok("size-65535", "GOV-1", "an act of 65,535 bytes", largest, inner, edKey)
	larger, _ := paddedAct(65536)
	refuseAct(s, "size-65536", "GOV-1", "an act of 65,536 bytes", larger, "size")
	actEnvelopeForm(s, payload)
	actHeaders(s, payload)
	actSignatures(s, payload)
	actInner(s)
	return s
}

func keyTexts(keys ...signer) []string {
	var out []string
	for _, k := range keys {
		out = append(out, k.text())
	}
	return out
}

// paddedAct is an act of n bytes, by an extension of its payload.
func paddedAct(n int) (act, payload []byte) {
	fillTo := func(m int) []byte { return enc(actOf("", 0, providerStatus("acme", 2)).set(fill(0, m), 1024)) }
	payload = fillTo(60000 + n - len(signAct(fillTo(60000), edKey).bytes()))
	return signAct(payload, edKey).bytes(), payload
}

// refuseAct adds an act that is refused under edKey.
func refuseAct(s *suite, name, rule, comment string, b []byte, code string, path ...string) {
	s.bad(name, rule, comment, b, code, path...).Given = &values{Keys: keyTexts(edKey)}
}

func actEnvelopeForm(s *suite, payload []byte) {
	e := signAct(payload, edKey)
	bad := func(name, comment string, b []byte) {
		refuseAct(s, "envelope-"+name, "GOV-1", comment, b, "envelope")
	}
	p, u, m, sig := enc(e.protected), enc(e.unprotected), enc(e.payload), enc(e.signatures)
	tag := []byte{0xd8, 98}
	four := func(parts ...[]byte) []byte { return cat(tag, []byte{0x84}, cat(parts...)) }
	bad("empty", "no byte at all", []byte{})
	bad("untagged", "no tag", e.array())
	bad("tag-alone", "the tag alone", tag)
	bad("tag-18", "tag 18, COSE_Sign1", cat([]byte{0xd2}, e.array()))
	bad("tag-97", "tag 97, COSE_Mac", cat([]byte{0xd8, 97}, e.array()))
	bad("tag-wide", "tag 98 in three bytes", cat([]byte{0xd9, 0, 98}, e.array()))
	bad("tag-twice", "tag 98 twice", cat(tag, e.bytes()))
	bad("array-wide", "the array's length in two bytes", cat(tag, []byte{0x98, 4}, p, u, m, sig))
	bad("array-indefinite", "an indefinite array", cat(tag, []byte{0x9f}, p, u, m, sig, []byte{0xff}))
	bad("array-3", "no signatures", cat(tag, []byte{0x83}, p, u, m))
	bad("array-5", "a fifth element", cat(tag, []byte{0x85}, p, u, m, sig, []byte{0}))
	bad("map", "a map in place of the array", cat(tag, []byte{0xa2}, p, u, m, sig))
	bad("protected-wide", "the length of the protected header in three bytes", four(cat(wide(mBytes, uint64(len(e.protected)), 2), e.protected), u, m, sig))
	bad("protected-map", "the protected header is a map", four(e.protected, u, m, sig))
	bad("unprotected-wide", "the empty unprotected header in two bytes", four(p, []byte{0xb8, 0}, m, sig))
	bad("unprotected-null", "the unprotected header is null", four(p, []byte{0xf6}, m, sig))
	bad("payload-wide", "the length of the payload in five bytes", four(p, u, cat(wide(mBytes, uint64(len(payload)), 4), payload), sig))
	bad("payload-map", "the payload is a map", four(p, u, payload, sig))
	bad("detached", "a detached payload: nil", four(p, u, []byte{0xf6}, sig))
	bad("payload-empty", "an empty payload", signAct([]byte{}, edKey).bytes())
	bad("signatures-bytes", "the signature stands alone, as in COSE_Sign1", four(p, u, m, enc(e.signatures[0].(list)[2])))
	bad("signatures-wide", "the number of signatures in two bytes", four(p, u, m, cat(wide(mArray, 1, 1), enc(e.signatures[0]))))
	bad("signatures-indefinite", "the signatures as an indefinite array", four(p, u, m, cat([]byte{0x9f}, enc(e.signatures[0]), []byte{0xff})))
	bad("trailing", "a zero byte behind it", cat(e.bytes(), []byte{0}))
	bad("truncated", "the last byte is missing", e.bytes()[:len(e.bytes())-1])
	bad("bstr", "wrapped in a byte string", enc(e.bytes()))
	one := e.signatures[0].(list)
	bad("signature-array-2", "a signature of two elements", e.withSignature(0, one[:2]).bytes())
	bad("signature-array-4", "a signature of four elements", e.withSignature(0, append(slices.Clone(one), 0)).bytes())
	bad("signature-text", "a signature is a text", e.withSignature(0, list{one[0], one[1], string(fill('a', 64))}).bytes())
	bad("signature-wide", "the length of a signature in three bytes", e.withSignature(0, list{one[0], one[1], raw(cat(wide(mBytes, 64, 2), one[2].([]byte)))}).bytes())
	bad("signature-header-map", "the protected header of a signature is a map", e.withSignature(0, list{raw(one[0].([]byte)), one[1], one[2]}).bytes())
}

// actHeaders: the protected and unprotected headers, signed as they stand.
func actHeaders(s *suite, payload []byte) {
	body := func(name, comment string, protected []byte) {
		e := actEnvelope{protected, group{}, payload, list{actSignature(edKey, protected, signerHeader(edKey), payload)}}
		refuseAct(s, "protected-"+name, "GOV-1", comment, e.bytes(), "protected")
	}
	h := actHeader()
	p := enc(h)
	body("empty", "an empty protected header", []byte{})
	body("empty-map", "the protected header is an empty map", []byte{0xa0})
	body("without-content-type", "no content type", enc(h.del(3)))
	body("without-typ", "no typ", enc(h.del(16)))
	body("content-type", "the content type of a batch", enc(h.set(typeBatch, 3)))
	body("typ", "the typ of a statement", enc(h.set(typeStatement, 16)))
	body("alg", "an alg in the body", enc(h.set(-8, 1)))
	body("kid", "a kid in the body", enc(h.set(edKey.kid(), 4)))
	body("claims", "claims in the body", enc(h.set(group{1: "acme"}, 15)))
	body("extension", "an extra label, 1024", enc(h.set(0, 1024)))
	body("unsorted", "typ stands before the content type", pairs(16, h[16], 3, h[3]))
	body("non-minimal", "the map's length in two bytes", cat(wide(mMap, 2, 1), p[1:]))
	body("trailing", "a byte follows the header in its string", cat(p, []byte{0}))
	of := func(name, comment string, header []byte, code string) {
		sig := edKey.sign(enc(list{"Signature", p, header, []byte{}, payload}))
		refuseAct(s, "signer-"+name, "GOV-1", comment, actEnvelope{p, group{}, payload, list{list{header, group{}, sig}}}.bytes(), code)
	}
	k := signerHeader(edKey)
	of("empty", "an empty protected header of a signature", []byte{}, "protected")
	of("without-alg", "a signature without an alg", enc(k.del(1)), "protected")
	of("without-kid", "a signature without a kid", enc(k.del(4)), "protected")
	of("content-type", "a content type in a signature's header", enc(k.set(typeAct, 3)), "protected")
	of("crit", "crit in a signature's header", enc(k.set(list{4}, 2)), "protected")
	of("kid-31", "a kid of 31 bytes", enc(k.set(edKey.kid()[:31], 4)), "protected")
	of("kid-text", "a kid in hex", enc(k.set(hexOf(edKey.kid()), 4)), "protected")
	of("unsorted", "kid stands before alg", pairs(4, k[4], 1, k[1]), "protected")
	of("alg-35", "alg -35 is not one of version 1", enc(k.set(-35, 1)), "alg")
	of("alg-0", "alg 0", enc(k.set(0, 1)), "alg")
	of("alg-other", "alg is ES256, the key an Ed25519 key", enc(k.set(algES256, 1)), "alg")
	e := signAct(payload, edKey)
	for _, u := range []struct {
		name, comment string
		header        group
	}{{"kid", "a kid", group{4: edKey.kid()}}, {"private", "a label of private use", group{-65537: 0}}} {
		w := e
		w.unprotected = u.header
		refuseAct(s, "unprotected-"+u.name, "GOV-1", u.comment+" in the body's unprotected header", w.bytes(), "unprotected")
		one := e.signatures[0].(list)
		refuseAct(s, "signer-unprotected-"+u.name, "GOV-1", u.comment+" in a signature's unprotected header", e.withSignature(0, list{one[0], u.header, one[2]}).bytes(), "unprotected")
	}
}

func actSignatures(s *suite, payload []byte) {
	e := signAct(payload, edKey)
	one := e.signatures[0].(list)
	good := one[2].([]byte)
	bad := func(name, rule, comment string, signature []byte) {
		refuseAct(s, "signature-"+name, rule, comment, e.withSignature(0, list{one[0], one[1], signature}).bytes(), "signature")
	}
	bad("empty", "GOV-1", "no signature byte", []byte{})
	bad("63", "GOV-1", "63 bytes", good[:63])
	bad("65", "GOV-1", "65 bytes", cat(good, []byte{0}))
	bad("flipped", "GOV-1", "a bit of R is flipped", flipBit(good, 3))
	bad("s-plus-l", "KEY-3", "S plus the group order", addToS(good, groupOrder()))
	bad("payload-only", "GOV-1", "signed over the payload alone", edKey.sign(payload))
	sigOver := func(parts ...any) []byte { return edKey.sign(enc(list(parts))) }
	p, h := e.protected, one[0].([]byte)
	bad("context-1", "GOV-1", "signed as a COSE_Sign1 of the body's header", sigOver("Signature1", p, []byte{}, payload))
	bad("context-1-signer", "GOV-1", "signed as a COSE_Sign1 of the signature's header", sigOver("Signature1", h, []byte{}, payload))
	bad("context-name", "GOV-1", "signed with the context \"Signature1\" and both headers", sigOver("Signature1", p, h, []byte{}, payload))
	bad("no-body", "GOV-1", "signed over the signature's header alone", sigOver("Signature", h, []byte{}, payload))
	bad("swapped", "GOV-1", "signed with the headers swapped", sigOver("Signature", h, p, []byte{}, payload))
	bad("external", "GOV-1", "signed with external data", sigOver("Signature", p, h, []byte{1}, payload))
	bad("other-payload", "GOV-1", "the signature of another act", signAct(enc(actOf("", 1, providerStatus("acme", 2))), edKey).signatures[0].(list)[2].([]byte))
	refuseAct(s, "kid-other", "STM-7", "the kid of another key", e.withSignature(0, actSignature(edKey, e.protected, signerHeader(edKey).set(edOther.kid(), 4), payload)).bytes(), "kid")
	e.signatures = list{}
	refuseAct(s, "signatures-none", "GOV-1", "no signature", e.bytes(), "signature")
	many := signAct(payload, manyKeys(65)...)
	s.bad("signatures-65", "GOV-1", "65 signatures", many.bytes(), "signature").Given = &values{Keys: keyTexts(byKID(manyKeys(65))...)}
	two := signAct(payload, edKey, edOther)
	keys := byKID([]signer{edKey, edOther})
	twice := two
	twice.signatures = list{two.signatures[0], two.signatures[0]}
	s.bad("kid-twice", "GOV-1", "one signature twice", twice.bytes(), "value").Given = &values{Keys: keyTexts(keys[0], keys[0])}
	swapped := two
	swapped.signatures = list{two.signatures[1], two.signatures[0]}
	s.bad("kid-descending", "GOV-1", "two signatures in descending order of kid", swapped.bytes(), "value").Given = &values{Keys: keyTexts(keys[1], keys[0])}
	last := two.signatures[1].(list)
	s.bad("second-signature", "GOV-1", "the second signature has a bit flipped", two.withSignature(1, list{last[0], last[1], flipBit(last[2].([]byte), 7)}).bytes(), "signature").Given = &values{Keys: keyTexts(keys...)}
	high := signAct(payload, esKey)
	es := high.signatures[0].(list)
	s.bad("es256-high-s", "KEY-4", "n - s in place of s", high.withSignature(0, list{es[0], es[1], highS(es[2].([]byte))}).bytes(), "signature").Given = &values{Keys: keyTexts(esKey)}
}

// highS is the other signature that ECDSA would take for the same message.
func highS(signature []byte) []byte {
	n := p256N
	s := n.FillBytes(make([]byte, 32))
	borrow := 0
	for i := 31; i >= 0; i-- {
		d := int(s[i]) - int(signature[32+i]) - borrow
		borrow = 0
		if d < 0 {
			d, borrow = d+256, 1
		}
		s[i] = byte(d)
	}
	return cat(signature[:32], s)
}

// actInner: errors of the payload reach through the envelope.
func actInner(s *suite) {
	g := actOf("", 0, providerStatus("acme", 2))
	bad := func(name, rule, comment string, payload []byte, code string) {
		refuseAct(s, "payload-"+name, rule, comment, signAct(payload, edKey).bytes(), code)
	}
	bad("version", "GOV-4", "the payload has version 2", enc(g.set(2, 1)), "version")
	bad("critical", "ENC-20", "the payload has key 8", enc(g.set(0, 8)), "unknown-critical")
	bad("trailing", "ENC-12", "a byte follows the payload in its string", cat(enc(g), []byte{0}), "trailing-bytes")
	bad("type", "GOV-5", "an action of type 12", enc(g.set(12, 7, 0, 1)), "unknown-kind")
}
