package verify

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"tokentrail/provenance"
)

// TestFrontier compares the audit's own tree with the format's, at every size
// below 300.
func TestFrontier(t *testing.T) {
	var f frontier
	tree := &provenance.Tree{}
	for i := range 300 {
		if f.root() != tree.Root() {
			t.Fatalf("size %d: %s, wanted %s", i, f.root(), tree.Root())
		}
		leaf := provenance.LeafHash(fmt.Append(nil, i))
		f.add(leaf)
		tree.Append(leaf)
	}
	if len(f.roots) > 9 {
		t.Errorf("%d roots are kept of a tree of 300", len(f.roots))
	}
}

// slowState is the root by the words of STA-1, over all leaves at once.
func slowState(values map[string][]byte) provenance.Hash {
	var leaves []provenance.StateLeaf
	for key, value := range values {
		leaves = append(leaves, provenance.StateLeaf{KeyHash: sha256.Sum256([]byte(key)), ValueHash: sha256.Sum256(value)})
	}
	var root func(leaves []provenance.StateLeaf, depth int) provenance.Hash
	root = func(leaves []provenance.StateLeaf, depth int) provenance.Hash {
		switch len(leaves) {
		case 0:
			return provenance.Hash{}
		case 1:
			return leaves[0].Hash()
		}
		var halves [2][]provenance.StateLeaf
		for _, l := range leaves {
			bit := provenance.Bit(l.KeyHash, depth)
			halves[bit] = append(halves[bit], l)
		}
		return provenance.StateNode(root(halves[0], depth+1), root(halves[1], depth+1))
	}
	return root(leaves, 0)
}

// TestStateMap sets keys, new and old, in random order, and compares with the
// slow root after each.
func TestStateMap(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	m, values := newStateMap(nil), map[string][]byte{}
	for range 400 {
		key, value := fmt.Sprint(r.IntN(120)), fmt.Append(nil, r.Uint64())
		m.set(key, value)
		values[key] = value
		if r.IntN(3) == 0 {
			gone := fmt.Sprint(r.IntN(120)) // often one that is not there
			m.remove(gone)
			delete(values, gone)
		}
		if got, want := m.root(), slowState(values); got != want {
			t.Fatalf("%d keys: %s, wanted %s", len(values), got, want)
		}
	}
	for key := range values {
		m.remove(key)
		delete(values, key)
		if got, want := m.root(), slowState(values); got != want {
			t.Fatalf("%d keys: %s, wanted %s", len(values), got, want)
		}
	}
}

// TestChunks: the roots of chunks are those of their leaves, of the last one too.
func TestChunks(t *testing.T) {
	var f frontier
	var leaves []provenance.Hash
	for i := range 2*chunkSize + 700 {
		leaf := provenance.LeafHash(fmt.Append(nil, i))
		f.add(leaf)
		leaves = append(leaves, leaf)
	}
	for i := range int64(3) {
		tree := &provenance.Tree{}
		for _, leaf := range leaves[i*chunkSize : min((i+1)*chunkSize, int64(len(leaves)))] {
			tree.Append(leaf)
		}
		if got := f.chunk(i); got != tree.Root() {
			t.Errorf("chunk %d: %s, wanted %s", i, got, tree.Root())
		}
	}
}

func TestVerdicts(t *testing.T) {
	for _, c := range []struct {
		steps []Step
		want  Verdict
		exit  int
	}{
		{[]Step{{Outcome: Passed}}, Holds, 0},
		{[]Step{{Outcome: Passed}, {Outcome: NotChecked}}, Unchecked, 2},
		{[]Step{{Outcome: Passed}, {Outcome: NotChecked, Optional: true}}, Holds, 0},
		{[]Step{{Outcome: NotChecked}, {Outcome: NotChecked, expired: true}}, Expired, 3},
		{[]Step{{Outcome: Failed}, {Outcome: NotChecked, expired: true}, {Outcome: NotChecked}}, Evidence, 1},
	} {
		r := &Report{}
		for i := range c.steps {
			r.Steps = append(r.Steps, &c.steps[i])
		}
		r.conclude(r0, r0)
		if r.Verdict != c.want || r.Exit() != c.exit || r.ExitCode != c.exit {
			t.Errorf("%v: %s, exit %d", c.steps, r.Verdict, r.Exit())
		}
	}
	if Verdict("").Exit() != 2 {
		t.Error("no verdict is a verdict")
	}
}

