package main

// admissionSequenceSuite: entries of one block, each on the state that the one
// before left.
func admissionSequenceSuite() *suite {
	a := admission{newSuite("admission_sequence", "Submissions of one block in order: all but the last are admitted, the last is judged. Rules: ledger.md ADM-11; governance.md GOV-20.")}
	w := governedWorld()
	second := secondOf(threeKinds())
	next := secondOf(second)
	head := headValue(next, 8)
	acme := acmeProvider()
	st := next.statement(edKey).bytes()
	fresh := edSigner("acme fresh")
	gov := func(sequence int64, actions ...group) []byte {
		return actSubmission(actOf("", sequence, actions...), twoGovernors()...)
	}
	good := func(name, rule, comment string, after world, id, leaf []byte, items ...[]byte) {
		end := w
		end.logSize = w.logSize + int64(len(items)) - 1
		v := a.s.good(name, rule, comment, nil, entryExpect(end, after, id, leaf))
		v.Given, v.Items = w.given(), hexes(items)
	}
	bad := func(name, rule, comment, code string, items ...[]byte) {
		v := a.s.bad(name, rule, comment, nil, code)
		v.Given, v.Items = w.given(), hexes(items)
	}
	id := statementID(enc(next.header()))
	other := actOf("", 6, providerStatus("globex", 1))
	otherBytes := signAct(enc(other), twoGovernors()...).bytes()
	reinstated := w.with("provider/globex", providerValue("globex", 1, keyValue(edOther, 0))).with("governance", governanceValue().set(7, 3))
	good("two-acts", "GOV-10", "two acts, one behind the other", reinstated.with("policy", group{7: 3}), actID(enc(other)), otherBytes, gov(5, setPolicy(group{7: 3})), enc(list{2, otherBytes}))
	bad("act-twice", "GOV-10", "one act twice", "sequence", gov(5, setPolicy(group{7: 3})), gov(5, setPolicy(group{7: 3})))
	bad("act-other-signers", "GOV-10", "one act twice, the second time under other signatures", "sequence", gov(5, setPolicy(group{})), actSubmission(actOf("", 5, setPolicy(group{})), govKeys[1:]...))
	bad("act-ahead", "GOV-10", "the second act leaves out a sequence", "sequence", gov(5, setPolicy(group{})), gov(7, setPolicy(group{})))
	stAfter := w.acted().with("stream/acme/main", head)
	withKey := append(append(list(nil), acme[4].(list)...), keyValue(fresh, 0).set(7, 5))
	byFresh := next.statement(fresh).bytes()
	good("add-sign", "GOV-15", "a key is added, then signs", stAfter.with("provider/acme", acme.set(withKey, 4)), id, byFresh, gov(5, keyAdd("acme", fresh)), signedBy(fresh, next))
	bad("sign-before-add", "GOV-15", "a key is added that is valid from the next height, then signs", "unknown-key", gov(5, keyAdd("acme", fresh).set(51, 8)), signedBy(fresh, next))
	bad("add-past-sign", "GOV-15", "a key is added that was valid until this height, then signs", "unknown-key", gov(5, keyAdd("acme", fresh).set(50, 9)), signedBy(fresh, next))
	good("expire-sign", "GOV-16", "a key ends at the next height and signs in this block", stAfter.with("provider/acme", acme.set(51, 4, 0, 4)), id, st, gov(5, keyExpire("acme", edKey, 51)), submissionOf(next))
	bad("revoke-sign", "GOV-16", "a key is revoked, then signs", "unknown-key", gov(5, keyRevoke("acme", edKey)), submissionOf(next))
	bad("stolen-sign", "GOV-16", "a key is known as stolen, then signs", "unknown-key", gov(5, keyStolen("acme", edKey, eventTime, 50)), submissionOf(next))
	revoke := actOf("", 5, keyRevoke("acme", edKey))
	revokeBytes := signAct(enc(revoke), twoGovernors()...).bytes()
	good("sign-revoke", "GOV-20", "a key signs, then is revoked: what it signed stays", w.acted().with("stream/acme/main", headValue(next, 7)).with("provider/acme", acme.set(8, 4, 0, 6)),
		actID(enc(revoke)), revokeBytes, submissionOf(next), enc(list{2, revokeBytes}))
	bad("revoke-own-act", "GOV-16", "a key is revoked, then signs an act of its provider", "unknown-key", gov(5, keyRevoke("acme", edKey)), actSubmission(actOf("acme", 0, keyExpire("acme", esKey, 60)), edKey))
	bad("revoke-add", "GOV-15", "a key is revoked, then added again", "registry", gov(5, keyRevoke("acme", edKey)), gov(6, keyAdd("acme", edKey)))
	hooli := edSigner("hooli 1")
	begun := renamed(threeKinds(), "hooli")
	admitted := group{1: "hooli", 2: "Provider hooli", 3: list{"DE", "FR"}, 4: list{keyValue(hooli, 0).set(7, 5)}, 5: 1, 6: 1}
	good("admit-sign", "GOV-13", "a provider is admitted, then signs", w.acted().with("provider/hooli", admitted).with("stream/hooli/main", headValue(begun, 8)),
		statementID(enc(begun.header())), begun.statement(hooli).bytes(), gov(5, providerAdmit("hooli", hooli)), signedBy(hooli, begun))
	bad("admit-revoke-sign", "GOV-16", "a provider is admitted with two keys, one of which is revoked, then signs", "unknown-key", gov(5, providerAdmit("hooli", hooli, fresh), keyRevoke("hooli", hooli)), signedBy(hooli, begun))
	bad("suspend-sign", "ADM-5", "a provider is suspended, then signs", "inactive-issuer", gov(5, providerStatus("acme", 2)), submissionOf(next))
	bad("retire-act", "GOV-9", "a provider retires, then acts", "inactive-issuer", gov(5, providerStatus("acme", 3)), actSubmission(actOf("acme", 0, keyExpire("acme", esKey, 60)), edKey))
	bad("streams", "ADM-18", "a policy of one stream, one is opened, then another", "streams", gov(5, setPolicy(group{7: 1})), submissionOf(streamed(threeKinds(), "eu-1")), submissionOf(streamed(threeKinds(), "eu-2")))
	bad("age", "ADM-19", "a policy on the age, then a statement that is too old", "age", gov(5, setPolicy(group{8: 1})), submissionOf(next))
	bad("records", "ADM-2", "a policy of one record, then a statement of three", "size", gov(5, setPolicy(group{1: 1})), submissionOf(next))
	four := edSigner("governor 4")
	over := actSubmission(actOf("", 5, setGovernance(1, four)), govKeys[0], govKeys[1], four)
	bad("governors-left", "GOV-11", "the governors hand over, then act", "unknown-key", over, gov(6, setPolicy(group{})))
	bad("governor-new-sequence", "GOV-17", "the governors hand over: the sequence goes on", "sequence", over, actSubmission(actOf("", 0, setPolicy(group{})), four))
	newAct := signAct(enc(actOf("", 6, setPolicy(group{1: 9}))), four).bytes()
	good("governor-new", "GOV-17", "the governors hand over, then the new one acts", w.with("governance", group{1: 1, 2: governors(four), 3: 7}).with("policy", group{1: 9}),
		actID(enc(actOf("", 6, setPolicy(group{1: 9})))), newAct, over, enc(list{2, newAct}))
	chain := batch{issuer: "acme", stream: "rules", records: []group{production().set(8, 1)}}
	bad("rules", "STA-5", "a version from the next height does not judge the records of this block", "unknown-kind", gov(5, setRules(4, 51)),
		forged(chain, batch{issuer: "acme", stream: "rules", records: []group{production()}}.header().set(chain.root(), 7), chain.sequenceBytes()))
	admissionSequenceStreams(w, second, next, good, bad, gov)
	return a.s
}

