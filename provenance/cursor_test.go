package provenance

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"pgregory.net/rapid"
)

// cursorAccepts is what the package says of one item. What passes over items that
// were accepted goes as far, and never beyond the bytes that are there.
func cursorAccepts(b []byte) error {
	c, passing := &cursor{b: b}, &cursor{b: b}
	err, passErr := c.skip(), passing.pass()
	if passing.off > len(b) {
		panic(fmt.Sprintf("passed over %d of the %d bytes of %x", passing.off, len(b), b))
	}
	if err != nil {
		return err
	}
	if passErr != nil || passing.off != c.off {
		panic(fmt.Sprintf("passed over %d bytes (%v), wanted %d, of %x", passing.off, passErr, c.off, b))
	}
	return c.end()
}

// oracleAccepts says the same by other means: a generic decoder, encoding again,
// and a naive look at what was decoded.
func oracleAccepts(b []byte) bool {
	dec := must1(cbor.DecOptions{
		DupMapKey: cbor.DupMapKeyEnforcedAPF, IndefLength: cbor.IndefLengthForbidden, TagsMd: cbor.TagsForbidden,
	}.DecMode())
	var v any
	if err := dec.Unmarshal(b, &v); err != nil {
		return false
	}
	again, err := must1(cbor.CoreDetEncOptions().EncMode()).Marshal(v)
	return err == nil && bytes.Equal(again, b) && inProfile(v, 0)
}

func inProfile(v any, depth int) bool {
	switch v := v.(type) {
	case uint64:
		return v <= math.MaxInt64
	case int64, []byte, string, bool:
		return true
	case []any:
		for _, e := range v {
			if !inProfile(e, depth+1) {
				return false
			}
		}
		return depth < 8
	case map[any]any:
		for k, e := range v {
			if key, ok := k.(uint64); !ok || key > 65535 || !inProfile(e, depth+1) {
				return false
			}
		}
		return depth < 8
	}
	return false // floats, tags, null, big integers, other simple values
}

// itemGen makes values that are mostly, not always, within the profile.
func itemGen(depth int) *rapid.Generator[any] {
	integer := rapid.OneOf(rapid.Int64(), rapid.Int64Range(-300, 300), rapid.SampledFrom([]int64{0, 23, 24, 255, 256, 65535, 65536, 1 << 32, -1, -24, -25, math.MaxInt64, math.MinInt64}))
	gens := []*rapid.Generator[any]{
		integer.AsAny(),
		rapid.SliceOfN(rapid.Byte(), 0, 40).AsAny(),
		rapid.StringN(0, 20, 60).AsAny(),
		rapid.Bool().AsAny(),
		rapid.Custom(func(t *rapid.T) any {
			return rapid.SampledFrom([]any{nil, 1.5, math.NaN(), cbor.SimpleValue(99), cbor.Tag{Number: 1, Content: 3}, uint64(1 << 63)}).Draw(t, "odd")
		}),
	}
	if depth < 10 {
		inner := rapid.Deferred(func() *rapid.Generator[any] { return itemGen(depth + 1) })
		key := rapid.OneOf(rapid.Int64Range(0, 70), rapid.Int64Range(0, 70000), rapid.Int64Range(-3, 3))
		gens = append(gens,
			rapid.SliceOfN(inner, 0, 4).AsAny(),
			rapid.MapOfN(key, inner, 0, 4).AsAny(),
			rapid.SliceOfN(inner, 1, 1).AsAny())
	}
	return rapid.OneOf(gens...)
}

// mutate changes bytes a little.
func mutate(t *rapid.T, b []byte) []byte {
	b = slices.Clone(b)
	for range rapid.IntRange(1, 3).Draw(t, "changes") {
		at := rapid.IntRange(0, len(b)).Draw(t, "at")
		x := rapid.Byte().Draw(t, "byte")
		switch how := rapid.IntRange(0, 3).Draw(t, "how"); {
		case how == 0 || at == len(b):
			b = slices.Insert(b, at, x)
		case how == 1:
			b[at] = x
		case how == 2:
			b[at] ^= 1 << (x % 8)
		default:
			b = slices.Delete(b, at, at+1)
		}
	}
	return b
}

func TestCursorAcceptsExactlyWhatTheOracleAccepts(t *testing.T) {
	enc := must1(cbor.CoreDetEncOptions().EncMode())
	accepted := 0
	rapid.Check(t, func(t *rapid.T) {
		b := must1(enc.Marshal(itemGen(0).Draw(t, "item")))
		compare := func(b []byte) {
			err := cursorAccepts(b)
			if err == nil {
				accepted++
			} else if CodeOf(err) == "" {
				t.Fatalf("%x: an error without a code: %v", b, err)
			}
			if want := oracleAccepts(b); (err == nil) != want {
				t.Fatalf("%x: the cursor says %v, the oracle accepts: %t", b, err, want)
			}
		}
		compare(b)
		for range 20 {
			compare(mutate(t, b))
		}
	})
	if accepted == 0 {
		t.Error("nothing was accepted: the test tests nothing")
	}
}

