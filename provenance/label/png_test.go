package label

import (
	"bytes"
	"compress/zlib"
	"image/png"
	"slices"
	"strings"
	"testing"
)

// behindIHDR puts chunks behind a file's first; at the end of it where at is
// negative, before that many chunks from the end.
func behindIHDR(t testing.TB, file []byte, chunks ...pngChunk) []byte {
	t.Helper()
	const ihdr = 8 + 25
	out := slices.Clone(file[:ihdr])
	for _, c := range chunks {
		out = append(out, c.raw...)
	}
	return append(out, file[ihdr:]...)
}

func iTXtChunk(text string) pngChunk {
	return newXMPChunk([]byte("en\x00k\x00"), []byte(text))
}

func compressedChunk(t testing.TB, text []byte) pngChunk {
	t.Helper()
	var z bytes.Buffer
	w := zlib.NewWriter(&z)
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return newPNGChunk("iTXt", append([]byte(pngXMPKeyword+"\x00\x01\x00\x00\x00"), z.Bytes()...))
}

// What other programs wrote is read and replaced in its place. SPEC(LBL-10)
func TestPNGWithXMP(t *testing.T) {
	plain := pngFile(t, 1)
	note := newPNGChunk("tEXt", []byte("Comment\x00kept"))
	for name, c := range map[string]pngChunk{
		"plain": iTXtChunk(inRDF(elements)), "compressed": compressedChunk(t, []byte(inRDF(elements))),
	} {
		file := behindIHDR(t, plain, note, c)
		if got := mustRead(t, PNG, file); got.AIGC.ContentProducer != "P" || got.SourceType != trained {
			t.Errorf("%s: %+v", name, got)
		}
		out := mustWrite(t, PNG, file, imageMarks())
		if got := mustRead(t, PNG, out); *got.AIGC != imageMarks().AIGC {
			t.Errorf("%s: reads back as %+v", name, got.AIGC)
		}
		if !bytes.Contains(out, []byte("<dc:title>")) || bytes.Index(out, []byte("kept")) > bytes.Index(out, []byte("<dc:title>")) {
			t.Errorf("%s: the packet is not in its place", name)
		}
		if want := mustNormalise(t, "png-1", behindIHDR(t, plain, note)); mustNormalise(t, "png-1", out) != want {
			t.Errorf("%s: png-1 covers more than it should", name)
		}
		samePixels(t, png.Decode, plain, out)
	}
	if out := mustWrite(t, PNG, behindIHDR(t, plain, iTXtChunk(inRDF(elements))), imageMarks()); !bytes.Contains(out, []byte("\x00\x00\x00en\x00k\x00<?x")) {
		t.Error("the language tag and the keyword are gone")
	}
}

// A label in each of two packets is an error to read; writing leaves one. SPEC(LBL-3)
func TestPNGWithTwoPackets(t *testing.T) {
	file := behindIHDR(t, pngFile(t, 1), iTXtChunk(inRDF(attributes)), iTXtChunk(inRDF(elements)))
	_, err := readFile(PNG, file)
	wantFileError(t, err, Malformed, "2 AIGC labels")
	if got := mustRead(t, PNG, mustWrite(t, PNG, file, imageMarks())); *got.AIGC != imageMarks().AIGC {
		t.Errorf("reads back as %+v", got.AIGC)
	}
	m := imageMarks()
	m.SourceType = ""
	_, err = writeFile(PNG, file, m)
	wantFileError(t, err, Malformed, "2 digital source types")
	// One that cannot be read is replaced as well.
	broken := behindIHDR(t, pngFile(t, 1), iTXtChunk(inRDF(`<rdf:Description t:AIGC="{"/>`)))
	_, err = readFile(PNG, broken)
	wantFileError(t, err, Malformed, "AIGC object")
	mustWrite(t, PNG, broken, imageMarks())
}

