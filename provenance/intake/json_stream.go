package intake

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"time"

	"tokentrail/provenance"
)

// A RecordsJSONReader reads records as JSON, one after the other: one object, an
// array of objects, or objects one behind the other, as JSON Lines has them
// (SPEC(CLI-9)). It needs no more memory than one record.
type RecordsJSONReader struct {
	r     *bufio.Reader
	line  int
	count int64
	list  bool // within an array
	ended bool // the array has ended

	// Latest, where it is set, is the last time that is believed: a record behind
	// it is an error.
	Latest time.Time
}

// NewRecordsJSONReader returns a reader of the records in r.
func NewRecordsJSONReader(r io.Reader) *RecordsJSONReader {
	in := bufio.NewReaderSize(r, 64<<10)
	if mark, err := in.Peek(3); err == nil && string(mark) == "\uFEFF" {
		_, _ = in.Discard(3) // of what was peeked
	}
	return &RecordsJSONReader{r: in, line: 1}
}

// Count returns how many records have been read.
func (r *RecordsJSONReader) Count() int64 { return r.count }

// Next returns the next record and its encoding, or io.EOF at the end. What is
// wrong with the input is a *JSONError.
func (r *RecordsJSONReader) Next() (*provenance.Record, []byte, error) {
	if err := r.advance(); err != nil {
		return nil, nil, err
	}
	line := r.line
	text, err := r.object()
	if err != nil {
		return nil, nil, err
	}
	record, raw, err := parseRecordJSON(text, line)
	if err != nil {
		return nil, nil, err
	}
	if !r.Latest.IsZero() && record.Time > r.Latest.UnixMilli() {
		// SPEC(IMP-7)
		return nil, nil, &JSONError{line, "time", fmt.Errorf("%s: %w", Instant(record.Time), ErrFuture)}
	}
	r.count++
	return record, raw, nil
}

// fault makes an error about what stands where the reader is.
func (r *RecordsJSONReader) fault(format string, args ...any) error {
	return &JSONError{r.line, "", fmt.Errorf(format, args...)}
}

// advance goes to where the next record begins; io.EOF where none does.
func (r *RecordsJSONReader) advance() error {
	first, behind := r.count == 0 && !r.list, r.list && r.count > 0
	for comma := false; ; {
		c, err := r.byte()
		switch {
		case errors.Is(err, io.EOF) && r.list && !r.ended:
			return r.fault("the JSON text ends within the array")
		case err != nil:
			return err
		case r.ended:
			return r.fault("%q follows the array; wanted nothing", c)
		case c == '[' && first:
			r.list, first = true, false
		case c == ',' && behind && !comma:
			comma = true
		case c == ']' && r.list && !comma:
			r.ended = true
		case c == '{' && (!behind || comma):
			return r.r.UnreadByte()
		case first:
			return r.fault("%q is no beginning of records as JSON: wanted one object, an array of objects, or an object a line", c)
		case r.list:
			return r.fault("%q where the array goes on; wanted an object, behind the first after a comma, or the end", c)
		default:
			return r.fault("%q between records; wanted an object", c)
		}
	}
}

// byte returns the next byte that is not white space.
func (r *RecordsJSONReader) byte() (byte, error) {
	for {
		c, err := r.r.ReadByte()
		if err != nil {
			return 0, err
		}
		switch c {
		case '\n':
			r.line++
		case ' ', '\t', '\r':
		default:
			return c, nil
		}
	}
}

// object returns the text of the object that begins here: to its last brace.
// Whether it is JSON is for the parser to say.
func (r *RecordsJSONReader) object() ([]byte, error) {
	var text []byte
	var within, escaped bool // a string; behind a backslash in it
	begins := r.line
	for open := 0; ; {
		c, err := r.r.ReadByte()
		switch {
		case errors.Is(err, io.EOF):
			return nil, &JSONError{begins, "", errors.New("the JSON text ends within the record that begins here")}
		case err != nil:
			return nil, err
		case len(text) == MaxRecordJSON:
			return nil, &JSONError{begins, "", fmt.Errorf("the record that begins here has more than %d bytes of JSON", MaxRecordJSON)}
		}
		text = append(text, c)
		switch {
		case c == '\n':
			r.line++
		case escaped:
			escaped = false
		case within && c == '\\':
			escaped = true
		case c == '"':
			within = !within
		case within:
		case c == '{':
			open++
		case c == '}':
			if open--; open == 0 {
				return text, nil
			}
		}
	}
}
