//go:build linux

package faults

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"tokentrail/verify"
)

// skewedSource goes into package time of a build for tests: Now is off by the
// first of two numbers in the environment, in seconds, and runs fast by the
// second, in millionths.
const skewedSource = `package time

import "syscall"

var clockOffset, clockDrift = readSkew("TOKENTRAIL_TEST_CLOCK")

// readSkew reads two numbers with a comma between them.
func readSkew(variable string) (offset, drift int64) {
	text, _ := syscall.Getenv(variable)
	into, negative := &offset, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '-':
			negative = true
		case c >= '0' && c <= '9':
			*into = *into*10 + int64(c-'0')
		}
		if text[i] == ',' || i == len(text)-1 {
			if negative {
				*into = -*into
			}
			into, negative = &drift, false
		}
	}
	return offset, drift
}

// Now returns the time of a clock that is wrong. Its monotonic part is right.
func Now() Time {
	t := trueNow()
	t.addSec(clockOffset)
	if clockDrift != 0 && t.wall&hasMonotonic != 0 {
		run := Duration(t.ext)
		wrong := t
		wrong.stripMono()
		mono := t.ext
		t = wrong.Add(run / 1000 * Duration(clockDrift) / 1000)
		t.setMono(mono)
	}
	return t
}
`

// clockVariable, in the environment of a skewed node, is its offset in seconds
// and its drift in millionths.
const clockVariable = "TOKENTRAIL_TEST_CLOCK"

// skewed builds tokentraild with a clock that is wrong as the environment says.
func skewed(t testing.TB) string {
	t.Helper()
	dir := goList(t, "{{.Dir}}", "time")
	b, err := os.ReadFile(filepath.Join(dir, "time.go"))
	if err != nil {
		t.Fatal(err)
	}
	const now = "\nfunc Now() Time {"
	if strings.Count(string(b), now) != 1 {
		t.Fatalf("package time does not have %q once; its clock has to be skewed in another way", now)
	}
	return buildWith(t, map[string]string{
		filepath.Join(dir, "time.go"): strings.Replace(string(b), now, "\nfunc trueNow() Time {", 1),
		filepath.Join(dir, "skew.go"): skewedSource,
	})
}

// A skew is how the clocks of four validators are wrong. The engine refuses a
// block that is more than a minute ahead of a node's own clock: a node that is
// further behind than that ends and says so. Where two are further ahead the
// chain stops, as it may, and goes on when true time has come near to what they
// signed, whether or not their clocks are right by then.
type skew struct {
	name   string
	drawn  func(p *plan) [4]string // what clockVariable says
	stalls bool                    // more than a third is wrong: the chain may stop
}

var skews = []skew{
	{"one ahead", func(p *plan) [4]string { return p.oneClock(fmt.Sprintf("%d,0", 600+p.IntN(7200))) }, false},
	{"one behind", func(p *plan) [4]string { return p.oneClock(fmt.Sprintf("-%d,0", 600+p.IntN(7200))) }, false},
	{"two ahead", func(p *plan) [4]string {
		c := fmt.Sprintf("%d,0", 65+p.IntN(20)) // what they signed is accepted when less than a minute is left of it
		return [4]string{c, c, "0,0", "0,0"}
	}, true},
	{"one fast", func(p *plan) [4]string { return p.oneClock(fmt.Sprintf("0,%d", 100_000+p.IntN(400_000))) }, false},
	{"one slow", func(p *plan) [4]string { return p.oneClock(fmt.Sprintf("0,-%d", 100_000+p.IntN(400_000))) }, false},
	{"all apart by seconds", func(p *plan) [4]string { return [4]string{"-20,0", "-5,0", "10,0", "25,0"} }, false},
	{"all apart by an hour", func(p *plan) [4]string { return [4]string{"-3600,0", "-20,0", "20,0", "3600,0"} }, true},
}

// oneClock has one clock wrong, the others right.
func (p *plan) oneClock(how string) [4]string {
	c := [4]string{"0,0", "0,0", "0,0", "0,0"}
	c[p.IntN(4)] = how
	return c
}

