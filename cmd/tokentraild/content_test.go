package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tokentrail/provenance"
)

// A contentLedger is a node with the records of files, and the client as it is
// built.
type contentLedger struct {
	program, dir, node, genesis string
}

// TestContentRoundTrip takes a real file of each kind from its commitment over
// the record, a node and the label to find, trace and check, and then hostile
// variants of each.
func TestContentRoundTrip(t *testing.T) {
	acme, other := newProvider(t, "acme"), newProvider(t, "other")
	node := startTestNode(t, acme, other)
	l := &contentLedger{dir: t.TempDir(), node: node.url()}
	l.program = filepath.Join(l.dir, "tokentrail")
	if out, err := exec.Command("go", "build", "-o", l.program, "../tokentrail").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	document := request(t, http.MethodGet, l.node+"/v1/genesis", "", nil)
	genesis := sha256.Sum256(document.body)
	l.genesis = hex.EncodeToString(genesis[:])

	l.tell(t, acme, other)
	t.Run("kinds", func(t *testing.T) { // all of them at once, and the rest when they are done
		for _, kind := range contentKinds {
			t.Run(kind, func(t *testing.T) {
				t.Parallel()
				l.roundTrip(t, kind)
				l.hostile(t, kind)
			})
		}
	})
	for name, test := range map[string]func(*testing.T){"decisions": l.decisions, "lying node": l.lies, "traces": l.traces} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t)
		})
	}
}

// tell commits to the files, and the records to the ledger: of each kind a keyed
// and a public file, then records for each row of SPEC(CLI-23).
func (l *contentLedger) tell(t *testing.T, acme, other *provider) {
	t.Helper()
	made := time.Now().Add(-time.Minute).UnixMilli()
	model := &provenance.Model{Name: "painter-8b", Version: "3", Developer: "acme", Digest: digestOf("weights"), Known: provenance.ProviderReported}
	records := []*provenance.Record{
		{Kind: provenance.DatasetMade, Time: made, Ref: []byte("corpus"), Dataset: &provenance.Dataset{
			Name: "corpus", Digest: *digestOf("corpus"), Sources: []provenance.Source{{Kind: 5, Reference: "open pictures"}}}},
		{Kind: provenance.ModelMade, Time: made + 1, Ref: []byte("weights"), Parents: parents("acme", "corpus"), Model: model,
			Lineage: &provenance.Lineage{Stage: 1}},
	}
	production := func(ref string, content ...provenance.Content) *provenance.Record {
		r := &provenance.Record{
			Kind: provenance.Production, Time: made + 2, Ref: []byte(ref), Parents: parents("acme", "weights"), Model: model, Usage: usage(),
			Serving: place("US", "acme"), Using: place("CN", "other"), Content: content,
			Label: &provenance.Label{
				Status: 1, Extent: 1, Producer: "Acme", ContentID: "tokentrail:acme/" + ref, Made: new(made), SourceType: "trainedAlgorithmicMedia",
				Explicit: &provenance.Explicit{Applied: true, Position: 4, Notified: new(true), Form: 1, Height: new(int64(60)), Shown: new(int64(3000))}, Marks: new(int64(1)),
			},
		}
		records = append(records, r)
		return r
	}
	for i, kind := range contentKinds {
		n := byte(2 * i)
		l.write(t, "keyed."+kind, contentFile(t, kind, n+1))
		l.write(t, "public."+kind, contentFile(t, kind, n+2))
		production("keyed-"+kind, l.commit(t, "keyed."+kind, "--ref", "acme/keyed-"+kind))
		production("public-"+kind, l.commit(t, "public."+kind, "--public"))
	}
	for i, name := range []string{"prompt", "taken-back", "taken-back-keyed", "unsent", "again", "popular", "crowded"} {
		l.write(t, name+".md", contentFile(t, "md", byte(100+i)))
	}
	l.write(t, "sound.raw", []byte{0, 1, 2, 3, 250})
	production("sound", l.commit(t, "sound.raw", "--public", "--profile", "none"))
	l.commit(t, "unsent.md") // its sidecar is made, its record is not
	production("bare").Label = nil
	production("prompt", l.commit(t, "prompt.md", "--public", "--role", "input"), l.commit(t, "keyed.md", "--key", filepath.Join(l.dir, "prompted.json")))
	production("crowded", l.commit(t, "crowded.md", "--public"))
	production("popular", l.commit(t, "popular.md", "--public"))
	production("taken-back", l.commit(t, "taken-back.md", "--public"))
	production("taken-back-keyed", l.commit(t, "taken-back-keyed.md"))
	again := l.commit(t, "again.md", "--public")
	production("again", again)
	production("again", again).Usage.Output++
	ids, raws := l.submit(t, acme, records)

	app := &provenance.Record{
		Kind: provenance.Consumption, Time: made + 3, Ref: []byte("app"), Parents: parents("acme", "public-png"), Model: model, Usage: usage(), Using: place("CN", "other"),
	}
	uses := []*provenance.Record{app}
	for range 1002 { // which hide no correction
		uses = append(uses, &provenance.Record{Kind: provenance.Consumption, Time: made + 3, Parents: parents("acme", "popular"), Usage: usage(), Using: place("CN", "other")})
	}
	uses[1].Ref = []byte("use")
	l.submit(t, other, uses)
	var corrections []*provenance.Record
	for i := len(ids) - 5; i < len(ids)-1; i++ { // the last one stands for the one before it
		reversal, err := provenance.Reverse(ids[i], 0, raws[i], 7, "")
		if err != nil {
			t.Fatal(err)
		}
		corrections = append(corrections, &provenance.Record{Kind: provenance.Corrected, Time: made + 4, Correction: reversal})
	}
	crowded := len(ids) - 6
	for i := range int64(1001) { // more than are looked through
		amendment, err := provenance.Amend(ids[crowded], 0, raws[crowded], provenance.Sums{Input: 1}, 2, "")
		if err != nil {
			t.Fatal(err)
		}
		corrections = append(corrections, &provenance.Record{Kind: provenance.Corrected, Time: made + 4 + i, Correction: amendment})
	}
	l.submit(t, acme, corrections)
}

