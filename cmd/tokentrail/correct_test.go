package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tokentrail/provenance"
)

// records answers GET /v1/records, by going through all records there are.
func (l *fakeLedger) records(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	query := r.URL.Query()
	offset, _ := strconv.Atoi(query.Get("offset"))
	limit, _ := strconv.Atoi(query.Get("limit"))
	query.Del("offset")
	query.Del("limit")
	var q provenance.RecordQuery
	for name, value := range query {
		var err error
		if q, err = provenance.ParseRecordQuery(name, value[0]); err != nil {
			problem(w, http.StatusBadRequest, "Malformed request", err.Error())
			return
		}
	}
	answer := &provenance.RecordsAnswer{Size: int64(len(l.leaves)), Hits: l.hits(q)}
	answer.Hits = answer.Hits[min(offset, len(answer.Hits)):]
	if len(answer.Hits) > limit {
		answer.Hits, answer.More = answer.Hits[:limit], true
	}
	if l.lie != nil {
		l.lie(answer)
	}
	w.Write(answer.Encode())
}

// hits are all records that a query asks for, in the order of the log.
func (l *fakeLedger) hits(q provenance.RecordQuery) []provenance.RecordHit {
	var hits []provenance.RecordHit
	for _, s := range l.streams {
		for _, sub := range s.subs {
			records, _, err := sub.CheckRecords(provenance.FormatLimits())
			if err != nil {
				panic(err)
			}
			h := sub.Statement.Header()
			var tree provenance.Tree
			ids := make([]provenance.Hash, len(records))
			for i, raw := range records {
				ids[i] = provenance.RecordID(h.Issuer, h.Stream, h.Sequence, i, raw)
				tree.Append(ids[i])
			}
			for i, raw := range records {
				refs, err := provenance.ReferencesOf(raw)
				if err != nil {
					panic(err)
				}
				if !q.Matches(h.Issuer, ids[i], refs) {
					continue
				}
				path, err := tree.Path(int64(i))
				if err != nil {
					panic(err)
				}
				hits = append(hits, provenance.RecordHit{Entry: s.index[sub.Statement.ID()], Statement: sub.Statement.Raw(),
					Proof: &provenance.RecordProof{Record: raw, Index: int64(i), Count: int64(len(records)), Path: path}})
			}
		}
	}
	slices.SortFunc(hits, func(a, b provenance.RecordHit) int {
		if a.Entry != b.Entry {
			return int(a.Entry - b.Entry)
		}
		return int(a.Proof.Index - b.Proof.Index)
	})
	return hits
}

// A correcting is a provider with a ledger that has records of it to correct.
type correcting struct {
	*testProvider
	l   *fakeLedger
	out string
}

// newCorrecting submits two usual records (refs use-0, use-1 with 1,000 and 1,001
// input tokens), a relay, and a dataset.
func newCorrecting(t *testing.T) *correcting {
	p := newTestProvider(t)
	c := &correcting{p, newFakeLedger(t, p.key), filepath.Join(p.dir, "correction.records")}
	file, _ := p.records("use", 4, func(i int, r *provenance.Record) {
		r.Usage.Input += 1000
		r.Energy = &provenance.Energy{MicroWattHours: 50, Method: 1, Boundary: 1}
		switch i {
		case 1:
			r.Energy = nil
		case 2:
			r.Kind, r.Using = provenance.Consumption, r.Serving
			r.Hop, r.Parents = &provenance.Hop{Role: provenance.Gateway, Relay: new(true)}, []provenance.Parent{{Issuer: "acme", Ref: []byte("use-0")}}
		case 3:
			*r = provenance.Record{Kind: provenance.DatasetMade, Time: r.Time, Ref: r.Ref, Energy: r.Energy, Dataset: &provenance.Dataset{
				Name: "d", Digest: provenance.Digest{Algorithm: -16, Value: make([]byte, 32)}, Sources: []provenance.Source{{Kind: 6}}}}
		}
	})
	p.succeeded(p.args(c.l, file))
	return c
}

func (c *correcting) args(record string, more ...string) []string {
	args := append([]string{"correct", record, "--node", c.l.server.URL, "--json"}, more...)
	for _, flag := range [][2]string{{"--out", c.out}, {"--reason", "wrong-count"}} {
		if !slices.Contains(more, flag[0]) {
			args = append(args, flag[:]...)
		}
	}
	return args
}

// corrected runs the command, and returns the correction that it writes.
func (c *correcting) corrected(record string, more ...string) (*provenance.Correction, map[string]any) {
	c.t.Helper()
	doc := c.succeeded(c.args(record, more...))
	raw, err := os.ReadFile(c.out)
	if err != nil {
		c.t.Fatal(err)
	}
	r, err := provenance.ParseRecord(raw)
	if err != nil || r.Correction == nil {
		c.t.Fatal(err, r)
	}
	return r.Correction, doc
}

// committed submits the correction that was written.
func (c *correcting) committed() {
	c.t.Helper()
	c.succeeded(c.testProvider.args(c.l, c.out))
}

