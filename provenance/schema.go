package provenance

import (
	"bytes"
	"fmt"
)

// Key ranges of every map of the format (SPEC(ENC-20)).
const (
	maxCoreKey = 63    // 0 … 63: this specification's, critical
	maxKey     = 65535 // 64 … 65535: kept and hashed where unknown
)

// A check walks one value and says what is wrong with it.
type check func(c *cursor) error

// A field is one key of a map.
type field struct {
	key   int64
	name  string
	must  bool
	check check
	since int // the rule version that it came with; 0 always
}

// from says that a field came with a rule version: before, its key is unknown.
func (f field) from(rules int) field {
	f.since = rules
	return f
}

// A shape is the grammar of one map: its fields by key.
type shape struct {
	fields [maxCoreKey + 1]*field
	must   uint64 // bit k: key k must be there
	closed bool   // keys above the core range are refused as well
}

func shapeOf(fields ...field) *shape {
	s := &shape{}
	for i := range fields {
		f := &fields[i]
		s.fields[f.key] = f
		if f.must {
			s.must |= 1 << f.key
		}
	}
	return s
}

func must(key int64, name string, ck check) field {
	return field{key: key, name: name, must: true, check: ck}
}
func may(key int64, name string, ck check) field { return field{key: key, name: name, check: ck} }

// exact refuses the keys that other maps keep: what such a map asks for is done
// whole or not at all.
func (s *shape) exact() *shape {
	s.closed = true
	return s
}

// and wants more of a map that the shape accepts: f gets the keys that were
// there and the map's bytes.
func (s *shape) and(f func(present uint64, b []byte) error) check {
	return func(c *cursor) error {
		start := c.off
		present, err := s.walk(c)
		if err != nil {
			return err
		}
		return f(present, c.b[start:c.off])
	}
}

// walk checks a map against the shape and returns which keys were there.
func (s *shape) walk(c *cursor) (present uint64, err error) {
	start := c.off
	n, err := c.open(majorMap)
	if err != nil {
		return 0, err
	}
	for key := int64(-1); n > 0; n-- {
		if key, err = c.mapKey(key); err != nil {
			return present, err
		}
		if key > maxCoreKey && !s.closed {
			if err := c.skip(); err != nil { // kept and hashed
				return present, err
			}
			continue
		}
		f := s.field(key, c.rules)
		if f == nil {
			// SPEC(ENC-20), SPEC(REC-2)
			return present, c.errorAt(c.off, CodeUnknownCritical, "key %d is critical here and unknown to this version", key)
		}
		present |= 1 << key
		if err := f.check(c); err != nil {
			return present, within(f.name, err)
		}
	}
	c.close()
	return present, s.missing(c, start, present)
}

// field returns what stands under a key as of a rule version; nil where the key
// is not known.
func (s *shape) field(key int64, rules int) *field {
	if key > maxCoreKey {
		return nil
	}
	f := s.fields[key]
	if f == nil || f.since > rules {
		return nil
	}
	return f
}

func (s *shape) missing(c *cursor, start int, present uint64) error {
	if present&s.must == s.must {
		return nil
	}
	for key, f := range s.fields {
		if f != nil && f.must && present&(1<<key) == 0 {
			// SPEC(ENC-39)
			return within(f.name, c.errorAt(start, CodeMissingField, "the field (key %d) must be there", key))
		}
	}
	return nil
}

func (s *shape) check(c *cursor) error {
	_, err := s.walk(c)
	return err
}

// integerIn wants an integer in lo … hi. SPEC(ENC-38)
func integerIn(lo, hi int64) check {
	return func(c *cursor) error {
		start := c.off
		v, err := c.integer()
		if err == nil && (v < lo || v > hi) {
			return c.errorAt(start, CodeValue, "%d is not in %d to %d", v, lo, hi)
		}
		return err
	}
}

// SPEC(ENC-34), SPEC(ENC-33)
func amount(c *cursor) error  { return integerIn(0, 1<<63-1)(c) }
func instant(c *cursor) error { return integerIn(0, MaxTime)(c) }

