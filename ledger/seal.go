package ledger

import (
	"bytes"
	"crypto/sha256"
	"fmt"

	"tokentrail/provenance"
)

// sealed makes the operation that stores value under key with its seal.
func sealed(key, value []byte) storeOp {
	sum := sealOf(key, value)
	return storeOp{key, append(value[:len(value):len(value)], sum[:]...)}
}

// sealOf binds a value to its key, so that neither damage nor a value read from
// another place passes.
func sealOf(key, value []byte) provenance.Hash {
	h := sha256.New()
	h.Write([]byte{byte(len(key))}) // keys are at most 255 bytes
	h.Write(key)
	h.Write(value)
	return provenance.Hash(h.Sum(nil))
}

func unseal(key, b []byte) ([]byte, error) {
	n := len(b) - provenance.HashSize
	if n >= 0 {
		if sum := sealOf(key, b[:n]); bytes.Equal(sum[:], b[n:]) {
			return b[:n:n], nil
		}
	}
	return nil, damaged(nameOfKey(key), placeOfKey(key), "%d bytes do not match their SHA-256", len(b))
}

func nameOfKey(key []byte) string {
	switch key[0] {
	case prefixChain:
		return "chain id"
	case prefixHead:
		return "head"
	case prefixUndo:
		return "undo"
	case prefixState:
		return "state"
	case prefixEntry:
		return "entry"
	case prefixHashes:
		return "log hashes"
	}
	return "key"
}

func placeOfKey(key []byte) string {
	switch key[0] {
	case prefixUndo:
		return fmt.Sprintf("height %d", indexOfKey(key))
	case prefixEntry, prefixHashes:
		return fmt.Sprintf("index %d", indexOfKey(key))
	}
	return fmt.Sprintf("%q", key[1:])
}
