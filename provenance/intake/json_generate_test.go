package intake

import (
	"bytes"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"tokentrail/provenance"
)

// The fields that a record of a kind may have (spec/record.md, table of fields),
// beside kind, time and ref.
var fieldsByKind = map[provenance.Kind]struct{ must, may []string }{
	1: {[]string{"Model", "Usage", "Serving"}, []string{"Duration", "Parents", "Links", "Using", "Label", "Content", "Energy", "Accelerators", "Price", "Compute", "Hop"}},
	2: {[]string{"Model", "Usage", "Serving", "Using", "Side"}, []string{"Duration", "Parents", "Links", "Basis", "Label", "Content", "Energy", "Accelerators", "Price", "Compute", "Crossing", "Hop"}},
	3: {[]string{"Usage", "Using"}, []string{"Duration", "Parents", "Links", "Model", "Serving", "Label", "Content", "Energy", "Accelerators", "Price", "Compute", "Hop"}},
	4: {[]string{"Model"}, []string{"Duration", "Parents", "Links", "Content", "Energy", "Accelerators", "Compute", "Lineage"}},
	5: {[]string{"Dataset"}, []string{"Duration", "Parents", "Links", "Content", "Energy", "Accelerators", "Compute"}},
	6: {[]string{"Model", "Evaluation"}, []string{"Duration", "Parents", "Links", "Content", "Energy", "Accelerators", "Compute"}},
	7: {[]string{"Correction"}, nil},
}

// lengths are those of fields of bytes.
var lengths = map[string][2]int{
	"Links.Trace": {16, 16}, "Links.Span": {8, 8}, "Content.Value": {32, 32}, "Digest.Value": {32, 32}, "Harness.Commit": {20, 32},
	"Correction.Record": {32, 32}, "Label.Seal": {1, 128}, "Record.Ref": {1, 32}, "Crossing.ID": {1, 32},
}

// ranges are those of integers that are no amounts.
var ranges = map[string][2]int64{
	"Explicit.Height": {0, 1000}, "Energy.PUE": {1000, 100_000}, "Accelerator.Count": {1, 1_000_000}, "Label.Marks": {0, 15},
	"Dataset.SyntheticShare": {0, 1_000_000}, "Interval.Level": {1, 999_999}, "Evaluation.N": {1, 1<<63 - 1}, "CellKey.Hour": {0, 70_389_527},
	"Evaluation.Seed": {-1 << 63, 1<<63 - 1}, "Usage.CacheRead": {0, 0}, "Usage.CacheWrite": {0, 0}, "Usage.Reasoning": {0, 0},
	"Dataset.RawTokens": {1000, 1 << 50}, "Dataset.CleanTokens": {0, 1000},
}

func drawInteger(t *rapid.T, name string) int64 {
	if words := wordsFor(name); words != nil {
		return rapid.SampledFrom(words).Draw(t, name).number
	}
	if isTime(name) {
		return rapid.Int64Range(0, provenance.MaxTime).Draw(t, name)
	}
	in, ok := ranges[name]
	if !ok {
		in = [2]int64{0, 1<<63 - 1}
	}
	return rapid.OneOf(rapid.Int64Range(in[0], in[1]), rapid.Int64Range(in[0], min(in[0]+1000, in[1]))).Draw(t, name)
}

func drawText(t *rapid.T, name string) string {
	switch name {
	case "Place.Country", "Model.Jurisdiction", "Source.Country", "CellKey.Serving", "CellKey.Using":
		return rapid.SampledFrom([]string{"US", "CN", "ZZ", "DE"}).Draw(t, name)
	case "Place.Subdivision", "CellKey.Basis":
		return ""
	case "Price.Currency":
		return rapid.StringMatching(`[A-Z]{3}`).Draw(t, name)
	case "Parent.Issuer", "Basis.Code", "Crossing.Classes":
		return rapid.StringMatching(`[a-z0-9][a-z0-9.-]{0,20}`).Draw(t, name)
	case "Basis.Reference", "Label.Producer", "Label.System", "Label.Propagator", "Energy.IntensitySource", "Source.Reference",
		"Evaluator.Name", "Evaluator.Statement", "Correction.Note":
		return rapid.StringN(1, 20, 128).Draw(t, name)
	}
	return rapid.StringMatching(`[!-~]{1,16}`).Draw(t, name)
}

func drawBytes(t *rapid.T, name string) []byte {
	in := lengths[name]
	b := rapid.SliceOfN(rapid.Byte(), in[0], in[1]).Draw(t, name)
	b[0] |= 1 // trace and span ids are not all zero
	return b
}

// draw fills a field in, with all that it must have and some of what it may.
func draw(t *rapid.T, v reflect.Value, name string) {
	switch x := v.Addr().Interface().(type) {
	case *provenance.Digest:
		*x = provenance.Digest{Algorithm: -16, Value: rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, name)}
		return
	case *provenance.Scaled:
		*x = drawScaled(t, name)
		return
	case *provenance.Parent:
		if x.ID = rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, name); rapid.Bool().Draw(t, "by ref") {
			*x = provenance.Parent{Issuer: drawText(t, "Parent.Issuer"), Ref: x.ID[:rapid.IntRange(1, 32).Draw(t, "ref")]}
		}
		return
	case *[]byte:
		*x = drawBytes(t, name)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		draw(t, v.Elem(), name)
	case reflect.Int64:
		v.SetInt(drawInteger(t, name))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, name))
	case reflect.String:
		v.SetString(drawText(t, name))
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), rapid.IntRange(1, 2).Draw(t, name), 2))
		for i := range v.Len() {
			draw(t, v.Index(i), name)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			field := v.Type().Field(i)
			if field.IsExported() && (needed(v.Type(), field) || rapid.Bool().Draw(t, "has "+field.Name)) {
				draw(t, v.Field(i), fieldName(v.Type(), field))
			}
		}
	}
}

