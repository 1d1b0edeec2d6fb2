package label

import (
	"bytes"
	"io"
	"strconv"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// Keys of the front matter, and names of the properties of DOCX. SPEC(LBL-13)
const (
	aigcKey       = "AIGC"
	sourceTypeKey = "DigitalSourceType"
)

func markdownCarrier() carrier {
	return carrier{
		mediaType: "text/markdown", read: readMarkdown, write: writeMarkdown,
		profile: "markdown-1", normalise: normaliseMarkdown,
	}
}

func readMarkdown(src io.ReaderAt, size int64) (*File, error) {
	b, err := readUTF8(Markdown, src, size)
	if err != nil {
		return nil, err
	}
	file := &File{Format: Markdown}
	if file.C2PA, err = textManifest(Markdown, b); err != nil {
		return nil, err
	}
	m, err := findFrontMatter(b)
	if err != nil || m == nil {
		return file, err
	}
	if file.AIGC, file.SourceType, err = m.marks(); err != nil {
		return nil, err
	}
	return file, nil
}

func writeMarkdown(dst io.Writer, src io.ReaderAt, size int64, marks Marks) error {
	b, err := readUTF8(Markdown, src, size)
	if err != nil {
		return err
	}
	wrapper, err := findWrapper(Markdown, b)
	if err != nil {
		return err
	}
	if err := refuseBound(Markdown, wrapper != nil, marks); err != nil {
		return err
	}
	object, err := marks.AIGC.encode(false)
	if err != nil {
		return err
	}
	entries := []newEntry{{aigcKey, string(object)}}
	if marks.SourceType != "" {
		entries = append(entries, newEntry{sourceTypeKey, strconv.Quote(marks.SourceType)})
	}
	m, err := findFrontMatter(b)
	if err != nil {
		return err
	}
	var out []byte
	if m == nil {
		if err := refuseOtherFrontMatter(b); err != nil {
			return err
		}
		out = openFrontMatter(b, entries)
	} else if out, err = m.replace(b, entries); err != nil {
		return err
	}
	_, err = dst.Write(out)
	return err
}

// A newEntry is one line of the front matter: its value is JSON, which is YAML
// too.
type newEntry struct{ key, value string }

// openFrontMatter returns the text with a front matter of its own, behind its
// byte order mark and with the line ends that the text begins with.
func openFrontMatter(b []byte, entries []newEntry) []byte {
	mark := byteOrderMark(b)
	eol := "\n"
	if i := bytes.IndexByte(b, '\n'); i > 0 && b[i-1] == '\r' {
		eol = "\r\n"
	}
	var out bytes.Buffer
	out.Write(b[:mark])
	out.WriteString(fence + eol)
	for _, e := range entries {
		out.WriteString(e.key + ": " + e.value + eol)
	}
	out.WriteString(fence + eol)
	out.Write(b[mark:])
	return out.Bytes()
}

// refuseOtherFrontMatter refuses a text that begins with metadata of another kind,
// which would be shown as text behind a front matter: Hugo's TOML and JSON, and
// Pandoc's title block.
func refuseOtherFrontMatter(b []byte) error {
	mark := byteOrderMark(b)
	line := bytes.TrimRight(nextLine(b[mark:]), " \t\r\n")
	switch string(line[:min(len(line), 4)]) {
	case "+++", ";;;", "{":
		return unsupported(Markdown, frontPlace, int64(mark), "it is not in YAML (%s), and a second one cannot stand before it; write it in YAML", line)
	}
	if bytes.HasPrefix(line, []byte("% ")) {
		return unsupported(Markdown, frontPlace, int64(mark), "the text begins with a title block (%%), which must stay first; write it in YAML")
	}
	return nil
}

// byteOrderMark returns the length of the mark that the text begins with. A
// U+FEFF that opens C2PA's selectors is none.
func byteOrderMark(b []byte) int {
	if !bytes.HasPrefix(b, []byte("\ufeff")) {
		return 0
	}
	if w, err := wrapperAt(Markdown, b, 0); w != nil || err != nil {
		return 0
	}
	return len("\ufeff")
}

// replace returns the text with the entries in place of those that the front
// matter has under their keys, each where the first of them stood, or else at
// the end.
func (m *frontMatter) replace(b []byte, entries []newEntry) ([]byte, error) {
	if m.flow {
		return nil, unsupported(Markdown, frontPlace, int64(m.from), "it is in braces; write it as lines of key: value, so that a label can be added")
	}
	at := map[int]string{} // lines to write before a line of the front matter
	gone := map[int]bool{}
	for _, e := range entries {
		place := len(m.lines)
		for i := len(m.entries) - 1; i >= 0; i-- {
			old := m.entries[i]
			if old.key != e.key {
				continue
			}
			if !old.alone {
				return nil, unsupported(Markdown, frontPlace, int64(m.from), "%s does not begin a line of its own", e.key)
			}
			place = old.first
			for k := old.first; k < old.end; k++ {
				gone[k] = true
			}
		}
		at[place] += strings.Repeat(" ", m.indent) + e.key + ": " + e.value + m.eol
	}
	var out bytes.Buffer
	out.Write(b[:m.from])
	for i, line := range m.lines {
		out.WriteString(at[i])
		if !gone[i] {
			out.Write(line)
		}
	}
	out.WriteString(at[len(m.lines)])
	out.Write(b[m.to:])
	return out.Bytes(), m.same(out.Bytes(), entries)
}

// normaliseMarkdown is the profile markdown-1. SPEC(LBL-20)
func normaliseMarkdown(dst io.Writer, src io.ReaderAt, size int64) error {
	b, err := readUTF8(Markdown, src, size)
	if err != nil {
		return err
	}
	m, err := findFrontMatter(b)
	if err != nil {
		return err
	}
	if m != nil {
		b = m.withoutMarks(b)
	}
	return writeNormalText(dst, Markdown, b, norm.NFC, nil)
}

// withoutMarks returns the text without the lines of the marks, and without a
// front matter that is empty then: unless what follows would be taken for one.
// A mapping in braces is not written to and stays whole.
func (m *frontMatter) withoutMarks(b []byte) []byte {
	gone := map[int]bool{}
	for _, e := range m.entries {
		if m.flow {
			break
		}
		if e.key == aigcKey || e.key == sourceTypeKey {
			for k := e.first; k < e.end; k++ {
				gone[k] = true
			}
		}
	}
	if len(gone) == len(m.lines) && !opensFrontMatter(b[m.end:]) {
		return append(b[:m.start:m.start], b[m.end:]...)
	}
	out := append([]byte(nil), b[:m.from]...)
	for i, line := range m.lines {
		if !gone[i] {
			out = append(out, line...)
		}
	}
	return append(out, b[m.to:]...)
}
