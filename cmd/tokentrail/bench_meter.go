package main

import (
	"context"
	"sync"
	"time"
)

// benchSample is how often memory is looked at.
const benchSample = 200 * time.Millisecond

// A processUse is what a process has used so far, and holds now.
type processUse struct {
	cpu      time.Duration // of all its threads, in the kernel too
	resident int64         // bytes in memory, mapped files included
	private  int64         // of these, those that no file stands for
}

// A benchUsed is what was used in the measured time: by the driver first, then
// by each node that is a process of ours.
type benchUsed struct {
	driver time.Duration
	nodes  map[int]processUse // by process id; memory is the most that was seen
}

// A benchMeter measures what processes use between two moments.
type benchMeter struct {
	cancel context.CancelFunc
	done   chan struct{}

	mu   sync.Mutex // guards used
	used benchUsed
}

// meter begins to measure the nodes and this process, from and to as told.
// SPEC(CLI-66)
func (l *benchLedger) meter(ctx context.Context, from, to time.Time) *benchMeter {
	ctx, cancel := context.WithCancel(ctx)
	m := &benchMeter{cancel: cancel, done: make(chan struct{}), used: benchUsed{nodes: map[int]processUse{}}}
	var pids []int
	for _, n := range l.nodes {
		if n.pid != 0 {
			pids = append(pids, n.pid)
		}
	}
	go func() {
		defer close(m.done)
		if sleep(ctx, time.Until(from)) == nil {
			m.watch(ctx, pids, to)
		}
	}()
	return m
}

// watch samples until the time is over, or the context.
func (m *benchMeter) watch(ctx context.Context, pids []int, to time.Time) {
	driver := ownCPU()
	begun := map[int]time.Duration{}
	for _, pid := range pids {
		if u, err := useOf(pid); err == nil {
			begun[pid] = u.cpu
		}
	}
	for over := false; !over; {
		over = sleep(ctx, min(benchSample, max(0, time.Until(to)))) != nil || !time.Now().Before(to)
		m.mu.Lock()
		m.used.driver = ownCPU() - driver
		for _, pid := range pids {
			before, known := begun[pid]
			if u, err := useOf(pid); err == nil && known { // else it has ended, which is told elsewhere
				was := m.used.nodes[pid]
				m.used.nodes[pid] = processUse{u.cpu - before, max(was.resident, u.resident), max(was.private, u.private)}
			}
		}
		m.mu.Unlock()
	}
}

// stop returns what was used.
func (m *benchMeter) stop() benchUsed {
	m.cancel()
	<-m.done
	return m.used
}

// share says of the driver and each node what it used for so many records.
func (u *benchUsed) share(nodes []*benchNode, records int64) (driver benchCPU, out []benchNodeUse) {
	million := func(cpu time.Duration) benchCPU {
		c := benchCPU{Seconds: cpu.Seconds()}
		if records > 0 {
			c.PerMillion = cpu.Seconds() * 1e6 / float64(records)
		}
		return c
	}
	for _, n := range nodes {
		use, known := u.nodes[n.pid]
		if known {
			out = append(out, benchNodeUse{Name: n.name, CPU: million(use.cpu), Resident: use.resident, Private: use.private})
		}
	}
	return million(u.driver), out
}
