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
		again(t, Rules{Version: rapid.Int64Range(1, 100).Draw(t, "version"), Next: rapid.Int64Range(1, 100).Draw(t, "next"), From: enumGen(1<<62).Draw(t, "from")})
		again(t, *policyGen(t))
		again(t, StreamHead{amountGen().Draw(t, "sequence"), hashOf("x"), amountGen().Draw(t, "index"), StreamOpen, nil})
		again(t, StreamHead{amountGen().Draw(t, "sequence"), hashOf("x"), amountGen().Draw(t, "index"), StreamClosed, new(amountGen().Draw(t, "closed"))})
		again(t, Governance{Threshold: enumGen(2).Draw(t, "threshold"), Keys: ascendingKeys(coseOf(AlgEdDSA, "a"), coseOf(AlgES256, "b")), Sequence: amountGen().Draw(t, "sequence")})
		again(t, providerGen(t))
		again(t, Validator{"ed25519", bytesGen(32, 32).Draw(t, "key"), amountGen().Draw(t, "power")})
	})
}

func providerGen(t *rapid.T) Provider {
	amounts := pointer(amountGen())
	k := ProviderKey{Alg: AlgEdDSA, Key: coseOf(AlgEdDSA, "a"), From: amountGen().Draw(t, "from"),
		Until: maybe(t, "until", amounts), Added: maybe(t, "added", amounts), Revoked: maybe(t, "revoked", amounts)}
	if k.Revoked != nil && rapid.Bool().Draw(t, "stolen") {
		k.StolenSince, k.StolenHeight = new(timeGen().Draw(t, "since")), new(enumGen(1<<62).Draw(t, "height"))
	}
	count := rapid.Int64Range(1, 1<<62)
	return Provider{ID: "acme", Name: textGen().Draw(t, "name"), Jurisdictions: []string{"US"}, Keys: []ProviderKey{k}, Status: ProviderRetired,
		Streams: maybe(t, "streams", count), Equivocations: maybe(t, "equivocations", count), Acts: maybe(t, "acts", count)}
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

// SPEC(STA-3): what stands together, and what goes without the other.
func TestStateValuesHoldTogether(t *testing.T) {
	n := new(int64(5))
	provider := func(k ProviderKey) error {
		k.Alg, k.Key = AlgEdDSA, coseOf(AlgEdDSA, "a")
		_, err := EncodeStateValue(Provider{ID: "acme", Name: "a", Jurisdictions: []string{"US"}, Keys: []ProviderKey{k}, Status: ProviderActive})
		return err
	}
	head := func(h StreamHead) error { _, err := EncodeStateValue(h); return err }
	rules := func(r Rules) error { _, err := EncodeStateValue(r); return err }
	governance := func(g Governance) error { _, err := EncodeStateValue(g); return err }
	a, b := coseOf(AlgEdDSA, "a"), coseOf(AlgES256, "b") // in order
	for name, tt := range map[string]struct {
		err  error
		code Code
		path string
	}{
		"stolen without a height":      {provider(ProviderKey{Revoked: n, StolenSince: n}), CodeMissingField, "keys[0].stolen-height"},
		"stolen without a time":        {provider(ProviderKey{Revoked: n, StolenHeight: n}), CodeMissingField, "keys[0].stolen-since"},
		"stolen and not revoked":       {provider(ProviderKey{StolenSince: n, StolenHeight: n}), CodeMissingField, "keys[0].revoked"},
		"stolen since height 0":        {provider(ProviderKey{Revoked: n, StolenSince: n, StolenHeight: new(int64(0))}), CodeValue, "keys[0].stolen-height"},
		"closed by no entry":           {head(StreamHead{Status: StreamClosed}), CodeMissingField, "closed"},
		"closed while open":            {head(StreamHead{Status: StreamOpen, Closed: n}), CodeForbiddenField, "closed"},
		"a next version of no height":  {rules(Rules{Version: 1, Next: 2}), CodeMissingField, "from"},
		"a height of no version":       {rules(Rules{Version: 1, From: 2}), CodeMissingField, "next"},
		"threshold 0":                  {governance(Governance{Keys: [][]byte{a}}), CodeValue, "threshold"},
		"a threshold above the keys":   {governance(Governance{Threshold: 3, Keys: [][]byte{a, b}}), CodeValue, "threshold"},
		"governors out of order":       {governance(Governance{Threshold: 1, Keys: [][]byte{b, a}}), CodeValue, "keys[1]"},
		"a governor twice":             {governance(Governance{Threshold: 1, Keys: [][]byte{a, a}}), CodeValue, "keys[1]"},
		"a governor that is no key":    {governance(Governance{Threshold: 1, Keys: [][]byte{a[1:]}}), CodeKey, "keys[0]"},
		"governance below sequence 0":  {governance(Governance{Threshold: 1, Keys: [][]byte{a}, Sequence: -1}), CodeValue, "sequence"},
		"nothing of these":             {nil, "", ""},
		"governance as it should be":   {governance(Governance{Threshold: 2, Keys: [][]byte{a, b}}), "", ""},
		"a stolen key as it should be": {provider(ProviderKey{Revoked: n, StolenSince: new(int64(0)), StolenHeight: n}), "", ""},
	} {
		if CodeOf(tt.err) != tt.code || tt.err != nil && tt.err.(*Error).Path != tt.path {
			t.Errorf("%s: %v, wanted %s at %q", name, tt.err, tt.code, tt.path)
		}
	}
}

// SPEC(STA-5)
func TestRulesHoldByHeight(t *testing.T) {
	for _, x := range []struct {
		rules        Rules
		height, want int64
	}{{Rules{Version: 1}, 1 << 62, 1}, {Rules{2, 3, 10}, 9, 2}, {Rules{2, 3, 10}, 10, 3}, {Rules{2, 3, 10}, 11, 3}} {
		if got := x.rules.VersionAt(x.height); got != x.want {
			t.Errorf("%+v at %d: %d, wanted %d", x.rules, x.height, got, x.want)
		}
	}
	for version, want := range map[int64]bool{-1: false, 0: false, 1: true, RuleVersion: true, RuleVersion + 1: false} {
		if KnownRules(version) != want {
			t.Errorf("version %d: known is %t", version, !want)
		}
	}
}

func TestKeysOfAProvider(t *testing.T) {
	a, b := publicOf(testKey(AlgEdDSA, "a")), publicOf(testKey(AlgES256, "b"))
	p := Provider{Keys: []ProviderKey{{Key: a.COSE(), Until: new(int64(10))}, {Key: b.COSE(), Revoked: new(int64(4))}}}
	for _, key := range []PublicKey{a, b} {
		if k, ok := p.KeyByID(key.Thumbprint()); !ok || !bytes.Equal(k.Key, key.COSE()) {
			t.Errorf("%s: %v, %t", key, k, ok)
		}
	}
	if _, ok := p.KeyByID(hashOf("x")); ok {
		t.Error("a key that is none")
	}
	for _, x := range []struct {
		key    PublicKey
		height int64
		want   bool
	}{{a, 9, true}, {a, 10, false}, {b, 1, false}, {b, 100, false}} {
		if _, ok := p.KeyAt(x.key.Thumbprint(), x.height); ok != x.want {
			t.Errorf("%s at %d: %t", x.key, x.height, ok)
		}
	}
}

// SPEC(GEN-1), SPEC(GEN-2)
func TestGovernanceOfGenesis(t *testing.T) {
	text := func(alg int64, name string) string { return `"` + publicOf(testKey(alg, name)).String() + `"` }
	parse := func(governance string) (*Genesis, error) {
		return ParseGenesis([]byte(strings.Replace(sampleGenesis(), `"format": 1`, `"format": 1, "governance": `+governance, 1)))
	}
	a, b := text(AlgEdDSA, "a"), text(AlgES256, "b")
	for _, keys := range []string{a + "," + b, b + "," + a} {
		g, err := parse(`{"threshold": 2, "keys": [` + keys + `]}`)
		if err != nil {
			t.Fatal(err)
		}
		got := must1(ParseStateValue[Governance](must1(g.State(nil))[StateGovernance]))
		if want := ascendingKeys(coseOf(AlgEdDSA, "a"), coseOf(AlgES256, "b")); got.Threshold != 2 || got.Sequence != 0 || !slices.EqualFunc(got.Keys, want, bytes.Equal) {
			t.Errorf("%+v", got)
		}
	}
	many := ""
	for i := range MaxGovernors + 1 {
		many += "," + text(AlgEdDSA, fmt.Sprint(i))
	}
	for governance, code := range map[string]Code{
		`null`: CodeValue, `{}`: CodeValue, `[]`: CodeValue, `{"threshold": 1}`: CodeValue, `{"keys": [` + a + `]}`: CodeValue,
		`{"threshold": 0, "keys": [` + a + `]}`:             CodeValue,
		`{"threshold": 2, "keys": [` + a + `]}`:             CodeValue,
		`{"threshold": 1, "keys": []}`:                      CodeValue,
		`{"threshold": 1, "keys": [` + a + "," + a + `]}`:   CodeValue,
		`{"threshold": 1, "keys": ["ed25519:AA"]}`:          CodeKey,
		`{"threshold": 1, "keys": [` + many[1:] + `]}`:      CodeValue,
		`{"threshold": 1, "keys": [` + a + `], "cells": 1}`: CodeValue,
		`{"threshold": 1, "keys": [` + a + `], "Keys": []}`: CodeValue,
	} {
		if _, err := parse(governance); CodeOf(err) != code {
			t.Errorf("%.60s: %v, wanted %s", governance, err, code)
		}
	}
	for _, policy := range []string{`"streams": 5`, `"age": 5`, `"jurisdictions": ["US"]`, `"jurisdictions": null`, `"energy": {}`, `"labels": []`} {
		_, err := ParseGenesis([]byte(strings.Replace(sampleGenesis(), `"cells": 100`, policy, 1)))
		wantCode(t, err, CodeValue)
	}
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
