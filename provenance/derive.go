package provenance

// A derivation makes a batch header out of its records, one after another, which
// have been examined.
type derivation struct {
	header *BatchHeader
	tree   *Tree
	sums   *tally
	leaf   []byte // what every leaf of the tree begins with; behind it the one under way
	head   int    // how long that beginning is
}

// newDerivation begins with a header whose issuer, stream and sequence are set.
func newDerivation(h *BatchHeader, count int) *derivation {
	d := &derivation{header: h, tree: &Tree{}, sums: newTally()}
	d.tree.grow(count)
	h.Count = 0
	d.leaf = appendLeafHead([]byte{leafPrefix}, h.Issuer, h.Stream, h.Sequence)
	d.head = len(d.leaf)
	return d
}

// add takes the next record.
func (d *derivation) add(f *facts, raw []byte) {
	h := d.header
	d.sums.add(f)
	if h.Count == 0 {
		h.First, h.Last = f.time, f.time
	}
	h.First, h.Last = min(h.First, f.time), max(h.Last, f.time)
	d.leaf = append(AppendInt(d.leaf[:d.head], int64(h.Count)), raw...)
	d.tree.Append(hashOfLeaf(d.leaf))
	h.Count++
}

// end sets what all records together give, and returns their tree.
func (d *derivation) end(limits Limits) (*Tree, error) {
	cells, err := d.sums.cells(limits.Cells)
	if err != nil {
		return nil, err
	}
	h := d.header
	h.Totals, h.Strings, h.Root = cells, stringTable(cells), d.tree.Root()
	return d.tree, nil
}

// readSequence takes a sequence of records apart, examines each and holds the
// header against them, all in one pass. Where anything is wrong it returns nothing:
// it accepts what takeRecords and CheckRecords accept, and leaves it to them to
// say why something is refused.
func (h *BatchHeader) readSequence(sequence []byte, limits Limits) *CheckedRecords {
	if h.Count < 1 || h.Count > min(limits.Records, MaxRecords) {
		return nil
	}
	got := &BatchHeader{Issuer: h.Issuer, Stream: h.Stream, Sequence: h.Sequence}
	d, x := newDerivation(got, h.Count), newExaminer(limits.Rules)
	of := &CheckedRecords{Records: make([][]byte, 0, h.Count), marks: make([]marks, 0, h.Count)}
	for len(sequence) > 0 {
		var f facts
		size, ok := x.next(sequence, &f)
		// SPEC(SUB-4)
		if !ok || size > limits.RecordBytes || len(of.Records) == h.Count {
			return nil
		}
		raw := sequence[:size:size]
		d.add(&f, raw)
		of.Records, of.marks, sequence = append(of.Records, raw), append(of.marks, x.marks), sequence[size:]
	}
	if len(of.Records) != h.Count {
		return nil
	}
	var err error
	if of.Tree, err = d.end(limits); err != nil || h.sameAs(got) != nil {
		return nil
	}
	return of
}
