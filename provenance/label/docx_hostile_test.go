package label

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

func TestDOCXRefusesProperties(t *testing.T) {
	for name, c := range map[string]struct {
		custom string
		kind   ErrorKind
		want   string
	}{
		"two labels":    {customHead + labelled(`{"Label":"1"}`) + labelled(`{"Label":"1"}`) + "</Properties>", Malformed, "stands twice"},
		"no JSON":       {customHead + labelled("x") + "</Properties>", Malformed, "JSON"},
		"a number":      {customHead + strings.ReplaceAll(labelled("1"), "lpwstr", "i4") + "</Properties>", Malformed, "not a text"},
		"two values":    {customHead + labelled("1</vt:lpwstr><vt:lpwstr>2") + "</Properties>", Malformed, "not a text"},
		"empty type":    {customHead + strings.Replace(labelled(""), "AIGC", sourceTypeKey, 1) + "</Properties>", Malformed, "is empty"},
		"document type": {`<!DOCTYPE Properties [<!ENTITY a "b">]><Properties>&a;</Properties>`, Malformed, "document type"},
		"entity":        {"<Properties>&a;</Properties>", Malformed, "entity"},
		"not closed":    {customHead, Malformed, "custom.xml"},
		"another root":  {"<Types/>", Malformed, "not Properties"},
		"two roots":     {"<Properties/><Properties/>", Malformed, "two root elements"},
		"nothing":       {"", Malformed, "not Properties"},
		"UTF-16":        {"\xff\xfe<\x00", Unsupported, "UTF-8"},
		"deep":          {strings.Repeat("<Properties>", 200), TooLarge, "deep"},
		"large":         {customHead + strings.Repeat(" ", maxMetadata) + "</Properties>", TooLarge, "at most"},
	} {
		t.Run(name, func(t *testing.T) {
			file := customDocument(t, c.custom)
			_, err := Read(DOCX, bytes.NewReader(file), int64(len(file)))
			wantFileError(t, err, c.kind, c.want)
		})
	}
}

func TestDOCXRefusesPackages(t *testing.T) {
	types, rels := docxPart{"[Content_Types].xml", someTypes}, docxPart{"_rels/.rels", someRels}
	many := []docxPart{types, rels}
	for i := range maxParts {
		many = append(many, docxPart{fmt.Sprint("x", i), ""})
	}
	other := strings.Replace(customRels, "/docProps/custom.xml", "docProps/other.xml", 1)
	for name, c := range map[string]struct {
		file []byte
		kind ErrorKind
		want string
	}{
		"no archive":        {[]byte("PK\x03\x04"), Malformed, "no ZIP archive"},
		"no types":          {document(t, rels), Malformed, "not an Office document"},
		"part twice":        {document(t, types, rels, docxPart{"a", ""}, docxPart{"A", ""}), Malformed, "stands twice"},
		"way out":           {document(t, types, rels, docxPart{"word/../../x", ""}), Malformed, "no name of a part"},
		"from the root":     {document(t, types, rels, docxPart{"/x", ""}), Malformed, "no name of a part"},
		"backslash":         {document(t, types, rels, docxPart{`word\x`, ""}), Malformed, "no name of a part"},
		"zero byte":         {document(t, types, rels, docxPart{"x\x00y", ""}), Malformed, "no name of a part"},
		"no name":           {document(t, types, rels, docxPart{"", ""}), Malformed, "no name of a part"},
		"many parts":        {document(t, many...), TooLarge, "10002 parts"},
		"something before":  {append([]byte("MZ"), plainDocument(t)...), Malformed, "ends at byte"},
		"something behind":  {append(plainDocument(t), 'x'), Malformed, "stand behind it"},
		"properties beyond": {document(t, types, docxPart{"_rels/.rels", other}), Unsupported, "docProps/other.xml"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Read(DOCX, bytes.NewReader(c.file), int64(len(c.file)))
			wantFileError(t, err, c.kind, c.want)
		})
	}
}

