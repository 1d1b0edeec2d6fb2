package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

func startCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "start",
		Short: "Run the node of a home",
		Long: `start runs the node of a home until it is interrupted. It refuses a home that
another process uses, and one whose validator could sign twice.`,
		Example: `  tokentraild start --home node`,
		Args:    noArguments,
	}
	home := homeFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		log, err := logger(cmd)
		if err != nil {
			return err
		}
		d, err := startDaemon(cmd.Context(), *home, "", log)
		if err != nil {
			return err
		}
		fmt.Fprintf(cmd.OutOrStdout(), "node of %s: http %s, peers %s\n", *home, d.url(), d.node.P2PAddress())
		return errors.Join(d.wait(cmd.Context()), d.close())
	}
	return cmd
}
