//go:build linux

package faults

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A ballast is a file that takes a disk's room.
type ballast struct {
	path string
	disk *disk
}

// leave sets the ballast so that about some bytes are free: none beside it, when
// free is 0.
func (b *ballast) leave(t testing.TB, free int64) {
	t.Helper()
	f, err := os.OpenFile(b.path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	size := info.Size() + b.free(t) - free
	if size < info.Size() {
		if err := f.Truncate(max(size, 0)); err != nil {
			t.Fatal(err)
		}
		return
	}
	// In steps: allocation fails as a whole where the last block is short.
	for step := size - info.Size(); step >= 4096; {
		if err := syscall.Fallocate(int(f.Fd()), 0, size-step, step); err == nil {
			return
		} else if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
		size -= step / 2
		step /= 2
	}
}

// free is how many bytes the disk has left.
func (b *ballast) free(t testing.TB) int64 {
	t.Helper()
	var st syscall.Statfs_t
	if err := syscall.Statfs(b.disk.dir, &st); err != nil {
		t.Fatal(err)
	}
	return int64(st.Bavail) * st.Bsize
}

// TestDiskFull fills the disk of a node under load: nearly, so that it has no room
// beside its reserve, and then wholly. The node refuses statements and says why,
// answers questions, does not die, and goes on when there is room again.
func TestDiskFull(t *testing.T) {
	p := newPlan(t, 1, 10)
	net := newNetwork(t, 1)
	n, d := net.nodes[0], newDisk(t, diskBytes)
	n.moveTo(t, d)
	t.Cleanup(n.kill)
	b := &ballast{filepath.Join(d.dir, "ballast"), d}
	n.mustUp(t)
	l := newLoad(t, net, p.Uint64())
	var refused, lost int
	for p.next() {
		l.run()
		if err := l.more(5); err != nil {
			t.Fatal(err)
		}
		n.unindexed = true
		b.leave(t, 300<<20+p.Int64N(150<<20)) // below twice the reserve, above the reserve
		refused += refusesForRoom(t, l, n)
		l.pause()
		lost += net.judge(t, l.promised(), n).lost
		before := l.count()
		b.leave(t, 0)
		l.run()
		refused += refusesForRoom(t, l, n)
		l.pause()
		lost += net.judge(t, l.promised(), n).lost
		p.say("with %d bytes free: %d statements acknowledged, %d refused so far", b.free(t), l.count()-before, refused)
		if p.IntN(2) == 0 {
			n.kill() // a crash on a full disk
			b.leave(t, 700<<20)
			n.mustUp(t)
		}
		b.leave(t, 700<<20)
		l.run()
		n.unindexed = false
		if err := l.more(5); err != nil {
			t.Fatalf("with room again: %v\n%s", err, n.said)
		}
		l.pause()
		lost += net.judge(t, l.promised(), n).lost
	}
	if n.cmd != nil && n.gone() {
		t.Errorf("the node ended: %v\n%.6000s", n.wait(), n.said)
	}
	p.figures("full disks", "acknowledged", l.count(), "refused", refused, "lost", lost)
}

// refusesForRoom waits until the node refuses statements and says that it is for
// room, and counts refusals over a while. The load goes on.
func refusesForRoom(t *testing.T, l *load, n *node) int {
	t.Helper()
	before := l.away()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if n.gone() {
			t.Fatalf("the node ended: %v\n%s", n.wait(), n.said)
		}
		if l.away()-before < 5 {
			continue
		}
		if !strings.Contains(l.lastWords(), "full") {
			t.Fatalf("statements are refused, and not for room: %s", l.lastWords())
		}
		code, body, err := n.get("/v1/status")
		if err != nil || code != http.StatusOK {
			t.Fatalf("/v1/status on a full disk: %d %q %v", code, body, err)
		}
		return l.away() - before
	}
	t.Fatalf("statements are not refused for room: %d are acknowledged; tried again: %s", l.count(), l.lastWords())
	return 0
}

// away is the number of answers that said to try again later.
func (l *load) away() int {
	return l.refused(fmt.Sprint(http.StatusServiceUnavailable)) + l.refused(fmt.Sprint(http.StatusInsufficientStorage))
}

// lastWords is what the last such answer said.
func (l *load) lastWords() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(bytes.ToValidUTF8(l.words, []byte("?")))
}
