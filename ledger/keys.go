package ledger

import (
	"encoding/binary"

	"tokentrail/provenance"
)

// The store's keys. Integers in keys are 8 bytes, big-endian; index is an
// entry's place in the log.
//
//	key                          value                                      checked on read by
//	"v"                          format version, text                       itself
//	"c"                          {1: chain id}                              seal
//	"H"                          the head (see Head.encode)                 seal, its own app hash
//	"u" height part(2 bytes)     how to get from height back to the one     seal, that height's state root
//	                             before: {1: its head, 2: parts,
//	                             3: [[state key, old value]]}
//	"s" state key                value in the state map                     seal, state root
//	"e" index                    entry: {1: height, 2: id, 3: frame bytes,  seal, leaf hash in "h"
//	                             4: frame SHA-256, 5: statement}
//	"h" index                    tlog's stored hashes of the entry, 32      seal, root of every proof
//	                             bytes each, the leaf's first
//	"f" index chunk(2 bytes)     the records' frame, in chunks              frame SHA-256 in "e"
//	"i" statement id             index                                      id in "e"
//	"q" issuer "/" stream "/"    index                                      statement in "e"
//	    sequence
//	"R"                          {1: app hash}: a restore is on its way         seal
//	"F"                          the frontier that the ledger began at, while  seal, its own roots
//	                             entries before it are missing: {1: head,
//	                             2: [edge hash]}
//	"b"                          how far those have come: {1: entries here,    seal
//	                             2: [edge hash], 3: height of the last}
//	"a" height                   light block: number of its model, varint;     seal
//	                             what the model leaves of it
//	"A" number                   model of light blocks: {1: validator set,     seal
//	                             2: signed header}
//
// A seal is the SHA-256 over key and value, behind the value. All keys of an
// entry are written in one transaction, so that they are there together or not
// at all. "i" and "q" are pointers: whoever follows one checks where it leads.
const (
	prefixFormat   = 'v'
	prefixChain    = 'c'
	prefixHead     = 'H'
	prefixUndo     = 'u'
	prefixState    = 's'
	prefixEntry    = 'e'
	prefixHashes   = 'h'
	prefixFrame    = 'f'
	prefixID       = 'i'
	prefixSequence = 'q'
	prefixRestore  = 'R'
	prefixFrontier = 'F'
	prefixProgress = 'b'
	prefixHeader   = 'a'
	prefixModel    = 'A'
)

// storeFormat is the value under "v": the version of everything above.
const storeFormat = "tokentrail ledger 1"

// frameChunk is the size of a stored chunk of a frame, in bytes. Whoever reads
// takes chunks as they are: earlier ones are larger.
const frameChunk = 64 << 10

func indexKey(prefix byte, n int64) []byte {
	return binary.BigEndian.AppendUint64([]byte{prefix}, uint64(n))
}

func partKey(prefix byte, n int64, part int) []byte {
	return binary.BigEndian.AppendUint16(indexKey(prefix, n), uint16(part))
}

func frameKey(index int64, chunk int) []byte { return partKey(prefixFrame, index, chunk) }

func stateKey(key string) []byte { return append([]byte{prefixState}, key...) }

func idKey(id provenance.Hash) []byte { return append([]byte{prefixID}, id[:]...) }

func sequenceKey(issuer, stream string, sequence int64) []byte {
	k := append([]byte{prefixSequence}, issuer+"/"+stream+"/"...)
	return binary.BigEndian.AppendUint64(k, uint64(sequence))
}

// indexOfKey returns the integer behind the prefix of a key made by indexKey
// or partKey, -1 where there is none.
func indexOfKey(key []byte) int64 {
	if len(key) < 9 {
		return -1
	}
	return int64(binary.BigEndian.Uint64(key[1:]))
}
