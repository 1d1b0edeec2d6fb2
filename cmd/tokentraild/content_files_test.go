package main

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"strings"
	"testing"
)

// contentKinds are the kinds of files that go round, by the ends of their names.
var contentKinds = []string{"png", "jpg", "docx", "mp4", "md"}

// contentFile is a file of a kind, whose content differs by n.
func contentFile(t testing.TB, kind string, n byte) []byte {
	t.Helper()
	var out bytes.Buffer
	var err error
	picture := image.NewRGBA(image.Rect(0, 0, 16, 16))
	for i := range 16 {
		picture.Set(i, i, color.RGBA{n * 16, 255 - n*16, byte(i) * n, 255})
	}
	switch kind {
	case "png":
		err = png.Encode(&out, picture)
	case "jpg":
		err = jpeg.Encode(&out, picture, nil)
	case "docx":
		return wordFile(t, n)
	case "mp4":
		var clip []byte
		clip, err = os.ReadFile("../../provenance/label/testdata/last.mp4")
		if at := bytes.Index(clip, []byte("mdat")); err == nil && at > 0 {
			clip[at+24] = n // within the first frame
		}
		out.Write(clip)
	case "md":
		fmt.Fprintf(&out, "---\ntitle: Rivers\n---\n\n# Rivers\n\nThere are %d of them.\n", n)
	}
	if err != nil || out.Len() == 0 {
		t.Fatalf("a file of kind %s: %v", kind, err)
	}
	return out.Bytes()
}

// wordFile is a document of one paragraph.
func wordFile(t testing.TB, n byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	const head, ns = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>`, "http://schemas.openxmlformats.org/"
	const word = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
	for _, part := range [][2]string{
		{"[Content_Types].xml", head + `<Types xmlns="` + ns + `package/2006/content-types">` +
			`<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>` +
			`<Default Extension="xml" ContentType="application/xml"/><Override PartName="/word/document.xml" ContentType="` + word + `"/></Types>`},
		{"_rels/.rels", head + `<Relationships xmlns="` + ns + `package/2006/relationships">` +
			`<Relationship Id="rId1" Type="` + ns + `officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>`},
		{"word/document.xml", head + `<w:document xmlns:w="` + ns + `wordprocessingml/2006/main"><w:body><w:p><w:r>` +
			fmt.Sprintf(`<w:t>There are %d rivers.</w:t></w:r></w:p></w:body></w:document>`, n)},
	} {
		writePart(t, w, part[0], []byte(part[1]))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func writePart(t testing.TB, w *zip.Writer, name string, content []byte) {
	t.Helper()
	f, err := w.Create(name)
	if err == nil {
		_, err = f.Write(content)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// twice returns a labelled file with its label a second time.
func twice(t testing.TB, kind string, labelled []byte) []byte {
	t.Helper()
	switch kind {
	case "png":
		from := bytes.Index(labelled, []byte("iTXt")) - 4
		return repeated(labelled, from, 12+int(binary.BigEndian.Uint32(labelled[from:])))
	case "jpg":
		from := bytes.Index(labelled, []byte("http://ns.adobe.com/xap/1.0/")) - 4
		return repeated(labelled, from, 2+int(binary.BigEndian.Uint16(labelled[from+2:])))
	case "mp4": // its moov is the last box
		moov := bytes.Index(labelled, []byte("moov")) - 4
		meta := bytes.LastIndex(labelled, []byte("keys")) - 4 // behind it ilst, to the end of meta
		from := bytes.LastIndex(labelled[:meta], []byte("meta")) - 4
		size := int(binary.BigEndian.Uint32(labelled[from:]))
		udta := bytes.LastIndex(labelled[:from], []byte("udta")) - 4
		out := repeated(labelled, from, size)
		for _, box := range []int{moov, udta} {
			binary.BigEndian.PutUint32(out[box:], binary.BigEndian.Uint32(out[box:])+uint32(size))
		}
		return out
	case "docx":
		return changedPart(t, labelled, "docProps/custom.xml", func(xml string) string {
			from := strings.Index(xml, "<property")
			to := strings.Index(xml, "</property>") + len("</property>")
			return xml[:to] + strings.Replace(xml[from:to], `pid="2"`, `pid="99"`, 1) + xml[to:]
		})
	}
	from := bytes.Index(labelled, []byte("AIGC:"))
	return repeated(labelled, from, bytes.IndexByte(labelled[from:], '\n')+1)
}

// repeated returns b with a piece of it a second time behind the first.
func repeated(b []byte, from, size int) []byte {
	return bytes.Join([][]byte{b[:from+size], b[from : from+size], b[from+size:]}, nil)
}

// changedPart returns a document with a part of it changed.
func changedPart(t testing.TB, doc []byte, name string, change func(string) string) []byte {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(doc), int64(len(doc)))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range r.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		if f.Name == name {
			content = []byte(change(string(content)))
		}
		writePart(t, w, f.Name, content)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// otherContent returns a labelled file whose content was changed behind the
// label's back: the label's own bytes stay.
func otherContent(t testing.TB, kind string, labelled []byte) []byte {
	t.Helper()
	out := bytes.Clone(labelled)
	switch kind {
	case "png": // with a checksum that holds
		at := bytes.Index(out, []byte("IDAT"))
		size := int(binary.BigEndian.Uint32(out[at-4:]))
		out[at+4+size/2] ^= 1
		binary.BigEndian.PutUint32(out[at+4+size:], crc32.ChecksumIEEE(out[at:at+4+size]))
	case "jpg":
		out[len(out)-6] ^= 1
	case "mp4":
		out[bytes.Index(out, []byte("mdat"))+30] ^= 1
	case "docx":
		return changedPart(t, labelled, "word/document.xml", func(xml string) string { return strings.Replace(xml, "rivers", "lakes", 1) })
	case "md":
		return bytes.Replace(out, []byte("There are"), []byte("There were"), 1)
	}
	return out
}
