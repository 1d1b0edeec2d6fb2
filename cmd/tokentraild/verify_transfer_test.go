package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"tokentrail/provenance"
	"tokentrail/spec"
)

// A crossingLedger is a node on which two providers recorded crossings, and the
// client as it is built.
type crossingLedger struct {
	*bundler
	node         string
	acme, globex *provider
	made         int64
}

// crosses is a transfer of one side.
func (l *crossingLedger) crosses(side provenance.Side, ref string, c *provenance.Crossing, change ...func(*provenance.Record)) *provenance.Record {
	r := &provenance.Record{
		Kind: provenance.Transfer, Time: l.made, Ref: []byte(ref), Side: &side, Model: &provenance.Model{Name: "painter-8b", Known: provenance.Asserted},
		Usage: &provenance.Usage{Input: 1000, Output: 200}, Serving: place("US", "acme"), Using: place("CN", "globex"),
		Basis: []provenance.Basis{{Code: "cn:standard-contract"}}, Crossing: c,
	}
	for _, do := range change {
		do(r)
	}
	return r
}

// said commits a statement of records, and returns their ids and encodings.
func (l *crossingLedger) said(p *provider, records ...*provenance.Record) (ids []provenance.Hash, raws [][]byte) {
	l.t.Helper()
	for i, r := range records {
		raw, err := r.Encode()
		if err != nil {
			l.t.Fatalf("record %d, %s: %v", i, r.Ref, err)
		}
		raws, ids = append(raws, raw), append(ids, provenance.RecordID(p.id, p.stream, p.sequence, i, raw))
	}
	if a := post(l.t, l.node, p.next(l.t, raws)); a.status != http.StatusCreated {
		l.t.Fatalf("%d %s", a.status, a.body)
	}
	return ids, raws
}

func output(n int64) func(*provenance.Record) {
	return func(r *provenance.Record) { r.Usage.Output = n }
}

// tell records crossings of all sorts.
func (l *crossingLedger) tell() {
	l.t.Helper()
	names := func(issuer, ref string) *provenance.Crossing {
		return &provenance.Crossing{Direction: 1, Mirror: &provenance.Parent{Issuer: issuer, Ref: []byte(ref)}}
	}
	joined := func(id string) *provenance.Crossing { return &provenance.Crossing{Direction: 1, ID: []byte(id)} }
	both := func(c *provenance.Crossing, id string) *provenance.Crossing {
		c.ID = []byte(id)
		return c
	}
	exporter, importer := provenance.Exporter, provenance.Importer
	production := l.crosses(exporter, "made", nil)
	production.Kind, production.Side, production.Basis = provenance.Production, nil, nil
	ids, raws := l.said(l.acme,
		l.crosses(exporter, "plain", nil), l.crosses(exporter, "less", nil), l.crosses(exporter, "fixed", nil), l.crosses(exporter, "gone", nil),
		l.crosses(exporter, "missing", names("globex", "nobody")), l.crosses(exporter, "missing-id", both(names("globex", "noone"), "m-1")),
		l.crosses(exporter, "crossing", joined("c-1")), l.crosses(exporter, "self", names("acme", "self")), l.crosses(exporter, "to-made", names("acme", "made")),
		production, l.crosses(exporter, "chain-1", names("globex", "chain-2")), l.crosses(exporter, "chain-3", names("globex", "chain-2")),
		l.crosses(exporter, "wrongly", nil), l.crosses(provenance.Neither, "neither", nil), l.crosses(exporter, "twice", joined("c-2")), l.crosses(exporter, "again", joined("c-2")))
	l.said(l.globex,
		l.crosses(importer, "plain", names("acme", "plain")), l.crosses(importer, "less", names("acme", "less"), output(150)),
		l.crosses(importer, "fixed", names("acme", "fixed"), output(190)), l.crosses(importer, "gone", names("acme", "gone")),
		l.crosses(importer, "crossing", joined("c-1")), l.crosses(importer, "chain-2", names("acme", "chain-3")), l.crosses(importer, "wrongly", names("acme", "wrongly")),
		l.crosses(importer, "twice", joined("c-2")))
	amends, err := provenance.Amend(ids[2], 0, raws[2], provenance.Sums{Output: -10}, 2, "")
	check(l.t, err)
	reverses, err := provenance.Reverse(ids[3], 0, raws[3], 7, "")
	check(l.t, err)
	wrongly, err := provenance.Amend(ids[12], 0, raws[12], provenance.Sums{Output: -10}, 2, "")
	check(l.t, err)
	wrongly.Cell.Model = "another"
	var corrections []*provenance.Record
	for _, c := range []*provenance.Correction{amends, reverses, wrongly} {
		corrections = append(corrections, &provenance.Record{Kind: provenance.Corrected, Time: l.made + 1, Correction: c})
	}
	l.said(l.acme, corrections...)
}

