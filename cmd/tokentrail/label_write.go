package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tokentrail/provenance/label"
)

type labelWriteFlags struct {
	ref, producer, status      string
	propagator, propagateID    string
	reserved1, reserved2       string
	sourceType                 string
	out                        string
	inPlace, force, breakBound bool
}

func (a *app) labelWriteCommand() *cobra.Command {
	f := &labelWriteFlags{}
	cmd := &cobra.Command{
		Use:   "write FILE",
		Short: "Write the mark of synthetic content into a copy of a file, or into the file",
		Long: "Write the label that names the content's record into PNG, JPEG, MP4, DOCX or Markdown. What the file\n" +
			"shows stays as it is, and so does every commitment to its content. A label that is there is replaced.\n\n" +
			"The file is never changed without --in-place; --out writes a labelled copy. Either appears whole or not\n" +
			"at all. A file with a C2PA manifest is refused, for writing breaks the manifest's hold on it:\n" +
			"label first and sign then, or say --break-manifest.",
		Example: "tokentrail label write picture.png --ref acme/answer-17 --producer 'Acme AI' \\\n" +
			"  --source-type trainedAlgorithmicMedia --out labelled.png\n" +
			"tokentrail label write report.docx --ref tokentrail:acme/answer-18 --producer 'Acme AI' --in-place",
		Args: oneArg("the file to label"),
	}
	s := cmd.Flags()
	s.StringVar(&f.ref, "ref", "", "the content's record: ISSUER/REF, the ref percent-encoded where it is not A-Z a-z 0-9 - . _ ~")
	s.StringVar(&f.producer, "producer", "", "name or code of who made the content")
	s.StringVar(&f.status, "status", "synthetic", "what the content is: synthetic, possibly, suspected")
	s.StringVar(&f.propagator, "propagator", "", "name or code of who spreads it (the producer)")
	s.StringVar(&f.propagateID, "propagate-id", "", "the propagator's number for it (the content reference)")
	s.StringVar(&f.reserved1, "reserved1", "", "the producer's own field, such as a seal")
	s.StringVar(&f.reserved2, "reserved2", "", "the propagator's own field")
	s.StringVar(&f.sourceType, "source-type", "", "how it came to be: a code of IPTC's digital source types, as trainedAlgorithmicMedia, or a URI (what the file has)")
	s.StringVar(&f.out, "out", "", "file to write the labelled copy to")
	s.BoolVar(&f.inPlace, "in-place", false, "change the file itself")
	s.BoolVar(&f.force, "force", false, "let --out replace a file that is there")
	s.BoolVar(&f.breakBound, "break-manifest", false, "label a file though a C2PA manifest covers it")
	require(cmd, "ref", "producer")
	cmd.RunE = a.does(func(_ context.Context, args []string) error { return a.labelWrite(args[0], f) }, asText, asJSON)
	return cmd
}

// marks reads the flags. SPEC(LBL-2)
func (f *labelWriteFlags) marks() (label.Marks, error) {
	m := label.Marks{BreakManifest: f.breakBound}
	reference, _, _, err := readReference(f.ref)
	if err != nil {
		return m, usagef("--ref: %w", err)
	}
	status, ok := aigcWords()[f.status]
	if !ok {
		return m, usagef("--status %q: wanted synthetic, possibly or suspected", f.status)
	}
	if (f.propagator == "") != (f.propagateID == "") {
		return m, usagef("--propagator and --propagate-id come together: say both, or neither for the producer's")
	}
	m.AIGC = label.AIGC{
		Label: status, ContentProducer: f.producer, ProduceID: reference, ReservedCode1: f.reserved1,
		ContentPropagator: f.propagator, PropagateID: f.propagateID, ReservedCode2: f.reserved2,
	}
	m.SourceType, err = sourceTypeURI(f.sourceType)
	return m, err
}

// sourceTypeURI writes the code of a digital source type as its URI. SPEC(LBL-17)
func sourceTypeURI(code string) (string, error) {
	switch {
	case code == "" || strings.Contains(code, ":"):
		return code, nil
	case code == "empty" || code == "trainedAlgorithmicData":
		return "http://c2pa.org/digitalsourcetype/" + code, nil
	case slices.Contains(sourceTypes(), code):
		return iptcSourceTypes + code, nil
	}
	return "", usagef("--source-type %q: wanted one of %s, or empty or trainedAlgorithmicData of C2PA; another of IPTC's is written as a URI, %s%s",
		code, strings.Join(sourceTypes(), ", "), iptcSourceTypes, code)
}

