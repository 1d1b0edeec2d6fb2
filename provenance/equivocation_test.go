package provenance

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"testing"
)

// sampleStatement is a statement for a place of a stream; i tells stories apart.
func sampleStatement(alg int64, issuer, stream string, sequence int64, i int) *UnverifiedStatement {
	var previous *Hash
	if sequence > 0 {
		previous = new(hashOf("previous"))
	}
	h := must1(NewBatch(issuer, stream, sequence, previous, [][]byte{must1(sampleRecord(i).Encode())}))
	return &must1(h.Sign(testKey(alg, "provider"))).UnverifiedStatement
}

func sampleEquivocation() *Equivocation {
	return must1(NewEquivocation(sampleStatement(AlgEdDSA, "acme", "s", 3, 0), sampleStatement(AlgES256, "acme", "s", 3, 1)))
}

func TestEquivocationComesBack(t *testing.T) {
	x, y := sampleStatement(AlgEdDSA, "acme", "s", 3, 0), sampleStatement(AlgES256, "acme", "s", 3, 1)
	e, turned := must1(NewEquivocation(x, y)), must1(NewEquivocation(y, x))
	if !bytes.Equal(e.Leaf(), turned.Leaf()) || !bytes.Equal(e.Evidence(), turned.Evidence()) || e.ID() != turned.ID() {
		t.Error("the order in which two statements are given tells")
	}
	got := must1(ParseEquivocation(e.Leaf(), e.Evidence()))
	if !bytes.Equal(got.Evidence(), e.Evidence()) || got.ID() != e.ID() {
		t.Error("it became another")
	}
	b := EncodeEquivocationSubmission(e)
	again := must1(ParseEquivocationSubmission(b))
	if !bytes.Equal(EncodeEquivocationSubmission(again), b) || again.ID() != e.ID() {
		t.Error("by way of a submission it became another")
	}
	if kind, err := SubmissionType(b); err != nil || kind != SubmissionEquivocation {
		t.Errorf("type %d, %v", kind, err)
	}
	leaf := must1(ParseEquivocationLeaf(e.Leaf()))
	want := EquivocationLeaf{"acme", "s", 3, [2]Hash{e.A.ID(), e.B.ID()}, [2]Hash{sha256.Sum256(e.A.Raw()), sha256.Sum256(e.B.Raw())}}
	if *leaf != want || leaf.ID() != e.ID() {
		t.Errorf("the leaf says %v, wanted %v", leaf, want)
	}
	// SPEC(EQV-2)
	if e.ID() != hashOf("tokentrail/equivocation/v1\x00"+string(e.Leaf())) || !oracleAccepts(e.Leaf()) || !oracleAccepts(e.Evidence()) {
		t.Error("not the leaf, the id or the encoding of EQV-2")
	}
}

