package provenance

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestActsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := actGen().Draw(t, "act")
		b := must1(a.Encode())
		got := must1(ParseActPayload(b))
		if !reflect.DeepEqual(got, a) {
			t.Fatalf("%+v became %+v", a, got)
		}
		if !oracleAccepts(b) {
			t.Fatalf("%x is not in the one encoding", b)
		}
		text := must1(json.Marshal(a))
		read, err := ParseActJSON(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if again := must1(read.Encode()); !bytes.Equal(again, b) {
			t.Fatalf("by way of JSON %x became %x", b, again)
		}
	})
}

// Each field of each type of action survives, and each type is there.
func TestActOfEveryType(t *testing.T) {
	a := sampleAct()
	if got := must1(ParseActPayload(must1(a.Encode()))); !reflect.DeepEqual(got, a) {
		t.Errorf("%+v became %+v", a, got)
	}
	seen := map[ActionType]bool{}
	for _, action := range a.Actions {
		seen[action.Type] = true
		parsed, err := ParseActionType(action.Type.String())
		if err != nil || parsed != action.Type {
			t.Errorf("%v: %v, %v", action.Type, parsed, err)
		}
	}
	if len(seen) != len(actionRows)-1 {
		t.Errorf("%d types of %d", len(seen), len(actionRows)-1)
	}
	for _, name := range []string{"", "unknown(0)", "Policy", "key"} {
		_, err := ParseActionType(name)
		wantCode(t, err, CodeUnknownKind)
	}
}

// SPEC(GOV-5): what an action's type does not have is no part of it, and what the
// type has is never left out, also where it is the zero value.
func TestFieldsOfOtherActionsAreRefused(t *testing.T) {
	full := Action{
		ID: "acme", Name: "n", Jurisdictions: []string{"US"}, Keys: [][]byte{coseOf(AlgEdDSA, "a")}, Status: ProviderRetired,
		Key: coseOf(AlgEdDSA, "a"), From: new(int64(1)), Until: new(int64(2)), KID: hashOf("k"), Since: 1, SinceHeight: 1,
		Validator: coseOf(AlgEdDSA, "a")[8:], Power: 1, Policy: &Policy{}, Threshold: 1, Governors: [][]byte{coseOf(AlgEdDSA, "a")},
		Rules: 1, RulesFrom: 1,
	}
	fields := reflect.TypeFor[Action]().NumField()
	for typ := ProviderAdmit; typ.known(); typ++ {
		row := actionRows[typ]
		bare := Action{Type: typ}
		_, err := (&Act{Chain: "c", Actions: []Action{bare}}).Encode()
		if err == nil {
			t.Errorf("%v with no field", typ)
		}
		for i := 1; i < fields; i++ { // the wire's key is the field's place and one more
			has := row.must | row.may
			action := bare
			for j := 1; j < fields; j++ {
				if has&(1<<(j+1)) != 0 || j == i {
					reflect.ValueOf(&action).Elem().Field(j).Set(reflect.ValueOf(full).Field(j))
				}
			}
			_, err := (&Act{Chain: "c", Actions: []Action{action}}).Encode()
			switch {
			case has&(1<<(i+1)) != 0 && err != nil:
				t.Errorf("%v: %v", typ, err)
			case has&(1<<(i+1)) == 0:
				wantCode(t, err, CodeForbiddenField)
			}
		}
	}
}

func TestSignaturesOfActsJoinInAnyOrder(t *testing.T) {
	payload := must1(NewAct(sampleAct()))
	var single []*UnverifiedAct // an ES256 signature is another each time
	for i := range 6 {
		single = append(single, must1(payload.Sign(governor(i))))
	}
	single = append(single, must1(payload.Sign(governor(1))))
	rapid.Check(t, func(t *rapid.T) {
		chosen := rapid.SliceOfNDistinct(rapid.IntRange(0, len(single)-1), 1, len(single), rapid.ID[int]).Draw(t, "chosen")
		join := func(order []int) *UnverifiedAct {
			all := payload
			for _, i := range order {
				all = must1(JoinActs(all, single[i]))
			}
			return all
		}
		one := join(chosen)
		for _, order := range [][]int{rapid.Permutation(chosen).Draw(t, "order"), append(slices.Clone(chosen), chosen...)} {
			if other := join(order); !bytes.Equal(one.Raw(), other.Raw()) {
				t.Fatalf("%x and %x", one.Raw(), other.Raw())
			}
		}
		half := len(chosen) / 2
		if tree := must1(JoinActs(join(chosen[half:]), join(chosen[:half]))); !bytes.Equal(one.Raw(), tree.Raw()) {
			t.Fatal("joined in two halves it is another")
		}
		u := must1(ParseAct(one.Raw()))
		if u.ID() != payload.ID() || !bytes.Equal(u.Payload(), payload.Payload()) {
			t.Fatal("another act")
		}
		for i, s := range u.Signatures() {
			holds := 0
			for g := range 6 {
				key := publicOf(governor(g))
				if err := u.VerifySignature(i, key); err == nil {
					holds++
				} else if key.Thumbprint() == s.KID {
					t.Fatal(err)
				}
			}
			if holds != 1 {
				t.Fatalf("signature %d holds under %d keys", i, holds)
			}
		}
	})
}

