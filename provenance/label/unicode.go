package label

import (
	"cmp"
	_ "embed"
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// assignedText holds the code points that Unicode 15.0 assigns, private use and
// surrogates with them: ranges in hexadecimal, one on a line, ascending. A test
// holds it to its SHA-256, for commitments rest on it.
//
//go:generate go test -run ^TestUnicodeTable$ . -write-table
//go:embed unicode_15.0.txt
var assignedText string

// assigned is assignedText, read once and never changed after.
var assigned = sync.OnceValue(func() *codePoints {
	set, err := parseRanges(assignedText)
	if err != nil {
		panic("the embedded unicode_15.0.txt: " + err.Error())
	}
	return set
})

// codePoints is a set of code points, a bit for each (136 KiB), and no table of
// ranges: it is asked for every character of a text, and a bit needs no search.
type codePoints [(unicode.MaxRune + 1) / 64]uint64

func (s *codePoints) add(r uint32) { s[r/64] |= 1 << (r % 64) }

func (s *codePoints) has(r uint32) bool { return s[r/64]>>(r%64)&1 != 0 }

// parseRanges reads lines of one code point or of the first and last of a range.
func parseRanges(text string) (*codePoints, error) {
	set, next := new(codePoints), uint64(0)
	for line := range strings.Lines(text) {
		from, to, isRange := strings.Cut(strings.TrimSuffix(line, "\n"), "-")
		if !isRange {
			to = from
		}
		first, err := strconv.ParseUint(from, 16, 32)
		if err != nil {
			return nil, err
		}
		last, err := strconv.ParseUint(to, 16, 32)
		if err != nil {
			return nil, err
		}
		if first < next || last < first || last > unicode.MaxRune {
			return nil, fmt.Errorf("the line %q is out of order", line)
		}
		for r := first; r <= last; r++ {
			set.add(uint32(r))
		}
		next = last + 1
	}
	return set, nil
}

// span returns how many of the first bytes of b, which is UTF-8, are characters
// of the set, or with in false such as are not. It has its own way through what
// most texts are of: eight characters of ASCII, all of which are in the set, and
// one of three bytes.
func (s *codePoints) span(b []byte, in bool) int {
	for i := 0; i < len(b); {
		c, r, n := b[i], rune(0), 3
		switch {
		case c < utf8.RuneSelf && in:
			for i++; i+8 <= len(b) && binary.LittleEndian.Uint64(b[i:])&0x8080808080808080 == 0; {
				i += 8
			}
			continue
		case c>>4 == 0xe && i+2 < len(b):
			r = rune(c&0xf)<<12 | rune(b[i+1]&0x3f)<<6 | rune(b[i+2]&0x3f)
		default:
			r, n = utf8.DecodeRune(b[i:])
		}
		if s.has(uint32(r)) != in {
			return i
		}
		i += n
	}
	return len(b)
}

// A normalForm is one of package norm's: it writes what becomes of src to dst,
// and returns an error and how far it came where dst is too short.
type normalForm interface {
	Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error)
}

// writeNormalForm writes the normal form that b has in Unicode 15.0, with a
// library of that version or of a later one. What 15.0 assigns has the same form
// in all later versions (UAX #15, section 3); the rest, which a later one may
// order, take apart or join, is kept from the library. In 15.0 such a code point
// is of class 0, has no decomposition and stands in none: nothing moves across it
// or joins with it, so what stands on either side of it has its form by itself
// (UAX #15, section 9.1, on stable code points). SPEC(LBL-20)
func writeNormalForm(dst io.Writer, form normalForm, b []byte) error {
	set, room := assigned(), make([]byte, 8<<10)
	for len(b) > 0 {
		known := set.span(b, true)
		if err := writeForm(dst, form, b[:known], room); err != nil {
			return err
		}
		b = b[known:]
		unknown := set.span(b, false)
		if _, err := dst.Write(b[:unknown]); err != nil {
			return err
		}
		b = b[unknown:]
	}
	return nil
}

// writeForm writes the library's form of b by way of room: a character may become
// eleven, so the result is never held whole.
func writeForm(dst io.Writer, form normalForm, b, room []byte) error {
	for len(b) > 0 {
		n, taken, err := form.Transform(room, b, true)
		if taken == 0 { // else an error says that room was too short
			return cmp.Or(err, io.ErrNoProgress)
		}
		if _, err := dst.Write(room[:n]); err != nil {
			return err
		}
		b = b[taken:]
	}
	return nil
}