func newCrossingLedger(t *testing.T) *crossingLedger {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	l := &crossingLedger{acme: newProvider(t, "acme"), globex: newProvider(t, "globex"), made: time.Now().Add(-time.Minute).UnixMilli()}
	l.node = startTestNode(t, l.acme, l.globex).url()
	genesis := sha256.Sum256(request(t, http.MethodGet, l.node+"/v1/genesis", "", nil).body)
	l.bundler = &bundler{t, ctx, t.TempDir(), filepath.Join(t.TempDir(), "tokentrail"), fmt.Sprintf("%x", genesis)}
	buildProgram(t, l.program, "tokentrail")
	l.tell()
	return l
}

// transfer checks one, and wants an exit code and words.
func (l *crossingLedger) transfer(exit int, words string, args ...string) {
	l.t.Helper()
	l.wants(exit, words, append([]string{"verify", "transfer", "--node", l.node, "--genesis", l.genesis}, args...)...)
}

// TestTransfersOfARealLedger checks both sides of crossings, at a node and behind some
// that lie. SPEC(CLI-97), SPEC(VER-95), SPEC(VER-96)
func TestTransfersOfARealLedger(t *testing.T) {
	l := newCrossingLedger(t)
	for _, c := range []struct {
		exit  int
		words string
		args  []string
	}{
		{0, "HOLDS", []string{"globex/plain"}},
		{0, "US", []string{"globex/plain", "--output", "markdown"}},
		{0, "HOLDS", []string{"acme/plain", "--mirror", "globex/plain"}},
		{2, "names no other side", []string{"acme/plain"}},
		{1, "mirror-differs", []string{"globex/less"}},
		{1, "output: exporter 200, importer 150", []string{"acme/less", "--mirror", "globex/less"}},
		{0, "HOLDS", []string{"globex/less", "--tolerance", "25"}},
		{0, "1 correction", []string{"globex/fixed"}},
		{2, "was reversed", []string{"globex/gone"}},
		{2, "was reversed", []string{"acme/gone", "--mirror", "globex/gone"}},
		{2, "whether the ledger has another", []string{"acme/missing"}},
		{2, "a crossing id, by which no node", []string{"acme/missing-id"}},
		{2, "a crossing id, by which no node", []string{"acme/crossing"}},
		{0, "HOLDS", []string{"acme/crossing", "--mirror", "globex/crossing"}},
		{2, "is not the other side", []string{"acme/crossing", "--mirror", "globex/plain"}},
		{2, "is the record itself", []string{"acme/crossing", "--mirror", "acme/crossing"}},
		{2, "is of kind production", []string{"acme/crossing", "--mirror", "acme/made"}},
		{2, "knows no record", []string{"acme/crossing", "--mirror", strings.Repeat("7", 64)}},
		{2, "names itself", []string{"acme/self"}},
		{2, "is of kind production", []string{"acme/to-made"}},
		{1, "mirror-ambiguous", []string{"acme/chain-1"}},
		{1, "mirror-ambiguous", []string{"globex/chain-2"}},
		{1, "mirror-ambiguous", []string{"globex/twice", "--mirror", "acme/twice"}},
		{1, "mirror-ambiguous", []string{"acme/twice"}},
		{1, "correction at entries[2].records[2]", []string{"globex/wrongly"}},
		{2, "only transfers", []string{"acme/made"}},
		{2, "only transfers", []string{"acme/neither"}},
		{2, "knows no such record", []string{"acme/nobody"}},
		{64, "--mirror", []string{"acme/plain", "--mirror", "nonsense"}},
		{64, "--tolerance", []string{"acme/plain", "--tolerance", "101"}},
		{64, "--within", []string{"acme/plain", "--within", "-1s"}},
		{0, "failures=\"0\"", []string{"globex/plain", "--output", "junit"}},
	} {
		l.transfer(c.exit, c.words, c.args...)
	}
	l.wants(0, "as this node served it", "verify", "transfer", "globex/plain", "--node", l.node)
	l.wants(1, "genesis-hash", "verify", "transfer", "globex/plain", "--node", l.node, "--genesis", strings.Repeat("0", 64))
	l.underHeaders()
	l.lies()
	l.meetSchema("transfer", "globex/plain", "acme/missing", "acme/crossing", "globex/less")
}

