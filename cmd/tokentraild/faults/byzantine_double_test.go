//go:build linux

package faults

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	cmted25519 "github.com/cometbft/cometbft/crypto/ed25519"
	"github.com/cometbft/cometbft/p2p"
	"github.com/cometbft/cometbft/types"

	"tokentrail/ledger/app"
	"tokentrail/provenance"
)

// twin makes a second home of a validator that has not been started: its own node
// key, addresses and signing state, and the same validator key.
func (net *network) twin(t testing.TB, of *node) *node {
	t.Helper()
	home := of.home + "-twin"
	if err := os.CopyFS(home, os.DirFS(of.home)); err != nil {
		t.Fatal(err)
	}
	key := p2p.NodeKey{PrivKey: cmted25519.GenPrivKey()}
	if err := key.SaveAs(filepath.Join(home, "config", "node_key.json")); err != nil {
		t.Fatal(err)
	}
	ports, err := app.FreePorts(3)
	if err != nil {
		t.Fatal(err)
	}
	var peers []any
	for _, n := range net.nodes {
		if n != of {
			id, err := app.LoadIdentity(n.home)
			if err != nil {
				t.Fatal(err)
			}
			peers = append(peers, fmt.Sprint(id.NodeID, "@", n.config(t)["p2p"]))
		}
	}
	second := &node{home: home}
	second.configure(t, func(conf map[string]any) {
		for i, name := range []string{"http", "p2p", "rpc"} {
			conf[name] = fmt.Sprint("127.0.0.1:", ports[i])
		}
		conf["persistent_peers"] = peers
	})
	return openNode(t, home)
}

