package main

import (
	"errors"
	"io"
	"os"

	"tokentrail/verify/inspect"
)

// A spill is a temporary file for rows that an inspection sorts. It is deleted as
// soon as it is there, where the system allows that, so that nothing is left behind
// however the program ends.
type spill struct{ file *os.File }

// spillFile makes a place for rows. SPEC(VER-79)
func spillFile() (inspect.SpillFile, error) {
	file, err := os.CreateTemp("", "tokentrail-*.rows")
	if err != nil {
		return nil, err
	}
	os.Remove(file.Name()) // else when it is closed
	return &spill{file}, nil
}

// Write adds to the file.
func (s *spill) Write(b []byte) (int, error) { return s.file.Write(b) }

// Rewind goes back to the beginning, to read.
func (s *spill) Rewind() (io.Reader, error) {
	_, err := s.file.Seek(0, io.SeekStart)
	return s.file, err
}

// Close gives the file up.
func (s *spill) Close() error {
	err := s.file.Close()
	if gone := os.Remove(s.file.Name()); gone != nil && !errors.Is(gone, os.ErrNotExist) {
		return errors.Join(err, gone)
	}
	return err
}
