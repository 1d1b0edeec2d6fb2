package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"tokentrail/provenance"
)

// defaultLastHeight is how long signers have, in blocks: a ledger that nobody
// uses makes none.
const defaultLastHeight = "+10000"

// maxActFile bounds an act in JSON.
const maxActFile = 4 << 20

type proposeFlags struct {
	govFlags
	file       string
	from       string
	lastHeight string
	reason     string
	more       bool
}

func (f *proposeFlags) add(cmd *cobra.Command) {
	s := cmd.PersistentFlags()
	s.StringVar(&f.node, "node", "", "the node's address, as http://localhost:7480 (or "+envNode+")")
	s.StringVar(&f.genesis, "genesis", "", "the SHA-256 of the ledger's genesis document, from elsewhere than the node")
	s.StringVar(&f.file, "file", "", "the proposal to write")
	s.StringVar(&f.lastHeight, "last-height", defaultLastHeight, "height behind which it is not admitted: 120000, +500 above the next block's, or none")
	s.StringVar(&f.reason, "reason", "", "why, for people; at most 500 bytes, no personal data")
	s.BoolVar(&f.more, "append", false, "add the action to those of the proposal that --file has, which nobody has signed")
}

// An actionMaker makes an action of a command line. It may ask the ledger.
type actionMaker func(ctx context.Context, v *govView, args []string) (*provenance.Action, error)

func (a *app) govProposeCommand() *cobra.Command {
	f := &proposeFlags{}
	cmd := &cobra.Command{
		Use:   "propose ACTION",
		Short: "Make a proposal: an act that nobody has signed yet",
		Long: "Make a proposal: an act that nobody has signed yet. The node says what the next sequence is, and\n" +
			"what the ledger would refuse is not proposed.\n\n" +
			"An action is a command. Several actions in one act, which are done all or none, are proposed one\n" +
			"after another with --append, or come from a file in JSON (--from), in which chain, sequence and\n" +
			"last_height may be left out:\n\n" +
			`  {"reason": "…", "actions": [{"type": "provider-status", "id": "acme", "status": "suspended"}]}`,
		Example: "tokentrail gov propose provider-admit acme --name 'Acme Inference' --jurisdictions US \\\n" +
			"  --provider-key acme.pub --file p\n" +
			"tokentrail gov propose validator ed25519:… 10 --file p --append\n" +
			"tokentrail gov propose --from act.json --file p",
		Args: a.noArgs,
	}
	f.add(cmd)
	cmd.Flags().StringVar(&f.from, "from", "", "a file with the act in JSON, or -")
	cmd.RunE = a.does(func(ctx context.Context, _ []string) error {
		if f.from == "" {
			return usagef("say which action, as tokentrail gov propose provider-status acme suspended, or --from FILE; see tokentrail gov propose --help")
		}
		return a.proposeFrom(ctx, f)
	}, asTable, asJSON)
	cmd.AddCommand(a.proposeCommands(f)...)
	return cmd
}

// beginProposal asks the ledger, and checks the flags.
func (a *app) beginProposal(ctx context.Context, f *proposeFlags) (n *nodes, v *govView, last int64, err error) {
	if f.file == "" {
		return nil, nil, 0, usagef("--file is missing: the proposal to write")
	}
	if len(f.reason) > provenance.MaxReasonBytes {
		return nil, nil, 0, usagef("--reason has %d bytes: wanted %d at most", len(f.reason), provenance.MaxReasonBytes)
	}
	if n, err = f.ledger(ctx, a); err != nil {
		return nil, nil, 0, err
	}
	if v, err = newGovView(ctx, n); err != nil {
		return nil, nil, 0, err
	}
	if v.governance == nil {
		return nil, nil, 0, v.checkPlace(&provenance.Act{Chain: v.chain})
	}
	if f.lastHeight != "none" {
		last, err = govHeight("last-height", f.lastHeight, v.height)
	}
	return n, v, last, err
}