func TestEquivocationIsRefused(t *testing.T) {
	x := sampleStatement(AlgEdDSA, "acme", "s", 3, 0)
	for name, other := range map[string]*UnverifiedStatement{
		"another issuer":   sampleStatement(AlgEdDSA, "globex", "s", 3, 1),
		"another stream":   sampleStatement(AlgEdDSA, "acme", "t", 3, 1),
		"another sequence": sampleStatement(AlgEdDSA, "acme", "s", 4, 1),
	} {
		if _, err := NewEquivocation(x, other); CodeOf(err) != CodeBinding {
			t.Errorf("%s: %v", name, err)
		}
	}
	// SPEC(EQV-1): another key, another envelope, the same payload.
	for _, same := range []*UnverifiedStatement{x, sampleStatement(AlgES256, "acme", "s", 3, 0)} {
		_, err := NewEquivocation(x, same)
		wantCode(t, err, CodeValue)
	}

	e := sampleEquivocation()
	a, b := e.A.Raw(), e.B.Raw()
	array := func(elements ...any) []byte { return must1(marshal(elements)) }
	tests := []struct {
		name     string
		evidence []byte
		code     Code
		path     string
	}{
		{"nothing", nil, CodeEnvelope, "evidence"},
		{"a map", []byte{0xa0}, CodeEnvelope, "evidence"},
		{"one", array(a), CodeEnvelope, "evidence"},
		{"three", array(a, b, b), CodeEnvelope, "evidence"},
		{"a null", array(a, nil), CodeEnvelope, "evidence"},
		{"a byte more", append(array(a, b), 0), CodeEnvelope, "evidence"},
		{"turned", array(b, a), CodeValue, "evidence.b"},
		{"the same twice", array(a, a), CodeValue, "evidence.b"},
		{"no statement", array(a, []byte{0xd2}), CodeEnvelope, "evidence.b"},
		{"nothing for a", array([]byte{}, b), CodeEnvelope, "evidence.a"},
		{"another place", array(a, sampleStatement(AlgEdDSA, "acme", "s", 4, 1).Raw()), CodeBinding, "evidence.b"},
		{"too long", make([]byte, MaxEquivocationBytes+1), CodeSize, "evidence"},
	}
	for _, tt := range tests {
		_, err := ParseEquivocation(e.Leaf(), tt.evidence)
		if wantCode(t, err, tt.code); err == nil || err.(*Error).Path != tt.path {
			t.Errorf("%s: %v, wanted the path %q", tt.name, err, tt.path)
		}
	}
	other := must1(NewEquivocation(e.A, sampleStatement(AlgES256, "acme", "s", 3, 2)))
	_, err := ParseEquivocation(other.Leaf(), e.Evidence())
	wantCode(t, err, CodeBinding)
	_, err = ParseEquivocation(nil, e.Evidence())
	wantCode(t, err, CodeBinding)
}

func TestEquivocationLeavesAreRefused(t *testing.T) {
	e := sampleEquivocation()
	leaf := func() []any {
		return []any{"tokentrail/equivocation/v1", "acme", "s", 3, []any{e.A.ID(), e.B.ID()}, []any{hashOf("a"), hashOf("b")}}
	}
	with := func(i int, v any) []byte { l := leaf(); l[i] = v; return must1(marshal(l)) }
	if _, err := ParseEquivocationLeaf(must1(marshal(leaf()))); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		b    []byte
		code Code
	}{
		{"nothing", nil, CodeTruncated},
		{"version 2", with(0, "tokentrail/equivocation/v2"), CodeVersion},
		{"a bad issuer", with(1, "Acme"), CodeIdentifier},
		{"a bad stream", with(2, ""), CodeIdentifier},
		{"a negative sequence", with(3, -1), CodeValue},
		{"ids turned", with(4, []any{e.B.ID(), e.A.ID()}), CodeValue},
		{"one id twice", with(4, []any{e.A.ID(), e.A.ID()}), CodeValue},
		{"one id", with(4, []any{e.A.ID()}), CodeValue},
		{"a short hash", with(5, []any{hashOf("a"), make([]byte, 31)}), CodeValue},
		{"an array of 5", must1(marshal(leaf()[:5])), CodeValue},
		{"a byte more", append(must1(marshal(leaf())), 0), CodeTrailingBytes},
		{"too long", make([]byte, 513), CodeSize},
	} {
		if _, err := ParseEquivocationLeaf(tt.b); CodeOf(err) != tt.code {
			t.Errorf("%s: %v, wanted %s", tt.name, err, tt.code)
		}
	}
	name := string(bytes.Repeat([]byte("a"), 64))
	longest := &EquivocationLeaf{Issuer: name, Stream: name, Sequence: 1<<63 - 1, IDs: [2]Hash{{1}, {2}}}
	if got, err := ParseEquivocationLeaf(longest.encode()); err != nil || *got != *longest {
		t.Errorf("the longest leaf: %v", err)
	}
}

func TestEveryFlippedBitOfEquivocationIsNoticed(t *testing.T) {
	e := sampleEquivocation()
	leaf, evidence := e.Leaf(), e.Evidence()
	eachFlip(t, "leaf", leaf, func(b []byte) error { _, err := ParseEquivocation(b, evidence); return err })
	holds := func(b []byte) error { _, err := ParseEquivocation(leaf, b); return err }
	eachFlip(t, "evidence", evidence, holds)
	eachCut(t, "evidence", evidence, holds)
}

