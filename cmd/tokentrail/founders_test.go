package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"

	"tokentrail/provenance"
)

// handOver has other validators sign from the next height on, and returns the
// height and the light block that names them.
func (c *fakeChain) handOver(t *testing.T, secret string) (height int64, block []byte) {
	t.Helper()
	next := newFakeChain(t, c.id, secret)
	height = int64(len(c.blocks)) + 1
	block = c.signNext(height, provenance.Hash{9}, next.validators)
	c.blocks[provenance.Hash{9}] = block
	c.validators, c.keys = next.validators, next.keys
	return height, block
}

// TestSubmitFollowsValidators submits to a ledger whose validators are not those
// of its genesis document any more. The node's hints lead to them; a node that
// hints at nothing, or at nonsense, proves nothing, and the submission is kept.
func TestSubmitFollowsValidators(t *testing.T) {
	p := newTestProvider(t)
	l := newFakeLedger(t, p.key)
	founders := *l.chain
	height, block := l.chain.handOver(t, "others")
	type answers struct {
		hint  string
		block []byte
	}
	var says atomic.Pointer[answers]
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/validators/changes", func(w http.ResponseWriter, r *http.Request) {
		hint := says.Load().hint
		if hint == "" {
			http.NotFound(w, r)
			return
		}
		if r.URL.Query().Get("from") != "1" {
			fmt.Fprint(w, `{"heights": []}`)
			return
		}
		fmt.Fprint(w, hint)
	})
	mux.HandleFunc("GET /v1/headers", func(w http.ResponseWriter, r *http.Request) {
		w.Write(provenance.AppendBytes(nil, says.Load().block))
	})
	mux.Handle("/", l.server.Config.Handler)
	front := httptest.NewServer(mux)
	t.Cleanup(front.Close)
	a, content := p.records("a", 100, nil)
	args := slices.Clone(p.args(l, a, "--patience", "2s"))
	for i := range args {
		if args[i] == l.server.URL {
			args[i] = front.URL
		}
	}
	right := fmt.Sprintf(`{"heights": [%d]}`, height)
	for name, wrong := range map[string]answers{
		"no hint":       {"", block},
		"no change":     {`{"heights": []}`, block},
		"nonsense":      {`{"heights": "x"}`, block},
		"wrong height":  {fmt.Sprintf(`{"heights": [%d]}`, height+3), block},
		"another block": {right, founders.sign(height, provenance.Hash{9})},
	} {
		says.Store(&wrong)
		t.Log(name)
		p.failed(args, exitCouldNot, "could not be checked", "keeps what is signed")
	}
	says.Store(&answers{right, block})
	p.succeeded(args)
	wantSequence(t, l, content, 5)
}
