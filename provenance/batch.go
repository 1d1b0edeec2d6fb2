package provenance

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"sync"
)

// FormatVersion is the version of the batch header that this package writes
// and reads.
const FormatVersion = 1

// A BatchHeader is what a provider signs: it commits to the records of one
// batch and states their totals (spec/statement.md, "Batch header").
type BatchHeader struct {
	Issuer   string // the provider's id in the registry
	Stream   string
	Sequence int64 // from 0, without gaps
	Previous *Hash // id of the statement before; nil exactly for sequence 0
	Count    int   // records
	Root     Hash  // of the records' tree
	First    int64 // least time of the records, ms since the epoch
	Last     int64 // greatest
	Strings  []string
	Totals   []Cell
}

// wireHeader is the batch header as it is signed. Keys must never be changed.
type wireHeader struct {
	Version  int64      `cbor:"1,keyasint"`
	Issuer   string     `cbor:"2,keyasint"`
	Stream   string     `cbor:"3,keyasint"`
	Sequence int64      `cbor:"4,keyasint"`
	Previous []byte     `cbor:"5,keyasint,omitempty"`
	Count    int64      `cbor:"6,keyasint"`
	Root     Hash       `cbor:"7,keyasint"`
	Period   [2]int64   `cbor:"8,keyasint"`
	Strings  []string   `cbor:"9,keyasint"`
	Totals   []wireCell `cbor:"10,keyasint"`
}

var headerShape = sync.OnceValue(func() *shape {
	return shapeOf(
		must(1, "version", withCode(CodeVersion, integerIn(FormatVersion, FormatVersion))),
		must(2, "issuer", nameID),
		must(3, "stream", nameID),
		must(4, "sequence", amount),
		may(5, "previous", hash32),
		must(6, "count", withCode(CodeCount, integerIn(1, MaxRecords))),
		must(7, "root", hash32),
		must(8, "period", tuple(instant, instant)),
		must(9, "strings", tableString),
		must(10, "totals", headerCells),
	)
})

// withCode gives a value error of ck another code.
func withCode(code Code, ck check) check {
	return func(c *cursor) error {
		err := ck(c)
		if e, ok := err.(*Error); ok && e.Code == CodeValue {
			e.Code = code
		}
		return err
	}
}

func tableString(c *cursor) error {
	if err := arity(c, 0, 4*MaxCells, CodeStrings); err != nil { // none: then no cell resolves
		return err
	}
	var prev []byte
	return c.each(func(i int) error {
		start := c.off
		s, err := c.text()
		switch {
		case err != nil:
			return err
		case len(s) > 255:
			// SPEC(BAT-2)
			return c.errorAt(start, CodeStrings, "a string of %d bytes, at most 255 are allowed", len(s))
		case i > 0 && bytes.Compare(prev, s) >= 0:
			// SPEC(BAT-2)
			return c.errorAt(start, CodeStrings, "%q does not come behind %q", s, prev)
		}
		prev = s
		return nil
	})
}

func headerCells(c *cursor) error {
	if err := arity(c, 1, MaxCells, CodeCells); err != nil {
		return err
	}
	return c.each(func(int) error {
		if err := arity(c, len(wireCell{}), len(wireCell{}), CodeCells); err != nil {
			return err
		}
		return c.each(func(place int) error {
			start := c.off
			v, err := c.integer()
			if r := cellRanges[place]; err == nil && (v < r.lo || v > r.hi) {
				return c.errorAt(start, CodeCells, "%d is not in %d to %d", v, r.lo, r.hi)
			}
			return err
		})
	})
}

// cellRanges says what the places of a cell's key may be (spec/record.cddl,
// cell). Strings are looked up later; sums are any int64.
var cellRanges = func() (ranges [len(wireCell{})]struct{ lo, hi int64 }) {
	for place := range ranges {
		ranges[place].lo, ranges[place].hi = math.MinInt64, math.MaxInt64
	}
	ranges[0].lo = 0
	ranges[1].lo, ranges[1].hi = int64(Production), int64(newestKind)
	ranges[2].lo, ranges[2].hi = int64(Neither), int64(Importer)
	ranges[6].lo, ranges[6].hi = 0, 4
	ranges[8].lo, ranges[8].hi = 0, 4
	ranges[9].lo, ranges[9].hi = 0, 3
	return ranges
}()

