package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tokentrail/provenance"
	"tokentrail/verify"
	"tokentrail/verify/light"
)

// A fileKind is a kind of file that verify reads, told by its first bytes.
// SPEC(BND-17), SPEC(CLI-72)
type fileKind struct {
	name   string
	is     func(head []byte) bool
	verify func(a *app, ctx context.Context, in *evidenceFile) error
}

// fileKinds are all of them.
func fileKinds() []fileKind {
	return []fileKind{
		{"bundle", provenance.IsBundle, (*app).verifyBundle},
		{"SCITT transparent statement", provenance.IsSign1, (*app).verifyTransparent},
		{"evidence of a fork", verify.IsFork, (*app).verifyFork},
	}
}

// An evidenceFile is a file that was read, and under which trust it is looked at.
type evidenceFile struct {
	name    string
	raw     []byte
	trust   verify.Trust
	genesis []byte // the document that the auditor brings; nil for none
	options verify.Options
}

// atMostOneFile wants a file, or nothing.
func atMostOneFile(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return fmt.Errorf("%s takes one argument, a file, or a command of its own (%s); %q is a second one%s", cmd.CommandPath(), strings.Join(commandNames(cmd), ", "), args[1], nearName(cmd, args[0]))
	}
	if len(args) == 0 {
		return nil
	}
	if strings.HasPrefix(args[0], "http://") || strings.HasPrefix(args[0], "https://") {
		return fmt.Errorf("%s is an address, wanted a file; a node is named with --node", printable(args[0]))
	}
	if near := nearName(cmd, args[0]); near != "" {
		if _, err := os.Stat(args[0]); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("there is no file %s, and %s has no such command%s", printable(args[0]), cmd.CommandPath(), near)
		}
	}
	return nil
}

// nearName asks whether one of a command's own was meant; empty where none is near.
func nearName(cmd *cobra.Command, name string) string {
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(name); len(near) > 0 {
		return "; did you mean " + strings.Join(near, " or ") + "?"
	}
	return ""
}

func commandNames(cmd *cobra.Command) (names []string) {
	for _, c := range cmd.Commands() {
		if !c.Hidden {
			names = append(names, c.Name())
		}
	}
	return names
}

// onlyOfFile refuses flags that ask a node, beside a file.
func onlyOfFile(s *pflag.FlagSet) error {
	allowed := map[string]bool{"genesis": true, "genesis-document": true, "trust": true, "trusting-period": true, "providers": true, "output": true, "json": true}
	wrong := ""
	s.Visit(func(f *pflag.Flag) {
		if !allowed[f.Name] {
			wrong = f.Name
		}
	})
	if wrong != "" {
		return usagef("--%s is of an audit of a node; a file is checked without one", wrong)
	}
	return nil
}

// verifyFile checks a file without a network.
func (a *app) verifyFile(ctx context.Context, name string, f *verifyFlags) error {
	in := &evidenceFile{name: name}
	var err error
	if in.trust, err = f.anchor(); err != nil {
		return err
	}
	if f.document != "" {
		if in.genesis, err = a.readFile(f.document, provenance.MaxBundleGenesisBytes); err != nil {
			return noVerdict(err)
		}
		hash := provenance.Hash(sha256.Sum256(in.genesis))
		if in.trust.Genesis != nil && *in.trust.Genesis != hash {
			return usagef("--genesis-document %s has the SHA-256 %s, --genesis names %s", f.document, hash, in.trust.Genesis)
		}
		if _, err := light.NewFounders(in.genesis); err != nil {
			return couldNotf("--genesis-document %s is no genesis document of a ledger: %w", printable(f.document), err)
		}
		in.trust.Genesis = &hash
	}
	in.options = verify.Options{From: printable(name), NoticeProviders: f.against == verify.AsNotice}
	if in.raw, err = a.readFile(name, provenance.MaxBundleBytes); err != nil {
		return noVerdict(err)
	}
	for _, kind := range fileKinds() {
		if kind.is(in.raw) {
			return kind.verify(a, ctx, in)
		}
	}
	var names []string
	for _, kind := range fileKinds() {
		names = append(names, kind.name)
	}
	return usagef("%s is nothing that verify can check: %s; wanted one of %s; a piece of content, as a picture or a text, is checked with: tokentrail verify content FILE", printable(name), seen(in.raw), strings.Join(names, ", "))
}

