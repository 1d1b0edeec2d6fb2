package ledger

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	badger "github.com/dgraph-io/badger/v4"
)

// TestFlippedTablesAreNamed flips bits all over a table: each is found before
// Badger is asked, or Badger reads every value as it was written.
func TestFlippedTablesAreNamed(t *testing.T) {
	dir := t.TempDir()
	options := storeOptions(dir, 4<<20, slog.New(slog.DiscardHandler))
	db, err := badger.Open(options)
	if err != nil {
		t.Fatal(err)
	}
	value := func(i int) string { return fmt.Sprintf("value %d %0200d", i, i) }
	const keys = 300
	err = db.Update(func(txn *badger.Txn) (err error) {
		for i := range keys {
			err = errors.Join(err, txn.Set(fmt.Appendf(nil, "key %06d", i), []byte(value(i))))
		}
		return err
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	if err := CheckStore(dir); err != nil {
		t.Fatal(err)
	}
	tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil || len(tables) != 1 {
		t.Fatal(tables, err)
	}
	whole, err := os.ReadFile(tables[0])
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for at := 0; at < len(whole); at += 97 {
		flipped := append([]byte(nil), whole...)
		flipped[at] ^= 1 << (at % 8)
		if err := os.WriteFile(tables[0], flipped, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := CheckStore(dir); err != nil {
			if !isDamage(err) {
				t.Fatalf("byte %d: %v", at, err)
			}
			found++
			continue
		}
		t.Errorf("byte %d of %d: the flip is not found", at, len(whole))
	}
	if err := os.Remove(tables[0]); err != nil {
		t.Fatal(err)
	}
	if err := CheckStore(dir); !isDamage(err) {
		t.Errorf("the table is gone: %v", err)
	}
	t.Logf("%d flips found", found)
}