const iptcSourceTypes = "http://cv.iptc.org/newscodes/digitalsourcetype/"

// sourceTypes are the codes of IPTC's digital source types that are known here.
func sourceTypes() []string {
	return []string{
		"trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "compositeSynthetic", "algorithmicMedia", "composite",
		"compositeCapture", "digitalCapture", "computationalCapture", "screenCapture", "virtualRecording", "humanEdits",
		"digitalCreation", "dataDrivenMedia", "negativeFilm", "positiveFilm", "print",
	}
}

// target returns the file that is written, and the mode that it will have.
func (f *labelWriteFlags) target(name string) (string, fs.FileMode, error) {
	switch {
	case f.inPlace && f.out != "":
		return "", 0, usagef("--in-place and --out: say which")
	case f.inPlace && f.force:
		return "", 0, usagef("--force is for --out")
	case !f.inPlace && f.out == "":
		return "", 0, usagef("%s is never changed without --in-place: say --in-place, or --out FILE for a labelled copy", printable(name))
	case name == "-":
		return "", 0, usagef("label write needs a file that has a name")
	}
	info, err := os.Stat(name)
	if err != nil {
		return "", 0, err
	}
	if !info.Mode().IsRegular() {
		return "", 0, fmt.Errorf("%s is not a regular file", printable(name))
	}
	if f.inPlace {
		path, err := filepath.EvalSymlinks(name) // the file is changed, never a link to it
		return path, info.Mode().Perm(), err
	}
	there, err := os.Stat(f.out)
	switch {
	case err == nil && os.SameFile(info, there):
		return "", 0, usagef("--out %s is the file itself: say --in-place", printable(f.out))
	case err == nil && !there.Mode().IsRegular():
		return "", 0, fmt.Errorf("--out %s is not a regular file", printable(f.out))
	case err == nil && !f.force:
		return "", 0, fmt.Errorf("%s is there already and was not changed; choose another name, or say --force", printable(f.out))
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return "", 0, err
	}
	return f.out, info.Mode().Perm(), nil
}

func (a *app) labelWrite(name string, f *labelWriteFlags) error {
	m, err := f.marks()
	if err != nil {
		return err
	}
	target, mode, err := f.target(name)
	if err != nil {
		return err
	}
	src, err := a.openSource(name)
	if err != nil {
		return err
	}
	defer src.close()
	var wrong *label.FileError
	format, err := src.format()
	if errors.As(err, &wrong) { // SPEC(CLI-20)
		return fmt.Errorf("%s: not a kind of file that a label can be written into; those are PNG, JPEG, MP4, DOCX and Markdown (.md); nothing was written", printable(name))
	}
	if err != nil {
		return err
	}
	err = replaceFile(target, mode, func(w io.Writer) error { return label.Write(w, format, src, src.size, m) })
	switch {
	case errors.As(err, &wrong) && wrong.Kind == label.Bound:
		return fmt.Errorf("%s: %w (--break-manifest)", printable(name), err)
	case errors.As(err, &wrong):
		return fmt.Errorf("%s: %w; nothing was written", printable(name), err)
	case err != nil:
		return err
	}
	return a.showWritten(name, target)
}

// showWritten says what the labelled file says of itself now.
func (a *app) showWritten(name, target string) error {
	file, err := a.fileLabel(target)
	if err != nil {
		return err
	}
	doc := struct {
		Format int    `json:"format"`
		File   string `json:"file"`
		Out    string `json:"out"`
		*marksDoc
	}{outputFormat, name, target, newMarksDoc(file)}
	return a.emit(doc, func(w io.Writer) error {
		return facts(w, append([]fact{{"written", target}}, doc.lines()...)...)
	})
}

// replaceFile puts what write writes under a name, whole and durable or not at
// all: a temporary file beside it is renamed when it is on the disk. A file that
// was there stays as it was on any error. SPEC(CLI-20)
func replaceFile(name string, mode fs.FileMode, write func(io.Writer) error) error {
	dir := filepath.Dir(name)
	f, err := os.CreateTemp(dir, "."+filepath.Base(name)+tempPrefix+"*")
	var path *fs.PathError
	if errors.As(err, &path) {
		return couldNotf("%s cannot be written: in %s, %w", printable(name), printable(dir), path.Err)
	}
	if err != nil {
		return err
	}
	err = write(f)
	if err == nil {
		err = errors.Join(f.Chmod(mode), f.Sync())
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncDir(dir)
}
