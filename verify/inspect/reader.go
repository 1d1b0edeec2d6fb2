package inspect

import (
	"tokentrail/provenance"
	"tokentrail/verify"
)

// maxCached bounds each cache of a reader: what repeats from record to record does
// so among a few.
const maxCached = 1024

// A reader decodes of a record what the built-in rules look at, and what repeats
// only once. One goroutine has it at a time.
type reader struct {
	raw    []byte
	fields [provenance.RecordKeys][]byte
	kind   provenance.Kind
	time   int64 // ms
	whole  *provenance.Record

	models   cache[provenance.Model]
	places   cache[provenance.Place]
	labels   cache[provenance.Label]
	bases    cache[[]provenance.Basis]
	media    map[string][]string     // media types of outputs, by commitments without their values
	verdicts map[string]labelVerdict // by profile and what it looks at
	views    map[string]any          // by key and encoding of a field; read only
	key      []byte                  // to look up with
}

func newReader() *reader {
	return &reader{
		models: cache[provenance.Model]{}, places: cache[provenance.Place]{}, labels: cache[provenance.Label]{}, bases: cache[[]provenance.Basis]{},
		media: map[string][]string{}, verdicts: map[string]labelVerdict{}, views: map[string]any{},
	}
}

// A cache holds decoded items by their encoding. They are read only.
type cache[T any] map[string]*T

// get returns the decoded item; nil where there is none. What does not decode is
// none: the audit has decoded each record before.
func (c cache[T]) get(item []byte) *T {
	if item == nil {
		return nil
	}
	if v, ok := c[string(item)]; ok {
		return v
	}
	v, err := provenance.DecodeField[T](item)
	if err != nil {
		return nil
	}
	if len(c) >= maxCached {
		clear(c)
	}
	c[string(item)] = v
	return v
}

// Keys of a record's fields (spec/record.md).
const (
	keyKind, keyTime, keyDuration, keyRef = 1, 2, 3, 4
	keyModel, keyUsage                    = 7, 8
	keyServing, keyUsing, keySide         = 9, 10, 11
	keyBasis, keyLabel, keyContent        = 12, 13, 14
	keyEnergy, keyAccelerators            = 15, 16
	keyCorrection, keyCrossing, keyHop    = 19, 21, 22
)

// read begins with a record.
func (r *reader) read(raw []byte) (err error) {
	r.raw, r.whole = raw, nil
	if r.fields, err = provenance.FieldsOf(raw); err != nil {
		return err
	}
	kind, err := provenance.FieldInteger(r.fields[keyKind])
	if err != nil {
		return err
	}
	r.kind = provenance.Kind(kind)
	r.time, err = provenance.FieldInteger(r.fields[keyTime])
	return err
}

// record is the record decoded whole.
func (r *reader) record() (*provenance.Record, error) {
	if r.whole != nil {
		return r.whole, nil
	}
	var err error
	r.whole, err = provenance.ParseRecord(r.raw)
	return r.whole, err
}

func (r *reader) modelName() string {
	if m := r.models.get(r.fields[keyModel]); m != nil {
		return m.Name
	}
	return ""
}

func (r *reader) label() *provenance.Label { return r.labels.get(r.fields[keyLabel]) }

// mediaTypes are those of the outputs that have one.
func (r *reader) mediaTypes() (types []string) {
	if r.fields[keyContent] == nil {
		return nil
	}
	r.key = appendContent(r.key[:0], r.fields[keyContent])
	if types, ok := r.media[string(r.key)]; ok {
		return types
	}
	if contents := field[[]provenance.Content](r, keyContent); contents != nil {
		for _, c := range *contents {
			if c.Role == roleOutput && c.MediaType != "" {
				types = append(types, c.MediaType)
			}
		}
	}
	if len(r.media) >= maxCached {
		clear(r.media)
	}
	r.media[string(r.key)] = types
	return types
}

// roleOutput is the role of a commitment to what was made.
const roleOutput = 2

func (r *reader) serving() *provenance.Place { return r.places.get(r.fields[keyServing]) }
func (r *reader) using() *provenance.Place   { return r.places.get(r.fields[keyUsing]) }

// destination is the country of the using place; empty where there is none.
func (r *reader) destination() string {
	if p := r.using(); p != nil {
		return p.Country
	}
	return ""
}

// field decodes one; nil where there is none.
func field[T any](r *reader, key int) *T {
	v, err := provenance.DecodeField[T](r.fields[key])
	if err != nil {
		return nil // the audit has decoded each record before
	}
	return v
}

// tokens returns input and output, and whether there is usage.
func (r *reader) tokens() (input, output int64, ok bool) {
	var values [3]int64
	if r.fields[keyUsage] == nil || provenance.FieldIntegers(r.fields[keyUsage], values[:]) != nil {
		return 0, 0, false
	}
	return values[1], values[2], true
}

// builtIn looks at a record by the built-in rules.
func (in *Inspector) builtIn(p *part, r *reader, i int, policy *provenance.Policy) {
	if r.kind <= provenance.Consumption {
		in.coverLabel(p, r, i)
	}
	if r.fields[keyLabel] != nil {
		in.judgeLabel(p, r, i)
	}
	if r.kind == provenance.Transfer {
		in.judgeBasis(p, r, i, policy)
	}
	in.judgeEnergy(p, r, i, policy)
}

// say is words that are known already.
func say(want, got string) func() (string, string) {
	return func() (string, string) { return want, got }
}

// codeOnly is the rule of a built-in finding.
func codeOnly(code verify.Code) string { return string(code) }
