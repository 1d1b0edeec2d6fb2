package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tokentrail/provenance"
	"tokentrail/provenance/label"
)

// noProfile says that a commitment covers a file's bytes as they are.
const noProfile = "none"

func (a *app) contentCommand() *cobra.Command {
	return a.group("content", "Commit to content, open commitments, and find content's record",
		a.contentCommitCommand(), a.contentOpenCommand(), a.contentFindCommand())
}

type commitFlags struct {
	public             bool
	key, profile, role string
	ref                string
	recordJSON         bool
}

func (a *app) contentCommitCommand() *cobra.Command {
	f := &commitFlags{}
	cmd := &cobra.Command{
		Use:   "commit FILE",
		Short: "Make the commitment to a file's content that its record holds",
		Long: "Make the commitment to content that goes into a record. It is keyed: without the key nothing follows\n" +
			"from it, not even for who guesses the content. The key is fresh, serves one record, and is kept in a\n" +
			"sidecar that only its owner can read: whoever has it and the content can prove what was committed to,\n" +
			"and destroying it is how content is erased.\n\n" +
			"With --public it is a plain SHA-256, which anyone can check who has the content, or guesses it.\n\n" +
			"What is covered is what a profile says: that of the file's kind leaves its label out, so that a file\n" +
			"can be labelled before or after. Commit to each text's role: what was asked, or what was answered.",
		Example: "tokentrail content commit picture.png --ref acme/answer-17\n" +
			"tokentrail content commit announcement.md --public --output json\n" +
			"tokentrail content commit prompt.txt --role input --key prompt.key.json --record-json",
		Args: oneArg("a file"),
	}
	s := cmd.Flags()
	s.BoolVar(&f.public, "public", false, "a plain SHA-256, for content that you declare public")
	s.StringVar(&f.key, "key", "", "sidecar to make for the key (FILE"+sidecarSuffix+")")
	s.StringVar(&f.profile, "profile", "", "what of the file is covered: "+strings.Join(label.Profiles(), ", ")+", none for its bytes (that of its kind)")
	s.StringVar(&f.role, "role", "output", "what the content was: input, output")
	s.StringVar(&f.ref, "ref", "", "the record that will hold it, ISSUER/REF: noted in the sidecar")
	s.BoolVar(&f.recordJSON, "record-json", false, "print only the member for a record in JSON")
	cmd.RunE = a.does(func(_ context.Context, args []string) error { return a.contentCommit(args[0], f) }, asText, asJSON)
	return cmd
}

// commitDoc is what content commit answers.
type commitDoc struct {
	Format  int    `json:"format"`
	File    string `json:"file"`
	Content []any  `json:"content"` // as a record in JSON has it
	Sidecar string `json:"sidecar,omitempty"`
	Record  string `json:"record,omitempty"`
}

// commitment makes the commitment of a file, with the sidecar where it is keyed.
func (f *commitFlags) commitment(src *source) (*provenance.Content, *sidecar, error) {
	c := &provenance.Content{Role: 2, Algorithm: provenance.AlgHMACSHA256}
	if f.role == "input" {
		c.Role = 1
	}
	format, unknown := src.format()
	switch {
	case f.profile == noProfile:
	case f.profile != "":
		c.Profile = f.profile
	case unknown != nil:
		return nil, nil, fmt.Errorf("%w; its bytes as they are can be committed to with --profile none", unknown)
	default:
		c.Profile = format.Profile()
	}
	if unknown == nil {
		c.MediaType = format.MediaType()
	}
	if f.public { // SPEC(PRV-2)
		c.Algorithm = provenance.AlgSHA256
		value, err := label.PublicCommitment(c.Profile, src, src.size)
		c.Value = value[:]
		return c, nil, src.unreadable(err)
	}
	s := newSidecar()
	s.profile, s.mediaType = c.Profile, c.MediaType
	value, err := s.commitment(src)
	s.value, c.Value = value, value[:]
	return c, s, err
}

// check reads the flags that have a form.
func (f *commitFlags) check() (reference string, err error) {
	if f.role != "input" && f.role != "output" {
		return "", usagef("--role %q: wanted input or output", f.role)
	}
	if f.public && f.key != "" {
		return "", usagef("--public and --key: a public commitment has no key")
	}
	if f.profile != "" && f.profile != noProfile && !slices.Contains(label.Profiles(), f.profile) {
		return "", usagef("--profile %q: there are %s, and none for the file's bytes", f.profile, strings.Join(label.Profiles(), ", "))
	}
	if f.ref == "" {
		return "", nil
	}
	reference, _, _, err = readReference(f.ref)
	if err != nil {
		return "", usagef("--ref: %w", err)
	}
	return reference, nil
}

func (a *app) contentCommit(name string, f *commitFlags) error {
	reference, err := f.check()
	if err != nil {
		return err
	}
	path := f.key
	if path == "" && name == "-" && !f.public {
		return usagef("what comes from standard input has no name to call its sidecar after: say --key")
	}
	if path == "" {
		path = name + sidecarSuffix
	}
	src, err := a.openSource(name)
	if err != nil {
		return err
	}
	defer src.close()
	c, s, err := f.commitment(src)
	if err != nil {
		return err
	}
	doc := &commitDoc{Format: outputFormat, File: name, Content: []any{view(c)}, Record: reference}
	if s != nil {
		s.record, doc.Sidecar = reference, path
		b, err := s.encode()
		if err != nil {
			return err
		}
		if err := createFile(path, b, 0o600); err != nil { // SPEC(CLI-21)
			return err
		}
	}
	if f.recordJSON {
		return a.emitJSON(struct {
			Content []any `json:"content"`
		}{doc.Content})
	}
	return a.emit(doc, func(w io.Writer) error { return doc.write(w, c) })
}

func (d *commitDoc) write(w io.Writer, c *provenance.Content) error {
	kept := ""
	if d.Sidecar != "" {
		kept = d.Sidecar + " (keep it: without it the commitment opens for nobody)"
	}
	return facts(w,
		fact{"role", contentRole(c.Role)}, fact{"algorithm", contentAlgorithm(c.Algorithm)},
		fact{"value", fmt.Sprintf("%x", c.Value)}, fact{"profile", profileName(c.Profile)},
		fact{"media type", c.MediaType}, fact{"record", d.Record}, fact{"key", kept})
}

func contentRole(role int64) string {
	if role == 1 {
		return "input"
	}
	return "output"
}

func contentAlgorithm(alg int64) string {
	switch alg {
	case provenance.AlgHMACSHA256:
		return "HMAC-SHA-256, keyed (5)"
	case provenance.AlgSHA256:
		return "SHA-256, public (-16)"
	}
	return fmt.Sprintf("unknown (%d)", alg)
}

func profileName(profile string) string {
	if profile == "" {
		return noProfile + ": the bytes as they are"
	}
	return profile
}

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
	s.StringVar(&f.genesis, "genesis", "", "with --record: SHA-256 of the genesis document, from elsewhere than the node")
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

func (a *app) contentOpen(ctx context.Context, name string, f *openFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	var wanted provenance.Hash
	if f.value != "" && !parseHash(f.value, &wanted) {
		return usagef("--value %q: wanted 64 hex digits", f.value)
	}
	if f.public {
		if _, err := (&commitFlags{role: "output", profile: f.profile}).check(); err != nil {
			return err
		}
	}
	var key *sidecar
	if f.key != "" {
		var err error
		if key, err = readSidecar(f.key); err != nil {
			return err
		}
		if f.value == "" {
			wanted = key.value
		}
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
