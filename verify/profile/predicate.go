package profile

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// A Predicate is a condition on a subject, as data: one test of one field, or
// others composed. Exactly one of All, Any, Not and Field is given (PRO-7).
type Predicate struct {
	All    []Predicate `json:"all,omitempty"`
	Any    []Predicate `json:"any,omitempty"`
	Not    *Predicate  `json:"not,omitempty"`
	Field  string      `json:"field,omitempty"`
	Test   string      `json:"test,omitempty"`
	Values []any       `json:"values,omitempty"` // string or int64
	Words  string      `json:"words,omitempty"`  // of matches: what the pattern wants, behind the field's name

	// What compile found; nothing changes them afterwards.
	field   *Field
	test    *test
	pattern *regexp.Regexp // of matches
	other   *Field         // of same-as
}

const maxDepth = 8

// compile checks p and makes it ready to judge. Values that were decoded as
// json.Number become int64. SPEC(PRO-7)
func (p *Predicate) compile(depth int) error {
	forms := 0
	for _, given := range []bool{len(p.All) > 0, len(p.Any) > 0, p.Not != nil, p.Field != ""} {
		if given {
			forms++
		}
	}
	switch {
	case forms != 1:
		return errors.New("a predicate has exactly one of all, any, not and field")
	case depth > maxDepth:
		return fmt.Errorf("predicates nest deeper than %d", maxDepth)
	case p.Field != "":
		return p.compileTest()
	case p.Test != "" || len(p.Values) > 0 || p.Words != "":
		return errors.New("test, values and words stand only beside field")
	}
	for _, part := range p.parts() {
		if err := part.compile(depth + 1); err != nil {
			return err
		}
	}
	return nil
}

// parts are the predicates that p is composed of.
func (p *Predicate) parts() []*Predicate {
	var parts []*Predicate
	for i := range p.All {
		parts = append(parts, &p.All[i])
	}
	for i := range p.Any {
		parts = append(parts, &p.Any[i])
	}
	if p.Not != nil {
		parts = append(parts, p.Not)
	}
	return parts
}

func (p *Predicate) compileTest() error {
	// SPEC(PRO-6)
	if p.field = findField(p.Field); p.field == nil {
		return fmt.Errorf("there is no field %q", p.Field)
	}
	if p.test = findTest(p.Test); p.test == nil {
		return fmt.Errorf("%s: there is no test %q", p.Field, p.Test)
	}
	if !strings.Contains(p.test.kinds, string(p.field.Kind)) {
		return fmt.Errorf("%s is a %s; %s is for %s", p.Field, p.field.Kind, p.Test, p.test.kinds)
	}
	if n := len(p.Values); n < p.test.least || n > p.test.most {
		return fmt.Errorf("%s %s has %d values, wanted %d to %d", p.Field, p.Test, n, p.test.least, p.test.most)
	}
	if (p.test == &matches) != (p.Words != "") || strings.ContainsAny(p.Words, "|`\n") {
		return fmt.Errorf("%s %s: words stand beside matches, and say what its pattern wants, without | and `", p.Field, p.Test)
	}
	for i, v := range p.Values {
		value, err := p.valueOf(v)
		if err != nil {
			return fmt.Errorf("%s %s: %w", p.Field, p.Test, err)
		}
		p.Values[i] = value
	}
	return nil
}

// valueOf holds one value to the kind of the field, or to what the test takes.
func (p *Predicate) valueOf(v any) (any, error) {
	switch s, isText := v.(string); {
	case p.test == &sameAs: // a value that is no text names no field
		if p.other = findField(s); p.other == nil || p.other.Kind != p.field.Kind || s == p.Field {
			return nil, fmt.Errorf("%v is no other field of the same kind", v)
		}
		return s, nil
	case p.test == &matches:
		if !isText || s == "" {
			return nil, fmt.Errorf("%v is no pattern", v)
		}
		var err error
		p.pattern, err = regexp.Compile(s)
		return s, err
	case p.field.Kind == TextField && isText && s != "":
		if len(p.field.Names) > 0 && !slices.Contains(p.field.Names, s) {
			return nil, fmt.Errorf("%q is none of %s", s, strings.Join(p.field.Names, ", "))
		}
		return s, nil
	case p.field.Kind == NumberField:
		n, isNumber := v.(json.Number)
		if !isNumber {
			return nil, fmt.Errorf("%v is not a number", v)
		}
		whole, err := n.Int64()
		if err == nil && p.test == &containsBit && (whole < 1 || whole&(whole-1) != 0) {
			err = fmt.Errorf("%d is not one bit", whole)
		}
		if err == nil && p.test == &containsBit && p.field.markOf(whole) == nil {
			err = fmt.Errorf("%d has no name", whole)
		}
		return whole, err
	}
	return nil, fmt.Errorf("%v is not a text of at least one character", v)
}

// asksOf reports whether p looks at a field of what the rule is about.
func (p *Predicate) asksOf(of Of) bool {
	if p.Field != "" {
		return p.field.Of == of || p.other != nil && p.other.Of == of
	}
	for _, part := range p.parts() {
		if part.asksOf(of) {
			return true
		}
	}
	return false
}

// String returns p as spec/profiles.md has it.
func (p *Predicate) String() string {
	return p.told((*Predicate).String, func() string {
		wants := p.wants("`")
		if p.test == &matches {
			wants += fmt.Sprintf(" (`%s`)", p.pattern)
		}
		return "`" + p.Field + "` " + wants
	})
}

// inWords returns p for people: without the marks of Markdown, and without
// patterns.
func (p *Predicate) inWords() string {
	return p.told((*Predicate).inWords, func() string { return p.Field + " " + p.wants("") })
}

// told composes what part says of the parts of p; leaf is p where it has none.
func (p *Predicate) told(part func(*Predicate) string, leaf func() string) string {
	switch {
	case p.Not != nil:
		return "not (" + part(p.Not) + ")"
	case len(p.All) > 0:
		return phrase(p.All, " and ", part)
	case len(p.Any) > 0:
		return phrase(p.Any, " or ", part)
	}
	return leaf()
}

// wants returns what the field must be, its values between quotes.
func (p *Predicate) wants(quote string) string {
	switch p.test {
	case &matches:
		return p.Words
	case &containsBit:
		return "says that " + p.field.markOf(p.Values[0].(int64)).says
	}
	words := make([]string, len(p.Values))
	for i, v := range p.Values {
		words[i] = fmt.Sprintf("%s%v%s", quote, v, quote)
	}
	return strings.TrimSpace(p.test.phrase + " " + strings.Join(words, ", "))
}

// phrase joins what part says of predicates; what is composed itself stands in
// brackets.
func phrase(parts []Predicate, with string, part func(*Predicate) string) string {
	words := make([]string, len(parts))
	for i := range parts {
		words[i] = part(&parts[i])
		if len(parts[i].All)+len(parts[i].Any) > 1 {
			words[i] = "(" + words[i] + ")"
		}
	}
	return strings.Join(words, with)
}
