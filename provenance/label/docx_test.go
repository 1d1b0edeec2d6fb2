package label

import (
	"archive/zip"
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

// A docxPart is a part of a test's document.
type docxPart struct{ name, content string }

const (
	xmlHead   = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n"
	someTypes = xmlHead + `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">` +
		`<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>` +
		`<Default Extension="xml" ContentType="application/xml"/>` +
		`<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>`
	someRels = xmlHead + `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">` +
		`<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>`
	someDocument = xmlHead + `<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">` +
		`<w:body><w:p><w:r><w:t>Text</w:t></w:r></w:p></w:body></w:document>`
	customHead = xmlHead + `<Properties xmlns="` + nsCustom + `" xmlns:vt="` + nsVariant + `">`
	client     = `<property fmtid="` + customFormat + `" pid="2" name="Client"><vt:lpwstr>A &amp; B</vt:lpwstr></property>`
)

// customTypes and customRels are as someTypes and someRels, with custom properties.
var (
	customTypes = strings.Replace(someTypes, "</Types>", `<Override PartName="/docProps/custom.xml" ContentType="`+customMediaType+`"/></Types>`, 1)
	customRels  = strings.Replace(someRels, "<Relationship ", `<Relationship Id="rId9" Type="`+customRelation+`" Target="/docProps/custom.xml"/><Relationship `, 1)
)

// labelled is a property AIGC with a value.
func labelled(value string) string {
	return `<property fmtid="` + customFormat + `" pid="7" name="AIGC"><vt:lpwstr>` + value + `</vt:lpwstr></property>`
}

// document packs parts; it is what a word processor writes, without a style.
func document(t testing.TB, parts ...docxPart) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, p := range parts {
		w, err := z.CreateHeader(&zip.FileHeader{Name: p.name, Method: zip.Deflate, Modified: time.Date(2026, 1, 2, 3, 4, 6, 0, time.UTC)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, p.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// plainDocument has no custom properties.
func plainDocument(t testing.TB) []byte {
	return document(t, docxPart{"[Content_Types].xml", someTypes}, docxPart{"_rels/.rels", someRels}, docxPart{"word/document.xml", someDocument})
}

// customDocument has the custom properties.
func customDocument(t testing.TB, custom string) []byte {
	return document(t, docxPart{"[Content_Types].xml", customTypes}, docxPart{"_rels/.rels", customRels},
		docxPart{"docProps/custom.xml", custom}, docxPart{"word/document.xml", someDocument})
}

// partsOf unpacks a document.
func partsOf(t *testing.T, file []byte) (all []docxPart) {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, docxPart{f.Name, string(b)})
	}
	return all
}

// The properties of someMarks, as they are written.
func someProperties(pid1, pid2 string) string {
	object := strings.TrimSpace(strings.TrimPrefix(aigcLine, "AIGC: "))
	return `<property fmtid="` + customFormat + `" pid="` + pid1 + `" name="AIGC"><vt:lpwstr>` + strings.ReplaceAll(object, `"`, "&#34;") + `</vt:lpwstr></property>` +
		`<property fmtid="` + customFormat + `" pid="` + pid2 + `" name="DigitalSourceType"><vt:lpwstr>` + someType + `</vt:lpwstr></property>`
}

func TestDOCXWritten(t *testing.T) {
	newRels := strings.Replace(someRels, "</Relationships>", `<Relationship Id="rId2" Type="`+customRelation+`" Target="docProps/custom.xml"/></Relationships>`, 1)
	for name, c := range map[string]struct {
		in   []byte
		want []docxPart
	}{
		"no properties": {plainDocument(t), []docxPart{
			{"[Content_Types].xml", customTypes}, {"_rels/.rels", newRels}, {"word/document.xml", someDocument},
			{"docProps/custom.xml", strings.Replace(emptyCustom, "</", someProperties("2", "3")+"</", 1)},
		}},
		"others": {customDocument(t, customHead+client+"</Properties>"), []docxPart{
			{"[Content_Types].xml", customTypes}, {"_rels/.rels", customRels},
			{"docProps/custom.xml", customHead + client + someProperties("3", "4") + "</Properties>"}, {"word/document.xml", someDocument},
		}},
		"labels": {customDocument(t, customHead+labelled("x")+client+labelled("y")+"\n</Properties>"), []docxPart{
			{"[Content_Types].xml", customTypes}, {"_rels/.rels", customRels},
			{"docProps/custom.xml", customHead + strings.Replace(someProperties("3", "4"), "</property>", "</property>"+client+"\n", 1) + "</Properties>"}, {"word/document.xml", someDocument},
		}},
		"an empty tag": {customDocument(t, strings.Replace(customHead, `">`, `"/>`, 1)), nil},
		"a prefix": {customDocument(t, `<p:Properties xmlns:p="`+nsCustom+`"></p:Properties>`), []docxPart{
			{"[Content_Types].xml", customTypes}, {"_rels/.rels", customRels},
			{"docProps/custom.xml", `<p:Properties xmlns:p="` + nsCustom + `">` + strings.NewReplacer("<property", "<p:property", "</property", "</p:property", "<vt:lpwstr", `<vt:lpwstr xmlns:vt="`+nsVariant+`"`).Replace(someProperties("2", "3")) + `</p:Properties>`},
			{"word/document.xml", someDocument},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			out := writeTo(t, DOCX, c.in, someMarks())
			if parts := partsOf(t, out); c.want != nil && !slices.Equal(parts, c.want) {
				t.Errorf("parts\n%q, want\n%q", parts, c.want)
			}
			f, err := Read(DOCX, bytes.NewReader(out), int64(len(out)))
			if err != nil || *f.AIGC != someMarks().AIGC || f.SourceType != someType {
				t.Errorf("%+v, %v", f, err)
			}
			if again := writeTo(t, DOCX, out, someMarks()); !slices.Equal(partsOf(t, out), partsOf(t, again)) {
				t.Error("written again, the document is another")
			}
			m := someMarks()
			m.SourceType = ""
			if out = writeTo(t, DOCX, out, m); !bytes.Equal(readDocument(t, out), []byte(someType)) {
				t.Error("the source type has not stayed")
			}
		})
	}
}

// readDocument returns a document's source type.
func readDocument(t *testing.T, file []byte) []byte {
	t.Helper()
	f, err := Read(DOCX, bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	return []byte(f.SourceType)
}

// Parts that the label does not touch keep their compressed bytes, their times
// and their places; so does the archive's comment.
func TestDOCXCopiesRaw(t *testing.T) {
	in := plainDocument(t)
	in = append(in[:len(in)-2], "\x04\x00note"...)
	out := writeTo(t, DOCX, in, someMarks())
	raw := func(file []byte) (all []string, comment string) {
		z, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range z.File {
			r, err := f.OpenRaw()
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, f.Name+f.Modified.String()+string(b))
		}
		return all, z.Comment
	}
	before, _ := raw(in)
	after, comment := raw(out)
	if before[2] != after[2] || comment != "note" || !strings.HasPrefix(after[3], "docProps/custom.xml2026-01-02") {
		t.Errorf("%q became %q, comment %q", before, after, comment)
	}
}

func TestDOCXReads(t *testing.T) {
	strict := strings.NewReplacer(nsCustom, "http://purl.oclc.org/ooxml/officeDocument/customProperties", nsVariant, "http://purl.oclc.org/ooxml/officeDocument/docPropsVTypes")
	for name, custom := range map[string]string{
		"text":    customHead + labelled(`{"Label":"1"}`) + "</Properties>",
		"wrapped": customHead + labelled(`{&quot;AIGC&quot;:{"Label":"1"}}`) + client + "</Properties>",
		"CDATA":   "\ufeff" + customHead + labelled(`<![CDATA[{"Label":"1"}]]>`) + "</Properties>",
		"strict":  strict.Replace(customHead + labelled(`{"Label":"1"}`) + "</Properties>"),
		"lpstr":   customHead + strings.ReplaceAll(labelled(`{"Label":"1"}`), "lpwstr", "lpstr") + "</Properties>",
	} {
		file := customDocument(t, custom)
		f, err := Read(DOCX, bytes.NewReader(file), int64(len(file)))
		if err != nil || f.AIGC == nil || f.AIGC.Label != "1" {
			t.Errorf("%s: %+v, %v", name, f, err)
		}
	}
	file := plainDocument(t)
	if f, err := Read(DOCX, bytes.NewReader(file), int64(len(file))); err != nil || f.AIGC != nil {
		t.Errorf("a document without a label: %+v, %v", f, err)
	}
}

func TestDOCXProfile(t *testing.T) {
	plain := normal(t, "docx-1", string(plainDocument(t)))
	reordered := document(t, docxPart{"word/document.xml", someDocument}, docxPart{"_rels/.rels", someRels}, docxPart{"[Content_Types].xml", someTypes})
	if normal(t, "docx-1", string(reordered)) != plain {
		t.Error("the order of parts in the archive is covered")
	}
	if !strings.HasPrefix(plain, "[Content_Types].xml\x00") || strings.Count(plain, "\x00") < 3 || len(plain) != len("[Content_Types].xml_rels/.relsword/document.xml")+3*33 {
		t.Errorf("covered is %q", plain)
	}
	custom := normal(t, "docx-1", string(customDocument(t, customHead+client+"</Properties>")))
	for name, file := range map[string][]byte{
		"another text":     document(t, docxPart{"[Content_Types].xml", someTypes}, docxPart{"_rels/.rels", someRels}, docxPart{"word/document.xml", someDocument + " "}),
		"another name":     document(t, docxPart{"[Content_Types].xml", someTypes}, docxPart{"_rels/.rels", someRels}, docxPart{"word/document2.xml", someDocument}),
		"one more part":    document(t, docxPart{"[Content_Types].xml", someTypes}, docxPart{"_rels/.rels", someRels}, docxPart{"word/document.xml", someDocument}, docxPart{"word/x.xml", ""}),
		"another type":     document(t, docxPart{"[Content_Types].xml", strings.Replace(someTypes, "main+xml", "template+xml", 1)}, docxPart{"_rels/.rels", someRels}, docxPart{"word/document.xml", someDocument}),
		"another target":   document(t, docxPart{"[Content_Types].xml", someTypes}, docxPart{"_rels/.rels", strings.Replace(someRels, "word/document", "word/other", 1)}, docxPart{"word/document.xml", someDocument}),
		"another property": customDocument(t, customHead+strings.Replace(client, "B<", "C<", 1)+"</Properties>"),
	} {
		if got := normal(t, "docx-1", string(file)); got == plain || got == custom {
			t.Errorf("%s changes nothing", name)
		}
	}
}

func FuzzDOCX(f *testing.F) {
	f.Add(plainDocument(f))
	f.Add(customDocument(f, customHead+labelled("x")+client+"</Properties>"))
	f.Fuzz(func(t *testing.T, b []byte) {
		fuzzWrite(t, DOCX, b)
		// Most bytes make no archive; as a part of one they reach the parser of XML.
		if len(b) < 1<<16 {
			fuzzWrite(t, DOCX, customDocument(t, string(b)))
		}
	})
}
