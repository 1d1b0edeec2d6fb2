package ledger

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tokentrail/provenance"
)

// A chronicle makes a seeded chain of submissions of all types, most of them
// admissible, others wrong in one way or another. It knows the state by the
// oracle alone.
type chronicle struct {
	t   *testing.T
	rng *rand.Rand
	o   *oracle

	made map[string][]*provenance.UnverifiedStatement // by place: what was signed for it
	sent [][]byte
}

const historyChain = "history-1"

func names(prefix string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprint(prefix, i)
	}
	return out
}

// coses holds the COSE_Keys that names stand for.
var coses sync.Map

func coseOf(t testing.TB, name string) []byte {
	t.Helper()
	if key, made := coses.Load(name); made {
		return key.([]byte)
	}
	k, err := provenance.NewPublicKey(signerOf(name).Public())
	if err != nil {
		t.Fatal(err)
	}
	key, _ := coses.LoadOrStore(name, k.COSE())
	return key.([]byte)
}

func sortedCOSE(t testing.TB, names []string) [][]byte {
	t.Helper()
	var out [][]byte
	for _, n := range names {
		out = append(out, coseOf(t, n))
	}
	slices.SortFunc(out, bytes.Compare)
	return out
}

// newChronicle returns a history and the genesis that it begins with.
func newChronicle(t *testing.T, seed uint64) (*chronicle, []byte) {
	t.Helper()
	h := &chronicle{t: t, rng: rand.New(rand.NewPCG(seed, 4)), made: map[string][]*provenance.UnverifiedStatement{}}
	h.o = &oracle{
		chain: historyChain, version: min(provenance.RuleVersion, 1+h.rng.Int64N(5)),
		providers: map[string]*oracleProvider{}, streams: map[string]*oracleStream{}, validators: map[string]int64{},
	}
	var providers []string
	for _, id := range []string{"acme", "beta", "gamma"} {
		keys := names(id+" key ", 1+h.rng.IntN(2))
		p := &oracleProvider{id: id, name: "The " + id, countries: []string{"US"}, status: provenance.ProviderActive}
		var texts []string
		for _, k := range keys {
			p.keys = append(p.keys, oracleKey{cose: coseOf(t, k)})
			texts = append(texts, fmt.Sprintf("%q", publicText(t, signerOf(k))))
		}
		h.o.providers[id] = p
		providers = append(providers, fmt.Sprintf(`{"id":%q,"name":"The %s","jurisdictions":["US"],"keys":[%s]}`, id, id, strings.Join(texts, ",")))
	}
	state := fmt.Sprintf(`{"format":1,"rules":%d,"providers":[%s],"policy":{}`, h.o.version, strings.Join(providers, ","))
	if h.rng.IntN(8) > 0 {
		var texts []string
		for _, g := range names("gov ", 3) {
			texts = append(texts, fmt.Sprintf("%q", publicText(t, signerOf(g))))
		}
		state += fmt.Sprintf(`,"governance":{"threshold":2,"keys":[%s]}`, strings.Join(texts, ","))
		h.o.governors = &provenance.Governance{Threshold: 2, Keys: sortedCOSE(t, names("gov ", 3))}
	}
	for _, v := range testValidators() {
		h.o.validators[string(v.Key)] = v.Power
	}
	return h, []byte(state + "}")
}

// begin goes on to the next block.
func (h *chronicle) begin() time.Time {
	h.o.height++
	h.o.time = blockTime.UnixMilli() + h.o.height*1000
	return time.UnixMilli(h.o.time)
}

// block makes submissions as they could come one after another into a block of
// the oracle's height. The oracle does not go on.
func (h *chronicle) block(n int) [][]byte {
	now := h.o
	h.o = now.copy()
	defer func() { h.o = now }()
	var out [][]byte
	for range n {
		raw := h.next()
		h.sent = append(h.sent, raw)
		out = append(out, raw)
		h.o.judge(raw)
	}
	return out
}

// chance reports true one time in n.
func (h *chronicle) chance(n int) bool { return h.rng.IntN(n) == 0 }

func pick[T any](h *chronicle, from []T) T { return from[h.rng.IntN(len(from))] }