// underHeaders checks under a trusted header.
func (l *crossingLedger) underHeaders() {
	l.t.Helper()
	at := joinStatusOf(l.t, l.node).Header
	trust := fmt.Sprintf("%d:%s", at.Height, at.Hash)
	l.wants(0, fmt.Sprintf("trusted header %d", at.Height), "verify", "transfer", "globex/plain", "--node", l.node, "--trust", trust)
	l.wants(1, "trust-hash", "verify", "transfer", "globex/plain", "--node", l.node, "--trust", fmt.Sprintf("%d:%s", at.Height, strings.Repeat("0", 64)))
	l.wants(3, "TRUST EXPIRED", "verify", "transfer", "globex/plain", "--node", l.node, "--trust", trust, "--trusting-period", "1s")
}

// lies checks behind nodes that lie about one side.
func (l *crossingLedger) lies() {
	l.t.Helper()
	c := &contentLedger{node: l.node}
	for name, lie := range map[string]struct {
		exit  int
		words string
		tell  func(w http.ResponseWriter, r *http.Request, honest http.Handler)
	}{
		"a cut proof": {1, "look-up", func(w http.ResponseWriter, r *http.Request, honest http.Handler) {
			if strings.Contains(r.URL.RawQuery, "acme%2F") { // of the mirror
				c.cutProof(w, r, honest)
				return
			}
			honest.ServeHTTP(w, r)
		}},
		"another receipt": {1, "receipt", func(w http.ResponseWriter, r *http.Request, honest http.Handler) {
			if r.URL.Path == "/entries/0" {
				r.URL.Path = "/entries/1"
			}
			honest.ServeHTTP(w, r)
		}},
		"no mirror": {2, "knows no", func(w http.ResponseWriter, r *http.Request, honest http.Handler) {
			if strings.Contains(r.URL.RawQuery, "ref=acme") {
				c.withhold(w, r, honest)
				return
			}
			honest.ServeHTTP(w, r)
		}},
		"no mirror's entry": {2, "not proven", func(w http.ResponseWriter, r *http.Request, honest http.Handler) {
			if r.URL.Path == "/v1/entries" && r.URL.Query().Get("from") == "0" {
				http.Error(w, "the disk is gone", http.StatusInternalServerError)
				return
			}
			honest.ServeHTTP(w, r)
		}},
		"another's records in the frame": {1, "records", func(w http.ResponseWriter, r *http.Request, honest http.Handler) {
			if r.URL.Path == "/entries/0/records/0" {
				r.URL.Path = "/entries/0/records/1"
			}
			honest.ServeHTTP(w, r)
		}},
	} {
		honest := c.honest(l.t)
		liar := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { lie.tell(w, r, honest) }))
		if out, code := l.run("verify", "transfer", "globex/plain", "--node", liar.URL, "--genesis", l.genesis); code != lie.exit || !strings.Contains(out, lie.words) {
			l.t.Errorf("%s: exit %d, wanted %d and %q\n%s", name, code, lie.exit, lie.words, out)
		}
		liar.Close()
	}
}

// meetSchema holds reports to their schema. SPEC(VER-56)
func (l *crossingLedger) meetSchema(check string, names ...string) {
	l.t.Helper()
	b, err := spec.Files.ReadFile("report.schema.json")
	if err != nil {
		l.t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		l.t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("urn:report", doc); err != nil {
		l.t.Fatal(err)
	}
	schema, err := c.Compile("urn:report")
	if err != nil {
		l.t.Fatal(err)
	}
	for _, name := range names {
		out, _ := l.run("verify", check, name, "--node", l.node, "--genesis", l.genesis, "--json")
		report, err := jsonschema.UnmarshalJSON(strings.NewReader(out))
		if err == nil {
			err = schema.Validate(report)
		}
		if err != nil {
			l.t.Errorf("%s %s: %v\n%s", check, name, err, out)
		}
	}
}
