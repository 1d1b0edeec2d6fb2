package main

import (
	"bytes"
	"testing"
)

// TestFilesAreCurrent makes all vectors in memory and compares them with the
// committed files, byte for byte.
func TestFilesAreCurrent(t *testing.T) {
	var out bytes.Buffer
	if status := run([]string{"-check", "-dir", ".."}, &out, &out); status != 0 {
		t.Errorf("exit status %d\n%s", status, out.String())
	}
}

// TestReproducible makes them twice.
func TestReproducible(t *testing.T) {
	again := suites()
	for i, s := range suites() {
		if !bytes.Equal(s.file(), again[i].file()) {
			t.Errorf("%s differs from one run to the next", s.Parser)
		}
	}
}

// TestPartsJoin holds long inputs to what they were made of.
func TestPartsJoin(t *testing.T) {
	for _, b := range [][]byte{fill(7, 5000), cat(fill(1, 600), []byte{9}, fill(2, 600)), padded(65535), submissionOf(threeKinds())} {
		if !bytes.Equal(bytesOfParts(partsOf(b)), b) {
			t.Errorf("%d bytes do not come back", len(b))
		}
	}
}
