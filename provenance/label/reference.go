package label

import (
	"fmt"
	"strings"

	"tokentrail/provenance"
)

const (
	referenceScheme = "tokentrail:"
	maxReference    = 128 // characters: the record's content id
	maxIssuer       = 64
	maxRef          = 32 // bytes: the record's ref
	upperHex        = "0123456789ABCDEF"
)

// ContentReference returns what names the issuer's record with that ref from
// within a file (SPEC(LBL-1)): what a label's ProduceID holds.
func ContentReference(issuer string, ref []byte) (string, error) {
	if !nameID(issuer) {
		return "", fmt.Errorf("the issuer %.80q is not 1 to %d characters a-z, 0-9, '.', '_', '-', of which the first is a letter or digit", issuer, maxIssuer)
	}
	if len(ref) == 0 || len(ref) > maxRef {
		return "", fmt.Errorf("the ref has %d bytes; a file can only refer to a record whose ref has 1 to %d", len(ref), maxRef)
	}
	s := referenceScheme + issuer + "/" + provenance.RefText(ref)
	if len(s) > maxReference {
		return "", fmt.Errorf("the content reference would have more than %d characters; choose a shorter ref", maxReference)
	}
	return s, nil
}

// ParseContentReference returns the issuer and the ref that s names, where s is
// the one form of a content reference (SPEC(LBL-1)).
func ParseContentReference(s string) (issuer string, ref []byte, err error) {
	rest, ok := strings.CutPrefix(s, referenceScheme)
	issuer, escaped, slash := strings.Cut(rest, "/")
	if !ok || !slash || len(s) > maxReference {
		return "", nil, fmt.Errorf("%.140q is not a content reference: %sissuer/ref of at most %d characters", s, referenceScheme, maxReference)
	}
	for i := 0; i < len(escaped); i++ {
		c := escaped[i]
		if c == '%' {
			if i+2 >= len(escaped) {
				return "", nil, fmt.Errorf("the content reference %q ends within an escape", s)
			}
			// What is no digit gives some byte, whose form is then another.
			c = byte(strings.IndexByte(upperHex, escaped[i+1])<<4 | strings.IndexByte(upperHex, escaped[i+2])&15)
			i += 2
		}
		ref = append(ref, c)
	}
	form, err := ContentReference(issuer, ref)
	if err != nil {
		return "", nil, fmt.Errorf("the content reference %q: %w", s, err)
	}
	if form != s {
		return "", nil, fmt.Errorf("the content reference %q is not in its one form, %q", s, form)
	}
	return issuer, ref, nil
}

// nameID reports whether s is a name id (ENC-31).
func nameID(s string) bool {
	for i := range len(s) {
		c := s[i]
		alnum := 'a' <= c && c <= 'z' || '0' <= c && c <= '9'
		if !alnum && (i == 0 || !strings.ContainsRune("._-", rune(c))) {
			return false
		}
	}
	return s != "" && len(s) <= maxIssuer
}
