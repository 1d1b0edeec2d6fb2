//go:build linux

package faults

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"tokentrail/ledger"
)

// ledgerChildVariable, in the environment, makes the test binary read all of the
// ledger in a directory, tell of it, and end.
const ledgerChildVariable = "TOKENTRAIL_FAULTS_LEDGER"

// ledgerChild opens the ledger in dir as a node does and prints a line for the
// head, for each entry with what is served of it, or why it is not, and for what
// the scrub finds.
func ledgerChild(dir string) int {
	l, err := ledger.Open(dir, ledger.Options{})
	if err != nil {
		fmt.Println("refused", oneLine(err))
		return 1
	}
	s := l.Snapshot()
	head := s.Head()
	fmt.Printf("head %d %d %s\n", head.Height, head.Size, head.AppHash)
	for i := range head.Size {
		if digest, err := entryDigest(s, i); err != nil {
			fmt.Println("error", i, oneLine(err))
		} else {
			fmt.Println("entry", i, digest)
		}
	}
	if err := s.Scrub(context.Background(), nil); err != nil {
		fmt.Println("scrub", oneLine(err))
	}
	if err := l.Close(); err != nil {
		fmt.Println("close", oneLine(err))
	}
	fmt.Println("done")
	return 0
}

func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", " / ") }

// entryDigest is over all that is served of an entry, found by its place and by
// its id; the proof has to hold.
func entryDigest(s *ledger.Snapshot, index int64) (string, error) {
	e, err := s.Entry(index)
	if err != nil {
		return "", err
	}
	frame, err := s.EntryFrame(e)
	if err != nil {
		return "", err
	}
	head := s.Head()
	proof, err := s.Inclusion(index, head.Size)
	if err != nil {
		return "", err
	}
	if err := proof.Verify(head.LogRoot, e.LeafHash()); err != nil {
		return "", fmt.Errorf("SILENT: a proof that does not hold is served: %w", err)
	}
	at, err := s.IndexOf(e.ID)
	switch {
	case errors.Is(err, ledger.ErrNotFound):
		return "", fmt.Errorf("not found by its id: %w", err)
	case err != nil:
		return "", err
	case at != index:
		return "", fmt.Errorf("SILENT: its id leads to entry %d", at)
	}
	h := sha256.New()
	h.Write(e.Statement)
	h.Write(frame)
	return fmt.Sprintf("%d %x", e.Height, h.Sum(nil)), nil
}

// A ledgerTold is what ledgerChild told.
type ledgerTold struct {
	lines   []string
	crashed bool // the process died, as Badger's own goroutines may make it
	all     string
}

// readLedger runs ledgerChild on a ledger's directory.
func readLedger(t testing.TB, dir string) *ledgerTold {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), ledgerChildVariable+"="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if ctx.Err() != nil {
		t.Fatalf("reading the ledger in %s takes longer than %s", dir, patience)
	}
	told := &ledgerTold{lines: strings.Split(strings.TrimSpace(stdout.String()), "\n"), all: stdout.String() + stderr.String()}
	told.crashed = err != nil && !strings.HasPrefix(told.lines[0], "refused")
	return told
}

// head is the line of the head; empty where there is none.
func (l *ledgerTold) head() (height, size int64, appHash string) {
	for _, line := range l.lines {
		if n, _ := fmt.Sscanf(line, "head %d %d %s", &height, &size, &appHash); n == 3 {
			return height, size, appHash
		}
	}
	return 0, 0, ""
}

// A ledgerTruth is what a ledger holds, for comparison.
type ledgerTruth struct {
	size    int64
	entries map[string]bool // lines of entries
	heads   map[string]bool // "height app hash" that the ledger once had, as the signed headers have it
}

// judge says how a ledger with damage came out; silent is damage that it neither
// tells of nor has mended.
func (truth *ledgerTruth) judge(l *ledgerTold) (outcome string, silent error) {
	if strings.HasPrefix(l.lines[0], "refused") {
		if !strings.Contains(l.all, "ledger") {
			return "", fmt.Errorf("it does not say what it refuses: %s", l.lines[0])
		}
		return "refused", nil
	}
	if l.crashed {
		return "crashed", nil
	}
	height, size, appHash := l.head()
	if !truth.heads[headName(height, appHash)] {
		return "", fmt.Errorf("it opens with a head that it never had: height %d, %d entries, %s", height, size, appHash)
	}
	outcome = "whole"
	if size < truth.size {
		outcome = "shorter" // the engine replays the blocks
	}
	seen := int64(0)
	for _, line := range l.lines {
		switch kind, _, _ := strings.Cut(line, " "); {
		case strings.Contains(line, "SILENT"):
			return "", errors.New(line)
		case kind == "entry" && !truth.entries[line]:
			return "", fmt.Errorf("it serves what it was never given: %s", line)
		case kind == "entry":
			seen++
		case kind == "error":
			seen++
			outcome = "told"
		case kind == "scrub":
			outcome = "told"
		}
	}
	if seen != size {
		return "", fmt.Errorf("it has %d entries and tells of %d", size, seen)
	}
	return outcome, nil
}

func headName(height int64, appHash string) string { return fmt.Sprint(height, " ", appHash) }

// newTruth reads a whole ledger. An older head may come back where damage cuts
// what Badger wrote last; heads are all that there ever were.
func newTruth(t testing.TB, dir string, heads map[string]bool) *ledgerTruth {
	t.Helper()
	truth := &ledgerTruth{entries: map[string]bool{}, heads: heads}
	told := readLedger(t, dir)
	height, size, appHash := told.head()
	if told.crashed || size == 0 || strings.Contains(told.all, "\nscrub") || !heads[headName(height, appHash)] {
		t.Fatalf("the ledger in %s is not whole to begin with: %s", dir, told.all)
	}
	truth.size = size
	for _, line := range told.lines {
		if strings.HasPrefix(line, "entry") {
			truth.entries[line] = true
		}
	}
	return truth
}

// signedHeads are the heads that the engine's headers carry: header h+1 has the
// app hash of height h.
func signedHeads(t testing.TB, n *node) map[string]bool {
	t.Helper()
	source, err := remoteOf(n)
	if err != nil {
		t.Fatal(err)
	}
	s, err := n.status()
	if err != nil {
		t.Fatal(err)
	}
	// The block that carries the newest app hash is empty, and leaves it.
	heads := map[string]bool{headName(s.Height+1, s.AppHash.String()): true}
	for height := int64(1); height <= s.Height+1; height++ {
		h, err := headerOf(t.Context(), source, height)
		if err != nil {
			t.Fatal(err)
		}
		heads[headName(height-1, strings.ToLower(h.AppHash.String()))] = true
	}
	return heads
}
