package ledger

import (
	"sync"

	"github.com/fxamacker/cbor/v2"
)

// The store's own values are structs in deterministic CBOR, each under a seal of
// its SHA-256. They are no part of the format or of consensus: those that are,
// package provenance encodes. Their keys must never be changed all the same:
// stores live long.
var (
	storedEncoder = sync.OnceValue(func() cbor.EncMode {
		mode, err := cbor.CoreDetEncOptions().EncMode()
		if err != nil {
			panic(err) // constant options
		}
		return mode
	})
	storedDecoder = sync.OnceValue(func() cbor.DecMode {
		mode, err := cbor.DecOptions{
			DupMapKey:         cbor.DupMapKeyEnforcedAPF,
			IndefLength:       cbor.IndefLengthForbidden,
			TagsMd:            cbor.TagsForbidden,
			ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
		}.DecMode()
		if err != nil {
			panic(err) // constant options
		}
		return mode
	})
)

// encodeStored returns the stored form of a struct of plain fields.
func encodeStored(v any) []byte {
	b, err := storedEncoder().Marshal(v)
	if err != nil {
		panic(err) // plain fields always encode
	}
	return b
}

// decodeStored reads back what encodeStored made.
func decodeStored(b []byte, v any) error { return storedDecoder().Unmarshal(b, v) }
