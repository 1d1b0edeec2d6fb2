package provenance

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// frameHead is a zstd frame header: descriptor, window descriptor where the
// frame is no single segment, and content size in the width the flag says.
func frameHead(flag byte, single, checksum bool, window byte, size uint64) []byte {
	b := binary.LittleEndian.AppendUint32(nil, zstdMagic)
	descriptor := flag << 6
	if single {
		descriptor |= 0x20
	}
	if checksum {
		descriptor |= 0x04
	}
	b = append(b, descriptor)
	if !single {
		b = append(b, window)
	}
	switch {
	case flag == 0 && single:
		b = append(b, byte(size))
	case flag == 1:
		b = binary.LittleEndian.AppendUint16(b, uint16(size-256))
	case flag == 2:
		b = binary.LittleEndian.AppendUint32(b, uint32(size))
	case flag == 3:
		b = binary.LittleEndian.AppendUint64(b, size)
	}
	return b
}

// block is a raw or RLE block.
func block(last bool, kind byte, size int, content []byte) []byte {
	h := uint32(size)<<3 | uint32(kind)<<1
	if last {
		h |= 1
	}
	return append([]byte{byte(h), byte(h >> 8), byte(h >> 16)}, content...)
}

func TestEveryHeaderFormExpands(t *testing.T) {
	for name, single := range map[string]bool{"single segment": true, "window": false} {
		for flag := range byte(4) {
			if flag == 0 && !single {
				continue // states no size
			}
			size := 300
			if flag == 0 {
				size = 200
			}
			content := bytes.Repeat([]byte{0x42}, size)
			f := slices.Concat(frameHead(flag, single, false, 0x10, uint64(size)),
				block(false, blockRaw, 100, content[:100]), block(true, blockRLE, size-100, []byte{0x42}))
			got, err := expandFrame(f, MaxExpandedBytes)
			if err != nil || !bytes.Equal(got, content) {
				t.Errorf("%s, flag %d: %v", name, flag, err)
			}
		}
	}
}

func TestFramesOfEveryLevelExpand(t *testing.T) {
	sequence := bytes.Join(sampleRecords(500), nil)
	for _, level := range []zstd.EncoderLevel{zstd.SpeedFastest, zstd.SpeedDefault, zstd.SpeedBetterCompression, zstd.SpeedBestCompression} {
		for _, checksum := range []bool{true, false} {
			e := must1(zstd.NewWriter(nil, zstd.WithEncoderLevel(level), zstd.WithEncoderCRC(checksum)))
			got, err := expandFrame(e.EncodeAll(sequence, nil), MaxExpandedBytes)
			if err != nil || !bytes.Equal(got, sequence) {
				t.Errorf("level %s, checksum %t: %v", level, checksum, err)
			}
		}
	}
	if got, err := expandFrame(packFrame(sequence), MaxExpandedBytes); err != nil || !bytes.Equal(got, sequence) {
		t.Error(err)
	}
}

func TestFramesAreRefused(t *testing.T) {
	raw := func(n int) []byte { return block(true, blockRaw, n, make([]byte, n)) }
	head := func(size uint64) []byte { return frameHead(2, true, false, 0, size) }
	good := slices.Concat(head(300), raw(300))
	if _, err := expandFrame(good, MaxExpandedBytes); err != nil {
		t.Fatal(err)
	}
	checked := packFrame(bytes.Join(sampleRecords(20), nil))
	wrongSum := slices.Clone(checked)
	wrongSum[len(wrongSum)-1] ^= 1
	with := func(at int, x byte) []byte { b := slices.Clone(good); b[at] = x; return b }
	tests := []struct {
		name  string
		frame []byte
		code  Code
	}{
		{"nothing", nil, CodeFrame},
		{"magic alone", good[:4], CodeFrame},
		{"header alone", good[:9], CodeFrame},
		{"header cut short", good[:7], CodeFrame},
		{"skippable", append([]byte{0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0}, good...), CodeFrame},
		{"skippable behind", append(slices.Clone(good), 0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0), CodeFrame},
		{"two frames", slices.Concat(good, good), CodeFrame},
		{"old magic", with(0, 0x27), CodeFrame},
		{"dictionary", with(4, 0xa1), CodeFrame},
		{"reserved bit", with(4, 0xa8), CodeFrame},
		{"no content size", slices.Concat(frameHead(0, false, false, 0x10, 0), raw(1)), CodeFrame},
		{"size 0", slices.Concat(head(0), raw(0)), CodeFrame},
		{"8 MiB and 1", slices.Concat(head(MaxExpandedBytes+1), raw(10)), CodeFrame},
		{"2^64-1", slices.Concat(frameHead(3, true, false, 0, 1<<64-1), raw(10)), CodeFrame},
		{"2^63", slices.Concat(frameHead(3, true, false, 0, 1<<63), raw(10)), CodeFrame},
		{"window of 16 MiB", slices.Concat(frameHead(2, false, false, 14<<3, 300), raw(300)), CodeFrame},
		{"window of 9 MiB", slices.Concat(frameHead(2, false, false, 13<<3|1, 300), raw(300)), CodeFrame},
		{"greatest window", slices.Concat(frameHead(2, false, false, 0xff, 300), raw(300)), CodeFrame},
		{"reserved block", slices.Concat(head(300), block(true, 3, 1, []byte{0})), CodeFrame},
		{"no last block", slices.Concat(head(300), block(false, blockRaw, 300, make([]byte, 300))), CodeFrame},
		{"block cut short", good[:len(good)-1], CodeFrame},
		{"a byte more", append(slices.Clone(good), 0), CodeFrame},
		{"no checksum", checked[:len(checked)-4], CodeFrame},
		{"checksum cut short", checked[:len(checked)-1], CodeFrame},
		{"wrong checksum", wrongSum, CodeExpand},
		{"states less", slices.Concat(head(299), raw(300)), CodeExpand},
		{"states more", slices.Concat(head(301), raw(300)), CodeExpand},
		{"compressed rubbish", slices.Concat(head(300), block(true, blockCompressed, 20, bytes.Repeat([]byte{0xff}, 20))), CodeExpand},
		{"RLE bomb", slices.Concat(head(300), bytes.Repeat(block(false, blockRLE, 128<<10, []byte{0}), 1000), block(true, blockRLE, 1, []byte{0})), CodeExpand},
		{"RLE block of 2 MiB", slices.Concat(head(1<<21-1), block(true, blockRLE, 1<<21-1, []byte{0})), CodeExpand},
		{"too long", slices.Concat(head(300), make([]byte, MaxFrameBytes)), CodeSize},
	}
	for _, tt := range tests {
		if _, err := expandFrame(tt.frame, MaxExpandedBytes); CodeOf(err) != tt.code {
			t.Errorf("%s: %v, wanted %s", tt.name, err, tt.code)
		}
	}
	_, err := expandFrame(good, 299)
	wantCode(t, err, CodeSize)
}

