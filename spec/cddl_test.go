package spec

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// A small reader of CDDL (RFC 8610): as much of the language as record.cddl
// uses. It knows nothing of the format but what that file says.

// A cddlType is one alternative or several.
type cddlType struct {
	choices []cddlType // alternatives, where there are several
	name    string     // reference to a rule or to the prelude
	number  *int64     // literal, or the lower end of a range
	upper   *int64     // upper end of a range
	text    *string    // literal
	tag     *uint64    // #6.n(inner)
	inner   *cddlType
	control string // .size, .regexp, .cbor
	operand *cddlType
	brace   byte // '{' or '['
	group   []cddlEntry
}

// A cddlEntry is one entry of a group.
type cddlEntry struct {
	min, max int // occurrences; max -1: any number
	key      *cddlType
	value    *cddlType
	nested   []cddlEntry // a group in parentheses
	together *int        // of an optional group of several: how many of them are there
}

// A cddlRule is a type, or a group in parentheses.
type cddlRule struct {
	typ   *cddlType
	group []cddlEntry
}

type cddlFile map[string]cddlRule

type cddlParser struct {
	tokens []string
	at     int
}

var cddlToken = regexp.MustCompile(`^(?:;[^\n]*|\s+|("[^"]*"|#6\.\d+|\.\.|\.[a-z]+|=>|-?\d+|[A-Za-z][A-Za-z0-9_-]*|[=/?*+,:(){}\[\]]))`)

// parseCDDL reads a file; a syntax error panics with the place.
func parseCDDL(text string) (file cddlFile, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("cddl: %v", r)
		}
	}()
	p := &cddlParser{}
	for len(text) > 0 {
		m := cddlToken.FindStringSubmatch(text)
		if m == nil {
			return nil, fmt.Errorf("cddl: unreadable at %.20q", text)
		}
		if m[1] != "" {
			p.tokens = append(p.tokens, m[1])
		}
		text = text[len(m[0]):]
	}
	file = cddlFile{}
	for p.peek() != "" {
		name := p.next()
		p.want("=")
		if _, twice := file[name]; twice {
			return nil, fmt.Errorf("cddl: rule %s twice", name)
		}
		if p.peek() == "(" {
			p.next()
			file[name] = cddlRule{group: p.entries(")")}
		} else {
			file[name] = cddlRule{typ: p.typ()}
		}
	}
	return file, nil
}

func (p *cddlParser) peek() string { return p.ahead(0) }

func (p *cddlParser) ahead(n int) string {
	if p.at+n >= len(p.tokens) {
		return ""
	}
	return p.tokens[p.at+n]
}

func (p *cddlParser) next() string { p.at++; return p.tokens[p.at-1] }

func (p *cddlParser) want(token string) {
	if got := p.next(); got != token {
		panic(fmt.Sprintf("token %d is %q, wanted %q", p.at, got, token))
	}
}

func (p *cddlParser) typ() *cddlType {
	t := p.single()
	if p.peek() != "/" {
		return t
	}
	all := &cddlType{choices: []cddlType{*t}}
	for p.peek() == "/" {
		p.next()
		all.choices = append(all.choices, *p.single())
	}
	return all
}

func (p *cddlParser) single() *cddlType {
	t := p.plain()
	if c := p.peek(); strings.HasPrefix(c, ".") && c != ".." {
		p.next()
		t = &cddlType{control: c, inner: t, operand: p.plain()}
	}
	return t
}

