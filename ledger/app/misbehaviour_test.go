package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"

	"tokentrail/ledger"
)

// bareApplication is the application of the chain governed without an engine.
func bareApplication(t *testing.T, log *slog.Logger) (*ledger.Ledger, *Application) {
	t.Helper()
	raw, err := os.ReadFile(GenesisPath(governedHome(t)))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		State json.RawMessage `json:"app_state"`
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Open(t.TempDir(), ledger.Options{ReserveBytes: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	a := NewApplication(l, log)
	validators := []abci.ValidatorUpdate{abci.UpdateValidator(named("validator")[32:], 10, "ed25519")}
	if _, err := a.InitChain(t.Context(), &abci.RequestInitChain{ChainId: "governed", AppStateBytes: doc.State, Validators: validators}); err != nil {
		t.Fatal(err)
	}
	return l, a
}

// TestMisbehaviourChangesNoState: SPEC(GOV-21). A block with evidence against a
// validator leaves the app hash and the validators that it leaves without, and
// the log and the figures name the validator.
func TestMisbehaviourChangesNoState(t *testing.T) {
	tx := statementAt(t, named("acme"), "s", 0, 0).Raw()
	evidence := []abci.Misbehavior{{
		Type: abci.MisbehaviorType_DUPLICATE_VOTE, Validator: abci.Validator{Address: []byte{0xAB, 0xCD}, Power: 10}, Height: 1, TotalVotingPower: 40,
	}}
	block := func(evidence []abci.Misbehavior) (*abci.ResponseFinalizeBlock, string, map[string]int64) {
		var said bytes.Buffer
		_, a := bareApplication(t, slog.New(slog.NewTextHandler(&said, nil)))
		out, err := a.FinalizeBlock(t.Context(), &abci.RequestFinalizeBlock{Height: 1, Time: time.Unix(1700160000, 0), Txs: [][]byte{tx}, Misbehavior: evidence})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.Commit(t.Context(), &abci.RequestCommit{}); err != nil {
			t.Fatal(err)
		}
		return out, said.String(), a.Misbehaviour()
	}
	without, quiet, none := block(nil)
	with, said, counted := block(evidence)
	if !maps.Equal(none, map[string]int64{"others": 0}) || !maps.Equal(counted, map[string]int64{"abcd": 1, "others": 0}) {
		t.Errorf("with evidence %v are counted, without %v", counted, none)
	}
	if !bytes.Equal(with.AppHash, without.AppHash) || len(with.ValidatorUpdates) != 0 || with.TxResults[0].Code != 0 {
		t.Errorf("with evidence %+v, without %+v", with, without)
	}
	if strings.Contains(quiet, "a validator") || !strings.Contains(said, "validator=ABCD") || !strings.Contains(said, "signed two different votes") {
		t.Errorf("with evidence the log is %q, without %q", said, quiet)
	}
}

// TestMisbehaviourIsBounded: however many validators there are over the years, a
// node counts the first of them by name.
func TestMisbehaviourIsBounded(t *testing.T) {
	var a Application
	for range 2 {
		for i := range maxAccused + 10 {
			a.accused.count(fmt.Appendf(nil, "%020d", i))
		}
	}
	got := a.Misbehaviour()
	if len(got) != maxAccused+1 || got[otherAccused] != 20 || got[fmt.Sprintf("%x", fmt.Sprintf("%020d", 0))] != 2 {
		t.Errorf("%d are counted by name, %d others", len(got)-1, got[otherAccused])
	}
}
