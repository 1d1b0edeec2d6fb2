package provenance

import (
	"bytes"
	"crypto/sha256"
	"fmt"
)

const equivocationVersion = "tokentrail/equivocation/v1"

// maxEquivocationLeaf bounds a leaf: two names, a number and four hashes.
const maxEquivocationLeaf = 512

// An Equivocation is evidence that a provider told two stories: two statements
// of one issuer, stream and sequence that say different things. Nobody has looked
// at their signatures.
type Equivocation struct {
	A, B *UnverifiedStatement // A has the lower statement id
}

// NewEquivocation puts two statements in order and checks that they are for one
// place and different (SPEC(EQV-1)).
func NewEquivocation(x, y *UnverifiedStatement) (*Equivocation, error) {
	if bytes.Compare(x.id[:], y.id[:]) > 0 {
		x, y = y, x
	}
	e := &Equivocation{x, y}
	return e, e.check()
}

// check holds the two statements against each other. SPEC(EQV-1)
func (e *Equivocation) check() error {
	a, b := e.A.header, e.B.header
	switch {
	case a.Issuer != b.Issuer || a.Stream != b.Stream || a.Sequence != b.Sequence:
		return fail(CodeBinding, "b", "it is for %s/%s, sequence %d; a is for %s/%s, sequence %d",
			b.Issuer, b.Stream, b.Sequence, a.Issuer, a.Stream, a.Sequence)
	case e.A.id == e.B.id:
		return fail(CodeValue, "b", "both are the statement %s: two envelopes of one payload are no equivocation", e.A.id)
	case bytes.Compare(e.A.id[:], e.B.id[:]) > 0:
		return fail(CodeValue, "b", "its id %s is below a's, %s; the lower one stands first", e.B.id, e.A.id)
	}
	return nil
}

// Evidence returns both statements as they stand in the place of records: the
// CBOR array [a, b] (SPEC(EQV-2)).
func (e *Equivocation) Evidence() []byte {
	b := make([]byte, 0, len(e.A.raw)+len(e.B.raw)+16)
	return AppendBytes(AppendBytes(AppendArray(b, 2), e.A.raw), e.B.raw)
}

// Leaf returns the data of the entry's leaf (SPEC(EQV-2)).
func (e *Equivocation) Leaf() []byte {
	return (&EquivocationLeaf{
		Issuer: e.A.header.Issuer, Stream: e.A.header.Stream, Sequence: e.A.header.Sequence,
		IDs: [2]Hash{e.A.id, e.B.id}, Hashes: [2]Hash{sha256.Sum256(e.A.raw), sha256.Sum256(e.B.raw)},
	}).encode()
}

// ID returns the entry's id.
func (e *Equivocation) ID() Hash { return equivocationID(e.Leaf()) }

// ParseEquivocation decodes the evidence of an entry, whose leaf must be the one
// that the evidence gives. Both are checked but for the signatures. evidence must
// not change afterwards.
func ParseEquivocation(leaf, evidence []byte) (*Equivocation, error) {
	if len(evidence) > MaxEquivocationBytes {
		return nil, fail(CodeSize, "evidence", "%d bytes, at most %d are allowed", len(evidence), MaxEquivocationBytes)
	}
	e, err := readEquivocation(evidence, func(c *cursor) error { return openExactly(c, 2) }, "not the evidence [a, b]: ")
	if err != nil {
		return nil, within("evidence", err)
	}
	if !bytes.Equal(e.Leaf(), leaf) {
		// SPEC(EQV-2)
		return nil, fail(CodeBinding, "leaf", "it is not the leaf that the evidence gives, %x", e.Leaf())
	}
	return e, nil
}

// readEquivocation reads an array that ends with two statements; open reads what
// stands before them, what says what an unreadable array is not.
func readEquivocation(array []byte, open check, what string) (*Equivocation, error) {
	c := &cursor{b: array}
	var a, b []byte
	err := open(c)
	if err == nil {
		a, err = c.bytes()
	}
	if err == nil {
		b, err = c.bytes()
	}
	if err == nil {
		err = c.end()
	}
	if err != nil {
		return nil, asEnvelope(err, what)
	}
	// SPEC(EQV-1)
	x, err := ParseStatement(a)
	if err != nil {
		return nil, within("a", err)
	}
	y, err := ParseStatement(b)
	if err != nil {
		return nil, within("b", err)
	}
	e := &Equivocation{x, y}
	if err := e.check(); err != nil {
		return nil, err
	}
	return e, nil
}

// An EquivocationLeaf is what an entry of equivocation says without its evidence.
type EquivocationLeaf struct {
	Issuer   string
	Stream   string
	Sequence int64
	IDs      [2]Hash // statement ids, ascending
	Hashes   [2]Hash // SHA-256 of the two statements
}

// ParseEquivocationLeaf decodes the leaf's data.
func ParseEquivocationLeaf(leaf []byte) (*EquivocationLeaf, error) {
	if len(leaf) > maxEquivocationLeaf {
		return nil, fail(CodeSize, "", "%d bytes, a leaf of equivocation has at most %d", len(leaf), maxEquivocationLeaf)
	}
	l := &EquivocationLeaf{}
	pair := func(into *[2]Hash) check {
		read := func(i int) check {
			return func(c *cursor) error {
				err := hash32(c)
				if err == nil {
					into[i] = Hash(c.b[c.off-HashSize : c.off])
				}
				return err
			}
		}
		return tuple(read(0), read(1))
	}
	name := func(into *string) check {
		return func(c *cursor) error {
			start := c.off
			err := nameID(c)
			if err == nil {
				*into = string(stringInside(c.b[start:c.off]))
			}
			return err
		}
	}
	sequence := func(c *cursor) error {
		ahead := *c
		if err := amount(c); err != nil {
			return err
		}
		var err error
		l.Sequence, err = ahead.integer()
		return err
	}
	form := tuple(withCode(CodeVersion, exactly(equivocationVersion)), name(&l.Issuer), name(&l.Stream), sequence, pair(&l.IDs), pair(&l.Hashes))
	if err := parse(leaf, form); err != nil {
		return nil, err
	}
	if bytes.Compare(l.IDs[0][:], l.IDs[1][:]) >= 0 {
		// SPEC(EQV-1)
		return nil, fail(CodeValue, "[4]", "the ids %s and %s are not in ascending order", l.IDs[0], l.IDs[1])
	}
	return l, nil
}

func (l *EquivocationLeaf) encode() []byte {
	b := AppendText(AppendArray(make([]byte, 0, maxEquivocationLeaf), 6), equivocationVersion)
	b = AppendInt(AppendText(AppendText(b, l.Issuer), l.Stream), l.Sequence)
	for _, pair := range [...][2]Hash{l.IDs, l.Hashes} {
		b = AppendArray(b, 2)
		for _, h := range pair {
			b = AppendBytes(b, h[:])
		}
	}
	return b
}

// ID returns the entry's id (SPEC(EQV-2)).
func (l *EquivocationLeaf) ID() Hash { return equivocationID(l.encode()) }

// String names the place that was told twice.
func (l *EquivocationLeaf) String() string {
	return fmt.Sprintf("%s/%s sequence %d: %s and %s", l.Issuer, l.Stream, l.Sequence, l.IDs[0], l.IDs[1])
}

func equivocationID(leaf []byte) Hash {
	h := sha256.New()
	h.Write([]byte(equivocationVersion + "\x00"))
	h.Write(leaf)
	return Hash(h.Sum(nil))
}
