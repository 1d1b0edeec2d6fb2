package label

import (
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// videos are the files of testdata, by name.
func videos(t testing.TB) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for _, pattern := range []string{"*.mp4", "*.mov"} {
		names, err := filepath.Glob("testdata/" + pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if all[filepath.Base(name)], err = os.ReadFile(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(all) < 9 {
		t.Fatalf("testdata has %d videos", len(all))
	}
	return all
}

// mp4box is a box with a size of 32 bits.
func mp4box(kind string, parts ...string) string {
	body := strings.Join(parts, "")
	return be32(uint32(8+len(body))) + kind + body
}

func be32(n uint32) string { return string(binary.BigEndian.AppendUint32(nil, n)) }
func be64(n uint64) string { return string(binary.BigEndian.AppendUint64(nil, n)) }

// samples returns what a file's offsets lead to: five bytes from there on.
func samples(t *testing.T, file []byte) (all []string) {
	t.Helper()
	f, err := openMP4(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	for i := range f.boxes {
		b := &f.boxes[i]
		if b.kind != "moov" && b.kind != "moof" && b.kind != "mfra" {
			continue
		}
		n, err := f.tree(b)
		if err != nil {
			t.Fatal(err)
		}
		err = n.eachOffset(func(leaf *mp4Node, at, width int) error {
			offset := fieldOffset(leaf.body[at : at+width])
			all = append(all, leaf.kind+" "+string(file[offset:offset+5]))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func TestMP4Written(t *testing.T) {
	for name, file := range videos(t) {
		t.Run(name, func(t *testing.T) {
			out := writeTo(t, MP4, file, someMarks())
			f, err := Read(MP4, bytes.NewReader(out), int64(len(out)))
			if err != nil || *f.AIGC != someMarks().AIGC || f.SourceType != someType {
				t.Fatalf("%+v, %v", f, err)
			}
			if normal(t, "mp4-1", string(file)) != normal(t, "mp4-1", string(out)) {
				t.Error("what is covered has changed")
			}
			before := samples(t, file)
			if after := samples(t, out); len(before) == 0 || !slices.Equal(before, after) {
				t.Errorf("offsets lead to %q, and led to %q", after, before)
			}
			other := someMarks()
			other.AIGC.ProduceID = "another, and longer than the one before it"
			second := writeTo(t, MP4, out, other)
			if n := bytes.Count(second, []byte("ProduceID")); n != 1 {
				t.Errorf("replaced, the file has %d labels", n)
			}
			if !bytes.Equal(writeTo(t, MP4, second, someMarks()), out) {
				t.Error("written again, the file is another")
			}
		})
	}
}

// The media of a file in all its forms: sizes of 64 bits, sizes to the end of
// the file, offsets of 64 bits.
func TestMP4Sizes(t *testing.T) {
	ftyp := mp4box("ftyp", "isom", be32(0))
	moov := func(offset uint64) string {
		co64 := mp4box("co64", be32(0), be32(1), be64(offset))
		return mp4box("trak", mp4box("mdia", mp4box("minf", mp4box("stbl", co64))))
	}
	wide := func(kind, body string) string { return be32(1) + kind + be64(uint64(16+len(body))) + body }
	type makes func(offset uint64) string
	for name, file := range map[string]makes{
		"wide media":   func(o uint64) string { return ftyp + mp4box("moov", moov(o)) + wide("mdat", "media") },
		"media to end": func(o uint64) string { return ftyp + mp4box("moov", moov(o)) + be32(0) + "mdatmedia" },
		"wide moov":    func(o uint64) string { return ftyp + wide("moov", moov(o)) + mp4box("mdat", "media") },
		"moov to end":  func(o uint64) string { return ftyp + mp4box("mdat", "media") + be32(0) + "moov" + moov(o) },
		"free in moov": func(o uint64) string {
			return ftyp + mp4box("moov", mp4box("free", "x"), moov(o)) + mp4box("mdat", "media")
		},
		"media in parts": func(o uint64) string {
			return ftyp + mp4box("mdat", "other") + mp4box("moov", moov(o)) + mp4box("mdat", "media")
		},
	} {
		t.Run(name, func(t *testing.T) {
			bytes := []byte(file(uint64(strings.Index(file(0), "media"))))
			before := samples(t, bytes)
			if len(before) != 1 || !strings.HasPrefix(before[0], "co64 media") {
				t.Fatalf("the file's offset leads to %q", before)
			}
			out := writeTo(t, MP4, bytes, someMarks())
			if after := samples(t, out); !slices.Equal(before, after) {
				t.Errorf("offsets lead to %q, and led to %q", after, before)
			}
			end := []byte(file(uint64(len(bytes))))
			refuses(t, MP4, end, Malformed, "no box of media")
		})
	}
}

func TestMP4ReadsBothFormsAndPlaces(t *testing.T) {
	hdlr := mp4box("hdlr", be32(0), be32(0), "mdta", strings.Repeat("\x00", 13))
	keys := mp4box("keys", be32(0), be32(2), be32(12), "mdtaname", be32(12), "mdtaAIGC")
	ilst := mp4box("ilst", mp4box(be32(1), mp4box("data", be32(1), be32(0), "x")),
		mp4box(be32(2), mp4box("data", be32(1), be32(0), `{"AIGC":{"Label":"1"}}`)))
	for name, moov := range map[string]string{
		"udta":                      mp4box("udta", mp4box("meta", be32(0), hdlr, keys, ilst)),
		"udta, QuickTime":           mp4box("udta", mp4box("meta", hdlr, keys, ilst), be32(0)),
		"handler last":              mp4box("meta", be32(0), keys, ilst, hdlr),
		"handler second, QuickTime": mp4box("meta", keys, hdlr, ilst),
		"second udta":               mp4box("udta", mp4box("name", "x")) + mp4box("udta", mp4box("meta", be32(0), hdlr, keys, ilst)),
		"moov":                      mp4box("meta", be32(0), hdlr, keys, ilst),
		"moov, QuickTime":           mp4box("meta", hdlr, keys, ilst),
		"behind another":            mp4box("udta", mp4box("meta", be32(0), strings.Replace(hdlr, "mdta", "mdir", 1))) + mp4box("meta", hdlr, keys, ilst),
		"items before keys":         mp4box("meta", hdlr, ilst, keys),
		"two keys":                  mp4box("meta", hdlr, mp4box("keys", be32(0), be32(3), be32(12), "mdtaAIGC", be32(12), "mdtaAIGC", be32(12), "mdtaname"), mp4box("ilst", mp4box(be32(3), mp4box("data", be32(1), be32(0), "x")), mp4box(be32(2), mp4box("data", be32(1), be32(0), `{"Label":"1"}`)))),
	} {
		file := []byte(mp4box("ftyp", "isom", be32(0)) + mp4box("moov", moov) + mp4box("mdat", "media"))
		f, err := Read(MP4, bytes.NewReader(file), int64(len(file)))
		if err != nil || f.AIGC == nil || f.AIGC.Label != "1" {
			t.Errorf("%s: %+v, %v", name, f, err)
			continue
		}
		out := writeTo(t, MP4, file, someMarks())
		if !bytes.Contains(out, []byte(mp4box("data", be32(1), be32(0), "x"))) || bytes.Count(out, []byte("hdlr")) != bytes.Count(file, []byte("hdlr")) {
			t.Errorf("%s: another key is gone, or a second meta box has come", name)
		}
	}
}

// In udta a new meta box has version and flags; in moov it has none, since common
// readers find nothing there otherwise.
func TestMP4FormOfNewMeta(t *testing.T) {
	hdlr := mp4box("hdlr", be32(0), be32(0), "mdta", strings.Repeat("\x00", 13))
	m := someMarks()
	object, err := m.AIGC.encode(false)
	if err != nil {
		t.Fatal(err)
	}
	size := 8 + len(hdlr) + 28 + 8 + 8 + 16 + len(object) // of meta: hdlr, keys, ilst, item, data
	if out := string(writeTo(t, MP4, videos(t)["itunes.mp4"], m)); !strings.Contains(out, be32(uint32(size))+"meta"+hdlr) {
		t.Error("beside iTunes' meta box is none in QuickTime's form")
	}
	bare := []byte(mp4box("ftyp", "isom", be32(0)) + mp4box("moov"))
	if out := string(writeTo(t, MP4, bare, m)); !strings.Contains(out, be32(uint32(8+4+size))+"udta"+be32(uint32(4+size))+"meta"+be32(0)+hdlr) {
		t.Errorf("no meta box with version and flags in udta: %q", out)
	}
}

// A label in XMP alone is read, and goes where it belongs when one is written.
func TestMP4LabelInXMP(t *testing.T) {
	packet, err := editXMP(nil, someMarks())
	if err != nil {
		t.Fatal(err)
	}
	file := slices.Concat(videos(t)["last.mp4"], xmpBox(packet))
	f, err := Read(MP4, bytes.NewReader(file), int64(len(file)))
	if err != nil || *f.AIGC != someMarks().AIGC || f.SourceType != someType {
		t.Fatalf("%+v, %v", f, err)
	}
	m := someMarks()
	m.SourceType = ""
	out := writeTo(t, MP4, file, m)
	if f, err = Read(MP4, bytes.NewReader(out), int64(len(out))); err != nil || f.SourceType != someType {
		t.Errorf("the source type has not stayed: %+v, %v", f, err)
	}
	if n := bytes.Count(out, []byte("ProduceID")); n != 1 {
		t.Errorf("the file has %d labels", n)
	}
	both := slices.Concat(writeTo(t, MP4, videos(t)["last.mp4"], m), xmpBox(packet))
	_, err = Read(MP4, bytes.NewReader(both), int64(len(both)))
	wantFileError(t, err, Malformed, "2 AIGC labels")
	if out := writeTo(t, MP4, slices.Concat(both, xmpBox(packet)), someMarks()); bytes.Count(out, []byte(someType)) != 1 {
		t.Error("writing has not replaced all marks")
	}
}

// Labels that cannot be read, in all places, make room for the one written.
func TestMP4ReplacesAll(t *testing.T) {
	hdlr := mp4box("hdlr", be32(0), be32(0), "mdta", strings.Repeat("\x00", 13))
	keys := mp4box("keys", be32(0), be32(2), be32(12), "mdtaAIGC", be32(12), "mdtaAIGC")
	item := func(place uint32) string { return mp4box(be32(place), mp4box("data", be32(9), be32(0), "old label")) }
	meta := mp4box("meta", hdlr, keys, mp4box("ilst", item(1), item(2), item(1)))
	file := []byte(mp4box("ftyp", "isom", be32(0)) + mp4box("moov", meta, mp4box("udta", meta)) + mp4box("mdat", "media"))
	out := writeTo(t, MP4, file, someMarks())
	if bytes.Contains(out, []byte("old label")) || bytes.Count(out, []byte("ProduceID")) != 1 {
		t.Errorf("labels are left: %q", out)
	}
}

func TestMP4WithManifest(t *testing.T) {
	manifest := func(purpose, store string) []byte {
		return []byte(mp4box("uuid", c2paUUID, be32(0), purpose, "\x00", be64(0), store))
	}
	file := slices.Concat(videos(t)["last.mp4"], manifest("merkle", "hashes"))
	refuses(t, MP4, file, Bound, "manifest store")
	m := someMarks()
	m.BreakManifest = true
	if written := writeTo(t, MP4, file, m); !bytes.Contains(written, manifest("merkle", "hashes")) {
		t.Error("the manifest's box is gone")
	}
	for _, room := range []string{"", strings.Repeat("\x00", 100)} {
		file = slices.Concat(manifest("manifest", string(sampleStore())+room), videos(t)["last.mp4"], manifest("merkle", "hashes"))
		if f := mustRead(t, MP4, file); f.C2PA == nil || f.C2PA.Manifests != 2 {
			t.Errorf("%d bytes behind the store: %+v", len(room), f.C2PA)
		}
	}
	for store, want := range map[string]string{"no store": "uuid (C2PA)", string(sampleStore()) + "x": "uuid (C2PA)"} {
		file = slices.Concat(videos(t)["last.mp4"], manifest("manifest", store))
		_, err := Read(MP4, bytes.NewReader(file), int64(len(file)))
		wantFileError(t, err, Malformed, want)
	}
	two := manifest("manifest", string(sampleStore()))
	file = slices.Concat(videos(t)["last.mp4"], two, two)
	_, err := Read(MP4, bytes.NewReader(file), int64(len(file)))
	wantFileError(t, err, Malformed, "second manifest store")
}

// A hugeFile is larger than memory: zero bytes between head and tail.
type hugeFile struct {
	head, tail string
	size       int64
	read       int64
}

func (h *hugeFile) ReadAt(b []byte, at int64) (int, error) {
	if at >= h.size {
		return 0, io.EOF
	}
	h.read += int64(len(b))
	clear(b)
	if at < int64(len(h.head)) {
		copy(b, h.head[at:])
	}
	for i := range b { // the tail may begin within b
		if from := at + int64(i) - (h.size - int64(len(h.tail))); from >= 0 && from < int64(len(h.tail)) {
			b[i] = h.tail[from]
		}
	}
	return len(b), nil
}

// Of a file of any size only what matters is read.
func TestMP4OfTerabytes(t *testing.T) {
	const media = 5 << 40
	meta := newMeta()
	meta.set([]byte(`{"Label":"2"}`))
	h := &hugeFile{
		head: mp4box("ftyp", "isom", be32(0)) + be32(1) + "mdat" + be64(16+media),
		tail: mp4box("moov", mp4box("udta", string(meta.node.encode(nil)))),
	}
	h.size = int64(len(h.head)+len(h.tail)) + media
	f, err := Read(MP4, h, h.size)
	if err != nil || f.AIGC == nil || f.AIGC.Label != "2" {
		t.Fatalf("%+v, %v", f, err)
	}
	if h.read > 1<<16 {
		t.Errorf("%d bytes were read", h.read)
	}
}

// A 32-bit offset that would not fit any more is an error, not a wrong offset.
func TestMP4OffsetsOverflow(t *testing.T) {
	stco := mp4box("stco", be32(0), be32(1), be32(1<<32-20))
	moov := mp4box("moov", mp4box("trak", mp4box("mdia", mp4box("minf", mp4box("stbl", stco)))))
	h := &hugeFile{head: mp4box("ftyp", "isom", be32(0)) + moov + be32(1) + "mdat" + be64(1<<32)}
	h.size = int64(len(h.head)) - 16 + 1<<32
	var out bytes.Buffer
	wantFileError(t, Write(&out, MP4, h, h.size, someMarks()), Unsupported, "32 bits")
}

func FuzzMP4(f *testing.F) {
	for _, file := range videos(f) {
		f.Add(file)
	}
	f.Fuzz(func(t *testing.T, b []byte) { fuzzWrite(t, MP4, b) })
}
