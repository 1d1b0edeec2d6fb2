package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"tokentrail/verify"
)

// Names of saved audits, beside the kept head (kept.go), which they share the
// directory and its lock with. SPEC(CLI-85)
const (
	lastAudit   = "last"   // that came to its end
	openAudit   = "audit-" // under way or interrupted: behind it "genesis" or the trusted height
	auditLock   = ".lock"  // behind its name: held while one is under way
	auditUnborn = ".new"   // behind its name: being written

	sinceLast = "last" // of --since
)

// savings are where one audit is saved, and what it goes on from. One goroutine owns
// them. A crash while a file is written leaves the one before, and a part under
// another name that the next one overwrites.
type savings struct {
	app    *app
	memory *memory // nil: nothing is saved
	name   string  // of this audit's file
	from   *verify.Saved
	lock   *os.File // held; nil before the first save
	off    bool     // another audit saves under this name, or it could not be saved
	saved  bool
	done   bool
}

// checkSaved refuses flags about saved audits that do not go together.
func (f *verifyFlags) checkSaved() error {
	switch {
	case f.resume && f.since != "":
		return usagef("--resume goes on with an audit that was interrupted, --since begins a new one behind an audit that is done; give one of them")
	case f.since != "" && f.trust != "":
		return usagef("--since: the audit that it names is the trust; leave --trust out")
	case (f.resume || f.since == sinceLast) && f.state == noState:
		return usagef("--state none keeps no audits; name a file with --since FILE, or a directory with --state")
	}
	return nil
}

// savings finds the audit to go on from. SPEC(CLI-86), SPEC(CLI-87)
func (a *app) savings(ctx context.Context, f *verifyFlags, m *memory, trust verify.Trust, node verify.Source) (*savings, error) {
	s := &savings{app: a, memory: m, name: openAudit + trustName(trust)}
	switch {
	case f.since != "" && f.since != sinceLast:
		return s, s.read(f.since, true)
	case !f.resume && f.since == "":
		return s, nil
	case m == nil:
		return nil, couldNotf("no directory of state is known, so that no audit was saved; name one with --state")
	}
	status, err := node.Status(ctx)
	if err != nil {
		return nil, couldNotf("the node's status, which names the ledger: %w", err)
	}
	if !validOrigin(status.Origin) {
		return nil, couldNotf("the node names its ledger %q, which is not tokentrail/<chain id>/<genesis hash>", status.Origin)
	}
	// Of which ledger it is, the audit finds out: here it names a directory only.
	m.origin = status.Origin
	if f.since == sinceLast {
		return s, s.read(filepath.Join(m.dir(), lastAudit), true)
	}
	err = s.read(filepath.Join(m.dir(), s.name), false)
	if errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintf(a.stderr, "no interrupted audit of this ledger under this trust is in %s: beginning anew\n", printable(m.dir()))
		return s, nil
	}
	return s, err
}

// trustName tells trusts apart in the names of files.
func trustName(trust verify.Trust) string {
	if trust.Height == 0 {
		return "genesis"
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s", trust.Hash, trust.Period))
	return fmt.Sprintf("%d-%x", trust.Height, sum[:4])
}

// read reads a saved audit, which is to be one that came to its end or one that did
// not.
func (s *savings) read(path string, done bool) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return couldNotf("%s: there is no saved audit (%w); audit without --since first", printable(path), err)
	}
	if err != nil {
		return couldNotf("%w", err)
	}
	defer f.Close()
	if s.from, err = verify.ReadSaved(f); err != nil {
		return couldNotf("%s: %w", printable(path), err)
	}
	if s.from.Done() == nil && done {
		return couldNotf("%s: this audit was interrupted after %s entries; go on with it first: --resume, under its trust", printable(path), thousands(s.from.Entries()))
	}
	return nil
}

// options has an audit saved and gone on from.
func (s *savings) options(o *verify.Options) {
	o.Resume = s.from
	if s.memory != nil {
		o.Save = s.save
	}
}

// save is verify.Options.Save. What cannot be saved is told of once, and changes no
// verdict.
func (s *savings) save(done bool, write func(io.Writer) error) {
	if s.off {
		return
	}
	if err := s.replace(done, write); err != nil {
		s.off = true
		fmt.Fprintf(s.app.stderr, "this audit is not saved, so that it cannot be gone on with: %v\n", err)
	}
}

// replace writes the audit under its name; one that is done becomes the last one.
func (s *savings) replace(done bool, write func(io.Writer) error) error {
	dir, err := s.open()
	if err != nil {
		return err
	}
	path := filepath.Join(dir, s.name)
	to := path
	if done {
		to = filepath.Join(dir, lastAudit)
	}
	if err := writeSaved(path+auditUnborn, to, write); err != nil {
		return err
	}
	if done {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	s.saved, s.done = true, done
	return syncDir(dir)
}

// writeSaved writes a file under one name and gives it another when it is whole. Its
// directory is synced by whoever is done with it.
func writeSaved(unborn, to string, write func(io.Writer) error) error {
	f, err := os.OpenFile(unborn, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(write(f), f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(unborn))
	}
	return os.Rename(unborn, to)
}

// open returns the ledger's directory, once no other audit under the same trust is
// saved in it.
func (s *savings) open() (string, error) {
	dir, err := makeDirs(s.memory.state, s.memory.names()...)
	if err != nil || s.lock != nil {
		return dir, err
	}
	s.lock, err = tryLock(filepath.Join(dir, s.name+auditLock))
	if errors.Is(err, errLocked) {
		err = errors.New("another audit of this ledger under the same trust is under way")
	}
	return dir, err
}

// end says how to go on with an audit that was interrupted, and gives up the lock.
// SPEC(CLI-88)
func (s *savings) end(ctx context.Context, node string, f *verifyFlags) {
	if s.lock != nil {
		s.lock.Close()
	}
	if ctx.Err() == nil || !s.saved || s.done {
		return
	}
	words := "tokentrail verify --resume --node " + shellWord(node)
	period := ""
	if f.trust != "" {
		period = f.period.String()
	}
	for _, flag := range [][2]string{{"--genesis", f.genesis}, {"--trust", f.trust}, {"--trusting-period", period}, {"--state", f.state}} {
		if flag[1] != "" {
			words += " " + flag[0] + " " + shellWord(flag[1])
		}
	}
	fmt.Fprintf(s.app.stderr, "interrupted, and saved; go on with: %s\n", words)
}
