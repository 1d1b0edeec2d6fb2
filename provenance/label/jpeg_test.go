package label

import (
	"bytes"
	"encoding/binary"
	"image/jpeg"
	"slices"
	"strings"
	"testing"
)

// segment makes a segment of a marker and a payload.
func segment(marker byte, payload string) []byte {
	b := binary.BigEndian.AppendUint16([]byte{0xff, marker}, uint16(len(payload)+2))
	return append(b, payload...)
}

// behindSOI puts bytes behind a file's start of image.
func behindSOI(file []byte, parts ...[]byte) []byte {
	return slices.Concat(append([][]byte{file[:2]}, append(parts, file[2:])...)...)
}

// jpegXT cuts a box into APP11 segments with that many bytes of its content.
func jpegXT(instance byte, b []byte, size int) [][]byte {
	head := 8
	if binary.BigEndian.Uint32(b) == 1 {
		head = 16
	}
	var out [][]byte
	for content := b[head:]; len(content) > 0; {
		part := content[:min(size, len(content))]
		content = content[len(part):]
		number := binary.BigEndian.AppendUint32(nil, uint32(len(out)+1))
		out = append(out, segment(0xeb, "JP\x00"+string(instance)+string(number)+string(b[:head])+string(part)))
	}
	return out
}

const exif = "Exif\x00\x00MM"

// What other programs wrote is read and replaced in its place; a new packet
// stands behind APP0 and Exif. SPEC(LBL-11)
func TestJPEGPlaces(t *testing.T) {
	plain := jpegFile(t, 1)
	jfif, photo, icc := segment(0xe0, "JFIF\x00"), segment(0xe1, exif), segment(0xe2, "ICC_PROFILE\x00")
	extended := segment(0xe1, jpegExtendedXMP+strings.Repeat("G", 40)+"<t:AIGC/>")
	file := behindSOI(plain, jfif, photo, icc)
	out := mustWrite(t, JPEG, file, imageMarks())
	if !bytes.HasPrefix(out[2:], slices.Concat(jfif, photo, []byte{0xff, 0xe1})) || !bytes.HasSuffix(out, slices.Concat(icc, plain[2:])) {
		t.Error("a new packet is not behind APP0 and Exif")
	}
	file = behindSOI(plain, icc, segment(0xe1, jpegXMP+inRDF(elements)), extended, photo)
	if got := mustRead(t, JPEG, file); got.AIGC.ContentProducer != "P" || got.SourceType != trained {
		t.Errorf("%+v", got)
	}
	out = mustWrite(t, JPEG, file, imageMarks())
	if !bytes.HasPrefix(out[2:], slices.Concat(icc, []byte{0xff, 0xe1})) || !bytes.HasSuffix(out, slices.Concat(extended, photo, plain[2:])) {
		t.Error("the packet is not in its place")
	}
	if mustNormalise(t, "jpeg-1", out) != string(behindSOI(plain, icc, photo)) {
		t.Error("jpeg-1 covers something else than it should")
	}
	samePixels(t, jpeg.Decode, plain, out)
}

// Whatever else a file may hold stays: fill bytes, restarts, several scans,
// what follows the image.
func TestJPEGStructures(t *testing.T) {
	plain := jpegFile(t, 1)
	body := plain[:len(plain)-2]
	fill := slices.Concat(plain[:2], []byte{0xff, 0xff, 0xff}, plain[2:len(plain)-2], []byte{0xff, 0xff, 0xff, 0xd9})
	scans := slices.Concat(body, segment(0xc4, "table"), segment(0xda, "scan"), []byte("\x01\xff\x00\xff\xd0\x02\xff\xd7\x03"),
		[]byte{0xff, 0x01}, segment(0xda, "scan"), segment(0xdc, "\x00\x10"), []byte{0xff, 0xd9})
	trailer := append(slices.Clone(plain), jpegFile(t, 9)...)
	for name, file := range map[string][]byte{"fill": fill, "scans": scans, "trailer": trailer} {
		out := mustWrite(t, JPEG, file, imageMarks())
		if got := mustRead(t, JPEG, out); *got.AIGC != imageMarks().AIGC {
			t.Errorf("%s: %+v", name, got.AIGC)
		}
		if mustNormalise(t, "jpeg-1", out) != string(file) {
			t.Errorf("%s: the rest is not as it was", name)
		}
	}
	// What the image behind the image says is not the file's.
	second := mustWrite(t, JPEG, jpegFile(t, 9), otherMarks())
	if got := mustRead(t, JPEG, append(slices.Clone(plain), second...)); got.AIGC != nil {
		t.Errorf("the label of what follows the image is read: %+v", got.AIGC)
	}
}

