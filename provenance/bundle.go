package provenance

import (
	"bytes"
	"strings"
)

// What a bundle begins with, and the media type of one (spec/bundle.md).
const (
	bundleFamily    = "tokentrail/bundle/"
	bundleVersion   = bundleFamily + "v1"
	BundleMediaType = "application/vnd.tokentrail.bundle+cbor"
)

// Ceilings of a bundle. SPEC(BND-2)
const (
	MaxBundleBytes        = 64 << 20 // the whole
	MaxBundleGenesisBytes = 8 << 20
	MaxBundleHeaders      = 10_000 // light blocks that lead from the trust
	MaxBundleStates       = 64
	MaxBundleActs         = 64
	MaxBundleBefore       = 4096 // acts of governance before the entry

	maxBundleRecordProof = 8192
	maxBundleKey         = 200
	maxBundleValue       = 64 << 10
)

// A Bundle is what proves one entry of a ledger, and records of it, without a
// network (spec/bundle.md). Nothing in it is verified by parsing but the form.
type Bundle struct {
	Genesis []byte // the genesis document
	Entry   []byte // the data of the log's leaf: a statement, an act or an equivocation
	Receipt []byte
	Frame   []byte   // all records, or the evidence of an equivocation; nil where there is none
	Records [][]byte // records' proofs (SPEC(REC-11))
	Headers [][]byte // light blocks that lead from the trust to the others, ascending
	States  []BundleState
	Acts    []BundleAct // behind the entry
	Block   *BundleBlock
	Before  []BundleAct // of governance, before the entry
}

// A BundleState is what stands under a key of the state map, under a header.
type BundleState struct {
	Preimage   Preimage
	LightBlock []byte // whose header carries the preimage's app hash; empty: the receipt's
	Key        string
	Value      []byte // empty where nothing stands
	Proof      *StateProof
}

// A BundleAct is an act, and its place in the log.
type BundleAct struct {
	Act       []byte
	Inclusion *Inclusion
}

// A BundleBlock is the header of the entry's own block, and the place of the
// entry's submission among the block's transactions. SPEC(BND-18)
type BundleBlock struct {
	LightBlock []byte
	Inclusion  *Inclusion // its size is the number of transactions
}

// Encode returns the bundle's one encoding. What is above a ceiling, or what a
// bundle cannot be without, is an error.
func (b *Bundle) Encode() ([]byte, error) {
	out := AppendText(AppendArray(nil, 2), bundleVersion)
	out = AppendMap(out, 3+b.parts())
	for i, part := range [][]byte{b.Genesis, b.Entry, b.Receipt} {
		out = AppendBytes(AppendInt(out, int64(i+1)), part)
	}
	out = b.appendParts(out)
	if _, err := ParseBundle(out); err != nil {
		return nil, err
	}
	return out, nil
}

// parts is the number of parts beyond the first three.
func (b *Bundle) parts() (n int) {
	for _, there := range []bool{b.Frame != nil, len(b.Records) > 0, len(b.Headers) > 0, len(b.States) > 0, len(b.Acts) > 0, b.Block != nil, len(b.Before) > 0} {
		if there {
			n++
		}
	}
	return n
}

// appendParts appends the keys from 4 on, as far as they are there.
func (b *Bundle) appendParts(out []byte) []byte {
	if b.Frame != nil {
		out = AppendBytes(AppendInt(out, 4), b.Frame)
	}
	for i, list := range [][][]byte{b.Records, b.Headers} {
		if len(list) == 0 {
			continue
		}
		out = AppendArray(AppendInt(out, int64(5+i)), len(list))
		for _, item := range list {
			out = AppendBytes(out, item)
		}
	}
	if len(b.States) > 0 {
		out = AppendArray(AppendInt(out, 7), len(b.States))
	}
	for i := range b.States {
		s := &b.States[i]
		out = append(AppendArray(out, 5), s.Preimage.Encode()...)
		out = AppendBytes(AppendText(AppendBytes(out, s.LightBlock), s.Key), s.Value)
		out = append(out, s.Proof.Encode()...)
	}
	out = appendActs(out, 8, b.Acts)
	if b.Block != nil {
		out = AppendBytes(AppendArray(AppendInt(out, 10), 2), b.Block.LightBlock)
		out = append(out, b.Block.Inclusion.Encode()...)
	}
	return appendActs(out, 11, b.Before)
}

// appendActs appends a list of acts under a key, where there are some.
func appendActs(out []byte, key int64, acts []BundleAct) []byte {
	if len(acts) > 0 {
		out = AppendArray(AppendInt(out, key), len(acts))
	}
	for i := range acts {
		out = AppendBytes(AppendArray(out, 2), acts[i].Act)
		out = append(out, acts[i].Inclusion.Encode()...)
	}
	return out
}

// IsBundle reports whether bytes begin as a bundle of some version does.
// SPEC(BND-17)
func IsBundle(b []byte) bool {
	head := AppendText(AppendArray(nil, 2), bundleVersion)
	head = head[:len(head)-len(bundleVersion)]
	return bytes.HasPrefix(b, append(head, bundleFamily...))
}

// ParseBundle decodes a bundle: its form and its ceilings. What it returns
// aliases b.
func ParseBundle(b []byte) (*Bundle, error) {
	// SPEC(BND-2)
	if len(b) > MaxBundleBytes {
		return nil, fail(CodeSize, "", "a bundle of %d bytes, at most %d are allowed", len(b), MaxBundleBytes)
	}
	c := &cursor{b: b}
	if err := openBundle(c); err != nil {
		return nil, err
	}
	bundle := &Bundle{}
	if err := bundle.form(true).exact().check(c); err != nil {
		return nil, err
	}
	c.close()
	if err := c.end(); err != nil {
		return nil, err
	}
	return bundle, nil
}

// openBundle reads what every bundle begins with. SPEC(BND-1)
func openBundle(c *cursor) error {
	n, err := c.open(majorArray)
	if err == nil && n != 2 {
		err = fail(CodeEnvelope, "", "an array of %d, wanted 2", n)
	}
	var version []byte
	if err == nil {
		version, err = c.text()
	}
	switch {
	case err != nil:
		return asEnvelope(err, "not a bundle: ")
	case string(version) == bundleVersion:
		return nil
	case strings.HasPrefix(string(version), bundleFamily):
		return fail(CodeVersion, "[0]", "%.60q is a bundle of another version, wanted %q; read it with a release that has it", version, bundleVersion)
	}
	return fail(CodeEnvelope, "[0]", "not a bundle: it begins with %.60q, wanted %q", version, bundleVersion)
}
