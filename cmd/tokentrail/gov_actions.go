package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"tokentrail/provenance"
)

// proposeCommands are the actions, each a command.
func (a *app) proposeCommands(f *proposeFlags) []*cobra.Command {
	command := func(use, short string, args int, make actionMaker) *cobra.Command {
		cmd := &cobra.Command{Use: use, Short: short, Args: argsOf(use, args)}
		cmd.RunE = func(cmd *cobra.Command, given []string) error {
			do := func(ctx context.Context, given []string) error {
				return a.propose(ctx, f, cmd.Flags().Changed, make, given)
			}
			return a.does(do, asTable, asJSON)(cmd, given)
		}
		return cmd
	}
	return slices.Concat(a.providerActions(command), a.keyActions(command), a.ledgerActions(command))
}

type commandMaker func(use, short string, args int, make actionMaker) *cobra.Command

// argsOf wants so many arguments.
func argsOf(use string, n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			_, wanted, _ := strings.Cut(use, " ")
			return fmt.Errorf("%s needs %s, %s given; see %s --help", cmd.CommandPath(), orElse(wanted, "no arguments"), plural(int64(len(args)), "argument"), cmd.CommandPath())
		}
		return nil
	}
}

func (a *app) providerActions(command commandMaker) []*cobra.Command {
	var name, newName string
	var where, newWhere, keys []string
	admit := command("provider-admit ID", "Admit a provider", 1, func(_ context.Context, _ *govView, args []string) (*provenance.Action, error) {
		x := &provenance.Action{Type: provenance.ProviderAdmit, ID: args[0], Name: name, Jurisdictions: where}
		if name == "" || len(where) == 0 || len(keys) == 0 {
			return nil, usagef("provider-admit needs --name, --jurisdictions and --provider-key")
		}
		for _, text := range keys {
			key, err := a.govKey(text)
			if err != nil {
				return nil, fmt.Errorf("--provider-key %q: %w", text, err)
			}
			x.Keys = append(x.Keys, key.COSE())
		}
		return x, nil
	})
	admit.Flags().StringVar(&name, "name", "", "its name, for people")
	admit.Flags().StringSliceVar(&where, "jurisdictions", nil, "its countries, as US,CN")
	admit.Flags().StringSliceVar(&keys, "provider-key", nil, "a key that it signs with: in text, or a .pub file; more than one may be given")

	describe := command("provider-describe ID", "Change a provider's name or countries", 1, func(_ context.Context, _ *govView, args []string) (*provenance.Action, error) {
		if newName == "" && len(newWhere) == 0 {
			return nil, usagef("provider-describe needs --name or --jurisdictions")
		}
		return &provenance.Action{Type: provenance.ProviderDescribe, ID: args[0], Name: newName, Jurisdictions: newWhere}, nil
	})
	describe.Flags().StringVar(&newName, "name", "", "its name, for people")
	describe.Flags().StringSliceVar(&newWhere, "jurisdictions", nil, "all of its countries, as US,CN")

	status := command("provider-status ID active|suspended|retired", "Suspend a provider, let it submit again, or retire it for good", 2,
		func(_ context.Context, _ *govView, args []string) (*provenance.Action, error) {
			for s := provenance.ProviderActive; s <= provenance.ProviderRetired; s++ {
				if s.String() == args[1] {
					return &provenance.Action{Type: provenance.ProviderSet, ID: args[0], Status: s}, nil
				}
			}
			return nil, usagef("status %q: wanted active, suspended or retired", args[1])
		})
	return []*cobra.Command{admit, describe, status}
}

// expireOrRevoke is what people have to know who end a key. SPEC(EQV-3)
const expireOrRevoke = "Expire what is retired in order, revoke what may be stolen. A key that expired signs nothing new, but\n" +
	"while it is not revoked two statements for one place of a stream that are signed with it still close\n" +
	"that stream for ever, and whoever has a copy of the key can sign them."

