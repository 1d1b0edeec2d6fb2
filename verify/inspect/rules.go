package inspect

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/google/cel-go/cel"
	"go.yaml.in/yaml/v3"
)

// Limits of a file of rules. SPEC(VER-75)
const (
	MaxRuleFile   = 256 << 10 // bytes
	maxRules      = 256
	maxExpression = 4096 // characters
	maxSays       = 256  // characters
)

// Rules are an auditor's own, compiled. They are read only and may serve several
// inspectors.
type Rules struct {
	list []rule
}

// A rule expects something of each record for which when holds.
type rule struct {
	ID, Says     string
	when, expect cel.Program // when is nil where the rule is of every record
	expression   string      // what is expected, for people
}

// key is what findings of the rule are kept under.
func (r *rule) key() string { return "rule " + r.ID }

// A RuleError says what is wrong with a file of rules, and where.
type RuleError struct {
	Line, Column int // from 1
	Err          error
}

// Error reads "line 3, column 9: what".
func (e *RuleError) Error() string {
	return fmt.Sprintf("line %d, column %d: %v", e.Line, e.Column, e.Err)
}

// Unwrap gives what was wrong.
func (e *RuleError) Unwrap() error { return e.Err }

// Len is the number of rules.
func (r *Rules) Len() int { return len(r.list) }

// ParseRules reads and compiles a file of rules, YAML or JSON. The error is a
// *RuleError. SPEC(VER-75)
func ParseRules(file []byte) (*Rules, error) {
	if len(file) > MaxRuleFile {
		return nil, &RuleError{1, 1, fmt.Errorf("%d bytes; rules have at most %d", len(file), MaxRuleFile)}
	}
	if !utf8.Valid(file) {
		return nil, &RuleError{1, 1, errors.New("not UTF-8")}
	}
	root, err := oneDocument(file)
	if err != nil {
		return nil, err
	}
	env, err := newEnvironment()
	if err != nil {
		return nil, &RuleError{1, 1, err}
	}
	p := &ruleParser{lines: strings.Split(string(file), "\n"), env: env, ids: map[string]bool{}}
	members, err := p.members(root, "format", "rules")
	if err != nil {
		return nil, err
	}
	if f := members["format"]; f == nil || f.Value != "1" || f.Tag != "!!int" {
		return nil, faultAt(orNode(f, root), "wanted format: 1, the version of this form")
	}
	list := members["rules"]
	if list == nil || list.Kind != yaml.SequenceNode || len(list.Content) == 0 || len(list.Content) > maxRules {
		return nil, faultAt(orNode(list, root), "wanted rules: a list of 1 to %d", maxRules)
	}
	rules := &Rules{}
	for _, item := range list.Content {
		r, err := p.rule(item)
		if err != nil {
			return nil, err
		}
		rules.list = append(rules.list, *r)
	}
	return rules, nil
}

// yamlLine finds the line in what the YAML library says.
var yamlLine = regexp.MustCompile(`line ([0-9]+): `)

// oneDocument reads the only document of a file.
func oneDocument(file []byte) (root *yaml.Node, err error) {
	decoder := yaml.NewDecoder(bytes.NewReader(file))
	var doc, more yaml.Node
	if err := decoder.Decode(&doc); err != nil {
		return nil, yamlError(err)
	}
	switch err := decoder.Decode(&more); {
	case err == nil:
		return nil, faultAt(&more, "a second document; rules are one")
	case !errors.Is(err, io.EOF):
		return nil, yamlError(err)
	}
	if len(doc.Content) != 1 {
		return nil, faultAt(&doc, "no rules")
	}
	return doc.Content[0], nil
}

func yamlError(err error) error {
	if errors.Is(err, io.EOF) {
		return &RuleError{1, 1, errors.New("the file is empty")}
	}
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	line := 1
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil {
			line = max(n, 1)
		}
		text = strings.Replace(text, m[0], "", 1)
	}
	return &RuleError{line, 1, errors.New(text)}
}

func orNode(n, otherwise *yaml.Node) *yaml.Node {
	if n != nil {
		return n
	}
	return otherwise
}

func faultAt(n *yaml.Node, format string, args ...any) error {
	return &RuleError{max(n.Line, 1), max(n.Column, 1), fmt.Errorf(format, args...)}
}

