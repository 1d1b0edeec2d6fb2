package main

import (
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestFigures: /metrics has the figures of spec/api.md and no others, and they say
// what is so.
func TestFigures(t *testing.T) {
	p := newProvider(t, "acme")
	node := startTestNode(t, p)
	records := traceRecords(t)
	for i := range 3 {
		if a := post(t, node.url(), p.next(t, records[i:i+1])); a.status != http.StatusCreated {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	if a := post(t, node.url(), []byte("no submission")); a.status != http.StatusBadRequest {
		t.Fatal(a.status)
	}
	a := request(t, http.MethodGet, node.url()+"/metrics", "", nil)
	if a.status != http.StatusOK || !strings.HasPrefix(a.header.Get("Content-Type"), "text/plain") {
		t.Fatalf("%d %s", a.status, a.body)
	}
	text := string(a.body)
	for _, want := range []string{
		"tokentrail_log_size 3", `tokentrail_entries{kind="statement"} 3`, `tokentrail_entries{kind="act"} 0`, `tokentrail_streams{status="open"} 1`,
		`tokentrail_providers{status="active"} 1`, "tokentrail_validators 1", "tokentrail_rules_version 3", "tokentrail_rules_next_version 0",
		`tokentrail_submissions_total{outcome="committed"} 3`, `tokentrail_submissions_total{outcome="envelope"} 1`, "tokentrail_receipts_total 3",
		"tokentrail_missing_entries 0", "tokentrail_catching_up 0", "tokentrail_mempool_submissions 0",
		`tokentrail_misbehaviour_total{validator="others"} 0`,
	} {
		if !strings.Contains(text, "\n"+want+"\n") {
			t.Errorf("the figures lack %s", want)
		}
	}
	if regexp.MustCompile(`(?m)^tokentrail_(disk_bytes\{part="ledger"\}|disk_free_bytes|commits_total|commit_seconds_total) 0$`).MatchString(text) {
		t.Error("what cannot be 0 is")
	}
	served := names(text, `(?m)^# TYPE (\w+)`)
	spec, err := os.ReadFile("../../spec/api.md")
	if err != nil {
		t.Fatal(err)
	}
	if said := names(string(spec), "`(tokentrail_\\w+)"); !slices.Equal(said, served) {
		t.Errorf("spec/api.md has\n%s\nserved are\n%s", strings.Join(said, "\n"), strings.Join(served, "\n"))
	}
	if t.Failed() {
		t.Log(text)
	}

	// A fork of an entry closes its stream.
	fork, _ := p.sign(t, 0, nil, records[7:8])
	if a := post(t, node.url(), fork); a.status != http.StatusConflict {
		t.Fatalf("the fork: %d %s", a.status, a.body)
	}
	want := []string{`tokentrail_entries{kind="equivocation"} 1`, `tokentrail_streams{status="closed"} 1`, `tokentrail_streams{status="open"} 0`}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		text := string(request(t, http.MethodGet, node.url()+"/metrics", "", nil).body)
		if !slices.ContainsFunc(want, func(line string) bool { return !strings.Contains(text, "\n"+line+"\n") }) {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("after an equivocation the figures lack one of %q:\n%s", want, text)
		}
	}
}

// names returns what a pattern finds, ascending, each once.
func names(text, pattern string) (out []string) {
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	slices.Sort(out)
	return slices.Compact(out)
}
