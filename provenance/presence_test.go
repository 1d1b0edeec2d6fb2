package provenance

import (
	"slices"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"pgregory.net/rapid"
)

// TestPresenceAgreesWithNaiveReading holds what a kind must and must not have to
// a reading of the record as a plain map, with fields taken out and put in and
// any number of kept keys.
func TestPresenceAgreesWithNaiveReading(t *testing.T) {
	must := map[int64][]int64{1: {1, 2, 7, 8, 9}, 2: {1, 2, 7, 8, 9, 10, 11}, 3: {1, 2, 8, 10}}
	no := map[int64][]int64{1: {11, 12}, 3: {11, 12}}
	donor := map[int64]cbor.RawMessage{}
	full, err := (&Record{
		Kind: Transfer, Time: 1, Model: &Model{Name: "m", Known: 1}, Usage: &Usage{},
		Serving: &Place{Country: "US", Known: 1}, Using: &Place{Country: "CN", Known: 1},
		Side: new(Exporter), Basis: []Basis{{Code: "a:b"}},
	}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	if err := cbor.Unmarshal(full, &donor); err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		fields := map[int64]cbor.RawMessage{}
		for _, key := range []int64{1, 2, 7, 8, 9, 10, 11, 12} {
			if rapid.IntRange(0, 9).Draw(t, "there") > 0 {
				fields[key] = donor[key]
			}
		}
		kind := rapid.Int64Range(1, 3).Draw(t, "kind")
		fields[1] = cbor.RawMessage{byte(kind)}
		for i := range rapid.SampledFrom([]int64{0, 1, 14, 15, 16, 17, 240, 250, 256, 270, 500}).Draw(t, "kept") {
			fields[1024+i] = cbor.RawMessage{0}
		}
		b, err := encoder().Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		_, err = ParseRecord(b)
		var want []Code
		for _, key := range must[kind] {
			if fields[key] == nil && !slices.Contains(want, CodeMissingField) {
				want = append(want, CodeMissingField)
			}
		}
		for _, key := range no[kind] {
			if fields[key] != nil && !slices.Contains(want, CodeForbiddenField) {
				want = append(want, CodeForbiddenField)
			}
		}
		switch {
		case len(want) == 0 && err != nil:
			t.Fatalf("%x: refused: %v", b, err)
		case len(want) > 0 && !slices.Contains(want, CodeOf(err)):
			t.Fatalf("%x: %v, wanted one of %v", b, err, want)
		}
	})
}
