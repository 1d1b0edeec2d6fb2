package intake

import (
	"strings"
	"testing"
)

func TestCountries(t *testing.T) {
	if n := len(strings.Fields(assigned)); n != 249 {
		t.Errorf("%d codes, wanted 249", n)
	}
	for code, want := range map[string]bool{"US": true, "GB": true, "CN": true, "AD": true, "ZW": true, "ZZ": true, "UK": false, "XX": false, "": false, "S ": false, "us": false} {
		if got := CountryAssigned(code); got != want {
			t.Errorf("%q: %t, wanted %t", code, got, want)
		}
	}
	if got := CountryMeant("UK"); got != "GB" {
		t.Errorf("UK: %q, wanted GB", got)
	}
}
