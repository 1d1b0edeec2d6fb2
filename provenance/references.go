package provenance

// References are what a record can be found by beside its id: its own ref, and
// what it points at. The byte slices alias the record.
type References struct {
	Ref      []byte   // the issuer's own name for the record; nil where it has none
	Parents  []Parent // in the record's order
	Contents []Hash   // values of its content commitments, in the record's order
	Corrects *Hash    // id of the record that it corrects; nil unless it is a correction
}

// ReferencesOf reads what an encoded record refers to, without decoding the
// rest. The record is one that was accepted before: of another only what is read
// here is checked. The error is an *Error.
func ReferencesOf(record []byte) (References, error) {
	// SPEC(ENC-14)
	if len(record) > MaxRecordBytes {
		return References{}, fail(CodeSize, "", "the record has %d bytes, at most %d are allowed", len(record), MaxRecordBytes)
	}
	var r References
	var kind Kind
	c := &cursor{b: record}
	err := c.pairs(func(key int64) (err error) {
		switch {
		case key == 1:
			var v int64
			v, err = c.integer()
			kind = Kind(v)
		case key == 4:
			r.Ref, err = c.bytesIn(1, 32)
		case key == 5:
			err = within("parents", c.each(func(int) error { return r.readParent(c) }))
		case key == 14:
			err = within("content", c.each(func(int) error { return r.readContent(c) }))
		case key == 19 && kind == Corrected: // key 1 came first
			err = within("correction", c.pick(1, func() error {
				value, err := c.bytesIn(HashSize, HashSize)
				if err == nil {
					r.Corrects = (*Hash)(append([]byte(nil), value...))
				}
				return err
			}))
		default:
			err = c.skip()
		}
		return err
	})
	if err == nil {
		err = c.end()
	}
	if err != nil {
		return References{}, err
	}
	return r, nil
}

// bytesIn reads a byte string of lo to hi bytes; the result aliases the input.
func (c *cursor) bytesIn(lo, hi int) ([]byte, error) {
	start := c.off
	s, err := c.bytes()
	if err == nil && (len(s) < lo || len(s) > hi) {
		err = c.errorAt(start, CodeValue, "%d bytes, wanted %s", len(s), between(lo, hi))
	}
	return s, err
}

// readParent reads an id, or an issuer with a ref (spec/record.md, "parent").
func (r *References) readParent(c *cursor) (err error) {
	var p Parent
	if c.off < len(c.b) && c.b[c.off]>>5 == majorArray {
		err = tuple(func(c *cursor) error {
			issuer, err := c.text()
			p.Issuer = string(issuer)
			return err
		}, func(c *cursor) (err error) {
			p.Ref, err = c.bytesIn(1, 32)
			return err
		})(c)
	} else {
		p.ID, err = c.bytesIn(HashSize, HashSize)
	}
	r.Parents = append(r.Parents, p)
	return err
}

// readContent reads a commitment's value.
func (r *References) readContent(c *cursor) error {
	return c.pick(3, func() error {
		value, err := c.bytesIn(HashSize, HashSize)
		if err == nil {
			r.Contents = append(r.Contents, Hash(value))
		}
		return err
	})
}
