package main

// admissionActSuite: GOV-2, GOV-6 to GOV-12, GOV-19.
func admissionActSuite() *suite {
	a := admission{newSuite("admission_act", "One act on a given state map, at a given height, on a chain; the state map that it leaves. Rules: governance.md GOV-6 to GOV-19.")}
	w := governedWorld()
	suspend := providerStatus("acme", 2)
	suspended := w.acted().with("provider/acme", acmeProvider().set(2, 5))
	a.act("two-of-three", "GOV-19", "two of three governors suspend a provider", w, suspended, actOf("", 5, suspend), govKeys[:2]...)
	a.act("two-others", "GOV-11", "two other governors", w, suspended, actOf("", 5, suspend), govKeys[1:]...)
	a.act("three-of-three", "GOV-11", "all governors", w, suspended, actOf("", 5, suspend), govKeys...)
	a.act("last-height", "GOV-8", "the last height at which the act is admitted", w, suspended, actOf("", 5, suspend).set(50, 5), twoGovernors()...)
	a.act("kept", "ENC-20", "an act with an extension and a reason", w, suspended, actOf("", 5, suspend).set("kept", 64).set("late", 6), twoGovernors()...)
	old := w.with("rules", group{1: 1})
	a.act("rules-1", "GOV-2", "a governed ledger of rule version 1 has acts", old, suspended.with("rules", group{1: 1}), actOf("", 5, suspend), twoGovernors()...)

	added := func(w world, provider group, k signer) world {
		keys := append(append(list(nil), provider[4].(list)...), keyValue(k, 0).set(w.logSize, 5))
		return w.with("provider/acme", provider.set(keys, 4).set(1, 8))
	}
	fresh := edSigner("acme fresh")
	self := actOf("acme", 0, keyAdd("acme", fresh))
	a.act("own-key", "GOV-11", "a provider adds a key: signed by one of its keys and the new one", w, added(w, acmeProvider(), fresh), self, edKey, fresh)
	free := w.ungoverned(3)
	a.act("own-key-ungoverned", "GOV-2", "the same where nobody governs, under rule version 3", free, added(free, acmeProvider(), fresh), self, edKey, fresh)
	a.act("own-key-rules-1", "GOV-2", "the same on a governed ledger of rule version 1", old, added(old, acmeProvider(), fresh), self, edKey, fresh)
	off := w.with("provider/acme", acmeProvider().set(2, 5))
	a.act("own-key-suspended", "GOV-9", "a suspended provider adds a key", off, added(off, acmeProvider().set(2, 5), fresh), self, edKey, fresh)
	a.act("own-key-second", "GOV-11", "signed by a key that is valid from this height", w, added(w, acmeProvider(), fresh), self, esKey, fresh)
	two := edSigner("acme fresher")
	both := actOf("acme", 0, keyAdd("acme", fresh), keyAdd("acme", two))
	keys := append(append(list(nil), acmeProvider()[4].(list)...), keyValue(fresh, 0).set(7, 5), keyValue(two, 0).set(7, 5))
	a.act("own-keys", "GOV-11", "a provider adds two keys, each of which signs", w, w.with("provider/acme", acmeProvider().set(keys, 4).set(1, 8)), both, edKey, fresh, two)
	keysOf := func(n int) group {
		held := list{keyValue(edKey, 0)}
		for _, k := range manyKeys(n - 1) {
			held = append(held, keyValue(k, 0))
		}
		return acmeProvider().set(held, 4)
	}
	many := w.with("provider/acme", keysOf(31))
	a.act("own-key-32", "GOV-15", "a provider with 31 keys adds one", many, added(many, keysOf(31), fresh), self, edKey, fresh)
	a.refuseAct("own-key-33", "GOV-15", "a provider with 32 keys adds one", w.with("provider/acme", keysOf(32)), self, "registry", "-", edKey, fresh)
	expire := actOf("acme", 4, keyExpire("acme", edKey, 51))
	seq := w.with("provider/acme", acmeProvider().set(4, 8))
	a.act("own-expire", "GOV-12", "the fifth act of a provider: the key that signs it ends at the next height", seq,
		seq.with("provider/acme", acmeProvider().set(51, 4, 0, 4).set(5, 8)), expire, edKey)
	swap := actOf("", 5, setGovernance(1, edSigner("governor 4")))
	a.act("hand-over", "GOV-11", "the governors hand over: two of them and the new one sign", w,
		w.with("governance", group{1: 1, 2: governors(edSigner("governor 4")), 3: 6}), swap, govKeys[0], govKeys[1], edSigner("governor 4"))
	a.act("threshold-raised", "GOV-11", "all must sign from now on, and all signed", w, w.with("governance", governanceValue().set(3, 1).set(6, 3)), actOf("", 5, setGovernance(3, govKeys...)), govKeys...)
	twice := actOf("", 5, setGovernance(1, edSigner("governor 5")), setGovernance(1, edSigner("governor 4")))
	a.act("hand-over-last", "GOV-11", "of two actions governance the last says who else must sign", w,
		w.with("governance", group{1: 1, 2: governors(edSigner("governor 4")), 3: 6}), twice, govKeys[0], govKeys[1], edSigner("governor 4"))
	admissionActGeneral(a, w)
	admissionActSigners(a, w)
	admissionActOwn(a, w)
	admissionActOrder(a, w)
	admissionRegistry(a, w)
	admissionKeys(a, w)
	admissionValidators(a, w)
	admissionStateActions(a, w)
	return a.s
}

