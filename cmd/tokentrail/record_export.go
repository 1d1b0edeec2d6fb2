package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"tokentrail/provenance"
	"tokentrail/provenance/intake"
)

type exportFlags struct {
	format  string
	index   int
	indexed bool // --index was given
	node    string
	genesis string
}

func (a *app) recordExportCommand() *cobra.Command {
	f := &exportFlags{}
	cmd := &cobra.Command{
		Use:   "export FILE|RECORD",
		Short: "Export an evaluation as an in-toto Statement",
		Long: "Export an evaluation record as an in-toto Statement v1 about the model's weights, to sign with\n" +
			"whatever signs attestations. The record is in a file of records, or on a ledger, where it is\n" +
			"named by its id (64 hex digits) or, with --node, by issuer/ref. What the node says of it is\n" +
			"checked up to the validators, from the genesis document on.",
		Example: "tokentrail record export evaluation.records --format in-toto > evaluation.intoto.json\n" +
			"tokentrail record export evaluations.records --index 3 --format in-toto\n" +
			"tokentrail record export acme/mmlu-1 --format in-toto --node http://localhost:7480",
		Args: oneArg("a file of records, or what names a record on a ledger"),
	}
	s := cmd.Flags()
	s.StringVar(&f.format, "format", "", "what to export as: in-toto")
	s.IntVar(&f.index, "index", 0, "which record of the file, from 0; needed where there are several")
	s.StringVar(&f.node, "node", "", "the node to look the record up at, as http://localhost:7480 (or "+envNode+")")
	s.StringVar(&f.genesis, "genesis", "", "the SHA-256 of the ledger's genesis document, from elsewhere than the node")
	require(cmd, "format")
	cmd.RunE = a.does(func(ctx context.Context, args []string) error {
		f.indexed = s.Changed("index")
		return a.recordExport(ctx, args[0], f)
	}, asJSON)
	return cmd
}

// onLedger reports whether what is exported is named on a ledger, not a file.
// With --node it is; with the environment's node what names no file is.
// SPEC(CLI-24)
func (a *app) onLedger(name string, f *exportFlags) bool {
	_, err := provenance.ParseRecordQuery("id", strings.ToLower(name))
	return err == nil || f.node != "" || strings.HasPrefix(name, referenceScheme) || a.env(envNode) != "" && !namesFile(name)
}

func (a *app) recordExport(ctx context.Context, name string, f *exportFlags) error {
	onLedger := a.onLedger(name, f)
	switch {
	case f.format != "in-toto":
		return usagef("--format %q: wanted in-toto", f.format)
	case onLedger && f.indexed:
		return usagef("--index is of a file; %s names a record on a ledger", name)
	case !onLedger && f.genesis != "":
		return usagef("--genesis is of a ledger; say --node URL, and name the record by its id or issuer/ref")
	case f.index < 0:
		return usagef("--index %d: records are counted from 0", f.index)
	}
	var r *provenance.Record
	var record object
	var err error
	if onLedger {
		r, record, err = a.exportFromLedger(ctx, name, f)
	} else {
		r, record, err = a.exportFromFile(name, f)
	}
	if err != nil {
		return err
	}
	statement, err := inTotoStatement(r, record)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return a.emitJSON(statement)
}

func (a *app) exportFromLedger(ctx context.Context, name string, f *exportFlags) (*provenance.Record, object, error) {
	q, err := recordQuery(name)
	if err != nil {
		return nil, nil, err
	}
	n, err := a.openLedger(ctx, f.node, f.genesis)
	if err != nil {
		return nil, nil, err
	}
	found, err := n.record(ctx, q, name)
	if err != nil {
		return nil, nil, err
	}
	return found.Record, found.place(n.origin), nil
}

func (a *app) exportFromFile(name string, f *exportFlags) (*provenance.Record, object, error) {
	in, err := a.open(name)
	if _, notNamed := recordQuery(name); errors.Is(err, fs.ErrNotExist) && notNamed == nil {
		return nil, nil, fmt.Errorf("%w; for a record on a ledger say --node URL as well", err)
	}
	if err != nil {
		return nil, nil, err
	}
	defer in.Close()
	records := intake.NewRecordsReader(in)
	var chosen *provenance.Record
	var encoding string
	for {
		r, raw, err := records.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		}
		if records.Count() == int64(f.index)+1 {
			chosen, encoding = r, hex.EncodeToString(raw)
		}
		if f.indexed && chosen != nil {
			break
		}
		if !f.indexed && records.Count() > 1 {
			return nil, nil, fmt.Errorf("%s: it holds more than one record: say which with --index, from 0", name)
		}
	}
	switch {
	case records.Count() == 0:
		return nil, nil, fmt.Errorf("%s: there is nothing in it", name)
	case chosen == nil:
		return nil, nil, fmt.Errorf("%s: it holds %s, there is no --index %d", name, plural(records.Count(), "record"), f.index)
	}
	return chosen, object{{"encoding", encoding}}, nil
}
