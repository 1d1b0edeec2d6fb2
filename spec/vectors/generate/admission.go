package main

// admissionSuite: ADM-2 to ADM-10, on a given state and height.
func admissionSuite() *suite {
	s := newSuite("admission", "One submission on a given state map at a given height. Rules: ledger.md ADM-1 to ADM-10.")
	first := threeKinds()
	second := first
	second.sequence, second.previous = 1, statementID(enc(first.header()))
	head := statementID(enc(second.header()))
	next := first
	next.sequence, next.previous = 2, head
	const height = 50
	state := admissionState(head)
	policy := func(p group) stateMap {
		m := stateMap{}
		for k, v := range state {
			m[k] = v
		}
		m["policy"] = enc(p)
		return m
	}
	on := func(v *vector, m stateMap, h int64) {
		v.Given = &values{Height: num(h), LogSize: num(7), State: m.entries()}
	}
	ok := func(name, rule, comment string, m stateMap, h int64, b batch, bytes []byte) {
		on(s.good(name, rule, comment, bytes, &values{StatementID: hexOf(statementID(enc(b.header()))), Index: num(7)}), m, h)
	}
	bad := func(name, rule, comment string, bytes []byte, code string) {
		on(s.bad(name, rule, comment, bytes, code), state, height)
	}
	fresh := first
	fresh.stream = "eu-1"
	ok("next", "ADM-8", "the stream's next statement", state, height, next, submissionOf(next))
	ok("new-stream", "ADM-8", "the first statement of a new stream", state, height, fresh, submissionOf(fresh))
	ok("other-key", "ADM-6", "the next statement by another key of the issuer, valid from this height", state, height, next, signedBy(esKey, next))
	ok("last-height", "ADM-6", "the last height at which the second key is valid", state, 99, next, signedBy(esKey, next))
	exact := policy(group{1: 3, 5: int64(len(next.statement(edKey).bytes())), 6: 3, 4: int64(len(next.sequenceBytes())), 3: int64(len(single(next.sequenceBytes()).bytes()))})
	ok("policy-exact", "ADM-2", "a policy that allows exactly this much", exact, height, next, submissionOf(next))

	admissionPolicy(s, next, policy, on, height)
	bad("malformed", "ADM-3", "the submission has a byte behind it", cat(submissionOf(next), []byte{0}), "envelope")
	bad("malformed-header", "ADM-3", "the batch header has key 11", forged(next, next.header().set(0, 11), next.sequenceBytes()), "unknown-critical")
	bad("statement-alone", "ADM-4", "the statement without a submission", next.statement(edKey).bytes(), "payload-missing")
	bad("unknown-issuer", "ADM-5", "an issuer that is not in the registry", submissionOf(renamed(next, "umbrella")), "unknown-issuer")
	bad("suspended-issuer", "ADM-5", "a suspended issuer", submissionOf(renamed(fresh, "globex")), "inactive-issuer")
	bad("retired-issuer", "ADM-5", "a retired issuer", submissionOf(renamed(fresh, "initech")), "inactive-issuer")
	bad("unknown-key", "ADM-6", "a key that nobody has", signedBy(edSigner("nobody"), next), "unknown-key")
	bad("key-of-another", "ADM-6", "the key of another provider", signedBy(edOther, next), "unknown-key")
	on(s.bad("key-too-early", "ADM-6", "the second key, one height before it is valid", signedBy(esKey, next), "unknown-key"), state, 49)
	on(s.bad("key-too-late", "ADM-6", "the second key, at the height at which it ends", signedBy(esKey, next), "unknown-key"), state, 100)
	e := next.statement(edKey)
	e.signature = flipBit(e.signature, 3)
	frame := single(next.sequenceBytes()).bytes()
	bad("signature", "ADM-7", "a bit of the signature is flipped", submission(e.bytes(), frame), "signature")
	wrongAlg := seal(edKey, protectedHeader(algES256, edKey.kid(), "acme", "main"), enc(next.header()))
	bad("alg", "ADM-7", "alg is ES256, the key an Ed25519 key", submission(wrongAlg.bytes(), frame), "alg")

	gap := next
	gap.sequence = 3
	bad("gap", "ADM-8", "sequence 3, the next is 2", submissionOf(gap), "gap")
	far := next
	far.sequence = 1 << 62
	bad("gap-far", "ADM-8", "sequence 2^62", submissionOf(far), "gap")
	begun := second
	begun.stream = "eu-1"
	bad("gap-new-stream", "ADM-8", "a new stream begins with sequence 1", submissionOf(begun), "gap")
	bad("duplicate", "ADM-8", "the stream's head again", submissionOf(second), "duplicate")
	bad("duplicate-other-key", "ADM-8", "the stream's head again, signed by another key", signedBy(esKey, second), "duplicate")
	otherHead := second
	otherHead.records = second.records[:1]
	bad("fork-head", "ADM-8", "another statement at the sequence of the head", submissionOf(otherHead), "fork")
	otherFirst := first
	otherFirst.records = first.records[1:]
	bad("fork-first", "ADM-8", "another statement at sequence 0", submissionOf(otherFirst), "fork")
	astray := next
	astray.previous = second.previous
	bad("fork-previous", "ADM-9", "previous is not the head but the one before", submissionOf(astray), "fork")
	astray.previous = fill(0, 32)
	bad("fork-previous-zero", "ADM-9", "previous is zero", submissionOf(astray), "fork")
	bad("records-root", "ADM-10", "the root is wrong", forged(next, next.header().set(flipBit(next.root(), 0), 7), next.sequenceBytes()), "root")
	bad("records-totals", "ADM-10", "a total is wrong", forged(next, next.header().set(2, 10, 0, 10), next.sequenceBytes()), "totals")
	bad("records-expand", "ADM-10", "the frame is a bomb", submission(next.statement(edKey).bytes(), bomb(1, 8<<20).bytes()), "expand")
	admissionOrder(s, next, gap, on, policy, height)
	admissionRules(s, state, on, ok, height)
	return s
}

