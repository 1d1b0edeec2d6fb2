package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"tokentrail/verify/cosign"
)

// Names of what a witness remembers of a ledger, below the ledger's directory
// (kept.go). SPEC(CLI-103)
const (
	witnessDir   = "witness-" // behind it the key's id
	cosignedFile = "cosigned"
	cosignedLock = "lock"
)

// A cosignedMemory is where one key keeps what it cosigned last of one ledger. The lock
// is held as long as it is open, so that no two witnesses sign by one memory. The file
// is the checkpoint itself, replaced in one step: a crash before the rename leaves the
// one before, and then nobody has seen the new one.
type cosignedMemory struct {
	dir  string
	lock *os.File
}

// openCosigned opens a key's memory of a log, and reads what was cosigned last; nil is
// nothing yet. What cannot be read is never taken for nothing. SPEC(VER-87)
func openCosigned(state, origin string, key *cosign.Key) (*cosignedMemory, *cosign.Cosigned, error) {
	if !validOrigin(origin) {
		return nil, nil, fmt.Errorf("the log's origin %q is not tokentrail/<chain id>/<genesis hash>", origin)
	}
	names := (&memory{state: state, origin: origin}).names()
	dir, err := makeDirs(state, append(names, fmt.Sprintf("%s%08x", witnessDir, key.ID()))...)
	if err != nil {
		return nil, nil, err
	}
	lock, err := tryLock(filepath.Join(dir, cosignedLock))
	if errors.Is(err, errLocked) {
		return nil, nil, fmt.Errorf("another witness with this key uses %s: stop it, or give this one a key of its own", dir)
	}
	if err != nil {
		return nil, nil, err
	}
	m := &cosignedMemory{dir, lock}
	removeTemps(dir)
	last, err := m.read(origin, key)
	if err != nil {
		m.close()
		return nil, nil, fmt.Errorf("%w; nothing is cosigned: take the file from a backup of after the last cosignature, or make a new key. Without it this key could contradict itself", err)
	}
	return m, last, nil
}

// read reads what was cosigned last.
func (m *cosignedMemory) read(origin string, key *cosign.Key) (*cosign.Cosigned, error) {
	path := filepath.Join(m.dir, cosignedFile)
	f, err := openRegular(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := readBounded(f, cosign.MaxCosigned, path)
	if err != nil {
		return nil, err
	}
	c, err := key.Recall(b)
	if err == nil && c.Origin != origin {
		err = fmt.Errorf("it is of another log, %s", c.Origin)
	}
	if err != nil {
		return nil, fmt.Errorf("%s is damaged: %w", path, err)
	}
	return c, nil
}

// keep makes what is to be given out durable.
func (m *cosignedMemory) keep(c *cosign.Cosigned) error {
	return writeDurable(m.dir, cosignedFile, c.Note)
}

// close gives up the lock.
func (m *cosignedMemory) close() { m.lock.Close() }
