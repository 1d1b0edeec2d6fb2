package label

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"strings"
	"testing"
)

const (
	trained   = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
	composite = "http://cv.iptc.org/newscodes/digitalsourcetype/composite"
)

// imageMarks are marks as a first write makes them.
func imageMarks() Marks {
	return Marks{
		AIGC: AIGC{
			Label: "1", ContentProducer: "001191440300708461136T1XGW3", ProduceID: "tokentrail:acme/chat-7",
			ReservedCode1: "<seal> & 'more'", ContentPropagator: "001191440300708461136T1XGW3", PropagateID: "tokentrail:acme/chat-7",
		},
		SourceType: trained,
	}
}

func otherMarks() Marks {
	m := imageMarks()
	m.AIGC.Label, m.AIGC.ProduceID, m.AIGC.PropagateID, m.SourceType = "2", "other", "other", composite
	return m
}

// picture is a small image whose pixel at 0,0 is as given.
func picture(first uint8) image.Image {
	m := image.NewRGBA(image.Rect(0, 0, 16, 12))
	for i := range m.Pix {
		m.Pix[i] = uint8(i*7) | 0x0f
	}
	for x := range 8 { // a whole block, that JPEG cannot smooth away
		for y := range 8 {
			m.Set(x, y, color.RGBA{first, first, first, 255})
		}
	}
	return m
}

func pngFile(t testing.TB, first uint8) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, picture(first)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func jpegFile(t testing.TB, first uint8) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, picture(first), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func readFile(f Format, b []byte) (*File, error) {
	return Read(f, bytes.NewReader(b), int64(len(b)))
}

