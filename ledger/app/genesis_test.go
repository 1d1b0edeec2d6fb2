package app

import (
	"strings"
	"testing"
	"time"

	"tokentrail/provenance"
)

// TestGenesisFromOutside reads genesis documents on which the engine's own code
// panics, as any node or backup may hand them out.
func TestGenesisFromOutside(t *testing.T) {
	good, err := Genesis{
		ChainID: "outside-1", Time: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC), AppState: []byte(`{"format": 1, "providers": []}`),
		Validators: []Validator{{PubKey: newJointChain(t).key.PubKey().Bytes(), Power: 10, Name: "v"}},
	}.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	want := newJointChain(t).set.Hash()
	if got, err := GenesisValidators(good); err != nil || got != provenance.Hash(want) {
		t.Errorf("the validators are %s: %v, wanted %X", got, err, want)
	}
	text := string(good)
	from, to := strings.Index(text, `"pub_key": {`), strings.Index(text, `"power"`)
	for name, doc := range map[string]string{
		"no key":         text[:from] + `"address": "", ` + text[to:],
		"key is null":    text[:from] + `"pub_key": null, ` + text[to:],
		"too much power": strings.Replace(text, `"power": "10"`, `"power": "9223372036854775807"`, 1),
		"not JSON":       "{",
	} {
		if err := CheckGenesis([]byte(doc)); err == nil {
			t.Errorf("%s: passes", name)
		}
		if err := InstallGenesis(t.TempDir(), []byte(doc)); err == nil {
			t.Errorf("%s: is installed", name)
		}
		if _, err := GenesisValidators([]byte(doc)); err == nil {
			t.Errorf("%s: has validators", name)
		}
	}
}
