package provenance

import (
	"bytes"
	"encoding/json"
	"testing"
)

// Fuzz tests of acts, equivocation and what tells submissions and leaves apart.

func FuzzParseAct(f *testing.F) {
	f.Add(signedAct(sampleAct(), governor(0), governor(1)).Raw())
	f.Add(signedAct(&Act{Chain: "c", Provider: "acme", Actions: sampleActions()[6:7]}, governor(0)).Raw())
	f.Add(must1(NewAct(&Act{Chain: "c", Actions: sampleActions()[7:8]})).Raw())
	key := publicOf(testKey(AlgEdDSA, "never signed"))
	f.Fuzz(func(t *testing.T, b []byte) {
		draft, err := ParseActDraft(b)
		u, strict := ParseAct(b)
		if refused(t, err) {
			if strict == nil {
				t.Fatal("an act, and no draft")
			}
			return
		}
		if len(draft.Signatures()) > 0 {
			if strict != nil {
				t.Fatalf("a signed draft is no act: %v", strict)
			}
			wantSame(t, b, u.Raw())
			if id, err := EntryID(b); err != nil || id != u.ID() {
				t.Fatalf("entry %s, act %s, %v", id, u.ID(), err)
			}
		} else {
			wantCode(t, strict, CodeSignature)
		}
		wantSame(t, b, encodeSign(draft.payload, draft.signatures))
		wantSame(t, b, must1(JoinActs(draft, draft)).Raw())
		for i := range draft.Signatures() {
			if err := draft.VerifySignature(i, key); !refused(t, err) {
				t.Fatal("it verifies under a key that never signed it")
			}
		}
	})
}

func FuzzParseActPayload(f *testing.F) {
	f.Add(must1(sampleAct().Encode()))
	for _, a := range sampleActions() {
		f.Add(must1((&Act{Chain: "c", Provider: "acme", Actions: []Action{a}}).Encode()))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := ParseActPayload(b)
		if refused(t, err) {
			return
		}
		if !oracleAccepts(b) {
			t.Fatal("not in the one encoding")
		}
		out := must1(a.Encode())
		if !hasKept(b) {
			wantSame(t, b, out)
		}
		read, err := ParseActJSON(must1(json.Marshal(a)))
		if err != nil {
			t.Fatalf("%s: %v", must1(json.Marshal(a)), err)
		}
		wantSame(t, out, must1(read.Encode()))
	})
}

func FuzzParseActJSON(f *testing.F) {
	f.Add(must1(json.Marshal(sampleAct())))
	f.Add(must1(json.MarshalIndent(&Act{Chain: "c", Provider: "acme", Actions: sampleActions()[4:8]}, "", " ")))
	f.Add([]byte(`{"chain": "c", "sequence": 0, "actions": [{"type": "policy", "policy": {}}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := ParseActJSON(b)
		if refused(t, err) {
			return
		}
		text := must1(json.Marshal(a))
		again, err := ParseActJSON(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		wantSame(t, must1(a.Encode()), must1(again.Encode()))
		wantSame(t, text, must1(json.Marshal(again)))
	})
}

func FuzzParseEquivocation(f *testing.F) {
	e := sampleEquivocation()
	f.Add(e.Leaf(), e.Evidence())
	f.Fuzz(func(t *testing.T, leaf, evidence []byte) {
		if l, err := ParseEquivocationLeaf(leaf); !refused(t, err) {
			wantSame(t, leaf, l.encode())
		}
		e, err := ParseEquivocation(leaf, evidence)
		if refused(t, err) {
			return
		}
		wantSame(t, evidence, e.Evidence())
		wantSame(t, leaf, e.Leaf())
		turned := must1(NewEquivocation(e.B, e.A))
		if id := must1(EntryID(leaf)); id != e.ID() || turned.ID() != id {
			t.Fatalf("ids %s, %s, %s", id, e.ID(), turned.ID())
		}
	})
}

// FuzzSubmissionTypes: a submission is of one type, and has one encoding.
func FuzzSubmissionTypes(f *testing.F) {
	seed(f, "submission")
	f.Add(EncodeActSubmission(signedAct(&Act{Chain: "c", Actions: sampleActions()[7:8]}, governor(0)).Raw()))
	f.Add(EncodeEquivocationSubmission(sampleEquivocation()))
	f.Fuzz(func(t *testing.T, b []byte) {
		kind, err := SubmissionType(b)
		refused(t, err)
		taken := map[int64][]byte{}
		if s, err := ParseSubmission(b); !refused(t, err) {
			taken[SubmissionBatch] = s.Encode()
		}
		if u, err := ParseActSubmission(b); !refused(t, err) {
			taken[SubmissionAct] = EncodeActSubmission(u.Raw())
		}
		if e, err := ParseEquivocationSubmission(b); !refused(t, err) {
			taken[SubmissionEquivocation] = EncodeEquivocationSubmission(e)
		}
		if again, ok := taken[kind]; len(taken) > 1 || len(taken) == 1 && (!ok || err != nil || !bytes.Equal(again, b)) {
			t.Fatalf("type %d (%v), taken as %v", kind, err, taken)
		}
		if _, err := EntryID(b); err != nil {
			refused(t, err)
		}
	})
}