// admissionRules: which records a rule version admits.
func admissionRules(s *suite, first stateMap, on func(*vector, stateMap, int64),
	ok func(string, string, string, stateMap, int64, batch, []byte), height int64) {
	second := stateMap{}
	for k, v := range first {
		second[k] = v
	}
	second["rules"] = enc(group{1: 2})
	of := func(records ...group) batch { return batch{issuer: "acme", stream: "rules", records: records} }
	hop := of(transfer().set(group{1: 2}, 22))
	chain := of(production(), modelMade(), datasetMade(), evaluated(), corrected())
	on(s.bad("rules-1-kind", "ADM-10", "under rules 1, the second record is of kind 4", submissionOf(chain), "unknown-kind", "records[1].kind"), first, height)
	on(s.bad("rules-1-key", "ADM-10", "under rules 1, the record has a hop (key 22)", submissionOf(hop), "unknown-critical", "records[0]"), first, height)
	ok("rules-2-kind", "ADM-10", "under rules 2, the same submission of kinds 1 and 4 to 7", second, height, chain, submissionOf(chain))
	ok("rules-2-key", "ADM-10", "under rules 2, the same submission with a hop", second, height, hop, submissionOf(hop))
	plain := of(threeKinds().records...)
	ok("rules-2-plain", "ADM-10", "under rules 2, a submission that needs rules 1 only", second, height, plain, submissionOf(plain))
	header := plain.header().set(4, 10, 2, 1)
	on(s.bad("rules-1-cell", "ADM-10", "under rules 1, a header with a cell of kind 4: it is read, and does not follow from the records",
		forged(plain, header, plain.sequenceBytes()), "totals"), first, height)
	unknown := of(production().set(8, 1))
	on(s.bad("rules-2-kind-8", "ADM-10", "under rules 2, a record of kind 8", forged(unknown, of(production()).header().set(unknown.root(), 7), unknown.sequenceBytes()),
		"unknown-kind", "records[0].kind"), second, height)
	// What breaks the encoding is found while the sequence is split.
	broken := func(name, rule, comment, code, path string, rec group) {
		on(s.bad("rules-2-"+name, rule, "under rules 2, "+comment, submissionOf(of(rec)), code, path), second, height)
	}
	broken("float", "ENC-5", "an evaluation's value is the float 1.0", "float", "records[0].evaluation.value", evaluated().set(raw{0xf9, 0x3c, 0}, 25, 8))
	broken("null", "ENC-7", "a model's lineage is null", "simple", "records[0].lineage", modelMade().set(raw{0xf6}, 23))
	broken("non-minimal", "ENC-1", "the role of a hop in two bytes", "non-minimal", "records[0].hop.role", transfer().set(group{1: raw(wide(mUint, 2, 1))}, 22))
	broken("pue", "ENC-5", "a power usage effectiveness of the float 1.0", "float", "records[0].energy.pue", transfer().set(group{1: 1, 2: 1, 3: 4, 4: raw{0xf9, 0x3c, 0}}, 15))
	cut := of(datasetMade())
	whole := cut.sequenceBytes()
	on(s.bad("rules-2-truncated", "ENC-13", "under rules 2, the last byte of a dataset record is missing", forged(cut, cut.header(), whole[:len(whole)-1]), "truncated"), second, height)
}

