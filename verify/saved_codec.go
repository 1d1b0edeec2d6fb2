package verify

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"

	"tokentrail/provenance"
)

// A codec writes a saved audit or reads one, by the same walk over its fields, so
// that what is written is what is read: canonical CBOR of integers, strings and
// arrays. After the first error it does nothing. One goroutine owns it.
type codec struct {
	w    *bufio.Writer // nil: it reads
	r    *bufio.Reader // nil: it writes
	sum  hash.Hash     // of all bytes so far
	left int64         // bytes that may still be read
	err  error
}

// majorNegative is a CBOR major type beside those that answers are made of.
const majorNegative = 1

// errDamaged is wrong with whatever is not what a codec wrote.
var errDamaged = errors.New("damaged")

func newEncoder(w io.Writer) *codec { return &codec{w: bufio.NewWriter(w), sum: sha256.New()} }

func newDecoder(r io.Reader) *codec {
	return &codec{r: bufio.NewReader(r), sum: sha256.New(), left: maxSaved}
}

func (c *codec) reads() bool { return c.r != nil }

func (c *codec) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("%w: %s", errDamaged, fmt.Sprintf(format, args...))
	}
}

// put writes bytes.
func (c *codec) put(b []byte) {
	if c.err == nil {
		c.sum.Write(b) // never fails
		_, c.err = c.w.Write(b)
	}
}

// take reads bytes into b.
func (c *codec) take(b []byte) {
	if c.err != nil {
		return
	}
	if c.left -= int64(len(b)); c.left < 0 {
		c.fail("more than %d bytes", int64(maxSaved))
		return
	}
	if _, err := io.ReadFull(c.r, b); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			c.fail("it ends too early")
			return
		}
		c.err = err
		return
	}
	c.sum.Write(b)
}

// head writes or reads the head of an item.
func (c *codec) head(major byte, arg *uint64) {
	if got := c.eitherHead(major, arg); c.err == nil && got != major {
		c.fail("an item of CBOR major type %d, wanted %d", got, major)
	}
}

// eitherHead writes a head with the major type, or reads one of any.
func (c *codec) eitherHead(major byte, arg *uint64) byte {
	if !c.reads() {
		c.put(provenance.AppendHead(nil, major, *arg))
		return major
	}
	var b [9]byte
	c.take(b[:1])
	info := b[0] & 31
	*arg = uint64(info)
	if info >= 24 {
		if info > 27 {
			c.fail("an indefinite or reserved length")
			return 0
		}
		width := 1 << (info - 24)
		c.take(b[1 : 1+width])
		var wide [8]byte
		copy(wide[8-width:], b[1:1+width])
		// SPEC(ENC-1): the argument is in its shortest form.
		if *arg = binary.BigEndian.Uint64(wide[:]); *arg < 24 || width > 1 && *arg>>(4*width) == 0 {
			c.fail("an integer that is not in its shortest form")
		}
	}
	if c.err != nil {
		*arg = 0
	}
	return b[0] >> 5
}

// integer is any int64.
func (c *codec) integer(v *int64) {
	major, arg := byte(majorUint), uint64(*v)
	if *v < 0 {
		major, arg = majorNegative, uint64(-1-*v)
	}
	got := c.eitherHead(major, &arg)
	if c.err == nil && (got > majorNegative || arg > 1<<63-1) {
		c.fail("an item of CBOR major type %d, or beyond 64 bits, wanted an integer", got)
	}
	if !c.reads() {
		return
	}
	if *v = int64(arg); got == majorNegative {
		*v = -1 - int64(arg)
	}
	if c.err != nil {
		*v = 0
	}
}

// natural is an integer from 0 on.
func (c *codec) natural(v *int64) {
	if c.integer(v); c.err == nil && *v < 0 {
		c.fail("%d, wanted 0 or more", *v)
	}
}

func (c *codec) boolean(v *bool) {
	n := int64(0)
	if *v {
		n = 1
	}
	if c.integer(&n); c.err == nil && (n < 0 || n > 1) {
		c.fail("%d, wanted 0 or 1", n)
	}
	*v = n == 1
}

