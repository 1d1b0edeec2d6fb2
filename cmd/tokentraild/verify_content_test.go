package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tokentrail/provenance"
)

// newCheckedLedger is a node with records of a picture and texts, and the client as it
// is built.
func newCheckedLedger(t *testing.T) *contentLedger {
	t.Helper()
	acme := newProvider(t, "acme")
	l := &contentLedger{dir: t.TempDir(), node: startTestNode(t, acme).url()}
	l.program = filepath.Join(l.dir, "tokentrail")
	buildProgram(t, l.program, "tokentrail")
	genesis := sha256.Sum256(request(t, http.MethodGet, l.node+"/v1/genesis", "", nil).body)
	l.genesis = hex.EncodeToString(genesis[:])
	made := time.Now().Add(-time.Minute).UnixMilli()
	model := &provenance.Model{Name: "painter-8b", Version: "3", Developer: "acme", Digest: digestOf("weights"), Known: provenance.ProviderReported}
	records := []*provenance.Record{
		{Kind: provenance.ModelMade, Time: made + 1, Ref: []byte("weights"), Model: model, Lineage: &provenance.Lineage{Stage: 1}},
		{Kind: provenance.ModelMade, Time: made + 60_000, Ref: []byte("later"), Model: model, Lineage: &provenance.Lineage{Stage: 1}},
	}
	production := func(ref, file, parent string, change func(*provenance.Record), how ...string) {
		l.write(t, file, contentFile(t, filepath.Ext(file)[1:], byte(len(records))))
		r := &provenance.Record{
			Kind: provenance.Production, Time: made + 2, Ref: []byte(ref), Parents: parents("acme", parent), Model: model, Usage: usage(),
			Serving: place("US", "acme"), Using: place("CN", "other"), Content: []provenance.Content{l.commit(t, file, how...)},
			Label: &provenance.Label{
				Status: 1, Extent: 1, Producer: "Acme", ContentID: "tokentrail:acme/" + ref, Made: new(made), SourceType: "trainedAlgorithmicMedia",
				Explicit: &provenance.Explicit{Applied: true, Position: 4, Notified: new(true), Form: 1, Height: new(int64(60)), Shown: new(int64(3000))}, Marks: new(int64(1)),
			},
		}
		change(r)
		records = append(records, r)
	}
	as := func(*provenance.Record) {}
	production("public", "public.png", "weights", as, "--public")
	production("keyed", "keyed.png", "weights", as)
	production("gone", "gone.md", "weights", as, "--public")
	production("orphan", "orphan.md", "nobody", as, "--public")
	production("early", "early.md", "later", as, "--public")
	production("denies", "denies.md", "weights", func(r *provenance.Record) { r.Label.Status, r.Label.Extent = 4, 0 }, "--public")
	production("bare", "bare.md", "weights", func(r *provenance.Record) { r.Label = nil }, "--public")
	production("abroad", "abroad.md", "weights", func(r *provenance.Record) { r.Using, r.Label = place("BR", "other"), nil }, "--public")
	production("prompt", "prompt.md", "weights", as, "--public", "--role", "input")
	ids, raws := l.submit(t, acme, records)
	reversal, err := provenance.Reverse(ids[4], 0, raws[4], 7, "")
	check(t, err)
	l.submit(t, acme, []*provenance.Record{{Kind: provenance.Corrected, Time: made + 3, Correction: reversal}})
	for _, name := range []string{"public.png", "keyed.png", "gone.md", "orphan.md", "early.md", "denies.md"} {
		ref, _, _ := strings.Cut(name, ".")
		l.label(t, name, "acme/"+ref, "labelled-"+name)
	}
	return l
}

// check verifies a file, and wants an exit code and words.
func (l *contentLedger) check(t *testing.T, exit int, words string, args ...string) {
	t.Helper()
	t.Run(strings.Join(args, " "), func(t *testing.T) { l.checkOne(t, exit, words, args...) })
}

func (l *contentLedger) checkOne(t *testing.T, exit int, words string, args ...string) {
	t.Helper()
	out := string(l.run(t, exit, append([]string{"verify", "content", "--genesis", l.genesis}, args...)...))
	if !strings.Contains(strings.Join(strings.Fields(out), " "), words) {
		t.Errorf("verify content %s: no %q in\n%s", strings.Join(args, " "), words, out)
	}
}

