package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"tokentrail/ledger/app"
	"tokentrail/provenance"
	"tokentrail/verify"
	"tokentrail/verify/light"
)

// An auditor runs the client's program with a memory of its own.
type auditor struct {
	t       *testing.T
	ctx     context.Context
	dir     string
	program string
	genesis provenance.Hash
}

func newAuditor(t *testing.T, ctx context.Context, home string) *auditor {
	document, err := os.ReadFile(app.GenesisPath(home))
	if err != nil {
		t.Fatal(err)
	}
	a := &auditor{t: t, ctx: ctx, dir: t.TempDir(), genesis: sha256.Sum256(document)}
	a.program = filepath.Join(a.dir, "tokentrail")
	buildProgram(t, a.program, "tokentrail")
	return a
}

// verify audits from genesis and returns the report, and what was said beside it.
func (a *auditor) verify(args ...string) (r *verify.Report, said string) {
	a.t.Helper()
	cmd := exec.CommandContext(a.ctx, a.program, append([]string{"verify", "--genesis", a.genesis.String(), "--output", "json"}, args...)...)
	var stderr strings.Builder
	cmd.Dir, cmd.Stderr = a.dir, &stderr
	cmd.Env = append(os.Environ(), "HOME="+a.dir, "XDG_STATE_HOME="+filepath.Join(a.dir, "state"))
	out, _ := cmd.Output() // the exit code is looked at
	r = &verify.Report{}
	if err := json.Unmarshal(out, r); err != nil {
		a.t.Fatalf("%v: %s\n%s", err, out, stderr.String())
	}
	if got := cmd.ProcessState.ExitCode(); got != r.ExitCode {
		a.t.Errorf("exit %d, the report says %d", got, r.ExitCode)
	}
	return r, stderr.String()
}

// has reports whether a report has a finding.
func has(r *verify.Report, code verify.Code) bool {
	for _, f := range r.Findings() {
		if f.Code == code {
			return true
		}
	}
	return false
}

