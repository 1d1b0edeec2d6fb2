package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	badger "github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/dgraph-io/badger/v4/table"
)

// CheckStore reads the list of tables of a Badger directory and every table on
// it, before Badger does: Badger ends the process where a table's block does not
// match its checksum, from a goroutine of its own that nobody can recover, and
// without a word on the place. So whoever opens a store calls this first and lets
// Badger check blocks as they are read only. Tables that are not on the list are
// what a crash left; Badger removes them. One table is in memory at a time. The
// error is a *DamageError. SPEC(NOD-8)
func CheckStore(dir string) error {
	if err := checkManifest(dir); err != nil {
		return err
	}
	listed, err := listedTables(dir)
	if err == nil {
		err = checkUnlisted(dir, listed)
	}
	for _, id := range slices.Sorted(maps.Keys(listed)) {
		if err == nil {
			err = checkTable(dir, id, listed[id].Compression)
		}
	}
	return err
}

// expectedBlock is a guess at the size of an expanded block, in bytes; larger
// ones only take an allocation more.
const expectedBlock = 4 << 10

// listedTables returns the tables that Badger would open.
func listedTables(dir string) (map[uint64]badger.TableManifest, error) {
	f, err := os.Open(filepath.Join(dir, manifestName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // a new store
	}
	if err != nil {
		return nil, fmt.Errorf("read the list of tables: %w", err)
	}
	defer f.Close()
	manifest, _, err := badger.ReplayManifestFile(f, 0, badger.DefaultOptions(dir).WithLogger(nil))
	if err != nil {
		return nil, damaged(manifestName, "of "+dir, "%v", err)
	}
	return manifest.Tables, nil
}

// checkUnlisted refuses a list that names nothing where there are tables, as one
// that was cut does: Badger deletes the tables that are not on it. A crash leaves
// such tables too, beside listed ones: what a compaction made or was about to
// remove; and before the first is listed, that of one memtable. SPEC(NOD-8)
func checkUnlisted(dir string, listed map[uint64]badger.TableManifest) error {
	paths, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil {
		return fmt.Errorf("look for tables: %w", err)
	}
	if len(listed) == 0 && len(paths) > 1 {
		return damaged(manifestName, "of "+dir, "it names no table, and there are %d", len(paths))
	}
	return nil
}

// checkTable holds every block of a table against its checksum.
func checkTable(dir string, id uint64, compression options.CompressionType) (err error) {
	path := table.NewFilename(id, dir)
	defer func() {
		if p := recover(); p != nil {
			// Badger's words take several lines.
			words := strings.Join(strings.Fields(fmt.Sprint(p)), " ")
			err = damaged("table", path, "reading it fails: %.200s", words)
		}
	}()
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return damaged("table", path, "it is missing")
	}
	if err != nil {
		return fmt.Errorf("read a table: %w", err)
	}
	t, err := table.OpenInMemoryTable(b, id, &table.Options{
		ChkMode: options.NoVerification, Compression: compression,
		BlockSize: expectedBlock,
	})
	if err == nil {
		err = t.VerifyChecksum()
	}
	if err != nil {
		return damaged("table", path, "%.300v", err)
	}
	return nil
}
