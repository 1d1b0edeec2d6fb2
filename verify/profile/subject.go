package profile

import (
	"errors"
	"slices"
	"strings"
	"time"

	"tokentrail/provenance"
	"tokentrail/provenance/label"
)

// A Subject is one piece of content with what is known of it. What is nil or
// empty was not given; rules that need it are not checked.
type Subject struct {
	Record *provenance.Record // what the provider signed of the content
	Issuer string             // who signed it: a name id
	File   *label.File        // what label.Read found in the file
	// FileError is what label.Read said where it gave no File. A file whose
	// label is malformed, or that has several, fails what asks for one label.
	FileError error
	Modality  Modality // overrides what file and record say (PRO-4)

	// Commitment is whether the record's commitment to its output is one to
	// this file (LBL-20); nil where nobody could tell.
	Commitment *bool
	// Signature is what a C2PA validator said of the manifest store's signatures
	// and hashes; nil where none looked.
	Signature *bool

	At int64 // time of judgement, ms since the epoch; 0: every law is in force
}

// carried are the modalities that a file of a format can have, the likeliest
// first. An image in a document is not looked at.
var carried = map[label.Format][]Modality{
	label.PNG:      {Image, Scene},
	label.JPEG:     {Image, Scene},
	label.MP4:      {Video, Audio, Scene},
	label.Markdown: {Text, Code},
	label.DOCX:     {Text, Code},
	label.Text:     {Text, Code},
}

// modality returns the content's modality, empty where it is not known. The
// record's word counts as far as the file's format bears it out. SPEC(PRO-4)
func (s *Subject) modality() Modality {
	if slices.Contains(Modalities(), s.Modality) {
		return s.Modality
	}
	declared := Modality("")
	if s.Record != nil && s.Record.Label != nil {
		if n := s.Record.Label.Modality; n >= 1 && n <= int64(len(Modalities())) {
			declared = Modalities()[n-1]
		}
	}
	if s.File == nil {
		return declared
	}
	able := carried[s.File.Format]
	if len(able) == 0 || slices.Contains(able, declared) {
		return declared
	}
	return able[0]
}

// declaredReal reports whether the record declares the content not synthetic
// and nothing in the file speaks against it. SPEC(PRO-5)
func (s *Subject) declaredReal() bool {
	if s.Record == nil || s.Record.Label == nil || s.Record.Label.Status != statusReal {
		return false
	}
	if s.File == nil {
		return s.FileError == nil
	}
	return s.File.AIGC == nil && !label.SyntheticSource(s.File.SourceType) && !syntheticManifest(s.File.C2PA)
}

const statusReal = 4 // declared not synthetic

func syntheticManifest(c *label.C2PA) bool {
	return c != nil && slices.ContainsFunc(c.Actions, func(a label.Action) bool { return label.SyntheticSource(a.SourceType) })
}

// marked reports whether the file says, in some way that machines read, that it
// is synthetic.
func marked(f *label.File) bool {
	return f.AIGC != nil && aigcStatus(f.AIGC) != "" || label.SyntheticSource(f.SourceType) || syntheticManifest(f.C2PA)
}

// aigcStatus is the object's Label in the names of a record's status; empty
// where it is none of the standard's values.
func aigcStatus(a *label.AIGC) string {
	switch a.Label {
	case "1", "2", "3":
		return statuses[a.Label[0]-'1']
	}
	return ""
}

// oneLabel judges whether the file has at most one label, which can be read.
func (s *Subject) oneLabel() value {
	if s.File != nil {
		return value{items: []any{true}}
	}
	var broken *label.FileError
	if errors.As(s.FileError, &broken) && broken.Kind == label.Malformed {
		return value{items: []any{false}}
	}
	return value{missing: s.noFile()}
}

func (s *Subject) noFile() string {
	if s.FileError != nil {
		return "the file could not be read: " + quoted(s.FileError.Error())
	}
	return "no file given"
}

const noRecord = "no record given"

// referenceMatches judges whether the label's ProduceID is the content
// reference of the record (LBL-1).
func (s *Subject) referenceMatches() value {
	switch {
	case s.File == nil:
		return value{missing: s.noFile()}
	case s.Record == nil:
		return value{missing: noRecord}
	case s.Issuer == "":
		return value{missing: "no issuer of the record given"}
	case s.File.AIGC == nil:
		return value{items: []any{false}}
	}
	reference, err := label.ContentReference(s.Issuer, s.Record.Ref)
	return value{items: []any{err == nil && reference == s.File.AIGC.ProduceID}}
}

// loggedMonths returns for how many whole months, by the calendar in UTC, from
// the record's time on the log is kept. The day that a shorter month lacks is
// its last one.
func loggedMonths(from, until int64) int64 {
	start, end := time.UnixMilli(from).UTC(), time.UnixMilli(until).UTC()
	if end.Before(start) {
		return 0
	}
	months := (end.Year()-start.Year())*12 + int(end.Month()) - int(start.Month())
	day := min(start.Day(), time.Date(end.Year(), end.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day())
	clock := start.Sub(time.Date(start.Year(), start.Month(), start.Day(), 0, 0, 0, 0, time.UTC))
	if time.Date(end.Year(), end.Month(), day, 0, 0, 0, 0, time.UTC).Add(clock).After(end) {
		months--
	}
	return int64(months)
}

// sourceCode is the last segment of a digital source type: records have codes or
// URIs, files URIs.
func sourceCode(uri string) string { return uri[strings.LastIndexByte(uri, '/')+1:] }
