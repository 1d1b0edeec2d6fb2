package provenance

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

// eachFlip calls holds with b changed in one bit of one byte, for every bit of
// every byte; none of the changed ones may hold.
func eachFlip(t *testing.T, name string, b []byte, holds func(b []byte) error) {
	t.Helper()
	if err := holds(bytes.Clone(b)); err != nil {
		t.Fatalf("%s: unchanged, it does not hold: %v", name, err)
	}
	for i := range b {
		for bit := range 8 {
			changed := bytes.Clone(b)
			changed[i] ^= 1 << bit
			if err := holds(changed); err == nil {
				t.Errorf("%s: with bit %d of byte %d changed it still holds", name, bit, i)
			} else if CodeOf(err) == "" {
				t.Errorf("%s: byte %d: an error without a code: %v", name, i, err)
			}
		}
	}
}

// eachCut calls holds with every true prefix and with a byte more.
func eachCut(t *testing.T, name string, b []byte, holds func(b []byte) error) {
	t.Helper()
	for n := range b {
		if holds(bytes.Clone(b[:n])) == nil {
			t.Errorf("%s: cut to %d bytes it still holds", name, n)
		}
	}
	for _, x := range []byte{0, 0xf6, 0xff} {
		if holds(append(bytes.Clone(b), x)) == nil {
			t.Errorf("%s: with %#x behind it still holds", name, x)
		}
	}
}

func TestEveryFlippedBitOfAStatementIsNoticed(t *testing.T) {
	for name, alg := range algorithms() {
		t.Run(name, func(t *testing.T) {
			s := sampleBatch(alg, 2)
			holds := func(b []byte) error {
				u, err := ParseStatement(b)
				if err == nil {
					_, err = u.Verify(s.key)
				}
				return err
			}
			eachFlip(t, "statement", s.statement.Raw(), holds)
			eachCut(t, "statement", s.statement.Raw(), holds)
		})
	}
}

func TestEveryFlippedBitOfASubmissionIsNoticed(t *testing.T) {
	s := sampleBatch(AlgEdDSA, 2)
	holds := func(b []byte) error {
		sub, err := ParseSubmission(b)
		if err != nil {
			return err
		}
		if _, err = sub.Statement.Verify(s.key); err != nil {
			return err
		}
		_, _, err = sub.CheckRecords(FormatLimits())
		if err == nil && !bytes.Equal(sub.Frame, s.submission.Frame) {
			// SPEC(SUB-5): the frame is not signed; the same records may be packed in other bytes.
			records, _, _ := sub.CheckRecords(FormatLimits())
			if !bytes.Equal(bytes.Join(records, nil), bytes.Join(s.records, nil)) {
				t.Errorf("other records: %x", b)
			}
			return fail(CodeFrame, "", "packed otherwise")
		}
		return err
	}
	eachFlip(t, "submission", s.submission.Encode(), holds)
	eachCut(t, "submission", s.submission.Encode(), holds)
}

func TestEveryFlippedBitOfAProofIsNoticed(t *testing.T) {
	s := sampleBatch(AlgEdDSA, 5)
	leaves := testLeaves(7)
	log := treeOf(leaves)
	newer, older := log.Root(), naiveRoot(leaves[:3])
	state := sampleState(9)
	present, absent := state.prove("key 3"), state.prove("no such key")
	preimage := Preimage{7, newer, state.root()}
	app := preimage.AppHash()

	tests := []struct {
		name  string
		b     []byte
		holds func(b []byte) error
	}{
		{"record proof", s.proof(3).Encode(), func(b []byte) error {
			p, err := ParseRecordProof(b)
			if err == nil {
				_, err = p.Verify(s.header)
			}
			return err
		}},
		{"inclusion", (&Inclusion{7, 4, must1(log.Path(4))}).Encode(), func(b []byte) error {
			p, err := ParseInclusion(b)
			if err != nil {
				return err
			}
			if p.Size != preimage.Size || p.Index != 4 {
				return fail(CodeAppHash, "", "another size than the preimage's, or another leaf")
			}
			return p.Verify(newer, leaves[4])
		}},
		{"consistency", (&Consistency{3, 7, hashes(must1(tlog.ProveTree(7, 3, log)))}).Encode(), func(b []byte) error {
			p, err := ParseConsistency(b)
			if err != nil {
				return err
			}
			if p.Older != 3 || p.Newer != 7 {
				return fail(CodePath, "", "other sizes than the roots'")
			}
			return p.Verify(older, newer)
		}},
		{"presence", present.Encode(), func(b []byte) error {
			p, err := ParseStateProof(b)
			if err != nil {
				return err
			}
			return p.Present(state.root(), "key 3", state["key 3"])
		}},
		{"absence", absent.Encode(), func(b []byte) error {
			p, err := ParseStateProof(b)
			if err != nil {
				return err
			}
			return p.Absent(state.root(), "no such key")
		}},
		{"preimage", preimage.Encode(), func(b []byte) error {
			p, err := ParsePreimage(b)
			if err == nil && p.AppHash() != app {
				return fail(CodeAppHash, "", "another app hash")
			}
			return err
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			eachFlip(t, tt.name, tt.b, tt.holds)
			eachCut(t, tt.name, tt.b, tt.holds)
		})
	}
}

func TestEveryFlippedBitOfAReceiptIsNoticed(t *testing.T) {
	s, r, key := sampleReceipt()
	pub := publicOf(key)
	lightBlock := []byte("light block")
	holds := func(b []byte) error {
		got, err := ParseReceipt(b)
		if err != nil {
			return err
		}
		if err := got.Check("tokentrail/x/00", &s.statement.UnverifiedStatement); err != nil {
			return err
		}
		// What the header, which is not here, would tell.
		if !bytes.Equal(got.Anchor.LightBlock, lightBlock) || got.Anchor.Preimage.AppHash() != r.Anchor.Preimage.AppHash() {
			return fail(CodeHeader, "", "another header")
		}
		if got.Proof.Index != r.Proof.Index {
			return fail(CodePath, "", "another index")
		}
		return got.VerifySignature(pub)
	}
	eachFlip(t, "receipt", r.raw, holds)
	eachCut(t, "receipt", r.raw, holds)
}

func TestEveryFlippedBitOfACheckpointIsNoticed(t *testing.T) {
	key := testKey(AlgEdDSA, "node").(ed25519.PrivateKey)
	c := Checkpoint{"tokentrail/x/00", 20, hashOf("root")}
	b := must1(c.Sign(key))
	holds := func(b []byte) error {
		got, err := OpenCheckpoint(b, c.Origin, key.Public().(ed25519.PublicKey))
		if err == nil && *got != c {
			return fmt.Errorf("another checkpoint: %v", got)
		}
		return err
	}
	eachFlip(t, "checkpoint", b, holds)
}
