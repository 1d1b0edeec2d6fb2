package profile

import (
	"fmt"
	"slices"
	"strings"
)

// A test is what may be asked of a field. Where a field has several values, it
// holds if it holds for one of them (SPEC(PRO-8)).
type test struct {
	name        string
	kinds       string // of fields, by name
	least, most int    // values
	phrase      string
	says        string
	holds       func(p *Predicate, item any) bool // nil: judged by how many there are
}

const anyKind = "text, number, flag"

// The tests. Their names are part of the format of profiles.
var (
	present     = test{"present", anyKind, 0, 0, "is there", "it has a value", nil}
	absent      = test{"absent", anyKind, 0, 0, "is absent", "it has none", nil}
	isTrue      = test{"true", "flag", 0, 0, "is true", "it has the value true", func(_ *Predicate, item any) bool { return item == true }}
	equals      = test{"equals", "text, number", 1, 1, "is", "it is the value", oneOf}
	isOneOf     = test{"one-of", "text, number", 2, 16, "is one of", "it is one of the values", oneOf}
	matches     = test{"matches", "text", 1, 1, "matches", "the pattern (RE2) is found in it", matchesPattern}
	sameAs      = test{"same-as", anyKind, 1, 1, "is the same as", "it has the value of the other field, and both have one", nil}
	atLeast     = test{"min", "number", 1, 1, "is at least", "it is the value or more", func(p *Predicate, item any) bool { return item.(int64) >= p.Values[0].(int64) }}
	atMost      = test{"max", "number", 1, 1, "is at most", "it is the value or less", func(p *Predicate, item any) bool { return item.(int64) <= p.Values[0].(int64) }}
	containsBit = test{"contains-bit", "number", 1, 1, "contains bit", "the sum of bits has this one", func(p *Predicate, item any) bool { return item.(int64)&p.Values[0].(int64) != 0 }}
)

var tests = [...]*test{&present, &absent, &isTrue, &equals, &isOneOf, &matches, &sameAs, &atLeast, &atMost, &containsBit}

func findTest(name string) *test {
	for _, t := range tests {
		if t.name == name {
			return t
		}
	}
	return nil
}

func oneOf(p *Predicate, item any) bool { return slices.Contains(p.Values, item) }

func matchesPattern(p *Predicate, item any) bool { return p.pattern.MatchString(item.(string)) }

// truth is yes, no, or not known for want of what was not given.
type truth int

const (
	unknown truth = iota
	no
	yes
)

// A judgement is what became of a predicate, and why: what was found instead,
// or what was missing.
type judgement struct {
	truth truth
	why   []string
}

// judge applies p to s. What is missing matters only where the rest does not
// decide. SPEC(PRO-9)
func (p *Predicate) judge(s *Subject) judgement {
	switch {
	case p.Not != nil:
		return p.judgeNot(s)
	case len(p.All) > 0:
		return compose(p.All, s, no)
	case len(p.Any) > 0:
		return compose(p.Any, s, yes)
	}
	return p.judgeTest(s)
}

func (p *Predicate) judgeNot(s *Subject) judgement {
	switch j := p.Not.judge(s); j.truth {
	case yes:
		return judgement{no, []string{plain(p.Not.String()) + ", wanted not so"}}
	case no:
		return judgement{yes, nil}
	default:
		return j
	}
}

// compose judges parts of which one that is decisive decides: no of all, yes of
// any.
func compose(parts []Predicate, s *Subject, decisive truth) judgement {
	reasons := map[truth][]string{}
	found := map[truth]bool{}
	for i := range parts {
		j := parts[i].judge(s)
		found[j.truth] = true
		for _, why := range j.why {
			if !slices.Contains(reasons[j.truth], why) {
				reasons[j.truth] = append(reasons[j.truth], why)
			}
		}
	}
	for _, t := range []truth{decisive, unknown} {
		if found[t] {
			return judgement{t, reasons[t]}
		}
	}
	other := yes + no - decisive
	return judgement{other, reasons[other]}
}

func (p *Predicate) judgeTest(s *Subject) judgement {
	v := p.field.read(s)
	if v.missing != "" {
		return judgement{unknown, []string{v.missing}}
	}
	holds := false
	switch p.test {
	case &present:
		holds = len(v.items) > 0
	case &absent:
		holds = len(v.items) == 0
	case &sameAs:
		other := p.other.read(s)
		if other.missing != "" {
			return judgement{unknown, []string{other.missing}}
		}
		holds = slices.ContainsFunc(v.items, func(item any) bool { return slices.Contains(other.items, item) })
		if !holds {
			return judgement{no, []string{fmt.Sprintf("%s, and %s", found(p.field, v), found(p.other, other))}}
		}
	default:
		holds = slices.ContainsFunc(v.items, func(item any) bool { return p.test.holds(p, item) })
	}
	if !holds {
		return judgement{no, []string{found(p.field, v) + ", wanted: " + plain(p.wants())}}
	}
	return judgement{yes, nil}
}

// shownItems and shownBytes bound what a reason repeats of a file.
const (
	shownItems = 4
	shownBytes = 80
)

// found says what a field has.
func found(f *Field, v value) string {
	if len(v.items) == 0 {
		return f.Name + " is absent"
	}
	var words []string
	for i, item := range v.items {
		if i == shownItems {
			words = append(words, fmt.Sprintf("and %d more", len(v.items)-i))
			break
		}
		if text, is := item.(string); is {
			words = append(words, quoted(text))
		} else {
			words = append(words, fmt.Sprint(item))
		}
	}
	return f.Name + " is " + strings.Join(words, ", ")
}

// quoted shows a text from outside so that it cannot steer a terminal.
func quoted(s string) string {
	if len(s) > shownBytes {
		return fmt.Sprintf("%q…", s[:shownBytes])
	}
	return fmt.Sprintf("%q", s)
}

// plain is a text of ours without the marks of Markdown.
func plain(s string) string { return strings.ReplaceAll(s, "`", "") }
