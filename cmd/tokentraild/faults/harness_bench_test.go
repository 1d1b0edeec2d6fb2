//go:build linux

package faults

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"tokentrail/provenance"
)

// A bench is the load driver, 'tokentrail bench', in a process of its own on nodes
// that run already. It notes what was acknowledged in a file.
type bench struct {
	cmd  *exec.Cmd
	file string
	said *tail
}

const benchPassphrase = "of tests alone, and long enough"

// newBenchKey makes a provider's key file for a bench.
func newBenchKey(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), issuer)
	cmd := exec.Command(program("tokentrail"), "key", "new", path)
	cmd.Env = append(os.Environ(), "TOKENTRAIL_PASSPHRASE="+benchPassphrase)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("key new: %v\n%s", err, out)
	}
	return path
}

// startBench loads the nodes of a network with statements of 50 records, some
// forty a second, until it is stopped.
func startBench(t testing.TB, net *network, key string) *bench {
	t.Helper()
	b := &bench{file: filepath.Join(t.TempDir(), "acknowledged"), said: &tail{}}
	args := []string{"bench", "--key", key, "--issuer", issuer, "--acknowledged", b.file, "--output", "json",
		"--batch", "50", "--rate", "2000", "--prepared", "0", "--warm-up", "0s", "--duration", "12h"}
	for _, url := range net.urls() {
		args = append(args, "--node", url)
	}
	b.cmd = exec.Command(program("tokentrail"), args...)
	b.cmd.Env = append(os.Environ(), "TOKENTRAIL_PASSPHRASE="+benchPassphrase)
	b.cmd.Stdout, b.cmd.Stderr = b.said, b.said
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.stop() })
	return b
}

// stop interrupts the load and waits for its end; it says how it ended.
func (b *bench) stop() error {
	if b.cmd.ProcessState != nil {
		return nil
	}
	_ = b.cmd.Process.Signal(syscall.SIGINT) // one that has ended needs none
	late := time.AfterFunc(2*patience, func() { _ = b.cmd.Process.Kill() })
	defer late.Stop()
	return b.cmd.Wait()
}

// promised reads what was acknowledged by now.
func (b *bench) promised(t testing.TB) map[provenance.Hash]acknowledgement {
	t.Helper()
	text, err := os.ReadFile(b.file)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	out := map[provenance.Hash]acknowledgement{}
	for line := range bytes.Lines(text) {
		var a struct {
			Stream   string
			Sequence int64
			ID       provenance.Hash
			Entry    int64
		}
		if line[len(line)-1] != '\n' {
			break // being written
		}
		if err := json.Unmarshal(line, &a); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		out[a.ID] = acknowledgement{a.Stream, a.Sequence, a.Entry, "a node"}
	}
	return out
}

// more waits until n more statements are acknowledged than there are now.
func (b *bench) more(t testing.TB, n int) {
	t.Helper()
	want := len(b.promised(t)) + n
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if len(b.promised(t)) >= want {
			return
		}
	}
	t.Fatalf("%d statements are acknowledged, not %d, within %s\n%s", len(b.promised(t)), want, patience, b.said)
}
