package provenance

import "math"

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
	err := c.pairs(func(key int64) error {
		switch {
		case key == 1:
			v, err := c.integer()
			kind = Kind(v)
			return err
		case key == 19 && kind != Corrected: // key 1 came first
			return c.pass()
		}
		return r.readField(c, key)
	})
	if err == nil {
		err = c.end()
	}
	if err != nil {
		return References{}, err
	}
	return r, nil
}

// readField reads the value under a key; key 19 is a correction's.
func (r *References) readField(c *cursor, key int64) (err error) {
	switch key {
	case 4:
		r.Ref, err = c.bytesIn(1, 32)
	case 5:
		err = within("parents", c.each(func(int) error { return r.readParent(c) }))
	case 14:
		err = within("content", c.each(func(int) error { return r.readContent(c) }))
	case 19:
		err = within("correction", c.pick(1, func() error {
			value, err := c.bytesIn(HashSize, HashSize)
			if err == nil {
				r.Corrects = (*Hash)(append([]byte(nil), value...))
			}
			return err
		}))
	default:
		err = c.pass()
	}
	return err
}

// CheckedRecords are the records of a statement, which hold against its header.
type CheckedRecords struct {
	Records [][]byte // encoded
	Tree    *Tree    // of their leaves
	marks   []marks  // of each record; none where they were read one rule after another
}

// References returns what the i-th record refers to, without walking it again.
func (r *CheckedRecords) References(i int) (References, error) {
	if r.marks == nil {
		return ReferencesOf(r.Records[i])
	}
	return r.marks[i].read(r.Records[i])
}

// marks are where in an accepted record the values of the keys stand that
// References are read from; 0 where there is none.
type marks [4]uint16

// markedKeys are the keys of a record that marks are of, in their order.
var markedKeys = [...]int64{4, 5, 14, 19}

// note marks that what stands at off is under a key.
func (m *marks) note(key int64, kind Kind, off int) {
	switch {
	case off > math.MaxUint16: // far beyond the greatest record
	case key == 4:
		m[0] = uint16(off)
	case key == 5:
		m[1] = uint16(off)
	case key == 14:
		m[2] = uint16(off)
	case key == 19 && kind == Corrected:
		m[3] = uint16(off)
	}
}

// read reads what a record refers to.
func (m *marks) read(record []byte) (References, error) {
	var r References
	for i, off := range m {
		if off == 0 {
			continue
		}
		if err := r.readField(&cursor{b: record, off: int(off)}, markedKeys[i]); err != nil {
			return References{}, err
		}
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
