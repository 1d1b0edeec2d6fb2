package provenance

import (
	"bytes"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// referencesOf reads the references of a decoded record.
func referencesOf(r *Record) References {
	want := References{Ref: r.Ref, Parents: r.Parents}
	for _, c := range r.Content {
		want.Contents = append(want.Contents, Hash(c.Value))
	}
	if r.Correction != nil {
		want.Corrects = (*Hash)(r.Correction.Record)
	}
	return want
}

// TestReferences: what is read from the bytes is what decoding gives.
func TestReferences(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := recordGen().Draw(t, "record")
		b, err := r.Encode()
		if err != nil {
			return // too long
		}
		got, err := ReferencesOf(b)
		if err != nil {
			t.Fatal(err)
		}
		if want := referencesOf(must1(ParseRecord(b))); !reflect.DeepEqual(got, want) {
			t.Fatalf("%+v, wanted %+v", got, want)
		}
	})
}

// rawCorrection is the encoding of a correction, as far as references go.
func rawCorrection(kind int64, id Hash) []byte {
	b := AppendInt(AppendInt(AppendMap(nil, 3), 1), kind)
	b = AppendBytes(AppendInt(b, 4), []byte("c-1"))
	b = AppendMap(AppendInt(b, 19), 2)
	b = AppendBytes(AppendInt(b, 1), id[:])
	return AppendInt(AppendInt(b, 2), 3)
}

func TestReferencesOfACorrection(t *testing.T) {
	id := hashOf("corrected")
	got := must1(ReferencesOf(rawCorrection(7, id)))
	if got.Corrects == nil || *got.Corrects != id || string(got.Ref) != "c-1" {
		t.Errorf("%+v", got)
	}
	// Under another kind, key 19 would mean something else.
	if got := must1(ReferencesOf(rawCorrection(6, id))); got.Corrects != nil {
		t.Errorf("%+v", got)
	}
}

func TestReferencesRefuse(t *testing.T) {
	id := hashOf("x")
	good := rawCorrection(7, id)
	for name, c := range map[string]struct {
		b    []byte
		code Code
	}{
		"nothing":            {nil, CodeTruncated},
		"an array":           {[]byte{0x80}, CodeType},
		"cut short":          {good[:len(good)-1], CodeTruncated},
		"something behind":   {append(slices.Clone(good), 0), CodeTrailingBytes},
		"too long":           {make([]byte, MaxRecordBytes+1), CodeSize},
		"an empty ref":       {unhex("a1 04 40"), CodeValue},
		"a ref of 33":        {append(unhex("a1 04 58 21"), make([]byte, 33)...), CodeValue},
		"a short parent":     {unhex("a1 05 81 41 00"), CodeValue},
		"a parent of three":  {unhex("a1 05 81 83 61 61 41 00 00"), CodeValue},
		"a parent's ref":     {unhex("a1 05 81 82 61 61 40"), CodeValue},
		"a text as parent":   {unhex("a1 05 81 61 61"), CodeType},
		"a short value":      {unhex("a1 0e 81 a1 03 41 00"), CodeValue},
		"a short correction": {unhex("a2 01 07 13 a1 01 41 00"), CodeValue},
	} {
		if _, err := ReferencesOf(c.b); CodeOf(err) != c.code {
			t.Errorf("%s: %v, wanted %s", name, err, c.code)
		}
	}
}

func FuzzReferencesOf(f *testing.F) {
	seed(f, "record", "record_v2", "leaf")
	f.Add(rawCorrection(7, hashOf("x")))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := ReferencesOf(b)
		r, parseErr := ParseRecord(b)
		if refused(t, err) {
			if parseErr == nil {
				t.Fatalf("a record is refused: %v", err)
			}
			return
		}
		if parseErr == nil {
			if want := referencesOf(r); !reflect.DeepEqual(got, want) {
				t.Fatalf("%+v, wanted %+v", got, want)
			}
		}
		for _, p := range got.Parents {
			if !bytes.Contains(b, p.ID) || !bytes.Contains(b, p.Ref) {
				t.Fatalf("%+v does not stand in %x", p, b)
			}
		}
	})
}

func BenchmarkReferencesOf(b *testing.B) {
	r := must1(sampleRecord(1).Encode())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ReferencesOf(r); err != nil {
			b.Fatal(err)
		}
	}
}
