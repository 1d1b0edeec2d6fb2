package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"tokentrail/provenance"
)

// govFlags name the ledger that an act is for.
type govFlags struct {
	node    string
	genesis string
	offline bool // no node is asked
}

func (f *govFlags) add(cmd *cobra.Command, mayOffline bool) {
	s := cmd.Flags()
	s.StringVar(&f.node, "node", "", "the node's address, as http://localhost:7480 (or "+envNode+")")
	s.StringVar(&f.genesis, "genesis", "", "the SHA-256 of the ledger's genesis document, from elsewhere than the node")
	if mayOffline {
		s.BoolVar(&f.offline, "offline", false, "ask no node: what the act would change, and whether it would be admitted, is not said")
	}
}

// ledger asks the node for its ledger; nil where no node is to be asked.
func (f *govFlags) ledger(ctx context.Context, a *app) (*nodes, error) {
	if f.offline {
		if f.node != "" || f.genesis != "" {
			return nil, usagef("--offline asks no node: leave out --node and --genesis")
		}
		return nil, nil
	}
	return a.openLedger(ctx, f.node, f.genesis)
}

func (a *app) govCommand() *cobra.Command {
	cmd := a.group("gov", "Propose, sign, submit and read acts of governance",
		a.govProposeCommand(), a.govSignCommand(), a.govShowCommand(), a.govJoinCommand(), a.govSubmitCommand())
	cmd.Long = "A ledger is governed by acts: who may submit, who validates, by which policy and rules. An act\n" +
		"counts when so many of the governance keys have signed it as the ledger wants. Until then it is\n" +
		"a file, a proposal, that travels between those who sign:\n\n" +
		"propose makes it, sign adds a signature, join puts the signatures of two copies together, and\n" +
		"submit hands it to the ledger. What the act would change is worked out from the ledger's proven\n" +
		"state each time, and what the ledger would refuse is refused here before.\n\n" +
		"Providers replace their own keys with tokentrail key rotate."
	cmd.Example = "tokentrail gov propose provider-admit acme --name 'Acme Inference' --jurisdictions US \\\n" +
		"  --provider-key acme.pub --file admit-acme --node http://localhost:7480\n" +
		"tokentrail gov sign admit-acme --key alice\n" +
		"tokentrail gov submit admit-acme"
	return cmd
}

// govKey reads a public key: in text, in a .pub file, or that of a key NAME|PATH.
// SPEC(CLI-41)
func (a *app) govKey(text string) (provenance.PublicKey, error) {
	if strings.HasPrefix(text, "ed25519:") || strings.HasPrefix(text, "es256:") {
		return provenance.ParsePublicKey(text)
	}
	_, key, err := a.publicKeyOf(text)
	var none *noKeyError
	if errors.As(err, &none) {
		err = fmt.Errorf("%q is no key in text (ed25519:… or es256:…) and no .pub file, and there is no key file %s", text, none.path)
	}
	return key, err
}

// govKID reads what names a key: its thumbprint in hex, or the key.
func (a *app) govKID(text string) (provenance.Hash, error) {
	if h, err := parseThumbprint(text); err == nil {
		return h, nil
	}
	key, err := a.govKey(text)
	if err != nil {
		return provenance.Hash{}, fmt.Errorf("%q names no key: wanted its thumbprint in 64 hex digits, as tokentrail gov show --json has it under kid, or the key itself: %w", text, err)
	}
	return key.Thumbprint(), nil
}

func parseThumbprint(text string) (h provenance.Hash, err error) {
	if len(text) != 2*provenance.HashSize {
		return h, errors.New("not a thumbprint")
	}
	err = h.UnmarshalText([]byte(text))
	return h, err
}

// negativeArgument finds a number below 0 that was taken for a flag.
func negativeArgument(err error) (text string, is bool) {
	_, text, is = strings.Cut(err.Error(), "unknown shorthand flag: ")
	_, text, _ = strings.Cut(text, " in ")
	_, e := strconv.ParseInt(text, 10, 64)
	return text, is && e == nil
}

// notBelowZero says of a number below 0 what a command wants in its place, and not
// that there is no such flag.
func notBelowZero(cmd *cobra.Command, wanted string) {
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		if text, is := negativeArgument(err); is {
			return fmt.Errorf("%s: %s is below 0; wanted %s", cmd.CommandPath(), text, wanted)
		}
		return flagProblem(cmd, err)
	})
}

// govHeight reads a height: "120000", or "+500", so many above the next block's.
func govHeight(flag, text string, next int64) (int64, error) {
	digits, above := strings.CutPrefix(text, "+")
	n, err := strconv.ParseInt(digits, 10, 64)
	switch {
	case err != nil || n < 1 || strings.HasPrefix(digits, "+"):
		return 0, usagef("--%s %q: wanted a height, as 120000, or +500 for so many above the next block's", flag, text)
	case above && n > 1<<62:
		return 0, usagef("--%s %q: so many blocks never come", flag, text)
	case above:
		return next + n, nil
	}
	return n, nil
}

// refusal is an error as the ledger's admission gives it (spec/governance.md,
// GOV-6), found before the ledger is asked.
func refusal(code provenance.Code, path, format string, args ...any) error {
	return &provenance.Error{Code: code, Path: path, Offset: -1, Detail: fmt.Sprintf(format, args...)}
}