func mustRead(t testing.TB, f Format, b []byte) *File {
	t.Helper()
	file, err := readFile(f, b)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func writeFile(f Format, b []byte, m Marks) ([]byte, error) {
	var out bytes.Buffer
	err := Write(&out, f, bytes.NewReader(b), int64(len(b)), m)
	return out.Bytes(), err
}

func mustWrite(t testing.TB, f Format, b []byte, m Marks) []byte {
	t.Helper()
	out, err := writeFile(f, b, m)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func mustNormalise(t testing.TB, profile string, b []byte) string {
	t.Helper()
	var out strings.Builder
	if err := Normalise(&out, profile, bytes.NewReader(b), int64(len(b))); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// wantFileError holds err to its kind and to a piece of its text.
func wantFileError(t *testing.T, err error, kind ErrorKind, text string) {
	t.Helper()
	var e *FileError
	if !errors.As(err, &e) {
		t.Fatalf("%v; wanted a FileError with %q", err, text)
	}
	if e.Kind != kind || !strings.Contains(e.Error(), text) {
		t.Errorf("%q of kind %d; wanted %q of kind %d", e, e.Kind, text, kind)
	}
}

func samePixels(t *testing.T, decode func(io.Reader) (image.Image, error), a, b []byte) {
	t.Helper()
	one, err := decode(bytes.NewReader(a))
	if err != nil {
		t.Fatal(err)
	}
	other, err := decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	for y := range one.Bounds().Dy() {
		for x := range one.Bounds().Dx() {
			if one.At(x, y) != other.At(x, y) {
				t.Fatalf("the pixel at %d, %d is %v and was %v", x, y, other.At(x, y), one.At(x, y))
			}
		}
	}
}

// The whole way round, for both kinds of images. SPEC(LBL-3) SPEC(LBL-4)
func TestImagesRoundTrip(t *testing.T) {
	for _, test := range []struct {
		format Format
		file   func(testing.TB, uint8) []byte
		decode func(io.Reader) (image.Image, error)
	}{
		{PNG, pngFile, png.Decode},
		{JPEG, jpegFile, jpeg.Decode},
	} {
		t.Run(string(test.format), func(t *testing.T) {
			plain, profile := test.file(t, 10), test.format.Profile()
			if f, err := Detect(bytes.NewReader(plain), int64(len(plain)), "holiday.txt"); f != test.format || err != nil {
				t.Fatalf("detected as %q, %v", f, err)
			}
			if file := mustRead(t, test.format, plain); file.AIGC != nil || file.SourceType != "" || file.C2PA != nil {
				t.Errorf("a plain file says %+v", file)
			}
			m := imageMarks()
			labelled := mustWrite(t, test.format, plain, m)
			file := mustRead(t, test.format, labelled)
			if *file.AIGC != m.AIGC || file.SourceType != m.SourceType {
				t.Errorf("reads back as %+v", file)
			}
			samePixels(t, test.decode, plain, labelled)
			other := mustWrite(t, test.format, labelled, otherMarks())
			if file := mustRead(t, test.format, other); *file.AIGC != otherMarks().AIGC || file.SourceType != composite {
				t.Errorf("replaced, it reads back as %+v", file)
			}
			if again := mustWrite(t, test.format, other, m); !bytes.Equal(again, labelled) {
				t.Error("the same label written twice gives two files")
			}
			n := mustNormalise(t, profile, plain)
			if mustNormalise(t, profile, labelled) != n || mustNormalise(t, profile, other) != n {
				t.Error("the normalisation follows the label")
			}
			if n != string(plain) {
				t.Error("the normalisation of a file without a label is not the file")
			}
			if mustNormalise(t, profile, test.file(t, 200)) == n {
				t.Error("another picture has the same normalisation")
			}
		})
	}
}

// A source type that is not given stays; a propagator that is not given is the
// producer.
func TestWriteCompletes(t *testing.T) {
	m := imageMarks()
	labelled := mustWrite(t, PNG, pngFile(t, 1), m)
	short := Marks{AIGC: AIGC{Label: "3", ContentProducer: "p", ProduceID: "i"}}
	file := mustRead(t, PNG, mustWrite(t, PNG, labelled, short))
	if file.AIGC.ContentPropagator != "p" || file.AIGC.PropagateID != "i" || file.SourceType != trained {
		t.Errorf("reads back as %+v, %q", file.AIGC, file.SourceType)
	}
}

func TestWriteRefusesMarks(t *testing.T) {
	for name, spoil := range map[string]func(*Marks){
		"Label is":                  func(m *Marks) { m.AIGC.Label = "4" },
		"ContentProducer is empty":  func(m *Marks) { m.AIGC.ContentProducer = "" },
		"ProduceID is empty":        func(m *Marks) { m.AIGC.ProduceID = "" },
		"one is empty":              func(m *Marks) { m.AIGC.PropagateID = "" },
		"ReservedCode1 has the":     func(m *Marks) { m.AIGC.ReservedCode1 = `a"b` },
		"ReservedCode2 has the":     func(m *Marks) { m.AIGC.ReservedCode2 = `a\b` },
		"ContentProducer has the":   func(m *Marks) { m.AIGC.ContentProducer = "某公司" },
		"ContentPropagator has 513": func(m *Marks) { m.AIGC.ContentPropagator = strings.Repeat("x", 513) },
		"nor one of C2PA's":         func(m *Marks) { m.SourceType = "trainedAlgorithmicMedia" },
	} {
		m := imageMarks()
		spoil(&m)
		out, err := writeFile(PNG, pngFile(t, 1), m)
		wantFileError(t, err, Malformed, name)
		if len(out) != 0 {
			t.Errorf("%s: %d bytes were written all the same", name, len(out))
		}
	}
}

func TestSourcesThatLie(t *testing.T) {
	b := pngFile(t, 1)
	if _, err := Read(PNG, bytes.NewReader(b), int64(len(b))+1); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a file that is shorter than said: %v", err)
	}
	_, err := Read(PNG, bytes.NewReader(b), maxFile+1)
	wantFileError(t, err, TooLarge, "at most 67108864")
	_, err = Read(JPEG, bytes.NewReader(b), -1)
	wantFileError(t, err, Malformed, "-1 bytes")
}

func TestDetect(t *testing.T) {
	for _, test := range []struct {
		head, name string
		want       Format
	}{
		{"\x89PNG\r\n\x1a\n", "x", PNG},
		{"\xff\xd8\xff\xe0", "x.png", JPEG},
		{"\x00\x00\x00\x18ftypisom\x00\x00", "x.md", MP4},
		{"PK\x03\x04", "x.txt", DOCX},
		{"# Title\n", "a/b/READ.ME.MD", Markdown},
		{"", `c:\x.markdown`, Markdown},
		{"", "x.txt", Text},
		{"caf\xc3\xa9", "x.go", Text},
	} {
		got, err := Detect(strings.NewReader(test.head), int64(len(test.head)), test.name)
		if got != test.want || err != nil {
			t.Errorf("%q, %q: %q, %v", test.head, test.name, got, err)
		}
	}
	for _, head := range []string{"", "caf\xe9", "a\x00b", "GIF89a\x01\xff", "\x00\x00\x00\x18ftypavif\x00\x00"} {
		_, err := Detect(strings.NewReader(head), int64(len(head)), "x.bin")
		wantFileError(t, err, Unsupported, "PNG, JPEG, MP4")
	}
}

func TestProfilesAndFormats(t *testing.T) {
	if PNG.MediaType() != "image/png" || JPEG.MediaType() != "image/jpeg" || PNG.Profile() != "png-1" || JPEG.Profile() != "jpeg-1" {
		t.Error("the table is wrong")
	}
	if got := strings.Join(Profiles(), " "); got != "docx-1 jpeg-1 markdown-1 mp4-1 png-1 text-1 text-match-1" {
		t.Errorf("the profiles are %s", got)
	}
	for f, c := range carriers() {
		if f.Profile() == "" || f.MediaType() == "" || c.read == nil || c.write == nil || c.normalise == nil {
			t.Errorf("%s lacks something in the table", f)
		}
	}
	if got := mustNormalise(t, "", []byte("as it is")); got != "as it is" {
		t.Errorf("no profile makes %q", got)
	}
	err := Normalise(io.Discard, "png-2", strings.NewReader(""), 0)
	wantFileError(t, err, Unsupported, "jpeg-1")
	_, err = Read("gif", strings.NewReader(""), 0)
	wantFileError(t, err, Unsupported, "not a format")
	if (Format("gif")).Profile() != "" {
		t.Error("a format that is none has a profile")
	}
}
