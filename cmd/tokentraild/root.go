package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
)

// Exit codes, those of the client.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 64
)

// usageError is what the command line got wrong.
type usageError struct{ error }

// run executes one command line and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := rootCommand()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	var usage usageError
	var coded *exitError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "tokentraild: %v\nRun 'tokentraild --help' for how it is used.\n", err)
		return exitUsage
	}
	if ctx.Err() != nil {
		err = fmt.Errorf("interrupted")
	}
	fmt.Fprintf(stderr, "tokentraild: %v\n", err)
	if errors.As(err, &coded) {
		return coded.code
	}
	return exitFailed
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "tokentraild",
		Short: "A node of a tokentrail ledger",
		Long: `tokentraild runs a node of a tokentrail ledger: a Byzantine-fault-tolerant log
of signed records of AI tokens that no one party controls.

Start with 'tokentraild demo'.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return cmd.Help()
		},
		Args: noArguments,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.PersistentFlags().String("log-level", "warn", "least level of log messages on stderr: debug, info, warn, error")
	root.AddCommand(initCommand(), startCommand(), rejoinCommand(), localnetCommand(), demoCommand(), showCommand(),
		backupCommand(), restoreCommand(), scrubCommand(), repairCommand())
	return root
}

// noArguments refuses arguments as a usage error.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("unknown command or argument %q for %q", args[0], cmd.CommandPath())}
	}
	return nil
}

// logger returns the logger that the command line asks for.
func logger(cmd *cobra.Command) (*slog.Logger, error) {
	text, _ := cmd.Flags().GetString("log-level")
	var level slog.Level
	if err := level.UnmarshalText([]byte(text)); err != nil {
		return nil, usageError{fmt.Errorf("--log-level %q: want debug, info, warn or error", text)}
	}
	return slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: level})), nil
}

// homeFlag adds --home.
func homeFlag(cmd *cobra.Command) *string {
	home := ".tokentraild"
	if dir, err := os.UserHomeDir(); err == nil {
		home = filepath.Join(dir, home)
	}
	return cmd.Flags().String("home", home, "the node's data directory")
}
