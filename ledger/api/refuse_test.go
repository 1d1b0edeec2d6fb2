package api

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"tokentrail/ledger"
	"tokentrail/provenance"
)

func TestRefusesRequests(t *testing.T) {
	n := newNode(t)
	s := n.submit()
	id := s.statement.ID().String()
	for _, path := range []string{
		"/", "/nothing", "/entries/", "/entries/0/", "/entries/0/other", "/entries/0/records/0/1", "//checkpoint",
		"/./checkpoint", "/../checkpoint", "/v1", "/v1/", "/v2/status", "/checkpoint/", "/Checkpoint", "/entries/..", "/entries/../checkpoint",
	} {
		n.refused("GET", path, 404, "Not Found", "not-found")
	}
	for _, bad := range []string{
		"x", "-1", "+1", "01", "00", "1.0", "1e3", "0x1", "%20" + "1", "1%20", "9223372036854775808", "99999999999999999999", "%D9%A1",
		strings.ToUpper(id), id[:63], id + "0", id[:63] + "g", "a%2Fb", "%00", strings.Repeat("1", 1000),
	} {
		for _, path := range []string{"/entries/%s", "/entries/%s/statement", "/entries/%s/records", "/entries/%s/records/0"} {
			n.refused("GET", fmt.Sprintf(path, bad), 400, "Malformed request", "value")
		}
		if len(bad) != 64 {
			n.refused("GET", "/entries/0/records/"+bad, 400, "Malformed request", "value")
		}
	}
	for _, missing := range []string{"1", "9223372036854775807", strings.Repeat("0", 64), strings.Repeat("1", 64)} {
		for _, path := range []string{"/entries/%s", "/entries/%s/statement", "/entries/%s/records", "/entries/%s/records/0"} {
			n.refused("GET", fmt.Sprintf(path, missing), 404, "Not Found", "not-found")
		}
	}
	n.refused("GET", "/entries/0/records/3", 404, "Not Found", "not-found")
	n.refused("GET", "/.well-known/scitt-keys/"+keyName(n.api.public)+"A", 404, "Not Found", "not-found")
	n.refused("GET", "/.well-known/scitt-keys/"+n.api.public.Thumbprint().String(), 404, "Not Found", "not-found")
}

func TestRefusesQueries(t *testing.T) {
	n := newNode(t)
	n.submit()
	for _, target := range []string{
		"/checkpoint?x=1", "/v1/status?x", "/healthz?=", "/entries/0?since=1", "/v1/headers?form=1", "/v1/headers?From=1",
		"/v1/headers?from=1&from=2", "/v1/headers?from=1;limit=2", "/v1/headers?from=%zz", "/v1/headers?from=1&&x=2",
		"/v1/headers?from=0", "/v1/headers?from=", "/v1/headers?from=-1", "/v1/headers?from=01", "/v1/headers?limit=0",
		"/v1/headers?limit=1001", "/v1/headers?limit=1e2", "/v1/headers?from=+1", "/v1/headers?from=9223372036854775808",
		"/v1/entries?from=-1", "/v1/entries?limit=1001", "/v1/entries?limit=0", "/v1/entries?from=x",
		"/proof/inclusion?index=x", "/proof/inclusion?index=1&size=1", "/proof/inclusion?index=0&size=0", "/proof/inclusion?index=0&size=-1",
		"/proof/consistency?from=2&to=1", "/proof/consistency?from=0&to=x",
		"/v1/state", "/v1/state?key=", "/v1/state?key=" + strings.Repeat("k", 513),
		"/v1/flows?from=us", "/v1/flows?from=USA", "/v1/flows?to=", "/v1/flows?since=2023-11-16", "/v1/flows?since=2023-11-16T18:30:00Z",
		"/v1/flows?since=2023-11-16T18:00:00%2B01:00", "/v1/flows?until=0001-01-01T00:00:00Z", "/v1/flows?since=1969-12-31T23:00:00Z",
		"/v1/flows?since=2023-11-16T18:00:00Z&until=2023-11-16T18:00:00Z", "/v1/flows?by=colour", "/v1/flows?by=", "/v1/flows?by=hour,",
		"/v1/flows?by=hour,hour", "/v1/flows?kind=training", "/v1/flows?side=both", "/v1/flows?kind=", "/v1/flows?since=",
		"/v1/flows?limit=0", "/v1/flows?limit=100001", "/v1/flows?limit=-1", "/v1/flows?offset=-1", "/v1/flows?offset=", "/v1/flows?size=-1",
	} {
		n.refused("GET", target, 400, "Malformed request", "value")
	}
	for _, target := range []string{"/proof/inclusion", "/proof/inclusion?size=1", "/proof/consistency", "/proof/consistency?to=1"} {
		n.refused("GET", target, 400, "Malformed request", "missing-field")
	}
	for _, target := range []string{
		"/proof/inclusion?index=0&size=2", "/proof/inclusion?index=1", "/proof/inclusion?index=5&size=9223372036854775807",
		"/proof/consistency?from=0&to=2", "/proof/consistency?from=2",
	} {
		n.refused("GET", target, 404, "Not Found", "not-found")
	}
	got := n.refused("GET", "/v1/flows?form=US", 400, "Malformed request", "value")
	if !strings.Contains(got.detail, "from, to, since, until, kind, side, by") {
		t.Errorf("the error does not say what is known: %s", got.detail)
	}
}

