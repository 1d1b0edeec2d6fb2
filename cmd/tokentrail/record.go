package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"tokentrail/provenance"
	"tokentrail/provenance/intake"
)

func (a *app) recordCommand() *cobra.Command {
	return a.group("record", "Make, show and export records", a.recordShowCommand(), a.recordMakeCommand(), a.recordExportCommand())
}

// recordShowCommand is inspect, and can write what record make reads.
func (a *app) recordShowCommand() *cobra.Command {
	var lines bool
	cmd := a.inspectCommand("show FILE|-")
	cmd.Example = "tokentrail record show usage.records --limit 3\n" +
		"tokentrail record show usage.records --lines > usage.jsonl"
	cmd.Flags().BoolVar(&lines, "lines", false, "all records of a file of records and nothing else, one a line, as record make reads them")
	inspect := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if !lines {
			return inspect(cmd, args)
		}
		if cmd.Flags().Changed("limit") {
			return errors.New("--lines shows all records: leave --limit out")
		}
		return a.does(func(ctx context.Context, args []string) error { return a.recordLines(ctx, args[0]) }, asJSON)(cmd, args)
	}
	return cmd
}

// recordLines writes the records of a file as JSON Lines. SPEC(CLI-9)
func (a *app) recordLines(ctx context.Context, name string) error {
	f, err := a.open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	records := intake.NewRecordsReader(f)
	for {
		if ctx.Err() != nil {
			return couldNotf("interrupted")
		}
		r, raw, err := records.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if again, err := r.Encode(); err != nil || !bytes.Equal(again, raw) {
			return fmt.Errorf("%s: record %d holds keys that this version does not know, which have no form in JSON", name, records.Count()-1)
		}
		line, err := oneLine(intake.RecordJSON(r))
		if err == nil {
			_, err = a.stdout.Write(line)
		}
		if err != nil {
			return err
		}
	}
}

// warnRecord tells of what is likely a slip in a record, each slip once.
// SPEC(IMP-8)
func (a *app) warnRecord(r *provenance.Record, told map[string]bool) {
	country := func(path, code string) {
		if told[path+code] {
			return
		}
		told[path+code] = true
		a.warnCountry(path, code)
	}
	place := func(path string, p *provenance.Place) {
		if p != nil {
			country(path+".country", p.Country)
		}
	}
	place("serving", r.Serving)
	place("using", r.Using)
	if r.Model != nil {
		country("model.jurisdiction", r.Model.Jurisdiction)
	}
	if r.Lineage != nil {
		place("lineage.trained", r.Lineage.Trained)
	}
	if r.Dataset != nil {
		for i, s := range r.Dataset.Sources {
			country(fmt.Sprintf("dataset.sources[%d].country", i), s.Country)
		}
	}
	a.warnCodes(r, told)
}

// warnCodes tells of codes that name no jurisdiction.
func (a *app) warnCodes(r *provenance.Record, told map[string]bool) {
	warn := func(path, code, example string) {
		if !bytes.ContainsRune([]byte(code), ':') && !told[path+code] {
			told[path+code] = true
			fmt.Fprintf(a.stderr, "warning: %s: %s names no jurisdiction before a colon, as %s\n", path, printable(code), example)
		}
	}
	for _, b := range r.Basis {
		warn("basis", b.Code, "eu:46-2-c:m3")
	}
	if r.Crossing != nil {
		for _, class := range r.Crossing.Classes {
			warn("crossing.classes", class, "eu:art-9")
		}
	}
}
