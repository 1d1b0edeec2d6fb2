package profile

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
)

const leaf = `{"field": "record.label.extent", "test": "present"}`

const small = `{
	"id": "x", "title": "X", "version": 1,
	"law": {"name": "X Act", "jurisdiction": "XX", "since": "2026-01-01", "source": "nothing"},
	"scope": ["text", "image"],
	"note": "None.",
	"rules": [
		{"id": "X-1", "clause": "1", "says": "It is so.", "of": "record", "severity": "must", "known": "primary", "require": ` + leaf + `},
		{"id": "X-3", "clause": "2", "says": "And so.", "of": "record", "severity": "should", "known": "memory", "when": ` + leaf + `, "require": ` + leaf + `}
	]
}`

func TestParse(t *testing.T) {
	p, err := parse("x", []byte(small))
	if err != nil || len(p.Rules) != 2 || p.Rules[1].ID != "X-3" {
		t.Fatalf("%v, %+v", err, p)
	}
}

// TestParseRefuses changes one thing of a sound profile each.
func TestParseRefuses(t *testing.T) {
	require := `"require": ` + leaf + `}`
	deep := leaf
	for range maxDepth + 1 {
		deep = `{"not": ` + deep + `}`
	}
	predicate := func(p string) [2]string { return [2]string{require, `"require": ` + p + `}`} }
	for want, change := range map[string][2]string{
		"unknown field":        {`"title"`, `"colour": "red", "title"`},
		`unknown field "weigh`: {`"clause": "1"`, `"clause": "1", "weight": 2`},
		"unexpected EOF":       {small[len(small)-1:], ""},
		"something follows":    {small, small + "{}"},
		"the file's name":      {`"id": "x"`, `"id": "y"`},
		"title is missing":     {`"title": "X"`, `"title": ""`},
		"law.name":             {`"X Act"`, `""`},
		"law.jurisdiction":     {`"XX"`, `""`},
		"law.source":           {`"nothing"`, `""`},
		"note is missing":      {`"None."`, `""`},
		"version is 0":         {`"version": 1`, `"version": 0`},
		"law.since":            {"2026-01-01", "2026-13-01"},
		"scope is missing":     {`["text", "image"]`, `[]`},
		`"smell" is no modal`:  {`"image"`, `"smell"`},
		"text stands twice":    {`"image"`, `"text"`},
		"applies: there is no": {`"note"`, `"applies": {"field": "x", "test": "present"}, "note"`},
		"rules are missing":    {small[strings.Index(small, `"rules"`):], `"rules": []}`},
		"not of the form":      {`"X-1"`, `"X1"`},
		"does not follow X-1":  {`"X-3"`, `"X-1"`},
		"Y-3 does not follow":  {`"X-3"`, `"Y-3"`},
		"clause is missing":    {`"clause": "1"`, `"clause": ""`},
		"full stop":            {"It is so.", "It is so"},
		"fits a table":         {"It is so.", "It | so."},
		`of is "thing"`:        {`"of": "record"`, `"of": "thing"`},
		`severity is "may"`:    {`"must"`, `"may"`},
		`known is "hearsay"`:   {`"primary"`, `"hearsay"`},
		"known by inferred":    {`"primary"`, `"inferred"`},
		"known by memory":      {`"primary"`, `"memory"`},
		"nothing of the label": {`"of": "record"`, `"of": "label"`},
		"when: there is no":    {`"when": {"field": "record.label.extent"`, `"when": {"field": "record.extent"`},

		"exactly one of all":       predicate(`{}`),
		"has exactly one of":       predicate(`{"not": ` + leaf + `, "all": [` + leaf + `]}`),
		"only beside field":        predicate(`{"not": ` + leaf + `, "test": "present"}`),
		"nest deeper":              predicate(deep),
		"there is no field":        predicate(`{"any": [{"field": "record.label.colour", "test": "present"}]}`),
		`no test "like"`:           predicate(`{"field": "record.label.extent", "test": "like"}`),
		"is a text; min is for":    predicate(`{"field": "record.label.extent", "test": "min", "values": [1]}`),
		"true is for flag":         predicate(`{"field": "record.label.extent", "test": "true"}`),
		"has 1 values":             predicate(`{"field": "record.label.extent", "test": "present", "values": ["full"]}`),
		"wanted 2 to 16":           predicate(`{"field": "record.label.extent", "test": "one-of", "values": ["full"]}`),
		`"all" is none of full`:    predicate(`{"field": "record.label.extent", "test": "equals", "values": ["all"]}`),
		"1 is not a text":          predicate(`{"field": "record.label.extent", "test": "equals", "values": [1]}`),
		"full is not a number":     predicate(`{"field": "record.label.made", "test": "equals", "values": ["full"]}`),
		"1.5":                      predicate(`{"field": "record.label.made", "test": "min", "values": [1.5]}`),
		"3 is not one bit":         predicate(`{"field": "record.label.marks", "test": "contains-bit", "values": [3]}`),
		"0 is not one bit":         predicate(`{"field": "record.label.marks", "test": "contains-bit", "values": [0]}`),
		"missing closing":          predicate(`{"field": "record.label.extent", "test": "matches", "values": ["(x"], "words": "is x"}`),
		"extent matches: words":    predicate(`{"field": "record.label.extent", "test": "matches", "values": ["x"]}`),
		"extent present: words":    predicate(`{"field": "record.label.extent", "test": "present", "words": "is x"}`),
		"without | and `":          predicate(`{"field": "record.label.extent", "test": "matches", "values": ["x"], "words": "is | x"}`),
		"words stand only beside":  predicate(`{"not": ` + leaf + `, "words": "is x"}`),
		"16 has no name":           predicate(`{"field": "record.label.marks", "test": "contains-bit", "values": [16]}`),
		"1 has no name":            predicate(`{"field": "record.label.made", "test": "contains-bit", "values": [1]}`),
		"7 is no pattern":          predicate(`{"field": "record.label.extent", "test": "matches", "values": [7], "words": "is 7"}`),
		"made is no other field":   predicate(`{"field": "record.label.extent", "test": "same-as", "values": ["record.label.made"]}`),
		"extent is no other field": predicate(`{"field": "record.label.extent", "test": "same-as", "values": ["record.label.extent"]}`),
	} {
		if !strings.Contains(small, change[0]) {
			t.Fatalf("the profile has no %q", change[0])
		}
		_, err := parse("x", []byte(strings.Replace(small, change[0], change[1], 1)))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "profile x: ") {
			t.Errorf("%v, wanted one with %q", err, want)
		}
	}
}

