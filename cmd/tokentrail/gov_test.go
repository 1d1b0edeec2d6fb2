package main

import (
	"testing"

	"tokentrail/provenance"
)

// FuzzCompleteAct: whatever an act in JSON leaves out is put in, what it has stays
// what it says, and what is wrong with it stays wrong.
func FuzzCompleteAct(f *testing.F) {
	for _, seed := range []string{
		`{"actions":[{"type":"provider-status","id":"acme","status":"suspended"}]}`,
		`{"chain":"c-2","sequence":9,"last_height":3,"reason":"r","actions":[]}`,
		`{}`, ` {"actions":1}`, `[]`, `{"actions":[],"actions":[]}`, `null`, `{"":{}}`, "{\"a\":\"{\"}",
	} {
		f.Add([]byte(seed), "")
	}
	f.Add([]byte(`{"actions":[{"type":"rules","rules":4,"rules_from":9}]}`), "because")
	v := &govView{chain: "c-1", governance: &provenance.Governance{Sequence: 7}}
	f.Fuzz(func(t *testing.T, b []byte, reason string) {
		whole, err := completeAct(b, v, 500, reason)
		if err != nil {
			return
		}
		act, err := provenance.ParseActJSON(whole)
		if err != nil {
			return
		}
		if said, err := provenance.ParseActJSON(b); err == nil && (said.Chain != act.Chain || said.Sequence != act.Sequence || len(said.Actions) != len(act.Actions)) {
			t.Errorf("%s became %s", b, whole)
		}
		if act.Chain == "" || act.Sequence < 0 {
			t.Errorf("%s became %s", b, whole)
		}
	})
}

// TestPowerMoves: what moves more than a third is warned of, and nothing else.
func TestPowerMoves(t *testing.T) {
	for _, c := range []struct {
		part, total int64
		over        bool
	}{{3, 10, false}, {4, 10, true}, {1, 3, false}, {2, 4, true}, {2, 6, false}, {3, 6, true}, {0, 0, false}} {
		if overThird(c.part, c.total) != c.over {
			t.Errorf("%d of %d", c.part, c.total)
		}
	}
	four := powerSum{map[string]int64{"a": 10, "b": 10, "c": 10, "d": 10}, 40}
	three := powerSum{map[string]int64{"a": 12, "b": 10, "c": 10}, 32}
	if came, gone := movedPower(four, three), movedPower(three, four); came != 2 || gone != 10 {
		t.Errorf("%d came, %d are gone", came, gone)
	}
}
