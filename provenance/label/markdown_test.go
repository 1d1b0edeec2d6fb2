package label

import (
	"bytes"
	"strings"
	"testing"
)

const someType = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"

func someMarks() Marks {
	return Marks{
		AIGC: AIGC{
			Label: "1", ContentProducer: "001191440300708461136T1XGW3", ProduceID: "tokentrail:acme/answer-1",
			ReservedCode1: "seal", ContentPropagator: "acme", PropagateID: "p-1",
		},
		SourceType: someType,
	}
}

// The lines of someMarks.
const (
	aigcLine = `AIGC: {"Label":"1","ContentProducer":"001191440300708461136T1XGW3","ProduceID":"tokentrail:acme/answer-1",` +
		`"ReservedCode1":"seal","ContentPropagator":"acme","PropagateID":"p-1","ReservedCode2":""}` + "\n"
	typeLine = `DigitalSourceType: "` + someType + `"` + "\n"
)

func TestMarkdownWrites(t *testing.T) {
	crlf := func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }
	for name, c := range map[string]struct{ in, want string }{
		"no front matter": {"# Title\n", "---\n" + aigcLine + typeLine + "---\n# Title\n"},
		"nothing":         {"", "---\n" + aigcLine + typeLine + "---\n"},
		"CR LF":           {"# Title\r\n", crlf("---\n" + aigcLine + typeLine + "---\n# Title\n")},
		"byte order mark": {"\ufeffText", "\ufeff---\n" + aigcLine + typeLine + "---\nText"},
		"a rule":          {"---\nText\n", "---\n" + aigcLine + typeLine + "---\n---\nText\n"},
		"kept entries": {
			"---\ntitle: x # y\n# note\ntags: [a,  b]\n---\nText\n",
			"---\ntitle: x # y\n# note\ntags: [a,  b]\n" + aigcLine + typeLine + "---\nText\n",
		},
		"comments only": {"---\n# note\n---\n", "---\n# note\n" + aigcLine + typeLine + "---\n"},
		"dots end it":   {"---\na: 1\n...\n---\n", "---\na: 1\n" + aigcLine + typeLine + "...\n---\n"},
		"indented":      {"---\n  a: 1\n---\n", "---\n  a: 1\n  " + aigcLine + "  " + typeLine + "---\n"},
		"block mapping": {
			"---\nAIGC:\n  Label: \"2\"\n  ProduceID: old\n\n# note\nz: 1\n---\n",
			"---\n" + aigcLine + "\n# note\nz: 1\n" + typeLine + "---\n",
		},
		"literal": {
			"---\na: |\n  AIGC: no\n\nAIGC: |\n  {\"Label\":\"1\"}\nDigitalSourceType: x\n---\n",
			"---\na: |\n  AIGC: no\n\n" + aigcLine + typeLine + "---\n",
		},
		"several labels": {
			"---\nAIGC: x\na: 1\nAIGC: y\nDigitalSourceType: z\n---\n",
			"---\n" + aigcLine + "a: 1\n" + typeLine + "---\n",
		},
		"front matter of CR LF": {
			"---\r\na: 1\r\n---\r\n\nText",
			crlf("---\na: 1\n"+aigcLine+typeLine+"---\n") + "\nText",
		},
	} {
		t.Run(name, func(t *testing.T) {
			out := writeTo(t, Markdown, []byte(c.in), someMarks())
			if string(out) != c.want {
				t.Errorf("%q becomes\n%q, want\n%q", c.in, out, c.want)
			}
			if again := writeTo(t, Markdown, out, someMarks()); !bytes.Equal(again, out) {
				t.Errorf("written again it is %q", again)
			}
		})
	}
}

// writeTo returns the file with the marks.
func writeTo(t *testing.T, f Format, file []byte, m Marks) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := Write(&out, f, bytes.NewReader(file), int64(len(file)), m); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestMarkdownReads(t *testing.T) {
	full := AIGC{Label: "1", ProduceID: "p"}
	for name, text := range map[string]string{
		"mapping":         "---\nAIGC:\n  Label: 1\n  ProduceID: p\n  ReservedCode1:\n---\n",
		"wrapped mapping": "---\nAIGC:\n  AIGC: {Label: '1', ProduceID: p}\n---\n",
		"text":            "---\nAIGC: '{\"Label\":\"1\",\"ProduceID\":\"p\"}'\n---\n",
		"wrapped text":    "---\nAIGC: '{\"AIGC\":{\"Label\":\"1\",\"ProduceID\":\"p\"}}'\n---\n",
		"braces":          "---\n{AIGC: {Label: '1', ProduceID: p}, title: x}\n---\n",
	} {
		f, err := Read(Markdown, strings.NewReader(text), int64(len(text)))
		if err != nil || f.AIGC == nil || *f.AIGC != full {
			t.Errorf("%s: %+v, %v", name, f, err)
		}
	}
	text := "Text\n---\nAIGC: x\n---\n"
	if f, err := Read(Markdown, strings.NewReader(text), int64(len(text))); err != nil || f.AIGC != nil {
		t.Errorf("front matter behind text: %+v, %v", f, err)
	}
}

