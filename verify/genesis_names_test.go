package verify_test

import (
	"bytes"
	"crypto/sha256"
	"testing"

	"tokentrail/provenance"
	"tokentrail/verify"
)

// TestTwoChainsInOneDocument: members of the genesis document have exact names, as the
// engine takes them. Else a document could be of one chain to it, and of another to
// who writes the origin. SPEC(LOG-2)
func TestTwoChainsInOneDocument(t *testing.T) {
	l := small(t)
	trust := l.at(2)
	l.genesis = bytes.Replace(l.genesis, []byte(`"chain_id": "test-1",`), []byte(`"chain_id": "test-1", "CHAIN_ID": "main-1",`), 1)
	if r := l.audit(trust); r.Verdict != verify.Holds || r.Ledger.ChainID != "test-1" {
		t.Error(text(r))
	}
	l.chainID = "main-1" // as the node says
	if r := l.audit(trust); r.Verdict != verify.Evidence {
		t.Error(text(r))
	}
}

// TestFirstPolicyOfAnotherDocument: what an act has replaced since genesis is under no
// header behind it, so that a node can show a document with another. Who names the
// document sees that; who does not is told. SPEC(VER-3)
func TestFirstPolicyOfAnotherDocument(t *testing.T) {
	build := func(records int64) *ledger {
		return newLedgerWith(t, func(l *ledger, g *provenance.Genesis) {
			twoOfThree(l, g)
			g.Policy.Records = records
		})
	}
	l := build(2)
	l.commit(l.batch("acme", "us", l.records(5, "US", "CN"))) // more than policy allows
	l.commit(l.act(provenance.Action{Type: provenance.PolicySet, Policy: &provenance.Policy{Records: 64}}))
	l.commit(l.one("acme", "us"))
	l.commit()
	unnamed := l.at(3)
	named := unnamed
	named.Genesis = new(provenance.Hash(sha256.Sum256(l.genesis)))
	const says = "rules, policy, governance and registry began as the node's genesis document says"
	if r := l.audit(unnamed); r.Verdict != verify.Evidence || !tells(r, says) {
		t.Error(text(r))
	}
	if r := l.audit(named); r.Verdict != verify.Evidence || tells(r, says) {
		t.Error(text(r))
	}
	l.genesis = build(64).genesis
	if r := l.audit(unnamed); r.Verdict != verify.Holds || !tells(r, says) {
		t.Error(text(r))
	}
	if r := l.audit(named); r.Verdict != verify.Evidence || r.Findings()[0].Code != verify.CodeGenesisHash {
		t.Error(text(r))
	}
}

// TestTwoPowersInOneDocument: members of validators have exact names, too. SPEC(LOG-2)
func TestTwoPowersInOneDocument(t *testing.T) {
	l := small(t)
	trust := l.at(2)
	l.genesis = bytes.ReplaceAll(l.genesis, []byte(`"power": "10",`), []byte(`"power": "10", "POWER": "1000",`))
	if !bytes.Contains(l.genesis, []byte("POWER")) {
		t.Fatal("the document has no power to replace")
	}
	if r := l.audit(trust); r.Verdict != verify.Holds {
		t.Error(text(r))
	}
}
