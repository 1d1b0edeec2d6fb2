//go:build linux

package faults

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// What a shape of partition leaves of four validators.
type left int

const (
	majority left = iota // more than two thirds hear each other: the chain goes on
	still                // no more than two thirds do: it stands still
	either               // it depends on when
)

// A shape is a way to cut a network of four.
type shape struct {
	name string
	left left
	cut  func(who []int) map[[2]int]bool // who are all nodes, in an order that is drawn
}

var shapes = []shape{
	{"1|3", majority, func(w []int) map[[2]int]bool { return between(w[:1], w[1:]) }},
	{"2|2", still, func(w []int) map[[2]int]bool { return between(w[:2], w[2:]) }},
	{"one that nobody hears", majority, func(w []int) map[[2]int]bool { return oneWay(w[:1], w[1:]) }},
	{"1|1|1|1", still, func(w []int) map[[2]int]bool { return between(w[:1], w[1:2], w[2:3], w[3:]) }},
	{"one that hears nobody", majority, func(w []int) map[[2]int]bool { return oneWay(w[1:], w[:1]) }},
	{"1|1|2", still, func(w []int) map[[2]int]bool { return between(w[:1], w[1:2], w[2:]) }},
	{"one link", majority, func(w []int) map[[2]int]bool { return between(w[:1], w[1:2]) }},
	{"two that do not hear the others", still, func(w []int) map[[2]int]bool { return oneWay(w[:2], w[2:]) }},
	{"a ring, one way round", either, func(w []int) map[[2]int]bool {
		cut := between(w[:1], w[1:2], w[2:3], w[3:])
		for i := range w {
			delete(cut, [2]int{w[i], w[(i+1)%4]})
		}
		return cut
	}},
}

// TestPartitions cuts four validators apart in all shapes while statements are
// posted to all of them, and heals them. Where more than two thirds hear each
// other the chain goes on, where they do not no block is made; after each healing
// all is as if there had been nothing.
func TestPartitions(t *testing.T) {
	p := newPlan(t, 3, 50)
	var net *network
	var l *load
	var f *fabric
	var acknowledged, lost, forks, entries int
	var slowest time.Duration
	finish := func() {
		if net == nil || t.Failed() {
			return
		}
		acknowledged += l.count()
		entries += net.judge(t, l.promised(), net.nodes...).entries
		net.stop(t)
	}
	for p.next() {
		if (p.done-1)%campaign == 0 {
			finish()
			net = newNetwork(t, 4)
			f = net.weave(t, p.Uint64())
			net.start(t)
			l = newLoad(t, net, p.Uint64())
		}
		took := partitionCycle(t, p, net, f, l)
		slowest = max(slowest, took)
		a := net.judge(t, l.promised(), net.nodes[p.IntN(4)])
		lost, forks = lost+a.lost, forks+a.forks
	}
	finish()
	p.figures("partitions", "statements", entries, "acknowledged", acknowledged, "slowest_recovery", slowest.Round(time.Millisecond), "lost", lost, "forks", forks)
}

// partitionCycle cuts the network once, or in turns, and heals it. It returns how
// long the chain then took for its next block.
func partitionCycle(t *testing.T, p *plan, net *network, f *fabric, l *load) time.Duration {
	t.Helper()
	s, who := shapes[(p.done-1)%len(shapes)], p.Perm(4)
	broken, healedBroken, flaps := p.IntN(2) == 0, p.IntN(2) == 0, 0
	if p.done%4 == 0 {
		flaps = 2 + p.IntN(8)
	}
	before := l.count()
	l.run()
	defer l.pause()
	if err := l.more(2); err != nil {
		t.Fatalf("before the partition: %v", err)
	}
	for range flaps {
		f.set(s.cut(who), p.IntN(2) == 0)
		time.Sleep(p.between(20*time.Millisecond, 500*time.Millisecond))
		f.set(nil, p.IntN(2) == 0)
		time.Sleep(p.between(20*time.Millisecond, 500*time.Millisecond))
	}
	f.set(s.cut(who), broken)
	from := net.highest()
	during(t, p, net, l, s, from)
	to := net.highest()
	f.set(nil, healedBroken)
	healed := time.Now()
	for net.highest() <= to {
		if time.Since(healed) > patience {
			t.Fatalf("%s of %v, healed: no block above %d within %s; %v", s.name, who, to, patience, l.more(0))
		}
		time.Sleep(5 * time.Millisecond)
	}
	took := time.Since(healed)
	if err := l.more(4); err != nil {
		t.Fatalf("%s of %v, healed: %v", s.name, who, err)
	}
	p.say("%s of %v, connections broken %t, at healing %t, flapped %d times: heights %d to %d, the next block %s after healing, %d statements acknowledged",
		s.name, who, broken, healedBroken, flaps, from, to, took.Round(time.Millisecond), l.count()-before)
	return took
}

