package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"tokentrail/ledger/app"
)

// TestREADME runs the README's walk-through as it stands, with the programs as
// they are built, in an empty directory with a usage.csv.
func TestREADME(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	bin, dir := t.TempDir(), t.TempDir()
	if out, err := exec.Command("go", "build", "-o", bin, root+"/cmd/tokentrail", root+"/cmd/tokentraild").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	writeUsage(t, filepath.Join(dir, "usage.csv"))
	script := "set -eu\ntrap 'kill $(jobs -p) && wait' EXIT\n"
	for _, block := range regexp.MustCompile("(?ms)^```sh\n(.*?)^```").FindAllStringSubmatch(string(text), -1) {
		script += block[1]
	}
	ports, err := freePorts(2)
	if err != nil {
		t.Fatal(err)
	}
	// The README names the default port; a test takes free ones.
	script = strings.ReplaceAll(script, "127.0.0.1:7480", ports[0])
	script = strings.Replace(script, "tokentraild init ", "tokentraild init --http "+ports[0]+" --p2p "+ports[1]+" ", 1)
	cmd := exec.Command("bash", "-c", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "TOKENTRAIL="+root, "HOME="+dir, "XDG_STATE_HOME=")
	cmd.SysProcAttr = childAttr()
	cmd.WaitDelay = 10 * time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, want := range []string{"HOLDS", "22,361,870", "13 passed, 0 failed", "12 passed, 0 failed", "4088665", "dataset web-2023", "BOUND (exit 0)", "HOLDS  eu-aia-50", "inspection   19,366 records", "Labels, in records:", "only exporter's  19,366", "counts then          1 record, 9 input, 13 output"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the output lacks %q:\n%s", want, out.String())
		}
	}
}

// writeUsage unpacks the demo's trace.
func writeUsage(t *testing.T, path string) {
	t.Helper()
	r, err := zstd.NewReader(bytes.NewReader(demoTrace))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := r.WriteTo(f); err != nil {
		t.Fatal(err)
	}
}

func freePorts(n int) ([]string, error) {
	ports, err := app.FreePorts(n)
	out := make([]string, n)
	for i := range ports {
		out[i] = fmt.Sprintf("127.0.0.1:%d", ports[i])
	}
	return out, err
}
