package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"testing"
)

// childVariable makes the test binary a node: tests that kill need processes.
const childVariable = "TOKENTRAILD_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}
