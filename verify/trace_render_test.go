package verify_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"tokentrail/provenance"
	"tokentrail/verify"
)

var updateTraces = flag.Bool("update-traces", false, "write the golden files of traces")

// eventful is a story in which every mark stands.
func eventful(t testing.TB) *story {
	s := newStory(t)
	s.tell("acme", "data", s.dataset("common-trail"))
	s.tell("acme", "model", s.model("trail-7b", "data", "acme/licence-3"))
	s.tell("dyne", "score", &provenance.Record{Kind: provenance.Evaluated, Time: noon + 1500, Parents: s.parents("model"),
		Model: &provenance.Model{Name: "trail-7b", Known: provenance.Asserted},
		Evaluation: &provenance.Evaluation{Dataset: provenance.Named{Name: "arc", Split: "test", Digest: new(digest("arc"))},
			Harness: provenance.Harness{Name: "harness", Commit: bytes.Repeat([]byte{1}, 20)}, N: 1172, Metric: "accuracy",
			Value: provenance.Scaled{Mantissa: 7351, Exponent: -4}, Evaluator: provenance.Evaluator{Name: "<b>D\"yne</b> \x1b[31m & \\N #1;", Interest: 1}}})
	for i, name := range []string{"made", "made-again"} {
		r := s.production("model")
		r.Ref, r.Time = []byte("m-1"), r.Time+int64(i)
		s.tell("beta", name, r)
	}
	out, in := s.transfer(provenance.Exporter, "beta/m-1"), s.transfer(provenance.Importer, "beta/m-1")
	out.Crossing, in.Crossing = &provenance.Crossing{Direction: 1, ID: []byte("c")}, &provenance.Crossing{Direction: 1, ID: []byte("c")}
	in.Usage = &provenance.Usage{Input: 374, Output: 45}
	s.tell("beta", "out", out)
	s.tell("cora", "in", in)
	used := s.consumption("out", "edge/loop")
	used.Ref = []byte("used")
	s.tell("edge", "used", used)
	loop := s.consumption("edge/used")
	loop.Ref, loop.Time = []byte("loop"), noon+60_000
	s.tell("edge", "loop", loop)
	s.tell("beta", "k1", s.amendment("out", -4))
	s.tell("beta", "k2", s.reversal("made"))
	k3 := s.reversal("model")
	k3.Correction.Entry = 0
	s.tell("acme", "k3", k3)
	relay := s.consumption("used")
	relay.Hop = &provenance.Hop{Role: provenance.Application, Relay: new(true)}
	s.tell("dyne", "relay", relay)
	return s
}

var renderers = map[string]func(g *verify.Graph, w io.Writer) error{
	"txt": (*verify.Graph).WriteTree,
	"mmd": (*verify.Graph).WriteMermaid,
	"dot": (*verify.Graph).WriteDOT,
	"json": func(g *verify.Graph, w io.Writer) error {
		b, err := g.JSON()
		if err == nil {
			_, err = w.Write(b)
		}
		return err
	},
}

func render(t testing.TB, g *verify.Graph, form string) string {
	var b bytes.Buffer
	check(t, renderers[form](g, &b))
	return b.String()
}

// TestTraceGolden holds every form of some graphs to files.
func TestTraceGolden(t *testing.T) {
	s := eventful(t)
	nothing, err := verify.Trace(context.Background(), s, nil, provenance.ByRef("acme", []byte("none")), verify.Bounds{})
	check(t, err)
	unproven, err := verify.Trace(context.Background(), s, nil, provenance.ByID(s.ids["made"]), verify.Bounds{Up: 1, Down: 1})
	check(t, err)
	for name, g := range map[string]*verify.Graph{
		"eventful": s.trace("used", verify.Bounds{}), "quoted": s.trace("score", verify.Bounds{}), "unproven": unproven, "nothing": nothing,
	} {
		for form := range renderers {
			got, file := render(t, g, form), fmt.Sprintf("testdata/trace_%s.%s", name, form)
			if *updateTraces {
				check(t, os.WriteFile(file, []byte(got), 0o644))
			}
			if want := string(readFile(t, file)); got != want {
				t.Errorf("%s: got\n%s\nwanted\n%s", file, got, want)
			}
			wantSyntax(t, form, got)
		}
	}
}

