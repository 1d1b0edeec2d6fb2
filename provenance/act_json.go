package provenance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"unicode/utf8"
)

// maxActJSON bounds an act in JSON: the longest text of the longest act fits.
const maxActJSON = 4 << 20

// MarshalJSON returns the act for people (SPEC(GOV-31)). It refuses what is no act.
func (a *Act) MarshalJSON() ([]byte, error) {
	if _, err := a.Encode(); err != nil {
		return nil, err
	}
	return json.Marshal(a.wire())
}

// ParseActJSON reads an act from JSON (SPEC(GOV-31)). Nothing in it is passed over:
// a member that is unknown, stands twice or says nothing is refused.
func ParseActJSON(b []byte) (*Act, error) {
	if len(b) > maxActJSON {
		return nil, fail(CodeSize, "", "%d bytes, an act in JSON has at most %d", len(b), maxActJSON)
	}
	if !utf8.Valid(b) {
		return nil, fail(CodeUTF8, "", "it is not valid UTF-8")
	}
	w := &wireAct{Version: 1}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(w); err != nil {
		return nil, jsonError(err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fail(CodeTrailingBytes, "", "something follows the act")
	}
	if err := checkMembers(json.NewDecoder(bytes.NewReader(b)), nil); err != nil {
		return nil, err
	}
	payload, err := marshal(w)
	if err != nil {
		return nil, err
	}
	a, err := ParseActPayload(payload)
	if err != nil {
		return nil, err
	}
	return a, a.saysAllOf(b)
}

// jsonError is the decoder's error, with the code of our own types where it is
// theirs.
func jsonError(err error) error {
	if CodeOf(err) != "" {
		return err
	}
	return fail(CodeValue, "", "%v", err)
}

// saysAllOf holds the act against the JSON that it was read from: what it is
// written as says the same, member by member.
func (a *Act) saysAllOf(b []byte) error {
	again, err := a.MarshalJSON()
	if err != nil {
		return err
	}
	var said, meant map[string]any
	for _, x := range []struct {
		b    []byte
		into *map[string]any
	}{{b, &said}, {again, &meant}} {
		d := json.NewDecoder(bytes.NewReader(x.b))
		d.UseNumber() // int64 would not survive a float
		if err := d.Decode(x.into); err != nil {
			return jsonError(err)
		}
	}
	if _, there := said["version"]; !there {
		said["version"] = meant["version"]
	}
	return sameJSON(said, meant)
}

// sameJSON wants two decoded values to be the same; the path is of the first
// difference.
func sameJSON(said, meant any) error {
	switch want := meant.(type) {
	case map[string]any:
		got, _ := said.(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(got)) {
			if _, there := want[name]; !there {
				return fail(CodeValue, name, "the member is unknown here or says nothing; leave it out")
			}
		}
		for _, name := range slices.Sorted(maps.Keys(want)) {
			if _, there := got[name]; !there {
				return fail(CodeMissingField, name, "the member must be there")
			}
			if err := sameJSON(got[name], want[name]); err != nil {
				return within(name, err)
			}
		}
	case []any:
		got, _ := said.([]any)
		if len(got) != len(want) {
			return fail(CodeValue, "", "%d elements, of which %d say something", len(got), len(want))
		}
		for i := range want {
			if err := sameJSON(got[i], want[i]); err != nil {
				return within(fmt.Sprintf("[%d]", i), err)
			}
		}
	default:
		if said != meant {
			return fail(CodeValue, "", "%v is not how this is written; wanted %v", said, meant)
		}
	}
	return nil
}
