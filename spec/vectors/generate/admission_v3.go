package main

// admissionV3Suite: statements under rule version 3.
func admissionV3Suite() *suite {
	a := admission{newSuite("admission_v3", "One submission of a statement on a given state map, at a given height and block time; the state map that it leaves. Rules: ledger.md ADM-8, ADM-12, ADM-16, ADM-18, ADM-19, EQV-4; state.md STA-5.")}
	w := governedWorld()
	second := secondOf(threeKinds())
	next := secondOf(second)
	fresh := streamed(threeKinds(), "eu-1")
	acme := acmeProvider()
	ok := func(name, rule, comment string, w world, b batch, provider group) {
		st := b.statement(edKey).bytes()
		after := w.with("stream/"+b.issuer+"/"+b.stream, headValue(b, w.logSize)).with("provider/acme", provider)
		a.s.good(name, rule, comment, submissionOf(b), entryExpect(w, after, statementID(enc(b.header())), st)).Given = w.given()
	}
	bad := func(name, rule, comment string, w world, submission []byte, code string) {
		a.refuse(name, rule, comment, w, submission, code)
	}
	opened := func(n int) world { return w.with("provider/acme", acme.set(n, 6)) }
	rules := func(g group) func(world) world { return func(w world) world { return w.with("rules", g) } }
	ok("next", "ADM-12", "the next statement of a stream: no stream more", w, next, acme)
	ok("first-stream", "ADM-12", "the first statement of a new stream: one stream opened", w, fresh, acme.set(1, 6))
	ok("rules-2-stream", "ADM-12", "under rule version 2 streams are not counted", rules(group{1: 2})(w), fresh, acme)
	ok("streams-1024", "ADM-18", "the last stream that the format allows", opened(1023), fresh, acme.set(1024, 6))
	ok("streams-full-next", "ADM-18", "all streams are opened: one of them goes on", opened(1024), next, acme.set(1024, 6))
	bad("streams-1025", "ADM-18", "a stream more than the format allows", opened(1024), submissionOf(fresh), "streams")
	bad("streams-far", "ADM-18", "far more streams are opened than the format allows", opened(1<<40), submissionOf(fresh), "streams")
	limited := func(n int) world { return opened(n).with("policy", group{7: 3}) }
	ok("policy-streams", "ADM-18", "the last stream that the policy allows", limited(2), fresh, acme.set(3, 6))
	ok("policy-streams-next", "ADM-18", "more streams are opened than the policy allows by now: one of them goes on", limited(5), next, acme.set(5, 6))
	bad("policy-streams-full", "ADM-18", "a stream more than the policy allows", limited(3), submissionOf(fresh), "streams")
	bad("policy-streams-over", "ADM-18", "more are opened than the policy allows by now", limited(5), submissionOf(fresh), "streams")
	ok("policy-streams-rules-2", "ADM-18", "under rule version 2 the policy's number of streams does not bind", rules(group{1: 2})(limited(3)), fresh, acme.set(3, 6))
	ok("policy-streams-next-version", "STA-5", "one height before rule version 3 it does not bind", rules(group{1: 2, 2: 3, 3: 51})(limited(3)), fresh, acme.set(3, 6))
	bad("policy-streams-held", "STA-5", "at the height from which rule version 3 holds it binds", rules(group{1: 2, 2: 3, 3: 50})(limited(3)), submissionOf(fresh), "streams")

	_, last := next.period()
	aged := func(age int64) world { return w.with("policy", group{8: age}) }
	ok("age", "ADM-19", "as old as the policy allows", aged(w.time-last), next, acme)
	bad("age-over", "ADM-19", "a millisecond older", aged(w.time-last-1), submissionOf(next), "age")
	bad("age-1", "ADM-19", "an age of a millisecond", aged(1), submissionOf(next), "age")
	early := aged(1)
	early.time = last - 1_000_000
	ok("age-future", "ADM-15", "the period ends ahead of the block time", early, next, acme)
	bad("age-new-stream", "ADM-19", "the first statement of a new stream is too old", aged(w.time-last-1), submissionOf(fresh), "age")
	ok("age-rules-2", "ADM-19", "under rule version 2 the age does not bind", rules(group{1: 2})(aged(1)), next, acme)
	admissionV3Streams(a, w, second, next)
	admissionV3Rules(a, w)
	admissionV3Order(a, limited(3).with("policy", group{7: 3, 8: 1}), second, fresh)
	return a.s
}

