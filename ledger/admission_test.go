package ledger

import (
	"bytes"
	"crypto"
	"errors"
	"testing"

	"tokentrail/provenance"
)

// refused is a submission and the code that it is refused with.
type refused struct {
	name string
	code provenance.Code
	raw  []byte
}

// shelfHeight is that of the block which TestRefusals looks at.
const shelfHeight = 3

// shelfState is the state that TestRefusals looks at: acme has one entry in s,
// beta is suspended, later's key is valid from height 5 and past's until 2.
func shelfState(t *testing.T, policy string) (*view, *writer) {
	t.Helper()
	changes, err := genesisState(appStateOf(t, policy, "acme", "beta"), nil)
	if err != nil {
		t.Fatal(err)
	}
	provider := func(id string, status provenance.ProviderStatus, from int64, until *int64) {
		key, err := provenance.NewPublicKey(signerOf(id).Public())
		if err != nil {
			t.Fatal(err)
		}
		v, err := provenance.EncodeStateValue(provenance.Provider{
			ID: id, Name: id, Jurisdictions: []string{"US"}, Status: status,
			Keys: []provenance.ProviderKey{{Alg: key.Alg(), Key: key.COSE(), From: from, Until: until}},
		})
		if err != nil {
			t.Fatal(err)
		}
		changes = append(changes, stateChange{provenance.StateProviderKey(id), v})
	}
	provider("idle", provenance.ProviderSuspended, 0, nil)
	provider("gone", provenance.ProviderRetired, 0, nil)
	provider("later", provenance.ProviderActive, 5, nil)
	provider("past", provenance.ProviderActive, 0, new(int64(3)))
	v, err := newView(stateTree{}.update(changes), 0, shelfHeight, blockTime)
	if err != nil {
		t.Fatal(err)
	}
	return v, newWriter(t, "acme", "s")
}

