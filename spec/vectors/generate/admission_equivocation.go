package main

// admissionEquivocationSuite: EQV-3, EQV-4.
func admissionEquivocationSuite() *suite {
	a := admission{newSuite("admission_equivocation", "One equivocation on a given state map; the state map that it leaves. Rules: ledger.md EQV-1 to EQV-4, ADM-20.")}
	w := governedWorld()
	first := threeKinds()
	second := secondOf(first)
	astray := second.otherwise()
	e := equivocate(second, edKey, astray, edKey)
	closed := func(w world, provider string, p, head group) world {
		return w.with("provider/"+provider, p).with("stream/"+provider+"/main", head.set(2, 4).set(w.logSize, 5))
	}
	head := headValue(second, 6)
	ok := func(name, rule, comment string, w, after world, b batch, e equivocation) {
		a.s.good(name, rule, comment, e.submission(), entryExpect(w, after, equivocationID(e.leaf(b)), e.leaf(b))).Given = w.given()
	}
	acme := acmeProvider()
	after := closed(w, "acme", acme.set(1, 7), head)
	ok("head", "EQV-4", "the statement at the stream's head and another", w, after, second, e)
	before := equivocate(first, edKey, first.otherwise(), edKey)
	ok("before-head", "EQV-3", "a place behind the head", w, after, first, before)
	third := second
	third.records = second.records[1:]
	neither := equivocate(astray, edKey, third, edKey)
	ok("neither", "EQV-3", "two statements neither of which is the one in the log", w, after, second, neither)
	more := w.with("provider/acme", acme.set(4, 6).set(2, 7).set(9, 8))
	ok("third-stream", "EQV-4", "the provider's third stream that is closed", more, closed(more, "acme", acme.set(4, 6).set(3, 7).set(9, 8), head), second, e)
	status := func(n int) world { return w.with("provider/acme", acme.set(n, 5)) }
	ok("suspended", "EQV-3", "the issuer is suspended", status(2), closed(status(2), "acme", acme.set(2, 5).set(1, 7), head), second, e)
	ok("retired", "EQV-3", "the issuer is retired", status(3), closed(status(3), "acme", acme.set(3, 5).set(1, 7), head), second, e)
	byES := equivocate(second, edKey, astray, esKey)
	ok("two-keys", "EQV-3", "two keys of the issuer", w, after, second, byES)
	for _, h := range []int64{49, 100} {
		at := w.at(h)
		ok("key-at-"+num64(h), "EQV-3", "a key that does not sign at this height convicts", at, closed(at, "acme", acme.set(1, 7), head), second, byES)
	}
	free := w.ungoverned(3)
	ok("ungoverned", "EQV-1", "where nobody governs, under rule version 3", free, closed(free, "acme", acme.set(1, 7), head), second, e)
	held := w.with("rules", group{1: 2, 2: 3, 3: 50})
	ok("rules-held", "STA-5", "at the height from which rule version 3 holds", held, closed(held, "acme", acme.set(1, 7), head), second, e)
	tight := w.with("policy", group{1: 1, 5: 100, 6: 1, 7: 1, 8: 1})
	ok("policy", "EQV-3", "a policy that neither statement meets has no part in it", tight, closed(tight, "acme", acme.set(1, 7), head), second, e)
	admissionEquivocationBad(a, w, second, e)
	return a.s
}