// What two readers of ZIP would see differently, made in the bytes of a sound
// document.
func TestDOCXRefusesLies(t *testing.T) {
	sound := plainDocument(t)
	end := len(sound) - zipEndSize
	directory := int(binary.LittleEndian.Uint32(sound[end+16:]))
	second := directory + bytes.Index(sound[directory+4:], []byte(zipEntry)) + 4
	lie := func(at int, bytes ...byte) []byte {
		file := append([]byte(nil), sound...)
		copy(file[at:], bytes)
		return file
	}
	behind := int(binary.LittleEndian.Uint32(sound[second+42:])) - 12 // the first part's checksum and sizes
	lieTwice := func(at int, bytes ...byte) []byte {
		file := lie(directory+at, bytes...)
		copy(file[behind+at-16:], bytes)
		return file
	}
	for name, c := range map[string]struct {
		file []byte
		kind ErrorKind
		want string
	}{
		"fewer entries":     {lie(end+8, 2, 0, 2, 0), Malformed, "behind its 2 entries"},
		"more entries":      {lie(end+8, 9, 0, 9, 0), Malformed, "has 9 parts and has 3"},
		"other volume":      {lie(end+4, 1), Unsupported, "several volumes"},
		"count of volume":   {lie(end+8, 2), Unsupported, "several volumes"},
		"ZIP64":             {lie(end+8, 0xff, 0xff, 0xff, 0xff), Unsupported, "ZIP64"},
		"ZIP64 entry":       {lie(directory+20, 0xff, 0xff, 0xff, 0xff), Unsupported, "ZIP64"},
		"directory moved":   {lie(end+16, 0, 0), Malformed, "ends at byte"},
		"encrypted":         {lie(directory+8, sound[directory+8]|1), Unsupported, "encrypted"},
		"other name":        {lie(directory+zipEntrySize, 'x'), Malformed, "no part of the name"},
		"other method":      {lie(directory+10, 0), Malformed, "differ"},
		"size beyond":       {lie(directory+20, 0, 0, 0, 1), Malformed, "there are"},
		"size overlaps":     {lieTwice(20, sound[directory+20], sound[directory+21]+1), Malformed, "sizes behind the part"},
		"sizes differ":      {lie(directory+24, 1, 0), Malformed, "sizes behind the part"},
		"something between": {shifted(sound, 0, "PK\x03\x04 another document"), Malformed, "belong to no part"},
		"something at last": {shifted(sound, directory, "x"), Malformed, "1 bytes belong to no part"},
		"start beyond":      {lie(directory+42, 0, 0, 0, 1), Malformed, "none can be"},
		"same start":        {lie(second+42, 0, 0, 0, 0), Malformed, "no part of the name"},
		"entry cut short":   {lie(second+32, 0xff, 0xff), Malformed, "cut short"},
		"expands too far":   {lieTwice(24, 0, 0, 0, 0x30), TooLarge, "expand to more"},
		"expands elsewhere": {lieTwice(24, 1, 0), Malformed, "does not expand"},
		"wrong checksum":    {lieTwice(16, ^sound[directory+16]), Malformed, "checksum"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := PublicCommitment("docx-1", bytes.NewReader(c.file), int64(len(c.file)))
			wantFileError(t, err, c.kind, c.want)
		})
	}
}

// shifted puts bytes into a package, before its parts or behind them, and mends
// its offsets: a reader that starts from the directory notices nothing.
func shifted(file []byte, at int, text string) []byte {
	end := len(file) - zipEndSize
	directory := int(binary.LittleEndian.Uint32(file[end+16:]))
	out := slices.Concat(file[:at], []byte(text), file[at:])
	move := func(field int) {
		field += len(text)
		if offset := binary.LittleEndian.Uint32(out[field:]); int(offset) >= at {
			binary.LittleEndian.PutUint32(out[field:], offset+uint32(len(text)))
		}
	}
	move(end + 16)
	for e := directory; e < end; {
		move(e + 42)
		entry := file[e:]
		e += zipEntrySize + int(binary.LittleEndian.Uint16(entry[28:])) + int(binary.LittleEndian.Uint16(entry[30:])) + int(binary.LittleEndian.Uint16(entry[32:]))
	}
	return out
}

