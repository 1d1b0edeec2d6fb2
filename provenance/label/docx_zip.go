package label

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"hash/crc32"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits of a package. SPEC(LBL-19)
const (
	maxParts    = 10_000
	maxExpanded = 512 << 20 // bytes of all parts together
)

// Parts of a package that matter, by their names in lower case: a package has no
// two names that differ in case alone (ISO/IEC 29500-2, 6.2.2).
const (
	customName = "docprops/custom.xml"
	typesName  = "[content_types].xml"
	relsName   = "_rels/.rels"
	signatures = "_xmlsignatures/"
)

// A docxPackage is a file's parts. They are in memory, compressed as they stand.
type docxPackage struct {
	b                   []byte
	comment             string
	parts               []*zip.File
	custom, types, rels *zip.File // custom is nil where there is none
	signed              bool
}

// openDOCX reads the directory of the package and holds it to what the parts say
// of themselves, so that no two readers can see two packages in one file.
func openDOCX(src io.ReaderAt, size int64) (*docxPackage, error) {
	b, err := readAll(DOCX, src, size)
	if err != nil {
		return nil, err
	}
	if err := checkDirectory(b); err != nil {
		return nil, err
	}
	z, err := zip.NewReader(bytes.NewReader(b), size)
	if err != nil {
		return nil, malformed(DOCX, "", -1, "%v", err)
	}
	p := &docxPackage{b: b, parts: z.File, comment: z.Comment}
	var expanded uint64
	seen := map[string]bool{}
	for _, f := range p.parts {
		if err := checkPartName(f.Name); err != nil {
			return nil, err
		}
		name := strings.ToLower(f.Name)
		if seen[name] {
			return nil, malformed(DOCX, f.Name, -1, "the part stands twice")
		}
		seen[name] = true
		if f.Method != zip.Store && f.Method != zip.Deflate {
			return nil, unsupported(DOCX, f.Name, -1, "it is compressed by method %d; 0 and 8 are read", f.Method)
		}
		if expanded += f.UncompressedSize64; f.UncompressedSize64 > maxExpanded || expanded > maxExpanded {
			return nil, tooLarge(DOCX, f.Name, -1, "the parts expand to more than %d bytes", maxExpanded)
		}
		switch name {
		case customName:
			p.custom = f
		case typesName:
			p.types = f
		case relsName:
			p.rels = f
		}
		p.signed = p.signed || strings.HasPrefix(name, signatures)
	}
	if p.types == nil || p.rels == nil {
		return nil, malformed(DOCX, "", -1, "it has no [Content_Types].xml or no _rels/.rels: not an Office document")
	}
	return p, nil
}

// checkPartName refuses names that lead out of the package, or that two readers
// take for two.
func checkPartName(name string) error {
	bad := name == "" || len(name) > 1024 || !utf8.ValidString(name) || strings.HasPrefix(name, "/") || strings.ContainsAny(name, "\\:\x00")
	for segment := range strings.SplitSeq(strings.TrimSuffix(name, "/"), "/") {
		bad = bad || segment == "" || segment == "." || segment == ".."
	}
	if bad {
		return malformed(DOCX, "", -1, "%.80q is no name of a part", name)
	}
	return nil
}

const (
	zipEnd, zipEndSize     = "PK\x05\x06", 22
	zipEntry, zipEntrySize = "PK\x01\x02", 46
	zipLocal, zipLocalSize = "PK\x03\x04", 30
	zipDescriptor          = "PK\x07\x08" // which may stand before sizes that follow a part
)

