package main

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tokentrail/ledger/app"
)

// TestStartNamesRepair: a node whose stores have a damaged table does not start, and
// says what mends it.
func TestStartNamesRepair(t *testing.T) {
	home, _, _ := stoppedHome(t, 20)
	rng := rand.New(rand.NewPCG(1, 2))
	for _, store := range []string{app.LedgerDir(home), app.EngineDir(home)} {
		for name, spoil := range map[string]func(table string) error{
			"cut off": func(table string) error { return os.Truncate(table, 100) },
			"missing": os.Remove,
			"flipped": func(table string) error { flip(t, table, rng); return nil },
			"of a table list that is missing": func(table string) error {
				return os.Remove(filepath.Join(filepath.Dir(table), "MANIFEST"))
			},
		} {
			broken := filepath.Join(t.TempDir(), "home")
			if err := os.CopyFS(broken, os.DirFS(home)); err != nil {
				t.Fatal(err)
			}
			within, err := filepath.Rel(home, store)
			if err != nil {
				t.Fatal(err)
			}
			if err := spoil(tableOf(t, filepath.Join(broken, within))); err != nil {
				t.Fatal(err)
			}
			code, _, said := tokentraild(t, "start", "--home", broken)
			if code == exitOK || !strings.Contains(said, "tokentraild repair") || !strings.Contains(said, within) {
				t.Errorf("a table of %s %s: ends with %d and %q", within, name, code, said)
			}
		}
	}
}
