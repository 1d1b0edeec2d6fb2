package api

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"tokentrail/ledger"
	"tokentrail/ledger/index"
	"tokentrail/provenance"
)

// chain is a real ledger with an engine that has one validator and no network:
// each submission becomes a block, and an empty block signs it.
type chain struct {
	ledger *ledger.Ledger

	mu       sync.Mutex // guards what follows
	signed   int64
	changed  chan struct{} // closed and replaced when signed grows
	mempool  []*ledger.Checked
	hold     bool // no block is made
	catching bool
	ended    error // why consensus ended
	refuse   error // what Submit answers instead
	noHeader error // what LightBlock answers instead
}

func newChain(t testing.TB, app []byte, dir string) *chain {
	t.Helper()
	l, err := ledger.Open(dir, ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	validator := provenance.Validator{Type: "ed25519", Key: make([]byte, 32), Power: 1}
	if _, err := l.InitGenesis(app, []provenance.Validator{validator}, "test-1"); err != nil {
		t.Fatal(err)
	}
	return &chain{ledger: l, changed: make(chan struct{})}
}

// block makes a block of what is in the mempool. Called with mu held.
func (c *chain) block() {
	height := c.ledger.Snapshot().Head().Height + 1
	now := time.UnixMilli(1_700_000_000_000 + height)
	txs, err := c.ledger.Prepare(height, now, c.mempool, 4<<20)
	if err != nil {
		panic(err)
	}
	if _, err = c.ledger.Apply(height, now, txs); err != nil {
		panic(err)
	}
	if err := c.ledger.Commit(); err != nil {
		panic(err)
	}
	c.mempool = slices.DeleteFunc(c.mempool, func(x *ledger.Checked) bool { return slices.Contains(txs, x) })
	c.signed = height
	close(c.changed)
	c.changed = make(chan struct{})
}

// release makes blocks again, the first of them now.
func (c *chain) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hold = false
	c.block()
	c.block()
}

func (c *chain) set(f func(*chain)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(c)
}

func (c *chain) Check(raw []byte) *ledger.Checked {
	checked, _ := ledger.Check(raw)
	return checked
}

func (c *chain) Submit(_ context.Context, x *ledger.Checked) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refuse != nil {
		return c.refuse
	}
	if err := c.ledger.Snapshot().AdmitPending(x); err != nil {
		return err
	}
	c.mempool = append(c.mempool, x)
	if !c.hold {
		c.block()
		c.block()
	}
	return nil
}

func (c *chain) LatestSigned() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.signed
}

func (c *chain) LightBlock(height int64) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.noHeader != nil {
		return nil, c.noHeader
	}
	if height < 1 || height > c.signed {
		return nil, ledger.ErrNotFound
	}
	return fmt.Appendf(nil, "light block %d", height), nil
}

// changeless are validators that never change.
type changeless struct{}

func (changeless) ValidatorChanges(context.Context, int64, int) ([]int64, error) { return nil, nil }

