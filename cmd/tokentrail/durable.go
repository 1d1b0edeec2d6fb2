package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
)

const tempPrefix = ".tmp-"

// writeDurable puts content under name in dir, whole or not at all, and
// returns when it will survive a loss of power.
func writeDurable(dir, name string, content []byte) error {
	f, err := os.CreateTemp(dir, tempPrefix+"*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(dir, name))
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncDir(dir)
}

// syncDir makes the names in a directory durable.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// removeTemps removes what a process left in a directory that was killed while it wrote.
// No other process may be writing there.
func removeTemps(dir string) {
	names, _ := namesIn(dir, func(name string) bool { return strings.HasPrefix(name, tempPrefix) })
	for _, name := range names {
		os.Remove(filepath.Join(dir, name)) // one that stays is only litter
	}
}

// namesIn returns the names in a directory that are wanted, in order. No pattern has the
// directory's own name, whose characters could mean something there.
func namesIn(dir string, wanted func(name string) bool) (names []string, err error) {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if wanted(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names, err
}

// makeDirs makes the directories base/a, base/a/b and so on, and their names
// durable.
func makeDirs(base string, names ...string) (string, error) {
	if err := os.MkdirAll(base, 0o700); err != nil {
		return "", err
	}
	for _, name := range names {
		next := filepath.Join(base, name)
		if err := os.Mkdir(next, 0o700); err == nil {
			err = syncDir(base)
			if err != nil {
				return "", err
			}
		} else if !errors.Is(err, os.ErrExist) {
			return "", err
		}
		base = next
	}
	return base, nil
}