func TestDOCXSecondName(t *testing.T) {
	for name, sound := range map[string]bool{"a.xml": true, "docProps/custom.xml": false, "": false} {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		field := append([]byte{0x75, 0x70, byte(5 + len(name)), 0, 1, 0, 0, 0, 0}, name...)
		for _, h := range []zip.FileHeader{{Name: "[Content_Types].xml"}, {Name: "_rels/.rels"}, {Name: "a.xml", Extra: append([]byte{1, 2, 0, 0}, field...)}} {
			w, err := z.CreateHeader(&h)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(w, map[string]string{"[Content_Types].xml": someTypes, "_rels/.rels": someRels}[h.Name]); err != nil {
				t.Fatal(err)
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		_, err := Read(DOCX, bytes.NewReader(b.Bytes()), int64(b.Len()))
		if !sound {
			wantFileError(t, err, Malformed, "second name")
		} else if err != nil {
			t.Error(err)
		}
	}
}

func TestDOCXPartsOverlap(t *testing.T) {
	if err := checkRow([]span{{10, 20}, {0, 10}}, 20); err != nil {
		t.Error(err)
	}
	wantFileError(t, checkRow([]span{{0, 11}, {10, 20}}, 20), Malformed, "within another")
	wantFileError(t, checkRow([]span{{0, 21}}, 20), Malformed, "within another")
}

// A part that says that it is small and expands without end is read no further
// than it says; parts that say that they are large are not read at all.
func TestDOCXBombs(t *testing.T) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := range 9 {
		w, err := z.CreateRaw(&zip.FileHeader{Name: fmt.Sprint("part", i), Method: zip.Deflate, UncompressedSize64: 60 << 20, CompressedSize64: 1})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, "x"); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := Read(DOCX, bytes.NewReader(b.Bytes()), int64(b.Len()))
	wantFileError(t, err, TooLarge, "536870912")

	file := customDocument(t, strings.Repeat(" ", 50<<20))
	at := bytes.LastIndex(file, []byte("docProps/custom.xml")) - zipEntrySize
	behind := bytes.Index(file, append([]byte(zipDescriptor), file[at+16:at+28]...))
	binary.LittleEndian.PutUint32(file[at+24:], 100)
	binary.LittleEndian.PutUint32(file[behind+12:], 100)
	_, err = Read(DOCX, bytes.NewReader(file), int64(len(file)))
	wantFileError(t, err, Malformed, "does not expand")
}

func TestDOCXRefusesToWrite(t *testing.T) {
	types, rels := docxPart{"[Content_Types].xml", someTypes}, docxPart{"_rels/.rels", someRels}
	signed := document(t, types, rels, docxPart{"_xmlsignatures/origin.sigs", ""})
	refuses(t, DOCX, signed, Bound, "signed")
	m := someMarks()
	m.BreakManifest = true
	writeTo(t, DOCX, signed, m)
	strict := strings.Replace(someRels, "http://schemas.openxmlformats.org/officeDocument/2006/", "http://purl.oclc.org/ooxml/officeDocument/", 1)
	refuses(t, DOCX, document(t, types, docxPart{"_rels/.rels", strict}), Unsupported, "strict")
	refuses(t, DOCX, document(t, types, rels, docxPart{"docProps/custom.xml", "<x/>"}), Malformed, "not Properties")
}

func TestDOCXCutShort(t *testing.T) {
	file := customDocument(t, customHead+labelled(`{"Label":"1"}`)+client+"</Properties>")
	for n := range file {
		if _, err := Read(DOCX, bytes.NewReader(file[:n]), int64(n)); err == nil {
			t.Fatalf("%d of %d bytes are a document", n, len(file))
		}
	}
	for i := 0; i < len(file); i += 5 {
		changed := bytes.Clone(file)
		changed[i] ^= 0x80
		fuzzWrite(t, DOCX, changed)
	}
}
