package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/spf13/cobra"

	"tokentrail/provenance"
	"tokentrail/verify/light"
)

func (a *app) govSubmitCommand() *cobra.Command {
	var f govFlags
	cmd := &cobra.Command{
		Use:   "submit FILE",
		Short: "Hand a proposal that is signed by enough to the ledger",
		Long: "Hand a proposal that is signed by enough to the ledger, and wait until it stands in the log. The\n" +
			"receipt is checked up to the validators of the genesis document. To submit it again is no harm:\n" +
			"an act is done once.",
		Example: "tokentrail gov submit proposal --node http://localhost:7480",
		Args:    oneArg("a proposal"),
	}
	f.add(cmd, false)
	cmd.RunE = a.does(func(ctx context.Context, args []string) error { return a.govSubmit(ctx, args[0], &f) }, asTable, asJSON)
	return cmd
}

func (a *app) govSubmit(ctx context.Context, file string, f *govFlags) error {
	u, err := a.readProposal(file)
	if err != nil {
		return err
	}
	n, err := f.ledger(ctx, a)
	if err != nil {
		return err
	}
	return a.submitAct(ctx, n, file, u)
}

// submitAct judges an act, delivers it and answers.
func (a *app) submitAct(ctx context.Context, n *nodes, file string, u *provenance.UnverifiedAct) error {
	d, v, s, err := describeAct(ctx, n, file, u)
	if err != nil {
		return err
	}
	a.failure = d
	there, err := n.isEntry(ctx, u.ID())
	if err != nil {
		return err
	}
	if !there {
		if d.problem == nil && s.problem != nil {
			if u, d.Dropped, err = dropped(v, u); err != nil {
				return err
			}
			if s, err = judgeSignatures(v, u); err != nil {
				return err
			}
			d.sign(s)
		}
		if err := errors.Join(d.problem, s.problem); err != nil {
			return fmt.Errorf("the ledger would refuse this act, and it was not submitted: %w", err)
		}
	}
	receipt, height, err := n.sendAct(ctx, u)
	if err != nil {
		return err
	}
	d.Entry, d.Proven = &receipt.Proof.Index, height
	if there { // what it would change is changed already
		d.Says, d.Warnings, d.Problem, d.Wanted, d.Complete = tellAct(u.Act()), nil, nil, nil, nil
	}
	a.failure = nil
	return a.emit(d, func(w io.Writer) error {
		if err := d.write(w); err != nil {
			return err
		}
		_, err := fmt.Fprintf(w, "\nthe act is entry %s of %s, proven under header %s\n", thousands(*d.Entry), d.Ledger, thousands(height))
		return err
	})
}

// isEntry asks whether the log has an entry with this id.
func (n *nodes) isEntry(ctx context.Context, id provenance.Hash) (there bool, err error) {
	err = n.try(ctx, noStatement, func(c *client) error {
		got, err := c.get(ctx, "/entries/"+id.String(), nil, maxReceiptBody)
		var refused *problemError
		if errors.As(err, &refused) && refused.Status == http.StatusNotFound {
			there = false
			return nil
		}
		there = err == nil && got.status == http.StatusOK
		return err
	})
	return there, err
}

// sendAct delivers an act until the ledger has it, and returns the receipt that
// proves it, and the height of the header that does. SPEC(CLI-47)
func (n *nodes) sendAct(ctx context.Context, u *provenance.UnverifiedAct) (receipt *provenance.Receipt, height int64, err error) {
	body := provenance.EncodeActSubmission(u.Raw())
	err = n.try(ctx, noStatement, func(c *client) error {
		got, err := c.post(ctx, body)
		if err == nil && got.status == http.StatusAccepted {
			n.waits(noStatement, "the ledger has taken the act and not committed it", nil)
			got, err = c.awaitReceipt(ctx, got, u.ID())
		}
		if err != nil {
			return patient(err)
		}
		receipt, height, err = n.proveAct(ctx, c, got.body, u)
		switch {
		case errors.Is(err, light.ErrOtherValidators):
			return refutedError{couldNotf("the receipt that the node at %s gives could not be checked: %w", c.base, err)}
		case err != nil:
			return refutedError{fmt.Errorf("the receipt that the node at %s gives does not hold: %w", c.base, err)}
		}
		return nil
	})
	return receipt, height, err
}

// proveAct checks the receipt of an act. The log may have it under other
// signatures, and then proves these.
func (n *nodes) proveAct(ctx context.Context, c *client, raw []byte, u *provenance.UnverifiedAct) (*provenance.Receipt, int64, error) {
	leaf := u.Raw()
	stored, err := c.act(ctx, u.ID().String())
	if err != nil {
		return nil, 0, err
	}
	if !bytes.Equal(stored.Raw(), leaf) && stored.ID() == u.ID() {
		leaf = stored.Raw()
	}
	receipt, err := n.proveEntry(ctx, c, raw, u.ID(), leaf)
	if err != nil {
		return nil, 0, err
	}
	header, err := n.founders.Open(receipt.Anchor.LightBlock)
	if err != nil {
		return nil, 0, err
	}
	return receipt, header.Height, nil
}

// act fetches the act of an entry, which {id} names.
func (c *client) act(ctx context.Context, id string) (*provenance.UnverifiedAct, error) {
	got, err := c.get(ctx, "/entries/"+id+"/statement", nil, provenance.MaxActBytes)
	if err != nil {
		return nil, err
	}
	if kind, ok := provenance.LeafKindOf(got.body); !ok || kind != provenance.LeafAct {
		return nil, fmt.Errorf("entry %s is no act: it is a %s; tokentrail inspect shows one", id, kind)
	}
	return provenance.ParseAct(got.body)
}
