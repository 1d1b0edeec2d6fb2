package label

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"io"
)

const (
	pngSignature  = "\x89PNG\r\n\x1a\n"
	pngXMPKeyword = "XML:com.adobe.xmp"
)

// A pngChunk is a piece of a PNG file (PNG specification, 5.3).
type pngChunk struct {
	kind   string // four letters
	offset int64  // in the file
	raw    []byte // length, type, data and CRC, as they stand
}

func (c pngChunk) data() []byte { return c.raw[8 : len(c.raw)-4] }

// isXMP reports whether the chunk is the one that holds XMP. SPEC(LBL-10)
func (c pngChunk) isXMP() bool {
	return c.kind == "iTXt" && bytes.HasPrefix(c.data(), []byte(pngXMPKeyword+"\x00"))
}

func pngCarrier() carrier {
	return carrier{mediaType: "image/png", read: readPNG, write: writePNG, profile: "png-1", normalise: normalisePNG}
}

// pngChunks reads a file's chunks. Each must be whole, its CRC right; the first
// is IHDR and the last IEND, with which the file ends.
func pngChunks(src io.ReaderAt, size int64) ([]pngChunk, error) {
	b, err := readAll(PNG, src, size)
	if err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(b, []byte(pngSignature)) {
		return nil, malformed(PNG, "", 0, "it does not start with PNG's signature")
	}
	var chunks []pngChunk
	image, packets := false, 0
	for at := len(pngSignature); ; {
		c, err := pngChunkAt(b, at)
		if err != nil {
			return nil, err
		}
		if first := len(chunks) == 0; first != (c.kind == "IHDR") || first && len(c.data()) != 13 {
			return nil, malformed(PNG, c.kind, c.offset, "the first chunk, and no other, is an IHDR of 13 bytes")
		}
		if len(chunks) >= maxPieces {
			return nil, tooLarge(PNG, c.kind, c.offset, "more than %d chunks", maxPieces)
		}
		if c.isXMP() {
			if packets++; packets > maxPackets {
				return nil, tooLarge(PNG, c.kind, c.offset, "more than %d packets of XMP", maxPackets)
			}
		}
		chunks = append(chunks, c)
		at += len(c.raw)
		image = image || c.kind == "IDAT"
		if c.kind != "IEND" {
			continue
		}
		switch {
		case !image:
			return nil, malformed(PNG, c.kind, c.offset, "the file ends without an IDAT")
		case len(c.data()) != 0:
			return nil, malformed(PNG, c.kind, c.offset, "the last chunk holds %d bytes; it is empty", len(c.data()))
		case at != len(b):
			return nil, malformed(PNG, "", int64(at), "%d bytes follow the last chunk", len(b)-at)
		}
		return chunks, nil
	}
}

func pngChunkAt(b []byte, at int) (pngChunk, error) {
	const around = 12 // length, type, CRC
	rest := b[at:]
	if len(rest) < around {
		return pngChunk{}, malformed(PNG, "", int64(at), "the file ends with %d bytes where a chunk should be; IEND is missing", len(rest))
	}
	kind := string(rest[4:8])
	for _, c := range rest[4:8] {
		if c|0x20 < 'a' || c|0x20 > 'z' {
			return pngChunk{}, malformed(PNG, "", int64(at), "a chunk has the type %q, which is not four letters", kind)
		}
	}
	length := uint64(binary.BigEndian.Uint32(rest))
	if length > uint64(len(rest)-around) {
		return pngChunk{}, malformed(PNG, kind, int64(at), "the chunk says that it holds %d bytes; %d are left", length, len(rest)-around)
	}
	c := pngChunk{kind, int64(at), rest[:length+around]}
	got, want := crc32.ChecksumIEEE(c.raw[4:len(c.raw)-4]), binary.BigEndian.Uint32(c.raw[len(c.raw)-4:])
	if got != want {
		return pngChunk{}, malformed(PNG, kind, int64(at), "the chunk's CRC is %08x, that of its bytes %08x", want, got)
	}
	return c, nil
}

// newPNGChunk makes a chunk of a type and data.
func newPNGChunk(kind string, data []byte) pngChunk {
	raw := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	raw = append(append(raw, kind...), data...)
	return pngChunk{kind, -1, binary.BigEndian.AppendUint32(raw, crc32.ChecksumIEEE(raw[4:]))}
}

// An iTXt is the data of a chunk of that type (PNG specification, 11.3.3.4).
type iTXt struct {
	names  []byte // language tag and translated keyword, with their zero bytes
	text   []byte
	offset int64 // of the text in the file, −1 where it is compressed
}

