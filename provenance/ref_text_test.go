package provenance_test

import (
	"net/url"
	"testing"

	"tokentrail/provenance"
)

// TestRefText holds each byte to what RFC 3986 leaves as it is, and to being read
// back. SPEC(LBL-1)
func TestRefText(t *testing.T) {
	for ref, want := range map[string]string{
		"": "", "a-b.c_d~E9": "a-b.c_d~E9", "\x00\xff/% \xc3": "%00%FF%2F%25%20%C3", "\x1b[31m": "%1B%5B31m",
	} {
		if got := provenance.RefText([]byte(ref)); got != want {
			t.Errorf("%q: %q, wanted %q", ref, got, want)
		}
	}
	for c := range 256 {
		ref := string([]byte{byte(c)})
		text := provenance.RefText([]byte(ref))
		if back, err := url.PathUnescape(text); err != nil || back != ref || len(text) != 1 && len(text) != 3 {
			t.Errorf("%q: %q is read as %q, %v", ref, text, back, err)
		}
	}
}