func TestSignReplacesTheSignatureOfItsKey(t *testing.T) {
	u := signedAct(sampleAct(), governor(0), governor(1))
	again := must1(u.Sign(governor(1)))
	if n := len(again.Signatures()); n != 2 || bytes.Equal(again.Raw(), u.Raw()) {
		t.Errorf("%d signatures, the same bytes: %t", n, bytes.Equal(again.Raw(), u.Raw()))
	}
	if !bytes.Equal(must1(u.Sign(governor(0))).Raw(), u.Raw()) {
		t.Error("Ed25519 signs the same in another way")
	}
	if len(u.Signatures()) != 2 {
		t.Error("Sign changed the act that it began with")
	}
	for i := range 62 {
		u = must1(u.Sign(testKey(AlgEdDSA, fmt.Sprint("more", i))))
	}
	_, err := u.Sign(testKey(AlgEdDSA, "one too many"))
	wantCode(t, err, CodeSignature)
}

func TestJoinIsOfOneAct(t *testing.T) {
	other := sampleAct()
	other.Sequence++
	_, err := JoinActs(signedAct(sampleAct(), governor(0)), signedAct(other, governor(1)))
	wantCode(t, err, CodeBinding)
}

// A signer that answers for another key, or with something else than a signature.
type posingSigner struct {
	crypto.Signer
	public crypto.PublicKey
}

func (s posingSigner) Public() crypto.PublicKey { return s.public }

func TestASignerIsNotBelieved(t *testing.T) {
	u := must1(NewAct(sampleAct()))
	_, err := u.Sign(posingSigner{testKey(AlgEdDSA, "a"), testKey(AlgEdDSA, "b").Public()})
	wantCode(t, err, CodeSignature)
	_, err = u.Sign(posingSigner{testKey(AlgEdDSA, "a"), ed25519.PublicKey(make([]byte, 32))})
	wantCode(t, err, CodeKey)
}

func TestVerifySignatureOfAct(t *testing.T) {
	u := signedAct(sampleAct(), governor(0))
	if err := u.VerifySignature(0, publicOf(governor(0))); err != nil {
		t.Error(err)
	}
	wantCode(t, u.VerifySignature(0, publicOf(governor(2))), CodeKID)
	wantCode(t, u.VerifySignature(0, publicOf(governor(1))), CodeAlg)
	wantCode(t, u.VerifySignature(1, publicOf(governor(0))), CodeSignature)
	wantCode(t, u.VerifySignature(-1, publicOf(governor(0))), CodeSignature)
	wantCode(t, u.VerifySignature(0, PublicKey{}), CodeAlg)
	raw := bytes.Clone(u.Raw())
	raw[len(raw)-1] ^= 1
	err := must1(ParseAct(raw)).VerifySignature(0, publicOf(governor(0)))
	wantCode(t, err, CodeSignature)
	if path := err.(*Error).Path; !strings.HasPrefix(path, "signatures[0]") {
		t.Errorf("path %q", path)
	}
}

// SPEC(GOV-1): the Sig_structure, built by hand.
func TestSignatureOfActIsOverTheSigStructure(t *testing.T) {
	key := testKey(AlgEdDSA, "a")
	u := signedAct(sampleAct(), key)
	body := must1(marshal(map[int]any{3: "application/vnd.tokentrail.act+cbor", 16: "application/vnd.tokentrail.act+cose"}))
	own := must1(marshal(map[int]any{1: -8, 4: publicOf(key).Thumbprint()}))
	tbs := must1(marshal([]any{"Signature", body, own, []byte{}, u.Payload()}))
	signature := must1(key.Sign(nil, tbs, crypto.Hash(0)))
	want := append([]byte{0xd8, 98}, must1(marshal([]any{body, map[int]any{}, u.Payload(), []any{[]any{own, map[int]any{}, signature}}}))...)
	if !bytes.Equal(u.Raw(), want) {
		t.Errorf("%x, wanted %x", u.Raw(), want)
	}
	if u.ID() != hashOf("tokentrail/act/v1\x00"+string(u.Payload())) {
		t.Error("another id than that of GOV-3")
	}
}