// TestClockSkew runs four validators with clocks that are wrong, and then with
// right ones again. As long as fewer than a third are wrong the chain goes on;
// nothing is lost, no two nodes differ, and the auditor, whose clock is right,
// finds nothing; where more are ahead it may find that headers are, and must find
// nothing else.
func TestClockSkew(t *testing.T) {
	p := newPlan(t, 3, 21)
	wrong := skewed(t)
	var acknowledged, lost, forks, ended, stalled, found int
	for p.next() {
		s := skews[(p.done-1)%len(skews)]
		net := newNetwork(t, 4)
		net.age(t, 24*time.Hour)
		l := newLoad(t, net, p.Uint64())
		clocks := s.drawn(p)
		for i, n := range net.nodes {
			n.program, n.env = wrong, []string{clockVariable + "=" + clocks[i]}
		}
		net.start(t)
		err := l.flow(s, 8)
		if err != nil && !s.stalls {
			t.Fatalf("%s, %v: %v", s.name, clocks, err)
		}
		if err != nil {
			stalled++
		}
		running := net.running(t)
		ended += len(net.nodes) - len(running.nodes)
		a := running.judge(t, l.promised())
		found += running.auditTimes(t, s)
		lost, forks = lost+a.lost, forks+a.forks
		during := l.count()
		for _, n := range net.nodes {
			n.kill()
			n.program, n.env = "", nil
		}
		net.start(t)
		if err := l.flow(skew{}, 8); err != nil {
			t.Fatalf("%s, %v, and right again: %v", s.name, clocks, err)
		}
		a = net.judge(t, l.promised())
		found += net.auditTimes(t, s)
		lost, forks = lost+a.lost, forks+a.forks
		net.stop(t)
		acknowledged += l.count()
		p.say("%s, %v: %d statements acknowledged by %d nodes, %d with right clocks", s.name, clocks, during, len(running.nodes), l.count()-during)
	}
	p.figures("clock skews", "acknowledged", acknowledged, "nodes_ended", ended, "stalled", stalled, "header_time_findings", found, "lost", lost, "forks", forks)
}

// auditTimes audits each node. Where too many clocks are wrong it counts the
// findings of headers from the future, and fails for others only.
func (net *network) auditTimes(t *testing.T, s skew) (found int) {
	t.Helper()
	for _, n := range net.nodes {
		r, err := n.report(net.genesis)
		if err != nil {
			t.Fatal(err)
		}
		ahead := 0
		for _, f := range r.Findings() {
			if s.stalls && f.Code == verify.CodeHeaderTime {
				ahead++
			}
		}
		if r.Exit() != 0 && (ahead == 0 || ahead < len(r.Findings())) {
			t.Errorf("%s: %v", s.name, n.audit(net.genesis))
		}
		found += ahead
	}
	return found
}

// flow posts until n more statements are acknowledged; where the chain may stop,
// for some seconds.
func (l *load) flow(s skew, n int) error {
	l.run()
	defer l.pause()
	if !s.stalls {
		return l.more(n)
	}
	want := l.count() + n
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if l.count() >= want {
			return nil
		}
	}
	return errors.Join(l.err(), fmt.Errorf("%d statements are acknowledged, not %d", l.count(), want))
}

// running is the part of the network that runs. What has ended must have said
// that it is for its clock.
func (net *network) running(t *testing.T) *network {
	t.Helper()
	part := *net
	part.nodes = nil
	for _, n := range net.nodes {
		if !n.gone() {
			part.nodes = append(part.nodes, n)
		} else if !strings.Contains(n.said.String(), "too far in the future") {
			t.Errorf("%s ended and does not say that it is for its clock: %s", n.home, n.said)
		}
	}
	return &part
}

// age puts the beginning of a chain that never ran into the past: a node waits
// for it by its own clock.
func (net *network) age(t *testing.T, by time.Duration) {
	t.Helper()
	for _, n := range net.nodes {
		path := filepath.Join(n.home, "config", "genesis.json")
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		begun := []byte(fmt.Sprintf(`"genesis_time": "%s"`, net.begun(t, b).Add(-by).Format(time.RFC3339)))
		b = genesisTime.ReplaceAll(b, begun)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		net.genesis = sha256.Sum256(b)
	}
}

var genesisTime = regexp.MustCompile(`"genesis_time": "([^"]*)"`)

// begun is the time in a genesis document.
func (net *network) begun(t *testing.T, document []byte) time.Time {
	t.Helper()
	m := genesisTime.FindSubmatch(document)
	if m == nil {
		t.Fatalf("no genesis time in %s", document)
	}
	at, err := time.Parse(time.RFC3339, string(m[1]))
	if err != nil {
		t.Fatal(err)
	}
	return at
}
