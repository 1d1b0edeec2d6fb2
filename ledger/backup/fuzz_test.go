package backup

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"testing"

	"tokentrail/provenance"
)

// FuzzFiles reads any bytes as each kind of file: nothing panics, and what passes
// has the SHA-256 that its end says.
func FuzzFiles(f *testing.F) {
	_, dir := backedUp(f, 2, 20)
	for name, content := range readFiles(f, dir) {
		if name != genesisName {
			f.Add(content)
			f.Add(content[:len(content)/2])
		}
	}
	f.Add([]byte{0x85, 0x00, 0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		dir := t.TempDir()
		for _, prefix := range []string{entriesPrefix, headersPrefix, checkpointPrefix} {
			if err := os.WriteFile(filepath.Join(dir, fileName(prefix, 0)), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		genesis := provenance.Hash(sha256.Sum256(genesisDoc))
		_, entries := readEntries(dir, genesis, 0, nil)
		_, headers := readHeaders(dir, genesis, 0, func(int64, []byte) error { return nil })
		_, checkpoint := readCheckpoint(dir, genesis, 0, testReading)
		if entries == nil || headers == nil || checkpoint == nil {
			n := len(b) - provenance.HashSize - 2 // the head of the hash
			if n < 0 || sha256.Sum256(b[:n]) != [32]byte(b[n+2:]) {
				t.Errorf("%x passes", b)
			}
		}
	})
}
