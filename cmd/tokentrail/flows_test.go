package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"tokentrail/provenance"
)

const flowsAnswer = `{"format": 1, "origin": "tokentrail/t/00", "log_size": 1234, "app_hash": "%064d",
 "query": {"from": "US"}, "total_rows": 1,
 "rows": [{"kind": "transfer", "side": "exporter", "origin": "US", "destination": "CN", "model": "m\u001b[31m",
           "direction": "output", "records": 19366, "tokens": 40886659223372036854775807, "cache_read": 0, "cache_write": 0, "reasoning": 7}]}`

// runOnce runs the program without files, environment and terminal.
func runOnce(t *testing.T, args ...string) (int, string, string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), args, strings.NewReader(""), &stdout, &stderr, func(string) string { return "" })
	return code, stdout.String(), stderr.String()
}

func TestFlows(t *testing.T) {
	var query string
	node := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query = r.URL.RawQuery
		fmt.Fprintf(w, flowsAnswer, 5)
	}))
	defer node.Close()
	args := []string{"flows", "--node", node.URL, "--from", "US", "--since", "2023-11-16", "--until", "2023-11-16T20:00+01:00",
		"--by", "model,day", "--kind", "transfer", "--side", "exporter,importer"}
	code, table, stderr := runOnce(t, args...)
	if code != exitOK {
		t.Fatal(code, stderr)
	}
	const wantQuery = "by=model%2Cday&from=US&kind=transfer&limit=20000&side=exporter%2Cimporter&since=2023-11-16T00%3A00%3A00Z&until=2023-11-16T19%3A00%3A00Z"
	if query != wantQuery {
		t.Errorf("asked %s, wanted %s", query, wantQuery)
	}
	for _, w := range []string{"40,886,659,223,372,036,854,775,807", "19,366", "log size 1,234", fmt.Sprintf("app hash %064d", 5), "tokentrail verify --node " + node.URL, `m\x1b[31m`, "reasoning"} {
		if !strings.Contains(table, w) {
			t.Errorf("the table does not say %q:\n%s", w, table)
		}
	}
	if strings.Contains(table, "ZZ") {
		t.Errorf("the table tells of places that are not there:\n%s", table)
	}
	if strings.Contains(table, "\x1b") || strings.Contains(table, "cache") {
		t.Errorf("the table steers the terminal, or has empty columns:\n%s", table)
	}
	if _, doc, _ := runOnce(t, append(args, "--output", "json")...); !strings.Contains(doc, `"tokens": 40886659223372036854775807,`) {
		t.Error(doc)
	}
	_, csv, _ := runOnce(t, append(args, "--output", "csv")...)
	if want := "transfer,exporter,US,CN,,m\x1b[31m,,,output,19366,40886659223372036854775807,0,0,7\n"; !strings.HasSuffix(csv, want) {
		t.Errorf("%q", csv)
	}
}

// A regulator is told how to read what the table has, and nothing of what it
// has not.
func TestFlowsNotes(t *testing.T) {
	usual := provenance.FlowRow{FlowKey: provenance.FlowKey{Kind: "transfer", Side: "exporter", Origin: "US", Destination: "CN"},
		FlowSums: provenance.FlowSums{Records: provenance.SumOf(1)}}
	for want, change := range map[string]func(r *provenance.FlowRow){
		"":                             func(*provenance.FlowRow) {},
		"kinds and sides are not":      func(r *provenance.FlowRow) { r.Side = "importer" },
		"0 records: only relays":       func(r *provenance.FlowRow) { r.Records = provenance.Sum{} },
		"ZZ: the records do not say":   func(r *provenance.FlowRow) { r.Origin = "ZZ" },
		"ZZ: the records do not say w": func(r *provenance.FlowRow) { r.Destination = "ZZ" },
	} {
		other := usual
		change(&other)
		notes := (&flowsDoc{Rows: []provenance.FlowRow{usual, other}}).notes()
		if want == "" && len(notes) > 0 || want != "" && (len(notes) != 1 || !strings.HasPrefix(notes[0], want)) {
			t.Errorf("%q, wanted %q", notes, want)
		}
	}
}

func TestFlowsFromOddNodes(t *testing.T) {
	for answer, want := range map[string]string{
		"{":               "is not what spec/api.md says",
		`{"format": 2}`:   "the node answers in format 2",
		`{"format": 1} x`: "is not what spec/api.md says",
		"":                "is not what spec/api.md says",

		`{"format": 1, "rows": [{"tokens": 1e3}]}`: "is not what spec/api.md says",
		`{"format": 1, "rows": [{}]}`:              "more rows than the 0 that it has",
		`{"format": 1, "total_rows": 1}`:           "its pages do not fit together",
	} {
		node := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, answer) }))
		code, _, stderr := runOnce(t, "flows", "--node", node.URL)
		if code != exitCouldNot || !strings.Contains(stderr, want) {
			t.Errorf("%q: exit %d, %s", answer, code, stderr)
		}
		node.Close()
	}
	node := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		problem(w, http.StatusBadRequest, "Malformed request", "value: from: no")
	}))
	defer node.Close()
	code, doc, _ := runOnce(t, "flows", "--node", node.URL, "--output", "json")
	if code != exitAgainst || !strings.Contains(doc, `"code": "value"`) || !strings.Contains(doc, "400 Malformed request: value: from: no") {
		t.Errorf("exit %d, %s", code, doc)
	}
}

