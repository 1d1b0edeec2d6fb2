package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tokentrail/provenance"
	"tokentrail/verify"
)

const testOrigin = "tokentrail/test-1/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// keptAt is a head of a height; which one, the hash says.
func keptAt(height int64, hash byte) *verify.Kept {
	return &verify.Kept{
		Origin: testOrigin, Height: height, Header: provenance.Hash{hash}, LightBlock: bytes.Repeat([]byte{hash}, 5000), Changes: [][]byte{{1}},
		Trust: verify.KeptTrust{Kind: "genesis", From: "auditor"}, When: time.UnixMilli(1700000000000).UTC(),
	}
}

func memoryIn(dir string) *memory { return &memory{state: dir, origin: testOrigin} }

func mustKeep(t testing.TB, m *memory, k *verify.Kept) {
	t.Helper()
	if err := m.keep(k); err != nil {
		t.Fatal(err)
	}
}

// TestMemory keeps heads in their place, and only ever a higher one. SPEC(CLI-80),
// SPEC(CLI-81)
func TestMemory(t *testing.T) {
	dir := t.TempDir()
	m := memoryIn(dir)
	if k, err := m.head(); k != nil || err != nil {
		t.Fatal(k, err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Error("to look for a head makes directories")
	}
	mustKeep(t, m, keptAt(7, 1))
	path := filepath.Join(dir, "ledgers", "test-1-0123456789abcdef", "head")
	for _, c := range []struct {
		path string
		mode os.FileMode
	}{{path, 0o600}, {filepath.Dir(path), 0o700}, {filepath.Dir(filepath.Dir(path)), 0o700}} {
		if info, err := os.Stat(c.path); err != nil || info.Mode().Perm() != c.mode {
			t.Errorf("%s: %v, %v", c.path, info, err)
		}
	}
	mustKeep(t, m, keptAt(9, 2))
	mustKeep(t, m, keptAt(8, 3)) // a slower audit that ended later
	mustKeep(t, m, keptAt(9, 2))
	k, err := m.head()
	if err != nil || k.Height != 9 || k.Header != (provenance.Hash{2}) {
		t.Errorf("%+v, %v", k, err)
	}
	if err := m.keep(keptAt(9, 4)); !errors.Is(err, errOtherKept) || !strings.Contains(err.Error(), "audit again") {
		t.Error(err)
	}
}

// TestMemoryThatCannotBeRead is an error that says what to do, and is never replaced.
// SPEC(CLI-81)
func TestMemoryThatCannotBeRead(t *testing.T) {
	whole, err := keptAt(7, 1).Encode()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		spoil func(path string) error
		says  string
	}{
		"cut":   {func(p string) error { return os.WriteFile(p, whole[:len(whole)-1], 0o600) }, "move it away to begin anew"},
		"empty": {func(p string) error { return os.WriteFile(p, nil, 0o600) }, "move it away to begin anew"},
		"changed": {func(p string) error {
			return os.WriteFile(p, append(bytes.Clone(whole[:99]), make([]byte, len(whole)-99)...), 0o600)
		}, "damaged"},
		"newer": {func(p string) error {
			return os.WriteFile(p, bytes.Replace(whole, []byte("/v1"), []byte("/v2"), 1), 0o600)
		}, "use a release that has it"},
		"directory": {func(p string) error { return errors.Join(os.Remove(p), os.Mkdir(p, 0o700)) }, "no regular file"},
		"link":      {func(p string) error { return errors.Join(os.Remove(p), os.Symlink("/dev/zero", p)) }, "no regular file"},
		"no access": {func(p string) error { return os.Chmod(filepath.Dir(p), 0) }, "permission denied"},
	} {
		t.Run(name, func(t *testing.T) {
			m := memoryIn(t.TempDir())
			mustKeep(t, m, keptAt(7, 1))
			path := filepath.Join(m.dir(), keptHead)
			if err := c.spoil(path); err != nil {
				t.Fatal(err)
			}
			if name == "no access" {
				defer os.Chmod(m.dir(), 0o700)
				if os.Getuid() == 0 {
					return // nothing is denied to root
				}
			}
			if k, err := m.head(); k != nil || err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%+v, %v", k, err)
			}
			if err := m.keep(keptAt(8, 1)); err == nil {
				t.Error("what cannot be read was replaced")
			}
		})
	}
}

// TestMemoryOfManyAtOnce: of audits that end at once, the highest head stays, whole.
func TestMemoryOfManyAtOnce(t *testing.T) {
	dir := t.TempDir()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for height := int64(1); height <= 20; height++ {
				if err := memoryIn(dir).keep(keptAt(height, byte(height))); err != nil {
					t.Error(err)
				}
				if k, err := memoryIn(dir).head(); err != nil || k.Height < height {
					t.Errorf("%d at %d: %+v, %v", i, height, k, err)
				}
			}
		})
	}
	all.Wait()
	if k, err := memoryIn(dir).head(); err != nil || k.Height != 20 {
		t.Errorf("%+v, %v", k, err)
	}
}

const keepForever = "TOKENTRAIL_TEST_KEEP"

