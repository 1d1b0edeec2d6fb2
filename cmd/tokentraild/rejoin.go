package main

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"tokentrail/ledger"
	"tokentrail/ledger/app"
)

func rejoinCommand() *cobra.Command {
	var join joinFlags
	cmd := &cobra.Command{
		Use:   "rejoin",
		Short: "Bring a node forward that was away for longer than its peers keep blocks",
		Long: `rejoin takes the ledger's newest state from running nodes, as init --join does,
into a home that exists. Keys, configuration and what the validator remembers of
its signatures stay; the entries between are fetched while the node runs, from the
ledger that it had and from the nodes named.`,
		Example: `  tokentraild rejoin --home node --join http://10.0.0.2:7480 --trust 120000:64-hex-digits`,
		Args:    noArguments,
	}
	home := homeFlag(cmd)
	join.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		log, err := logger(cmd)
		if err != nil {
			return err
		}
		if len(join.urls) == 0 {
			return usageError{errors.New("--join is missing: the HTTP address of a running node")}
		}
		conf, err := app.LoadNodeConfig(*home)
		if err != nil {
			return err
		}
		_, genesis, _, err := app.LoadGenesis(*home)
		if err != nil {
			return err
		}
		lock, err := app.LockHome(*home)
		if err != nil {
			return err
		}
		defer lock.Close()
		if err := app.FinishRejoin(*home); err != nil {
			return err
		}
		j, err := join.fetch(cmd.Context(), log)
		if err != nil {
			return err
		}
		if !bytes.Equal(genesis, j.genesis) {
			return fmt.Errorf("%s has another genesis document than %s: it is of another ledger", j.sources[0], *home)
		}
		if err := isAhead(*home, j, log); err != nil {
			return err
		}
		conf.History = j.sources
		if err := app.WriteNodeConfig(*home, conf); err != nil {
			return err
		}
		if err := app.Rejoin(*home, genesis, j.joint, log); err != nil {
			return err
		}
		if err := fillPast(cmd.Context(), *home, pastFrom(j.sources), log); err != nil {
			return err
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s\nnext: tokentraild start --home %s\n", j.said(), *home)
		return nil
	}
	return cmd
}

// isAhead refuses a state that is not above the home's own ledger. A ledger that
// cannot be opened is no reason to keep it.
func isAhead(home string, j *joined, log *slog.Logger) error {
	l, err := ledger.Open(app.LedgerDir(home), ledger.Options{Logger: log})
	if err != nil {
		log.Warn("the ledger cannot be opened and is replaced", "home", home, "error", err)
		return nil
	}
	height, _ := l.Info()
	if err := l.Close(); err != nil {
		return err
	}
	if got := j.joint.Head().Height; got <= height {
		return fmt.Errorf("%s gives the state of height %d, this node is at %d: it is not behind; start it, or ask another node", j.sources[0], got, height)
	}
	return nil
}
