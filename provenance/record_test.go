package provenance

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"
)

// printable is the character set of an identifier.
var printable = unicode.RangeTable{R16: []unicode.Range16{{Lo: 0x21, Hi: 0x7e, Stride: 1}}, LatinOffset: 1}

func TestRandomRecordsComeBackEqual(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		short := func(r *Record) bool { _, err := r.Encode(); return CodeOf(err) != CodeSize }
		r := recordGen().Filter(short).Draw(t, "record")
		b, err := r.Encode()
		if err != nil {
			t.Fatalf("%+v: %v", r, err)
		}
		if !oracleAccepts(b) {
			t.Fatalf("%x is not in the one encoding", b)
		}
		got, err := ParseRecord(b)
		if err != nil {
			t.Fatal(err)
		}
		if again := must1(got.Encode()); !bytes.Equal(again, b) {
			t.Fatalf("encoded again: %x, wanted %x", again, b)
		}
		// A group without any field is present on both sides or on none.
		if !reflect.DeepEqual(got, r) {
			t.Fatalf("parsed %+v, wanted %+v", got, r)
		}
	})
}

func TestMutatedRecordsAreRefusedOrStillCanonical(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := must1(sampleRecord(rapid.IntRange(0, 2).Draw(t, "which")).Encode())
		for range 30 {
			m := mutate(t, b)
			r, err := ParseRecord(m)
			if err != nil {
				if CodeOf(err) == "" {
					t.Fatalf("%x: an error without a code: %v", m, err)
				}
				if r != nil {
					t.Fatalf("%x: a record beside the error %v", m, err)
				}
				continue
			}
			if !oracleAccepts(m) {
				t.Fatalf("%x was accepted and is not in the one encoding", m)
			}
			if again := must1(r.Encode()); !bytes.Equal(again, m) && !hasKept(m) {
				t.Fatalf("%x encodes again as %x", m, again)
			}
		}
	})
}

// hasKept reports whether any map of the item has a key that is kept unknown;
// such a key stands in the bytes only.
func hasKept(b []byte) bool {
	kept := false
	c := &cursor{b: b}
	var walk func() error
	walk = func() error {
		switch c.b[c.off] >> 5 {
		case majorArray:
			return c.each(func(int) error { return walk() })
		case majorMap:
			return c.pairs(func(key int64) error { kept = kept || key > maxCoreKey; return walk() })
		}
		return c.skip()
	}
	_ = walk()
	return kept
}

func TestLiteralExampleOfTheSpecification(t *testing.T) {
	b := unhex("a5 0101 021b0000018bd958a2f8 07a2016b6c6c616d612d322d3730620701" +
		"08a20119017602182c 09a2016255530401")
	r, err := ParseRecord(b)
	if err != nil {
		t.Fatal(err)
	}
	want := &Record{
		Kind: Production, Time: 1700158546680, Model: &Model{Name: "llama-2-70b", Known: Asserted},
		Usage: &Usage{Input: 374, Output: 44}, Serving: &Place{Country: "US", Known: Asserted},
	}
	if !reflect.DeepEqual(r, want) {
		t.Errorf("%+v", r)
	}
	if len(b) != 47 {
		t.Errorf("%d bytes, the specification says 47", len(b))
	}
}