func TestJPEGWithIndexOfImages(t *testing.T) {
	index := segment(0xe2, "MPF\x00MM")
	plain := append(jpegFile(t, 1), jpegFile(t, 2)...)
	mustWrite(t, JPEG, behindSOI(plain, index), imageMarks()) // the new packet stands before
	_, err := writeFile(JPEG, behindSOI(plain, index, segment(0xe1, jpegXMP+inRDF(""))), imageMarks())
	wantFileError(t, err, Unsupported, "index of images")
}

func TestJPEGPacketLimit(t *testing.T) {
	plain := jpegFile(t, 1)
	label := len(mustWrite(t, JPEG, behindSOI(plain, segment(0xe1, jpegXMP+inRDF(""))), imageMarks())) - len(behindSOI(plain, segment(0xe1, jpegXMP+inRDF(""))))
	room := maxJPEGPacket - label - len(inRDF(""))
	mustWrite(t, JPEG, behindSOI(plain, segment(0xe1, jpegXMP+inRDF(strings.Repeat(" ", room)))), imageMarks())
	_, err := writeFile(JPEG, behindSOI(plain, segment(0xe1, jpegXMP+inRDF(strings.Repeat(" ", room+1)))), imageMarks())
	wantFileError(t, err, TooLarge, "65503 bytes; a segment holds 65502")
}

func TestJPEGWithTwoPackets(t *testing.T) {
	file := behindSOI(jpegFile(t, 1), segment(0xe1, jpegXMP+inRDF(attributes)), segment(0xe1, jpegXMP+inRDF(elements)))
	_, err := readFile(JPEG, file)
	wantFileError(t, err, Malformed, "2 AIGC labels")
	if got := mustRead(t, JPEG, mustWrite(t, JPEG, file, imageMarks())); *got.AIGC != imageMarks().AIGC {
		t.Errorf("reads back as %+v", got.AIGC)
	}
}

func TestJPEGWithManifest(t *testing.T) {
	plain, store := jpegFile(t, 1), sampleStore()
	long := append([]byte{0, 0, 0, 1, 'j', 'u', 'm', 'b', 0, 0, 0, 0, 0, 0, 0, 0}, store[8:]...)
	binary.BigEndian.PutUint64(long[8:], uint64(len(long)))
	other := superbox("json", "another program's", box("json", []byte("{}")))
	residual := segment(0xeb, "JP\x00\x09\x00\x00\x00\x01\x00\x00\x00\x10RESIxxxxxxxx")
	between := jpegXT(1, store, 200)
	others := map[string][][]byte{"beside another": jpegXT(1, other, 7), "same instance": jpegXT(2, other, 7), "mixed": jpegXT(2, other, 30)}
	for name, parts := range map[string][][]byte{
		"one segment": jpegXT(1, store, 60000), "many segments": jpegXT(1, store, 100), "long head": jpegXT(1, long, 100),
		"beside another": append(jpegXT(1, other, 7), jpegXT(2, store, 100)...), "same instance": append(jpegXT(2, other, 7), jpegXT(2, store, 100)...),
		"mixed": slices.Insert(between, 1, jpegXT(2, other, 30)...),
	} {
		file := behindSOI(plain, parts...)
		got, err := readFile(JPEG, file)
		if err != nil || got.C2PA == nil || got.C2PA.Active != "urn:c2pa:2" || len(got.C2PA.Actions) != 2 {
			t.Errorf("%s: %+v, %v", name, got, err)
			continue
		}
		want := string(behindSOI(plain, others[name]...))
		if mustNormalise(t, "jpeg-1", file) != want {
			t.Errorf("%s: jpeg-1 covers the manifest store, or not the boxes of others", name)
		}
	}
	file := behindSOI(plain, append(jpegXT(1, store, 100), residual)...)
	if mustNormalise(t, "jpeg-1", file) != string(behindSOI(plain, residual)) {
		t.Error("jpeg-1 does not cover a JPEG XT box that is no JUMBF")
	}
	m := imageMarks()
	_, err := writeFile(JPEG, file, m)
	wantFileError(t, err, Bound, "hard binding")
	m.BreakManifest = true
	if got := mustRead(t, JPEG, mustWrite(t, JPEG, file, m)); got.C2PA == nil || *got.AIGC != m.AIGC {
		t.Errorf("%+v", got)
	}
}

