package provenance

import (
	"encoding/binary"
	"sync"

	"github.com/fxamacker/cbor/v2"
)

// Encoding is the core deterministic one of RFC 8949 section 4.2.1. Decoding
// into structs happens only behind a cursor that has accepted the bytes, so
// that the decoder's leniency never decides what is valid; its limits are set
// all the same.
var (
	encoder = sync.OnceValue(func() cbor.EncMode {
		mode, err := cbor.CoreDetEncOptions().EncMode()
		if err != nil {
			panic(err) // constant options
		}
		return mode
	})
	decoder = sync.OnceValue(func() cbor.DecMode {
		mode, err := cbor.DecOptions{
			DupMapKey:        cbor.DupMapKeyEnforcedAPF,
			IndefLength:      cbor.IndefLengthForbidden,
			TagsMd:           cbor.TagsForbidden,
			MaxNestedLevels:  MaxDepth,
			MaxArrayElements: 1 << 16,
			MaxMapPairs:      1 << 16,
		}.DecMode()
		if err != nil {
			panic(err) // constant options
		}
		return mode
	})
)

func marshal(v any) ([]byte, error)   { return encoder().Marshal(v) }
func unmarshal(b []byte, v any) error { return decoder().Unmarshal(b, v) }

// AppendHead appends the head of a CBOR item of a major type, 0 to 7, with the
// shortest argument (RFC 8949 section 4.2.1).
func AppendHead(b []byte, major byte, arg uint64) []byte {
	major <<= 5
	switch {
	case arg < 24:
		return append(b, major|byte(arg))
	case arg < 1<<8:
		return append(b, major|24, byte(arg))
	case arg < 1<<16:
		return binary.BigEndian.AppendUint16(append(b, major|25), uint16(arg))
	case arg < 1<<32:
		return binary.BigEndian.AppendUint32(append(b, major|26), uint32(arg))
	}
	return binary.BigEndian.AppendUint64(append(b, major|27), arg)
}

// AppendArray appends the head of a CBOR array of n elements.
func AppendArray(b []byte, n int) []byte { return AppendHead(b, majorArray, uint64(n)) }

// AppendMap appends the head of a CBOR map of n pairs.
func AppendMap(b []byte, n int) []byte { return AppendHead(b, majorMap, uint64(n)) }

// AppendInt appends a CBOR integer.
func AppendInt(b []byte, v int64) []byte {
	if v < 0 {
		return AppendHead(b, majorNeg, uint64(-1-v))
	}
	return AppendHead(b, majorUint, uint64(v))
}

// AppendText appends a CBOR text string.
func AppendText(b []byte, s string) []byte {
	return append(AppendHead(b, majorText, uint64(len(s))), s...)
}

// AppendBytes appends a CBOR byte string.
func AppendBytes(b, s []byte) []byte {
	return append(AppendHead(b, majorBytes, uint64(len(s))), s...)
}