// TestProfilesLoad parses every embedded file, and wants each to be found.
func TestProfilesLoad(t *testing.T) {
	files, err := fs.Glob(data, "profiles/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		id := strings.TrimSuffix(strings.TrimPrefix(path, "profiles/"), ".json")
		b, err := fs.ReadFile(data, path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parse(id, b); err != nil {
			t.Error(err)
		}
		if p, err := Find(id); err != nil || p.ID != id {
			t.Errorf("%s is not found: %v", id, err)
		}
	}
	all := All()
	if len(files) != len(all) || len(all) != 6 {
		t.Errorf("%d files and %d profiles, wanted 6", len(files), len(all))
	}
	prefixes := map[string]string{}
	for _, p := range all {
		prefix, _, _ := strings.Cut(p.Rules[0].ID, "-")
		if other := prefixes[prefix]; other != "" {
			t.Errorf("%s and %s name their rules alike", other, p.ID)
		}
		prefixes[prefix] = p.ID
	}
}

func TestFindNames(t *testing.T) {
	_, err := Find("gdpr")
	if err == nil || !strings.Contains(err.Error(), `"gdpr"`) {
		t.Fatalf("%v", err)
	}
	for _, id := range ids {
		if !strings.Contains(err.Error(), id) {
			t.Errorf("%v does not name %s", err, id)
		}
	}
	if _, err := ParseModality("smell"); err == nil || !strings.Contains(err.Error(), "text, image") {
		t.Errorf("%v", err)
	}
}

// uses adds the fields and tests that p looks at.
func uses(p *Predicate, used map[string]bool) {
	if p == nil {
		return
	}
	if p.Field != "" {
		used[p.Field], used["test "+p.Test] = true, true
		if p.other != nil {
			used[p.other.Name] = true
		}
	}
	for _, part := range p.parts() {
		uses(part, used)
	}
}

// TestNothingIsIdle wants each field and each test used by some rule, and names
// given once.
func TestNothingIsIdle(t *testing.T) {
	used := map[string]bool{}
	for _, p := range All() {
		uses(p.Applies, used)
		for i := range p.Rules {
			uses(p.Rules[i].When, used)
			uses(&p.Rules[i].Require, used)
		}
	}
	var names []string
	for _, f := range Fields() {
		names = append(names, f.Name)
	}
	for _, test := range tests {
		names = append(names, "test "+test.name)
	}
	for i, name := range names {
		if !used[name] {
			t.Errorf("no rule uses %s", name)
		}
		if slices.Contains(names[:i], name) {
			t.Errorf("%s stands twice", name)
		}
	}
}

// TestComposition holds all, any and not to their tables of three values.
func TestComposition(t *testing.T) {
	// In a subject without a file: met, unmet and not known.
	leaves := map[truth]string{
		yes:     `{"field": "record.label.status", "test": "present"}`,
		no:      `{"field": "record.label.status", "test": "absent"}`,
		unknown: `{"field": "label.aigc", "test": "true"}`,
	}
	s := labelled()
	s.File = nil
	judge := func(form string, args ...any) judgement {
		text := strings.Replace(small, `"require": `+leaf+`}`, `"require": `+fmt.Sprintf(form, args...)+`}`, 1)
		text = strings.Replace(text, `"of": "record"`, `"of": "label"`, 1)
		p, err := parse("x", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return p.Rules[0].Require.judge(&s)
	}
	// A field of the label that changes nothing lets every form be of the label.
	const idle = `{"any": [{"field": "label.readable", "test": "present"}, {"field": "record.label.status", "test": "present"}]}`
	for a, first := range leaves {
		want := map[truth]truth{yes: no, no: yes, unknown: unknown}[a]
		if got := judge(`{"all": [`+idle+`, {"not": %s}]}`, first); got.truth != want || (len(got.why) == 0) != (want == yes) {
			t.Errorf("not %d: %+v, wanted %d", a, got, want)
		}
		for b, second := range leaves {
			either, each := unknown, unknown
			if a == no || b == no {
				each = no
			} else if a == yes && b == yes {
				each = yes
			}
			if a == yes || b == yes {
				either = yes
			} else if a == no && b == no {
				either = no
			}
			if got := judge(`{"all": [`+idle+`, %s, %s]}`, first, second); got.truth != each {
				t.Errorf("all of %d and %d: %+v, wanted %d", a, b, got, each)
			}
			if got := judge(`{"all": [`+idle+`, {"any": [%s, %s]}]}`, first, second); got.truth != either {
				t.Errorf("any of %d and %d: %+v, wanted %d", a, b, got, either)
			}
		}
	}
}