// A ruleParser makes rules of nodes.
type ruleParser struct {
	lines []string
	env   *cel.Env
	ids   map[string]bool
}

// members returns the members of a mapping, all of them named.
func (p *ruleParser) members(n *yaml.Node, names ...string) (map[string]*yaml.Node, error) {
	if n.Kind != yaml.MappingNode {
		return nil, faultAt(n, "wanted a mapping of %s", strings.Join(names, ", "))
	}
	members := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch {
		case key.Anchor != "" || value.Anchor != "" || value.Kind == yaml.AliasNode || key.Kind != yaml.ScalarNode:
			return nil, faultAt(key, "anchors, aliases and keys that are no names are not part of the form")
		case !has(names, key.Value):
			return nil, faultAt(key, "there is no member %.40q; wanted %s", key.Value, strings.Join(names, ", "))
		case members[key.Value] != nil:
			return nil, faultAt(key, "%s stands twice", key.Value)
		}
		members[key.Value] = value
	}
	return members, nil
}

var ruleID = regexp.MustCompile(`^[a-z0-9.-]{1,64}$`)

// rule reads one.
func (p *ruleParser) rule(n *yaml.Node) (*rule, error) {
	if n.Anchor != "" || n.Kind == yaml.AliasNode {
		return nil, faultAt(n, "anchors and aliases are not part of the form")
	}
	members, err := p.members(n, "id", "says", "when", "expect")
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"id", "says", "when", "expect"} {
		m := members[name]
		if m == nil && name != "when" {
			return nil, faultAt(n, "a rule has %s", name)
		}
		if m != nil && (m.Kind != yaml.ScalarNode || m.Tag == "!!null") {
			return nil, faultAt(m, "%s is a text", name)
		}
	}
	r := &rule{ID: members["id"].Value, Says: members["says"].Value, expression: members["expect"].Value}
	switch {
	case !ruleID.MatchString(r.ID):
		return nil, faultAt(members["id"], "%.80q: wanted 1 to 64 of a-z, 0-9, '-', '.'", r.ID)
	case p.ids[r.ID]:
		return nil, faultAt(members["id"], "a second rule %s", r.ID)
	case utf8.RuneCountInString(r.Says) > maxSays:
		return nil, faultAt(members["says"], "more than %d characters", maxSays)
	}
	p.ids[r.ID] = true
	if m := members["when"]; m != nil {
		if r.when, err = p.compile(m); err != nil {
			return nil, err
		}
	}
	r.expect, err = p.compile(members["expect"])
	return r, err
}

// compile checks an expression's names and types and makes a program of it.
func (p *ruleParser) compile(n *yaml.Node) (cel.Program, error) {
	if utf8.RuneCountInString(n.Value) > maxExpression {
		return nil, faultAt(n, "an expression of more than %d characters", maxExpression)
	}
	ast, issues := p.env.Compile(n.Value)
	if issues.Err() != nil {
		first := issues.Errors()[0]
		line, column := p.locate(n, first.Location.Line(), first.Location.Column())
		return nil, &RuleError{line, column, errors.New(first.Message)}
	}
	if ast.OutputType() != cel.BoolType {
		return nil, faultAt(n, "the expression gives %s; wanted a boolean", ast.OutputType())
	}
	program, err := newProgram(p.env, ast)
	if err != nil {
		return nil, faultAt(n, "%v", err)
	}
	return program, nil
}

// locate gives the place in the file of one in an expression (line from 1, column
// from 0), as far as the text's style keeps lines; else that of the expression.
func (p *ruleParser) locate(n *yaml.Node, line, column int) (int, int) {
	switch {
	case line < 1 || column < 0:
		return n.Line, n.Column
	case n.Style&yaml.LiteralStyle != 0 && n.Line+line-1 < len(p.lines):
		// The text begins on the line behind the bar; its lines are indented alike.
		first := p.lines[n.Line]
		indent := len(first) - len(strings.TrimLeft(first, " "))
		return n.Line + line, indent + column + 1
	case line == 1 && n.Style&yaml.FoldedStyle == 0:
		quote := 0
		if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
			quote = 1
		}
		return n.Line, n.Column + quote + column
	}
	return n.Line, n.Column
}