// propose writes a proposal of one action, or adds it to one that is there.
// SPEC(CLI-40)
func (a *app) propose(ctx context.Context, f *proposeFlags, changed func(flag string) bool, make actionMaker, args []string) error {
	n, v, last, err := a.beginProposal(ctx, f)
	if err != nil {
		return err
	}
	x, err := make(ctx, v, args)
	if err != nil {
		return err
	}
	act := &provenance.Act{Chain: v.chain, Sequence: v.governance.Sequence, LastHeight: last, Reason: f.reason}
	if f.more {
		before, err := a.readProposal(f.file)
		if err != nil {
			return err
		}
		if len(before.Signatures()) > 0 {
			return fmt.Errorf("%s is signed already: another action would make another act; propose it anew", f.file)
		}
		old := *before.Act()
		if !changed("last-height") {
			act.LastHeight = old.LastHeight
		}
		if !changed("reason") {
			act.Reason = old.Reason
		}
		act.Chain, act.Sequence, act.Provider = old.Chain, old.Sequence, old.Provider
		act.Actions = slices.Clone(old.Actions)
	}
	act.Actions = append(act.Actions, *x)
	return a.writeProposal(ctx, f, n, act)
}

// proposeFrom writes the proposal of an act in JSON.
func (a *app) proposeFrom(ctx context.Context, f *proposeFlags) error {
	if f.more {
		return usagef("--append adds an action; --from is a whole act")
	}
	in, err := a.open(f.from)
	if err != nil {
		return err
	}
	defer in.Close()
	b, err := readBounded(in, maxActFile, f.from)
	if err != nil {
		return err
	}
	n, v, last, err := a.beginProposal(ctx, f)
	if err != nil {
		return err
	}
	b, err = completeAct(b, v, last, f.reason)
	if err != nil {
		return fmt.Errorf("%s: %w", printable(f.from), err)
	}
	act, err := provenance.ParseActJSON(b)
	if err != nil {
		return fmt.Errorf("%s: %w", printable(f.from), err)
	}
	return a.writeProposal(ctx, f, n, act)
}

// completeAct puts the members that are left out in front of those that are there,
// so that the text is still read strictly.
func completeAct(b []byte, v *govView, last int64, reason string) ([]byte, error) {
	var given map[string]json.RawMessage
	if err := json.Unmarshal(b, &given); err != nil {
		return nil, fmt.Errorf("it is no object in JSON: %w", err)
	}
	var front bytes.Buffer
	add := func(name string, value any) {
		if _, there := given[name]; !there {
			text, _ := json.Marshal(value) // of an integer or text
			if front.Len() > 0 {
				front.WriteByte(',')
			}
			fmt.Fprintf(&front, "%q:%s", name, text)
		}
	}
	add("chain", v.chain)
	if _, own := given["provider"]; !own {
		add("sequence", v.governance.Sequence)
	}
	if last > 0 {
		add("last_height", last)
	}
	if reason != "" {
		if _, there := given["reason"]; there {
			return nil, usagef("it has a reason, and --reason is another: say which")
		}
		add("reason", reason)
	}
	if front.Len() > 0 && len(given) > 0 {
		front.WriteByte(',')
	}
	before, after, _ := bytes.Cut(b, []byte("{"))
	return slices.Concat(before, []byte("{"), front.Bytes(), after), nil
}

// writeProposal judges an act and writes its proposal.
func (a *app) writeProposal(ctx context.Context, f *proposeFlags, n *nodes, act *provenance.Act) error {
	u, err := provenance.NewAct(act)
	if err != nil {
		return err
	}
	d, _, _, err := describeAct(ctx, n, f.file, u)
	if err != nil {
		return err
	}
	a.failure = d
	if d.problem != nil {
		return fmt.Errorf("the ledger would refuse this act, and nothing was written: %w", d.problem)
	}
	write := createProposal
	if f.more {
		write = replaceProposal
	}
	if err := write(f.file, u); err != nil {
		return err
	}
	return a.emit(d, func(w io.Writer) error {
		if err := d.write(w); err != nil {
			return err
		}
		_, err := fmt.Fprintf(w, "next: tokentrail gov sign %s --key KEY\n", f.file)
		return err
	})
}