func (h *chronicle) next() []byte {
	switch n := h.rng.IntN(20); {
	case n == 0 && len(h.sent) > 0:
		return pick(h, h.sent[max(0, len(h.sent)-20):]) // again
	case n == 1:
		raw := bytes.Clone(h.batch())
		raw[h.rng.IntN(len(raw))] ^= 1 << h.rng.IntN(8)
		return raw
	case n < 9:
		return h.act()
	case n < 11:
		return h.equivocation()
	}
	return h.batch()
}

// issuer is one that is registered, mostly.
func (h *chronicle) issuer() string {
	if h.chance(12) {
		return pick(h, h.newcomers())
	}
	return pick(h, slices.Sorted(maps.Keys(h.o.providers)))
}

// newcomers are ids that are not registered: some of nine, or one more where all
// of those are.
func (h *chronicle) newcomers() (out []string) {
	for i := 0; i < 9 || len(out) == 0; i++ {
		if id := fmt.Sprint("p", i); h.o.providers[id] == nil {
			out = append(out, id)
		}
	}
	return out
}

// keyOf is one that the provider has, or might have had.
func (h *chronicle) keyOf(id string) ed25519.PrivateKey {
	if h.chance(30) {
		return signerOf("stranger")
	}
	for range 4 { // rather one in force
		name := fmt.Sprint(id, " key ", h.rng.IntN(4))
		key := signerOf(name)
		if h.holds(id, name) {
			return key
		}
	}
	return signerOf(id + " key 0")
}

func (h *chronicle) batch() []byte {
	issuer, stream := h.issuer(), fmt.Sprint("s", h.rng.IntN(4))
	var sequence int64
	var previous *provenance.Hash
	if s := h.o.streams[issuer+"/"+stream]; s != nil {
		sequence = int64(len(s.ids))
		previous = &s.ids[sequence-1]
	}
	switch h.rng.IntN(20) {
	case 0:
		sequence++
	case 1:
		previous = &provenance.Hash{1}
	case 2:
		sequence = max(0, sequence-1-h.rng.Int64N(2))
	}
	if sequence == 0 {
		previous = nil
	} else if previous == nil {
		previous = &provenance.Hash{2}
	}
	st, frame := h.statement(issuer, stream, sequence, previous)
	return (&provenance.Submission{Statement: st, Frame: frame}).Encode()
}

// statement signs a statement over new records and remembers it.
func (h *chronicle) statement(issuer, stream string, sequence int64, previous *provenance.Hash) (*provenance.UnverifiedStatement, []byte) {
	w := newWriter(h.t, issuer, stream)
	w.rng, w.sequence, w.previous, w.key = h.rng, sequence, previous, h.keyOf(issuer)
	records := w.recordsAt(h.o.time-h.rng.Int64N(8000), 1+h.rng.IntN(3), 4)
	if h.chance(15) {
		records = append(records, chainRecords(h.t)...)
	}
	raw, _ := w.build(records)
	sub, err := provenance.ParseSubmission(raw)
	if err != nil {
		h.t.Fatal(err)
	}
	place := fmt.Sprintf("%s/%s/%d", issuer, stream, sequence)
	h.made[place] = append(h.made[place], sub.Statement)
	return sub.Statement, sub.Frame
}

func (h *chronicle) equivocation() []byte {
	issuer, stream, sequence := h.issuer(), "s0", int64(0)
	if known := slices.Sorted(maps.Keys(h.o.streams)); len(known) > 0 && !h.chance(8) {
		at := pick(h, known)
		issuer, stream, _ = strings.Cut(at, "/")
		sequence = h.rng.Int64N(int64(len(h.o.streams[at].ids)))
	}
	var previous *provenance.Hash
	if sequence > 0 {
		previous = &provenance.Hash{byte(h.rng.Uint32())}
	}
	a, _ := h.statement(issuer, stream, sequence, previous)
	b := a
	for _, x := range h.made[fmt.Sprintf("%s/%s/%d", issuer, stream, sequence)] {
		if x.ID() != a.ID() {
			b = x
		}
	}
	if b == a {
		b, _ = h.statement(issuer, stream, sequence, previous)
	}
	e, err := provenance.NewEquivocation(a, b)
	if err != nil {
		h.t.Fatal(err)
	}
	if h.chance(20) {
		e.A, e.B = e.B, e.A
	}
	return provenance.EncodeEquivocationSubmission(e)
}