func TestJPEGRefuses(t *testing.T) {
	plain := jpegFile(t, 1)
	body := plain[:len(plain)-2]
	parts := func() [][]byte { return jpegXT(1, sampleStore(), 100) }
	swapped, short, twice, foreign, over := parts(), parts(), parts(), parts(), parts()
	swapped[1], swapped[2] = swapped[2], swapped[1]
	short = short[:len(short)-1]
	twice = append(twice, jpegXT(2, sampleStore(), 100)...)
	foreign[2][15] ^= 1                              // the length in the repeated head
	over[len(over)-1] = append(over[len(over)-1], 0) // one byte more
	over[len(over)-1][3]++                           // that the segment has
	head := func(b string) []byte { return segment(0xeb, "JP\x00\x01\x00\x00\x00\x01"+b) }
	for name, test := range map[string]struct {
		file []byte
		kind ErrorKind
		want string
	}{
		"empty":           {nil, Malformed, "start of image"},
		"no image":        {[]byte("\xff\xd8\xff\xd9"), Malformed, "without a scan"},
		"no end":          {body, Malformed, "end of image is missing"},
		"fill to the end": {append(slices.Clone(body), 0xff, 0xff), Malformed, "end of image is missing"},
		"no marker":       {behindSOI(plain, []byte("x")), Malformed, "0x78 stands where a marker"},
		"reserved marker": {behindSOI(plain, segment(0x02, "x")), Malformed, "not one of a segment"},
		"second start":    {behindSOI(plain, []byte{0xff, 0xd8}), Malformed, "not one of a segment"},
		"lone restart":    {behindSOI(plain, []byte{0xff, 0xd3}), Malformed, "not one of a segment"},
		"length 1":        {behindSOI(plain, []byte{0xff, 0xe1, 0, 1}), Malformed, "APP1, at byte 2"},
		"length beyond":   {append(slices.Clone(body), 0xff, 0xdd, 0xff, 0xff), Malformed, "segment DD"},
		"length cut off":  {append(slices.Clone(body), 0xff, 0xe1, 0xff), Malformed, "within the segment's length"},
		"segments":        {behindSOI(plain, bytes.Repeat(segment(0xfe, ""), maxPieces)), TooLarge, "100000 segments"},
		"packets":         {behindSOI(plain, bytes.Repeat(segment(0xe1, jpegXMP), 17)), TooLarge, "16 packets"},
		"XMP":             {behindSOI(plain, segment(0xe1, jpegXMP+"<a")), Malformed, "APP1, XMP, at byte 35"},
		"parts swapped":   {behindSOI(plain, swapped...), Malformed, "part 3 of a JUMBF box follows part 1"},
		"first missing":   {behindSOI(plain, parts()[1:]...), Malformed, "without the first"},
		"last missing":    {behindSOI(plain, short...), Malformed, "parts are missing"},
		"two stores":      {behindSOI(plain, twice...), Malformed, "second manifest store"},
		"another head":    {behindSOI(plain, foreign...), Malformed, "does not repeat"},
		"too much":        {behindSOI(plain, over...), Malformed, "has parts of"},
		"box of 7":        {behindSOI(plain, head("\x00\x00\x00\x07jumbxxxxxxxx")), Malformed, "says that it has 7"},
		"box of all":      {behindSOI(plain, head("\xff\xff\xff\xffjumbxxxxxxxx")), TooLarge, "at most 16777216"},
		"long box lies":   {behindSOI(plain, head("\x00\x00\x00\x01jumb\xff\xff\xff\xff\xff\xff\xff\xff")), TooLarge, "at most 16777216"},
		"bad store":       {behindSOI(plain, jpegXT(1, superbox("c2pa", "c2pa"), 99)...), Malformed, "APP11, C2PA manifest store: it holds no manifest"},
	} {
		_, err := readFile(JPEG, test.file)
		t.Run(name, func(t *testing.T) { wantFileError(t, err, test.kind, test.want) })
		if _, err := writeFile(JPEG, test.file, imageMarks()); err == nil {
			t.Errorf("%s: written to all the same", name)
		}
	}
}

func TestJPEGDamaged(t *testing.T) {
	whole := mustWrite(t, JPEG, behindSOI(jpegFile(t, 1), jpegXT(1, sampleStore(), 300)...), func() Marks {
		m := imageMarks()
		m.BreakManifest = true
		return m
	}())
	for i := range whole {
		if _, err := readFile(JPEG, whole[:i]); err == nil {
			t.Fatalf("cut off at byte %d it is read", i)
		}
		whole[i] ^= 0x81 // no check within: it must only not panic
		readFile(JPEG, whole)
		whole[i] ^= 0x81
	}
}

func FuzzJPEG(f *testing.F) {
	plain := jpegFile(f, 1)
	f.Add(plain)
	f.Add(append(slices.Clone(plain), "trailer"...))
	for _, packet := range []string{attributes, elements, several} {
		f.Add(behindSOI(plain, segment(0xe0, "JFIF\x00"), segment(0xe1, jpegXMP+inRDF(packet))))
	}
	f.Add(behindSOI([]byte("\xff\xd8\xff\xda\x00\x02\x01\xff\x00\xff\xd0\xff\xff\xd9"), jpegXT(1, sampleStore(), 200)...))
	f.Fuzz(func(t *testing.T, b []byte) { holdWrite(t, JPEG, b) })
}
