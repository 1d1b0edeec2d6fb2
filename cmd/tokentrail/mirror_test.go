package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tokentrail/provenance"
	"tokentrail/verify"
)

// TestMirrorsCSV: each outcome of a pair is a row, and what does not hold is told
// beside it. SPEC(CLI-94)
func TestMirrorsCSV(t *testing.T) {
	difference := int64(-50_505)
	r := &verify.Report{Verdict: verify.Evidence, Coverage: &verify.Coverage{Mirrors: &verify.Mirrors{Pairs: []verify.MirrorPair{{
		From: "US", To: "CN", OutputDifference: &difference,
		Unequal: verify.MirrorAmount{Records: 2, ExporterInput: provenance.SumOf(10), ImporterInput: provenance.SumOf(9), ExporterOutput: provenance.SumOf(8), ImporterOutput: provenance.SumOf(7)},
	}}}}}
	var out, told bytes.Buffer
	a := &app{stdout: &out, stderr: &told}
	if err := a.mirrorsCSV(r); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"US,CN,matched,0,0,0,0,0,,\n", "US,CN,unequal,2,10,9,8,7,,\n", "US,CN,difference,,,,,,,-5.0505\n"} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("no %q in %s", line, out.String())
		}
	}
	if !strings.Contains(told.String(), "EVIDENCE AGAINST") {
		t.Error(told.String())
	}
	out.Reset()
	told.Reset()
	if err := a.mirrorsCSV(&verify.Report{Verdict: verify.Holds}); err != nil || strings.Count(out.String(), "\n") != 1 || told.Len() > 0 {
		t.Errorf("%v %q %q", err, out.String(), told.String())
	}
}

// TestSpill: what is written comes back, and nothing is left behind. SPEC(VER-79)
func TestSpill(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	f, err := spillFile()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("rows")); err != nil {
		t.Fatal(err)
	}
	r, err := f.Rewind()
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(r); err != nil || string(b) != "rows" {
		t.Errorf("%q %v", b, err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if left, err := filepath.Glob(dir + "/*"); err != nil || len(left) > 0 {
		t.Errorf("%v %v", left, err)
	}
	t.Setenv("TMPDIR", filepath.Join(dir, "nowhere"))
	if _, err := spillFile(); !os.IsNotExist(err) {
		t.Error(err)
	}
}
