package provenance

import (
	"math"
	"strings"
	"testing"
)

// corrects returns the encoded record of a correction.
func corrects(t *testing.T, c *Correction) []byte {
	t.Helper()
	b, err := (&Record{Kind: Corrected, Time: sampleTime + 1_000_000_000, Correction: c}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A record and what reverses it add up to nothing, in the record's own cell.
func TestReversedRecordsCountNothing(t *testing.T) {
	for i := range 3 {
		raw := must1(sampleRecord(i).Encode())
		c, err := Reverse(hashOf("record"), 7, raw, 1, "counted twice")
		if err != nil {
			t.Fatal(err)
		}
		h := must1(NewBatch("acme", "s", 0, nil, [][]byte{raw, corrects(t, c)}))
		if len(h.Totals) != 2 {
			t.Fatalf("%d cells, wanted the record's and the correction's", len(h.Totals))
		}
		own, correction := h.Totals[0], h.Totals[1]
		if own.Kind != Kind(1+i) || own.Sums != (Sums{}) {
			t.Errorf("the record's cell is %+v", own)
		}
		if correction.Kind != Corrected || correction.Sums != (Sums{Records: 1}) || correction.Hour != (sampleTime+1_000_000_000)/msPerHour {
			t.Errorf("the correction's cell is %+v", correction)
		}
	}
}

func TestAmendedRecordsCountWhatTheyShould(t *testing.T) {
	raw := must1(sampleRecord(1).Encode())
	c, err := Amend(hashOf("record"), 7, raw, Sums{Output: -4, Energy: 100}, 2, "")
	if err != nil {
		t.Fatal(err)
	}
	h := must1(NewBatch("acme", "s", 0, nil, [][]byte{raw, corrects(t, c)}))
	want := Sums{Records: 1, Input: 375, Output: 41, Energy: 1300}
	if h.Totals[0].Sums != want {
		t.Errorf("%+v, wanted %+v", h.Totals[0].Sums, want)
	}
}

func TestCorrectionsComeBackEqual(t *testing.T) {
	c := must1(Reverse(hashOf("record"), 7, must1(sampleRecord(1).Encode()), 3, "note"))
	r, err := ParseRecord(corrects(t, c))
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Correction; got.Cell != c.Cell || got.Deltas != c.Deltas || got.Entry != 7 || got.Note != "note" || Hash(got.Record) != hashOf("record") {
		t.Errorf("%+v, wanted %+v", got, c)
	}
}

func TestCorrectionsThatCannotBe(t *testing.T) {
	sound := must1(Reverse(hashOf("record"), 7, must1(sampleRecord(1).Encode()), 1, ""))
	tests := []struct {
		name   string
		change func(*Correction)
		path   string
	}{
		{"adds in a reversal", func(c *Correction) { c.Deltas.Input = 1 }, "correction.deltas[1]"},
		{"two records", func(c *Correction) { c.Deltas.Records = -2 }, "correction.deltas[0]"},
		{"amends nothing", func(c *Correction) { c.Action, c.Deltas = Amends, Sums{} }, "correction.deltas"},
		{"amends the number", func(c *Correction) { c.Action = Amends }, "correction.deltas[0]"},
		{"a side in a production", func(c *Correction) { c.Cell.Kind, c.Cell.Basis = Production, "" }, "correction.cell[2]"},
		{"a basis in a production", func(c *Correction) { c.Cell.Kind, c.Cell.Side = Production, Neither }, "correction.cell[7]"},
		{"boundary without method", func(c *Correction) { c.Cell.Method = 0 }, "correction.cell[9]"},
		{"tokens of a model", func(c *Correction) {
			c.Cell.Kind, c.Cell.Side, c.Cell.Basis, c.Cell.Serving, c.Cell.Using = ModelMade, 0, "", "ZZ", "ZZ"
		}, "correction.deltas"},
		{"a correction of a correction", func(c *Correction) { c.Cell.Kind = Corrected }, "correction.cell[1]"},
		{"bases out of order", func(c *Correction) { c.Cell.Basis = "eu:45+cn:exempt" }, "correction.cell[7]"},
		{"the least integer", func(c *Correction) { c.Deltas.Input = math.MinInt64 }, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := *sound
			tt.change(&c)
			_, err := (&Record{Kind: Corrected, Time: sampleTime, Correction: &c}).Encode()
			if tt.path == "" { // sound in itself: sums may be negative
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantCode(t, err, CodeValue)
			if e, ok := err.(*Error); ok && e.Path != tt.path {
				t.Errorf("path %q, wanted %q", e.Path, tt.path)
			}
		})
	}
	if _, err := Reverse(hashOf("c"), 1, corrects(t, sound), 1, ""); CodeOf(err) != CodeValue {
		t.Errorf("a correction of a correction: %v", err)
	}
}

// SPEC(REC-13): of a chain of relays only the first counts.
func TestRelaysCountNoTokens(t *testing.T) {
	first := sampleRecord(1)
	first.Hop = &Hop{Role: Gateway, Relay: new(false)}
	second := sampleRecord(1)
	second.Hop, second.Parents = &Hop{Role: Agent, Relay: new(true)}, []Parent{{Issuer: "gateway", Ref: []byte{1}}}
	h := must1(NewBatch("acme", "s", 0, nil, [][]byte{must1(first.Encode()), must1(second.Encode())}))
	want := Sums{Records: 1, Input: 375, Output: 45, Energy: 2400}
	if len(h.Totals) != 1 || h.Totals[0].Sums != want {
		t.Errorf("totals %+v, wanted %+v", h.Totals, want)
	}
	second.Parents = nil
	_, err := second.Encode()
	wantCode(t, err, CodeMissingField)
	production := sampleRecord(0)
	production.Hop, production.Parents = second.Hop, []Parent{{Issuer: "gateway", Ref: []byte{1}}}
	_, err = production.Encode()
	wantCode(t, err, CodeForbiddenField)
}

func TestScaledNumbers(t *testing.T) {
	for _, tt := range []struct {
		s    Scaled
		want string
	}{
		{Scaled{Mantissa: 7351, Exponent: -4}, "0.7351"}, {Scaled{Mantissa: 50, Exponent: -2}, "0.50"},
		{Scaled{Mantissa: -5, Exponent: -3}, "-0.005"}, {Scaled{Mantissa: 0, Exponent: -1}, "0.0"},
		{Scaled{Mantissa: 38, Exponent: 24}, "38" + strings.Repeat("0", 24)}, {Scaled{Mantissa: math.MinInt64, Exponent: -18}, "-9.223372036854775808"},
		{Scaled{Mantissa: 12}, "12"},
	} {
		if got := tt.s.String(); got != tt.want {
			t.Errorf("%d, %d: %s, wanted %s", tt.s.Mantissa, tt.s.Exponent, got, tt.want)
		}
	}
	less := []Scaled{{Mantissa: -1, Exponent: 2}, {Mantissa: 5, Exponent: -1}, {Mantissa: 51, Exponent: -2}, {Mantissa: 1}, {Mantissa: math.MaxInt64, Exponent: 18}}
	for i := range less {
		for j := range less {
			if got, want := less[i].Compare(less[j]), min(1, max(-1, i-j)); got != want {
				t.Errorf("%s against %s: %d, wanted %d", less[i], less[j], got, want)
			}
		}
	}
	if (Scaled{Mantissa: 10, Exponent: -1}).Compare(Scaled{Mantissa: 1}) != 0 {
		t.Error("1.0 is not 1")
	}
}
