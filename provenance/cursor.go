package provenance

import (
	"fmt"
	"unicode/utf8"
)

// CBOR major types (RFC 8949 section 3.1).
const (
	majorUint  = 0
	majorNeg   = 1
	majorBytes = 2
	majorText  = 3
	majorArray = 4
	majorMap   = 5
	majorTag   = 6
	majorOther = 7
)

// A cursor walks one canonical CBOR item without allocating. Every method
// leaves off behind what it read; each enforces the rules of spec/encoding.md
// that concern what it reads, so that whatever a cursor walks to its end has
// exactly one encoding: the one that was read.
type cursor struct {
	b     []byte
	off   int
	depth int // arrays and maps that are open around off
	rules int // the rule version whose grammar holds, 0 where none has a part
	keys  int // COSE_Keys read so far
}

func (c *cursor) errorAt(off int, code Code, format string, args ...any) error {
	return &Error{Code: code, Offset: off, Detail: fmt.Sprintf(format, args...)}
}

// head reads one head: its major type and argument. For majorOther the
// argument is the simple value, which is false (20) or true (21).
func (c *cursor) head() (major byte, arg uint64, err error) {
	start := c.off
	if start >= len(c.b) {
		// SPEC(ENC-13): the item is whole.
		return 0, 0, c.errorAt(start, CodeTruncated, "the item ends here; more bytes are needed")
	}
	major, info := c.b[start]>>5, c.b[start]&0x1f
	if info < 24 && major < majorTag { // nothing else to check
		c.off++
		return major, uint64(info), nil
	}
	if err := c.headAllowed(major, info); err != nil {
		return 0, 0, err
	}
	if info < 24 {
		c.off++
		return major, uint64(info), nil
	}
	width := 1 << (info - 24)
	if len(c.b)-start-1 < width {
		return 0, 0, c.errorAt(start, CodeTruncated, "a head of %d bytes is cut short", 1+width)
	}
	for _, x := range c.b[start+1 : start+1+width] {
		arg = arg<<8 | uint64(x)
	}
	// SPEC(ENC-1): the argument is in its shortest form.
	if arg < 24 || (width > 1 && arg>>(4*width) == 0) {
		return 0, 0, c.errorAt(start, CodeNonMinimal, "%d is written in %d bytes, it has a shorter form", arg, width)
	}
	// SPEC(ENC-9): integers are those of int64. A length beyond is just too long: truncated.
	if arg > 1<<63-1 && major <= majorNeg {
		return 0, 0, c.errorAt(start, CodeIntegerRange, "the integer is beyond 64 bits, signed")
	}
	c.off = start + 1 + width
	return major, arg, nil
}

// headAllowed refuses what no item of the format begins with.
func (c *cursor) headAllowed(major, info byte) error {
	switch {
	case major == majorOther && info >= 25 && info <= 27:
		// SPEC(ENC-5)
		return c.errorAt(c.off, CodeFloat, "floating-point numbers are not part of the format; use an integer in a smaller unit")
	case info >= 28 && info <= 30:
		// SPEC(ENC-15)
		return c.errorAt(c.off, CodeMalformed, "additional information %d is reserved", info)
	case info == 31:
		// SPEC(ENC-2)
		return c.errorAt(c.off, CodeIndefinite, "lengths are definite")
	case major == majorTag:
		// SPEC(ENC-6)
		return c.errorAt(c.off, CodeTag, "tags are not part of the format")
	case major == majorOther && info != 20 && info != 21:
		// SPEC(ENC-7)
		return c.errorAt(c.off, CodeSimple, "of the simple values only false and true are part of the format")
	}
	return nil
}

// expect reads a head that must be of the given major type. SPEC(ENC-37)
func (c *cursor) expect(major byte) (uint64, error) {
	start := c.off
	got, arg, err := c.head()
	if err != nil {
		return 0, err
	}
	if got != major {
		return 0, c.errorAt(start, CodeType, "found %s, wanted %s", majorName(got), majorName(major))
	}
	return arg, nil
}

// integer reads an integer of int64.
func (c *cursor) integer() (int64, error) {
	start := c.off
	major, arg, err := c.head()
	switch {
	case err != nil:
		return 0, err
	case major == majorUint:
		return int64(arg), nil
	case major == majorNeg:
		return -1 - int64(arg), nil
	}
	return 0, c.errorAt(start, CodeType, "found %s, wanted an integer", majorName(major))
}

// boolean reads true or false.
func (c *cursor) boolean() (bool, error) {
	start := c.off
	major, simple, err := c.head()
	if err == nil && major != majorOther {
		err = c.errorAt(start, CodeType, "found %s, wanted true or false", majorName(major))
	}
	return simple == 21, err
}

// bytes reads a byte string; the result aliases the input.
func (c *cursor) bytes() ([]byte, error) { return c.stringOf(majorBytes) }

// text reads a text string of valid UTF-8; the result aliases the input.
func (c *cursor) text() ([]byte, error) {
	start := c.off
	s, err := c.stringOf(majorText)
	if err == nil && !utf8.Valid(s) {
		// SPEC(ENC-8)
		return nil, c.errorAt(start, CodeUTF8, "the text is not valid UTF-8")
	}
	return s, err
}

