// Package label reads and writes the marks of synthetic content where files
// really carry them (spec/label.md): the AIGC object of GB 45438-2025, IPTC's
// digital source type, and C2PA's manifest store, which is read only.
//
//	f, err := label.Read(label.PNG, src, size)   // what the file says of itself
//	err = label.Write(dst, label.PNG, src, size, marks)
//	err = label.Normalise(hash, "png-1", src, size) // what a commitment covers
//
// A file is a source of bytes and its size: nothing here opens, names or changes
// files. Sources are not trusted: every parser has the limits of LBL-19, and what
// breaks them, or the format, is a *FileError that says where.
package label

import "io"

// A Format is a kind of file that carries labels.
type Format string

// The formats of spec/label.md, "Carriers".
const (
	PNG      Format = "png"
	JPEG     Format = "jpeg"
	MP4      Format = "mp4"
	Markdown Format = "markdown"
	DOCX     Format = "docx"
	Text     Format = "text"
)

// A File is what a file says of itself.
type File struct {
	Format     Format
	AIGC       *AIGC  // nil where there is none
	SourceType string // IPTC digital source type, as it stands; empty where there is none
	C2PA       *C2PA  // nil where there is no manifest store
}

// AIGC is the implicit label of GB 45438-2025, appendix E (LBL-2).
type AIGC struct {
	Label             string // "1" is synthetic, "2" possibly, "3" suspected
	ContentProducer   string // name or code of who made it
	ProduceID         string // the content's number; here a content reference (LBL-1)
	ReservedCode1     string // for the producer's own use, such as a seal
	ContentPropagator string
	PropagateID       string
	ReservedCode2     string
}

// C2PA is what the active manifest claims. Nothing of it is checked (LBL-18).
type C2PA struct {
	Manifests  int      // in the store
	Active     string   // label of the active manifest
	Generators []string // who made the claim: names, with versions
	Actions    []Action
}

// Action is one entry of an actions assertion.
type Action struct {
	Name       string // such as c2pa.created
	SourceType string // digitalSourceType, empty where there is none
	Agent      string // software agent, empty where there is none
}

// Marks are what Write puts into a file.
type Marks struct {
	AIGC       AIGC
	SourceType string // a URI (LBL-17); empty leaves what the file has

	// BreakManifest lets Write change a file with a C2PA manifest store, whose
	// hard binding does not hold any more then (LBL-4).
	BreakManifest bool
}

// A carrier is how one format holds labels. Its write is given marks that are
// checked and complete; it refuses what LBL-4 refuses.
type carrier struct {
	mediaType string
	read      func(src io.ReaderAt, size int64) (*File, error)
	write     func(dst io.Writer, src io.ReaderAt, size int64, m Marks) error
	profile   string // its normalisation
	normalise func(dst io.Writer, src io.ReaderAt, size int64) error

	// streams says that write neither holds the file in memory nor may Write:
	// it then holds its output to checkWritten itself.
	streams bool
}