// admissionV3Streams: what a closed stream and a key that may not sign do.
func admissionV3Streams(a admission, w world, second, next batch) {
	bad := func(name, rule, comment string, w world, submission []byte, code string) {
		a.refuse(name, rule, comment, w, submission, code)
	}
	shut := w.with("stream/acme/main", headValue(second, 6).set(2, 4).set(6, 5)).with("provider/acme", acmeProvider().set(1, 7))
	bad("closed-next", "EQV-4", "the next statement of a closed stream", shut, submissionOf(next), "fork")
	bad("closed-head", "ADM-8", "the head of a closed stream again", shut, submissionOf(second), "fork")
	bad("closed-ahead", "ADM-8", "a statement far ahead in a closed stream", shut, submissionOf(secondOf(secondOf(next))), "fork")
	bad("key-revoked", "ADM-6", "signed by a key that was revoked", w, signedBy(acmeRevoked, next), "unknown-key")
	bad("key-stolen", "ADM-6", "signed by a key that was stolen since a height that is past", w, signedBy(acmeStolen, next), "unknown-key")
	future := w.with("provider/acme", acmeProvider().set(60, 4, 3, 8))
	bad("key-stolen-later", "ADM-6", "signed by a key that is revoked, whatever the height since which it was stolen", future, signedBy(acmeStolen, next), "unknown-key")
}

// admissionV3Rules: STA-5 with records that only rule version 2 has.
func admissionV3Rules(a admission, w world) {
	chain := batch{issuer: "acme", stream: "rules", records: []group{production(), modelMade()}}
	scheduled := func(g group) world { return w.with("rules", g) }
	id := statementID(enc(chain.header()))
	for _, g := range []struct {
		name, comment string
		rules         group
		counts        bool
	}{
		{"held-2", "version 2 holds from this height: a record of kind 4", group{1: 1, 2: 2, 3: 50}, false},
		{"held-2-long", "version 2 holds since a past height", group{1: 1, 2: 2, 3: 1}, false},
		{"lower-next", "a record of kind 4 under version 3, before version 4", group{1: 3, 2: 4, 3: 51}, true},
	} {
		from := scheduled(g.rules)
		provider := acmeProvider()
		if g.counts {
			provider = provider.set(1, 6)
		}
		after := from.with("stream/acme/rules", headValue(chain, 7)).with("provider/acme", provider)
		a.s.good("rules-"+g.name, "STA-5", g.comment, submissionOf(chain), entryExpect(from, after, id, chain.statement(edKey).bytes())).Given = from.given()
	}
	a.refuse("rules-next-2", "STA-5", "version 2 holds from the next height: a record of kind 4", scheduled(group{1: 1, 2: 2, 3: 51}), submissionOf(chain), "unknown-kind", "records[1].kind")
}

// admissionV3Order: two faults; the first in ADM-1's order is the error.
func admissionV3Order(a admission, w world, second, fresh batch) {
	bad := func(name, comment string, submission []byte, code string) {
		a.refuse("order-"+name, "ADM-1", "two faults: "+comment, w, submission, code)
	}
	bad("streams-age", "a stream too many, and too old", submissionOf(fresh), "streams")
	bad("streams-records", "a stream too many, and a wrong root", forged(fresh, fresh.header().set(fill(1, 32), 7), fresh.sequenceBytes()), "streams")
	next := secondOf(second)
	bad("age-records", "too old, and a wrong root", forged(next, next.header().set(fill(1, 32), 7), next.sequenceBytes()), "age")
	astray := next
	astray.previous = fill(0, 32)
	bad("previous-age", "a previous that is not the head, and too old", submissionOf(astray), "fork")
	ahead := secondOf(next)
	bad("gap-age", "a gap, and too old", submissionOf(ahead), "gap")
	begun := streamed(second, "eu-1")
	bad("gap-streams", "a new stream that begins with sequence 1, and a stream too many", submissionOf(begun), "gap")
}