// TestForkOfARestoredValidator: a ledger of one validator, restored from an old copy
// with its key, is stale to an auditor who saw more; as soon as it has gone on, it has
// signed two histories, and there is a file that proves it to others.
func TestForkOfARestoredValidator(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	p, other := newProvider(t, "acme"), newProvider(t, "beta")
	node := startNetwork(t, 1, p, other)[0]
	a := newAuditor(t, ctx, node.home)
	records := traceRecords(t)[:1]
	submit := func(by *provider, entries ...int64) {
		t.Helper()
		for _, want := range entries {
			if got := post(t, node.url, by.next(t, records)); got.status != http.StatusCreated {
				t.Fatalf("%d %s", got.status, got.body)
			}
			node.wait(t, ctx, want)
		}
	}
	stop := func() {
		t.Helper()
		if err := node.end(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	}
	node.wait(t, ctx, 0)
	submit(p, 1)
	stop()
	copied := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(copied, os.DirFS(node.home)); err != nil {
		t.Fatal(err)
	}
	node.start(t)
	node.wait(t, ctx, 1)
	submit(p, 2, 3)
	if r, said := a.verify("--node", node.url); r.ExitCode != 0 || r.Trust.Kept != nil {
		t.Fatalf("first audit: exit %d, %+v, %s", r.ExitCode, r.Findings(), said)
	}
	submit(p, 4)
	r, _ := a.verify("--node", node.url)
	if r.ExitCode != 0 || r.Trust.Kept == nil {
		t.Fatalf("second audit: exit %d, %+v", r.ExitCode, r.Findings())
	}
	head := r.Ledger

	stop()
	if err := os.RemoveAll(node.home); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(node.home, os.DirFS(copied)); err != nil {
		t.Fatal(err)
	}
	node.start(t)
	node.wait(t, ctx, 1)
	r, said := a.verify("--node", node.url)
	if r.ExitCode != 1 || !has(r, verify.CodeStale) || has(r, verify.CodeFork) || r.Trust.Kept.Height != head.Height || r.Trust.Kept.Hash != head.Header {
		t.Fatalf("old copy: exit %d, %+v, %s", r.ExitCode, r.Findings(), said)
	}
	for entries := int64(2); status(t, node.url).Height <= head.Height; entries++ {
		submit(other, entries)
	}
	r, said = a.verify("--node", node.url)
	if r.ExitCode != 1 || !has(r, verify.CodeFork) || !strings.Contains(said, "evidence of a fork: ") {
		t.Fatalf("fork: exit %d, %+v, %s", r.ExitCode, r.Findings(), said)
	}
	a.convicts(head, said)
	// The memory stays what it was.
	if again, _ := a.verify("--node", node.url); !has(again, verify.CodeFork) || again.Trust.Kept.Hash != head.Header {
		t.Errorf("again: %+v", again.Findings())
	}
	w := a.watch("--node", node.url, "--until-finding")
	w.exits(1)
	if e := w.event(0, "finding"); len(e.Evidence) != 1 || e.Findings[0].Code != verify.CodeFork || !strings.Contains(said, e.Evidence[0]) {
		t.Errorf("a watch: %+v; the evidence of before: %s", e, said)
	}
	a.owesEvidence(node.url, w.told()[0].Evidence[0])
	if r, said := a.verify("--node", node.url, "--state", "none"); r.ExitCode != 0 || r.Trust.Kept != nil {
		t.Errorf("without memory: exit %d, %s", r.ExitCode, said)
	}
}

// owesEvidence: evidence of a fork that could not be written when that was told is
// written as soon as it can be, after a restart too. SPEC(CLI-100)
func (a *auditor) owesEvidence(node, path string) {
	a.t.Helper()
	check(a.t, os.Remove(filepath.Join(filepath.Dir(path), "watch.told")))
	check(a.t, os.Remove(path))
	check(a.t, os.Mkdir(path, 0o700))
	name := strings.TrimSuffix(path, ".tokentrail")
	for n := 2; n <= 100; n++ {
		check(a.t, os.Mkdir(fmt.Sprintf("%s-%d.tokentrail", name, n), 0o700))
	}
	w := a.watch("--node", node, "--until-finding")
	w.exits(1)
	if e := w.event(0, "finding"); len(e.Evidence) != 0 || e.Findings[0].Code != verify.CodeFork || !strings.Contains(w.said(), "is tried again") {
		a.t.Errorf("%+v\n%s", e, w.said())
	}
	check(a.t, os.Remove(path))
	w = a.watch("--node", node)
	w.until("evidence", func() bool { return strings.Contains(w.said(), "evidence of a fork that was told before: "+path) })
	w.stop(1)
	if told := w.told(); len(told) > 0 {
		a.t.Errorf("told again: %+v", told)
	}
	if b, err := os.ReadFile(path); err != nil || !verify.IsFork(b) {
		a.t.Error(err)
	}
}

// convicts checks the evidence as somebody who has nothing but it and an anchor.
func (a *auditor) convicts(head *verify.Ledger, said string) {
	a.t.Helper()
	_, rest, _ := strings.Cut(said, "evidence of a fork: ")
	path, _, _ := strings.Cut(rest, ";")
	if want := filepath.Join(a.dir, "state", "tokentrail", "ledgers"); !strings.HasPrefix(path, want) {
		a.t.Errorf("%s is not below %s", path, want)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		a.t.Fatal(err)
	}
	f, err := verify.ParseFork(b)
	if err != nil {
		a.t.Fatal(err)
	}
	r := light.CheckFork(a.ctx, f, verify.Trust{Genesis: &a.genesis}, verify.Options{})
	if r.Exit() != 1 || r.Fork == nil || len(r.Fork.SignedBoth) != 1 || r.Fork.Sides[0].Header != head.Header || r.Fork.Sides[1].Header == head.Header {
		a.t.Errorf("exit %d, %+v, %+v", r.Exit(), r.Fork, r.Steps)
	}
	if r, said := a.verify(path); r.ExitCode != 1 || r.Fork == nil || r.From != path {
		a.t.Errorf("the file: exit %d, %+v, %s", r.ExitCode, r.Fork, said)
	}
	for name, spoilt := range map[string][]byte{"cut": b[:len(b)-1], "more": append(b, 0)} {
		file := filepath.Join(a.dir, name)
		if err := os.WriteFile(file, spoilt, 0o600); err != nil {
			a.t.Fatal(err)
		}
		out, _ := exec.CommandContext(a.ctx, a.program, "verify", file, "--genesis", a.genesis.String()).CombinedOutput()
		if !strings.Contains(string(out), "damaged") {
			a.t.Errorf("%s: %s", name, out)
		}
	}
	for want, args := range map[int][]string{2: {path}, 64: {path, "--node", "http://h"}} {
		cmd := exec.CommandContext(a.ctx, a.program, append([]string{"verify"}, args...)...)
		if out, _ := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != want {
			a.t.Errorf("%v: exit %d, wanted %d: %s", args, cmd.ProcessState.ExitCode(), want, out)
		}
	}
}

// TestWitnesses: nodes of one network agree, wherever they are; one that is down
// cannot be checked, and another ledger's is no witness.
func TestWitnesses(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	p := newProvider(t, "acme")
	net := startNetwork(t, 4, p)
	for _, v := range net {
		v.wait(t, ctx, 0)
	}
	a := newAuditor(t, ctx, net[0].home)
	if got := post(t, net[0].url, p.next(t, traceRecords(t)[:1])); got.status != http.StatusCreated {
		t.Fatalf("%d %s", got.status, got.body)
	}
	for _, v := range net {
		v.wait(t, ctx, 1)
	}
	flags := []string{"--node", net[0].url, "--witness", net[1].url, "--witness", net[2].url}
	r, said := a.verify(flags...)
	if r.ExitCode != 0 || len(r.Witnesses) != 2 || !r.Witnesses[0].Agrees || !r.Witnesses[1].Agrees || r.Witnesses[0].Height == 0 {
		t.Errorf("exit %d, %+v, %+v, %s", r.ExitCode, r.Witnesses, r.Findings(), said)
	}
	down := "http://127.0.0.1:1"
	if r, said := a.verify(append(flags, "--witness", down)...); r.ExitCode != 2 || len(r.Findings()) > 0 || !r.Witnesses[0].Agrees || r.Witnesses[2].Agrees ||
		!strings.Contains(said, "waiting: the node at 127.0.0.1:1 does not answer") {
		t.Errorf("one is down: exit %d, %+v, %s", r.ExitCode, r.Findings(), said)
	}
	again := strings.Replace(net[0].url, "127.0.0.1", "localhost", 1)
	if r, said := a.verify(append(flags, "--witness", again)...); r.ExitCode != 2 || len(r.Findings()) > 0 || r.Witnesses[2].Agrees {
		t.Errorf("the audited node by another name: exit %d, %+v, %s", r.ExitCode, r.Witnesses, said)
	}
	stranger := startNetwork(t, 1, newProvider(t, "acme"))[0]
	stranger.wait(t, ctx, 0)
	if r, _ := a.verify(append(flags, "--witness", stranger.url)...); r.ExitCode != 1 || !has(r, verify.CodeWitness) {
		t.Errorf("another ledger: exit %d, %+v", r.ExitCode, r.Findings())
	}
}
