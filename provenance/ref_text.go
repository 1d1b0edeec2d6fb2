package provenance

import (
	"fmt"
	"strings"
)

// RefText writes a record's ref as it stands in a content reference: what is
// unreserved (RFC 3986 section 2.3) as it is, every other byte as % and two
// upper-case hex digits. What it writes is ASCII without spaces, names one ref
// only, and is at most three times as long. SPEC(LBL-1)
func RefText(ref []byte) string {
	var b strings.Builder
	for _, c := range ref {
		if unreserved(c) {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// unreserved reports whether c stands for itself (RFC 3986 section 2.3).
func unreserved(c byte) bool {
	return 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0
}