func TestPNGWithManifest(t *testing.T) {
	plain := pngFile(t, 1)
	file := behindIHDR(t, plain, newPNGChunk("caBX", sampleStore()))
	if got := mustRead(t, PNG, file).C2PA; got == nil || got.Active != "urn:c2pa:2" {
		t.Errorf("%+v", got)
	}
	if mustNormalise(t, "png-1", file) != string(plain) {
		t.Error("png-1 covers the manifest store")
	}
	m := imageMarks()
	out, err := writeFile(PNG, file, m)
	wantFileError(t, err, Bound, "hard binding")
	if len(out) != 0 {
		t.Error("something was written")
	}
	m.BreakManifest = true
	if got := mustRead(t, PNG, mustWrite(t, PNG, file, m)); got.C2PA == nil || *got.AIGC != m.AIGC {
		t.Errorf("%+v", got)
	}
	_, err = readFile(PNG, behindIHDR(t, plain, newPNGChunk("caBX", sampleStore()), newPNGChunk("caBX", sampleStore())))
	wantFileError(t, err, Malformed, "second manifest store")
	_, err = readFile(PNG, behindIHDR(t, plain, newPNGChunk("caBX", sampleStore()[:50])))
	wantFileError(t, err, Malformed, "caBX, C2PA manifest store, at byte 41")
}

func TestPNGRefuses(t *testing.T) {
	plain := pngFile(t, 1)
	chunk := func(kind string, n int) pngChunk { return newPNGChunk(kind, make([]byte, n)) }
	xmp := func(data string) []byte {
		return behindIHDR(t, plain, newPNGChunk("iTXt", []byte(pngXMPKeyword+"\x00"+data)))
	}
	lying := slices.Clone(plain)
	lying[33] = 0xff // length of the second chunk
	crc := slices.Clone(plain)
	crc[30] ^= 1
	many := slices.Repeat([]pngChunk{chunk("teSt", 0)}, maxPieces)
	for name, test := range map[string]struct {
		file []byte
		kind ErrorKind
		want string
	}{
		"empty":              {nil, Malformed, "signature"},
		"signature":          {[]byte(pngSignature), Malformed, "IEND is missing"},
		"behind the end":     {append(slices.Clone(plain), 0), Malformed, "1 bytes follow"},
		"length":             {lying, Malformed, "says that it holds 4278"},
		"CRC":                {crc, Malformed, "CRC"},
		"IHDR not first":     {append([]byte(pngSignature), append(chunk("teSt", 1).raw, plain[8:]...)...), Malformed, "first chunk"},
		"IHDR twice":         {behindIHDR(t, plain, chunk("IHDR", 13)), Malformed, "first chunk"},
		"IHDR short":         {append([]byte(pngSignature), chunk("IHDR", 12).raw...), Malformed, "13 bytes"},
		"IEND early":         {behindIHDR(t, plain, chunk("IEND", 0)), Malformed, "without an IDAT"},
		"IEND full":          {append(slices.Clone(plain[:len(plain)-12]), chunk("IEND", 1).raw...), Malformed, "holds 1 bytes"},
		"type":               {behindIHDR(t, plain, chunk("a b1", 0)), Malformed, "not four letters"},
		"chunks":             {behindIHDR(t, plain, many...), TooLarge, "100000 chunks"},
		"packets":            {behindIHDR(t, plain, slices.Repeat([]pngChunk{iTXtChunk("")}, 17)...), TooLarge, "16 packets"},
		"iTXt empty":         {xmp(""), Malformed, "neither none nor zlib"},
		"iTXt method":        {xmp("\x01\x01\x00\x00x"), Malformed, "neither none nor zlib"},
		"iTXt flag":          {xmp("\x02\x00\x00\x00x"), Malformed, "neither none nor zlib"},
		"iTXt ends":          {xmp("\x00\x00\x00x"), Malformed, "language tag"},
		"iTXt not zlib":      {xmp("\x01\x00\x00\x00xx"), Malformed, "does not expand"},
		"iTXt cut off":       {xmp("\x01\x00\x00\x00\x78\x9c\x01"), Malformed, "does not expand"},
		"iTXt of zero bytes": {behindIHDR(t, plain, compressedChunk(t, make([]byte, 64<<20))), TooLarge, "expands to more than"},
		"XMP":                {xmp("\x00\x00\x00\x00\n<a"), Malformed, "iTXt, XMP, at byte 64"},
	} {
		_, err := readFile(PNG, test.file)
		t.Run(name, func(t *testing.T) { wantFileError(t, err, test.kind, test.want) })
		if _, err := writeFile(PNG, test.file, imageMarks()); err == nil {
			t.Errorf("%s: written to all the same", name)
		}
	}
}