// One record is amended twice, then reversed: each correction starts from what
// those before have left.
func TestCorrections(t *testing.T) {
	c := newCorrecting(t)
	first, doc := c.corrected("acme/use-0", "--amend", "input=-10,output=+4,energy=-50", "--note", "a note", "--time", "2023-11-17T00:00:00Z")
	if first.Action != provenance.Amends || first.Reason != 2 || first.Note != "a note" ||
		first.Deltas != (provenance.Sums{Input: -10, Output: 4, Energy: -50}) {
		t.Errorf("%+v", first)
	}
	if doc["time"] != "2023-11-17T00:00:00.000Z" || doc["issuer"] != "acme" || doc["action"] != "amends" || doc["earlier_corrections"] != 0.0 ||
		doc["counts"].(map[string]any)["input"] != 990.0 || doc["ledger"] != c.l.origin {
		t.Errorf("%v", doc)
	}
	c.committed()
	id := doc["record"].(string)
	second, doc := c.corrected(strings.ToUpper(id), "--amend", "output=-7", "--genesis", c.l.chain.hash().String())
	if second.Deltas != (provenance.Sums{Output: -7}) || doc["earlier_corrections"] != 1.0 {
		t.Errorf("%+v %v", second, doc)
	}
	c.committed()
	// 3 output tokens and 4 and -7: there is none to take.
	c.failed(c.args(id, "--amend", "output=-1"), exitAgainst, "output: it counts as 0, 1 cannot be taken")
	c.failed(c.args(id, "--amend", "energy=-1"), exitAgainst, "energy: it counts as 0")
	last, doc := c.corrected("tokentrail:acme/use-0", "--reverse", "--reason", "never-happened")
	if last.Action != provenance.Reverses || last.Deltas != (provenance.Sums{Records: -1, Input: -990}) || last.Reason != 7 {
		t.Errorf("%+v", last)
	}
	for name, v := range doc["counts"].(map[string]any) {
		if v != 0.0 {
			t.Errorf("%s: %v is left", name, v)
		}
	}
	c.committed()
	c.failed(c.args(id, "--amend", "input=+1"), exitAgainst, "it was reversed by record", "nothing left to correct")
	c.failed(c.args(id, "--reverse"), exitAgainst, "it was reversed by record")
	// The corrections themselves, and what the cell says.
	hits := c.l.hits(provenance.Corrections("acme", provenance.Hash(last.Record)))
	if len(hits) != 3 || last.Cell.Model != "m" || last.Cell.Kind != provenance.Production || last.Entry != 0 {
		t.Fatalf("%d corrections, %+v", len(hits), last)
	}
	h, err := provenance.ParseStatement(hits[0].Statement)
	if err != nil {
		t.Fatal(err)
	}
	correctionID := provenance.RecordID("acme", h.Header().Stream, h.Header().Sequence, 0, hits[0].Proof.Record)
	c.failed(c.args(correctionID.String(), "--reverse"), exitAgainst, "a correction is not corrected")
}

func TestCorrectionOfARelay(t *testing.T) {
	c := newCorrecting(t)
	reversal, _ := c.corrected("acme/use-2", "--reverse")
	if reversal.Deltas != (provenance.Sums{Energy: -50}) {
		t.Errorf("%+v", reversal)
	}
	code, text, stderr := runOnce(t, "correct", "acme/use-2", "--amend", "energy=+7", "--reason", "another", "--node", c.l.server.URL, "--out", c.out)
	if code != exitOK || !strings.Contains(text, "counts then          57 µWh") || !strings.Contains(text, "--issuer acme") {
		t.Errorf("%d\n%s%s", code, text, stderr)
	}
}

func TestCorrectRefuses(t *testing.T) {
	c := newCorrecting(t)
	for _, w := range []struct {
		record string
		args   []string
		code   int
		words  string
	}{
		{"acme/use-9", []string{"--reverse"}, exitAgainst, "the node knows no such record on the ledger tokentrail/test-1/"},
		{"other/use-1", []string{"--reverse"}, exitAgainst, "the node knows no such record"},
		{"acme/use-1", []string{"--amend", "energy=+1"}, exitAgainst, "gives no energy"},
		{"acme/use-1", []string{"--amend", "cache-read=+1002"}, exitAgainst, "cache read 1002 and write 0 would be more than input 1001"},
		{"acme/use-1", []string{"--amend", "reasoning=+4"}, exitAgainst, "reasoning 4 would be more than output 3"},
		{"acme/use-1", []string{"--amend", "input=+9223372036854775807"}, exitAgainst, "beyond 64 bits"},
		{"acme/use-2", []string{"--amend", "input=+1"}, exitAgainst, "is a relay"},
		{"acme/use-3", []string{"--amend", "input=+1"}, exitAgainst, "a dataset counts no tokens"},
		{"acme/use-1", []string{"--reverse", "--note", strings.Repeat("n", 129)}, exitUsage, "--note has 129 bytes: wanted 128 at most"},
		{"acme/use-1", []string{"--reverse", "--genesis", strings.Repeat("0", 64)}, exitAgainst, "--genesis names the one"},
	} {
		c.failed(c.args(w.record, w.args...), w.code, w.words)
		if _, err := os.Stat(c.out); err == nil {
			t.Errorf("%v: a file was written", w.args)
		}
	}
}

