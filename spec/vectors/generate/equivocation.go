package main

import "bytes"

// An equivocation is two statements for one place, in the order of EQV-1.
type equivocation struct {
	a, b     []byte
	idA, idB []byte
}

// otherwise is the batch with the first record only: another story.
func (b batch) otherwise() batch {
	b.records = b.records[:1]
	return b
}

// equivocate signs two batches and puts them in the order of their ids.
func equivocate(x batch, kx signer, y batch, ky signer) equivocation {
	e := equivocation{x.statement(kx).bytes(), y.statement(ky).bytes(), statementID(enc(x.header())), statementID(enc(y.header()))}
	if bytes.Compare(e.idA, e.idB) > 0 {
		e = equivocation{e.b, e.a, e.idB, e.idA}
	}
	return e
}

func (e equivocation) submission() []byte { return enc(list{3, e.a, e.b}) }

// leaf is that of EQV-2.
func (e equivocation) leaf(b batch) []byte {
	return enc(list{"tokentrail/equivocation/v1", b.issuer, b.stream, b.sequence, list{e.idA, e.idB}, list{hash(e.a), hash(e.b)}})
}

func equivocationID(leaf []byte) []byte {
	return hash([]byte("tokentrail/equivocation/v1"), []byte{0}, leaf)
}

// expect is what an equivocation gives.
func (e equivocation) expect(b batch) *values {
	leaf := e.leaf(b)
	return &values{Issuer: b.issuer, Stream: b.stream, Sequence: num(b.sequence), Leaf: hexOf(leaf), LeafHash: hexOf(leafHash(leaf)),
		EntryID: hexOf(equivocationID(leaf)), Evidence: hexOf(enc(list{e.a, e.b}))}
}

// equivocationSuite: EQV-1, EQV-2.
func equivocationSuite() *suite {
	s := newSuite("equivocation", "A submission of two statements for one place of a stream, its leaf and id; signatures are not looked at. Rules: ledger.md EQV-1, EQV-2.")
	x := threeKinds()
	ok := func(name, comment string, b batch, e equivocation) {
		s.good(name, "EQV-2", comment, e.submission(), e.expect(b))
	}
	ok("first", "two statements with sequence 0", x, equivocate(x, edKey, x.otherwise(), edKey))
	second := x
	second.sequence, second.previous = 1, fill(0x77, 32)
	ok("second", "two statements with sequence 1", second, equivocate(second, edKey, second.otherwise(), edKey))
	astray := second
	astray.previous = fill(0x78, 32)
	ok("previous", "two statements that differ in previous alone", second, equivocate(second, edKey, astray, edKey))
	ok("two-keys", "two statements signed by two keys", x, equivocate(x, edKey, x.otherwise(), esKey))
	far := second
	far.sequence = 1<<63 - 1
	ok("sequence-greatest", "sequence 2^63-1", far, equivocate(far, edKey, far.otherwise(), edKey))
	e := equivocate(x, edKey, x.otherwise(), edKey)
	large := equivocation{padded(65535), e.b, statementID(unwrapPayload(padded(65535))), e.idB}
	if bytes.Compare(large.idA, large.idB) > 0 {
		large = equivocation{large.b, large.a, large.idB, large.idA}
	}
	ok("size-65535", "one of the statements has 65,535 bytes", x, large)
	equivocationForm(s, e)
	equivocationPair(s, x, e)
	equivocationParts(s, x, e)
	return s
}

// unwrapPayload takes the payload out of a statement that has one of 64 KiB: the
// byte string behind the empty unprotected header.
func unwrapPayload(statement []byte) []byte {
	i := bytes.Index(statement, []byte{0xa0, 0x59})
	n := int(statement[i+2])<<8 | int(statement[i+3])
	return statement[i+4 : i+4+n]
}

