package provenance

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
	"time"
)

// What several tests need: fixed keys, sample records and whole objects.

func must1[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func unhex(s string) []byte { return must1(hex.DecodeString(strings.ReplaceAll(s, " ", ""))) }

// testKey returns the same key for the same name, of the algorithm.
func testKey(alg int64, name string) crypto.Signer {
	seed := sha256.Sum256([]byte("tokentrail test key " + name))
	if alg == AlgEdDSA {
		return ed25519.NewKeyFromSeed(seed[:])
	}
	return must1(ecdsa.ParseRawPrivateKey(elliptic.P256(), seed[:]))
}

func publicOf(key crypto.Signer) PublicKey { return must1(NewPublicKey(key.Public())) }

// algorithms are those of the format.
func algorithms() map[string]int64 { return map[string]int64{"Ed25519": AlgEdDSA, "ES256": AlgES256} }

const sampleTime = 1700158546680 // 2023-11-16T18:15:46.680Z

// sampleRecord is a small record that is different for each i.
func sampleRecord(i int) *Record {
	r := &Record{
		Kind: Kind(1 + i%3), Time: sampleTime + int64(i)*60_000,
		Model: &Model{Name: "llama-2-70b", Known: Asserted},
		Usage: &Usage{Input: 374 + int64(i), Output: 44 + int64(i)},
	}
	us, cn := &Place{Country: "US", Known: Asserted}, &Place{Country: "CN", Known: Asserted}
	switch r.Kind {
	case Production:
		r.Serving = us
	case Transfer:
		r.Serving, r.Using, r.Side = us, cn, new(Exporter)
		r.Basis = []Basis{{Code: "cn:standard-contract"}, {Code: "eu:46-2-c:m3"}}
		r.Energy = &Energy{MicroWattHours: 1200, Method: 2, Boundary: 4}
	case Consumption:
		r.Using = cn
		r.Label = &Label{Status: 1}
	}
	return r
}

func sampleRecords(n int) [][]byte {
	records := make([][]byte, n)
	for i := range records {
		records[i] = must1(sampleRecord(i).Encode())
	}
	return records
}

// A sample is one batch with all that belongs to it.
type sample struct {
	key        PublicKey
	records    [][]byte
	header     *BatchHeader
	statement  *Statement
	submission *Submission
	tree       *Tree
}

func sampleBatch(alg int64, n int) *sample {
	key := testKey(alg, "provider")
	s := &sample{key: publicOf(key), records: sampleRecords(n)}
	s.header = must1(NewBatch("acme", "us-east.1", 0, nil, s.records))
	s.statement = must1(s.header.Sign(key))
	s.submission = must1(NewSubmission(&s.statement.UnverifiedStatement, s.records))
	s.tree = must1(s.header.CheckRecords(s.records, FormatLimits()))
	return s
}

func (s *sample) proof(i int) *RecordProof {
	return &RecordProof{Record: s.records[i], Index: int64(i), Count: int64(len(s.records)), Path: must1(s.tree.Path(int64(i)))}
}

// wantCode fails the test unless err is an *Error with the code.
func wantCode(t testing.TB, err error, code Code) {
	t.Helper()
	if got := CodeOf(err); err == nil || got != code {
		t.Errorf("error %v with the code %q, wanted %q", err, got, code)
	}
}

// withinTime fails the test when f does not come back: what a stranger sends
// must not make a verifier hang.
func withinTime(t *testing.T, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("it does not come back")
	}
}

// hashOf is a hash that depends on the name.
func hashOf(name string) Hash { return sha256.Sum256([]byte(name)) }
