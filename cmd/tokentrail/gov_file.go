package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"tokentrail/provenance"
)

// maxProposal is more than the longest proposal has.
const maxProposal = provenance.MaxActBytes + 64

// readProposal reads a proposal's file. SPEC(GOV-30)
func (a *app) readProposal(name string) (*provenance.UnverifiedAct, error) {
	in, err := a.open(name)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	b, err := readBounded(in, maxProposal, name)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(strings.TrimSpace(string(b)), "{") {
		return nil, fmt.Errorf("%s is JSON; a proposal is made of it by: tokentrail gov propose --from %s --file PROPOSAL", printable(name), printable(name))
	}
	u, err := provenance.ParseActProposal(b)
	if err != nil {
		return nil, fmt.Errorf("%s is no proposal: %w", printable(name), err)
	}
	return u, nil
}

// createProposal writes a new proposal; it is put over nothing.
func createProposal(name string, u *provenance.UnverifiedAct) error {
	return createFile(name, provenance.EncodeActSubmission(u.Raw()), 0o644)
}

// replaceProposal writes a proposal in the place of the one that is there, whole
// or not at all.
func replaceProposal(name string, u *provenance.UnverifiedAct) error {
	if name == "-" {
		return errors.New("a proposal that came through standard input cannot be written back; name its file")
	}
	target, err := filepath.EvalSymlinks(name)
	if err != nil {
		return err
	}
	info, err := os.Stat(target)
	if err != nil {
		return err
	}
	if err := writeDurable(filepath.Dir(target), filepath.Base(target), provenance.EncodeActSubmission(u.Raw())); err != nil {
		return err
	}
	return os.Chmod(target, info.Mode().Perm())
}
