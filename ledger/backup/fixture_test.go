package backup

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"
	"time"

	"tokentrail/ledger"
	"tokentrail/provenance"
)

const chainID = "test-1"

// genesisDoc stands for a genesis document: only its bytes count here.
var genesisDoc = []byte(`{"chain_id":"test-1"}`)

func keyOf(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(name))
	return ed25519.NewKeyFromSeed(seed[:])
}

// A chain is a ledger with headers that look like the engine's: each carries the
// app hash of the height before and the hash of its parent.
type chain struct {
	t        testing.TB
	ledger   *ledger.Ledger
	headers  [][]byte // light blocks by height - 1
	parent   provenance.Hash
	sequence int64
	previous *provenance.Hash
	asked    int   // calls to Entries
	failAt   int   // the call of Entries that fails; 0: none
	first    int64 // FirstHeader
	forge    func(*Entry)
	names    string // of validators of its own; empty: those of the genesis document
}

func openLedger(t testing.TB, dir string) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(dir, ledger.Options{ReserveBytes: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func newChain(t testing.TB) *chain {
	t.Helper()
	c := &chain{t: t, ledger: openLedger(t, t.TempDir()), first: 1}
	p, err := provenance.NewPublicKey(keyOf("acme").Public())
	if err != nil {
		t.Fatal(err)
	}
	state := fmt.Appendf(nil, `{"format":1,"providers":[{"id":"acme","name":"Acme","jurisdictions":["US"],"keys":[%q]}],"policy":{}}`, p)
	validators := []provenance.Validator{{Type: "ed25519", Key: keyOf("validator").Public().(ed25519.PublicKey), Power: 10}}
	if _, err := c.ledger.InitGenesis(state, validators, chainID); err != nil {
		t.Fatal(err)
	}
	c.sign()
	return c
}

// sign makes the header behind the ledger's height.
func (c *chain) sign() {
	_, app := c.ledger.Info()
	signed := fmt.Appendf(nil, "%08d", len(c.headers)+1)
	signed = append(append(signed, c.parent[:]...), app[:]...)
	signed = append(append(signed, c.set(len(c.headers))...), c.set(len(c.headers)+1)...)
	block := append([]byte{0x0a, byte(len(signed))}, signed...)
	set := c.set(len(c.headers))
	block = append(append(block, 0x12, byte(len(set))), set...)
	c.headers = append(c.headers, block)
	c.parent = sha256.Sum256(signed)
}

// set is the validators of the header at index n: eight bytes that stay for three
// heights.
func (c *chain) set(n int) []byte { return fmt.Appendf(nil, "%.4s%04d", c.names+"vals", n/3) }

var testReading = Reading{
	Header: readTestHeader, Checkpoint: readTestCheckpoint,
	Founders: func([]byte) (h provenance.Hash, err error) { copy(h[:], "vals0000"); return h, nil },
}

// readTestCheckpoint reads what chain.Checkpoint makes.
func readTestCheckpoint(raw []byte) (*Checkpoint, error) {
	r := newReader("checkpoint", bytes.NewReader(raw), int64(len(raw)))
	frontier, block := r.bytes(1<<20), r.bytes(1<<20)
	if r.err != nil {
		return nil, r.err
	}
	f, err := ledger.ParseFrontier(frontier)
	return &Checkpoint{Frontier: f, LightBlock: block}, err
}

// readTestHeader reads sign's headers.
func readTestHeader(b []byte) (h Header, err error) {
	if len(b) < 2+88 || b[0] != 0x0a || b[1] != 88 {
		return h, errors.New("no light block")
	}
	signed := b[2:90]
	if _, err := fmt.Sscanf(string(signed[:8]), "%d", &h.Height); err != nil {
		return h, err
	}
	copy(h.Parent[:], signed[8:])
	copy(h.AppHash[:], signed[40:])
	copy(h.Validators[:], signed[72:80])
	copy(h.NextValidators[:], signed[80:])
	h.Hash = sha256.Sum256(signed)
	return h, nil
}

// block commits a block of n statements with two records each.
func (c *chain) block(n int) {
	c.t.Helper()
	txs := make([]*ledger.Checked, n)
	for i := range txs {
		txs[i] = c.next()
	}
	height := c.ledger.Snapshot().Head().Height + 1
	out, err := c.ledger.Apply(height, time.UnixMilli(1_700_158_546_680), txs)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, r := range out.Results {
		if r.Err != nil {
			c.t.Fatal(r.Err)
		}
	}
	if err := c.ledger.Commit(); err != nil {
		c.t.Fatal(err)
	}
	c.sign()
}

func (c *chain) next() *ledger.Checked {
	c.t.Helper()
	var records [][]byte
	for i := range int64(2) {
		r := &provenance.Record{
			Kind: provenance.Production, Time: 1_700_158_546_680 + c.sequence,
			Model: &provenance.Model{Name: "llama-2-70b", Known: 1}, Serving: &provenance.Place{Country: "US", Known: 1},
			Usage: &provenance.Usage{Input: 10 * i, Output: c.sequence},
		}
		b, err := r.Encode()
		if err != nil {
			c.t.Fatal(err)
		}
		records = append(records, b)
	}
	h, err := provenance.NewBatch("acme", "chat", c.sequence, c.previous, records)
	if err != nil {
		c.t.Fatal(err)
	}
	s, err := h.Sign(keyOf("acme"))
	if err != nil {
		c.t.Fatal(err)
	}
	sub, err := provenance.NewSubmission(&s.UnverifiedStatement, records)
	if err != nil {
		c.t.Fatal(err)
	}
	id := s.ID()
	c.sequence, c.previous = c.sequence+1, &id
	checked, err := ledger.Check(sub.Encode())
	if err != nil {
		c.t.Fatal(err)
	}
	return checked
}

// Genesis and the others make a chain a Source.
func (c *chain) Genesis(context.Context) ([]byte, error) { return bytes.Clone(genesisDoc), nil }

func (c *chain) Checkpoint(context.Context) ([]byte, error) {
	s := c.ledger.Snapshot()
	f, err := s.Frontier()
	if err != nil {
		return nil, err
	}
	return provenance.AppendBytes(provenance.AppendBytes(nil, f.Encode()), c.headers[s.Head().Height]), nil
}

func (c *chain) Entries(_ context.Context, from, to int64) ([]*Entry, error) {
	if c.asked++; c.asked == c.failAt {
		return nil, errors.New("the source fails")
	}
	s := c.ledger.Snapshot()
	var out []*Entry
	for i := from; i < min(to, from+3); i++ {
		e, err := s.Entry(i)
		if err != nil {
			return nil, err
		}
		frame, err := s.Frame(i)
		if err != nil {
			return nil, err
		}
		entry := &Entry{i, e.Height, bytes.Clone(e.Statement), frame}
		if c.forge != nil {
			c.forge(entry)
		}
		out = append(out, entry)
	}
	return out, nil
}

func (c *chain) Consistency(_ context.Context, older, newer int64) (*provenance.Consistency, error) {
	return c.ledger.Snapshot().Consistency(older, newer)
}

func (c *chain) FirstHeader(context.Context) (int64, error) { return c.first, nil }

func (c *chain) Headers(_ context.Context, from, to int64) ([][]byte, error) {
	return c.headers[from-1 : min(to-1, from+1)], nil
}

// small are options for many small segments.
func small() Options { return Options{Reading: testReading, segment: 1500} }

func verifying() VerifyOptions {
	return VerifyOptions{}
}

// backedUp makes a backup by several runs, of a ledger that grows.
func backedUp(t testing.TB, blocks ...int) (*chain, string) {
	t.Helper()
	c, dir := newChain(t), t.TempDir()
	for _, n := range blocks {
		c.block(n)
		if _, err := Run(t.Context(), dir, c, small()); err != nil {
			t.Fatal(err)
		}
	}
	return c, dir
}

// whole verifies a backup.
func whole(t testing.TB, dir string) (*Backup, *Proofs, error) {
	t.Helper()
	b, err := Open(dir, 0, testReading)
	if err != nil {
		return nil, nil, err
	}
	p, err := b.Verify(t.Context(), verifying())
	return b, p, err
}