// TestKilledWhileKeeping kills processes in the middle of keeping: what is kept is
// whole and never older than what they said was kept.
func TestKilledWhileKeeping(t *testing.T) {
	if dir := os.Getenv(keepForever); dir != "" {
		keepUntilKilled(dir)
	}
	dir := t.TempDir()
	last := int64(0)
	for round := range 15 {
		last = killedAsItCounts(t, keepForever+"="+dir, time.Duration(round)*1700*time.Microsecond)
		k, err := memoryIn(dir).head()
		if err != nil || k.Height < last || k.Height > last+1 {
			t.Fatalf("round %d: %d was kept: %+v, %v", round, last, k, err)
		}
	}
	mustKeep(t, memoryIn(dir), keptAt(last+2, 1))
	if litter, _ := filepath.Glob(filepath.Join(memoryIn(dir).dir(), tempPrefix+"*")); len(litter) > 0 {
		t.Errorf("left behind: %v", litter)
	}
}

// keepUntilKilled keeps one head after the other, and says so.
func keepUntilKilled(dir string) {
	m := memoryIn(dir)
	height := int64(1)
	if k, err := m.head(); err == nil && k != nil {
		height = k.Height + 1
	}
	for ; ; height++ {
		if err := m.keep(keptAt(height, byte(height))); err != nil {
			panic(err)
		}
		fmt.Println(height)
	}
}

// killedAsItCounts runs the test that calls it in a process of its own, whose environment
// says so, and kills it some time after it wrote its first number. It returns the last.
func killedAsItCounts(t *testing.T, environment string, after time.Duration) (last int64) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), environment)
	said, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fscanln(said, &last); err != nil {
		t.Fatal(err)
	}
	time.Sleep(after)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := fmt.Fscanln(said, &last); err != nil {
			break
		}
	}
	cmd.Wait() // killed
	return last
}

// TestStateOfVerify is where --state says. SPEC(CLI-80)
func TestStateOfVerify(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	a := &app{stderr: &bytes.Buffer{}, env: func(name string) string { return map[string]string{"HOME": "/home/x"}[name] }}
	for flag, want := range map[string]string{"": "/home/x/.local/state/tokentrail", dir: dir, filepath.Join(dir, "new"): filepath.Join(dir, "new")} {
		if m, err := a.memory(flag); err != nil || m.state != want {
			t.Errorf("%q: %+v, %v", flag, m, err)
		}
	}
	if m, err := a.memory("none"); m != nil || err != nil || m.recalls() != nil {
		t.Error(m, err)
	}
	for _, flag := range []string{file, filepath.Join(dir, "not", "there")} {
		if _, err := a.memory(flag); err == nil {
			t.Errorf("%q passes", flag)
		}
	}
	var said bytes.Buffer
	a = &app{stderr: &said, env: func(string) string { return "" }}
	if m, err := a.memory(""); m != nil || err != nil || !strings.Contains(said.String(), "nothing is kept") {
		t.Error(m, err, said.String())
	}
	if _, err := memoryIn(dir).recalls()("../../x"); err == nil {
		t.Error("an origin that is a path passes")
	}
}

// TestHeadOfAnotherDocument: who trusts a header alone, and has a head of the chain id
// under another genesis document, is to say which is meant. SPEC(CLI-80)
func TestHeadOfAnotherDocument(t *testing.T) {
	dir := t.TempDir()
	other := strings.Replace(testOrigin, "/0123", "/4567", 1)
	header := verify.Trust{Height: 5}
	named := verify.Trust{Height: 5, Genesis: &provenance.Hash{}}
	recall := func(origin string, trust verify.Trust) (*verify.Kept, error) {
		m := &memory{state: dir}
		m.rely(trust)
		return m.recalls()(origin)
	}
	if k, err := recall(other, header); k != nil || err != nil {
		t.Fatal(k, err)
	}
	for _, neighbour := range []string{"test-1-4567456789abcdef", "test-10-0123456789abcdef", "test-2-0123456789abcdef"} {
		if err := os.MkdirAll(filepath.Join(dir, "ledgers", neighbour), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"test-10-0123456789abcdef", "test-2-0123456789abcdef"} {
		if err := os.WriteFile(filepath.Join(dir, "ledgers", name, "head"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if k, err := recall(other, header); k != nil || err != nil {
		t.Errorf("heads of other chains: %v, %v", k, err)
	}
	mustKeep(t, memoryIn(dir), keptAt(7, 1))
	if _, err := recall(other, header); err == nil || !strings.Contains(err.Error(), "--genesis") || !strings.Contains(err.Error(), "test-1-0123456789abcdef") {
		t.Errorf("a head of the same chain: %v", err)
	}
	for _, trust := range []verify.Trust{named, {}} {
		if k, err := recall(other, trust); k != nil || err != nil {
			t.Errorf("%+v: %v, %v", trust, k, err)
		}
	}
	if k, err := recall(testOrigin, header); k == nil || err != nil {
		t.Errorf("its own head: %v, %v", k, err)
	}
	(*memory)(nil).rely(header)
}

// TestWitnessFlags refuses what is no other node. SPEC(CLI-83)
func TestWitnessFlags(t *testing.T) {
	for _, args := range [][]string{
		{"--witness", "http://h"}, {"--witness", "http://a", "--witness", "http://a/"}, {"--witness", "ftp://a"}, {"--witness", ""},
		{"--witness", strings.Repeat("http://a,", 16) + "http://a"},
	} {
		code, _, stderr := runOnce(t, append([]string{"verify", "--node", "http://h", "--state", "none"}, args...)...)
		if code != exitUsage {
			t.Errorf("%v: exit %d: %s", args, code, stderr)
		}
	}
}
