package intake

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"tokentrail/provenance"
)

// MaxRowBytes is the most that one row of a CSV file may have, line breaks
// inside quotes included.
const MaxRowBytes = 1 << 20

// A CSV says how the rows of a CSV file become records: which columns hold
// what, and what is the same for all. The first row names the columns.
type CSV struct {
	// Constants is every record but for its time, its usage, and what the
	// columns below hold. It is not changed.
	Constants provenance.Record

	Time   string // column of the event's time; must
	Input  string // column of input tokens; must
	Output string // column of output tokens; must

	// Columns that may be absent ("") from the mapping; an empty cell leaves
	// the field out of that row's record.
	CacheRead  string
	CacheWrite string
	Reasoning  string

	// Model is the column of the model's name. An empty cell leaves the name
	// that Constants gives, if it gives one.
	Model string

	// TimeFormat is a layout of Go's time package, or "unix" or "unix-ms". Empty
	// stands for the usual forms (spec/import.md).
	TimeFormat string

	// Latest, where it is set, is the last time that is believed: a row behind it
	// is a bad row.
	Latest time.Time

	// Zone is where times without an offset are read; nil is UTC.
	Zone *time.Location
}

// A MappingError says that a mapping cannot be used, whatever the rows hold.
type MappingError struct {
	Field string // of CSV, or the path of a field of Constants
	Err   error
}

// Error reads "field: what is wrong".
func (e *MappingError) Error() string { return fmt.Sprintf("%s: %v", e.Field, e.Err) }

// Unwrap returns what is wrong.
func (e *MappingError) Unwrap() error { return e.Err }

// A RowError says what is wrong with one row. The reader can go on behind it.
// SPEC(IMP-6)
type RowError struct {
	Line   int    // from 1; the header is line 1
	End    int    // the row's last line, where the row has several; else 0
	Column string // the column's name, or "" where the row as a whole is wrong
	At     int    // byte column of the cell, from 1; 0 where none applies
	Value  string // the cell
	Err    error
}

// Error reads `line 7, column "ContextTokens" (byte 29), value "x": what is wrong`,
// or "lines 7 to 9" where the row has these.
func (e *RowError) Error() string {
	var b strings.Builder
	if e.End > e.Line {
		fmt.Fprintf(&b, "lines %d to %d", e.Line, e.End)
	} else {
		fmt.Fprintf(&b, "line %d", e.Line)
	}
	if e.Column != "" {
		fmt.Fprintf(&b, ", column %q", e.Column)
	}
	if e.At > 0 && e.End <= e.Line {
		fmt.Fprintf(&b, " (byte %d)", e.At)
	}
	if e.Column != "" {
		fmt.Fprintf(&b, ", value %.80q", e.Value)
	}
	fmt.Fprintf(&b, ": %v", e.Err)
	return b.String()
}

// Unwrap returns what is wrong.
func (e *RowError) Unwrap() error { return e.Err }

// A CSVReader reads records from the rows of one CSV file.
type CSVReader struct {
	mapping CSV
	rows    *csv.Reader
	ahead   *bufio.Reader // what rows reads from
	bound   *boundReader
	clock   clock
	header  []string
	at      columns
	line    int
}

// columns are the places of the mapped columns in a row; -1 where not mapped.
type columns struct {
	time, input, output, cacheRead, cacheWrite, reasoning, model int
}

// NewReader reads the header of a CSV file and holds the mapping against it.
// Errors of the mapping are *MappingError.
func (m CSV) NewReader(r io.Reader) (*CSVReader, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	clock, err := newClock(m.TimeFormat, m.Zone)
	if err != nil {
		return nil, &MappingError{"time format", err}
	}
	bound := &boundReader{r: r}
	bound.reset()
	buffered := bufio.NewReaderSize(bound, rowBuffer) // encoding/csv reads from it, not around it
	if err := begin(buffered); err != nil {
		return nil, err
	}
	rows := csv.NewReader(buffered)
	rows.ReuseRecord = true
	reader := &CSVReader{mapping: m, rows: rows, ahead: buffered, bound: bound, clock: clock}
	header, err := rows.Read()
	switch {
	case errors.Is(err, io.EOF):
		return nil, fmt.Errorf("the file is empty: the first row has to name the columns")
	case err != nil:
		return nil, fmt.Errorf("the header: %w", reader.rowError(nil, err))
	}
	reader.header = slices.Clone(header)
	return reader, reader.locate()
}

