package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"tokentrail/ledger/app"
)

type localnetOptions struct {
	dir        string
	chainID    string
	validators int
	basePort   int
	providers  []string
	govern     governFlags
	initOnly   bool
	given      bool // whether the number of validators was said
}

func localnetCommand() *cobra.Command {
	o := localnetOptions{}
	cmd := &cobra.Command{
		Use:   "localnet",
		Short: "Run a network of validators on this machine",
		Long: `localnet makes the homes DIR/node0, DIR/node1, … of a network on 127.0.0.1, one
process for each validator, and runs them until it is interrupted. In a directory
that has them already it goes on where they stopped.`,
		Example: `  tokentraild localnet --validators 4 --dir net --provider acme,US,acme.pub`,
		Args:    noArguments,
	}
	f := cmd.Flags()
	f.StringVar(&o.dir, "dir", "localnet", "where the homes are")
	f.StringVar(&o.chainID, "chain-id", "localnet-1", "name of the chain")
	f.IntVar(&o.validators, "validators", 4, "number of validators")
	f.IntVar(&o.basePort, "base-port", 0, "first of three ports for each validator (HTTP, peers, RPC); 0: free ones")
	f.StringArrayVar(&o.providers, "provider", nil, "admit a provider: id,jurisdiction[+jurisdiction],key (repeatable)")
	o.govern.add(cmd)
	f.BoolVar(&o.initOnly, "init-only", false, "make the homes and do not run them")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		o.given = cmd.Flags().Changed("validators")
		homes, err := localnetHomes(&o)
		if err != nil {
			return err
		}
		if o.initOnly {
			for _, home := range homes {
				fmt.Fprintln(cmd.OutOrStdout(), home)
			}
			return nil
		}
		level, _ := cmd.Flags().GetString("log-level")
		return runLocalnet(cmd.Context(), homes, level, cmd.OutOrStdout(), cmd.ErrOrStderr())
	}
	return cmd
}

// localnetHomes makes the homes, or finds those that are there.
func localnetHomes(o *localnetOptions) ([]string, error) {
	if o.validators < 1 || o.validators > 100 {
		return nil, usageError{fmt.Errorf("--validators %d: want 1 to 100", o.validators)}
	}
	found, err := filepath.Glob(filepath.Join(o.dir, "node*"))
	if err != nil {
		return nil, err
	}
	if len(found) > 0 {
		if o.given && len(found) != o.validators {
			return nil, fmt.Errorf("%s has a network of %d validators already; leave out --validators or choose another --dir", o.dir, len(found))
		}
		if len(o.providers) > 0 || len(o.govern.keys) > 0 {
			return nil, fmt.Errorf("%s has a network already, whose genesis does not change; leave out --provider and --governance-key, or choose another --dir", o.dir)
		}
		return found, nil
	}
	state, err := appState(o.providers, &o.govern)
	if err != nil {
		return nil, err
	}
	homes, err := app.InitLocalnet(o.dir, app.Localnet{
		ChainID: o.chainID, Validators: o.validators, Time: time.Now(), AppState: state, BasePort: o.basePort,
	})
	if err != nil {
		return nil, err
	}
	for _, home := range homes {
		if err := newReceiptKey(home); err != nil {
			return nil, err
		}
	}
	return homes, nil
}

// runLocalnet runs a process for each home until ctx ends. One that ends by
// itself leaves the others running: that is what the ledger is made for.
func runLocalnet(ctx context.Context, homes []string, level string, stdout, stderr io.Writer) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type ending struct {
		home string
		err  error // nil: it was told to end
	}
	ended := make(chan ending, len(homes))
	started := 0
	for _, home := range homes {
		cmd := exec.CommandContext(ctx, self, "start", "--home", home, "--log-level", level)
		cmd.Stdout, cmd.Stderr = stdout, stderr
		cmd.SysProcAttr = childAttr()
		cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
		cmd.WaitDelay = 30 * time.Second
		if err = cmd.Start(); err != nil {
			cancel() // and wait for those that did start
			break
		}
		started++
		go func() { ended <- ending{home, cmd.Wait()} }()
	}
	for range started {
		how := <-ended
		if ctx.Err() == nil {
			why := "it was stopped"
			if how.err != nil {
				why = how.err.Error()
			}
			fmt.Fprintf(stderr, "tokentraild: the validator of %s ended (%s); the others go on. Start it again with: tokentraild start --home %s\n", how.home, why, how.home)
		}
	}
	if err == nil && ctx.Err() == nil {
		err = fmt.Errorf("all validators of the network have ended")
	}
	return err
}
