package provenance

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"testing"
)

// bundleFields are a bundle's parts by path, in hex.
func bundleFields(b *Bundle) map[string]string {
	out := map[string]string{}
	one := func(name string, part []byte) {
		if part != nil {
			out[name] = hex.EncodeToString(part)
		}
	}
	one("genesis", b.Genesis)
	one("entry", b.Entry)
	one("receipt", b.Receipt)
	one("records", b.Frame)
	for i, r := range b.Records {
		one(fmt.Sprintf("record-proofs[%d]", i), r)
	}
	for i, h := range b.Headers {
		one(fmt.Sprintf("headers[%d]", i), h)
	}
	for i, s := range b.States {
		at := fmt.Sprintf("states[%d].", i)
		one(at+"preimage", s.Preimage.Encode())
		one(at+"light-block", s.LightBlock)
		one(at+"value", s.Value)
		one(at+"proof", s.Proof.Encode())
		out[at+"key"] = s.Key
	}
	for i, a := range b.Acts {
		one(fmt.Sprintf("acts[%d].act", i), a.Act)
		one(fmt.Sprintf("acts[%d].inclusion", i), a.Inclusion.Encode())
	}
	if b.Block != nil {
		one("block.light-block", b.Block.LightBlock)
		one("block.inclusion", b.Block.Inclusion.Encode())
	}
	for i, a := range b.Before {
		one(fmt.Sprintf("before[%d].act", i), a.Act)
		one(fmt.Sprintf("before[%d].inclusion", i), a.Inclusion.Encode())
	}
	return out
}

// runBundle holds the form alone: an error is that of parsing, and what is
// accepted encodes to itself.
func runBundle(v *vector) (*got, error) {
	b, err := ParseBundle(v.input())
	if err != nil {
		return nil, err
	}
	again, err := b.Encode()
	if err != nil {
		return nil, fmt.Errorf("it is not encoded again: %v", err)
	}
	return &got{Fields: bundleFields(b)}, sameBytes(v, again)
}

func runTransparent(v *vector) (*got, error) {
	t, err := ParseTransparent(v.input())
	if err != nil {
		return nil, err
	}
	fields := bundleFields(&t.Parts)
	fields["statement"] = hex.EncodeToString(t.Statement)
	for i, r := range t.Receipts {
		fields[fmt.Sprintf("receipts[%d]", i)] = hex.EncodeToString(r)
	}
	if len(t.Receipts) == 1 {
		again, err := t.Bundle(nil, "").Transparent()
		if err == nil {
			err = sameBytes(v, again)
		}
		if err != nil {
			return nil, fmt.Errorf("it is not encoded again: %v", err)
		}
	}
	return &got{Fields: fields}, nil
}

// sampleBundle has every part, as large as it has to be to be in its form.
func sampleBundle() *Bundle {
	s := sampleBatch(AlgEdDSA, 3)
	return &Bundle{
		Genesis: []byte("{}"), Entry: s.statement.Raw(), Receipt: []byte("receipt"), Frame: []byte("frame"),
		Records: [][]byte{{1}, {2}}, Headers: [][]byte{{3}},
		States: []BundleState{{Preimage{Size: 1}, nil, "rules", []byte{4}, &StateProof{Siblings: []Hash{{1}}}}},
		Acts:   []BundleAct{{[]byte{5}, &Inclusion{Size: 2, Index: 1, Path: []Hash{{7}}}}},
		Block:  &BundleBlock{[]byte{6}, &Inclusion{Size: 2, Index: 0, Path: []Hash{{8}}}},
		Before: []BundleAct{{[]byte{7}, &Inclusion{Size: 2, Index: 0, Path: []Hash{{9}}}}},
	}
}