// noVerdict is an error about a file of the auditor's own: where 1 is a verdict, it is
// none. SPEC(CLI-6)
func noVerdict(err error) error {
	if err != nil && exitCode(err) == exitAgainst {
		return &exitError{exitCouldNot, err}
	}
	return err
}

// readFile reads a file of at most so many bytes.
func (a *app) readFile(name string, most int) ([]byte, error) {
	r, err := a.open(name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, int64(most)+1))
	if err == nil && len(b) > most {
		err = fmt.Errorf("%s has more than %s bytes, which is the most that such a file may have", printable(name), thousands(int64(most)))
	}
	return b, err
}

// seen says what a file is that begins with these bytes.
func seen(raw []byte) string {
	head := raw[:min(len(raw), 24)]
	text := bytes.TrimSpace(head)
	switch {
	case len(raw) == 0:
		return "it is empty"
	case len(text) > 0 && (text[0] == '{' || text[0] == '[') && !bytes.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' && r != '\r' }):
		return fmt.Sprintf("it looks like JSON, and begins with %q", head)
	case bytes.HasPrefix(raw, []byte{0xd8, 98}):
		return "it is a COSE_Sign, as an act is, without what proves it"
	case bytes.HasPrefix(raw, []byte{0x86}):
		return "it may be a leaf of equivocation, without what proves it"
	}
	return fmt.Sprintf("it begins with %q", head)
}

// verifyFork checks evidence of a fork. SPEC(CLI-84)
func (a *app) verifyFork(ctx context.Context, in *evidenceFile) error {
	f, err := verify.ParseFork(in.raw)
	if err != nil {
		return couldNotf("%s is not whole evidence of a fork: %w", printable(in.name), err)
	}
	return a.conclude(light.CheckFork(ctx, f, in.trust, in.options))
}

func (a *app) verifyBundle(ctx context.Context, in *evidenceFile) error {
	b, err := provenance.ParseBundle(in.raw)
	if provenance.CodeOf(err) == provenance.CodeVersion {
		return couldNotf("%s: %w", printable(in.name), err)
	}
	if err != nil {
		return couldNotf("%s is not a whole bundle: %w; ask for it anew", printable(in.name), err)
	}
	return a.verifyExhibit(ctx, in, b)
}

func (a *app) verifyTransparent(ctx context.Context, in *evidenceFile) error {
	t, err := provenance.ParseTransparent(in.raw)
	if err != nil {
		switch alone := fmt.Sprintf("%s is nothing that verify can check by itself", printable(in.name)); {
		case isAlone(provenance.ParseStatement(in.raw)):
			return usagef("%s: it is a statement without a receipt; tokentrail bundle --scitt writes one with it", alone)
		case isAlone(provenance.ParseReceipt(in.raw)):
			return usagef("%s: it is a receipt without its statement; tokentrail bundle writes both", alone)
		}
		return couldNotf("%s is not a whole transparent statement: %w; ask for it anew", printable(in.name), err)
	}
	if in.genesis == nil {
		return usagef("a transparent statement does not hold the ledger's genesis document: name it with --genesis-document FILE")
	}
	return a.verifyExhibit(ctx, in, t.Bundle(in.genesis, originOf(in.genesis)))
}

// isAlone reports whether something could be parsed.
func isAlone[T any](_ T, err error) bool { return err == nil }

// originOf returns the origin of the log of a genesis document; "" where that
// cannot be read, which whoever checks it says.
func originOf(genesis []byte) string {
	founders, err := light.NewFounders(genesis)
	if err != nil {
		return ""
	}
	return founders.Origin()
}

func (a *app) verifyExhibit(ctx context.Context, in *evidenceFile, e *verify.Exhibit) error {
	return a.conclude(light.CheckExhibit(ctx, e, in.trust, in.options))
}
