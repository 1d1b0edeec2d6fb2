package verify_test

import (
	"os"
	"strings"
	"testing"

	"tokentrail/verify"
)

func readFile(t testing.TB, path string) []byte {
	b, err := os.ReadFile(path)
	check(t, err)
	return b
}

func text(r *verify.Report) string {
	var b strings.Builder
	if err := r.WriteText(&b); err != nil {
		return err.Error()
	}
	return b.String()
}

func TestHonestLedgerHolds(t *testing.T) {
	l := small(t)
	for name, trust := range map[string]verify.Trust{"first header": l.at(1), "middle": l.at(3), "tip": l.at(4), "genesis as served": {}} {
		if r := l.audit(trust); r.Verdict != verify.Holds {
			t.Errorf("%s:\n%s", name, text(r))
		}
	}
	if r := l.audit(); r.Verdict != verify.Holds {
		t.Error(text(r))
	}
}