// admissionActGeneral: ADM-2, ADM-20, GOV-7 to GOV-10.
func admissionActGeneral(a admission, w world) {
	g := actOf("", 5, providerStatus("acme", 2))
	own := actOf("acme", 0, keyExpire("acme", edKey, 60))
	two := twoGovernors()
	bad := func(name, rule, comment string, w world, g group, code string, keys ...signer) {
		a.refuseAct(name, rule, comment, w, g, code, "-", keys...)
	}
	larger, _ := paddedAct(65536)
	a.refuse("size", "ADM-2", "an act of 65,536 bytes", w, enc(list{2, larger}), "size")
	a.refuse("trailing", "ADM-3", "a byte behind the submission", w, cat(actSubmission(g, two...), []byte{0}), "envelope")
	a.refuse("unsigned", "GOV-1", "an act without signatures", w, actSubmission(g), "signature")
	bad("version-2", "GOV-4", "an act of version 2", w, g.set(2, 1), "version", two...)
	for rules := 1; rules <= 3; rules++ {
		bad("ungoverned-"+num64(int64(rules)), "GOV-2", "governors' act where nobody governs, rule version "+num64(int64(rules)), w.ungoverned(rules), g, "version", two...)
	}
	bad("own-ungoverned-1", "ADM-20", "a provider's act where nobody governs, rule version 1", w.ungoverned(1), own, "version", edKey)
	bad("own-ungoverned-2", "ADM-20", "a provider's act where nobody governs, rule version 2", w.ungoverned(2), own, "version", edKey)
	next := w.with("governance", nil).with("rules", group{1: 2, 2: 3, 3: 51})
	bad("own-ungoverned-next", "STA-5", "a provider's act one height before rule version 3", next, own, "version", edKey)
	held := w.with("governance", nil).with("rules", group{1: 2, 2: 3, 3: 50})
	a.act("own-ungoverned-held", "STA-5", "a provider's act at the height from which rule version 3 holds", held,
		held.with("provider/acme", acmeProvider().set(60, 4, 0, 4).set(1, 8)), own, edKey)
	a.refuse("malformed-ungoverned", "ADM-20", "no acts at all, and what stands in one is no act", w.ungoverned(2), enc(list{2, []byte{0}}), "version")
	bad("chain", "GOV-7", "an act for another chain", w, g.set("vectors-2", 2), "chain-id", two...)
	bad("chain-case", "GOV-7", "the chain id in another case", w, g.set("Vectors-1", 2), "chain-id", two...)
	bad("chain-own", "GOV-7", "a provider's act for another chain", w, own.set("vectors-2", 2), "chain-id", edKey)
	bad("expired", "GOV-8", "the last height is the one before", w, g.set(49, 5), "expired", two...)
	bad("expired-own", "GOV-8", "a provider's act whose last height is the one before", w, own.set(49, 5), "expired", edKey)
	bad("unknown-issuer", "GOV-9", "the act of a provider that is not registered", w, actOf("hooli", 0, keyExpire("hooli", edKey, 60)), "unknown-issuer", edKey)
	bad("retired-issuer", "GOV-9", "the act of a retired provider", w, actOf("initech", 0, keyExpire("initech", esOther, 60)), "inactive-issuer", esOther)
	for _, n := range []int64{0, 4, 6, 1<<63 - 1} {
		bad("sequence-"+num64(n), "GOV-10", "sequence "+num64(n)+", the next one is 5", w, g.set(n, 4), "sequence", two...)
	}
	bad("sequence-own-1", "GOV-10", "a provider's first act with sequence 1", w, own.set(1, 4), "sequence", edKey)
	bad("sequence-own-governors", "GOV-10", "a provider's act with the governors' sequence", w, own.set(5, 4), "sequence", edKey)
	behind := w.with("provider/acme", acmeProvider().set(3, 8))
	bad("sequence-own-behind", "GOV-10", "a provider's third act once more", behind, own.set(2, 4), "sequence", edKey)
}

