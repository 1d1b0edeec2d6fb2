// Command tokentrail is the client of the ledger of AI token usage, for
// providers, auditors and regulators. spec/client.md says what it promises:
// its files, exit codes and JSON.
package main

import (
	"context"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // import csv --zone works where the system has no zones
)

func main() {
	log.SetOutput(io.Discard) // net/http tells there of what is no HTTP, in the middle of ours
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends at once
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv))
}
