package intake

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"tokentrail/provenance"
)

// fill makes a record of its JSON. What is refused is what has no place in the
// fields; the rules of spec/record.md are for the record's own encoder.
func fill(r *provenance.Record, root *node) error {
	if root.open != '{' {
		return root.fault("%s: a record is an object", root.what())
	}
	for name, hint := range map[string]string{
		"format":     "this is a document of ours that holds more than a record; give the records alone, as tokentrail record show FILE --lines does",
		"diagnostic": "the record holds keys that this version does not know, which have no form in JSON",
		"id":         "an id follows from where a record stands; leave it out",
	} {
		if m := root.member(name); m != nil {
			return m.fault("%s", hint)
		}
	}
	return setFields(reflect.ValueOf(r).Elem(), root)
}

// set puts a value into a field called name ("Usage.Finish").
func set(v reflect.Value, n *node, name string) (err error) {
	if n.value == nil && n.open == 0 {
		return n.fault("null: leave the member out")
	}
	switch x := v.Addr().Interface().(type) {
	case *provenance.Digest:
		return setText(n, "a string", func(s string) error { *x, err = parseDigest(s); return err })
	case *provenance.Scaled:
		return setText(n, `a decimal as a string, as "0.7351"`, func(s string) error { *x, err = parseScaled(s); return err })
	case *provenance.Parent:
		return setParent(x, n)
	case *[]byte:
		return setText(n, "a string of hex digits", func(s string) error { *x, err = parseBytes(s, name); return err })
	case *string:
		return setText(n, "a string", func(s string) error {
			if *x = s; s == "" && !strings.HasPrefix(name, "CellKey.") {
				return fmt.Errorf("empty: write something, or leave the member out")
			}
			return nil
		})
	case *bool:
		b, ok := n.value.(bool)
		if *x = b; !ok {
			return n.fault("%s: wanted true or false", n.what())
		}
		return nil
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return set(v.Elem(), n, name)
	case reflect.Int64:
		return setInteger(v, n, name)
	case reflect.Slice:
		return setList(v, n, name)
	}
	return setFields(v, n)
}

// setText reads a string with parse.
func setText(n *node, wanted string, parse func(s string) error) error {
	s, ok := n.value.(string)
	if !ok {
		return n.fault("%s: wanted %s", n.what(), wanted)
	}
	if err := parse(s); err != nil {
		return n.fault("%w", err)
	}
	return nil
}

// setParent reads a record id, or an issuer with a ref.
func setParent(p *provenance.Parent, n *node) error {
	if n.open == '{' {
		if err := setFields(reflect.ValueOf(p).Elem(), n); err != nil {
			return err
		}
		switch {
		case p.ID != nil:
			return n.fault(`an id is given by itself, as a string`)
		case p.Issuer == "" || p.Ref == nil:
			return n.fault(`wanted both "issuer" and "ref"`)
		}
		return nil
	}
	return setText(n, `64 hex digits, a record id, or {"issuer": …, "ref": …}`, func(s string) (err error) {
		if p.ID, err = lowerHex(s); err != nil || len(p.ID) != provenance.HashSize {
			return fmt.Errorf(`%s is no record id: wanted 64 lower-case hex digits, or {"issuer": …, "ref": …}`, cited(s))
		}
		return nil
	})
}

func setList(v reflect.Value, n *node, name string) error {
	switch {
	case n.open != '[':
		return n.fault("%s: wanted an array", n.what())
	case len(n.items) == 0:
		return n.fault("empty: write something, or leave the member out")
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.items), len(n.items)))
	for i, item := range n.items {
		if err := set(v.Index(i), item, name); err != nil {
			return err
		}
	}
	return nil
}

// setInteger reads a number, a time or a word.
func setInteger(v reflect.Value, n *node, name string) error {
	if words := wordsFor(name); words != nil {
		return setWord(v, n, words)
	}
	if flags := flagWords(name); flags != nil {
		return setFlags(v, n, flags)
	}
	s, isText := n.value.(string)
	switch {
	case name == "CellKey.Hour":
		return setText(n, "an hour as RFC 3339", func(s string) error {
			hour, err := parseHour(s)
			v.SetInt(hour)
			return err
		})
	case isText && isTime(name):
		ms, err := parseInstant(s)
		if err != nil {
			return n.fault("%w", err)
		}
		v.SetInt(ms)
		return nil
	}
	number, ok := n.value.(json.Number)
	if !ok {
		return n.fault("%s: wanted a whole number", n.what())
	}
	whole, err := strconv.ParseInt(number.String(), 10, 64)
	if err != nil {
		return n.fault("%s: wanted a whole number, in digits only, of 64 bits, signed", shortened(number.String()))
	}
	if isTime(name) {
		if err := likelyMillis(whole); err != nil {
			return n.fault("%w", err)
		}
	}
	v.SetInt(whole)
	return nil
}

// shortened is a number's text, cut where it is long.
func shortened(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}

func setWord(v reflect.Value, n *node, words []word) error {
	return setText(n, "one of "+listed(texts(words)), func(s string) error {
		for _, w := range words {
			if w.text == s {
				v.SetInt(w.number)
				return nil
			}
		}
		return fmt.Errorf("%s is none of %s%s", cited(s), listed(texts(words)), near(s, texts(words)))
	})
}

// setFlags reads a list of words whose numbers are added up.
func setFlags(v reflect.Value, n *node, flags []string) error {
	if n.open != '[' {
		return n.fault("%s: wanted an array of %s", n.what(), listed(flags))
	}
	sum := int64(0)
	for _, item := range n.items {
		s, _ := item.value.(string)
		i := slices.Index(flags, s)
		switch {
		case i < 0:
			return item.fault("wanted one of %s%s", listed(flags), near(s, flags))
		case sum>>i&1 == 1:
			return item.fault("%s stands twice", cited(s))
		}
		sum |= 1 << i
	}
	v.SetInt(sum)
	return nil
}

func listed(names []string) string { return `"` + strings.Join(names, `", "`) + `"` }

// setFields reads an object into the fields of a struct.
func setFields(v reflect.Value, n *node) error {
	if n.open != '{' {
		return n.fault("%s: wanted an object", n.what())
	}
	fields := map[string]int{}
	var names []string
	for i := range v.NumField() {
		if field := v.Type().Field(i); field.IsExported() {
			fields[snake(field.Name)] = i
			names = append(names, snake(field.Name))
		}
	}
	for i, name := range n.names {
		at, known := fields[name]
		if !known {
			return n.items[i].fault("there is no such member%s", orAll(near(name, names), names))
		}
		if err := set(v.Field(at), n.items[i], fieldName(v.Type(), v.Type().Field(at))); err != nil {
			return err
		}
	}
	for _, name := range names {
		if n.member(name) == nil && needed(v.Type(), v.Type().Field(fields[name])) {
			return n.fault("the member %q must be there", name)
		}
	}
	return nil
}

// orAll is a hint, or, where there is none, all names.
func orAll(hint string, names []string) string {
	if hint != "" {
		return hint
	}
	return "; there are " + strings.Join(names, ", ")
}

// needed reports whether a field has no way to be absent.
func needed(of reflect.Type, field reflect.StructField) bool {
	if of.Name() == "CellKey" {
		return slices.Contains([]string{"Hour", "Kind", "Serving", "Using"}, field.Name)
	}
	tag := field.Tag.Get("cbor")
	return tag != "" && !strings.HasSuffix(tag, ",omitempty")
}
