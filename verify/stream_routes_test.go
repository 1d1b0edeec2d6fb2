package verify_test

import (
	"bytes"
	"slices"
	"sync"
	"testing"

	"tokentrail/verify"
)

// streamRoutesHarmless are the lies in the answers to a check of a provider's streams
// that change nothing which anybody rests on, and why.
var streamRoutesHarmless = map[string]map[string]string{
	"/v1/headers": {"a bit flipped at the end": "the proposer's priority is neither hashed nor signed"},
	"/v1/state":   {"stale": "the heads are those of the header that the report names; newer ones can be withheld from anybody"},
	"/v1/status": {
		"of another history, signed by the same validators": noStatus,
		"of another ledger":           noStatus,
		"stale":                       noStatus,
		"a bit flipped in the middle": noStatus,
	},
}

const noStatus = "a status says whether the node catches up: all else is proven by state and headers"

// TestEveryRouteOfStreamsIsLiedOn: there is an attack on each route that a check of
// streams asks, those that an audit does not ask among them, in each manner that fits
// its answers; none passes but for a reason.
func TestEveryRouteOfStreamsIsLiedOn(t *testing.T) {
	var mu sync.Mutex
	routes := map[string]bool{}
	l := grown(t)
	l.answer = func(path string, b []byte) []byte {
		mu.Lock()
		defer mu.Unlock()
		routes[routeOf(path)] = true
		return b
	}
	if r := l.streams(acmeAll); r.Exit() != 0 {
		t.Fatal(text(r))
	}
	for _, route := range []string{"/v1/providers/acme", "/entries/INDEX/records", "/entries/INDEX/statement"} {
		if !routes[route] {
			t.Errorf("nothing asks %s, of %v", route, sortedKeysOf(routes))
		}
	}
	exits := map[int]int{}
	for _, route := range sortedKeysOf(routes) {
		for _, m := range manners() {
			l, changed := grown(t), false
			lie := m.lie(l)
			l.answer = func(path string, b []byte) []byte {
				if routeOf(path) != route {
					return b
				}
				out := lie(path, b)
				mu.Lock()
				defer mu.Unlock()
				changed = changed || !bytes.Equal(out, b)
				return out
			}
			r := l.streams(acmeAll)
			why, harmless := streamRoutesHarmless[route][m.name]
			if !changed {
				continue
			}
			exits[r.Exit()]++
			if (r.Exit() == 0) != harmless {
				t.Errorf("%s, %s: exit %d, wanted harmless %t (%s):\n%s", route, m.name, r.Exit(), harmless, why, oneLine(r))
			}
			if r.Exit() == 1 && slices.ContainsFunc(r.Findings(), func(f *verify.Finding) bool { return f.Against != verify.AgainstLedger }) {
				t.Errorf("%s, %s: it speaks against the provider:\n%s", route, m.name, oneLine(r))
			}
		}
	}
	t.Logf("%d routes; by exit code %v", len(routes), exits)
}
