package intake

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"tokentrail/provenance"
)

// A node is one value of a JSON text, with where it stands.
type node struct {
	path  string
	line  int
	value any      // string, json.Number, bool, nil for null
	open  byte     // '{' or '[' where it holds others
	names []string // of members, beside items
	items []*node
}

// fault makes the error of a value.
func (n *node) fault(format string, args ...any) error {
	return &JSONError{n.line, n.path, fmt.Errorf(format, args...)}
}

// what says what a value is, for people.
func (n *node) what() string {
	switch v := n.value.(type) {
	case string:
		return "a string"
	case json.Number:
		return "a number"
	case bool:
		return fmt.Sprint(v)
	}
	switch n.open {
	case '{':
		return "an object"
	case '[':
		return "an array"
	}
	return "null"
}

// member returns the member called name, or nil.
func (n *node) member(name string) *node {
	for i, have := range n.names {
		if have == name {
			return n.items[i]
		}
	}
	return nil
}

// A nodeParser makes nodes of the tokens of a JSON text.
type nodeParser struct {
	text   []byte
	tokens *json.Decoder
	line   int // of the last token
	at     int64
}

// parseNode reads one JSON value, which begins in a line, and nothing behind it.
func parseNode(b []byte, line int) (*node, error) {
	p := &nodeParser{text: b, tokens: json.NewDecoder(bytes.NewReader(b)), line: line}
	p.tokens.UseNumber()
	switch {
	case len(b) > MaxRecordJSON:
		return nil, p.fault("", "%d bytes of JSON; a record has at most %d", len(b), MaxRecordJSON)
	case !utf8.Valid(b):
		p.line += bytes.Count(b[:validPrefix(b)], []byte{'\n'})
		return nil, p.fault("", "not UTF-8")
	}
	token, err := p.next("")
	if err != nil {
		return nil, err
	}
	root, err := p.value(token, "", 1)
	if err != nil {
		return nil, err
	}
	if _, err := p.tokens.Token(); !errors.Is(err, io.EOF) {
		return nil, p.fault("", "something follows the record")
	}
	return root, nil
}

func validPrefix(b []byte) int {
	at := 0
	for at < len(b) {
		r, size := utf8.DecodeRune(b[at:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		at += size
	}
	return at
}

func (p *nodeParser) fault(path, format string, args ...any) error {
	return &JSONError{p.line, path, fmt.Errorf(format, args...)}
}

// next returns the next token and notes its line. A token never spans lines.
func (p *nodeParser) next(path string) (json.Token, error) {
	token, err := p.tokens.Token()
	end := min(p.tokens.InputOffset(), int64(len(p.text)))
	raw := p.text[p.at:end]
	p.line += bytes.Count(raw, []byte{'\n'})
	p.at = end
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, p.fault(path, "the JSON text ends too early")
	}
	if err != nil {
		return nil, p.fault(path, "not JSON: %w", err)
	}
	if s, is := token.(string); is && replaced(s, string(raw)) {
		return nil, p.fault(path, "a half of a surrogate pair (\\ud800 to \\udfff) is no character")
	}
	return token, nil
}

// replaced reports whether a string has more replacement characters than were
// written: the decoder puts them where an escape is no character.
func replaced(s, raw string) bool {
	const mark = "\uFFFD"
	n := strings.Count(s, mark)
	return n > 0 && n > strings.Count(raw, mark)+strings.Count(strings.ToLower(raw), `\ufffd`)
}

// value makes the node that begins with a token.
func (p *nodeParser) value(token json.Token, path string, depth int) (*node, error) {
	n := &node{path: path, line: p.line}
	open, holds := token.(json.Delim)
	if !holds {
		n.value = token
		return n, nil
	}
	if depth > maxJSONDepth {
		return nil, p.fault(path, "nested more than %d deep", maxJSONDepth)
	}
	n.open = byte(open)
	for {
		token, err := p.next(path)
		if err != nil {
			return nil, err
		}
		if end, is := token.(json.Delim); is && (end == '}' || end == ']') {
			return n, nil
		}
		if len(n.items) == maxJSONItems {
			return nil, p.fault(path, "more than %d members or elements", maxJSONItems)
		}
		inner := fmt.Sprintf("%s[%d]", path, len(n.items))
		if open == '{' {
			if token, inner, err = p.name(n, token); err != nil {
				return nil, err
			}
		}
		item, err := p.value(token, inner, depth+1)
		if err != nil {
			return nil, err
		}
		n.items = append(n.items, item)
	}
}

// name takes the name of a member and returns the first token of its value.
func (p *nodeParser) name(n *node, token json.Token) (first json.Token, path string, err error) {
	name, _ := token.(string) // the decoder has it that names are strings
	if n.member(name) != nil {
		return nil, "", p.fault(n.path, "the member %s stands twice", cited(name))
	}
	n.names = append(n.names, name)
	path = strings.TrimPrefix(n.path+"."+plain(name), ".")
	first, err = p.next(path)
	return first, path, err
}

// plain is a name as it stands in a path: short, and without what could steer a
// terminal.
func plain(name string) string {
	quoted := strconv.QuoteToASCII(name[:min(len(name), 64)])
	return quoted[1 : len(quoted)-1]
}

// locate finds where in the text what the record's rules refuse stands.
func (n *node) locate(err error) error {
	var rule *provenance.Error
	if !errors.As(err, &rule) {
		return &JSONError{n.line, "", err}
	}
	path := jsonPath(rule.Path)
	said := &provenance.Error{Code: rule.Code, Offset: -1, Detail: rule.Detail}
	return &JSONError{n.lineOf(path), path, said}
}

// lineOf returns the line of the value with a path, or of the innermost that
// would hold it.
func (n *node) lineOf(path string) int {
	for _, item := range n.items {
		if path == item.path || strings.HasPrefix(path, item.path+".") || strings.HasPrefix(path, item.path+"[") {
			return item.lineOf(path)
		}
	}
	return n.line
}

// jsonPath writes a path of SPEC(ENC-40) in names of JSON, where elements of
// arrays of the format are members.
func jsonPath(path string) string {
	path = strings.ReplaceAll(path, "-", "_")
	if path == "energy.energy" {
		return "energy.micro_watt_hours"
	}
	group, index, ok := strings.Cut(strings.TrimSuffix(path, "]"), "[")
	if !ok {
		return path
	}
	var names []string
	switch {
	case group == "correction.cell":
		names = []string{"hour", "kind", "side", "serving", "using", "model", "label", "basis", "boundary", "method"}
	case group == "correction.deltas":
		names = []string{"records", "input", "output", "cache_read", "cache_write", "reasoning", "energy"}
	case strings.HasSuffix(path, "][0]") || strings.HasSuffix(path, "][1]") || group == "crossing.mirror":
		at := strings.LastIndexByte(path, '[')
		group, index, names = path[:at], path[at+1:len(path)-1], []string{"issuer", "ref"}
	}
	if i, err := strconv.Atoi(index); err == nil && i < len(names) {
		return group + "." + names[i]
	}
	return path
}