func TestMarkdownRefusesToRead(t *testing.T) {
	bomb := "a: &a [x]\n"
	for i := range 20 {
		bomb += string(rune('b'+i)) + "z: &" + string(rune('b'+i)) + " [*" + string(rune('a'+i)) + ", *" + string(rune('a'+i)) + "]\n"
	}
	for name, c := range map[string]struct {
		text string
		kind ErrorKind
		want string
	}{
		"label twice":      {"AIGC: {Label: '1'}\nAIGC: {Label: '1'}\n", Malformed, "stands twice"},
		"any key twice":    {"a: 1\na: 2\n", Malformed, "stands twice"},
		"member twice":     {"AIGC: {Label: '1', Label: '2'}\n", Malformed, "stands twice"},
		"no mapping":       {"- a\n", Malformed, "not a YAML mapping"},
		"not YAML":         {"a: [\n", Malformed, "front matter"},
		"two documents":    {"a: 1\n--- \nb: 1\n", Malformed, "more than one"},
		"list":             {"AIGC: [1]\n", Malformed, "neither a mapping"},
		"deep":             {"AIGC: {AIGC: {Label: {a: b}}}\n", Malformed, "neither a mapping"},
		"alias":            {"a: &x {Label: '1'}\nAIGC: *x\n", Malformed, "neither a mapping"},
		"bomb":             {bomb + "AIGC: *u\n", Malformed, "neither a mapping"},
		"not JSON":         {"AIGC: text\n", Malformed, "JSON"},
		"lone CR":          {"a: 1\rb: 2\n", Unsupported, "line ends"},
		"next line":        {"a: 1\u0085AIGC: 2\n", Unsupported, "line ends"},
		"source type list": {"DigitalSourceType: [a]\n", Malformed, "not a text"},
		"anchor":           {"AIGC: &x {Label: '1'}\nb: 1\n", Unsupported, "has an anchor"},
		"anchor of a part": {"AIGC: {Label: '1', ProduceID: &x p}\ntitle: *x\n", Unsupported, "has an anchor"},
		"anchor of a key":  {"&x AIGC: {Label: '1'}\n", Unsupported, "has an anchor"},
		"merged":           {"<<: {AIGC: {Label: '1'}}\n", Unsupported, "merges"},
		"merged by name":   {"a: &x {AIGC: {Label: '1'}}\n<<: *x\n", Unsupported, "merges"},
		"too long":         {"a: " + strings.Repeat("x", maxMetadata) + "\n", TooLarge, "at most"},
		"very deep":        {"a: " + strings.Repeat("[", 20_000) + "\n", Malformed, "front matter"},
	} {
		t.Run(name, func(t *testing.T) {
			text := "---\n" + c.text + "---\n"
			_, err := Read(Markdown, strings.NewReader(text), int64(len(text)))
			wantFileError(t, err, c.kind, c.want)
		})
	}
}

// Fences that some readers take for such and others do not are refused by all:
// else a label would be hidden, or a front matter become text behind a new one.
func TestMarkdownRefusesLooseFences(t *testing.T) {
	for _, text := range []string{
		"--- \nAIGC: {Label: '1'}\n---\nText", "---\nAIGC: {Label: '1'}\n--- \nText", "\ufeff---\t\r\na: 1\r\n...\t\r\n",
	} {
		_, err := Read(Markdown, strings.NewReader(text), int64(len(text)))
		wantFileError(t, err, Unsupported, "space stands behind")
		_, err = PublicCommitment("markdown-1", strings.NewReader(text), int64(len(text)))
		wantFileError(t, err, Unsupported, "space stands behind")
		refuses(t, Markdown, []byte(text), Unsupported, "space stands behind")
	}
	for _, text := range []string{"--- \nText\n", "----\nText\n---\n", "--- x\n---\n"} {
		if got := normal(t, "markdown-1", text); got != text {
			t.Errorf("markdown-1 of %q is %q", text, got)
		}
	}
}

