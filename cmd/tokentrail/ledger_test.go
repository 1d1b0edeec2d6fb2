package main

import (
	"crypto"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"tokentrail/provenance"
)

// A fakeLedger serves what submit needs of a node: admission in order, with
// the window of ADM-14, real receipts and real state proofs. Faults are dealt
// at random.
type fakeLedger struct {
	t      *testing.T
	origin string
	chain  *fakeChain
	signer provenance.ReceiptSigner
	server *httptest.Server

	mu       sync.Mutex
	rules    int64
	policy   provenance.Policy
	provider provenance.Provider
	streams  map[string]*fakeStream
	tree     provenance.Tree
	leaves   []provenance.Hash
	refuse   func(h *provenance.BatchHeader) *problemError  // a refusal for good
	faults   float64                                        // share of requests that go wrong
	forge    func(s *provenance.UnverifiedStatement) []byte // a receipt for what the ledger does not take
	stuck    bool                                           // submissions are taken and not committed
	lie      func(a *provenance.RecordsAnswer)              // changes what is answered about records
	posts    int
	rivals   bool                               // other systems sign in the streams too
	closed   map[int64]*provenance.Equivocation // entries that closed a stream
	fetched  int                                // genesis documents
	seen     map[string]provenance.Hash         // issuer/stream/sequence to id: what was ever sent
}

type fakeStream struct {
	head    provenance.StreamHead
	waiting map[int64]*provenance.Submission
	ids     []provenance.Hash
	index   map[provenance.Hash]int64
	subs    []*provenance.Submission
}

func newFakeLedger(t *testing.T, key crypto.Signer) *fakeLedger {
	t.Helper()
	node, err := provenance.GenerateKey(provenance.AlgEdDSA)
	if err != nil {
		t.Fatal(err)
	}
	public, err := provenance.NewPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	chain := newFakeChain(t, "test-1", t.Name())
	l := &fakeLedger{
		t: t, chain: chain, origin: chain.origin(), rules: provenance.RuleVersion,
		provider: provenance.Provider{
			ID: "acme", Name: "Acme", Jurisdictions: []string{"US"}, Status: provenance.ProviderActive,
			Keys: []provenance.ProviderKey{{Alg: public.Alg(), Key: public.COSE()}},
		},
		streams: map[string]*fakeStream{}, seen: map[string]provenance.Hash{},
	}
	l.signer = provenance.ReceiptSigner{Origin: l.origin, Key: node}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", l.status)
	mux.HandleFunc("GET /v1/genesis", l.genesis)
	mux.HandleFunc("GET /v1/state", l.state)
	mux.HandleFunc("POST /entries", l.post)
	mux.HandleFunc("GET /entries/{id}", l.entry)
	mux.HandleFunc("GET /entries/{id}/{part}", l.evidence)
	mux.HandleFunc("GET /v1/records", l.records)
	l.server = httptest.NewServer(l.faulty(mux))
	t.Cleanup(l.server.Close)
	return l
}

// fail lets a share of the requests go wrong from now on.
func (l *fakeLedger) fail(share float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.faults = share
}

// faulty drops connections before and after a request is served, and answers
// 503 and 429, each at random.
func (l *fakeLedger) faulty(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.mu.Lock()
		share := l.faults
		l.mu.Unlock()
		if rand.Float64() >= share {
			next.ServeHTTP(w, r)
			return
		}
		switch rand.N(4) {
		case 0:
			panic(http.ErrAbortHandler) // before anything is read
		case 1:
			next.ServeHTTP(httptest.NewRecorder(), r) // served, and the answer lost
			panic(http.ErrAbortHandler)
		case 2:
			problem(w, http.StatusServiceUnavailable, "Unavailable", "unavailable: at random")
		case 3:
			problem(w, http.StatusTooManyRequests, "Too Many Requests", "busy: at random")
		}
	})
}

func problem(w http.ResponseWriter, status int, title, detail string) {
	b, err := cbor.Marshal(map[int]string{-1: title, -2: detail})
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", problemMediaType)
	w.WriteHeader(status)
	w.Write(b)
}

func (l *fakeLedger) status(w http.ResponseWriter, _ *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	p := l.preimage()
	fmt.Fprintf(w, `{"format": 1, "chain_id": "test-1", "origin": %q, "height": 7, "log_size": %d, "log_root": %q, "state_root": %q, "app_hash": %q}`,
		l.origin, p.Size, p.LogRoot, p.StateRoot, p.AppHash())
}

