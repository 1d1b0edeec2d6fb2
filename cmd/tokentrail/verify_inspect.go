package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tokentrail/provenance"
	"tokentrail/provenance/intake"
	"tokentrail/verify/inspect"
)

// inspectFlags say what an inspection looks at, and against what.
type inspectFlags struct {
	rangeFlags
	profiles   []string
	bases      []string
	boundaries []string
	energyMost int64
	watts      int64
	rules      string
	rulesOnly  bool
	mirrors    bool
}

// rangeFlags say which records are looked at.
type rangeFlags struct {
	since, until, entries   string
	providers, models, dest []string
}

func (f *rangeFlags) add(cmd *cobra.Command) {
	s := cmd.Flags()
	s.StringVar(&f.since, "since", "", "records of this time on: 2023-11-16, 2023-11-16T18:00:00Z, or 7d or 36h ago")
	s.StringVar(&f.until, "until", "", "records of before this time")
	s.StringVar(&f.entries, "entries", "", "entries of the log, as FROM:TO; TO is exclusive, either may be left out")
	s.StringSliceVar(&f.providers, "provider", nil, "only what these providers said")
	s.StringSliceVar(&f.models, "model", nil, "only records of these models")
}

// options reads the range. SPEC(VER-70)
func (f *rangeFlags) options(now time.Time) (o inspect.Options, err error) {
	o.Providers, o.Models, o.Destinations = f.providers, f.models, f.dest
	since, err := parseHour("--since", f.since, now, false)
	if err != nil {
		return o, err
	}
	until, err := parseHour("--until", f.until, now, true)
	if err != nil {
		return o, err
	}
	if !since.IsZero() {
		o.Since = since.UnixMilli()
	}
	if !until.IsZero() {
		o.Until = until.UnixMilli()
	}
	if f.entries != "" {
		from, to, is := strings.Cut(f.entries, ":")
		if o.From, err = entryNumber(from); err == nil {
			o.To, err = entryNumber(to)
		}
		if !is || err != nil {
			return o, usagef("--entries %q: wanted FROM:TO, numbers of entries", f.entries)
		}
	}
	return o, nil
}

// entryNumber reads the number of an entry; none is 0.
func entryNumber(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 10, 63)
	return int64(n), err
}

func (a *app) verifyInspectCommand() *cobra.Command {
	audit, f := &verifyFlags{}, &inspectFlags{}
	cmd := &cobra.Command{
		Use:   "inspect",
		Short: "Audit a ledger, and look at what providers said on it",
		Long: "Audit a ledger as verify does, and look at what the ledger rightly keeps and may still be wrong:\n" +
			"what is not labelled where a law asks for it, labels that deny themselves, transfers without a\n" +
			"legal basis or with one that expired, energy that no accelerator could draw, and rules of your own.\n" +
			"Only what the log holds under the trusted root is told; each finding speaks against a provider.\n\n" +
			"Rules are a YAML or JSON file: format: 1, and rules with id, says, when (optional) and expect, in\n" +
			"CEL over record (as record show has it), statement and entry. Ask for what may be absent with has().\n\n" +
			"Exit codes: 0 holds, 1 evidence against, 2 could not check, 3 trust expired, 64 usage.",
		Example: "tokentrail verify inspect --node http://localhost:7480 --since 2026-01-01 --to FR,DE\n" +
			"tokentrail verify inspect --node http://localhost:7480 --rules house.yaml --rules-only \\\n" +
			"  --providers notice --output markdown",
		Args: a.noArgs,
	}
	s := cmd.Flags()
	audit.add(cmd)
	f.rangeFlags.add(cmd)
	s.StringSliceVar(&f.dest, "to", nil, "only records of tokens that are used in these countries")
	s.StringSliceVar(&f.profiles, "profile", nil, "label profiles to hold records against, as label profiles lists them (all whose law is of the destination)")
	s.StringSliceVar(&f.bases, "basis", nil, "legal bases that are known too")
	s.StringSliceVar(&f.boundaries, "boundary", nil, "boundaries of energy that are accepted: "+strings.Join(boundaryNames(), ", ")+" (all)")
	s.Int64Var(&f.energyMost, "energy-most", 0, "most energy for 1,000 tokens, in µWh (what the ledger's policy says)")
	s.Int64Var(&f.watts, "watts", 0, "most that an accelerator of unknown type draws (2,000)")
	s.StringVar(&f.rules, "rules", "", "file of rules of your own, in CEL")
	s.BoolVar(&f.rulesOnly, "rules-only", false, "look by these alone")
	s.BoolVar(&f.mirrors, "mirrors", false, "hold both sides of crossings against each other too")
	cmd.RunE = a.does(func(ctx context.Context, _ []string) error {
		if err := audit.check(cmd); err != nil {
			return err
		}
		o, err := a.inspectOptions(f)
		if err != nil {
			return err
		}
		return a.inspected(ctx, audit, o)
	}, reportForms()...)
	return cmd
}

