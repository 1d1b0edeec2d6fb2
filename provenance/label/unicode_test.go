package label

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

var writeTable = flag.Bool("write-table", false, "write unicode_15.0.txt, with a Go whose tables are of 15.0")

// assignedByGo makes unicode_15.0.txt of the tables of package unicode.
func assignedByGo() string {
	known := func(r rune) bool {
		return r <= unicode.MaxRune && unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S, unicode.Z, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs)
	}
	var out strings.Builder
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if !known(r) {
			continue
		}
		from := r
		for known(r + 1) {
			r++
		}
		if from == r {
			fmt.Fprintf(&out, "%04X\n", from)
		} else {
			fmt.Fprintf(&out, "%04X-%04X\n", from, r)
		}
	}
	return out.String()
}

// The table is that of 15.0, whatever Go the test runs with.
func TestUnicodeTable(t *testing.T) {
	if *writeTable {
		if unicode.Version != "15.0.0" {
			t.Fatalf("the tables of this Go are of Unicode %s", unicode.Version)
		}
		if err := os.WriteFile("unicode_15.0.txt", []byte(assignedByGo()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if sum := fmt.Sprintf("%x", sha256.Sum256([]byte(assignedText))); sum != "bcfc51c1e63a5320d19949d1fafc741b03e0df2d18ad71353f1d03dbec0bbe99" {
		t.Errorf("unicode_15.0.txt is another: its SHA-256 is %s", sum)
	}
	if unicode.Version == "15.0.0" && assignedText != assignedByGo() {
		t.Error("unicode_15.0.txt is not what package unicode says")
	}
	set, count := assigned(), 0
	for r := range uint32(unicode.MaxRune + 1) {
		if set.has(r) {
			count++
		}
	}
	// Of 15.0's characters 149,186 are graphic or of format, 65 control.
	if want := 149_186 + 65 + 137_468 + 2048; count != want {
		t.Errorf("%d code points are assigned, want %d", count, want)
	}
	for r, want := range map[uint32]bool{
		0: true, 0x377: true, 0x378: false, 0xd800: true, 0xe000: true, 0xf8ff: true, 0xfdd0: false, 0xffff: false, 0x1fffe: false,
		0x31ef: false, 0x10efb: false, 0x1ccdb: false, 0xe01ef: true, 0xe01f0: false, 0x10fffd: true, 0x10ffff: false,
	} {
		if set.has(r) != want {
			t.Errorf("U+%04X is assigned: %v", r, !want)
		}
	}
	for _, bad := range []string{"x\n", "1-\n", "-1\n", "2-1\n", "1\n1\n", "1-3\n3\n", "110000\n", "-\n", "\n", "1-2-3\n"} {
		if _, err := parseRanges(bad); err == nil {
			t.Errorf("the ranges %q are taken", bad)
		}
	}
}

// White space is that of 15.0 too.
func TestSpaceIsPinned(t *testing.T) {
	count := 0
	for r := range rune(unicode.MaxRune + 1) {
		if isSpace(r) {
			count++
		}
		if unicode.Version == "15.0.0" && isSpace(r) != unicode.Is(unicode.White_Space, r) {
			t.Errorf("U+%04X is white space: %v", r, isSpace(r))
		}
	}
	if count != 25 {
		t.Errorf("%d characters are white space", count)
	}
}

// in15 is a normal form by the words of the spec: what 15.0 assigns by the
// library, piece for piece, the rest as it stands.
func in15(form norm.Form, text string) string {
	var out strings.Builder
	for text != "" {
		n := strings.IndexFunc(text, func(r rune) bool { return !assigned().has(uint32(r)) })
		if n < 0 {
			return out.String() + form.String(text)
		}
		_, size := utf8.DecodeRuneInString(text[n:])
		out.WriteString(form.String(text[:n]) + text[n:n+size])
		text = text[n+size:]
	}
	return out.String()
}

// randomText is of characters that normal forms do something to, of such as 15.0
// does not assign, and of any others.
func randomText(r *rand.Rand, size int) string {
	marked := []rune("ae\u0301\u0323\u0308\u0344\u00e9\u1100\u1161\u11a8\uac00\uff9e\u3099\u304b\u09c7\u09be\ufdfa\ufb01\u034f\u0f73\u2126\U0001d15e" +
		"\U0001ccdb\U000105d2\u1ad5\U00010efb\U00016d67\U00016d63\U000113c2\u0378\uffff\U0010ffff")
	var b strings.Builder
	for b.Len() < size {
		c := marked[r.IntN(len(marked))]
		if r.IntN(4) == 0 {
			c = r.Int32N(unicode.MaxRune + 1)
		}
		if c != '\ufeff' && utf8.ValidRune(c) {
			b.WriteRune(c)
		}
	}
	return b.String()
}

// writtenForm is what writeNormalForm writes.
func writtenForm(t *testing.T, form normalForm, text string) string {
	t.Helper()
	var out bytes.Buffer
	if err := writeNormalForm(&out, form, []byte(text)); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// For tables of 15.0 the splitting changes nothing, and for none what 15.0 assigns.
func TestNormalFormIsTheLibrarys(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 0))
	for i := range 1000 {
		text := randomText(r, 1+r.IntN(300)+i%100/99*20_000)
		for _, form := range []norm.Form{norm.NFC, norm.NFKC} {
			got := writtenForm(t, form, text)
			if want := in15(form, text); got != want {
				t.Fatalf("form %d of %+.200q is %+.200q, want %+.200q", form, text, got, want)
			}
			if norm.Version == "15.0.0" && got != form.String(text) {
				t.Fatalf("form %d of %+.200q is %+.200q, the library's %+.200q", form, text, got, form.String(text))
			}
			known := strings.Map(func(c rune) rune {
				if assigned().has(uint32(c)) {
					return c
				}
				return -1
			}, text)
			if got := writtenForm(t, form, known); got != form.String(known) {
				t.Fatalf("form %d of %+.200q is not the library's", form, known)
			}
		}
	}
}

// A laterForm is a library to come: it joins, orders and takes apart characters
// that 15.0 does not assign, and tells when it is given one.
type laterForm struct {
	norm.Form
	given int
}

func (l *laterForm) Transform(dst, src []byte, atEOF bool) (int, int, error) {
	l.given += strings.Count(strings.Map(func(r rune) rune {
		if assigned().has(uint32(r)) {
			return -1
		}
		return '!'
	}, string(src)), "!")
	made := strings.NewReplacer("\u0378\u0301", "\u0379", "\U0010ffff", "xyz", "e\U00010efb", "\U00010efbe").Replace(string(src))
	if made == string(src) || len(dst) < 20*len(made) {
		return l.Form.Transform(dst, src, atEOF)
	}
	n, _, err := l.Form.Transform(dst, []byte(made), atEOF)
	return n, len(src), err
}

func TestLaterLibraryChangesNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 1))
	for range 500 {
		text := randomText(r, 1+r.IntN(300)) + "\u0378\u0301\U0010ffffe\U00010efb"
		for _, form := range []norm.Form{norm.NFC, norm.NFKC} {
			later := &laterForm{Form: form}
			if norm.Version == "15.0.0" {
				room := make([]byte, 1<<20)
				if n, _, _ := later.Transform(room, []byte(text), true); string(room[:n]) == form.String(text) {
					t.Fatal("the later library makes no difference")
				}
				later.given = 0
			}
			if got := writtenForm(t, later, text); got != in15(form, text) || later.given > 0 {
				t.Fatalf("form %d of %+q is %+q; the library saw %d of the rest", form, text, got, later.given)
			}
		}
	}
}

