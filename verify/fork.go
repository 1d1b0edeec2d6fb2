package verify

import (
	"bytes"
	"context"

	"tokentrail/provenance"
)

// What fork evidence begins with, and the name's ending that its files have.
const (
	forkFamily  = "tokentrail/fork/"
	forkVersion = forkFamily + "v1"
)

// A Fork is evidence that the validators of a ledger signed two histories, for
// whoever has an anchor of their own. Nothing in it is verified by parsing but
// the form. SPEC(VER-33)
type Fork struct {
	Genesis []byte // the genesis document
	Anchor  []byte // light block of a trusted header; empty where there is none
	Sides   [2]ForkSide
	// Root and Path, of two logs: the root of the newer log's first entries, as
	// many as the older one has, and the consistency path from there to its own root.
	Root *provenance.Hash
	Path []provenance.Hash

	proof *ForkProof // what an audit was shown by it; nil where it was only read
}

// Proof is what the evidence was shown to prove by the audit that made it.
func (f *Fork) Proof() *ForkProof { return f.proof }

// A ForkSide is one of two histories.
type ForkSide struct {
	LightBlock []byte
	Preimage   []byte   // of the app hash; empty where the log does not matter
	Changes    [][]byte // light blocks at which validators change, on the way here
}

// IsFork reports whether bytes begin as fork evidence of some version does.
func IsFork(b []byte) bool { return begins(b, forkVersion, forkFamily) }

// Encode returns the evidence's one encoding. SPEC(VER-33)
func (f *Fork) Encode() ([]byte, error) {
	common := f.common()
	b := provenance.AppendText(provenance.AppendArray(nil, 7), forkVersion)
	b = provenance.AppendBytes(provenance.AppendBytes(b, f.Genesis), f.Anchor)
	b = appendBlocks(b, f.Sides[0].Changes[:common])
	for _, s := range f.Sides {
		b = provenance.AppendBytes(provenance.AppendArray(b, 3), s.LightBlock)
		b = appendBlocks(provenance.AppendBytes(b, s.Preimage), s.Changes[common:])
	}
	if f.Root == nil {
		b = provenance.AppendArray(b, 0)
	} else {
		b = provenance.AppendBytes(provenance.AppendArray(b, 1+len(f.Path)), f.Root[:])
		for _, h := range f.Path {
			b = provenance.AppendBytes(b, h[:])
		}
	}
	_, err := ParseFork(b)
	return b, err
}

// common is the number of changes that both sides begin with.
func (f *Fork) common() int {
	a, b := f.Sides[0].Changes, f.Sides[1].Changes
	n := 0
	for n < len(a) && n < len(b) && bytes.Equal(a[n], b[n]) {
		n++
	}
	return n
}

// ParseFork reads fork evidence. What is wrong is ErrNewer or ErrDamaged.
// SPEC(VER-33), SPEC(VER-34)
func ParseFork(b []byte) (*Fork, error) {
	const what = "fork evidence"
	r, err := openForm(what, b, 7, forkFamily, forkVersion)
	if err != nil {
		return nil, err
	}
	f := &Fork{Genesis: r.bounded(1, maxForkGenesis), Anchor: r.bounded(0, maxForkBlock)}
	common := r.blocks(MaxChangesOneWay)
	for i := range f.Sides {
		r.array(3)
		f.Sides[i] = ForkSide{LightBlock: r.bounded(1, maxForkBlock), Preimage: r.bounded(0, maxForkPreimage)}
		own := r.blocks(MaxChangesOneWay - len(common))
		f.Sides[i].Changes = append(common[:len(common):len(common)], own...)
	}
	f.Root, f.Path = r.part()
	switch {
	case r.err != nil:
	case f.common() != len(common):
		r.fail("both sides' own changes of validators begin with the same")
	case bytes.Equal(f.Sides[0].LightBlock, f.Sides[1].LightBlock):
		r.fail("both sides are the same light block")
	}
	return f, r.closed(what)
}

// part reads how two logs part.
func (r *reader) part() (root *provenance.Hash, path []provenance.Hash) {
	n := r.expect(majorArray)
	if r.err == nil && n > 1+maxForkPath {
		r.fail("a path of %d hashes, at most %d are read", n-1, maxForkPath)
	}
	for i := uint64(0); i < n && r.err == nil; i++ {
		h := r.hash()
		if i == 0 {
			root = &h
		} else {
			path = append(path, h)
		}
	}
	return root, path
}

// A Signer is a validator that signed a header.
type Signer struct {
	Address string `json:"address"`
	Power   int64  `json:"power"`
}

// A SignedHeader is a header that more than two thirds of its validators signed,
// with who they are.
type SignedHeader struct {
	Header
	Round   int32
	Signers []Signer // in the order of the validator set
	Power   int64    // of all validators
}

// signed is the power of those who signed.
func (h *SignedHeader) signed() (power int64) {
	for _, s := range h.Signers {
		power += s.Power
	}
	return power
}

// A ForkJudge follows validators from an anchor to headers, without a network.
// Package light has one. It belongs to one check; its errors say what does not
// follow, or are ErrExpired.
type ForkJudge interface {
	// Begin takes the genesis document's validators or, where the trust names a
	// header, those of the anchor, which must be that header.
	Begin(genesis, anchor []byte, trust Trust) error
	// Follow goes from there by the headers at which validators change to a light
	// block, all signed by more than two thirds of those known for their height.
	Follow(ctx context.Context, changes [][]byte, lightBlock []byte) (*SignedHeader, error)
}
