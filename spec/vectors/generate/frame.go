package main

// frameSuite: SUB-2, SUB-3. The content need not be records here.
func frameSuite() *suite {
	s := newSuite("frame", "The records' zstd frame: its header and blocks, and what it expands to. Rules: statement.md SUB-2, SUB-3.")
	if got := xxh64(nil); got != 0xef46db3751d8e999 {
		panic("xxh64 of nothing")
	}
	text := threeKinds().sequenceBytes()
	good := func(name, comment string, f frame, content []byte) {
		s.good(name, "SUB-2", comment, f.bytes(), &values{Size: num(int64(len(content))), SHA256: hexOf(hash(content))})
	}
	good("single-segment", "one raw block in a single segment", single(text), text)
	one := single([]byte{0xa0})
	good("one-byte", "a content of one byte", one, []byte{0xa0})
	windowed := single(text)
	windowed.window, windowed.sizeBytes = 0, 4
	good("window-1-KiB", "with the least window, the size in four bytes", windowed, text)
	wide := single(text)
	wide.sizeBytes = 8
	good("size-in-8-bytes", "the content size in eight bytes", wide, text)
	most := windowed
	most.window = 13 << 3
	good("window-8-MiB", "with the greatest window allowed", most, text)
	summed := single(text)
	summed.checksum = checksum(text)
	good("checksum", "with a content checksum", summed, text)
	long := cat(text, fill(7, 100))
	longSum := single(long)
	longSum.checksum = checksum(long)
	good("checksum-long", "with a content checksum over more bytes", longSum, long)
	many := single(text)
	many.blocks = nil
	for i := range text {
		many.blocks = append(many.blocks, block(i == len(text)-1, blockRaw, 1, text[i:i+1])...)
	}
	good("block-per-byte", "each byte in a raw block of its own", many, text)
	empty := single(text)
	empty.blocks = cat(block(false, blockRaw, len(text), text), block(true, blockRaw, 0, nil))
	good("empty-last-block", "the last block is empty", empty, text)
	lit := single(text)
	lit.blocks = literals(true, text)
	good("compressed-literals", "a compressed block of raw literals without sequences", lit, text)
	mixed := single(cat(text, fill(9, 300), text))
	mixed.blocks = cat(block(false, blockRaw, len(text), text), block(false, blockRLE, 300, []byte{9}), literals(true, text))
	good("three-types", "a raw, an RLE and a compressed block", mixed, cat(text, fill(9, 300), text))
	good("8-MiB", "8 MiB of zeros, the greatest content allowed, in 64 RLE blocks", bomb(8<<20, 8<<20), fill(0, 8<<20))
	two := single(fill(3, 70000))
	good("size-4-bytes", "a size that needs four bytes", two, fill(3, 70000))
	largest := frameOf(1 << 20)
	good("1-MiB", "a frame of 1,048,576 bytes, the greatest allowed", largest, fill(0, int(largest.size)))
	s.bad("1-MiB-and-one", "ENC-14", "a frame of 1,048,577 bytes", frameOf(1<<20+1).bytes(), "size")
	frameHeaders(s, text)
	frameBlocks(s, text)
	frameContents(s, text)
	return s
}

// frameOf is a frame of n bytes: zeros in raw blocks.
func frameOf(n int) frame {
	for content := n; ; content-- {
		if 9+3*((content+maxBlock-1)/maxBlock)+content == n {
			return single(fill(0, content))
		}
	}
}

// bomb states one size and expands to another.
func bomb(stated, real int) frame {
	return frame{magic: zstdMagic, size: uint64(stated), sizeBytes: 4, window: -1, blocks: rle(0, real)}
}

func frameHeaders(s *suite, text []byte) {
	bad := func(name, comment string, f frame) { s.bad(name, "SUB-2", comment, f.bytes(), "frame") }
	f := single(text)
	change := func(with func(*frame)) frame { g := f; with(&g); return g }
	bad("magic-wrong", "the magic number is one off", change(func(f *frame) { f.magic++ }))
	bad("magic-reversed", "the magic number in big-endian order", change(func(f *frame) { f.magic = 0x28B52FFD }))
	bad("magic-v07", "the magic number of zstd 0.7", change(func(f *frame) { f.magic = 0xFD2FB527 }))
	bad("magic-dictionary", "the magic number of a dictionary", change(func(f *frame) { f.magic = 0xEC30A437 }))
	skippable := []byte{0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4}
	s.bad("skippable", "SUB-2", "a skippable frame alone", skippable, "frame")
	s.bad("skippable-first", "SUB-2", "a skippable frame in front", cat(skippable, f.bytes()), "frame")
	last := cat(skippable)
	last[0] = 0x5f
	s.bad("skippable-last", "SUB-2", "a skippable frame behind", cat(f.bytes(), last), "frame")
	bad("no-content-size", "a window and no content size", change(func(f *frame) { f.window, f.sizeBytes = 0, 0 }))
	none := change(func(f *frame) { f.size, f.sizeBytes, f.blocks = 0, 1, block(true, blockRaw, 0, nil) })
	bad("content-size-0", "a content size of 0", none)
	bad("content-size-above", "a content size of 8 MiB and one byte, and as much content", bomb(8<<20+1, 8<<20+1))
	bad("content-size-4-GiB", "a content size of 2^32-1", bomb(1<<32-1, 8<<20))
	huge := bomb(0, 8<<20)
	huge.sizeBytes, huge.size = 8, 1<<63
	bad("content-size-2-63", "a content size of 2^63", huge)
	huge.size = 1<<64 - 1
	bad("content-size-2-64-1", "a content size of 2^64-1", huge)
	for _, d := range []struct {
		name string
		id   []byte
	}{{"1", []byte{7}}, {"2", []byte{7, 1}}, {"4", []byte{7, 1, 0, 0}}, {"zero", []byte{0}}} {
		bad("dictionary-"+d.name, "a dictionary id: "+hexOf(d.id), change(func(f *frame) { f.dictionary = d.id }))
	}
	bad("unused-bit", "the unused bit is set", change(func(f *frame) { f.bits = 1 << 4 }))
	bad("reserved-bit", "the reserved bit is set", change(func(f *frame) { f.bits = 1 << 3 }))
	bad("window-9-MiB", "a window of 9 MiB", change(func(f *frame) { f.window, f.sizeBytes = 13<<3|1, 4 }))
	bad("window-16-MiB", "a window of 16 MiB", change(func(f *frame) { f.window, f.sizeBytes = 14<<3, 4 }))
	bad("window-greatest", "the greatest window that can be written, 3.75 TiB", change(func(f *frame) { f.window, f.sizeBytes = 255, 4 }))
	b := f.bytes()
	s.bad("header-magic-cut", "SUB-2", "three bytes of the magic number", b[:3], "frame")
	s.bad("header-magic-only", "SUB-2", "the magic number alone", b[:4], "frame")
	s.bad("header-descriptor-only", "SUB-2", "nothing behind the descriptor", b[:5], "frame")
	wide := change(func(f *frame) { f.sizeBytes = 8 }).bytes()
	s.bad("header-size-cut", "SUB-2", "half of the content size", wide[:9], "frame")
}

