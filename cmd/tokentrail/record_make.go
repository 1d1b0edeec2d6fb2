package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tokentrail/provenance"
	"tokentrail/provenance/intake"
)

// makeDoc is what record make answers.
type makeDoc struct {
	Format  int              `json:"format"`
	File    string           `json:"file"`
	Records int64            `json:"records"`
	Kinds   map[string]int64 `json:"kinds"`
	First   string           `json:"first,omitempty"`
	Last    string           `json:"last,omitempty"`
	Bytes   int64            `json:"bytes"`
}

func (a *app) recordMakeCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "make FILE.json|-",
		Short: "Make a file of records out of JSON",
		Long: "Make a file of records out of JSON: one object, an array of objects, or JSON Lines, in the form\n" +
			"that tokentrail record show gives a record. The output is for tokentrail submit; it is written\n" +
			"whole or not at all. Digests are sha256: and hex, times RFC 3339 or milliseconds, decimals\n" +
			"strings, parents record ids or an issuer with a ref, which may be written as text:NAME.\n" +
			"All names: spec/client.md, Records as JSON.\n\n" + exampleRecords,
		Example: "tokentrail record make model.json --out model.records\n" +
			"tokentrail record show usage.records --lines | jq -c 'select(.kind == \"transfer\")' |\n" +
			"  tokentrail record make - --out transfers.records",
		Args: oneArg("a JSON file, or - for standard input"),
	}
	cmd.Flags().StringVar(&out, "out", "", "file of records to write")
	require(cmd, "out")
	cmd.RunE = a.does(func(ctx context.Context, args []string) error { return a.recordMake(ctx, args[0], out) }, asTable, asJSON)
	return cmd
}

// exampleRecords are shown by --help, and hold.
const exampleRecords = `A model, a dataset and an evaluation:

  {"kind": "model", "time": "2023-07-18T00:00:00Z", "ref": "text:example-7b",
   "parents": [{"issuer": "acme", "ref": "text:web-2023"}],
   "model": {"name": "example-7b", "developer": "acme", "jurisdiction": "US",
     "digest": "sha256:e7a3b8c9d0f1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b",
     "known": "asserted"},
   "energy": {"micro_watt_hours": 74000000000000, "method": "modelled",
     "boundary": "and facility overhead", "pue": 1100},
   "lineage": {"stage": "pre-training", "compute": "8.4e22",
     "method": "from architecture and tokens", "parameters": 7000000000}}

  {"kind": "dataset", "time": "2023-05-01T00:00:00Z", "ref": "text:web-2023",
   "dataset": {"name": "web-2023",
     "digest": "sha256:0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0",
     "sources": [{"kind": "public web", "reference": "crawl of March 2023"},
       {"kind": "synthetic"}],
     "synthetic_share": 15000, "raw_tokens": 9000000000, "clean_tokens": 2100000000}}

  {"kind": "evaluation", "time": "2023-08-02T09:30:00Z",
   "parents": [{"issuer": "acme", "ref": "text:example-7b"}],
   "model": {"name": "example-7b", "known": "asserted",
     "digest": "sha256:e7a3b8c9d0f1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b"},
   "evaluation": {
     "dataset": {"name": "mmlu", "split": "test",
       "digest": "sha256:a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90"},
     "harness": {"name": "lm-evaluation-harness", "version": "0.4.2",
       "commit": "4600d6bf39275fef2ff4a7a2f4c4d3eb0a1b2c3d"},
     "decoding": {"temperature": "0.0", "top_p": "1"}, "seed": 1234,
     "n": 14042, "metric": "acc", "value": "0.689",
     "interval": {"low": "0.681", "high": "0.697", "level": 950000},
     "evaluator": {"name": "Evaluation lab", "interest": "none"},
     "contamination": "not looked for"}}`

// recordMake makes the file, or none. SPEC(CLI-9)
func (a *app) recordMake(ctx context.Context, name, outName string) error {
	in, err := a.open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := createWhole(outName)
	if err != nil {
		return err
	}
	defer out.discard()
	doc := &makeDoc{Format: outputFormat, Kinds: map[string]int64{}}
	a.failure = doc
	if err := a.makeRecords(ctx, in, out, doc); err != nil {
		return fmt.Errorf("%s: %w; %s was not written", name, err, outName)
	}
	if doc.Records == 0 {
		return fmt.Errorf("%s: no records in it; %s was not written", name, outName)
	}
	if err := out.keep(); err != nil {
		return err
	}
	doc.File = outName
	return a.emit(doc, doc.write)
}

// makeRecords writes the encodings of all records and counts them.
func (a *app) makeRecords(ctx context.Context, in io.Reader, out io.Writer, doc *makeDoc) error {
	records := intake.NewRecordsJSONReader(in)
	records.Latest = time.Now().Add(intake.FutureTime)
	told := map[string]bool{}
	var first, last int64
	for {
		if ctx.Err() != nil {
			return couldNotf("interrupted")
		}
		r, raw, err := records.Next()
		if errors.Is(err, io.EOF) {
			if doc.Records > 0 {
				doc.First, doc.Last = instant(first), instant(last)
			}
			return nil
		}
		if err != nil {
			return err
		}
		a.warnRecord(r, told)
		if _, err := out.Write(raw); err != nil {
			return err
		}
		if doc.Records == 0 {
			first, last = r.Time, r.Time
		}
		first, last = min(first, r.Time), max(last, r.Time)
		doc.Records++
		doc.Bytes += int64(len(raw))
		doc.Kinds[r.Kind.String()]++
	}
}

func (d *makeDoc) write(w io.Writer) error {
	var kinds []string
	for k := provenance.Production; k <= provenance.Corrected; k++ {
		if n := d.Kinds[k.String()]; n > 0 {
			kinds = append(kinds, thousands(n)+" "+k.String())
		}
	}
	return facts(w,
		fact{"records", thousands(d.Records)},
		fact{"kinds", strings.Join(kinds, ", ")},
		fact{"period", d.First + " to " + d.Last},
		fact{"written", fmt.Sprintf("%s (%s bytes)", d.File, thousands(d.Bytes))},
	)
}