func TestEveryFlippedBitOfAnActIsNoticed(t *testing.T) {
	a := &Act{Chain: "c", Actions: []Action{sampleActions()[7], sampleActions()[14]}}
	keys := map[Hash]PublicKey{}
	for i := range 2 {
		keys[publicOf(governor(i)).Thumbprint()] = publicOf(governor(i))
	}
	b := signedAct(a, governor(0), governor(1)).Raw()
	holds := func(b []byte) error {
		u, err := ParseAct(b)
		if err != nil {
			return err
		}
		for i, s := range u.Signatures() {
			if err := u.VerifySignature(i, keys[s.KID]); err != nil {
				return err
			}
		}
		return nil
	}
	eachFlip(t, "act", b, holds)
	eachCut(t, "act", b, holds)
	eachFlip(t, "submission", EncodeActSubmission(b), func(b []byte) error {
		u, err := ParseActSubmission(b)
		if err != nil {
			return err
		}
		return holds(u.Raw())
	})
}

func TestActSubmissions(t *testing.T) {
	draft, signed := must1(NewAct(sampleAct())), signedAct(sampleAct(), governor(0))
	for _, u := range []*UnverifiedAct{draft, signed} {
		b := EncodeActSubmission(u.Raw())
		if got, err := ParseActProposal(b); err != nil || !bytes.Equal(got.Raw(), u.Raw()) {
			t.Errorf("a proposal: %v", err)
		}
		if kind, err := SubmissionType(b); err != nil || kind != SubmissionAct {
			t.Errorf("type %d, %v", kind, err)
		}
	}
	if _, err := ParseActSubmission(EncodeActSubmission(signed.Raw())); err != nil {
		t.Error(err)
	}
	_, err := ParseActSubmission(EncodeActSubmission(draft.Raw()))
	wantCode(t, err, CodeSignature)
}

// The longest act that the format has can be said in JSON.
func TestTheLongestActInJSON(t *testing.T) {
	a := &Act{Chain: "c"}
	var labels []LabelPolicy // what grows most
	for _, country := range []string{"AA", "BB", "CC", "DD"} {
		for profile := 'a'; profile <= 'z'; profile++ {
			labels = append(labels, LabelPolicy{Using: country, Profile: string(profile)})
		}
	}
	for range MaxActions {
		a.Actions = append(a.Actions, Action{Type: PolicySet, Policy: &Policy{Labels: labels, Jurisdictions: jurisdictions(100)}})
	}
	b := must1(a.Encode())
	text := must1(json.MarshalIndent(a, "", "        "))
	if got := must1(ParseActJSON(text)); !bytes.Equal(must1(got.Encode()), b) || len(b) < MaxActBytes*9/10 {
		t.Errorf("%d bytes, %d in JSON", len(b), len(text))
	}
}

// jurisdictions are n codes in ascending order.
func jurisdictions(n int) (out []string) {
	for i := range n {
		out = append(out, string([]rune{rune('A' + i/26), rune('A' + i%26)}))
	}
	return out
}

// SPEC(GOV-4)
func TestKeysOfAnActAreCounted(t *testing.T) {
	a := &Act{Chain: "c"}
	for range 2 {
		a.Actions = append(a.Actions, Action{Type: ProviderAdmit, ID: "acme", Name: "a", Jurisdictions: []string{"US"},
			Keys: slices.Repeat([][]byte{coseOf(AlgEdDSA, "a")}, MaxActKeys/2)})
	}
	if _, err := a.Encode(); err != nil {
		t.Error(err)
	}
	a.Actions = append(a.Actions, Action{Type: KeyAdd, ID: "acme", Key: coseOf(AlgEdDSA, "a")})
	_, err := a.Encode()
	wantCode(t, err, CodeValue)
	if path := err.(*Error).Path; path != "actions[2].key" {
		t.Errorf("path %q", path)
	}
}