// A ledger whose rules know no corrections is not asked for one.
func TestCorrectUnderOldRules(t *testing.T) {
	c := newCorrecting(t)
	c.l.mu.Lock()
	c.l.rules = 1
	c.l.mu.Unlock()
	c.failed(c.args("acme/use-1", "--reverse"), exitAgainst, "has rule version 1, corrections came with 2")
}

// A node that lies about where a record is, or what it says, is told of.
func TestCorrectChecksTheNode(t *testing.T) {
	c := newCorrecting(t)
	more, _ := c.testProvider.records("more", 1, nil)
	c.succeeded(c.testProvider.args(c.l, more))
	for name, w := range map[string]struct {
		lie   func(a *provenance.RecordsAnswer)
		words string
	}{
		"entry":        {func(a *provenance.RecordsAnswer) { a.Hits[0].Entry++ }, "by the receipt it is in entry 0"},
		"index":        {func(a *provenance.RecordsAnswer) { a.Hits[0].Proof.Index++ }, "hit 0: path: proof.path"},
		"record":       {func(a *provenance.RecordsAnswer) { a.Hits[0].Proof.Record[12] ^= 1 }, "hit 0: "},
		"no statement": {func(a *provenance.RecordsAnswer) { a.Hits[0].Statement = []byte{1} }, "hit 0: "},
		"another": {func(a *provenance.RecordsAnswer) {
			a.Hits = c.l.hits(provenance.ByRef("acme", []byte("use-0")))
		}, "is not one that ref=acme/7573652d31 asks for"},
	} {
		t.Run(name, func(t *testing.T) {
			c.l.lie = w.lie
			c.failed(c.args("acme/use-1", "--reverse"), exitAgainst, "the node at", w.words)
		})
	}
}

func TestExportFromTheLedger(t *testing.T) {
	p := newTestProvider(t)
	l := newFakeLedger(t, p.key)
	file := filepath.Join(p.dir, "made.records")
	in := exampleRecords[strings.Index(exampleRecords, "{"):]
	var stdout, stderr strings.Builder
	if code := run(t.Context(), []string{"record", "make", "-", "--out", file}, strings.NewReader(in), &stdout, &stderr, func(string) string { return "" }); code != exitOK {
		t.Fatal(stderr.String())
	}
	p.succeeded(p.args(l, file))
	hits := l.hits(provenance.ByRef("acme", []byte("example-7b")).Children())
	if len(hits) != 1 {
		t.Fatalf("%d records name the model", len(hits))
	}
	id := provenance.RecordID("acme", "usage", 0, int(hits[0].Proof.Index), hits[0].Proof.Record).String()
	code, text, problems := runOnce(t, "record", "export", id, "--format", "in-toto", "--node", l.server.URL)
	if code != exitOK {
		t.Fatal(problems)
	}
	inEnvironment := func(name string) string {
		return map[string]string{envNode: l.server.URL}[name]
	}
	for _, name := range []string{"acme/text-7b", file} { // the file is one, whatever the environment's node
		stderr.Reset()
		code := run(t.Context(), []string{"record", "export", name, "--format", "in-toto", "--index", "2"}, strings.NewReader(""), &stdout, &stderr, inEnvironment)
		if onLedger := name != file; onLedger != strings.Contains(stderr.String(), "names a record on a ledger") || !onLedger && code != exitOK {
			t.Errorf("%s: %d %s", name, code, stderr.String())
		}
	}
	var doc struct {
		Type      string `json:"_type"`
		Predicate struct {
			Record map[string]any
		}
	}
	if err := json.Unmarshal([]byte(text), &doc); err != nil || doc.Type != statementType {
		t.Fatal(err, text)
	}
	for name, want := range map[string]any{"id": id, "issuer": "acme", "stream": "usage", "sequence": 0.0, "index": 2.0, "entry": 0.0, "ledger": l.origin} {
		if doc.Predicate.Record[name] != want {
			t.Errorf("record.%s: %v, wanted %v", name, doc.Predicate.Record[name], want)
		}
	}
	for _, w := range []struct {
		name, words string
	}{
		{"acme/web-2023", "a record of kind dataset; only an evaluation"},
		{"acme/nothing", "knows no such record"},
		{"tokentrail:acme/%61", "names no record"},
	} {
		if code, _, stderr := runOnce(t, "record", "export", w.name, "--format", "in-toto", "--node", l.server.URL); code == exitOK || !strings.Contains(stderr, w.words) {
			t.Errorf("%s: %d %s", w.name, code, stderr)
		}
	}
}