func boolean(c *cursor) error {
	_, err := c.boolean()
	return err
}

// bytesOf wants a byte string of lo to hi bytes.
func bytesOf(lo, hi int) check {
	return func(c *cursor) error {
		start := c.off
		s, err := c.bytes()
		if err == nil && (len(s) < lo || len(s) > hi) {
			return c.errorAt(start, CodeValue, "%d bytes, wanted %d to %d", len(s), lo, hi)
		}
		return err
	}
}

// nonZero wants n bytes that are not all zero.
func nonZero(n int) check {
	return func(c *cursor) error {
		start := c.off
		if err := bytesOf(n, n)(c); err != nil {
			return err
		}
		for _, x := range c.b[c.off-n : c.off] {
			if x != 0 {
				return nil
			}
		}
		return c.errorAt(start, CodeValue, "all bytes are zero")
	}
}

// textOf wants UTF-8 of 1 to hi bytes. SPEC(ENC-32)
func textOf(hi int) check {
	return func(c *cursor) error {
		start := c.off
		s, err := c.text()
		if err == nil && (len(s) < 1 || len(s) > hi) {
			return c.errorAt(start, CodeValue, "%d bytes, wanted 1 to %d", len(s), hi)
		}
		return err
	}
}

// identifier wants printable ASCII. SPEC(ENC-30)
func identifier(hi int) check {
	return func(c *cursor) error {
		start := c.off
		s, err := c.text()
		if err != nil {
			return err
		}
		if len(s) < 1 || len(s) > hi {
			return c.errorAt(start, CodeIdentifier, "%d characters, wanted 1 to %d", len(s), hi)
		}
		for i, x := range s {
			if x < 0x21 || x > 0x7e {
				return c.errorAt(start, CodeIdentifier, "character %d is not printable ASCII", i)
			}
		}
		return nil
	}
}

// nameID wants the id of an issuer or stream. SPEC(ENC-31)
func nameID(c *cursor) error {
	start := c.off
	s, err := c.text()
	if err == nil && !ValidNameID(string(s)) {
		return c.errorAt(start, CodeIdentifier, "%q is not 1 to 64 of a-z, 0-9, '.', '_', '-', beginning with a letter or digit", s)
	}
	return err
}

// ValidNameID reports whether s may be the id of an issuer or a stream: 1 to 64
// of a-z, 0-9, '.', '_', '-', the first a letter or digit (ENC-31).
func ValidNameID(s string) bool {
	return only(s, 1, 64, "az09..__--") && only(s[:1], 1, 1, "az09")
}

// textThat wants a text of which ok holds.
func textThat(ok func(s string) bool, what string) check {
	return func(c *cursor) error {
		start := c.off
		s, err := c.text()
		if err == nil && !ok(string(s)) {
			return c.errorAt(start, CodeValue, "%q is not %s", s, what)
		}
		return err
	}
}

// only reports whether s has lo to hi bytes, each of which is in ranges: pairs of
// first and last, "azAZ".
func only(s string, lo, hi int, ranges string) bool {
	if len(s) < lo || len(s) > hi {
		return false
	}
	for i := range len(s) {
		in := false
		for r := 0; r < len(ranges); r += 2 {
			in = in || s[i] >= ranges[r] && s[i] <= ranges[r+1]
		}
		if !in {
			return false
		}
	}
	return true
}

func isSubdivision(s string) bool {
	return len(s) > 3 && ValidCountry(s[:2]) && s[2] == '-' && only(s[3:], 1, 3, "AZ09")
}

// isCode wants the form of a code for a legal basis or a class of data.
func isCode(s string) bool     { return only(s, 1, 48, "az09::..--") }
func isCurrency(s string) bool { return only(s, 3, 3, "AZ") }

// country wants two letters A-Z. SPEC(ENC-35)
func country(c *cursor) error {
	start := c.off
	s, err := c.text()
	if err == nil && !ValidCountry(string(s)) {
		return c.errorAt(start, CodeValue, "%q is not a country: two letters A-Z (ISO 3166-1), ZZ where unknown", s)
	}
	return err
}

