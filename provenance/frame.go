package provenance

import (
	"encoding/binary"
	"sync"

	"github.com/klauspost/compress/zstd"
)

const (
	zstdMagic = 0xFD2FB528
	maxWindow = MaxExpandedBytes
)

// zstd block types (RFC 8878 section 3.1.1.2.2).
const (
	blockRaw        = 0
	blockRLE        = 1
	blockCompressed = 2
)

// frameSize walks the headers of a zstd frame and returns the content size that
// it states. Nothing is expanded. SPEC(SUB-2)
func frameSize(b []byte) (int64, error) {
	// SPEC(ENC-14)
	if len(b) > MaxFrameBytes {
		return 0, fail(CodeSize, "records", "the frame has %d bytes, at most %d are allowed", len(b), MaxFrameBytes)
	}
	if len(b) < 5 || binary.LittleEndian.Uint32(b) != zstdMagic {
		return 0, fail(CodeFrame, "records", "not a zstd frame: wanted the magic number 28 b5 2f fd first")
	}
	descriptor := b[4]
	single, checksum := descriptor&0x20 != 0, descriptor&0x04 != 0
	switch {
	case descriptor&0x18 != 0:
		return 0, fail(CodeFrame, "records", "the frame's reserved or unused bit is set")
	case descriptor&0x03 != 0:
		return 0, fail(CodeFrame, "records", "the frame names a dictionary; none is part of the format")
	case descriptor>>6 == 0 && !single:
		return 0, fail(CodeFrame, "records", "the frame does not state its content size")
	}
	rest := b[5:]
	if !single {
		if len(rest) < 1 {
			return 0, fail(CodeFrame, "records", "the frame's header is cut short")
		}
		if w := windowSize(rest[0]); w > maxWindow {
			return 0, fail(CodeFrame, "records", "the frame's window is %d bytes, at most %d are allowed", w, maxWindow)
		}
		rest = rest[1:]
	}
	size, rest, ok := contentSize(descriptor>>6, rest)
	if !ok {
		return 0, fail(CodeFrame, "records", "the frame's header is cut short")
	}
	if size < 1 || size > MaxExpandedBytes {
		return 0, fail(CodeFrame, "records", "the frame states %d bytes of content, wanted 1 to %d", size, MaxExpandedBytes)
	}
	return int64(size), walkBlocks(rest, checksum)
}

// windowSize is that of RFC 8878 section 3.1.1.1.2.
func windowSize(descriptor byte) uint64 {
	base := uint64(1) << (10 + descriptor>>3)
	return base + base/8*uint64(descriptor&7)
}

// contentSize reads the field of RFC 8878 section 3.1.1.1.4.
func contentSize(flag byte, b []byte) (uint64, []byte, bool) {
	width := 1 << flag
	if len(b) < width {
		return 0, nil, false
	}
	switch flag {
	case 0:
		return uint64(b[0]), b[1:], true
	case 1:
		return uint64(binary.LittleEndian.Uint16(b)) + 256, b[2:], true
	case 2:
		return uint64(binary.LittleEndian.Uint32(b)), b[4:], true
	}
	return binary.LittleEndian.Uint64(b), b[8:], true
}

// walkBlocks follows the block headers to the last block, which ends the frame
// but for the checksum, which ends the string.
func walkBlocks(b []byte, checksum bool) error {
	for last := false; !last; {
		if len(b) < 3 {
			return fail(CodeFrame, "records", "a block's header is cut short")
		}
		header := uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16
		b = b[3:]
		last = header&1 != 0
		size := int(header >> 3)
		switch header >> 1 & 3 {
		case blockRLE:
			size = 1
		case blockRaw, blockCompressed:
		default:
			return fail(CodeFrame, "records", "a block is of the reserved type")
		}
		if len(b) < size {
			return fail(CodeFrame, "records", "a block of %d bytes, of which %d are there", size, len(b))
		}
		b = b[size:]
	}
	tail := 0
	if checksum {
		tail = 4
	}
	if len(b) != tail {
		return fail(CodeFrame, "records", "%d bytes follow the last block, wanted %d", len(b), tail)
	}
	return nil
}

var frameDecoder = sync.OnceValue(func() *zstd.Decoder {
	d, err := zstd.NewReader(nil,
		zstd.WithDecoderConcurrency(0), // as many DecodeAll at once as there are processors
		zstd.WithDecoderMaxMemory(MaxExpandedBytes),
		zstd.WithDecoderMaxWindow(maxWindow),
		zstd.WithDecoderLowmem(true))
	if err != nil {
		panic(err) // constant options
	}
	return d
})

var frameEncoder = sync.OnceValue(func() *zstd.Encoder {
	e, err := zstd.NewWriter(nil,
		zstd.WithEncoderLevel(zstd.SpeedFastest), // higher levels gain nothing on records
		zstd.WithEncoderConcurrency(1),
		zstd.WithEncoderCRC(true),
		zstd.WithSingleSegment(true))
	if err != nil {
		panic(err) // constant options
	}
	return e
})

// expandFrame checks and expands a frame; at most limit bytes. SPEC(SUB-3)
func expandFrame(b []byte, limit int) ([]byte, error) {
	size, err := frameSize(b)
	if err != nil {
		return nil, err
	}
	if size > int64(limit) {
		return nil, fail(CodeSize, "records", "%d bytes expanded, this ledger's policy allows %d", size, limit)
	}
	out, err := frameDecoder().DecodeAll(b, make([]byte, 0, size))
	if err != nil {
		return nil, fail(CodeExpand, "records", "the frame does not expand: %v", err)
	}
	if int64(len(out)) != size {
		return nil, fail(CodeExpand, "records", "the frame expands to %d bytes, it states %d", len(out), size)
	}
	return out, nil
}

// packFrame makes a frame of a sequence of records.
func packFrame(sequence []byte) []byte { return frameEncoder().EncodeAll(sequence, nil) }
