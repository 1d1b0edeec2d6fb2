package verify_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"tokentrail/provenance"
	"tokentrail/verify"
)

// unheardOf is a ledger on which acme says what the policy wants to hear of.
func unheardOf(t testing.TB) *ledger {
	return under(provenance.Policy{Jurisdictions: []string{"US"}, Bases: []string{"cn:standard-contract"}}, func(r *provenance.Record) {
		r.Basis = []provenance.Basis{{Code: "eu:46-2-c:m3"}}
	})(t)
}

// TestAgainst: findings about what a provider said name it, and count apart.
// SPEC(VER-50), SPEC(VER-51)
func TestAgainst(t *testing.T) {
	l := unheardOf(t)
	damaged := unheardOf(t)
	damaged.status = func(s *verify.Status) { s.LogRoot[0] ^= 1 }
	for name, c := range map[string]struct {
		l                 *ledger
		notice            bool
		verdict           verify.Verdict
		ledger, providers int64
		notices           int
		says              string
	}{
		"finding":                {l, false, verify.Evidence, 0, 2, 0, "evidence against the ledger: 0; against providers: 2 (acme)"},
		"notice":                 {l, true, verify.Holds, 0, 2, 2, "evidence against the ledger: 0; against providers: 2 as notices (acme)"},
		"of both":                {damaged, false, verify.Evidence, 1, 2, 0, "evidence against the ledger: 1; against providers: 2 (acme)"},
		"of both, one of it not": {damaged, true, verify.Evidence, 1, 2, 2, "evidence against the ledger: 1; against providers: 2 as notices (acme)"},
	} {
		o := c.l.options()
		o.NoticeProviders = c.notice
		r := c.l.auditWith(o)
		if r.Verdict != c.verdict || r.Against.Ledger != c.ledger || r.Against.Providers != c.providers || len(r.Notices) != c.notices ||
			!maps.Equal(r.Against.By, map[string]int64{"acme": 2}) || !tells(r, c.says) {
			t.Errorf("%s: %+v\n%s", name, r.Against, text(r))
		}
		for _, f := range r.Findings() {
			if (f.Against == verify.AgainstProvider) != (f.Provider == "acme") || f.Code == verify.CodeStatus && f.Provider != "" {
				t.Errorf("%s: %+v", name, f)
			}
		}
		for _, n := range r.Notices {
			if n.Kind != "jurisdiction" && n.Kind != "basis" || n.Provider != "acme" || n.Entry != 2 || n.Finding == nil {
				t.Errorf("%s: %+v", name, n)
			}
		}
	}
}

// TestNobodysWords: what a signature does not hold is not held against anybody it
// names. SPEC(VER-50)
func TestNobodysWords(t *testing.T) {
	for name, spoil := range map[string]func(l *ledger){
		"signature": func(l *ledger) { flip(&l.entries[2].Statement, -3) },
		"key":       func(l *ledger) { l.entries[2] = numbered(l, "beta", 2) },
		"issuer":    func(l *ledger) { l.entries[2] = numbered(l, "nobody", 2) },
	} {
		l := unheardOf(t)
		l.keys["nobody"] = keyOf("nobody")
		spoil(l)
		r := l.audit()
		if r.Exit() != 1 || r.Against.Ledger == 0 || r.Against.Providers != 0 {
			t.Errorf("%s: %+v\n%s", name, r.Against, text(r))
		}
		if !slices.ContainsFunc(r.Findings(), func(f *verify.Finding) bool { return f.Code == verify.CodeJurisdiction }) {
			t.Errorf("%s: what was said is not told:\n%s", name, text(r))
		}
	}
}

// numbered is an entry in the name of acme that another key signs.
func numbered(l *ledger, whose string, index int64) verify.Entry {
	issuer := "acme"
	if whose == "nobody" {
		issuer = whose
	}
	own := l.keys[issuer]
	l.keys[issuer] = l.keys[whose]
	e := l.batch(issuer, "us", l.records(1, "US", "CN"))
	l.keys[issuer] = own
	e.Index, e.Height = index, l.entries[index].Height
	return e
}

// TestAgainstIsCounted: findings that are not kept count, by whom they speak
// against; and the class of every code is in the JSON.
func TestAgainstIsCounted(t *testing.T) {
	for _, notice := range []bool{false, true} {
		l := unheardOf(t)
		for range 5 {
			l.commit(l.one("beta", "eu"))
		}
		l.commit()
		o := l.options()
		o.MaxFindings, o.NoticeProviders = 2, notice
		r := l.auditWith(o)
		b, err := r.JSON()
		check(t, err)
		var back verify.Report
		check(t, json.Unmarshal(b, &back))
		if r.Against.Providers != 7 || r.MoreNotices+r.Steps[3].More != 5 || back.Against.Providers != 7 || !bytes.Contains(b, []byte(`"against": "provider"`)) {
			t.Errorf("%+v\n%s", r.Against, b)
		}
		if r.Against.By["beta"] != 5 || r.Against.By["acme"] != 2 {
			t.Errorf("%+v", r.Against)
		}
	}
}