func (c *cursor) stringOf(major byte) ([]byte, error) {
	start := c.off
	n, err := c.expect(major)
	if err != nil {
		return nil, err
	}
	if n > uint64(len(c.b)-c.off) {
		return nil, c.errorAt(start, CodeTruncated, "a string of %d bytes, of which %d are there", n, len(c.b)-c.off)
	}
	s := c.b[c.off : c.off+int(n)]
	c.off += int(n)
	return s, nil
}

// open reads the head of an array or map and goes one level down; close
// goes up again. It returns the number of elements, or of pairs.
func (c *cursor) open(major byte) (int, error) {
	start := c.off
	n, err := c.expect(major)
	if err != nil {
		return 0, err
	}
	each := uint64(1)
	if major == majorMap {
		each = 2
	}
	// SPEC(ENC-13): each element takes at least a byte.
	if n > uint64(len(c.b)-c.off)/each {
		return 0, c.errorAt(start, CodeTruncated, "%s of %d elements, and only %d bytes left", majorName(major), n, len(c.b)-c.off)
	}
	// SPEC(ENC-11)
	if c.depth++; c.depth > MaxDepth {
		return 0, c.errorAt(start, CodeDepth, "nested deeper than %d", MaxDepth)
	}
	return int(n), nil
}

func (c *cursor) close() { c.depth-- }

// end checks that nothing follows.
func (c *cursor) end() error {
	// SPEC(ENC-12)
	if c.off != len(c.b) {
		return c.errorAt(c.off, CodeTrailingBytes, "%d bytes follow the item", len(c.b)-c.off)
	}
	return nil
}

// mapKey reads the next key of a map of the format. prev is the key before,
// -1 for the first.
func (c *cursor) mapKey(prev int64) (int64, error) {
	start := c.off
	major, arg, err := c.head()
	if err != nil {
		return 0, err
	}
	key := int64(arg)
	switch {
	case major != majorUint && major != majorNeg:
		// SPEC(ENC-10)
		return 0, c.errorAt(start, CodeKeyType, "a map key is %s, keys are integers", majorName(major))
	case major == majorNeg || key > maxKey:
		// SPEC(ENC-20)
		if major == majorNeg {
			key = -1 - key
		}
		return 0, c.errorAt(start, CodeUnknownCritical, "key %d is outside 0 to %d, which nobody assigns", key, maxKey)
	case key == prev:
		// SPEC(ENC-4)
		return 0, c.errorAt(start, CodeDuplicateKey, "key %d stands twice", key)
	case key < prev:
		// SPEC(ENC-3)
		return 0, c.errorAt(start, CodeUnsortedKeys, "key %d stands behind key %d", key, prev)
	}
	return key, nil
}

// skip walks any one item that the encoding allows: a value under a kept key.
func (c *cursor) skip() error {
	if c.off >= len(c.b) {
		_, _, err := c.head()
		return err
	}
	switch c.b[c.off] >> 5 {
	case majorBytes:
		_, err := c.bytes()
		return err
	case majorText:
		_, err := c.text()
		return err
	case majorArray:
		return c.each(func(int) error { return c.skip() })
	case majorMap:
		return c.pairs(func(int64) error { return c.skip() })
	}
	_, _, err := c.head()
	return err
}

// pass goes behind one item that was accepted before: it looks at lengths alone,
// and refuses only what has no end in the bytes that are there.
func (c *cursor) pass() error {
	start := c.off
	for left := uint64(1); left > 0; left-- {
		major, arg, err := c.head()
		if err != nil {
			return err
		}
		room := uint64(len(c.b) - c.off)
		if major >= majorBytes && major <= majorMap && arg > room {
			// SPEC(ENC-13)
			return c.errorAt(start, CodeTruncated, "the item ends behind the bytes that are there")
		}
		switch major {
		case majorBytes, majorText:
			c.off += int(arg)
		case majorArray:
			left += arg
		case majorMap:
			left += 2 * arg
		}
	}
	return nil
}

// each walks an array and calls f before each element, with its index.
func (c *cursor) each(f func(i int) error) error {
	n, err := c.open(majorArray)
	if err != nil {
		return err
	}
	for i := range n {
		if err := f(i); err != nil {
			return within(fmt.Sprintf("[%d]", i), err)
		}
	}
	c.close()
	return nil
}

// pairs walks a map and calls f behind each key.
func (c *cursor) pairs(f func(key int64) error) error {
	n, err := c.open(majorMap)
	if err != nil {
		return err
	}
	key := int64(-1)
	for range n {
		if key, err = c.mapKey(key); err != nil {
			return err
		}
		if err := f(key); err != nil {
			return err
		}
	}
	c.close()
	return nil
}

func majorName(major byte) string {
	return [...]string{"an integer", "a negative integer", "a byte string", "a text", "an array", "a map", "a tag", "a simple value"}[major]
}