func TestNodeNotAvailable(t *testing.T) {
	n := newNode(t)
	s := n.submit()
	next := n.provider.next(t, 1).raw
	unavailable := func(what string) {
		t.Helper()
		w := n.post(next)
		if got := tell(t, w.Code, w.Header(), w.Body.Bytes()); got.status != 503 || got.code != "unavailable" || got.header.Get("Retry-After") == "" {
			t.Errorf("%s: %+v", what, got)
		}
		n.refused("GET", "/healthz", 503, "Unavailable", "unavailable")
	}
	n.chain.set(func(c *chain) { c.catching = true })
	unavailable("catching up")
	n.checkReceipt(n.ok("/entries/0"), &s.statement.UnverifiedStatement) // reading goes on
	n.chain.set(func(c *chain) { c.catching, c.ended = false, errHalted })
	unavailable("halted")
	n.chain.set(func(c *chain) { c.ended, c.signed = nil, 0 })
	unavailable("nothing is signed")
	for _, path := range []string{"/checkpoint", "/v1/status", "/entries/0", "/v1/flows", "/v1/entries", "/proof/inclusion?index=0", "/proof/consistency?from=0", "/v1/state?key=rules"} {
		n.refused("GET", path, 503, "Unavailable", "unavailable")
	}
	n.chain.set(func(c *chain) { c.signed = 100 })
	unavailable("the ledger is behind")
	n.chain.set(func(c *chain) { c.signed = 3 })
	if err := n.chain.ledger.Close(); err != nil {
		t.Fatal(err)
	}
	n.refused("GET", "/entries/0/statement", 503, "Unavailable", "unavailable")
}

func TestNodeFails(t *testing.T) {
	n := newNode(t)
	s := n.submit()
	n.chain.set(func(c *chain) { c.noHeader = errors.New("secret path") })
	n.checkReceipt(n.ok("/entries/0"), &s.statement.UnverifiedStatement) // its anchor is at hand
	n.api.anchors = anchorCache{}
	for range 2 {
		if got := n.refused("GET", "/entries/0", 500, "Internal Server Error", "internal"); strings.Contains(got.detail, "secret") {
			t.Error(got.detail)
		}
		n.refused("GET", "/v1/headers", 500, "Internal Server Error", "internal")
	}
	// The node's own lack is no fault of who asks.
	n.chain.set(func(c *chain) { c.noHeader = &provenance.Error{Code: provenance.CodeSize} })
	n.refused("GET", "/entries/0", 500, "Internal Server Error", "internal")
	n.chain.set(func(c *chain) { c.noHeader = ledger.ErrNotFound })
	n.refused("GET", "/v1/headers", 404, "Not Found", "not-found")
	n.chain.set(func(c *chain) { c.noHeader = nil })
	n.checkReceipt(n.ok("/entries/0"), &s.statement.UnverifiedStatement)
}

