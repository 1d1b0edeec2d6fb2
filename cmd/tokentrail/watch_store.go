package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"

	"tokentrail/verify"
	"tokentrail/verify/light"
)

// Names of a watch in the ledger's directory, beside the kept head. SPEC(CLI-100)
const (
	watchAudit = "watch-" // behind it as of savings: "genesis", or the trusted height
	watchOpen  = ".open"  // behind its name: an audit that did not come to its end
	watchLock  = "watch.lock"
	watchTold  = "watch.told"
	watchHooks = "webhooks"

	maxTold = 16 << 20 // bytes of what was told
)

// A watchStore is where a watch saves its audits: in the ledger's directory, or in
// memory where nothing is kept on disk. The goroutine of the rounds owns it. A crash
// while a file is written leaves the one before.
type watchStore struct {
	name string
	dir  string            // empty: in memory
	held map[string][]byte // by name, where it is in memory
}

func newWatchStore(trust verify.Trust) *watchStore {
	return &watchStore{name: watchAudit + trustName(trust), held: map[string][]byte{}}
}

// load reads the newest audit, whether it came to its end or not; nil where there is
// none.
func (s *watchStore) load() (*verify.Saved, error) {
	for _, name := range []string{s.name + watchOpen, s.name} {
		if saved, err := s.read(name); saved != nil || err != nil {
			return saved, err
		}
	}
	return nil, nil
}

func (s *watchStore) read(name string) (*verify.Saved, error) {
	if s.dir == "" {
		if b := s.held[name]; b != nil {
			return verify.ReadSaved(bytes.NewReader(b))
		}
		return nil, nil
	}
	path := filepath.Join(s.dir, name)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, couldNotf("%w", err)
	}
	defer f.Close()
	saved, err := verify.ReadSaved(f)
	if err != nil {
		return nil, couldNotf("%s: %w; or begin anew with --anew", printable(path), err)
	}
	return saved, nil
}

// save writes an audit; one that came to its end takes the place of both.
func (s *watchStore) save(done bool, write func(io.Writer) error) error {
	to := s.name
	if !done {
		to += watchOpen
	}
	if s.dir == "" {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			return err
		}
		s.held[to] = b.Bytes()
	} else if err := writeSaved(filepath.Join(s.dir, s.name+auditUnborn), filepath.Join(s.dir, to), write); err != nil {
		return err
	}
	if done {
		return s.remove(s.name + watchOpen)
	}
	return s.sync()
}