func equivocationForm(s *suite, e equivocation) {
	whole := e.submission()
	bad := func(name, comment string, b []byte, code string) { s.bad(name, "SUB-1", comment, b, code) }
	bad("empty", "no byte at all", []byte{}, "envelope")
	bad("one", "one statement", enc(list{3, e.a}), "envelope")
	bad("three", "three statements", enc(list{3, e.a, e.b, e.b}), "envelope")
	bad("map", "a map", enc(group{0: 3, 1: e.a, 2: e.b}), "envelope")
	bad("tagged", "the array is tagged", cat([]byte{0xd8, 60}, whole), "envelope")
	bad("trailing", "a zero byte behind it", cat(whole, []byte{0}), "envelope")
	bad("truncated", "the last byte is missing", whole[:len(whole)-1], "envelope")
	bad("array-wide", "the array's length in two bytes", cat(wide(mArray, 3, 1), whole[1:]), "envelope")
	bad("array-indefinite", "an indefinite array", cat([]byte{0x9f}, whole[1:], []byte{0xff}), "envelope")
	bad("type-wide", "the type in two bytes", cat([]byte{0x83, 0x18, 3}, whole[2:]), "envelope")
	bad("type-text", "the type is a text", enc(list{"3", e.a, e.b}), "envelope")
	bad("inline", "the first statement is embedded, not wrapped in a byte string", enc(list{3, raw(e.a), e.b}), "envelope")
	bad("pair", "the statements in an array, as evidence is", enc(list{3, list{e.a, e.b}}), "envelope")
	bad("b-text", "the second statement is a text", enc(list{3, e.a, "b"}), "envelope")
	bad("a-wide", "the length of the first statement in five bytes", cat([]byte{0x83, 3}, wide(mBytes, uint64(len(e.a)), 4), e.a, enc(e.b)), "envelope")
}

// equivocationPair: EQV-1.
func equivocationPair(s *suite, x batch, e equivocation) {
	bad := func(name, comment string, e equivocation, code string) {
		s.bad(name, "EQV-1", comment, e.submission(), code)
	}
	other := x.otherwise()
	issuer, stream, next := other, other, other
	issuer.issuer, stream.stream = "globex", "eu-1"
	next.sequence, next.previous = 1, fill(0x77, 32)
	bad("issuers", "two issuers", equivocate(x, edKey, issuer, edOther), "binding")
	bad("streams", "two streams", equivocate(x, edKey, stream, edKey), "binding")
	bad("sequences", "two sequences", equivocate(x, edKey, next, edKey), "binding")
	bad("swapped", "the statements are swapped", equivocation{a: e.b, b: e.a}, "value")
	bad("same", "one statement twice", equivocation{a: e.a, b: e.a}, "value")
	st := x.statement(edKey).bytes()
	bad("same-payload", "two envelopes of one payload, by two keys", equivocation{a: st, b: x.statement(esKey).bytes()}, "value")
}

// equivocationParts: errors of the statements, in their places.
func equivocationParts(s *suite, x batch, e equivocation) {
	for i, place := range []string{"a", "b"} {
		put := func(statement []byte) []byte {
			if i == 0 {
				return enc(list{3, statement, e.b})
			}
			return enc(list{3, e.a, statement})
		}
		bad := func(name, rule, comment string, statement []byte, code string, path ...string) {
			s.bad(place+"-"+name, rule, comment+", in "+place, put(statement), code, path...)
		}
		h := x.header()
		signed := func(h group) []byte {
			return seal(edKey, protectedHeader(algEdDSA, edKey.kid(), "acme", "main"), enc(h)).bytes()
		}
		st := x.statement(edKey)
		bad("empty", "STM-1", "an empty statement", []byte{}, "envelope", place)
		bad("untagged", "STM-1", "a statement without its tag", st.array(), "envelope", place)
		bad("act", "STM-1", "an act", signAct(enc(actOf("", 0, providerStatus("acme", 2))), edKey).bytes(), "envelope", place)
		bad("trailing", "STM-1", "a statement with a byte behind it", cat(st.bytes(), []byte{0}), "envelope", place)
		bad("65536", "STM-1", "a statement of 65,536 bytes", padded(65536), "size", place)
		injected := st
		injected.unprotected = group{4: edKey.kid()}
		bad("unprotected", "STM-2", "a kid in the unprotected header", injected.bytes(), "unprotected")
		bad("protected", "STM-3", "a protected header with another typ", seal(edKey, protectedHeader(algEdDSA, edKey.kid(), "acme", "main").set(typeActEnvelope, 16), enc(h)).bytes(), "protected")
		bad("binding", "STM-4", "iss is not the payload's issuer", seal(edKey, protectedHeader(algEdDSA, edKey.kid(), "globex", "main"), enc(h)).bytes(), "binding")
		short := st
		short.signature = short.signature[:63]
		bad("signature-63", "STM-6", "a signature of 63 bytes", short.bytes(), "signature")
		bad("version", "", "a batch header of version 2", signed(h.set(2, 1)), "version", place+".payload.version")
		bad("critical", "ENC-20", "a batch header with key 11", signed(h.set(0, 11)), "unknown-critical", place+".payload")
		bad("chain", "BAT-7", "sequence 1 without a previous", signed(h.set(1, 4)), "chain", place+".payload.previous")
	}
}

