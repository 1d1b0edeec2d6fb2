package verify_test

import (
	"strings"
	"testing"

	"tokentrail/verify"
)

// TestStreamsThatWereNotCounted: a report says how many streams were looked at only
// where they were. SPEC(VER-52)
func TestStreamsThatWereNotCounted(t *testing.T) {
	l := small(t)
	audit, exhibit := l.audit(), l.show(l.exhibit("1"))
	if exhibit.Verdict != verify.Holds {
		t.Fatal(text(exhibit))
	}
	for _, form := range []func(r *verify.Report) string{
		func(r *verify.Report) string { return text(r) },
		func(r *verify.Report) string { return string(form(t, r.WriteMarkdown)) },
		func(r *verify.Report) string { return string(form(t, r.WriteJUnit)) },
	} {
		if said := form(audit); !strings.Contains(said, " streams of ") {
			t.Errorf("an audit counts streams:\n%s", said)
		}
		if said := form(exhibit); strings.Contains(said, "streams of") || !strings.Contains(said, "1 entry, ") {
			t.Errorf("an exhibit counts none:\n%s", said)
		}
	}
}
