package verify_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	cmtjson "github.com/cometbft/cometbft/libs/json"
	"github.com/cometbft/cometbft/types"

	"tokentrail/provenance"
	"tokentrail/verify"
	"tokentrail/verify/light"
)

// A story is a ledger with records whose ids the test knows by name, and the
// source that a node would be over them.
type story struct {
	*ledger
	names   map[string]string // by id, or issuer/ref in hex
	ids     map[string]provenance.Hash
	raw     map[string][]byte
	entry   map[string]int64
	records []*told
	page    int                                                                                               // records a page, of the 100 that may be
	change  func(q provenance.RecordQuery, offset int, a *provenance.RecordsAnswer) *provenance.RecordsAnswer // lies
	shuffle bool                                                                                              // answers come in another order
	asked   int
}

// told is one record as a node knows it.
type told struct {
	provenance.RecordHit
	id     provenance.Hash
	issuer string
	record *provenance.Record
}

var providers = []string{"acme", "beta", "cora", "dyne", "edge"}

// newStory makes a ledger with five providers and rule version 2.
func newStory(t testing.TB) *story {
	l := newLedger(t)
	state := provenance.Genesis{Format: 1, Policy: provenance.Policy{Records: 4096}, RuleSet: 2}
	for _, id := range providers {
		l.keys[id] = ed25519.NewKeyFromSeed(seed(id))
		public, err := provenance.NewPublicKey(l.keys[id].Public())
		check(t, err)
		state.Providers = append(state.Providers, provenance.GenesisProvider{ID: id, Name: id, Jurisdictions: []string{"US"}, Keys: []string{public.String()}})
	}
	var doc types.GenesisDoc
	check(t, cmtjson.Unmarshal(l.genesis, &doc))
	doc.AppState = []byte(mustJSON(t, state))
	raw, err := cmtjson.MarshalIndent(doc, "", "  ")
	check(t, err)
	l.genesis = raw
	var registry []provenance.Validator
	for _, v := range doc.Validators {
		registry = append(registry, provenance.Validator{Type: "ed25519", Key: v.PubKey.Bytes(), Power: v.Power})
	}
	l.state, err = state.State(registry)
	check(t, err)
	l.heads = []provenance.Preimage{{LogRoot: sha256.Sum256(nil), StateRoot: naiveState(l.state)}}
	l.states = []map[string][]byte{maps.Clone(l.state)}
	return &story{ledger: l, names: map[string]string{}, ids: map[string]provenance.Hash{}, raw: map[string][]byte{}, entry: map[string]int64{}, page: 7}
}

// tell commits a statement of an issuer with a record under a name.
func (s *story) tell(issuer, name string, r *provenance.Record) {
	s.t.Helper()
	s.tellAll(issuer, func(i int, id func(int) provenance.Hash) (string, *provenance.Record) {
		if i > 0 {
			return "", nil
		}
		return name, r
	})
}

// tellAll commits a statement with the records that next gives, until there is
// none; id gives the ids of those before.
func (s *story) tellAll(issuer string, next func(i int, id func(int) provenance.Hash) (string, *provenance.Record)) {
	s.t.Helper()
	var raws [][]byte
	var ids []provenance.Hash
	tree := &provenance.Tree{}
	sequence, entry := s.next[issuer+"/s"], int64(len(s.entries))
	for i := 0; ; i++ {
		name, r := next(i, func(i int) provenance.Hash { return ids[i] })
		if r == nil {
			break
		}
		raw, err := r.Encode()
		check(s.t, err)
		id := provenance.RecordID(issuer, "s", sequence, i, raw)
		s.names[id.String()], s.ids[name], s.raw[name], s.entry[name] = name, id, raw, entry
		raws, ids = append(raws, raw), append(ids, id)
		tree.Append(id)
	}
	e := s.batch(issuer, "s", raws)
	s.commit(e)
	for i, raw := range raws {
		r, err := provenance.ParseRecord(raw)
		check(s.t, err)
		path, err := tree.Path(int64(i))
		check(s.t, err)
		proof := &provenance.RecordProof{Record: raw, Index: int64(i), Count: int64(len(raws)), Path: path}
		s.records = append(s.records, &told{provenance.RecordHit{Entry: entry, Statement: e.Statement, Proof: proof}, ids[i], issuer, r})
	}
}

