package app

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"

	"tokentrail/ledger"
	"tokentrail/provenance"
)

// statementAfter signs a statement for the place behind another's.
func statementAfter(t *testing.T, before *ledger.Checked, salt int64) *ledger.Checked {
	t.Helper()
	h, id := before.Submission().Statement.Header(), before.ID()
	return signedAt(t, named(h.Issuer), h.Stream, h.Sequence+1, &id, salt)
}

// closesOnce waits until every node has the equivocation of each of the streams,
// and holds that there is one each.
func closesOnce(t *testing.T, streams int, nodes ...*governedNode) {
	t.Helper()
	for _, g := range nodes {
		g.has(t, func(s *ledger.Snapshot) bool {
			closed, err := s.Equivocations()
			return err == nil && len(closed) == streams
		})
	}
	// Whatever is still on its way comes with this.
	last := statementAt(t, named("acme"), "last", 0, 0)
	nodes[0].commits(t, last.Raw())
	for i, g := range nodes {
		g.has(t, func(s *ledger.Snapshot) bool { _, err := s.IndexOf(last.ID()); return err == nil })
		s := g.l.Snapshot()
		count := 0
		for index := range s.Head().Size {
			e, err := s.Entry(index)
			if err != nil {
				t.Fatal(err)
			}
			if e.Kind() == provenance.LeafEquivocation {
				count++
			}
		}
		p, _, err := s.Provider("acme")
		if err != nil || p.Equivocations != int64(streams) || count != streams {
			t.Errorf("node %d: %d entries of equivocation, the provider has %d (%v), wanted %d", i, count, p.Equivocations, err, streams)
		}
	}
}

// keeps reports how many equivocations wait for an entry.
func (g *governedNode) keeps() int {
	v := g.app.accuser.evidence
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.streams)
}

// TestForkOfWhatWaits: SPEC(EQV-5). A node that is given two statements for a place
// before either is an entry keeps both, and hands them to the ledger when one is,
// though nobody sends the other again.
func TestForkOfWhatWaits(t *testing.T) {
	noLeaks(t)
	homes := governedHomes(t, 2)
	g := startGoverned(t, homes[0]) // alone it makes no blocks
	first, fork := statementAt(t, named("acme"), "s", 0, 0), statementAt(t, named("acme"), "s", 0, 7)
	refused := func(c *ledger.Checked, why string, code provenance.Code) {
		t.Helper()
		got, words, err := g.Submit(timeout(t), c.Raw())
		if err != nil || got != ledger.ResultCode(code) || !strings.Contains(words, why) {
			t.Errorf("%d %q, %v; wanted %s", got, words, err, code)
		}
	}
	submit(t, g.Node, string(first.Raw()))
	refused(statementAt(t, named("stranger"), "s", 0, 8), "is no key of", ledger.CodeUnknownKey)
	if g.keeps() != 0 {
		t.Error("a forged statement is evidence")
	}
	for range 3 {
		refused(fork, first.ID().String()+" waits for this place", ledger.CodeFork)
	}
	// Of a stream further on, the first of which is not there yet.
	begin := statementAt(t, named("acme"), "r", 0, 0)
	next, other := statementAfter(t, begin, 0), statementAfter(t, begin, 7)
	if code, words, err := g.Submit(timeout(t), next.Raw()); code != CodeHeld || err != nil {
		t.Fatalf("%d %q, %v", code, words, err)
	}
	refused(other, next.ID().String()+" waits for this place", ledger.CodeFork)
	if g.keeps() != 2 || len(g.app.accuser.streams) != 0 {
		t.Errorf("%d equivocations wait for an entry, %d are made", g.keeps(), len(g.app.accuser.streams))
	}

	h := startGoverned(t, homes[1])
	g.commits(t, begin.Raw())
	closesOnce(t, 2, g, h)
	for end := time.Now().Add(10 * time.Second); g.keeps() != 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("what is in the ledger is still kept")
		}
	}
	stop(t, g.Node)
	stop(t, h.Node)
}

// TestForksAtOnce: two statements for a place are sent at once, to one node or to
// two: whichever becomes an entry, one equivocation closes the stream.
func TestForksAtOnce(t *testing.T) {
	noLeaks(t)
	var nodes []*governedNode
	for _, home := range governedHomes(t, 2) {
		nodes = append(nodes, startGoverned(t, home))
	}
	const streams = 12
	for i := range streams {
		var sending sync.WaitGroup
		name := fmt.Sprint("s", i)
		for story := range 2 {
			c := statementAt(t, named("acme"), name, 0, int64(story))
			to := nodes[(story+i)%2]
			if i%3 == 0 {
				to = nodes[0]
			}
			sending.Go(func() { _, _, _ = to.Submit(timeout(t), c.Raw()) })
		}
		sending.Wait()
		if i%4 == 3 {
			nodes[0].has(t, func(s *ledger.Snapshot) bool { _, there, err := s.StreamHead("acme", name); return err == nil && there })
		}
	}
	closesOnce(t, streams, nodes...)
	for _, g := range nodes {
		stop(t, g.Node)
	}
}

