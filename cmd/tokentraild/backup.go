package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	"tokentrail/ledger/backup"
	"tokentrail/verify/remote"
)

type backupOptions struct {
	to, check, node string
	home            string
	height          int64
	asJSON          bool
	trust           trustFlags
}

func backupCommand() *cobra.Command {
	var o backupOptions
	cmd := &cobra.Command{
		Use:   "backup",
		Short: "Copy a ledger to a directory that only grows, or check such a copy",
		Long: `backup adds to the directory --to what the ledger has and the directory has not:
entries and signed headers in files that never change, and a checkpoint. The
ledger is that of a home whose node does not run, or that of a running node. What
is copied is checked while it is copied. It may be interrupted and run again.

With --check it reads all of a backup and says whether it is whole and of the
chain that --genesis-hash or --trust names.`,
		Example: `  tokentraild backup --home node --to /mnt/backup
  tokentraild backup --node http://127.0.0.1:7480 --to /mnt/backup
  tokentraild backup --check /mnt/backup --genesis-hash 5f3c…`,
		Args: noArguments,
	}
	home := homeFlag(cmd)
	f := cmd.Flags()
	f.StringVar(&o.to, "to", "", "the backup's directory; made where there is none")
	f.StringVar(&o.node, "node", "", "a running node's HTTP address, instead of a home")
	f.StringVar(&o.check, "check", "", "check the backup in this directory")
	f.Int64Var(&o.height, "height", 0, "with --check: of the checkpoint of this height, not of the newest")
	f.BoolVar(&o.asJSON, "json", false, "print the result as JSON")
	o.trust.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		log, err := logger(cmd)
		if err != nil {
			return err
		}
		o.home = *home
		switch {
		case (o.to == "") == (o.check == ""):
			return usageError{errors.New("give --to, the backup's directory, or --check")}
		case o.check != "":
			return checkBackup(cmd.Context(), &o, cmd.OutOrStdout(), cmd.ErrOrStderr())
		case o.node != "" && cmd.Flags().Changed("home"):
			return usageError{errors.New("give --home or --node")}
		}
		return runBackup(cmd.Context(), &o, cmd.OutOrStdout(), cmd.ErrOrStderr(), log)
	}
	return cmd
}

func runBackup(ctx context.Context, o *backupOptions, stdout, stderr io.Writer, log *slog.Logger) (err error) {
	trust, err := o.trust.trust()
	if err != nil {
		return err
	}
	if trust.Height > 0 {
		return usageError{errors.New("--trust is for --check and for restore; a backup is checked against the chain when it is read")}
	}
	options := backup.Options{Reading: engineReading()}
	var src backup.Source
	if o.node != "" {
		node, err := remote.New(o.node, remote.Options{UserAgent: "tokentraild"})
		if err != nil {
			return usageError{err}
		}
		src, options.CheckRecords = nodeSource{node, trust.Genesis}, true
	} else {
		home, err := openHome(o.home, log)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, home.close()) }()
		src = home
	}
	meter := newMeter(stderr, "entries")
	options.Progress = meter.update
	r, err := backup.Run(ctx, o.to, src, options)
	meter.done()
	if err != nil {
		return err
	}
	if o.asJSON {
		return printJSON(stdout, r)
	}
	if len(r.Files) == 0 {
		_, err = fmt.Fprintf(stdout, "%s: nothing new since height %d: %d entries, signed headers from %d on\n", o.to, r.Height, r.Entries, r.FirstHeader)
		return err
	}
	_, err = fmt.Fprintf(stdout, "%s: height %d: %d entries (%d new), %d signed headers (%d new), %d files and %d bytes added\n",
		o.to, r.Height, r.Entries, r.NewEntries, r.Headers, r.NewHeaders, len(r.Files), r.Bytes)
	return err
}

// openVerified opens a backup and verifies all of it. SPEC(NOD-66)
func openVerified(ctx context.Context, dir string, height int64, t *trustFlags, prove []int64, stderr io.Writer) (*backup.Backup, *backup.Proofs, error) {
	trust, err := t.trust()
	if err != nil {
		return nil, nil, err
	}
	b, err := backup.Open(dir, height, engineReading())
	if err != nil {
		return nil, nil, err
	}
	meter := newMeter(stderr, "entries")
	p, err := b.Verify(ctx, backup.VerifyOptions{Prove: prove, Progress: meter.update})
	meter.done()
	if err != nil {
		return nil, nil, err
	}
	if err := verifyHeader(ctx, b, trust); err != nil {
		return nil, nil, fmt.Errorf("backup %s: %w", dir, err)
	}
	return b, p, nil
}

// checked is the answer of backup --check.
type checked struct {
	Directory   string `json:"directory"`
	Height      int64  `json:"height"`
	Entries     int64  `json:"entries"`
	FirstHeader int64  `json:"first_header"`
	LastHeader  int64  `json:"last_header"`
	Header      string `json:"header_hash"`
	AppHash     string `json:"app_hash"`
	Genesis     string `json:"genesis_hash"`
	Trusted     bool   `json:"trusted"` // the chain is the one that the command line names
}

func checkBackup(ctx context.Context, o *backupOptions, stdout, stderr io.Writer) error {
	b, _, err := openVerified(ctx, o.check, o.height, &o.trust, nil, stderr)
	if err != nil {
		return err
	}
	head := b.Checkpoint().Frontier.Head()
	c := checked{Directory: o.check, Height: head.Height, Entries: head.Size, Header: b.Header().Hash.String(),
		AppHash: head.AppHash.String(), Genesis: b.GenesisHash().String(), Trusted: o.trust.given()}
	c.FirstHeader, c.LastHeader = b.Headers()
	if o.asJSON {
		return printJSON(stdout, c)
	}
	fmt.Fprintf(stdout, "%s is whole: height %d, %d entries, signed headers %d to %d\nheader   %s\napp hash %s\ngenesis  %s\n",
		c.Directory, c.Height, c.Entries, c.FirstHeader, c.LastHeader, c.Header, c.AppHash, c.Genesis)
	if !c.Trusted {
		fmt.Fprintln(stdout, "compare the genesis document's SHA-256 with what others have, or give it with --genesis-hash: the backup alone does not say that it is of your chain")
	}
	return nil
}

func printJSON(w io.Writer, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	_, err = w.Write(append(b, '\n'))
	return err
}
