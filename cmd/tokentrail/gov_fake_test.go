package main

import (
	"crypto"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"tokentrail/provenance"
)

// A fakeGoverned is a node of a ledger that one key governs, whose log has acts. It
// takes any act, and lies where it is told to.
type fakeGoverned struct {
	t      *testing.T
	chain  *fakeChain
	node   crypto.Signer
	server *httptest.Server

	mu     sync.Mutex
	values map[string][]byte // the state map
	base   int64             // height of the header that carries the first app hash
	tree   provenance.Tree
	acts   []*provenance.UnverifiedAct
	lie    func(path string, answer []byte) []byte // nil for none
	at     func(height int64) int64                // which height the state is of; nil: the newest
}

func newFakeGoverned(t *testing.T, chain *fakeChain, governor provenance.PublicKey) *fakeGoverned {
	t.Helper()
	node, err := provenance.GenerateKey(provenance.AlgEdDSA)
	if err != nil {
		t.Fatal(err)
	}
	g := &fakeGoverned{t: t, chain: chain, node: node, values: map[string][]byte{}, base: 7}
	g.set(provenance.StateGovernance, provenance.Governance{Threshold: 1, Keys: [][]byte{governor.COSE()}})
	g.set(provenance.StateRules, provenance.Rules{Version: provenance.RuleVersion})
	g.set(provenance.StatePolicy, provenance.Policy{})
	g.set(provenance.StateProviderKey("acme"), provenance.Provider{
		ID: "acme", Name: "Acme", Jurisdictions: []string{"US"}, Status: provenance.ProviderActive,
		Keys: []provenance.ProviderKey{{Alg: governor.Alg(), Key: governor.COSE()}},
	})
	mux := http.NewServeMux()
	for path, serve := range map[string]func(r *http.Request) []byte{
		"GET /v1/status": g.status, "GET /v1/genesis": func(*http.Request) []byte { return chain.genesis },
		"GET /v1/state": g.state, "GET /v1/headers": g.headers, "GET /entries/{id}": g.receipt, "GET /entries/{id}/statement": g.statement,
		"GET /v1/validators/changes": func(*http.Request) []byte { return []byte(`{"heights": []}`) },
		"GET /v1/validators":         func(*http.Request) []byte { return []byte(`{"validators": []}`) },
		"GET /v1/providers":          func(*http.Request) []byte { return []byte(`{"providers": [], "more": false}`) },
		"POST /entries":              g.post,
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			g.mu.Lock()
			defer g.mu.Unlock()
			answer := serve(r)
			if answer == nil {
				problem(w, http.StatusNotFound, "Not Found", "not-found: no such entry")
				return
			}
			if g.lie != nil {
				answer = g.lie(r.URL.Path, answer)
			}
			if r.Method == http.MethodPost {
				w.WriteHeader(http.StatusCreated)
			}
			w.Write(answer)
		})
	}
	g.server = httptest.NewServer(mux)
	t.Cleanup(g.server.Close)
	return g
}

// lies sets what the node makes of its answers from now on.
func (g *fakeGoverned) lies(lie func(path string, answer []byte) []byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lie = lie
}

func (g *fakeGoverned) set(key string, value any) {
	var b []byte
	var err error
	switch v := value.(type) {
	case provenance.Governance:
		b, err = provenance.EncodeStateValue(v)
	case provenance.Rules:
		b, err = provenance.EncodeStateValue(v)
	case provenance.Policy:
		b, err = provenance.EncodeStateValue(v)
	case provenance.Provider:
		b, err = provenance.EncodeStateValue(v)
	}
	if b == nil || err != nil {
		g.t.Fatalf("%s: %T: %v", key, value, err)
	}
	g.values[key] = b
}

// newest is the height of the header that carries the newest app hash.
func (g *fakeGoverned) newest() int64 { return g.base + int64(len(g.acts)) }

func (g *fakeGoverned) preimage() provenance.Preimage {
	root, _ := prove(g.values, "")
	return provenance.Preimage{Size: int64(len(g.acts)), LogRoot: g.tree.Root(), StateRoot: root}
}

func (g *fakeGoverned) status(*http.Request) []byte {
	return fmt.Appendf(nil, `{"format": 1, "chain_id": %q, "origin": %q, "height": %d, "log_size": %d}`, g.chain.id, g.chain.origin(), g.newest(), len(g.acts))
}

