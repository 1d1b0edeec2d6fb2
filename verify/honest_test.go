package verify_test

import (
	"math"
	"net/url"
	"os"
	"strings"
	"testing"

	"tokentrail/provenance"
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

// tells reports whether the report's text has words, wherever its lines end.
func tells(r *verify.Report, words string) bool {
	return strings.Contains(strings.Join(strings.Fields(text(r)), " "), words)
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

// TestSumsBeyond64Bits: providers that declare as much as an amount may be are
// added up exactly, by the node and by the auditor.
func TestSumsBeyond64Bits(t *testing.T) {
	l := newLedger(t)
	for range 3 {
		r, err := provenance.ParseRecord(l.records(1, "US", "CN")[0])
		check(t, err)
		r.Usage = &provenance.Usage{Input: math.MaxInt64, Output: math.MaxInt64 - 1}
		raw, err := r.Encode()
		check(t, err)
		l.commit(l.batch("acme", "us", [][]byte{raw}))
	}
	l.commit()
	r := l.audit()
	if r.Verdict != verify.Holds || !tells(r, "27,670,116,110,564,327,421 input and 27,670,116,110,564,327,418 output tokens") {
		t.Error(text(r))
	}
	b, err := r.JSON()
	check(t, err)
	if !strings.Contains(string(b), `"input": 27670116110564327421,`) {
		t.Errorf("%s", b)
	}
}

func parseURL(t testing.TB, s string) *url.URL {
	u, err := url.Parse(s)
	check(t, err)
	return u
}

// TestReportNamesTheAuditorsGenesis: what the report says to be the auditor's is
// the auditor's, also where the node's is another.
func TestReportNamesTheAuditorsGenesis(t *testing.T) {
	l := small(t)
	own := provenance.Hash{1}
	r := l.audit(verify.Trust{Genesis: &own})
	if r.Verdict != verify.Evidence || r.Trust.GenesisFrom != "auditor" || *r.Trust.GenesisHash != own {
		t.Errorf("%s from the %s:\n%s", r.Trust.GenesisHash, r.Trust.GenesisFrom, text(r))
	}
}