func (c *chain) WaitHeight(ctx context.Context, height int64) error {
	for {
		c.mu.Lock()
		signed, changed, ended := c.signed, c.changed, c.ended
		c.mu.Unlock()
		if signed >= height {
			return nil
		}
		if ended != nil {
			return ended
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (c *chain) CatchingUp() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.catching
}

func (c *chain) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ended
}

// node is the interface over a chain, and a provider to use it.
type node struct {
	t        testing.TB
	chain    *chain
	api      *api
	handler  http.Handler
	genesis  []byte
	origin   string
	provider *provider
}

func newNode(t testing.TB, change ...func(*Config)) *node {
	t.Helper()
	return newNodeOf(t, nil, change...)
}

// newNodeOf is newNode of a ledger that one key governs, where one is given.
func newNodeOf(t testing.TB, governor *provider, change ...func(*Config)) *node {
	t.Helper()
	p := newProvider(t, "acme")
	state := map[string]any{
		"format": 1, "policy": map[string]any{}, "rules": 3,
		"providers": []any{map[string]any{"id": "acme", "name": "Acme Inference", "jurisdictions": []string{"US"}, "keys": []string{p.public()}}},
	}
	if governor != nil {
		state["governance"] = map[string]any{"threshold": 1, "keys": []string{governor.public()}}
	}
	app, err := json.Marshal(state)
	if err != nil {
		t.Fatal(err)
	}
	ch := newChain(t, app, t.TempDir())
	ch.set((*chain).block)
	genesis := fmt.Appendf(nil, `{"chain_id": "test-1", "app_state": %s}`, app)
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := Config{
		ChainID: "test-1", Genesis: genesis, Key: key,
		Log: LedgerLog{ch.ledger, ch}, Headers: ch, Submitter: ch, Engine: ch,
		Totals: index.New(), Records: indexed(t, ch), Wait: time.Minute,
		Changes: changeless{},
		Joining: Joining{Validators: func(height int64) ([]byte, error) { return fmt.Appendf(nil, "validators %d", height), nil }},
	}
	for _, f := range change {
		f(&c)
	}
	a, err := newAPI(c)
	if err != nil {
		t.Fatal(err)
	}
	return &node{t, ch, a, a.handler(), genesis, provenance.Origin("test-1", sha256.Sum256(genesis)), p}
}

// do asks the handler without a network.
func (n *node) do(method, target string, body io.Reader, header ...string) *httptest.ResponseRecorder {
	n.t.Helper()
	r := httptest.NewRequest(method, target, body)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	n.handler.ServeHTTP(w, r)
	return w
}

func (n *node) get(target string, header ...string) *httptest.ResponseRecorder {
	n.t.Helper()
	return n.do("GET", target, nil, header...)
}

func (n *node) post(body []byte, header ...string) *httptest.ResponseRecorder {
	n.t.Helper()
	return n.do("POST", "/entries", bytes.NewReader(body), append([]string{"Content-Type", provenance.SubmissionMediaType}, header...)...)
}

// waiting returns when the engine holds count submissions.
func (n *node) waiting(count int) {
	for held := 0; held < count; time.Sleep(time.Millisecond) {
		n.chain.set(func(c *chain) { held = len(c.mempool) })
	}
}

// ok gets what must be there.
func (n *node) ok(target string, header ...string) []byte {
	n.t.Helper()
	w := n.get(target, header...)
	if w.Code != http.StatusOK {
		n.t.Fatalf("GET %s: %d %q", target, w.Code, w.Body)
	}
	return w.Body.Bytes()
}

// submit posts the provider's next submission.
func (n *node) submit() *submission {
	n.t.Helper()
	s := n.provider.next(n.t, 3)
	if w := n.post(s.raw); w.Code != http.StatusCreated {
		n.t.Fatalf("POST: %d %q", w.Code, w.Body)
	}
	return s
}

// provider signs statements of one stream.
type provider struct {
	id       string
	key      crypto.Signer
	sequence int64
	previous *provenance.Hash
}

type submission struct {
	statement *provenance.Statement
	records   [][]byte
	raw       []byte
}

func newProvider(t testing.TB, id string) *provider {
	t.Helper()
	key, err := provenance.GenerateKey(provenance.AlgEdDSA)
	if err != nil {
		t.Fatal(err)
	}
	return &provider{id: id, key: key}
}

func (p *provider) public() string {
	k, err := provenance.NewPublicKey(p.key.Public())
	if err != nil {
		panic(err)
	}
	return k.String()
}

// next signs a batch of count records and moves the stream on.
func (p *provider) next(t testing.TB, count int) *submission {
	t.Helper()
	s := p.sign(t, "s", p.sequence, p.previous, count)
	id := s.statement.ID()
	p.sequence, p.previous = p.sequence+1, &id
	return s
}

// sign makes a submission for any place.
func (p *provider) sign(t testing.TB, stream string, sequence int64, previous *provenance.Hash, count int) *submission {
	t.Helper()
	return p.signWith(t, p.key, stream, sequence, previous, records(t, sequence, count))
}

func (p *provider) signWith(t testing.TB, key crypto.Signer, stream string, sequence int64, previous *provenance.Hash, recs [][]byte) *submission {
	t.Helper()
	h, err := provenance.NewBatch(p.id, stream, sequence, previous, recs)
	if err != nil {
		t.Fatal(err)
	}
	s, err := h.Sign(key)
	if err != nil {
		t.Fatal(err)
	}
	sub, err := provenance.NewSubmission(&s.UnverifiedStatement, recs)
	if err != nil {
		t.Fatal(err)
	}
	return &submission{s, recs, sub.Encode()}
}

// records are transfers from US to CN, in hour sequence of the epoch's 472,266th.
func records(t testing.TB, sequence int64, count int) [][]byte {
	t.Helper()
	var out [][]byte
	for i := range count {
		b, err := (&provenance.Record{
			Kind: provenance.Transfer, Time: (472266+sequence)*3_600_000 + int64(i),
			Model:   &provenance.Model{Name: "llama-2-70b", Known: provenance.Asserted},
			Usage:   &provenance.Usage{Input: 10, Output: 3},
			Serving: &provenance.Place{Country: "US", Known: provenance.Asserted},
			Using:   &provenance.Place{Country: "CN", Known: provenance.Asserted},
			Side:    new(provenance.Exporter),
		}).Encode()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b)
	}
	return out
}