func TestBundleIsNotMadeBeyondItsCeilings(t *testing.T) {
	for name, c := range map[string]struct {
		change func(b *Bundle)
		code   Code
	}{
		"no genesis":        {func(b *Bundle) { b.Genesis = nil }, CodeValue},
		"no receipt":        {func(b *Bundle) { b.Receipt = nil }, CodeValue},
		"a long entry":      {func(b *Bundle) { b.Entry = make([]byte, MaxLeafBytes+1) }, CodeSize},
		"an empty frame":    {func(b *Bundle) { b.Frame = []byte{} }, CodeValue},
		"too many states":   {func(b *Bundle) { b.States = slices.Repeat(b.States, MaxBundleStates+1) }, CodeValue},
		"too many acts":     {func(b *Bundle) { b.Before = slices.Repeat(b.Before, MaxBundleBefore+1) }, CodeValue},
		"an empty header":   {func(b *Bundle) { b.Block.LightBlock = nil }, CodeValue},
		"a long key":        {func(b *Bundle) { b.States[0].Key = string(make([]byte, maxBundleKey+1)) }, CodeSize},
		"no valid text key": {func(b *Bundle) { b.States[0].Key = "\xff" }, CodeUTF8},
		"more than it all":  {func(b *Bundle) { b.Headers = slices.Repeat([][]byte{make([]byte, 15<<20)}, 5) }, CodeSize},
	} {
		b := sampleBundle()
		c.change(b)
		if _, err := b.Encode(); CodeOf(err) != c.code {
			t.Errorf("%s: %v, wanted %s", name, err, c.code)
		}
	}
}

func TestTransparentRoundTrip(t *testing.T) {
	b := sampleBundle()
	raw := must1(b.Transparent())
	back := must1(ParseTransparent(raw))
	if !bytes.Equal(back.Statement, b.Entry) {
		t.Error("another statement")
	}
	if again := must1(back.Bundle(b.Genesis, "").Encode()); !bytes.Equal(again, must1(b.Encode())) {
		t.Errorf("the bundle is %x", again)
	}
	// Who submits it submits the statement: nothing of it was signed.
	if empty := must1(EmptyUnprotected(raw)); !bytes.Equal(empty, b.Entry) {
		t.Errorf("emptied it is %x", empty)
	}
	b.Entry = must1(NewEquivocation(&sampleBatch(AlgEdDSA, 1).statement.UnverifiedStatement, &sampleBatch(AlgEdDSA, 2).statement.UnverifiedStatement)).Leaf()
	if _, err := b.Transparent(); CodeOf(err) != CodeEnvelope {
		t.Errorf("an equivocation became a transparent statement: %v", err)
	}
}

// TestTransparentPicksItsReceipt: of receipts of several ledgers the one that is
// asked for.
func TestTransparentPicksItsReceipt(t *testing.T) {
	receipt := func(origin string) []byte {
		return must1(ReceiptSigner{origin, testKey(AlgEdDSA, "node")}.Sign(Hash{1}, Inclusion{Size: 1}, Anchor{Preimage{Size: 1}, []byte{1}}))
	}
	here, there := receipt("here"), receipt("there")
	tr := &Transparent{Receipts: [][]byte{{9}, there, here}}
	for origin, want := range map[string][]byte{"here": here, "there": there, "nowhere": {9}} {
		if b := tr.Bundle(nil, origin); !bytes.Equal(b.Receipt, want) {
			t.Errorf("%s: %x", origin, b.Receipt)
		}
	}
}

func TestIsBundle(t *testing.T) {
	b := must1(sampleBundle().Encode())
	later := bytes.Replace(b, []byte("/v1"), []byte("/v2"), 1)
	if !IsBundle(b) || !IsBundle(later) || IsBundle(b[1:]) || IsBundle(nil) || IsBundle(sampleBundle().Entry) {
		t.Error("bundles are told by their first bytes")
	}
	if !IsSign1(sampleBundle().Entry) || IsSign1(b) || IsSign1([]byte{0xd2}) {
		t.Error("COSE_Sign1s are told by their first bytes")
	}
}

func FuzzParseBundle(f *testing.F) {
	seed(f, "bundle", "transparent")
	f.Add(must1(sampleBundle().Encode()))
	f.Add(must1(sampleBundle().Transparent()))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if b, err := ParseBundle(raw); !refused(t, err) {
			wantSame(t, raw, must1(b.Encode()))
		}
		tr, err := ParseTransparent(raw)
		if refused(t, err) || len(tr.Receipts) > 1 {
			return
		}
		wantSame(t, raw, must1(tr.Bundle(nil, "").Transparent()))
	})
}
