package profile

import (
	"strings"
	"testing"

	"tokentrail/provenance"
	"tokentrail/verify"
)

// TestMeets: an audit's question, which profile there is, and what fails by it first.
func TestMeets(t *testing.T) {
	var check verify.LabelCheck = Meets
	bare := &provenance.Record{Kind: provenance.Production, Time: 1_790_000_000_000, Usage: &provenance.Usage{Output: 1}}
	if fails, known := check("no-such-profile", "acme", bare); known || fails != "" {
		t.Errorf("%q, %v", fails, known)
	}
	failed, met := 0, 0
	for _, p := range All() {
		fails, known := check(p.ID, "acme", bare)
		result := Check(&p, Subject{Record: bare, Issuer: "acme", At: bare.Time})
		switch {
		case !known || (fails != "") != (result.Verdict == Fails):
			t.Errorf("%s: %q, %v, %s", p.ID, fails, known, result.Verdict)
		case fails != "":
			failed++
			if !strings.Contains(fails, "): ") {
				t.Errorf("%s: %q", p.ID, fails)
			}
		default:
			met++
		}
	}
	if failed == 0 || met == 0 {
		t.Errorf("%d fail, %d do not", failed, met)
	}
}