// admissionActSigners: GOV-11 for governors.
func admissionActSigners(a admission, w world) {
	g := actOf("", 5, providerStatus("acme", 2))
	bad := func(name, comment string, g group, code string, keys ...signer) {
		a.refuseAct("signers-"+name, "GOV-11", comment, w, g, code, "-", keys...)
	}
	four := edSigner("governor 4")
	bad("one", "one of three, two must sign", g, "threshold", govKeys[0])
	bad("stranger", "a key that nobody has beside two governors", g, "unknown-key", govKeys[0], govKeys[1], edSigner("nobody"))
	bad("provider", "a provider's key beside two governors", g, "unknown-key", govKeys[0], govKeys[1], edKey)
	bad("strangers", "two keys that nobody has", g, "unknown-key", edSigner("nobody"), edSigner("nobody 2"))
	bad("added", "the key that the act adds beside two governors: it signs a provider's act only", actOf("", 5, keyAdd("acme", four)), "unknown-key", govKeys[0], govKeys[1], four)
	over := actOf("", 5, setGovernance(1, four))
	bad("new-missing", "a hand-over that the new governor did not sign", over, "threshold", govKeys[0], govKeys[1])
	bad("new-alone", "a hand-over that only the new governor signed", over, "threshold", four)
	bad("old-one", "a hand-over that one of the old and the new governor signed", over, "threshold", govKeys[0], four)
	raised := actOf("", 5, setGovernance(3, govKeys...))
	bad("raised", "the threshold is raised to three, two signed", raised, "threshold", govKeys[0], govKeys[1])
	twice := actOf("", 5, setGovernance(1, four), setGovernance(1, edSigner("governor 5")))
	bad("not-last", "a key of an action governance that is not the last", twice, "unknown-key", govKeys[0], govKeys[1], four)
	payload := enc(g)
	e := signAct(payload, twoGovernors()...)
	for i := range 2 {
		one := e.signatures[i].(list)
		broken := e.withSignature(i, list{one[0], one[1], flipBit(one[2].([]byte), 5)})
		a.refuse("signers-flipped-"+num64(int64(i)), "GOV-11", "a bit of signature "+num64(int64(i))+" is flipped", w, enc(list{2, broken.bytes()}), "signature")
	}
	all := signAct(payload, govKeys...)
	last := all.signatures[2].(list)
	broken := all.withSignature(2, list{last[0], last[1], flipBit(last[2].([]byte), 5)})
	a.refuse("signers-surplus-flipped", "GOV-11", "two signatures hold, which is enough, the third does not", w, enc(list{2, broken.bytes()}), "signature")
	k := byKID(twoGovernors())[0]
	wrong := e.withSignature(0, actSignature(k, e.protected, signerHeader(k).set(algES256, 1), payload))
	a.refuse("signers-alg", "GOV-11", "alg is ES256, the governor's key an Ed25519 key", w, enc(list{2, wrong.bytes()}), "alg")
}

