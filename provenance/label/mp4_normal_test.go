package label

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"
)

// uncovered reports whether the profile mp4-1 takes a file and makes want of it.
func uncovered(file []byte, want string) bool {
	var out bytes.Buffer
	return Normalise(&out, "mp4-1", bytes.NewReader(file), int64(len(file))) == nil && out.String() == want
}

// The file with any byte of what is covered changed has another value, or is not
// accepted.
func TestMP4CoversEachByte(t *testing.T) {
	for name, file := range videos(t) {
		f, err := openMP4(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			t.Fatal(err)
		}
		want := normal(t, "mp4-1", string(file))
		for i := range file {
			box, _ := f.boxOf(uint64(i))
			if !f.boxes[box].covered() {
				continue
			}
			changed := bytes.Clone(file)
			changed[i] ^= 0x01
			if uncovered(changed, want) {
				t.Errorf("%s: byte %d (%q) is not covered", name, i, file[max(0, i-4):i+1])
			}
		}
	}
}

// Media that move while the offsets stay must be seen, as must offsets that move.
func TestMP4CoversOffsets(t *testing.T) {
	file := videos(t)["first.mp4"]
	want := normal(t, "mp4-1", string(file))
	at := bytes.Index(file, []byte("mdat")) - 4
	pushed := slices.Concat(file[:at], []byte(mp4box("free", "12345678")), file[at:])
	if uncovered(pushed, want) {
		t.Error("free space before the media, without new offsets, changes nothing")
	}
	stco := bytes.Index(pushed, []byte("stco")) + 12
	binary.BigEndian.PutUint32(pushed[stco:], binary.BigEndian.Uint32(pushed[stco:])+16)
	if !uncovered(pushed, want) {
		t.Error("free space before the media, with new offsets, changes the value")
	}
	fragment := videos(t)["fragments.mp4"]
	at = bytes.Index(fragment, []byte("mdat")) - 4
	if uncovered(slices.Concat(fragment[:at], []byte(mp4box("free", "1234")), fragment[at:]), normal(t, "mp4-1", string(fragment))) {
		t.Error("free space between a fragment and its media changes nothing")
	}
}

// Keys beside the label are covered, whatever their places are; the label is
// not, in whatever places it is.
func TestMP4CoversOtherKeys(t *testing.T) {
	hdlr := mp4box("hdlr", be32(0), be32(0), "mdta", strings.Repeat("\x00", 13))
	file := func(inMeta ...string) string {
		return mp4box("ftyp", "isom") + mp4box("moov", mp4box("udta"), mp4box("udta", mp4box("meta", append([]string{be32(0), hdlr}, inMeta...)...)))
	}
	keys := func(names ...string) string {
		body := be32(0) + be32(uint32(len(names)))
		for _, name := range names {
			body += be32(uint32(8+len(name))) + "mdta" + name
		}
		return mp4box("keys", body)
	}
	item := func(place uint32, text string) string {
		return mp4box(be32(place), mp4box("data", be32(1), be32(0), text))
	}
	want := normal(t, "mp4-1", file(keys("name", "made"), mp4box("ilst", item(1, "x"), item(2, "y"))))
	for name, same := range map[string]string{
		"label first":   file(keys("AIGC", "name", "made"), mp4box("ilst", item(1, "label"), item(2, "x"), item(3, "y"))),
		"label between": file(keys("name", "AIGC", "made"), mp4box("ilst", item(1, "x"), item(3, "y"), item(2, "label"))),
		"two labels":    file(mp4box("free"), keys("AIGC", "name", "AIGC", "made"), mp4box("ilst", item(2, "x"), item(3, "label"), item(4, "y"), item(1, "label"))),
	} {
		if normal(t, "mp4-1", same) != want {
			t.Errorf("%s: the label is covered, or the places of keys", name)
		}
	}
	for name, other := range map[string]string{
		"other text":  file(keys("name", "made"), mp4box("ilst", item(1, "x"), item(2, "z"))),
		"texts moved": file(keys("name", "made"), mp4box("ilst", item(2, "x"), item(1, "y"))),
		"a key more":  file(keys("name", "made", "more"), mp4box("ilst", item(1, "x"), item(2, "y"))),
		"none":        file(),
	} {
		if normal(t, "mp4-1", other) == want {
			t.Errorf("%s is not covered", name)
		}
	}
	if normal(t, "mp4-1", file()) != normal(t, "mp4-1", file(keys("AIGC"), mp4box("ilst", item(1, "label")))) {
		t.Error("a meta box of the label alone is covered")
	}
}

// What the profile makes of a small file, byte for byte.
func TestMP4Profile(t *testing.T) {
	stbl := func(offset uint32) string {
		return mp4box("trak", mp4box("mdia", mp4box("minf", mp4box("stbl", mp4box("stco", be32(0), be32(1), be32(offset))))))
	}
	covered := func(kind string, parts ...string) string {
		body := strings.Join(parts, "")
		return kind + be64(uint64(len(body))) + body
	}
	want := covered("ftyp", "isom") + covered("mdat", "media") +
		covered("moov", covered("trak", covered("mdia", covered("minf", covered("stbl", covered("stco", be32(0), be32(1), be64(1), be64(10)))))))
	meta := newMeta()
	meta.set([]byte(`{"Label":"1"}`))
	for name, file := range map[string]string{
		"plain":        mp4box("ftyp", "isom") + mp4box("mdat", "media") + mp4box("moov", stbl(22)),
		"with space":   mp4box("ftyp", "isom") + mp4box("free") + mp4box("mdat", "media") + mp4box("skip") + mp4box("moov", mp4box("free"), stbl(30)),
		"with marks":   mp4box("ftyp", "isom") + mp4box("mdat", "media") + mp4box("moov", stbl(22), mp4box("udta", string(meta.node.encode(nil)))) + mp4box("uuid", xmpUUID) + mp4box("uuid", c2paUUID),
		"labelled":     string(writeTo(t, MP4, []byte(mp4box("ftyp", "isom")+mp4box("mdat", "media")+mp4box("moov", stbl(22))), someMarks())),
		"empty udta":   mp4box("ftyp", "isom") + mp4box("mdat", "media") + mp4box("moov", stbl(22), mp4box("udta", be32(0))),
		"to the end":   mp4box("ftyp", "isom") + mp4box("mdat", "media") + be32(0) + "moov" + stbl(22),
		"free in udta": mp4box("ftyp", "isom") + mp4box("mdat", "media") + mp4box("moov", stbl(22), mp4box("udta", mp4box("free"))),
	} {
		if got := normal(t, "mp4-1", file); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
