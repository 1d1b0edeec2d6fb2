package main

import (
	"strings"
	"testing"
)

// TestStreamsNamed: what names no stream or provider is a wrong command line, and asks
// no node.
func TestStreamsNamed(t *testing.T) {
	for _, args := range [][]string{
		{"stream", "acme"}, {"stream", "acme/"}, {"stream", "/us"}, {"stream", "Acme/us"}, {"stream", "acme/us/x"}, {"stream"},
		{"provider", "acme/us"}, {"provider", ""}, {"provider", "a b"}, {"provider", "acme", "beta"},
		{"stream", "acme/us", "--records=some"}, {"stream", "acme/us", "--trust", "7"}, {"stream", "acme/us", "--genesis", "x"},
	} {
		code, _, stderr := runOnce(t, append([]string{"verify", "--node", "http://127.0.0.1:1"}, args...)...)
		if code != exitUsage {
			t.Errorf("%s: exit %d, %s", strings.Join(args, " "), code, stderr)
		}
	}
}
