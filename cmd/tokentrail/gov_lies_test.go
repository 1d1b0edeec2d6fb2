package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"tokentrail/provenance"
)

// A govLie is something that a node makes up, and what is said of it.
type govLie struct {
	name string
	lie  func(g *governor) func(path string, answer []byte) []byte
	code int
	says string
}

// onState changes the answer about a key of the state map.
func onState(change func(answer []byte) []byte) func(*governor) func(string, []byte) []byte {
	return func(*governor) func(string, []byte) []byte {
		return func(path string, answer []byte) []byte {
			if path == "/v1/state" {
				return change(answer)
			}
			return answer
		}
	}
}

// parts takes an answer of /v1/state apart and puts it together again.
func parts(answer []byte, change func(height *int64, value *[]byte)) []byte {
	var w struct {
		_        struct{} `cbor:",toarray"`
		Preimage cbor.RawMessage
		Height   int64
		Value    []byte
		Proof    cbor.RawMessage
	}
	if err := cbor.Unmarshal(answer, &w); err != nil {
		panic(err)
	}
	change(&w.Height, &w.Value)
	b, err := cbor.Marshal(w)
	if err != nil {
		panic(err)
	}
	return b
}

// stateLies are lies about who governs and what is in the registry.
func stateLies(t *testing.T) []govLie {
	other := newFakeChain(t, "other-1", "somebody else")
	return []govLie{
		{"a registry whose proof does not hold", onState(func(answer []byte) []byte {
			return parts(answer, func(_ *int64, value *[]byte) {
				*value = bytes.Clone(*value)
				(*value)[len(*value)-1] ^= 1
			})
		}), exitAgainst, "proof"},
		{"a registry that nobody signed", func(g *governor) func(string, []byte) []byte {
			values := maps.Clone(g.node.values)
			values[provenance.StateProviderKey("mallory")] = values[provenance.StateProviderKey("acme")]
			return func(path string, answer []byte) []byte {
				if path == "/v1/state" {
					return g.node.stateOf(values, g.node.newest(), provenance.StateGovernance)
				}
				return answer
			}
		}, exitAgainst, "is not that of header 7, whose app hash is"},
		{"a header of other validators", func(g *governor) func(string, []byte) []byte {
			forged := newFakeChain(t, "gov-1", "somebody else")
			return func(path string, answer []byte) []byte {
				if path == "/v1/headers" {
					answer, _ = cbor.Marshal(forged.sign(7, g.node.preimage().AppHash()))
				}
				return answer
			}
		}, exitCouldNot, "header 7 of the node at"},
		{"the genesis of another ledger", func(*governor) func(string, []byte) []byte {
			return func(path string, answer []byte) []byte {
				if path == "/v1/genesis" {
					return other.genesis
				}
				return answer
			}
		}, exitAgainst, "the genesis document of the node at"},
		{"the origin of another ledger", func(g *governor) func(string, []byte) []byte {
			return func(_ string, answer []byte) []byte {
				return bytes.ReplaceAll(answer, []byte(g.node.chain.origin()), []byte(other.origin()))
			}
		}, exitAgainst, `wanted "tokentrail/other-1/`},
	}
}

// TestGovLiesAboutState: no command about an act goes by what is not proven, and
// none changes a file because of it. SPEC(CLI-45)
func TestGovLiesAboutState(t *testing.T) {
	for _, c := range stateLies(t) {
		t.Run(c.name, func(t *testing.T) {
			g := newGovernor(t)
			file, copied := g.proposal("p", true), g.proposal("q", false)
			g.node.lies(c.lie(g))
			before := contents(t, g.dir)
			key := filepath.Join(g.dir, "acme.key")
			for _, args := range [][]string{
				{"show"}, {"show", file}, {"submit", file}, {"join", file, copied, "--file", copied}, {"sign", copied, "--key", key, "--yes"},
				{"propose", "provider-status", "acme", "retired", "--file", filepath.Join(g.dir, "new")},
			} {
				g.failed(g.gov(args...), c.code, c.says)
			}
			if len(g.node.acts) > 0 || contents(t, g.dir) != before {
				t.Error("an act was sent, or a file was written")
			}
			g.node.lies(nil)
			g.succeeded(g.gov("submit", file))
		})
	}
}

// contents are the names and contents of all files in a directory.
func contents(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s %x\n", e.Name(), content)
	}
	return b.String()
}

