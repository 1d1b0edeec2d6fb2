package main

import (
	"bytes"
	"context"
	"crypto"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"tokentrail/ledger/api"
	"tokentrail/provenance"
)

// provider is a provider of the tests, with its chain so far.
type provider struct {
	id, stream string
	key        crypto.Signer
	sequence   int64
	previous   *provenance.Hash
}

func newProvider(t testing.TB, id string) *provider {
	t.Helper()
	key, err := provenance.GenerateKey(provenance.AlgEdDSA)
	if err != nil {
		t.Fatal(err)
	}
	return &provider{id: id, stream: "main", key: key}
}

// flag is the provider as --provider takes it.
func (p *provider) flag(t testing.TB) string {
	t.Helper()
	key, err := provenance.NewPublicKey(p.key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return p.id + ",US," + key.String()
}

// next signs the next statement of the provider's stream.
func (p *provider) next(t testing.TB, records [][]byte) []byte {
	t.Helper()
	raw, id := p.sign(t, p.sequence, p.previous, records)
	p.sequence, p.previous = p.sequence+1, &id
	return raw
}

func (p *provider) sign(t testing.TB, sequence int64, previous *provenance.Hash, records [][]byte) ([]byte, provenance.Hash) {
	t.Helper()
	header, err := provenance.NewBatch(p.id, p.stream, sequence, previous, records)
	if err != nil {
		t.Fatal(err)
	}
	s, err := header.Sign(p.key)
	if err != nil {
		t.Fatal(err)
	}
	sub, err := provenance.NewSubmission(&s.UnverifiedStatement, records)
	if err != nil {
		t.Fatal(err)
	}
	return sub.Encode(), s.ID()
}

// traceRecords is the demo's trace as records.
func traceRecords(t testing.TB) [][]byte {
	t.Helper()
	records, err := (&demo{out: io.Discard}).importTrace()
	if err != nil {
		t.Fatal(err)
	}
	return records
}

// submissions signs the whole trace.
func (p *provider) submissions(t testing.TB, records [][]byte, batch int) [][]byte {
	t.Helper()
	var out [][]byte
	for chunk := range slices.Chunk(records, batch) {
		out = append(out, p.next(t, chunk))
	}
	return out
}

// answer is a response with its body.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func request(t testing.TB, method, address, mediaType string, body []byte) answer {
	t.Helper()
	a, err := tryRequest(method, address, mediaType, body)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func tryRequest(method, address, mediaType string, body []byte) (answer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	if mediaType != "" {
		req.Header.Set("Content-Type", mediaType)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, b}, err
}

func post(t testing.TB, node string, submission []byte) answer {
	t.Helper()
	return request(t, http.MethodPost, node+"/entries", provenance.SubmissionMediaType, submission)
}

// nodeStatus is /v1/status as the tests need it.
type nodeStatus struct {
	Height  int64           `json:"height"`
	LogSize int64           `json:"log_size"`
	AppHash provenance.Hash `json:"app_hash"`
}

func status(t testing.TB, node string) nodeStatus {
	t.Helper()
	a := request(t, http.MethodGet, node+"/v1/status", "", nil)
	var s nodeStatus
	if err := json.Unmarshal(a.body, &s); err != nil {
		t.Fatalf("%s/v1/status: %d %s: %v", node, a.status, a.body, err)
	}
	return s
}

// startTestNode runs a node of one validator in this process.
func startTestNode(t testing.TB, providers ...*provider) *daemon {
	t.Helper()
	o := &initOptions{home: t.TempDir() + "/node", chainID: "test-1", moniker: "test", http: "127.0.0.1:0", p2p: "127.0.0.1:0"}
	for _, p := range providers {
		o.providers = append(o.providers, p.flag(t))
	}
	if err := initHome(o); err != nil {
		t.Fatal(err)
	}
	d, err := startDaemon(context.Background(), o.home, api.Limits{}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.close(); err != nil {
			t.Error(err)
		}
	})
	if err := d.node.WaitHeight(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	return d
}

// detailOf is the words of a problem-details answer.
func detailOf(t testing.TB, a answer) string {
	t.Helper()
	if got := a.header.Get("Content-Type"); got != "application/concise-problem-details+cbor" {
		t.Fatalf("an error of type %q: %q", got, a.body)
	}
	return strings.ToValidUTF8(string(a.body), "?")
}
