package api

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"tokentrail/ledger"
	"tokentrail/provenance"
)

// checkReceipt holds a receipt against a statement and the node's published key.
func (n *node) checkReceipt(raw []byte, s *provenance.UnverifiedStatement) *provenance.Receipt {
	n.t.Helper()
	r, err := provenance.ParseReceipt(raw)
	if err != nil {
		n.t.Fatal(err)
	}
	if err := r.Check(n.origin, s); err != nil {
		n.t.Fatal(err)
	}
	keys, err := provenance.ParseKeySet(n.ok("/.well-known/scitt-keys"))
	if err != nil || len(keys) != 1 {
		n.t.Fatalf("%d keys, %v", len(keys), err)
	}
	if err := r.VerifySignature(keys[0]); err != nil {
		n.t.Fatal(err)
	}
	return r
}

func TestSubmissionToReceipt(t *testing.T) {
	n := newNode(t)
	for i := range 5 {
		s := n.provider.next(t, 1+i)
		w := n.post(s.raw)
		if w.Code != http.StatusCreated || w.Header().Get("Content-Type") != receiptType {
			t.Fatalf("%d %v %q", w.Code, w.Header(), w.Body)
		}
		u := &s.statement.UnverifiedStatement
		r := n.checkReceipt(w.Body.Bytes(), u)
		if r.Proof.Index != int64(i) || r.Proof.Size < int64(i)+1 {
			t.Errorf("entry %d has index %d of %d", i, r.Proof.Index, r.Proof.Size)
		}
		if r.Anchor.Preimage.AppHash() != n.chain.ledger.Snapshot().Head().AppHash || string(r.Anchor.LightBlock) != fmt.Sprintf("light block %d", 2*i+3) {
			t.Errorf("anchor %+v", r.Anchor)
		}
		location := w.Header().Get("Location")
		if location != "/entries/"+u.ID().String() {
			t.Errorf("location %q", location)
		}
		n.checkReceipt(n.ok(location), u)
		n.checkReceipt(n.ok(fmt.Sprintf("/entries/%d", i)), u)
		if !bytes.Equal(n.ok(location+"/statement"), u.Raw()) {
			t.Error("another statement comes back")
		}
	}
	key := n.ok("/.well-known/scitt-keys/" + keyName(n.api.public))
	if k, err := provenance.ParsePublicKeyCOSE(key); err != nil || k.Thumbprint() != n.api.public.Thumbprint() {
		t.Errorf("key %x: %v", key, err)
	}
}

