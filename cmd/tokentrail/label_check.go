package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tokentrail/provenance"
	"tokentrail/provenance/intake"
	"tokentrail/provenance/label"
	"tokentrail/verify"
	"tokentrail/verify/profile"
)

type checkFlags struct {
	profiles            []string
	record, key         string
	node, genesis, kind string
}

func (a *app) labelCheckCommand() *cobra.Command {
	f := &checkFlags{}
	cmd := &cobra.Command{
		Use:   "check FILE",
		Short: "Check a file's label and its record against what laws and standards ask",
		Long: "Check what a file says of itself, and what its record says, against profiles: what a law or standard\n" +
			"asks, as far as it can be seen in bytes and declarations. The record comes from a file of records, or\n" +
			"from a node, which finds it through the label; it is proven first. What was not given is not checked.\n\n" +
			profile.Notice + "\n\n" +
			"Exit codes: 0 every profile holds or does not apply, 1 one failed, 2 something that must be checked was\n" +
			"not, 64 usage.",
		Example: "tokentrail label check picture.png --profile cn-gb45438-2025,eu-aia-50 \\\n" +
			"  --node http://localhost:7480\n" +
			"tokentrail label check picture.png --profile all --record usage.records",
		Args: oneArg("a file, or - for standard input"),
	}
	s := cmd.Flags()
	s.StringSliceVar(&f.profiles, "profile", nil, "profiles to check, or all; tokentrail label profiles lists them")
	s.StringVar(&f.record, "record", "", "the content's record: a file of records, or with --node an id, 64 hex digits, or ISSUER/REF (that which the label names)")
	s.StringVar(&f.key, "key", "", "sidecar with the key of the record's commitment")
	s.StringVar(&f.kind, "modality", "", "what the content is: "+modalities()+" (as file and record say)")
	s.StringVar(&f.node, "node", "", "the node's address, as http://localhost:7480 (or "+envNode+")")
	s.StringVar(&f.genesis, "genesis", "", "the SHA-256 of the genesis document, from elsewhere than the node")
	require(cmd, "profile")
	cmd.RunE = a.does(func(ctx context.Context, args []string) error { return a.labelCheck(ctx, args[0], f) }, asText, asJSON)
	return cmd
}

func modalities() string {
	var names []string
	for _, m := range profile.Modalities() {
		names = append(names, string(m))
	}
	return strings.Join(names, ", ")
}

// chosen returns the profiles that were named.
func (f *checkFlags) chosen() ([]profile.Profile, error) {
	if len(f.profiles) == 1 && f.profiles[0] == "all" {
		return profile.All(), nil
	}
	var out []profile.Profile
	seen := map[string]bool{}
	for _, id := range f.profiles {
		p, err := profile.Find(id)
		switch {
		case err != nil:
			return nil, usagef("--profile: %w", err)
		case seen[id]:
			return nil, usagef("--profile: %q is there twice", id)
		}
		seen[id] = true
		out = append(out, *p)
	}
	return out, nil
}

// checkDoc is what label check answers.
type checkDoc struct {
	Format     int              `json:"format"`
	File       string           `json:"file"`
	Verdict    profile.Verdict  `json:"verdict"`
	Exit       int              `json:"exit"`
	Record     string           `json:"record,omitempty"` // where the record is from
	Unreadable string           `json:"label_unreadable,omitempty"`
	Results    []profile.Result `json:"results"`
	Notice     string           `json:"notice"`
}

func (a *app) labelCheck(ctx context.Context, name string, f *checkFlags) error {
	profiles, err := f.chosen()
	if err != nil {
		return err
	}
	subject := profile.Subject{At: time.Now().UnixMilli()}
	if f.kind != "" {
		if subject.Modality, err = profile.ParseModality(f.kind); err != nil {
			return usagef("--modality: %w", err)
		}
	}
	src, err := a.openSource(name)
	if err != nil {
		return err
	}
	defer src.close()
	doc := &checkDoc{Format: outputFormat, File: name, Notice: profile.Notice}
	if err := readSubject(&subject, doc, src); err != nil {
		return err
	}
	if doc.Record, err = a.checkedRecord(ctx, f, &subject); err != nil {
		return err
	}
	if err := f.bind(&subject, src); err != nil {
		return err
	}
	for i := range profiles {
		doc.Results = append(doc.Results, profile.Check(&profiles[i], subject))
	}
	doc.Verdict = profile.Sum(doc.Results)
	doc.Exit = doc.Verdict.Exit()
	err = a.emit(doc, doc.write)
	if err == nil && doc.Exit != exitOK {
		err = &reported{doc.Exit}
	}
	return err
}

