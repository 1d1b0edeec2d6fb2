package ledger

import (
	"strings"
	"testing"

	"tokentrail/provenance"
)

func TestGenesisState(t *testing.T) {
	l := newLedger(t)
	s := l.Snapshot()
	providers, err := s.Providers()
	if err != nil || len(providers) != 2 || providers[0].ID != "acme" || providers[1].Name != "The beta" {
		t.Fatalf("providers %+v, %v", providers, err)
	}
	validators, err := s.Validators()
	if err != nil || len(validators) != 2 {
		t.Fatalf("validators %+v, %v", validators, err)
	}
	// SPEC(GEN-1): a document that names no rules has the first.
	want := provenance.FormatLimits()
	want.Rules = 1
	if limits, err := s.Limits(); err != nil || limits != want {
		t.Fatalf("limits %+v, %v", limits, err)
	}
	// SPEC(GEN-2): nothing else.
	if n := len(s.tree.withPrefix("")); n != 6 {
		t.Fatalf("%d keys, wanted rules, policy, two providers and two validators", n)
	}
	if streams, err := s.Streams(""); err != nil || len(streams) != 0 {
		t.Fatalf("streams %+v, %v", streams, err)
	}
	run(t, l, []*Checked{newWriter(t, "beta", "b").next(1), newWriter(t, "acme", "a").next(1), newWriter(t, "acme", "b").next(1)})
	s = l.Snapshot()
	if streams, err := s.Streams(""); err != nil || len(streams) != 3 || streams[0].Name != "a" || streams[2].Issuer != "beta" || streams[2].Head.Index != 0 {
		t.Fatalf("streams %+v, %v", streams, err)
	}
	if streams, err := s.Streams("acme"); err != nil || len(streams) != 2 {
		t.Fatalf("streams of acme %+v, %v", streams, err)
	}
}

// TestGenesisRefused: SPEC(GEN-1), one thing wrong in each.
func TestGenesisRefused(t *testing.T) {
	good := string(appStateOf(t, `{"records":10}`, "acme", "beta"))
	key := publicText(t, signerOf("acme"))
	for _, x := range []struct{ name, old, now string }{
		{"not JSON", good, "genesis"},
		{"nothing", good, ""},
		{"an array", good, "[]"},
		{"null", good, "null"},
		{"cut", good, good[:len(good)-1]},
		{"trailing", good, good + "{}"},
		{"no format", `"format":1,`, ``},
		{"another format", `"format":1`, `"format":2`},
		{"unknown member", `"format":1`, `"format":1,"more":1`},
		{"unknown member of a provider", `"id":"acme"`, `"id":"acme","url":"x"`},
		{"unknown ceiling", `"records":10`, `"record":10`},
		{"member twice", `"format":1`, `"format":1,"format":1`},
		{"ceiling twice", `"records":10`, `"records":10,"records":10`},
		{"providers twice", `"policy"`, `"providers":[],"policy"`},
		{"another case", `"format":1`, `"Format":1`},
		{"a long s", `"keys"`, `"key` + "\u017f" + `"`},
		{"null ceiling", `"records":10`, `"records":null`},
		{"ceiling of nothing", `"records":10`, `"records":0`},
		{"negative ceiling", `"records":10`, `"records":-1`},
		{"ceiling raised", `"records":10`, `"records":4097`},
		{"fraction", `"records":10`, `"records":1.5`},
		{"text for a number", `"records":10`, `"records":"10"`},
		{"not UTF-8", "The acme", "The \xff"},
		{"id of capitals", `"id":"acme"`, `"id":"Acme"`},
		{"no id", `"id":"acme",`, ``},
		{"no name", `"name":"The acme",`, ``},
		{"empty name", "The acme", ""},
		{"long name", "The acme", strings.Repeat("x", 129)},
		{"no country", `"jurisdictions":["US"]`, `"jurisdictions":[]`},
		{"half a country", `["US"]`, `["us"]`},
		{"no keys", `"keys":["` + key + `"]`, `"keys":[]`},
		{"a broken key", key, key[:len(key)-1]},
		{"a key of small order", key, "ed25519:AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
		{"a key of two", publicText(t, signerOf("beta")), key},
		{"a key twice", `"keys":["` + key + `"]`, `"keys":["` + key + `","` + key + `"]`},
		{"an id twice", `"id":"beta"`, `"id":"acme"`},
		{"deep", `"records":10`, `"records":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000)},
	} {
		if !strings.Contains(good, x.old) {
			t.Fatalf("%s: nothing to replace", x.name)
		}
		if _, err := genesisState([]byte(strings.Replace(good, x.old, x.now, 1)), testValidators()); err == nil {
			t.Errorf("%s is accepted", x.name)
		}
	}
	if _, err := genesisState([]byte(good), testValidators()); err != nil {
		t.Error(err)
	}
	v := testValidators()
	for name, bad := range map[string][]provenance.Validator{
		"a validator twice":     append(v, v[0]),
		"one without power":     {{Type: "ed25519", Key: v[0].Key}},
		"one with half a key":   {{Type: "ed25519", Key: v[0].Key[:16], Power: 1}},
		"one of another type":   {{Type: "secp256k1", Key: v[0].Key, Power: 1}},
		"one of negative power": {{Type: "ed25519", Key: v[0].Key, Power: -1}},
	} {
		if _, err := genesisState([]byte(good), bad); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestGenesisAgain(t *testing.T) {
	l := newLedger(t)
	height, hash := l.Info()
	again, err := l.InitGenesis(appStateOf(t, "{}", "acme", "beta"), testValidators(), "test-1")
	if err != nil || again != hash || height != 0 {
		t.Fatalf("the same genesis again gives %s, wanted %s: %v", again, hash, err)
	}
	if _, err := l.InitGenesis(appStateOf(t, "{}", "acme"), testValidators(), "test-1"); err == nil {
		t.Error("another genesis in the same directory")
	}
	if _, err := l.InitGenesis(appStateOf(t, "{}", "acme", "beta"), testValidators(), "test-2"); err == nil {
		t.Error("another chain in the same directory")
	}
	if _, err := open(t, t.TempDir()).InitGenesis(appStateOf(t, "{}"), nil, ""); err == nil {
		t.Error("a chain without an id")
	}
	if _, err := open(t, t.TempDir()).Apply(1, blockTime, nil); err == nil {
		t.Error("a block before genesis")
	}
}
