package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"tokentrail/provenance/label"
)

func (a *app) labelCommand() *cobra.Command {
	return a.group("label", "Write, read and check the marks of synthetic content in files",
		a.labelWriteCommand(), a.labelReadCommand(), a.labelCheckCommand(), a.labelProfilesCommand())
}

// aigcDoc is the AIGC object, under the names that the standard gives it.
type aigcDoc struct {
	Label             string `json:"Label"`
	ContentProducer   string `json:"ContentProducer"`
	ProduceID         string `json:"ProduceID"`
	ReservedCode1     string `json:"ReservedCode1"`
	ContentPropagator string `json:"ContentPropagator"`
	PropagateID       string `json:"PropagateID"`
	ReservedCode2     string `json:"ReservedCode2"`
}

// referenceDoc is a content reference, taken apart.
type referenceDoc struct {
	Issuer string `json:"issuer"`
	Ref    string `json:"ref"` // hex
}

type manifestDoc struct {
	Manifests  int         `json:"manifests"`
	Active     string      `json:"active"`
	Generators []string    `json:"generators"`
	Actions    []actionDoc `json:"actions"`
	Checked    bool        `json:"checked"` // never: LBL-18
}

type actionDoc struct {
	Name       string `json:"name"`
	SourceType string `json:"source_type,omitempty"`
	Agent      string `json:"agent,omitempty"`
}

// marksDoc is what a file says of itself.
type marksDoc struct {
	FileFormat string        `json:"file_format"`
	MediaType  string        `json:"media_type"`
	AIGC       *aigcDoc      `json:"aigc,omitempty"`
	Reference  *referenceDoc `json:"reference,omitempty"` // of ProduceID, where it is one
	SourceType string        `json:"source_type,omitempty"`
	Synthetic  bool          `json:"synthetic_source_type"`
	C2PA       *manifestDoc  `json:"c2pa,omitempty"`
}

// newMarksDoc puts into our words what was read.
func newMarksDoc(f *label.File) *marksDoc {
	d := &marksDoc{
		FileFormat: string(f.Format), MediaType: f.Format.MediaType(),
		SourceType: f.SourceType, Synthetic: label.SyntheticSource(f.SourceType),
	}
	if f.AIGC != nil {
		d.AIGC = (*aigcDoc)(f.AIGC)
		if issuer, ref, err := label.ParseContentReference(f.AIGC.ProduceID); err == nil {
			d.Reference = &referenceDoc{issuer, hex.EncodeToString(ref)}
		}
	}
	if f.C2PA != nil {
		d.C2PA = &manifestDoc{Manifests: f.C2PA.Manifests, Active: f.C2PA.Active, Generators: f.C2PA.Generators}
		for _, act := range f.C2PA.Actions {
			d.C2PA.Actions = append(d.C2PA.Actions, actionDoc(act))
		}
	}
	return d
}

// any reports whether the file bears any mark.
func (d *marksDoc) any() bool { return d.AIGC != nil || d.SourceType != "" || d.C2PA != nil }

// lines are the marks for people.
func (d *marksDoc) lines() []fact {
	lines := []fact{{"kind of file", d.MediaType}}
	if l := d.AIGC; l != nil {
		lines = append(lines,
			fact{"label", l.Label + ": " + aigcWord(l.Label)},
			fact{"producer", l.ContentProducer}, fact{"content id", l.ProduceID},
			fact{"reserved 1", l.ReservedCode1},
			fact{"propagator", l.ContentPropagator}, fact{"propagate id", l.PropagateID},
			fact{"reserved 2", l.ReservedCode2})
		if d.Reference == nil {
			lines = append(lines, fact{"record", "the content id is no content reference: it names no record of a ledger"})
		}
	}
	lines = append(lines, fact{"source type", d.SourceType})
	if c := d.C2PA; c != nil {
		lines = append(lines, fact{"C2PA", plural(int64(c.Manifests), "manifest") + ", shown and not checked; active: " + c.Active},
			fact{"generators", strings.Join(c.Generators, ", ")})
		for _, act := range c.Actions {
			lines = append(lines, fact{"action", strings.Join(nonEmpty(act.Name, act.Agent, act.SourceType), ", ")})
		}
	}
	return lines
}

// aigcWord says what a value of Label means (label.md LBL-2).
func aigcWord(value string) string {
	for word, v := range aigcWords() {
		if v == value {
			return word
		}
	}
	return "none of the standard's values"
}

// aigcWords are the words of --status for the values of Label.
func aigcWords() map[string]string {
	return map[string]string{"synthetic": "1", "possibly": "2", "suspected": "3"}
}

func nonEmpty(values ...string) []string {
	var out []string
	for _, v := range values {
		if v != "" {
			out = append(out, v)
		}
	}
	return out
}

func (a *app) labelReadCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "read FILE|-",
		Short: "Say what a file says of itself",
		Long: "Show the marks that a file bears: the AIGC object of GB 45438-2025, IPTC's digital source type, and\n" +
			"what a C2PA manifest claims. Nothing of it is checked: it is the file's own word. PNG, JPEG, MP4, DOCX,\n" +
			"Markdown and UTF-8 text are read.\n\n" +
			"Exit codes: 0 there is a mark, 1 there is none, or the file is broken or has two, 2 not a kind of file\n" +
			"that can be read here, 64 usage.",
		Example: "tokentrail label read picture.png\n" +
			"tokentrail label read --output json report.docx",
		Args: oneArg("a file, or - for standard input"),
		RunE: a.does(func(_ context.Context, args []string) error { return a.labelRead(args[0]) }, asText, asJSON),
	}
}

// fileLabel reads what a file says of itself.
func (a *app) fileLabel(name string) (*label.File, error) {
	src, err := a.openSource(name)
	if err != nil {
		return nil, err
	}
	defer src.close()
	return src.label()
}

func (a *app) labelRead(name string) error {
	file, err := a.fileLabel(name)
	if err != nil {
		return err
	}
	doc := struct {
		Format   int    `json:"format"`
		File     string `json:"file"`
		Labelled bool   `json:"labelled"`
		*marksDoc
	}{outputFormat, name, false, newMarksDoc(file)}
	doc.Labelled = doc.any()
	err = a.emit(doc, func(w io.Writer) error {
		if err := facts(w, append([]fact{{"file", name}}, doc.lines()...)...); err != nil || doc.Labelled {
			return err
		}
		_, err := fmt.Fprintln(w, "no label: neither an AIGC object nor a digital source type nor a C2PA manifest")
		return err
	})
	if err == nil && !doc.Labelled {
		err = &reported{exitAgainst}
	}
	return err
}