// admissionSequenceStreams: equivocation among other entries.
func admissionSequenceStreams(w world, second, next batch, good func(name, rule, comment string, after world, id, leaf []byte, items ...[]byte),
	bad func(name, rule, comment, code string, items ...[]byte), gov func(int64, ...group) []byte) {
	e := equivocate(second, edKey, second.otherwise(), edKey)
	bad("closed", "EQV-4", "a stream is closed, then goes on", "fork", e.submission(), submissionOf(next))
	bad("closed-twice", "EQV-3", "one equivocation twice", "duplicate", e.submission(), e.submission())
	first := threeKinds()
	bad("closed-other", "EQV-3", "a stream is closed, then comes another equivocation of it", "duplicate", e.submission(), equivocate(first, edKey, first.otherwise(), edKey).submission())
	bad("revoked", "EQV-3", "a key is revoked, then comes equivocation of what it signed", "unknown-key", gov(5, keyRevoke("acme", edKey)), e.submission())
	ahead := equivocate(next, edKey, next.otherwise(), edKey)
	good("signed-closed", "EQV-3", "a statement, then equivocation at its place", w.with("provider/acme", acmeProvider().set(1, 7)).with("stream/acme/main", headValue(next, 7).set(2, 4).set(8, 5)),
		equivocationID(ahead.leaf(next)), ahead.leaf(next), submissionOf(next), ahead.submission())
	other := streamed(first, "eu-1")
	good("other-stream", "EQV-4", "a stream is closed: another of the provider is opened", w.with("provider/acme", acmeProvider().set(1, 7).set(1, 6)).
		with("stream/acme/main", headValue(second, 6).set(2, 4).set(7, 5)).with("stream/acme/eu-1", headValue(other, 8)),
		statementID(enc(other.header())), other.statement(edKey).bytes(), e.submission(), submissionOf(other))
	replaced := edSigner("acme fresh")
	own := actSubmission(actOf("acme", 0, keyAdd("acme", replaced), keyExpire("acme", edKey, 51)), edKey, replaced)
	good("replaced-convicts", "EQV-3", "a key is replaced in good order: it still convicts", w.with("provider/acme", acmeProvider().
		set(append(append(list(nil), acmeProvider().set(51, 4, 0, 4)[4].(list)...), keyValue(replaced, 0).set(7, 5)), 4).set(1, 7).set(1, 8)).
		with("stream/acme/main", headValue(second, 6).set(2, 4).set(8, 5)), equivocationID(e.leaf(second)), e.leaf(second), own, e.submission())
}

func hexes(items [][]byte) []string {
	var out []string
	for _, b := range items {
		out = append(out, hexOf(b))
	}
	return out
}
