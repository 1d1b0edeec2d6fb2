package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"go.uber.org/goleak"

	"tokentrail/provenance"
	"tokentrail/spec"
	"tokentrail/verify"
)

// TestWatchFlags refuses what does not go together, and asks nobody. SPEC(CLI-98)
func TestWatchFlags(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	open := filepath.Join(dir, "open")
	short := filepath.Join(dir, "short")
	for name, mode := range map[string]os.FileMode{file: 0o600, open: 0o644, short: 0o600} {
		if err := os.WriteFile(name, []byte("whsec_c2hvcnQ=\n"), mode); err != nil {
			t.Fatal(err)
		}
	}
	for args, want := range map[string]string{
		"--every 1m":                                          "--every is of --watch",
		"--webhook http://h":                                  "--webhook is of --watch",
		"--until-finding":                                     "--until-finding is of --watch",
		"--output jsonl":                                      "tokentrail verify answers as text, json, junit, markdown",
		"--watch --output json":                               "tokentrail verify --watch answers as text, jsonl",
		"--watch --json":                                      "answers as text, jsonl",
		"--watch --every 10ms":                                "wanted 1s or more",
		"--watch --every often":                               "wanted a time as",
		"--watch --since last":                                "--anew begins with everything",
		"--watch --resume":                                    "--anew begins with everything",
		"--watch --listen 9480":                               "wanted an address and a port",
		"--watch --webhook ftp://h":                           "address 1 is not as https://",
		"--watch --webhook http://h --webhook http://h":       "address 2, at h, is given twice",
		"--watch --webhook-key x":                             "name where to with --webhook",
		"--watch --witness-key x --listen none":               "give it an address with --listen",
		"--watch" + strings.Repeat(" --webhook http://h", 17): "at most 16",
		"x.tokentrail --watch":                                "--watch is of an audit of a node",
	} {
		words := append([]string{"verify", "--node", "http://127.0.0.1:1", "--state", "none"}, strings.Fields(args)...)
		if strings.HasPrefix(args, "x.") {
			words = append([]string{"verify"}, strings.Fields(args)...)
		}
		code, stdout, stderr := runOnce(t, words...)
		if code != exitUsage || !strings.Contains(stdout+stderr, want) {
			t.Errorf("%s: exit %d: %s%s; wanted %q", args, code, stdout, stderr, want)
		}
	}
	for args, want := range map[string]string{
		"--webhook http://h --webhook-key " + filepath.Join(dir, "none"): "no such file",
		"--webhook http://h --webhook-key " + open:                       "chmod 600",
		"--webhook http://h --webhook-key " + short:                      "line 1 is not whsec_",
		"--reports " + file:                               "is a file",
		"--witness-key " + short:                          "begins with",
		"--witness-key " + filepath.Join(dir, "none"):     "tokentrail key witness",
		"--reports " + filepath.Join(dir, "not", "there"): "no such file",
	} {
		code, _, stderr := runOnce(t, append([]string{"verify", "--watch", "--node", "http://127.0.0.1:1", "--state", dir}, strings.Fields(args)...)...)
		if code != exitCouldNot || !strings.Contains(stderr, want) || strings.Contains(stderr, "c2hvcnQ") {
			t.Errorf("%s: exit %d: %s; wanted %q", args, code, stderr, want)
		}
	}
}

// reportOf is a report whose steps have these outcomes and findings.
func reportOf(verdict verify.Verdict, steps ...*verify.Step) *verify.Report {
	return &verify.Report{Verdict: verdict, Steps: steps}
}

func stepOf(name string, outcome verify.Outcome, findings ...*verify.Finding) *verify.Step {
	return &verify.Step{Name: name, Outcome: outcome, Findings: findings}
}

