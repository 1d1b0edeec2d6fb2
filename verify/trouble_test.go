package verify_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"tokentrail/provenance"
	"tokentrail/verify"
	"tokentrail/verify/light"
	"tokentrail/verify/remote"
)

var update = flag.Bool("update", false, "write the golden files again")

// transport is a function as an HTTP transport.
type transport func(r *http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// broken is a ledger behind a network on which requests with a prefix fail.
func broken(l *ledger, prefix string) *remote.Node {
	n, err := remote.New("http://ledger.test", remote.Options{Retries: -1, Client: &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
		if strings.HasPrefix(r.URL.RequestURI(), prefix) {
			return nil, errors.New("the network is down")
		}
		return l.RoundTrip(r)
	})}})
	check(l.t, err)
	return n
}

// auditOf audits a ledger behind a node, from whatever genesis it serves.
func auditOf(l *ledger, n *remote.Node) *verify.Report {
	return light.Audit(context.Background(), n, verify.Trust{}, l.options())
}

// TestTroubleIsNeverAPass breaks one route after the other: what could not be
// asked is not checked, never evidence and never a pass.
func TestTroubleIsNeverAPass(t *testing.T) {
	for _, c := range []struct{ route, step string }{
		{"/v1/status", "genesis"}, {"/v1/genesis", "genesis"}, {"/v1/headers", "headers"},
		{"/v1/entries?from=0&limit=4", "log"}, {"/v1/entries?from=2&limit=1", "receipts"}, {"/v1/state", "state"},
		{"/v1/flows", "flows"}, {"/checkpoint", "checkpoint"}, {"/.well-known", "checkpoint"}, {"/entries/1", "receipts"},
		{"/entries/1/records", "receipts"}, {"/proof/inclusion", "receipts"}, {"/proof/consistency", "checkpoint"},
	} {
		for name, trust := range map[string]func(l *ledger) verify.Trust{
			"genesis": func(*ledger) verify.Trust { return verify.Trust{} },
			"header":  func(l *ledger) verify.Trust { return l.at(2) },
		} {
			t.Run(c.route+" "+name, func(t *testing.T) {
				l := small(t)
				r := light.Audit(context.Background(), broken(l, c.route), trust(l), l.options())
				if r.Verdict != verify.Unchecked || r.Exit() != 2 || len(r.Findings()) > 0 {
					t.Fatalf("%s:\n%s", r.Verdict, text(r))
				}
				i := slices.IndexFunc(r.Steps, func(s *verify.Step) bool { return s.Name == c.step })
				if s := r.Steps[i]; s.Outcome != verify.NotChecked || !strings.Contains(s.Reason, "the network is down") {
					t.Errorf("step %s: %s: %q", s.Name, s.Outcome, s.Reason)
				}
			})
		}
	}
}

func TestTruncatedAnswersAreNotChecked(t *testing.T) {
	for _, route := range []string{"/v1/headers", "/v1/entries", "/v1/state", "/v1/status", "/v1/flows"} {
		l := small(t)
		on(route, func(b []byte) []byte { return b[:len(b)-1] })(l)
		if r := l.audit(); r.Exit() != 2 {
			t.Errorf("%s: exit %d:\n%s", route, r.Exit(), text(r))
		}
	}
}

// TestRulesToCome: an auditor that does not have a ledger's rules says so, and
// holds nothing against it, unless it is another document.
func TestRulesToCome(t *testing.T) {
	for _, c := range []struct {
		trust *provenance.Hash
		exit  int
	}{{nil, 2}, {&provenance.Hash{1}, 1}} {
		l := small(t)
		l.genesis = bytes.Replace(l.genesis, fmt.Appendf(nil, `"rules": %d`, provenance.RuleVersion), fmt.Appendf(nil, `"rules": %d`, provenance.RuleVersion+1), 1)
		trust := verify.Trust{Genesis: c.trust}
		if c.trust == nil {
			trust.Genesis = new(hashOf(l.genesis))
		}
		r := l.audit(trust)
		if s := r.Steps[0]; r.Exit() != c.exit || !strings.Contains(s.Reason, "rule versions 1 to") || len(r.Findings()) > 1 {
			t.Errorf("exit %d, wanted %d:\n%s", r.Exit(), c.exit, text(r))
		}
	}
}

