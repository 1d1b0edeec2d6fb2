package provenance

import (
	"bytes"
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// naiveCell is a cell's key as a human would write it down.
type naiveCell struct {
	hour                         int64
	kind                         Kind
	side                         Side
	serving, using, model, basis string
	label, boundary, method      int64
}

// naiveTotals adds records up one by one, in integers without end; ok is false
// where a sum comes out beyond int64.
func naiveTotals(records []*Record) (totals map[naiveCell][7]int64, ok bool) {
	sums := map[naiveCell]*[7]big.Int{}
	count := func(k naiveCell, more [7]int64) {
		if sums[k] == nil {
			sums[k] = &[7]big.Int{}
		}
		for i := range more {
			sums[k][i].Add(&sums[k][i], big.NewInt(more[i]))
		}
	}
	for _, r := range records {
		count(naiveOwn(r))
		if c := r.Correction; c != nil {
			k, d := c.Cell, c.Deltas
			count(naiveCell{k.Hour, k.Kind, k.Side, k.Serving, k.Using, k.Model, k.Basis, k.Label, k.Boundary, k.Method},
				[7]int64{d.Records, d.Input, d.Output, d.CacheRead, d.CacheWrite, d.Reasoning, d.Energy})
		}
	}
	totals = map[naiveCell][7]int64{}
	for k, s := range sums {
		var out [7]int64
		for i := range s {
			if !s[i].IsInt64() {
				return nil, false
			}
			out[i] = s[i].Int64()
		}
		totals[k] = out
	}
	return totals, true
}

// naiveOwn is a record's own cell and what it adds there.
func naiveOwn(r *Record) (naiveCell, [7]int64) {
	k := naiveCell{hour: r.Time / 1000 / 60 / 60, kind: r.Kind, serving: "ZZ", using: "ZZ"}
	if r.Side != nil {
		k.side = *r.Side
	}
	if r.Serving != nil {
		k.serving = r.Serving.Country
	}
	if r.Using != nil {
		k.using = r.Using.Country
	}
	if r.Model != nil {
		k.model = r.Model.Name
	}
	if r.Label != nil {
		k.label = r.Label.Status
	}
	var codes []string
	for _, b := range r.Basis {
		codes = append(codes, b.Code)
	}
	k.basis = strings.Join(codes, "+")
	more := [7]int64{}
	if r.Hop == nil || r.Hop.Relay == nil || !*r.Hop.Relay {
		more[0] = 1
		if u := r.Usage; u != nil {
			more[1], more[2] = u.Input, u.Output
			for i, p := range []*int64{u.CacheRead, u.CacheWrite, u.Reasoning} {
				if p != nil {
					more[3+i] = *p
				}
			}
		}
	}
	if r.Energy != nil {
		k.boundary, k.method = r.Energy.Boundary, r.Energy.Method
		more[6] = r.Energy.MicroWattHours
	}
	return k, more
}

// batchRecordGen makes records that often share a cell.
func batchRecordGen() *rapid.Generator[*Record] {
	return rapid.Custom(func(t *rapid.T) *Record {
		r := recordGen().Filter(func(r *Record) bool { _, err := r.Encode(); return err == nil }).Draw(t, "record")
		if rapid.Bool().Draw(t, "common") {
			common := sampleRecord(rapid.IntRange(0, 5).Draw(t, "which"))
			if r.Correction != nil { // of a cell that the others count in
				own, _ := naiveOwn(common)
				drawn := r.Correction.Cell
				r.Correction.Cell = CellKey{own.hour, own.kind, own.side, own.serving, own.using, own.model, own.label, own.basis, own.boundary, own.method}
				if _, err := r.Encode(); err != nil { // its deltas are none that the cell can have
					r.Correction.Cell = drawn
				}
				return r
			}
			if r.Usage != nil {
				common.Usage = r.Usage
			}
			return common
		}
		return r
	})
}

func TestTotalsAreANaiveSumAndDoNotDependOnTheOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		records := rapid.SliceOfN(batchRecordGen(), 1, 12).Draw(t, "records")
		raw := make([][]byte, len(records))
		for i, r := range records {
			raw[i] = must1(r.Encode())
		}
		want, ok := naiveTotals(records)
		h, err := NewBatch("acme", "s", 0, nil, raw)
		if !ok {
			if CodeOf(err) != CodeOverflow {
				t.Fatalf("%v, wanted overflow", err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(h.Totals) != len(want) {
			t.Fatalf("%d cells, wanted %d", len(h.Totals), len(want))
		}
		for _, c := range h.Totals {
			k := naiveCell{c.Hour, c.Kind, c.Side, c.Serving, c.Using, c.Model, c.Basis, c.Label, c.Boundary, c.Method}
			got := [7]int64{c.Records, c.Input, c.Output, c.CacheRead, c.CacheWrite, c.Reasoning, c.Energy}
			if want[k] != got {
				t.Fatalf("%+v: %v, wanted %v", k, got, want[k])
			}
		}
		again := must1(ParseBatchHeader(must1(h.Encode())))
		if _, err := again.CheckRecords(raw, FormatLimits()); err != nil {
			t.Fatal(err)
		}
		shuffled := rapid.Permutation(raw).Draw(t, "order")
		other := must1(NewBatch("acme", "s", 0, nil, shuffled))
		if !slices.Equal(other.Totals, h.Totals) || !slices.Equal(other.Strings, h.Strings) || other.First != h.First || other.Last != h.Last {
			t.Fatal("the totals depend on the order")
		}
		moved := !slices.EqualFunc(raw, shuffled, bytes.Equal)
		if moved != (other.Root != h.Root) {
			t.Fatalf("order changed: %t, root changed: %t", moved, other.Root != h.Root)
		}
		if moved {
			if _, err := h.CheckRecords(shuffled, FormatLimits()); CodeOf(err) != CodeRoot {
				t.Fatalf("%v, wanted root", err)
			}
		}
	})
}

func TestHeaderAgainstOtherRecords(t *testing.T) {
	records := sampleRecords(5)
	tests := []struct {
		name   string
		change func(h *BatchHeader)
		code   Code
	}{
		{"count", func(h *BatchHeader) { h.Count++ }, CodeCount},
		{"root", func(h *BatchHeader) { h.Root[3] ^= 1 }, CodeRoot},
		{"first", func(h *BatchHeader) { h.First-- }, CodePeriod},
		{"last", func(h *BatchHeader) { h.Last++ }, CodePeriod},
		{"a sum", func(h *BatchHeader) { h.Totals[0].Input++ }, CodeTotals},
		{"energy", func(h *BatchHeader) { h.Totals[1].Energy-- }, CodeTotals},
		{"a place", func(h *BatchHeader) { h.Totals[0].Serving = "CN" }, CodeTotals},
		{"a cell less", func(h *BatchHeader) { h.Totals = h.Totals[1:] }, CodeTotals},
		{"a cell more", func(h *BatchHeader) { h.Totals = append(h.Totals, Cell{}) }, CodeTotals},
		{"strings", func(h *BatchHeader) { h.Strings = h.Strings[1:] }, CodeStrings},
		{"another stream", func(h *BatchHeader) { h.Stream = "t" }, CodeRoot},
		{"another sequence", func(h *BatchHeader) { h.Sequence = 1 }, CodeRoot},
	}
	for _, tt := range tests {
		h := must1(NewBatch("acme", "s", 0, nil, records))
		tt.change(h)
		_, err := h.CheckRecords(records, FormatLimits())
		if CodeOf(err) != tt.code {
			t.Errorf("%s: %v, wanted %s", tt.name, err, tt.code)
		}
	}
}

func TestBatchesThatCannotBe(t *testing.T) {
	one := sampleRecords(1)
	hours := make([][]byte, MaxCells+1)
	for i := range hours {
		r := sampleRecord(0)
		r.Time += int64(i) * msPerHour
		hours[i] = must1(r.Encode())
	}
	huge := sampleRecord(0)
	huge.Usage.Output = math.MaxInt64
	tests := []struct {
		name    string
		records [][]byte
		code    Code
	}{
		{"no record", nil, CodeCount},
		{"4,097 records", slices.Repeat(one, MaxRecords+1), CodeCount},
		{"513 hours", hours, CodeCells},
		{"a sum beyond int64", [][]byte{must1(huge.Encode()), one[0]}, CodeOverflow},
		{"not a record", [][]byte{one[0], {0xa0}}, CodeMissingField},
	}
	for _, tt := range tests {
		_, err := NewBatch("acme", "s", 0, nil, tt.records)
		if CodeOf(err) != tt.code {
			t.Errorf("%s: %v, wanted %s", tt.name, err, tt.code)
		}
	}
	if _, err := NewBatch("acme", "s", 0, nil, slices.Repeat(one, MaxRecords)); err != nil {
		t.Error(err)
	}
	if _, err := NewBatch("acme", "s", 0, nil, hours[:MaxCells]); err != nil {
		t.Error(err)
	}
	_, err := NewBatch("acme", "s", 0, nil, [][]byte{one[0], {0xa0}})
	if e, ok := err.(*Error); !ok || e.Path != "records[1].kind" {
		t.Errorf("%v, wanted the path records[1].kind", err)
	}
}

func TestHeadersThatDoNotEncode(t *testing.T) {
	tests := []struct {
		name   string
		change func(h *BatchHeader)
		code   Code
	}{
		{"issuer", func(h *BatchHeader) { h.Issuer = "Acme" }, CodeIdentifier},
		{"previous at 0", func(h *BatchHeader) { h.Previous = &Hash{} }, CodeChain},
		{"no previous at 1", func(h *BatchHeader) { h.Sequence = 1 }, CodeChain},
		{"period", func(h *BatchHeader) { h.First = h.Last + 1 }, CodePeriod},
		{"count 0", func(h *BatchHeader) { h.Count = 0 }, CodeCount},
		{"a string that no cell uses", func(h *BatchHeader) { h.Strings = append(h.Strings, "zzz") }, CodeStrings},
		{"a model that the table has not", func(h *BatchHeader) { h.Totals[0].Model = "D" }, CodeStrings},
		{"cells out of order", func(h *BatchHeader) { slices.Reverse(h.Totals) }, CodeCells},
		{"a kind that is none", func(h *BatchHeader) { h.Totals[len(h.Totals)-1].Kind = 9 }, CodeCells},
		{"a side that is none", func(h *BatchHeader) { h.Totals[len(h.Totals)-1].Side = -1 }, CodeCells},
		{"an hour before the epoch", func(h *BatchHeader) { h.Totals[0].Hour = -1 }, CodeCells},
	}
	for _, tt := range tests {
		h := must1(NewBatch("acme", "s", 0, nil, sampleRecords(5)))
		tt.change(h)
		_, err := h.Encode()
		if CodeOf(err) != tt.code {
			t.Errorf("%s: %v, wanted %s", tt.name, err, tt.code)
		}
	}
}

func TestChain(t *testing.T) {
	records := sampleRecords(3)
	first := must1(NewBatch("acme", "s", 0, nil, records))
	id := StatementID(must1(first.Encode()))
	next := must1(NewBatch("acme", "s", 1, &id, records))
	if err := first.Follows(nil, Hash{}); err != nil {
		t.Error(err)
	}
	if err := next.Follows(first, id); err != nil {
		t.Error(err)
	}
	other := id
	other[0] ^= 1
	for name, err := range map[string]error{
		"begins at 1":      next.Follows(nil, Hash{}),
		"after itself":     next.Follows(next, id),
		"another previous": next.Follows(first, other),
		"another stream":   must1(NewBatch("acme", "t", 1, &id, records)).Follows(first, id),
		"another issuer":   must1(NewBatch("acme2", "s", 1, &id, records)).Follows(first, id),
		"a gap":            must1(NewBatch("acme", "s", 2, &id, records)).Follows(first, id),
	} {
		if CodeOf(err) != CodeChain {
			t.Errorf("%s: %v, wanted chain", name, err)
		}
	}
}

func TestPolicyLowersTheCeilings(t *testing.T) {
	s := sampleBatch(AlgEdDSA, 6)
	tests := []struct {
		name   string
		policy Policy
		ok     bool
	}{
		{"none", Policy{}, true},
		{"records", Policy{Records: 5}, false},
		{"as many records", Policy{Records: 6}, true},
		{"record bytes", Policy{RecordBytes: 40}, false},
		{"frame bytes", Policy{FrameBytes: int64(len(s.submission.Frame)) - 1}, false},
		{"expanded bytes", Policy{ExpandedBytes: 100}, false},
		{"statement bytes", Policy{StatementBytes: int64(len(s.statement.Raw())) - 1}, false},
		{"cells", Policy{Cells: 2}, false},
		{"raised", Policy{Records: 1 << 40}, true},
	}
	for _, tt := range tests {
		_, _, err := s.submission.CheckRecords(tt.policy.Limits(RuleVersion))
		if (err == nil) != tt.ok || !tt.ok && CodeOf(err) == "" {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}
