package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"tokentrail/ledger"
	"tokentrail/ledger/index"
	"tokentrail/provenance"
)

// errHalted is what a test's chain ends with.
var errHalted = errors.New("consensus halted")

// indexed is an index of records that follows a chain until the test ends.
func indexed(t testing.TB, ch *chain) *index.Records {
	r := index.NewRecords(t.TempDir(), "tokentrail/test-1/00", index.RecordsOptions{Gather: time.Millisecond, ReserveBytes: 1})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx, CommittedLog{ch.ledger, ch}) }()
	t.Cleanup(func() {
		cancel()
		// Some tests close the ledger or halt the chain.
		if err := <-done; err != nil && !errors.Is(err, ledger.ErrClosed) && !errors.Is(err, errHalted) {
			t.Error(err)
		}
	})
	return r
}

// find asks over a real connection.
func (n *node) find(server, query string) *provenance.RecordsAnswer {
	n.t.Helper()
	resp, err := http.Get("http://" + server + "/v1/records?" + query)
	if err != nil {
		n.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		n.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "application/cbor" || resp.Header.Get("Cache-Control") != "no-store" {
		n.t.Fatalf("%s: %d %q %v", query, resp.StatusCode, body, resp.Header)
	}
	a, err := provenance.ParseRecordsAnswer(body)
	if err != nil {
		n.t.Fatal(err)
	}
	return a
}

// family submits a record with content, and count children of it, each in an
// entry of its own and by its id and its ref.
func (n *node) family(count int) (parent provenance.Hash) {
	n.t.Helper()
	content := provenance.Hash{1, 2, 3}
	r := transfer(0)
	r.Ref, r.Content = []byte{0xab}, []provenance.Content{{Role: 2, Algorithm: 5, Value: content[:]}}
	s := n.submitRecords(r, transfer(1))
	parent = provenance.RecordID("acme", "s", 0, 0, s.records[0])
	for i := range count {
		child := transfer(i)
		child.Parents = []provenance.Parent{{ID: parent[:]}, {Issuer: "acme", Ref: []byte{0xab}}}
		n.submitRecords(child)
	}
	return parent
}

func transfer(i int) *provenance.Record {
	return &provenance.Record{
		Kind: provenance.Transfer, Time: 472266*3_600_000 + int64(i), Side: new(provenance.Exporter),
		Model:   &provenance.Model{Name: "llama-2-70b", Known: provenance.Asserted},
		Usage:   &provenance.Usage{Input: 10, Output: 3},
		Serving: &provenance.Place{Country: "US", Known: provenance.Asserted},
		Using:   &provenance.Place{Country: "CN", Known: provenance.Asserted},
	}
}

// correction amends a record with an id; whether that is right is for auditors.
func correction(t testing.TB, id provenance.Hash) *provenance.Record {
	raw, err := transfer(0).Encode()
	if err != nil {
		t.Fatal(err)
	}
	c, err := provenance.Amend(id, 0, raw, provenance.Sums{Input: 1}, 1, "")
	if err != nil {
		t.Fatal(err)
	}
	return &provenance.Record{Kind: provenance.Corrected, Time: transfer(0).Time, Correction: c}
}

func (n *node) submitRecords(records ...*provenance.Record) *submission {
	n.t.Helper()
	var encoded [][]byte
	for _, r := range records {
		b, err := r.Encode()
		if err != nil {
			n.t.Fatal(err)
		}
		encoded = append(encoded, b)
	}
	p := n.provider
	s := p.signWith(n.t, p.key, "s", p.sequence, p.previous, encoded)
	id := s.statement.ID()
	p.sequence, p.previous = p.sequence+1, &id
	if w := n.post(s.raw); w.Code != http.StatusCreated {
		n.t.Fatalf("POST: %d %q", w.Code, w.Body)
	}
	return s
}

// TestRecordsAreFound: SPEC(API-6). Whoever has a receipt finds its records.
func TestRecordsAreFound(t *testing.T) {
	n := newNode(t)
	server, _ := n.serve(time.Second)
	parent := n.family(5)
	n.submitRecords(correction(t, parent))
	content := provenance.Hash{1, 2, 3}
	for _, c := range []struct {
		q       provenance.RecordQuery
		entries []int64
	}{
		{provenance.ByID(parent), []int64{0}},
		{provenance.ByRef("acme", []byte{0xab}), []int64{0}},
		{provenance.ByContent(content), []int64{0}},
		{provenance.ByID(parent).Children(), []int64{1, 2, 3, 4, 5}},
		{provenance.ByRef("acme", []byte{0xab}).Children(), []int64{1, 2, 3, 4, 5}},
		{provenance.Corrections("acme", parent), []int64{6}},
		{provenance.Corrections("beta", parent), nil},
		{provenance.ByID(content), nil},
		{provenance.ByRef("beta", []byte{0xab}), nil},
	} {
		name, value := c.q.Param()
		a := n.find(server, name+"="+value)
		if a.Size != 7 || a.More || len(a.Hits) != len(c.entries) {
			t.Errorf("%s=%s: %+v", name, value, a)
			continue
		}
		for i := range a.Hits {
			st, _, err := a.Hits[i].Check(c.q)
			if err != nil || a.Hits[i].Entry != c.entries[i] {
				t.Errorf("%s=%s: hit %d in entry %d: %v", name, value, i, a.Hits[i].Entry, err)
			}
			if _, err := st.Verify(n.provider.publicKey(t)); err != nil {
				t.Error(err)
			}
		}
	}
}

func (p *provider) publicKey(t testing.TB) provenance.PublicKey {
	k, err := provenance.NewPublicKey(p.key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestRecordsComeInPages: SPEC(API-7).
func TestRecordsComeInPages(t *testing.T) {
	n := newNode(t)
	server, _ := n.serve(time.Second)
	parent := n.family(25)
	for limit := 1; limit <= 30; limit += 7 {
		next := int64(1)
		for offset, more := 0, true; more; offset += limit {
			a := n.find(server, fmt.Sprintf("parent=%s&offset=%d&limit=%d", parent, offset, limit))
			for _, h := range a.Hits {
				if h.Entry != next {
					t.Errorf("entry %d, wanted %d", h.Entry, next)
				}
				next++
			}
			more = a.More
		}
		if next != 26 {
			t.Errorf("pages of %d end before %d", limit, next)
		}
	}
	if a := n.find(server, "parent="+parent.String()); len(a.Hits) != usualHits || !a.More {
		t.Errorf("%d hits, %v", len(a.Hits), a.More)
	}
	if a := n.find(server, "parent="+parent.String()+"&offset=100000&limit=100"); len(a.Hits) != 0 || a.More || a.Size != 26 {
		t.Errorf("%+v", a)
	}
}

func TestRecordQueriesRefused(t *testing.T) {
	n := newNode(t)
	id := strings.Repeat("0a", 32)
	for query, code := range map[string]string{
		"":                             "missing-field",
		"?limit=5":                     "missing-field",
		"?id=":                         "value",
		"?id=" + id[1:]:                "value",
		"?id=" + id + "&id=" + id:      "value",
		"?id=" + id + "&ref=a/0a":      "value",
		"?content=acme/0a":             "value",
		"?ref=" + id:                   "value",
		"?ref=acme/0A":                 "value",
		"?parent=x":                    "value",
		"?correction=" + id:            "value",
		"?correction=acme/0a":          "value",
		"?trace=" + id:                 "value",
		"?id=" + id + "&limit=0":       "value",
		"?id=" + id + "&limit=101":     "value",
		"?id=" + id + "&offset=-1":     "value",
		"?id=" + id + "&offset=100001": "value",
		"?id=" + id + "&offset=9223372036854775808": "value",
	} {
		n.refused("GET", "/v1/records"+query, 400, "Malformed request", code)
	}
}

// TestLookupsWaitTheirTurn: no more are answered at once than Limits say, and what
// clients have not taken is bounded.
func TestLookupsWaitTheirTurn(t *testing.T) {
	n := newNode(t, func(c *Config) {
		c.Limits.Lookups, c.Limits.LookupWait, c.Limits.AnswerBytes = 1, 20*time.Millisecond, 1000
	})
	parent := n.family(3)
	n.ok("/v1/records?id=" + parent.String())
	leave, err := n.api.lookups.enter(t.Context(), (&request{Request: &http.Request{}}).client())
	if err != nil {
		t.Fatal(err)
	}
	if got := n.refused("GET", "/v1/records?id="+parent.String(), 429, "Too Many Requests", "busy"); got.header.Get("Retry-After") == "" {
		t.Errorf("%+v", got)
	}
	leave()
	n.ok("/v1/records?id=" + parent.String())
	n.refused("GET", "/v1/records?parent="+parent.String(), 429, "Too Many Requests", "busy")
	n.ok("/v1/records?limit=1&parent=" + parent.String()) // all room was given back
}

// frames is a log of which each entry has the same frame.
type frames struct {
	index.RecordReader
	frame []byte
}

func (f frames) EntryFrame(*ledger.Entry) ([]byte, error) { return f.frame, nil }

// TestLookupsTakeTurns: SPEC(API-7). After a share of expanded records a place goes
// to who waits, also within one answer.
func TestLookupsTakeTurns(t *testing.T) {
	var records []*provenance.Record
	for i := range 20 {
		records = append(records, transfer(i))
	}
	sub, err := provenance.ParseSubmission(newNode(t).submitRecords(records...).raw)
	if err != nil {
		t.Fatal(err)
	}
	size := sub.ExpandedSize()
	for share, want := range map[int64]int{1: 9, size: 9, 2*size - 1: 9, 2 * size: 4, 3*size + 1: 3, 10 * size: 0} {
		turns := 0
		r := &sharedReader{RecordReader: frames{frame: sub.Frame}, share: share, turn: func() error { turns++; return nil }}
		for range 10 {
			if _, err := r.EntryFrame(nil); err != nil {
				t.Fatal(err)
			}
		}
		if turns != want {
			t.Errorf("shares of %d: %d turns, wanted %d", share, turns, want)
		}
	}

	n := newNode(t, func(c *Config) {
		c.Limits.Lookups, c.Limits.AddressLookups, c.Limits.LookupBytes, c.Limits.LookupWait = 1, 1, 1, 20*time.Millisecond
	})
	parent := n.family(5)
	a, err := provenance.ParseRecordsAnswer(n.ok("/v1/records?parent=" + parent.String()))
	if err != nil || len(a.Hits) != 5 {
		t.Errorf("%+v, %v", a, err)
	}
	// One who does not get its place back is turned away.
	log, err := n.api.Log.Signed()
	if err != nil {
		t.Fatal(err)
	}
	r := &sharedReader{RecordReader: log, share: 1, turn: func() error { return fmt.Errorf("%w: a test says so", ErrBusy) }}
	if _, err := n.api.Records.Find(t.Context(), r, provenance.ByID(parent).Children(), 0, 1); err != nil {
		t.Error(err)
	}
	if _, err := n.api.Records.Find(t.Context(), r, provenance.ByID(parent).Children(), 0, 2); !errors.Is(err, ErrBusy) {
		t.Error(err)
	}
}

// TestAnIndexThatIsBehind says how far it is, and does not keep anybody waiting
// before it has caught up.
func TestAnIndexThatIsBehind(t *testing.T) {
	n := newNode(t, func(c *Config) {
		c.Records = index.NewRecords(t.TempDir(), "tokentrail/test-1/00", index.RecordsOptions{}) // which nobody feeds
		c.Limits.IndexWait = time.Millisecond
	})
	parent := n.family(1)
	a, err := provenance.ParseRecordsAnswer(n.ok("/v1/records?id=" + parent.String()))
	if err != nil || a.Size != 0 || a.More || len(a.Hits) != 0 {
		t.Errorf("%+v, %v", a, err)
	}
}
