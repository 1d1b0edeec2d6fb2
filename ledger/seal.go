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
	if len(key) == 0 {
		return "key"
	}
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
	case prefixFrame:
		return "frame"
	case prefixID, prefixSequence:
		return "pointer"
	case prefixRestore:
		return "restore"
	case prefixFrontier:
		return "frontier"
	case prefixProgress:
		return "backfill"
	case prefixHeader:
		return "archived header"
	case prefixModel:
		return "archive model"
	}
	return "key"
}

func placeOfKey(key []byte) string {
	if len(key) < 2 {
		return fmt.Sprintf("key %q", key)
	}
	switch key[0] {
	case prefixUndo, prefixHeader:
		return fmt.Sprintf("height %d", indexOfKey(key))
	case prefixEntry, prefixHashes, prefixFrame:
		return fmt.Sprintf("index %d", indexOfKey(key))
	case prefixModel:
		return fmt.Sprintf("number %d", indexOfKey(key))
	}
	return fmt.Sprintf("%q", key[1:])
}
