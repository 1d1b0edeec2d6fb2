package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tokentrail/provenance"
	"tokentrail/provenance/intake"
)

// importFlags are what import csv is told on the command line.
type importFlags struct {
	time, input, output              string // columns
	cacheRead, cacheWrite, reasoning string // columns
	modelColumn                      string
	model, developer                 string
	from, to                         string
	operator, usingOperator          string
	kind, side, label                string
	basis                            []string
	timeFormat, zone                 string
	out                              string
	skipBad                          bool
}

// importDoc is what import csv answers.
type importDoc struct {
	Format       int      `json:"format"`
	File         string   `json:"file"`
	Rows         int64    `json:"rows"`
	InputTokens  int64    `json:"input_tokens"`
	OutputTokens int64    `json:"output_tokens"`
	First        string   `json:"first,omitempty"`
	Last         string   `json:"last,omitempty"`
	Bytes        int64    `json:"bytes"`
	Skipped      int64    `json:"skipped"`
	SkippedRows  []string `json:"skipped_rows,omitempty"`
}

func (a *app) importCommand() *cobra.Command {
	return a.group("import", "Make records out of usage that you have", a.importCSVCommand())
}

func (a *app) importCSVCommand() *cobra.Command {
	f := &importFlags{}
	cmd := &cobra.Command{
		Use:   "csv FILE|-",
		Short: "Make records of the rows of a CSV file",
		Long: "Make records of the rows of a CSV file: columns give time and tokens, the command line\n" +
			"the rest. Places and model from the command line are recorded as asserted: your word.\n" +
			"The output is a file of records for tokentrail submit. It is written whole or not at all.",
		Example: "tokentrail import csv usage.csv --time TIMESTAMP --input ContextTokens \\\n" +
			"  --output GeneratedTokens --model llama-2-70b --from US --to CN \\\n" +
			"  --basis cn:standard-contract --label synthetic --out usage.records\n" +
			"zcat usage.csv.gz | tokentrail import csv - --time at --input in --output out \\\n" +
			"  --model-column model --from DE --to DE --out usage.records",
		Args: oneArg("a CSV file, or - for standard input"),
	}
	f.register(cmd)
	cmd.RunE = a.does(func(ctx context.Context, args []string) error { return a.importCSV(ctx, args[0], f) }, asTable, asJSON)
	return cmd
}

func (f *importFlags) register(cmd *cobra.Command) {
	s := cmd.Flags()
	s.StringVar(&f.time, "time", "", "column of the time of the request")
	s.StringVar(&f.input, "input", "", "column of input tokens")
	s.StringVar(&f.output, "output", "", "column of output tokens (to answer as JSON say --json)")
	s.StringVar(&f.cacheRead, "cache-read", "", "column of input tokens read from a cache (part of input)")
	s.StringVar(&f.cacheWrite, "cache-write", "", "column of input tokens written to a cache (part of input)")
	s.StringVar(&f.reasoning, "reasoning", "", "column of reasoning tokens (part of output)")
	s.StringVar(&f.model, "model", "", "the model's name, for all rows")
	s.StringVar(&f.modelColumn, "model-column", "", "column of the model's name")
	s.StringVar(&f.developer, "developer", "", "the model's developer")
	s.StringVar(&f.from, "from", "", "where the model runs: country (US) or subdivision (US-CA), ZZ unknown")
	s.StringVar(&f.to, "to", "", "where the tokens are used: country or subdivision, ZZ unknown")
	s.StringVar(&f.operator, "operator", "", "who runs the model")
	s.StringVar(&f.usingOperator, "using-operator", "", "who uses the tokens")
	s.StringVar(&f.kind, "kind", "", "production, transfer or consumption (transfer where --from and --to differ, else production)")
	s.StringVar(&f.side, "side", "", "who you are in a transfer: exporter, importer or neither (exporter)")
	s.StringSliceVar(&f.basis, "basis", nil, "legal basis of a transfer, as eu:46-2-c:m3; may be given up to four times")
	s.StringVar(&f.label, "label", "", "how content is labelled: synthetic, possibly, suspected or not-synthetic")
	s.StringVar(&f.timeFormat, "time-format", "", "how times are written, as a Go layout, or unix, or unix-ms")
	s.StringVar(&f.zone, "zone", "", "where times without an offset are, as Europe/Berlin (UTC)")
	s.StringVar(&f.out, "out", "", "file of records to write")
	s.BoolVar(&f.skipBad, "skip-bad", false, "leave bad rows out, count and list them")
	require(cmd, "time", "input", "output", "from", "to", "out")
}

