package main

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"tokentrail/verify"
)

// Events of a watch. SPEC(VER-81)
const (
	eventFinding   = "finding"
	eventGone      = "gone"
	eventBlind     = "cannot-check"
	eventRecovered = "recovered"
	eventExpires   = "trust-expires"
)

// Bounds of an event, whose receivers are others' programs.
const (
	mostTold = 20  // findings
	mostText = 400 // characters of a finding's text
)

// A watchEvent is what a watch tells: a line on standard output, and what webhooks are
// posted. SPEC(VER-83)
type watchEvent struct {
	Format   int               `json:"format"`
	ID       string            `json:"id"`
	Event    string            `json:"event"`
	Time     string            `json:"time"` // RFC 3339
	From     string            `json:"from"`
	Ledger   string            `json:"ledger,omitempty"` // origin, where it is known
	Height   int64             `json:"height"`           // of the newest verified header; 0: none yet
	LogSize  int64             `json:"log_size"`         // under it
	Verdict  verify.Verdict    `json:"verdict"`          // of the round
	Says     string            `json:"says"`
	Findings []*verify.Finding `json:"findings"`
	More     int64             `json:"more_findings,omitempty"`
	Report   string            `json:"report,omitempty"`   // file with the round's report
	Evidence []string          `json:"evidence,omitempty"` // files that prove a fork
}

// event begins an event about a round.
func (w *watcher) event(kind string, verdict verify.Verdict, says string) *watchEvent {
	return &watchEvent{
		Format: outputFormat, ID: "msg_" + rand.Text(), Event: kind, Time: w.now().UTC().Format(time.RFC3339), From: w.from,
		Ledger: w.origin, Height: w.head.height, LogSize: w.head.size, Verdict: verdict, Says: cut(says), Findings: []*verify.Finding{},
	}
}

// about puts findings into an event, as many as it may have.
func (e *watchEvent) about(findings []*verify.Finding, more int64) *watchEvent {
	for _, f := range findings[:min(len(findings), mostTold)] {
		e.Findings = append(e.Findings, shortened(f))
	}
	e.More = more + int64(max(0, len(findings)-mostTold))
	return e
}

// shortened is a finding with texts that are short, whatever a node wrote into them.
func shortened(f *verify.Finding) *verify.Finding {
	short := *f
	short.Place, short.Want, short.Got, short.How = cut(f.Place), cut(f.Want), cut(f.Got), cut(f.How)
	return &short
}

// cut shortens what others said.
func cut(s string) string {
	if r := []rune(s); len(r) > mostText {
		return string(r[:mostText-1]) + "…"
	}
	return s
}

// JSON is the event on one line, without what could steer a terminal.
func (e *watchEvent) JSON() ([]byte, error) {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(e); err != nil {
		return nil, err
	}
	return []byte(strings.TrimSuffix(escapeJSON(b.String()), "\n")), nil
}

// line is the event for people, on one line.
func (e *watchEvent) line() string {
	words := []string{e.Time, e.Event + ":", printable(e.Says)}
	for _, path := range e.Evidence {
		words = append(words, "; evidence of a fork: "+printable(path))
	}
	if e.Report != "" {
		words = append(words, "; report: "+printable(e.Report))
	}
	return strings.ReplaceAll(strings.Join(words, " "), " ;", ";")
}

// says tells of findings in words: the first one, and how many others there are.
func says(findings []*verify.Finding, more int64) string {
	text := ""
	if len(findings) > 0 {
		f := findings[0]
		whom := "the ledger"
		if f.Against == verify.AgainstProvider {
			whom = f.Provider
		}
		text = fmt.Sprintf("against %s: %s: %s: wanted %s, got %s", whom, f.Code, f.Place, f.Want, f.Got)
		more += int64(len(findings)) - 1
	}
	switch {
	case more > 0 && text != "":
		text = cut(text) + "; and " + plural(more, "other")
	case more > 0:
		text = plural(more, "finding") + " more than reports keep"
	}
	return text
}

// tell tells an event: webhooks first, whose queue is durable, so that nothing is said
// to be told that a crash could lose.
func (w *watcher) tell(e *watchEvent) {
	body, err := e.JSON()
	if err != nil {
		w.say("an event could not be encoded: %v", err)
		return
	}
	w.hooks.post(e.ID, body, w.now())
	w.metrics.events.WithLabelValues(e.Event).Inc()
	line := e.line()
	if w.app.output == asJSONL {
		line = string(body)
	}
	if _, err := fmt.Fprintln(w.app.stdout, line); err != nil {
		w.say("standard output: %v", err)
	}
}

// keepReport writes a round's report, and returns the file's name.
func (w *watcher) keepReport(r *verify.Report) string {
	if w.reports == "" {
		return ""
	}
	name := "report-" + w.now().UTC().Format("20060102T150405.000Z") + ".json"
	b, err := r.JSON()
	if err == nil {
		err = writeDurable(w.reports, name, b)
	}
	if err != nil {
		w.say("the report could not be written: %v", err)
		return ""
	}
	return filepath.Join(w.reports, name)
}