// during waits while the network is cut, and holds the chain against what is left
// of it.
func during(t *testing.T, p *plan, net *network, l *load, s shape, from int64) {
	t.Helper()
	lasts := p.between(500*time.Millisecond, 4*time.Second)
	long := soak() && p.IntN(10) == 0
	if long {
		lasts = 35 * time.Second
	}
	time.Sleep(lasts)
	switch s.left {
	case majority:
		if err := l.more(1); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
	case still:
		// Whoever had the votes of one block may still have made it.
		if to := net.highest(); to > from+1 {
			t.Errorf("%s: no more than two thirds hear each other, and there are blocks %d to %d", s.name, from+1, to)
		}
		if long {
			net.saysStalled(t, s)
		}
	}
}

// saysStalled wants a node that has submissions and no blocks to say so.
func (net *network) saysStalled(t *testing.T, s shape) {
	t.Helper()
	said := 0
	for _, n := range net.nodes {
		if code, b, err := n.get("/healthz"); err == nil && code == 503 && strings.Contains(string(b), "no block for") {
			said++
		}
	}
	if said == 0 {
		t.Errorf("%s: no node says in /healthz that there are no blocks", s.name)
	}
}

// highest is the greatest height of a node that answers.
func (net *network) highest() int64 {
	var h int64
	for _, n := range net.nodes {
		if s, err := n.status(); err == nil {
			h = max(h, s.Height)
		}
	}
	return h
}

// weathers are links that are bad all the time.
var weathers = []struct {
	name  string
	nodes []int // whose links
	weather
}{
	{"all 1 Mbit/s, 300 ms there and back", []int{0, 1, 2, 3}, weather{delay: 150 * time.Millisecond, jitter: 50 * time.Millisecond, rate: 125_000}},
	{"all lossy", []int{0, 1, 2, 3}, weather{delay: 10 * time.Millisecond, jitter: 10 * time.Millisecond, stall: 0.02, reset: 0.0005}},
	{"one 256 kbit/s, 2 s there and back, lossy", []int{3}, weather{delay: time.Second, jitter: 100 * time.Millisecond, rate: 32_000, stall: 0.05, reset: 0.001}},
	{"all 1 Mbit/s, 600 ms there and back", []int{0, 1, 2, 3}, weather{delay: 300 * time.Millisecond, rate: 125_000}},
	{"all uneven", []int{0, 1, 2, 3}, weather{jitter: 400 * time.Millisecond}},
	{"all breaking", []int{0, 1, 2, 3}, weather{delay: 5 * time.Millisecond, reset: 0.005}},
}

// TestBadLinks runs four validators over slow, long and lossy links: the chain
// goes on, at their pace, and says that it does.
func TestBadLinks(t *testing.T) {
	p := newPlan(t, 2, 12)
	net := newNetwork(t, 4)
	f := net.weave(t, p.Uint64())
	net.start(t)
	l := newLoad(t, net, p.Uint64())
	var worst time.Duration
	var lost, forks, statements int
	for p.next() {
		w := weathers[(p.done-1)%len(weathers)]
		f.blow(w.nodes, w.weather)
		began, before, height := time.Now(), l.count(), net.highest()
		l.run()
		for l.count() < before+12 {
			if err := l.more(1); err != nil {
				t.Fatalf("%s: %v", w.name, err)
			}
		}
		pace := time.Since(began) / time.Duration(l.count()-before)
		worst, statements = max(worst, pace), statements+l.count()-before
		if code, b, err := net.nodes[0].get("/healthz"); err != nil || code != 200 {
			t.Errorf("%s: /healthz is %d %.200q, %v", w.name, code, b, err)
		}
		blocks := net.highest() - height
		f.blow([]int{0, 1, 2, 3}, weather{})
		if err := l.more(4); err != nil {
			t.Fatalf("%s, and good again: %v", w.name, err)
		}
		l.pause()
		a := net.judge(t, l.promised(), net.nodes[p.IntN(4)])
		lost, forks = lost+a.lost, forks+a.forks
		p.say("%s: %d blocks, a statement acknowledged each %s", w.name, blocks, pace.Round(time.Millisecond))
	}
	net.stop(t)
	p.figures("bad links", "statements", statements, "slowest_pace", fmt.Sprint(worst.Round(time.Millisecond)), "lost", lost, "forks", forks)
}