// admissionState is a registry of three providers and one stream with two
// statements.
func admissionState(head []byte) stateMap {
	key := func(k signer, from int) group { return group{1: k.alg, 2: enc(k.coseKey()), 3: from} }
	provider := func(id string, status int, keys ...any) []byte {
		return enc(group{1: id, 2: "Provider " + id, 3: list{"US"}, 4: list(keys), 5: status})
	}
	return stateMap{
		"rules":            enc(group{1: 1}),
		"policy":           enc(group{}),
		"provider/acme":    provider("acme", 1, key(edKey, 0), key(esKey, 50).set(100, 4)),
		"provider/globex":  provider("globex", 2, key(edOther, 0)),
		"provider/initech": provider("initech", 3, key(esOther, 0)),
		"stream/acme/main": enc(group{1: 1, 2: head, 3: 6, 4: 1}),
	}
}

func renamed(b batch, issuer string) batch { b.issuer = issuer; return b }

func signedBy(k signer, b batch) []byte {
	return submission(b.statement(k).bytes(), single(b.sequenceBytes()).bytes())
}

// admissionPolicy: ADM-2 with each ceiling of the policy one too low.
func admissionPolicy(s *suite, next batch, policy func(group) stateMap, on func(*vector, stateMap, int64), height int64) {
	longest := 0
	for _, r := range next.records {
		longest = max(longest, len(enc(r)))
	}
	for _, p := range []struct {
		name   string
		key    int64
		actual int
	}{
		{"records", 1, len(next.records)}, {"record-bytes", 2, longest}, {"frame-bytes", 3, len(single(next.sequenceBytes()).bytes())},
		{"expanded-bytes", 4, len(next.sequenceBytes())}, {"statement-bytes", 5, len(next.statement(edKey).bytes())}, {"cells", 6, 3},
	} {
		on(s.bad("policy-"+p.name, "ADM-2", "the policy's ceiling on "+p.name+" is one too low", submissionOf(next), "size"), policy(group{p.key: p.actual - 1}), height)
	}
}

// admissionOrder: inputs with two faults; the first in ADM-1's order is the
// error. These are the only negative vectors with more than one fault.
func admissionOrder(s *suite, next, gap batch, on func(*vector, stateMap, int64), policy func(group) stateMap, height int64) {
	state := policy(group{})
	bad := func(name, comment string, m stateMap, bytes []byte, code string) {
		on(s.bad("order-"+name, "ADM-1", "two faults: "+comment, bytes, code), m, height)
	}
	frame := single(next.sequenceBytes()).bytes()
	broken := func(b batch, k signer) []byte {
		e := b.statement(k)
		e.signature = flipBit(e.signature, 3)
		return submission(e.bytes(), frame)
	}
	bad("size-issuer", "over the policy's count of records, and an unknown issuer", policy(group{1: 2}), submissionOf(renamed(next, "umbrella")), "size")
	bad("issuer-signature", "an unknown issuer, and a broken signature", state, broken(renamed(next, "umbrella"), edKey), "unknown-issuer")
	bad("inactive-key", "a suspended issuer, and a key that it does not have", state, submissionOf(renamed(next, "globex")), "inactive-issuer")
	bad("key-sequence", "an unknown key, and a gap", state, signedBy(edOther, gap), "unknown-key")
	bad("signature-sequence", "a broken signature, and a gap", state, broken(gap, edKey), "signature")
	bad("sequence-records", "a gap, and a wrong root", state, forged(gap, gap.header().set(fill(1, 32), 7), gap.sequenceBytes()), "gap")
	bad("sequence-expand", "a gap, and a bomb", state, submission(gap.statement(edKey).bytes(), bomb(1, 8<<20).bytes()), "gap")
	astray := next
	astray.previous = fill(0, 32)
	bad("previous-records", "a previous that is not the head, and a wrong total", state, forged(astray, astray.header().set(2, 10, 0, 10), astray.sequenceBytes()), "fork")
	bad("root-totals", "a wrong root, and a wrong total", state, forged(next, next.header().set(fill(1, 32), 7).set(2, 10, 0, 10), next.sequenceBytes()), "root")
}