// checkDirectory walks over the ZIP directory (APPNOTE 4.3): it ends the file,
// and each of its entries is the head of one part that no other one overlaps.
func checkDirectory(b []byte) error {
	end := bytes.LastIndex(b, []byte(zipEnd))
	if end < 0 || len(b)-end < zipEndSize {
		return malformed(DOCX, "", -1, "it is no ZIP archive, or its end is missing")
	}
	e := b[end:]
	count := binary.LittleEndian.Uint16(e[10:])
	size, from := binary.LittleEndian.Uint32(e[12:]), binary.LittleEndian.Uint32(e[16:])
	switch {
	case count == 1<<16-1 || size == 1<<32-1 || from == 1<<32-1:
		return unsupported(DOCX, "directory", int64(end), "it is in ZIP64, which no document of this size needs")
	case binary.LittleEndian.Uint32(e[4:]) != 0 || binary.LittleEndian.Uint16(e[8:]) != count:
		return unsupported(DOCX, "directory", int64(end), "it is one of several volumes")
	case int(binary.LittleEndian.Uint16(e[20:])) != len(e)-zipEndSize:
		return malformed(DOCX, "directory", int64(end), "%d bytes stand behind it; its comment says %d", len(e)-zipEndSize, binary.LittleEndian.Uint16(e[20:]))
	case uint64(from)+uint64(size) != uint64(end):
		return malformed(DOCX, "directory", int64(end), "it says that it has %d bytes from byte %d; it ends at byte %d", size, from, end)
	case count > maxParts:
		return tooLarge(DOCX, "directory", int64(end), "it has %d parts; at most %d are read", count, maxParts)
	}
	var taken []span
	at := int(from)
	for i := range int(count) {
		part, length, err := checkEntry(b[:end], at, int(from))
		if err != nil {
			return err
		}
		if length == 0 {
			return malformed(DOCX, "directory", int64(at), "it says that it has %d parts and has %d", count, i)
		}
		taken = append(taken, part)
		at += length
	}
	if at != end {
		return malformed(DOCX, "directory", int64(at), "%d bytes stand behind its %d entries", end-at, count)
	}
	return checkRow(taken, int(from))
}

// checkRow holds the parts to a row without gaps up to the directory: what stood
// in one would be a part to a reader that goes from head to head.
func checkRow(taken []span, directory int) error {
	slices.SortFunc(taken, func(a, b span) int { return a.start - b.start })
	at := 0
	for _, part := range append(taken, span{start: directory}) {
		switch {
		case part.start < at:
			return malformed(DOCX, "", int64(part.start), "a part begins within another")
		case part.start > at:
			return malformed(DOCX, "", int64(at), "%d bytes belong to no part", part.start-at)
		}
		at = part.end
	}
	return nil
}

// checkEntry compares the directory's entry at a place with the head of the part.
// It returns where the part stands, and the entry's length, 0 where there is none.
func checkEntry(b []byte, at, directory int) (part span, length int, err error) {
	e := b[at:]
	if len(e) < zipEntrySize || string(e[:4]) != zipEntry {
		return span{}, 0, nil
	}
	n := int(binary.LittleEndian.Uint16(e[28:]))
	length = zipEntrySize + n + int(binary.LittleEndian.Uint16(e[30:])) + int(binary.LittleEndian.Uint16(e[32:]))
	if length > len(e) {
		return span{}, 0, malformed(DOCX, "directory", int64(at), "an entry is cut short")
	}
	flags := binary.LittleEndian.Uint16(e[8:])
	compressed, expanded := binary.LittleEndian.Uint32(e[20:]), binary.LittleEndian.Uint32(e[24:])
	start := binary.LittleEndian.Uint32(e[42:])
	switch {
	case compressed == 1<<32-1 || expanded == 1<<32-1 || start == 1<<32-1:
		return span{}, 0, unsupported(DOCX, "directory", int64(at), "an entry is in ZIP64, which no document of this size needs")
	case flags&(1<<0|1<<6|1<<13) != 0:
		return span{}, 0, unsupported(DOCX, "directory", int64(at), "a part is encrypted; save the document without a password")
	case uint64(start)+zipLocalSize > uint64(directory):
		return span{}, 0, malformed(DOCX, "directory", int64(at), "a part is said to be at byte %d, where none can be", start)
	}
	l := b[start:directory]
	data := zipLocalSize + int(binary.LittleEndian.Uint16(l[26:])) + int(binary.LittleEndian.Uint16(l[28:]))
	const described = 1 << 3 // sizes follow the data
	switch {
	case string(l[:4]) != zipLocal || int(binary.LittleEndian.Uint16(l[26:])) != n || len(l) < data ||
		!bytes.Equal(l[zipLocalSize:zipLocalSize+n], e[zipEntrySize:zipEntrySize+n]):
		return span{}, 0, malformed(DOCX, "directory", int64(start), "no part of the name in the directory begins here")
	case !bytes.Equal(l[8:10], e[10:12]) || flags&described == 0 && !bytes.Equal(l[14:26], e[16:28]):
		return span{}, 0, malformed(DOCX, "directory", int64(start), "the part and the directory differ on its method, size or checksum")
	case uint64(data)+uint64(compressed) > uint64(len(l)):
		return span{}, 0, malformed(DOCX, "directory", int64(start), "the part is said to have %d bytes; there are %d", compressed, len(l)-data)
	}
	data += int(compressed)
	if flags&described != 0 {
		tail := l[data:]
		if signed := bytes.HasPrefix(tail, []byte(zipDescriptor)); signed && bytes.HasPrefix(tail[4:], e[16:28]) {
			data += 16
		} else if bytes.HasPrefix(tail, e[16:28]) {
			data += 12
		} else {
			return span{}, 0, malformed(DOCX, "directory", int64(start), "the sizes behind the part are not those in the directory")
		}
	}
	return span{int(start), int(start) + data}, length, nil
}