func TestFindingsAreErrors(t *testing.T) {
	err := fmt.Errorf("somewhere: %w", NewFinding(CodeRoot, "entries[1]", "a", "b"))
	var s Step
	s.begin()
	s.most = 1
	s.stop(err)
	if s.Outcome != Failed || len(s.Findings) != 1 || s.Findings[0].Error() != "root: entries[1]: wanted a, got b" {
		t.Errorf("%+v", s)
	}
	s.begin()
	s.stop(fmt.Errorf("x: %w", ErrExpired))
	if s.Outcome != NotChecked || !s.expired {
		t.Errorf("%+v", s)
	}
}

func TestGroup(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -1234567: "-1,234,567", 22361870: "22,361,870"} {
		if got := group(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
}

func head(b []byte, major byte, n int) []byte { return append(b, major<<5|byte(n)) }

func FuzzDecodeHeaders(f *testing.F) {
	f.Add([]byte{0x41, 1, 0x40}, 2)
	f.Add([]byte{0x5f, 0x41, 1, 0xff}, 2)
	f.Add([]byte{0x58, 1, 1}, 1)
	f.Fuzz(func(t *testing.T, b []byte, limit int) {
		blocks, err := DecodeHeaders(b, limit%1000)
		if err != nil {
			wantAnswer(t, err)
			return
		}
		var back []byte
		for _, block := range blocks {
			back = encodeString(back, block)
		}
		if !bytes.Equal(back, b) {
			t.Errorf("%x is read as %x", b, back)
		}
	})
}

func FuzzDecodeEntries(f *testing.F) {
	f.Add([]byte{0x83, 0x00, 0x41, 1, 0x40}, 2)
	f.Add([]byte{0x83, 0x18, 0x00, 0x41, 1, 0x40}, 2)
	f.Add([]byte{0x84, 0x00, 0x41, 1, 0x40, 0}, 2)
	f.Add([]byte{0x84, 0x00, 0x41, 1, 0x40, 7, 0x83, 0x01, 0x41, 1, 0x40}, 2)
	f.Fuzz(func(t *testing.T, b []byte, limit int) {
		entries, err := DecodeEntries(b, limit%1000)
		if err != nil {
			wantAnswer(t, err)
			return
		}
		var back []byte
		for _, e := range entries {
			parts := 3
			if e.Height > 0 {
				parts = 4
			}
			back = encodeInt(head(back, 4, parts), uint64(e.Index), 0)
			if back = encodeString(encodeString(back, e.Statement), e.Frame); parts == 4 {
				back = encodeInt(back, uint64(e.Height), 0)
			}
		}
		if !bytes.Equal(back, b) {
			t.Errorf("%x is read as %x", b, back)
		}
	})
}

func FuzzDecodeActs(f *testing.F) {
	f.Add([]byte{0x82, 0x03, 0x41, 1, 0x82, 0x05, 0x41, 2}, int64(3), 2)
	f.Add([]byte{0x82, 0x03, 0x41, 1, 0x82, 0x03, 0x41, 2}, int64(3), 2)
	f.Add([]byte{0x83, 0x03, 0x41, 1, 0x40}, int64(3), 2)
	f.Add([]byte{0x82, 0x03, 0x41, 0x30}, int64(3), -56)
	f.Add([]byte{0x82, 0x1b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x41, 1, 0x82, 0x05, 0x41, 2}, int64(0), 2)
	f.Fuzz(func(t *testing.T, b []byte, from int64, limit int) {
		limit %= 1000
		acts, err := DecodeActs(b, from, limit)
		if err != nil {
			wantAnswer(t, err)
			return
		}
		var back []byte
		for i, e := range acts {
			if e.Index < from || i > 0 && e.Index <= acts[i-1].Index || i >= limit {
				t.Errorf("act %d is of entry %d, from %d on", i, e.Index, from)
			}
			back = encodeString(encodeInt(head(back, 4, 2), uint64(e.Index), 0), e.Statement)
		}
		if !bytes.Equal(back, b) {
			t.Errorf("%x is read as %x", b, back)
		}
	})
}

func FuzzDecodeState(f *testing.F) {
	preimage := provenance.Preimage{Size: 3}.Encode()
	answer := append(append([]byte{0x84}, preimage...), 0x05, 0x41, 7, 0x82, 0x80, 0x80)
	f.Add(answer)
	f.Add(answer[:len(answer)-1])
	f.Add(append(answer, 0))
	f.Add(bytes.Repeat([]byte{0x81}, 1000))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := DecodeState(b)
		if err != nil {
			wantAnswer(t, err)
			return
		}
		back := append(head(nil, 4, 4), a.Preimage...)
		back = encodeString(encodeInt(back, uint64(a.Height), 0), a.Value)
		if back = append(back, a.Proof...); !bytes.Equal(back, b) {
			t.Errorf("%x is read as %x", b, back)
		}
	})
}