// admissionActOwn: GOV-11 and GOV-12 for providers.
func admissionActOwn(a admission, w world) {
	fresh := edSigner("acme fresh")
	add := actOf("acme", 0, keyAdd("acme", fresh))
	bad := func(name, rule, comment string, w world, g group, code, path string, keys ...signer) {
		a.refuseAct("own-"+name, rule, comment, w, g, code, path, keys...)
	}
	bad("not-held", "GOV-11", "the new key did not sign", w, add, "threshold", "-", edKey)
	bad("new-alone", "GOV-11", "only the new key signed", w, add, "threshold", "-", fresh)
	bad("two", "GOV-11", "two keys of the provider signed", w, add, "threshold", "-", edKey, esKey, fresh)
	bad("two-expire", "GOV-11", "two keys of the provider signed an expiry", w, actOf("acme", 0, keyExpire("acme", edKey, 60)), "threshold", "-", edKey, esKey)
	bad("one-of-two", "GOV-11", "two keys are added, one of them did not sign", w, actOf("acme", 0, keyAdd("acme", fresh), keyAdd("acme", edSigner("acme fresher"))), "threshold", "-", edKey, fresh)
	bad("stranger", "GOV-11", "a key that nobody has signed too", w, add, "unknown-key", "-", edKey, fresh, edSigner("nobody"))
	bad("governor", "GOV-11", "a governor signed too", w, add, "unknown-key", "-", edKey, fresh, govKeys[0])
	bad("governors", "GOV-11", "two governors signed for the provider", w, actOf("acme", 0, keyExpire("acme", edKey, 60)), "unknown-key", "-", twoGovernors()...)
	bad("other-provider", "GOV-11", "signed by a key of another provider", w, add, "unknown-key", "-", edOther, fresh)
	bad("revoked", "GOV-11", "signed by a key that was revoked", w, add, "unknown-key", "-", acmeRevoked, fresh)
	bad("stolen", "GOV-11", "signed by a key that was stolen", w, add, "unknown-key", "-", acmeStolen, fresh)
	bad("early", "GOV-11", "signed by a key one height before it is valid", w.at(49), add, "unknown-key", "-", esKey, fresh)
	bad("late", "GOV-11", "signed by a key at the height at which it ends", w.at(100), add, "unknown-key", "-", esKey, fresh)
	others := []group{providerAdmit("hooli", edSigner("hooli 1")), providerDescribe("acme"), providerStatus("acme", 2), keyRevoke("acme", esKey),
		keyStolen("acme", esKey, eventTime, 12), setValidator(valC, 5), setPolicy(group{}), setGovernance(1, edKey), setRules(4, 100)}
	for _, o := range others {
		name := actionNames[toInt(o[1])]
		bad(name, "GOV-12", "a provider's act with the action "+name, w, actOf("acme", 0, o), "registry", "-", edKey)
	}
	bad("add-other", "GOV-12", "a provider adds a key to another", w, actOf("acme", 0, keyAdd("globex", fresh)), "registry", "-", edKey, fresh)
	bad("expire-other", "GOV-12", "a provider ends a key of another", w, actOf("acme", 0, keyExpire("globex", edOther, 60)), "registry", "-", edKey)
	bad("second", "GOV-12", "the second action is not a provider's", w, actOf("acme", 0, keyExpire("acme", edKey, 60), providerDescribe("acme")), "registry", "-", edKey)
}

// admissionActOrder: two faults; the first in GOV-6's order is the error.
func admissionActOrder(a admission, w world) {
	g := actOf("", 5, providerStatus("acme", 2))
	bad := func(name, comment string, g group, code string, keys ...signer) {
		a.refuseAct("order-"+name, "GOV-6", "two faults: "+comment, w, g, code, "-", keys...)
	}
	bad("form-chain", "an action of type 12, and another chain", g.set("vectors-2", 2).set(12, 7, 0, 1), "unknown-kind", twoGovernors()...)
	bad("chain-expired", "another chain, and past the last height", g.set("vectors-2", 2).set(49, 5), "chain-id", twoGovernors()...)
	bad("expired-issuer", "past the last height, and a provider that is not registered", actOf("hooli", 0, keyExpire("hooli", edKey, 60)).set(49, 5), "expired", edKey)
	bad("issuer-sequence", "a retired provider, and a sequence that is not the next", actOf("initech", 9, keyExpire("initech", esOther, 60)), "inactive-issuer", esOther)
	bad("sequence-key", "a sequence that is not the next, and a key that nobody has", g.set(4, 4), "sequence", edSigner("nobody"), edSigner("nobody 2"))
	bad("key-threshold", "a key that nobody has, and one governor", g, "unknown-key", govKeys[0], edSigner("nobody"))
	bad("threshold-registry", "one governor, and a provider that is not registered", actOf("", 5, providerStatus("hooli", 2)), "threshold", govKeys[0])
	bad("actions", "the second action has no such provider, the third no such validator", actOf("", 5, providerStatus("acme", 2), providerStatus("hooli", 2), setValidator(valC, 0)), "registry", twoGovernors()...)
	e := signAct(enc(g), govKeys[0])
	one := e.signatures[0].(list)
	broken := e.withSignature(0, list{one[0], one[1], flipBit(one[2].([]byte), 5)})
	a.refuse("order-signature-threshold", "GOV-6", "two faults: a bit of the only signature is flipped, and two must sign", w, enc(list{2, broken.bytes()}), "signature")
	mixed := signAct(enc(g), govKeys[0], edSigner("nobody"))
	for i, k := range byKID([]signer{govKeys[0], edSigner("nobody")}) {
		if string(k.kid()) == string(govKeys[0].kid()) {
			x := mixed.signatures[i].(list)
			mixed = mixed.withSignature(i, list{x[0], x[1], flipBit(x[2].([]byte), 5)})
		}
	}
	a.refuse("order-key-signature", "GOV-6", "two faults: a governor's signature does not hold, and a key that nobody has", w, enc(list{2, mixed.bytes()}), "unknown-key")
	twice := actOf("", 5, providerStatus("acme", 2), providerStatus("hooli", 2))
	a.refuseAct("none-is-done", "GOV-6", "the first action could be done, the second not: none is", w, twice, "registry", "actions[1].id", twoGovernors()...)
}
