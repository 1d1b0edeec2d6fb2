package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"tokentrail/verify/cosign"
)

// witnessKeyDoc is what key witness answers.
type witnessKeyDoc struct {
	Format int    `json:"format"`
	File   string `json:"file"`
	Name   string `json:"name"`
	Public string `json:"public"`
}

func (a *app) keyWitnessCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "witness NAME",
		Short: "Make the key of a C2SP witness",
		Long: "Make the key by which tokentrail verify --watch cosigns checkpoints as a C2SP witness, and show its\n" +
			"public half, the verifier key (vkey) that others trust. NAME is the witness's, a URL without a scheme.\n\n" +
			"The file is not encrypted, for a watch starts unattended: it is its owner's alone, and never overwritten.",
		Example: "tokentrail key witness auditor.example/witness --out witness.key",
		Args:    oneArg("the witness's name, as auditor.example/witness"),
	}
	cmd.Flags().StringVarP(&out, "out", "o", "", "file to write the key to (required)")
	cmd.RunE = a.does(func(_ context.Context, args []string) error { return a.keyWitness(args[0], out) }, asTable, asJSON)
	return cmd
}

// keyWitness makes a witness's key. SPEC(CLI-102)
func (a *app) keyWitness(name, out string) error {
	if out == "" {
		return usagef("key witness: say with --out which file the key goes into")
	}
	var seed [ed25519.SeedSize]byte
	if _, err := io.ReadFull(rand.Reader, seed[:]); err != nil {
		return err
	}
	key, err := cosign.NewKey(name, seed)
	clear(seed[:])
	if err != nil {
		return usagef("%w", err)
	}
	if err := createFile(out, []byte(key.Private()+"\n"), 0o600); err != nil {
		return err
	}
	doc := witnessKeyDoc{outputFormat, out, key.Name(), key.Public()}
	return a.emit(doc, func(w io.Writer) error {
		return facts(w, fact{"file", doc.File}, fact{"name", doc.Name}, fact{"verifier key", doc.Public})
	})
}

// readWitnessKey reads a witness's key, which is only its owner's. SPEC(CLI-102)
func readWitnessKey(path string) (*cosign.Key, error) {
	b, err := readKeyFile(path)
	var none *noKeyError
	if errors.As(err, &none) {
		return nil, fmt.Errorf("there is no key file %s; make one with: tokentrail key witness NAME --out %s", path, path)
	}
	if err != nil {
		return nil, err
	}
	defer clear(b)
	key, err := cosign.ParseKey(string(bytes.TrimRight(b, "\r\n")))
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	return key, nil
}