// ParseBatchHeader decodes the payload of a statement and checks all that can
// be checked without the records.
func ParseBatchHeader(b []byte) (*BatchHeader, error) {
	if len(b) > MaxStatementBytes {
		return nil, fail(CodeSize, "", "the batch header has %d bytes, at most %d are allowed", len(b), MaxStatementBytes)
	}
	if err := parse(b, headerShape().check); err != nil {
		return nil, err
	}
	var w wireHeader
	if err := unmarshal(b, &w); err != nil {
		return nil, err
	}
	// SPEC(BAT-7): the first of a stream has no predecessor, every other has one.
	if (w.Sequence == 0) != (w.Previous == nil) {
		return nil, fail(CodeChain, "previous", "sequence %d with previous present: %t; only sequence 0 has none", w.Sequence, w.Previous != nil)
	}
	if w.Period[0] > w.Period[1] {
		return nil, fail(CodePeriod, "period", "it begins at %d, after its end at %d", w.Period[0], w.Period[1])
	}
	cells, err := fromWire(w.Totals, w.Strings)
	if err != nil {
		return nil, err
	}
	h := &BatchHeader{
		Issuer: w.Issuer, Stream: w.Stream, Sequence: w.Sequence, Count: int(w.Count), Root: w.Root,
		First: w.Period[0], Last: w.Period[1], Strings: w.Strings, Totals: cells,
	}
	if w.Previous != nil {
		h.Previous = new(Hash(w.Previous))
	}
	return h, nil
}

// Encode returns the one encoding of h, the payload of a statement.
func (h *BatchHeader) Encode() ([]byte, error) {
	w := wireHeader{
		Version: FormatVersion, Issuer: h.Issuer, Stream: h.Stream, Sequence: h.Sequence,
		Count: int64(h.Count), Root: h.Root, Period: [2]int64{h.First, h.Last},
		Strings: h.Strings, Totals: toWire(h.Totals, h.Strings),
	}
	if h.Previous != nil {
		w.Previous = h.Previous[:]
	}
	b, err := marshal(w)
	if err != nil {
		return nil, err
	}
	again, err := ParseBatchHeader(b)
	if err != nil {
		return nil, err
	}
	if !slices.Equal(again.Totals, h.Totals) {
		return nil, fail(CodeStrings, "strings", "the string table does not hold the strings of the totals")
	}
	return b, nil
}

// NewBatch derives the header of the given encoded records, to stand at
// sequence in the stream behind the statement previous.
func NewBatch(issuer, stream string, sequence int64, previous *Hash, records [][]byte) (*BatchHeader, error) {
	h := &BatchHeader{Issuer: issuer, Stream: stream, Sequence: sequence, Previous: previous}
	if _, err := h.derive(records, FormatLimits()); err != nil {
		return nil, err
	}
	return h, nil
}

// derive sets count, root, period, strings and totals from the records and
// returns the tree of the records.
func (h *BatchHeader) derive(records [][]byte, limits Limits) (*Tree, error) {
	if len(records) < 1 || len(records) > limits.Records {
		return nil, fail(CodeCount, "", "%d records, wanted 1 to %d", len(records), limits.Records)
	}
	d, x := newDerivation(h, len(records)), newExaminer(limits.Rules)
	for i, raw := range records {
		var f facts
		if size, ok := x.next(raw, &f); !ok || size != len(raw) {
			var err error
			if f, err = examine(raw, nil, limits.Rules); err != nil { // says why
				return nil, within(fmt.Sprintf("records[%d]", i), err)
			}
		}
		if len(raw) > limits.RecordBytes {
			return nil, fail(CodeSize, fmt.Sprintf("records[%d]", i), "%d bytes, this ledger's policy allows %d", len(raw), limits.RecordBytes)
		}
		d.add(&f, raw)
	}
	return d.end(limits)
}