// Records answers as a node does.
func (s *story) Records(_ context.Context, q provenance.RecordQuery, offset int) (*provenance.RecordsAnswer, error) {
	s.asked++
	var all []provenance.RecordHit
	for _, r := range s.records {
		if r.matches(q) {
			all = append(all, r.RecordHit)
		}
	}
	if s.shuffle {
		slices.Reverse(all)
	}
	a := &provenance.RecordsAnswer{Size: int64(len(s.entries))}
	from := offset / provenance.MaxRecordHits * s.page
	a.Hits = all[min(from, len(all)):min(from+s.page, len(all))]
	a.More = from+s.page < len(all)
	if s.change != nil {
		a = s.change(q, offset, a)
	}
	return a, nil
}

func (r *told) matches(q provenance.RecordQuery) bool {
	switch {
	case q.Content != nil:
		return slices.ContainsFunc(r.record.Content, func(c provenance.Content) bool { return bytes.Equal(c.Value, q.Content[:]) })
	case q.Corrects:
		return r.issuer == q.Issuer && r.record.Correction != nil && bytes.Equal(r.record.Correction.Record, q.ID[:])
	case q.Parent:
		return slices.ContainsFunc(r.record.Parents, func(p provenance.Parent) bool {
			return q.ID != nil && bytes.Equal(p.ID, q.ID[:]) || q.ID == nil && p.ID == nil && p.Issuer == q.Issuer && bytes.Equal(p.Ref, q.Ref)
		})
	case q.ID != nil:
		return r.id == *q.ID
	}
	return r.issuer == q.Issuer && bytes.Equal(r.record.Ref, q.Ref)
}

// prover proves by receipts, from the genesis document.
func (s *story) prover(src verify.ReceiptSource) verify.EntryProver {
	trust := verify.Trust{Genesis: new(hashOf(s.genesis))}
	p, err := verify.NewEntryProver(context.Background(), s.genesis, trust, light.Offline(trust, s.options().Now), src)
	check(s.t, err)
	return p
}

// Receipt answers as a node does.
func (s *story) Receipt(_ context.Context, index int64) ([]byte, error) {
	b := s.serveReceipt(fmt.Sprint(index))
	if b == nil {
		return nil, verify.ErrMissing
	}
	return b, nil
}

// trace traces a record by its name, with proofs.
func (s *story) trace(name string, b verify.Bounds) *verify.Graph {
	s.t.Helper()
	s.commit() // the header that carries the app hash
	g, err := verify.Trace(context.Background(), s, s.prover(s), provenance.ByID(s.ids[name]), b)
	check(s.t, err)
	return g
}

// name is what the test calls a node.
func (s *story) name(key string) string {
	if name := s.names[key]; name != "" {
		return name
	}
	if issuer, ref, ok := strings.Cut(key, "/"); ok {
		b, err := hex.DecodeString(ref)
		check(s.t, err)
		return issuer + "/" + string(b)
	}
	return key[:8]
}

