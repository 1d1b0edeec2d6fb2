package main

import (
	"context"
	"crypto"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"tokentrail/ledger/app"
	"tokentrail/provenance"
)

// TestStreamsOfARealLedger checks streams and providers at a node whose validators and
// keys changed, and at one that leaves records out. SPEC(CLI-95)
func TestStreamsOfARealLedger(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	acme := newProvider(t, "acme")
	a := &actor{key: newProvider(t, "governor").key, sequences: map[string]int64{}}
	a.validator = startNetworkOf(t, networkHomes(t, 1, a.governed, acme))[0]
	a.wait(t, ctx, 0)
	document, err := os.ReadFile(app.GenesisPath(a.home))
	check(t, err)
	b := &bundler{t, ctx, t.TempDir(), filepath.Join(t.TempDir(), "tokentrail"), fmt.Sprintf("%x", sha256.Sum256(document))}
	buildProgram(t, b.program, "tokentrail")
	records := traceRecords(t)
	for i := range 3 {
		a.commit(t, acme.next(t, records[10*i:10*i+10]))
	}
	a.act(t, "", []crypto.Signer{a.key}, provenance.Action{Type: provenance.RulesSet, Rules: 3, RulesFrom: joinStatusOf(t, a.url).Height + 3})
	a.rotate(t, acme)
	a.commit(t, acme.next(t, records[30:31]))
	a.header(t)
	genesis := []string{"--genesis", b.genesis}
	b.wants(0, "acme/main: 31 records of 4 statements", append([]string{"verify", "stream", "acme/main", "--node", a.url}, genesis...)...)
	b.wants(0, "acme/main: 31 records of 4 statements", append([]string{"verify", "stream", "acme/main", "--node", a.url, "--records=false"}, genesis...)...)
	at := a.header(t)
	b.wants(0, "HOLDS", "verify", "stream", "acme/main", "--node", a.url, "--trust", fmt.Sprintf("%d:%s", at.Height, at.Hash))
	b.wants(0, "as this node served it", "verify", "stream", "acme/main", "--node", a.url)
	b.wants(1, "genesis-hash", "verify", "stream", "acme/main", "--node", a.url, "--genesis", strings.Repeat("0", 64))
	b.wants(2, "proven absent", "verify", "stream", "acme/none", "--node", a.url)
	b.wants(2, "proven absent", "verify", "provider", "nobody", "--node", a.url)
	b.wants(2, "began with rule version 1", "verify", "provider", "acme", "--node", a.url)
	providerOfARealLedger(t, ctx, b)
}

// providerOfARealLedger checks all streams of a provider, at a node and behind one that
// hides them.
func providerOfARealLedger(t *testing.T, ctx context.Context, b *bundler) {
	t.Helper()
	acme := newProvider(t, "acme")
	node := startNetwork(t, 1, acme)[0]
	node.wait(t, ctx, 0)
	records := traceRecords(t)
	for i, stream := range []string{"main", "main", "other"} {
		if stream != acme.stream {
			acme = &provider{id: acme.id, stream: stream, key: acme.key}
		}
		if got := post(t, node.url, acme.next(t, records[10*i:10*i+10])); got.status != http.StatusCreated {
			t.Fatalf("%d %s", got.status, got.body)
		}
	}
	node.wait(t, ctx, 3)
	b.wants(0, "acme/main: 20 records of 2 statements", "verify", "provider", "acme", "--node", node.url)
	b.wants(0, "\"stream\": \"other\"", "verify", "provider", "acme", "--node", node.url, "--json")
	b.wants(0, "the same sums as those of the node", "verify", "flows", "--by", "model", "--node", node.url)
	b.wants(0, "day,hour,kind", "verify", "flows", "--output", "csv", "--node", node.url)
	b.wants(0, "\"rows\": []", "verify", "flows", "--from", "FR", "--output", "json", "--node", node.url)
	b.wants(1, "genesis-hash", "verify", "flows", "--node", node.url, "--genesis", strings.Repeat("0", 64))
	target, err := url.Parse(node.url)
	check(t, err)
	proxy := httputil.NewSingleHostReverseProxy(target)
	liar := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked, without := *r.URL, ""
		asked.Scheme, asked.Host = target.Scheme, target.Host
		switch {
		case strings.HasPrefix(r.URL.Path, "/v1/providers/"): // a list of now that lacks one
			without = `,\{"stream":"other".*?\}`
		case r.URL.Path == "/v1/flows": // another question's rows, under this one's query
			q := r.URL.Query()
			q.Set("to", "FR")
			asked.RawQuery, without = q.Encode(), `"to":"FR"`
		default:
			proxy.ServeHTTP(w, r)
			return
		}
		got, err := http.Get(asked.String())
		check(t, err)
		defer got.Body.Close()
		body, err := io.ReadAll(got.Body)
		check(t, err)
		_, _ = w.Write(regexp.MustCompile(without).ReplaceAll(body, nil))
	}))
	defer liar.Close()
	b.wants(1, "stream-missing", "verify", "provider", "acme", "--node", liar.URL)
	b.wants(1, "flows", "verify", "flows", "--node", liar.URL)
}