// Code points between combining characters and beside themselves, as 15.0 has it.
// Values that change have broken commitments.
func TestUnicodeIsPinned(t *testing.T) {
	var text []byte
	for r := range rune(unicode.MaxRune + 1) {
		// Planes 4 to 13 have nothing in 15.0, 15 and 16 nothing but private use.
		alike := r >= 0x40000 && r>>16 != 0xe
		if utf8.ValidRune(r) && r != '\ufeff' && (!alike || r%997 == 0) {
			text = append(utf8.AppendRune(append(text, "a\u0323"...), r), "\u0301\n\u1100"...)
			text = append(utf8.AppendRune(utf8.AppendRune(text, r), r), "\u1161\n"...)
		}
	}
	for profile, want := range map[string]string{
		"text-1":       "081a4e97e7d180ffc9e65ec21ade62b7674c675a264b8d02d1e18b091d31918f",
		"text-match-1": "0a3bef7f96b720dc2423154b5a010be38da0a00ce0ad400e908fd221fdfe31c2",
	} {
		sum := sha256.New()
		if err := Normalise(sum, profile, bytes.NewReader(text), int64(len(text))); err != nil {
			t.Fatal(err)
		}
		if got := hex.EncodeToString(sum.Sum(nil)); got != want {
			t.Errorf("%s of every code point is %s", profile, got)
		}
	}
	for in, want := range map[string]string{ // of Unicode 16 and 17
		"\U0001CCDB": "\U0001CCDB", "\U000105D2\u0307": "\U000105D2\u0307", "\u1ad5\u0323": "\u1ad5\u0323",
		"a\u0323\U00010EFB\u0301": "\u1ea1\U00010EFB\u0301", "\U00016D67\U00016D67": "\U00016D67\U00016D67",
	} {
		for _, profile := range []string{"text-1", "text-match-1"} {
			if got := normal(t, profile, in); got != want {
				t.Errorf("%s of %+q is %+q, want %+q", profile, in, got, want)
			}
		}
	}
}