// begin passes over a byte order mark, and refuses what is no text in UTF-8.
func begin(r *bufio.Reader) error {
	head, _ := r.Peek(3) // what cannot be read, the header says
	switch {
	case string(head) == "\ufeff":
		_, err := r.Discard(3)
		return err
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		return errors.New("the file is compressed (gzip): give what zcat makes of it, on standard input")
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}), bytes.HasPrefix(head, []byte{0xfe, 0xff}), bytes.ContainsRune(head, 0):
		return errors.New("the file is in UTF-16: save it as UTF-8, or give what iconv -f UTF-16 -t UTF-8 makes of it")
	}
	return nil
}

// separator tells of a header whose cells something else than a comma separates.
func separator(header []string) string {
	for _, other := range []string{";", "\t", "|"} {
		if len(header) == 1 && strings.Contains(header[0], other) {
			return fmt.Sprintf("; its cells seem to be separated by %q, wanted commas", other)
		}
	}
	return ""
}

// check tries the constants on a record, so that what is wrong with them is
// said once and not for each row.
func (m *CSV) check() error {
	for _, c := range []struct{ field, name string }{{"time", m.Time}, {"input", m.Input}, {"output", m.Output}} {
		if c.name == "" {
			return &MappingError{c.field, errors.New("no column is named")}
		}
	}
	r := m.Constants
	r.Usage = &provenance.Usage{}
	if m.Model != "" {
		r.Model = m.modelNamed("model")
	}
	_, err := r.Encode()
	var e *provenance.Error
	if errors.As(err, &e) {
		return &MappingError{e.Path, fmt.Errorf("%s: %s", e.Code, e.Detail)}
	}
	return err
}

// modelNamed is the model that a column names: asserted. SPEC(IMP-3)
func (m *CSV) modelNamed(name string) *provenance.Model {
	model := provenance.Model{Known: provenance.Asserted}
	if m.Constants.Model != nil {
		model = *m.Constants.Model
	}
	model.Name = name
	return &model
}

func (r *CSVReader) locate() error {
	for _, c := range []struct {
		field, name string
		at          *int
	}{
		{"time", r.mapping.Time, &r.at.time},
		{"input", r.mapping.Input, &r.at.input},
		{"output", r.mapping.Output, &r.at.output},
		{"cache read", r.mapping.CacheRead, &r.at.cacheRead},
		{"cache write", r.mapping.CacheWrite, &r.at.cacheWrite},
		{"reasoning", r.mapping.Reasoning, &r.at.reasoning},
		{"model", r.mapping.Model, &r.at.model},
	} {
		*c.at = -1
		if c.name == "" {
			continue
		}
		*c.at = slices.Index(r.header, c.name)
		if *c.at < 0 {
			return &MappingError{c.field, fmt.Errorf("the file has no column %q; it has %s%s", c.name, quoted(r.header), separator(r.header))}
		}
		if slices.Contains(r.header[*c.at+1:], c.name) {
			return &MappingError{c.field, fmt.Errorf("the file has more than one column %q", c.name)}
		}
	}
	return nil
}

func quoted(names []string) string {
	const most = 40
	var b strings.Builder
	for i, name := range names[:min(len(names), most)] {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%.40q", name)
	}
	if len(names) > most {
		fmt.Fprintf(&b, " and %d more", len(names)-most)
	}
	return b.String()
}

// Next returns the record of the next row and its encoding. At the end the
// error is io.EOF. After a *RowError the next call reads the row behind it;
// after any other error the reader is of no more use.
func (r *CSVReader) Next() (*provenance.Record, []byte, error) {
	r.bound.reset()
	row, err := r.rows.Read()
	if err != nil {
		return nil, nil, r.rowError(row, err)
	}
	r.line, _ = r.rows.FieldPos(0)
	record, err := r.record(row)
	if err != nil {
		return nil, nil, err
	}
	b, err := record.Encode()
	if err != nil {
		return nil, nil, r.blame(err, row)
	}
	return record, b, nil
}

