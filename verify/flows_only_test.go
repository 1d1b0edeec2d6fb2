package verify_test

import (
	"strings"
	"testing"

	"tokentrail/provenance"
)

// TestFlowsOnly: rows come of an audit of flows that holds, and of no other.
func TestFlowsOnly(t *testing.T) {
	l := small(t)
	o := l.options()
	o.FlowsOnly, o.Flows = true, []provenance.FlowQuery{{By: []string{"provider"}}}
	r := l.auditWith(o)
	got := r.CheckedFlows()
	if r.Exit() != 0 || len(got) != 1 || len(got[0].Rows) == 0 || got[0].LogSize != 4 || len(got[0].Query.By) != 1 {
		t.Fatalf("%+v, %s", got, text(r))
	}
	for _, s := range r.Steps {
		done := strings.Contains("genesis headers log roots flows", s.Name)
		if done == s.Optional || done != (s.Outcome == "passed") {
			t.Errorf("%+v", s)
		}
	}
	if len(l.audit().CheckedFlows()) != 0 {
		t.Error("an audit of everything gives rows")
	}
	for name, lie := range map[string]func(string, []byte) []byte{
		"a row changed": func(path string, b []byte) []byte {
			return replaced(path, "/v1/flows", b, `"origin":"US"`, `"origin":"FR"`)
		},
		"a number changed": func(path string, b []byte) []byte {
			return replaced(path, "/v1/flows", b, `"records":`, `"records":1`)
		},
		"another app hash": func(path string, b []byte) []byte {
			return replaced(path, "/v1/flows", b, `"app_hash":"`, `"app_hash":"0`)
		},
		"nothing":    missing("/v1/flows"),
		"no entries": missing("/v1/entries"),
	} {
		l.answer = lie
		if r := l.auditWith(o); r.Exit() == 0 || len(r.CheckedFlows()) != 0 {
			t.Errorf("%s: %s", name, text(r))
		}
	}
}

// replaced replaces something in the answers of one route.
func replaced(path, route string, b []byte, from, to string) []byte {
	if !strings.HasPrefix(path, route) {
		return b
	}
	return []byte(strings.Replace(string(b), from, to, 1))
}
