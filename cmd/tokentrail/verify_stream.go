package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tokentrail/provenance"
	"tokentrail/verify"
	"tokentrail/verify/light"
)

// streamFlags say under which trust streams are checked, and whether with records.
type streamFlags struct {
	verifyFlags
	records bool
}

func (f *streamFlags) bind(cmd *cobra.Command) {
	s := cmd.Flags()
	s.StringVar(&f.node, "node", "", "the node's address, as http://localhost:7480 (or "+envNode+")")
	f.bindTrust(s)
	s.BoolVar(&f.records, "records", true, "check the records too; --records=false leaves them out")
}

// verifyExits ends the help of commands that verify.
const verifyExits = "\n\nExit codes: 0 holds, 1 evidence against, 2 could not check, 3 trust expired, 64 usage."

// verifyStreamCommand and verifyProviderCommand check streams by themselves. SPEC(CLI-95)
func (a *app) verifyStreamCommand() *cobra.Command {
	return a.verifyStreams("stream PROVIDER/STREAM", "Check one stream from its head to its beginning, from a node", "a stream",
		"Check all statements of one stream, and none else of the log: the head, as a state proof under a signed\n"+
			"header shows it, then each that the one behind it names, back to sequence 0. Each is signed with a key\n"+
			"of the provider, and its records give the root, count and totals that it signs. The sums are by kind.\n"+
			"Since a statement is named by its hash, nothing can be left out or put in; the node is not trusted.",
		"tokentrail verify stream acme/us --node http://localhost:7480 --genesis 64-hex-digits", streamNamed)
}

func (a *app) verifyProviderCommand() *cobra.Command {
	return a.verifyStreams("provider PROVIDER", "Check all streams of one provider, from a node", "a provider",
		"Check all that a provider ever stated, and nothing else of the log: each of its streams as verify stream\n"+
			"does, and that these are as many as it opened, by the registry under a signed header. Streams that an\n"+
			"equivocation closed and keys that were stolen are told. The node is not trusted.",
		"tokentrail verify provider acme --node http://localhost:7480 --genesis 64-hex-digits", providerNamed)
}

func (a *app) verifyStreams(use, short, what, long, example string, named func(string) (verify.StreamsWanted, error)) *cobra.Command {
	f := &streamFlags{}
	cmd := &cobra.Command{Use: use, Short: short, Long: long + verifyExits, Example: example, Args: oneArg(what)}
	f.bind(cmd)
	cmd.RunE = a.does(func(ctx context.Context, args []string) error {
		wanted, err := named(args[0])
		if err != nil {
			return err
		}
		wanted.Headless = !f.records
		trust, err := f.anchor()
		if err != nil {
			return err
		}
		node, err := a.remoteNode(f.node)
		if err != nil {
			return err
		}
		steps := &stepProgress{app: a}
		report := light.CheckStreams(ctx, node, trust, wanted, verify.Options{Now: time.Now, Progress: steps.told, From: node.URL()})
		steps.end()
		return a.conclude(report)
	}, reportForms()...)
	return cmd
}

// streamNamed reads PROVIDER/STREAM.
func streamNamed(name string) (w verify.StreamsWanted, err error) {
	provider, stream, _ := strings.Cut(name, "/")
	if !provenance.ValidNameID(provider) || !provenance.ValidNameID(stream) {
		return w, usagef("%q names no stream: wanted PROVIDER/STREAM, as acme/us, each 1 to 64 of a-z, 0-9, '.', '_', '-'", name)
	}
	return verify.StreamsWanted{Provider: provider, Stream: stream}, nil
}

// providerNamed reads PROVIDER.
func providerNamed(name string) (w verify.StreamsWanted, err error) {
	if !provenance.ValidNameID(name) {
		return w, usagef("%q names no provider: wanted its id, as acme, 1 to 64 of a-z, 0-9, '.', '_', '-'", name)
	}
	return verify.StreamsWanted{Provider: name}, nil
}