// ValidCountry reports whether s has the form of an ISO 3166-1 alpha-2 code
// (ENC-35). Whether the code is assigned is not looked at.
func ValidCountry(s string) bool {
	return only(s, 2, 2, "AZ")
}

// oneOf wants one of the given integers.
func oneOf(values ...int64) check {
	return func(c *cursor) error {
		start := c.off
		v, err := c.integer()
		if err != nil {
			return err
		}
		for _, w := range values {
			if v == w {
				return nil
			}
		}
		return c.errorAt(start, CodeValue, "%d is not one of %v", v, values)
	}
}

// arrayOf wants lo to hi elements.
func arrayOf(lo, hi int, element check) check {
	return func(c *cursor) error {
		if err := arity(c, lo, hi, CodeValue); err != nil {
			return err
		}
		return c.each(func(int) error { return element(c) })
	}
}

// ascending wants 1 to hi elements in strictly ascending bytewise order of what
// rank takes of each one's encoding.
func ascending(hi int, element check, rank func(item []byte) []byte) check {
	return func(c *cursor) error {
		if err := arity(c, 1, hi, CodeValue); err != nil {
			return err
		}
		var before []byte
		return c.each(func(i int) error {
			start := c.off
			if err := element(c); err != nil {
				return err
			}
			this := rank(c.b[start:c.off])
			if i > 0 && bytes.Compare(before, this) >= 0 {
				return c.errorAt(start, CodeValue, "it is not above the element before it; the order is ascending, each stands once")
			}
			before = this
			return nil
		})
	}
}

// stringInside returns what a text or byte string holds, without its head.
func stringInside(item []byte) []byte {
	c := &cursor{b: item}
	_, _, _ = c.head() // accepted before
	return item[c.off:]
}

// coseKey wants a COSE_Key in a byte string. SPEC(KEY-1)
//
// To check one takes some 20 µs, more than all else about it, and may be asked for
// by whoever signs nothing: an item has MaxActKeys at most (SPEC(GOV-4)).
func coseKey(c *cursor) error {
	start := c.off
	b, err := c.bytes()
	if err != nil {
		return err
	}
	if c.keys++; c.keys > MaxActKeys {
		return c.errorAt(start, CodeValue, "more than %d keys in one act; share them out over several", MaxActKeys)
	}
	if _, err := ParsePublicKeyCOSE(b); err != nil {
		return c.errorAt(start, CodeKey, "%s", err.(*Error).Detail)
	}
	return nil
}

// arity looks at the head of an array without consuming it.
func arity(c *cursor, lo, hi int, code Code) error {
	ahead := *c
	n, err := ahead.expect(majorArray)
	if n > uint64(len(ahead.b)-ahead.off) {
		return nil // SPEC(ENC-13) comes first: who walks the array says truncated
	}
	if err == nil && (n < uint64(lo) || n > uint64(hi)) {
		return c.errorAt(c.off, code, "%d elements, wanted %s", n, between(lo, hi))
	}
	return err
}

func between(lo, hi int) string {
	if lo == hi {
		return fmt.Sprint(lo)
	}
	return fmt.Sprintf("%d to %d", lo, hi)
}

// digest wants [-16, 32 bytes]: one value, whose parts have no path. SPEC(ENC-36)
func digest(c *cursor) error {
	err := tuple(oneOf(AlgSHA256), bytesOf(HashSize, HashSize))(c)
	if e, ok := err.(*Error); ok {
		e.Path = ""
	}
	return err
}

// tuple wants an array with exactly these elements.
func tuple(elements ...check) check {
	return func(c *cursor) error {
		if err := arity(c, len(elements), len(elements), CodeValue); err != nil {
			return err
		}
		return c.each(func(i int) error { return elements[i](c) })
	}
}

// parse walks b from end to end.
func parse(b []byte, ck check) error {
	c := &cursor{b: b, rules: RuleVersion}
	if err := ck(c); err != nil {
		return err
	}
	return c.end()
}
