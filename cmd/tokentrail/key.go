package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"tokentrail/provenance"
)

// keyDoc is what key new and key show answer.
type keyDoc struct {
	Format     int    `json:"format"`
	File       string `json:"file"`
	PublicFile string `json:"public_file,omitempty"`
	Algorithm  string `json:"algorithm"`
	Public     string `json:"public"`
	Thumbprint string `json:"thumbprint"`
}

func algorithmName(alg int64) string {
	if alg == provenance.AlgES256 {
		return "es256"
	}
	return "ed25519"
}

func (a *app) keyCommand() *cobra.Command {
	return a.group("key", "Make, show and replace signing keys", a.keyNewCommand(), a.keyShowCommand(), a.keyRotateCommand(), a.keyWitnessCommand())
}

func (a *app) keyNewCommand() *cobra.Command {
	var alg, passphraseFile string
	cmd := &cobra.Command{
		Use:   "new NAME|PATH",
		Short: "Make a signing key, encrypted under a passphrase",
		Long: "Make a signing key, encrypted under a passphrase, and its public key beside it (NAME.pub).\n" +
			"A NAME stands in the user's key directory, a PATH where it says. Nothing is ever overwritten.\n\n" +
			"The passphrase comes from --passphrase-file, from " + envPassphrase + ", or from the terminal.",
		Example: "tokentrail key new acme\n" +
			"tokentrail key new ./acme.key --alg es256 --passphrase-file secret.txt",
		Args: oneArg("the new key's name or path"),
	}
	cmd.Flags().StringVar(&alg, "alg", "ed25519", "algorithm: ed25519 or es256")
	cmd.Flags().StringVar(&passphraseFile, "passphrase-file", "", "file with the passphrase, one line, not readable by the world")
	cmd.RunE = a.does(func(ctx context.Context, args []string) error {
		return a.keyNew(ctx, args[0], alg, passphraseFile)
	}, asTable, asJSON)
	return cmd
}

func (a *app) keyNew(ctx context.Context, name, alg, passphraseFile string) error {
	cose, ok := map[string]int64{"ed25519": provenance.AlgEdDSA, "es256": provenance.AlgES256}[alg]
	if !ok {
		return usagef("--alg %q: wanted ed25519 or es256", alg)
	}
	path, err := a.keyPath(name)
	if err != nil {
		return err
	}
	if err := keyFree(path); err != nil {
		return err
	}
	passphrase, err := a.passphrase(ctx, passphraseFile, path, true)
	if err != nil {
		return err
	}
	defer clear(passphrase)
	key, err := provenance.GenerateKey(cose)
	if err != nil {
		return err
	}
	public, err := provenance.NewPublicKey(key.Public())
	if err != nil {
		return err
	}
	sealed, err := provenance.SealKey(key, passphrase, provenance.DefaultKeyCost())
	if err != nil {
		return err
	}
	if err := createKey(path, sealed, public); err != nil {
		return err
	}
	return a.emitKey(path, public)
}

func (a *app) emitKey(path string, public provenance.PublicKey) error {
	doc := keyDoc{outputFormat, path, publicPath(path), algorithmName(public.Alg()), public.String(), public.Thumbprint().String()}
	if strings.HasSuffix(path, publicSuffix) {
		doc.PublicFile = path
	}
	return a.emit(doc, func(w io.Writer) error {
		return facts(w, fact{"file", doc.File}, fact{"public file", doc.PublicFile}, fact{"public key", doc.Public}, fact{"thumbprint", doc.Thumbprint})
	})
}

func (a *app) keyShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show NAME|PATH",
		Short: "Show a key's public half",
		Long:  "Show the public key and thumbprint of a key file, or of a .pub file. No passphrase is needed.",
		Example: "tokentrail key show acme\n" +
			"tokentrail key show ./acme.pub --output json",
		Args: oneArg("a key's name or path"),
		RunE: a.does(func(_ context.Context, args []string) error { return a.keyShow(args[0]) }, asTable, asJSON),
	}
}

func (a *app) keyShow(name string) error {
	path, public, err := a.publicKeyOf(name)
	if err != nil {
		return err
	}
	return a.emitKey(path, public)
}

// publicKeyOf reads the public half of a key file, or a .pub file.
func (a *app) publicKeyOf(name string) (path string, public provenance.PublicKey, err error) {
	if strings.HasSuffix(name, publicSuffix) {
		f, err := openRegular(name)
		if err != nil {
			return "", public, err
		}
		defer f.Close()
		b, err := readBounded(f, maxKeyFile, name)
		if err != nil {
			return "", public, err
		}
		public, err := provenance.ParsePublicKey(strings.TrimSpace(string(b)))
		if err != nil {
			return "", public, fmt.Errorf("%s: %w", name, err)
		}
		return name, public, nil
	}
	path, err = a.keyPath(name)
	if err != nil {
		return "", public, err
	}
	file, err := readKeyFile(path)
	if err != nil {
		return "", public, err
	}
	public, err = provenance.KeyFilePublic(file)
	if err != nil {
		return "", public, fmt.Errorf("key file %s: %w", path, err)
	}
	return path, public, nil
}
