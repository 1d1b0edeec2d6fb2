package main

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestLabelScripts runs the scripts about files that carry labels: each finds a
// file of each kind.
func TestLabelScripts(t *testing.T) {
	files := labelFiles(t)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/label",
		Setup: func(env *testscript.Env) error {
			for _, name := range []string{envNode, envPassphrase} {
				env.Setenv(name, "")
			}
			for name, content := range files {
				if err := os.WriteFile(filepath.Join(env.WorkDir, name), content, 0o644); err != nil {
					return err
				}
			}
			return nil
		},
	})
}

// labelFiles are small files of each kind that carries labels.
func labelFiles(t testing.TB) map[string][]byte {
	t.Helper()
	picture := image.NewRGBA(image.Rect(0, 0, 8, 8))
	picture.Set(3, 3, color.RGBA{200, 100, 50, 255})
	var asPNG, asJPEG bytes.Buffer
	if err := png.Encode(&asPNG, picture); err != nil {
		t.Fatal(err)
	}
	if err := jpeg.Encode(&asJPEG, picture, nil); err != nil {
		t.Fatal(err)
	}
	clip, err := os.ReadFile("../../provenance/label/testdata/first.mp4")
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{
		"picture.png": asPNG.Bytes(), "photo.jpg": asJPEG.Bytes(), "clip.mp4": clip, "report.docx": wordFile(t),
		"page.md": []byte("---\ntitle: Rivers\n---\n\n# Rivers\n\nThey flow.\n"), "note.txt": []byte("They flow.\n"),
		"blob.bin": {0, 1, 2, 3}, "cut.png": asPNG.Bytes()[:asPNG.Len()/2], "signed.png": withManifest(asPNG.Bytes()),
	}
}

// withManifest puts a C2PA manifest store into a PNG: one manifest with a claim
// and nothing else.
func withManifest(png []byte) []byte {
	box := func(kind string, parts ...[]byte) []byte {
		content := bytes.Join(parts, nil)
		b := binary.BigEndian.AppendUint32(nil, uint32(8+len(content)))
		return append(append(b, kind...), content...)
	}
	super := func(kind, label string, parts ...[]byte) []byte {
		described := append([]byte(kind), 0x00, 0x11, 0x00, 0x10, 0x80, 0x00, 0x00, 0xaa, 0x00, 0x38, 0x9b, 0x71, 3)
		return box("jumb", append([][]byte{box("jumd", append(append(described, label...), 0))}, parts...)...)
	}
	claim := append([]byte{0xa1, 0x6f}, "claim_generator\x68tool/1.0"...) // {"claim_generator": "tool/1.0"}
	store := super("c2pa", "c2pa", super("c2ma", "urn:uuid:1",
		super("c2as", "c2pa.assertions"), super("c2cl", "c2pa.claim", box("cbor", claim)), super("c2cs", "c2pa.signature", box("cbor", []byte{0xd2, 0x84}))))
	chunk := append(binary.BigEndian.AppendUint32(nil, uint32(len(store))), append([]byte("caBX"), store...)...)
	chunk = binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE(chunk[4:]))
	const behindHeader = 8 + 25
	return bytes.Join([][]byte{png[:behindHeader], chunk, png[behindHeader:]}, nil)
}

// wordFile is a document of one paragraph.
func wordFile(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, part := range [][2]string{
		{"[Content_Types].xml", `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` +
			`<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">` +
			`<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>` +
			`<Default Extension="xml" ContentType="application/xml"/>` +
			`<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>`},
		{"_rels/.rels", `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` +
			`<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">` +
			`<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>`},
		{"word/document.xml", `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` +
			`<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r><w:t>Rivers flow.</w:t></w:r></w:p></w:body></w:document>`},
	} {
		f, err := w.Create(part[0])
		if err == nil {
			_, err = f.Write([]byte(part[1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
