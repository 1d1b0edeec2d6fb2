package main

// The ceilings of a block: bytes of its transactions, content of their frames, and
// values that it changes in the state map.
const (
	roomBytes   = 4_194_304
	roomContent = 67_108_864
	roomChanged = 1_048_576
)

// admissionRoomSuite: ADM-17, of the last submission that a block has room for, and
// of the first that it has none for.
func admissionRoomSuite() *suite {
	a := admission{newSuite("admission_room", "One submission on a given state map, in a block whose submissions before it take given bytes, content and changed values, none of them under a key that this one touches; the state map that it leaves. Rules: ledger.md ADM-17.")}
	w := governedWorld()
	first := threeKinds()
	next := secondOf(secondOf(first))
	fresh := streamed(first, "eu-1")
	acme := acmeProvider()
	st := func(b batch) []byte { return b.statement(edKey).bytes() }
	went := w.with("stream/acme/main", headValue(next, 7))
	a.within("statement", "the next statement of a stream: its head", w, went, submissionOf(next), statementID(enc(next.header())), st(next), changedBytes(w, went))
	opened := w.with("stream/acme/eu-1", headValue(fresh, 7)).with("provider/acme", acme.set(1, 6))
	a.within("new-stream", "the first statement of a stream: its head and the provider, whole", w, opened, submissionOf(fresh), statementID(enc(fresh.header())), st(fresh), changedBytes(w, opened))

	second := secondOf(first)
	e := equivocate(second, edKey, second.otherwise(), edKey)
	closed := w.with("provider/acme", acme.set(1, 7)).with("stream/acme/main", headValue(second, 6).set(2, 4).set(7, 5))
	a.within("equivocation", "equivocation: the stream's head and the provider, whole", w, closed, e.submission(), equivocationID(e.leaf(second)), e.leaf(second), changedBytes(w, closed))

	act := func(name, comment string, after world, also int, actions ...group) {
		payload := enc(actOf("", 5, actions...))
		b := signAct(payload, twoGovernors()...).bytes()
		a.within(name, comment, w, after, enc(list{2, b}), actID(payload), b, changedBytes(w, after)+also)
	}
	acted := w.acted()
	added := enc(group{1: "ed25519", 2: valC, 3: 5})
	act("policy", "an act that sets a policy: it, and governance", acted.with("policy", group{7: 3}), 0, setPolicy(group{7: 3}))
	act("validator-add", "a validator is added: its value, not its key", acted.with(validatorKey(valC), group{1: "ed25519", 2: valC, 3: 5}), 0, setValidator(valC, 5))
	act("validator-remove", "a validator is removed: its key", acted.with(validatorKey(valA), nil), 0, setValidator(valA, 0))
	act("validator-add-remove", "a validator is added and removed: its key, once", acted, len(validatorKey(valC)), setValidator(valC, 5), setValidator(valC, 0))
	act("validator-remove-add", "a validator is removed and added with its old power: its value, though it is what it was", acted, len(enc(group{1: "ed25519", 2: valA, 3: 10})), setValidator(valA, 0), setValidator(valA, 10))
	act("validator-add-twice", "a validator is added, then has another power: its value, once", acted.with(validatorKey(valC), group{1: "ed25519", 2: valC, 3: 6}), 0, setValidator(valC, 5), setValidator(valC, 6))
	if len(added) == len(validatorKey(valC)) {
		panic("a validator's value has as many bytes as its key: the vectors do not tell them apart")
	}
	a.roomOrder(w, next, second)
	a.roomOfBytes(w, went, next)
	return a.s
}

// within adds a submission that changes so many bytes of the state map in a block
// that has room for exactly these, and in one that has room for one less.
func (a admission) within(name, comment string, w, after world, submission, id, leaf []byte, changes int) {
	a.s.good(name, "ADM-17", comment+"; the block has room for just that", submission, entryExpect(w, after, id, leaf)).
		Given = w.inBlock(0, 0, roomChanged-changes)
	a.s.bad(name+"-over", "ADM-17", comment+"; the block has room for a byte less", submission, "size").
		Given = w.inBlock(0, 0, roomChanged-changes+1)
}

// roomOrder: that a block has no room for an entry is said behind all else.
func (a admission) roomOrder(w world, next, second batch) {
	full := w.inBlock(0, 0, roomChanged)
	bad := func(name, rule, comment string, submission []byte, code string) {
		a.s.bad("order-"+name, rule, comment, submission, code).Given = full
	}
	bad("fork", "ADM-9", "no room, and another statement is the stream's head", submissionOf(second.otherwise()), "fork")
	wrong := forged(next, next.header().set(fill(1, 32), 7), next.sequenceBytes())
	bad("records", "ADM-10", "no room, and the records have another root", wrong, "root")
	bad("sequence", "GOV-10", "no room, and the act is not the next one", actSubmission(actOf("", 6, setPolicy(group{})), twoGovernors()...), "sequence")
	bad("validators", "GOV-17", "no room, and no validator would be left", actSubmission(actOf("", 5, setValidator(valA, 0), setValidator(valB, 0)), twoGovernors()...), "registry")
	ahead := equivocate(next, edKey, next.otherwise(), edKey)
	bad("equivocation", "EQV-3", "no room, and no entry has the place", ahead.submission(), "gap")
}

// roomOfBytes: the bytes of the transaction as a protobuf field, and the content of
// its frame.
func (a admission) roomOfBytes(w, after world, b batch) {
	submission, id, leaf := submissionOf(b), statementID(enc(b.header())), b.statement(edKey).bytes()
	if len(submission) < 1<<7 || len(submission) >= 1<<14 {
		panic("the length of the submission is no varint of two bytes")
	}
	field := 1 + 2 + len(submission)
	content := len(b.sequenceBytes())
	a.s.good("bytes", "ADM-17", "the block has room for the submission, its length in two bytes and one byte, no more", submission, entryExpect(w, after, id, leaf)).
		Given = w.inBlock(roomBytes-field, 0, 0)
	a.s.bad("bytes-over", "ADM-17", "the block has room for a byte less", submission, "size").Given = w.inBlock(roomBytes-field+1, 0, 0)
	a.s.good("content", "ADM-17", "the block has room for the content that the frame states, no more", submission, entryExpect(w, after, id, leaf)).
		Given = w.inBlock(0, roomContent-content, 0)
	a.s.bad("content-over", "ADM-17", "the block has room for a byte of content less", submission, "size").Given = w.inBlock(0, roomContent-content+1, 0)
	a.s.good("all-room", "ADM-17", "the block has room for just this in all three", submission, entryExpect(w, after, id, leaf)).
		Given = w.inBlock(roomBytes-field, roomContent-content, roomChanged-changedBytes(w, after))
}

// inBlock is what is given where a block's submissions so far take so much.
func (w world) inBlock(bytes, content, changed int) *values {
	v := w.given()
	v.BlockBytes, v.BlockContent, v.BlockChanged = num(int64(bytes)), num(int64(content)), num(int64(changed))
	return v
}

// changedBytes counts what an entry changes, where nothing is changed back: values
// as they are behind it, keys of what is removed.
func changedBytes(before, after world) (n int) {
	for key, value := range after.state {
		if old, there := before.state[key]; !there || string(old) != string(value) {
			n += len(value)
		}
	}
	for key := range before.state {
		if _, there := after.state[key]; !there {
			n += len(key)
		}
	}
	return n
}
