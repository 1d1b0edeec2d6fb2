package label

import (
	"bytes"
	"crypto/sha256"
	"io"
	"slices"
	"strings"
)

// carriers is the table of the formats. SPEC(LBL-20)
func carriers() map[Format]carrier {
	return map[Format]carrier{
		PNG:      pngCarrier(),
		JPEG:     jpegCarrier(),
		MP4:      mp4Carrier(),
		Markdown: markdownCarrier(),
		Text:     textCarrier(),
		DOCX:     docxCarrier(),
	}
}

// carrier returns how f holds labels.
func (f Format) carrier() (carrier, error) {
	c, ok := carriers()[f]
	if !ok {
		return carrier{}, unsupported(f, "", -1, "not a format that carries labels; those are %s", formatList())
	}
	return c, nil
}

func formatList() string {
	var names []string
	for f := range carriers() {
		names = append(names, string(f))
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// Profile returns the format's own normalisation, such as png-1.
func (f Format) Profile() string { return carriers()[f].profile }

// MediaType returns the format's media type, such as image/png.
func (f Format) MediaType() string { return carriers()[f].mediaType }

// Read returns what the file says of itself. A file with more than one label,
// or with one that cannot be read, is an error (LBL-3).
func Read(f Format, src io.ReaderAt, size int64) (*File, error) {
	c, err := f.carrier()
	if err != nil {
		return nil, err
	}
	return c.read(src, size)
}

// Write writes the file with the marks in place of those it has. Where the
// propagator's pair is empty it repeats the producer's (LBL-2). Nothing is
// written unless the result reads back as m and is otherwise the file it was:
// its normalisation is the same (LBL-4).
func Write(dst io.Writer, f Format, src io.ReaderAt, size int64, m Marks) error {
	c, err := f.carrier()
	if err != nil {
		return err
	}
	m.complete()
	if err := m.check(); err != nil {
		return err
	}
	if c.streams {
		return c.write(dst, src, size, m)
	}
	var out bytes.Buffer
	out.Grow(int(min(max(size, 0), maxFile)))
	if err := c.write(&out, src, size, m); err != nil {
		return err
	}
	if err := checkWritten(f, src, size, bytes.NewReader(out.Bytes()), int64(out.Len()), m); err != nil {
		return err
	}
	_, err = dst.Write(out.Bytes())
	return err
}

// checkWritten holds the written file to what Write promises. SPEC(LBL-4)
func checkWritten(f Format, old io.ReaderAt, oldSize int64, written io.ReaderAt, size int64, m Marks) error {
	file, err := Read(f, written, size)
	if err != nil {
		return within(f, "as it would be written", -1, err)
	}
	source := m.SourceType
	if source == "" { // what is there stays, where it can be read
		source = file.SourceType
		if was, err := Read(f, old, oldSize); err == nil {
			source = was.SourceType
		}
	}
	if file.AIGC == nil || *file.AIGC != m.AIGC || file.SourceType != source {
		return unsupported(f, "", -1, "the label would not read back as it was written; the file is as it was")
	}
	before, after := sha256.New(), sha256.New()
	if err := Normalise(before, f.Profile(), old, oldSize); err != nil {
		return err
	}
	if err := Normalise(after, f.Profile(), written, size); err != nil {
		return within(f, "as it would be written", -1, err)
	}
	if !bytes.Equal(before.Sum(nil), after.Sum(nil)) {
		return unsupported(f, "", -1, "writing the label would change what %s covers; the file is as it was", f.Profile())
	}
	return nil
}

// refuseBound refuses to write to a file with a manifest store, unless that is
// asked for. SPEC(LBL-4)
func refuseBound(f Format, store bool, m Marks) error {
	if !store || m.BreakManifest {
		return nil
	}
	return bound(f, "", -1, "a C2PA manifest store covers the file, and writing would break its hard binding; ask for that, or label the file before it is signed")
}

// A normaliser writes the bytes of a file that a profile covers.
type normaliser func(dst io.Writer, src io.ReaderAt, size int64) error

func profiles() map[string]normaliser {
	all := map[string]normaliser{"": copyAll, "text-match-1": normaliseTextMatch}
	for _, c := range carriers() {
		all[c.profile] = c.normalise
	}
	return all
}

func copyAll(dst io.Writer, src io.ReaderAt, size int64) error {
	_, err := io.Copy(dst, io.NewSectionReader(src, 0, size))
	return err
}

// Profiles returns the names of the normalisation profiles, sorted; beside them
// is the empty one, which covers the bytes as they are.
func Profiles() []string {
	var names []string
	for name := range profiles() {
		if name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Normalise writes the bytes of the file that a commitment under the profile
// covers; the empty profile covers the bytes as they are. SPEC(LBL-20)
func Normalise(dst io.Writer, profile string, src io.ReaderAt, size int64) error {
	normalise, ok := profiles()[profile]
	if !ok {
		return unsupported("", "", -1, "there is no normalisation profile %q; there are %s", profile, strings.Join(Profiles(), ", "))
	}
	return normalise(dst, src, size)
}
