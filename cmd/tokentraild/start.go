package main

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"

	"tokentrail/ledger/api"
)

func startCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "start",
		Short: "Run the node of a home",
		Long: `start runs the node of a home until it is interrupted. It refuses a home that
another process uses, and one whose validator could sign twice.`,
		Example: `  tokentraild start --home node
  tokentraild start --home node --behind-proxy`,
		Args: noArguments,
	}
	home := homeFlag(cmd)
	proxied := cmd.Flags().Bool("behind-proxy", false, "all clients come from one address, a proxy's: no limits by address, which the proxy has to set")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		log, err := logger(cmd)
		if err != nil {
			return err
		}
		boundHeap()
		d, err := startDaemon(cmd.Context(), *home, httpLimits(*proxied), log)
		if err != nil {
			return err
		}
		fmt.Fprintf(cmd.OutOrStdout(), "node of %s: http %s, peers %s\n", *home, d.url(), d.node.P2PAddress())
		return errors.Join(d.wait(cmd.Context()), d.close())
	}
	return cmd
}

// heapGrowth is by how many percent the heap may outgrow what is alive before it is
// collected. Most of it are memtables, tables that are being made and submissions:
// large, few, and without pointers, so that a collection costs little, while Go's
// 100 % are hundreds of MiB.
const heapGrowth = 25

// boundHeap keeps the heap near what is alive, unless the operator has said how
// large it may become, with Go's own variables. SPEC(NOD-81)
func boundHeap() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(heapGrowth)
	}
}

// httpLimits returns the limits of a node. Behind a proxy one address may have all
// that there is for all (SPEC(API-5)).
func httpLimits(proxied bool) api.Limits {
	if !proxied {
		return api.Limits{}
	}
	return api.Limits{
		Posts: 2048, AddressPosts: 2048,
		PostBytes: 64 << 20, AddressBytes: 64 << 20,
		Answers: 64, AddressAnswers: 64, AddressExpansions: 2048,
		AddressLookups: 2048,
	}
}