// constants makes what all records have in common.
func (f *importFlags) constants() (provenance.Record, error) {
	r := provenance.Record{}
	from, err := parsePlace("--from", f.from, f.operator)
	if err != nil {
		return r, err
	}
	to, err := parsePlace("--to", f.to, f.usingOperator)
	if err != nil {
		return r, err
	}
	r.Serving, r.Using = from, to
	if f.model != "" || f.developer != "" {
		r.Model = &provenance.Model{Name: f.model, Developer: f.developer, Known: provenance.Asserted}
	}
	if err := f.kindAndSide(&r); err != nil {
		return r, err
	}
	for _, code := range slices.Sorted(slices.Values(f.basis)) { // REC-7
		r.Basis = append(r.Basis, provenance.Basis{Code: code})
	}
	if f.label != "" {
		status := slices.Index([]string{"synthetic", "possibly", "suspected", "not-synthetic"}, f.label)
		if status < 0 {
			return r, usagef("--label %q: wanted synthetic, possibly, suspected or not-synthetic", f.label)
		}
		r.Label = &provenance.Label{Status: int64(status) + 1}
	}
	return r, nil
}

func (f *importFlags) kindAndSide(r *provenance.Record) error {
	switch f.kind {
	case "":
		r.Kind = provenance.Production
		if r.Serving.Country != r.Using.Country {
			r.Kind = provenance.Transfer
		}
	case "production", "transfer", "consumption":
		kinds, err := parseKinds([]string{f.kind})
		if err != nil {
			return err
		}
		r.Kind = kinds[0]
	default:
		return usagef("--kind %q: wanted production, transfer or consumption", f.kind)
	}
	if r.Kind != provenance.Transfer {
		if f.side != "" || len(f.basis) > 0 {
			return usagef("--side and --basis are of a transfer, the kind is %s; say --kind transfer if the tokens crossed a border or changed operator", r.Kind)
		}
		return nil
	}
	side := provenance.Exporter
	if f.side != "" {
		sides, err := parseSides([]string{f.side})
		if err != nil {
			return err
		}
		side = sides[0]
	}
	r.Side = &side
	return nil
}

func parsePlace(flag, text, operator string) (*provenance.Place, error) {
	country, _, sub := strings.Cut(text, "-")
	if !provenance.ValidCountry(country) {
		return nil, usagef("%s %q: wanted a country, two letters A-Z (ISO 3166-1), or a subdivision, as US-CA", flag, text)
	}
	p := &provenance.Place{Country: country, Operator: operator, Known: provenance.Asserted}
	if sub {
		p.Subdivision = text
	}
	return p, nil
}

// warnCountry tells of a code that may be a slip; it is no error. SPEC(IMP-8)
func (a *app) warnCountry(flag, place string) {
	country, _, _ := strings.Cut(place, "-")
	if country == "" || intake.CountryAssigned(country) {
		return
	}
	hint := ""
	if meant := intake.CountryMeant(country); meant != "" {
		hint = "; did you mean " + meant + "?"
	}
	fmt.Fprintf(a.stderr, "warning: %s: %s is not assigned in ISO 3166-1%s\n", flag, country, hint)
}

// warn tells of what is likely a slip and no error.
func (f *importFlags) warn(a *app) {
	a.warnCountry("--from", f.from)
	a.warnCountry("--to", f.to)
	for _, code := range f.basis {
		if !strings.Contains(code, ":") {
			fmt.Fprintf(a.stderr, "warning: --basis %s names no jurisdiction before a colon, as eu:46-2-c:m3\n", printable(code))
		}
	}
}

func (f *importFlags) mapping() (intake.CSV, error) {
	m := intake.CSV{
		Time: f.time, Input: f.input, Output: f.output,
		CacheRead: f.cacheRead, CacheWrite: f.cacheWrite, Reasoning: f.reasoning,
		Model: f.modelColumn, TimeFormat: f.timeFormat, Latest: time.Now().Add(intake.FutureTime),
	}
	var err error
	if m.Constants, err = f.constants(); err != nil {
		return m, err
	}
	if f.zone != "" {
		if m.Zone, err = time.LoadLocation(f.zone); err != nil {
			return m, usagef("--zone %q: not a zone of the IANA list, as Europe/Berlin", f.zone)
		}
	}
	return m, nil
}