// TestDisplacedIsEvidence: SPEC(EQV-5). A node that holds a statement for its
// predecessor, and learns of another for its place by a block alone, has both.
func TestDisplacedIsEvidence(t *testing.T) {
	l, a := bareApplication(t, nil)
	begin := statementAt(t, named("acme"), "s", 0, 0)
	held, other := statementAfter(t, begin, 0), statementAfter(t, begin, 7)
	r, err := a.CheckTx(t.Context(), &abci.RequestCheckTx{Tx: held.Raw(), Type: abci.CheckTxType_New})
	if err != nil || r.Code != CodeHeld {
		t.Fatalf("%+v, %v", r, err)
	}
	block := &abci.RequestFinalizeBlock{Height: 1, Time: time.Unix(1700160000, 0), Txs: [][]byte{begin.Raw(), other.Raw()}}
	if _, err := a.FinalizeBlock(t.Context(), block); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Commit(t.Context(), &abci.RequestCommit{}); err != nil {
		t.Fatal(err)
	}
	ripe := a.accuser.evidence.ripe(l.Snapshot().StreamHead)
	if len(ripe) != 1 || ripe[0].of != placeOf(held).stream {
		t.Fatalf("%d are ripe", len(ripe))
	}
	c, err := ledger.Check(ripe[0].raw)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Snapshot().AdmitPending(c); err != nil || !isOf(c.Equivocation(), held, other) {
		t.Errorf("the evidence: %v", err)
	}
}

// isOf reports whether an equivocation is of two statements.
func isOf(e *provenance.Equivocation, one, other *ledger.Checked) bool {
	return e.A.ID() == one.ID() && e.B.ID() == other.ID() || e.A.ID() == other.ID() && e.B.ID() == one.ID()
}

// TestEvidenceIsBounded: what is kept for places without an entry is bounded, for
// one issuer and for all, and not for ever.
func TestEvidenceIsBounded(t *testing.T) {
	now := time.Unix(1000, 0)
	v := newKeptEvidence(func() time.Time { return now })
	at := func(issuer string, i int, sequence int64) place {
		return place{stream{batches, issuer, fmt.Sprint("s", i)}, sequence}
	}
	none := func(string, string) (provenance.StreamHead, bool, error) { return provenance.StreamHead{}, false, nil }
	for i := range evidenceCountIssuer {
		if !v.keep(at("acme", i, 5), []byte{1}) {
			t.Fatalf("stream %d", i)
		}
	}
	if v.keep(at("acme", evidenceCountIssuer, 5), []byte{1}) {
		t.Error("one more than an issuer has room for")
	}
	if v.keep(at("acme", 0, 5), []byte{2}) || v.keep(at("acme", 0, 6), []byte{2}) || !v.keep(at("acme", 0, 4), []byte{2, 2}) {
		t.Error("the one of the lowest sequence is to be kept")
	}
	if v.keep(at("acme", 0, 3), make([]byte, evidenceBytesIssuer)) || v.streams[at("acme", 0, 0).stream].sequence != 4 {
		t.Error("what there is no room for takes another's place")
	}
	large := make([]byte, evidenceBytesIssuer)
	for i := range 3 {
		if issuer := fmt.Sprint("p", i); !v.keep(at(issuer, 0, 0), large) || v.keep(at(issuer, 1, 0), []byte{1}) {
			t.Errorf("%s: not as many bytes as an issuer may have", issuer)
		}
	}
	if v.keep(at("p3", 0, 0), large) || !v.keep(at("p3", 0, 0), []byte{1}) {
		t.Error("not as many bytes as all may have")
	}
	head := func(_, name string) (provenance.StreamHead, bool, error) {
		h := provenance.StreamHead{Sequence: 4, Status: provenance.StreamOpen}
		if name == "s1" {
			h.Status = provenance.StreamClosed
		}
		return h, name == "s0" || name == "s1" || name == "s2", nil
	}
	ripe := v.ripe(head)
	if len(ripe) != 5 || v.all.count != evidenceCountIssuer+3 {
		t.Errorf("%d are ripe of %d", len(ripe), v.all.count)
	}
	for _, x := range ripe {
		if x.of.name != "s0" || x.of.issuer == "acme" && !bytes.Equal(x.raw, []byte{2, 2}) {
			t.Errorf("%v is ripe", x.of)
		}
	}
	v.drop(at("acme", 0, 0).stream)
	v.drop(at("acme", 0, 0).stream)
	now = now.Add(evidenceTime + time.Second)
	if ripe := v.ripe(none); len(ripe) != 0 || len(v.streams) != 0 || v.all != (load{}) || len(v.byIssuer) != 0 {
		t.Errorf("later %d are ripe, %v are left, of %v", len(ripe), v.all, v.byIssuer)
	}
}
