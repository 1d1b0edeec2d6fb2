package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"tokentrail/provenance"
	"tokentrail/verify/light"
)

func (a *app) govShowCommand() *cobra.Command {
	var f govFlags
	var height int64
	cmd := &cobra.Command{
		Use:   "show [FILE|ENTRY]",
		Short: "Show a proposal, an act of the log, or who governs now",
		Long: "Show a proposal, what it would change and who has still to sign; an act that stands in the log,\n" +
			"by its entry (an index, or the act's id) or the height of its block; or, with neither, who governs\n" +
			"the ledger now, by which rules and policy, who may submit and who validates.",
		Example: "tokentrail gov show --node http://localhost:7480\n" +
			"tokentrail gov show proposal --json\n" +
			"tokentrail gov show 1204\n" +
			"tokentrail gov show --height 88000",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return fmt.Errorf("%s takes one argument at most; %q is a second one", cmd.CommandPath(), args[1])
			}
			return nil
		},
	}
	f.add(cmd, true)
	notBelowZero(cmd, "a proposal's file, or an entry's index, from 0")
	cmd.Flags().Int64Var(&height, "height", 0, "show the acts in the block of this height")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return a.does(func(ctx context.Context, args []string) error {
			given := cmd.Flags().Changed("height")
			switch {
			case given && (len(args) > 0 || height < 1):
				return usagef("--height is a height, from 1, and goes without another argument")
			case given:
				return a.showHeight(ctx, height, &f)
			case len(args) == 0:
				return a.showGovernance(ctx, &f)
			}
			return a.showAct(ctx, args[0], &f)
		}, asTable, asJSON)(cmd, args)
	}
	return cmd
}

// showAct shows a proposal's file, else an entry. SPEC(CLI-42)
func (a *app) showAct(ctx context.Context, name string, f *govFlags) error {
	if id, entry := namedEntry(name); entry {
		if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
			return a.showEntry(ctx, id, f)
		}
	}
	u, err := a.readProposal(name)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no file %s here, and it names no entry; wanted a proposal's file, an entry's index, as 1204, or an act's id, 64 hex digits", printable(name))
	}
	if err != nil {
		return err
	}
	n, err := f.ledger(ctx, a)
	if err != nil {
		return err
	}
	d, _, _, err := describeAct(ctx, n, name, u)
	if err != nil {
		return err
	}
	if d.problem != nil { // its own admission may be the reason
		done, err := n.doneAct(ctx, u.ID())
		if err != nil {
			return err
		}
		if done != nil {
			done.File = name
			d = done
		}
	}
	return a.emit(d, func(w io.Writer) error { return d.writeShown(w) })
}

// namedEntry reports whether an argument names an entry: an index, or an id.
func namedEntry(name string) (id string, is bool) {
	if _, err := parseThumbprint(name); err == nil {
		return strings.ToLower(name), true
	}
	n, err := strconv.ParseInt(name, 10, 64)
	return strconv.FormatInt(n, 10), err == nil && n >= 0
}

func (a *app) showEntry(ctx context.Context, id string, f *govFlags) error {
	if f.offline {
		return usagef("%q is no file here, and an entry is asked of a node: leave out --offline", id)
	}
	n, err := f.ledger(ctx, a)
	if err != nil {
		return err
	}
	d, err := n.actOf(ctx, id)
	var refused *problemError
	if errors.As(err, &refused) && refused.Status == http.StatusNotFound {
		if len(id) == 2*provenance.HashSize {
			return fmt.Errorf("the ledger has no entry with the id %s: %w", id, err)
		}
		return fmt.Errorf("the ledger has no entry %s, and there is no file of that name here: %w", id, err)
	}
	if err != nil {
		return err
	}
	return a.emit(d, d.write)
}

// doneAct returns the act with an id as it stands in the log, nil where it does not.
func (n *nodes) doneAct(ctx context.Context, id provenance.Hash) (*govDoc, error) {
	if there, err := n.isEntry(ctx, id); err != nil || !there {
		return nil, err
	}
	return n.actOf(ctx, id.String())
}

