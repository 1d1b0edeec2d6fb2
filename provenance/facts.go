package provenance

import "bytes"

// facts are what totals need of a record: the cell that it counts in, what it
// adds, and its time. They are read from the bytes directly: a ledger judges
// each record of each batch, and decodes none.
type facts struct {
	CellKey
	Sums
	time     int64 // ms since the epoch
	corrects *Cell // what a correction adds, and where; nil in other kinds
}

// names makes strings of bytes, each only once. Nil makes a new one each time.
type names map[string]string

func (n names) of(b []byte) string {
	if s, known := n[string(b)]; known {
		return s
	}
	s := string(b)
	if n != nil {
		n[s] = s
	}
	return s
}

// examine checks every rule of spec/record.md, as of a rule version, on an
// encoded record and returns its facts. All that is accepted as a record is
// accepted here.
func examine(b []byte, known names, rules int) (facts, error) {
	// SPEC(ENC-14)
	if len(b) > MaxRecordBytes {
		return facts{}, fail(CodeSize, "", "the record has %d bytes, at most %d are allowed", len(b), MaxRecordBytes)
	}
	c := &cursor{b: b, rules: rules}
	present, err := recordShape().walk(c)
	if err == nil {
		err = c.end()
	}
	if err != nil {
		return facts{}, err
	}
	// The shape has accepted the bytes: reading them again cannot fail, but for
	// the rules that look at more than one value.
	f := facts{CellKey: CellKey{Serving: "ZZ", Using: "ZZ"}, Sums: Sums{Records: 1}}
	if err := checkKeys(kindOf(b), present); err != nil {
		return facts{}, err
	}
	return f, f.read(&cursor{b: b}, known, present)
}

// kindOf reads the kind of a record that its shape has accepted: the value of key
// 1, which is there and the least.
func kindOf(b []byte) Kind {
	c := &cursor{b: b}
	_, _ = c.open(majorMap)
	_, _ = c.mapKey(-1)
	kind, _ := c.integer()
	return Kind(kind)
}

// checkKeys holds the fields that are there against what the kind wants.
func checkKeys(kind Kind, present uint64) error {
	// SPEC(REC-2)
	want := keysByKind[kind]
	for _, key := range want.must {
		if present&(1<<key) == 0 {
			return fail(CodeMissingField, recordShape().fields[key].name, "a record of kind %s must have the field (key %d)", kind, key)
		}
	}
	for _, key := range want.no {
		if present&(1<<key) != 0 {
			return fail(CodeForbiddenField, recordShape().fields[key].name, "a record of kind %s has no such field (key %d)", kind, key)
		}
	}
	return nil
}

// read walks a record that its shape has accepted.
func (f *facts) read(c *cursor, known names, present uint64) error {
	return c.pairs(func(key int64) error { return f.readField(c, key, known, present) })
}

// readField reads the value under a key of a record. Of present it needs the keys
// up to its own.
func (f *facts) readField(c *cursor, key int64, known names, present uint64) (err error) {
	var v int64
	switch key {
	case 1:
		v, err = c.integer()
		f.Kind = Kind(v)
	case 2:
		f.time, err = c.integer()
		f.Hour = f.time / msPerHour
	case 5:
		err = readParents(c)
	case 7:
		var digested bool
		f.Model, digested, err = readModel(c, known)
		if err == nil {
			err = checkMeasured(f.Kind, digested, present)
		}
	case 8:
		err = f.readUsage(c)
	case 9:
		f.Serving, err = readPlace(c, "serving", known)
	case 10:
		f.Using, err = readPlace(c, "using", known)
	case 11:
		v, err = c.integer()
		f.Side = Side(v)
	case 12:
		f.Basis, err = readBases(c, known)
	case 13:
		err = c.pick(1, func() error { f.Label, err = c.integer(); return err })
	case 15:
		err = f.readEnergy(c)
	case 19:
		err = f.readCorrection(c, known)
	case 22:
		err = f.readHop(c, present)
	case 23:
		err = readLineage(c, known)
	case 24:
		err = readDataset(c)
	case 25:
		err = readEvaluation(c)
	default:
		err = c.pass()
	}
	return err
}

// pick walks a map and calls f behind one key.
func (c *cursor) pick(key int64, f func() error) error {
	return c.pairs(func(k int64) error {
		if k == key {
			return f()
		}
		return c.pass()
	})
}

func (f *facts) readUsage(c *cursor) error {
	err := c.pairs(func(key int64) (err error) {
		switch key {
		case 1:
			f.Input, err = c.integer()
		case 2:
			f.Output, err = c.integer()
		case 3:
			f.CacheRead, err = c.integer()
		case 4:
			f.CacheWrite, err = c.integer()
		case 5:
			f.Reasoning, err = c.integer()
		default:
			err = c.pass()
		}
		return err
	})
	switch {
	case err != nil:
		return err
	// SPEC(REC-5): the parts are compared without adding first, so that no sum overflows.
	case f.CacheRead > f.Input || f.CacheWrite > f.Input-f.CacheRead:
		return fail(CodeUsageParts, "usage", "cache read %d and write %d are more than input %d", f.CacheRead, f.CacheWrite, f.Input)
	case f.Reasoning > f.Output:
		return fail(CodeUsageParts, "usage", "reasoning %d is more than output %d", f.Reasoning, f.Output)
	}
	return nil
}

func (f *facts) readEnergy(c *cursor) error {
	return c.pairs(func(key int64) (err error) {
		switch key {
		case 1:
			f.Energy, err = c.integer()
		case 2:
			f.Method, err = c.integer()
		case 3:
			f.Boundary, err = c.integer()
		default:
			err = c.pass()
		}
		return err
	})
}

// readPlace returns a place's country.
func readPlace(c *cursor, path string, known names) (string, error) {
	var country, subdivision []byte
	err := c.pairs(func(key int64) (err error) {
		switch key {
		case 1:
			country, err = c.text()
		case 2:
			subdivision, err = c.text()
		default:
			err = c.pass()
		}
		return err
	})
	if err != nil {
		return "", err
	}
	// SPEC(REC-6)
	if subdivision != nil && !bytes.HasPrefix(subdivision, country) {
		return "", fail(CodeValue, path+".subdivision", "%s is not in %s", subdivision, country)
	}
	return known.of(country), nil
}

// readBases returns the codes of the bases, joined.
func readBases(c *cursor, known names) (string, error) {
	var room [4*48 + 3]byte
	joined := room[:0]
	var before []byte
	err := c.each(func(i int) error {
		return c.pick(1, func() error {
			code, err := c.text()
			// SPEC(REC-7)
			if i > 0 && bytes.Compare(before, code) >= 0 {
				return within("code", fail(CodeBasisOrder, "", "%q does not come behind %q", code, before))
			}
			if i > 0 {
				joined = append(joined, '+')
			}
			joined, before = append(joined, code...), code
			return err
		})
	})
	if err != nil {
		return "", within("basis", err)
	}
	return known.of(joined), nil
}

// readParents wants no parent twice. Each has one encoding, so equal parents are
// equal bytes.
func readParents(c *cursor) error {
	var seen [16][]byte
	err := c.each(func(i int) error {
		start := c.off
		if err := c.pass(); err != nil {
			return err
		}
		seen[i] = c.b[start:c.off]
		for j := range i {
			// SPEC(REC-4)
			if bytes.Equal(seen[i], seen[j]) {
				return fail(CodeDuplicateParent, "", "the same parent as parents[%d]", j)
			}
		}
		return nil
	})
	return within("parents", err)
}