// pagedFlows serves rows in pages; before may change what is said of the log.
func pagedFlows(t *testing.T, rows int64, before func(page int, doc *flowsDoc)) (node string, asked *int) {
	t.Helper()
	asked = new(int)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		limit, _ := strconv.ParseInt(r.URL.Query().Get("limit"), 10, 64)
		offset, _ := strconv.ParseInt(r.URL.Query().Get("offset"), 10, 64)
		doc := &flowsDoc{Format: 1, LogSize: 7, Total: rows}
		for i := offset; i < min(rows, offset+limit); i++ {
			doc.Rows = append(doc.Rows, provenance.FlowRow{FlowSums: provenance.FlowSums{Tokens: provenance.SumOf(i)}})
		}
		before(*asked, doc)
		*asked++
		_ = json.NewEncoder(w).Encode(doc)
	}))
	t.Cleanup(s.Close)
	return s.URL, asked
}

func TestFlowsOfManyRows(t *testing.T) {
	lines := func(csv string) int { return strings.Count(csv, "\n") - 1 }
	node, asked := pagedFlows(t, 2*flowsPage+5, func(page int, doc *flowsDoc) { doc.LogSize += int64(min(page, 2)) })
	code, csv, stderr := runOnce(t, "flows", "--node", node, "--output", "csv")
	if code != exitOK || lines(csv) != 2*flowsPage+5 || *asked != 5 || !strings.HasSuffix(csv, ",0,40004,0,0,0\n") {
		t.Errorf("exit %d, %d lines, %d pages: %s", code, lines(csv), *asked, stderr)
	}
	for name, c := range map[string]struct {
		rows   int64
		before func(page int, doc *flowsDoc)
		exit   int
		want   string
	}{
		"a log that grows": {flowsPage + 1, func(page int, doc *flowsDoc) { doc.LogSize += int64(page) }, exitCouldNot, "the log grew"},
		"too many rows":    {maxFlowsRows + 1, func(int, *flowsDoc) {}, exitAgainst, "1,000,001 rows, this program reads up to 1,000,000; ask for less time"},
		"another app hash": {flowsPage + 1, func(page int, doc *flowsDoc) { doc.AppHash[0] = byte(page) }, exitCouldNot, "do not fit together"},
		"no end":           {flowsPage + 1, func(_ int, doc *flowsDoc) { doc.Total += 5 }, exitCouldNot, "do not fit together"},
	} {
		node, _ := pagedFlows(t, c.rows, c.before)
		if code, _, stderr := runOnce(t, "flows", "--node", node); code != c.exit || !strings.Contains(stderr, c.want) {
			t.Errorf("%s: exit %d, %s", name, code, stderr)
		}
	}
}

func TestHours(t *testing.T) {
	now := time.Date(2026, 3, 10, 12, 34, 56, 0, time.UTC)
	for _, c := range []struct {
		text string
		up   bool
		want string
	}{
		{"2023-11-16", false, "2023-11-16T00:00:00Z"},
		{"2023-11-16T18Z", false, "2023-11-16T18:00:00Z"},
		{"2023-11-16T18:00:00+08:00", false, "2023-11-16T10:00:00Z"},
		{"7d", false, "2026-03-03T12:00:00Z"},
		{"7d", true, "2026-03-03T13:00:00Z"},
		{"now", true, "2026-03-10T13:00:00Z"},
		{"36h", false, "2026-03-09T00:00:00Z"},
		{"7w", false, "wanted a date"},
		{"-7d", false, "wanted a date"},
		{"d", false, "wanted a date"},
	} {
		got, err := parseHour("--since", c.text, now, c.up)
		said := got.Format(time.RFC3339)
		if err != nil {
			said = err.Error()
		}
		if !strings.Contains(said, c.want) {
			t.Errorf("%s: %s, wanted %s", c.text, said, c.want)
		}
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -1000: "-1,000", -999: "-999", 22361870: "22,361,870", -1 << 63: "-9,223,372,036,854,775,808"} {
		if got := thousands(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
	for n, want := range map[int64]string{0: "0 records", 1: "1 record", -1: "-1 record", -2: "-2 records", 1000: "1,000 records"} {
		if got := plural(n, "record"); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
}

// TestVerifyCouldNot: a node that does not answer is never taken for a verdict.
func TestVerifyCouldNot(t *testing.T) {
	node := httptest.NewServer(http.NotFoundHandler())
	defer node.Close()
	code, doc, _ := runOnce(t, "verify", "--node", node.URL, "--output", "json")
	if code != exitCouldNot || !strings.Contains(doc, `"exit": 2`) {
		t.Errorf("exit %d, %s", code, doc)
	}
}

func TestInspectWhatSubmitKeeps(t *testing.T) {
	p := newTestProvider(t)
	l := newFakeLedger(t, p.key)
	a, _ := p.records("a", 45, nil)
	dir := p.succeeded(p.args(l, a))["journal"].(string)
	code, doc, stderr := runOnce(t, "inspect", filepath.Join(dir, entryName(1, doneSuffix)))
	if code != exitOK {
		t.Fatal(stderr)
	}
	for _, w := range []string{"journal entry, with receipt", `"sequence": 1`, `"origin": "` + l.origin + `"`, `"index": 1`, `"issuer": "acme"`, `"hour": "2023-11-16T18:00:00Z"`} {
		if !strings.Contains(doc, w) {
			t.Errorf("it does not say %s:\n%s", w, doc)
		}
	}
}
