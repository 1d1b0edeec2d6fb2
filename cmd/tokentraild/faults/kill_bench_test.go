//go:build linux

package faults

import (
	"testing"
	"time"
)

// TestKillUnderBench kills one, two or all of four validators again and again
// under the load driver, which never pauses: nobody waits until the nodes agree
// again before the next is killed.
func TestKillUnderBench(t *testing.T) {
	p := newPlan(t, 3, 40)
	key := newBenchKey(t)
	net := newNetworkOf(t, 4, key+".pub")
	net.start(t)
	b := startBench(t, net, key)
	killed := 0
	for p.next() {
		b.more(t, 1)
		time.Sleep(p.between(20*time.Millisecond, 1500*time.Millisecond))
		hit := p.pickNodes(net, []int{1, 2, 4}[p.IntN(3)])
		for _, n := range hit {
			n.kill()
		}
		killed += len(hit)
		time.Sleep(p.between(0, 500*time.Millisecond))
		for _, n := range hit {
			n.start(t)
		}
		for _, n := range hit {
			if err := n.up(t); err != nil {
				t.Fatal(err)
			}
		}
		p.say("killed %s", names(hit))
	}
	b.more(t, 20)
	if err := b.stop(); err != nil {
		t.Logf("the load driver, interrupted, ended with %v", err)
	}
	promised := b.promised(t)
	a := net.judge(t, promised, net.nodes...)
	net.stop(t)
	p.figures("kills under bench", "killed", killed, "statements", a.entries, "acknowledged", len(promised), "lost", a.lost, "forks", a.forks)
}
