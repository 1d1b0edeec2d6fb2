package provenance

import (
	"bytes"
	"reflect"
	"testing"
)

// TestFieldsOf holds fields that are read apart to the record that is read whole.
func TestFieldsOf(t *testing.T) {
	raw := realRecord(7)
	want := must1(ParseRecord(raw))
	fields, err := FieldsOf(raw)
	if err != nil {
		t.Fatal(err)
	}
	if at := must1(FieldInteger(fields[2])); at != want.Time {
		t.Errorf("time %d, want %d", at, want.Time)
	}
	if label := must1(DecodeField[Label](fields[13])); !reflect.DeepEqual(label, want.Label) {
		t.Errorf("label %+v, want %+v", label, want.Label)
	}
	if none := must1(DecodeField[Price](fields[17])); none != nil {
		t.Errorf("a price %+v of a record without", none)
	}
	var usage [8]int64
	if err := FieldIntegers(fields[8], usage[:]); err != nil {
		t.Fatal(err)
	}
	if got := (Usage{Input: usage[1], Output: usage[2], CacheRead: &usage[3], Counted: usage[6], Finish: usage[7]}); !reflect.DeepEqual(&got, want.Usage) {
		t.Errorf("usage %v", usage)
	}
	for key, item := range fields {
		if item != nil && !bytes.Contains(raw, item) {
			t.Errorf("the item under %d is not of the record", key)
		}
	}
}

// FuzzFieldsOf: whatever the bytes are, there is no panic, and what is accepted as a
// record is cut into fields.
func FuzzFieldsOf(f *testing.F) {
	f.Add(realRecord(1))
	f.Add([]byte{0xa1, 0x18, 0xff, 0x20})
	f.Add([]byte{0xa1, 0x08, 0xa1, 0x01, 0x3b})
	f.Fuzz(func(t *testing.T, b []byte) {
		fields, err := FieldsOf(b)
		if _, not := ParseRecord(b); not == nil && err != nil {
			t.Fatalf("a record that cannot be cut into fields: %v", err)
		}
		var values [8]int64
		for _, item := range fields {
			_, _ = FieldInteger(item)
			_ = FieldIntegers(item, values[:])
			_, _ = DecodeField[Label](item)
		}
	})
}

func BenchmarkFieldsOf(b *testing.B) {
	record := realRecord(0)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := FieldsOf(record); err != nil {
			b.Fatal(err)
		}
	}
	perRecord(b, 1)
}