// inspected audits with an inspector. SPEC(CLI-93)
func (a *app) inspected(ctx context.Context, audit *verifyFlags, o inspect.Options) error {
	in, err := inspect.New(o)
	var wrong *inspect.OptionError
	switch {
	case errors.As(err, &wrong):
		return usagef("--%s: %w", wrong.Option, wrong.Err)
	case err != nil:
		return err
	}
	audit.inspect = in
	return a.verify(ctx, audit)
}

// inspectOptions reads the flags and the file of rules.
func (a *app) inspectOptions(f *inspectFlags) (inspect.Options, error) {
	o, err := f.options(time.Now())
	if err != nil {
		return o, err
	}
	o.Profiles, o.Bases, o.EnergyMost, o.Watts, o.Skip = f.profiles, f.bases, f.energyMost, f.watts, f.rulesOnly
	for _, code := range f.dest {
		if err := checkCountry("to", code); err != nil {
			return o, err
		}
	}
	if f.rulesOnly && f.rules == "" {
		return o, usagef("--rules-only is of --rules FILE")
	}
	names := boundaryNames()
	for _, b := range f.boundaries {
		i := slices.Index(names, b)
		if i < 0 {
			return o, usagef("--boundary %q: wanted one of %s", b, strings.Join(names, ", "))
		}
		o.Boundaries = append(o.Boundaries, int64(i)+1)
	}
	if f.mirrors {
		o.Mirrors = &inspect.MirrorOptions{Spill: spillFile}
	}
	if f.rules != "" {
		if o.Rules, err = a.rules(f.rules); err != nil {
			return o, err
		}
	}
	return o, nil
}

// boundaryNames are the boundaries of energy in words, in the order of their numbers.
func boundaryNames() []string { return intake.Words("Energy.Boundary") }

// rules reads a file of rules; what is wrong with it is a matter of usage.
// SPEC(CLI-93)
func (a *app) rules(name string) (*inspect.Rules, error) {
	file, err := a.open(name)
	if err != nil {
		return nil, usagef("--rules: %w", err)
	}
	defer file.Close()
	b, err := io.ReadAll(io.LimitReader(file, inspect.MaxRuleFile+1))
	if err != nil {
		return nil, usagef("--rules: %w", err)
	}
	rules, err := inspect.ParseRules(b)
	if err != nil {
		return nil, usagef("--rules %s: %w", name, err)
	}
	return rules, nil
}

// checkCountry refuses what is no country's code.
func checkCountry(flag, code string) error {
	if code != "" && !provenance.ValidCountry(code) {
		return usagef("--%s %q: wanted a country, two letters A-Z (ISO 3166-1), ZZ where unknown", flag, code)
	}
	return nil
}

// within wants a duration that is not below 0.
func within(flag string, d time.Duration) error {
	if d < 0 {
		return usagef("--%s %s: wanted no less than 0", flag, d)
	}
	return nil
}

// partsPerMillion reads a percentage such as 0.5, to four places.
func partsPerMillion(flag, text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	f, err := strconv.ParseFloat(strings.TrimSuffix(text, "%"), 64)
	if err != nil || !(f >= 0 && f <= 100) {
		return 0, usagef("--%s %q: wanted a percentage from 0 to 100, as 0.5", flag, text)
	}
	return int64(f*10_000 + 0.5), nil
}

// percentOf writes parts per million as percent; nothing where there are none.
func percentOf(parts *int64) string {
	if parts == nil {
		return ""
	}
	return fmt.Sprintf("%.4f", float64(*parts)/10_000)
}
