package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"tokentrail/ledger/app"
)

// childGrace is how long a scrub's process may take to end when it is told to.
const childGrace = 10 * time.Second

// scrubApart scrubs a home in processes of its own, one for the engine's stores and
// one for the ledger's: Badger's goroutines panic on some damage, which nothing in
// that process can hold up. Such an end is damage, too. SPEC(NOD-70)
func scrubApart(ctx context.Context, home string, stderr io.Writer) (*scrubReport, error) {
	// What needs no store is said by this process.
	if _, err := os.Stat(home); err != nil {
		return nil, err
	}
	lock, err := app.LockHome(home)
	if err != nil {
		return nil, err
	}
	if err := lock.Close(); err != nil {
		return nil, err
	}
	r, err := scrubProcess(ctx, home, partEngine, stderr)
	if err != nil {
		return nil, err
	}
	var known []string
	for _, hash := range r.AppHashes {
		known = append(known, "--app-hash", hash)
	}
	l, err := scrubProcess(ctx, home, partLedger, stderr, known...)
	if err != nil {
		return nil, err
	}
	r.Height, r.Entries, r.Headers = l.Height, l.Entries, l.Headers
	engineRead := !r.fails(partEngine)
	r.Damage = append(r.Damage, l.Damage...)
	// A store that has lost its list of tables opens as an empty one.
	switch {
	case r.fails(partLedger) || !engineRead:
	case r.EngineHeight > 1 && r.Height == 0:
		r.add(scrubDamage{Part: partLedger, What: "store", Where: app.LedgerDir(home), Remedy: remedyRepair,
			Found: fmt.Sprintf("it is empty, and the engine is at height %d", r.EngineHeight)})
	case r.EngineHeight < r.Height:
		r.add(scrubDamage{Part: partEngine, What: "store", Where: app.EngineDir(home), Remedy: remedyEngine,
			Found: fmt.Sprintf("it is at height %d, and the ledger at %d", r.EngineHeight, r.Height)})
	}
	r.EngineHeight, r.AppHashes = 0, nil
	return r, nil
}

// fails says that a part cannot be read as a whole.
func (r *scrubReport) fails(part string) bool {
	return slices.ContainsFunc(r.Damage, func(d scrubDamage) bool { return d.Part == part && !d.Opens })
}

// scrubProcess scrubs a part of a home in another process.
func scrubProcess(ctx context.Context, home, part string, stderr io.Writer, more ...string) (*scrubReport, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	args := append([]string{"scrub", "--part", part, "--json", "--home", home, "--log-level", "error"}, more...)
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.SysProcAttr = childAttr()
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = childGrace
	var out bytes.Buffer
	said := &tail{to: stderr}
	cmd.Stdout, cmd.Stderr = &out, said
	err = cmd.Run()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	r := &scrubReport{}
	if json.Unmarshal(out.Bytes(), r) == nil && r.Home == home {
		return r, nil
	}
	var ended *exec.ExitError
	if err == nil || !errors.As(err, &ended) {
		return nil, fmt.Errorf("scrub %s: its process said nothing that can be read (%w)", home, err)
	}
	if ended.ExitCode() == exitCouldNot && !said.panicked() {
		return nil, fmt.Errorf("scrub %s: %s", home, strings.TrimPrefix(said.last(), "tokentraild: "))
	}
	return fatalDamage(home, part, said, ended), nil
}

// fatalDamage is the report of a scrub whose process was ended by what it read.
func fatalDamage(home, part string, said *tail, ended error) *scrubReport {
	d := scrubDamage{Part: part, What: "store", Where: app.LedgerDir(home), Remedy: remedyRepair}
	if part == partEngine {
		d.Where, d.Remedy = app.EngineDir(home), remedyEngine
	}
	found := said.panic()
	if found == "" {
		found = ended.Error()
	}
	d.Found = "a process that reads it is ended by it: " + found
	return &scrubReport{Home: home, Damage: []scrubDamage{d}}
}

// A tail passes on what a process says, and keeps the last of it. Once the process
// panics nothing is passed on.
type tail struct {
	to   io.Writer
	kept []byte
}

// maxTail is how much of what a process says is kept, in bytes.
const maxTail = 64 << 10

// Write implements io.Writer.
func (t *tail) Write(b []byte) (int, error) {
	t.kept = append(t.kept, b...)
	if len(t.kept) > 2*maxTail {
		t.kept = append([]byte(nil), t.kept[len(t.kept)-maxTail:]...)
	}
	if !t.panicked() && !bytes.HasPrefix(b, []byte("tokentraild:")) {
		_, _ = t.to.Write(b) // progress only
	}
	return len(b), nil
}

// panic returns the first line of the process's panic, empty where it had none.
func (t *tail) panic() string {
	for line := range strings.Lines(string(t.kept)) {
		for _, begin := range []string{"panic: ", "fatal error: ", "unexpected fault address", "SIGBUS"} {
			if strings.HasPrefix(line, begin) {
				return strings.TrimSpace(line)
			}
		}
	}
	return ""
}

func (t *tail) panicked() bool { return t.panic() != "" }

// last returns the last line.
func (t *tail) last() string {
	lines := strings.Split(strings.TrimSpace(string(t.kept)), "\n")
	return lines[len(lines)-1]
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
