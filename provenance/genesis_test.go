package provenance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func sampleGenesis() string {
	return `{"format": 1,
 "providers": [{"id": "acme", "name": "Acme Inference", "jurisdictions": ["US", "DE"], "keys": ["` +
		publicOf(testKey(AlgEdDSA, "provider")).String() + `", "` + publicOf(testKey(AlgES256, "provider")).String() + `"]},
  {"id": "globex", "name": "Globex", "jurisdictions": ["CN"], "keys": ["` + publicOf(testKey(AlgEdDSA, "b")).String() + `"]}],
 "policy": {"records": 2000, "cells": 100}}`
}

func TestGenesis(t *testing.T) {
	g, err := ParseGenesis([]byte(sampleGenesis()))
	if err != nil {
		t.Fatal(err)
	}
	v := Validator{Type: "ed25519", Key: bytes.Repeat([]byte{7}, 32), Power: 10}
	state, err := g.State([]Validator{v})
	if err != nil {
		t.Fatal(err)
	}
	// SPEC(GEN-2): these, and nothing else.
	want := []string{"policy", "provider/acme", "provider/globex", "rules", StateValidatorKey(v.Address())}
	if got := slices.Sorted(maps.Keys(state)); !slices.Equal(got, want) {
		t.Errorf("keys %v, wanted %v", got, want)
	}
	if rules, err := ParseStateValue[Rules](state["rules"]); err != nil || rules.Version != 1 {
		t.Errorf("rules %v, %v", rules, err)
	}
	policy, err := ParseStateValue[Policy](state["policy"])
	if l := policy.Limits(RuleVersion); err != nil || l.Records != 2000 || l.Cells != 100 || l.RecordBytes != MaxRecordBytes {
		t.Errorf("policy %v, %v", policy, err)
	}
	p, err := ParseStateValue[Provider](state["provider/acme"])
	if err != nil || p.Name != "Acme Inference" || p.Status != ProviderActive || len(p.Keys) != 2 {
		t.Errorf("provider %v, %v", p, err)
	}
	key := publicOf(testKey(AlgES256, "provider"))
	if got, ok := p.KeyAt(key.Thumbprint(), 0); !ok || got.String() != key.String() {
		t.Errorf("the provider's key is %v, %t", got, ok)
	}
	if _, ok := p.KeyAt(hashOf("no key"), 0); ok {
		t.Error("a key that is none")
	}
	if _, err := g.State([]Validator{v, v}); CodeOf(err) != CodeValue {
		t.Errorf("a validator twice: %v", err)
	}
}

// SPEC(GEN-1)
func TestRulesOfGenesis(t *testing.T) {
	newest := fmt.Sprintf(`"rules": %d, "format": 1`, RuleVersion)
	for given, want := range map[string]int64{`"format": 1`: 1, `"rules": 1, "format": 1`: 1, `"rules": 2, "format": 1`: 2, newest: RuleVersion} {
		g, err := ParseGenesis([]byte(strings.Replace(sampleGenesis(), `"format": 1`, given, 1)))
		if err != nil {
			t.Fatal(err)
		}
		rules, err := ParseStateValue[Rules](must1(g.State(nil))[StateRules])
		if err != nil || rules.Version != want {
			t.Errorf("%s: rules %v, %v", given, rules, err)
		}
	}
	for _, given := range []string{"0", "-1", fmt.Sprint(RuleVersion + 1), "9223372036854775807"} {
		_, err := ParseGenesis([]byte(strings.Replace(sampleGenesis(), `"format": 1`, `"format": 1, "rules": `+given, 1)))
		wantCode(t, err, CodeVersion)
	}
	for _, given := range []string{`"2"`, "null", " null ", "2.5", "[2]"} {
		_, err := ParseGenesis([]byte(strings.Replace(sampleGenesis(), `"format": 1`, `"format": 1, "rules": `+given, 1)))
		wantCode(t, err, CodeValue)
	}
}