// TestContentOfARealLedger checks files against their records, changed, with labels
// stripped and transplanted, and behind nodes that lie. SPEC(CLI-105), SPEC(VER-97),
// SPEC(VER-98)
func TestContentOfARealLedger(t *testing.T) {
	l := newCheckedLedger(t)
	l.write(t, "changed.png", otherContent(t, "png", l.read(t, "labelled-public.png")))
	l.write(t, "twice.png", twice(t, "png", l.read(t, "labelled-public.png")))
	l.write(t, "stranger.md", contentFile(t, "md", 200))
	l.write(t, "blob", []byte{0, 1, 2, 253})
	l.label(t, "public.png", "acme/keyed", "pasted-keyed.png")
	l.label(t, "keyed.png", "acme/public", "pasted-public.png")
	l.label(t, "public.png", "acme/public", "doubting.png", "--status", "possibly")
	l.label(t, "stranger.md", "acme/nobody", "nobody.md")
	l.label(t, "public.png", "acme/nobody", "public-of-nobody.png")
	const key = "keyed.png.tokentrail-key.json"
	for _, c := range []struct {
		exit  int
		words string
		args  []string
	}{
		{0, "HOLDS", []string{"labelled-public.png"}},
		{0, "HOLDS", []string{"labelled-keyed.png", "--key", key}},
		{0, "passed label 1 label", []string{"labelled-public.png", "--profile", "cn-gb45438-2025"}},
		{0, `failures="0"`, []string{"labelled-public.png", "--output", "junit"}},
		{1, "c2pa", []string{"labelled-public.png", "--profile", "all"}},
		{1, "content-differs at file", []string{"changed.png"}},
		{1, "content-differs at file", []string{"pasted-public.png"}},
		{1, "content-differs at file", []string{"pasted-keyed.png", "--key", key}},
		{2, "its commitment is keyed", []string{"labelled-keyed.png"}},
		{1, "file-label at file.label", []string{"public.png"}}, // stripped, and a label is due
		{1, "against the file: ", []string{"public.png"}},
		{1, "file-label at file.label.status", []string{"doubting.png"}},
		{1, "no more than one label", []string{"twice.png"}},
		{2, "which the node does not know", []string{"public-of-nobody.png"}},
		{2, "it is not known who made it", []string{"prompt.md"}},
		{1, "content-reversed at file", []string{"labelled-gone.md"}},
		{1, "content-reversed at file", []string{"gone.md"}},
		{2, "acme/nobody is missing", []string{"labelled-orphan.md"}},
		{1, "trace at entries[0].records[1]", []string{"labelled-early.md"}},
		{1, "label-contradicts at entries[0].records[7]", []string{"labelled-denies.md"}},
		{1, "label-missing at entries[0].records[8]", []string{"bare.md"}},
		{0, "HOLDS", []string{"abroad.md"}},
		{2, "says nothing against anybody", []string{"stranger.md"}},
		{2, "says nothing against anybody", []string{"nobody.md"}},
		{2, "says nothing against anybody", []string{"blob"}},
	} {
		l.check(t, c.exit, c.words, c.args...)
	}
	at := joinStatusOf(t, l.node).Header
	trust := fmt.Sprintf("%d:%s", at.Height, at.Hash)
	l.run(t, 0, "verify", "content", "labelled-public.png")
	l.run(t, 0, "verify", "content", "labelled-public.png", "--trust", trust)
	l.run(t, 3, "verify", "content", "labelled-public.png", "--trust", trust, "--trusting-period", "1s")
	l.run(t, 1, "verify", "content", "labelled-public.png", "--trust", fmt.Sprintf("%d:%s", at.Height, strings.Repeat("0", 64)))
	l.run(t, 1, "verify", "content", "labelled-public.png", "--genesis", strings.Repeat("0", 64))
	l.run(t, 2, "verify", "content", "nothing.png")
	l.run(t, 64, "verify", "content", "public.png", "--profile", "nonsense")
	l.run(t, 2, "verify", "content", "public.png", "--node", "http://127.0.0.1:1")
	l.run(t, 64, "verify", "public.png") // no evidence: verify content is for it
	l.liesAboutContent(t)
	s := &crossingLedger{bundler: &bundler{t, t.Context(), l.dir, l.program, l.genesis}, node: l.node}
	s.meetSchema("content", "labelled-public.png", "changed.png", "stranger.md", "public.png", "labelled-early.md")
}

// liesAboutContent checks files behind nodes that lie, or have lost something.
func (l *contentLedger) liesAboutContent(t *testing.T) {
	t.Helper()
	for _, c := range []struct {
		exit  int
		words string
		lie   func(w http.ResponseWriter, r *http.Request, honest http.Handler)
		file  string
	}{
		{1, "look-up at records?ref=", l.cutProof, "labelled-public.png"},
		{1, "look-up at records?content=", l.cutProof, "public.png"},
		{1, "receipt-", l.otherReceipt, "labelled-public.png"},
		{2, "could prove", l.noReceipt, "labelled-public.png"},
		{2, "says nothing against anybody", l.withhold, "public.png"},
	} {
		honest := l.honest(t)
		liar := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.lie(w, r, honest) }))
		l.check(t, c.exit, c.words, c.file, "--node", liar.URL)
		liar.Close()
	}
}