func (a *app) keyActions(command commandMaker) []*cobra.Command {
	var from, until, expires, since string
	add := command("key-add ID KEY", "Give a provider another key", 2, func(_ context.Context, v *govView, args []string) (*provenance.Action, error) {
		return a.keyAddAction(v, args[0], args[1], from, until)
	})
	add.Flags().StringVar(&from, "valid-from", "", "height from which it may sign: 120000, or +500 above the next block's (now)")
	add.Flags().StringVar(&until, "until", "", "height from which it may sign no more (never)")
	expire := command("key-expire ID KEY|KID", "Let a provider's key sign only until a height", 2, func(_ context.Context, v *govView, args []string) (*provenance.Action, error) {
		if expires == "" {
			return nil, usagef("key-expire needs --until")
		}
		return a.keyExpireAction(v, args[0], args[1], expires)
	})
	expire.Flags().StringVar(&expires, "until", "", "height from which it may sign no more: 120000, or +500 above the next block's")
	ended := func(t provenance.ActionType, args []string) (*provenance.Action, error) {
		kid, err := a.govKID(args[1])
		return &provenance.Action{Type: t, ID: args[0], KID: kid}, err
	}
	expire.Long = "Let a provider's key sign statements and acts only until a height: a key that is retired in order.\n\n" + expireOrRevoke
	revoke := command("key-revoke ID KEY|KID", "Let a provider's key sign nothing any more, at once", 2, func(_ context.Context, _ *govView, args []string) (*provenance.Action, error) {
		return ended(provenance.KeyRevoke, args)
	})
	revoke.Long = "Let a provider's key sign nothing any more, at once: a key that may be stolen, or is lost.\n\n" + expireOrRevoke
	stolen := command("key-stolen ID KEY|KID", "Declare a provider's key stolen since a time", 2, func(ctx context.Context, v *govView, args []string) (*provenance.Action, error) {
		x, err := ended(provenance.KeyStolen, args)
		if err == nil {
			x.Since, x.SinceHeight, err = v.firstSince(ctx, since)
		}
		return x, err
	})
	stolen.Flags().StringVar(&since, "since", "", "when, RFC 3339, as 2026-11-16T18:15:00Z; the ledger's headers tell which height that is")
	return []*cobra.Command{add, expire, revoke, stolen}
}

func (a *app) keyAddAction(v *govView, id, text, from, until string) (*provenance.Action, error) {
	key, err := a.govKey(text)
	if err != nil {
		return nil, err
	}
	x := &provenance.Action{Type: provenance.KeyAdd, ID: id, Key: key.COSE()}
	for _, h := range []struct {
		flag, text string
		to         **int64
	}{{"valid-from", from, &x.From}, {"until", until, &x.Until}} {
		if h.text == "" {
			continue
		}
		height, err := govHeight(h.flag, h.text, v.height)
		if err != nil {
			return nil, err
		}
		*h.to = &height
	}
	return x, nil
}

func (a *app) keyExpireAction(v *govView, id, text, until string) (*provenance.Action, error) {
	kid, err := a.govKID(text)
	if err != nil {
		return nil, err
	}
	height, err := govHeight("until", until, v.height)
	return &provenance.Action{Type: provenance.KeyExpire, ID: id, KID: kid, Until: &height}, err
}

