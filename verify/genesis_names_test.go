package verify_test

import (
	"bytes"
	"testing"

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