func TestPanics(t *testing.T) {
	n := newNode(t)
	early := n.api.serve(route{handler: func(*response, *request) error { panic("boom") }})
	w := httptest.NewRecorder()
	early.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if got := tell(t, w.Code, w.Header(), w.Body.Bytes()); got.status != 500 || got.code != "internal" || strings.Contains(got.detail, "boom") {
		t.Errorf("%+v", got)
	}
	late := n.api.serve(route{handler: func(w *response, _ *request) error {
		_, _ = w.Write([]byte("part"))
		panic("boom")
	}})
	failing := n.api.serve(route{handler: func(w *response, _ *request) error {
		_, _ = w.Write([]byte("part"))
		return errors.New("boom")
	}})
	for _, h := range []http.Handler{late, failing} {
		server := httptest.NewServer(h)
		resp, err := server.Client().Get(server.URL)
		if err == nil {
			// The part was not flushed, or is cut off.
			_, err = resp.Body.Read(make([]byte, 100))
			for err == nil {
				_, err = resp.Body.Read(make([]byte, 100))
			}
			resp.Body.Close()
		}
		if err == nil || err.Error() == "EOF" {
			t.Error("a part was taken for the whole")
		}
		server.Close()
	}
}

func TestNewWantsAll(t *testing.T) {
	whole := newNode(t).api.Config
	if _, err := New(whole); err != nil {
		t.Fatal(err)
	}
	for i, lack := range []func(*Config){
		func(c *Config) { c.ChainID = "" }, func(c *Config) { c.Genesis = nil }, func(c *Config) { c.Key = nil }, func(c *Config) { c.Log = nil },
		func(c *Config) { c.Headers = nil }, func(c *Config) { c.Submitter = nil }, func(c *Config) { c.Engine = nil }, func(c *Config) { c.Totals = nil },
	} {
		c := whole
		lack(&c)
		if _, err := New(c); err == nil {
			t.Errorf("%d: taken", i)
		}
	}
}

func FuzzParseID(f *testing.F) {
	for _, s := range []string{"", "0", "1", "007", "-1", "9223372036854775807", "9223372036854775808", strings.Repeat("ab", 32), strings.Repeat("1", 64), "٣"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e, err := parseID(s)
		switch {
		case err != nil:
			if provenance.CodeOf(err) != provenance.CodeValue {
				t.Errorf("%q: %v", s, err)
			}
		case e.byID && e.id.String() != s, !e.byID && fmt.Sprint(e.index) != s:
			t.Errorf("%q was read as %+v", s, e)
		}
	})
}

// FuzzQueries: whatever is asked is answered, and never with the node's failure.
func FuzzQueries(f *testing.F) {
	for _, s := range []string{"", "from=1&limit=2", "index=0&size=1", "key=rules", "from=US&to=CN&since=2023-11-16T18:00:00Z&by=model,hour", "from=%zz", "a;b", "kind=transfer"} {
		f.Add(s)
	}
	n := newNode(f)
	n.submit()
	f.Fuzz(func(t *testing.T, query string) {
		for _, path := range []string{"/proof/inclusion", "/proof/consistency", "/v1/headers", "/v1/entries", "/v1/state", "/v1/flows"} {
			r := httptest.NewRequest("GET", path, nil)
			r.URL = &url.URL{Path: path, RawQuery: query}
			w := httptest.NewRecorder()
			n.handler.ServeHTTP(w, r)
			if w.Code != 200 {
				if got := tell(t, w.Code, w.Header(), w.Body.Bytes()); got.status != 400 && got.status != 404 {
					t.Errorf("%s?%s: %+v", path, query, got)
				}
			}
		}
	})
}