func (a *app) ledgerActions(command commandMaker) []*cobra.Command {
	var threshold int64
	var governors []string
	validator := command("validator KEY POWER", "Add a validator, change its power, or remove it with power 0", 2, func(_ context.Context, _ *govView, args []string) (*provenance.Action, error) {
		key, err := a.govValidator(args[0])
		if err != nil {
			return nil, err
		}
		power, err := strconv.ParseInt(args[1], 10, 64)
		if err != nil || power < 0 || power > provenance.MaxPower {
			return nil, usagef("power %q: wanted 0, which removes it, to %d", args[1], int64(provenance.MaxPower))
		}
		return &provenance.Action{Type: provenance.ValidatorSet, Validator: key, Power: power}, nil
	})
	validator.Long = "Add a validator, change its power, or remove it: its power is 0 then."
	notBelowZero(validator, fmt.Sprintf("the power of a validator, 0, which removes it, to %d", int64(provenance.MaxPower)))
	policy := command("policy FILE", "Replace the policy by the one in a file in JSON: all of it", 1, func(_ context.Context, v *govView, args []string) (*provenance.Action, error) {
		return a.policyAction(v, args[0])
	})
	governance := command("governance", "Replace the keys that govern: all of them", 0, func(context.Context, *govView, []string) (*provenance.Action, error) {
		return a.governanceAction(threshold, governors)
	})
	governance.Flags().Int64Var(&threshold, "threshold", 0, "how many of the keys sign an act")
	governance.Flags().StringSliceVar(&governors, "governor", nil, "a key: in text, or a .pub file; more than one may be given")
	rules := command("rules VERSION HEIGHT", "Let a rule version hold from a height on: 120000, or +500 above the next block's", 2, func(_ context.Context, v *govView, args []string) (*provenance.Action, error) {
		version, err := strconv.ParseInt(args[0], 10, 32)
		if err != nil || version < 1 {
			return nil, usagef("version %q: wanted a rule version, as 3", args[0])
		}
		height, err := govHeight("height", args[1], v.height)
		return &provenance.Action{Type: provenance.RulesSet, Rules: version, RulesFrom: height}, err
	})
	notBelowZero(rules, "a rule version, as 3, and a height, as 120000, or +500 above the next block's")
	return []*cobra.Command{validator, policy, governance, rules}
}

// govValidator reads a validator's key: in text, or in a .pub file.
func (a *app) govValidator(text string) ([]byte, error) {
	if strings.HasPrefix(text, "ed25519:") {
		return parseValidatorKey(text)
	}
	key, err := a.govKey(text)
	if err != nil {
		return nil, err
	}
	return parseValidatorKey(key.String())
}

// policyAction reads a whole policy, or the document that gov show or a node gives
// of one.
func (a *app) policyAction(v *govView, name string) (*provenance.Action, error) {
	in, err := a.open(name)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	b, err := readBounded(in, maxActFile, name)
	if err != nil {
		return nil, err
	}
	// Read as the policy of an act, which is strict.
	head := fmt.Sprintf(`{"chain":%q,"sequence":0,"actions":[{"type":"policy","policy":`, v.chain)
	if !json.Valid(b) {
		return nil, fmt.Errorf("%s is not JSON", printable(name))
	}
	act, err := provenance.ParseActJSON(slices.Concat([]byte(head), bytes.TrimSpace(b), []byte(`}]}`)))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", printable(name), err)
	}
	return &act.Actions[0], nil
}

func (a *app) governanceAction(threshold int64, governors []string) (*provenance.Action, error) {
	switch n := int64(len(governors)); {
	case n == 0:
		return nil, usagef("governance needs --governor for each key that is to govern: those who govern now and go on have to be named too")
	case threshold == 0:
		return nil, usagef("governance needs --threshold: how many of the %s sign an act, 1 to %d; more than half of them is %d", plural(n, "key"), n, n/2+1)
	case threshold < 1 || threshold > n:
		return nil, usagef("--threshold %d: wanted 1 to %d, as many as there are keys under --governor", threshold, n)
	}
	x := &provenance.Action{Type: provenance.GovernanceSet, Threshold: threshold}
	for _, text := range governors {
		key, err := a.govKey(text)
		if err != nil {
			return nil, fmt.Errorf("--governor %q: %w", text, err)
		}
		x.Governors = append(x.Governors, key.COSE())
	}
	slices.SortFunc(x.Governors, bytes.Compare)
	for i := 1; i < len(x.Governors); i++ {
		if bytes.Equal(x.Governors[i-1], x.Governors[i]) {
			return nil, usagef("--governor: %s is given twice; each key governs once", coseText(x.Governors[i]))
		}
	}
	return x, nil
}
