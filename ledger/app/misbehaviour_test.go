package app

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"

	"tokentrail/ledger"
)

// TestMisbehaviourChangesNoState: SPEC(GOV-21). A block with evidence against a
// validator leaves the app hash and the validators that it leaves without, and
// the log names the validator.
func TestMisbehaviourChangesNoState(t *testing.T) {
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
	tx := statementAt(t, named("acme"), "s", 0, 0).Raw()
	evidence := []abci.Misbehavior{{
		Type: abci.MisbehaviorType_DUPLICATE_VOTE, Validator: abci.Validator{Address: []byte{0xAB, 0xCD}, Power: 10}, Height: 1, TotalVotingPower: 40,
	}}
	block := func(evidence []abci.Misbehavior) (*abci.ResponseFinalizeBlock, string) {
		l, err := ledger.Open(t.TempDir(), ledger.Options{ReserveBytes: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		var said bytes.Buffer
		a := NewApplication(l, slog.New(slog.NewTextHandler(&said, nil)))
		validators := []abci.ValidatorUpdate{abci.UpdateValidator(named("validator")[32:], 10, "ed25519")}
		if _, err := a.InitChain(t.Context(), &abci.RequestInitChain{ChainId: "governed", AppStateBytes: doc.State, Validators: validators}); err != nil {
			t.Fatal(err)
		}
		out, err := a.FinalizeBlock(t.Context(), &abci.RequestFinalizeBlock{Height: 1, Time: time.Unix(1700160000, 0), Txs: [][]byte{tx}, Misbehavior: evidence})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.Commit(t.Context(), &abci.RequestCommit{}); err != nil {
			t.Fatal(err)
		}
		return out, said.String()
	}
	without, quiet := block(nil)
	with, said := block(evidence)
	if !bytes.Equal(with.AppHash, without.AppHash) || len(with.ValidatorUpdates) != 0 || with.TxResults[0].Code != 0 {
		t.Errorf("with evidence %+v, without %+v", with, without)
	}
	if strings.Contains(quiet, "a validator") || !strings.Contains(said, "validator=ABCD") || !strings.Contains(said, "signed two different votes") {
		t.Errorf("with evidence the log is %q, without %q", said, quiet)
	}
}
