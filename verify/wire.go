package verify

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrAnswer: an answer is not in the form that spec/api.md gives it, so that
// what it was meant to hold cannot even be looked at.
var ErrAnswer = errors.New("the answer is not in the form of spec/api.md")

// CBOR major types that answers are made of (RFC 8949 section 3.1).
const (
	majorUint  = 0
	majorBytes = 2
	majorText  = 3
	majorArray = 4
)

// maxNesting bounds the depth of an item that is only skipped.
const maxNesting = 8

// DecodeHeaders takes the answer of /v1/headers apart: a CBOR sequence of byte
// strings, at most limit.
func DecodeHeaders(b []byte, limit int) ([][]byte, error) {
	var out [][]byte
	for r := (reader{b: b}); len(r.b) > 0; {
		block := r.bytes()
		if r.err == nil && len(out) == limit {
			r.fail("more than the %d light blocks asked for", limit)
		}
		if r.err != nil {
			return nil, fmt.Errorf("light block %d of the answer: %w", len(out), r.err)
		}
		out = append(out, block)
	}
	return out, nil
}

// DecodeEntries takes the answer of /v1/entries apart: a CBOR sequence of
// [index, statement, frame] or, with the block's height, [index, statement,
// frame, height], at most limit.
func DecodeEntries(b []byte, limit int) ([]Entry, error) {
	var out []Entry
	for r := (reader{b: b}); len(r.b) > 0; {
		parts := r.expect(majorArray)
		if r.err == nil && parts != 3 && parts != 4 {
			r.fail("an array of %d, wanted 3 or 4", parts)
		}
		e := Entry{Index: r.integer(), Statement: r.bytes(), Frame: r.bytes()}
		if parts == 4 {
			e.Height = r.integer()
			if r.err == nil && e.Height < 1 {
				r.fail("an entry of height %d, blocks begin with 1", e.Height)
			}
		}
		if r.err == nil && len(out) == limit {
			r.fail("more than the %d entries asked for", limit)
		}
		if r.err != nil {
			return nil, fmt.Errorf("entry %d of the answer: %w", len(out), r.err)
		}
		out = append(out, e)
	}
	return out, nil
}

// DecodeActs takes the answer of /v1/acts apart: a CBOR sequence of [index, act], at
// most limit, each behind the one before and none below from.
func DecodeActs(b []byte, from int64, limit int) ([]Entry, error) {
	var out []Entry
	for r := (reader{b: b}); len(r.b) > 0; {
		if parts := r.expect(majorArray); r.err == nil && parts != 2 {
			r.fail("an array of %d, wanted 2", parts)
		}
		e := Entry{Index: r.integer(), Statement: r.bytes()}
		switch {
		case r.err == nil && len(out) >= limit:
			r.fail("more than the %d acts asked for", limit)
		case r.err == nil && (e.Index < from || len(out) > 0 && e.Index == from):
			r.fail("entry %d behind %d", e.Index, from)
		}
		if r.err != nil {
			return nil, fmt.Errorf("act %d of the answer: %w", len(out), r.err)
		}
		out, from = append(out, e), e.Index
	}
	return out, nil
}

// DecodeState takes the answer of /v1/state apart:
// [preimage, height, value, proof].
func DecodeState(b []byte) (*StateAnswer, error) {
	r := reader{b: b}
	r.array(4)
	a := &StateAnswer{Preimage: r.item(), Height: r.integer(), Value: r.bytes(), Proof: r.item()}
	if r.err == nil && len(r.b) > 0 {
		r.fail("%d bytes follow it", len(r.b))
	}
	if r.err != nil {
		return nil, fmt.Errorf("state: %w", r.err)
	}
	return a, nil
}

// A reader takes canonical CBOR apart. After the first error it yields nothing.
// What it returns aliases the input.
type reader struct {
	b   []byte
	err error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s", ErrAnswer, fmt.Sprintf(format, args...))
	}
	r.b = nil
}

// head reads one head. SPEC(ENC-1), SPEC(ENC-2), SPEC(ENC-9): its argument is
// in its shortest form, definite, and within int64.
func (r *reader) head() (major byte, arg uint64) {
	if len(r.b) == 0 {
		r.fail("it ends too early")
		return 0, 0
	}
	major, info := r.b[0]>>5, r.b[0]&31
	r.b = r.b[1:]
	if info < 24 {
		return major, uint64(info)
	}
	if info > 27 {
		r.fail("an indefinite or reserved length")
		return 0, 0
	}
	width := 1 << (info - 24)
	if len(r.b) < width {
		r.fail("it ends too early")
		return 0, 0
	}
	var wide [8]byte
	copy(wide[8-width:], r.b)
	r.b = r.b[width:]
	arg = binary.BigEndian.Uint64(wide[:])
	if arg < 24 || width > 1 && arg>>(4*width) == 0 || arg > 1<<63-1 {
		r.fail("an integer that is not in its shortest form, or beyond 63 bits")
		return 0, 0
	}
	return major, arg
}

func (r *reader) expect(major byte) uint64 {
	got, arg := r.head()
	if r.err == nil && got != major {
		r.fail("an item of CBOR major type %d, wanted %d", got, major)
	}
	return arg
}

func (r *reader) integer() int64 { return int64(r.expect(majorUint)) }

func (r *reader) array(n uint64) {
	if got := r.expect(majorArray); r.err == nil && got != n {
		r.fail("an array of %d, wanted %d", got, n)
	}
}

func (r *reader) bytes() []byte {
	n := r.expect(majorBytes)
	if r.err == nil && n > uint64(len(r.b)) {
		r.fail("a string of %d bytes, of which %d are there", n, len(r.b))
	}
	if r.err != nil {
		return nil
	}
	s := r.b[:n:n]
	r.b = r.b[n:]
	return s
}

// item returns the bytes of one item of arrays, integers and byte strings.
// What they mean is for its own parser.
func (r *reader) item() []byte {
	whole := r.b
	r.skip(0)
	if r.err != nil {
		return nil
	}
	n := len(whole) - len(r.b)
	return whole[:n:n]
}

func (r *reader) skip(depth int) {
	if depth > maxNesting {
		r.fail("nested deeper than %d", maxNesting)
		return
	}
	whole := r.b
	switch major, n := r.head(); {
	case r.err != nil || major == majorUint:
	case major == majorBytes:
		r.b = whole
		r.bytes()
	case major == majorArray:
		for ; n > 0 && r.err == nil; n-- {
			r.skip(depth + 1)
		}
	default:
		r.fail("an item of CBOR major type %d", major)
	}
}
