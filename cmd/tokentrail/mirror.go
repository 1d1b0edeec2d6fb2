package main

import (
	"context"
	"encoding/csv"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"tokentrail/verify"
	"tokentrail/verify/inspect"
)

type mirrorFlags struct {
	rangeFlags
	from, to  string
	apart     time.Duration
	tolerance string
}

func (a *app) mirrorCommand() *cobra.Command {
	audit, f := &verifyFlags{}, &mirrorFlags{}
	cmd := &cobra.Command{
		Use:   "mirror",
		Short: "Hold both sides of what crossed a border against each other",
		Long: "Audit a ledger as verify does, and match what exporters recorded with what importers did, by the\n" +
			"crossing's id or by the mirror that one of them names. By pair of countries: what matches, what is\n" +
			"unequal and by how much, what only one side recorded.\n\n" +
			"Output tokens flow from where the model runs (--from) to where they are used (--to), input tokens\n" +
			"back. What was corrected counts as corrected. Both sides are compared by places, model, usage and time.\n\n" +
			"Exit codes: 0 holds, 1 evidence against, 2 could not check, 3 trust expired, 64 usage.",
		Example: "tokentrail mirror --node http://localhost:7480 --from US --to CN --since 30d\n" +
			"tokentrail mirror --node http://localhost:7480 --tolerance 0.5 --output csv",
		Args: a.noArgs,
	}
	s := cmd.Flags()
	audit.add(cmd)
	f.rangeFlags.add(cmd)
	s.StringVar(&f.from, "from", "", "country where the model runs")
	s.StringVar(&f.to, "to", "", "country where the tokens are used")
	s.DurationVar(&f.apart, "within", 0, "how far apart both sides' times may be (10m)")
	s.StringVar(&f.tolerance, "tolerance", "", "how far apart amounts may be, in percent of the exporter's (0)")
	cmd.RunE = a.does(func(ctx context.Context, _ []string) error {
		if err := audit.check(cmd); err != nil {
			return err
		}
		o, err := f.options()
		if err != nil {
			return err
		}
		if a.output == asCSV {
			audit.show = a.mirrorsCSV
		}
		return a.inspected(ctx, audit, o)
	}, asText, asJSON, asCSV, asMarkdown)
	return cmd
}

// options reads the flags.
func (f *mirrorFlags) options() (inspect.Options, error) {
	o, err := f.rangeFlags.options(time.Now())
	if err != nil {
		return o, err
	}
	for flag, code := range map[string]string{"from": f.from, "to": f.to} {
		if err := checkCountry(flag, code); err != nil {
			return o, err
		}
	}
	if err := within("within", f.apart); err != nil {
		return o, err
	}
	tolerance, err := partsPerMillion("tolerance", f.tolerance)
	o.Skip = true
	o.Mirrors = &inspect.MirrorOptions{From: f.from, To: f.to, Within: f.apart, Tolerance: tolerance, Spill: spillFile}
	return o, err
}

// mirrorsCSV writes a row for each pair of countries and outcome. What does not hold
// is told on standard error, and by the exit code. SPEC(CLI-94)
func (a *app) mirrorsCSV(r *verify.Report) error {
	if r.Exit() != exitOK {
		if err := r.WriteText(a.stderr); err != nil {
			return err
		}
	}
	out := csv.NewWriter(a.stdout)
	rows := [][]string{{"from", "to", "outcome", "records", "exporter_input", "importer_input", "exporter_output", "importer_output", "input_difference_percent", "output_difference_percent"}}
	if r.Coverage != nil && r.Coverage.Mirrors != nil {
		for i := range r.Coverage.Mirrors.Pairs {
			rows = append(rows, mirrorRows(&r.Coverage.Mirrors.Pairs[i])...)
		}
	}
	return out.WriteAll(rows)
}

// mirrorRows are those of a pair: one for each outcome, and one for the pairs'
// difference.
func mirrorRows(p *verify.MirrorPair) (rows [][]string) {
	for _, part := range []struct {
		outcome string
		a       *verify.MirrorAmount
	}{{"matched", &p.Matched}, {"unequal", &p.Unequal}, {"only-exporters", &p.Exporters}, {"only-importers", &p.Importers}, {"ambiguous", &p.Ambiguous}} {
		rows = append(rows, []string{p.From, p.To, part.outcome, strconv.FormatInt(part.a.Records, 10), part.a.ExporterInput.String(), part.a.ImporterInput.String(),
			part.a.ExporterOutput.String(), part.a.ImporterOutput.String(), "", ""})
	}
	return append(rows, []string{p.From, p.To, "difference", "", "", "", "", "", percentOf(p.InputDifference), percentOf(p.OutputDifference)})
}
