package provenance

// An examiner examines the records of a batch, one behind another, in one walk
// each. Records of a batch are much alike: what stood under the same key of a
// record before, byte for byte, it does not read again, since the bytes of an item
// say where it ends, whether it is right, and what it says.
//
// The rules are those of the shapes and of readField. An examiner says only that a
// record is right; why one is wrong, examine says.
type examiner struct {
	c     cursor // at the record under way
	marks marks  // of the record under way, or the last one
	rules int
	known names
	kept  [newestRepeated + 1]repeatsOf
}

// newestRepeated is the greatest key whose items are remembered.
const newestRepeated = 20

// repeats are the keys whose items come again and again: model, places, legal
// bases, label, price, compute.
const repeats = 1<<7 | 1<<9 | 1<<10 | 1<<12 | 1<<13 | 1<<17 | 1<<20

// repeatsOf are the last different ones under a key, and what readField made of them.
type repeatsOf struct {
	of   [8]repeat
	next int // that is forgotten next
}

// A repeat is an encoded value, which was accepted, with what it adds to a record's
// facts: a text or a number.
type repeat struct {
	raw    []byte
	text   string
	number int64
}

func newExaminer(rules int) *examiner { return &examiner{rules: rules, known: names{}} }

// next examines the record that b begins with: it returns its length and facts.
func (x *examiner) next(b []byte, f *facts) (size int, ok bool) {
	x.c = cursor{b: b, rules: x.rules}
	c, shape := &x.c, recordShape()
	n, err := c.open(majorMap)
	if err != nil {
		return 0, false
	}
	*f = facts{CellKey: CellKey{Serving: "ZZ", Using: "ZZ"}, Sums: Sums{Records: 1}}
	x.marks = marks{}
	present := uint64(0)
	for key := int64(-1); n > 0; n-- {
		if key, err = c.mapKey(key); err != nil {
			return 0, false
		}
		if key > maxCoreKey {
			if c.skip() != nil { // kept and hashed
				return 0, false
			}
			continue
		}
		field := shape.field(key, x.rules)
		if field == nil {
			return 0, false
		}
		present |= 1 << key
		x.marks.note(key, f.Kind, c.off)
		if !x.value(f, key, field.check, present) {
			return 0, false
		}
	}
	c.close()
	// SPEC(ENC-14)
	return c.off, c.off <= MaxRecordBytes && present&shape.must == shape.must && checkKeys(f.Kind, present) == nil
}

// value examines what stands under a key. Keys ascend: what readField asks of those
// before is known.
func (x *examiner) value(f *facts, key int64, ck check, present uint64) bool {
	c := &x.c
	// What a model or dataset record says beside it matters: these are few.
	repeated := repeats&(1<<key) != 0 && f.Kind <= newestKindV1
	if repeated {
		if it := x.kept[key].find(c.b[c.off:]); it != nil {
			c.off += len(it.raw)
			f.take(key, it)
			return true
		}
	}
	start := c.off
	if ck(c) != nil {
		return false
	}
	if !counts(key) {
		if repeated {
			x.kept[key].remember(repeat{raw: c.b[start:c.off]})
		}
		return true
	}
	again := cursor{b: c.b[start:c.off]}
	if f.readField(&again, key, x.known, present) != nil {
		return false
	}
	if repeated {
		x.kept[key].remember(f.repeat(key, c.b[start:c.off]))
	}
	return true
}

// counts reports whether readField reads what stands under a key.
func counts(key int64) bool {
	switch key {
	case 3, 4, 6, 14, 16, 17, 20, 21:
		return false
	}
	return true
}

// find returns the item that b begins with.
func (s *repeatsOf) find(b []byte) *repeat {
	for i := range s.of {
		if raw := s.of[i].raw; len(raw) > 0 && len(raw) <= len(b) && string(raw) == string(b[:len(raw)]) {
			return &s.of[i]
		}
	}
	return nil
}

func (s *repeatsOf) remember(it repeat) {
	s.of[s.next] = it
	s.next = (s.next + 1) % len(s.of)
}

// repeat is what readField made of an item under a key.
func (f *facts) repeat(key int64, raw []byte) repeat {
	it := repeat{raw: raw}
	switch key {
	case 7:
		it.text = f.Model
	case 9:
		it.text = f.Serving
	case 10:
		it.text = f.Using
	case 12:
		it.text = f.Basis
	case 13:
		it.number = f.Label
	}
	return it
}

// take is what readField would make of the item again.
func (f *facts) take(key int64, it *repeat) {
	switch key {
	case 7:
		f.Model = it.text
	case 9:
		f.Serving = it.text
	case 10:
		f.Using = it.text
	case 12:
		f.Basis = it.text
	case 13:
		f.Label = it.number
	}
}
