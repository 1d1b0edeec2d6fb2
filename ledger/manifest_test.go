package ledger

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	badger "github.com/dgraph-io/badger/v4"
)

// manifestOf makes a Badger with some tables and returns its directory, closed.
func manifestOf(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for range 3 {
		db, err := badger.Open(badger.DefaultOptions(dir).WithLogger(nil))
		if err != nil {
			t.Fatal(err)
		}
		err = db.Update(func(txn *badger.Txn) error { return txn.Set([]byte("key"), make([]byte, 1000)) })
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestManifestBitsNeverHideTables(t *testing.T) {
	dir := manifestOf(t)
	path := filepath.Join(dir, manifestName)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := checkManifest(dir); err != nil {
		t.Fatal(err)
	}
	tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil || len(tables) == 0 {
		t.Fatal("there are no tables", err)
	}
	for bit := range len(whole) * 8 {
		flipped := append([]byte(nil), whole...)
		flipped[bit/8] ^= 1 << (bit % 8)
		if err := os.WriteFile(path, flipped, 0o600); err != nil {
			t.Fatal(err)
		}
		found := checkManifest(dir)
		if found != nil {
			if !isDamage(found) {
				t.Fatalf("bit %d: %v", bit, found)
			}
			continue
		}
		// What the check lets pass Badger must refuse, or it must not matter.
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		manifest, _, err := badger.ReplayManifestFile(f, 0, badger.DefaultOptions(dir))
		f.Close()
		if err == nil && len(manifest.Tables) != len(tables) {
			t.Fatalf("bit %d: Badger would keep %d of %d tables", bit, len(manifest.Tables), len(tables))
		}
	}
}

func TestTornAndMissingManifest(t *testing.T) {
	dir := manifestOf(t)
	path := filepath.Join(dir, manifestName)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := len(whole) - 1; n > len(whole)-10; n-- {
		if err := os.WriteFile(path, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		if err := checkManifest(dir); err != nil {
			t.Errorf("torn at %d of %d: %v", n, len(whole), err)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := checkManifest(dir); !isDamage(err) {
		t.Errorf("missing: %v", err)
	}
}

// TestListThatSaysTooLittle cuts the list of tables, which Badger would take for a
// power cut: it would delete what is not on it. One table more than are listed is
// what a crash leaves.
func TestListThatSaysTooLittle(t *testing.T) {
	dir := manifestOf(t)
	path := filepath.Join(dir, manifestName)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil || len(tables) < 2 {
		t.Fatal(tables, err)
	}
	table, err := os.ReadFile(tables[0])
	if err != nil {
		t.Fatal(err)
	}
	orphan := filepath.Join(dir, "000999.sst")
	if err := os.WriteFile(orphan, table, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := CheckStore(dir); err != nil {
		t.Errorf("one table more than are listed: %v", err)
	}
	if err := os.Remove(orphan); err != nil {
		t.Fatal(err)
	}
	for n := manifestMagic; n < manifestMagic+manifestHeader+1; n++ {
		if err := os.WriteFile(path, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		if err := CheckStore(dir); !isDamage(err) {
			t.Errorf("cut at %d: %v", n, err)
		}
	}
}
