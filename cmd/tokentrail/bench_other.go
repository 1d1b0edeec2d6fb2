//go:build !linux

package main

import (
	"errors"
	"io/fs"
	"path/filepath"
	"syscall"
	"time"
)

// nodeAttr is for systems without process groups that are known here.
func nodeAttr() *syscall.SysProcAttr { return nil }

// useOf is not known here.
func useOf(int) (processUse, error) {
	return processUse{}, errors.New("what a process uses is not known on this system")
}

func peakResident(int) int64    { return 0 }
func ownCPU() time.Duration     { return 0 }
func availableMemory() int64    { return 0 }
func fileSystem(string) string  { return "" }
func systemFacts(*benchMachine) {}

// filesOnDisk is the length of the files of a directory.
func filesOnDisk(dir string) (total int64) {
	_ = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return nil // what is not there takes nothing
		}
		if info, err := e.Info(); err == nil {
			total += info.Size()
		}
		return nil
	})
	return total
}
