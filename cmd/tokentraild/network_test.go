package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"tokentrail/ledger/app"
	"tokentrail/provenance"
)

// validator is a node in a process of its own.
type validator struct {
	home, url string
	cmd       *exec.Cmd
}

func (v *validator) start(t testing.TB) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	v.cmd = exec.Command(self, "start", "--home", v.home, "--log-level", "error")
	v.cmd.Env = append(os.Environ(), childVariable+"=1")
	v.cmd.Stderr = os.Stderr
	v.cmd.SysProcAttr = childAttr()
	if err := v.cmd.Start(); err != nil {
		t.Fatal(err)
	}
}

// end stops the process by a signal and waits for it.
func (v *validator) end(signal os.Signal) error {
	if v.cmd == nil {
		return nil
	}
	err := errors.Join(v.cmd.Process.Signal(signal), v.cmd.Wait())
	v.cmd = nil
	return err
}

// wait returns when the node has the entries that are wanted, behind a header
// that more than two thirds signed.
func (v *validator) wait(t testing.TB, ctx context.Context, entries int64) nodeStatus {
	t.Helper()
	for {
		a, err := tryRequest(http.MethodGet, v.url+"/v1/status", "", nil)
		if err == nil && a.status == http.StatusOK {
			if s := status(t, v.url); s.LogSize >= entries {
				return s
			}
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s does not have %d entries in time: %v, %s", v.url, entries, err, a.body)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// startNetwork runs n validators that admit the providers.
func startNetwork(t testing.TB, n int, providers ...*provider) []*validator {
	t.Helper()
	return startNetworkOf(t, networkHomes(t, n, nil, providers...))
}

// networkHomes makes the homes of n validators that admit the providers; change,
// unless it is nil, alters them.
func networkHomes(t testing.TB, n int, change func(testing.TB, []string), providers ...*provider) []string {
	t.Helper()
	o := &localnetOptions{dir: t.TempDir(), chainID: "net-1", validators: n}
	for _, p := range providers {
		o.providers = append(o.providers, p.flag(t))
	}
	homes, err := localnetHomes(o)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(t, homes)
	}
	return homes
}

// startNetworkOf runs the validators of homes.
func startNetworkOf(t testing.TB, homes []string) []*validator {
	t.Helper()
	var net []*validator
	for _, home := range homes {
		conf, err := app.LoadNodeConfig(home)
		if err != nil {
			t.Fatal(err)
		}
		v := &validator{home: home, url: "http://" + conf.HTTP}
		v.start(t)
		t.Cleanup(func() {
			if err := v.end(syscall.SIGTERM); err != nil {
				t.Errorf("%s: %v", v.home, err)
			}
		})
		net = append(net, v)
	}
	return net
}

// TestFourValidators commits the whole trace on four validators; one is killed
// halfway and catches up to the same app hash.
func TestFourValidators(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	p := newProvider(t, "acme")
	net := startNetwork(t, 4, p)
	for _, v := range net {
		v.wait(t, ctx, 0)
	}
	subs := p.submissions(t, traceRecords(t), 500)
	for i, sub := range subs {
		if i == len(subs)/2 {
			if err := net[3].end(syscall.SIGKILL); err == nil {
				t.Fatal("killed, and yet it ended well")
			}
		}
		if a := post(t, net[i%3].url, sub); a.status != http.StatusCreated {
			t.Fatalf("statement %d: %d %s", i, a.status, a.body)
		}
	}
	net[3].start(t)
	want := int64(len(subs))
	first := net[0].wait(t, ctx, want)
	for _, v := range net {
		if s := v.wait(t, ctx, want); s.AppHash != first.AppHash || s.LogSize != want {
			t.Errorf("%s has %+v, the first has %+v", v.url, s, first)
		}
	}
	checkTotals(t, net[3].url)
	for _, v := range net {
		auditNode(t, v.home, v.url)
	}
}

// checkTotals wants every token of the trace in the node's flows, once.
func checkTotals(t testing.TB, node string) {
	t.Helper()
	a := request(t, http.MethodGet, node+"/v1/flows", "", nil)
	for _, want := range []string{`"tokens":22361870`, `"tokens":4088665`, `"records":19366`} {
		if !bytes.Contains(a.body, []byte(want)) {
			t.Errorf("flows lack %s: %s", want, a.body)
		}
	}
}

// TestPipelining sends a stream's statements to all validators at once, in an
// order that is not the stream's.
func TestPipelining(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	p := newProvider(t, "acme")
	net := startNetwork(t, 4, p)
	for _, v := range net {
		v.wait(t, ctx, 0)
	}
	subs := p.submissions(t, traceRecords(t)[:3000], 100)
	done := make(chan error, len(subs))
	for i := range subs {
		go func() {
			a, err := tryRequest(http.MethodPost, net[i%4].url+"/entries", provenance.SubmissionMediaType, subs[len(subs)-1-i])
			if err == nil && a.status != http.StatusCreated {
				err = fmt.Errorf("statement %d: %d %s", len(subs)-1-i, a.status, a.body)
			}
			done <- err
		}()
	}
	for range subs {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	first := net[0].wait(t, ctx, int64(len(subs)))
	for _, v := range net {
		if s := v.wait(t, ctx, int64(len(subs))); s.AppHash != first.AppHash {
			t.Errorf("%s has %+v, the first has %+v", v.url, s, first)
		}
	}
}

// TestOrphans: a statement whose predecessors are withheld is held for a while
// and makes no blocks; with them it is committed.
func TestOrphans(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	p := newProvider(t, "acme")
	node := startNetwork(t, 1, p)[0]
	node.wait(t, ctx, 0)
	subs := p.submissions(t, traceRecords(t)[:60], 10)
	before := status(t, node.url).Height
	if a := postAsync(t, node.url, subs[5]); a.status != http.StatusAccepted {
		t.Fatalf("%d %s", a.status, a.body)
	}
	time.Sleep(2 * time.Second)
	if now := status(t, node.url).Height; now > before+2 {
		t.Errorf("an orphan made %d blocks", now-before)
	}
	for _, sub := range subs[:5] {
		if a := postAsync(t, node.url, sub); a.status != http.StatusAccepted {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	node.wait(t, ctx, 6)
}

// postAsync posts a submission and does not wait for its commit.
func postAsync(t *testing.T, node string, submission []byte) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, node+"/entries", bytes.NewReader(submission))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", provenance.SubmissionMediaType)
	req.Header.Set("Prefer", "respond-async")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, body}
}

// TestLocalnetGoesOn kills one of the processes that localnet runs: the others
// go on, and end when localnet does.
func TestLocalnetGoesOn(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	p := newProvider(t, "acme")
	o := &localnetOptions{dir: t.TempDir(), chainID: "net-1", validators: 4, providers: []string{p.flag(t)}}
	homes, err := localnetHomes(o)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	net := exec.Command(self, "localnet", "--dir", o.dir, "--log-level", "error")
	net.Env = append(os.Environ(), childVariable+"=1")
	net.SysProcAttr = childAttr()
	var stderr bytes.Buffer
	net.Stderr = &stderr
	if err := net.Start(); err != nil {
		t.Fatal(err)
	}
	conf, err := app.LoadNodeConfig(homes[0])
	if err != nil {
		t.Fatal(err)
	}
	first := &validator{home: homes[0], url: "http://" + conf.HTTP}
	first.wait(t, ctx, 0)
	pid, err := os.ReadFile(filepath.Join(homes[3], "data", "LOCK"))
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(strings.TrimSpace(string(pid)))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(number, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if a := post(t, first.url, p.next(t, traceRecords(t)[:10])); a.status != http.StatusCreated {
		t.Errorf("%d %s", a.status, a.body)
	}
	if err := net.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := net.Wait(); err != nil {
		t.Errorf("%v\n%s", err, stderr.String())
	}
	if !strings.Contains(stderr.String(), homes[3]) {
		t.Errorf("nothing is said of %s:\n%s", homes[3], stderr.String())
	}
}
