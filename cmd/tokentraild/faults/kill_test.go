//go:build linux

package faults

import (
	"path/filepath"
	"testing"
	"time"
)

// campaign is how many faults one network takes before another takes its place:
// the oracle reads the whole log after each.
const campaign = 25

// TestKill kills one, two or all four of four validators with -9 at moments that
// the seed draws, while statements are posted, and starts them again.
func TestKill(t *testing.T) {
	p := newPlan(t, 6, 200)
	var net *network
	var l *load
	var acknowledged, entries, lost, forks, victims int
	finish := func() {
		if net == nil {
			return
		}
		acknowledged += l.count()
		if !t.Failed() {
			entries += net.judge(t, l.promised(), net.nodes...).entries
			net.stop(t)
		}
	}
	for p.next() {
		if (p.done-1)%campaign == 0 {
			finish()
			net = newNetwork(t, 4)
			net.start(t)
			l = newLoad(t, net, p.Uint64())
		}
		hit := p.pickNodes(net, []int{1, 2, 4}[(p.done-1)%3])
		victims += len(hit)
		killCycle(t, p, net, l, hit)
		a := net.judge(t, l.promised(), hit[0])
		lost, forks = lost+a.lost, forks+a.forks
	}
	finish()
	p.figures("kills", "killed", victims, "statements", entries, "acknowledged", acknowledged, "lost", lost, "forks", forks)
}

// pickNodes draws n nodes of a network.
func (p *plan) pickNodes(net *network, n int) []*node {
	var out []*node
	for _, i := range p.Perm(len(net.nodes))[:n] {
		out = append(out, net.nodes[i])
	}
	return out
}

// killCycle kills nodes under load, lets the others go on for a while, and starts
// them again.
func killCycle(t *testing.T, p *plan, net *network, l *load, hit []*node) {
	t.Helper()
	before := l.count()
	l.run()
	if err := l.more(1); err != nil {
		t.Fatalf("before the kill: %v", err)
	}
	time.Sleep(p.between(20*time.Millisecond, 700*time.Millisecond))
	for _, n := range hit {
		n.signal(9)
		if p.IntN(2) == 0 {
			time.Sleep(p.between(0, 30*time.Millisecond)) // one after another, or at once
		}
	}
	for _, n := range hit {
		n.kill()
	}
	atKill := l.count()
	if 3*(len(net.nodes)-len(hit)) > 2*len(net.nodes) {
		if err := l.more(1); err != nil {
			t.Fatalf("with %d of %d validators dead: %v", len(hit), len(net.nodes), err)
		}
	}
	time.Sleep(p.between(0, 300*time.Millisecond))
	for _, n := range hit {
		n.start(t)
		time.Sleep(p.between(0, 50*time.Millisecond))
	}
	for _, n := range hit {
		if err := n.up(t); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.more(4); err != nil {
		t.Fatalf("after the restart: %v", err)
	}
	l.pause()
	p.say("killed %s: %d statements acknowledged before, %d meanwhile and after", names(hit), atKill-before, l.count()-atKill)
}

func names(nodes []*node) string {
	s := ""
	for i, n := range nodes {
		if i > 0 {
			s += ", "
		}
		s += filepath.Base(n.home)
	}
	return s
}
