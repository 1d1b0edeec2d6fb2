package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"
	"unicode"

	"tokentrail/provenance"
)

// An object is a JSON object whose members keep their order.
type object []member

type member struct {
	name  string
	value any
}

// MarshalJSON writes the members in order.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := enc.Encode(m.name); err != nil {
			return nil, err
		}
		b.WriteByte(':')
		if err := enc.Encode(m.value); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// shownBytes is how long a byte string is shown whole.
const shownBytes = 128

// view turns a value of the format into named fields: absent ones are left out,
// hashes and bytes are hex, times are RFC 3339, numbers that stand for words
// are the words of spec/record.md.
func view(v any) any { return viewOf(reflect.ValueOf(v), "") }

// viewOf shows v, which is the field called name ("Usage.Finish").
func viewOf(v reflect.Value, name string) any {
	switch x := v.Interface().(type) {
	case provenance.Hash:
		return x.String()
	case fmt.Stringer: // kinds, sides, ways of knowing
		return x.String()
	case []byte:
		return viewBytes(x)
	case int64:
		return viewInteger(x, name)
	}
	switch v.Kind() {
	case reflect.Pointer:
		return viewOf(v.Elem(), name)
	case reflect.Struct:
		return viewFields(v)
	case reflect.Slice:
		list := make([]any, v.Len())
		for i := range list {
			list[i] = viewOf(v.Index(i), name)
		}
		return list
	}
	return v.Interface()
}

func viewFields(v reflect.Value) object {
	doc := object{}
	for i := range v.NumField() {
		field := v.Type().Field(i)
		switch value := v.Field(i); {
		case !field.IsExported():
		case field.Anonymous:
			doc = append(doc, viewFields(value)...)
		case absent(value, v.Type().Name(), field.Name):
		default:
			doc = append(doc, member{snake(field.Name), viewOf(value, v.Type().Name()+"."+field.Name)})
		}
	}
	return doc
}

// optionalNumbers reports whether the zero numbers of a type's fields are
// absent ones: their words begin at 1.
func optionalNumbers(of, field string) bool {
	return of == "Label" || of == "Explicit" || of == "Usage" && (field == "Counted" || field == "Finish")
}

// absent reports whether a field is not there.
func absent(v reflect.Value, of, field string) bool {
	switch v.Kind() {
	case reflect.Pointer, reflect.Slice:
		return v.IsNil()
	case reflect.String:
		return v.Len() == 0 && of != "CellKey"
	case reflect.Int64:
		return v.IsZero() && optionalNumbers(of, field)
	}
	return false
}

func viewBytes(b []byte) string {
	if len(b) <= shownBytes {
		return hex.EncodeToString(b)
	}
	return fmt.Sprintf("%d bytes, SHA-256 %x", len(b), sha256.Sum256(b))
}

func viewInteger(n int64, name string) any {
	switch name {
	case "Record.Time", "Basis.Expires", "Label.Made", "Explicit.LoggedUntil", "BatchHeader.First", "BatchHeader.Last":
		return instant(n)
	case "CellKey.Hour":
		return time.Unix(n*3600, 0).UTC().Format(time.RFC3339)
	case "Label.Status", "CellKey.Label":
		return provenance.LabelStatus(n)
	}
	if words := wordsFor(name); n >= 0 && int(n) < len(words) && words[n] != "" {
		return words[n]
	}
	return n
}

// wordsFor returns the words that a field's numbers stand for, from 0.
func wordsFor(name string) []string {
	switch name {
	case "Usage.Counted":
		return []string{"", "serving engine", "gateway", "estimated"}
	case "Usage.Finish":
		return []string{"", "stop", "length", "content filter", "tool calls", "cancelled", "error"}
	case "Label.Extent":
		return []string{"", "full", "partial", "deepfake"}
	case "Label.Modality":
		return []string{"", "text", "image", "audio", "video", "scene", "code"}
	case "Label.Oversight":
		return []string{"", "fully autonomous", "prompt guided", "human validated"}
	case "Explicit.Position":
		return []string{"", "start", "end", "middle", "corner"}
	case "Content.Role":
		return []string{"", "input", "output"}
	case "Energy.Method", "CellKey.Method":
		return []string{"none", "measured", "allocated", "modelled"}
	case "Energy.Boundary", "CellKey.Boundary":
		return []string{"none", "accelerator", "and host", "and idle capacity", "and facility overhead"}
	}
	return nil
}

// snake writes a Go name as a name of JSON: LogRoot as log_root, KID as kid.
func snake(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		upper := unicode.IsUpper(r)
		if upper && i > 0 && (unicode.IsLower(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
