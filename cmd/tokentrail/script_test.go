package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func testMain(m *testing.M) { testscript.Main(m, map[string]func(){"tokentrail": main}) }

func TestScripts(t *testing.T) {
	cut, err := os.ReadFile("../../provenance/intake/testdata/azure-llm-2023-conv-cut.csv")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			env.Setenv("TOKENTRAIL_PASSPHRASE", "")
			env.Setenv("HOME", env.WorkDir)
			return os.WriteFile(env.WorkDir+"/trace.csv", cut, 0o600)
		},
	})
}