func (l *fakeLedger) genesis(w http.ResponseWriter, _ *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fetched++
	w.Write(l.chain.genesis)
}

func (l *fakeLedger) values() map[string][]byte {
	must := func(b []byte, err error) []byte {
		if err != nil {
			panic(err)
		}
		return b
	}
	v := map[string][]byte{
		provenance.StateRules:               must(provenance.EncodeStateValue(provenance.Rules{Version: l.rules})),
		provenance.StatePolicy:              must(provenance.EncodeStateValue(l.policy)),
		provenance.StateProviderKey("acme"): must(provenance.EncodeStateValue(l.provider)),
	}
	for name, s := range l.streams {
		if len(s.ids) > 0 {
			v["stream/"+name] = must(provenance.EncodeStateValue(s.head))
		}
	}
	return v
}

func (l *fakeLedger) preimage() provenance.Preimage {
	root, _ := prove(l.values(), "")
	return provenance.Preimage{Size: int64(len(l.leaves)), LogRoot: l.tree.Root(), StateRoot: root}
}

func (l *fakeLedger) state(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := r.URL.Query().Get("key")
	values := l.values()
	_, proof := prove(values, key)
	value := values[key]
	if value == nil {
		value = []byte{}
	}
	b, err := cbor.Marshal([]any{cbor.RawMessage(l.preimage().Encode()), 7, value, cbor.RawMessage(proof.Encode())})
	if err != nil {
		panic(err)
	}
	w.Write(b)
}

// prove computes the root of a small state map and the proof of a key.
func prove(values map[string][]byte, key string) (provenance.Hash, *provenance.StateProof) {
	var leaves []provenance.StateLeaf
	for k, v := range values {
		leaves = append(leaves, provenance.StateLeaf{KeyHash: sha256.Sum256([]byte(k)), ValueHash: sha256.Sum256(v)})
	}
	proof := &provenance.StateProof{}
	want := provenance.Hash(sha256.Sum256([]byte(key)))
	root := subtree(leaves, 0, want, proof)
	return root, proof
}

// subtree hashes the leaves below one place; on, if not nil, is filled in along
// the way to the wanted key.
func subtree(leaves []provenance.StateLeaf, depth int, want provenance.Hash, on *provenance.StateProof) provenance.Hash {
	switch len(leaves) {
	case 0:
		return provenance.Hash{}
	case 1:
		if on != nil {
			on.Leaf = &leaves[0]
		}
		return leaves[0].Hash()
	}
	var sides [2][]provenance.StateLeaf
	for _, leaf := range leaves {
		b := provenance.Bit(leaf.KeyHash, depth)
		sides[b] = append(sides[b], leaf)
	}
	mine := provenance.Bit(want, depth)
	other := subtree(sides[1-mine], depth+1, want, nil)
	if on != nil {
		on.Siblings = append(on.Siblings, other)
	}
	own := subtree(sides[mine], depth+1, want, on)
	if mine == 0 {
		return provenance.StateNode(own, other)
	}
	return provenance.StateNode(other, own)
}

func (l *fakeLedger) post(w http.ResponseWriter, r *http.Request) {
	body, err := readBounded(r.Body, provenance.MaxSubmissionBytes, "body")
	if err != nil {
		return
	}
	sub, err := provenance.ParseSubmission(body)
	if err != nil {
		problem(w, http.StatusBadRequest, "Malformed request", err.Error())
		return
	}
	h := sub.Statement.Header()
	name := h.Issuer + "/" + h.Stream
	l.mu.Lock()
	defer l.mu.Unlock()
	l.posts++
	if l.refuse != nil {
		if p := l.refuse(h); p != nil {
			problem(w, p.Status, p.Title, p.Detail)
			return
		}
	}
	if l.forge != nil {
		w.WriteHeader(http.StatusCreated)
		w.Write(l.forge(sub.Statement))
		return
	}
	at := fmt.Sprintf("%s/%d", name, h.Sequence)
	if id, ok := l.seen[at]; ok && id != sub.Statement.ID() && !l.rivals {
		l.t.Errorf("sequence %s was signed twice with different content", at)
	}
	l.seen[at] = sub.Statement.ID()
	s := l.streams[name]
	if s == nil {
		s = &fakeStream{waiting: map[int64]*provenance.Submission{}, index: map[provenance.Hash]int64{}}
		l.streams[name] = s
	}
	next := int64(len(s.ids))
	switch {
	case h.Sequence >= next+maxWindow:
		problem(w, http.StatusConflict, "Sequence Gap", fmt.Sprintf("gap: sequence %d, the next is %d", h.Sequence, next))
		return
	case h.Sequence < next && s.ids[h.Sequence] != sub.Statement.ID():
		if l.rivals {
			l.close(s, sub.Statement)
		}
		problem(w, http.StatusConflict, "Fork", "fork: another statement stands there")
		return
	case h.Sequence >= next:
		if _, _, err := sub.CheckRecords(l.policy.Limits(l.rules)); err != nil {
			problem(w, http.StatusBadRequest, "Rejected", err.Error())
			return
		}
		s.waiting[h.Sequence] = sub
		if !l.stuck {
			l.settle(name, s)
		}
	}
	if _, committed := s.index[sub.Statement.ID()]; !committed || rand.N(8) == 0 {
		w.Header().Set("Location", "/entries/"+sub.Statement.ID().String())
		w.WriteHeader(http.StatusAccepted)
		return
	}
	w.WriteHeader(http.StatusCreated)
	w.Write(l.receipt(s, sub.Statement.ID()))
}