// Lines of Mermaid and DOT that the renderers may write, and no others.
var (
	mermaidLine = regexp.MustCompile(`^(flowchart LR|  about\["[^"\x60<>\\]*"\]|  n\d+\["(?:[^"\x60<>\\]|<br/>)*"\]|  class n\d+ [a-z]+|  classDef [a-z]+ [a-z0-9:#,-]+` +
		`|  n\d+ (-->|(-\.->|==>|-\.-)\|"[a-z ]+"\|) n\d+)$`)
	dotString = `"(?:[^"\\&<>]|\\n|\\\\|\\"|&amp;|&lt;|&gt;)*"`
	dotLine   = regexp.MustCompile(`^(digraph trace \{|\}|  rankdir=LR;|  node \[[a-z=, "#]+\];|  label=` + dotString + `;` +
		`|  n\d+( -> n\d+)?( \[([a-z]+=(` + dotString + `|[a-z0-9]+)(, )?)+\])?;)$`)
)

// wantSyntax checks the form of what was written: nothing that a record says
// gets out of its place.
func wantSyntax(t testing.TB, form, text string) {
	t.Helper()
	lines := map[string]*regexp.Regexp{"mmd": mermaidLine, "dot": dotLine}[form]
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if lines != nil && !lines.MatchString(line) {
			t.Errorf("a line that is not %s: %q", form, line)
		}
		if strings.ContainsFunc(line, func(c rune) bool { return c < ' ' || c >= 0x7f && c < 0xa0 || c == '\u202e' }) || !utf8.ValidString(line) {
			t.Errorf("%s: control characters in %q", form, line)
		}
	}
	if form == "json" && !json.Valid([]byte(text)) {
		t.Errorf("not JSON: %s", text)
	}
}

// TestTraceDeepTree: a long chain is written in a size that grows with its
// length, and in steps that do not nest.
func TestTraceDeepTree(t *testing.T) {
	s := deep(t)
	text := render(t, s.trace("m999", verify.Bounds{Up: 2000}), "txt")
	if n := strings.Count(text, "\n"); n < 1000 || n > 1010 || len(text) > 400*n {
		t.Errorf("%d lines, %d bytes", n, len(text))
	}
	if !strings.Contains(text, "(999) ") {
		t.Error("steps are not numbered")
	}
}

// FuzzTraceText puts any words into a graph: none of the forms breaks.
func FuzzTraceText(f *testing.F) {
	for _, s := range []string{"a", "\"]\n  n9[\"x", "`**b**`", "<script>alert(1)</script>", "\\", "\\\"", "&quot;", "#quot;", "\x1b]0;x\a", "\u202e", "\xff", "end", "%%{init}%%", "|", "\u2028", "]:::x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		g := &verify.Graph{Asked: s, Start: []string{s}, Nodes: []*verify.GraphNode{
			{Key: s, Record: &verify.TracedRecord{Issuer: s, Stream: s, Kind: s, Side: s, What: s, Time: s, Decoded: &provenance.Record{}},
				Marks: []verify.Mark{{Name: verify.MarkUnverified, By: []string{s}, Says: s}}},
			{Key: "other" + s, Marks: []verify.Mark{{Name: verify.MarkMissing, Says: s}}},
		}, Edges: []verify.GraphEdge{{From: "other" + s, To: s, Kind: verify.EdgeParent}, {From: s, To: s, Kind: verify.EdgeCorrects}},
			Findings: []*verify.Finding{{Code: verify.Code(s), Place: s, Want: s, Got: s, How: s}}, Proving: true}
		for _, form := range []string{"txt", "mmd", "dot"} {
			wantSyntax(t, form, render(t, g, form))
		}
	})
}

