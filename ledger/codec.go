package ledger

import (
	"encoding/binary"
	"fmt"
	"math"
)

// The store's own values are CBOR, written and read here. They are no part of
// the format or of consensus (those that are, package provenance encodes); the
// reader takes exactly what the writer makes.

// CBOR major types (RFC 8949 section 3.1).
const (
	cborUint  = 0
	cborNeg   = 1
	cborBytes = 2
	cborText  = 3
	cborArray = 4
	cborMap   = 5
)

// cborWriter appends canonical CBOR.
type cborWriter struct{ b []byte }

func (w *cborWriter) head(major byte, arg uint64) {
	major <<= 5
	switch {
	case arg < 24:
		w.b = append(w.b, major|byte(arg))
	case arg <= math.MaxUint8:
		w.b = append(w.b, major|24, byte(arg))
	case arg <= math.MaxUint16:
		w.b = binary.BigEndian.AppendUint16(append(w.b, major|25), uint16(arg))
	case arg <= math.MaxUint32:
		w.b = binary.BigEndian.AppendUint32(append(w.b, major|26), uint32(arg))
	default:
		w.b = binary.BigEndian.AppendUint64(append(w.b, major|27), arg)
	}
}

func (w *cborWriter) openMap(pairs int)   { w.head(cborMap, uint64(pairs)) }
func (w *cborWriter) openArray(items int) { w.head(cborArray, uint64(items)) }

func (w *cborWriter) int(v int64) {
	if v < 0 {
		w.head(cborNeg, uint64(-1-v))
		return
	}
	w.head(cborUint, uint64(v))
}

func (w *cborWriter) bytes(v []byte) {
	w.head(cborBytes, uint64(len(v)))
	w.b = append(w.b, v...)
}

func (w *cborWriter) text(v string) {
	w.head(cborText, uint64(len(v)))
	w.b = append(w.b, v...)
}

// cborReader reads back what a cborWriter wrote. The first error sticks and
// every later read gives zero; done returns it.
type cborReader struct {
	b   []byte
	off int
	err error
}

func (r *cborReader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("at byte %d: "+format, append([]any{r.off}, args...)...)
	}
}

// head reads a head of one of two major types.
func (r *cborReader) head(major, other byte) (got byte, arg uint64) {
	if r.err != nil {
		return major, 0
	}
	if r.off >= len(r.b) {
		r.fail("the value ends")
		return major, 0
	}
	first := r.b[r.off]
	got, arg = first>>5, uint64(first&0x1f)
	width := 0
	switch {
	case got != major && got != other || arg > 27:
		r.fail("unexpected head 0x%02x", first)
		return major, 0
	case arg >= 24:
		width = 1 << (arg - 24)
	}
	if len(r.b)-r.off-1 < width {
		r.fail("the value ends within a head")
		return major, 0
	}
	r.off++
	if width > 0 {
		arg = 0
		for _, x := range r.b[r.off : r.off+width] {
			arg = arg<<8 | uint64(x)
		}
		if arg < 24 || (width > 1 && arg>>(4*width) == 0) || arg > math.MaxInt64 {
			r.fail("a head that is not canonical")
			return major, 0
		}
		r.off += width
	}
	return got, arg
}

// count reads the head of an array or map; each element takes at least a byte.
func (r *cborReader) count(major byte) int {
	_, n := r.head(major, major)
	if n > uint64(len(r.b)-r.off) {
		r.fail("%d elements and %d bytes left", n, len(r.b)-r.off)
		return 0
	}
	return int(n)
}

func (r *cborReader) int() int64 {
	major, arg := r.head(cborUint, cborNeg)
	if major == cborNeg {
		return -1 - int64(arg)
	}
	return int64(arg)
}

func (r *cborReader) string(major byte) []byte {
	n := r.count(major)
	if r.err != nil {
		return nil
	}
	r.off += n
	return r.b[r.off-n : r.off : r.off]
}

// bytes returns a byte string that aliases the input.
func (r *cborReader) bytes() []byte { return r.string(cborBytes) }
func (r *cborReader) text() string  { return string(r.string(cborText)) }

// hash reads a byte string of 32 bytes.
func (r *cborReader) hash() (h [32]byte) {
	b := r.bytes()
	if r.err == nil && len(b) != len(h) {
		r.fail("a hash of %d bytes", len(b))
	}
	copy(h[:], b)
	return h
}

// key reads a map key that must be want.
func (r *cborReader) key(want int64) {
	if got := r.int(); r.err == nil && got != want {
		r.fail("key %d where %d belongs", got, want)
	}
}

func (r *cborReader) done() error {
	if r.off != len(r.b) {
		r.fail("%d bytes follow the value", len(r.b)-r.off)
	}
	return r.err
}