func TestRecords(t *testing.T) {
	n := newNode(t)
	s := n.provider.next(t, 300)
	if w := n.post(s.raw); w.Code != http.StatusCreated {
		t.Fatalf("%d %q", w.Code, w.Body)
	}
	sequence := bytes.Join(s.records, nil)
	if got := n.ok("/entries/0/records"); !bytes.Equal(got, sequence) {
		t.Errorf("%d bytes of records, wanted %d", len(got), len(sequence))
	}
	for accept, zstd := range map[string]bool{
		"": false, "gzip": false, "zstd": true, "gzip, ZSTD;q=0.5": true, "zstd;q=0, *": false, "*, zstd;q=0": false,
		"*": true, "*;q=0": false, "zstd; q=0.000": false, "zstd;q=x": false, "identity;q=0, zstd": true,
	} {
		w := n.get("/entries/0/records", "Accept-Encoding", accept)
		if w.Code != http.StatusOK || w.Header().Get("Vary") != "Accept-Encoding" || w.Header().Get("Content-Type") != "application/cbor-seq" {
			t.Fatalf("%q: %d %v", accept, w.Code, w.Header())
		}
		if got := w.Header().Get("Content-Encoding") == "zstd"; got != zstd {
			t.Errorf("%q: zstd %v", accept, got)
		}
		if !zstd {
			continue
		}
		records, err := provenance.ExpandRecords(w.Body.Bytes(), 300, provenance.FormatLimits())
		if err != nil || !bytes.Equal(bytes.Join(records, nil), sequence) {
			t.Errorf("%q: %v", accept, err)
		}
	}
	for _, i := range []int64{0, 1, 128, 299} {
		p, err := provenance.ParseRecordProof(n.ok(fmt.Sprintf("/entries/%s/records/%d", s.statement.ID(), i)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Verify(s.statement.Header()); err != nil || p.Index != i || !bytes.Equal(p.Record, s.records[i]) {
			t.Errorf("record %d: %v", i, err)
		}
	}
}

func TestImmutable(t *testing.T) {
	n := newNode(t)
	n.submit()
	tags := map[string]string{}
	for _, c := range []struct{ path, accept string }{
		{"/entries/0/statement", ""}, {"/entries/0/records", ""}, {"/entries/0/records", "zstd"},
		{"/entries/0/records/0", ""}, {"/entries/0/records/1", ""}, {"/v1/genesis", ""},
	} {
		w := n.get(c.path, "Accept-Encoding", c.accept)
		tag := w.Header().Get("ETag")
		if !strings.Contains(w.Header().Get("Cache-Control"), "immutable") || tag == "" {
			t.Errorf("%v: %v", c, w.Header())
		}
		if other, there := tags[tag]; there {
			t.Errorf("%s and %s have the same tag", c.path, other)
		}
		tags[tag] = c.path
		for _, match := range []string{tag, `"other", W/` + tag, "*"} {
			again := n.get(c.path, "Accept-Encoding", c.accept, "If-None-Match", match)
			if again.Code != http.StatusNotModified || again.Body.Len() != 0 {
				t.Errorf("%v with %s: %d, %d bytes", c, match, again.Code, again.Body.Len())
			}
		}
		if w := n.get(c.path, "Accept-Encoding", c.accept, "If-None-Match", `"other"`); w.Code != http.StatusOK {
			t.Errorf("%v: %d", c, w.Code)
		}
	}
	for _, path := range []string{"/checkpoint", "/v1/status", "/entries/0", "/healthz", "/v1/flows", "/v1/headers", "/v1/entries", "/entries/77"} {
		if w := n.get(path); w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v", path, w.Header())
		}
	}
}

func TestCheckpointAndProofs(t *testing.T) {
	n := newNode(t)
	var tree provenance.Tree
	roots := []provenance.Hash{tree.Root()}
	var leaves []provenance.Hash
	for range 7 {
		leaf := provenance.LeafHash(n.submit().statement.Raw())
		tree.Append(leaf)
		leaves, roots = append(leaves, leaf), append(roots, tree.Root())
		c, err := provenance.OpenCheckpoint(n.ok("/checkpoint"), n.origin, n.api.Key.Public().(ed25519.PublicKey))
		if err != nil || c.Size != int64(len(leaves)) || c.Root != tree.Root() {
			t.Fatalf("%+v: %v", c, err)
		}
	}
	for size := range len(roots) {
		for index := range size {
			p, err := provenance.ParseInclusion(n.ok(fmt.Sprintf("/proof/inclusion?index=%d&size=%d", index, size)))
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Verify(roots[size], leaves[index]); err != nil || p.Size != int64(size) || p.Index != int64(index) {
				t.Errorf("%+v: %v", p, err)
			}
		}
		for from := range size + 1 {
			p, err := provenance.ParseConsistency(n.ok(fmt.Sprintf("/proof/consistency?from=%d&to=%d", from, size)))
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Verify(roots[from], roots[size]); err != nil || p.Older != int64(from) || p.Newer != int64(size) {
				t.Errorf("%+v: %v", p, err)
			}
		}
	}
	if p, err := provenance.ParseInclusion(n.ok("/proof/inclusion?index=3")); err != nil || p.Size != 7 {
		t.Errorf("%+v %v", p, err)
	}
	if p, err := provenance.ParseConsistency(n.ok("/proof/consistency?from=3")); err != nil || p.Newer != 7 {
		t.Errorf("%+v %v", p, err)
	}
}

func TestStatusGenesisHealth(t *testing.T) {
	n := newNode(t)
	n.submit()
	var got map[string]any
	if err := json.Unmarshal(n.ok("/v1/status"), &got); err != nil {
		t.Fatal(err)
	}
	head := n.chain.ledger.Snapshot().Head()
	want := map[string]any{
		"format": 1.0, "chain_id": "test-1", "origin": n.origin,
		"genesis_hash": provenance.Hash(sha256.Sum256(n.genesis)).String(),
		"height":       float64(head.Height - 1), "log_size": 1.0, "log_root": head.LogRoot.String(),
		"state_root": head.StateRoot.String(), "app_hash": head.AppHash.String(), "catching_up": false,
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("status\n%v, wanted\n%v", got, want)
	}
	if !bytes.Equal(n.ok("/v1/genesis"), n.genesis) {
		t.Error("another genesis document")
	}
	if got := string(n.ok("/healthz")); got != "ok" {
		t.Errorf("%q", got)
	}
	if w := n.do("HEAD", "/v1/status", nil); w.Code != http.StatusOK {
		t.Errorf("HEAD: %d", w.Code)
	}
}

func TestHeaders(t *testing.T) {
	n := newNode(t)
	for range 3 {
		n.submit() // two blocks each, behind block 1
	}
	for query, want := range map[string][]int{
		"": {1, 7}, "?from=1": {1, 7}, "?from=3&limit=2": {3, 4}, "?from=7": {7, 7}, "?from=8": nil,
		"?from=9223372036854775807": nil, "?from=9223372036854775807&limit=1": nil, "?limit=1": {1, 1},
	} {
		blocks := sequence[[]byte](t, n.ok("/v1/headers"+query))
		for i, b := range blocks {
			if len(want) == 0 || string(b) != fmt.Sprintf("light block %d", want[0]+i) {
				t.Errorf("%s: block %d is %q", query, i, b)
			}
		}
		if len(want) > 0 && len(blocks) != want[1]-want[0]+1 {
			t.Errorf("%s: %d blocks", query, len(blocks))
		}
	}
}

// sequence decodes a CBOR sequence.
func sequence[T any](t *testing.T, b []byte) []T {
	t.Helper()
	var out []T
	for len(b) > 0 {
		var item T
		rest, err := cbor.UnmarshalFirst(b, &item)
		if err != nil {
			t.Fatal(err)
		}
		out, b = append(out, item), rest
	}
	return out
}

type wireEntry struct {
	_         struct{} `cbor:",toarray"`
	Index     int64
	Statement []byte
	Frame     []byte
	Height    int64
}

func TestEntries(t *testing.T) {
	n := newNode(t)
	var sent []*submission
	for range 4 {
		sent = append(sent, n.submit())
	}
	for query, want := range map[string][2]int{
		"": {0, 4}, "?from=1": {1, 3}, "?from=1&limit=2": {1, 2}, "?from=4": {4, 0}, "?limit=1000": {0, 4},
		"?from=9223372036854775807&limit=1000": {0, 0},
	} {
		entries := sequence[wireEntry](t, n.ok("/v1/entries"+query))
		if len(entries) != want[1] {
			t.Errorf("%s: %d entries", query, len(entries))
		}
		for i, e := range entries {
			s := sent[want[0]+i]
			sub, err := provenance.ParseSubmission(s.raw)
			if err != nil {
				t.Fatal(err)
			}
			own, err := n.chain.ledger.Snapshot().Entry(e.Index)
			if err != nil {
				t.Fatal(err)
			}
			if e.Index != int64(want[0]+i) || e.Height != own.Height || e.Height < 1 || !bytes.Equal(e.Statement, s.statement.Raw()) || !bytes.Equal(e.Frame, sub.Frame) {
				t.Errorf("%s: entry %d is another", query, e.Index)
			}
		}
	}
}

// fatLog has frames of 3 MiB.
type fatLog struct {
	Log
	Snapshot
}

func (l *fatLog) Signed() (s Snapshot, err error) {
	l.Snapshot, err = l.Log.Signed()
	return l, err
}

func (l *fatLog) Entry(index int64) (*ledger.Entry, error) {
	e, err := l.Snapshot.Entry(index)
	if err == nil {
		e.FrameBytes = 3 << 20
	}
	return e, err
}

func (l *fatLog) EntryFrame(*ledger.Entry) ([]byte, error) { return make([]byte, 3<<20), nil }

func TestEntriesAreCutByBytes(t *testing.T) {
	n := newNode(t, func(c *Config) { c.Log = &fatLog{Log: c.Log} })
	for range 3 {
		n.submit()
	}
	for from, want := range []int{2, 2, 1} {
		if got := len(sequence[wireEntry](t, n.ok(fmt.Sprintf("/v1/entries?from=%d", from)))); got != want {
			t.Errorf("from %d: %d entries, wanted %d", from, got, want)
		}
	}
}

func TestState(t *testing.T) {
	n := newNode(t)
	s := n.submit()
	ask := func(key string) (provenance.Preimage, []byte, *provenance.StateProof) {
		var parts []cbor.RawMessage
		if err := cbor.Unmarshal(n.ok("/v1/state?key="+key), &parts); err != nil || len(parts) != 4 {
			t.Fatalf("%v, %v", parts, err)
		}
		preimage, err := provenance.ParsePreimage(parts[0])
		if err != nil {
			t.Fatal(err)
		}
		var height int64
		var value []byte
		if err := cbor.Unmarshal(parts[1], &height); err != nil || height != n.chain.LatestSigned() {
			t.Fatalf("height %d, %v", height, err)
		}
		if err := cbor.Unmarshal(parts[2], &value); err != nil {
			t.Fatal(err)
		}
		proof, err := provenance.ParseStateProof(parts[3])
		if err != nil {
			t.Fatal(err)
		}
		return preimage, value, proof
	}
	preimage, value, proof := ask("stream/acme/s")
	if err := proof.Present(preimage.StateRoot, "stream/acme/s", value); err != nil {
		t.Error(err)
	}
	if h, err := provenance.ParseStateValue[provenance.StreamHead](value); err != nil || h.Statement != s.statement.ID() {
		t.Errorf("%+v %v", h, err)
	}
	preimage, value, proof = ask("stream/acme/other")
	if err := proof.Absent(preimage.StateRoot, "stream/acme/other"); err != nil || len(value) != 0 {
		t.Errorf("%x %v", value, err)
	}
}

func TestFlows(t *testing.T) {
	n := newNode(t)
	for range 3 {
		n.submit() // an hour each, three records of 10 and 3 tokens
	}
	type answer struct {
		Format  int                  `json:"format"`
		Origin  string               `json:"origin"`
		LogSize int64                `json:"log_size"`
		AppHash string               `json:"app_hash"`
		Query   map[string]any       `json:"query"`
		Rows    []provenance.FlowRow `json:"rows"`
	}
	ask := func(query string) (a answer) {
		if err := json.Unmarshal(n.ok("/v1/flows"+query), &a); err != nil {
			t.Fatal(err)
		}
		return a
	}
	since := "2023-11-16T18:00:00Z" // hour 472,266
	a := ask("?from=US&to=CN&since=" + since + "&until=2023-11-16T20:00:00Z&kind=transfer,production&side=exporter&by=model,hour")
	if a.Format != 1 || a.Origin != n.origin || a.LogSize != 3 || a.AppHash != n.chain.ledger.Snapshot().Head().AppHash.String() {
		t.Errorf("%+v", a)
	}
	if len(a.Rows) != 2 || a.Rows[0].Hour != since || a.Rows[0].Tokens != provenance.SumOf(9) || a.Rows[0].Direction != "output" || a.Rows[0].Model != "llama-2-70b" {
		t.Errorf("%+v", a.Rows)
	}
	want := `map[by:[model hour] from:US kind:[transfer production] side:[exporter] since:2023-11-16T18:00:00Z to:CN until:2023-11-16T20:00:00Z]`
	if got := fmt.Sprint(a.Query); got != want {
		t.Errorf("query %s", got)
	}
	if a := ask(""); len(a.Rows) != 2 || a.Rows[0].Tokens.Add(a.Rows[1].Tokens) != provenance.SumOf(9*13) || len(a.Query) != 0 {
		t.Errorf("%+v", a)
	}
	if got := string(n.ok("/v1/flows?kind=consumption")); !strings.Contains(got, `"rows":[]`) {
		t.Errorf("%s", got)
	}
	n.submit() // the next question counts it
	if a := ask("?by=hour"); a.LogSize != 4 || len(a.Rows) != 8 {
		t.Errorf("%+v", a)
	}
}
