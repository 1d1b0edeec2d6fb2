package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// Exit codes. SPEC(CLI-1)
const (
	exitOK       = 0
	exitAgainst  = 1  // what was asked does not hold, or was refused
	exitCouldNot = 2  // could not be done or checked now
	exitExpired  = 3  // the trust given has expired
	exitUsage    = 64 // the command line is wrong
)

// Formats of --output.
const (
	asTable = "table"
	asText  = "text"
	asJSON  = "json"
	asCSV   = "csv"
)

// outputFormat is the version of our JSON documents.
const outputFormat = 1

// An exitError is an error with the exit code that it ends in.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }

func (e *exitError) Unwrap() error { return e.err }

// A reported is the end of a command that has answered in full: there is
// nothing to add but the exit code.
type reported struct{ code int }

func (r *reported) Error() string { return "exit " + strconv.Itoa(r.code) }

// usagef says that the command line is wrong.
func usagef(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...)}
}

// couldNotf says that something could not be done now, and may be later.
func couldNotf(format string, args ...any) error {
	return &exitError{exitCouldNot, fmt.Errorf(format, args...)}
}

// exitCode returns the code that err ends in.
func exitCode(err error) int {
	var e *exitError
	var file *fs.PathError
	switch {
	case errors.As(err, &e):
		return e.code
	case errors.As(err, &file):
		return exitCouldNot
	}
	return exitAgainst
}

// wantsJSON looks for --output json or --json in a command line, which may be
// wrong elsewhere. In import csv, --output names a column.
func wantsJSON(args []string) bool {
	importing := slices.Contains(args, "import")
	for i, arg := range args {
		switch {
		case arg == "--":
			return false
		case arg == "--json" || arg == "--json=true":
			return true
		case !importing && (arg == "--output="+asJSON || arg == "--output" && i+1 < len(args) && args[i+1] == asJSON):
			return true
		}
	}
	return false
}

// fail reports an error and returns the exit code. SPEC(CLI-2)
func (a *app) fail(err error, asDocument bool) int {
	code := exitCode(err)
	if !asDocument {
		fmt.Fprintf(a.stderr, "tokentrail: %v\n", err)
		return code
	}
	type problem struct {
		Exit    int    `json:"exit"`
		Code    string `json:"code,omitempty"`
		Message string `json:"message"`
	}
	p := problem{Exit: code, Message: err.Error()}
	var refused *problemError
	if errors.As(err, &refused) {
		p.Code = refused.Code
	}
	_ = a.emitJSON(struct {
		Format  int     `json:"format"`
		Error   problem `json:"error"`
		Partial any     `json:"partial,omitempty"`
	}{outputFormat, p, a.failure})
	return code
}

// emitJSON writes one document to standard output. What could steer a terminal
// is written as an escape, which stands for the same. SPEC(CLI-3)
func (a *app) emitJSON(doc any) error {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(doc); err != nil {
		return err
	}
	_, err := io.WriteString(a.stdout, escapeJSON(b.String()))
	return err
}

// escapeJSON escapes what is not printable in a JSON text. All of it stands in
// strings, but for the ends of lines.
func escapeJSON(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r == '\n' || strconv.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.String()
}

// emit answers in the format asked for: doc as JSON, or what people writes.
func (a *app) emit(doc any, people func(w io.Writer) error) error {
	if a.output == asJSON {
		return a.emitJSON(doc)
	}
	return people(a.stdout)
}

// A fact is one line of a two-column answer.
type fact struct{ name, value string }

// facts writes lines of name and value.
func facts(w io.Writer, lines ...fact) error {
	width := 0
	for _, l := range lines {
		width = max(width, len(l.name))
	}
	for _, l := range lines {
		if l.value == "" {
			continue
		}
		if _, err := fmt.Fprintf(w, "%-*s  %s\n", width, l.name, printable(l.value)); err != nil {
			return err
		}
	}
	return nil
}

// A grid is a table in the making: the columns from right to the end hold
// numbers.
type grid struct {
	header []string
	right  int
	rows   [][]string
}

// write renders the grid for people.
func (g *grid) write(w io.Writer) {
	t := table.NewWriter()
	style := table.StyleLight
	style.Options = table.OptionsNoBordersAndSeparators
	style.Format.Header = text.FormatDefault
	t.SetStyle(style)
	t.SetOutputMirror(w)
	t.AppendHeader(cells(g.header))
	configs := make([]table.ColumnConfig, 0, len(g.header))
	for i := range g.header {
		if i >= g.right {
			configs = append(configs, table.ColumnConfig{Number: i + 1, Align: text.AlignRight, AlignHeader: text.AlignRight})
		}
	}
	t.SetColumnConfigs(configs)
	for _, row := range g.rows {
		t.AppendRow(cells(row))
	}
	t.SuppressTrailingSpaces()
	t.Render()
}

func cells(values []string) table.Row {
	row := make(table.Row, len(values))
	for i, v := range values {
		row[i] = printable(v)
	}
	return row
}

// printable keeps what a node or file says from steering the terminal.
func printable(s string) string {
	if !slices.ContainsFunc([]rune(s), func(r rune) bool { return !strconv.IsPrint(r) }) {
		return s
	}
	return strings.Trim(strconv.Quote(s), `"`)
}

// thousands writes a number for people, its digits in groups of three.
func thousands(n int64) string { return separated(strconv.FormatInt(n, 10)) }

// separated puts separators into a number in decimal.
func separated(s string) string {
	start := 0
	if strings.HasPrefix(s, "-") {
		start = 1
	}
	for i := len(s) - 3; i > start; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// plural writes a number with its noun.
func plural(n int64, one string) string {
	if n == 1 || n == -1 {
		return thousands(n) + " " + one
	}
	if many, ok := strings.CutSuffix(one, "y"); ok && !strings.HasSuffix(many, "e") {
		return thousands(n) + " " + many + "ies"
	}
	return thousands(n) + " " + one + "s"
}