func TestExpiry(t *testing.T) {
	l := small(t)
	trust := l.at(2)
	trust.Period = time.Minute
	r := l.audit(trust)
	if r.Verdict != verify.Expired || r.Exit() != 3 || !tells(r, "get a newer trusted header") {
		t.Errorf("%s", text(r))
	}
	// From genesis nothing expires.
	o := l.options()
	o.Now = func() time.Time { return l.start.AddDate(30, 0, 0) }
	if r := light.Audit(context.Background(), l.node(), verify.Trust{}, o); r.Verdict != verify.Holds {
		t.Error(text(r))
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	l := small(t)
	l.answer = func(path string, b []byte) []byte {
		if strings.HasPrefix(path, "/v1/entries") {
			cancel()
		}
		return b
	}
	if r := light.Audit(ctx, l.node(), verify.Trust{}, l.options()); r.Exit() != 2 {
		t.Error(text(r))
	}
}

func TestCatchingUpIsNotEvidence(t *testing.T) {
	for name, do := range map[string]func(l *ledger){
		"entries": func(l *ledger) { l.entries = l.entries[:2] },
		"headers": func(l *ledger) { on("/v1/headers", func([]byte) []byte { return []byte{} })(l) },
		"nothing": func(*ledger) {},
	} {
		l := small(t)
		l.status = func(s *verify.Status) { s.CatchingUp = true }
		do(l)
		if r := l.audit(); r.Exit() != 2 || !tells(r, "catching up") {
			t.Errorf("%s:\n%s", name, text(r))
		}
	}
}

// TestLaggingNodeIsNotEvidence: a node that has not reached the trusted header,
// and whose status says so, is honest; one that claims to be beyond it is not.
func TestLaggingNodeIsNotEvidence(t *testing.T) {
	for name, c := range map[string]struct {
		behind     int // blocks
		catchingUp bool
		claims     int64 // height of the status; 0 for the true one
		exit       int
		says       string
	}{
		"behind":                        {behind: 1, exit: 2, says: "the node has not reached the trusted height 4"},
		"far behind":                    {behind: 3, exit: 2, says: "ask again later or another node"},
		"catching up":                   {behind: 2, catchingUp: true, exit: 2, says: "the node has not reached the trusted height 4"},
		"claims the head":               {behind: 1, claims: 3, exit: 1, says: "header-missing"},
		"claims it while it catches up": {behind: 1, claims: 3, catchingUp: true, exit: 1, says: "header-missing"},
		"claims more":                   {behind: 1, claims: 9, exit: 1, says: "header-missing"},
	} {
		t.Run(name, func(t *testing.T) {
			l := small(t)
			trust := l.at(4)
			l.blocks = l.blocks[:len(l.blocks)-c.behind]
			l.status = func(s *verify.Status) {
				s.CatchingUp = c.catchingUp
				if c.claims > 0 {
					s.Height = c.claims
				}
			}
			if r := l.audit(trust); r.Exit() != c.exit || !tells(r, c.says) {
				t.Errorf("exit %d, wanted %d and %q:\n%s", r.Exit(), c.exit, c.says, text(r))
			}
		})
	}
}

// TestStaleWhileCatchingUp: a node whose status is older than the header that it
// serves is stale, unless it says that it is catching up or owns up to the header
// when it is asked again.
func TestStaleWhileCatchingUp(t *testing.T) {
	for name, c := range map[string]struct {
		catchingUp bool
		patience   time.Duration
		want       verify.Verdict
	}{
		"stale":       {false, -1, verify.Evidence},
		"catching up": {true, -1, verify.Unchecked},
		"asked again": {false, time.Minute, verify.Holds},
	} {
		t.Run(name, func(t *testing.T) {
			l := small(t)
			asked := 0
			current := checkpoint(func(cp *provenance.Checkpoint) { cp.Size, cp.Root = l.heads[2].Size, l.heads[2].LogRoot })
			current(l)
			l.status = func(s *verify.Status) {
				s.CatchingUp = c.catchingUp
				if asked++; asked == 1 || c.patience < 0 {
					old := l.heads[2]
					s.Height, s.LogSize, s.LogRoot, s.StateRoot, s.AppHash = 2, old.Size, old.LogRoot, old.StateRoot, old.AppHash()
				}
			}
			o := l.options()
			o.Patience, o.Flows = c.patience, []provenance.FlowQuery{}
			r := light.Audit(context.Background(), l.node(), l.at(4), o)
			if r.Verdict != c.want {
				t.Errorf("%s, wanted %s:\n%s", r.Verdict, c.want, text(r))
			}
		})
	}
}

func TestNothingSignedYet(t *testing.T) {
	l := newLedger(t)
	on("/v1/status", func([]byte) []byte {
		head := l.heads[0]
		return []byte(mustJSON(t, verify.Status{Format: 1, ChainID: l.chainID, Origin: l.origin(), GenesisHash: hashOf(l.genesis),
			LogRoot: head.LogRoot, StateRoot: head.StateRoot, AppHash: head.AppHash()}))
	})(l)
	checkpoint, err := provenance.Checkpoint{Origin: l.origin(), Root: l.heads[0].LogRoot}.Sign(l.nodeKey)
	check(t, err)
	l.replay = map[string][]byte{"/v1/status": {}, "/checkpoint": checkpoint, "/v1/flows?limit=20000": {}, "/v1/flows?by=day%2Cprovider%2Cmodel%2Clabel%2Cbasis&limit=20000": {}}
	if r := l.audit(); r.Exit() != 2 || !tells(r, "nothing is signed yet") {
		t.Error(text(r))
	}
}

func TestEmptyLedger(t *testing.T) {
	l := newLedger(t)
	l.commit()
	for _, trust := range []verify.Trust{{}, l.at(1)} {
		if r := l.audit(trust); r.Verdict != verify.Holds {
			t.Error(text(r))
		}
	}
}

// TestGrowingLedger audits a node that commits a block between any two answers.
func TestGrowingLedger(t *testing.T) {
	for _, fromHeader := range []bool{false, true} {
		l := small(t)
		trust := verify.Trust{}
		if fromHeader {
			trust = l.at(2)
		}
		grown := 0
		l.answer = func(path string, b []byte) []byte {
			if grown++; grown%2 == 0 {
				l.commit(l.batch("acme", "us", l.records(1, "US", "CN")))
			}
			return b
		}
		o := l.options()
		o.Patience = time.Minute
		if r := light.Audit(context.Background(), l.node(), trust, o); r.Verdict != verify.Holds {
			t.Error(text(r))
		}
	}
}

// TestPages audits a node that answers with less than it is asked for.
func TestPages(t *testing.T) {
	l := small(t)
	cut := func(b []byte, first func(b []byte) int) []byte {
		if len(b) == 0 {
			return b
		}
		return b[:first(b)]
	}
	l.answer = func(path string, b []byte) []byte {
		switch {
		case strings.HasPrefix(path, "/v1/entries"):
			return cut(b, func(b []byte) int {
				page, err := verify.DecodeEntries(b, 1000)
				check(t, err)
				return len(l.appendEntry(nil, page[0]))
			})
		case strings.HasPrefix(path, "/v1/headers"):
			return cut(b, func(b []byte) int {
				page, err := verify.DecodeHeaders(b, 1000)
				check(t, err)
				return len(appendBytes(nil, page[0]))
			})
		}
		return b
	}
	if r := l.audit(); r.Verdict != verify.Holds || r.Totals.Entries != 4 || r.Totals.Headers != 4 {
		t.Error(text(r))
	}
}

// TestSamples asks for some receipts, all, and one.
func TestSamples(t *testing.T) {
	l := newLedger(t)
	for range 20 {
		l.commit(l.batch("acme", "us", l.records(1, "US", "CN")), l.batch("beta", "eu", l.records(1, "DE", "CN")))
	}
	l.commit()
	for asked, want := range map[int]int64{0: 40, -1: 40, 7: 7, 1: 1} {
		o := l.options()
		o.Receipts, o.Workers = asked, 4
		r := light.Audit(context.Background(), l.node(), verify.Trust{}, o)
		i := slices.IndexFunc(r.Steps, func(s *verify.Step) bool { return s.Name == "receipts" })
		if r.Verdict != verify.Holds || r.Steps[i].Checked != want {
			t.Errorf("%d:\n%s", asked, text(r))
		}
	}
}

func TestFindingsAreBounded(t *testing.T) {
	l := newLedger(t)
	for i := range 12 {
		e := l.batch("acme", fmt.Sprint("s", i), l.records(1, "US", "CN"))
		flip(&e.Statement, -1)
		l.commit(e)
	}
	l.commit()
	o := l.options()
	o.MaxFindings = 5
	r := light.Audit(context.Background(), l.node(), verify.Trust{}, o)
	log := r.Steps[2]
	if r.Exit() != 1 || len(log.Findings) != 5 || log.More != 7 || !tells(r, "and 7 more findings in step log") {
		t.Error(text(r))
	}
}

// TestGolden holds the forms of five reports against files: the format is what
// other programs read.
func TestGolden(t *testing.T) {
	l := small(t)
	damaged := small(t)
	damaged.entries[1].Frame = []byte("garbage")
	damaged.status = func(s *verify.Status) { s.LogRoot[0] ^= 1 }
	cut := light.Audit(context.Background(), broken(l, "/proof"), l.at(2), l.options())
	down := light.Audit(context.Background(), broken(l, "/"), l.at(2), l.options())
	for name, r := range map[string]*verify.Report{
		"holds": l.audit(), "evidence": damaged.audit(), "unchecked": cut, "down": down, "provider": unheardOf(t).audit(),
	} {
		got, err := r.JSON()
		check(t, err)
		for suffix, b := range map[string][]byte{
			".json": got, ".txt": form(t, r.WriteText), ".xml": form(t, r.WriteJUnit), ".md": form(t, r.WriteMarkdown),
		} {
			path := "testdata/" + name + suffix
			if *update {
				check(t, os.MkdirAll("testdata", 0o755))
				check(t, os.WriteFile(path, b, 0o644))
			}
			if want := readFile(t, path); !bytes.Equal(want, b) {
				t.Errorf("%s differs; if that is meant, raise the format or run with -update:\n%s", path, b)
			}
		}
		var back verify.Report
		d := json.NewDecoder(bytes.NewReader(got))
		d.DisallowUnknownFields()
		check(t, d.Decode(&back))
		if back.Format != verify.ReportFormat || back.ExitCode != r.Exit() || bytes.Count(got, []byte("\n{")) > 0 {
			t.Errorf("%s: one document of format %d, exit %d", name, back.Format, back.ExitCode)
		}
	}
}

// TestTextIsSafe prints what a hostile node says.
func TestTextIsSafe(t *testing.T) {
	l := small(t)
	l.status = func(s *verify.Status) { s.Origin = "\x1b[2J\x07\u202e\r\n" + strings.Repeat("é", 5000) + "\xff" }
	out := text(l.audit())
	for _, line := range strings.Split(out, "\n") {
		if len([]rune(line)) > 420 || strings.ContainsAny(line, "\x1b\x07\r\u202e") {
			t.Errorf("%q", line)
		}
	}
}

// TestSpecification holds spec/verify.md to the code: every code stands there
// with the rules it guards and whom it speaks against, and no other.
func TestSpecification(t *testing.T) {
	spec := string(readFile(t, "../spec/verify.md"))
	for _, rule := range verify.Rules() {
		if want := fmt.Sprintf("\n| `%s` | %s | %s |", rule.Code, rule.Guards, rule.Against); !strings.Contains(spec, want) {
			t.Errorf("spec/verify.md lacks: %s", want[1:])
		}
		if rule.How == "" {
			t.Errorf("%s: how to see for oneself?", rule.Code)
		}
	}
	_, table, _ := strings.Cut(spec, "\n## Findings\n")
	if n := strings.Count(table, "\n| `"); n != len(verify.Rules()) {
		t.Errorf("spec/verify.md lists %d codes, the code has %d", n, len(verify.Rules()))
	}
}

// TestCatchingUpWithoutState: a node that catches up need not have what it is asked for.
// SPEC(VER-19)
func TestCatchingUpWithoutState(t *testing.T) {
	for catching, want := range map[bool]verify.Verdict{true: verify.Unchecked, false: verify.Evidence} {
		l := small(t)
		l.status = func(s *verify.Status) { s.CatchingUp = catching }
		l.answer = missing("/v1/state")
		if r := l.audit(); r.Verdict != want {
			t.Errorf("catching up %v:\n%s", catching, text(r))
		}
	}
}
