//go:build linux

package faults

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// program is the path of a built program: tokentraild or tokentrail.
func program(name string) string { return filepath.Join(os.Getenv(binVariable), name) }

// build builds both programs into dir; flags come before the packages.
func build(dir string, flags ...string) error {
	args := append([]string{"build", "-o", dir + "/"}, flags...)
	out, err := exec.Command("go", append(args, "tokentrail/cmd/tokentraild", "tokentrail/cmd/tokentrail")...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

// buildWith builds tokentraild with source files replaced, by their paths: what
// a test breaks on purpose never stands in the product. It returns the program.
func buildWith(t testing.TB, replaced map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	overlay := map[string]map[string]string{"Replace": {}}
	for path, text := range replaced {
		changed := filepath.Join(dir, fmt.Sprintf("%d-%s", len(overlay["Replace"]), filepath.Base(path)))
		if err := os.WriteFile(changed, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		overlay["Replace"][path] = changed
	}
	b, err := json.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(dir, "bin")
	if err := build(bin, "-overlay", file); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(bin, "tokentraild")
}

// goList asks the go command about a package: its directory, for instance.
func goList(t testing.TB, format, pkg string) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-f", format, pkg).Output()
	if err != nil {
		t.Fatalf("go list %s: %v", pkg, err)
	}
	return strings.TrimSpace(string(out))
}
