package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestFlagsAreStrict: each flag with a value, of each command, is given once and
// never empty, and says in our own words what is wrong with it. SPEC(CLI-4)
func TestFlagsAreStrict(t *testing.T) {
	valued := regexp.MustCompile(`(?m)^ +(?:-\w, )?--([a-z0-9-]+) [a-zA-Z]+ `)
	seen := 0
	var look func(cmd *cobra.Command)
	look = func(cmd *cobra.Command) {
		for _, line := range valued.FindAllStringSubmatch(cmd.LocalFlags().FlagUsages(), -1) {
			seen++
			if _, ok := cmd.LocalFlags().Lookup(line[1]).Value.(*strictValue); !ok {
				t.Errorf("%s --%s is not strict", cmd.CommandPath(), line[1])
			}
		}
		for _, child := range cmd.Commands() {
			look(child)
		}
	}
	look((&app{}).root())
	if seen < 50 {
		t.Errorf("%d flags with a value were looked at", seen)
	}
	for _, word := range []string{"x", "1.5"} {
		code, _, problems := runOnce(t, "trace", "acme/a", "--up", word)
		if want := `--up "` + word + `": wanted a whole number`; code != exitUsage || !strings.Contains(problems, want) {
			t.Errorf("exit %d, %q, wanted %d, %q", code, problems, exitUsage, want)
		}
	}
}