func FuzzDecodeJSON(f *testing.F) {
	f.Add([]byte(`{"format":1,"log_size":3,"rows":[{"kind":"transfer","tokens":4}]}`))
	f.Add([]byte(`{"format":2}`))
	f.Add([]byte(`null`))
	f.Add([]byte(`{"heights":[3,7,9223372036854775807]}`))
	f.Add([]byte(`{"heights":[7,7]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if heights, err := DecodeChanges(b, 3); err != nil {
			wantAnswer(t, err)
		} else if len(heights) > MaxChanges || len(heights) > 0 && (heights[0] < 3 || !slices.IsSorted(heights)) {
			t.Error(heights)
		}
		if s, err := DecodeStatus(b); err != nil {
			wantAnswer(t, err)
		} else if s.Format != 1 {
			t.Error(s)
		}
		if a, err := DecodeFlows(b); err != nil {
			wantAnswer(t, err)
		} else if a.Format != 1 {
			t.Error(a)
		}
	})
}

func FuzzParseGenesis(f *testing.F) {
	f.Add([]byte(`{"chain_id":"a","initial_height":"1","app_state":{"format":1,"providers":[],"policy":{}},
		"validators":[{"pub_key":{"type":"tendermint/PubKeyEd25519","value":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},"power":"10"}]}`))
	f.Add([]byte(`{"chain_id":"a","initial_height":"7"}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		doc, err := parseGenesis(b)
		var finding *Finding
		if err != nil && !errors.As(err, &finding) && provenance.CodeOf(err) != provenance.CodeVersion {
			t.Errorf("%v is not a finding", err)
		}
		if err == nil && (doc.chainID == "" || len(doc.initial) < 3) {
			t.Errorf("%+v", doc)
		}
	})
}

// FuzzInspect: whatever an entry's bytes are, they are looked at without a panic,
// and what is no entry of any kind is told.
func FuzzInspect(f *testing.F) {
	g := &guesses{}
	g.terms.Store(&terms{limits: provenance.FormatLimits()})
	f.Add([]byte{0xd2, 0x84}, []byte{0x28, 0xb5, 0x2f, 0xfd})
	f.Add([]byte{0xd8, 0x62, 0x84}, []byte{})
	f.Add([]byte{0x86, 0x78, 0x1a}, []byte{0x82, 0x40, 0x40})
	f.Fuzz(func(t *testing.T, leaf, frame []byte) {
		c := g.inspect(&Entry{Statement: leaf, Frame: frame})
		if c.leaf != provenance.LeafHash(leaf) {
			t.Errorf("%+v", c)
		}
		if c.header == nil && c.act == nil && c.equivocation == nil && len(c.findings) == 0 {
			t.Errorf("%x passes for an entry", leaf)
		}
	})
}

func wantAnswer(t *testing.T, err error) {
	if !errors.Is(err, ErrAnswer) {
		t.Errorf("%v is not ErrAnswer", err)
	}
}

var r0 = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// TestAmounts writes one of a thing as one.
func TestAmounts(t *testing.T) {
	for want, c := range map[string]struct {
		n    int64
		many string
	}{
		"0 entries": {0, "entries"}, "1 entry": {1, "entries"}, "-1 record": {-1, "records"}, "1,001 queries": {1001, "queries"},
		"1 query": {1, "queries"}, "1 app hash": {1, "app hashes"}, "1 more finding": {1, "more findings"}, "1 document": {1, "documents"},
	} {
		if got := amount(c.n, c.many); got != want {
			t.Errorf("%q, wanted %q", got, want)
		}
	}
}

// encodeInt writes a CBOR head in its shortest form.
func encodeInt(b []byte, n uint64, major byte) []byte {
	switch {
	case n < 24:
		return append(b, major<<5|byte(n))
	case n < 1<<8:
		return append(b, major<<5|24, byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(b, major<<5|25), uint16(n))
	case n < 1<<32:
		return binary.BigEndian.AppendUint32(append(b, major<<5|26), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(b, major<<5|27), n)
}

func encodeString(b, s []byte) []byte { return append(encodeInt(b, uint64(len(s)), 2), s...) }