func admissionEquivocationBad(a admission, w world, second batch, e equivocation) {
	acme := acmeProvider()
	astray := second.otherwise()
	bad := func(name, rule, comment string, w world, e equivocation, code string) {
		a.refuse(name, rule, comment, w, e.submission(), code)
	}
	for rules := 1; rules <= 2; rules++ {
		bad("rules-"+num64(int64(rules)), "EQV-1", "rule version "+num64(int64(rules))+" has no equivocation", w.with("rules", group{1: rules}), e, "version")
	}
	bad("rules-next", "ADM-20", "one height before rule version 3 holds", w.with("rules", group{1: 2, 2: 3, 3: 51}), e, "version")
	a.refuse("rules-2-malformed", "ADM-20", "rule version 2 has no equivocation, and what it holds are no statements", w.with("rules", group{1: 2}), enc(list{3, []byte{0}, []byte{0}}), "version")
	a.refuse("trailing", "ADM-3", "a byte behind the submission", w, cat(e.submission(), []byte{0}), "envelope")
	bad("swapped", "EQV-1", "the statements are swapped", w, equivocation{a: e.b, b: e.a}, "value")
	bad("unknown-issuer", "EQV-3", "an issuer that is not in the registry", w, equivocate(renamed(second, "hooli"), edKey, renamed(astray, "hooli"), edKey), "unknown-issuer")
	bad("no-stream", "EQV-3", "a stream of which the log has nothing", w.with("stream/acme/main", nil), e, "gap")
	bad("no-such-stream", "EQV-3", "another stream, of which the log has nothing", w, equivocate(streamed(threeKinds(), "eu-1"), edKey, streamed(threeKinds().otherwise(), "eu-1"), edKey), "gap")
	bad("ahead", "EQV-3", "a place one ahead of the head", w, equivocate(secondOf(second), edKey, secondOf(second).otherwise(), edKey), "gap")
	head := headValue(second, 6).set(2, 4).set(6, 5)
	shut := w.with("stream/acme/main", head).with("provider/acme", acme.set(1, 7))
	bad("closed", "EQV-3", "the stream is closed", shut, e, "duplicate")
	third := second
	third.records = second.records[1:]
	bad("closed-other", "EQV-3", "the stream is closed, and by other statements", shut, equivocate(astray, edKey, third, edKey), "duplicate")
	bad("unknown-key", "EQV-3", "a key that nobody has", w, equivocate(second, edKey, astray, edSigner("nobody")), "unknown-key")
	bad("unknown-keys", "EQV-3", "two statements by a key that nobody has", w, equivocate(second, edSigner("nobody"), astray, edSigner("nobody")), "unknown-key")
	bad("key-of-other", "EQV-3", "the key of another provider", w, equivocate(second, edKey, astray, edOther), "unknown-key")
	bad("key-revoked", "EQV-3", "a key that was revoked", w, equivocate(second, edKey, astray, acmeRevoked), "unknown-key")
	bad("key-stolen", "EQV-3", "a key that was stolen", w, equivocate(second, edKey, astray, acmeStolen), "unknown-key")
	bad("keys-revoked", "EQV-3", "two statements by a key that was revoked", w, equivocate(second, acmeRevoked, astray, acmeRevoked), "unknown-key")
	flip := func(b []byte) []byte { return cat(b[:len(b)-40], []byte{b[len(b)-40] ^ 1}, b[len(b)-39:]) }
	bad("signature-a", "EQV-3", "a bit of the first signature is flipped", w, equivocation{a: flip(e.a), b: e.b}, "signature")
	bad("signature-b", "EQV-3", "a bit of the second signature is flipped", w, equivocation{a: e.a, b: flip(e.b)}, "signature")
	wrong := e
	wrong.b = seal(edKey, protectedHeader(algES256, edKey.kid(), "acme", "main"), enc(second.header())).bytes()
	if string(e.idB) != string(statementID(enc(second.header()))) {
		wrong.b = seal(edKey, protectedHeader(algES256, edKey.kid(), "acme", "main"), enc(astray.header())).bytes()
	}
	bad("alg", "EQV-3", "alg is ES256, the key an Ed25519 key", w, wrong, "alg")
	order := func(name, comment string, w world, e equivocation, code string) {
		bad("order-"+name, "EQV-3", "two faults: "+comment, w, e, code)
	}
	order("issuer-stream", "an issuer that is not in the registry, and no such stream", w, equivocate(streamed(renamed(second, "hooli"), "eu-1"), edKey, streamed(renamed(astray, "hooli"), "eu-1"), edKey), "unknown-issuer")
	order("gap-key", "a place ahead of the head, and a key that nobody has", w, equivocate(secondOf(second), edSigner("nobody"), secondOf(second).otherwise(), edKey), "gap")
	order("closed-key", "a closed stream, and a key that nobody has", shut, equivocate(second, edSigner("nobody"), astray, edKey), "duplicate")
	order("ahead-closed", "a place ahead of the head of a closed stream", shut, equivocate(secondOf(second), edKey, secondOf(second).otherwise(), edKey), "gap")
	order("key-signature", "a key that nobody has for one statement, and a flipped signature of the other", w, keyAndSignature(second, astray, flip), "unknown-key")
}

// keyAndSignature is an equivocation whose first statement's signature does not
// hold and whose second is by a stranger: keys come before signatures.
func keyAndSignature(x, y batch, flip func([]byte) []byte) equivocation {
	nobody := edSigner("nobody")
	e := equivocate(x, edKey, y, nobody)
	if string(e.idA) != string(statementID(enc(x.header()))) {
		e = equivocate(x, nobody, y, edKey)
	}
	e.a = flip(e.a)
	return e
}

func streamed(b batch, stream string) batch { b.stream = stream; return b }