func (s *watchStore) remove(name string) error {
	if s.dir == "" {
		delete(s.held, name)
		return nil
	}
	if err := os.Remove(filepath.Join(s.dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return s.sync()
}

// sync makes the names of files durable.
func (s *watchStore) sync() error {
	if s.dir == "" {
		return nil
	}
	return syncDir(s.dir)
}

// open asks whether the node is there at all, which is soon known. The first time it
// learns which ledger the node serves, and takes the ledger's directory: what was saved
// and told there, and the posts that are still to be delivered. SPEC(CLI-100)
func (w *watcher) open(ctx context.Context) error {
	if _, err := w.node.Status(ctx); err != nil {
		return fmt.Errorf("the node's status: %w", err)
	}
	if w.opened {
		return nil
	}
	origin, err := w.originOf(ctx)
	if err != nil || origin == "" {
		return err
	}
	if w.memory != nil {
		w.memory.origin = origin
		if err := w.takeDir(); err != nil {
			return &endOfWatch{err}
		}
	}
	w.origin, w.opened = origin, true
	return nil
}

// originOf is the origin that the node's genesis document has: what its status names
// could be another ledger, whose directory stays alone. Empty where the document is not
// the trusted one, or cannot be read, which the audit tells.
func (w *watcher) originOf(ctx context.Context) (string, error) {
	document, err := w.node.Genesis(ctx)
	if err != nil {
		return "", fmt.Errorf("the genesis document: %w", err)
	}
	if g := w.trust.Genesis; g != nil && sha256.Sum256(document) != *g {
		return "", nil
	}
	founders, err := light.NewFounders(document)
	if err != nil || !validOrigin(founders.Origin()) {
		return "", nil
	}
	return founders.Origin(), nil
}

// endOfWatch is an error that no later round mends.
type endOfWatch struct{ err error }

func (e *endOfWatch) Error() string { return e.err.Error() }

func (e *endOfWatch) Unwrap() error { return e.err }

// takeDir takes the ledger's directory for this watch alone.
func (w *watcher) takeDir() error {
	dir, err := makeDirs(w.memory.state, w.memory.names()...)
	if err != nil {
		return couldNotf("--state: %w; name another directory, or none", err)
	}
	lock, err := tryLock(filepath.Join(dir, watchLock))
	if errors.Is(err, errLocked) {
		return couldNotf("another watch of this ledger uses %s; end that one, or name another directory with --state", printable(dir))
	}
	if err != nil {
		return couldNotf("%w", err)
	}
	w.lock, w.store.dir = lock, dir
	if err := w.told.load(filepath.Join(dir, watchTold)); err != nil {
		w.say("what was told before is not known, and what is still found is told again: %v", err)
	}
	if w.anew {
		err = errors.Join(w.store.remove(w.store.name), w.store.remove(w.store.name+watchOpen))
	} else {
		err = w.beginBehindLast()
	}
	if err != nil {
		return err
	}
	return w.hooks.attach(filepath.Join(dir, watchHooks))
}

// beginBehindLast takes the last audit that verify saved, where no watch saved one of
// its own and that one is of the same trust and choices.
func (w *watcher) beginBehindLast() error {
	own, err := w.store.load()
	if own != nil || err != nil {
		return err
	}
	f, err := os.Open(filepath.Join(w.store.dir, lastAudit))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var last *verify.Saved
	if err == nil {
		defer f.Close()
		last, err = verify.ReadSaved(f)
	}
	if err != nil {
		w.say("the last audit is not gone on from, this one begins anew: %v", err)
		return nil
	}
	o := w.options()
	if last.Done() == nil || !sameTrust(last.Began(), w.trust) || last.Chosen(&o) != nil {
		return nil
	}
	return w.store.save(true, func(to io.Writer) error { // what was read: another may stand there by now
		_, err := f.Seek(0, io.SeekStart)
		if err == nil {
			_, err = io.Copy(to, f)
		}
		return err
	})
}

// sameTrust reports whether an audit that began with one trust may be gone on with
// under another.
func sameTrust(began, now verify.Trust) bool {
	return began.Height == now.Height && (now.Height == 0 || began.Hash == now.Hash && began.Period == now.Period) &&
		(now.Genesis == nil || began.Genesis != nil && *began.Genesis == *now.Genesis)
}

// close gives up the ledger's directory.
func (w *watcher) close() error {
	if w.lock == nil {
		return nil
	}
	return w.lock.Close()
}

// load reads what was told before; a file that is not there is none.
func (t *toldFindings) load(path string) error {
	t.path = path
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	b, err := readBounded(f, maxTold, path)
	if err != nil {
		return err
	}
	var was toldFindings
	if err := json.Unmarshal(b, &was); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if was.Format != outputFormat || was.Told == nil || was.More == nil {
		return fmt.Errorf("%s: format %d, this program has %d", path, was.Format, outputFormat)
	}
	for key, told := range was.Told {
		if told.Finding == nil {
			return fmt.Errorf("%s: %q without a finding", path, key)
		}
	}
	t.join(&was)
	return nil
}

// join adds what was told before to what was told since, before the ledger was known.
func (t *toldFindings) join(was *toldFindings) {
	maps.Copy(t.Told, was.Told)
	for step, more := range was.More {
		t.More[step] = max(t.More[step], more)
	}
	maps.Copy(t.Blind, was.Blind)
	t.Owed = t.Owed || was.Owed
}

// save makes what was told durable. Whoever replaces the kept head removes temporary
// files, so that it waits.
func (t *toldFindings) save() error {
	if t.path == "" {
		return nil
	}
	b, err := json.Marshal(t)
	if err != nil {
		return err
	}
	dir := filepath.Dir(t.path)
	lock, err := waitLock(filepath.Join(dir, keptLock))
	if err != nil {
		return err
	}
	defer lock.Close()
	return writeDurable(dir, filepath.Base(t.path), b)
}
