//go:build linux

package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"tokentrail/provenance"
)

// patience is how long a node may take for what takes it a second on an idle
// machine; these tests share theirs.
const patience = 90 * time.Second

// A node is a validator in a process of its own. Its fields belong to the test's
// goroutine.
type node struct {
	home, url string
	program   string   // what runs; the ordinary tokentraild where empty
	wrap      []string // a command and its arguments before the program
	env       []string // beside this process's
	unindexed bool     // its disk is so full that its index of records waits: it looks nothing up

	said  *tail         // what the processes wrote; kept over restarts
	cmd   *exec.Cmd     // nil while the node is down
	ended chan struct{} // closed when cmd has ended
	err   error         // how; readable when ended is closed
}

// openNode is the node of a home.
func openNode(t testing.TB, home string) *node {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(home, "config", "node.json"))
	if err != nil {
		t.Fatal(err)
	}
	var conf struct{ HTTP string }
	if err := json.Unmarshal(b, &conf); err != nil {
		t.Fatal(err)
	}
	n := &node{home: home, url: "http://" + conf.HTTP, said: &tail{}}
	t.Cleanup(func() { n.stop() })
	return n
}

// start runs the node; it may be up later, or never.
func (n *node) start(t testing.TB) {
	t.Helper()
	if n.cmd != nil {
		t.Fatalf("%s is started and runs already", n.home)
	}
	name := n.program
	if name == "" {
		name = program("tokentraild")
	}
	args := append(append([]string{}, n.wrap...), name, "start", "--home", n.home)
	n.cmd = exec.Command(args[0], args[1:]...)
	n.cmd.Env = append(os.Environ(), n.env...)
	n.cmd.Stdout, n.cmd.Stderr = n.said, n.said
	// A group, so that a signal reaches what runs under strace too.
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	n.cmd.WaitDelay = 5 * time.Second
	if err := n.cmd.Start(); err != nil {
		n.cmd = nil
		t.Fatal(err)
	}
	n.ended = make(chan struct{})
	go func(cmd *exec.Cmd, ended chan struct{}) {
		n.err = cmd.Wait()
		close(ended)
	}(n.cmd, n.ended)
}

// signal sends a signal to the node's processes.
func (n *node) signal(s syscall.Signal) {
	if n.cmd != nil {
		_ = syscall.Kill(-n.cmd.Process.Pid, s) // one that has ended needs none
	}
}

// kill ends the node as -9 does and waits for its end.
func (n *node) kill() { _ = n.end(syscall.SIGKILL) } // it was killed, and says so

// stop ends the node well; after a time, badly.
func (n *node) stop() error {
	if n.cmd == nil {
		return nil
	}
	after := time.AfterFunc(patience, func() { n.signal(syscall.SIGQUIT) })
	defer after.Stop()
	return n.end(syscall.SIGTERM)
}

func (n *node) end(s syscall.Signal) error {
	if n.cmd == nil {
		return nil
	}
	n.signal(s)
	return n.wait()
}

// wait returns how the node's process ended, when it has.
func (n *node) wait() error {
	<-n.ended
	n.cmd = nil
	return n.err
}

// gone reports whether the process has ended by itself.
func (n *node) gone() bool {
	select {
	case <-n.ended:
		return true
	default:
		return false
	}
}

// up waits until the node answers; the error says what it said instead.
func (n *node) up(t testing.TB) error {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if _, err := n.status(); err == nil {
			return nil
		}
		if n.gone() {
			return fmt.Errorf("the node of %s ended: %v\n%s", n.home, n.wait(), n.said)
		}
	}
	return fmt.Errorf("the node of %s does not answer within %s\n%s", n.home, patience, n.said)
}

// mustUp starts the node and fails the test where it does not come up.
func (n *node) mustUp(t testing.TB) {
	t.Helper()
	n.start(t)
	if err := n.up(t); err != nil {
		t.Fatal(err)
	}
}

// nodeStatus is /v1/status as the tests need it.
type nodeStatus struct {
	Height  int64           `json:"height"`
	LogSize int64           `json:"log_size"`
	AppHash provenance.Hash `json:"app_hash"`
	Behind  bool            `json:"catching_up"`
}

func (n *node) status() (s nodeStatus, err error) {
	code, b, err := n.get("/v1/status")
	if err == nil && code != http.StatusOK {
		err = fmt.Errorf("%d %.200q", code, b)
	}
	if err == nil {
		err = json.Unmarshal(b, &s)
	}
	return s, err
}

// get asks the node for a path.
func (n *node) get(path string) (int, []byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, n.url+path, nil)
	if err != nil {
		return 0, nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, 64<<20))
	return res.StatusCode, b, err
}

// tail keeps the end of what is written to it. Safe for concurrent use.
type tail struct {
	mu sync.Mutex
	b  []byte // guarded by mu
}

const tailBytes = 256 << 10 // a crash prints all goroutines, what it is of comes first

// Write implements io.Writer; it never fails.
func (w *tail) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.b = append(w.b, p...)
	if len(w.b) > 2*tailBytes {
		w.b = append([]byte(nil), w.b[len(w.b)-tailBytes:]...)
	}
	return len(p), nil
}

// String is what is kept.
func (w *tail) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return string(w.b)
}

// forget drops what is kept.
func (w *tail) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.b = nil
}