// submit signs the provider's next statement and commits it.
func (l *contentLedger) submit(t *testing.T, p *provider, records []*provenance.Record) (ids []provenance.Hash, raws [][]byte) {
	t.Helper()
	for i, r := range records {
		raw, err := r.Encode()
		if err != nil {
			t.Fatalf("record %d, %s: %v", i, r.Ref, err)
		}
		raws = append(raws, raw)
		ids = append(ids, provenance.RecordID(p.id, p.stream, p.sequence, i, raw))
	}
	if a := post(t, l.node, p.next(t, raws)); a.status != http.StatusCreated {
		t.Fatalf("%d %s", a.status, a.body)
	}
	return ids, raws
}

func (l *contentLedger) write(t *testing.T, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(l.dir, name), content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (l *contentLedger) read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(l.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// run runs the client and wants an exit code; it returns standard output.
func (l *contentLedger) run(t *testing.T, exit int, args ...string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, l.program, args...)
	cmd.Dir = l.dir
	cmd.Env = append(os.Environ(), "TOKENTRAIL_NODE="+l.node)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		t.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != exit {
		t.Fatalf("tokentrail %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), got, exit, stdout.String(), stderr.String())
	}
	return stdout.Bytes()
}

// document runs the client for its JSON document.
func (l *contentLedger) document(t *testing.T, exit int, into any, args ...string) {
	t.Helper()
	out := l.run(t, exit, append(args, "--output", "json")...)
	if err := json.Unmarshal(out, into); err != nil {
		t.Fatalf("tokentrail %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// commit makes the commitment to a file, as its record holds it.
func (l *contentLedger) commit(t *testing.T, name string, args ...string) provenance.Content {
	t.Helper()
	var doc struct {
		Content []struct {
			Role, Algorithm, Value, Profile string
			MediaType                       string `json:"media_type"`
		}
	}
	l.document(t, 0, &doc, append([]string{"content", "commit", name}, args...)...)
	c := doc.Content[0]
	value, err := hex.DecodeString(c.Value)
	if err != nil {
		t.Fatal(err)
	}
	algorithms := map[string]int64{"sha256": provenance.AlgSHA256, "hmac-sha256": provenance.AlgHMACSHA256}
	return provenance.Content{
		Role: map[string]int64{"input": 1, "output": 2}[c.Role], Algorithm: algorithms[c.Algorithm], Value: value, Profile: c.Profile, MediaType: c.MediaType,
	}
}

// label writes a labelled copy of a file.
func (l *contentLedger) label(t *testing.T, name, ref, out string, more ...string) {
	t.Helper()
	l.run(t, 0, append([]string{"label", "write", name, "--ref", ref, "--producer", "Acme", "--source-type", "trainedAlgorithmicMedia", "--out", out}, more...)...)
}

// found is what content find answers, as the tests need it.
type found struct {
	Outcome, Says, Key string
	FileMarks          struct {
		AIGC struct{ ContentProducer string }
	} `json:"file_marks"`
	Records []struct {
		ID, Issuer, Binding, Label string
		Proven                     bool
		Record                     struct{ Model struct{ Name string } }
		Sources                    []struct{ Kind, Issuer string }
		Input                      int64
		Amended                    int64 `json:"amended_input"`
	}
	Findings []struct{ Code string }
	Error    struct{ Message string }
}

// find looks a file up and wants an outcome with its exit code.
func (l *contentLedger) find(t *testing.T, outcome string, args ...string) *found {
	t.Helper()
	exit := map[string]int{"bound": 0, "cannot-tell": 2}[outcome]
	if outcome != "bound" && outcome != "cannot-tell" {
		exit = 1
	}
	f := &found{}
	l.document(t, exit, f, append([]string{"content", "find", "--genesis", l.genesis}, args...)...)
	if f.Outcome != outcome {
		t.Errorf("find %s: %q, want %q: %s%s", strings.Join(args, " "), f.Outcome, outcome, f.Says, f.Error.Message)
	}
	return f
}

// roundTrip follows an honest file.
func (l *contentLedger) roundTrip(t *testing.T, kind string) {
	for _, way := range []string{"keyed", "public"} {
		name, labelled, ref := way+"."+kind, way+"-labelled."+kind, "acme/"+way+"-"+kind
		sidecar := []string{}
		if way == "keyed" {
			sidecar = []string{"--key", name + ".tokentrail-key.json"}
		}
		l.label(t, name, ref, labelled)
		f := l.find(t, "bound", append([]string{labelled}, sidecar...)...)
		if len(f.Records) != 1 {
			t.Fatalf("%s: %d records", labelled, len(f.Records))
		}
		if got := f.FileMarks.AIGC.ContentProducer; got != "Acme" {
			t.Errorf("%s: the file's producer is %q", labelled, got)
		}
		r := f.Records[0]
		if r.Issuer != "acme" || r.Binding != "opens" || !r.Proven || r.Record.Model.Name != "painter-8b" || len(r.Sources) != 1 || r.Sources[0].Kind != "model" || !strings.Contains(r.Label, "agree") {
			t.Errorf("%s: %+v", labelled, r)
		}
		var graph struct {
			Start    []string
			Nodes    []struct{ Record struct{ Kind string } }
			Findings []any
		}
		l.document(t, 0, &graph, "trace", labelled, "--genesis", l.genesis)
		if len(graph.Start) != 1 || graph.Start[0] != r.ID || len(graph.Nodes) < 3 || len(graph.Findings) != 0 {
			t.Errorf("the trace of %s: %+v", labelled, graph)
		}
		var checked struct {
			Results []struct{ Profile, Verdict string }
			Record  string
		}
		l.document(t, 1, &checked, append([]string{"label", "check", labelled, "--profile", "all", "--genesis", l.genesis}, sidecar...)...)
		if len(checked.Results) != 6 || !strings.Contains(checked.Record, r.ID) {
			t.Errorf("the check of %s: %+v", labelled, checked)
		}
		for _, r := range checked.Results { // none of the files has a manifest
			if kept := r.Verdict == "holds" || r.Verdict == "not applicable"; kept == (r.Profile == "c2pa") {
				t.Errorf("the check of %s: %s %s", labelled, r.Profile, r.Verdict)
			}
		}
		l.run(t, 0, append([]string{"label", "check", labelled, "--profile", "cn-gb45438-2025,eu-aia-50,us-ca-sb942,in-2026,kr-31", "--genesis", l.genesis}, sidecar...)...)
		if way == "keyed" {
			l.run(t, 0, append([]string{"content", "open", labelled, "--record", r.ID, "--genesis", l.genesis}, sidecar...)...)
			l.run(t, 1, append([]string{"content", "open", labelled, "--record", "acme/public-" + kind, "--genesis", l.genesis}, sidecar...)...)
		}
	}
}

// hostile does to a file what a forger would.
func (l *contentLedger) hostile(t *testing.T, kind string) {
	name := func(what string) string { return what + "." + kind }
	key := func(of string) string { return "keyed." + of + ".tokentrail-key.json" }
	next := contentKinds[(1+strings.Index("png jpg docxmp4 md", kind)/4)%len(contentKinds)]

	// The label of another record, transplanted.
	l.label(t, name("keyed"), "acme/public-"+kind, name("onto-keyed"))
	l.find(t, "another-content", name("onto-keyed"))
	l.label(t, name("public"), "acme/keyed-"+kind, name("onto-public"))
	l.find(t, "cannot-tell", name("onto-public"))
	l.find(t, "another-content", name("onto-public"), "--key", key(kind))

	// The content changed behind the label.
	for _, way := range []string{"keyed", "public"} {
		l.write(t, name(way+"-changed"), otherContent(t, kind, l.read(t, name(way+"-labelled"))))
	}
	l.find(t, "another-content", name("public-changed"))
	l.find(t, "another-content", name("keyed-changed"), "--key", key(kind))
	l.find(t, "cannot-tell", name("keyed-changed"))

	// The label removed: what is public is found all the same.
	if f := l.find(t, "bound", name("public")); !strings.Contains(f.Records[0].Label, "bears none") {
		t.Errorf("a removed label: %+v", f.Records[0])
	}
	l.find(t, "bound", name("keyed"), "--key", key(kind))
	l.find(t, "cannot-tell", name("keyed"))

	// The label there twice.
	l.write(t, name("twice"), twice(t, kind, l.read(t, name("public-labelled"))))
	l.run(t, 1, "label", "read", name("twice"))
	l.find(t, "cannot-tell", name("twice"))

	// Cut short.
	labelled := l.read(t, name("keyed-labelled"))
	l.write(t, name("cut"), labelled[:len(labelled)-12])
	for _, args := range [][]string{{name("cut")}, {name("cut"), "--key", key(kind)}} {
		outcome := "cannot-tell"
		if kind == "md" && len(args) > 1 {
			outcome = "another-content" // the label can still be read
		}
		l.find(t, outcome, args...)
	}

	// The sidecar of another file, and its own that says another value.
	l.find(t, "cannot-tell", name("keyed-labelled"), "--key", key(next))
	own := string(l.read(t, key(kind)))
	_, rest, _ := strings.Cut(own, `"value": "`)
	l.write(t, "forged-"+kind+".json", []byte(strings.Replace(own, rest[:64], strings.Repeat("0", 64), 1)))
	l.find(t, "bound", name("keyed-labelled"), "--key", "forged-"+kind+".json") // the key opens the record's own value
}

// decisions are the rows of SPEC(CLI-23) that the others leave.
func (l *contentLedger) decisions(t *testing.T) {
	labelled := func(name, ref string, more ...string) string {
		out := fmt.Sprintf("%s-as-%s", strings.ReplaceAll(ref, "/", "-"), name)
		l.label(t, name, ref, out, more...)
		return out
	}
	l.write(t, "stranger.md", contentFile(t, "md", 200))
	png := "public.png"
	for _, c := range []struct {
		row, outcome, says string
		args               []string
	}{
		{"4", "cannot-tell", "does not know", []string{labelled(png, "acme/nobody")}},
		{"6", "reversed", "has reversed", []string{labelled("taken-back-keyed.md", "acme/taken-back-keyed")}},
		{"7", "bound", "comes from one that commits", []string{labelled(png, "other/app")}},
		{"8", "cannot-tell", "commits to no output", []string{labelled("stranger.md", "acme/bare")}},
		{"8", "cannot-tell", "commits to no output", []string{labelled("public.md", "other/app")}},
		{"9", "cannot-tell", "put in", []string{labelled("prompt.md", "acme/prompt")}},
		{"10", "cannot-tell", "not that of its commitment", []string{"keyed-labelled.png", "--key", "keyed.md.tokentrail-key.json"}},
		{"11", "bound", "committed to", []string{"sound.raw"}},
		{"11", "reversed", "has reversed", []string{"taken-back.md"}},
		{"2", "reversed", "has reversed", []string{labelled("taken-back.md", "acme/taken-back")}},
		{"2", "bound", "names this record", []string{labelled("again.md", "acme/again")}},
		{"11", "bound", "committed to", []string{"again.md"}},
		{"11", "reversed", "has reversed", []string{"popular.md"}},
		{"14", "cannot-tell", "may reverse it", []string{"crowded.md"}},
		{"2", "label-differs", "status", []string{labelled(png, "acme/public-png", "--status", "possibly")}},
		{"13", "cannot-tell", "put into", []string{"prompt.md"}},
		{"15", "cannot-tell", "keyed commitment could", []string{"stranger.md"}},
		{"15", "cannot-tell", "does not know", []string{labelled("stranger.md", "acme/nobody")}},
		{"16", "cannot-tell", "of other content", []string{"stranger.md", "--key", "keyed.md.tokentrail-key.json"}},
		{"17", "nothing-known", "word alone", []string{"unsent.md", "--key", "unsent.md.tokentrail-key.json"}},
		{"17", "nothing-known", "word alone", []string{labelled("unsent.md", "acme/nobody"), "--key", "unsent.md.tokentrail-key.json"}},
	} {
		if f := l.find(t, c.outcome, c.args...); !strings.Contains(f.Says, c.says) {
			t.Errorf("row %s, %v: %q, want %q", c.row, c.args, f.Says, c.says)
		}
	}
	// Its amendments, of which there was no room for all beside other records.
	if r := l.find(t, "cannot-tell", "crowded.md").Records[0]; r.Amended != r.Input+1000 {
		t.Errorf("%d tokens, amended to %d by the first 1,000 corrections of 1", r.Input, r.Amended)
	}
	l.run(t, 2, "content", "open", "crowded.md", "--public", "--record", "acme/crowded", "--genesis", l.genesis)
	l.run(t, 1, "content", "open", "popular.md", "--public", "--record", "acme/popular", "--genesis", l.genesis)
	l.run(t, 0, "content", "open", "again.md", "--public", "--record", "acme/again", "--genesis", l.genesis)
	// That a record which it comes from has many other uses leaves nothing out.
	if tree := string(l.run(t, 0, "trace", "other/use", "--genesis", l.genesis)); !strings.Contains(tree, "[reversed by ") || strings.Contains(tree, "cut") {
		t.Errorf("trace of one use of many:\n%s", tree)
	}
	words := string(l.run(t, 0, "content", "find", "public-labelled.png", "--genesis", l.genesis))
	for _, want := range []string{"BOUND (exit 0)", "acme, stream main, entry 0 (proven)", "painter-8b 3 by acme (provider-reported)", "US acme", "model painter-8b 3 by acme, of acme", "file and record agree"} {
		if !strings.Contains(words, want) || strings.Contains(words, "\x1b") {
			t.Errorf("content find lacks %q:\n%s", want, words)
		}
	}
	if words := string(l.run(t, 1, "content", "find", "taken-back.md", "--genesis", l.genesis)); !strings.Contains(words, "reversed, see ") {
		t.Errorf("content find does not say which record reversed another:\n%s", words)
	}
	l.run(t, 0, "label", "check", "acme-again-as-again.md", "--profile", "us-ca-sb942", "--genesis", l.genesis)
	l.run(t, 1, "label", "check", "acme-taken-back-as-taken-back.md", "--profile", "c2pa", "--genesis", l.genesis)
}

// traces are the ways of naming a start, and the exit codes of SPEC(CLI-25).
func (l *contentLedger) traces(t *testing.T) {
	trace := func(exit int, args ...string) string {
		t.Helper()
		return string(l.run(t, exit, append([]string{"trace", "--genesis", l.genesis}, args...)...))
	}
	for _, start := range []string{"acme/public-jpg", "tokentrail:acme/public-jpg", "public-labelled.jpg"} {
		if out := trace(0, start); !strings.Contains(out, "painter-8b") || !strings.Contains(out, "corpus") {
			t.Errorf("the trace of %s:\n%s", start, out)
		}
	}
	for format, begins := range map[string]string{"mermaid": "flowchart LR", "dot": "digraph", "json": "{"} {
		if out := trace(0, "acme/public-jpg", "--format", format); !strings.HasPrefix(out, begins) {
			t.Errorf("%s:\n%s", format, out)
		}
	}
	trace(1, "acme/taken-back")
	trace(2, "acme/again")                   // one of two was taken back
	trace(2, "acme/public-jpg", "--up", "1") // cut
	trace(2, "acme/nobody")
	trace(1, "public.jpg") // no label
	l.run(t, 1, "trace", "acme/public-jpg", "--genesis", strings.Repeat("0", 64))
	l.run(t, 2, "trace", "acme/public-jpg", "--node", "http://127.0.0.1:1", "--format", "json")
}
