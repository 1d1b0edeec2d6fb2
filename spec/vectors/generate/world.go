package main

// A world is what admission looks at beside the submission (ADM-1), and the
// chain that acts name. It is copied, never changed.
type world struct {
	height, time, logSize int64
	state                 stateMap
}

// governedWorld is a ledger of rule version 3 with two of three governors, four
// providers, two validators and a stream whose head is of sequence 1.
func governedWorld() world {
	first := threeKinds()
	m := stateMap{
		"rules":             enc(group{1: 3}),
		"policy":            enc(group{}),
		"governance":        enc(governanceValue()),
		"provider/acme":     enc(acmeProvider()),
		"provider/globex":   enc(providerValue("globex", 2, keyValue(edOther, 0))),
		"provider/initech":  enc(providerValue("initech", 3, keyValue(esOther, 0))),
		"stream/acme/main":  enc(headValue(secondOf(first), 6)),
		validatorKey(valA):  enc(group{1: "ed25519", 2: valA, 3: 10}),
		validatorKey(valB):  enc(group{1: "ed25519", 2: valB, 3: 20}),
		"provider/umbrella": enc(providerValue("umbrella", 1, keyValue(edSigner("umbrella 1"), 0))),
	}
	_, last := first.period()
	return world{50, last + 60_000, 7, m}
}

var (
	valA = edSigner("validator a").x
	valB = edSigner("validator b").x
	valC = edSigner("validator c").x
)

func validatorKey(public []byte) string { return "validator/" + hexOf(hash(public)[:20]) }

func governanceValue() group { return group{1: 2, 2: governors(govKeys...), 3: 5} }

func keyValue(k signer, from int64) group { return group{1: k.alg, 2: enc(k.coseKey()), 3: from} }

func providerValue(id string, status int, keys ...any) group {
	return group{1: id, 2: "Provider " + id, 3: list{"US"}, 4: list(keys), 5: status}
}

// acmeRevoked, acmeStolen are keys of acme that may no longer sign.
var acmeRevoked, acmeStolen = edSigner("acme revoked"), edSigner("acme stolen")

// acmeProvider has a key for ever, one for the heights 50 to 99, one that
// entry 2 revoked and one that is known as stolen since height 30.
func acmeProvider() group {
	return providerValue("acme", 1, keyValue(edKey, 0), keyValue(esKey, 50).set(100, 4),
		keyValue(acmeRevoked, 0).set(2, 6), keyValue(acmeStolen, 0).set(3, 6).set(int64(eventTime), 7).set(30, 8))
}

// headValue is a stream's head.
func headValue(b batch, index int64) group {
	return group{1: b.sequence, 2: statementID(enc(b.header())), 3: index, 4: 1}
}

// secondOf is a statement of the same records behind b.
func secondOf(b batch) batch {
	b.previous, b.sequence = statementID(enc(b.header())), b.sequence+1
	return b
}

// with sets an entry of the state map; a nil value takes it away.
func (w world) with(key string, value any) world {
	m := stateMap{}
	for k, v := range w.state {
		m[k] = v
	}
	delete(m, key)
	if value != nil {
		m[key] = enc(value)
	}
	w.state = m
	return w
}

func (w world) at(height int64) world { w.height = height; return w }

// ungoverned is the world without governors, under a rule version.
func (w world) ungoverned(rules int) world {
	return w.with("governance", nil).with("rules", group{1: rules})
}

// acted is the world after a governors' act: its sequence is one more.
func (w world) acted() world { return w.with("governance", governanceValue().set(6, 3)) }

func (w world) given() *values {
	return &values{Chain: actChain, Height: num(w.height), Time: num(w.time), LogSize: num(w.logSize), State: w.state.entries()}
}

// entryExpect is what an admitted entry leaves.
func entryExpect(w, after world, id, leaf []byte) *values {
	return &values{EntryID: hexOf(id), Index: num(w.logSize), Leaf: hexOf(leaf), LeafHash: hexOf(leafHash(leaf)),
		State: after.state.entries(), StateRoot: hexOf(after.state.root())}
}

// An admission adds vectors to a suite of admissions.
type admission struct{ s *suite }

// act adds an act that is admitted and what the state map is then.
func (a admission) act(name, rule, comment string, w, after world, payload group, keys ...signer) {
	b := enc(payload)
	e := signAct(b, keys...).bytes()
	a.s.good(name, rule, comment, enc(list{2, e}), entryExpect(w, after, actID(b), e)).Given = w.given()
}

// refuse adds a submission that is refused.
func (a admission) refuse(name, rule, comment string, w world, submission []byte, code string, path ...string) {
	a.s.bad(name, rule, comment, submission, code, path...).Given = w.given()
}

// refuseAct adds an act that is refused.
func (a admission) refuseAct(name, rule, comment string, w world, payload group, code, path string, keys ...signer) {
	var paths []string
	if path != "-" {
		paths = []string{path}
	}
	a.refuse(name, rule, comment, w, actSubmission(payload, keys...), code, paths...)
}

func actSubmission(payload group, keys ...signer) []byte {
	return enc(list{2, signAct(enc(payload), keys...).bytes()})
}

// two governors are enough.
func twoGovernors() []signer { return govKeys[:2] }