func TestGenesisIsRefused(t *testing.T) {
	good := sampleGenesis()
	key := publicOf(testKey(AlgEdDSA, "provider")).String()
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
		{"null", "null", CodeVersion},
		{"a list", "[]", CodeValue},
		{"format 2", replace(`"format": 1`, `"format": 2`), CodeVersion},
		{"no format", replace(`"format": 1,`, ``), CodeVersion},
		{"format 1.5", replace(`"format": 1`, `"format": 1.5`), CodeValue},
		{"unknown member", replace(`"format"`, `"x": 0, "format"`), CodeValue},
		{"unknown member of policy", replace(`"cells"`, `"cell"`), CodeValue},
		{"a member twice", replace(`"cells": 100`, `"cells": 100, "cells": 101`), CodeValue},
		{"a member in another case", replace(`"cells"`, `"Cells"`), CodeValue},
		{"a member of another object", replace(`"cells"`, `"format"`), CodeValue},
		{"two documents", good + "{}", CodeTrailingBytes},
		{"not UTF-8", replace("Globex", "\xff"), CodeUTF8},
		{"a provider twice", replace(`"globex"`, `"acme"`), CodeValue},
		{"a key of two", replace(publicOf(testKey(AlgEdDSA, "b")).String(), key), CodeValue},
		{"a bad key", replace(key, "ed25519:AAAA"), CodeKey},
		{"a key in brackets of space", replace(key, " "+key), CodeKey},
		{"no key", replace(`["`+publicOf(testKey(AlgEdDSA, "b")).String()+`"]`, `[]`), CodeSimple},
		{"no jurisdiction", replace(`["CN"]`, `[]`), CodeValue},
		{"a bad jurisdiction", replace(`"CN"`, `"China"`), CodeValue},
		{"a bad id", replace(`"globex"`, `"Globex"`), CodeIdentifier},
		{"no name", replace(`"Globex"`, `""`), CodeValue},
		{"policy above the ceiling", replace("2000", "4097"), CodeValue},
		{"policy of 0", replace("2000", "0"), CodeValue},
		{"negative policy", replace("2000", "-1"), CodeValue},
	}
	for _, tt := range tests {
		if _, err := ParseGenesis([]byte(tt.json)); CodeOf(err) != tt.code {
			t.Errorf("%s: %v, wanted %s", tt.name, err, tt.code)
		}
	}
	if _, err := ParseGenesis([]byte(replace(`,
 "policy": {"records": 2000, "cells": 100}`, ""))); err != nil {
		t.Errorf("without a policy: %v", err)
	}
}

func TestKeysAreValidBetweenTheirHeights(t *testing.T) {
	k := ProviderKey{From: 10, Until: new(int64(20))}
	for height, want := range map[int64]bool{9: false, 10: true, 19: true, 20: false} {
		if k.ValidAt(height) != want {
			t.Errorf("at %d: %t", height, !want)
		}
	}
	k.Until = nil
	if !k.ValidAt(1 << 62) {
		t.Error("a key without end ends")
	}
}

func TestStateValuesComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		again(t, Rules{Version: rapid.Int64Range(1, 100).Draw(t, "version")})
		again(t, Policy{Records: maybe(t, "records", rapid.Int64Range(1, MaxRecords)), Cells: maybe(t, "cells", rapid.Int64Range(1, MaxCells))})
		again(t, StreamHead{amountGen().Draw(t, "sequence"), hashOf("x"), amountGen().Draw(t, "index"), StreamOpen, nil})
		again(t, Validator{"ed25519", bytesGen(32, 32).Draw(t, "key"), amountGen().Draw(t, "power")})
	})
}

func again[T StateValue](t *rapid.T, v T) {
	b := must1(EncodeStateValue(v))
	got := must1(ParseStateValue[T](b))
	if !bytes.Equal(must1(EncodeStateValue(got)), b) || !oracleAccepts(b) {
		t.Fatalf("%+v became %+v", v, got)
	}
}

func TestStateValuesAreRefused(t *testing.T) {
	_, err := EncodeStateValue(Validator{"secp256k1", make([]byte, 32), 1})
	wantCode(t, err, CodeValue)
	_, err = EncodeStateValue(StreamHead{Status: 3})
	wantCode(t, err, CodeValue)
	_, err = EncodeStateValue(Provider{ID: "acme"})
	if err == nil {
		t.Error("a provider of nothing but an id")
	}
	_, err = ParseStateValue[Rules](unhex("a0"))
	wantCode(t, err, CodeMissingField)
}

func TestHashesInJSON(t *testing.T) {
	h := hashOf("x")
	var again Hash
	if err := json.Unmarshal(must1(json.Marshal(h)), &again); err != nil || again != h {
		t.Errorf("%s, %v", again, err)
	}
	for _, bad := range []string{`""`, `"00"`, `"` + strings.Repeat("0", 65) + `"`, `"` + strings.Repeat("0", 66) + `"`, `"` + strings.Repeat("g", 64) + `"`} {
		if json.Unmarshal([]byte(bad), &again) == nil {
			t.Errorf("%s is taken for a hash", bad)
		}
	}
}