func (g *fakeGoverned) state(r *http.Request) []byte {
	height := g.newest()
	if g.at != nil {
		height = g.at(height)
	}
	return g.stateOf(g.values, height, r.URL.Query().Get("key"))
}

// stateOf answers for a key as if the state map held these values.
func (g *fakeGoverned) stateOf(values map[string][]byte, height int64, key string) []byte {
	root, proof := prove(values, key)
	p := g.preimage()
	p.StateRoot = root
	value := values[key]
	if value == nil {
		value = []byte{}
	}
	b, err := cbor.Marshal([]any{cbor.RawMessage(p.Encode()), height, value, cbor.RawMessage(proof.Encode())})
	if err != nil {
		panic(err)
	}
	return b
}

func (g *fakeGoverned) headers(r *http.Request) []byte {
	height, err := strconv.ParseInt(r.URL.Query().Get("from"), 10, 64)
	if err != nil {
		return nil
	}
	b, err := cbor.Marshal(g.chain.sign(height, g.preimage().AppHash()))
	if err != nil {
		panic(err)
	}
	return b
}

// index finds the entry that a path names, -1 for none.
func (g *fakeGoverned) index(r *http.Request) int64 {
	id := r.PathValue("id")
	for i, u := range g.acts {
		if id == u.ID().String() || id == strconv.Itoa(i) {
			return int64(i)
		}
	}
	return -1
}

func (g *fakeGoverned) receipt(r *http.Request) []byte {
	if i := g.index(r); i >= 0 {
		return g.receiptOf(i)
	}
	return nil
}

func (g *fakeGoverned) receiptOf(index int64) []byte {
	path, err := g.tree.Path(index)
	if err != nil {
		panic(err)
	}
	p := g.preimage()
	signer := provenance.ReceiptSigner{Origin: g.chain.origin(), Key: g.node}
	b, err := signer.Sign(g.acts[index].ID(), provenance.Inclusion{Size: p.Size, Index: index, Path: path}, provenance.Anchor{Preimage: p, LightBlock: g.chain.sign(g.newest(), p.AppHash())})
	if err != nil {
		panic(err)
	}
	return b
}

func (g *fakeGoverned) statement(r *http.Request) []byte {
	if i := g.index(r); i >= 0 {
		return g.acts[i].Raw()
	}
	return nil
}

func (g *fakeGoverned) post(r *http.Request) []byte {
	body, err := readBounded(r.Body, maxProposal, "body")
	if err != nil {
		return nil
	}
	u, err := provenance.ParseActProposal(body)
	if err != nil {
		return nil
	}
	return g.receiptOf(g.append(u))
}

// append makes an act the next entry.
func (g *fakeGoverned) append(u *provenance.UnverifiedAct) int64 {
	g.tree.Append(provenance.LeafHash(u.Raw()))
	g.acts = append(g.acts, u)
	return int64(len(g.acts)) - 1
}

// A governor has a key, and a node of the ledger that it governs.
type governor struct {
	*testProvider
	public provenance.PublicKey
	node   *fakeGoverned
}

func newGovernor(t *testing.T) *governor {
	t.Helper()
	p := newTestProvider(t)
	public, err := provenance.NewPublicKey(p.key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return &governor{p, public, newFakeGoverned(t, newFakeChain(t, "gov-1", t.Name()), public)}
}

// proposal writes a proposal that suspends acme, signed or not, and returns its name.
func (g *governor) proposal(name string, signed bool) string {
	g.t.Helper()
	file := filepath.Join(g.dir, name)
	if err := createProposal(file, g.act("because", signed)); err != nil {
		g.t.Fatal(err)
	}
	return file
}

func (g *governor) act(reason string, signed bool) *provenance.UnverifiedAct {
	g.t.Helper()
	u, err := provenance.NewAct(&provenance.Act{Chain: "gov-1", Reason: reason, Actions: []provenance.Action{
		{Type: provenance.ProviderSet, ID: "acme", Status: provenance.ProviderSuspended},
	}})
	if err == nil && signed {
		u, err = u.Sign(g.key)
	}
	if err != nil {
		g.t.Fatal(err)
	}
	return u
}

// gov is the command line of tokentrail gov, for the node.
func (g *governor) gov(args ...string) []string {
	return append(append([]string{"gov"}, args...), "--node", g.node.server.URL, "--json")
}
