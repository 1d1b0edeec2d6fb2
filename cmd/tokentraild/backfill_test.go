package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"tokentrail/ledger"
	"tokentrail/ledger/app"
	"tokentrail/provenance"
	"tokentrail/verify"
	"tokentrail/verify/remote"
)

// joinedLedger makes the home of a node that joins at an address, and opens its
// ledger.
func joinedLedger(t *testing.T, node *daemon) *ledger.Ledger {
	t.Helper()
	home := filepath.Join(t.TempDir(), "late")
	s := joinStatusOf(t, node.url())
	var out, errs bytes.Buffer
	args := []string{"init", "--home", home, "--join", node.url(), "--trust", fmt.Sprintf("%d:%s", s.Header.Height, s.Header.Hash)}
	if code := run(t.Context(), args, &out, &errs); code != exitOK {
		t.Fatalf("init ends with %d: %s%s", code, out.String(), errs.String())
	}
	l, err := ledger.Open(app.LedgerDir(home), ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func source(t *testing.T, url string) *remote.Node {
	t.Helper()
	n, err := remote.New(url, remote.Options{Retries: -1, Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// changedEntries stands before a node and changes the entries that it gives.
func changedEntries(t *testing.T, node string, change func(entries [][]any) [][]any) string {
	return lyingNode(t, node, func(path string, body []byte) []byte {
		if path != "/v1/entries" {
			return body
		}
		var entries [][]any
		for rest := body; len(rest) > 0; {
			var e []any
			var err error
			if rest, err = cbor.UnmarshalFirst(rest, &e); err != nil {
				t.Error(err)
				return nil
			}
			entries = append(entries, e)
		}
		var out []byte
		for _, e := range change(entries) {
			b, err := cbor.Marshal(e)
			if err != nil {
				t.Error(err)
				return nil
			}
			out = append(out, b...)
		}
		return out
	})
}

// TestBackfillOfLiars fetches history from nodes each of which lies in its own
// way: nothing that is not the log's gets in, and an honest one then gives all.
func TestBackfillOfLiars(t *testing.T) {
	p := newProvider(t, "acme")
	node := startTestNode(t, p)
	records := traceRecords(t)
	for i := range 12 {
		if a := post(t, node.url(), p.next(t, records[10*i:10*i+10])); a.status != http.StatusCreated {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	l := joinedLedger(t, node)
	url := node.url()
	flip := func(member int) func([][]any) [][]any {
		return func(e [][]any) [][]any {
			b := bytes.Clone(e[5][member].([]byte))
			b[len(b)/2] ^= 1
			e[5][member] = b
			return e
		}
	}
	first := func(path string, change func([]byte) []byte) string {
		return lyingNode(t, url, func(at string, body []byte) []byte {
			if at == path {
				return change(body)
			}
			return body
		})
	}
	for _, c := range []struct{ name, url string }{
		{"a forged statement", changedEntries(t, url, flip(1))},
		{"forged records", changedEntries(t, url, flip(2))},
		{"records of another entry", changedEntries(t, url, func(e [][]any) [][]any { e[5][2] = e[6][2]; return e })},
		{"an entry left out", changedEntries(t, url, func(e [][]any) [][]any { return append(e[:5], e[6:]...) })},
		{"an entry left out, and indexes mended", changedEntries(t, url, func(e [][]any) [][]any {
			e = append(e[:5], e[6:]...)
			for i := range e {
				e[i][0] = i
			}
			return e
		})},
		{"entries swapped", changedEntries(t, url, func(e [][]any) [][]any {
			e[3][1], e[3][2], e[4][1], e[4][2] = e[4][1], e[4][2], e[3][1], e[3][2]
			return e
		})},
		{"no heights", changedEntries(t, url, func(e [][]any) [][]any {
			for i := range e {
				e[i] = e[i][:3]
			}
			return e
		})},
		{"heights beyond", changedEntries(t, url, func(e [][]any) [][]any { e[0][3] = 1 << 40; return e })},
		{"heights that fall", changedEntries(t, url, func(e [][]any) [][]any { e[1][3], e[2][3] = e[2][3], e[1][3]; return e })},
		{"nothing", changedEntries(t, url, func([][]any) [][]any { return nil })},
		{"a page cut off", first("/v1/entries", func(b []byte) []byte { return b[:len(b)-7] })},
		{"garbage", first("/v1/entries", func([]byte) []byte { return []byte("garbage") })},
		{"a proof of nothing", first("/proof/consistency", func([]byte) []byte { return nil })},
		{"nobody", "http://127.0.0.1:1"},
	} {
		b := &backfill{ledger: l, log: quiet()}
		// Where all fits one page no proof is wanted: the root is the frontier's.
		if c.name == "a proof of nothing" {
			c.url = lyingNode(t, changedEntries(t, url, func(e [][]any) [][]any { return e[:4] }), func(path string, body []byte) []byte {
				if path == "/proof/consistency" {
					return body[:len(body)/2]
				}
				return body
			})
		}
		before, _ := l.Missing()
		err := b.entries(t.Context(), source(t, c.url))
		if err == nil {
			t.Errorf("%s: all is well", c.name)
		}
		// What stands before the entry that is wrong may be written.
		checkEntries(t, l, node.ledger)
		if after, _ := l.Missing(); after < before {
			t.Errorf("%s: what was here is not any more", c.name)
		}
	}
	// In pages of three, each with its proof.
	b := &backfill{ledger: l, log: quiet()}
	if err := b.entries(t.Context(), source(t, changedEntries(t, url, func(e [][]any) [][]any { return e[:min(3, len(e))] }))); err != nil {
		t.Fatal(err)
	}
	if from, to := l.Missing(); from != to {
		t.Errorf("entries %d to %d are missing", from, to)
	}
	checkEntries(t, l, node.ledger)
}

// TestBackfillPastFork: of the ledgers that a home had before it rejoined, one that
// went another way is asked once, and does not keep history from coming.
func TestBackfillPastFork(t *testing.T) {
	ledgerOf := func(entries int) (*daemon, *ledger.Ledger) {
		p := newProvider(t, "acme")
		node := startTestNode(t, p)
		records := traceRecords(t)
		for i := range entries {
			if a := post(t, node.url(), p.next(t, records[10*i:10*i+10])); a.status != http.StatusCreated {
				t.Fatalf("%d %s", a.status, a.body)
			}
		}
		return node, joinedLedger(t, node)
	}
	other, fork := ledgerOf(5)
	if err := (&backfill{ledger: fork, log: quiet()}).entries(t.Context(), source(t, other.url())); err != nil {
		t.Fatal(err)
	}
	node, l := ledgerOf(8)
	b := &backfill{ledger: l, old: []*ledger.Ledger{fork}, log: quiet()}
	if len(b.oldPage(0, 8)) == 0 {
		t.Fatal("the fork has nothing to give")
	}
	if err := b.entries(t.Context(), source(t, node.url())); err == nil {
		t.Error("a fork's entries are taken")
	}
	if err := b.entries(t.Context(), source(t, node.url())); err != nil {
		t.Fatal(err)
	}
	checkEntries(t, l, node.ledger)
}

// checkEntries wants all that a ledger has of the time before it joined to be as
// it is where it joined.
func checkEntries(t *testing.T, l, whole *ledger.Ledger) {
	t.Helper()
	from, _ := l.Missing()
	for i := range from {
		got, err := l.Snapshot().Entry(i)
		if err != nil {
			t.Fatal(err)
		}
		want, err := whole.Snapshot().Entry(i)
		if err != nil {
			t.Fatal(err)
		}
		frame, err := l.Snapshot().EntryFrame(got)
		if err != nil || got.ID != want.ID || !bytes.Equal(got.Statement, want.Statement) || provenance.Hash(sha256.Sum256(frame)) != want.FrameHash {
			t.Errorf("entry %d is another (%v)", i, err)
		}
	}
}

// TestBackfillHeaders archives headers from nodes that lie and one that does not,
// with a start again in between.
func TestBackfillHeaders(t *testing.T) {
	p := newProvider(t, "acme")
	node := startTestNode(t, p)
	records := traceRecords(t)
	for i := range 8 {
		if a := post(t, node.url(), p.next(t, records[10*i:10*i+10])); a.status != http.StatusCreated {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	l := joinedLedger(t, node)
	last, _ := l.Info()
	genesis := request(t, http.MethodGet, node.url()+"/v1/genesis", "", nil).body
	b := &backfill{ledger: l, genesis: genesis, log: quiet()}
	headers := func(change func(blocks [][]byte) [][]byte) string {
		return lyingNode(t, node.url(), func(path string, body []byte) []byte {
			if path != "/v1/headers" {
				return body
			}
			blocks, err := verify.DecodeHeaders(body, 1000)
			if err != nil {
				t.Error(err)
				return nil
			}
			var out []byte
			for _, b := range change(blocks) {
				out = provenance.AppendBytes(out, b)
			}
			return out
		})
	}
	agrees := func(*verify.Header) error { return nil }
	for name, url := range map[string]string{
		"a flipped bit": headers(func(b [][]byte) [][]byte {
			b[3] = bytes.Clone(b[3])
			b[3][len(b[3])/2] ^= 1
			return b
		}),
		"one left out": headers(func(b [][]byte) [][]byte { return append(b[:2], b[3:]...) }),
		"none":         headers(func([][]byte) [][]byte { return nil }),
		"garbage":      headers(func(b [][]byte) [][]byte { b[0] = []byte("garbage"); return b }),
		"nobody":       "http://127.0.0.1:1",
	} {
		if err := b.headersTo(t.Context(), source(t, url), last, agrees); err == nil {
			t.Errorf("%s: all is well", name)
		}
		if _, have := l.ArchivedHeaders(); have > 0 {
			t.Fatalf("%s: headers up to %d are archived", name, have)
		}
	}
	// Headers that hold by themselves, and do not lead here.
	fork := func(*verify.Header) error { return errOtherChain }
	if err := b.headersTo(t.Context(), source(t, node.url()), last, fork); !errors.Is(err, errOtherChain) {
		t.Errorf("a fork: %v", err)
	}
	// A part, and then the rest, as after a start.
	if err := b.headersTo(t.Context(), source(t, node.url()), last/2, agrees); err != nil {
		t.Fatal(err)
	}
	if err := b.headersTo(t.Context(), source(t, node.url()), last, agrees); err != nil {
		t.Fatal(err)
	}
	for h := int64(1); h <= last; h++ {
		want, err := node.node.LightBlock(h)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := l.ArchivedHeader(h); err != nil || !bytes.Equal(got, want) {
			t.Errorf("height %d: the archive has another light block (%v)", h, err)
		}
	}
}

// TestBackfillGoesRound asks the next node when one fails, and ends with ctx.
func TestBackfillGoesRound(t *testing.T) {
	b := &backfill{sources: []*remote.Node{source(t, "http://127.0.0.1:1"), source(t, "http://127.0.0.1:2")}, log: quiet()}
	asked := ""
	step := func(_ context.Context, n *remote.Node) error {
		asked += n.URL() + " "
		if strings.HasSuffix(asked, "2 ") {
			return nil
		}
		return errors.New("not me")
	}
	if b.attempt(t.Context(), "entries", step) || !b.attempt(t.Context(), "entries", step) {
		t.Errorf("asked %s", asked)
	}
	if asked != "http://127.0.0.1:1 http://127.0.0.1:2 " {
		t.Errorf("asked %s", asked)
	}
}