// CheckRecords holds the header against its records (SPEC(BAT-6)) and returns
// their tree. The first difference is the error.
func (h *BatchHeader) CheckRecords(records [][]byte, limits Limits) (*Tree, error) {
	if len(records) != h.Count {
		return nil, fail(CodeCount, "count", "the header says %d records, there are %d", h.Count, len(records))
	}
	got := &BatchHeader{Issuer: h.Issuer, Stream: h.Stream, Sequence: h.Sequence}
	tree, err := got.derive(records, limits)
	if err != nil {
		return nil, err
	}
	if err := h.sameAs(got); err != nil {
		return nil, err
	}
	return tree, nil
}

// sameAs holds the header against the one that its records give. The first
// difference is the error.
func (h *BatchHeader) sameAs(got *BatchHeader) error {
	switch {
	case got.Root != h.Root:
		// SPEC(BAT-1)
		return fail(CodeRoot, "root", "the header says %s, the records give %s", h.Root, got.Root)
	case got.First != h.First || got.Last != h.Last:
		return fail(CodePeriod, "period", "the header says %d to %d, the records give %d to %d", h.First, h.Last, got.First, got.Last)
	}
	// SPEC(BAT-5)
	if err := sameCells(got.Totals, h.Totals); err != nil {
		return err
	}
	if !slices.Equal(got.Strings, h.Strings) {
		// SPEC(BAT-2): only in a header that was not parsed; the table follows from the cells.
		return fail(CodeStrings, "strings", "the header's string table is not that of the records")
	}
	return nil
}

func sameCells(want, got []Cell) error {
	for i := range min(len(want), len(got)) {
		if want[i] != got[i] {
			return fail(CodeTotals, pathOf("totals", i, -1), "the header says %v, the records give %v", got[i], want[i])
		}
	}
	if len(want) != len(got) {
		return fail(CodeTotals, "totals", "the header has %d cells, the records give %d", len(got), len(want))
	}
	return nil
}

// Follows checks that h comes next in the stream after the statement with the
// header before and the id prev (SPEC(BAT-7)). For the first, before is nil.
func (h *BatchHeader) Follows(before *BatchHeader, prev Hash) error {
	switch {
	case before == nil && h.Sequence != 0:
		return fail(CodeChain, "sequence", "the stream begins with sequence %d, wanted 0", h.Sequence)
	case before == nil:
		return nil
	case h.Issuer != before.Issuer || h.Stream != before.Stream:
		return fail(CodeChain, "stream", "%s/%s does not follow %s/%s", h.Issuer, h.Stream, before.Issuer, before.Stream)
	case h.Sequence != before.Sequence+1:
		return fail(CodeChain, "sequence", "sequence %d follows %d", h.Sequence, before.Sequence)
	case h.Previous == nil || *h.Previous != prev:
		return fail(CodeChain, "previous", "it does not name the statement before, %s", prev)
	}
	return nil
}

// RecordLeaf returns the leaf of a record in its batch's tree (SPEC(REC-10)).
// record must be one valid record, encoded.
func RecordLeaf(issuer, stream string, sequence int64, index int, record []byte) []byte {
	return appendLeaf(make([]byte, 0, len(record)+len(issuer)+len(stream)+24), issuer, stream, sequence, index, record)
}

func appendLeaf(b []byte, issuer, stream string, sequence int64, index int, record []byte) []byte {
	return append(AppendInt(appendLeafHead(b, issuer, stream, sequence), int64(index)), record...)
}

// appendLeafHead appends what the leaves of a batch begin with.
func appendLeafHead(b []byte, issuer, stream string, sequence int64) []byte {
	b = AppendArray(b, 5)
	b = AppendText(b, issuer)
	b = AppendText(b, stream)
	return AppendInt(b, sequence)
}

// RecordID returns the id of a record: the leaf hash of its leaf (SPEC(REC-10)).
func RecordID(issuer, stream string, sequence int64, index int, record []byte) Hash {
	return LeafHash(RecordLeaf(issuer, stream, sequence, index, record))
}

func pathOf(list string, i, place int) string {
	if place < 0 {
		return fmt.Sprintf("%s[%d]", list, i)
	}
	return fmt.Sprintf("%s[%d][%d]", list, i, place)
}
