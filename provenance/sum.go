package provenance

import (
	"errors"
	"math/bits"
	"strconv"
)

// A Sum is an exact integer of 128 bits, signed: room for 2^64 amounts of int64,
// more than a log can hold, so that adding up never fails (SPEC(FLO-5)). The
// zero value is 0; Sums are compared with ==. In JSON it is a number.
type Sum struct {
	hi int64
	lo uint64
}

// SumOf returns the sum that is v.
func SumOf(v int64) Sum { return Sum{v >> 63, uint64(v)} }

// Add returns s + t.
func (s Sum) Add(t Sum) Sum {
	lo, carry := bits.Add64(s.lo, t.lo, 0)
	return Sum{s.hi + t.hi + int64(carry), lo}
}

// AddInt returns s + v.
func (s Sum) AddInt(v int64) Sum { return s.Add(SumOf(v)) }

// IsZero reports whether s is 0.
func (s Sum) IsZero() bool { return s == Sum{} }

// tenTo19 is the greatest power of ten in a uint64.
const tenTo19 = 10_000_000_000_000_000_000

// String returns s in decimal.
func (s Sum) String() string { return string(s.appendTo(nil)) }

func (s Sum) appendTo(b []byte) []byte {
	hi, lo := uint64(s.hi), s.lo
	if s.hi < 0 {
		b = append(b, '-')
		var borrow uint64
		lo, borrow = bits.Sub64(0, lo, 0)
		hi, _ = bits.Sub64(0, hi, borrow)
	}
	// 2^127 has 39 digits: at most one in front of two groups of 19.
	var groups [3]uint64
	n := 0
	for ; hi > 0; n++ {
		var rest uint64
		upper := hi / tenTo19
		lo, rest = bits.Div64(hi%tenTo19, lo, tenTo19)
		hi, groups[n] = upper, rest
	}
	groups[n] = lo
	if lo >= tenTo19 {
		groups[n], groups[n+1] = lo%tenTo19, lo/tenTo19
		n++
	}
	b = strconv.AppendUint(b, groups[n], 10)
	for n--; n >= 0; n-- {
		digits := strconv.FormatUint(groups[n], 10)
		b = append(b, "0000000000000000000"[len(digits):]...)
		b = append(b, digits...)
	}
	return b
}

var errSum = errors.New("not an integer of 128 bits, signed, in decimal")

// ParseSum reads what String writes, and nothing else.
func ParseSum(text string) (Sum, error) {
	digits := text
	negative := len(text) > 1 && text[0] == '-'
	if negative {
		digits = text[1:]
	}
	if digits == "" || digits[0] == '0' && (len(digits) > 1 || negative) {
		return Sum{}, errSum
	}
	var hi, lo uint64
	for _, c := range []byte(digits) {
		if c < '0' || c > '9' || hi > 1<<63/10 { // ten times more is beyond 2^127 and may be beyond 2^128
			return Sum{}, errSum
		}
		over, low := bits.Mul64(lo, 10)
		var carry uint64
		lo, carry = bits.Add64(low, uint64(c-'0'), 0)
		hi = hi*10 + over + carry
	}
	if negative {
		var borrow uint64
		lo, borrow = bits.Sub64(0, lo, 0)
		hi, _ = bits.Sub64(0, hi, borrow)
	}
	s := Sum{int64(hi), lo}
	if (s.hi < 0) != negative { // beyond 2^127
		return Sum{}, errSum
	}
	return s, nil
}

// MarshalJSON writes a number, exact also beyond 2^53.
func (s Sum) MarshalJSON() ([]byte, error) { return s.appendTo(nil), nil }

// UnmarshalJSON reads an integer without fraction or exponent.
func (s *Sum) UnmarshalJSON(b []byte) error {
	v, err := ParseSum(string(b))
	if err != nil {
		return err
	}
	*s = v
	return nil
}
