package main

import (
	"bytes"
	"testing"

	"tokentrail/provenance"
)

// FuzzSidecar wants of whatever is read as a sidecar that it is written as one
// that reads the same.
func FuzzSidecar(f *testing.F) {
	s := newSidecar()
	s.profile, s.mediaType, s.value, s.record = "png-1", "image/png", provenance.Hash{1, 2}, "tokentrail:acme/a%20b"
	whole, err := s.encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	s.profile, s.record = "", ""
	bare, err := s.encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(bare)
	f.Add(bytes.Replace(whole, []byte(`"key"`), []byte(`"kEy"`), 1))
	f.Add([]byte(`{"format":1e0,"format":[]}`))
	f.Add(bytes.Repeat([]byte("["), 4000))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := parseSidecar(b)
		if err != nil {
			return
		}
		out, err := s.encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := parseSidecar(out)
		if err != nil {
			t.Fatalf("%s\nis written as\n%s\nwhich does not read: %v", b, out, err)
		}
		if !bytes.Equal(again.key, s.key) || again.value != s.value || again.profile != s.profile || again.mediaType != s.mediaType || again.record != s.record {
			t.Fatalf("%+v read again is %+v", s, again)
		}
	})
}
