package verify

import (
	"testing"
	"time"
)

// TestTrustExpired: evidence comes first in the verdict, and hides no expiry. SPEC(VER-21)
func TestTrustExpired(t *testing.T) {
	for _, c := range []struct {
		steps   []*Step
		verdict Verdict
		want    bool
	}{
		{[]*Step{{Outcome: Passed}}, Holds, false},
		{[]*Step{{Outcome: NotChecked}, {Outcome: Failed}}, Evidence, false},
		{[]*Step{{Outcome: NotChecked, expired: true}}, Expired, true},
		{[]*Step{{Outcome: Failed}, {Outcome: NotChecked, expired: true}}, Evidence, true},
	} {
		r := &Report{Steps: c.steps}
		r.conclude(time.Unix(0, 0), time.Unix(0, 0))
		if r.Verdict != c.verdict || r.TrustExpired() != c.want {
			t.Errorf("%q, %v; wanted %q, %v", r.Verdict, r.TrustExpired(), c.verdict, c.want)
		}
	}
}