// rowError tells rows that can be skipped from files that cannot be read on.
func (r *CSVReader) rowError(row []string, err error) error {
	var e *csv.ParseError
	switch {
	case errors.Is(err, errRowTooLong):
		return fmt.Errorf("behind line %d: a row of more than %d bytes; is a quote not closed?", r.line, MaxRowBytes)
	case errors.As(err, &e) && errors.Is(e.Err, csv.ErrFieldCount):
		r.line = e.StartLine
		return &RowError{Line: e.StartLine, End: r.end(row), Err: fmt.Errorf("not as many cells as the header, which has %d", r.rows.FieldsPerRecord)}
	case errors.As(err, &e) && errors.Is(e.Err, csv.ErrQuote) && (e.Line != e.StartLine || r.atEnd()):
		return r.openQuote(e)
	case errors.As(err, &e):
		r.line = e.StartLine
		return &RowError{Line: e.Line, At: e.Column, Err: e.Err}
	}
	return err
}

// end returns the last line of the row that was read, or 0 where it is the first.
func (r *CSVReader) end(row []string) int {
	first, _ := r.rows.FieldPos(0)
	last, _ := r.rows.FieldPos(len(row) - 1)
	if last += strings.Count(row[len(row)-1], "\n"); last > first {
		return last
	}
	return 0
}

// atEnd reports whether nothing follows.
func (r *CSVReader) atEnd() bool {
	_, err := r.ahead.Peek(1)
	return errors.Is(err, io.EOF)
}

// openQuote says where a quote is opened and not closed. What it took for its
// cell are rows, so that nothing behind it can be trusted to be one: this is no
// *RowError. SPEC(IMP-6)
func (r *CSVReader) openQuote(e *csv.ParseError) error {
	follow := int64(e.Line - e.StartLine)
	piece := make([]byte, 32<<10)
	for ends := true; ; {
		r.bound.reset()
		n, err := r.ahead.Read(piece)
		follow += int64(bytes.Count(piece[:n], []byte("\n")))
		if n > 0 {
			ends = piece[n-1] == '\n'
		}
		if err == nil {
			continue
		}
		if !ends {
			follow++ // the last line has no end
		}
		if !errors.Is(err, io.EOF) {
			return err
		}
		return fmt.Errorf("line %d: a quote is opened and not closed; %s", e.StartLine, following(follow))
	}
}

// following tells how many lines follow.
func following(lines int64) string {
	switch lines {
	case 0:
		return "it is the last line"
	case 1:
		return "1 line follows it"
	}
	digits := strconv.FormatInt(lines, 10)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits + " lines follow it"
}

// blame finds the cell that made a record invalid.
func (r *CSVReader) blame(err error, row []string) error {
	var e *provenance.Error
	if !errors.As(err, &e) {
		return err
	}
	why := fmt.Errorf("%s: %s", e.Code, e.Detail)
	for _, c := range []struct {
		path string
		at   int
	}{
		{"time", r.at.time}, {"usage.input", r.at.input}, {"usage.output", r.at.output}, {"model.name", r.at.model},
	} {
		if c.path == e.Path && c.at >= 0 {
			return r.cell(row, c.at, why)
		}
	}
	return &RowError{Line: r.line, End: r.end(row), Err: fmt.Errorf("%s: %w", e.Path, why)}
}

// cell says that the cell at a place of the row is wrong.
func (r *CSVReader) cell(row []string, at int, err error) error {
	line, column := r.rows.FieldPos(at)
	end := r.end(row)
	if end > 0 {
		line = r.line
	}
	return &RowError{Line: line, End: end, Column: r.header[at], At: column, Value: row[at], Err: err}
}

// rowBuffer is what the reader below encoding/csv may have read ahead of a row.
const rowBuffer = 64 << 10

var errRowTooLong = errors.New("the row is too long")

// A boundReader stops encoding/csv, which has no bound of its own, from
// gathering a row without end.
type boundReader struct {
	r    io.Reader
	left int
}

// reset begins a new row.
func (b *boundReader) reset() { b.left = MaxRowBytes + rowBuffer }

func (b *boundReader) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errRowTooLong
	}
	n, err := b.r.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}