// readSubject reads the file's own label; one that cannot be read is for the
// profiles to judge.
func readSubject(s *profile.Subject, doc *checkDoc, src *source) error {
	format, err := src.format()
	if err != nil {
		return err
	}
	s.File, s.FileError = label.Read(format, src, src.size)
	var wrong *label.FileError
	switch {
	case errors.As(s.FileError, &wrong):
		doc.Unreadable = s.FileError.Error()
	case s.FileError != nil:
		return src.unreadable(s.FileError)
	}
	return nil
}

// checkedRecord gets the content's record, and says where from; a subject
// without one is none's fault but its own.
func (a *app) checkedRecord(ctx context.Context, f *checkFlags, s *profile.Subject) (from string, err error) {
	named, reference, ok := labelReference(s.File)
	switch {
	case f.record != "" && namesFile(f.record):
		if f.node != "" || f.genesis != "" {
			return "", usagef("--record %s is a file: --node and --genesis are of a ledger", printable(f.record))
		}
		return recordIn(f.record, named, s)
	case f.record != "":
		if named, err = recordQuery(f.record); err != nil {
			return "", err
		}
		reference = f.record
	case f.node == "" && a.env(envNode) == "":
		return "", nil
	case !ok:
		fmt.Fprintln(a.stderr, "the label names no record; what is asked of one is not checked (--record)")
		return "", nil
	}
	return a.recordFrom(ctx, f, named, reference, s)
}

// recordFrom gets a record from a node.
func (a *app) recordFrom(ctx context.Context, f *checkFlags, q provenance.RecordQuery, name string, s *profile.Subject) (string, error) {
	p, err := a.newProver(ctx, f.node, f.genesis)
	if err != nil {
		return "", err
	}
	starts, err := p.standing(ctx, q)
	switch {
	case err != nil:
		return "", err
	case len(starts) == 0:
		fmt.Fprintf(a.stderr, "the node knows no record %s, which is its word alone; what is asked of one is not checked\n", printable(name))
		return "", nil
	case len(starts) > 1:
		return "", couldNotf("%d records are named %s; say which: --record %s", len(starts), printable(name), starts[0].Key)
	case starts[0].Has(verify.MarkReversed):
		return "", fmt.Errorf("the record %s was reversed by its issuer: the label rests on what does not hold any more", starts[0].Key)
	}
	s.Record, s.Issuer = starts[0].Record.Decoded, starts[0].Record.Issuer
	return "record " + starts[0].Key + " of " + s.Issuer + ", proven at " + p.node.URL(), nil
}

// recordIn takes a record out of a file of records, and says which: the first
// with the ref that the label names, or the only one.
func recordIn(path string, named provenance.RecordQuery, s *profile.Subject) (which string, err error) {
	f, err := openRegular(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	records := intake.NewRecordsReader(bufio.NewReader(f))
	count := int64(0)
	for {
		r, _, err := records.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", fmt.Errorf("%s: %w", printable(path), err)
		}
		count++
		if len(named.Ref) > 0 && bytes.Equal(r.Ref, named.Ref) {
			s.Record, s.Issuer = r, named.Issuer
			return fmt.Sprintf("record %s of the file %s, a %s, the first with the ref that the label names", thousands(count), path, r.Kind), nil
		}
		s.Record = r
	}
	if count != 1 {
		s.Record = nil
		return "", fmt.Errorf("%s has %s, of which none has the ref that the label names", printable(path), plural(count, "record"))
	}
	s.Issuer = named.Issuer
	return fmt.Sprintf("the only record of the file %s, a %s", path, s.Record.Kind), nil
}

// bind says whether the record's commitment is to this file, where that can be
// told.
func (f *checkFlags) bind(s *profile.Subject, src *source) error {
	values := &commitments{src: src, known: map[commitmentKey]commitmentValue{}}
	var key *sidecar
	if f.key != "" {
		var err error
		if key, err = readSidecar(f.key); err != nil {
			return err
		}
		values.key = key.key
	}
	if s.Record == nil {
		return nil
	}
	b, _, err := values.bind(s.Record, key)
	switch b {
	case bindsOutput:
		s.Commitment = new(true)
	case bindsOther:
		s.Commitment = new(false)
	}
	return err
}

func (d *checkDoc) write(w io.Writer) error {
	record := d.Record
	if record == "" {
		record = "none: what is asked of one is not checked"
	}
	err := facts(w, fact{"file", d.File}, fact{"record", record}, fact{"label unreadable", d.Unreadable},
		fact{"verdict", fmt.Sprintf("%s (exit %d)", strings.ToUpper(string(d.Verdict)), d.Exit)})
	if err != nil {
		return err
	}
	for _, r := range d.Results {
		if _, err := fmt.Fprintln(w); err != nil {
			return err
		}
		if err := r.WriteText(w); err != nil {
			return err
		}
	}
	return nil
}
