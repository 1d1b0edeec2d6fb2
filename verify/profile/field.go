package profile

import (
	"fmt"
	"slices"
	"strings"

	"tokentrail/provenance"
	"tokentrail/provenance/label"
)

// A Field is one thing that rules can ask of a subject, by a name that is part
// of the format of profiles.
type Field struct {
	Name  string
	Of    Of // what the answer comes from first of all
	Kind  FieldKind
	Says  string
	Names []string // the values there are, where they have names

	read func(s *Subject) value
}

// FieldKind is the kind of a field's values.
type FieldKind string

// Kinds of fields.
const (
	TextField   FieldKind = "text"
	NumberField FieldKind = "number"
	FlagField   FieldKind = "flag"
)

// A value is what a field has in one subject: string, int64 or bool, none where
// the field is absent. Missing says what would have to be given.
type value struct {
	items   []any
	missing string
}

// Names of numbers in a record's label, in their order from 1 (spec/record.md).
var (
	statuses   = []string{"synthetic", "possibly", "suspected", "not-synthetic"}
	extents    = []string{"full", "partial", "deepfake"}
	oversights = []string{"fully-autonomous", "prompt-guided", "human-validated"}
	positions  = []string{"start", "end", "middle", "corner"}
	forms      = []string{"text", "icon", "speech", "rhythm"}
	formats    = []string{string(label.PNG), string(label.JPEG), string(label.MP4), string(label.Markdown), string(label.DOCX), string(label.Text)}
	modalities = []string{string(Text), string(Image), string(Audio), string(Video), string(Scene), string(Code)}
	commitment = []string{"keyed", "public"}
)

// A mark is one way to mark content, by its bit in a record's label.
type mark struct{ name, says string }

// marksPutIn are the marks of record.label.marks, from bit 1 on (spec/record.md).
var marksPutIn = []mark{
	{"metadata", "a mark was put into the metadata"}, {"watermark", "a watermark was put in"},
	{"fingerprint", "a fingerprint was taken"}, {"log", "the content was logged"},
}

const marksField = "record.label.marks"

// markOf returns the mark that a bit of the field stands for; nil where there is
// none.
func (f *Field) markOf(bit int64) *mark {
	for i := range marksPutIn {
		if f.Name == marksField && bit == 1<<i {
			return &marksPutIn[i]
		}
	}
	return nil
}

// number returns a number of the field for people: marks by their names.
func (f *Field) number(n int64) string {
	if f.Name != marksField || n <= 0 || n>>len(marksPutIn) != 0 {
		return fmt.Sprint(n)
	}
	var names []string
	for i, m := range marksPutIn {
		if n>>i&1 == 1 {
			names = append(names, m.name)
		}
	}
	return strings.Join(names, " and ")
}

// Fields returns every field, in the order of spec/profiles.md.
func Fields() []Field {
	return slices.Concat(recordFields(), recordLabelFields(), explicitFields(), aigcFields(), manifestFields(), fileFields())
}

// findField returns nil where there is none of that name.
func findField(name string) *Field {
	for _, f := range Fields() {
		if f.Name == name {
			return &f
		}
	}
	return nil
}

func recordFields() []Field {
	of := func(name string, kind FieldKind, says string, get func(*provenance.Record) []any, names ...string) Field {
		return Field{"record." + name, OfRecord, kind, says, names, func(s *Subject) value {
			if s.Record == nil {
				return value{missing: noRecord}
			}
			return value{items: get(s.Record)}
		}}
	}
	model := func(get func(*provenance.Model) string) func(*provenance.Record) []any {
		return func(r *provenance.Record) []any {
			if r.Model == nil {
				return nil
			}
			return text(get(r.Model))
		}
	}
	return []Field{
		of("model.name", TextField, "name of the model", model(func(m *provenance.Model) string { return m.Name })),
		of("model.version", TextField, "its version", model(func(m *provenance.Model) string { return m.Version })),
		of("content.output", TextField, "how each commitment to an output is made", outputs, commitment...),
	}
}

// outputs returns how the record commits to what was made.
func outputs(r *provenance.Record) []any {
	var found []any
	for _, c := range r.Content {
		const output, keyed = 2, 5
		switch {
		case c.Role != output:
		case c.Algorithm == keyed:
			found = append(found, commitment[0])
		default:
			found = append(found, commitment[1])
		}
	}
	return found
}

