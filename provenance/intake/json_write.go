package intake

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"reflect"
	"strings"
	"time"
	"unicode"

	"tokentrail/provenance"
)

// shownBytes is how long a byte string is shown whole. Those of a record are no
// longer.
const shownBytes = 128

// View turns a value of the format into what is shown of it as JSON: named
// members in an [Object], absent ones left out, hashes and bytes as hex, times
// as RFC 3339, and numbers that stand for words as the words of spec/record.md.
// SPEC(CLI-8)
func View(v any) any { return viewOf(reflect.ValueOf(v), "") }

// viewOf shows v, which is the field called name ("Usage.Finish").
func viewOf(v reflect.Value, name string) any {
	switch x := v.Interface().(type) {
	case provenance.Hash:
		return x.String()
	case provenance.Digest:
		return digestText(x)
	case provenance.Scaled:
		return scaledText(x)
	case provenance.Parent:
		if x.ID != nil {
			return hex.EncodeToString(x.ID)
		}
	case []byte:
		return viewBytes(x)
	}
	switch v.Kind() {
	case reflect.Int64:
		return viewInteger(v, name)
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

func viewFields(v reflect.Value) Object {
	doc := Object{}
	for i := range v.NumField() {
		field := v.Type().Field(i)
		switch value := v.Field(i); {
		case !field.IsExported():
		case field.Anonymous:
			doc = append(doc, viewFields(value)...)
		case absent(value, v.Type(), field):
		default:
			doc = append(doc, Member{snake(field.Name), viewOf(value, fieldName(v.Type(), field))})
		}
	}
	return doc
}

func fieldName(of reflect.Type, field reflect.StructField) string {
	return of.Name() + "." + field.Name
}

// absent reports whether a field is not there.
func absent(v reflect.Value, of reflect.Type, field reflect.StructField) bool {
	switch v.Kind() {
	case reflect.Pointer, reflect.Slice:
		return v.IsNil()
	case reflect.String:
		return v.Len() == 0 && of.Name() != "CellKey"
	case reflect.Int64: // the words of enumerations that may be absent begin at 1
		return v.IsZero() && strings.HasSuffix(field.Tag.Get("cbor"), ",omitempty")
	}
	return false
}

func viewBytes(b []byte) string {
	if len(b) <= shownBytes {
		return hex.EncodeToString(b)
	}
	return fmt.Sprintf("%d bytes, SHA-256 %x", len(b), sha256.Sum256(b))
}

func viewInteger(v reflect.Value, name string) any {
	n := v.Int()
	if isTime(name) {
		return Instant(n)
	}
	if name == "CellKey.Hour" {
		return time.Unix(n*3600, 0).UTC().Format(time.RFC3339)
	}
	if flags := flagWords(name); flags != nil && n>>len(flags) == 0 {
		set := []string{}
		for i, flag := range flags {
			if n>>i&1 == 1 {
				set = append(set, flag)
			}
		}
		return set
	}
	if text, ok := wordOf(name, n); ok {
		return text
	}
	if s, ok := v.Interface().(fmt.Stringer); ok {
		return s.String()
	}
	return n
}

// Instant writes a time of the format, in milliseconds since the epoch.
func Instant(ms int64) string { return time.UnixMilli(ms).UTC().Format(instantLayout) }

const instantLayout = "2006-01-02T15:04:05.000Z"

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
