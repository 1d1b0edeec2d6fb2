package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestSavedAudits audits a real ledger, goes on from the verdict when it has grown,
// and is interrupted. SPEC(CLI-85), SPEC(CLI-86), SPEC(CLI-87), SPEC(CLI-88)
func TestSavedAudits(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	p := newProvider(t, "acme")
	node := startNetwork(t, 1, p)[0]
	a := newAuditor(t, ctx, node.home)
	records := traceRecords(t)[:1]
	submit := func(want int64) {
		t.Helper()
		if got := post(t, node.url, p.next(t, records)); got.status != http.StatusCreated {
			t.Fatalf("%d %s", got.status, got.body)
		}
		node.wait(t, ctx, want)
	}
	node.wait(t, ctx, 0)
	submit(1)
	submit(2)
	if r, said := a.verify("--node", node.url); r.ExitCode != 0 {
		t.Fatalf("exit %d, %+v, %s", r.ExitCode, r.Findings(), said)
	}
	found, err := filepath.Glob(filepath.Join(a.dir, "state", "tokentrail", "ledgers", "*", "last"))
	if err != nil || len(found) != 1 {
		t.Fatalf("%v, %v", found, err)
	}
	last := found[0]
	if info, err := os.Stat(last); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	lookUps := func(args ...string) (checked int64, optional bool) {
		r, said := a.verify(append([]string{"--node", node.url, "--state", "none"}, args...)...)
		for _, s := range r.Steps {
			if s.Name == "look-ups" && r.ExitCode == 0 {
				return s.Checked, s.Optional
			}
		}
		t.Fatalf("%s: exit %d, %+v, %s", args, r.ExitCode, r.Steps, said)
		return 0, false
	}
	// Two entries with an id each; other names are few. SPEC(CLI-107)
	all, _ := lookUps()
	one, _ := lookUps("--look-ups", "1")
	if again, _ := lookUps("--look-ups", "0"); all < 2 || again != all || one < 1 || one >= all {
		t.Errorf("%d look-ups, %d with 0, %d with 1", all, again, one)
	}
	if none, optional := lookUps("--look-ups", "none"); none != 0 || !optional {
		t.Errorf("none: %d look-ups, optional %t", none, optional)
	}
	submit(3)
	r, said := a.verify("--node", node.url, "--since", "last")
	if r.ExitCode != 0 || r.Trust.Kind != "report" || r.Trust.Report.LogSize != 2 || r.Totals.Entries != 3 || r.Totals.Records != 3 {
		t.Fatalf("since: exit %d, %+v, %+v, %+v, %s", r.ExitCode, r.Trust, r.Totals, r.Findings(), said)
	}
	if r, _ := a.verify("--node", node.url, "--since", last); r.ExitCode != 0 || r.Trust.Report.LogSize != 3 {
		t.Errorf("%+v, %+v", r.Trust, r.Findings())
	}
	interrupted(t, ctx, a, node.url)
	if open, _ := filepath.Glob(filepath.Join(filepath.Dir(last), "audit-genesis*")); len(open) != 2 {
		t.Errorf("wanted the audit that was interrupted, and its lock: %v", open)
	}
	r, said = a.verify("--node", node.url, "--resume")
	if r.ExitCode != 0 || r.Trust.Kind != "genesis" || r.Totals.Entries != 3 || strings.Contains(said, "anew") {
		t.Errorf("resumed: exit %d, %+v, %+v, %s", r.ExitCode, r.Trust, r.Findings(), said)
	}
	if _, said := a.verify("--node", node.url, "--resume"); !strings.Contains(said, "beginning anew") {
		t.Errorf("nothing was interrupted: %s", said)
	}
	refusesSaved(t, a, node.url, last)
}

// interrupted ends an audit that the node keeps waiting behind its log.
func interrupted(t *testing.T, ctx context.Context, a *auditor, node string) {
	t.Helper()
	target, err := url.Parse(node)
	if err != nil {
		t.Fatal(err)
	}
	asked, proxy := make(chan bool, 100), httputil.NewSingleHostReverseProxy(target)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/state" {
			asked <- true
			<-r.Context().Done()
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	defer server.Close()
	cmd := exec.CommandContext(ctx, a.program, "verify", "--genesis", a.genesis.String(), "--node", server.URL)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	cmd.Env = append(os.Environ(), "HOME="+a.dir, "XDG_STATE_HOME="+filepath.Join(a.dir, "state"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-asked:
	case <-ctx.Done():
		t.Fatal("the audit does not come to its state proofs")
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // the exit code is looked at
	if code := cmd.ProcessState.ExitCode(); code != 2 || !strings.Contains(stderr.String(), "go on with: tokentrail verify --resume --node '"+server.URL+"' --genesis '"+a.genesis.String()+"'") {
		t.Errorf("exit %d: %s", code, stderr.String())
	}
}

// refusesSaved wants saved audits that cannot be used refused.
func refusesSaved(t *testing.T, a *auditor, node, last string) {
	t.Helper()
	whole, err := os.ReadFile(last)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(code int, want string, args ...string) {
		t.Helper()
		cmd := exec.CommandContext(a.ctx, a.program, append([]string{"verify", "--node", node}, args...)...)
		cmd.Env = append(os.Environ(), "HOME="+a.dir, "XDG_STATE_HOME="+filepath.Join(a.dir, "state"))
		out, _ := cmd.CombinedOutput() // the exit code is looked at
		if got := cmd.ProcessState.ExitCode(); got != code || !strings.Contains(strings.Join(strings.Fields(string(out)), " "), want) {
			t.Errorf("%v: exit %d, wanted %d and %q:\n%s", args, got, code, want, out)
		}
	}
	for name, b := range map[string][]byte{"cut": whole[:len(whole)-9], "text": []byte("no audit")} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		refused(2, "audit anew without it", "--since", path)
	}
	refused(2, "there is no saved audit", "--since", "missing")
	refused(64, "give one of them", "--since", "last", "--resume")
	refused(64, "leave --trust out", "--since", "last", "--trust", "1:"+strings.Repeat("0", 64))
	refused(64, "--state none", "--resume", "--state", "none")
	if err := os.WriteFile(last, whole[:99], 0o600); err != nil {
		t.Fatal(err)
	}
	refused(2, "audit anew without it", "--since", "last")
}