// TestTraceTreeWidth: lines break between what they say, and not within.
// SPEC(TRC-19)
func TestTraceTreeWidth(t *testing.T) {
	s := eventful(t)
	for line := range strings.Lines(render(t, s.trace("used", verify.Bounds{}), "txt")) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 100 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	// Steps that are not indented any more go on beside their own branches.
	g := &verify.Graph{Asked: "id=0", Start: []string{"0"}}
	for i := range 27 {
		says := strings.Repeat("x", 60)
		n := &verify.GraphNode{Key: fmt.Sprint(i), Marks: []verify.Mark{{Name: verify.MarkMissing, Says: says}}}
		g.Nodes = append(g.Nodes, n)
		if i > 0 {
			g.Edges = append(g.Edges, verify.GraphEdge{From: fmt.Sprint(i), To: fmt.Sprint(i - 1), Kind: verify.EdgeParent})
		}
	}
	mark := "[missing: " + strings.Repeat("x", 60) + "]\n"
	indent := strings.Repeat("   ", 23)
	want := indent + "└─ no record  24\n" + indent + "│     " + mark + indent + "└─ (25) no record  25\n" + indent + "│     " + mark +
		indent + "└─ (26) no record  26\n" + indent + "      " + mark
	if got := render(t, g, "txt"); !strings.Contains(got, want) {
		t.Errorf("got\n%s\nwanted\n%s", got, want)
	}
}

// TestTraceRefs: people read a ref as labels and commands name it, machines in
// hex. SPEC(LBL-1)
func TestTraceRefs(t *testing.T) {
	s := newStory(t)
	r := s.production("acme/\xff /%\"")
	r.Ref = []byte("answer 1")
	s.tell("acme", "a", r)
	s.commit()
	g, err := verify.Trace(context.Background(), s, nil, provenance.ByRef("acme", r.Ref), verify.Bounds{})
	check(t, err)
	for form, names := range map[string][]string{
		"txt":  {"ref=acme/answer%201: ", "no record  acme/%FF%20%2F%25%22  [missing"},
		"mmd":  {"ref=acme/answer#37;201: ", "id acme/#37;FF#37;20#37;2F#37;25#37;22<br/>"},
		"dot":  {"ref=acme/answer%201: ", `id acme/%FF%20%2F%25%22\n`},
		"json": {`"asked": "ref=acme/616e737765722031"`, `"key": "acme/ff202f2522"`, `"ref": "616e737765722031"`},
	} {
		text := render(t, g, form)
		wantSyntax(t, form, text)
		for _, name := range names {
			if !strings.Contains(text, name) {
				t.Errorf("%s lacks %q:\n%s", form, name, text)
			}
		}
	}
	for key, want := range map[string]string{"acme/ff": "acme/%FF", "acme/x": "acme/x", "": "", s.ids["a"].String(): s.ids["a"].String()} {
		if got := verify.KeyText(key); got != want {
			t.Errorf("%q: %q, wanted %q", key, got, want)
		}
	}
	// A correction is asked for by issuer and id, which is no ref.
	g, err = verify.Trace(context.Background(), s, nil, provenance.Corrections("acme", s.ids["a"]), verify.Bounds{})
	check(t, err)
	if text, want := render(t, g, "txt"), "correction=acme/"+s.ids["a"].String()+":"; !strings.HasPrefix(text, want) {
		t.Errorf("%s does not begin with %s", text, want)
	}
}

// TestTraceNothingToSum: what is left out stands under its heading, also alone;
// where there was nothing to add there is none.
func TestTraceNothingToSum(t *testing.T) {
	s := newStory(t)
	s.tell("acme", "d", s.dataset("d"))
	s.tell("acme", "a", s.production())
	s.tell("acme", "k", s.reversal("a"))
	text := render(t, s.trace("a", verify.Bounds{}), "txt")
	if want := "\n\ntokens, of each kind by itself\n   none\n   without 1 record, reversed\n"; !strings.HasSuffix(text, want) {
		t.Errorf("got\n%s", text)
	}
	if !strings.Contains(text, "   2 records, as of 3 entries of the log, times in UTC\n") {
		t.Errorf("got\n%s", text)
	}
	if text := render(t, s.trace("d", verify.Bounds{}), "txt"); strings.Contains(text, "tokens") || !strings.Contains(text, " 1 record, as of ") {
		t.Errorf("got\n%s", text)
	}
}
