package app

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// HomeLock is held by the one process that uses a home.
type HomeLock struct{ f *os.File }

// LockHome takes home's lock. The kernel drops it when the process ends in
// whatever way; the file stays and names the last holder.
func LockHome(home string) (*HomeLock, error) {
	path := filepath.Join(home, lockFile)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("lock %s: %w", home, err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", home, err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		holder, _ := io.ReadAll(io.LimitReader(f, 32))
		f.Close()
		return nil, fmt.Errorf("lock %s: process %s uses this home; stop it first", home, strings.TrimSpace(string(holder)))
	}
	err = f.Truncate(0)
	if err == nil {
		_, err = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", home, err)
	}
	return &HomeLock{f}, nil
}

// Close gives the lock back.
func (l *HomeLock) Close() error { return l.f.Close() }
