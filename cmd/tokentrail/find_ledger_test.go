package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// page has a label that names no record of a ledger.
const page = "---\nAIGC: '{\"Label\":\"1\",\"ContentProducer\":\"Somebody\",\"ProduceID\":\"12345\"}'\n---\n\nText.\n"

// Whatever asks a node for records says of a wrong --genesis what submit says.
func TestAnotherLedger(t *testing.T) {
	c := newCorrecting(t)
	file := filepath.Join(c.dir, "page.md")
	if err := os.WriteFile(file, []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	wrong := strings.Repeat("0", 64)
	for _, args := range [][]string{
		{"trace", "acme/use-1"}, {"content", "find", file},
		{"label", "check", file, "--profile", "c2pa", "--record", "acme/use-1"},
		{"content", "open", file, "--public", "--record", "acme/use-1"},
	} {
		code, _, stderr := runOnce(t, append(args, "--node", c.l.server.URL, "--genesis", wrong)...)
		want := "the node at " + c.l.server.URL + " serves the ledger \"" + c.l.origin + "\", --genesis names the one with the genesis document " + wrong
		if code != exitAgainst || !strings.Contains(stderr, want) {
			t.Errorf("%v: %d, %s", args, code, stderr)
		}
	}
}