func TestRecordErrors(t *testing.T) {
	tests := []struct {
		name   string
		base   int // 0 production, 1 transfer, 2 consumption
		change func(*Record)
		code   Code
		path   string
	}{
		{"no usage", 0, func(r *Record) { r.Usage = nil }, CodeMissingField, "usage"},
		{"kind 4", 0, func(r *Record) { r.Kind = 4 }, CodeForbiddenField, "usage"},
		{"kind 8", 0, func(r *Record) { r.Kind = 8 }, CodeUnknownKind, "kind"},
		{"kind 0", 0, func(r *Record) { r.Kind = 0 }, CodeUnknownKind, "kind"},
		{"production without model", 0, func(r *Record) { r.Model = nil }, CodeMissingField, "model"},
		{"production without serving", 0, func(r *Record) { r.Serving = nil }, CodeMissingField, "serving"},
		{"production with side", 0, func(r *Record) { r.Side = new(Neither) }, CodeForbiddenField, "side"},
		{"production with basis", 0, func(r *Record) { r.Basis = []Basis{{Code: "x"}} }, CodeForbiddenField, "basis"},
		{"transfer without side", 1, func(r *Record) { r.Side = nil }, CodeMissingField, "side"},
		{"transfer without using", 1, func(r *Record) { r.Using = nil }, CodeMissingField, "using"},
		{"consumption without using", 2, func(r *Record) { r.Using = nil }, CodeMissingField, "using"},
		{"consumption with side", 2, func(r *Record) { r.Side = new(Importer) }, CodeForbiddenField, "side"},
		{"side 3", 1, func(r *Record) { r.Side = new(Side(3)) }, CodeValue, "side"},
		{"negative time", 0, func(r *Record) { r.Time = -1 }, CodeValue, "time"},
		{"year 10000", 0, func(r *Record) { r.Time = MaxTime + 1 }, CodeValue, "time"},
		{"negative input", 0, func(r *Record) { r.Usage.Input = -1 }, CodeValue, "usage.input"},
		{"empty model name", 0, func(r *Record) { r.Model.Name = "" }, CodeIdentifier, "model.name"},
		{"space in an identifier", 0, func(r *Record) { r.Model.Name = "a b" }, CodeIdentifier, "model.name"},
		{"not ASCII", 0, func(r *Record) { r.Model.Name = "模型" }, CodeIdentifier, "model.name"},
		{"long identifier", 0, func(r *Record) { r.Model.Name = strings.Repeat("m", 129) }, CodeIdentifier, "model.name"},
		{"not UTF-8", 0, func(r *Record) { r.Model.Name = "\xff" }, CodeUTF8, "model.name"},
		{"lower-case country", 0, func(r *Record) { r.Serving.Country = "us" }, CodeValue, "serving.country"},
		{"place not known how", 0, func(r *Record) { r.Serving.Known = 0 }, CodeValue, "serving.known"},
		{"foreign subdivision", 0, func(r *Record) { r.Serving.Subdivision = "CN-BJ" }, CodeValue, "serving.subdivision"},
		{"long ref", 0, func(r *Record) { r.Ref = make([]byte, 33) }, CodeValue, "ref"},
		{"zero trace id", 0, func(r *Record) { r.Links = &Links{Trace: make([]byte, 16)} }, CodeValue, "links.trace"},
		{"cache beyond input", 0, func(r *Record) { r.Usage.CacheRead = new(r.Usage.Input + 1) }, CodeUsageParts, "usage"},
		{"caches that would wrap", 0, func(r *Record) {
			r.Usage.CacheRead, r.Usage.CacheWrite = new(int64(1<<63-1)), new(int64(1<<63-1))
		}, CodeUsageParts, "usage"},
		{"reasoning beyond output", 0, func(r *Record) { r.Usage.Reasoning = new(r.Usage.Output + 1) }, CodeUsageParts, "usage"},
		{"bases unsorted", 1, func(r *Record) { slices.Reverse(r.Basis) }, CodeBasisOrder, ""},
		{"basis twice", 1, func(r *Record) { r.Basis[1] = r.Basis[0] }, CodeBasisOrder, ""},
		{"basis of capitals", 1, func(r *Record) { r.Basis[0].Code = "EU" }, CodeValue, "basis[0].code"},
		{"basis with plus", 1, func(r *Record) { r.Basis[1].Code = "eu+x" }, CodeValue, "basis[1].code"},
		{"basis with newline", 1, func(r *Record) { r.Basis[1].Code = "eu\n" }, CodeValue, "basis[1].code"},
		{"five bases", 1, func(r *Record) { r.Basis = make([]Basis, 5) }, CodeValue, "basis"},
		{"parent twice", 0, func(r *Record) {
			r.Parents = []Parent{{ID: make([]byte, 32)}, {Issuer: "a", Ref: []byte{1}}, {ID: make([]byte, 32)}}
		}, CodeDuplicateParent, "parents[2]"},
		{"parent of a bad issuer", 0, func(r *Record) { r.Parents = []Parent{{Issuer: "-a", Ref: []byte{1}}} }, CodeIdentifier, "parents[0][0]"},
		{"seventeen parents", 0, func(r *Record) { r.Parents = slices.Repeat([]Parent{{ID: make([]byte, 32)}}, 17) }, CodeValue, "parents"},
		{"energy without boundary", 1, func(r *Record) { r.Energy.Boundary = 0 }, CodeValue, "energy.boundary"},
		{"unlabelled label", 2, func(r *Record) { r.Label.Status = 0 }, CodeValue, "label.status"},
		{"content algorithm", 0, func(r *Record) {
			r.Content = []Content{{Role: 1, Algorithm: 4, Value: make([]byte, 32)}}
		}, CodeValue, "content[0].algorithm"},
		{"lower-case currency", 0, func(r *Record) { r.Price = &Price{Currency: "usd"} }, CodeValue, "price.currency"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := sampleRecord(tt.base)
			tt.change(r)
			_, err := r.Encode()
			wantCode(t, err, tt.code)
			if e, ok := err.(*Error); ok && tt.path != "" && e.Path != tt.path {
				t.Errorf("path %q, wanted %q", e.Path, tt.path)
			}
		})
	}
}

func TestRecordOfTheGreatestSize(t *testing.T) {
	base := must1(sampleRecord(0).Encode())
	// Key 64 with a byte string that fills the record up to its ceiling.
	fill := func(total int) []byte {
		b := append([]byte{base[0] + 1}, base[1:]...)
		b = append(b, 0x18, 64)
		return AppendBytes(b, make([]byte, total-len(b)-3))
	}
	if _, err := ParseRecord(fill(MaxRecordBytes)); err != nil {
		t.Error(err)
	}
	_, err := ParseRecord(fill(MaxRecordBytes + 1))
	wantCode(t, err, CodeSize)
}

func TestNamesAreThoseOfTheSpecification(t *testing.T) {
	tests := []struct{ got, want string }{
		{Production.String(), "production"}, {Transfer.String(), "transfer"}, {Consumption.String(), "consumption"},
		{Kind(0).String(), "unknown(0)"}, {Kind(-1).String(), "unknown(-1)"}, {Kind(9).String(), "unknown(9)"},
		{Neither.String(), "neither"}, {Exporter.String(), "exporter"}, {Importer.String(), "importer"},
		{Asserted.String(), "asserted"}, {ProviderReported.String(), "provider-reported"}, {Attested.String(), "attested"},
		{ProviderActive.String(), "active"}, {ProviderSuspended.String(), "suspended"}, {ProviderRetired.String(), "retired"},
		{LabelStatus(0), "unlabelled"}, {LabelStatus(4), "declared not synthetic"}, {LabelStatus(5), "unknown(5)"},
		{StateProviderKey("acme"), "provider/acme"}, {StateStreamKey("acme", "s"), "stream/acme/s"},
		{StateValidatorKey([]byte{0xab, 0x01}), "validator/ab01"},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("%q, wanted %q", tt.got, tt.want)
		}
	}
}
