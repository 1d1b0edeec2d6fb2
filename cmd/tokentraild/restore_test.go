package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tokentrail/ledger"
	"tokentrail/ledger/app"
	"tokentrail/ledger/backup"
)

// archiveAll archives the headers of a stopped home, which its node had not the time
// to.
func archiveAll(t testing.TB, home string) {
	t.Helper()
	stopped, err := openHome(home, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer stopped.close()
	_, tip := stopped.stores.Blocks()
	for _, have := stopped.ledger.ArchivedHeaders(); have < tip-1; have++ {
		raw, err := stopped.stores.LightBlock(have + 1)
		if err != nil {
			t.Fatal(err)
		}
		if err := stopped.ledger.ArchiveHeader(have+1, raw); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRepairAdjacentHeaders: of two archived headers that are damaged side by side,
// the older one is mended by what the newer one says once that is mended. A source
// alone is not believed: it could have signed both itself.
func TestRepairAdjacentHeaders(t *testing.T) {
	home, dir, _ := stoppedHome(t, 8)
	archiveAll(t, home)
	must(t, "backup", "--home", home, "--to", dir)
	spoil(t, home, map[byte]uint64{'a': 2})
	spoil(t, home, map[byte]uint64{'a': 3})
	b, err := backup.Open(dir, 0, engineReading())
	if err != nil {
		t.Fatal(err)
	}
	src := &repairSource{backup: b, dir: dir}
	stopped, err := openHome(home, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	err = mendHeader(t.Context(), stopped, 2, src)
	if closed := stopped.close(); closed != nil {
		t.Fatal(closed)
	}
	if err == nil || !strings.Contains(err.Error(), "nothing here says which it is") {
		t.Errorf("a header is mended while the one behind it is damaged: %v", err)
	}
	out := must(t, "repair", "--home", home, "--from", dir)
	if newer, older := strings.Index(out, "header 3 is mended"), strings.Index(out, "header 2 is mended"); newer < 0 || older < newer {
		t.Error(out)
	}
}

// TestRestoreFindsStores: stores that are there stay as they are.
func TestRestoreFindsStores(t *testing.T) {
	home := t.TempDir()
	if _, err := app.InitHome(home, app.NodeConfig{HTTP: "127.0.0.1:0", P2P: "127.0.0.1:0"}); err != nil {
		t.Fatal(err)
	}
	mine := filepath.Join(app.LedgerDir(home), "mine")
	if err := os.MkdirAll(mine, 0o700); err != nil {
		t.Fatal(err)
	}
	_, _, err := lockToRestore(home)
	if err == nil || !strings.Contains(err.Error(), "nothing is restored over a node's stores") {
		t.Error(err)
	}
	if _, err := os.Stat(mine); err != nil {
		t.Error(err)
	}
}

// TestDamageIsToldOnce: a reader that meets one place again and again makes the log
// no longer, and places without end do not fill the memory.
func TestDamageIsToldOnce(t *testing.T) {
	var said bytes.Buffer
	s := newScrubber(t.TempDir(), nil, nil, app.DefaultUpkeep(), slog.New(slog.NewTextHandler(&said, nil)))
	for range 5 {
		s.damaged(&ledger.DamageError{What: "archived header", Where: "height 7", Found: "a flipped bit"})
		s.damaged(&ledger.DamageError{What: "entry", Where: "index 3", Found: "a flipped bit"})
	}
	if n := strings.Count(said.String(), "the ledger's store is damaged"); n != 2 {
		t.Errorf("the log was told %d times: %s", n, said.String())
	}
	if got := s.figures(); got.Found != 2 || got.Waiting != 1 {
		t.Errorf("%+v", got)
	}
	for i := range 2 * mendWaiting {
		s.damaged(&ledger.DamageError{What: "state", Where: fmt.Sprintf("key %d", i), Found: "a flipped bit"})
	}
	if len(s.met) > mendWaiting {
		t.Errorf("%d places are remembered", len(s.met))
	}
}
