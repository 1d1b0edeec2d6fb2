package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestBenchNetwork runs bench as a process, with real nodes.
func TestBenchNetwork(t *testing.T) {
	program := filepath.Join(t.TempDir(), "tokentraild")
	if out, err := exec.Command("go", "build", "-o", program, "../tokentraild").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Run("measures", func(t *testing.T) { benchMeasures(t, program) })
	t.Run("interrupted", func(t *testing.T) { benchInterrupted(t, program) })
	t.Run("killed", func(t *testing.T) { benchKilled(t, program) })
}

// A benchChild is bench in a process of its own.
type benchChild struct {
	cmd            *exec.Cmd
	stdout, stderr bytes.Buffer
	temporary      string // its TMPDIR
}

func startBench(t *testing.T, program string, args ...string) *benchChild {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &benchChild{temporary: t.TempDir()}
	c.cmd = exec.Command(self, append([]string{"bench", "--tokentraild", program, "--validators", "1", "--batch", "200", "--json"}, args...)...)
	c.cmd.Env = append(os.Environ(), asProgram+"=1", "TMPDIR="+c.temporary)
	c.cmd.Stdout, c.cmd.Stderr = &c.stdout, &c.stderr
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if c.cmd.ProcessState == nil {
			_ = c.cmd.Process.Kill()
			_ = c.cmd.Wait()
		}
	})
	return c
}

// nodes are the processes that the child has started: its children in /proc.
func (c *benchChild) nodes() (pids []int) {
	found, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range found {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if fields[1] == strconv.Itoa(c.cmd.Process.Pid) && fields[0] != "Z" {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			pids = append(pids, pid)
		}
	}
	return pids
}

// awaitLoad returns when a node runs and its ledger has entries.
func (c *benchChild) awaitLoad(t *testing.T) (pids []int) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		homes, _ := filepath.Glob(c.temporary + "/*/net*/node0/config/node.json")
		if len(homes) == 0 {
			continue
		}
		var config struct{ HTTP string }
		raw, err := os.ReadFile(homes[len(homes)-1])
		if err != nil || json.Unmarshal(raw, &config) != nil {
			continue
		}
		node, err := newClient("http://" + config.HTTP)
		if err != nil {
			continue
		}
		if s, err := node.status(t.Context()); err == nil && s.LogSize > 2 {
			return c.nodes()
		}
	}
	t.Fatal("no node is loaded within a minute")
	return nil
}

func gone(t *testing.T, pids []int) {
	t.Helper()
	for _, pid := range pids {
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
			if err != nil || strings.HasPrefix(strings.TrimSpace(string(stat[bytes.LastIndexByte(stat, ')')+1:])), "Z") {
				break
			}
			if time.Now().After(end) {
				t.Errorf("the node with process id %d is still there", pid)
				_ = syscall.Kill(pid, syscall.SIGKILL)
				break
			}
		}
	}
}

// benchMeasures: a short run gives the document that client.md promises, in both
// loops, and leaves nothing behind. SPEC(CLI-66), SPEC(CLI-68)
func benchMeasures(t *testing.T, program string) {
	c := startBench(t, program, "--duration", "2s", "--warm-up", "200ms", "--half-load", "--prepared", "200")
	if err := c.cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s%s", err, c.stdout.String(), c.stderr.String())
	}
	if left, _ := os.ReadDir(c.temporary); len(left) > 0 {
		t.Errorf("it left %v behind", left)
	}
	var doc benchDoc
	if err := json.Unmarshal(c.stdout.Bytes(), &doc); err != nil || len(doc.Runs) != 2 || len(doc.Nodes) != 1 {
		t.Fatalf("%v\n%s", err, c.stdout.String())
	}
	for _, r := range doc.Runs {
		l := r.Latency
		if r.Records < 1 || r.Records != r.Statements*200 || l.P50 <= 0 || l.P50 > l.P90 || l.P90 > l.P99 || l.P99 > l.Max || r.Seconds != 2 ||
			len(r.Nodes) != 1 || r.Nodes[0].CPU.Seconds <= 0 || r.Nodes[0].Resident < r.Nodes[0].Private || r.Nodes[0].Private < 1<<20 || r.Driver.Seconds <= 0 {
			t.Errorf("%+v", r)
		}
	}
	k := doc.Check
	if k.LedgerEntries != k.Acknowledged || k.LogSize != k.LedgerEntries || k.LedgerRecords != k.FlowRecords || k.Unresolved != 0 || len(k.Problems)+len(k.Unchecked) > 0 {
		t.Errorf("%+v", k)
	}
	n := doc.Nodes[0]
	if n.Disk == nil || n.Disk.PerRecord == nil || n.Disk.Ledger == 0 || n.Disk.Engine == 0 || n.Disk.Index == 0 || n.Disk.WAL == 0 || !n.Index.Complete ||
		n.Disk.Total < n.Disk.Ledger+n.Disk.Engine+n.Disk.WAL+n.Disk.Index || n.Disk.PerRecord.Ledger < 64 {
		t.Errorf("%+v", n)
	}
	if _, err := http.Get(n.URL + "/healthz"); err == nil {
		t.Error("its node still answers")
	}
	checkBenchSchema(t, c.stdout.Bytes())
}

