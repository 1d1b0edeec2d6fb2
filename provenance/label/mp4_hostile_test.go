package label

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

func TestMP4RefusesToRead(t *testing.T) {
	hdlr := mp4box("hdlr", be32(0), be32(0), "mdta", strings.Repeat("\x00", 13))
	keys := mp4box("keys", be32(0), be32(1), be32(12), "mdtaAIGC")
	data := mp4box("data", be32(1), be32(0), `{"Label":"1"}`)
	item := mp4box(be32(1), data)
	meta := func(parts ...string) string {
		return mp4box("moov", mp4box("udta", mp4box("meta", be32(0), hdlr, strings.Join(parts, ""))))
	}
	metas := func(item string) string { return meta(keys, mp4box("ilst", item)) }
	for name, c := range map[string]struct {
		file string
		kind ErrorKind
		want string
	}{
		"no moov":            {mp4box("ftyp", "isom"), Malformed, "no moov"},
		"two moov":           {mp4box("moov") + mp4box("moov"), Malformed, "a second one"},
		"size beyond":        {be32(100) + "moov", Malformed, "100 bytes"},
		"size below":         {mp4box("moov") + be32(7) + "mdat", Malformed, "7 bytes"},
		"64 bits beyond":     {be32(1) + "mdat" + be64(1<<63) + mp4box("moov"), Malformed, "9223372036854775808 bytes"},
		"64 bits below":      {be32(1) + "mdat" + be64(15) + mp4box("moov"), Malformed, "15 bytes"},
		"64 bits cut short":  {mp4box("moov") + be32(1) + "mdat" + be32(0), Malformed, "cut short"},
		"behind the end":     {mp4box("moov") + "abc", Malformed, "3 bytes are left"},
		"uuid without type":  {mp4box("moov") + mp4box("uuid", "short"), Malformed, "extended type"},
		"inner beyond":       {mp4box("moov", be32(9)+"trak"), Malformed, "9 bytes"},
		"inner without size": {mp4box("moov", be32(0)+"trak"), Malformed, "no size"},
		"many boxes":         {mp4box("moov", strings.Repeat(mp4box("free"), maxPieces+1)), TooLarge, "100000 boxes"},
		"many boxes on top":  {mp4box("moov") + strings.Repeat(mp4box("free"), maxPieces), TooLarge, "100000 boxes"},
		"large moov":         {mp4box("moov", strings.Repeat("\x00", maxMovie+1)), TooLarge, "at most"},
		"keys cut short":     {meta(mp4box("keys", be32(0))), Malformed, "cut short"},
		"too few keys":       {meta(mp4box("keys", be32(0), be32(1<<31))), Malformed, "has 0"},
		"key beyond":         {meta(mp4box("keys", be32(0), be32(1), be32(99), "mdta")), Malformed, "99 bytes"},
		"key of no bytes":    {meta(mp4box("keys", be32(0), be32(1), be32(0), "mdta")), Malformed, "0 bytes"},
		"behind the keys":    {meta(mp4box("keys", be32(0), be32(0), "x")), Malformed, "behind its keys"},
		"behind the items":   {metas(item + be32(0)), Malformed, "behind its items"},
		"two tables":         {meta(keys, keys), Malformed, "a second keys"},
		"two lists":          {meta(keys, mp4box("ilst"), mp4box("ilst")), Malformed, "a second ilst"},
		"two items":          {metas(item + item), Malformed, "2 AIGC labels"},
		"two values":         {metas(mp4box(be32(1), data, data)), Malformed, "2 AIGC labels"},
		"other type":         {metas(mp4box(be32(1), mp4box("data", be32(2), be32(0), "x"))), Unsupported, "type 2"},
		"value cut short":    {metas(mp4box(be32(1), mp4box("data", be32(1)))), Malformed, "cut short"},
		"no JSON":            {metas(mp4box(be32(1), mp4box("data", be32(1), be32(0), "x"))), Malformed, "JSON"},
		"two places":         {mp4box("moov", mp4box("meta", hdlr, keys, mp4box("ilst", item)), mp4box("udta", mp4box("meta", hdlr, keys, mp4box("ilst", item)))), Malformed, "2 AIGC labels"},
		"bad XMP":            {mp4box("moov") + mp4box("uuid", xmpUUID, "<x"), Malformed, "XMP"},
		"large XMP":          {mp4box("moov") + mp4box("uuid", xmpUUID, strings.Repeat(" ", maxMetadata+1)), TooLarge, "at most"},
		"many packets":       {mp4box("moov") + strings.Repeat(mp4box("uuid", xmpUUID, " "), maxPackets+1), TooLarge, "XMP boxes"},
		"no purpose":         {mp4box("moov") + mp4box("uuid", c2paUUID, "\x00"), Malformed, "purpose"},
		"manifest cut short": {mp4box("moov") + mp4box("uuid", c2paUUID, be32(0), "manifest\x00", be64(0)), Malformed, "cut short"},
	} {
		t.Run(name, func(t *testing.T) {
			file := mp4box("mdat", "media") + c.file
			_, err := Read(MP4, strings.NewReader(file), int64(len(file)))
			wantFileError(t, err, c.kind, c.want)
		})
	}
}

