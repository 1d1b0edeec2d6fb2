package provenance

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"strings"
)

// The runners of the vectors about proofs, state and what the ledger gives out.

func hashFrom(s string) Hash { return Hash(unhex(s)) }

// sameBytes says where what was parsed does not encode to what it came from.
func sameBytes(v *vector, b []byte) error {
	if !bytes.Equal(b, v.input()) {
		return fmt.Errorf("encoded again: %x", b)
	}
	return nil
}

func runRecordProof(v *vector) (*got, error) {
	p, err := ParseRecordProof(v.input())
	if err != nil {
		return nil, err
	}
	g := v.Given
	h := &BatchHeader{Issuer: g.Issuer, Stream: g.Stream, Sequence: *g.Sequence, Count: int(*g.Count), Root: hashFrom(g.Root)}
	id, err := p.Verify(h)
	if err != nil {
		return nil, err
	}
	return &got{RecordID: id.String()}, sameBytes(v, p.Encode())
}

func runInclusion(v *vector) (*got, error) {
	p, err := ParseInclusion(v.input())
	if err != nil {
		return nil, err
	}
	if err := p.Verify(hashFrom(v.Given.Root), hashFrom(v.Given.LeafHash)); err != nil {
		return nil, err
	}
	return &got{}, sameBytes(v, p.Encode())
}

func runConsistency(v *vector) (*got, error) {
	p, err := ParseConsistency(v.input())
	if err != nil {
		return nil, err
	}
	if err := p.Verify(hashFrom(v.Given.OldRoot), hashFrom(v.Given.Root)); err != nil {
		return nil, err
	}
	return &got{}, sameBytes(v, p.Encode())
}

func runAppHash(v *vector) (*got, error) {
	p, err := ParsePreimage(v.input())
	if err != nil {
		return nil, err
	}
	return &got{
		LogSize: &p.Size, LogRoot: p.LogRoot.String(), StateRoot: p.StateRoot.String(), AppHash: p.AppHash().String(),
	}, sameBytes(v, p.Encode())
}

func runStateProof(v *vector) (*got, error) {
	p, err := ParseStateProof(v.input())
	if err != nil {
		return nil, err
	}
	root := hashFrom(v.Given.Root)
	if v.Given.Value != nil {
		err = p.Present(root, v.Given.StateKey, unhex(*v.Given.Value))
	} else {
		err = p.Absent(root, v.Given.StateKey)
	}
	if err != nil {
		return nil, err
	}
	return &got{}, sameBytes(v, p.Encode())
}

// runStateRoot folds each entry's proof, made by the test's own tree.
func runStateRoot(v *vector) (*got, error) {
	s := naiveState{}
	for _, e := range v.Given.State {
		s[e.Key] = unhex(e.Value)
	}
	root := s.root()
	for key, value := range s {
		if err := s.prove(key).Present(root, key, value); err != nil {
			return nil, err
		}
	}
	return &got{StateRoot: root.String()}, nil
}

func runStateValue(v *vector) (*got, error) {
	kind, _, _ := strings.Cut(v.Given.StateKey, "/")
	switch kind {
	case "rules":
		return stateValueAgain[Rules](v)
	case "policy":
		return stateValueAgain[Policy](v)
	case "provider":
		return stateValueAgain[Provider](v)
	case "stream":
		return stateValueAgain[StreamHead](v)
	case "validator":
		return stateValueAgain[Validator](v)
	case "governance":
		return stateValueAgain[Governance](v)
	}
	return nil, fmt.Errorf("no value stands under %s", v.Given.StateKey)
}

func stateValueAgain[T StateValue](v *vector) (*got, error) {
	b := v.input()
	value, err := ParseStateValue[T](b)
	if err != nil {
		return nil, err
	}
	again, err := EncodeStateValue(value)
	if err == nil && !hasKept(b) {
		err = sameBytes(v, again)
	}
	return &got{}, err
}

func runTree(v *vector) (*got, error) {
	t := &Tree{}
	for _, item := range v.Items {
		t.Append(LeafHash(unhex(item)))
	}
	return &got{Root: t.Root().String(), Size: new(int64(len(v.Items)))}, nil
}

func runReceipt(v *vector) (*got, error) {
	r, err := ParseReceipt(v.input())
	if err != nil {
		return nil, err
	}
	s, err := ParseStatement(unhex(v.Given.Statement))
	if err != nil {
		return nil, err
	}
	if err := r.Check(v.Given.Origin, s); err != nil {
		return nil, err
	}
	if v.Given.AppHash != "" && r.Anchor.Preimage.AppHash().String() != v.Given.AppHash {
		return nil, fail(CodeAppHash, "", "another app hash than the header's")
	}
	key, err := ParsePublicKey(v.Given.Key)
	if err != nil {
		return nil, err
	}
	if err := r.VerifySignature(key); err != nil {
		return nil, err
	}
	p := r.Anchor.Preimage
	return &got{
		Origin: r.Origin, StatementID: r.Statement, KID: r.KID.String(), Index: &r.Proof.Index,
		LogSize: &p.Size, LogRoot: p.LogRoot.String(), StateRoot: p.StateRoot.String(), AppHash: p.AppHash().String(),
	}, nil
}

func runCheckpoint(v *vector) (*got, error) {
	key, err := ParsePublicKey(v.Given.Key)
	if err != nil {
		return nil, err
	}
	c, err := OpenCheckpoint(v.input(), v.Given.Origin, key.Crypto().(ed25519.PublicKey))
	if err != nil {
		return nil, err
	}
	return &got{Size: &c.Size, Root: c.Root.String(), Origin: c.Origin}, nil
}
