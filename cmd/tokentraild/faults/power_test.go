//go:build linux

package faults

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tokentrail/provenance"
)

// powerTrials are how a power loss is made for some number of validators, all of
// which lose power at one moment.
type powerTrials struct {
	net   *network
	disks []*disk
	load  *load
}

func newPowerTrials(t *testing.T, p *plan, validators int, program string) *powerTrials {
	t.Helper()
	net := newNetwork(t, validators)
	x := &powerTrials{net: net}
	for _, n := range net.nodes {
		d := newDisk(t, diskBytes)
		n.moveTo(t, d)
		n.program = program
		// Disks are unmounted last registered first, before the processes of
		// newNetwork end.
		t.Cleanup(n.kill)
		x.disks = append(x.disks, d)
	}
	x.load = newLoad(t, net, p.Uint64())
	return x
}

// lose takes the power away under load: all processes are stopped, what the disks
// hold by then is copied, the processes are killed, and the copies take the place
// of the disks. It returns what was acknowledged by then.
func (x *powerTrials) lose(t *testing.T, after time.Duration) map[provenance.Hash]acknowledgement {
	t.Helper()
	x.load.run()
	if err := x.load.more(1); err != nil {
		t.Fatalf("before the power loss: %v", err)
	}
	time.Sleep(after)
	for _, n := range x.net.nodes {
		n.freeze(t)
	}
	copies := make([]string, len(x.disks))
	for i, d := range x.disks {
		copies[i] = filepath.Join(t.TempDir(), "image")
		d.snapshot(t, copies[i])
	}
	for _, n := range x.net.nodes {
		n.kill()
	}
	x.load.pause() // what was acknowledged left a node before it was stopped
	promised := x.load.promised()
	for i, d := range x.disks {
		d.unmount(t)
		d.replace(t, copies[i])
		d.mount(t)
	}
	return promised
}

// TestPowerLoss: an acknowledgement is durable. Where there is one validator it
// is so alone; four lose power at the same moment.
func TestPowerLoss(t *testing.T) {
	p := newPlan(t, 3, 100)
	var entries, acknowledged, lost, forks int
	trials := map[int]*powerTrials{}
	finish := func(validators int) {
		x := trials[validators]
		if x == nil {
			return
		}
		acknowledged += x.load.count()
		if !t.Failed() {
			entries += x.net.judge(t, x.load.promised(), x.net.nodes...).entries
			x.net.stop(t)
		}
	}
	for p.next() {
		validators := 1
		if p.done%3 == 0 {
			validators = 4
		}
		if trials[validators] == nil || p.done%campaign == 0 {
			finish(validators)
			trials[validators] = newPowerTrials(t, p, validators, "")
			trials[validators].net.start(t)
		}
		x := trials[validators]
		before := x.load.count()
		promised := x.lose(t, p.between(0, 1500*time.Millisecond))
		x.net.start(t)
		a := x.net.judge(t, promised, x.net.nodes[0])
		lost, forks = lost+a.lost, forks+a.forks
		p.say("power off for %d: %d statements acknowledged since the last time, %d entries there", validators, len(promised)-before, a.entries)
	}
	finish(1)
	finish(4)
	p.figures("power losses", "statements", entries, "acknowledged", acknowledged, "lost", lost, "forks", forks)
}

// TestPowerLossControl: with the stores' syncs turned off the same power loss
// takes acknowledged statements along. A test that does not see that sees
// nothing.
func TestPowerLossControl(t *testing.T) {
	p := newPlan(t, 1, 3)
	unsynced := buildWith(t, unsyncedSources(t))
	var acknowledged, lost, refused int
	for p.next() {
		for range 10 { // until it shows
			x := newPowerTrials(t, p, 1, unsynced)
			x.net.start(t)
			promised := x.lose(t, p.between(500*time.Millisecond, 1500*time.Millisecond))
			acknowledged += len(promised)
			gone, said := x.missing(t, promised)
			lost += gone
			if said != "" {
				refused++
			}
			p.say("power off, without syncs: of %d acknowledged statements %d are gone %s", len(promised), gone, said)
			x.disks[0].unmount(t)
			if gone > 0 {
				break
			}
		}
	}
	if lost == 0 {
		t.Error("with syncs turned off nothing was lost: the power losses of these tests lose nothing that was not synced")
	}
	p.figures("power losses without syncs (control)", "acknowledged", acknowledged, "lost", lost, "refused", refused)
}

// missing counts the statements that the ledger on the disk does not have: all
// of them where it does not open, and then what it said.
func (x *powerTrials) missing(t *testing.T, promised map[provenance.Hash]acknowledgement) (gone int, said string) {
	t.Helper()
	told := readLedger(t, filepath.Join(x.net.nodes[0].home, "data", "ledger"))
	_, size, appHash := told.head()
	if appHash == "" {
		return len(promised), fmt.Sprintf("(%.200s)", told.lines[0])
	}
	for _, a := range promised {
		if a.index >= size {
			gone++
		}
	}
	return gone, ""
}

// unsyncedSources are the sources of ledger and engine with Badger's syncs turned
// off.
func unsyncedSources(t *testing.T) map[string]string {
	t.Helper()
	const on, off = "o.SyncWrites = true", "o.SyncWrites = false"
	changed := map[string]string{}
	for _, pkg := range []string{"tokentrail/ledger", "tokentrail/ledger/app"} {
		files, err := filepath.Glob(filepath.Join(goList(t, "{{.Dir}}", pkg), "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, path := range files {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(b), on) {
				changed[path], found = strings.ReplaceAll(string(b), on, off), true
			}
		}
		if !found {
			t.Fatalf("%s does not say %q; the control has to turn its syncs off in another way", pkg, on)
		}
	}
	return changed
}