func recordLabelFields() []Field {
	of := func(name string, kind FieldKind, says string, get func(*provenance.Label) []any, names ...string) Field {
		return Field{"record.label." + name, OfRecord, kind, says, names, func(s *Subject) value {
			switch {
			case s.Record == nil:
				return value{missing: noRecord}
			case s.Record.Label == nil:
				return value{}
			}
			return value{items: get(s.Record.Label)}
		}}
	}
	type said = *provenance.Label
	return []Field{
		of("status", TextField, "status", func(l said) []any { return name(l.Status, statuses) }, statuses...),
		of("extent", TextField, "extent", func(l said) []any { return name(l.Extent, extents) }, extents...),
		of("producer", TextField, "producer", func(l said) []any { return text(l.Producer) }),
		of("producer-code", TextField, "producer code", func(l said) []any { return text(l.ProducerCode) }),
		of("system", TextField, "name and version of the generating system", func(l said) []any { return text(l.System) }),
		of("content-id", TextField, "content id", func(l said) []any { return text(l.ContentID) }),
		of("made", NumberField, "time of creation or alteration", func(l said) []any { return number(l.Made) }),
		of("propagator", TextField, "propagator", func(l said) []any { return text(l.Propagator) }),
		of("propagate-id", TextField, "propagate id", func(l said) []any { return text(l.PropagateID) }),
		of("source-type", TextField, "digital source type: the last segment of what the record has", func(l said) []any { return text(sourceCode(l.SourceType)) }),
		of("oversight", TextField, "oversight", func(l said) []any { return name(l.Oversight, oversights) }, oversights...),
		of("editorial", FlagField, "editorial responsibility", func(l said) []any { return flag(l.Editorial) }),
		of("marks", NumberField, "sum of the marks that were put in: 1 metadata, 2 watermark, 4 fingerprint, 8 log", func(l said) []any { return number(l.Marks) }),
		of("seal", FlagField, "true where there is a seal, which is not opened here", func(l said) []any { return sure(len(l.Seal) > 0) }),
	}
}

func explicitFields() []Field {
	of := func(name string, kind FieldKind, says string, get func(*provenance.Record, *provenance.Explicit) []any, names ...string) Field {
		return Field{"record.label.explicit." + name, OfRecord, kind, says, names, func(s *Subject) value {
			switch {
			case s.Record == nil:
				return value{missing: noRecord}
			case s.Record.Label == nil || s.Record.Label.Explicit == nil:
				return value{}
			}
			return value{items: get(s.Record, s.Record.Label.Explicit)}
		}}
	}
	type (
		record = *provenance.Record
		shown  = *provenance.Explicit
	)
	return []Field{
		of("applied", FlagField, "applied", func(_ record, e shown) []any { return sure(e.Applied) }),
		of("position", TextField, "position", func(_ record, e shown) []any { return name(e.Position, positions) }, positions...),
		of("agreement", TextField, "agreement of the user who asked for content without it", func(_ record, e shown) []any { return text(e.Agreement) }),
		of("logged-months", NumberField, "whole months, by the calendar in UTC, from the record's time to *logged until*", func(r record, e shown) []any {
			if e.LoggedUntil == nil {
				return nil
			}
			return []any{loggedMonths(r.Time, *e.LoggedUntil)}
		}),
		of("notified", FlagField, "notified", func(_ record, e shown) []any { return flag(e.Notified) }),
		of("form", TextField, "form", func(_ record, e shown) []any { return name(e.Form, forms) }, forms...),
		of("height", NumberField, "height, thousandths of the shortest side", func(_ record, e shown) []any { return number(e.Height) }),
		of("shown", NumberField, "shown, ms at the start", func(_ record, e shown) []any { return number(e.Shown) }),
	}
}

// text is absent where it is empty.
func text(s string) []any {
	if s == "" {
		return nil
	}
	return []any{s}
}

func number(n *int64) []any {
	if n == nil {
		return nil
	}
	return []any{*n}
}

func flag(b *bool) []any {
	if b == nil {
		return nil
	}
	return []any{*b}
}

func sure(b bool) []any { return []any{b} }

// name is absent where the number is 0, or none that has a name.
func name(n int64, names []string) []any {
	if n < 1 || n > int64(len(names)) {
		return nil
	}
	return []any{names[n-1]}
}
