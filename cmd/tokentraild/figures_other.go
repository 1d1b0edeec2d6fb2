//go:build !linux

package main

import (
	"errors"
	"io/fs"
)

// allocated is a file's length, where what it takes is not known.
func allocated(info fs.FileInfo) int64 { return info.Size() }

// freeSpace is not known here.
func freeSpace(string) (uint64, error) { return 0, errors.ErrUnsupported }
