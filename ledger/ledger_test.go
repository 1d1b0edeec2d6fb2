package ledger

import (
	"bytes"
	"errors"
	"testing"

	"tokentrail/provenance"
)

func TestBlocks(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	if h, hash := l.Info(); h != 0 || l.Snapshot().ChainID() != "" {
		t.Fatalf("a fresh ledger is at %d %s", h, hash)
	}
	genesis(t, l)
	a, b := newWriter(t, "acme", "s1"), newWriter(t, "beta", "s1")
	var all []*Checked
	for range 5 {
		txs := append(a.many(2, 3), b.next(1))
		all = append(all, txs...)
		run(t, l, txs)
	}
	empty := l.Snapshot().Head()
	if h := run(t, l, nil); h.AppHash != empty.AppHash {
		t.Fatalf("an empty block changed the app hash")
	}
	checkSnapshot(t, l.Snapshot(), all)
	head := l.Snapshot().Head()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Snapshot().Entry(0); !errors.Is(err, ErrClosed) {
		t.Fatalf("reading a closed ledger: %v", err)
	}
	l = open(t, dir)
	if got := l.Snapshot().Head(); got != head {
		t.Fatalf("reopened at %+v, was %+v", got, head)
	}
	checkSnapshot(t, l.Snapshot(), all)
	for h := head.Height; h > head.Height-keptHeights; h-- {
		s, ok := l.SnapshotAt(h)
		if !ok {
			t.Fatalf("no snapshot at %d after reopening", h)
		}
		checkSnapshot(t, s, all[:s.Head().Size])
	}
}

// checkSnapshot is the whole-ledger oracle: it rebuilds everything that a
// snapshot says from the submissions alone.
func checkSnapshot(t testing.TB, s *Snapshot, all []*Checked) {
	t.Helper()
	head := s.Head()
	if head.Size != int64(len(all)) {
		t.Fatalf("size %d, wanted %d", head.Size, len(all))
	}
	changes, err := genesisState(appStateOf(t, "{}", "acme", "beta"), testValidators())
	if err != nil {
		t.Fatal(err)
	}
	state := map[string][]byte{}
	for _, c := range changes {
		state[c.key] = c.value
	}
	var tree provenance.Tree
	for i, c := range all {
		h := c.sub.Statement.Header()
		tree.Append(provenance.LeafHash(c.sub.Statement.Raw()))
		v, err := provenance.EncodeStateValue(provenance.StreamHead{Sequence: h.Sequence, Statement: c.ID(), Index: int64(i), Status: 1})
		if err != nil {
			t.Fatal(err)
		}
		state[provenance.StateStreamKey(h.Issuer, h.Stream)] = v
	}
	if tree.Root() != head.LogRoot {
		t.Fatalf("log root %s, wanted %s", head.LogRoot, tree.Root())
	}
	if want := naiveRoot(state); want != head.StateRoot {
		t.Fatalf("state root %s, wanted %s", head.StateRoot, want)
	}
	if want := (provenance.Preimage{Size: int64(len(all)), LogRoot: tree.Root(), StateRoot: naiveRoot(state)}).AppHash(); want != head.AppHash {
		t.Fatalf("app hash %s, wanted %s", head.AppHash, want)
	}
	for key, value := range state {
		got, ok := s.State(key)
		if !ok || !bytes.Equal(got, value) {
			t.Fatalf("state %s is %x, wanted %x", key, got, value)
		}
		if err := s.StateProof(key).Present(head.StateRoot, key, value); err != nil {
			t.Fatal(err)
		}
	}
	for i, c := range all {
		checkEntry(t, s, int64(i), c)
	}
}

func checkEntry(t testing.TB, s *Snapshot, i int64, c *Checked) {
	t.Helper()
	e, err := s.Entry(i)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(e.Statement, c.sub.Statement.Raw()) || e.ID != c.ID() {
		t.Fatalf("entry %d is another statement", i)
	}
	frame, err := s.Frame(i)
	if err != nil || !bytes.Equal(frame, c.sub.Frame) {
		t.Fatalf("entry %d: another frame, %v", i, err)
	}
	h := c.sub.Statement.Header()
	if got, err := s.IndexOf(c.ID()); err != nil || got != i {
		t.Fatalf("statement %s is entry %d, %v", c.ID(), got, err)
	}
	if got, err := s.IndexOfSequence(h.Issuer, h.Stream, h.Sequence); err != nil || got != i {
		t.Fatalf("sequence %d is entry %d, %v", h.Sequence, got, err)
	}
	p, err := s.Inclusion(i, s.Head().Size)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Verify(s.Head().LogRoot, e.LeafHash()); err != nil {
		t.Fatal(err)
	}
}
