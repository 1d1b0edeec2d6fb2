//go:build linux

package faults

import (
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	cmted25519 "github.com/cometbft/cometbft/crypto/ed25519"

	"tokentrail/ledger/app"
)

// lies are what one of four validators does, and how often at least.
var lies = []struct {
	name   string
	least  int
	spoils bool // its own home is of no use afterwards
}{
	{lieInadmissible, len(inadmissibles), false},
	{lieReject, 8, false},
	{lieLate, 3, false},
	{lieAppHash, 1, true},
	{lieEmpty, 3, false},
}

// TestLyingValidator has one of four validators lie in what it proposes, in how it
// votes, and about the app hash. The others go on, nothing inadmissible comes into
// the log, and when the validator is honest again all is as it should be.
func TestLyingValidator(t *testing.T) {
	p := newPlan(t, 3, 20)
	var told, acknowledged, entries, lost, forks int
	slowest, recovered := 1e9, 1e9
	for p.next() {
		lie := lies[(p.done-1)%len(lies)]
		net := newNetwork(t, 4)
		honest := *net
		honest.nodes = net.nodes[:3]
		suspect := net.nodes[3]
		suspect.lies(t, net, lie.name)
		for _, n := range honest.nodes {
			n.start(t)
		}
		suspect.start(t)
		honest.start(t)
		l := newLoad(t, &honest, p.Uint64())
		l.run()
		began := time.Now()
		lying := rate(l, func() bool {
			if err := l.more(1); err != nil {
				t.Fatalf("%s: %v", lie.name, err)
			}
			lied, rejected := suspect.lied(), honest.rejections(t, suspect)
			more := lied < lie.least || lie.name == lieInadmissible && rejected < len(inadmissibles)
			if more && time.Since(began) > patience {
				t.Fatalf("%s: within %s %d lies were told and %d of %d kinds rejected; the liar said:\n%s", lie.name, patience, lied, rejected, len(inadmissibles), suspect.said)
			}
			return more
		})
		l.pause()
		a := honest.judge(t, l.promised(), honest.nodes...)
		lost, forks, told = lost+a.lost, forks+a.forks, told+suspect.lied()
		_ = suspect.stop() // how it ends is its own matter
		suspect.program, suspect.env = "", nil
		if lie.spoils {
			net = &honest
		}
		net.start(t)
		l.run()
		again := rate(l, func() bool {
			if err := l.more(30); err != nil {
				t.Fatalf("after %s: %v", lie.name, err)
			}
			return false
		})
		l.pause()
		a = net.judge(t, l.promised(), net.nodes[p.IntN(len(net.nodes))])
		lost, forks, entries, acknowledged = lost+a.lost, forks+a.forks, entries+a.entries, acknowledged+l.count()
		net.stop(t)
		slowest, recovered = min(slowest, lying), min(recovered, again)
		p.say("%s: %d lies, %.1f statements/s meanwhile, %.1f/s afterwards", lie.name, suspect.lied(), lying, again)
	}
	p.figures("lying validators", "lies", told, "statements", entries, "acknowledged", acknowledged,
		"slowest_rate", fmt.Sprintf("%.1f/s", slowest), "slowest_recovered", fmt.Sprintf("%.1f/s", recovered), "lost", lost, "forks", forks)
}

// lies makes a node one that lies.
func (n *node) lies(t testing.TB, net *network, about string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	n.program = self
	n.env = []string{lieVariable + "=" + about, keyVariable + "=" + hex.EncodeToString(net.key.(ed25519.PrivateKey))}
}

// lied is the number of lies that a node told.
func (n *node) lied() int { return strings.Count(n.said.String(), "lied: ") }

// rejections is the number of inadmissibles of which a node says that it rejected
// one. It rejects nothing but what the suspect proposed.
func (net *network) rejections(t testing.TB, suspect *node) int {
	t.Helper()
	id, err := app.LoadIdentity(suspect.home)
	if err != nil {
		t.Fatal(err)
	}
	proposer := fmt.Sprint("proposer=", cmted25519.PubKey(id.Validator).Address(), " ")
	seen := map[string]bool{}
	for _, n := range net.nodes {
		for line := range strings.Lines(n.said.String()) {
			if !strings.Contains(line, `msg="rejected a proposed block"`) {
				continue
			}
			if !strings.Contains(line, proposer) {
				t.Fatalf("%s rejected the block of an honest validator: %s", n.home, line)
			}
			for _, kind := range inadmissibles {
				seen[kind.name] = seen[kind.name] || strings.Contains(line, kind.refusal)
			}
		}
	}
	rejected := 0
	for _, there := range seen {
		if there {
			rejected++
		}
	}
	return rejected
}

// rate is the number of statements acknowledged a second while more is true.
func rate(l *load, more func() bool) float64 {
	began, before := time.Now(), l.count()
	for more() {
	}
	return float64(l.count()-before) / time.Since(began).Seconds()
}
