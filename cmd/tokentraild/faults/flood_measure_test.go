//go:build linux

package faults

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// latencies are times from the first post of a statement to its acknowledgement.
type latencies []time.Duration

// at is a percentile.
func (s latencies) at(p float64) time.Duration {
	sorted := slices.Sorted(slices.Values(s))
	return sorted[min(len(sorted)-1, int(p*float64(len(sorted))))]
}

// String tells the middle, the 99th percentile and the most.
func (s latencies) String() string {
	return fmt.Sprintf("%s/%s/%s", s.at(0.5).Round(time.Millisecond), s.at(0.99).Round(time.Millisecond), slices.Max(s).Round(time.Millisecond))
}

// timed posts n statements, as run does, and times each.
func (l *load) timed(t testing.TB, n int) latencies {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	l.cancel, l.ending = cancel, make(chan struct{})
	var mu sync.Mutex
	var all latencies
	var begun atomic.Int64
	for _, s := range l.streams {
		l.posting.Go(func() {
			for begun.Add(1) <= int64(n) {
				at, sequence := time.Now(), s.sequence
				for s.sequence == sequence {
					if ctx.Err() != nil || l.err() != nil {
						return
					}
					l.step(ctx, s)
				}
				mu.Lock()
				all = append(all, time.Since(at))
				mu.Unlock()
			}
		})
	}
	watch := make(chan struct{})
	go func() { // step waits for the end where an answer is one that no node may give
		defer close(watch)
		for ctx.Err() == nil && l.err() == nil {
			time.Sleep(10 * time.Millisecond)
		}
		close(l.ending)
	}()
	l.posting.Wait()
	late := ctx.Err() != nil
	cancel()
	<-watch
	l.ending = nil
	if err := l.err(); err != nil || late {
		t.Fatalf("of %d honest statements %d are acknowledged within %s: %v", n, len(all), 2*patience, err)
	}
	return all
}

// watchMemory watches the nodes' memory until what it returns is called, which
// gives the most that one had: what is in no file.
func watchMemory(net *network) func() int64 {
	ending, ended := make(chan struct{}), make(chan struct{})
	var most int64
	go func() {
		defer close(ended)
		for {
			for _, n := range net.nodes {
				most = max(most, anonymous(n.cmd.Process.Pid))
			}
			select {
			case <-ending:
				return
			case <-time.After(200 * time.Millisecond):
			}
		}
	}()
	return func() int64 {
		close(ending)
		<-ended
		return most
	}
}

// anonymous is the memory of a process that is in no file; 0 where it is gone.
func anonymous(pid int) int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for lines := bufio.NewScanner(bytes.NewReader(b)); lines.Scan(); {
		var kib int64
		if n, _ := fmt.Sscanf(lines.Text(), "RssAnon: %d kB", &kib); n == 1 {
			return kib << 10
		}
	}
	return 0
}
