package provenance

import (
	"bytes"
	"fmt"
)

// Types of submissions (SPEC(SUB-1)).
const (
	SubmissionBatch        int64 = 1 // a statement with its records
	SubmissionAct          int64 = 2
	SubmissionEquivocation int64 = 3
)

// A Submission is a statement with its records, as it travels to the ledger
// (spec/statement.md, "Submission").
type Submission struct {
	Statement *UnverifiedStatement
	Frame     []byte // the records: one zstd frame over their CBOR sequence
}

// NewSubmission packs the records of a statement. They are those that its
// header was derived from; CheckRecords says so.
func NewSubmission(s *UnverifiedStatement, records [][]byte) (*Submission, error) {
	sub := &Submission{s, packFrame(bytes.Join(records, nil))}
	if len(sub.Frame) > MaxFrameBytes {
		return nil, fail(CodeSize, "records", "the records take %d bytes compressed, at most %d are allowed; split the batch", len(sub.Frame), MaxFrameBytes)
	}
	_, _, err := sub.CheckRecords(FormatLimits())
	return sub, err
}

// ParseSubmission takes a submission apart and checks its statement's form and
// the frame's header. Records are not expanded: CheckRecords does that.
func ParseSubmission(b []byte) (*Submission, error) {
	// SPEC(ADM-2)
	if len(b) > MaxSubmissionBytes {
		return nil, fail(CodeSize, "", "the submission has %d bytes, at most %d are allowed", len(b), MaxSubmissionBytes)
	}
	statement, frame, err := splitSubmission(b)
	if err != nil {
		return nil, err
	}
	s, err := ParseStatement(statement)
	if err != nil {
		return nil, within("statement", err)
	}
	if _, err := frameSize(frame); err != nil {
		return nil, err
	}
	return &Submission{s, frame}, nil
}

// StatementAlone reports whether b is a statement that comes without its
// records (SPEC(ADM-4)): by itself, or in a submission whose string of records is
// empty. It returns the statement, of which nothing else is checked.
func StatementAlone(b []byte) (statement []byte, alone bool) {
	if len(b) > 0 && b[0] == sign1Tag {
		return b, true
	}
	statement, frame, err := splitSubmission(b)
	return statement, err == nil && len(frame) == 0
}

// splitSubmission takes the array of SUB-1 apart.
func splitSubmission(b []byte) (statement, frame []byte, err error) {
	c := &cursor{b: b}
	err = func() error {
		if err := openSubmission(c, SubmissionBatch, 3); err != nil {
			return err
		}
		if statement, err = c.bytes(); err != nil {
			return err
		}
		if frame, err = c.bytes(); err != nil {
			return err
		}
		return c.end()
	}()
	// SPEC(SUB-1)
	return statement, frame, asEnvelope(err, "not a submission [1, statement, records]: ")
}

// CleanSubmission returns the submission b with the unprotected header of its
// statement emptied (SPEC(STM-2)), for whoever receives one over HTTP.
func CleanSubmission(b []byte) ([]byte, error) {
	if len(b) > MaxSubmissionBytes {
		return nil, fail(CodeSize, "", "the submission has %d bytes, at most %d are allowed", len(b), MaxSubmissionBytes)
	}
	statement, frame, err := splitSubmission(b)
	if err != nil {
		return nil, err
	}
	clean, err := EmptyUnprotected(statement)
	if err != nil {
		return nil, within("statement", err)
	}
	return encodeSubmission(clean, frame), nil
}

// ExpandedSize returns what the records take expanded, as the frame states it; 0
// where the frame is none.
func (s *Submission) ExpandedSize() int64 {
	size, err := frameSize(s.Frame)
	if err != nil {
		return 0
	}
	return size
}

// Encode returns the submission's one encoding.
func (s *Submission) Encode() []byte { return encodeSubmission(s.Statement.Raw(), s.Frame) }

func encodeSubmission(statement, frame []byte) []byte {
	b := make([]byte, 0, len(statement)+len(frame)+12)
	b = AppendInt(AppendArray(b, 3), SubmissionBatch)
	return AppendBytes(AppendBytes(b, statement), frame)
}

// CheckRecords expands the records and holds the statement's header against
// them (SPEC(SUB-3), SPEC(SUB-4), SPEC(BAT-6)), under the format's ceilings or
// lower ones. It returns the encoded records and their tree.
func (s *Submission) CheckRecords(limits Limits) ([][]byte, *Tree, error) {
	of, err := s.OpenRecords(limits)
	if err != nil {
		return nil, nil, err
	}
	return of.Records, of.Tree, nil
}

// OpenRecords does what CheckRecords does, for who wants to know what the records
// refer to as well.
func (s *Submission) OpenRecords(limits Limits) (*CheckedRecords, error) {
	header := s.Statement.Header()
	switch {
	case len(s.Frame) > limits.FrameBytes:
		return nil, fail(CodeSize, "records", "the frame has %d bytes, this ledger's policy allows %d", len(s.Frame), limits.FrameBytes)
	case len(s.Statement.Raw()) > limits.StatementBytes:
		return nil, fail(CodeSize, "statement", "%d bytes, this ledger's policy allows %d", len(s.Statement.Raw()), limits.StatementBytes)
	}
	sequence, err := expandFrame(s.Frame, limits.ExpandedBytes)
	if err != nil {
		return nil, err
	}
	if of := header.readSequence(sequence, limits); of != nil {
		return of, nil
	}
	// Something is wrong: what, and what first, one rule after another says.
	records, err := takeRecords(sequence, header.Count, limits)
	if err != nil {
		return nil, err
	}
	tree, err := header.CheckRecords(records, limits)
	if err != nil {
		return nil, err
	}
	return &CheckedRecords{Records: records, Tree: tree}, nil
}

// ExpandRecords expands a frame into its encoded records, which must be count.
// Each is walked to its end; what it says is for ParseRecord to judge.
func ExpandRecords(frame []byte, count int, limits Limits) ([][]byte, error) {
	sequence, err := expandFrame(frame, limits.ExpandedBytes)
	if err != nil {
		return nil, err
	}
	return takeRecords(sequence, count, limits)
}

// takeRecords takes a sequence of records apart.
func takeRecords(sequence []byte, count int, limits Limits) ([][]byte, error) {
	records := make([][]byte, 0, max(0, min(count, MaxRecords)))
	for len(sequence) > 0 {
		// SPEC(SUB-4)
		if len(records) == count {
			return nil, fail(CodeCount, "count", "the header says %d records, more follow", count)
		}
		c := &cursor{b: sequence}
		if err := c.skip(); err != nil {
			return nil, within(fmt.Sprintf("records[%d]", len(records)), preciseError(sequence, limits.Rules, err))
		}
		records = append(records, sequence[:c.off:c.off])
		sequence = sequence[c.off:]
	}
	if len(records) != count {
		return nil, fail(CodeCount, "count", "the header says %d records, there are %d", count, len(records))
	}
	return records, nil
}

// preciseError prefers what the record's own grammar says of bytes that no
// record begins with, since it knows the field.
func preciseError(b []byte, rules int, err error) error {
	if _, precise := recordShape().walk(&cursor{b: b, rules: rules}); precise != nil {
		return precise
	}
	return err
}
