package label

import (
	"bytes"
	"encoding/binary"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// The functions below make N from the words of spec/label.md alone, of sound
// files: with no parser of this package, and none of its checks.

// wordsOfPNG is png-1: the signature and each chunk but for XMP and caBX.
func wordsOfPNG(b []byte) string {
	out := string(b[:8])
	for b = b[8:]; len(b) > 0; {
		n := 12 + binary.BigEndian.Uint32(b)
		chunk := string(b[:n])
		if kind := chunk[4:8]; kind != "caBX" && !(kind == "iTXt" && strings.HasPrefix(chunk[8:], "XML:com.adobe.xmp\x00")) {
			out += chunk
		}
		b = b[n:]
	}
	return out
}

// wordsOfJPEG is jpeg-1: the whole file but for XMP and the manifest store. It
// cuts the file before each marker that a segment can have.
func wordsOfJPEG(b []byte) string {
	out, rest := string(b[:2]), string(b[2:])
	stores := map[string]bool{}
	for {
		fill := fillOf(rest)
		marker := rest[fill]
		if marker == 0xd9 {
			return out + rest
		}
		if marker == 0x01 {
			out, rest = out+rest[:fill+1], rest[fill+1:]
			continue
		}
		end := fill + 1 + int(rest[fill+1])<<8 + int(rest[fill+2])
		body := rest[fill+3 : end]
		left := false
		switch {
		case marker == 0xe1:
			left = strings.HasPrefix(body, "http://ns.adobe.com/xap/1.0/\x00") || strings.HasPrefix(body, "http://ns.adobe.com/xmp/extension/\x00")
		case marker == 0xeb && strings.HasPrefix(body, "JP") && len(body) >= 16 && body[12:16] == "jumb":
			within := body[16:]
			if body[8:12] == "\x00\x00\x00\x01" {
				within = within[8:]
			}
			if body[4:8] == "\x00\x00\x00\x01" {
				stores[body[2:4]] = len(within) >= 12 && within[4:12] == "jumdc2pa"
			}
			left = stores[body[2:4]]
		}
		if !left {
			out += rest[:end]
		}
		rest = rest[end:]
		if marker == 0xda {
			data := endOfData(rest)
			out, rest = out+rest[:data], rest[data:]
		}
	}
}

// fillOf counts the bytes FF that s begins with.
func fillOf(s string) int {
	n := 0
	for s[n] == 0xff {
		n++
	}
	return n
}

// endOfData is where entropy-coded data ends: at the first marker that it cannot
// hold, with the fill bytes before it.
func endOfData(s string) int {
	for i := 0; ; i++ {
		if s[i] != 0xff {
			continue
		}
		marker := s[i+fillOf(s[i:])]
		if marker != 0 && (marker < 0xd0 || marker > 0xd7) {
			return i
		}
	}
}

// spelt is a run of C2PA's selectors, of which each text here has at most one.
var spelt = regexp.MustCompile("\ufeff\U000E0133\U000E0122\U000E0140\U000E0131\U000E0144\U000E0148\U000E0144\ufe00\ufe01[\ufe00-\ufe0f\U000E0100-\U000E01EF]*")

// wordsOfText is text-1.
func wordsOfText(b []byte) string {
	s := strings.ReplaceAll(spelt.ReplaceAllString(string(b), ""), "\ufeff", "")
	return norm.NFC.String(strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n"))
}

// wordsOfMatch is text-match-1.
func wordsOfMatch(b []byte) string {
	s := regexp.MustCompile("[\u200b-\u200d\u2060\ufe00-\ufe0f\U000E0100-\U000E01EF]").ReplaceAllString(wordsOfText(b), "")
	return strings.Join(strings.FieldsFunc(norm.NFKC.String(s), func(r rune) bool { return unicode.Is(unicode.White_Space, r) }), " ")
}

var (
	frontMatterWords = regexp.MustCompile(`(?s)^(\x{FEFF}?---\r?\n)(.*?)((?:---|\.\.\.)(?:\r?\n|$))`)
	keyWords         = regexp.MustCompile(`^["']?([A-Za-z]+)["']?:`)
	blankWords       = regexp.MustCompile(`^([ \t\r\n]*|#.*\r?\n)$`)
)

// wordsOfMarkdown is markdown-1 of a front matter whose keys stand at the margin,
// bare or quoted.
func wordsOfMarkdown(b []byte) string {
	front := frontMatterWords.FindSubmatchIndex(b)
	if front == nil {
		return wordsOfText(b)
	}
	kept, held, out := "", "", false
	lines := strings.SplitAfter(string(b[front[4]:front[5]]), "\n")
	for _, line := range lines {
		key := keyWords.FindStringSubmatch(line)
		switch {
		case key != nil:
			kept, held = kept+held, ""
			if out = key[1] == "AIGC" || key[1] == "DigitalSourceType"; !out {
				kept += line
			}
		case !out:
			kept += line
		case blankWords.MatchString(line): // stays if it is the last
			held += line
		default:
			held = ""
		}
	}
	kept += held
	opened, closed, rest := string(b[front[2]:front[3]]), string(b[front[6]:front[7]]), string(b[front[1]:])
	if kept == "" && !frontMatterWords.MatchString(rest) {
		return wordsOfText([]byte(rest))
	}
	return wordsOfText([]byte(opened + kept + closed + rest))
}

var words = map[string]func([]byte) string{
	"png-1": wordsOfPNG, "jpeg-1": wordsOfJPEG, "text-1": wordsOfText, "text-match-1": wordsOfMatch, "markdown-1": wordsOfMarkdown,
}

// The words of the spec and this package make the same of each frozen file, and
// of each with a label.
func TestProfilesByTheirWords(t *testing.T) {
	for _, c := range frozen(t) {
		word, ok := words[c.profile]
		if !ok {
			continue
		}
		files := [][]byte{c.file}
		if f := c.format(); f != "" && f != Text {
			m := someMarks()
			m.BreakManifest = true
			files = append(files, writeTo(t, f, c.file, m))
		}
		for i, file := range files {
			if got, want := normal(t, c.profile, string(file)), word(file); got != want {
				t.Errorf("%s (%d): %q, by the words %q", c.name, i, got, want)
			}
		}
	}
}

// What the limit on combining characters counts.
func TestTextCombiningLimit(t *testing.T) {
	run := func(s string) string { return strings.Repeat(s, 30) }
	for _, text := range []string{run("\u0301"), "a" + run("\u0301"), "\u1100" + run("\u1161"), run("\uff9e"), run("\u0301") + "b" + run("\u0323")} {
		normal(t, "text-1", text)
		for _, long := range []string{text + "\u0301", "\u0301" + text} {
			if long == "\u0301a"+run("\u0301") || long == "\u0301\u1100"+run("\u1161") {
				continue // a starter parts them
			}
			_, err := PublicCommitment("text-1", strings.NewReader(long), int64(len(long)))
			wantFileError(t, err, Unsupported, "30 combining")
		}
	}
	long := "\u00e9" + run("\u0301") // é ends in one that combines
	_, err := PublicCommitment("text-1", bytes.NewReader([]byte(long)), int64(len(long)))
	wantFileError(t, err, Unsupported, "30 combining")
}
