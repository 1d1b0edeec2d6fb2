package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"tokentrail/verify"
)

// Names below the state directory. SPEC(CLI-80)
const (
	ledgersDir = "ledgers"
	keptHead   = "head"
	keptLock   = "lock"
	forkSuffix = ".tokentrail"

	noState    = "none" // of --state
	mostOfFork = 100    // files of evidence of one height
)

// errOtherKept: another audit has kept another header of the same height.
var errOtherKept = errors.New("another audit has kept another header of this height meanwhile: the two nodes show a fork")

// A memory is where heads of ledgers are kept, one directory for each ledger
// (spec/client.md CLI-80). A head is read without a lock, since it is replaced in one
// step: a crash before the rename leaves the old one and a temporary file, which the
// next one that has the lock removes; a crash after it leaves the new one.
type memory struct {
	state  string // the directory above; empty: evidence goes into the working directory
	origin string // of the ledger that is audited, as soon as it is known
	header bool   // a header alone is trusted, which does not cover the genesis document
}

// rely notes the trust of the audit. A memory belongs to one trust.
func (m *memory) rely(trust verify.Trust) {
	if m != nil {
		m.header = trust.Height > 0 && trust.Genesis == nil
	}
}

// memory returns where --state says that heads are kept; nil is nowhere.
func (a *app) memory(flag string) (*memory, error) {
	if flag == noState {
		return nil, nil
	}
	if flag == "" {
		state, err := a.userDir("XDG_STATE_HOME", ".local/state")
		if err != nil {
			fmt.Fprintf(a.stderr, "nothing is kept of this audit: %v\n", err)
			return nil, nil
		}
		return &memory{state: state}, nil
	}
	info, err := os.Stat(flag)
	switch {
	case err == nil && !info.IsDir():
		return nil, fmt.Errorf("--state %s is a file; wanted a directory, or none", printable(flag))
	case err == nil:
		return &memory{state: flag}, nil
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("--state %s cannot be read: %w", printable(flag), err)
	}
	if parent := filepath.Dir(filepath.Clean(flag)); !isDir(parent) {
		return nil, fmt.Errorf("--state %s: there is no directory %s to make it in; mend the path, or make that one first: in another directory nothing is kept to compare with", printable(flag), printable(parent))
	}
	return &memory{state: flag}, nil
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// names are the directories of a ledger below the state directory.
func (m *memory) names() []string {
	parts := strings.Split(m.origin, "/") // tokentrail/<chain id>/<genesis hash>
	hash := parts[len(parts)-1]
	return []string{ledgersDir, parts[len(parts)-2] + "-" + hash[:min(len(hash), 16)]}
}

func (m *memory) dir() string { return filepath.Join(append([]string{m.state}, m.names()...)...) }

// recalls is what an audit asks for the kept head; nil where nothing is kept.
func (m *memory) recalls() func(origin string) (*verify.Kept, error) {
	if m == nil {
		return nil
	}
	return func(origin string) (*verify.Kept, error) {
		if !validOrigin(origin) {
			return nil, fmt.Errorf("the log's origin %q is not tokentrail/<chain id>/<genesis hash>", origin)
		}
		m.origin = origin
		k, err := m.head()
		if k == nil && err == nil && m.header {
			err = m.otherDocument()
		}
		return k, err
	}
}

// otherDocument is an error where a head of the same chain id is kept of another genesis
// document. Whoever trusts a header alone takes the document as the node gives it: with
// another one a fork would come to a directory of its own. SPEC(CLI-80)
func (m *memory) otherDocument() error {
	own := m.dir()
	names, err := os.ReadDir(filepath.Dir(own))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	chain := filepath.Base(own)
	chain = chain[:strings.LastIndexByte(chain, '-')+1]
	for _, n := range names {
		other := filepath.Join(filepath.Dir(own), n.Name())
		if other == own || len(other) != len(own) || !strings.HasPrefix(n.Name(), chain) {
			continue
		}
		if _, err := os.Lstat(filepath.Join(other, keptHead)); err == nil {
			return fmt.Errorf("a head of this chain id is kept of another genesis document, in %s; say with --genesis SHA256 which document is meant", other)
		}
	}
	return nil
}

// head reads the kept head; nil where none was kept. SPEC(CLI-81)
func (m *memory) head() (*verify.Kept, error) {
	path := filepath.Join(m.dir(), keptHead)
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no regular file", path)
	}
	if err != nil {
		return nil, fmt.Errorf("%w; make it readable, or name another directory with --state", err)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%w; make it readable, or name another directory with --state", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, verify.MaxForkBytes+1))
	if err != nil {
		return nil, err
	}
	k, err := verify.ParseKept(b)
	if errors.Is(err, verify.ErrDamaged) {
		err = fmt.Errorf("%w; take it from a backup, or move it away to begin anew: a fork from before would then not be noticed", err)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return k, nil
}

// keep replaces the kept head by a higher one. SPEC(CLI-81)
func (m *memory) keep(k *verify.Kept) error {
	content, err := k.Encode()
	if err != nil {
		return err
	}
	dir, err := makeDirs(m.state, m.names()...)
	if err != nil {
		return err
	}
	lock, err := waitLock(filepath.Join(dir, keptLock))
	if err != nil {
		return err
	}
	defer lock.Close()
	removeTemps(dir)
	was, err := m.head()
	switch {
	case err != nil:
		return err
	case was != nil && was.Height == k.Height && was.Header != k.Header:
		return fmt.Errorf("header %d: kept is %s, this audit led to %s: %w; audit again, which compares with it", k.Height, was.Header, k.Header, errOtherKept)
	case was != nil && was.Height >= k.Height:
		return nil
	}
	return writeDurable(dir, keptHead, content)
}

// evidence writes what proves a fork, over nothing, and returns the file's name.
// SPEC(CLI-82)
func (m *memory) evidence(f *verify.Fork) (string, error) {
	content, err := f.Encode()
	if err != nil {
		return "", err
	}
	dir := "."
	if m != nil {
		if dir, err = makeDirs(m.state, m.names()...); err != nil {
			return "", err
		}
		lock, err := waitLock(filepath.Join(dir, keptLock))
		if err != nil {
			return "", err
		}
		defer lock.Close()
	}
	base := "fork-" + strconv.FormatInt(f.Proof().Sides[1].Height, 10)
	for n := 1; n <= mostOfFork; n++ {
		name := base
		if n > 1 {
			name += "-" + strconv.Itoa(n)
		}
		path := filepath.Join(dir, name+forkSuffix)
		if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
			return path, writeDurable(dir, name+forkSuffix, content)
		}
		if there, err := os.ReadFile(path); err == nil && bytes.Equal(there, content) {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s holds %d files of evidence of this height; look at them, and move them away", dir, mostOfFork)
}

// remember keeps what an audit led to, and writes what it found of forks. Only that
// another audit contradicts this one is an error. SPEC(CLI-81), SPEC(CLI-82)
func (a *app) remember(m *memory, r *verify.Report) error {
	for _, f := range r.ForkEvidence() {
		path, err := m.evidence(f)
		if err != nil {
			fmt.Fprintf(a.stderr, "evidence of a fork could not be written: %v\n", err)
			continue
		}
		fmt.Fprintf(a.stderr, "evidence of a fork: %s; anyone can check it: tokentrail verify %s --genesis SHA256\n", printable(path), shellWord(path))
	}
	if m == nil {
		return nil
	}
	k, err := r.NewKept()
	if err == nil && k != nil {
		err = m.keep(k)
	}
	if errors.Is(err, errOtherKept) {
		return couldNotf("%w", err)
	}
	if err != nil {
		fmt.Fprintf(a.stderr, "the verified head could not be kept, so that the next audit has nothing newer to compare with: %v\n", err)
	}
	return nil
}
