package main

import (
	"encoding/binary"
	"math/bits"
)

// Zstandard frames by hand (RFC 8878): only raw and RLE blocks, and compressed
// blocks of raw literals without sequences, which need no entropy coder.

const (
	blockRaw = iota
	blockRLE
	blockCompressed
	blockReserved
)

// A frame is a frame's parts, each of which may be wrong.
type frame struct {
	magic      uint32
	size       uint64 // Frame_Content_Size
	sizeBytes  int    // 0, 1, 2, 4 or 8; 0 with a window means none
	window     int    // Window_Descriptor; -1: single segment
	dictionary []byte // Dictionary_ID
	bits       byte   // or-ed into the descriptor
	checksum   []byte
	blocks     []byte
}

const zstdMagic = 0xFD2FB528

// single is a frame of one segment, its content size in the shortest form, over
// raw blocks of at most 128 KiB.
func single(content []byte) frame {
	return frame{magic: zstdMagic, size: uint64(len(content)), sizeBytes: sizeBytes(len(content)), window: -1, blocks: rawBlocks(content)}
}

func sizeBytes(n int) int {
	switch {
	case n < 256:
		return 1
	case n < 65536+256:
		return 2
	}
	return 4
}

// block is a block: header and content.
func block(last bool, kind int, size int, content []byte) []byte {
	h := uint32(size)<<3 | uint32(kind)<<1
	if last {
		h |= 1
	}
	return cat([]byte{byte(h), byte(h >> 8), byte(h >> 16)}, content)
}

const maxBlock = 128 << 10

func rawBlocks(content []byte) []byte {
	var out []byte
	for len(content) > maxBlock {
		out = append(out, block(false, blockRaw, maxBlock, content[:maxBlock])...)
		content = content[maxBlock:]
	}
	return append(out, block(true, blockRaw, len(content), content)...)
}

// rle is n bytes x in RLE blocks.
func rle(x byte, n int) []byte {
	var out []byte
	for ; n > maxBlock; n -= maxBlock {
		out = append(out, block(false, blockRLE, maxBlock, []byte{x})...)
	}
	return append(out, block(true, blockRLE, n, []byte{x})...)
}

// literals is a compressed block of raw literals (fewer than 4,096) and no
// sequences.
func literals(last bool, content []byte) []byte {
	n := len(content)
	body := cat([]byte{byte(n<<4) | 1<<2, byte(n >> 4)}, content, []byte{0})
	return block(last, blockCompressed, len(body), body)
}

// bytes writes the frame.
func (f frame) bytes() []byte {
	descriptor := f.bits
	switch f.sizeBytes {
	case 2:
		descriptor |= 1 << 6
	case 4:
		descriptor |= 2 << 6
	case 8:
		descriptor |= 3 << 6
	}
	if f.window < 0 {
		descriptor |= 1 << 5
	}
	if f.checksum != nil {
		descriptor |= 1 << 2
	}
	descriptor |= map[int]byte{0: 0, 1: 1, 2: 2, 4: 3}[len(f.dictionary)]
	out := binary.LittleEndian.AppendUint32(nil, f.magic)
	out = append(out, descriptor)
	if f.window >= 0 {
		out = append(out, byte(f.window))
	}
	out = append(out, f.dictionary...)
	size := f.size
	if f.sizeBytes == 2 {
		size -= 256
	}
	out = append(out, binary.LittleEndian.AppendUint64(nil, size)[:f.sizeBytes]...)
	return cat(out, f.blocks, f.checksum)
}

// checksum is the low four bytes of XXH64 with seed 0.
func checksum(content []byte) []byte {
	return binary.LittleEndian.AppendUint32(nil, uint32(xxh64(content)))
}

// xxh64 is XXH64 with seed 0, written from the algorithm's description.
func xxh64(b []byte) uint64 {
	const p1, p2, p3, p4, p5 = 11400714785074694791, 14029467366897019727, 1609587929392839161, 9650029242287828579, 2870177450012600261
	n := uint64(len(b))
	round := func(acc, in uint64) uint64 { return bits.RotateLeft64(acc+in*p2, 31) * p1 }
	var h uint64
	if len(b) >= 32 {
		var zero uint64
		acc := [4]uint64{zero + p1, p2, 0, zero - p1}
		acc[0] += p2
		for ; len(b) >= 32; b = b[32:] {
			for i := range acc {
				acc[i] = round(acc[i], binary.LittleEndian.Uint64(b[8*i:]))
			}
		}
		for i, r := range []int{1, 7, 12, 18} {
			h += bits.RotateLeft64(acc[i], r)
		}
		for _, a := range acc {
			h = (h^round(0, a))*p1 + p4
		}
	} else {
		h = p5
	}
	h += n
	for ; len(b) >= 8; b = b[8:] {
		h = bits.RotateLeft64(h^round(0, binary.LittleEndian.Uint64(b)), 27)*p1 + p4
	}
	if len(b) >= 4 {
		h = bits.RotateLeft64(h^uint64(binary.LittleEndian.Uint32(b))*p1, 23)*p2 + p3
		b = b[4:]
	}
	for _, x := range b {
		h = bits.RotateLeft64(h^uint64(x)*p5, 11) * p1
	}
	h = (h ^ h>>33) * p2
	h = (h ^ h>>29) * p3
	return h ^ h>>32
}
