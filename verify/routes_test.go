package verify_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	cmted "github.com/cometbft/cometbft/crypto/ed25519"
	"github.com/cometbft/cometbft/types"

	"tokentrail/provenance"
	"tokentrail/verify"
)

// routeOf names the route of a request as spec/api.md lists them.
func routeOf(path string) string {
	path, _, _ = strings.Cut(path, "?")
	parts := strings.Split(path, "/")
	if len(parts) > 2 && parts[1] == "entries" {
		parts[2] = "INDEX"
	}
	if len(parts) == 5 {
		parts[4] = "RECORD"
	}
	return strings.Join(parts, "/")
}

// history is a ledger of so many blocks and an empty one, of the attacks on routes:
// its last entry corrects a record of the first, so that an audit reads that again.
// Those with the same to share their beginnings, others part in entry 2.
func history(t testing.TB, blocks int, to string, change func(*ledger, *provenance.Genesis)) *ledger {
	l := newLedgerWith(t, change)
	first := l.records(2, "US", "CN")
	for i := range blocks {
		switch i {
		case 0:
			l.commit(l.batch("acme", "us", first))
		case 1:
			l.commit(l.batch("beta", "eu", l.records(3, "DE", "US")), l.batch("acme", "us", l.records(2, "US", to)))
		case 2:
			l.commit(l.batch("acme", "jp", l.records(2, "JP", to)))
		case 3:
			c := l.correctionRecord(reversal(t, provenance.RecordID("acme", "us", 0, 0, first[0]), first[0]))
			l.commit(l.batch("beta", "eu", l.records(2, "DE", to)), l.batch("acme", "us", [][]byte{c}))
		}
	}
	l.commit()
	return l
}

func asItIs(*ledger, *provenance.Genesis) {}

// grown is the ledger whose routes are attacked.
func grown(t testing.TB) *ledger { return history(t, 4, "IN", asItIs) }

// A manner is a way to lie that fits answers of any route: it returns what is
// answered in place of an honest answer, or that as it is where it does not fit.
type manner struct {
	name string
	lie  func(l *ledger) func(path string, honest []byte) []byte
}

// manners are the ways to lie of the attacks on routes.
func manners() []manner {
	of := func(other func(t testing.TB) *ledger) func(l *ledger) func(string, []byte) []byte {
		return func(l *ledger) func(string, []byte) []byte {
			o := other(l.t)
			return func(path string, honest []byte) []byte { return o.orElse(path, honest) }
		}
	}
	each := func(change func(b []byte) []byte) func(l *ledger) func(string, []byte) []byte {
		return func(*ledger) func(string, []byte) []byte {
			return func(_ string, honest []byte) []byte { return change(bytes.Clone(honest)) }
		}
	}
	return []manner{
		{"of another history, signed by the same validators", of(func(t testing.TB) *ledger { return history(t, 4, "FR", asItIs) })},
		{"of another ledger", of(func(t testing.TB) *ledger {
			return history(t, 4, "IN", func(_ *ledger, g *provenance.Genesis) { g.Policy.Records-- })
		})},
		{"stale", of(func(t testing.TB) *ledger { return history(t, 2, "IN", asItIs) })},
		{"cut by a byte", each(func(b []byte) []byte { return b[:max(0, len(b)-1)] })},
		{"cut in half", each(func(b []byte) []byte { return b[:len(b)/2] })},
		{"empty", each(func([]byte) []byte { return []byte{} })},
		{"withheld", each(func([]byte) []byte { return nil })},
		{"a bit flipped in the middle", each(func(b []byte) []byte { b[len(b)/2] ^= 1; return b })},
		{"a bit flipped at the end", each(func(b []byte) []byte { b[len(b)-3] ^= 4; return b })},
		{"reordered", func(l *ledger) func(string, []byte) []byte { return l.reordered }},
		{"swapped", swapped},
		{"re-signed", func(l *ledger) func(string, []byte) []byte { return l.reSigned }},
		{"equivocating", equivocating},
	}
}

// orElse answers by the ledger's own history, and as it is what that cannot.
func (l *ledger) orElse(path string, honest []byte) (b []byte) {
	defer func() {
		if recover() != nil || b == nil {
			b = honest
		}
	}()
	return l.honest(parseURL(l.t, path))
}

// swapped answers with the answer to another request of the route, or where an
// audit asks only one, with that of another route.
func swapped(l *ledger) func(string, []byte) []byte {
	answers := l.asked()
	paths := sortedKeysOf(answers)
	return func(path string, honest []byte) []byte {
		for _, other := range paths {
			if routeOf(other) == routeOf(path) && !bytes.Equal(answers[other], honest) && strings.Count(other, "limit=1") == strings.Count(path, "limit=1") {
				return answers[other]
			}
		}
		i := slices.Index(paths, path)
		return answers[paths[(i+1)%len(paths)]]
	}
}

