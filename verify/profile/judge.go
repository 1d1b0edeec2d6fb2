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
	phrase      string // what it wants, before its values; empty: words has it
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
	matches     = test{"matches", "text", 1, 1, "", "the pattern (RE2) is found in it", matchesPattern}
	sameAs      = test{"same-as", anyKind, 1, 1, "is the same as", "it has the value of the other field, and both have one", nil}
	atLeast     = test{"min", "number", 1, 1, "is at least", "it is the value or more", func(p *Predicate, item any) bool { return item.(int64) >= p.Values[0].(int64) }}
	atMost      = test{"max", "number", 1, 1, "is at most", "it is the value or less", func(p *Predicate, item any) bool { return item.(int64) <= p.Values[0].(int64) }}
	containsBit = test{"contains-bit", "number", 1, 1, "", "the sum of bits has this one, which has a name", func(p *Predicate, item any) bool { return item.(int64)&p.Values[0].(int64) != 0 }}
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

// A judgement is what became of a predicate, and why, for people: what was found
// and wanted instead, or what was missing.
type judgement struct {
	truth truth
	why   []string
	found []string // of no: what was found alone
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
		so := p.Not.inWords()
		return judgement{no, []string{so + ", wanted: not so"}, []string{so}}
	case no:
		return judgement{truth: yes}
	default:
		return j
	}
}

// compose judges parts of which one that is decisive decides: no of all, yes of
// any. Where none of several alternatives holds, the reason is one sentence: what
// was found, and what they are.
func compose(parts []Predicate, s *Subject, decisive truth) judgement {
	sums := map[truth]*judgement{}
	for i := range parts {
		j := parts[i].judge(s)
		if sums[j.truth] == nil {
			sums[j.truth] = &judgement{truth: j.truth}
		}
		sum := sums[j.truth]
		sum.why, sum.found = union(sum.why, j.why), union(sum.found, j.found)
	}
	for _, t := range []truth{decisive, unknown} {
		if sums[t] != nil {
			return *sums[t]
		}
	}
	other := *sums[yes+no-decisive]
	if other.truth == no && len(parts) > 1 {
		other.why = []string{strings.Join(other.found, " and ") + ", wanted: " + phrase(parts, ", or ", (*Predicate).inWords)}
	}
	return other
}

// union adds to all what it has not.
func union(all, more []string) []string {
	for _, one := range more {
		if !slices.Contains(all, one) {
			all = append(all, one)
		}
	}
	return all
}

func (p *Predicate) judgeTest(s *Subject) judgement {
	v := p.field.read(s)
	if v.missing != "" {
		return judgement{truth: unknown, why: []string{v.missing}}
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
			return judgement{truth: unknown, why: []string{other.missing}}
		}
		holds = slices.ContainsFunc(v.items, func(item any) bool { return slices.Contains(other.items, item) })
		if !holds {
			both := []string{found(p.field, v), found(p.other, other)}
			return judgement{no, []string{strings.Join(both, " and ") + ", wanted: the same in both"}, both}
		}
	default:
		holds = slices.ContainsFunc(v.items, func(item any) bool { return p.test.holds(p, item) })
	}
	if !holds {
		was := found(p.field, v)
		return judgement{no, []string{was + ", wanted: it " + p.wants("")}, []string{was}}
	}
	return judgement{truth: yes}
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
		switch x := item.(type) {
		case string:
			words = append(words, quoted(x))
		case int64:
			words = append(words, f.number(x))
		default:
			words = append(words, fmt.Sprint(x))
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
