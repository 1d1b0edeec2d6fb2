// Command tokentraild is a node of a tokentrail ledger: CometBFT, the ledger's
// state machine on Badger, and the HTTP interface, in one process.
//
//	tokentraild demo       everything at once, on a real trace
//	tokentraild init       a new home: keys, genesis, configuration
//	tokentraild start      run the node of a home
//	tokentraild rejoin     bring a node forward that was away too long
//	tokentraild backup     copy a ledger to a directory that only grows
//	tokentraild restore    make a node's stores from a backup
//	tokentraild scrub      read all of a stopped node's stores
//	tokentraild repair     mend them from another node or a backup
//	tokentraild localnet   a network of validators on this machine
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}