func sortedKeysOf[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// equivocating answers as it should once, and then by another history.
func equivocating(l *ledger) func(string, []byte) []byte {
	other, asked := history(l.t, 4, "FR", asItIs), map[string]int{}
	return func(path string, honest []byte) []byte {
		if asked[routeOf(path)]++; asked[routeOf(path)] == 1 {
			return honest
		}
		return other.orElse(path, honest)
	}
}

// reordered turns lists round.
func (l *ledger) reordered(path string, honest []byte) []byte {
	var out []byte
	switch routeOf(path) {
	case "/v1/headers":
		blocks, err := verify.DecodeHeaders(honest, 1000)
		check(l.t, err)
		for _, b := range slices.Backward(blocks) {
			out = appendBytes(out, b)
		}
	case "/v1/entries":
		entries, err := verify.DecodeEntries(honest, 1000)
		check(l.t, err)
		for _, e := range slices.Backward(entries) {
			out = l.appendEntry(out, e)
		}
	case "/v1/flows":
		a, err := verify.DecodeFlows(honest)
		check(l.t, err)
		slices.Reverse(a.Rows)
		out = []byte(mustJSON(l.t, a))
	case "/v1/state":
		a, err := verify.DecodeState(honest)
		check(l.t, err)
		proof, err := provenance.ParseStateProof(a.Proof)
		check(l.t, err)
		slices.Reverse(proof.Siblings)
		return stateWith(func(a *verify.StateAnswer) { a.Proof = proof.Encode() })(honest)
	case "/proof/inclusion":
		p, err := provenance.ParseInclusion(honest)
		check(l.t, err)
		slices.Reverse(p.Path)
		out = p.Encode()
	case "/proof/consistency":
		p, err := provenance.ParseConsistency(honest)
		check(l.t, err)
		slices.Reverse(p.Path)
		out = p.Encode()
	case "/entries/INDEX":
		r, err := provenance.ParseReceipt(honest)
		check(l.t, err)
		slices.Reverse(r.Proof.Path)
		out = l.receiptWith(r, l.nodeKey)
	case "/v1/genesis":
		var doc map[string]json.RawMessage // comes in another order
		check(l.t, json.Unmarshal(honest, &doc))
		out = []byte(mustJSON(l.t, doc))
	default:
		return honest
	}
	return out
}

// receiptWith signs a receipt's content.
func (l *ledger) receiptWith(r *provenance.Receipt, key ed25519.PrivateKey) []byte {
	id := provenance.Hash{}
	check(l.t, id.UnmarshalText([]byte(r.Statement)))
	b, err := provenance.ReceiptSigner{Origin: r.Origin, Key: key}.Sign(id, r.Proof, r.Anchor)
	check(l.t, err)
	return b
}

// reSigned signs with keys of the node's own what others had signed.
func (l *ledger) reSigned(path string, honest []byte) []byte {
	thief := ed25519.NewKeyFromSeed(seed("thief"))
	switch routeOf(path) {
	case "/v1/headers":
		blocks, err := verify.DecodeHeaders(honest, 1000)
		check(l.t, err)
		var out []byte
		for _, b := range blocks {
			out = appendBytes(out, l.usurped(b))
		}
		return out
	case "/v1/entries":
		entries, err := verify.DecodeEntries(honest, 1000)
		check(l.t, err)
		var out []byte
		for _, e := range entries {
			s, err := provenance.ParseStatement(e.Statement)
			check(l.t, err)
			signed, err := s.Header().Sign(thief)
			check(l.t, err)
			e.Statement = signed.Raw()
			out = l.appendEntry(out, e)
		}
		return out
	case "/checkpoint":
		b, err := provenance.Checkpoint{Origin: l.origin(), Size: l.head().Size, Root: l.head().LogRoot}.Sign(thief)
		check(l.t, err)
		return b
	case "/.well-known/scitt-keys":
		return otherKeys(nil)
	case "/entries/INDEX":
		r, err := provenance.ParseReceipt(honest)
		check(l.t, err)
		return l.receiptWith(r, thief)
	}
	return honest
}

// usurped is a light block with the same header but for the validators, who are
// the node's own.
func (l *ledger) usurped(raw []byte) []byte {
	own := *l
	key := cmted.GenPrivKeyFromSecret(seed("usurper"))
	own.private = map[string]cmted.PrivKey{key.PubKey().Address().String(): key}
	own.validators = types.NewValidatorSet([]*types.Validator{types.NewValidator(key.PubKey(), 1)})
	h := *decodeBlock(l.t, raw).Header
	h.ValidatorsHash, h.NextValidatorsHash, h.ProposerAddress = own.validators.Hash(), own.validators.Hash(), key.PubKey().Address()
	return own.sign(&h, 1)
}

// routeLies are the attacks on routes.
func routeLies() []attack {
	var all []attack
	for _, route := range sortedKeysOf(routeWants) {
		for _, m := range manners() {
			want, fits := routeWants[route][m.name]
			if !fits {
				continue
			}
			all = append(all, attack{name: route + ", " + m.name, want: want, tell: func(t testing.TB) *verify.Report {
				r, _ := tellOn(t, route, m)
				return r
			}})
		}
	}
	return all
}

// tellOn lies on one route, and reports whether anything was changed by it.
func tellOn(t testing.TB, route string, m manner, trust ...func(l *ledger) verify.Trust) (r *verify.Report, changed bool) {
	l := grown(t)
	lie := m.lie(l)
	l.answer = func(path string, b []byte) []byte {
		if routeOf(path) != route {
			return b
		}
		out := lie(path, b)
		changed = changed || !bytes.Equal(out, b)
		return out
	}
	var under []verify.Trust
	for _, of := range trust {
		under = append(under, of(l))
	}
	r = l.audit(under...)
	return r, changed
}

// TestEveryRouteIsLiedOn: there is an attack on each route that an audit asks, in
// each manner that fits its answers.
func TestEveryRouteIsLiedOn(t *testing.T) {
	routes := map[string]bool{}
	for path := range grown(t).asked() {
		routes[routeOf(path)] = true
	}
	for route := range routes {
		for _, m := range manners() {
			_, changed := tellOn(t, route, m)
			if _, wanted := routeWants[route][m.name]; changed != wanted {
				t.Errorf("%s, %s: it changes answers: %v, and something is wanted of it: %v", route, m.name, changed, wanted)
			}
		}
	}
	for route := range routeWants {
		if !routes[route] {
			t.Errorf("no audit asks %s", route)
		}
	}
}
