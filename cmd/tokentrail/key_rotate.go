package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"tokentrail/provenance"
)

type rotateFlags struct {
	govFlags
	issuer            string
	key               string
	passphraseFile    string
	newKey            string
	newPassphraseFile string
	oldUntil          string
	reason            string
}

func (a *app) keyRotateCommand() *cobra.Command {
	f := &rotateFlags{}
	cmd := &cobra.Command{
		Use:   "rotate",
		Short: "Replace a provider's key on a ledger",
		Long: "Give a provider a new key on a ledger: an act of the provider's own, which the old key and the new\n" +
			"one sign. With --old-until the old key signs nothing from that height on; without, both sign.\n\n" +
			"A key that somebody else has is not replaced but revoked, or declared stolen, by those who\n" +
			"govern: what a thief can sign, a thief can rotate. Expire what is retired in order, revoke what may\n" +
			"be stolen: two statements for one place of a stream that an old key signed close that stream, also\n" +
			"when the key has expired, until it is revoked (tokentrail gov propose key-revoke).",
		Example: "tokentrail key new ./acme-2027\n" +
			"tokentrail key rotate --issuer acme --key ./acme.key --new ./acme-2027.key --old-until +1000 \\\n" +
			"  --node http://localhost:7480",
		Args: a.noArgs,
	}
	f.add(cmd, false)
	s := cmd.Flags()
	s.StringVar(&f.issuer, "issuer", "", "your id in the ledger's registry")
	s.StringVar(&f.key, "key", "", "the key that signs now, a name or path")
	s.StringVar(&f.newKey, "new", "", "the new key, a name or path")
	s.StringVar(&f.passphraseFile, "passphrase-file", "", "file with the passphrase of the key that signs now (or "+envPassphrase+")")
	s.StringVar(&f.newPassphraseFile, "new-passphrase-file", "", "file with the new key's passphrase (the same)")
	s.StringVar(&f.oldUntil, "old-until", "", "height from which the old key signs nothing: 120000, or +500 above the next block's")
	s.StringVar(&f.reason, "reason", "", "why, for people; at most 500 bytes, no personal data")
	require(cmd, "issuer", "key", "new")
	cmd.RunE = a.does(func(ctx context.Context, _ []string) error { return a.keyRotate(ctx, f) }, asTable, asJSON)
	return cmd
}

func (a *app) keyRotate(ctx context.Context, f *rotateFlags) error {
	if !provenance.ValidNameID(f.issuer) {
		return usagef("--issuer %q: wanted 1 to 64 of a-z, 0-9, '.', '_', '-', beginning with a letter or digit", f.issuer)
	}
	_, next, err := a.publicKeyOf(f.newKey)
	if err != nil {
		return err
	}
	_, old, err := a.publicKeyOf(f.key)
	if err != nil {
		return err
	}
	if next.Thumbprint() == old.Thumbprint() {
		return usagef("--key and --new are the same key, %s", old)
	}
	n, err := f.ledger(ctx, a)
	if err != nil {
		return err
	}
	u, err := a.rotation(ctx, n, f, old, next)
	if err != nil {
		return err
	}
	for _, k := range []struct{ name, passphraseFile string }{
		{f.key, f.passphraseFile}, {f.newKey, orElse(f.newPassphraseFile, f.passphraseFile)},
	} {
		signer, err := a.openKey(ctx, k.name, k.passphraseFile)
		if err != nil {
			return err
		}
		if u, err = u.Sign(signer); err != nil {
			return err
		}
	}
	return a.submitAct(ctx, n, "", u)
}

// alreadyAdded says where the new key of a rotation comes from: most often the
// same command, run before.
func alreadyAdded(issuer string, key provenance.PublicKey, k *provenance.ProviderKey) error {
	since := "since genesis"
	if k.Added != nil {
		since = fmt.Sprintf("added by entry %d", *k.Added)
	}
	return refusal("registry", "actions[0].key", "%s is a key of %q already, %s; where an earlier run of this command added it, there is nothing left to do (tokentrail gov show says until when each key may sign), else make a new one", key, issuer, since)
}

// rotation makes the act, before anybody is asked for a passphrase.
func (a *app) rotation(ctx context.Context, n *nodes, f *rotateFlags, old, next provenance.PublicKey) (*provenance.UnverifiedAct, error) {
	v, err := newGovView(ctx, n)
	if err != nil {
		return nil, err
	}
	p, err := v.provider(ctx, f.issuer)
	switch {
	case err != nil:
		return nil, err
	case p == nil:
		return nil, fmt.Errorf("the ledger has no provider %q in its registry; --issuer is the id that you were admitted under", f.issuer)
	}
	if k, is := p.KeyByID(next.Thumbprint()); is {
		return nil, alreadyAdded(f.issuer, next, k)
	}
	if _, ok := p.KeyAt(old.Thumbprint(), v.height); !ok {
		return nil, fmt.Errorf("the key %s of %q may not sign on this ledger now; tokentrail gov show says which may", old, f.issuer)
	}
	act := &provenance.Act{Chain: v.chain, Provider: f.issuer, Sequence: p.Acts, Reason: f.reason, Actions: []provenance.Action{
		{Type: provenance.KeyAdd, ID: f.issuer, Key: next.COSE()},
	}}
	if f.oldUntil != "" {
		until, err := govHeight("old-until", f.oldUntil, v.height)
		if err != nil {
			return nil, err
		}
		act.Actions = append(act.Actions, provenance.Action{Type: provenance.KeyExpire, ID: f.issuer, KID: old.Thumbprint(), Until: &until})
	}
	u, err := provenance.NewAct(act)
	if err != nil {
		return nil, err
	}
	if err := v.load(ctx, act); err != nil {
		return nil, err
	}
	if j := v.clone().judge(act); j.problem != nil {
		return nil, fmt.Errorf("the ledger would refuse this act, and it was not signed: %w", j.problem)
	}
	return u, nil
}
