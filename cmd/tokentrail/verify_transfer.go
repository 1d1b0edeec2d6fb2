package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"tokentrail/verify"
	"tokentrail/verify/inspect"
	"tokentrail/verify/light"
	"tokentrail/verify/remote"
)

type transferFlags struct {
	verifyFlags
	mirror    string
	apart     time.Duration
	tolerance string
}

// verifyTransferCommand checks both sides of one crossing. SPEC(CLI-97)
func (a *app) verifyTransferCommand() *cobra.Command {
	f := &transferFlags{}
	cmd := &cobra.Command{
		Use:   "transfer RECORD",
		Short: "Check one transfer and what the other side recorded of it, from a node",
		Long: "Check that both sides' records of one crossing stand on the ledger, look up what corrects them, and\n" +
			"hold the two against each other: places, model, usage as corrected, time. The other side is the record\n" +
			"that RECORD names as its mirror. Where only a crossing id joins both, or only the other side's record\n" +
			"names this one, say which it is with --mirror: no node looks records up by these.\n\n" +
			"RECORD is an id, 64 hex digits, or ISSUER/REF. The node is not trusted, but that it leaves nothing out\n" +
			"only an audit shows: tokentrail mirror holds all crossings against each other." + verifyExits,
		Example: "tokentrail verify transfer acme/crossing-7 --node http://localhost:7480 --genesis 64-hex-digits\n" +
			"tokentrail verify transfer acme/crossing-7 --mirror globex/import-3 --tolerance 0.5 \\\n" +
			"  --node http://localhost:7480",
		Args: oneArg("a record"),
	}
	s := cmd.Flags()
	s.StringVar(&f.node, "node", "", "the node's address, as http://localhost:7480 (or "+envNode+")")
	f.bindTrust(s)
	s.StringVar(&f.mirror, "mirror", "", "the other side's record: its id, 64 hex digits, or ISSUER/REF (the one that a record names)")
	s.DurationVar(&f.apart, "within", 0, "how far apart both sides' times may be (10m)")
	s.StringVar(&f.tolerance, "tolerance", "", "how far apart amounts may be, in percent of the exporter's (0)")
	cmd.RunE = a.does(func(ctx context.Context, args []string) error { return a.verifyTransfer(ctx, args[0], f) }, reportForms()...)
	return cmd
}

// pairing makes what holds both sides against each other.
func (f *transferFlags) pairing() (verify.Inspector, error) {
	if err := within("within", f.apart); err != nil {
		return nil, err
	}
	tolerance, err := partsPerMillion("tolerance", f.tolerance)
	if err != nil {
		return nil, err
	}
	return inspect.New(inspect.Options{Skip: true, Mirrors: &inspect.MirrorOptions{Within: f.apart, Tolerance: tolerance}})
}

func (a *app) verifyTransfer(ctx context.Context, name string, f *transferFlags) error {
	trust, err := f.anchor()
	if err != nil {
		return err
	}
	pairing, err := f.pairing()
	if err != nil {
		return err
	}
	want := verify.TransferWanted{}
	if f.mirror != "" {
		q, err := recordQuery(f.mirror)
		if err != nil {
			return usagef("--mirror: %w", err)
		}
		want.Mirror = &q
	}
	if _, err := recordQuery(name); err != nil {
		return err
	}
	node, err := a.remoteNode(f.node)
	if err != nil {
		return err
	}
	hit, id, err := lookUpRecord(ctx, node, name)
	if err != nil {
		return err
	}
	want.Record, want.Entry, want.Index = id, hit.Entry, hit.Proof.Index
	document, err := node.Genesis(ctx)
	if err != nil {
		return asked(err)
	}
	served := serves(&trust, document)
	report := light.CheckTransfer(ctx, remote.Lookup{Node: node, Trusted: trust.Height}, trust, want,
		verify.Options{Now: time.Now, From: node.URL(), Inspect: pairing})
	if served {
		sayServed(report)
	}
	return a.conclude(report)
}