// nodesOf writes the nodes and their marks.
func (s *story) nodesOf(g *verify.Graph) string {
	var out []string
	for _, n := range g.Nodes {
		text := s.name(n.Key)
		for _, m := range n.Marks {
			text += " " + string(m.Name)
			for _, by := range m.By {
				text += ":" + s.name(by)
			}
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}

// edgesOf writes the edges.
func (s *story) edgesOf(g *verify.Graph) string {
	var out []string
	for _, e := range g.Edges {
		arrow := map[bool]string{false: ">", true: "~"}[e.Named == "ref"]
		if e.Kind == verify.EdgeCorrects {
			arrow = "!"
		}
		text := s.name(e.From) + arrow + s.name(e.To)
		if e.Closes {
			text += "(closes)"
		}
		if e.Later {
			text += "(later)"
		}
		out = append(out, text)
	}
	return strings.Join(out, " ")
}

// want compares a graph with the nodes and edges written down.
func (s *story) want(g *verify.Graph, nodes, edges string) {
	s.t.Helper()
	if got := s.nodesOf(g); got != nodes {
		s.t.Errorf("nodes\n  %s, wanted\n  %s", got, nodes)
	}
	if got := s.edgesOf(g); got != edges {
		s.t.Errorf("edges\n  %s, wanted\n  %s", got, edges)
	}
}

// What records say, with parents given as names of records, or as issuer/ref.

const noon = 1_793_534_400_000 // 2026-11-01T12:00:00Z

func (s *story) parents(names ...string) []provenance.Parent {
	var out []provenance.Parent
	for _, name := range names {
		if issuer, ref, ok := strings.Cut(name, "/"); ok {
			out = append(out, provenance.Parent{Issuer: issuer, Ref: []byte(ref)})
			continue
		}
		id, ok := s.ids[name]
		if !ok {
			s.t.Fatalf("no record is called %q", name)
		}
		out = append(out, provenance.Parent{ID: id[:]})
	}
	return out
}

func digest(of string) provenance.Digest {
	h := sha256.Sum256([]byte(of))
	return provenance.Digest{Algorithm: -16, Value: h[:]}
}

func place(country, operator string) *provenance.Place {
	return &provenance.Place{Country: country, Operator: operator, Known: provenance.Asserted}
}

func (s *story) dataset(name string) *provenance.Record {
	return &provenance.Record{Kind: provenance.DatasetMade, Time: noon, Dataset: &provenance.Dataset{
		Name: name, Version: "2026-10", Digest: digest(name), Sources: []provenance.Source{{Kind: 1}}}}
}

func (s *story) model(name string, parents ...string) *provenance.Record {
	return &provenance.Record{Kind: provenance.ModelMade, Time: noon + 1000, Parents: s.parents(parents...),
		Model: &provenance.Model{Name: name, Developer: "acme", Digest: new(digest(name)), Known: provenance.Asserted}}
}

func (s *story) production(parents ...string) *provenance.Record {
	return &provenance.Record{Kind: provenance.Production, Time: noon + 2000, Parents: s.parents(parents...),
		Model: &provenance.Model{Name: "trail-7b", Known: provenance.Asserted},
		Usage: &provenance.Usage{Input: 374, Output: 44}, Serving: place("US", "")}
}

func (s *story) transfer(side provenance.Side, parents ...string) *provenance.Record {
	r := s.production(parents...)
	r.Kind, r.Time, r.Using, r.Side = provenance.Transfer, noon+3000, place("CN", ""), &side
	return r
}

func (s *story) consumption(parents ...string) *provenance.Record {
	return &provenance.Record{Kind: provenance.Consumption, Time: noon + 4000, Parents: s.parents(parents...),
		Usage: &provenance.Usage{Input: 374, Output: 44}, Using: place("CN", "shop"), Label: &provenance.Label{Status: 1}}
}

func (s *story) reversal(of string) *provenance.Record {
	c, err := provenance.Reverse(s.ids[of], s.entry[of], s.raw[of], 2, "")
	check(s.t, err)
	return &provenance.Record{Kind: provenance.Corrected, Time: noon + 9000, Correction: c}
}

func (s *story) amendment(of string, output int64) *provenance.Record {
	c, err := provenance.Amend(s.ids[of], s.entry[of], s.raw[of], provenance.Sums{Output: output}, 2, "")
	check(s.t, err)
	return &provenance.Record{Kind: provenance.Corrected, Time: noon + 9000, Correction: c}
}
