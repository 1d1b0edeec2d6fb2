package label

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	fence      = "---" // the line before and behind a front matter
	frontPlace = "front matter"
)

// A frontMatter is the YAML between a Markdown text's first line, when that is a
// fence, and the next fence.
type frontMatter struct {
	start, end int      // bytes of the text, with the fences
	from, to   int      // bytes of the text, without them
	lines      [][]byte // with their line ends
	eol        string   // of the first fence

	entries []entry
	flow    bool // the mapping is in braces
	indent  int  // spaces before each key
}

// An entry is one key of the front matter's mapping and the lines that it has.
type entry struct {
	key        string
	value      *yaml.Node
	first, end int  // lines from, up to
	alone      bool // nothing but spaces stands before the key in its line
	anchored   bool // it has an anchor, by which another may repeat a part of it
}

// findFrontMatter returns the text's front matter, nil where it has none: where
// its first line is not a fence, or no other fence follows.
func findFrontMatter(b []byte) (*frontMatter, error) {
	m := &frontMatter{start: byteOrderMark(b), eol: "\n"}
	if !opensFrontMatter(b[m.start:]) {
		if bytes.HasPrefix(b[m.start:], []byte(fence+"\r")) && !bytes.HasPrefix(b[m.start:], []byte(fence+"\r\n")) {
			return nil, unsupported(Markdown, frontPlace, int64(m.start), "its lines end in CR alone; let them end in LF or CR LF")
		}
		if looksOpened(b[m.start:]) {
			return nil, unsupported(Markdown, frontPlace, int64(m.start), "space stands behind one of its fences, so that some readers take it for a front matter and others do not; take the space away")
		}
		return nil, nil
	}
	first := nextLine(b[m.start:])
	if bytes.HasSuffix(first, []byte("\r\n")) {
		m.eol = "\r\n"
	}
	m.from = m.start + len(first)
	for m.end = m.from; ; {
		line := nextLine(b[m.end:])
		m.to = m.end
		m.end += len(line)
		if isFence(line) {
			break
		}
		m.lines = append(m.lines, line)
	}
	if m.to-m.from > maxMetadata {
		return nil, tooLarge(Markdown, frontPlace, int64(m.from), "it has %d bytes; at most %d are read", m.to-m.from, maxMetadata)
	}
	if err := m.parse(b[m.from:m.to]); err != nil {
		return nil, err
	}
	return m, nil
}

// opensFrontMatter reports whether a text begins with a fence and has another.
func opensFrontMatter(b []byte) bool {
	line := nextLine(b)
	if strings.TrimRight(string(line[:min(len(line), 5)]), "\r\n") != fence || !isFence(line) {
		return false
	}
	for at := len(line); at < len(b); {
		line := nextLine(b[at:])
		if isFence(line) {
			return true
		}
		at += len(line)
	}
	return false
}

// looksOpened reports whether a text has a front matter for those who let white
// space follow a fence.
func looksOpened(b []byte) bool {
	trimmed := func(line []byte) string {
		return string(bytes.TrimRight(line[:min(len(line), maxMetadata)], " \t\r\n"))
	}
	line := nextLine(b)
	if trimmed(line) != fence {
		return false
	}
	for at := len(line); at < len(b); at += len(line) {
		line = nextLine(b[at:])
		if s := trimmed(line); s == fence || s == "..." {
			return true
		}
	}
	return false
}

// nextLine returns the text's first line, with its end.
func nextLine(b []byte) []byte {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		return b[:i+1]
	}
	return b
}

// isFence tells a line that ends the front matter: YAML's own end of a document
// does as well.
func isFence(line []byte) bool {
	s := strings.TrimSuffix(strings.TrimSuffix(string(line[:min(len(line), 5)]), "\n"), "\r")
	return len(line) <= 5 && (s == fence || s == "...")
}

