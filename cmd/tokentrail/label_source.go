package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"tokentrail/provenance/label"
)

// maxPiped is the most that is read of a file that comes through a pipe: what
// label reads of any but MP4 (label.md LBL-19).
const maxPiped = 64 << 20

// A source is a file that carries labels, or may. Its owner closes it.
type source struct {
	io.ReaderAt
	name string
	size int64
	file *os.File // nil for what came through a pipe
}

// openSource opens a file, or takes standard input for "-".
func (a *app) openSource(name string) (*source, error) {
	in, err := a.open(name)
	if err != nil {
		return nil, err
	}
	if f, ok := in.(*os.File); ok {
		info, err := f.Stat()
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		if info.Mode().IsRegular() {
			return &source{f, name, info.Size(), f}, nil
		}
	}
	b, err := readBounded(in, maxPiped, name)
	if err := errors.Join(err, in.Close()); err != nil {
		return nil, err
	}
	return &source{bytes.NewReader(b), name, int64(len(b)), nil}, nil
}

func (s *source) close() {
	if s.file != nil {
		s.file.Close()
	}
}

// format tells what kind of file it is.
func (s *source) format() (label.Format, error) {
	f, err := label.Detect(s, s.size, s.name)
	return f, s.unreadable(err)
}

// label returns what the file says of itself.
func (s *source) label() (*label.File, error) {
	f, err := s.format()
	if err != nil {
		return nil, err
	}
	file, err := label.Read(f, s, s.size)
	return file, s.unreadable(err)
}

// unreadable names the file in an error. A file that is broken is wrong; one
// that is beyond what can be read here could not be checked. SPEC(CLI-1)
func (s *source) unreadable(err error) error {
	var wrong *label.FileError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &wrong) && (wrong.Kind == label.Unsupported || wrong.Kind == label.TooLarge):
		return couldNotf("%s: %w", printable(s.name), err)
	}
	return fmt.Errorf("%s: %w", printable(s.name), err)
}

// readReference reads a content reference, with or without its scheme (label.md
// LBL-1).
func readReference(text string) (reference, issuer string, ref []byte, err error) {
	reference = text
	if len(text) < len(referenceScheme) || text[:len(referenceScheme)] != referenceScheme {
		reference = referenceScheme + text
	}
	issuer, ref, err = label.ParseContentReference(reference)
	return reference, issuer, ref, err
}

const referenceScheme = "tokentrail:"
