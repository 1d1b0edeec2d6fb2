package label

import (
	"bytes"
	"io"
	"unicode/utf8"
)

// joiner is U+034F, the combining grapheme joiner.
const joiner = "\u034f"

// A joinerCounter counts the joiners in the UTF-8 that goes through it.
type joinerCounter struct {
	dst     io.Writer
	joiners int
	last    byte // of what was written before
}

func (c *joinerCounter) Write(p []byte) (int, error) {
	if len(p) > 0 {
		if c.last == joiner[0] && p[0] == joiner[1] {
			c.joiners++
		}
		c.joiners += bytes.Count(p, []byte(joiner))
		c.last = p[len(p)-1]
	}
	return c.dst.Write(p)
}

// A spaceFolder makes each run of white space one space, and leaves out those at
// the ends.
type spaceFolder struct {
	dst      io.Writer
	gap      bool   // white space was met since the last character
	begun    bool   // a character was written
	cut, out []byte // the beginning of a character; room that is used again
}

func (s *spaceFolder) Write(p []byte) (int, error) {
	text := p
	if len(s.cut) > 0 {
		text = append(s.cut, p...)
	}
	s.out = s.out[:0]
	for utf8.FullRune(text) {
		r, n := utf8.DecodeRune(text)
		if isSpace(r) {
			s.gap = true
		} else {
			if s.gap && s.begun {
				s.out = append(s.out, ' ')
			}
			s.gap, s.begun = false, true
			s.out = append(s.out, text[:n]...)
		}
		text = text[n:]
	}
	s.cut = append([]byte(nil), text...)
	if _, err := s.dst.Write(s.out); err != nil {
		return 0, err
	}
	return len(p), nil
}

// isSpace tells the characters that have White_Space in Unicode 15.0: a later
// version may give it to others. SPEC(LBL-20)
func isSpace(r rune) bool {
	switch r {
	case ' ', '\t', '\n', '\v', '\f', '\r', 0x85, 0xa0, 0x1680, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000:
		return true
	}
	return r >= 0x2000 && r <= 0x200a
}
