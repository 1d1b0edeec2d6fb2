package label

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"unicode/utf8"
)

const aigcPlace = "AIGC object"

// maxAIGCString is how many characters a string has at most that is written.
const maxAIGCString = 512

// A member is one string of the object, by name.
type member struct {
	name  string
	value *string
}

// members are the object's strings in order. SPEC(LBL-2)
func (a *AIGC) members() []member {
	return []member{
		{"Label", &a.Label},
		{"ContentProducer", &a.ContentProducer},
		{"ProduceID", &a.ProduceID},
		{"ReservedCode1", &a.ReservedCode1},
		{"ContentPropagator", &a.ContentPropagator},
		{"PropagateID", &a.PropagateID},
		{"ReservedCode2", &a.ReservedCode2},
	}
}

// parseAIGC reads the object, bare or as the one member of another (LBL-2). A
// string that is not there is empty, but for Label; what the strings hold is
// shown and not judged.
func parseAIGC(b []byte) (*AIGC, error) {
	switch {
	case len(b) > maxAIGC:
		return nil, tooLarge("", aigcPlace, -1, "it has %d bytes; at most %d are read", len(b), maxAIGC)
	case !utf8.Valid(b):
		return nil, malformed("", aigcPlace, -1, "it is not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(b))
	a := &AIGC{}
	if err := a.decode(d, true); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, malformed("", aigcPlace, -1, "something follows the object")
	}
	return a, nil
}

// decode reads one object, which wraps the label's where it may.
func (a *AIGC) decode(d *json.Decoder, mayWrap bool) error {
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return malformed("", aigcPlace, -1, "it is not a JSON object")
	}
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return malformed("", aigcPlace, -1, "it is not JSON behind member %d", len(seen))
		}
		if seen[name] {
			return malformed("", aigcPlace, -1, "%.80q stands twice", name)
		}
		seen[name] = true
		if mayWrap && name == "AIGC" && len(seen) == 1 {
			if err := a.decode(d, false); err != nil {
				return err
			}
			continue
		}
		if err := a.decodeMember(d, name, seen["AIGC"]); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return malformed("", aigcPlace, -1, "it is JSON that does not end")
	}
	if !seen["AIGC"] && !seen["Label"] {
		return malformed("", aigcPlace, -1, "it has no Label")
	}
	return nil
}

func (a *AIGC) decodeMember(d *json.Decoder, name string, wrapped bool) error {
	for _, m := range a.members() {
		if m.name != name || wrapped {
			continue
		}
		t, err := d.Token()
		s, ok := t.(string)
		if err != nil || !ok {
			return malformed("", aigcPlace, -1, "%s is not a string", name)
		}
		if strings.ContainsRune(s, utf8.RuneError) {
			return malformed("", aigcPlace, -1, "%s holds U+FFFD or half a surrogate pair: its text was damaged", name)
		}
		*m.value = s
		return nil
	}
	return malformed("", aigcPlace, -1, "it has a member %.80q, which the standard does not know", name)
}

// encode returns the object as it is written, wrapped where no key named AIGC
// is around it.
func (a *AIGC) encode(wrapped bool) ([]byte, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if wrapped {
		b.WriteString(`{"AIGC":`)
	}
	b.WriteByte('{')
	for i, m := range a.members() {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"` + m.name + `":"` + *m.value + `"`) // check leaves nothing to escape
	}
	b.WriteByte('}')
	if wrapped {
		b.WriteByte('}')
	}
	return b.Bytes(), nil
}

// check holds the object to what may be written. SPEC(LBL-2)
func (a *AIGC) check() error {
	if a.Label != "1" && a.Label != "2" && a.Label != "3" {
		return malformed("", aigcPlace, -1, "Label is %.20q; it must be 1 (is synthetic), 2 (possibly) or 3 (suspected)", a.Label)
	}
	for i, m := range a.members() {
		s := *m.value
		if i < 3 && s == "" {
			return malformed("", aigcPlace, -1, "%s is empty", m.name)
		}
		if len(s) > maxAIGCString {
			return malformed("", aigcPlace, -1, "%s has %d characters; at most %d are written", m.name, len(s), maxAIGCString)
		}
		for j := range len(s) {
			if s[j] < 0x20 || s[j] > 0x7e || s[j] == '"' || s[j] == '\\' {
				return malformed("", aigcPlace, -1, `%s has the byte %#x at %d; only printable ASCII but " and \ is written`, m.name, s[j], j)
			}
		}
	}
	if (a.ContentPropagator == "") != (a.PropagateID == "") {
		return malformed("", aigcPlace, -1, "of ContentPropagator and PropagateID one is empty; give both or none")
	}
	return nil
}

// complete repeats the producer's pair as the propagator's on the first write.
// SPEC(LBL-2)
func (m *Marks) complete() {
	if a := &m.AIGC; a.ContentPropagator == "" && a.PropagateID == "" {
		a.ContentPropagator, a.PropagateID = a.ContentProducer, a.ProduceID
	}
}

// check holds the marks to what may be written (LBL-2, LBL-17).
func (m *Marks) check() error {
	if err := m.AIGC.check(); err != nil {
		return err
	}
	return checkSourceType(m.SourceType)
}
