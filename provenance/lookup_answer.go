package provenance

import "bytes"

// Bounds of an answer about records (SPEC(API-6)).
const (
	MaxRecordHits   = 100     // hits an answer
	MaxRecordOffset = 100_000 // behind which an answer may begin

	// MaxRecordsAnswer bounds an answer's bytes: each hit has a statement, a
	// record and its path in a batch.
	MaxRecordsAnswer = MaxRecordHits*(MaxStatementBytes+MaxRecordBytes+hitOverhead) + 32

	hitOverhead = 64 + maxPathHashes*(HashSize+2) // of heads, integers and the longest path
)

// A RecordsAnswer is what a node answers to a RecordQuery (SPEC(API-6)). That
// there are no more hits is its word alone; each hit says itself what proves it.
type RecordsAnswer struct {
	Size int64 // entries of the log that were searched, from the first
	// More says that the search may go on: with an offset that is greater by the
	// limit of this one, however many hits this answer has.
	More bool
	Hits []RecordHit // in the order of the log
}

// A RecordHit is a record that is said to stand in an entry, with what proves it.
type RecordHit struct {
	Entry     int64        // index of the statement in the log
	Statement []byte       // the canonical COSE_Sign1
	Proof     *RecordProof // that the record is one of the statement's
}

// Encode returns [size, more, [* [entry, statement, record proof]]].
func (a *RecordsAnswer) Encode() []byte {
	b := AppendInt(AppendArray(nil, 3), a.Size)
	b = append(b, encodedBool(a.More))
	b = AppendArray(b, len(a.Hits))
	for i := range a.Hits {
		h := &a.Hits[i]
		b = AppendInt(AppendArray(b, 3), h.Entry)
		b = AppendBytes(b, h.Statement)
		b = append(b, h.Proof.Encode()...)
	}
	return b
}

// encodedBool is the CBOR simple value of a bool.
func encodedBool(v bool) byte {
	if v {
		return majorOther<<5 | 21
	}
	return majorOther<<5 | 20
}

// ParseRecordsAnswer decodes an answer and holds it to its form: hits in strictly
// ascending order of entry and record, each entry within the size. What a hit
// says is for Check. The hits alias b. The error is an *Error.
func ParseRecordsAnswer(b []byte) (*RecordsAnswer, error) {
	if len(b) > MaxRecordsAnswer {
		return nil, fail(CodeSize, "", "the answer has %d bytes, at most %d are allowed", len(b), MaxRecordsAnswer)
	}
	a := &RecordsAnswer{}
	more := func(c *cursor) error {
		start := c.off
		err := boolean(c)
		a.More = err == nil && b[start] == encodedBool(true)
		return err
	}
	hits := func(c *cursor) error {
		if err := arity(c, 0, MaxRecordHits, CodeValue); err != nil {
			return err
		}
		return c.each(func(int) error { return a.readHit(c) })
	}
	err := parse(b, tuple(
		func(c *cursor) (err error) { a.Size, err = c.amount(); return err },
		more, hits,
	))
	if err != nil {
		return nil, err
	}
	return a, nil
}

// amount reads an integer that is not negative.
func (c *cursor) amount() (int64, error) {
	start := c.off
	v, err := c.integer()
	if err == nil && v < 0 {
		err = c.errorAt(start, CodeValue, "%d is negative", v)
	}
	return v, err
}

// readHit reads [entry, statement, record proof] and checks its place.
func (a *RecordsAnswer) readHit(c *cursor) error {
	start := c.off
	var h RecordHit
	err := tuple(
		func(c *cursor) (err error) { h.Entry, err = c.amount(); return err },
		func(c *cursor) (err error) { h.Statement, err = c.bytesIn(1, MaxStatementBytes); return err },
		func(c *cursor) (err error) { h.Proof, err = readRecordProof(c); return err },
	)(c)
	switch {
	case err != nil:
		return err
	case h.Entry >= a.Size:
		return c.errorAt(start, CodeValue, "entry %d, of %d that were searched", h.Entry, a.Size)
	case len(a.Hits) > 0 && !a.Hits[len(a.Hits)-1].before(&h):
		return c.errorAt(start, CodeValue, "record %d of entry %d does not come behind the hit before", h.Proof.Index, h.Entry)
	}
	a.Hits = append(a.Hits, h)
	return nil
}

// before reports whether h stands before other in the log.
func (h *RecordHit) before(other *RecordHit) bool {
	return h.Entry < other.Entry || h.Entry == other.Entry && h.Proof.Index < other.Proof.Index
}

// readRecordProof reads a record proof that is embedded (SPEC(REC-11)).
func readRecordProof(c *cursor) (*RecordProof, error) {
	start, depth := c.off, c.depth
	if err := arity(c, 4, 4, CodeValue); err != nil {
		return nil, err
	}
	_, _, _ = c.head()
	c.depth = 0 // SPEC(ENC-11): a record nests by itself, or the deepest could not be proven
	for range 4 {
		if err := c.skip(); err != nil {
			return nil, err
		}
	}
	c.depth = depth
	return ParseRecordProof(c.b[start:c.off:c.off])
}

// Check checks that a hit answers q: that the record stands in the statement's
// batch and is one that q asks for. It returns the statement and the record's id.
// Neither the statement's signature nor its place in the log is looked at. The
// error is an *Error.
func (h *RecordHit) Check(q RecordQuery) (*UnverifiedStatement, Hash, error) {
	s, err := ParseStatement(h.Statement)
	if err != nil {
		return nil, Hash{}, within("statement", err)
	}
	id, err := h.Proof.Verify(s.Header())
	if err != nil {
		return nil, Hash{}, within("proof", err)
	}
	refs, err := ReferencesOf(h.Proof.Record)
	if err != nil {
		return nil, Hash{}, within("proof.record", err)
	}
	if !q.Matches(s.Header().Issuer, id, refs) {
		name, value := q.Param()
		return nil, Hash{}, fail(CodeValue, "proof.record", "record %s is not one that %s=%s asks for", id, name, value)
	}
	return s, id, nil
}

// Matches reports whether q asks for the record of an issuer with this id and
// these references.
func (q RecordQuery) Matches(issuer string, id Hash, refs References) bool {
	switch {
	case q.Content != nil:
		for i := range refs.Contents {
			if refs.Contents[i] == *q.Content {
				return true
			}
		}
		return false
	case q.Corrects:
		return issuer == q.Issuer && refs.Corrects != nil && *refs.Corrects == *q.ID
	case q.Parent:
		return q.matchesParent(refs)
	case q.ID != nil:
		return id == *q.ID
	}
	return issuer == q.Issuer && len(refs.Ref) > 0 && bytes.Equal(refs.Ref, q.Ref)
}

func (q RecordQuery) matchesParent(refs References) bool {
	for _, p := range refs.Parents {
		switch {
		case q.ID != nil && p.ID != nil && Hash(p.ID) == *q.ID:
			return true
		case q.ID == nil && p.ID == nil && p.Issuer == q.Issuer && bytes.Equal(p.Ref, q.Ref):
			return true
		}
	}
	return false
}