func (p *cddlParser) plain() *cddlType {
	switch tok := p.next(); {
	case tok == "{" || tok == "[":
		closing := map[string]string{"{": "}", "[": "]"}[tok]
		return &cddlType{brace: tok[0], group: p.entries(closing)}
	case tok == "(":
		t := p.typ()
		p.want(")")
		return t
	case tok[0] == '"':
		s := tok[1 : len(tok)-1]
		return &cddlType{text: &s}
	case strings.HasPrefix(tok, "#6."):
		n, _ := strconv.ParseUint(tok[3:], 10, 64)
		p.want("(")
		t := p.typ()
		p.want(")")
		return &cddlType{tag: &n, inner: t}
	case tok[0] == '-' || tok[0] >= '0' && tok[0] <= '9':
		t := &cddlType{number: cddlNumber(tok)}
		if p.peek() == ".." {
			p.next()
			t.upper = cddlNumber(p.next())
		}
		return t
	case tok[0] >= 'a' && tok[0] <= 'z':
		return &cddlType{name: tok}
	default:
		panic(fmt.Sprintf("token %d is %q, wanted a type", p.at, tok))
	}
}

func cddlNumber(tok string) *int64 {
	n, err := strconv.ParseInt(tok, 10, 64)
	if err != nil {
		panic(err)
	}
	return &n
}

// entries reads the entries of a group up to the closing bracket.
func (p *cddlParser) entries(closing string) []cddlEntry {
	var out []cddlEntry
	for p.peek() != closing {
		e := cddlEntry{min: 1, max: 1}
		switch {
		case p.peek() == "?":
			p.next()
			e.min = 0
		case p.peek() == "*":
			p.next()
			e.min, e.max = 0, -1
		case p.peek() == "+":
			p.next()
			e.max = -1
		case p.ahead(1) == "*":
			e.min = int(*cddlNumber(p.next()))
			p.next()
			e.max = int(*cddlNumber(p.next()))
		}
		switch {
		case p.peek() == "(":
			p.next()
			e.nested = p.entries(")")
		case p.ahead(1) == ":":
			p.at += 2
			e.value = p.typ()
		default:
			t := p.typ()
			if p.peek() == "=>" {
				p.next()
				e.key, t = t, p.typ()
			}
			e.value = t
		}
		out = append(out, e)
		if p.peek() == "," {
			p.next()
		}
	}
	p.next()
	return out
}

// matches says whether the item is of the type.
func (f cddlFile) matches(t *cddlType, x *cborItem) bool {
	switch {
	case t.choices != nil:
		for i := range t.choices {
			if f.matches(&t.choices[i], x) {
				return true
			}
		}
		return false
	case t.number != nil:
		upper := t.upper
		if upper == nil {
			upper = t.number
		}
		n, ok := x.integer()
		return ok && n >= *t.number && n <= *upper
	case t.text != nil:
		return x.major == 3 && string(x.bytes) == *t.text
	case t.tag != nil:
		return x.major == 6 && x.arg == *t.tag && f.matches(t.inner, x.items[0])
	case t.control != "":
		return f.matches(t.inner, x) && f.controlled(t, x)
	case t.brace == '[':
		return x.major == 4 && f.array(f.flat(t.group), x.items)
	case t.brace == '{':
		return x.major == 5 && f.mapping(f.flat(t.group), x.items)
	}
	if rule, ok := f[t.name]; ok {
		return f.matches(rule.typ, x)
	}
	switch t.name {
	case "any":
		return true
	case "bstr":
		return x.major == 2
	case "tstr":
		return x.major == 3
	case "int":
		return x.major < 2
	case "bool":
		return x.major == 7 && (x.arg == 20 || x.arg == 21)
	case "nil":
		return x.major == 7 && x.arg == 22
	}
	panic("cddl: no rule " + t.name)
}

func (f cddlFile) controlled(t *cddlType, x *cborItem) bool {
	switch t.control {
	case ".size":
		return f.matches(t.operand, &cborItem{arg: uint64(len(x.bytes))})
	case ".regexp":
		return regexp.MustCompile(`^(?:`+*t.operand.text+`)$`).Match(x.bytes) && !strings.Contains(string(x.bytes), "\n")
	case ".cbor":
		inner, err := decodeCBOR(x.bytes)
		return err == nil && f.matches(t.operand, inner)
	}
	panic("cddl: no control " + t.control)
}

