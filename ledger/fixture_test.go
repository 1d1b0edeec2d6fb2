package ledger

import (
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"tokentrail/provenance"
)

// blockTime is that of all blocks here: admission does not look at it.
var blockTime = time.UnixMilli(1_700_158_546_680)

// signers holds the keys that names stand for.
var signers sync.Map

// signerOf returns the Ed25519 key that a name stands for.
func signerOf(name string) ed25519.PrivateKey {
	if key, made := signers.Load(name); made {
		return key.(ed25519.PrivateKey)
	}
	seed := sha256.Sum256([]byte(name))
	key, _ := signers.LoadOrStore(name, ed25519.NewKeyFromSeed(seed[:]))
	return key.(ed25519.PrivateKey)
}

func publicText(t testing.TB, key crypto.Signer) string {
	t.Helper()
	p, err := provenance.NewPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return p.String()
}

// appStateOf admits providers, each with the key that its id stands for.
func appStateOf(t testing.TB, policy string, ids ...string) []byte {
	var providers []string
	for _, id := range ids {
		providers = append(providers, fmt.Sprintf(`{"id":%q,"name":"The %s","jurisdictions":["US"],"keys":[%q]}`, id, id, publicText(t, signerOf(id))))
	}
	return fmt.Appendf(nil, `{"format":1,"providers":[%s],"policy":%s}`, strings.Join(providers, ","), policy)
}

func testValidators() []provenance.Validator {
	return []provenance.Validator{
		{Type: "ed25519", Key: signerOf("validator 1").Public().(ed25519.PublicKey), Power: 10},
		{Type: "ed25519", Key: signerOf("validator 2").Public().(ed25519.PublicKey), Power: 7},
	}
}

// open opens a ledger with small memtables, and closes it with the test.
func open(t testing.TB, dir string) *Ledger {
	t.Helper()
	l, err := Open(dir, Options{memTable: 8 << 20, ReserveBytes: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// newLedger opens a fresh ledger at genesis with the providers acme and beta.
func newLedger(t testing.TB) *Ledger {
	t.Helper()
	l := open(t, t.TempDir())
	genesis(t, l)
	return l
}

func genesis(t testing.TB, l *Ledger) {
	t.Helper()
	if _, err := l.InitGenesis(appStateOf(t, "{}", "acme", "beta"), testValidators(), "test-1"); err != nil {
		t.Fatal(err)
	}
}

// writer makes the statements of one stream.
type writer struct {
	t              testing.TB
	issuer, stream string
	key            crypto.Signer
	sequence       int64
	previous       *provenance.Hash
	rng            *rand.Rand
}

func newWriter(t testing.TB, issuer, stream string) *writer {
	seed := sha256.Sum256([]byte(issuer + "/" + stream))
	return &writer{t: t, issuer: issuer, stream: stream, key: signerOf(issuer), rng: rand.New(rand.NewChaCha8(seed))}
}

// records makes n encoded records with random token counts and refs.
func (w *writer) records(n, refBytes int) [][]byte {
	return w.recordsAt(1_700_158_546_680, n, refBytes)
}

// recordsAt is records of a time and the milliseconds after it.
func (w *writer) recordsAt(at int64, n, refBytes int) [][]byte {
	out := make([][]byte, n)
	for i := range out {
		r := &provenance.Record{
			Kind:    provenance.Production,
			Time:    at + int64(i),
			Model:   &provenance.Model{Name: "llama-2-70b", Known: 1},
			Usage:   &provenance.Usage{Input: w.rng.Int64N(4000), Output: w.rng.Int64N(1000)},
			Serving: &provenance.Place{Country: "US", Known: 1},
		}
		for range refBytes {
			r.Ref = append(r.Ref, byte(w.rng.Uint32()))
		}
		b, err := r.Encode()
		if err != nil {
			w.t.Fatal(err)
		}
		out[i] = b
	}
	return out
}

// next makes the stream's next submission, of n records.
func (w *writer) next(n int) *Checked {
	w.t.Helper()
	return w.submit(w.records(n, 8))
}

func (w *writer) submit(records [][]byte) *Checked {
	w.t.Helper()
	raw, id := w.build(records)
	w.sequence, w.previous = w.sequence+1, &id
	c, err := Check(raw)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// build makes a submission at the writer's place without moving on.
func (w *writer) build(records [][]byte) ([]byte, provenance.Hash) {
	w.t.Helper()
	h, err := provenance.NewBatch(w.issuer, w.stream, w.sequence, w.previous, records)
	if err != nil {
		w.t.Fatal(err)
	}
	s, err := h.Sign(w.key)
	if err != nil {
		w.t.Fatal(err)
	}
	sub, err := provenance.NewSubmission(&s.UnverifiedStatement, records)
	if err != nil {
		w.t.Fatal(err)
	}
	return sub.Encode(), s.ID()
}

// many makes the next k submissions of n records each.
func (w *writer) many(k, n int) []*Checked {
	out := make([]*Checked, k)
	for i := range out {
		out[i] = w.next(n)
	}
	return out
}

// again decodes the same submissions anew, as another node would.
func again(t testing.TB, txs []*Checked) []*Checked {
	out := make([]*Checked, len(txs))
	for i, c := range txs {
		var err error
		if out[i], err = Check(c.Raw()); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// run applies and commits one block, in which everything is admitted.
func run(t testing.TB, l *Ledger, txs []*Checked) Head {
	t.Helper()
	height := l.Snapshot().Head().Height + 1
	out, err := l.Apply(height, blockTime, txs)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range out.Results {
		if r.Err != nil || r.Code != 0 {
			t.Fatalf("block %d transaction %d: %v", height, i, r.Err)
		}
	}
	if err := l.Commit(); err != nil {
		t.Fatal(err)
	}
	if got, gotHash := l.Info(); got != height || gotHash != out.AppHash {
		t.Fatalf("Info is %d %s after block %d %s", got, gotHash, height, out.AppHash)
	}
	return l.Snapshot().Head()
}

// prepare chooses the transactions of a block.
func prepare(t interface {
	Helper()
	Fatal(...any)
}, l *Ledger, height int64, candidates []*Checked, maxBytes int64) []*Checked {
	t.Helper()
	chosen, err := l.Prepare(height, blockTime, candidates, maxBytes)
	if err != nil {
		t.Fatal(err)
	}
	return chosen
}