// refuses wants a write to fail, and nothing to be written.
func refuses(t *testing.T, f Format, file []byte, kind ErrorKind, text string) {
	t.Helper()
	var out bytes.Buffer
	wantFileError(t, Write(&out, f, bytes.NewReader(file), int64(len(file)), someMarks()), kind, text)
	if out.Len() > 0 {
		t.Error("something was written")
	}
}

func TestMarkdownRefusesToWrite(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		kind ErrorKind
		want string
	}{
		"braces":       {"---\n{a: 1}\n---\n", Unsupported, "in braces"},
		"explicit key": {"---\n? AIGC\n: {Label: '1'}\n---\n", Unsupported, "line of its own"},
		"TOML":         {"+++\ntitle = 'x'\n+++\nText", Unsupported, "not in YAML (+++)"},
		"JSON":         {"\ufeff{\r\n\"title\": \"x\"}\r\nText", Unsupported, "not in YAML ({)"},
		"title block":  {"% Title\n% Author\n\nText", Unsupported, "title block (%)"},
		"manifest":     {"Text" + spell(wrapped([]byte("store"))), Bound, "manifest store"},
		"classic Mac":  {"---\ra: 1\r---\r", Unsupported, "CR alone"},
	} {
		t.Run(name, func(t *testing.T) { refuses(t, Markdown, []byte(c.text), c.kind, c.want) })
	}
}

func TestMarkdownProfile(t *testing.T) {
	plain := "# Title\r\n\ntext"
	for in, want := range map[string]string{
		plain:                                    "# Title\n\ntext",
		"---\nAIGC: {Label: '1'}\n---\n" + plain: "# Title\n\ntext",
		"---\n---\n" + plain:                     "# Title\n\ntext",
		"---\nAIGC:\n  Label: '1'\n\nb: 1\n---\n" + plain:   "---\n\nb: 1\n---\n# Title\n\ntext",
		"---\n{AIGC: {Label: '1'}}\n---\n":                  "---\n{AIGC: {Label: '1'}}\n---\n",
		"---\nAIGC: {Label: '1'}\n---\n---\na: 1\n---\n":    "---\n---\n---\na: 1\n---\n",
		"---\na: 1\n---\n":                                  "---\na: 1\n---\n",
		"---\nAIGC: {Label: '1'}\n---\n---\nno second rule": "---\nno second rule",
	} {
		if got := normal(t, "markdown-1", in); got != want {
			t.Errorf("markdown-1 of %q is %q, want %q", in, got, want)
		}
	}
}

func FuzzMarkdown(f *testing.F) {
	f.Add([]byte("---\na: |\n  x\nAIGC: {Label: '1'}\n# c\n---\nText"))
	f.Add([]byte("\ufeff---\r\n{a: 1}\r\n...\r\n"))
	f.Add([]byte("---\n? AIGC\n: 1\n'b': &x [*x]\n---\n"))
	f.Add([]byte("---\n !\n..."))
	f.Add([]byte("---\n !!map\na: 1\n---\n"))
	f.Add([]byte("---\n  \"AIGC\"   : !!str \"a\n#b\"\n---\n"))
	f.Fuzz(func(t *testing.T, b []byte) { fuzzWrite(t, Markdown, b) })
}

// fuzzWrite reads, covers and writes a file. No step may panic; what is written
// is covered as before and, written again, is the same bytes.
func fuzzWrite(t *testing.T, f Format, b []byte) {
	_, _ = Read(f, bytes.NewReader(b), int64(len(b)))
	var before, after, out, again bytes.Buffer
	covered := Normalise(&before, f.Profile(), bytes.NewReader(b), int64(len(b)))
	if Write(&out, f, bytes.NewReader(b), int64(len(b)), someMarks()) != nil {
		if out.Len() > 0 {
			t.Fatal("an error, and something was written")
		}
		return
	}
	if err := Normalise(&after, f.Profile(), bytes.NewReader(out.Bytes()), int64(out.Len())); err != nil || covered != nil || !bytes.Equal(before.Bytes(), after.Bytes()) {
		t.Fatalf("writing changes what %s covers: %v, %v", f.Profile(), covered, err)
	}
	if err := Write(&again, f, bytes.NewReader(out.Bytes()), int64(out.Len()), someMarks()); err != nil || !bytes.Equal(out.Bytes(), again.Bytes()) {
		t.Fatalf("written again it differs: %v", err)
	}
}