// copyPart writes what a part holds: no more than the directory says.
func copyPart(dst io.Writer, f *zip.File) error {
	r, err := f.Open()
	if err != nil {
		return malformed(DOCX, f.Name, -1, "%v", err)
	}
	defer r.Close()
	n, err := io.Copy(dst, io.LimitReader(r, int64(f.UncompressedSize64)+1))
	if err == nil && uint64(n) != f.UncompressedSize64 {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return malformed(DOCX, f.Name, -1, "it does not expand to what the directory says: %v", err)
	}
	return nil
}

// readPart returns what a part of metadata holds.
func readPart(f *zip.File) ([]byte, error) {
	if f.UncompressedSize64 > maxMetadata {
		return nil, tooLarge(DOCX, f.Name, -1, "it has %d bytes; at most %d are read", f.UncompressedSize64, maxMetadata)
	}
	var b bytes.Buffer
	if err := copyPart(&b, f); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// write writes the package with parts replaced, by their names in lower case.
// The others are copied as they stand, in their order; a new one comes last.
func (p *docxPackage) write(dst io.Writer, replaced map[string][]byte) error {
	z := zip.NewWriter(dst)
	if err := z.SetComment(p.comment); err != nil {
		return err
	}
	for _, f := range p.parts {
		var err error
		if content, ok := replaced[strings.ToLower(f.Name)]; ok {
			err = writePart(z, f.FileHeader, content)
		} else {
			err = copyRaw(z, f)
		}
		if err != nil {
			return err
		}
	}
	if content, ok := replaced[customName]; ok && p.custom == nil {
		h := p.types.FileHeader // for its time and method
		h.Name, h.Comment = "docProps/custom.xml", ""
		if err := writePart(z, h, content); err != nil {
			return err
		}
	}
	return z.Close()
}

func copyRaw(z *zip.Writer, f *zip.File) error {
	r, err := f.OpenRaw()
	if err != nil {
		return malformed(DOCX, f.Name, -1, "%v", err)
	}
	h := f.FileHeader
	h.Extra = withoutZIP64(h.Extra)
	w, err := z.CreateRaw(&h)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, r)
	return err
}

func writePart(z *zip.Writer, h zip.FileHeader, content []byte) error {
	data := content
	if h.Method == zip.Deflate {
		var b bytes.Buffer
		c, err := flate.NewWriter(&b, flate.DefaultCompression)
		if err != nil {
			return err
		}
		if _, err := c.Write(content); err != nil {
			return err
		}
		if err := c.Close(); err != nil {
			return err
		}
		data = b.Bytes()
	}
	h.Flags &^= 1 << 3 // the sizes are known
	h.Extra = withoutZIP64(h.Extra)
	h.CRC32 = crc32.ChecksumIEEE(content)
	h.CompressedSize64, h.UncompressedSize64 = uint64(len(data)), uint64(len(content))
	w, err := z.CreateRaw(&h)
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}

// withoutZIP64 drops a field of 64-bit sizes, which are written in 32 bits.
func withoutZIP64(extra []byte) []byte {
	var out []byte
	for len(extra) >= 4 {
		n := 4 + int(binary.LittleEndian.Uint16(extra[2:]))
		if n > len(extra) {
			break
		}
		if binary.LittleEndian.Uint16(extra) != 1 {
			out = append(out, extra[:n]...)
		}
		extra = extra[n:]
	}
	return out
}
