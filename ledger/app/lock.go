package app

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
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
	f, err := flock(filepath.Join(home, lockFile))
	if held := (*heldError)(nil); errors.As(err, &held) {
		return nil, fmt.Errorf("lock %s: process %s uses this home; stop it first", home, held.holder)
	}
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", home, err)
	}
	return &HomeLock{f}, nil
}

// A PlaceLock is held by the one process that makes a home where there is none.
type PlaceLock struct{ f *os.File }

// LockPlace takes the lock of the place where a home is to be, in a file beside it:
// the place itself is empty until the home is moved there. The kernel drops the
// lock when the process ends in whatever way; a file that a killed one left is
// taken over. SPEC(NOD-34)
func LockPlace(home string) (*PlaceLock, error) {
	whole, err := filepath.Abs(home)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", home, err)
	}
	path := whole + placeSuffix
	for {
		f, err := flock(path)
		if held := (*heldError)(nil); errors.As(err, &held) {
			return nil, fmt.Errorf("lock %s: process %s is making this home; let it end, or stop it first", home, held.holder)
		}
		if err != nil {
			return nil, fmt.Errorf("lock %s: %w", home, err)
		}
		// The last holder may have removed the file after we opened it.
		mine, err := f.Stat()
		there, gone := os.Stat(path)
		if err == nil && gone == nil && os.SameFile(mine, there) {
			return &PlaceLock{f}, nil
		}
		f.Close()
		if err = errors.Join(err, gone); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("lock %s: %w", home, err)
		}
	}
}

// placeSuffix is behind the name of a home whose place is locked.
const placeSuffix = ".lock"

// Close gives the lock back and removes its file, while nobody else can have it.
func (l *PlaceLock) Close() error { return errors.Join(os.Remove(l.f.Name()), l.f.Close()) }

// heldError: another process has a lock.
type heldError struct{ holder string }

func (e *heldError) Error() string { return "held by process " + e.holder }

// flock makes a file where there is none, locks it and writes this process's id
// into it.
func flock(path string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		holder, _ := io.ReadAll(io.LimitReader(f, 32))
		f.Close()
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, err
		}
		return nil, &heldError{strings.TrimSpace(string(holder))}
	}
	err = f.Truncate(0)
	if err == nil {
		_, err = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Close gives the lock back.
func (l *HomeLock) Close() error { return l.f.Close() }
