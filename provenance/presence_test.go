package provenance

import (
	"maps"
	"slices"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"pgregory.net/rapid"
)

// TestPresenceAgreesWithNaiveReading holds what a kind must and must not have to
// a reading of the record as a plain map, with fields taken out and put in and
// any number of kept keys.
func TestPresenceAgreesWithNaiveReading(t *testing.T) {
	// By key: whether kinds 1 to 7 must (m), may (o) or must not (-) have the field.
	table := map[int64]string{
		1: "mmmmmmm", 2: "mmmmmmm", 3: "oooooo-", 4: "ooooooo", 5: "oooooo-", 6: "oooooo-", 7: "mmom-m-",
		8: "mmm----", 9: "mmo----", 10: "omm----", 11: "-m-----", 12: "-o-----", 13: "ooo----", 14: "oooooo-",
		15: "oooooo-", 16: "oooooo-", 17: "ooo----", 19: "------m", 20: "oooooo-", 21: "-o-----", 22: "ooo----",
		23: "---o---", 24: "----m--", 25: "-----m-",
	}
	donor := presenceDonor(t)
	for key := range table {
		if donor[key] == nil {
			t.Fatalf("no value of key %d to put in", key)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		fields := map[int64]cbor.RawMessage{}
		kind := rapid.Int64Range(1, 7).Draw(t, "kind")
		for _, key := range slices.Sorted(maps.Keys(table)) {
			often := map[byte]int{'m': 29, 'o': 15, '-': 1}[table[key][kind-1]]
			if rapid.IntRange(0, 29).Draw(t, "there") < often {
				fields[key] = donor[key]
			}
		}
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
		for key, of := range table {
			switch there := fields[key] != nil; {
			case of[kind-1] == 'm' && !there:
				want = append(want, CodeMissingField)
			case of[kind-1] == '-' && there:
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

// presenceDonor is a good value of every field that a record can have.
func presenceDonor(t *testing.T) map[int64]cbor.RawMessage {
	t.Helper()
	digest := &Digest{Algorithm: AlgSHA256, Value: make([]byte, 32)}
	common := Record{Time: 1, Ref: []byte{1}}
	event := common
	event.Duration, event.Parents, event.Links = new(int64(1)), []Parent{{ID: make([]byte, 32)}}, &Links{Response: "r"}
	event.Model = &Model{Name: "m", Digest: digest, Known: 1}
	event.Energy, event.Accelerators, event.Compute = &Energy{1, 1, 1, nil, nil, nil, "", nil, 0, nil}, []Accelerator{{"a", 1, 1}}, &Compute{1, 1}
	event.Content = []Content{{Role: 1, Algorithm: AlgSHA256, Value: make([]byte, 32)}}
	transfer, model, dataset, evaluation, correction := event, event, event, event, common
	transfer.Kind, transfer.Usage, transfer.Side = Transfer, &Usage{}, new(Exporter)
	transfer.Serving, transfer.Using = &Place{Country: "US", Known: 1}, &Place{Country: "CN", Known: 1}
	transfer.Basis, transfer.Crossing, transfer.Hop = []Basis{{Code: "a:b"}}, &Crossing{Direction: 1}, &Hop{Role: Gateway}
	transfer.Label, transfer.Price = &Label{Status: 1}, &Price{Currency: "USD"}
	model.Kind, model.Lineage = ModelMade, &Lineage{Stage: 1}
	dataset.Kind, dataset.Model = DatasetMade, nil
	dataset.Dataset = &Dataset{Name: "d", Digest: *digest, Sources: []Source{{Kind: 1}}}
	evaluation.Kind = Evaluated
	evaluation.Evaluation = &Evaluation{
		Dataset: Named{Name: "d", Digest: digest}, Harness: Harness{Name: "h", Commit: make([]byte, 20)},
		N: 1, Metric: "acc", Evaluator: Evaluator{Name: "e", Interest: 1},
	}
	correction.Kind = Corrected
	correction.Correction = &Correction{
		Record: make([]byte, 32), Action: Reverses, Reason: 1, Deltas: Sums{Records: -1},
		Cell: CellKey{Kind: Production, Serving: "US", Using: "ZZ", Model: "m"},
	}
	donor := map[int64]cbor.RawMessage{}
	for _, r := range []Record{transfer, model, dataset, evaluation, correction} {
		b, err := r.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if err := cbor.Unmarshal(b, &donor); err != nil {
			t.Fatal(err)
		}
	}
	return donor
}