// What would break if the media moved is not written to; the same file with moov
// behind its media is.
func TestMP4RefusesToMove(t *testing.T) {
	track := func(boxes ...string) string {
		return mp4box("trak", mp4box("mdia", mp4box("minf", boxes...)))
	}
	stbl := func(boxes ...string) string { return track(mp4box("stbl", boxes...)) }
	ftyp := mp4box("ftyp", "isom", be32(0))
	media := mp4box("mdat", "media")
	for name, c := range map[string]struct {
		before, moov, after string
		kind                ErrorKind
		want                string
	}{
		"auxiliary data":   {"", stbl(mp4box("saio", "x")), media, Unsupported, "saio"},
		"compressed moov":  {"", mp4box("cmov", "x"), media, Unsupported, "cmov"},
		"items":            {"", mp4box("meta", be32(0), mp4box("hdlr", be32(0), be32(0), "pict"), mp4box("iloc")), media, Unsupported, "iloc"},
		"items on top":     {"", "", mp4box("meta", be32(0)) + media, Unsupported, "meta"},
		"index before":     {mp4box("sidx", "x"), "", media, Unsupported, "sidx"},
		"fragment before":  {mp4box("moof"), "", media, Unsupported, "moof"},
		"into free space":  {"", stbl(mp4box("stco", be32(0), be32(1), be32(90))), mp4box("free", strings.Repeat("x", 500)) + media, Malformed, "no box of media"},
		"beyond the end":   {"", stbl(mp4box("co64", be32(0), be32(1), be64(1<<40))), media, Malformed, "no box of media"},
		"into moov":        {"", stbl(mp4box("stco", be32(0), be32(1), be32(40))), media, Malformed, "no box of media"},
		"table cut short":  {"", stbl(mp4box("stco", be32(0), be32(2), be32(16))), media, Malformed, "2 offsets"},
		"base cut short":   {"", "", mp4box("moof", mp4box("traf", mp4box("tfhd", be32(1), be32(1), "x"))) + media, Malformed, "cut short"},
		"entries missing":  {"", "", media + mp4box("mfra", mp4box("tfra", be32(0), be32(1), be32(0), be32(9))), Malformed, "9 entries"},
		"media elsewhere":  {"", track(mp4box("dinf", mp4box("dref", be32(0), be32(1), mp4box("url ", be32(0))))), media, Unsupported, "another file"},
		"reference beyond": {"", track(mp4box("dinf", mp4box("dref", be32(0), be32(1), be32(99)+"url "+be32(1)))), media, Malformed, "99 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			refuses(t, MP4, []byte(ftyp+c.before+mp4box("moov", c.moov)+c.after), c.kind, c.want)
		})
	}
	other := mp4box("meta", be32(0), mp4box("hdlr", be32(0), be32(0), "mdir"))
	refuses(t, MP4, []byte(ftyp+mp4box("moov", other, mp4box("udta", other))+media), Unsupported, "both places")
	for _, inner := range []string{stbl(mp4box("saio", "x")), mp4box("cmov", "x")} {
		writeTo(t, MP4, []byte(ftyp+media+mp4box("moov", inner)), someMarks())
	}
}

// A file that ends anywhere is an error or a sound file, never a panic.
func TestMP4CutShort(t *testing.T) {
	for name, file := range videos(t) {
		labelled := writeTo(t, MP4, file, someMarks())
		for n := range labelled {
			part := labelled[:n]
			f, err := Read(MP4, bytes.NewReader(part), int64(n))
			if err == nil && f.AIGC == nil {
				t.Fatalf("%s: of %d of %d bytes the label is not seen", name, n, len(labelled))
			}
			var out bytes.Buffer
			if Write(&out, MP4, bytes.NewReader(part), int64(n), someMarks()) != nil && out.Len() > 0 {
				t.Fatalf("%s: %d of %d bytes: an error, and something was written", name, n, len(labelled))
			}
			// The file is shorter than it is said to be.
			if _, err := PublicCommitment("mp4-1", bytes.NewReader(part), int64(len(labelled))); err == nil && n < len(labelled)/2 {
				t.Fatalf("%s: missing bytes are not missed", name)
			}
		}
	}
}

// Each size in the file, made to lie.
func TestMP4LyingSizes(t *testing.T) {
	for _, file := range videos(t) {
		for at := 0; at+8 < len(file); at++ {
			if strings.Trim(string(file[at+4:at+8]), "abcdefghijklmnopqrstuvwxyz0123456789 ") != "" {
				continue
			}
			for _, size := range []uint32{0, 1, 7, 8, 9, 1<<32 - 1} {
				fuzzWrite(t, MP4, slices.Concat(file[:at], []byte(be32(size)), file[at+4:]))
			}
		}
	}
}