// A file that is cut off, or has one wrong bit, is never taken for a whole one.
func TestPNGDamaged(t *testing.T) {
	whole := mustWrite(t, PNG, pngFile(t, 1), imageMarks())
	for i := range whole {
		if _, err := readFile(PNG, whole[:i]); err == nil {
			t.Fatalf("cut off at byte %d it is read", i)
		}
		for bit := range 8 {
			whole[i] ^= 1 << bit
			if _, err := readFile(PNG, whole); err == nil {
				t.Fatalf("with bit %d of byte %d wrong it is read", bit, i)
			}
			whole[i] ^= 1 << bit
		}
	}
}

// holdWrite holds a format to what Write and Normalise promise of any file.
func holdWrite(t *testing.T, f Format, b []byte) {
	if _, err := readFile(f, b); err == nil {
		mustNormalise(t, f.Profile(), b)
	}
	m := imageMarks()
	m.BreakManifest = true
	out, err := writeFile(f, b, m)
	if err != nil {
		return
	}
	if got := mustRead(t, f, out); *got.AIGC != m.AIGC || got.SourceType != m.SourceType {
		t.Fatalf("reads back as %+v", got)
	}
	if mustNormalise(t, f.Profile(), out) != mustNormalise(t, f.Profile(), b) {
		t.Fatal("the normalisation follows the label")
	}
	if again := mustWrite(t, f, out, m); !bytes.Equal(again, out) {
		t.Fatal("the same label written twice gives two files")
	}
}

func FuzzPNG(f *testing.F) {
	plain := pngFile(f, 1)
	f.Add(plain[8:])
	for _, packet := range []string{attributes, elements, several} {
		f.Add(behindIHDR(f, plain, iTXtChunk(inRDF(packet)))[8:])
	}
	f.Add(behindIHDR(f, plain, compressedChunk(f, []byte(inRDF(elements))), newPNGChunk("caBX", sampleStore()))[8:])
	f.Fuzz(func(t *testing.T, b []byte) {
		holdWrite(t, PNG, b)
		// CRCs would keep the fuzzer from what is within: here they are right.
		mended := []byte(pngSignature)
		for len(b) >= 12 {
			n := min((int(b[2])<<8|int(b[3]))+12, len(b))
			mended = append(mended, newPNGChunk(strings.ToValidUTF8(string(b[4:8]), "x"), b[8:n-4]).raw...)
			b = b[n:]
		}
		holdWrite(t, PNG, mended)
	})
}

// Some readers look for XMP in chunks of text too: a label there would be theirs
// and not ours.
func TestPNGWithXMPInText(t *testing.T) {
	for _, kind := range []string{"tEXt", "zTXt"} {
		sound := pngFile(t, 1)
		behind := len(pngSignature) + 12 + 13
		text := newPNGChunk(kind, []byte(pngXMPKeyword+"\x00\x00x")).raw
		file := append(append(append([]byte(nil), sound[:behind]...), text...), sound[behind:]...)
		_, err := readFile(PNG, file)
		wantFileError(t, err, Unsupported, "put it into an iTXt")
		_, err = writeFile(PNG, file, imageMarks())
		wantFileError(t, err, Unsupported, "put it into an iTXt")
		other := bytes.Replace(text, []byte("XML:"), []byte("xml:"), 1)
		file = append(append(append([]byte(nil), sound[:behind]...), newPNGChunk(kind, other[8:len(other)-4]).raw...), sound[behind:]...)
		mustRead(t, PNG, file)
	}
}