func (a *app) importCSV(ctx context.Context, name string, f *importFlags) error {
	if f.model == "" && f.modelColumn == "" {
		return usagef("no model is named: say --model NAME, or --model-column COLUMN")
	}
	mapping, err := f.mapping()
	if err != nil {
		return err
	}
	f.warn(a)
	in, err := a.open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	rows, err := mapping.NewReader(in)
	var wrong *intake.MappingError
	switch {
	case errors.As(err, &wrong):
		return usagef("%s: %w", name, err)
	case err != nil:
		return fmt.Errorf("%s: %w", name, err)
	}
	out, err := createWhole(f.out)
	if err != nil {
		return err
	}
	defer out.discard()
	doc := &importDoc{Format: outputFormat, File: f.out}
	a.failure = doc
	if err := a.convert(ctx, rows, out, doc, f.skipBad); err != nil {
		doc.File = ""
		return fmt.Errorf("%s: %w; %s was not written", name, err, f.out)
	}
	if doc.Rows == 0 {
		doc.File = ""
		return fmt.Errorf("%s: no rows to import; %s was not written", name, f.out)
	}
	if err := out.keep(); err != nil {
		return err
	}
	return a.emit(doc, doc.write)
}

// convert writes the records of all rows and counts them.
func (a *app) convert(ctx context.Context, rows *intake.CSVReader, out io.Writer, doc *importDoc, skipBad bool) error {
	var first, last int64
	for {
		if doc.Rows%1024 == 0 && ctx.Err() != nil {
			return couldNotf("interrupted")
		}
		record, raw, err := rows.Next()
		var bad *intake.RowError
		switch {
		case errors.Is(err, io.EOF):
			if doc.Rows > 0 {
				doc.First, doc.Last = instant(first), instant(last)
			}
			return nil
		case errors.As(err, &bad) && skipBad:
			a.skipped(doc, bad)
			continue
		case errors.As(err, &bad):
			return fmt.Errorf("%w (leave such rows out with --skip-bad)", err)
		case err != nil:
			return err
		}
		if _, err := out.Write(raw); err != nil {
			return err
		}
		if doc.Rows == 0 {
			first, last = record.Time, record.Time
		}
		first, last = min(first, record.Time), max(last, record.Time)
		if err := doc.count(record.Usage, len(raw)); err != nil {
			return err
		}
	}
}

func (d *importDoc) count(u *provenance.Usage, size int) error {
	sums := provenance.Sums{Input: d.InputTokens, Output: d.OutputTokens}
	if !sums.Add(provenance.Sums{Input: u.Input, Output: u.Output}) {
		return fmt.Errorf("row %d: the sum of tokens goes beyond 64 bits, signed", d.Rows+1)
	}
	d.InputTokens, d.OutputTokens = sums.Input, sums.Output
	d.Rows++
	d.Bytes += int64(size)
	return nil
}

// maxListed is how many skipped rows the JSON answer lists; all are told on
// standard error and counted.
const maxListed = 1000

func (a *app) skipped(doc *importDoc, bad *intake.RowError) {
	fmt.Fprintf(a.stderr, "skipped: %v\n", bad)
	doc.Skipped++
	if len(doc.SkippedRows) < maxListed {
		doc.SkippedRows = append(doc.SkippedRows, bad.Error())
	}
}

func (d *importDoc) write(w io.Writer) error {
	skipped := ""
	if d.Skipped > 0 {
		skipped = plural(d.Skipped, "bad row") + ", listed above"
	}
	return facts(w,
		fact{"rows", thousands(d.Rows)},
		fact{"input tokens", thousands(d.InputTokens)},
		fact{"output tokens", thousands(d.OutputTokens)},
		fact{"period", d.First + " to " + d.Last},
		fact{"skipped", skipped},
		fact{"written", fmt.Sprintf("%s (%s bytes)", d.File, thousands(d.Bytes))},
	)
}

// instant writes a time of the format for people and JSON.
func instant(ms int64) string { return intake.Instant(ms) }

// A wholeFile appears under its name when it is whole, or never. SPEC(IMP-2)
type wholeFile struct {
	*bufio.Writer
	f    *os.File
	name string
	kept bool
}

// createWhole begins a file that will stand at name.
func createWhole(name string) (*wholeFile, error) {
	if name == "-" {
		return nil, usagef("--out -: records are not written to standard output, name a file (or ./-)")
	}
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".tmp-*")
	if err != nil {
		var of *fs.PathError // whose path is the temporary file's
		if errors.As(err, &of) {
			err = fmt.Errorf("%s cannot be written: in %s, %w", name, filepath.Dir(name), of.Err)
		}
		return nil, err
	}
	return &wholeFile{bufio.NewWriterSize(f, 256<<10), f, name, false}, nil
}

// keep makes the file whole and durable.
func (w *wholeFile) keep() error {
	err := errors.Join(w.Flush(), w.f.Chmod(0o644), w.f.Sync(), w.f.Close())
	if err == nil {
		err = os.Rename(w.f.Name(), w.name)
	}
	if err == nil {
		w.kept = true
		err = syncDir(filepath.Dir(w.name))
	}
	return err
}

// discard removes what was not kept.
func (w *wholeFile) discard() {
	if !w.kept {
		w.f.Close()
		os.Remove(w.f.Name())
	}
}
