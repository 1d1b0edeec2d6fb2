package label

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

// What Write would refuse to hand out, whoever had written it. SPEC(LBL-4)
func TestCheckWritten(t *testing.T) {
	plain := pngFile(t, 1)
	m := imageMarks()
	check := func(written []byte) error {
		return checkWritten(PNG, bytes.NewReader(plain), int64(len(plain)), bytes.NewReader(written), int64(len(written)), m)
	}
	if err := check(mustWrite(t, PNG, plain, m)); err != nil {
		t.Error(err)
	}
	otherSource := m
	otherSource.SourceType = composite
	for _, test := range []struct {
		written []byte
		kind    ErrorKind
		want    string
	}{
		{nil, Malformed, "png, as it would be written"},
		{plain, Unsupported, "would not read back"},
		{mustWrite(t, PNG, plain, otherMarks()), Unsupported, "would not read back"},
		{mustWrite(t, PNG, plain, otherSource), Unsupported, "would not read back"},
		{mustWrite(t, PNG, pngFile(t, 99), m), Unsupported, "what png-1 covers"},
	} {
		wantFileError(t, check(test.written), test.kind, test.want)
	}
	// A source type that was not given to write neither comes nor goes.
	written := mustWrite(t, PNG, plain, m)
	m.SourceType = ""
	wantFileError(t, check(written), Unsupported, "would not read back")
	plain, written = written, mustWrite(t, PNG, plain, m)
	wantFileError(t, check(written), Unsupported, "would not read back")
}

// A fullDisk takes so many bytes and no more.
type fullDisk int

func (d *fullDisk) Write(b []byte) (int, error) {
	if len(b) > int(*d) {
		return 0, io.ErrShortWrite
	}
	*d -= fullDisk(len(b))
	return len(b), nil
}

// Wherever the writer fails, its error comes back.
func TestWritersThatFail(t *testing.T) {
	m := imageMarks()
	for f, file := range map[Format][]byte{
		PNG:  behindIHDR(t, pngFile(t, 1), newPNGChunk("tEXt", []byte("a\x00b"))),
		JPEG: behindSOI(jpegFile(t, 1), segment(0xe1, jpegXMP+inRDF("")), segment(0xe1, jpegXMP+inRDF(elements)), segment(0xe2, "x")),
	} {
		c, err := f.carrier()
		if err != nil {
			t.Fatal(err)
		}
		src, size := bytes.NewReader(file), int64(len(file))
		whole := len(mustWrite(t, f, file, m))
		for n := range fullDisk(whole) {
			disk := n
			if err := c.write(&disk, src, size, m); err != io.ErrShortWrite {
				t.Fatalf("%s, a disk of %d bytes: %v", f, n, err)
			}
		}
		for n := range fullDisk(len(mustNormalise(t, f.Profile(), file))) {
			disk := n
			if err := Normalise(&disk, f.Profile(), src, size); err != io.ErrShortWrite {
				t.Fatalf("%s, a normalisation on a disk of %d bytes: %v", f, n, err)
			}
		}
		none := fullDisk(0)
		if err := Write(&none, f, src, size, m); err != io.ErrShortWrite {
			t.Errorf("%s, no disk: %v", f, err)
		}
	}
}

// A brokenSource has bytes that cannot be read.
type brokenSource struct{}

func (brokenSource) ReadAt([]byte, int64) (int, error) { return 0, io.ErrClosedPipe }

func TestSourcesThatFail(t *testing.T) {
	for _, f := range []Format{PNG, JPEG} {
		if _, err := Read(f, brokenSource{}, 9); !errors.Is(err, io.ErrClosedPipe) {
			t.Error(err)
		}
		if err := Normalise(io.Discard, f.Profile(), brokenSource{}, 9); !errors.Is(err, io.ErrClosedPipe) {
			t.Error(err)
		}
		if err := Write(io.Discard, f, brokenSource{}, 9, imageMarks()); !errors.Is(err, io.ErrClosedPipe) {
			t.Error(err)
		}
	}
	if _, err := Detect(brokenSource{}, 9, "x.png"); !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
}

// Values that mean something in JSON, XML, YAML or a terminal stay what they are,
// in every format.
func TestHostileMarks(t *testing.T) {
	files := map[Format][]byte{
		PNG: pngFile(t, 1), JPEG: jpegFile(t, 1), MP4: videos(t)["first.mp4"], DOCX: plainDocument(t),
		Markdown: []byte("---\na: &a {b: 1}\n---\nText\n"),
	}
	hostile := []string{
		"]]>", "-->", "<!--", "--- ", "...", " # note", ": ", "a: b", "*a", "&a", "!!str x", "%TAG", "{{x}}", "}", "'", "''", "`", "|", ">", "?", "-", "@",
		"&#10;<TC260:AIGC/>", "&amp;&lt;", "<?xpacket end='w'?>", "</rdf:RDF>", "</Properties>", "  spaces  ", "true", "~", "1e3", "\x7e",
	}
	for f, file := range files {
		for _, value := range hostile {
			m := someMarks()
			m.AIGC.ContentProducer, m.AIGC.ReservedCode2 = value, value
			out, err := writeFile(f, file, m)
			if err != nil {
				t.Errorf("%s: %q: %v", f, value, err)
				continue
			}
			if got := mustRead(t, f, out); *got.AIGC != m.AIGC {
				t.Errorf("%s: %q reads back as %+v", f, value, got.AIGC)
			}
		}
		for _, value := range []string{"a\nb", "a\rb", "\x00", "\x1b[31m", `"`, `\`, "é", "\u2028", "\x7f", "\xff"} {
			m := someMarks()
			m.AIGC.ReservedCode1 = value
			if out, err := writeFile(f, file, m); err == nil || len(out) > 0 {
				t.Errorf("%s: %q was written", f, value)
			}
		}
	}
}
