package main

import (
	"bytes"
	"context"
	"crypto"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"tokentrail/ledger/app"
	"tokentrail/provenance"
)

// olderBuild builds a node that knows rule version 2 and not 3.
func olderBuild(t testing.TB) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "tokentraild")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-tags", "tokentrail_rules2", "-o", file, ".").CombinedOutput()
	if err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return file
}

// An olderNode is a process of an older build, and what it says.
type olderNode struct {
	cmd  *exec.Cmd
	said bytes.Buffer // not to be read before it has ended
	done chan error
}

func startOlder(t testing.TB, build, home string) *olderNode {
	t.Helper()
	o := &olderNode{cmd: exec.Command(build, "start", "--home", home, "--log-level", "warn"), done: make(chan error, 1)}
	o.cmd.Stderr = &o.said
	o.cmd.SysProcAttr = childAttr()
	check(t, o.cmd.Start())
	go func() { o.done <- o.cmd.Wait() }()
	t.Cleanup(func() { _ = o.cmd.Process.Kill() })
	return o
}

// stopped wants the node to end by itself, as a program that cannot go on does,
// and to say why.
func (o *olderNode) stopped(t testing.TB, ctx context.Context, height int64) {
	t.Helper()
	select {
	case <-ctx.Done():
		t.Fatal("the older build does not stop")
	case err := <-o.done:
		said := o.said.String()
		if err == nil || !strings.Contains(said, "rules have version 3 from height "+strconv.FormatInt(height, 10)) ||
			!strings.Contains(said, "install a release that has it") || strings.Contains(said, "goroutine ") ||
			strings.Contains(said, "tokentraild repair") || strings.Contains(said, "may be a fork") {
			t.Errorf("the older build ended with %v and said\n%s", err, said)
		}
	}
}

// TestRulesUpgrade: SPEC(ADM-16). Three validators and one of an older build take
// up a rule version that the older one does not have. It stops before that height,
// says so, and says it again when it is started again; the others go on. So does
// an older node that fetches the blocks later. Under the newer build both go on
// from where they stopped, and all have the same ledger.
func TestRulesUpgrade(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	older := olderBuild(t)
	acme := newProvider(t, "acme")
	a := &actor{key: newProvider(t, "governor").key, sequences: map[string]int64{}}
	homes := networkHomes(t, 4, a.governed, acme)
	net := startNetworkOf(t, homes[:3])
	behind := startOlder(t, older, homes[3])
	a.validator = net[0]
	for _, v := range net {
		v.wait(t, ctx, 0)
	}
	entries := int64(0)
	records := traceRecords(t)
	say := func() {
		t.Helper()
		if got := post(t, net[int(entries)%3].url, acme.next(t, records[entries:entries+1])); got.status != http.StatusCreated {
			t.Fatalf("%d %s", got.status, got.body)
		}
		entries++
	}
	say()
	from := net[0].wait(t, ctx, entries).Height + 15
	a.act(t, "", []crypto.Signer{a.key}, provenance.Action{Type: provenance.RulesSet, Rules: 3, RulesFrom: from})
	entries++
	for net[0].wait(t, ctx, entries).Height < from+2 {
		say()
	}
	behind.stopped(t, ctx, from)
	startOlder(t, older, homes[3]).stopped(t, ctx, from)
	say() // the others go on
	// Nothing is damaged, and the older program neither says so nor mends it.
	for _, args := range [][]string{{"scrub"}, {"repair", "--from", net[0].url}} {
		out, err := exec.CommandContext(ctx, older, append(args, "--home", homes[3])...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "install a release that has it") ||
			strings.Contains(string(out), "damaged") || strings.Contains(string(out), "made anew") {
			t.Errorf("%s of the older build ends with %v and says\n%s", args[0], err, out)
		}
	}

	late := lateHome(t, homes)
	startOlder(t, older, late.home).stopped(t, ctx, from)

	last := &validator{home: homes[3], url: urlOf(t, homes[3])}
	for _, v := range []*validator{last, late} {
		v.start(t)
		t.Cleanup(func() {
			if err := v.end(os.Interrupt); err != nil {
				t.Errorf("%s: %v", v.home, err)
			}
		})
	}
	say()
	first := net[0].wait(t, ctx, entries)
	for _, v := range append(net, last, late) {
		if s := v.wait(t, ctx, entries); s.AppHash != first.AppHash || s.LogSize != entries {
			t.Errorf("%s has %+v, wanted %d entries and the app hash %s", v.url, s, entries, first.AppHash)
		}
	}
	auditNode(t, late.home, late.url)
}

// lateHome is the home of a node that does not validate, with the peers and the
// genesis of a network's.
func lateHome(t testing.TB, homes []string) *validator {
	t.Helper()
	conf, err := app.LoadNodeConfig(homes[3])
	check(t, err)
	ports, err := app.FreePorts(2)
	check(t, err)
	at := func(port int) string { return "127.0.0.1:" + strconv.Itoa(port) }
	home := filepath.Join(t.TempDir(), "late")
	args := []string{"init", "--home", home, "--name", "late", "--http", at(ports[0]), "--p2p", at(ports[1]), "--genesis", app.GenesisPath(homes[0])}
	for _, p := range conf.PersistentPeers {
		args = append(args, "--peer", p)
	}
	var out, errs bytes.Buffer
	if code := run(t.Context(), args, &out, &errs); code != exitOK {
		t.Fatalf("init ends with %d: %s%s", code, out.String(), errs.String())
	}
	return &validator{home: home, url: "http://" + at(ports[0])}
}

func urlOf(t testing.TB, home string) string {
	t.Helper()
	conf, err := app.LoadNodeConfig(home)
	check(t, err)
	return "http://" + conf.HTTP
}