// parse reads the YAML, whose lines must be those that m counts.
func (m *frontMatter) parse(b []byte) error {
	text := strings.ReplaceAll(string(b), "\r\n", "\n")
	if i := strings.IndexAny(text, "\r\u0085\u2028\u2029"); i >= 0 {
		return unsupported(Markdown, frontPlace, int64(m.from), "it has other line ends than LF and CR LF")
	}
	d := yaml.NewDecoder(strings.NewReader(text))
	var doc, more yaml.Node
	if err := d.Decode(&doc); errors.Is(err, io.EOF) {
		return nil
	} else if err != nil {
		return malformed(Markdown, frontPlace, int64(m.from), "%s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if err := d.Decode(&more); err == nil {
		return malformed(Markdown, frontPlace, int64(m.from), "it holds more than one YAML document")
	} else if !errors.Is(err, io.EOF) {
		return malformed(Markdown, frontPlace, int64(m.from), "%s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if len(doc.Content) != 1 {
		return nil
	}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode {
		if !slices.ContainsFunc(m.lines, func(line []byte) bool { return !isBlankOrComment(bytes.TrimLeft(line, " ")) }) {
			return nil
		}
		return malformed(Markdown, frontPlace, int64(m.from), "it is not a YAML mapping")
	}
	m.flow = root.Style&yaml.FlowStyle != 0
	m.cut(root)
	return m.checkEntries(root)
}

// checkEntries refuses what would let other keys change with the label, or a
// label be where it is not looked for.
func (m *frontMatter) checkEntries(root *yaml.Node) error {
	for i := 0; i < len(root.Content); i += 2 {
		if root.Content[i].Tag == "!!merge" {
			return unsupported(Markdown, frontPlace, int64(m.from), "it merges another mapping (<<), which may hold a label; write the keys out")
		}
	}
	for _, e := range m.entries {
		if e.anchored && (e.key == aigcKey || e.key == sourceTypeKey) {
			return unsupported(Markdown, frontPlace, int64(m.from), "%s has an anchor, by which other keys may repeat it; write it out", e.key)
		}
	}
	return nil
}

func hasAnchor(n *yaml.Node) bool { return n.Anchor != "" || slices.ContainsFunc(n.Content, hasAnchor) }

// cut gives each key its lines: up to the next key, without the comments and
// blank lines before that.
func (m *frontMatter) cut(root *yaml.Node) {
	if len(root.Content) > 0 { // the mapping itself may begin at a tag
		m.indent = max(root.Content[0].Column-1, 0)
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key := root.Content[i]
		first := min(max(key.Line-1, 0), len(m.lines))
		e := entry{key: key.Value, value: root.Content[i+1], first: first, end: len(m.lines)}
		e.anchored = key.Anchor != "" || hasAnchor(e.value)
		if key.Kind != yaml.ScalarNode || key.Tag != "!!str" {
			e.key = ""
		}
		if e.first < len(m.lines) {
			line := m.lines[e.first]
			e.alone = key.Column-1 == m.indent && len(bytes.Trim(line[:min(m.indent, len(line))], " ")) == 0
		}
		if n := len(m.entries); n > 0 {
			m.entries[n-1].end = e.first
		}
		m.entries = append(m.entries, e)
	}
	for i := range m.entries {
		e := &m.entries[i]
		for e.end > e.first+1 && isBlankOrComment(m.lines[e.end-1]) {
			e.end--
		}
		e.end = max(e.end, e.first) // two keys of a mapping in braces share a line
	}
}

func isBlankOrComment(line []byte) bool {
	return len(bytes.Trim(line, " \t\r\n")) == 0 || line[0] == '#'
}

// marks reads the label and the source type.
func (m *frontMatter) marks() (a *AIGC, sourceType string, err error) {
	seen := map[string]bool{}
	for _, e := range m.entries {
		if seen[e.key] && e.key != "" {
			return nil, "", malformed(Markdown, frontPlace, int64(m.from), "the key %.80q stands twice", e.key)
		}
		seen[e.key] = true
		place := frontPlace + ", key " + e.key
		switch e.key {
		case aigcKey:
			if a, err = aigcOfYAML(e.value); err != nil {
				return nil, "", within(Markdown, place, -1, err)
			}
		case sourceTypeKey:
			if e.value.Kind != yaml.ScalarNode || e.value.Tag != "!!str" || e.value.Value == "" {
				return nil, "", malformed(Markdown, place, -1, "it is not a text")
			}
			sourceType = e.value.Value
		}
	}
	return a, sourceType, nil
}

// same holds the written text to the front matter that it had: every other key
// with its value, in their order.
func (m *frontMatter) same(written []byte, entries []newEntry) error {
	after, err := findFrontMatter(written)
	if err != nil {
		return within(Markdown, "as it would be written", -1, err)
	}
	kept := func(m *frontMatter) (all []entry) {
		return slices.DeleteFunc(slices.Clone(m.entries), func(e entry) bool {
			return slices.ContainsFunc(entries, func(n newEntry) bool { return n.key == e.key })
		})
	}
	if after == nil || !slices.EqualFunc(kept(m), kept(after), func(a, b entry) bool {
		return a.key == b.key && sameNode(a.value, b.value)
	}) {
		return unsupported(Markdown, frontPlace, int64(m.from), "the label cannot be put in without changing other keys; write the front matter more plainly")
	}
	return nil
}

// sameNode compares what two nodes say. An alias is compared by name, so that no
// text makes this long.
func sameNode(a, b *yaml.Node) bool {
	return a.Kind == b.Kind && a.Tag == b.Tag && a.Value == b.Value && a.Anchor == b.Anchor &&
		slices.EqualFunc(a.Content, b.Content, sameNode)
}