// flat puts the entries of named and of nested groups in the place of the group.
func (f cddlFile) flat(group []cddlEntry) []cddlEntry {
	var out []cddlEntry
	for _, e := range group {
		inner := e.nested
		if e.key == nil && e.value != nil && f[e.value.name].group != nil {
			inner = f[e.value.name].group
		}
		if inner == nil {
			out = append(out, e)
			continue
		}
		entries, together := f.flat(inner), new(int)
		for _, x := range entries {
			switch {
			case e.min == 1 && e.max == 1:
			case len(entries) == 1:
				x.min, x.max = e.min, e.max
			case e.min == 0 && e.max == 1 && x.min == 1 && x.max == 1:
				x.min, x.together = 0, together
			default:
				panic("cddl: a repeated group of several entries")
			}
			out = append(out, x)
		}
	}
	return out
}

func (f cddlFile) array(entries []cddlEntry, items []*cborItem) bool {
	if len(entries) == 0 {
		return len(items) == 0
	}
	e := entries[0]
	for n := 0; ; n++ {
		if n >= e.min && f.array(entries[1:], items[n:]) {
			return true
		}
		if n == len(items) || n == e.max || !f.matches(e.value, items[n]) {
			return false
		}
	}
}

func (f cddlFile) mapping(entries []cddlEntry, items []*cborItem) bool {
	count := make([]int, len(entries))
	groups := map[*int][2]int{} // entries there, entries in all
pairs:
	for i := 0; i < len(items); i += 2 {
		for j, e := range entries {
			if f.matches(e.key, items[i]) {
				if count[j]++; !f.matches(e.value, items[i+1]) {
					return false
				}
				continue pairs
			}
		}
		return false
	}
	for j, e := range entries {
		if count[j] < e.min || e.max >= 0 && count[j] > e.max {
			return false
		}
		if e.together != nil {
			n := groups[e.together]
			groups[e.together] = [2]int{n[0] + count[j], n[1] + 1}
		}
	}
	for _, n := range groups {
		if n[0] != 0 && n[0] != n[1] {
			return false
		}
	}
	return true
}

// A cborItem is one decoded item.
type cborItem struct {
	major byte
	arg   uint64
	bytes []byte      // of strings
	items []*cborItem // elements; keys and values in turn; a tag's content
}

func (x *cborItem) integer() (int64, bool) {
	switch {
	case x.arg > 1<<63-1 || x.major > 1:
		return 0, false
	case x.major == 1:
		return -1 - int64(x.arg), true
	}
	return int64(x.arg), true
}

// decodeCBOR reads one item of definite length and nothing behind it. It asks
// no more than that the item be well-formed.
func decodeCBOR(b []byte) (*cborItem, error) {
	x, rest, err := decodeItem(b, 0)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%d bytes behind the item", len(rest))
	}
	return x, err
}

func decodeItem(b []byte, depth int) (*cborItem, []byte, error) {
	if len(b) == 0 || depth > 32 {
		return nil, nil, fmt.Errorf("cut short, or too deep")
	}
	x, info := &cborItem{major: b[0] >> 5}, b[0]&31
	b = b[1:]
	if info < 24 {
		x.arg = uint64(info)
	} else {
		width := 1 << (info - 24)
		if info > 27 || len(b) < width {
			return nil, nil, fmt.Errorf("bad head")
		}
		for _, c := range b[:width] {
			x.arg = x.arg<<8 | uint64(c)
		}
		b = b[width:]
	}
	children := uint64(0)
	switch x.major {
	case 2, 3:
		if x.arg > uint64(len(b)) {
			return nil, nil, fmt.Errorf("string cut short")
		}
		x.bytes = b[:x.arg]
		b = b[x.arg:]
	case 4:
		children = x.arg
	case 5:
		children = 2 * x.arg
	case 6:
		children = 1
	}
	if children > uint64(len(b)) {
		return nil, nil, fmt.Errorf("elements cut short")
	}
	for range children {
		var child *cborItem
		var err error
		if child, b, err = decodeItem(b, depth+1); err != nil {
			return nil, nil, err
		}
		x.items = append(x.items, child)
	}
	return x, b, nil
}