func frameBlocks(s *suite, text []byte) {
	f := single(text)
	b := f.bytes()
	header := b[:len(b)-len(f.blocks)]
	bad := func(name, comment string, blocks ...[]byte) {
		s.bad(name, "SUB-2", comment, cat(header, cat(blocks...)), "frame")
	}
	n := len(text)
	bad("no-block", "no block at all")
	bad("block-header-cut", "two of the three bytes of a block header", f.blocks[:2])
	bad("block-header-only", "a block header without content", f.blocks[:3])
	bad("block-truncated", "the last byte of the last block is missing", f.blocks[:len(f.blocks)-1])
	bad("block-rle-truncated", "an RLE block without its byte", block(true, blockRLE, n, nil))
	bad("block-not-last", "no block is marked as the last", block(false, blockRaw, n, text))
	bad("block-type-3", "a block of the reserved type", block(true, blockReserved, n, text))
	bad("block-type-3-first", "a block of the reserved type before the last one", block(false, blockReserved, 0, nil), f.blocks)
	bad("block-after-last", "a block behind the last one", f.blocks, block(true, blockRaw, 0, nil))
	bad("trailing-byte", "a zero byte behind the frame", f.blocks, []byte{0})
	bad("two-frames", "the frame stands twice", f.blocks, b)
	bad("trailing-checksum", "a checksum that the descriptor does not announce", f.blocks, checksum(text))
	summed := f
	summed.checksum = checksum(text)
	whole := summed.bytes()
	s.bad("checksum-missing", "SUB-2", "the checksum that the descriptor announces is missing", whole[:len(whole)-4], "frame")
	s.bad("checksum-cut", "SUB-2", "three bytes of the checksum", whole[:len(whole)-1], "frame")
	s.bad("checksum-trailing", "SUB-2", "a byte behind the checksum", cat(whole, []byte{0}), "frame")
}

func frameContents(s *suite, text []byte) {
	bad := func(name, comment string, f frame) { s.bad(name, "SUB-3", comment, f.bytes(), "expand") }
	n := len(text)
	low := single(text)
	low.size--
	bad("expand-one-more", "one byte more than stated", low)
	high := single(text)
	high.size++
	bad("expand-one-less", "one byte less than stated", high)
	most := single(text)
	most.sizeBytes, most.size = 4, 8<<20
	bad("expand-far-less", "8 MiB are stated, 100-odd bytes are there", most)
	bad("bomb-one-stated", "a bomb: 1 byte is stated, 8 MiB of zeros follow", bomb(1, 8<<20))
	bad("bomb-1-GiB", "a bomb: 8 MiB are stated, 1 GiB of zeros follows in 32 KiB of blocks", bomb(8<<20, 1<<30))
	bad("bomb-8-MiB-and-one", "8 MiB are stated, one byte more follows", bomb(8<<20, 8<<20+1))
	sum := single(text)
	sum.checksum = checksum(text)
	sum.checksum[0] ^= 1
	bad("checksum-wrong", "the content checksum has a bit flipped", sum)
	zero := single(text)
	zero.checksum = fill(0, 4)
	bad("checksum-zero", "the content checksum is zero", zero)
	corrupt := single(text)
	corrupt.blocks = block(true, blockCompressed, n, fill(0xff, n))
	bad("compressed-garbage", "a compressed block of bytes 0xFF", corrupt)
	lit := single(text)
	lit.blocks = literals(true, text)
	body := cat(lit.blocks[3:])
	body[0], body[1] = byte((n+1)<<4)|1<<2, byte((n+1)>>4)
	lit.blocks = block(true, blockCompressed, len(body), body)
	bad("compressed-literals-long", "the literals of a compressed block are one byte longer than the block has", lit)
	treeless := single(text)
	treeless.blocks = block(true, blockCompressed, 4, []byte{0x03, 0x40, 0x00, 0x00})
	bad("compressed-treeless", "literals that reuse a Huffman table, and there was none", treeless)
}