// fresh copies a view, so that one case does not see what another accepted.
func (v *view) fresh(t *testing.T) *view {
	t.Helper()
	var changes []stateChange
	for k, value := range v.changes {
		changes = append(changes, stateChange{k, value})
	}
	w, err := newView(v.tree.update(changes), v.size, v.height, blockTime)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// TestRefusals has one case for each code of SPEC(ADM-2) to SPEC(ADM-10) that
// the ledger itself decides, and some of each kind that provenance does.
func TestRefusals(t *testing.T) {
	v, w := shelfState(t, `{"records":50}`)
	first := w.next(3)
	if err := v.admit(first); err != nil {
		t.Fatal(err)
	}
	first2, _ := Check(first.Raw())
	if err := v.fresh(t).admit(first2); provenance.CodeOf(err) != CodeDuplicate {
		t.Fatalf("a duplicate: %v", err)
	}
	good, _ := w.build(w.records(3, 8))
	of := func(issuer string, key crypto.Signer) []byte {
		x := newWriter(t, issuer, "s")
		x.key = key
		raw, _ := x.build(x.records(1, 8))
		return raw
	}
	at := func(sequence int64, previous *provenance.Hash, n int) []byte {
		x := newWriter(t, "acme", "s")
		x.sequence, x.previous = sequence, previous
		raw, _ := x.build(x.records(n, 9))
		return raw
	}
	sub, err := provenance.ParseSubmission(good)
	if err != nil {
		t.Fatal(err)
	}
	// other is the good statement with the records of another batch.
	other := func(n int) []byte {
		x := newWriter(t, "acme", "other")
		raw, _ := x.build(x.records(n, 8))
		o, err := provenance.ParseSubmission(raw)
		if err != nil {
			t.Fatal(err)
		}
		return (&provenance.Submission{Statement: sub.Statement, Frame: o.Frame}).Encode()
	}
	broken := bytes.Clone(sub.Frame)
	broken[len(broken)-1] ^= 1 // of the content checksum
	wrongAlg := bytes.Replace(good, []byte{0xa5, 0x01, 0x27}, []byte{0xa5, 0x01, 0x26}, 1)
	wrongSig := bytes.Replace(good, sub.Statement.Raw()[len(sub.Statement.Raw())-64:], make([]byte, 64), 1)
	for _, x := range []refused{
		{"too long", provenance.CodeSize, make([]byte, provenance.MaxSubmissionBytes+1)},
		{"nothing", provenance.CodeEnvelope, nil},
		{"not CBOR", provenance.CodeEnvelope, []byte("hello")},
		{"trailing", provenance.CodeEnvelope, append(bytes.Clone(good), 0)},
		{"another type", provenance.CodeVersion, append([]byte{0x83, 0x02}, good[2:]...)},
		{"a statement alone", CodePayloadMissing, sub.Statement.Raw()},
		{"no records", CodePayloadMissing, (&provenance.Submission{Statement: sub.Statement}).Encode()},
		{"not a frame", provenance.CodeFrame, (&provenance.Submission{Statement: sub.Statement, Frame: []byte("records")}).Encode()},
		{"policy: records", provenance.CodeSize, at(1, new(first.ID()), 51)},
		{"unknown issuer", CodeUnknownIssuer, of("nobody", signerOf("nobody"))},
		{"suspended", CodeInactiveIssuer, of("idle", signerOf("idle"))},
		{"retired", CodeInactiveIssuer, of("gone", signerOf("gone"))},
		{"another's key", CodeUnknownKey, of("acme", signerOf("beta"))},
		{"a key of later", CodeUnknownKey, of("later", signerOf("later"))},
		{"a key of the past", CodeUnknownKey, of("past", signerOf("past"))},
		{"a signature that does not hold", provenance.CodeSignature, wrongSig},
		{"another algorithm than the key's", provenance.CodeAlg, wrongAlg},
		{"gap", CodeGap, at(2, new(first.ID()), 1)},
		{"gap in a new stream", CodeGap, func() []byte {
			x := newWriter(t, "acme", "new")
			x.sequence, x.previous = 1, new(first.ID())
			raw, _ := x.build(x.records(1, 8))
			return raw
		}()},
		{"fork below", CodeFork, at(0, nil, 1)},
		{"fork by previous", CodeFork, at(1, &provenance.Hash{1}, 1)},
		{"too many records", provenance.CodeCount, other(4)},
		{"too few records", provenance.CodeCount, other(2)},
		{"other records", provenance.CodeRoot, other(3)},
		{"a frame that does not expand", provenance.CodeExpand, (&provenance.Submission{Statement: sub.Statement, Frame: broken}).Encode()},
	} {
		c, err := Check(x.raw)
		if c == nil || (err == nil) != (c.Err() == nil) {
			t.Fatalf("%s: Check gave %v with %v", x.name, c, err)
		}
		err = v.fresh(t).admit(c)
		if provenance.CodeOf(err) != x.code {
			t.Errorf("%s: %v, wanted %s", x.name, err, x.code)
		}
		if ResultCode(x.code) < 100 {
			t.Errorf("%s: %s has no number", x.name, x.code)
		}
	}
	c, err := Check(good)
	if err != nil {
		t.Fatal(err)
	}
	if err := v.admit(c); err != nil {
		t.Fatalf("the good one: %v", err)
	}
}

// TestFirstError: SPEC(ADM-1), the first error in the order of the checks. Each
// case breaks one rule and all rules behind it.
func TestFirstError(t *testing.T) {
	v, w := shelfState(t, "{}")
	first := w.next(1)
	if err := v.admit(first); err != nil {
		t.Fatal(err)
	}
	// wrong is of this issuer and key, far ahead, with the records of another.
	wrong := func(issuer string, key crypto.Signer, sequence int64) []byte {
		x := newWriter(t, issuer, "s")
		x.key, x.sequence, x.previous = key, sequence, &provenance.Hash{1}
		raw, _ := x.build(x.records(1, 8))
		sub, err := provenance.ParseSubmission(raw)
		if err != nil {
			t.Fatal(err)
		}
		o, err := provenance.ParseSubmission(newWriter(t, "beta", "x").next(1).Raw())
		if err != nil {
			t.Fatal(err)
		}
		return (&provenance.Submission{Statement: sub.Statement, Frame: o.Frame}).Encode()
	}
	unsigned := wrong("acme", signerOf("acme"), 9)
	sub, err := provenance.ParseSubmission(unsigned)
	if err != nil {
		t.Fatal(err)
	}
	unsigned = bytes.Replace(unsigned, sub.Statement.Raw()[len(sub.Statement.Raw())-64:], make([]byte, 64), 1)
	for _, x := range []refused{
		{"issuer", CodeUnknownIssuer, wrong("nobody", signerOf("nobody"), 9)},
		{"status", CodeInactiveIssuer, wrong("idle", signerOf("nobody"), 9)},
		{"key", CodeUnknownKey, wrong("acme", signerOf("nobody"), 9)},
		{"signature", provenance.CodeSignature, unsigned},
		{"sequence", CodeGap, wrong("acme", signerOf("acme"), 9)},
		{"previous", CodeFork, wrong("acme", signerOf("acme"), 1)},
	} {
		c, err := Check(x.raw)
		if err != nil {
			t.Fatalf("%s: %v", x.name, err)
		}
		if err := v.fresh(t).admit(c); provenance.CodeOf(err) != x.code {
			t.Errorf("%s: %v, wanted %s", x.name, err, x.code)
		}
	}
}

// TestPolicy: each ceiling that policy lowers is held.
func TestPolicy(t *testing.T) {
	for _, policy := range []string{
		`{"records":2}`, `{"record_bytes":40}`, `{"frame_bytes":60}`, `{"expanded_bytes":100}`, `{"statement_bytes":200}`,
	} {
		v, w := shelfState(t, policy)
		if err := v.admit(w.next(3)); provenance.CodeOf(err) != provenance.CodeSize {
			t.Errorf("policy %s: %v", policy, err)
		}
	}
	v, w := shelfState(t, `{"records":3,"record_bytes":100,"frame_bytes":1000,"expanded_bytes":1000,"statement_bytes":1000,"cells":1}`)
	if err := v.admit(w.next(3)); err != nil {
		t.Error(err)
	}
	v, w = shelfState(t, `{"cells":1}`)
	records := w.records(1, 0)
	r, err := provenance.ParseRecord(records[0])
	if err != nil {
		t.Fatal(err)
	}
	r.Time += 3_600_000
	later, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if err := v.admit(w.submit([][]byte{records[0], later})); provenance.CodeOf(err) != provenance.CodeSize {
		t.Errorf("two cells where one is allowed: %v", err)
	}
}

// TestPending: SPEC(ADM-13) and SPEC(ADM-14).
func TestPending(t *testing.T) {
	l := newLedger(t)
	w := newWriter(t, "acme", "s")
	done := w.many(3, 1)
	run(t, l, done)
	fork := newWriter(t, "acme", "s")
	fork.sequence, fork.previous = 1, new(done[0].ID())
	raw, _ := fork.build(fork.records(2, 9))
	forked, err := Check(raw)
	if err != nil {
		t.Fatal(err)
	}
	ahead := w.many(65, 1)
	s := l.Snapshot()
	for _, x := range []struct {
		name string
		c    *Checked
		code provenance.Code
	}{
		{"the first again", done[0], CodeDuplicate},
		{"the head again", done[2], CodeDuplicate},
		{"a fork of an old one", forked, CodeFork},
		{"the next", ahead[0], ""},
		{"63 beyond", ahead[63], ""},
		{"64 beyond", ahead[64], CodeGap},
		{"a new stream", newWriter(t, "beta", "new").next(1), ""},
		{"an unknown issuer", newWriter(t, "nobody", "s").next(1), CodeUnknownIssuer},
	} {
		if err := s.AdmitPending(x.c); provenance.CodeOf(err) != x.code || (err == nil) != (x.code == "") {
			t.Errorf("%s: %v, wanted %q", x.name, err, x.code)
		}
	}
	// In consensus a sequence ahead is refused.
	if err := l.Process(2, blockTime, ahead[1:2]); provenance.CodeOf(err) != CodeGap {
		t.Errorf("a proposal with a gap: %v", err)
	}
	// A node pipelines them, and the proposer puts them in order.
	run(t, l, prepare(t, l, 2, ahead[:64], 1<<20))
	if head, ok, err := l.Snapshot().StreamHead("acme", "s"); err != nil || !ok || head.Sequence != 66 {
		t.Errorf("the stream's head is %+v, %v", head, err)
	}
}

func TestRulesOfAnotherVersion(t *testing.T) {
	v, err := provenance.EncodeStateValue(provenance.Rules{Version: provenance.RuleVersion + 1})
	if err != nil {
		t.Fatal(err)
	}
	_, err = newView(stateTree{}.update([]stateChange{{provenance.StateRules, v}}), 0, 1, blockTime)
	if err == nil || errors.As(err, new(*provenance.Error)) {
		t.Fatalf("rules of the next version: %v", err)
	}
}
