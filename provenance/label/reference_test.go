package label

import (
	"bytes"
	"strings"
	"testing"
)

// SPEC(LBL-1)
func TestContentReference(t *testing.T) {
	for want, ref := range map[string]string{
		"tokentrail:acme/a-b.c_d~E9":         "a-b.c_d~E9",
		"tokentrail:acme/%00%FF%2F%25%20%C3": "\x00\xff/% \xc3",
	} {
		s, err := ContentReference("acme", []byte(ref))
		if err != nil || s != want {
			t.Errorf("%q: %q, %v", ref, s, err)
		}
		issuer, back, err := ParseContentReference(want)
		if err != nil || issuer != "acme" || !bytes.Equal(back, []byte(ref)) {
			t.Errorf("%q: %q, %q, %v", want, issuer, back, err)
		}
	}
	for _, s := range []string{
		"", "acme/x", "Tokentrail:acme/x", "tokentrail:acme", "tokentrail:acme/", "tokentrail:/x", "tokentrail:Acme/x",
		"tokentrail:.a/x", "tokentrail:" + strings.Repeat("a", 65) + "/x", "tokentrail:acme/%41", "tokentrail:acme/%2f",
		"tokentrail:acme/%", "tokentrail:acme/%2", "tokentrail:acme/%ZZ", "tokentrail:acme/a b", "tokentrail:acme/a/b",
		"tokentrail:acme/é", "tokentrail:acme/" + strings.Repeat("a", 33), " tokentrail:acme/x", "tokentrail:acme/x ",
		"tokentrail:acme/" + strings.Repeat("%00", 2000),
	} {
		if issuer, ref, err := ParseContentReference(s); err == nil {
			t.Errorf("%.60q is accepted as %q, %q", s, issuer, ref)
		}
	}
	if s, err := ContentReference(strings.Repeat("a", 64), bytes.Repeat([]byte{0}, 32)); err == nil {
		t.Errorf("a reference of %d characters", len(s))
	}
	if _, err := ContentReference("acme", nil); err == nil {
		t.Error("a reference to a record without a ref")
	}
}