func TestCursorOnEveryShortItem(t *testing.T) {
	// All items of up to two bytes, and all heads with a few arguments.
	var items [][]byte
	for a := range 256 {
		items = append(items, []byte{byte(a)})
		for b := range 256 {
			items = append(items, []byte{byte(a), byte(b)})
		}
		for _, rest := range []string{"0000", "0018", "00ff", "0100", "ffff", "00000000", "00010000", "0000ffff", "ffffffff", "00000000ffffffff", "0000000100000000", "7fffffffffffffff", "8000000000000000", "ffffffffffffffff"} {
			items = append(items, append([]byte{byte(a)}, unhex(rest)...))
		}
	}
	for _, b := range items {
		if err := cursorAccepts(b); (err == nil) != oracleAccepts(b) {
			t.Errorf("%x: the cursor says %v", b, err)
		}
	}
}

func TestEncodingErrors(t *testing.T) {
	tests := []struct {
		name, item string
		code       Code
		offset     int
	}{
		{"nothing", "", CodeTruncated, 0},
		{"one byte for 23", "1817", CodeNonMinimal, 0},
		{"two bytes for 255", "1900ff", CodeNonMinimal, 0},
		{"four bytes for 65535", "1a0000ffff", CodeNonMinimal, 0},
		{"eight bytes for 2^32-1", "1b00000000ffffffff", CodeNonMinimal, 0},
		{"long head of a text", "780161", CodeNonMinimal, 0},
		{"indefinite array", "9fff", CodeIndefinite, 0},
		{"indefinite bytes", "5f4100ff", CodeIndefinite, 0},
		{"indefinite map", "bfff", CodeIndefinite, 0},
		{"break alone", "ff", CodeIndefinite, 0},
		{"unsorted", "a2020a010a", CodeUnsortedKeys, 3},
		{"duplicate", "a2010a010a", CodeDuplicateKey, 3},
		{"half float", "81f93c00", CodeFloat, 1},
		{"single float", "fa00000000", CodeFloat, 0},
		{"double float", "fb0000000000000000", CodeFloat, 0},
		{"float as a key", "a1f93c0000", CodeFloat, 1},
		{"tag", "c100", CodeTag, 0},
		{"bignum", "c249010000000000000000", CodeTag, 0},
		{"null", "f6", CodeSimple, 0},
		{"undefined", "f7", CodeSimple, 0},
		{"simple 32", "f820", CodeSimple, 0},
		{"simple 0", "e0", CodeSimple, 0},
		{"surrogate", "63eda080", CodeUTF8, 0},
		{"overlong slash", "62c0af", CodeUTF8, 0},
		{"2^63", "1b8000000000000000", CodeIntegerRange, 0},
		{"-2^63-1", "3b8000000000000000", CodeIntegerRange, 0},
		{"text key", "a1616100", CodeKeyType, 1},
		{"negative key", "a12000", CodeUnknownCritical, 1},
		{"key 65536", "a11a0001000000", CodeUnknownCritical, 1},
		{"nine arrays", strings.Repeat("81", 9) + "00", CodeDepth, 8},
		{"a byte more", "0000", CodeTrailingBytes, 1},
		{"text cut short", "6261", CodeTruncated, 0},
		{"head cut short", "19ff", CodeTruncated, 0},
		{"array cut short", "8200", CodeTruncated, 0},
		{"array of 2^63", "9b8000000000000000", CodeTruncated, 0},
		{"array of 2^64-1", "9bffffffffffffffff", CodeTruncated, 0},
		{"map of 2^63", "bb8000000000000000", CodeTruncated, 0},
		{"bytes of 2^64-1", "5bffffffffffffffff", CodeTruncated, 0},
		{"text of 2^63", "7b8000000000000000", CodeTruncated, 0},
		{"reserved 28", "1c", CodeMalformed, 0},
		{"reserved 30 of a tag", "de", CodeMalformed, 0},
	}
	for _, tt := range tests {
		err := cursorAccepts(unhex(tt.item))
		wantCode(t, err, tt.code)
		if e, ok := err.(*Error); ok && e.Offset != tt.offset {
			t.Errorf("%s: at byte %d, wanted %d", tt.name, e.Offset, tt.offset)
		}
	}
}

func TestNestingOfEightIsAccepted(t *testing.T) {
	if err := cursorAccepts(unhex(strings.Repeat("81", 8) + "00")); err != nil {
		t.Error(err)
	}
}

func TestHostileCountsAllocateNothing(t *testing.T) {
	for _, item := range []string{"9b00000000ffffffff", "bb00000000ffffffff", "5b00000000ffffffff", "9a7fffffff"} {
		b := unhex(item)
		if n := testing.AllocsPerRun(10, func() { _ = cursorAccepts(b) }); n > 10 {
			t.Errorf("%s: %.0f allocations", item, n)
		}
	}
}
