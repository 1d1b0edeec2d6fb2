package label

import (
	"errors"
	"fmt"
	"strings"
)

// FileError says what is wrong with a file, and where.
type FileError struct {
	Format Format
	Place  string // chunk, segment, box or part; empty for the file
	Offset int64  // in the file, −1 where it has no meaning
	Detail string
	Kind   ErrorKind
}

// ErrorKind tells what can be done about a FileError.
type ErrorKind int

// Kinds of errors.
const (
	Malformed   ErrorKind = iota // the file is broken, or not of the format
	Unsupported                  // sound perhaps, but not what this package can do
	TooLarge                     // beyond LBL-19
	Bound                        // a C2PA manifest covers the file (LBL-4)
)

// Error says format, place, offset and what was wrong.
func (e *FileError) Error() string {
	var where []string
	if e.Format != "" {
		where = append(where, string(e.Format))
	}
	if e.Place != "" {
		where = append(where, e.Place)
	}
	if e.Offset >= 0 {
		where = append(where, fmt.Sprintf("at byte %d", e.Offset))
	}
	if len(where) == 0 {
		return e.Detail
	}
	return strings.Join(where, ", ") + ": " + e.Detail
}

// malformed says that the file is broken. What reads a piece of a file knows no
// format and counts bytes from its own start: within adds the rest.
func malformed(f Format, place string, offset int64, format string, args ...any) *FileError {
	return &FileError{f, place, offset, fmt.Sprintf(format, args...), Malformed}
}

// unsupported says that this package cannot do what the file would need.
func unsupported(f Format, place string, offset int64, format string, args ...any) *FileError {
	return &FileError{f, place, offset, fmt.Sprintf(format, args...), Unsupported}
}

// tooLarge says that the file breaks a limit of LBL-19.
func tooLarge(f Format, place string, offset int64, format string, args ...any) *FileError {
	return &FileError{f, place, offset, fmt.Sprintf(format, args...), TooLarge}
}

// bound says that a C2PA manifest covers the file.
func bound(f Format, place string, offset int64, format string, args ...any) *FileError {
	return &FileError{f, place, offset, fmt.Sprintf(format, args...), Bound}
}

// within puts the error of a piece into its place in the file, whose offset is
// −1 where the piece does not stand in the file byte for byte.
func within(f Format, place string, offset int64, err error) error {
	var inner *FileError
	if !errors.As(err, &inner) {
		return err
	}
	outer := *inner
	outer.Format = f
	outer.Place = strings.Trim(place+", "+inner.Place, ", ")
	switch {
	case offset < 0:
		outer.Offset = -1
	case inner.Offset < 0:
		outer.Offset = offset
	default:
		outer.Offset = offset + inner.Offset
	}
	return &outer
}
