package main

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// lockTime is how long another process may hold a lock that is held for a moment only.
const lockTime = 10 * time.Second

// errLocked: another process holds the lock.
var errLocked = errors.New("another process holds the lock")

// tryLock takes a lock, errLocked where another process has it. It is held until the
// file is closed, or the process ends, however that comes about.
func tryLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return f, nil
	}
	f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = errLocked
	}
	return nil, fmt.Errorf("lock %s: %w", path, err)
}

// waitLock takes a lock that others hold for a moment only.
func waitLock(path string) (*os.File, error) {
	for end := time.Now().Add(lockTime); ; time.Sleep(pollPause) {
		f, err := tryLock(path)
		if !errors.Is(err, errLocked) || time.Now().After(end) {
			return f, err
		}
	}
}