// TestGovLiesAboutActs: an act in the place of another one is not shown, and does
// not count as submitted. SPEC(CLI-45), SPEC(CLI-47)
func TestGovLiesAboutActs(t *testing.T) {
	g := newGovernor(t)
	first, second := g.act("the first", true), g.act("the second", true)
	g.node.append(first)
	g.node.append(second)
	in := func(parts ...string) func(path string) bool {
		return func(path string) bool {
			for _, p := range parts {
				if path == "/entries/"+p {
					return true
				}
			}
			return false
		}
	}
	id := first.ID().String()
	for _, c := range []struct {
		name, entry string
		where       func(path string) bool
		answer      func() []byte
		says        string
	}{
		{"another act for an entry", "0", in("0/statement"), second.Raw, "entry 0 of the node at"},
		{"another act for an id", id, in(id + "/statement"), second.Raw, "gives the act " + second.ID().String() + " for the act " + id},
		{"an act that nobody has", "0", in("0/statement"), g.act("a third", true).Raw, "for entry 0, and has no entry of that id"},
		{"the receipt of another", "0", in("0"), func() []byte { return g.node.receiptOf(1) }, "entry 0 of the node at"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g.t = t
			g.node.lies(func(path string, answer []byte) []byte {
				if c.where(path) {
					return c.answer()
				}
				return answer
			})
			g.failed(g.gov("show", c.entry), exitAgainst, c.says)
		})
	}
	g.t = t
	// Act and receipt of another entry, each of which holds.
	g.node.lies(func(path string, answer []byte) []byte {
		switch path {
		case "/entries/0/statement", "/entries/" + id + "/statement":
			return second.Raw()
		case "/entries/0", "/entries/" + id:
			return g.node.receiptOf(1)
		}
		return answer
	})
	g.failed(g.gov("show", "0"), exitAgainst, "the node gives entry 1 for entry 0")
	g.failed(g.gov("show", strings.ToUpper(id)), exitAgainst, "gives the act "+second.ID().String()+" for the act "+id)
	// A receipt of another act for the one that is submitted.
	file := g.proposal("p", true)
	g.node.lies(func(path string, answer []byte) []byte {
		if path == "/entries" {
			return g.node.receiptOf(0)
		}
		return answer
	})
	g.failed(g.gov("submit", file), exitAgainst, "the receipt that the node at", "does not hold")
	g.node.lies(nil)
	if doc := g.succeeded(g.gov("show", "0")); fmt.Sprint(doc["says"]) != "[suspends acme: the ledger takes none of its statements until it is made active again; its entries stay and count]" {
		t.Errorf("%v", doc)
	}
}

// TestGovForeignLedger: a node of another ledger than the one that is meant, or than
// that which a proposal is for.
func TestGovForeignLedger(t *testing.T) {
	g := newGovernor(t)
	file, unsigned := g.proposal("p", true), g.proposal("q", false)
	mine := g.node
	genesis := mine.chain.hash().String()
	g.node = newFakeGoverned(t, newFakeChain(t, "other-1", "somebody else"), g.public)
	before := contents(t, g.dir)
	for _, args := range [][]string{{"show", file}, {"submit", file}, {"join", file, unsigned, "--file", file}} {
		g.failed(g.gov(append(args, "--genesis", genesis)...), exitAgainst, "--genesis names the one with the genesis document "+genesis)
	}
	const says = `chain-id: chain: the act is for "gov-1", this ledger is "other-1"`
	g.failed(g.gov("submit", file), exitAgainst, says)
	g.failed(g.gov("join", file, unsigned, "--file", file), exitAgainst, says, "nothing was written")
	g.failed(g.gov("sign", unsigned, "--key", filepath.Join(g.dir, "acme.key"), "--yes"), exitAgainst, says)
	problem, _ := g.succeeded(g.gov("show", file))["problem"].(map[string]any)
	if problem["code"] != "chain-id" || contents(t, g.dir) != before || len(g.node.acts) > 0 {
		t.Errorf("%v", problem)
	}
}

// TestGovStaleHead: a node that goes back behind what it has proven is asked again,
// and then left. SPEC(CLI-45)
func TestGovStaleHead(t *testing.T) {
	g := newGovernor(t)
	view := func() error {
		n, err := newNodes([]string{g.node.server.URL}, 400*time.Millisecond, func(string) {})
		if err != nil {
			t.Fatal(err)
		}
		origin, err := n.ledger(t.Context())
		if err == nil {
			_, err = n.fetchGenesis(t.Context(), origin)
		}
		if err == nil {
			_, err = newGovView(t.Context(), n)
		}
		return err
	}
	asked := 0
	g.node.at = func(height int64) int64 { // back for a while
		if asked++; asked == 2 || asked == 3 {
			return height - 3
		}
		return height
	}
	if err := view(); err != nil || asked != 5 {
		t.Errorf("asked %d times: %v", asked, err)
	}
	asked = 0
	g.node.at = func(height int64) int64 {
		if asked++; asked > 1 {
			return height - 3
		}
		return height
	}
	if err := view(); exitCode(err) != exitCouldNot || !strings.Contains(fmt.Sprint(err), "gives the state of header 4 behind that of header 7: it goes back") {
		t.Error(err)
	}
}