func drawScaled(t *rapid.T, name string) provenance.Scaled {
	lo, hi, least := int64(-18), int64(18), int64(-1<<63)
	if name == "Lineage.Compute" {
		lo, hi, least = 0, 40, 0
	}
	return provenance.Scaled{
		Mantissa: rapid.OneOf(rapid.Int64Range(max(least, -1000), 1000), rapid.Int64Range(least, 1<<63-1)).Draw(t, name),
		Exponent: rapid.Int64Range(lo, hi).Draw(t, "exponent"),
	}
}

// mend sees to the rules that look at more than one value.
func mend(t *rapid.T, r *provenance.Record) {
	if len(r.Parents) == 2 && reflect.DeepEqual(r.Parents[0], r.Parents[1]) {
		r.Parents = r.Parents[:1]
	}
	if len(r.Basis) == 2 {
		r.Basis[0].Code = r.Basis[1].Code + "-1"
		slices.Reverse(r.Basis)
	}
	if c := r.Crossing; c != nil && len(c.Classes) == 2 {
		c.Classes[1] = c.Classes[0] + "-1"
	}
	if r.Hop != nil && (r.Kind == provenance.Production || r.Parents == nil) {
		r.Hop.Relay = nil
	}
	if r.Kind == provenance.ModelMade || r.Kind == provenance.Evaluated {
		r.Model.Digest = &provenance.Digest{Algorithm: -16, Value: make([]byte, 32)}
	}
	if l := r.Lineage; l != nil && (l.Compute == nil || l.Method == 0) {
		l.Compute, l.Method = nil, 0
	}
	if l := r.Lineage; l != nil && l.Base != nil {
		l.Base.Split = ""
	}
	if e := r.Evaluation; e != nil {
		e.Dataset.Digest = &provenance.Digest{Algorithm: -16, Value: make([]byte, 32)}
		if i := e.Interval; i != nil && i.Low.Compare(i.High) > 0 {
			i.Low, i.High = i.High, i.Low
		}
	}
	if c := r.Correction; c != nil {
		mendCorrection(c)
	}
}

func mendCorrection(c *provenance.Correction) {
	if c.Cell.Kind == provenance.Corrected {
		c.Cell.Kind = provenance.Transfer
	}
	if c.Cell.Kind != provenance.Transfer {
		c.Cell.Side = 0
	}
	if c.Cell.Model = "m"; c.Cell.Kind == provenance.DatasetMade {
		c.Cell.Model = ""
	}
	if c.Cell.Kind > provenance.Consumption {
		c.Cell.Serving, c.Cell.Using, c.Cell.Label = "ZZ", "ZZ", 0
	}
	if c.Cell.Boundary == 0 || c.Cell.Method == 0 {
		c.Cell.Boundary, c.Cell.Method = 0, 0
	}
	switch {
	case c.Action == provenance.Reverses:
		c.Deltas = provenance.Sums{Records: -1}
	case c.Cell.Kind > provenance.Consumption:
		c.Cell.Boundary, c.Cell.Method = 1, 1
		c.Deltas = provenance.Sums{Energy: c.Deltas.Energy | 1}
	case c.Cell.Boundary == 0:
		c.Deltas.Records, c.Deltas.Input, c.Deltas.Energy = 0, c.Deltas.Input|1, 0
	default:
		c.Deltas.Records, c.Deltas.Energy = 0, c.Deltas.Energy|1
	}
}

// drawRecord makes a record of any kind.
func drawRecord(t *rapid.T) *provenance.Record {
	r := &provenance.Record{
		Kind: provenance.Kind(rapid.Int64Range(1, 7).Draw(t, "kind")),
		Time: rapid.Int64Range(0, provenance.MaxTime).Draw(t, "time"),
	}
	v := reflect.ValueOf(r).Elem()
	of := fieldsByKind[r.Kind]
	for _, name := range append(slices.Clone(of.must), append(of.may, "Ref")...) {
		if slices.Contains(of.must, name) || rapid.Bool().Draw(t, "has "+name) {
			draw(t, v.FieldByName(name), "Record."+name)
		}
	}
	mend(t, r)
	return r
}

// What is shown of any record is read back as the same bytes. SPEC(CLI-8)
func TestRecordJSONRoundTrip(t *testing.T) {
	made := map[provenance.Kind]int{}
	rapid.Check(t, func(t *rapid.T) {
		r := drawRecord(t)
		raw, err := r.Encode()
		if provenance.CodeOf(err) == provenance.CodeSize {
			return
		}
		if err != nil {
			t.Fatalf("the generator makes what is refused: %v", err)
		}
		made[r.Kind]++
		text, err := RecordJSON(r).MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		back, err := ParseRecordJSON(text)
		if err != nil {
			t.Fatalf("%s\n%v", text, err)
		}
		again, err := back.Encode()
		if err != nil || !bytes.Equal(again, raw) {
			t.Fatalf("%s\n%x, wanted %x (%v)", text, again, raw, err)
		}
	})
	for kind := provenance.Production; kind <= provenance.Corrected; kind++ {
		if made[kind] == 0 {
			t.Errorf("no %s was made", kind)
		}
	}
}