// benchInterrupted: an interrupt ends the load, the answer has what was measured
// until then, and nothing is left behind. SPEC(CLI-69)
func benchInterrupted(t *testing.T, program string) {
	c := startBench(t, program, "--duration", "10m", "--warm-up", "0s", "--rate", "2000", "--prepared", "8")
	pids := c.awaitLoad(t)
	if len(pids) != 1 {
		t.Fatalf("the nodes are %v, wanted one", pids)
	}
	time.Sleep(300 * time.Millisecond)
	if err := c.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = c.cmd.Wait()
	gone(t, pids)
	if left, _ := os.ReadDir(c.temporary); len(left) > 0 {
		t.Errorf("it left %v behind", left)
	}
	var doc benchDoc
	if err := json.Unmarshal(c.stdout.Bytes(), &doc); err != nil || len(doc.Runs) != 1 {
		t.Fatalf("%v\n%s%s", err, c.stdout.String(), c.stderr.String())
	}
	if r := doc.Runs[0]; c.cmd.ProcessState.ExitCode() != exitCouldNot || !doc.Interrupted || r.Records == 0 || r.Seconds <= 0 || r.Seconds > 60 {
		t.Errorf("exit %d, %+v", c.cmd.ProcessState.ExitCode(), r)
	}
	if k := doc.Check; len(k.Problems)+len(k.Unchecked) > 0 || k.LedgerEntries < k.Acknowledged {
		t.Errorf("%+v", k)
	}
}

// benchKilled: nodes do not outlive a driver that is killed.
func benchKilled(t *testing.T, program string) {
	c := startBench(t, program, "--duration", "10m", "--rate", "2000", "--prepared", "8")
	pids := c.awaitLoad(t)
	if err := c.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = c.cmd.Wait()
	gone(t, pids)
}

// benchSchema is the members of the document, all of them.
const benchSchema = `check check.acknowledged_statements check.app_hash check.flow_records check.ledger_records check.ledger_statements
check.log_size check.problems check.unchecked check.unresolved_statements format interrupted machine machine.arch machine.busy machine.cores
machine.kernel machine.load machine.memory_bytes machine.os machine.processor
nodes nodes.app_hash nodes.disk nodes.disk.bytes_per_record nodes.disk.bytes_per_record.engine nodes.disk.bytes_per_record.index
nodes.disk.bytes_per_record.ledger nodes.disk.bytes_per_record.total nodes.disk.bytes_per_record.wal nodes.disk.engine_bytes nodes.disk.index_bytes
nodes.disk.ledger_bytes nodes.disk.total_bytes nodes.disk.wal_bytes nodes.height nodes.index nodes.index.complete nodes.index.entries_at_end
nodes.index.seconds_behind nodes.log_size nodes.name nodes.resident_peak_bytes nodes.url
programs programs.tokentrail programs.tokentrail.go programs.tokentrail.sha256 programs.tokentraild programs.tokentraild.go programs.tokentraild.sha256
runs runs.driver_cpu runs.driver_cpu.seconds runs.driver_cpu.seconds_per_million_records runs.errors runs.in_flight
runs.latency_ms runs.latency_ms.max runs.latency_ms.p50 runs.latency_ms.p90 runs.latency_ms.p99 runs.latency_ms.statements runs.loop
runs.megabytes_per_second runs.nodes runs.nodes.anonymous_peak_bytes runs.nodes.cpu runs.nodes.cpu.seconds runs.nodes.cpu.seconds_per_million_records
runs.nodes.name runs.nodes.resident_peak_bytes runs.prepared_statements runs.rate runs.records runs.records_per_second runs.seconds
runs.sent_bytes_per_record runs.signed_while_running runs.statements runs.unfinished_statements
settings settings.batch settings.duration_seconds settings.entropy_bytes settings.file_system settings.record_bytes settings.seed settings.streams
settings.validators settings.warm_up_seconds`

// checkBenchSchema holds the document's members against the list: what scripts
// read never changes its name.
func checkBenchSchema(t *testing.T, raw []byte) {
	t.Helper()
	var doc any
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	var walk func(at string, v any)
	walk = func(at string, v any) {
		switch v := v.(type) {
		case []any:
			for _, element := range v {
				walk(at, element)
			}
		case map[string]any:
			for name, value := range v {
				path := strings.TrimPrefix(at+"."+name, ".")
				// What the build says of itself is there or not; codes are not names.
				if !slices.Contains([]string{"version", "commit", "modified"}, name) && at != "runs.errors" {
					seen[path] = true
				}
				walk(path, value)
			}
		}
	}
	walk("", doc)
	wanted := map[string]bool{}
	for _, path := range strings.Fields(benchSchema) {
		wanted[path] = true
		if !seen[path] {
			t.Errorf("the document lacks %s", path)
		}
	}
	for path := range seen {
		if !wanted[path] {
			t.Errorf("the document has %s, which the schema does not", path)
		}
	}
}
