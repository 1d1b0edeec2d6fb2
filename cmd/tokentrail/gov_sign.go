package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"tokentrail/provenance"
)

func (a *app) govSignCommand() *cobra.Command {
	var f govFlags
	var key, passphraseFile string
	var yes bool
	cmd := &cobra.Command{
		Use:   "sign FILE",
		Short: "Sign a proposal",
		Long: "Show what a proposal would change, ask whether that is what you want, and add your signature to\n" +
			"the file. Signatures in it that do not hold are left out.",
		Example: "tokentrail gov sign proposal --key alice --node http://localhost:7480\n" +
			"tokentrail gov sign proposal --key ./alice.key --passphrase-file secret.txt --yes",
		Args: oneArg("a proposal"),
	}
	f.add(cmd, true)
	s := cmd.Flags()
	s.StringVar(&key, "key", "", "the signing key, a name or path")
	s.StringVar(&passphraseFile, "passphrase-file", "", "file with the key's passphrase (or "+envPassphrase+")")
	s.BoolVar(&yes, "yes", false, "sign without asking")
	require(cmd, "key")
	cmd.RunE = a.does(func(ctx context.Context, args []string) error {
		return a.govSign(ctx, args[0], &f, key, passphraseFile, yes)
	}, asTable, asJSON)
	return cmd
}

func (a *app) govSign(ctx context.Context, file string, f *govFlags, key, passphraseFile string, yes bool) error {
	u, err := a.readProposal(file)
	if err != nil {
		return err
	}
	_, asks := terminal(a.stdin)
	if !yes && !asks {
		return usagef("nobody can be asked here whether this is to be signed: look at it with tokentrail gov show %s, and say --yes", file)
	}
	_, public, err := a.publicKeyOf(key)
	if err != nil {
		return err
	}
	n, err := f.ledger(ctx, a)
	if err != nil {
		return err
	}
	d, v, _, err := describeAct(ctx, n, file, u)
	if err != nil {
		return err
	}
	a.failure = d
	if d.problem != nil {
		if done, err := n.doneAct(ctx, u.ID()); err != nil || done != nil {
			return errors.Join(err, signedTooLate(file, done))
		}
		return fmt.Errorf("the ledger would refuse this act, and it was not signed: %w", d.problem)
	}
	if err := maySign(v, u.Act(), public); err != nil {
		return err
	}
	if signedBy(u, public) {
		return a.alreadySigned(v, d, u, public)
	}
	if !yes {
		if err := a.askToSign(ctx, d, public); err != nil {
			return err
		}
	}
	signer, err := a.openKey(ctx, key, passphraseFile)
	if err != nil {
		return err
	}
	u, d.Dropped, err = dropped(v, u)
	if err != nil {
		return err
	}
	if u, err = u.Sign(signer); err != nil {
		return err
	}
	if err := replaceProposal(file, u); err != nil {
		return err
	}
	s, err := judgeSignatures(v, u)
	if err != nil {
		return err
	}
	d.sign(s)
	d.SignedWith = public.String()
	return a.emit(d, func(w io.Writer) error { return d.writeSigned(w, yes, s) })
}

// signedTooLate says that an act is done.
func signedTooLate(file string, done *govDoc) error {
	if done == nil {
		return nil
	}
	return fmt.Errorf("%s is done: it is entry %d of the log, and another signature would change nothing", file, *done.Entry)
}

// signedBy reports whether the act has a signature by the key that holds.
func signedBy(u *provenance.UnverifiedAct, key provenance.PublicKey) bool {
	for i, signature := range u.Signatures() {
		if signature.KID == key.Thumbprint() {
			return u.VerifySignature(i, key) == nil
		}
	}
	return false
}

// alreadySigned answers whoever signs twice: the file stays as it is. SPEC(CLI-43)
func (a *app) alreadySigned(v *govView, d *govDoc, u *provenance.UnverifiedAct, key provenance.PublicKey) error {
	s, err := judgeSignatures(v, u)
	if err != nil {
		return err
	}
	d.SignedWith, d.Already = key.String(), true
	return a.emit(d, func(w io.Writer) error {
		if err := d.write(w); err != nil {
			return err
		}
		_, err := fmt.Fprintf(w, "%s has signed this already, and %s is unchanged; %s\n", key, d.File, d.next(s))
		return err
	})
}

// next says what comes behind a signature.
func (d *govDoc) next(s *signing) string {
	switch {
	case s.unknown:
		return "whether it is complete says: tokentrail gov show " + d.File
	case s.problem != nil:
		return "next: give the file to another who signs"
	}
	return "it is complete; next: tokentrail gov submit " + d.File
}

// writeSigned tells what was signed, if nobody was asked, and what comes next.
func (d *govDoc) writeSigned(w io.Writer, whole bool, s *signing) error {
	if whole {
		if err := d.write(w); err != nil {
			return err
		}
	} else {
		var b strings.Builder
		d.writeSignatures(&b)
		if _, err := io.WriteString(w, b.String()); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(w, "signed; "+d.next(s))
	return err
}

// maySign says where a key's signature would spoil the act.
func maySign(v *govView, act *provenance.Act, key provenance.PublicKey) error {
	groups, err := signingGroups(v, act)
	if err != nil || v == nil {
		return err
	}
	var whose []string
	for _, g := range groups {
		if _, ok := g.key(key.Thumbprint()); ok {
			return nil
		}
		whose = append(whose, g.whose)
	}
	return refusal("unknown-key", "", "%s may not sign this act, and with its signature the ledger would refuse it; those who may are: %s", key, strings.Join(whose, ", "))
}

// askToSign shows the act at the terminal and asks. SPEC(CLI-43)
func (a *app) askToSign(ctx context.Context, d *govDoc, key provenance.PublicKey) error {
	if err := d.write(a.stderr); err != nil {
		return err
	}
	yes, err := a.ask(ctx, fmt.Sprintf("\nSign this act as %s? Type yes: ", key))
	switch {
	case err != nil:
		return err
	case !yes:
		return fmt.Errorf("%s was not signed", d.File)
	}
	return nil
}

// ask asks the person at the terminal; only "yes" is yes.
func (a *app) ask(ctx context.Context, question string) (bool, error) {
	fmt.Fprint(a.stderr, question)
	typed := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(a.stdin).ReadString('\n') // after an interruption it ends with the program
		typed <- line
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(a.stderr)
		return false, couldNotf("interrupted")
	case line := <-typed:
		return strings.TrimSpace(line) == "yes", nil
	}
}