// bytes is a byte string of at most so many bytes.
func (c *codec) bytes(v *[]byte, most int) { c.str(majorBytes, v, most) }

func (c *codec) text(v *string, most int) {
	b := []byte(*v)
	c.str(majorText, &b, most)
	*v = string(b)
}

func (c *codec) str(major byte, v *[]byte, most int) {
	n := uint64(len(*v))
	c.head(major, &n)
	if c.err == nil && n > uint64(most) {
		c.fail("a string of %d bytes, at most %d are kept", n, most)
	}
	if !c.reads() {
		c.put(*v)
		return
	}
	*v = nil
	if c.err == nil {
		*v = make([]byte, n)
		c.take(*v)
	}
}

func (c *codec) hash(v *provenance.Hash) {
	n := uint64(len(v))
	c.head(majorBytes, &n)
	if c.err == nil && n != uint64(len(v)) {
		c.fail("a hash of %d bytes", n)
	}
	if c.reads() {
		c.take(v[:])
		return
	}
	c.put(v[:])
}

func (c *codec) sum128(v *provenance.Sum) {
	s := v.String()
	c.text(&s, 48)
	if !c.reads() || c.err != nil {
		return
	}
	var err error
	if *v, err = provenance.ParseSum(s); err != nil {
		c.fail("%v", err)
	}
}

// tuple is the head of an array of exactly n.
func (c *codec) tuple(n int) {
	arg := uint64(n)
	if c.head(majorArray, &arg); c.err == nil && arg != uint64(n) {
		c.fail("an array of %d, wanted %d", arg, n)
	}
}

// length is the head of an array of at most so many.
func (c *codec) length(n, most int) int {
	arg := uint64(n)
	if c.head(majorArray, &arg); c.err == nil && arg > uint64(most) {
		c.fail("an array of %d, at most %d are kept", arg, most)
	}
	if c.err != nil {
		return 0
	}
	return int(arg)
}

// list is an array. What is read grows with what is there: a length alone takes no
// memory.
func list[T any](c *codec, of *[]T, most int, each func(*T)) {
	n := c.length(len(*of), most)
	if c.reads() {
		*of = nil
	}
	for i := 0; i < n && c.err == nil; i++ {
		if c.reads() {
			var v T
			*of = append(*of, v)
		}
		each(&(*of)[i])
	}
}

// maybe is an array of one, or of none where there is nothing.
func maybe[T any](c *codec, v **T, each func(*T)) {
	var of []T
	if *v != nil {
		of = []T{**v}
	}
	list(c, &of, 1, each)
	if c.reads() {
		if *v = nil; len(of) > 0 {
			*v = &of[0]
		}
	}
}

// sorted is a map, as an array of pairs in the order of their keys.
func sorted[K cmp.Ordered, V any](c *codec, of *map[K]V, most int, key func(*K), value func(*V)) {
	type pair struct {
		key   K
		value V
	}
	var keys []K
	if !c.reads() {
		keys = sortedKeys(*of)
	}
	n := c.length(len(keys), most)
	if c.reads() {
		*of = map[K]V{}
	}
	var before K
	for i := 0; i < n && c.err == nil; i++ {
		var p pair
		if !c.reads() {
			p = pair{keys[i], (*of)[keys[i]]}
		}
		c.tuple(2)
		key(&p.key)
		value(&p.value)
		if i > 0 && c.err == nil && before >= p.key {
			c.fail("keys that do not ascend")
		}
		if before = p.key; c.reads() && c.err == nil {
			(*of)[p.key] = p.value
		}
	}
}

// set is a set of texts, as a sorted array.
func (c *codec) set(of *map[string]bool, most int) {
	keys := sortedKeys(*of)
	list(c, &keys, most, func(s *string) { c.text(s, maxKept) })
	if !c.reads() || c.err != nil {
		return
	}
	if !slices.IsSorted(keys) {
		c.fail("names that do not ascend")
	}
	*of = map[string]bool{}
	for _, key := range keys {
		(*of)[key] = true
	}
	if len(*of) != len(keys) {
		c.fail("a name that stands twice")
	}
}
