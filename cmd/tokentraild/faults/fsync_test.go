//go:build linux

package faults

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"
)

// syncCalls are the system calls by which anything becomes durable. The store
// maps its files: msync is the one that matters most.
const syncCalls = "fsync,fdatasync,msync,sync_file_range"

// TestKillAtSync kills a node of one validator as it enters the N-th call that
// would make something durable, N swept over the first and seeded beyond. strace
// counts for each call and thread (and injects nothing with --seccomp-bpf). Every fifth time in a new home, so that the
// calls of a first start are among them; every third time in a network of four.
func TestKillAtSync(t *testing.T) {
	if _, err := exec.LookPath("strace"); err != nil {
		t.Fatal("strace is missing: run 'make needs'")
	}
	p := newPlan(t, 8, 60)
	var acknowledged, lost, forks int
	calls := map[string]int{}
	networks := map[int]*network{}
	loads := map[int]*load{}
	for p.next() {
		validators := 1
		if p.done%3 == 0 {
			validators = 4
		}
		if networks[validators] == nil || p.done%5 == 1 {
			acknowledged += finishSync(t, networks[validators], loads[validators])
			networks[validators] = newNetwork(t, validators)
			loads[validators] = newLoad(t, networks[validators], p.Uint64())
		}
		net, l := networks[validators], loads[validators]
		at := 1 + (p.done*7)%11
		if p.IntN(3) == 0 {
			at = 10 + p.IntN(60)
		}
		before := l.count()
		call := killAtSync(t, p, net, l, at)
		calls[call]++
		a := net.judge(t, l.promised(), net.nodes[0])
		lost, forks = lost+a.lost, forks+a.forks
		net.stop(t)
		p.say("of %d, killed at %s, call %d of a thread: %d statements acknowledged", validators, call, at, l.count()-before)
	}
	for validators, net := range networks {
		acknowledged += finishSync(t, net, loads[validators])
	}
	p.figures("kills at sync", "msync", calls["msync"], "fsync", calls["fsync"], "fdatasync", calls["fdatasync"], "none", calls["none"], "acknowledged", acknowledged, "lost", lost, "forks", forks)
}

func finishSync(t *testing.T, net *network, l *load) int {
	t.Helper()
	if net == nil {
		return 0
	}
	net.stop(t)
	return l.count()
}

var syncCall = regexp.MustCompile(`(fsync|fdatasync|msync|sync_file_range)\(`)

// killAtSync starts all nodes, the first of them under strace, posts until that
// one is dead, and starts it again. It returns the call that was its last; "none"
// where it lived on and was killed in the end.
func killAtSync(t *testing.T, p *plan, net *network, l *load, at int) string {
	t.Helper()
	victim, trace := net.nodes[0], filepath.Join(t.TempDir(), "trace")
	victim.wrap = []string{"strace", "-f", "-o", trace,
		"-e", "trace=" + syncCalls, "-e", fmt.Sprintf("inject=%s:signal=KILL:when=%d", syncCalls, at)}
	for _, n := range net.nodes {
		n.start(t)
	}
	l.run()
	for end := time.Now().Add(15 * time.Second); !victim.gone() && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
	died := victim.gone()
	victim.kill()
	victim.wrap = nil
	time.Sleep(p.between(0, 100*time.Millisecond))
	net.start(t)
	if err := l.more(4); err != nil {
		t.Fatalf("after the restart: %v", err)
	}
	l.pause()
	b, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	found := syncCall.FindAllSubmatch(b[:bytes.LastIndexByte(b, '\n')+1], -1)
	if !died || len(found) == 0 {
		return "none"
	}
	return string(found[len(found)-1][1])
}
