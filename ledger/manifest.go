package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
)

// Badger's MANIFEST: 8 bytes of magic and versions, then records, each with
// its length and CRC-32C (4 bytes each, big-endian) in front.
const (
	manifestName   = "MANIFEST"
	manifestMagic  = 8
	manifestHeader = 8
)

// checkManifest holds the MANIFEST of a Badger directory against what Badger
// would do with it. Badger cuts the file where a record is longer than what is
// left, as a power cut leaves it, and deletes every table that it then does not
// list; without the file it deletes them all. A flipped bit in a length would so
// destroy what it should only hide. The error is a *DamageError; Badger itself
// finds everything else that may be wrong there. SPEC(NOD-8)
func checkManifest(dir string) error {
	b, err := os.ReadFile(filepath.Join(dir, manifestName))
	if errors.Is(err, fs.ErrNotExist) {
		tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
		if err == nil && len(tables) > 0 {
			err = damaged(manifestName, "of "+dir, "it is missing, and there are %d tables", len(tables))
		}
		return err
	}
	if err != nil {
		return fmt.Errorf("read the list of tables: %w", err)
	}
	for at := manifestMagic; at+manifestHeader <= len(b); {
		length := int64(binary.BigEndian.Uint32(b[at:]))
		rest := b[at+manifestHeader:]
		if length > int64(len(rest)) {
			if n, whole := wholeRecord(rest, binary.BigEndian.Uint32(b[at+4:])); whole {
				return damaged(manifestName, "of "+dir, "byte %d: a record is said to have %d bytes and has %d", at, length, n)
			}
			return nil // torn: it was never acknowledged
		}
		at += manifestHeader + int(length)
	}
	return nil
}

// wholeRecord looks for a record that begins rest and has the checksum, whatever
// its length is said to be. A torn record has none but by a chance of one in four
// thousand millions for each byte.
func wholeRecord(rest []byte, sum uint32) (length int, whole bool) {
	table := crc32.MakeTable(crc32.Castagnoli)
	running := uint32(0)
	for i := range rest {
		running = crc32.Update(running, table, rest[i:i+1])
		if running == sum {
			return i + 1, true
		}
	}
	return 0, false
}
