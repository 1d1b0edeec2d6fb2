package main

import (
	"bytes"
	"encoding/json"

	"tokentrail/provenance/intake"
)

// An object is a JSON object whose members keep their order.
type object []member

type member struct {
	name  string
	value any
}

// MarshalJSON writes the members in order.
func (o object) MarshalJSON() ([]byte, error) {
	members := make(intake.Object, len(o))
	for i, m := range o {
		members[i] = intake.Member{Name: m.name, Value: m.value}
	}
	return members.MarshalJSON()
}

// view turns a value of the format into named fields, in the form that records
// have as JSON. SPEC(CLI-8)
func view(v any) any {
	shown, ok := intake.View(v).(intake.Object)
	if !ok {
		return intake.View(v)
	}
	return objectOf(shown)
}

// objectOf is an object of intake as one of ours, to which more is added.
func objectOf(shown intake.Object) object {
	doc := make(object, len(shown))
	for i, m := range shown {
		doc[i] = member{m.Name, m.Value}
	}
	return doc
}

// oneLine writes a document as JSON Lines have it.
func oneLine(doc any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(doc)
	return b.Bytes(), err
}
