package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"tokentrail/provenance"
)

func (a *app) govJoinCommand() *cobra.Command {
	var f govFlags
	var file string
	cmd := &cobra.Command{
		Use:   "join FILE FILE…",
		Short: "Put the signatures of copies of a proposal together",
		Long: "Put the signatures of copies of one proposal, which were signed apart, into one file. Signatures\n" +
			"that do not hold are left out; with --offline they are not looked at.",
		Example: "tokentrail gov join from-alice from-bob --file proposal --node http://localhost:7480",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) < 2 {
				return fmt.Errorf("%s needs two proposals at least; see %s --help", cmd.CommandPath(), cmd.CommandPath())
			}
			return nil
		},
	}
	f.add(cmd, true)
	cmd.Flags().StringVar(&file, "file", "", "the proposal to write; it may be one of those that are joined")
	require(cmd, "file")
	cmd.RunE = a.does(func(ctx context.Context, args []string) error { return a.govJoin(ctx, args, file, &f) }, asTable, asJSON)
	return cmd
}

func (a *app) govJoin(ctx context.Context, names []string, file string, f *govFlags) error {
	if _, err := os.Lstat(file); err == nil && !slices.Contains(names, file) {
		return fmt.Errorf("%s exists and is none of those that are joined; choose another name", file)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	proposals := make([]*provenance.UnverifiedAct, len(names))
	for i, name := range names {
		var err error
		if proposals[i], err = a.readProposal(name); err != nil {
			return err
		}
		if proposals[i].ID() != proposals[0].ID() {
			return fmt.Errorf("%s is the act %s, %s is the act %s: only signatures of one act are joined", names[0], proposals[0].ID(), name, proposals[i].ID())
		}
	}
	n, err := f.ledger(ctx, a)
	if err != nil {
		return err
	}
	d, v, _, err := describeAct(ctx, n, file, proposals[0])
	if err != nil {
		return err
	}
	a.failure = d
	if d.problem != nil { // of another ledger, all signatures would be left out
		return fmt.Errorf("the ledger would refuse this act, and nothing was written: %w", d.problem)
	}
	var joined *provenance.UnverifiedAct
	for _, u := range proposals {
		// Before they are joined: one that does not hold could take the place of one that does.
		u, gone, err := dropped(v, u)
		if err != nil {
			return err
		}
		d.Dropped = append(d.Dropped, gone...)
		if joined == nil {
			joined = u
		} else if joined, err = provenance.JoinActs(joined, u); err != nil {
			return err
		}
	}
	a.failure = nil
	s, err := judgeSignatures(v, joined)
	if err != nil {
		return err
	}
	d.sign(s)
	write := createProposal
	if slices.Contains(names, file) {
		write = replaceProposal
	}
	if err := write(file, joined); err != nil {
		return err
	}
	return a.emit(d, func(w io.Writer) error { return d.write(w) })
}