// submissionTypeSuite: SUB-1 for all types.
func submissionTypeSuite() *suite {
	s := newSuite("submission_type", "One submission of any type: its type, and whether its parts have their form; signatures and records are not looked at. Rules: statement.md SUB-1.")
	x := threeKinds()
	e := equivocate(x, edKey, x.otherwise(), edKey)
	payload := enc(actOf("", 0, providerStatus("acme", 2)))
	act := signAct(payload, govKeys...).bytes()
	ok := func(name, comment string, b []byte, kind int64, id []byte) {
		s.good(name, "SUB-1", comment, b, &values{Type: num(kind), EntryID: hexOf(id)})
	}
	ok("statement", "type 1", submissionOf(x), 1, statementID(enc(x.header())))
	ok("act", "type 2", enc(list{2, act}), 2, actID(payload))
	ok("equivocation", "type 3", e.submission(), 3, equivocationID(e.leaf(x)))
	bad := func(name, comment string, b []byte, code string) { s.bad(name, "SUB-1", comment, b, code) }
	for _, t := range []int64{0, 4, 5, 23, 24, 1 << 40, -1} {
		bad("type-"+num64(t), "an act with the type "+num64(t), enc(list{t, act}), "version")
		bad("type-"+num64(t)+"-three", "two byte strings with the type "+num64(t), enc(list{t, e.a, e.b}), "version")
	}
	bad("act-three", "an act with a third element", enc(list{2, act, []byte{}}), "envelope")
	bad("act-alone", "type 2 alone", enc(list{2}), "envelope")
	bad("act-inline", "an act that is embedded, not wrapped in a byte string", enc(list{2, raw(act)}), "envelope")
	bad("act-text", "an act that is a text", enc(list{2, "act"}), "envelope")
	bad("act-trailing", "a zero byte behind an act's submission", cat(enc(list{2, act}), []byte{0}), "envelope")
	bad("act-truncated", "the last byte of an act's submission is missing", enc(list{2, act})[:len(act)], "envelope")
	bad("act-wide", "the length of an act in five bytes", cat([]byte{0x82, 2}, wide(mBytes, uint64(len(act)), 4), act), "envelope")
	bad("act-type-wide", "type 2 in two bytes", cat([]byte{0x82, 0x18, 2}, enc(act)), "envelope")
	bad("act-is-statement", "type 2 with a statement", enc(list{2, x.statement(edKey).bytes()}), "envelope")
	bad("statement-is-act", "type 1 with an act", enc(list{1, act, single(x.sequenceBytes()).bytes()}), "envelope")
	bad("equivocation-records", "type 3 with a statement and its records", enc(list{3, e.a, single(x.sequenceBytes()).bytes()}), "envelope")
	bad("bare-act", "an act that is no submission", act, "envelope")
	bad("leaf", "the leaf of an equivocation", e.leaf(x), "envelope")
	bad("empty", "no byte at all", []byte{}, "envelope")
	bad("empty-array", "an empty array", []byte{0x80}, "envelope")
	larger, _ := paddedAct(65536)
	s.bad("act-65536", "GOV-1", "an act of 65,536 bytes", enc(list{2, larger}), "size")
	return s
}
