package intake

import (
	"bytes"
	"encoding/json"
	"fmt"

	"tokentrail/provenance"
)

// Bounds of a record as JSON. The greatest record, all of it in hex and with
// names, takes a third of the bytes.
const (
	MaxRecordJSON = 64 << 10 // bytes of one record
	maxJSONDepth  = 8        // nesting of objects and arrays
	maxJSONItems  = 64       // members of an object, elements of an array; none of ours has half as many
)

// An Object is a JSON object whose members keep their order.
type Object []Member

// A Member is one member of an object.
type Member struct {
	Name  string
	Value any
}

// MarshalJSON writes the members in order.
func (o Object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := enc.Encode(m.Name); err != nil {
			return nil, err
		}
		b.WriteByte(':')
		if err := enc.Encode(m.Value); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// RecordJSON returns a record as spec/client.md has it in JSON (SPEC(CLI-8)).
// What stands under keys that this version keeps without knowing them is not in
// a Record, and so not in its JSON.
func RecordJSON(r *provenance.Record) Object { return View(r).(Object) }

// A JSONError says what is wrong with a record as JSON, and where.
type JSONError struct {
	Line int    // from 1
	Path string // in names of members: "evaluation.interval.low"; empty for the whole
	Err  error
}

// Error reads "line 3: path: what".
func (e *JSONError) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("line %d: %v", e.Line, e.Err)
	}
	return fmt.Sprintf("line %d: %s: %v", e.Line, e.Path, e.Err)
}

// Unwrap gives what was wrong; it may be a *provenance.Error.
func (e *JSONError) Unwrap() error { return e.Err }

// ParseRecordJSON reads one record in the form that RecordJSON gives it, and
// holds it to every rule of spec/record.md. The error is a *JSONError.
// SPEC(CLI-9)
func ParseRecordJSON(b []byte) (*provenance.Record, error) {
	r, _, err := parseRecordJSON(b, 1)
	return r, err
}

// parseRecordJSON reads a record that begins in a line, and returns its encoding
// as well.
func parseRecordJSON(b []byte, line int) (*provenance.Record, []byte, error) {
	root, err := parseNode(b, line)
	if err != nil {
		return nil, nil, err
	}
	r := &provenance.Record{}
	if err := fill(r, root); err != nil {
		return nil, nil, err
	}
	raw, err := r.Encode()
	if err != nil {
		return nil, nil, root.locate(err)
	}
	return r, raw, nil
}