// governed changes the genesis document of a network that has not been started,
// so that the holder of a key governs.
func (net *network) governed(t testing.TB, governor crypto.Signer) {
	t.Helper()
	public, err := provenance.NewPublicKey(governor.Public())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range net.nodes {
		path := app.GenesisPath(n.home)
		b, err := os.ReadFile(path)
		doc, state := map[string]json.RawMessage{}, map[string]json.RawMessage{}
		if err == nil {
			err = json.Unmarshal(b, &doc)
		}
		if err == nil {
			err = json.Unmarshal(doc["app_state"], &state)
		}
		if err == nil {
			state["governance"], err = json.Marshal(provenance.GenesisGovernance{Threshold: 1, Keys: []string{public.String()}})
		}
		if err == nil {
			doc["app_state"], err = json.Marshal(state)
		}
		if err == nil {
			b, err = json.Marshal(doc)
		}
		if err == nil {
			err = os.WriteFile(path, b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		net.genesis = sha256.Sum256(b)
	}
}

// TestTwoOfOneKey runs a validator twice: two nodes with one validator key, each
// with a signing state of its own. They sign against each other; the others
// commit the evidence, and nobody is led astray. Then governance removes the
// validator.
func TestTwoOfOneKey(t *testing.T) {
	p := newPlan(t, 2, 20)
	governor, err := provenance.GenerateKey(provenance.AlgEdDSA)
	if err != nil {
		t.Fatal(err)
	}
	net := newNetwork(t, 4)
	net.governed(t, governor)
	suspect, honest := net.nodes[3], net.nodes[:3]
	identity, err := app.LoadIdentity(suspect.home)
	if err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprint(cmted25519.PubKey(identity.Validator).Address())
	net.nodes = append(net.nodes, net.twin(t, suspect))
	net.start(t)
	l := newLoad(t, net, p.Uint64())
	evidence := &evidenceReader{next: 1}
	var lost, forks int
	l.run()
	for p.next() {
		want := evidence.found + 1
		for end := time.Now().Add(2 * patience); evidence.found < want; {
			if time.Now().After(end) {
				t.Fatalf("no evidence against %s in blocks up to %d within %s\n%s", address, evidence.next-1, 2*patience, honest[0].said)
			}
			if err := l.more(1); err != nil {
				t.Fatal(err)
			}
			evidence.read(t, honest[0], address)
		}
		p.say("evidence against the validator in block %d, %d in all", evidence.last, evidence.found)
	}
	l.pause()
	a := net.judge(t, l.promised(), honest...)
	lost, forks = lost+a.lost, forks+a.forks
	for _, n := range honest {
		if said := n.said.String(); !strings.Contains(said, "signed two different votes") || !strings.Contains(said, address) {
			t.Errorf("%s does not say that %s signed twice:\n%s", n.home, address, said)
		}
		figure := `tokentrail_misbehaviour_total{validator="` + strings.ToLower(address) + `"} `
		if _, figures, err := n.get("/metrics"); err != nil || !bytes.Contains(figures, []byte("\n"+figure)) {
			t.Errorf("%s has no figure %s, %v", n.home, figure, err)
		}
	}
	net.remove(t, governor, honest[0], identity.Validator)
	net.withoutValidator(t, l, honest[0], address)
	a = net.judge(t, l.promised(), honest...)
	lost, forks = lost+a.lost, forks+a.forks
	net.stop(t)
	p.figures("double signing", "evidence", evidence.found, "blocks", evidence.next-1, "statements", a.entries, "acknowledged", l.count(), "lost", lost, "forks", forks)
}

// evidenceReader reads the blocks of a node for evidence.
type evidenceReader struct {
	next  int64 // height
	found int
	last  int64 // height of the last that was found
}

// read reads the blocks that have come. All that they have is of double signing,
// by the validator of that address.
func (r *evidenceReader) read(t testing.TB, n *node, address string) {
	t.Helper()
	source, err := remoteOf(n)
	if err != nil {
		t.Fatal(err)
	}
	status, err := n.status()
	if err != nil {
		t.Fatal(err)
	}
	for ; r.next < status.Height; r.next++ {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		header, err := headerOf(ctx, source, r.next)
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Equal(header.EvidenceHash, types.EvidenceList(nil).Hash()) {
			continue
		}
		for _, e := range n.evidenceOf(t, r.next) {
			if e.Type != "tendermint/DuplicateVoteEvidence" || e.Value.VoteA.Validator != address || e.Value.VoteB.Validator != address {
				t.Errorf("block %d has the evidence %+v, wanted double signing by %s", r.next, e, address)
			}
			r.found++
			r.last = r.next
		}
	}
}

// oneEvidence is what the engine's RPC tells of evidence.
type oneEvidence struct {
	Type  string
	Value struct {
		VoteA oneVote `json:"vote_a"`
		VoteB oneVote `json:"vote_b"`
	}
}

type oneVote struct {
	Validator string `json:"validator_address"`
}

// evidenceOf asks the engine for the evidence of a block.
func (n *node) evidenceOf(t testing.TB, height int64) []oneEvidence {
	t.Helper()
	var answer struct {
		Result struct {
			Block struct {
				Evidence struct{ Evidence []oneEvidence }
			}
		}
	}
	n.askEngine(t, fmt.Sprintf("/block?height=%d", height), &answer)
	if len(answer.Result.Block.Evidence.Evidence) == 0 {
		t.Errorf("the header of block %d has evidence and the block has none", height)
	}
	return answer.Result.Block.Evidence.Evidence
}

// askEngine asks the engine's RPC.
func (n *node) askEngine(t testing.TB, path string, into any) {
	t.Helper()
	res, err := http.Get(fmt.Sprint("http://", n.config(t)["rpc"], path))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(into); err != nil {
		t.Fatal(err)
	}
}

// remove commits the act by which governance removes a validator.
func (net *network) remove(t testing.TB, governor crypto.Signer, by *node, validator ed25519.PublicKey) {
	t.Helper()
	act, err := provenance.NewAct(&provenance.Act{Chain: localnetChain, Actions: []provenance.Action{
		{Type: provenance.ValidatorSet, Validator: validator, Power: 0},
	}})
	if err == nil {
		act, err = act.Sign(governor)
	}
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(patience); ; {
		code, body, err := by.post(provenance.EncodeActSubmission(act.Raw()))
		if err == nil && code == http.StatusCreated {
			return
		}
		if err != nil || code != http.StatusAccepted || time.Now().After(end) {
			t.Fatalf("the act that removes the validator: %d %q, %v", code, body, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// withoutValidator holds that the chain goes on without a validator that
// governance removed.
func (net *network) withoutValidator(t testing.TB, l *load, n *node, address string) {
	t.Helper()
	l.run()
	defer l.pause()
	if err := l.more(8); err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Result struct {
			Validators []struct{ Address string }
		}
	}
	n.askEngine(t, "/validators", &answer)
	if len(answer.Result.Validators) != 3 {
		t.Errorf("%d validators, wanted 3 without the removed one: %v", len(answer.Result.Validators), answer.Result.Validators)
	}
	for _, v := range answer.Result.Validators {
		if v.Address == address {
			t.Errorf("%s was removed and is a validator", address)
		}
	}
}
