package main

import (
	"bytes"
	"strings"
	"testing"

	"tokentrail/provenance"
	"tokentrail/verify"
)

// TestFindWords: content find says what a record counts, and from what that was
// amended, and names what it comes from as trace does.
func TestFindWords(t *testing.T) {
	r := &verify.TracedRecord{Issuer: "acme", Kind: "production", Input: new(int64(1374)), Output: new(int64(100)), Decoded: &provenance.Record{}}
	words := func() string {
		d := &foundDoc{TracedRecord: r, Sources: []sourceDoc{{Key: "acme/6d2031"}}}
		var b bytes.Buffer
		if err := facts(&b, d.lines()...); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	for _, want := range []string{"1,374 in, 100 out\n", "the node knows no such record, acme/m%201\n"} {
		if !strings.Contains(words(), want) {
			t.Errorf("lacks %q:\n%s", want, words())
		}
	}
	r.AmendedInput, r.AmendedOutput = new(int64(1374)), new(int64(90))
	if want := "1,374 in, 90 out (amended from 100)\n"; !strings.Contains(words(), want) {
		t.Errorf("lacks %q:\n%s", want, words())
	}
	r.Input, r.Output, r.AmendedInput, r.AmendedOutput = nil, nil, nil, nil
	if strings.Contains(words(), "tokens ") {
		t.Errorf("tokens of a record without any:\n%s", words())
	}
}