// TestNews tells each finding once, whatever its amounts, and as gone only where its
// step passes. SPEC(VER-81)
func TestNews(t *testing.T) {
	finding := func(code verify.Code, place, got string) *verify.Finding {
		return verify.NewFinding(code, place, "1", got)
	}
	told := newToldFindings()
	path := filepath.Join(t.TempDir(), watchTold)
	if err := told.load(path); err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct {
		steps []*verify.Step
		want  string
	}{
		{[]*verify.Step{stepOf("log", verify.Passed), stepOf("flows", verify.Failed, finding("flows", "flows[0]", "2"))}, "[flows] 0 []"},
		{[]*verify.Step{stepOf("log", verify.Passed), stepOf("flows", verify.Failed, finding("flows", "flows[1]", "3"))}, "[] 0 []"},
		{[]*verify.Step{stepOf("log", verify.Failed, finding("chain", "entries[7]", "2")), stepOf("flows", verify.NotChecked)}, "[chain] 0 []"},
		{[]*verify.Step{stepOf("log", verify.Failed, finding("chain", "entries[7]", "2"), finding("chain", "entries[8]", "2")), stepOf("flows", verify.Passed)}, "[chain] 0 [flows]"},
		{[]*verify.Step{{Name: "log", Outcome: verify.Failed, More: 5}}, "[] 5 []"},
		{[]*verify.Step{{Name: "log", Outcome: verify.Failed, More: 5}}, "[] 0 []"},
		{[]*verify.Step{{Name: "log", Outcome: verify.Failed, More: 7}, stepOf("flows", verify.Failed, finding("flows", "flows[0]", "2"))}, "[flows] 2 []"},
		{[]*verify.Step{stepOf("witnesses", verify.Failed, finding("witness", "witnesses[http://a:1].headers[7]", "2"))}, "[witness] 0 []"},
		{[]*verify.Step{stepOf("witnesses", verify.Failed, finding("witness", "witnesses[http://a:1].headers[8]", "2"))}, "[] 0 []"},
		{[]*verify.Step{stepOf("witnesses", verify.Failed, finding("witness", "witnesses[http://a:2].headers[8]", "2"))}, "[witness] 0 []"},
		{[]*verify.Step{stepOf("policy", verify.Failed, verify.ProviderFinding("acme", "label", "entries[1]", "1", "2"), verify.ProviderFinding("beta", "label", "entries[1]", "1", "2"))}, "[label label] 0 []"},
		{[]*verify.Step{stepOf("witnesses", verify.Passed), stepOf("log", verify.Failed)}, "[] 0 [witness witness]"},
	} {
		fresh, more, gone := told.news(reportOf(verify.Evidence, c.steps...), time.Unix(0, 0))
		var now, past []string
		for _, f := range fresh {
			now = append(now, string(f.Code))
		}
		for _, g := range gone {
			past = append(past, string(g.Finding.Code))
		}
		if got := fmt.Sprint(now, more, past); got != c.want {
			t.Errorf("round %d: %s, wanted %s", i, got, c.want)
		}
		if err := told.save(); err != nil {
			t.Fatal(err)
		}
		told = newToldFindings() // each round is another process
		if err := told.load(path); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(path, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := newToldFindings().load(path); err == nil {
		t.Error("a file of another format passes")
	}
}

// TestWatchHealth: what cannot be checked for three rounds is unhealthy. SPEC(VER-85)
func TestWatchHealth(t *testing.T) {
	start := time.Unix(1000, 0)
	h := &watchHealth{began: start}
	after := func(d time.Duration) string { return h.says(start.Add(d)) }
	if got := after(time.Minute); !strings.Contains(got, "the first audit is under way, since 1m0s") {
		t.Error(got)
	}
	h.cannot("status: away")
	if got := after(0); !strings.Contains(got, "yet: status: away") {
		t.Error(got)
	}
	h.good(start, 5*time.Second)
	if got := after(15 * time.Second); got != "" {
		t.Error(got)
	}
	if got := after(16 * time.Second); !strings.Contains(got, "the last one ended 16s ago") {
		t.Error(got)
	}
	h.cannot("status: away")
	if got := after(14 * time.Second); got != "" {
		t.Error("one round is no trouble: " + got)
	}
	if got := after(16 * time.Second); !strings.Contains(got, "for 16s not all could be checked: status: away") {
		t.Error(got)
	}
}

// TestWatchBetween: saved audits take a twentieth of the time at most. SPEC(VER-80)
func TestWatchBetween(t *testing.T) {
	w := &watcher{every: 30 * time.Second}
	for saving, want := range map[time.Duration]time.Duration{0: 30 * time.Second, time.Second: 30 * time.Second, 8 * time.Second: 160 * time.Second} {
		if got := w.between(round{saving: saving}); got != want {
			t.Errorf("%s between rounds that save for %s, wanted %s", got, saving, want)
		}
	}
}

// TestWatchFigures: the figures are named as Prometheus wants them, and as the
// specification lists them. SPEC(VER-85)
func TestWatchFigures(t *testing.T) {
	m := newWatchMetrics(true)
	m.registry.MustRegister(newWitnessFigures().all()...)
	m.found(reportOf(verify.Evidence, stepOf("flows", verify.Failed, verify.NewFinding(verify.CodeFlows, "flows[0]", "1", "2"))))
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("%+v, %v", problems, err)
	}
	text, err := spec.Files.ReadFile("verify.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "| figure `tokentrail_watch_…` | |")
	table, _, _ = strings.Cut(table, "\n\n")
	listed := map[string]bool{}
	for _, row := range strings.Split(table, "\n") {
		cells := strings.Split(row, "|")
		for _, name := range regexp.MustCompile("`([a-z_]+)(\\{[a-z,]+\\})?`").FindAllStringSubmatch(cells[min(1, len(cells)-1)], -1) {
			listed[name[1]] = true
		}
	}
	for _, f := range families {
		name, ours := strings.CutPrefix(f.GetName(), "tokentrail_watch_")
		if ours && !listed[name] {
			t.Errorf("%s is not listed", f.GetName())
		}
		delete(listed, name)
	}
	if len(listed) > 0 {
		t.Errorf("listed, and not there: %v", listed)
	}
	m.found(reportOf(verify.Holds))
	if families, err = m.registry.Gather(); err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "tokentrail_watch_findings" {
			t.Errorf("what is gone is shown: %v", f)
		}
	}
}

// TestWatchVerdicts: the worst verdict stays, in the order of VER-21. SPEC(VER-82)
func TestWatchVerdicts(t *testing.T) {
	w := &watcher{app: &app{stderr: &lockedWriter{w: &strings.Builder{}}}, metrics: newWatchMetrics(false)}
	exit := func() int {
		var r *reported
		if err := w.verdict(); errors.As(err, &r) {
			return r.code
		}
		return exitOK
	}
	if got := exit(); got != exitCouldNot {
		t.Errorf("without an audit: exit %d", got)
	}
	for _, c := range []struct {
		verdict verify.Verdict
		want    int
	}{{verify.Holds, 0}, {verify.Unchecked, 2}, {verify.Holds, 2}, {verify.Expired, 3}, {verify.Unchecked, 3}, {verify.Evidence, 1}, {verify.Expired, 1}} {
		if w.worsen(c.verdict); exit() != c.want {
			t.Errorf("%s: exit %d, wanted %d", c.verdict, exit(), c.want)
		}
	}
}

// TestSameTrust: an audit is gone on with under the trust that it began with, or one
// that asks for less. SPEC(CLI-98)
func TestSameTrust(t *testing.T) {
	genesis, other := verify.Trust{Genesis: hashOf(1)}, verify.Trust{Genesis: hashOf(2)}
	header := verify.Trust{Height: 7, Hash: *hashOf(3), Period: time.Hour}
	longer, later := header, header
	longer.Period, later.Height = 2*time.Hour, 8
	for _, c := range []struct {
		began, now verify.Trust
		want       bool
	}{
		{genesis, genesis, true}, {genesis, other, false}, {genesis, verify.Trust{}, true}, {verify.Trust{}, genesis, false}, {verify.Trust{}, verify.Trust{}, true},
		{header, header, true}, {header, longer, false}, {header, later, false}, {header, verify.Trust{}, false}, {genesis, header, false},
	} {
		if got := sameTrust(c.began, c.now); got != c.want {
			t.Errorf("%+v to %+v: %v", c.began, c.now, got)
		}
	}
}

func hashOf(b byte) *provenance.Hash { return &provenance.Hash{b} }

// TestWatchLeavesNothing: a watch whose node is away, and whose webhook too, ends when
// it is told to, and leaves nothing running. SPEC(CLI-99)
func TestWatchLeavesNothing(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
	defer cancel()
	var stdout, stderr bytes.Buffer
	args := []string{"verify", "--watch", "--every", "1s", "--node", "http://127.0.0.1:1", "--listen", "127.0.0.1:0", "--state", "none", "--webhook", "http://127.0.0.1:1/x", "--output", "jsonl"}
	began := time.Now()
	code := run(ctx, args, strings.NewReader(""), &stdout, &stderr, func(string) string { return "" })
	if took := time.Since(began); code != exitCouldNot || took > 10*time.Second {
		t.Errorf("exit %d after %s: %s", code, took, stderr.String())
	}
	var e watchEvent
	if err := json.Unmarshal(stdout.Bytes(), &e); err != nil || e.Event != eventBlind {
		t.Errorf("%v: %s", err, stdout.String())
	}
	if said := stderr.String(); !strings.Contains(said, "are lost") || !strings.Contains(said, "the watch ends: could not check") {
		t.Error(said)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	args[7] = taken.Addr().String()
	if code, _, stderr := runOnce(t, args...); code != exitCouldNot || !strings.Contains(stderr, "choose another address") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}