// writeShown is write, and for a proposal that is done says so.
func (d *govDoc) writeShown(w io.Writer) error {
	if err := d.write(w); err != nil || d.Entry == nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\nthis proposal is done: it is entry %s of %s\n", thousands(*d.Entry), d.Ledger)
	return err
}

// actOf fetches an act of the log and proves that it stands there.
func (n *nodes) actOf(ctx context.Context, id string) (d *govDoc, err error) {
	var u *provenance.UnverifiedAct
	var receipt *provenance.Receipt
	var proven int64
	err = n.try(ctx, noStatement, func(c *client) (err error) {
		if u, err = c.act(ctx, id); err != nil {
			return err
		}
		if wanted, e := parseThumbprint(id); e == nil && u.ID() != wanted {
			return refutedError{fmt.Errorf("the node at %s gives the act %s for the act %s", c.base, u.ID(), id)}
		}
		got, err := c.get(ctx, "/entries/"+id, nil, maxReceiptBody)
		if err != nil {
			return err
		}
		receipt, proven, err = n.proveAct(ctx, c, got.body, u)
		if index, parsed := strconv.ParseInt(id, 10, 64); err == nil && parsed == nil && len(id) < 64 && receipt.Proof.Index != index {
			err = fmt.Errorf("the node gives entry %d for entry %d", receipt.Proof.Index, index)
		}
		return entryProblem(c, id, u, err)
	})
	if err != nil {
		return nil, err
	}
	if d, _, _, err = describeAct(ctx, nil, "", u); err != nil {
		return nil, err
	}
	v, err := newGovView(ctx, n)
	if err != nil {
		return nil, err
	}
	groups, err := knownSigners(ctx, v, u.Act())
	if err != nil {
		return nil, err
	}
	d.sign(judgeUnder(groups, true, u))
	d.Ledger, d.Entry, d.Proven, d.Wanted = n.origin, &receipt.Proof.Index, proven, []groupView{}
	return d, nil
}

// entryProblem says what is wrong with an act that a node gives for an entry.
func entryProblem(c *client, id string, u *provenance.UnverifiedAct, err error) error {
	var refused *problemError
	switch {
	case errors.As(err, &refused) && refused.Status == http.StatusNotFound:
		return refutedError{fmt.Errorf("the node at %s gives the act %s for entry %s, and has no entry of that id", c.base, u.ID(), id)}
	case errors.Is(err, light.ErrOtherValidators):
		return refutedError{couldNotf("entry %s of the node at %s could not be checked: %w", id, c.base, err)}
	case err != nil && exitCode(err) == exitAgainst:
		return refutedError{fmt.Errorf("entry %s of the node at %s: %w", id, c.base, err)}
	}
	return err
}

// showHeight shows the acts in a block.
func (a *app) showHeight(ctx context.Context, height int64, f *govFlags) error {
	if f.offline {
		return usagef("a block is asked of a node: leave out --offline")
	}
	n, err := f.ledger(ctx, a)
	if err != nil {
		return err
	}
	entries, err := n.actsAt(ctx, height)
	if err != nil {
		return err
	}
	doc := struct {
		Format int       `json:"format"`
		Ledger string    `json:"ledger"`
		Height int64     `json:"height"`
		Acts   []*govDoc `json:"acts"`
	}{outputFormat, n.origin, height, []*govDoc{}}
	for _, index := range entries {
		d, err := n.actOf(ctx, strconv.FormatInt(index, 10))
		if err != nil {
			return err
		}
		d.Height = height
		doc.Acts = append(doc.Acts, d)
	}
	return a.emit(doc, func(w io.Writer) error {
		if len(doc.Acts) == 0 {
			_, err := fmt.Fprintf(w, "there is no act in block %s\n", thousands(height))
			return err
		}
		for _, d := range doc.Acts {
			if err := d.write(w); err != nil {
				return err
			}
		}
		return nil
	})
}