// settle commits what has come in order.
func (l *fakeLedger) settle(name string, s *fakeStream) {
	for {
		next := int64(len(s.ids))
		sub := s.waiting[next]
		if sub == nil {
			return
		}
		delete(s.waiting, next)
		h := sub.Statement.Header()
		if next > 0 && (h.Previous == nil || *h.Previous != s.ids[next-1]) {
			l.t.Errorf("%s: sequence %d does not name the statement before", name, next)
		}
		id := sub.Statement.ID()
		index := int64(len(l.leaves))
		leaf := provenance.LeafHash(sub.Statement.Raw())
		l.tree.Append(leaf)
		l.leaves = append(l.leaves, leaf)
		s.ids, s.subs = append(s.ids, id), append(s.subs, sub)
		s.index[id] = index
		s.head = provenance.StreamHead{Sequence: next, Statement: id, Index: index, Status: provenance.StreamOpen}
	}
}

func (l *fakeLedger) receipt(s *fakeStream, id provenance.Hash) []byte {
	return l.receiptAt(id, s.index[id])
}

func (l *fakeLedger) receiptAt(id provenance.Hash, index int64) []byte {
	path, err := l.tree.Path(index)
	if err != nil {
		panic(err)
	}
	p := l.preimage()
	b, err := l.signer.Sign(id, provenance.Inclusion{Size: p.Size, Index: index, Path: path}, provenance.Anchor{Preimage: p, LightBlock: l.chain.block(p.AppHash())})
	if err != nil {
		panic(err)
	}
	return b
}

func (l *fakeLedger) entry(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var id provenance.Hash
	if index, err := strconv.ParseInt(r.PathValue("id"), 10, 64); err == nil && l.closed[index] != nil {
		w.Write(l.receiptAt(l.closed[index].ID(), index))
		return
	}
	if err := id.UnmarshalText([]byte(r.PathValue("id"))); err != nil {
		problem(w, http.StatusBadRequest, "Malformed request", "value: id")
		return
	}
	for _, s := range l.streams {
		if _, ok := s.index[id]; ok {
			w.Write(l.receipt(s, id))
			return
		}
		for sequence, sub := range s.waiting {
			if sub.Statement.ID() != id {
				continue
			}
			if !l.stuck && rand.N(4) == 0 { // a mempool that was full
				delete(s.waiting, sequence)
				break
			}
			w.Header().Set("Retry-After", strconv.Itoa(0))
			w.WriteHeader(http.StatusNoContent)
			return
		}
	}
	problem(w, http.StatusNotFound, "Not Found", "not-found: no such entry")
}

// sequence returns the records of a stream, as one file of records.
func (l *fakeLedger) sequence(name string) (sequence []byte, statements int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.streams[name]
	if s == nil {
		return nil, 0
	}
	for _, sub := range s.subs {
		records, _, err := sub.CheckRecords(provenance.FormatLimits())
		if err != nil {
			l.t.Error(err)
		}
		for _, raw := range records {
			sequence = append(sequence, raw...)
		}
	}
	return sequence, len(s.subs)
}

// wait waits until the ledger has had so many posts.
func (l *fakeLedger) wait(posts int) {
	for range 2000 {
		l.mu.Lock()
		n := l.posts
		l.mu.Unlock()
		if n >= posts {
			return
		}
		time.Sleep(time.Millisecond)
	}
}
