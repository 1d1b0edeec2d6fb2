package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"tokentrail/provenance"
)

// A benchAck is a line of the file of what was acknowledged. SPEC(CLI-65)
type benchAck struct {
	Issuer         string          `json:"issuer"`
	Stream         string          `json:"stream"`
	Sequence       int64           `json:"sequence"`
	ID             provenance.Hash `json:"id"`
	Count          int             `json:"count"` // records
	Location       string          `json:"location,omitempty"`
	Entry          int64           `json:"entry"`
	AcknowledgedAt time.Time       `json:"acknowledged_at"`
}

// benchAcks adds lines to a file. Those that wait are written and synced
// together, by a goroutine of its own, so that the load does not wait for a disk.
type benchAcks struct {
	file *os.File
	done chan struct{}

	mu     sync.Mutex // guards what follows
	change *sync.Cond
	lines  []byte // that wait
	closed bool
	err    error
}

// openBenchAcks opens the file, which may have lines already. One that was cut
// off by a fault is ended, so that the next stands by itself.
func openBenchAcks(name string) (*benchAcks, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	a := &benchAcks{file: f, done: make(chan struct{})}
	a.change = sync.NewCond(&a.mu)
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, errors.Join(err, f.Close())
	case !info.Mode().IsRegular():
		return nil, errors.Join(fmt.Errorf("--acknowledged %s is not a regular file", printable(name)), f.Close())
	case info.Size() > 0:
		last := make([]byte, 1)
		if _, err := f.ReadAt(last, info.Size()-1); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		if last[0] != '\n' {
			a.lines = []byte("\n")
		}
	}
	if err := syncDir(filepath.Dir(name)); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	go a.run()
	return a, nil
}

// add notes that a statement was acknowledged.
func (a *benchAcks) add(st *benchStatement, entry int64, location string, at time.Time) {
	h := st.statement.Header()
	line, err := json.Marshal(benchAck{h.Issuer, h.Stream, h.Sequence, st.statement.ID(), h.Count, location, entry, at.UTC()})
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.err != nil {
		return // nothing is written any more
	}
	if a.err = err; err != nil {
		return
	}
	a.lines = append(append(a.lines, line...), '\n')
	a.change.Signal()
}

// run writes what waits until the file is closed.
func (a *benchAcks) run() {
	defer close(a.done)
	for {
		a.mu.Lock()
		for len(a.lines) == 0 && !a.closed {
			a.change.Wait()
		}
		lines, over := bytes.Clone(a.lines), a.closed
		a.lines = a.lines[:0]
		a.mu.Unlock()
		_, err := a.file.Write(lines)
		if err == nil && len(lines) > 0 {
			err = a.file.Sync()
		}
		if err != nil {
			a.mu.Lock()
			a.err = errors.Join(a.err, err)
			a.mu.Unlock()
			return
		}
		if over {
			return
		}
	}
}

// close writes what waits, and says what went wrong at any time. Another time it
// does nothing.
func (a *benchAcks) close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return nil
	}
	a.closed = true
	a.change.Signal()
	a.mu.Unlock()
	<-a.done
	a.mu.Lock()
	return errors.Join(a.err, a.file.Close())
}
