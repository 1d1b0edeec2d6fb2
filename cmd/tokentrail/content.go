package main

import (
	"context"
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
	s.BoolVar(&f.recordJSON, "record-json", false, "print only what stands behind \"content\": in a record in JSON")
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
		return a.emitJSON(doc.Content)
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
