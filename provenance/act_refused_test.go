package provenance

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// Acts with exactly one thing wrong.

type anyMap = map[int64]any

func actMap() anyMap {
	return anyMap{1: 1, 2: "chain-1", 4: 0, 7: []any{anyMap{1: 6, 2: "acme", 10: make([]byte, 32)}}}
}

// withAction is a payload whose second action is the given one.
func withAction(action anyMap) anyMap {
	m := actMap()
	m[7] = append(m[7].([]any), action)
	return m
}

func set(m anyMap, key int64, value any) anyMap { m[key] = value; return m }

func unset(m anyMap, key int64) anyMap { delete(m, key); return m }

func TestActPayloadsAreRefused(t *testing.T) {
	ed, es := coseOf(AlgEdDSA, "a"), coseOf(AlgES256, "a")
	kid, point := make([]byte, 32), ed[8:]
	admit := func() anyMap { return anyMap{1: 1, 2: "acme", 3: "Acme", 4: []any{"US"}, 5: []any{ed}} }
	policy := func(p anyMap) anyMap { return withAction(anyMap{1: 9, 15: p}) }
	governance := func(threshold int, keys ...any) anyMap { return withAction(anyMap{1: 10, 16: threshold, 17: keys}) }
	tests := []struct {
		name    string
		payload any
		code    Code
		path    string
	}{
		{"version 0", set(actMap(), 1, 0), CodeVersion, "version"},
		{"version 2", set(actMap(), 1, 2), CodeVersion, "version"},
		{"no version", unset(actMap(), 1), CodeMissingField, "version"},
		{"no chain", unset(actMap(), 2), CodeMissingField, "chain"},
		{"empty chain", set(actMap(), 2, ""), CodeValue, "chain"},
		{"chain with a slash", set(actMap(), 2, "a/b"), CodeValue, "chain"},
		{"chain of 51", set(actMap(), 2, strings.Repeat("a", 51)), CodeValue, "chain"},
		{"provider in capitals", set(actMap(), 3, "Acme"), CodeIdentifier, "provider"},
		{"no sequence", unset(actMap(), 4), CodeMissingField, "sequence"},
		{"sequence below 0", set(actMap(), 4, -1), CodeValue, "sequence"},
		{"last height 0", set(actMap(), 5, 0), CodeValue, "last-height"},
		{"empty reason", set(actMap(), 6, ""), CodeValue, "reason"},
		{"reason of 501", set(actMap(), 6, strings.Repeat("a", 501)), CodeValue, "reason"},
		{"no actions", unset(actMap(), 7), CodeMissingField, "actions"},
		{"0 actions", set(actMap(), 7, []any{}), CodeValue, "actions"},
		{"65 actions", set(actMap(), 7, slices.Repeat(actMap()[7].([]any), 65)), CodeValue, "actions"},
		{"key 8", set(actMap(), 8, 0), CodeUnknownCritical, ""},
		{"not a map", []any{}, CodeType, ""},
		{"too long", set(actMap(), 64, make([]byte, MaxActBytes)), CodeSize, ""},

		{"action of no type", withAction(anyMap{2: "acme"}), CodeMissingField, "actions[1].type"},
		{"action of type 0", withAction(anyMap{1: 0}), CodeUnknownKind, "actions[1].type"},
		{"action of type 12", withAction(anyMap{1: 12}), CodeUnknownKind, "actions[1].type"},
		{"action of a greater type", withAction(anyMap{1: int64(1 << 62)}), CodeUnknownKind, "actions[1].type"},
		{"action of a negative type", withAction(anyMap{1: -1}), CodeUnknownKind, "actions[1].type"},
		{"action of a type in text", withAction(anyMap{1: "policy"}), CodeType, "actions[1].type"},
		{"action with key 20", withAction(set(admit(), 20, 0)), CodeUnknownCritical, "actions[1]"},
		{"action with key 64", withAction(set(admit(), 64, 0)), CodeUnknownCritical, "actions[1]"},
		{"action with another's key", withAction(set(admit(), 6, 1)), CodeForbiddenField, "actions[1].status"},
		{"action without its key", withAction(unset(admit(), 5)), CodeMissingField, "actions[1].keys"},

		{"a bad id", withAction(set(admit(), 2, "Acme")), CodeIdentifier, "actions[1].id"},
		{"an empty name", withAction(set(admit(), 3, "")), CodeValue, "actions[1].name"},
		{"a name of 129", withAction(set(admit(), 3, strings.Repeat("a", 129))), CodeValue, "actions[1].name"},
		{"no jurisdiction", withAction(set(admit(), 4, []any{})), CodeValue, "actions[1].jurisdictions"},
		{"33 jurisdictions", withAction(set(admit(), 4, slices.Repeat([]any{"US"}, 33))), CodeValue, "actions[1].jurisdictions"},
		{"a bad jurisdiction", withAction(set(admit(), 4, []any{"us"})), CodeValue, "actions[1].jurisdictions[0]"},
		{"no key", withAction(set(admit(), 5, []any{})), CodeValue, "actions[1].keys"},
		{"65 keys", withAction(set(admit(), 5, slices.Repeat([]any{ed}, 65))), CodeValue, "actions[1].keys"},
		{"a key that is none", withAction(set(admit(), 5, []any{ed[1:]})), CodeKey, "actions[1].keys[0]"},
		{"a key off the curve", withAction(set(admit(), 5, []any{slices.Concat(es[:74], []byte{es[74] ^ 1})})), CodeKey, "actions[1].keys[0]"},
		{"nothing to describe", withAction(anyMap{1: 2, 2: "acme"}), CodeValue, "actions[1]"},
		{"status 0", withAction(anyMap{1: 3, 2: "acme", 6: 0}), CodeValue, "actions[1].status"},
		{"status 4", withAction(anyMap{1: 3, 2: "acme", 6: 4}), CodeValue, "actions[1].status"},

		{"a key of small order", withAction(anyMap{1: 4, 2: "acme", 7: slices.Concat(ed[:8], kid)}), CodeKey, "actions[1].key"},
		{"valid from below 0", withAction(anyMap{1: 4, 2: "acme", 7: ed, 8: -1}), CodeValue, "actions[1].from"},
		{"valid until its beginning", withAction(anyMap{1: 4, 2: "acme", 7: ed, 8: 5, 9: 5}), CodeValue, "actions[1].until"},
		{"valid until 0", withAction(anyMap{1: 4, 2: "acme", 7: ed, 9: 0}), CodeValue, "actions[1].until"},
		{"a kid of 31", withAction(anyMap{1: 6, 2: "acme", 10: kid[1:]}), CodeValue, "actions[1].kid"},
		{"stolen after time", withAction(anyMap{1: 7, 2: "acme", 10: kid, 11: MaxTime + 1, 12: 1}), CodeValue, "actions[1].since"},
		{"stolen since height 0", withAction(anyMap{1: 7, 2: "acme", 10: kid, 11: 1, 12: 0}), CodeValue, "actions[1].since-height"},

		{"a validator's key of 33", withAction(anyMap{1: 8, 13: append(slices.Clone(point), 0), 14: 1}), CodeValue, "actions[1].validator"},
		{"a validator's key of small order", withAction(anyMap{1: 8, 13: kid, 14: 1}), CodeKey, "actions[1].validator"},
		{"power below 0", withAction(anyMap{1: 8, 13: point, 14: -1}), CodeValue, "actions[1].power"},
		{"power above the greatest", withAction(anyMap{1: 8, 13: point, 14: MaxPower + 1}), CodeValue, "actions[1].power"},

		{"a ceiling above the format's", policy(anyMap{1: 4097}), CodeValue, "actions[1].policy.records"},
		{"a policy with key 14", policy(anyMap{14: 1}), CodeUnknownCritical, "actions[1].policy"},
		{"a policy with key 64", policy(anyMap{64: 1}), CodeUnknownCritical, "actions[1].policy"},
		{"0 streams", policy(anyMap{7: 0}), CodeValue, "actions[1].policy.streams"},
		{"1025 streams", policy(anyMap{7: 1025}), CodeValue, "actions[1].policy.streams"},
		{"age 0", policy(anyMap{8: 0}), CodeValue, "actions[1].policy.age"},
		{"skew 0", policy(anyMap{9: 0}), CodeValue, "actions[1].policy.skew"},
		{"no known jurisdiction", policy(anyMap{10: []any{}}), CodeValue, "actions[1].policy.jurisdictions"},
		{"301 known jurisdictions", policy(anyMap{10: slices.Repeat([]any{"US"}, 301)}), CodeValue, "actions[1].policy.jurisdictions"},
		{"jurisdictions out of order", policy(anyMap{10: []any{"US", "CN"}}), CodeValue, "actions[1].policy.jurisdictions[1]"},
		{"a jurisdiction twice", policy(anyMap{10: []any{"US", "US"}}), CodeValue, "actions[1].policy.jurisdictions[1]"},
		{"a bad basis", policy(anyMap{11: []any{"A"}}), CodeValue, "actions[1].policy.bases[0]"},
		{"bases by their length", policy(anyMap{11: []any{"b", "aa"}}), CodeValue, "actions[1].policy.bases[1]"},
		{"energy of no use", policy(anyMap{12: anyMap{1: 0}}), CodeValue, "actions[1].policy.energy.most"},
		{"boundary 5", policy(anyMap{12: anyMap{2: []any{5}}}), CodeValue, "actions[1].policy.energy.boundaries[0]"},
		{"boundaries out of order", policy(anyMap{12: anyMap{2: []any{4, 2}}}), CodeValue, "actions[1].policy.energy.boundaries[1]"},
		{"energy wanted twice", policy(anyMap{12: anyMap{3: 2}}), CodeValue, "actions[1].policy.energy.wanted"},
		{"energy with key 64", policy(anyMap{12: anyMap{64: 2}}), CodeUnknownCritical, "actions[1].policy.energy"},
		{"a label without a profile", policy(anyMap{13: []any{[]any{"CN"}}}), CodeValue, "actions[1].policy.labels[0]"},
		{"a bad profile", policy(anyMap{13: []any{[]any{"CN", "A b"}}}), CodeIdentifier, "actions[1].policy.labels[0][1]"},
		{"labels out of order", policy(anyMap{13: []any{[]any{"DE", "a"}, []any{"CN", "b"}}}), CodeValue, "actions[1].policy.labels[1]"},

		{"threshold 0", governance(0, ed), CodeValue, "actions[1].threshold"},
		{"threshold above the keys", governance(2, ed), CodeValue, "actions[1].threshold"},
		{"no governor", governance(1), CodeSimple, "actions[1].governors"},
		{"governors out of order", governance(1, es, ed), CodeValue, "actions[1].governors[1]"},
		{"a governor twice", governance(1, ed, ed), CodeValue, "actions[1].governors[1]"},
		{"a governor's key that is none", governance(1, []byte{1}), CodeKey, "actions[1].governors[0]"},
		{"rules 0", withAction(anyMap{1: 11, 18: 0, 19: 1}), CodeValue, "actions[1].rules"},
		{"rules from height 0", withAction(anyMap{1: 11, 18: 3, 19: 0}), CodeValue, "actions[1].rules-from"},
	}
	for _, tt := range tests {
		_, err := ParseActPayload(must1(marshal(tt.payload)))
		if wantCode(t, err, tt.code); err == nil || err.(*Error).Path != tt.path {
			t.Errorf("%s: %v, wanted the path %q", tt.name, err, tt.path)
		}
	}
	for name, payload := range map[string]anyMap{
		"the map that the others come from": actMap(), "a kept key": set(actMap(), 64, "x"), "an admission": withAction(admit()),
		"bases in order": policy(anyMap{11: []any{"aa", "b"}}),
	} {
		if _, err := ParseActPayload(must1(marshal(payload))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestActEnvelopesAreRefused(t *testing.T) {
	a := &Act{Chain: "c", Actions: sampleActions()[7:8]}
	u := signedAct(a, governor(0), governor(1))
	body := actProtected()
	type signature = []any
	first, second := u.signatures[0], u.signatures[1]
	one := func() signature { return signature{first.protected, anyMap{}, first.signature} }
	two := func() signature { return signature{second.protected, anyMap{}, second.signature} }
	sign := func(protected []byte, unprotected any, payload any, signatures ...any) []byte {
		if signatures == nil {
			signatures = []any{}
		}
		return append([]byte{0xd8, 98}, must1(marshal([]any{protected, unprotected, payload, signatures}))...)
	}
	header := func(m anyMap) signature { return signature{must1(marshal(m)), anyMap{}, first.signature} }
	many := make([]any, MaxActSignatures+1)
	for i := range many {
		kid := [32]byte{byte(i)}
		many[i] = signature{signatureProtected(AlgEdDSA, kid), anyMap{}, first.signature}
	}
	good := sign(body, anyMap{}, u.payload, one(), two())
	if _, err := ParseAct(good); err != nil || !bytes.Equal(good, u.Raw()) {
		t.Fatalf("the act that the others come from: %v", err)
	}
	tests := []struct {
		name string
		b    []byte
		code Code
		path string
	}{
		{"nothing", nil, CodeEnvelope, ""},
		{"a COSE_Sign1", sampleBatch(AlgEdDSA, 1).statement.Raw(), CodeEnvelope, ""},
		{"no tag", good[2:], CodeEnvelope, ""},
		{"another tag", slices.Concat([]byte{0xd8, 97}, good[2:]), CodeEnvelope, ""},
		{"cut", good[:len(good)-1], CodeEnvelope, "signatures[1].signature"},
		{"a byte more", append(slices.Clone(good), 0), CodeEnvelope, ""},
		{"an array of 3", append([]byte{0xd8, 98}, must1(marshal([]any{body, anyMap{}, u.payload}))...), CodeEnvelope, ""},
		{"a long head", slices.Concat([]byte{0xd8, 98, 0x98, 4}, good[3:]), CodeEnvelope, ""},
		{"a detached payload", sign(body, anyMap{}, nil, one()), CodeEnvelope, "payload"},
		{"an empty payload", sign(body, anyMap{}, []byte{}, one()), CodeEnvelope, "payload"},
		{"too long", slices.Concat(good, make([]byte, MaxActBytes)), CodeSize, ""},
		{"an unprotected header", sign(body, anyMap{4: 1}, u.payload, one()), CodeUnprotected, "unprotected"},
		{"an unprotected header of a signature", sign(body, anyMap{}, u.payload, signature{first.protected, anyMap{4: 1}, first.signature}), CodeUnprotected, "signatures[0].unprotected"},
		{"no protected header", sign(nil, anyMap{}, u.payload, one()), CodeEnvelope, "protected"},
		{"an empty protected header", sign([]byte{}, anyMap{}, u.payload, one()), CodeProtected, "protected"},
		{"a protected header with alg", sign(must1(marshal(anyMap{1: -8, 3: ActPayloadMediaType, 16: ActMediaType})), anyMap{}, u.payload, one()), CodeProtected, "protected"},
		{"the content type of a batch", sign(must1(marshal(anyMap{3: BatchMediaType, 16: ActMediaType})), anyMap{}, u.payload, one()), CodeProtected, "protected"},
		{"a signature of another algorithm", sign(body, anyMap{}, u.payload, header(anyMap{1: -35, 4: first.KID[:]})), CodeAlg, "signatures[0].protected.alg"},
		{"a signature without a kid", sign(body, anyMap{}, u.payload, header(anyMap{1: -8})), CodeProtected, "signatures[0].protected.kid"},
		{"a signature with a kid of 31", sign(body, anyMap{}, u.payload, header(anyMap{1: -8, 4: first.KID[1:]})), CodeProtected, "signatures[0].protected.kid"},
		{"a signature with a label more", sign(body, anyMap{}, u.payload, header(anyMap{1: -8, 4: first.KID[:], 64: 1})), CodeProtected, "signatures[0].protected"},
		{"a signature of 63 bytes", sign(body, anyMap{}, u.payload, signature{first.protected, anyMap{}, first.signature[1:]}), CodeSignature, "signatures[0].signature"},
		{"a signature of an array of 2", sign(body, anyMap{}, u.payload, one()[:2]), CodeEnvelope, "signatures[0]"},
		{"no signature", sign(body, anyMap{}, u.payload), CodeSignature, "signatures"},
		{"65 signatures", sign(body, anyMap{}, u.payload, many...), CodeSignature, "signatures[64]"},
		{"signatures out of order", sign(body, anyMap{}, u.payload, two(), one()), CodeValue, "signatures[1]"},
		{"a kid twice", sign(body, anyMap{}, u.payload, one(), one()), CodeValue, "signatures[1]"},
		{"a payload that is none", sign(body, anyMap{}, []byte{0xa0}, one()), CodeMissingField, "payload.version"},
	}
	for _, tt := range tests {
		_, err := ParseAct(tt.b)
		if wantCode(t, err, tt.code); err == nil || err.(*Error).Path != tt.path {
			t.Errorf("%s: %v, wanted the path %q", tt.name, err, tt.path)
		}
	}
	if _, err := ParseActDraft(sign(body, anyMap{}, u.payload)); err != nil {
		t.Errorf("a draft: %v", err)
	}
	if _, err := ParseAct(sign(body, anyMap{}, u.payload, many[:MaxActSignatures]...)); err != nil {
		t.Errorf("64 signatures: %v", err)
	}
}

func TestActsInJSONAreRefused(t *testing.T) {
	key := publicOf(testKey(AlgEdDSA, "a")).String()
	good := `{"chain": "c", "sequence": 0, "reason": "r", "actions": [
  {"type": "key-add", "id": "acme", "key": "` + key + `", "from": 3},
  {"type": "provider-status", "id": "acme", "status": "suspended"},
  {"type": "policy", "policy": {"records": 5, "energy": {"boundaries": [1]}}},
  {"type": "validator", "validator": "` + key + `", "power": 0},
  {"type": "key-revoke", "id": "acme", "kid": "` + hashOf("k").String() + `"}]}`
	a, err := ParseActJSON([]byte(good))
	if err != nil || a.Actions[1].Status != ProviderSuspended || *a.Actions[0].From != 3 || a.Actions[4].KID != hashOf("k") {
		t.Fatalf("%+v, %v", a, err)
	}
	replace := func(old, with string) string {
		out := strings.Replace(good, old, with, 1)
		if out == good {
			t.Fatalf("nothing to replace: %s", old)
		}
		return out
	}
	tests := []struct {
		name, json string
		code       Code
	}{
		{"nothing", "", CodeValue},
		{"null", "null", CodeValue},
		{"a list", "[]", CodeValue},
		{"an empty object", "{}", CodeValue},
		{"two acts", good + "{}", CodeTrailingBytes},
		{"not UTF-8", replace(`"r"`, "\"\xff\""), CodeUTF8},
		{"too long", good + strings.Repeat(" ", 4<<20), CodeSize},
		{"version 2", replace(`"chain"`, `"version": 2, "chain"`), CodeVersion},
		{"version null", replace(`"chain"`, `"version": null, "chain"`), CodeValue},
		{"no sequence", replace(`"sequence": 0, `, ""), CodeMissingField},
		{"a fraction", replace(`"sequence": 0`, `"sequence": 0.0`), CodeValue},
		{"minus zero", replace(`"sequence": 0`, `"sequence": -0`), CodeValue},
		{"an unknown member", replace(`"reason"`, `"why"`), CodeValue},
		{"a member in another case", replace(`"reason"`, `"Reason"`), CodeValue},
		{"a member twice", replace(`"reason"`, `"reason": "r", "reason"`), CodeValue},
		{"an empty reason", replace(`"r"`, `""`), CodeValue},
		{"a reason of null", replace(`"r"`, `null`), CodeValue},
		{"an unknown type", replace(`key-revoke`, `key-lost`), CodeUnknownKind},
		{"a type by number", replace(`"key-revoke"`, `6`), CodeValue},
		{"an unknown status", replace(`suspended`, `unknown(0)`), CodeValue},
		{"a bad key", replace(key, "ed25519:AAAA"), CodeKey},
		{"a validator under another algorithm", replace(`"validator": "ed25519:`, `"validator": "es256:`), CodeKey},
		{"a kid in capitals", replace(hashOf("k").String(), strings.ToUpper(hashOf("k").String())), CodeValue},
		{"a short kid", replace(hashOf("k").String(), "00"), CodeValue},
		{"another action's member", replace(`"from": 3`, `"from": 3, "power": 0`), CodeForbiddenField},
		{"another action's empty list", replace(`"from": 3`, `"from": 3, "keys": []`), CodeValue},
		{"a policy of 0", replace(`"records": 5`, `"records": 0`), CodeValue},
		{"an unknown member of a policy", replace(`"records": 5`, `"record": 5`), CodeValue},
		{"no boundary", replace(`[1]`, `[]`), CodeValue},
		{"no power", replace(`, "power": 0`, ``), CodeMissingField},
	}
	for _, tt := range tests {
		if _, err := ParseActJSON([]byte(tt.json)); CodeOf(err) != tt.code {
			t.Errorf("%s: %v, wanted %s", tt.name, err, tt.code)
		}
	}
}
