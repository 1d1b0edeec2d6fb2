package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"tokentrail/provenance"
)

// underRules opens a fresh ledger whose genesis names a rule version.
func underRules(t *testing.T, version int64) *Ledger {
	t.Helper()
	state := bytes.Replace(appStateOf(t, "{}", "acme"), []byte(`{"format":1,`), fmt.Appendf(nil, `{"format":1,"rules":%d,`, version), 1)
	l := open(t, t.TempDir())
	if _, err := l.InitGenesis(state, testValidators(), "test-1"); err != nil {
		t.Fatal(err)
	}
	return l
}

// chainRecords are a model that came to be, and the reversal of a production.
func chainRecords(t *testing.T) [][]byte {
	t.Helper()
	digest := &provenance.Digest{Algorithm: -16, Value: make([]byte, 32)}
	var out [][]byte
	for _, r := range []*provenance.Record{
		{Kind: provenance.ModelMade, Time: 1, Model: &provenance.Model{Name: "m", Digest: digest, Known: 1}},
		{Kind: provenance.Corrected, Time: 2, Correction: &provenance.Correction{
			Record: make([]byte, 32), Action: provenance.Reverses, Reason: 1, Deltas: provenance.Sums{Records: -1},
			Cell: provenance.CellKey{Kind: provenance.Production, Serving: "US", Using: "ZZ", Model: "m"},
		}},
	} {
		b, err := r.Encode()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b)
	}
	return out
}

// TestRulesOfALedger: SPEC(ADM-16). What version 2 added is refused wherever a
// ledger under version 1 judges, and stands in a block of one under version 2.
func TestRulesOfALedger(t *testing.T) {
	records := chainRecords(t)
	for _, x := range []struct {
		version int64
		code    provenance.Code
	}{{1, provenance.CodeUnknownKind}, {2, ""}} {
		l := underRules(t, x.version)
		w := newWriter(t, "acme", "s")
		txs := []*Checked{w.submit(records)}
		if err := l.Snapshot().AdmitPending(txs[0]); provenance.CodeOf(err) != x.code {
			t.Errorf("rules %d: before consensus: %v, wanted %q", x.version, err, x.code)
		}
		if err := l.Process(1, blockTime, again(t, txs)); provenance.CodeOf(err) != x.code {
			t.Errorf("rules %d: a proposal: %v, wanted %q", x.version, err, x.code)
		}
		if n := len(prepare(t, l, 1, again(t, txs), 1<<20)); n != map[bool]int{true: 1}[x.code == ""] {
			t.Errorf("rules %d: %d transactions in a proposal", x.version, n)
		}
		if limits, err := l.Snapshot().Limits(); err != nil || int64(limits.Rules) != x.version {
			t.Errorf("rules %d: the ledger says %d, %v", x.version, limits.Rules, err)
		}
		if x.code == "" {
			run(t, l, txs)
			run(t, l, []*Checked{w.next(2)}) // what version 1 allows goes on
		}
	}
}

// TestGenesisOfUnknownRules: a ledger does not begin under rules that the
// program does not have.
func TestGenesisOfUnknownRules(t *testing.T) {
	for _, version := range []int64{0, -1, provenance.RuleVersion + 1, 1 << 40} {
		state := fmt.Appendf(nil, `{"format":1,"rules":%d,"providers":[],"policy":{}}`, version)
		_, err := genesisState(state, testValidators())
		if provenance.CodeOf(err) != provenance.CodeVersion {
			t.Errorf("rules %d: %v", version, err)
		}
	}
}

// TestUnknownRulesStopTheNode: under rules of a version that the program does not
// have nothing is judged, neither way; the error says what to do.
func TestUnknownRulesStopTheNode(t *testing.T) {
	changes, err := genesisState(appStateOf(t, "{}", "acme"), testValidators())
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range []int64{provenance.RuleVersion + 1, 1 << 31} {
		rules, err := provenance.EncodeStateValue(provenance.Rules{Version: version})
		if err != nil {
			t.Fatal(err)
		}
		tree := stateTree{}.update(changes).update([]stateChange{{provenance.StateRules, rules}})
		_, err = newView(tree, 0, 1, blockTime)
		switch {
		case err == nil:
			t.Errorf("rules %d: the node goes on", version)
		case errors.As(err, new(*provenance.Error)):
			t.Errorf("rules %d: %v blames a submission", version, err)
		case !strings.Contains(err.Error(), fmt.Sprint(version)) || !strings.Contains(err.Error(), "install"):
			t.Errorf("rules %d: %v does not say which version, or what to do", version, err)
		}
	}
}
