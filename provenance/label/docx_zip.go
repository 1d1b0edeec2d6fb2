package label

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"hash/crc32"
	"io"
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