// What the library counts for the limit on combining characters is as in 15.0,
// of all that 15.0 assigns, and what it does not assign parts such characters.
func TestUnicodeCountsArePinned(t *testing.T) {
	sum := sha256.New()
	for r := range rune(unicode.MaxRune + 1) {
		if !utf8.ValidRune(r) || !assigned().has(uint32(r)) {
			continue
		}
		for _, form := range []norm.Form{norm.NFC, norm.NFKC} {
			p := form.PropertiesString(string(r))
			fmt.Fprintf(sum, "%x %d %d %t %x\n", r, p.CCC(), p.TrailCCC(), p.BoundaryBefore(), p.Decomposition())
		}
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != "1f6a02962608e9d6e60f1f5f3a93992c357f93a73ec8c161f7f250f9d04cfc2d" {
		t.Errorf("the library's classes of what Unicode 15.0 assigns are others: %s", got)
	}
	marks := strings.Repeat("\u0301", 30)
	for _, unknown := range []string{"\u1ad5", "\U00010efb", "\U000113c2", "\U00016d67", "\u0378"} { // the first four combine in 16 or 17
		normal(t, "text-1", "a"+marks+unknown+marks+strings.Repeat(unknown, 100))
	}
}

// The limit holds wherever in a text the characters stand: also where the room
// that their form is written to ends.
func TestCombiningLimitAtAnyPlace(t *testing.T) {
	for _, mark := range []string{"\u0301", "\u0301\u0323"} {
		marks := strings.Repeat(mark, 30/(len(mark)/2))
		for before := 8<<10 - 200; before < 8<<10+20; before++ {
			text := strings.Repeat("b", before) + "a" + marks
			if got := normal(t, "text-1", text); got != norm.NFC.String(text) {
				t.Fatalf("text-1 of 30 characters behind %d bytes is not the library's", before)
			}
			text += "\u0301"
			_, err := PublicCommitment("text-1", strings.NewReader(text), int64(len(text)))
			wantFileError(t, err, Unsupported, "30 combining")
		}
	}
}

func FuzzNormalForm(f *testing.F) {
	f.Add("a\u0301\u0323\U00010efb\u0301", false)
	f.Add("\u0378\ufdfa\u0344", true)
	f.Add(strings.Repeat("\u0301", 31)+"\uffff\u0301", true)
	f.Fuzz(func(t *testing.T, text string, compatible bool) {
		form := norm.NFC
		if compatible {
			form = norm.NFKC
		}
		if text = strings.ToValidUTF8(text, "?"); writtenForm(t, form, text) != in15(form, text) {
			t.Fatalf("form %d of %+q is %+q, want %+q", form, text, writtenForm(t, form, text), in15(form, text))
		}
	})
}

func BenchmarkText(b *testing.B) {
	for name, text := range map[string]string{
		"ASCII": "The quick brown fox jumps over the lazy dog.\n", "CJK": "我能吞下玻璃而不伤身体。敏捷的棕色狐狸。\n",
		"Vietnamese": "Tie\u0302\u0301ng Việt có dấu\n", "unassigned": "\u0378\u0344",
	} {
		file := strings.Repeat(text, 4<<20/len(text))
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(file)))
			for b.Loop() {
				if err := Normalise(io.Discard, "text-1", strings.NewReader(file), int64(len(file))); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