func TestEntriesOfEveryKind(t *testing.T) {
	s, a, e := sampleBatch(AlgEdDSA, 2).statement, signedAct(sampleAct(), governor(0)), sampleEquivocation()
	for _, x := range []struct {
		leaf []byte
		kind LeafKind
		id   Hash
	}{{s.Raw(), LeafStatement, s.ID()}, {a.Raw(), LeafAct, a.ID()}, {e.Leaf(), LeafEquivocation, e.ID()}} {
		if kind, ok := LeafKindOf(x.leaf); !ok || kind != x.kind {
			t.Errorf("%v taken for %v", x.kind, kind)
		}
		if id, err := EntryID(x.leaf); err != nil || id != x.id {
			t.Errorf("%v: id %s, %v", x.kind, id, err)
		}
		_, err := EntryID(x.leaf[:len(x.leaf)-1])
		if CodeOf(err) == "" {
			t.Errorf("%v cut: %v", x.kind, err)
		}
		_, err = EntryID(slices.Concat(x.leaf[:1], make([]byte, MaxLeafBytes)))
		wantCode(t, err, CodeSize)
	}
	for _, b := range [][]byte{nil, {0x83}, {0xa0}, []byte("{}")} {
		if kind, ok := LeafKindOf(b); ok {
			t.Errorf("%x taken for %v", b, kind)
		}
		_, err := EntryID(b)
		wantCode(t, err, CodeEnvelope)
	}
}

func TestSubmissionTypes(t *testing.T) {
	batch := sampleBatch(AlgEdDSA, 1).submission.Encode()
	act := EncodeActSubmission(signedAct(sampleAct(), governor(0)).Raw())
	equivocation := EncodeEquivocationSubmission(sampleEquivocation())
	parsers := map[int64]func(b []byte) error{
		SubmissionBatch:        func(b []byte) error { _, err := ParseSubmission(b); return err },
		SubmissionAct:          func(b []byte) error { _, err := ParseActSubmission(b); return err },
		SubmissionEquivocation: func(b []byte) error { _, err := ParseEquivocationSubmission(b); return err },
	}
	for kind, b := range map[int64][]byte{SubmissionBatch: batch, SubmissionAct: act, SubmissionEquivocation: equivocation} {
		for other, parse := range parsers {
			if err := parse(b); other == kind && err != nil || other != kind && CodeOf(err) != CodeVersion {
				t.Errorf("type %d by the parser of %d: %v", kind, other, err)
			}
		}
		if got, err := SubmissionType(b[:2]); err != nil || got != kind {
			t.Errorf("type %d from its first bytes, wanted %d, %v", got, kind, err)
		}
		for _, broken := range [][]byte{b[:len(b)-1], append(slices.Clone(b), 0), slices.Concat([]byte{b[0] + 1}, b[1:])} {
			wantCode(t, parsers[kind](broken), CodeEnvelope)
		}
		wantCode(t, parsers[kind](make([]byte, MaxSubmissionBytes+1)), CodeSize)
	}
	for _, small := range []int64{SubmissionAct, SubmissionEquivocation} {
		wantCode(t, parsers[small](make([]byte, MaxEquivocationBytes+1)), CodeSize)
	}
	for _, x := range []struct {
		b    []byte
		code Code
	}{
		{[]byte{0x82, 0x00}, CodeVersion}, {[]byte{0x82, 0x04}, CodeVersion}, {[]byte{0x82, 0x20}, CodeVersion},
		{nil, CodeEnvelope}, {[]byte{0x80}, CodeEnvelope}, {[]byte{0x81, 0x02}, CodeEnvelope}, {[]byte{0x82}, CodeEnvelope},
		{[]byte{0x82, 0x61, 0x31}, CodeEnvelope}, {[]byte{0xa0}, CodeEnvelope}, {[]byte{0xd2, 0x84}, CodeEnvelope}, {[]byte{0x82, 0x18, 0x02}, CodeEnvelope},
	} {
		_, err := SubmissionType(x.b)
		wantCode(t, err, x.code)
	}
}
