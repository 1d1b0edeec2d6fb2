package main

import (
	"fmt"
	"io"
	"os"
	"time"
)

// How often a meter writes: on a terminal one line is written over, elsewhere
// each is one of a log.
const (
	meterTerminal = 500 * time.Millisecond
	meterLog      = 10 * time.Second
)

// A meter tells how far something long has come, with its rate and the time that
// is left. Owned by one goroutine.
type meter struct {
	w        io.Writer
	what     string
	terminal bool
	began    time.Time
	wrote    time.Time
	open     bool // a line of a terminal has no end yet
}

func newMeter(w io.Writer, what string) *meter {
	m := &meter{w: w, what: what, began: time.Now(), wrote: time.Now()}
	if f, ok := w.(*os.File); ok {
		info, err := f.Stat()
		m.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return m
}

// update says that done of all are done, and how many bytes that were.
func (m *meter) update(done, all, bytes int64) {
	every := meterLog
	if m.terminal {
		every = meterTerminal
	}
	now := time.Now()
	if now.Sub(m.wrote) < every {
		return
	}
	m.wrote = now
	line := meterLine(m.what, done, all, bytes, now.Sub(m.began))
	if m.terminal {
		fmt.Fprintf(m.w, "\r\x1b[K%s", line)
		m.open = true
		return
	}
	fmt.Fprintln(m.w, line)
}

func meterLine(what string, done, all, bytes int64, spent time.Duration) string {
	seconds := max(spent.Seconds(), 0.001)
	left := "?"
	if done > 0 {
		left = time.Duration(float64(spent) / float64(done) * float64(max(0, all-done))).Round(time.Second).String()
	}
	line := fmt.Sprintf("%d of %d %s, %.0f/s", done, all, what, float64(done)/seconds)
	if bytes > 0 {
		line += fmt.Sprintf(", %.1f MB/s", float64(bytes)/seconds/1e6)
	}
	return line + ", " + left + " left"
}

// done ends the line of a terminal.
func (m *meter) done() {
	if m.open {
		fmt.Fprint(m.w, "\r\x1b[K")
		m.open = false
	}
}