// allocated is how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestMemoryIsBoundedByTheStatedSize(t *testing.T) {
	random := make([]byte, MaxFrameBytes-100)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range random {
		random[i] = byte(r.Uint32())
	}
	var noise []byte // 1 MiB of raw blocks under a header that states 8 MiB
	noise = frameHead(2, true, false, 0, MaxExpandedBytes)
	for b := random; len(b) > 0; {
		n := min(len(b), 128<<10)
		noise = append(noise, block(n == len(b), blockRaw, n, b[:n])...)
		b = b[n:]
	}
	noise = noise[:min(len(noise), MaxFrameBytes)]
	rle := func(stated uint64, blocks int) []byte {
		f := frameHead(2, true, false, 0, stated)
		f = append(f, bytes.Repeat(block(false, blockRLE, 128<<10, []byte{0}), blocks)...)
		return append(f, block(true, blockRLE, 1, []byte{0})...)
	}
	frameDecoder() // made once
	tests := []struct {
		name  string
		frame []byte
		most  uint64
	}{
		{"8 MiB stated by 1 MiB of noise", noise, 3 * MaxExpandedBytes},
		{"8 MiB stated, 32 GiB behind it", rle(MaxExpandedBytes, 260_000), 3 * MaxExpandedBytes},
		{"8 MiB stated by a frame of 16 bytes", rle(MaxExpandedBytes, 0), 3 * MaxExpandedBytes},
		{"1 KiB stated, 32 GiB behind it", rle(1024, 260_000), 1 << 20},
	}
	for _, tt := range tests {
		_, _ = expandFrame(tt.frame, MaxExpandedBytes) // the decoder's own buffers
		var err error
		used := allocated(func() { _, err = expandFrame(tt.frame, MaxExpandedBytes) })
		if err == nil {
			t.Errorf("%s: accepted", tt.name)
		}
		if used > tt.most {
			t.Errorf("%s: %d bytes allocated, wanted at most %d", tt.name, used, tt.most)
		}
	}
}

func TestSequencesThatAreNotTheRecords(t *testing.T) {
	records := sampleRecords(3)
	all := bytes.Join(records, nil)
	tests := []struct {
		name     string
		sequence []byte
		count    int
		code     Code
		path     string
	}{
		{"one more", all, 2, CodeCount, "count"},
		{"one less", all, 4, CodeCount, "count"},
		{"cut short", all[:len(all)-1], 3, CodeTruncated, ""},
		{"8 MiB of empty maps", bytes.Repeat([]byte{0xa0}, MaxExpandedBytes), MaxRecords, CodeCount, "count"},
		{"a float in the second", slices.Concat(records[0], []byte{0xf9, 0, 0}), 3, CodeFloat, "records[1]"},
		{"nested deep", slices.Concat(records[0], bytes.Repeat([]byte{0x81}, 1<<20)), 3, CodeType, "records[1]"},
		{"negative count", all, -1, CodeCount, "count"},
	}
	for _, tt := range tests {
		_, err := ExpandRecords(packFrame(tt.sequence), tt.count, FormatLimits())
		if CodeOf(err) != tt.code {
			t.Errorf("%s: %v, wanted %s", tt.name, err, tt.code)
		}
		if e, ok := err.(*Error); ok && tt.path != "" && e.Path != tt.path {
			t.Errorf("%s: path %q, wanted %q", tt.name, e.Path, tt.path)
		}
	}
	got, err := ExpandRecords(packFrame(all), 3, FormatLimits())
	if err != nil || !slices.EqualFunc(got, records, bytes.Equal) {
		t.Errorf("%v", err)
	}
}