// xmp returns the packet of a chunk that isXMP, inflated where that is needed.
func (c pngChunk) xmp() (iTXt, error) {
	rest := c.data()[len(pngXMPKeyword)+1:]
	if len(rest) < 4 || rest[0] > 1 || rest[1] != 0 {
		return iTXt{}, malformed(PNG, c.kind, c.offset, "the chunk's compression is neither none nor zlib's")
	}
	language, afterLanguage, ok1 := bytes.Cut(rest[2:], []byte{0})
	translated, text, ok2 := bytes.Cut(afterLanguage, []byte{0})
	if !ok1 || !ok2 {
		return iTXt{}, malformed(PNG, c.kind, c.offset, "the chunk ends within its language tag or keyword")
	}
	t := iTXt{rest[2 : 2+len(language)+1+len(translated)+1], text, c.offset + int64(len(c.raw)-4-len(text))}
	if rest[0] == 0 {
		return t, nil
	}
	z, err := zlib.NewReader(bytes.NewReader(text))
	if err != nil {
		return iTXt{}, malformed(PNG, c.kind, c.offset, "the chunk's text does not expand: %v", err)
	}
	if t.text, err = io.ReadAll(io.LimitReader(z, maxMetadata+1)); err != nil {
		return iTXt{}, malformed(PNG, c.kind, c.offset, "the chunk's text does not expand: %v", err)
	}
	if len(t.text) > maxMetadata {
		return iTXt{}, tooLarge(PNG, c.kind, c.offset, "the chunk expands to more than %d bytes of XMP", maxMetadata)
	}
	t.offset = -1
	return t, nil
}

// isMisplacedXMP reports whether the chunk holds XMP where its specification
// puts none and some readers look for it all the same.
func (c pngChunk) isMisplacedXMP() bool {
	return (c.kind == "tEXt" || c.kind == "zTXt") && bytes.HasPrefix(c.data(), []byte(pngXMPKeyword+"\x00"))
}

// readPNG reads a file's marks. SPEC(LBL-10)
func readPNG(src io.ReaderAt, size int64) (*File, error) {
	chunks, err := pngChunks(src, size)
	if err != nil {
		return nil, err
	}
	file := &File{Format: PNG}
	var packets []packet
	for _, c := range chunks {
		switch {
		case c.isXMP():
			t, err := c.xmp()
			if err != nil {
				return nil, err
			}
			packets = append(packets, packet{t.text, c.kind, t.offset})
		case c.isMisplacedXMP():
			return nil, unsupported(PNG, c.kind, c.offset, "XMP stands in a chunk %s, where only some readers look for a label; put it into an iTXt", c.kind)
		case c.kind == "caBX" && file.C2PA != nil:
			return nil, malformed(PNG, c.kind, c.offset, "a second manifest store")
		case c.kind == "caBX":
			if file.C2PA, err = parseManifestStore(c.data()); err != nil {
				return nil, within(PNG, c.kind, c.offset+8, err)
			}
		}
	}
	file.AIGC, file.SourceType, err = readPackets(PNG, packets)
	if err != nil {
		return nil, err
	}
	return file, nil
}

// writePNG puts the marks into the first packet, or into a new one behind IHDR.
func writePNG(dst io.Writer, src io.ReaderAt, size int64, m Marks) error {
	chunks, err := pngChunks(src, size)
	if err != nil {
		return err
	}
	first, store := -1, false
	for i, c := range chunks {
		store = store || c.kind == "caBX"
		if first < 0 && c.isXMP() {
			first = i
		}
	}
	if err := refuseBound(PNG, store, m); err != nil {
		return err
	}
	if _, err := io.WriteString(dst, pngSignature); err != nil {
		return err
	}
	for i, c := range chunks {
		if c.isXMP() {
			if c, err = c.relabel(m, i == first); err != nil {
				return err
			}
		}
		if _, err := dst.Write(c.raw); err != nil {
			return err
		}
		if i != 0 || first >= 0 {
			continue
		}
		text, err := editXMP(nil, m)
		if err != nil {
			return err
		}
		if _, err := dst.Write(newXMPChunk([]byte{0, 0}, text).raw); err != nil {
			return err
		}
	}
	return nil
}

// relabel returns an XMP chunk with the marks in it, or cut out of it.
func (c pngChunk) relabel(m Marks, first bool) (pngChunk, error) {
	t, err := c.xmp()
	if err != nil {
		return c, err
	}
	change := stripXMP
	if first {
		change = editXMP
	}
	text, err := change(t.text, m)
	if err != nil {
		return c, within(PNG, c.kind, t.offset, err)
	}
	return newXMPChunk(t.names, text), nil
}

func newXMPChunk(names, text []byte) pngChunk {
	data := append([]byte(pngXMPKeyword), 0, 0, 0) // no compression
	return newPNGChunk("iTXt", append(append(data, names...), text...))
}

// normalisePNG writes what png-1 covers. SPEC(LBL-20)
func normalisePNG(dst io.Writer, src io.ReaderAt, size int64) error {
	chunks, err := pngChunks(src, size)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(dst, pngSignature); err != nil {
		return err
	}
	for _, c := range chunks {
		if c.isXMP() || c.kind == "caBX" {
			continue
		}
		if _, err := dst.Write(c.raw); err != nil {
			return err
		}
	}
	return nil
}
