package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"tokentrail/provenance"
	"tokentrail/provenance/label"
)

type openFlags struct {
	key, value, profile   string
	public                bool
	record, node, genesis string
}

func (a *app) contentOpenCommand() *cobra.Command {
	f := &openFlags{}
	cmd := &cobra.Command{
		Use:   "open FILE",
		Short: "Check a file against a commitment, with its key",
		Long: "Check that content and key give a commitment: the value in the sidecar, or --value, or one that a\n" +
			"record on a ledger holds (--record, with --node), which is proven as in content find.\n\n" +
			"Exit codes: 0 it opens, 1 it does not, 2 could not be checked, 64 usage.",
		Example: "tokentrail content open picture.png --key picture.png" + sidecarSuffix + "\n" +
			"tokentrail content open picture.png --key picture.png" + sidecarSuffix + " \\\n" +
			"  --record acme/answer-17 --node http://localhost:7480\n" +
			"tokentrail content open announcement.md --public --value 6f1b…64-hex-digits…",
		Args: oneArg("a file, or - for standard input"),
	}
	s := cmd.Flags()
	s.StringVar(&f.key, "key", "", "sidecar with the key")
	s.BoolVar(&f.public, "public", false, "the commitment is a plain SHA-256")
	s.StringVar(&f.profile, "profile", "", "with --public: what of the file it covers, none for its bytes (that of its kind)")
	s.StringVar(&f.value, "value", "", "the commitment's value, 64 hex digits (that in the sidecar)")
	s.StringVar(&f.record, "record", "", "a record that holds it: its id, 64 hex digits, or ISSUER/REF")
	s.StringVar(&f.node, "node", "", "with --record: the node's address, as http://localhost:7480 (or "+envNode+")")
	s.StringVar(&f.genesis, "genesis", "", "with --record: the SHA-256 of the genesis document, from elsewhere than the node")
	cmd.RunE = a.does(func(ctx context.Context, args []string) error { return a.contentOpen(ctx, args[0], f) }, asText, asJSON)
	return cmd
}

// openDoc is what content open answers.
type openDoc struct {
	Format  int    `json:"format"`
	File    string `json:"file"`
	Opens   bool   `json:"opens"`
	Value   string `json:"value"`  // of file and key
	Wanted  string `json:"wanted"` // of sidecar, flag or record
	Profile string `json:"profile,omitempty"`
	Record  string `json:"record,omitempty"` // id of the record that was held against
	Why     string `json:"why"`
}

func (f *openFlags) check() error {
	switch {
	case f.public == (f.key != ""):
		return usagef("say --key SIDECAR for a keyed commitment, or --public for a plain SHA-256")
	case f.value != "" && f.record != "":
		return usagef("--value and --record: say which the file is held against")
	case f.public && f.value == "" && f.record == "":
		return usagef("--public needs what the file is held against: --value or --record")
	case f.profile != "" && !f.public:
		return usagef("--profile is for --public: the sidecar says what its commitment covers")
	case f.record == "" && (f.node != "" || f.genesis != ""):
		return usagef("--node and --genesis are of a ledger with the record: say --record")
	}
	return nil
}

// content returns the commitment that file and key give.
func (f *openFlags) content(src *source, s *sidecar) (*provenance.Content, error) {
	if s == nil {
		c, _, err := (&commitFlags{public: true, profile: f.profile}).commitment(src)
		return c, err
	}
	value, err := s.commitment(src)
	return &provenance.Content{Algorithm: provenance.AlgHMACSHA256, Value: value[:], Profile: s.profile}, err
}

// read reads the flags: the sidecar, nil for what is public, and the value that
// the commitment must have.
func (f *openFlags) read() (key *sidecar, wanted provenance.Hash, err error) {
	if err := f.check(); err != nil {
		return nil, wanted, err
	}
	if f.value != "" && !parseHash(f.value, &wanted) {
		return nil, wanted, usagef("--value %q: wanted 64 hex digits", f.value)
	}
	if f.public {
		_, err = (&commitFlags{role: "output", profile: f.profile}).check()
		return nil, wanted, err
	}
	key, err = readSidecar(f.key)
	if err == nil && f.value == "" {
		wanted = key.value
	}
	return key, wanted, err
}

func (a *app) contentOpen(ctx context.Context, name string, f *openFlags) error {
	key, wanted, err := f.read()
	if err != nil {
		return err
	}
	src, err := a.openSource(name)
	if err != nil {
		return err
	}
	defer src.close()
	c, err := f.content(src, key)
	var broken *label.FileError
	if errors.As(err, &broken) && broken.Kind == label.Malformed && key != nil {
		err = fmt.Errorf("%w; it is not the content that was committed to", err)
	}
	if err != nil {
		return err
	}
	doc := &openDoc{Format: outputFormat, File: name, Value: fmt.Sprintf("%x", c.Value), Wanted: wanted.String(), Profile: c.Profile}
	if f.record != "" {
		err = a.openAgainstRecord(ctx, f, c, doc)
	} else {
		doc.judge(provenance.Hash(c.Value) == wanted)
	}
	if err != nil {
		return err
	}
	err = a.emit(doc, doc.write)
	if err == nil && !doc.Opens {
		err = &reported{exitAgainst}
	}
	return err
}

func (d *openDoc) judge(opens bool) {
	d.Opens, d.Why = opens, "content and key give the commitment"
	if !opens {
		d.Why = "content and key do not give the commitment: the content is another, or the key is"
	}
}

func (d *openDoc) write(w io.Writer) error {
	verdict := "does not open"
	if d.Opens {
		verdict = "opens"
	}
	return facts(w, fact{"file", d.File}, fact{"result", verdict + ": " + d.Why}, fact{"value", d.Value},
		fact{"wanted", d.Wanted}, fact{"profile", profileName(d.Profile)}, fact{"record", d.Record})
}
